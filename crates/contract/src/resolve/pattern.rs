//! `pattern:` as JSON Schema means it, on an engine whose time is linear in the text.

use model::Pattern;
use regex::RegexBuilder;

/// Longer patterns are grammars, and belong into a parser.
pub const PATTERN_CHARS_MAX: usize = 1_000;
/// A compiled pattern: generous for lengths like `{1,300}`, small enough for thousands of fields.
const COMPILED_BYTES_MAX: usize = 2 << 20;

/// Compiles a pattern, or says what is wrong with it and how to mend it.
pub fn compile(source: &str) -> Result<Pattern, (String, String)> {
    if source.chars().count() > PATTERN_CHARS_MAX {
        return Err((
            "the pattern is too long".to_owned(),
            format!("a pattern has at most {PATTERN_CHARS_MAX} characters"),
        ));
    }
    if let Some((inside, flags)) = between_slashes(source) {
        let case = match flags.contains('i') {
            true => ", with both cases spelled out, as in `[A-Za-z]`",
            false => "",
        };
        return Err((
            "the slashes are part of the pattern: no text fits it".to_owned(),
            format!(
                "write it without them: {}{case}",
                crate::yaml::quoted(inside)
            ),
        ));
    }
    let regex = RegexBuilder::new(&ascii_classes(source))
        .size_limit(COMPILED_BYTES_MAX)
        .build()
        .map_err(|error| explain(source, &error))?;
    Ok(Pattern {
        source: source.to_owned(),
        regex,
    })
}

/// JSON Schema's `\d` and `\w` mean ASCII; the engine's would take every script's digits.
fn ascii_classes(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut in_class = false;
    let mut chars = source.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match (chars.next(), in_class) {
                (Some('d'), true) => out.push_str("0-9"),
                (Some('d'), false) => out.push_str("[0-9]"),
                (Some('w'), true) => out.push_str("A-Za-z0-9_"),
                (Some('w'), false) => out.push_str("[A-Za-z0-9_]"),
                (Some('D'), false) => out.push_str("[^0-9]"),
                (Some('W'), false) => out.push_str("[^A-Za-z0-9_]"),
                (Some(other), _) => out.extend(['\\', other]),
                (None, _) => out.push('\\'),
            },
            '[' if in_class => out.push_str("\\["),
            '[' => {
                in_class = true;
                out.push('[');
            }
            ']' => {
                in_class = false;
                out.push(']');
            }
            other => out.push(other),
        }
    }
    out
}

/// What is in `/^…$/`, as JavaScript writes patterns, and the flags behind it. Here the slashes
/// would stand in front of the start of the text, or behind its end.
fn between_slashes(source: &str) -> Option<(&str, &str)> {
    let (inside, flags) = source.strip_prefix('/')?.rsplit_once('/')?;
    let outside = inside.starts_with('^') || (inside.ends_with('$') && !inside.ends_with("\\$"));
    (outside && flags.bytes().all(|flag| flag.is_ascii_lowercase())).then_some((inside, flags))
}

fn explain(source: &str, error: &regex::Error) -> (String, String) {
    let text = error.to_string();
    if text.contains("look-around") {
        return (
            "the pattern looks ahead or behind".to_owned(),
            "patterns run in linear time, without `(?=`, `(?!` and `(?<=`; say it with `minLength`, `maxLength`, an `enum`, or a `check`".to_owned(),
        );
    }
    if text.contains("backreference") {
        return (
            "the pattern refers back to a group".to_owned(),
            "patterns run in linear time, without `\\1`; write the alternatives out".to_owned(),
        );
    }
    if matches!(error, regex::Error::CompiledTooBig(_)) {
        return (
            "the pattern is too large when compiled".to_owned(),
            "use smaller repetitions; lengths are better said with `minLength` and `maxLength`"
                .to_owned(),
        );
    }
    // The last line of the engine's message is the reason; the lines before draw the pattern.
    let reason = text
        .lines()
        .rev()
        .find(|line| !line.trim().is_empty())
        .unwrap_or("it cannot be read")
        .trim()
        .trim_start_matches("error: ")
        .to_owned();
    (
        format!("the pattern cannot be read: {reason}"),
        if source.starts_with('/') && source.ends_with('/') && source.len() > 1 {
            "write it without the slashes around it".to_owned()
        } else {
            "special characters meant literally need a backslash, as in `\\.` or `\\(`".to_owned()
        },
    )
}
