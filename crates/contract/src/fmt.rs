//! Writes a file in one orderly form, without touching what it says.
//!
//! Keys keep their order and every comment survives. Indentation becomes two spaces, one space
//! follows a colon, blank lines are kept one at a time. Brackets on one line stay there; those over
//! several lines, for which one is too short or a comment in the way, give a line to each entry
//! instead. A file that is in brackets as a whole may be JSON, and keeps them.
//!
//! Keys that are plain words lose their quotes, values keep theirs: they may say that something
//! is text. Bare words that a YAML 1.1 parser would take for something else (`yes`, `on`, `1_000`)
//! get quotes. Comments behind a value keep their column when they were set apart by more than two
//! spaces, so a column of comments stays one.
//!
//! `layout` writes, `trivia` finds the comments between the tokens. Knows only YAML, nothing of
//! the contract's words.

mod layout;
mod trivia;

use diag::{Diagnostics, FileId};

use crate::yaml::{self, Kind, Node};

/// [`format_file`] for a text that stands alone.
pub fn format(text: &str) -> Result<String, Diagnostics> {
    format_file(FileId(0), text)
}

/// The orderly form of `text`, which says the same. Formatting twice changes nothing more.
///
/// A text with errors is not formatted: the errors are returned, their places in `file`.
pub fn format_file(file: FileId, text: &str) -> Result<String, Diagnostics> {
    let mut out = Diagnostics::new();
    let root = match yaml::parse(file, text, &mut out) {
        Some(root) if !out.has_errors() => root,
        _ => return Err(out),
    };
    let done = layout::layout(text, &root);
    // A formatter that changes what a file says, or loses a word of it, is worse than none. No
    // input is known for which this happens; if there is one, it stays as it is.
    Ok(if says_the_same(text, &root, &done) {
        done
    } else {
        text.to_owned()
    })
}

fn says_the_same(before: &str, root: &Node, after: &str) -> bool {
    let Some(again) = yaml::parse(FileId(0), after, &mut Diagnostics::new()) else {
        return false;
    };
    same(root, &again) && trivia::comments(before, root) == trivia::comments(after, &again)
}

/// Whether two trees hold the same, wherever it stands.
fn same(a: &Node, b: &Node) -> bool {
    match (&a.kind, &b.kind) {
        (Kind::List(a), Kind::List(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Kind::Map(a), Kind::Map(b)) => {
            a.len() == b.len()
                && a.iter()
                    .zip(b)
                    .all(|(a, b)| a.key.value == b.key.value && same(&a.value, &b.value))
        }
        (a, b) => a == b,
    }
}

#[cfg(test)]
mod tests;
