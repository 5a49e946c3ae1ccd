//! JSON as YAML 1.2, for people who would rather read that.
//!
//! Block style, in the order of the members. Plain scalars only where YAML 1.1 and 1.2 agree that
//! they are strings; everything else is quoted, so no reader takes a `no` for false.

use std::fmt::Write;

use serde_json::Value as Json;

/// Longest key that may stand before its colon as it is (YAML 1.2.2 section 7.4.2 says 1024).
const KEY_CHARACTERS_MAX: usize = 1000;

/// The whole of a file.
pub fn write(json: &Json) -> String {
    let mut out = String::new();
    match json {
        Json::Object(members) if !members.is_empty() => mapping(members, 0, &mut out),
        Json::Array(items) if !items.is_empty() => sequence(items, 0, &mut out),
        other => {
            inline(other, 0, &mut out);
            out.push('\n');
        }
    }
    out
}

fn mapping(members: &serde_json::Map<String, Json>, indent: usize, out: &mut String) {
    let mut first = true;
    for (name, member) in members {
        // The first line of a mapping in a sequence stands behind the dash.
        if !first || !out.ends_with("- ") {
            pad(indent, out);
        }
        first = false;
        let mut key = String::new();
        scalar(name, &mut key);
        if key.chars().count() > KEY_CHARACTERS_MAX {
            out.push_str("? ");
            out.push_str(&key);
            out.push('\n');
            pad(indent, out);
        } else {
            out.push_str(&key);
        }
        out.push(':');
        value(member, indent, out);
    }
}

fn sequence(items: &[Json], indent: usize, out: &mut String) {
    for item in items {
        if !out.ends_with("- ") {
            pad(indent, out);
        }
        out.push_str("- ");
        match item {
            Json::Object(members) if !members.is_empty() => mapping(members, indent + 2, out),
            Json::Array(items) if !items.is_empty() => sequence(items, indent + 2, out),
            other => {
                inline(other, indent, out);
                out.push('\n');
            }
        }
    }
}

/// What stands after the colon of a key.
fn value(json: &Json, indent: usize, out: &mut String) {
    match json {
        Json::Object(members) if !members.is_empty() => {
            out.push('\n');
            mapping(members, indent + 2, out);
        }
        Json::Array(items) if !items.is_empty() => {
            out.push('\n');
            sequence(items, indent + 2, out);
        }
        other => {
            out.push(' ');
            inline(other, indent, out);
            out.push('\n');
        }
    }
}

/// Scalars and what is empty.
fn inline(json: &Json, indent: usize, out: &mut String) {
    match json {
        Json::Null => out.push_str("null"),
        Json::Bool(truth) => out.push_str(if *truth { "true" } else { "false" }),
        Json::Number(number) => out.push_str(&number_text(&number.to_string())),
        Json::String(text) if is_block(text) => block(text, indent + 2, out),
        Json::String(text) => scalar(text, out),
        Json::Array(_) => out.push_str("[]"),
        Json::Object(_) => out.push_str("{}"),
    }
}

/// Readers of YAML 1.1 know floats by their point and the sign of their exponent.
fn number_text(text: &str) -> String {
    let Some((mantissa, exponent)) = text.split_once(['e', 'E']) else {
        return text.to_owned();
    };
    let point = if mantissa.contains('.') { "" } else { ".0" };
    let sign = if exponent.starts_with(['+', '-']) {
        ""
    } else {
        "+"
    };
    format!("{mantissa}{point}e{sign}{exponent}")
}

fn pad(indent: usize, out: &mut String) {
    out.extend(std::iter::repeat_n(' ', indent));
}

fn scalar(text: &str, out: &mut String) {
    if is_plain(text) {
        out.push_str(text);
    } else {
        quoted(text, out);
    }
}

/// Whether a text can stand as it is, and nobody takes it for anything but a string.
fn is_plain(text: &str) -> bool {
    const OTHER_THINGS: [&str; 8] = ["null", "true", "false", "yes", "no", "on", "off", "y"];
    let starts =
        text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/' || c == '$' || c == '_');
    let inside = |c: char| c.is_ascii_alphanumeric() || " _-./$+()".contains(c);
    starts
        && text.chars().all(inside)
        && !text.ends_with(' ')
        && !text.eq_ignore_ascii_case("n")
        && !OTHER_THINGS
            .iter()
            .any(|word| text.eq_ignore_ascii_case(word))
}

/// Whether a text of several lines can stand as a literal block, line by line as it is.
fn is_block(text: &str) -> bool {
    text.contains('\n')
        && !text.starts_with([' ', '\n'])
        && !text.ends_with('\n')
        && text.lines().all(|line| !line.ends_with([' ', '\t']))
        && text.chars().all(|c| c == '\n' || is_printable(c))
}

fn block(text: &str, indent: usize, out: &mut String) {
    out.push_str("|-");
    for line in text.split('\n') {
        out.push('\n');
        if !line.is_empty() {
            pad(indent, out);
            out.push_str(line);
        }
    }
}

/// Of YAML's printable characters those that no reader changes.
fn is_printable(c: char) -> bool {
    matches!(c, ' '..='~' | '\u{a0}'..='\u{2027}' | '\u{202a}'..='\u{d7ff}' | '\u{e000}'..='\u{fefe}'
        | '\u{ff00}'..='\u{fffd}' | '\u{10000}'..='\u{10ffff}')
}

fn quoted(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if is_printable(c) => out.push(c),
            c if u32::from(c) > 0xffff => {
                write!(out, "\\U{:08x}", u32::from(c)).expect("writing to a string does not fail");
            }
            c => write!(out, "\\u{:04x}", u32::from(c)).expect("writing to a string does not fail"),
        }
    }
    out.push('"');
}
