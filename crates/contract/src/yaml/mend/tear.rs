//! Marks in a tree where something was torn out of its text.
//!
//! Whoever reads the tree must not say of a value that it is missing when it only could not be
//! read. What was torn out belongs to the list or map that its place and its indentation say; if
//! the indentation is itself in doubt, to each that comes into question.

use super::super::lines::line_at;
use super::super::{Kind, Node};
use super::patch::Patched;
use super::region::is_entry;

/// Something that is not in the tree, though it is in the original at byte `at`.
pub(super) struct Tear {
    pub at: usize,
    pub part: Part,
}

#[derive(Clone, Copy)]
pub(super) enum Part {
    /// The value behind a key, or all of an item.
    Value,
    /// An entry between brackets.
    Item,
    /// Whole lines.
    Lines(Level),
}

/// What the lines belong to.
#[derive(Clone, Copy)]
pub(super) enum Level {
    /// What is indented by so many columns, or what that may be misspelt for.
    Column { column: usize, misspelt: bool },
    /// Anything that is open there.
    Any,
}

/// Marks what `tear` took something from, in the tree of the changed text, where indentation is
/// mended.
pub(super) fn mark(root: &mut Node, patched: &Patched<'_>, tear: &Tear) {
    let at = patched.here(tear.at);
    Marker { patched, tear, at }.mark(root);
}

struct Marker<'m> {
    patched: &'m Patched<'m>,
    tear: &'m Tear,
    /// The tear's place in the changed text.
    at: usize,
}

impl Marker<'_> {
    /// Whether the tear is surely in this node or in one inside; if not, the node around it may
    /// have lost something too.
    fn mark(&self, node: &mut Node) -> bool {
        let at = self.at;
        let start = node.span.range().start;
        let mut goes_on = false;
        let inner = match &mut node.kind {
            Kind::Map(entries) => {
                let before = entries.partition_point(|entry| entry.key.span.range().start <= at);
                // Where entries follow, lines before them are of no outer level.
                goes_on = before < entries.len();
                before.checked_sub(1).map(|index| {
                    let entry = &mut entries[index];
                    (entry.key.span.range().start, &mut entry.value)
                })
            }
            Kind::List(items) => {
                let before = items.partition_point(|item| item.span.range().start <= at);
                let below = items.get(before).map(|item| item.span.range().start);
                let index = match below {
                    // The first of the item's lines is what is lost.
                    Some(below) if !self.dash_before(below) => Some(before),
                    _ => before.checked_sub(1),
                };
                index.map(|index| (start, &mut items[index]))
            }
            _ => None,
        };
        match inner {
            Some((start, value)) if self.goes_on_behind(self.column(start), value) => {
                value.kind = Kind::Null;
                value.torn = true;
                node.torn = true;
                true
            }
            Some((start, value)) if self.inside(self.column(start), value) => {
                let sure = self.mark(value);
                node.torn |= !sure;
                sure || goes_on || !matches!(self.tear.part, Part::Lines(Level::Any))
            }
            _ => {
                node.torn = true;
                goes_on || self.end(node)
            }
        }
    }

    fn end(&self, node: &mut Node) -> bool {
        if !matches!(node.kind, Kind::List(_) | Kind::Map(_)) {
            node.kind = Kind::Null;
            return !matches!(
                self.tear.part,
                Part::Lines(Level::Any | Level::Column { misspelt: true, .. })
            );
        }
        match self.tear.part {
            Part::Value | Part::Item => true,
            Part::Lines(Level::Any) => false,
            Part::Lines(Level::Column { column, misspelt }) => {
                !misspelt && column == self.column(node.span.range().start)
            }
        }
    }

    /// Whether the tear belongs to a value whose key (or dash) stands at `key`.
    fn inside(&self, key: usize, value: &Node) -> bool {
        match self.tear.part {
            Part::Value => true,
            Part::Lines(_) if self.closed(value) => false,
            Part::Lines(Level::Any) => {
                let entry = is_entry(&line_at(self.patched.original, self.tear.at));
                let complete = !matches!(value.kind, Kind::Null | Kind::List(_) | Kind::Map(_));
                !(entry && complete)
            }
            Part::Item => {
                matches!(value.kind, Kind::List(_) | Kind::Map(_))
                    && self.at < value.span.range().end
            }
            Part::Lines(Level::Column { column, .. }) => {
                let list = matches!(value.kind, Kind::List(_))
                    && self.patched.original[self.tear.at..].starts_with('-');
                column > key || (list && column == key)
            }
        }
    }

    /// Whether lines go on below a value in brackets that are closed: nobody knows which of both
    /// is meant.
    fn goes_on_behind(&self, key: usize, value: &Node) -> bool {
        let deeper = matches!(
            self.tear.part,
            Part::Lines(Level::Column { column, .. }) if column > key
        );
        deeper && self.closed(value)
    }

    fn closed(&self, value: &Node) -> bool {
        let range = value.span.range();
        self.patched.text[range.start..].starts_with(['{', '[']) && range.end <= self.at
    }

    /// Whether an item of a list begins behind the tear, at the latest with what stands at `below`.
    fn dash_before(&self, below: usize) -> bool {
        let between = self.tear.at..self.patched.original(below);
        let original = self.patched.original.get(between).unwrap_or_default();
        original
            .split('\n')
            .any(|line| line.trim_start().starts_with('-'))
    }

    fn column(&self, at: usize) -> usize {
        at - self.patched.text[..at].rfind('\n').map_or(0, |at| at + 1)
    }
}
