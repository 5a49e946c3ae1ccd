//! Exact places: where a token begins and ends, and where a part of a value stands in its source.

use std::ops::Range;

use diag::Span;

use super::outline::quote_end;

/// The next byte at or behind `at` that is neither white space nor in a comment. Only for places
/// between tokens, where every `#` begins a comment.
pub(crate) fn next_token(text: &str, at: usize) -> usize {
    let bytes = text.as_bytes();
    let mut at = at.min(bytes.len());
    while let Some(byte) = bytes.get(at) {
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' => at += 1,
            b'#' => at = text[at..].find('\n').map_or(bytes.len(), |len| at + len),
            0xEF if text[at..].starts_with('\u{FEFF}') => at += '\u{FEFF}'.len_utf8(),
            _ => return at,
        }
    }
    at
}

/// The first token of the document: behind comments and the ends (`...`) of no document at all.
pub(crate) fn document_start(text: &str) -> usize {
    let mut at = next_token(text, 0);
    let ends = |at: usize| {
        let behind = text[at..].strip_prefix("...");
        behind.is_some_and(|rest| {
            rest.is_empty() || rest.starts_with(|c: char| c.is_ascii_whitespace())
        })
    };
    while (at == 0 || text[..at].ends_with(['\n', '\u{FEFF}'])) && ends(at) {
        at = next_token(text, at + 3);
    }
    at
}

/// Just behind the quoted text that starts at `start`, if it is closed.
pub(super) fn quoted_end(text: &str, start: usize) -> Option<usize> {
    let quote = *text.as_bytes().get(start)?;
    quote_end(text.as_bytes(), start, quote)
}

/// Where bytes `range` of `value` stand, given that `value` was written at `span`.
pub(super) fn inside(text: &str, span: Span, value: &str, range: Range<usize>) -> Span {
    let Some(source) = text.get(span.range()) else {
        return span;
    };
    let start = value.floor_char_boundary(range.start);
    let end = value.ceil_char_boundary(range.end).max(start);
    let body = body(source);
    if source.get(body.clone()) == Some(value) {
        return span.sub(body.start + start..body.start + end);
    }
    aligned(source, body, value, start..end).map_or(span, |found| span.sub(found))
}

/// The part of a value's source that holds its characters.
fn body(source: &str) -> Range<usize> {
    match source.as_bytes().first() {
        Some(b'\'' | b'"') if source.len() >= 2 => 1..source.len() - 1,
        Some(b'|' | b'>') => source.find('\n').map_or(source.len(), |at| at + 1)..source.len(),
        _ => 0..source.len(),
    }
}

/// Folding and indentation only ever change white space, so the other characters of value and
/// source pair up one by one. `None` if, against expectation, they do not.
fn aligned(
    source: &str,
    body: Range<usize>,
    value: &str,
    range: Range<usize>,
) -> Option<Range<usize>> {
    let mut pieces = Pieces {
        source,
        at: body.start,
        end: body.end,
    };
    // The end of the last piece before the range, and the range itself as far as it is known.
    let mut before = body.start;
    let mut found: Option<Range<usize>> = None;
    for (at, c) in value.char_indices() {
        if at >= range.end && (found.is_some() || at > range.start) {
            break;
        }
        if is_space(c) {
            continue;
        }
        let (piece, place) = pieces.find(|(piece, _)| !is_space(*piece))?;
        if piece != c {
            return None;
        }
        if at >= range.end {
            // An empty range just before this character.
            return Some(place.start..place.start);
        }
        if at < range.start {
            before = place.end;
        } else {
            let start = found.map_or(place.start, |found| found.start);
            found = Some(start..place.end);
        }
    }
    Some(found.unwrap_or(before..before))
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}

/// The characters of a source, escapes undone, each with its place.
struct Pieces<'t> {
    source: &'t str,
    at: usize,
    end: usize,
}

impl Iterator for Pieces<'_> {
    type Item = (char, Range<usize>);

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.source.get(self.at..self.end)?;
        let first = rest.chars().next()?;
        let (piece, len) = match (self.source.as_bytes()[0], first) {
            (b'\'', '\'') if rest.starts_with("''") => ('\'', 2),
            (b'"', '\\') => escape(rest),
            _ => (first, first.len_utf8()),
        };
        let place = self.at..(self.at + len).min(self.end);
        self.at = place.end;
        Some((piece, place))
    }
}

/// What an escape stands for and how long it is. A line break that is escaped away counts as a
/// space: it stands for no character.
fn escape(rest: &str) -> (char, usize) {
    let Some(kind) = rest[1..].chars().next() else {
        return ('\\', 1);
    };
    let piece = match kind {
        '0' => '\0',
        'a' => '\x07',
        'b' => '\x08',
        't' => '\t',
        'n' => '\n',
        'v' => '\x0b',
        'f' => '\x0c',
        'r' => '\r',
        'e' => '\x1b',
        'N' => '\u{85}',
        '_' => '\u{a0}',
        'L' => '\u{2028}',
        'P' => '\u{2029}',
        '\n' | '\r' => ' ',
        'x' => return hexadecimal(rest, 2),
        'u' => return hexadecimal(rest, 4),
        'U' => return hexadecimal(rest, 8),
        other => other,
    };
    (piece, 1 + kind.len_utf8())
}

fn hexadecimal(rest: &str, digits: usize) -> (char, usize) {
    let code = rest
        .get(2..2 + digits)
        .and_then(|code| u32::from_str_radix(code, 16).ok());
    (code.and_then(char::from_u32).unwrap_or('\\'), 2 + digits)
}
