//! A text with small changes, and the way back from places in it to places in the original.
//!
//! What cannot be read is overwritten by spaces, which moves nothing; what is only misspelt (a
//! space forgotten, a tab as indentation) is spelt right. Knows nothing of YAML.

use std::borrow::Cow;
use std::ops::Range;

/// The changes to a text, all in places of the original.
pub(super) struct Patch<'t> {
    original: &'t str,
    blanks: Vec<Range<usize>>,
    /// In order, without overlaps.
    edits: Vec<Edit>,
}

struct Edit {
    at: Range<usize>,
    new: String,
}

impl<'t> Patch<'t> {
    pub fn new(original: &'t str) -> Self {
        Patch {
            original,
            blanks: vec![],
            edits: vec![],
        }
    }

    /// Overwrites a range with spaces, but for its line ends. It wins over edits inside, and over
    /// what was put in at its edges.
    pub fn blank(&mut self, range: Range<usize>) {
        let start = self.original.floor_char_boundary(range.start);
        let end = self.original.ceil_char_boundary(range.end).max(start);
        self.edits.retain(|Edit { at, .. }| {
            let beside = at.end <= start || end <= at.start;
            // What was put in at an edge may have been for what is gone.
            beside && (!at.is_empty() || at.end < start || end < at.start)
        });
        self.blanks.push(start..end);
    }

    /// Puts `new` in the place of a range; false if something else was changed there before.
    pub fn edit(&mut self, at: Range<usize>, new: impl Into<String>) -> bool {
        let index = self.edits.partition_point(|edit| edit.at.end <= at.start);
        // Of two insertions at one place the second is no progress.
        let last = index.checked_sub(1).map(|last| &self.edits[last].at);
        let free = last.is_none_or(|last| *last != at)
            && self
                .edits
                .get(index)
                .is_none_or(|next| at.end <= next.at.start && at != next.at);
        let whole = self.original.get(at.clone()).is_some();
        if free && whole {
            let new = new.into();
            self.edits.insert(index, Edit { at, new });
        }
        free && whole
    }

    pub fn apply(&self) -> Patched<'t> {
        if self.blanks.is_empty() && self.edits.is_empty() {
            return Patched {
                original: self.original,
                text: Cow::Borrowed(self.original),
                anchors: vec![],
            };
        }
        let blanked = self.blanked();
        let mut text = String::with_capacity(blanked.len());
        let mut anchors = vec![];
        let mut done = 0;
        for Edit { at, new } in &self.edits {
            text.push_str(&blanked[done..at.start]);
            anchors.push((text.len(), at.start));
            text.push_str(new);
            anchors.push((text.len(), at.end));
            done = at.end;
        }
        text.push_str(&blanked[done..]);
        Patched {
            original: self.original,
            text: Cow::Owned(text),
            anchors,
        }
    }

    fn blanked(&self) -> String {
        let mut text = String::with_capacity(self.original.len());
        let mut blanks = self.blanks.clone();
        blanks.sort_by_key(|range| range.start);
        let mut done = 0;
        for Range { start, end } in blanks {
            let start = start.max(done);
            if start >= end {
                continue;
            }
            text.push_str(&self.original[done..start]);
            text.extend(self.original[start..end].bytes().map(|byte| match byte {
                b'\n' | b'\r' => char::from(byte),
                _ => ' ',
            }));
            done = end;
        }
        text.push_str(&self.original[done..]);
        text
    }
}

/// A changed text.
pub(super) struct Patched<'t> {
    pub original: &'t str,
    pub text: Cow<'t, str>,
    /// Places here and in the original that are the same, in order, before and behind every edit.
    anchors: Vec<(usize, usize)>,
}

impl Patched<'_> {
    /// The place in the original that a place here stands for.
    pub fn original(&self, at: usize) -> usize {
        let place = self.moved(at, |anchor| anchor);
        self.original.floor_char_boundary(place)
    }

    /// Where a place in the original stands here: the way back from [`Patched::original`].
    pub fn here(&self, at: usize) -> usize {
        let place = self.moved(at, |(here, there)| (there, here));
        self.text.floor_char_boundary(place)
    }

    /// `direction` orders an anchor's two places: from which side, to which.
    fn moved(&self, at: usize, direction: fn((usize, usize)) -> (usize, usize)) -> usize {
        let anchors = &self.anchors;
        let next = anchors.partition_point(|anchor| direction(*anchor).0 <= at);
        let moved = match next.checked_sub(1) {
            Some(last) => {
                let (from, to) = direction(anchors[last]);
                to + (at - from)
            }
            None => at,
        };
        // What was put in stands where the range it replaces begins or ends.
        match anchors.get(next) {
            Some(anchor) => moved.min(direction(*anchor).1),
            None => moved,
        }
    }

    pub fn range(&self, range: Range<usize>) -> Range<usize> {
        let start = self.original(range.start);
        start..self.original(range.end).max(start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_found_again() {
        let mut patch = Patch::new("äb:c\tdef");
        assert!(patch.edit(4..4, " "));
        assert!(!patch.edit(4..4, " "));
        assert!(patch.edit(5..6, "  "));
        patch.blank(7..8);
        let patched = patch.apply();
        assert_eq!(patched.text, "äb: c  d f");
        let place = |piece: &str| patched.original(patched.text.find(piece).unwrap());
        assert_eq!(
            (place("b"), place("c"), place("d"), place("f")),
            (2, 4, 6, 8)
        );
        let places: Vec<usize> = (0..=patched.text.len())
            .map(|at| patched.original(at))
            .collect();
        assert!(places.is_sorted(), "{places:?}");
        assert_eq!(places.last(), Some(&9));
        assert_eq!(
            (patched.here(2), patched.here(4), patched.here(8)),
            (2, 5, 10)
        );
    }

    #[test]
    fn blanks_keep_lines_and_bytes() {
        let mut patch = Patch::new("a: ä\r\nb: 1");
        patch.blank(4..9);
        patch.blank(3..4);
        assert_eq!(patch.apply().text, "a:   \r\n   1");
    }
}
