//! The log: JSON lines for programs, short lines for a person. Always on the standard error.
//!
//! Lines are gathered for a moment and written together ([`buffer`]), since a system call for
//! each request would be a good part of what a request costs.

mod buffer;
mod json;

use std::fmt;
use std::sync::OnceLock;

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

use buffer::Buffer;
use json::Lines;

use crate::terminal::{self, BAD, CAREFUL, GOOD, QUIET};

/// Starts the log. `filter` is what `FRONTDESK_LOG` says, such as `info` or `warn,rest=debug`.
///
/// # Errors
/// When the filter cannot be read, or there is a log already.
pub fn start(filter: &str) -> Result<(), String> {
    let filter = EnvFilter::builder()
        .parse(filter)
        .map_err(|error| format!("`{filter}` is no filter for the log: {error}"))?;
    let started = if terminal::is_watched() {
        tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_ansi(terminal::is_colourful())
            .with_writer(std::io::stderr)
            .event_format(Short)
            .try_init()
            .is_ok()
    } else {
        let lines = Lines(BUFFER.get_or_init(Buffer::start));
        tracing_subscriber::registry()
            .with(filter)
            .with(lines)
            .try_init()
            .is_ok()
    };
    if started {
        Ok(())
    } else {
        Err("there is a log already".to_owned())
    }
}

/// Writes out what has been said; to be called before the process ends.
pub fn flush() {
    if let Some(buffer) = BUFFER.get() {
        buffer.flush();
    }
}

static BUFFER: OnceLock<Buffer> = OnceLock::new();

/// `12:03:44  GET    /v1/books  200  0.8 ms`
struct Short;

impl<S, N> FormatEvent<S, N> for Short
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let plain = !writer.has_ansi_escapes();
        let styled = |style, text: &str| match plain {
            true => text.to_owned(),
            false => terminal::styled(style, text),
        };
        write!(writer, "{}  ", styled(QUIET, &clock()))?;
        if let (Some(method), Some(path)) = (fields.take("method"), fields.take("path")) {
            let status = fields.take("status");
            let style = match status.as_deref().and_then(|status| status.chars().next()) {
                Some('5') | None => BAD,
                Some('4') => CAREFUL,
                _ => GOOD,
            };
            let status = status.unwrap_or_else(|| "gone".to_owned());
            let time = fields
                .take("us")
                .and_then(|us| us.parse::<f64>().ok())
                .unwrap_or(0.0);
            let caller = fields.take("caller").unwrap_or_default();
            let millis = format!("{:.1} ms", time / 1000.0);
            return writeln!(
                writer,
                "{method:<6} {path}  {}  {}  {}",
                styled(style, &status),
                styled(QUIET, &millis),
                styled(QUIET, &caller),
            );
        }
        let level = *event.metadata().level();
        if level <= Level::WARN {
            let style = if level == Level::ERROR { BAD } else { CAREFUL };
            write!(
                writer,
                "{}: ",
                styled(style, &level.as_str().to_ascii_lowercase())
            )?;
        }
        write!(writer, "{}", fields.take("message").unwrap_or_default())?;
        for (name, value) in fields.0 {
            write!(writer, "  {}", styled(QUIET, &format!("{name}={value}")))?;
        }
        writeln!(writer)
    }
}

/// The time of day, in UTC.
fn clock() -> String {
    let seconds = frontdesk::now().millis() / 1000;
    let (hours, minutes) = (seconds / 3600 % 24, seconds / 60 % 60);
    format!("{hours:02}:{minutes:02}:{:02}", seconds % 60)
}

#[derive(Default)]
struct Fields(Vec<(&'static str, String)>);

impl Fields {
    fn take(&mut self, name: &str) -> Option<String> {
        let at = self.0.iter().position(|(known, _)| *known == name)?;
        Some(self.0.remove(at).1)
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.push((field.name(), value.to_owned()));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.push((field.name(), format!("{value:?}")));
    }
}
