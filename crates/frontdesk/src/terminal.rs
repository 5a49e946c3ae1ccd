//! Talking to a person: what is asked for on the standard output, everything else on the
//! standard error. Colours only where somebody looks, and never under `NO_COLOR`.

use std::fmt::Display;
use std::io::{IsTerminal, Write};

use anstyle::{AnsiColor, Style};

pub const STRONG: Style = Style::new().bold();
pub const QUIET: Style = Style::new().dimmed();
pub const GOOD: Style = AnsiColor::Green.on_default();
pub const BAD: Style = AnsiColor::Red.on_default().bold();
pub const CAREFUL: Style = AnsiColor::Yellow.on_default();
pub const LINK: Style = AnsiColor::Cyan.on_default();

/// A text in a style.
pub fn styled(style: Style, text: impl Display) -> String {
    format!("{style}{text}{style:#}")
}

/// Writes to the standard output. That nobody reads it any more is no error of ours.
pub fn say(text: impl Display) {
    let mut out = anstream::stdout().lock();
    let _ = writeln!(out, "{text}");
    let _ = out.flush();
}

/// Writes to the standard error.
pub fn tell(text: impl Display) {
    let _ = writeln!(anstream::stderr().lock(), "{text}");
}

/// An error, with what to do about it.
pub fn tell_error(what: impl Display, help: Option<&str>) {
    tell(format!("{}: {what}", styled(BAD, "error")));
    if let Some(help) = help {
        tell(format!("  {}: {help}", styled(LINK, "help")));
    }
}

/// Something to know that stops nobody.
pub fn tell_warning(what: impl Display) {
    tell(format!("{}: {what}", styled(CAREFUL, "warning")));
}

/// Whether the standard error shows colours.
pub fn is_colourful() -> bool {
    anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never
}

/// Whether a person reads what goes to the standard error.
pub fn is_watched() -> bool {
    std::io::stderr().is_terminal()
}

/// `1 step`, `2 steps`.
pub fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}
