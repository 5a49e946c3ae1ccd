//! Events as JSON, one a line: `{"timestamp":…,"level":…,"message":…, the event's fields}`.
//!
//! Written straight into bytes: there is one for every request, and whatever it costs every
//! request pays.

use std::cell::RefCell;
use std::fmt::{self, Write as _};
use std::io::Write as _;

use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use super::buffer::Buffer;

/// Writes every event it is given as a line into a buffer.
pub struct Lines(pub &'static Buffer);

thread_local! {
    /// The line being written, kept so that it is not allocated for each.
    static LINE: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

impl<S: Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        LINE.with(|line| {
            // Taken by a line that is being written only if writing it logs, which it does not.
            let Ok(mut line) = line.try_borrow_mut() else {
                return;
            };
            line.clear();
            write_event(event, &mut line);
            // Into memory: it cannot fail.
            let _ = { self.0 }.write_all(&line);
        });
    }
}

fn write_event(event: &Event<'_>, line: &mut Vec<u8>) {
    line.extend_from_slice(b"{\"timestamp\":\"");
    frontdesk::now().write_into(line);
    line.extend_from_slice(b"\",\"level\":\"");
    line.extend_from_slice(event.metadata().level().as_str().as_bytes());
    line.push(b'"');
    event.record(&mut Members(line));
    line.extend_from_slice(b"}\n");
}

/// Writes each field as a member.
struct Members<'a>(&'a mut Vec<u8>);

impl Members<'_> {
    fn name(&mut self, field: &Field) {
        self.0.extend_from_slice(b",\"");
        self.0.extend_from_slice(field.name().as_bytes());
        self.0.extend_from_slice(b"\":");
    }
}

impl Visit for Members<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.name(field);
        value::json::write_string(value, self.0);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.name(field);
        self.0
            .extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.name(field);
        self.0
            .extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.name(field);
        let word: &[u8] = if value { b"true" } else { b"false" };
        self.0.extend_from_slice(word);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.name(field);
        self.0.push(b'"');
        // Writing into memory cannot fail.
        let _ = write!(Escaped(self.0), "{value:?}");
        self.0.push(b'"');
    }
}

/// Text on its way into a JSON string.
struct Escaped<'a>(&'a mut Vec<u8>);

impl fmt::Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        value::json::write_escaped(text, self.0);
        Ok(())
    }
}
