//! What can stand nowhere in a text: characters that nobody sees, and marks of a conflict between
//! two versions of a file.

use std::ops::Range;

use diag::{Diagnostic, Diagnostics, FileId, Span};

use super::super::codes;
use super::super::lines::line_at;
use super::Mending;
use super::tear::{Level, Part, Tear};

/// How many odd characters are taken out of a text: one with more is no text.
const CHARACTERS_MAX: usize = 10_000;

/// How many marks of conflicts are taken out: nobody mends more at once.
const CONFLICTS_MAX: usize = 100;

impl Mending<'_> {
    /// Takes them out. `None` if there are too many.
    pub(super) fn odd_characters(&mut self, out: &mut Diagnostics) -> Option<()> {
        let mut taken = 0;
        let mut last: Option<(usize, char)> = None;
        for (at, c) in self.original.char_indices() {
            if !odd_character(self.original, at, c) {
                continue;
            }
            let range = at..at + c.len_utf8();
            let new = if c == '\r' { "\n" } else { "" };
            self.patch.edit(range.clone(), new);
            taken += 1;
            let found = odd(self.file, range.clone(), c);
            if taken > CHARACTERS_MAX {
                out.push(found.note("there are too many of them for the file to be checked"));
                return None;
            }
            // Of many on one line, or of line ends, the first tells it all.
            if last.is_some_and(|(before, other)| {
                (c == '\r' && other == c) || !self.original[before..at].contains('\n')
            }) {
                continue;
            }
            last = Some((at, c));
            let line = line_at(self.original, at).start;
            self.blame(found, line, range.clone(), range);
        }
        Some(())
    }
}

impl Mending<'_> {
    /// Takes out the lines that version control writes around both sides of a conflict.
    pub(super) fn conflicts(&mut self) {
        let mut start = 0;
        for line in self.original.split_inclusive('\n') {
            let content = line.trim_end();
            let range = start..start + content.len();
            start += line.len();
            let between = content == "=======";
            let mark =
                between || content.starts_with("<<<<<<< ") || content.starts_with(">>>>>>> ");
            if !mark || self.faults.len() >= CONFLICTS_MAX {
                continue;
            }
            let message = "this marks a conflict between two versions of the file";
            let found =
                Diagnostic::error(codes::SYNTAX, Span::new(self.file, range.clone()), message)
                    .help("keep what is right of both, and remove the lines that mark them");
            self.patch.blank(range.clone());
            if between {
                // What stands on both sides stands twice only because of that.
                self.tears.push(Tear {
                    at: range.start,
                    part: Part::Lines(Level::Any),
                });
            }
            self.blame(found, range.start, range.clone(), range);
        }
    }
}

fn odd_character(text: &str, at: usize, c: char) -> bool {
    match c {
        '\t' | '\n' | '\u{85}' => false,
        '\r' => text.as_bytes().get(at + 1) != Some(&b'\n'),
        '\u{FEFF}' => at > 0,
        '\u{FFFE}' | '\u{FFFF}' => true,
        _ => c.is_control(),
    }
}

fn odd(file: FileId, range: Range<usize>, c: char) -> Diagnostic {
    let span = Span::new(file, range);
    if c == '\r' {
        let message = "a carriage return without a line feed";
        return Diagnostic::error(codes::CHARACTER, span, message)
            .help("save the file with line feeds as line ends");
    }
    let message = format!(
        "the character U+{:04X} cannot stand in a file",
        u32::from(c)
    );
    Diagnostic::error(codes::CHARACTER, span, message)
        .help("remove it; inside double quotes it can be written as an escape")
}
