//! The log: JSON lines for programs, short lines for a person. Always on the standard error.
//!
//! Lines are gathered for a moment and written together ([`sink`]), since a system call for
//! each request would be a good part of what a request costs.

mod json;
mod sink;

mod buffer;

use std::fmt::{self, Write};
use std::sync::OnceLock;

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use buffer::Buffer;

use crate::terminal::{self, BAD, CAREFUL, GOOD, QUIET};

/// Starts the log. `filter` is what `FRONTDESK_LOG` says, such as `info` or `warn,rest=debug`.
///
/// # Errors
/// When the filter cannot be read.
pub fn start(filter: &str) -> Result<(), String> {
    let filter = EnvFilter::builder()
        .parse(filter)
        .map_err(|error| format!("`{filter}` is no filter for the log: {error}"))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter);
    // Fails only when there is a log already, which there is not.
    let _ = if terminal::is_watched() {
        builder
            .with_ansi(terminal::is_colourful())
            .with_writer(std::io::stderr)
            .event_format(Short)
            .try_init()
    } else {
        let buffer = BUFFER.get_or_init(Buffer::start);
        builder
            .with_ansi(false)
            .with_writer(move || buffer)
            .event_format(Lines)
            .try_init()
    };
    Ok(())
}

/// Writes what has been gathered. To be called before the process ends.
pub fn flush() {
    sink::flush();
}

/// Writes out what has been said; to be called before the process ends.
pub fn flush() {
    if let Some(buffer) = BUFFER.get() {
        buffer.flush();
    }
}

static BUFFER: OnceLock<Buffer> = OnceLock::new();

/// `{"timestamp":"…","level":"INFO","message":"answered","method":"GET",…}`
struct Lines;

impl<S, N> FormatEvent<S, N> for Lines
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
        let level = event.metadata().level();
        write!(
            writer,
            "{{\"timestamp\":\"{}\",\"level\":\"{level}\"",
            frontdesk::now()
        )?;
        let mut members = Members {
            writer: &mut writer,
            result: Ok(()),
        };
        event.record(&mut members);
        members.result?;
        writer.write_str("}\n")
    }
}

/// Writes each field as a member of a JSON object.
struct Members<'a, 'w> {
    writer: &'a mut Writer<'w>,
    result: fmt::Result,
}

impl Members<'_, '_> {
    fn plain(&mut self, field: &Field, value: impl fmt::Display) {
        if self.result.is_ok() {
            self.result = write!(self.writer, ",\"{}\":{value}", field.name());
        }
    }

    fn text(&mut self, field: &Field, text: &str) {
        if self.result.is_ok() {
            self.result = write!(self.writer, ",\"{}\":\"", field.name())
                .and_then(|()| escape(self.writer, text))
                .and_then(|()| self.writer.write_char('"'));
        }
    }
}

impl Visit for Members<'_, '_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.plain(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.plain(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.plain(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.text(field, &format!("{value:?}"));
    }
}

/// The inside of a JSON string.
fn escape(writer: &mut Writer<'_>, text: &str) -> fmt::Result {
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c < ' ' || c == '"' || c == '\\') {
        writer.write_str(&rest[..at])?;
        let c = char::from(rest.as_bytes()[at]);
        match c {
            '"' | '\\' => write!(writer, "\\{c}")?,
            c => write!(writer, "\\u{:04x}", u32::from(c))?,
        }
        rest = &rest[at + 1..];
    }
    writer.write_str(rest)
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_logged_is_json() {
        for text in [
            "",
            "plain",
            "a \"quote\" and a \\",
            "\u{1b}[31m\n\t\0é\u{7f}",
            "\\\\\"",
        ] {
            let mut line = String::from("\"");
            escape(&mut Writer::new(&mut line), text).unwrap();
            line.push('"');
            assert_eq!(
                serde_json::from_str::<String>(&line).unwrap(),
                text,
                "{line}"
            );
        }
    }
}
