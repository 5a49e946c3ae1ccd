//! What a fault may take with it, from a single value up to the whole file.

use std::ops::Range;

use super::super::codes;
use super::super::lines::{
    Line, behind_dashes, key_end, line_above, line_at, line_below, without_comment,
};
use super::super::outline::{self, quote_end};
use super::super::place::next_token;
use super::patch::Patched;
use super::tear::{Level, Part, Tear};

/// One entry between brackets, or its value.
pub(super) const ITEM: usize = 1;
/// The value behind a key or dash.
const VALUE: usize = 2;
/// As [`LINE`], and the lines below it that are indented deeper.
const BLOCK: usize = 4;
/// A line, and what goes on from it on the next ones. (One before it, so that counting up from
/// here begins with a line.)
pub(super) const LINE: usize = 2;
/// From [`BLOCK`] on each level is the block around the one before. So many are tried until the
/// whole file is given up: more than the language has levels.
pub(super) const LEVELS_MAX: usize = 24;

/// A part of the text that is to be torn out.
pub(super) struct Region {
    pub blank: Range<usize>,
    /// Faults in here may only be consequences.
    pub shadow: Range<usize>,
    part: Part,
}

impl Region {
    /// What is torn out for a fault at `place` on this level; levels that make no sense are
    /// passed over.
    pub fn of(text: &str, place: usize, level: usize) -> Option<Region> {
        match level {
            ITEM => item(text, place),
            VALUE => value(text, place),
            3 => line(text, place),
            BLOCK => Some(block(text, &line_at(text, place))),
            _ => {
                let mut line = line_at(text, place);
                for _ in BLOCK..level {
                    line = parent(text, line)?;
                }
                Some(block(text, &line))
            }
        }
    }

    /// How the fault with this code tears the tree.
    pub fn tear(&self, patched: &Patched<'_>, code: &str) -> Tear {
        let part = match self.part {
            Part::Lines(Level::Column { column, misspelt }) => Part::Lines(match code {
                codes::INDENTATION => Level::Column {
                    column,
                    misspelt: true,
                },
                _ => Level::Column { column, misspelt },
            }),
            part => part,
        };
        Tear {
            at: patched.original(self.blank.start),
            part,
        }
    }
}

/// An entry of the innermost brackets around `place`.
fn item(text: &str, place: usize) -> Option<Region> {
    let opened = outline::up_to(text, place).open;
    let bracket = *opened.last()?;
    let limit = block_end(text, &line_at(text, *opened.first()?));
    let bytes = text.as_bytes();
    let mut at = bracket + 1;
    let mut start = at;
    let mut colon = None;
    let mut depth = 0_usize;
    let mut token = true;
    while at < limit {
        let byte = bytes[at];
        match byte {
            b'"' | b'\'' if token => {
                let line_end = line_at(text, at).content_range().end;
                at = quote_end(bytes, at, byte)
                    .filter(|end| *end <= line_end)
                    .unwrap_or(line_end.max(at + 1));
                token = false;
                continue;
            }
            b'[' | b'{' | b'(' => depth += 1,
            b']' | b'}' | b')' if depth > 0 => depth -= 1,
            b']' | b'}' => break,
            b',' if depth == 0 && at > place => break,
            b',' if depth == 0 => {
                start = at + 1;
                colon = None;
            }
            b':' if depth == 0 && at < place && colon.is_none() => {
                let behind = bytes.get(at + 1).is_none_or(u8::is_ascii_whitespace);
                colon = behind.then_some(at + 1);
            }
            _ => {}
        }
        token = byte.is_ascii_whitespace() || matches!(byte, b'[' | b'{' | b',' | b':');
        at += 1;
    }
    if at >= limit || !text.is_char_boundary(at) {
        return None;
    }
    let (part, blank) = match colon {
        Some(colon) => (Part::Value, colon..at),
        None if bytes[at] == b',' => (Part::Item, start..at + 1),
        None if start > bracket + 1 => (Part::Item, start - 1..at),
        None => (Part::Item, start..at),
    };
    Some(Region {
        shadow: blank.clone(),
        blank,
        part,
    })
}

/// The value behind the key or dash of the line that `place` stands in; for a place in brackets
/// over several lines, of the line on which they begin.
fn value(text: &str, place: usize) -> Option<Region> {
    let opened = outline::up_to(text, place).open;
    let place = opened.first().copied().unwrap_or(place);
    let line = line_at(text, place);
    let (dashes, words) = behind_dashes(line.content);
    let column = line.indent + dashes;
    let words_start = line.content_start() + dashes;
    let start = match key_colon(words).map(|colon| words_start + colon + 1) {
        Some(start) if start <= place => start,
        _ if dashes > 0 && !words.is_empty() && words_start <= place => words_start,
        _ => return None,
    };
    let source = text.get(start..line.content_range().end)?.trim_start();
    let open = source.starts_with(['[', '{', '"', '\'', '|', '>', '&', '!']);
    let mut end = line.content_range().end;
    let mut next = line_below(text, &line);
    while let Some(below) = next {
        let goes_on = below.indent > column && (open || !is_entry(&below));
        let closes = source.starts_with(['[', '{'])
            && below.content.bytes().all(|byte| b"]},".contains(&byte));
        if !goes_on && !closes {
            break;
        }
        end = below.content_range().end;
        next = line_below(text, &below);
    }
    Some(Region {
        blank: start..end.max(start),
        shadow: line.start..end.max(block_end(text, &line)),
        part: Part::Value,
    })
}

