//! Looking at a text line by line, for saying what is wrong with one. Knows no grammar.

use std::ops::Range;

/// One line, without its line break.
#[derive(Copy, Clone, Debug, PartialEq)]
pub(super) struct Line<'t> {
    pub start: usize,
    /// White space before the first other character, in bytes.
    pub indent: usize,
    /// From the first to the last character that is not white space.
    pub content: &'t str,
}

impl Line<'_> {
    pub fn content_start(&self) -> usize {
        self.start + self.indent
    }

    pub fn content_range(&self) -> Range<usize> {
        self.content_start()..self.content_start() + self.content.len()
    }

    /// Whether it says anything: not blank and not only a comment.
    pub fn says_something(&self) -> bool {
        !self.content.is_empty() && !self.content.starts_with('#')
    }
}

/// The line that byte `at` stands in.
pub(super) fn line_at(text: &str, at: usize) -> Line<'_> {
    let at = text.floor_char_boundary(at);
    let start = text[..at].rfind('\n').map_or(0, |at| at + 1);
    let end = text[at..].find('\n').map_or(text.len(), |len| at + len);
    let line = &text[start..end];
    let content = line.trim_start_matches([' ', '\t', '\r']);
    Line {
        start,
        indent: line.len() - content.len(),
        content: content.trim_end(),
    }
}

/// The nearest line above that says something.
pub(super) fn line_above<'t>(text: &'t str, line: &Line<'_>) -> Option<Line<'t>> {
    let mut start = line.start;
    while start > 0 {
        let above = line_at(text, start - 1);
        if above.says_something() {
            return Some(above);
        }
        start = above.start;
    }
    None
}

/// The nearest line below that says something.
pub(super) fn line_below<'t>(text: &'t str, line: &Line<'_>) -> Option<Line<'t>> {
    let mut at = line.start;
    loop {
        at += text[at..].find('\n')? + 1;
        let below = line_at(text, at);
        if below.says_something() {
            return Some(below);
        }
    }
}

/// The one entry that stands deeper than those below it, or by one less deep, of which `line` is
/// the first: it is what is indented wrongly, though `line` is where it shows.
pub(super) fn misfit<'t>(text: &'t str, line: &Line<'_>) -> Option<Line<'t>> {
    let mut sibling = line_below(text, line)?;
    while sibling.indent > line.indent {
        sibling = line_below(text, &sibling)?;
    }
    let mut first = line_above(text, line)?;
    let mut entries = vec![first.indent];
    while let Some(above) = line_above(text, &first).filter(|above| above.indent > line.indent) {
        first = above;
        entries.push(above.indent);
    }
    if sibling.indent != line.indent || first.indent <= line.indent {
        return None;
    }
    let head = line_above(text, &first)
        .filter(|head| head.indent + 1 == line.indent && head.content.ends_with(':'));
    let beside = entries.iter().filter(|indent| **indent <= first.indent);
    head.or_else(|| (beside.count() == 1).then_some(first))
}

/// The lines that opened the levels above a line, the nearest first.
pub(super) fn levels<'t>(text: &'t str, line: &Line<'_>) -> Vec<Line<'t>> {
    let mut levels: Vec<Line<'t>> = Vec::new();
    let mut next = line_above(text, line);
    while let Some(above) = next {
        if levels.last().is_none_or(|last| above.indent < last.indent) {
            levels.push(above);
        }
        next = line_above(text, &above).filter(|_| above.indent > 0);
    }
    levels
}

/// How deep a key was meant to stand that fits no level above it: one step less deep than what it
/// holds, if a level is there.
pub(super) fn meant_indent(text: &str, line: &Line<'_>) -> Option<usize> {
    let holds = behind_dashes(line.content).0 == 0 && without_comment(line.content).ends_with(':');
    let below = line_below(text, line).filter(|below| holds && below.indent > line.indent)?;
    let mut levels = levels(text, line);
    let nearest = levels.first()?.indent;
    let outermost = levels.pop()?.indent;
    let step = levels.last()?.indent - outermost;
    let meant = below.indent.checked_sub(step)?;
    let known = |indent| indent == outermost || levels.iter().any(|line| line.indent == indent);
    (line.indent < nearest && !known(line.indent) && known(meant)).then_some(meant)
}

/// The part before a comment, without white space at its end. Sees no quotes: good enough for a
/// suggestion, not for a decision.
pub(super) fn without_comment(content: &str) -> &str {
    let comment = content.find(" #").or_else(|| content.find("\t#"));
    content[..comment.unwrap_or(content.len())].trim_end()
}

/// What stands behind leading list dashes: `- - a` gives `a`, with the number of bytes before it.
pub(super) fn behind_dashes(content: &str) -> (usize, &str) {
    let mut rest = content;
    while let Some(behind) = rest.strip_prefix("- ") {
        rest = behind.trim_start_matches(' ');
    }
    (content.len() - rest.len(), rest)
}

/// Where the first `: ` (or `:` at the end) stands in a line's content.
pub(super) fn key_end(content: &str) -> Option<usize> {
    let spaced = content.find(": ");
    spaced.or_else(|| content.ends_with(':').then(|| content.len() - 1))
}

/// Where the `:` stands in something that looks like `key:value` with the space forgotten.
/// Addresses (`https://…`) and times (`10:30`) do not look like that.
pub(super) fn glued_colon(content: &str) -> Option<usize> {
    let (before, content) = behind_dashes(content);
    let colon = content.find(':')?;
    let key = &content[..colon];
    let word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '?' | '.');
    let key_like =
        key.starts_with(|c: char| c.is_alphabetic() || c == '_') && key.chars().all(word);
    let next = content[colon + 1..].chars().next()?;
    (key_like && !next.is_whitespace() && !matches!(next, '/' | ':')).then_some(before + colon)
}
