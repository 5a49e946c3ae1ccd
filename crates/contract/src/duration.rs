//! Lengths of time as the contract writes them: `30d`, `12h`.

use std::time::Duration;

use diag::{Diagnostic, Diagnostics};

use crate::codes;
use crate::read::Text;

const UNITS: [(char, u64); 4] = [('s', 1), ('m', 60), ('h', 3_600), ('d', 86_400)];

/// Nobody plans further, and dates do not reach much further either.
const DAYS_MAX: u64 = 36_500;

/// `30d`
pub fn read(text: Text<'_>, out: &mut Diagnostics) -> Option<Duration> {
    let written = text.as_str();
    let mut digits = written.chars();
    let unit = digits.next_back();
    let number = digits.as_str();
    let seconds = UNITS
        .iter()
        .find(|(name, _)| Some(*name) == unit)
        .map(|(_, seconds)| *seconds);
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    if let Some(seconds) = seconds
        && is_number
        && let Some(whole) = number
            .parse::<u64>()
            .ok()
            .and_then(|number| number.checked_mul(seconds))
            .filter(|whole| (1..=DAYS_MAX * 86_400).contains(whole))
    {
        return Some(Duration::from_secs(whole));
    }
    let found = Diagnostic::error(
        codes::DURATION,
        text.span(),
        format!("`{written}` is not a length of time"),
    );
    let zero = is_number && number.bytes().all(|digit| digit == b'0');
    out.push(if zero && seconds.is_some() {
        found
            .label("no time at all")
            .help("write for example `30d`; if there is to be none, delete the key")
    } else if is_number && seconds.is_some() {
        found
            .label(format!("between 1 second and {DAYS_MAX} days"))
            .help("write for example `30d`")
    } else {
        found
            .label("a whole number and `s`, `m`, `h` or `d`")
            .help("write for example `30d` for thirty days, `12h` for twelve hours")
    });
    None
}

/// As it is written in a contract: in the largest unit that says it exactly.
pub fn print(seconds: u32) -> String {
    let seconds = u64::from(seconds);
    let fitting = UNITS.iter().rev().find(|(_, unit)| seconds % unit == 0);
    let (name, unit) = fitting.unwrap_or(&UNITS[0]);
    format!("{}{name}", seconds / unit)
}
