//! What stands between tokens: comments and blank lines.

use crate::yaml::{Kind, Node};

/// Everything between two tokens but the punctuation.
#[derive(Debug, Default)]
pub(super) struct Gap<'t> {
    pub comments: Vec<Comment<'t>>,
    /// A blank line stands before the next token.
    pub blank: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Comment<'t> {
    /// From `#` on, without white space at the end.
    pub text: &'t str,
    /// In characters, from 0.
    pub column: usize,
    /// Nothing but white space stands before it on its line.
    pub own_line: bool,
    /// How many characters of white space stand before it.
    pub apart: usize,
    /// A blank line stands before it.
    pub blank: bool,
}

/// Reads what stands between two tokens, at bytes `from` and `to`.
pub(super) fn between(text: &str, from: usize, to: usize) -> Gap<'_> {
    let mut gap = Gap::default();
    let mut breaks = 0;
    let mut at = from;
    while at < to {
        match text.as_bytes()[at] {
            b'\n' => breaks += 1,
            b'#' => {
                let end = text[at..].find('\n').map_or(text.len(), |len| at + len);
                gap.comments.push(comment(text, at, end, breaks > 1));
                breaks = 0;
                at = end;
                continue;
            }
            b' ' | b'\t' | b'\r' => {}
            _ => breaks = 0,
        }
        at += 1;
    }
    gap.blank = breaks > 1;
    gap
}

fn comment(text: &str, at: usize, end: usize, blank: bool) -> Comment<'_> {
    let line = column_start(text, at);
    let before = &text[line..at];
    let kept = before.trim_end_matches([' ', '\t', '\u{FEFF}']);
    Comment {
        text: text[at..end].trim_end(),
        column: before.chars().count(),
        own_line: kept.is_empty(),
        apart: before.len() - kept.len(),
        blank,
    }
}

/// How many characters stand before byte `at` on its line.
pub(super) fn column(text: &str, at: usize) -> usize {
    text[column_start(text, at)..at].chars().count()
}

fn column_start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |at| at + 1)
}

/// The first line of a block of text: its indicators (`|`, `>-`, …) and the comment behind them.
pub(super) fn block_header(source: &str) -> (&str, Option<usize>) {
    let line = source.lines().next().unwrap_or_default();
    let end = line.find([' ', '\t', '#']).unwrap_or(line.len());
    (&line[..end], line.find('#'))
}

/// Whether the node is a block of text (`|` or `>`).
pub(super) fn is_block_text(node: &Node, text: &str) -> bool {
    matches!(node.kind, Kind::String(_)) && node.source(text).starts_with(['|', '>'])
}

/// All comments of a text, in order.
pub(super) fn comments<'t>(text: &'t str, root: &Node) -> Vec<&'t str> {
    let mut all = Vec::new();
    let mut cursor = 0;
    collect(text, root, &mut cursor, &mut all);
    push_between(text, cursor, text.len(), &mut all);
    all
}

fn collect<'t>(text: &'t str, node: &Node, cursor: &mut usize, all: &mut Vec<&'t str>) {
    match &node.kind {
        Kind::List(items) => items
            .iter()
            .for_each(|item| collect(text, item, cursor, all)),
        Kind::Map(entries) => {
            for entry in entries {
                let key = entry.key.span.range();
                push_between(text, *cursor, key.start, all);
                *cursor = key.end;
                collect(text, &entry.value, cursor, all);
            }
        }
        _ => {
            let span = node.span.range();
            push_between(text, *cursor, span.start, all);
            if is_block_text(node, text)
                && let (_, Some(at)) = block_header(node.source(text))
            {
                let line = text[span.start + at..].lines().next().unwrap_or_default();
                all.push(line.trim_end());
            }
            *cursor = span.end;
        }
    }
}

fn push_between<'t>(text: &'t str, from: usize, to: usize, all: &mut Vec<&'t str>) {
    all.extend(
        between(text, from, to)
            .comments
            .iter()
            .map(|comment| comment.text),
    );
}