/// A line that no block hangs on.
fn line(text: &str, place: usize) -> Option<Region> {
    let line = line_at(text, place);
    if is_unplaced(text, &line) {
        return Some(unplaced(text, &line));
    }
    if let Some(block) = below_a_value(text, &line) {
        return Some(block);
    }
    let words = without_comment(line.content);
    if words.ends_with(':') || words == "-" || words.starts_with("- ") {
        return None;
    }
    let mut end = line.content_range().end;
    let mut next = line_below(text, &line);
    while let Some(below) = next.filter(|below| below.indent > line.indent && !is_entry(below)) {
        end = below.content_range().end;
        next = line_below(text, &below);
    }
    Some(Region {
        blank: line.content_start()..end,
        shadow: line.start..end.max(block_end(text, &line)),
        part: lines_at(&line),
    })
}

/// Lines below a key that has its value already.
fn below_a_value(text: &str, line: &Line<'_>) -> Option<Region> {
    line_above(text, line).filter(|above| holds_value(above) && line.indent > above.indent)?;
    let mut end = line.content_range().end;
    let mut next = line_below(text, line);
    while let Some(below) = next.filter(|below| below.indent >= line.indent) {
        end = below.content_range().end;
        next = line_below(text, &below);
    }
    Some(Region {
        blank: line.content_start()..end,
        shadow: line.start..end,
        part: lines_at(line),
    })
}

/// A line of which nobody knows how deep it is indented. What follows is below it if it holds
/// nothing itself.
fn unplaced(text: &str, line: &Line<'_>) -> Region {
    let mut end = line.content_range().end;
    if tabbed(text, line) && line_below(text, line).is_some_and(|below| tabbed(text, &below)) {
        // Nor does anybody know which of them are below which: all of them, with what hangs on
        // them.
        let mut above = line_above(text, line);
        while let Some(other) = above.filter(|other| tabbed(text, other)) {
            above = line_above(text, &other);
        }
        let left = above.map_or(0, |above| above.indent);
        let mut next = line_below(text, line);
        while let Some(below) = next.filter(|below| tabbed(text, below) || below.indent > left) {
            end = below.content_range().end;
            next = line_below(text, &below);
        }
        return Region {
            blank: line.start..end,
            shadow: line.start..end,
            part: Part::Lines(Level::Any),
        };
    }
    let (dashes, _) = behind_dashes(line.content);
    let holds = dashes == 0 && !without_comment(line.content).ends_with(':');
    let first = line_below(text, line).filter(|_| !holds);
    let mut next = first;
    while let (Some(first), Some(below)) = (first, next) {
        if below.indent < first.indent {
            break;
        }
        end = below.content_range().end;
        next = line_below(text, &below);
    }
    Region {
        blank: line.start..end,
        shadow: line.start..end,
        part: Part::Lines(Level::Any),
    }
}

/// Nobody knows how wide a tab is, and a directive stands at the very left wherever it is meant.
fn is_unplaced(text: &str, line: &Line<'_>) -> bool {
    tabbed(text, line) || line.content.starts_with('%')
}

fn tabbed(text: &str, line: &Line<'_>) -> bool {
    text[line.start..line.content_start()].contains('\t')
}

fn lines_at(line: &Line<'_>) -> Part {
    Part::Lines(Level::Column {
        column: line.indent,
        misspelt: false,
    })
}

/// A line with all that is indented deeper.
fn block(text: &str, line: &Line<'_>) -> Region {
    let end = block_end(text, line);
    Region {
        blank: line.content_start()..end.max(line.content_start()),
        shadow: line.start..end.max(line.start),
        part: lines_at(line),
    }
}

fn parent<'t>(text: &'t str, line: Line<'t>) -> Option<Line<'t>> {
    let mut above = line_above(text, &line)?;
    while above.indent >= line.indent {
        above = line_above(text, &above)?;
    }
    Some(above)
}

/// Where the last line ends that is indented deeper than this one and not interrupted.
pub(super) fn block_end(text: &str, line: &Line<'_>) -> usize {
    let mut end = line.content_range().end;
    let mut next = line_below(text, line);
    while let Some(below) = next.filter(|below| below.indent > line.indent) {
        end = below.content_range().end;
        next = line_below(text, &below);
    }
    end
}

/// Where the `:` behind a line's key stands, also behind one in quotes.
pub(super) fn key_colon(words: &str) -> Option<usize> {
    if let Some(quote @ (b'"' | b'\'')) = words.as_bytes().first() {
        let end = quote_end(words.as_bytes(), 0, *quote)?;
        let colon = next_token(words, end);
        return words[colon..].starts_with(':').then_some(colon);
    }
    key_end(words)
}

/// Whether a line is `key: value`.
fn holds_value(line: &Line<'_>) -> bool {
    let (_, words) = behind_dashes(line.content);
    let value = key_colon(words).map(|colon| without_comment(&words[colon + 1..]));
    value.is_some_and(|value| !value.trim().is_empty())
}

/// Whether a line looks like `key: …` or `- …`, and so does not go on with a text.
pub(super) fn is_entry(line: &Line<'_>) -> bool {
    let (dashes, words) = behind_dashes(line.content);
    let Some(colon) = key_colon(words) else {
        return dashes > 0;
    };
    !words[..colon].trim_end().contains(char::is_whitespace)
}
