//! Reads on behind what is no YAML.
//!
//! The parser stops at the first fault. Here the fault is mended in a copy of the text and the
//! copy read again, until it has a tree: what is plainly misspelt (`key:value`, a tab as
//! indentation) is spelt right, and anything else is torn out, as little as lets reading go on
//! (a value, a line, the block below it). So one run says every fault, and whatever else is wrong
//! in the rest. Places are always those of the original, and the tree knows where it is torn.
//!
//! `characters` takes out what can stand nowhere, `patch` changes the text, `region` says what a
//! fault may take with it, `repair` spells right, `tear` marks the tree. Start at [`parse`].

mod characters;
mod patch;
mod region;
mod repair;
mod tear;

pub(super) use self::repair::comma_missing;

use std::collections::HashMap;
use std::ops::Range;

use diag::{Diagnostic, Diagnostics, FileId, Span};

use self::patch::{Patch, Patched};
use self::region::Region;
use self::tear::{Level, Part, Tear};
use super::build::{self, Fault, Outcome};
use super::lines::line_at;
use super::{BYTES_MAX, DEPTH_MAX, Entry, Kind, Node, codes, outline};

/// How often a text is read: nobody mends more faults at once.
const READINGS_MAX: usize = 60;

/// How much is read of one text, all readings together, but at least twice: bounds the time for
/// large texts with many faults to that of a few readings.
const BYTES_READ_MAX: usize = 8 << 20;

pub(super) fn parse(file: FileId, text: &str, out: &mut Diagnostics) -> Option<Node> {
    if text.len() > BYTES_MAX {
        let message = format!("the file has {} bytes; {BYTES_MAX} are allowed", text.len());
        let found = Diagnostic::error(codes::TOO_LARGE, Span::at(file, 0), message);
        out.push(
            found
                .help("split it, and name the parts under `include`")
                .note("nothing of it has been checked"),
        );
        return None;
    }
    let mut mending = Mending {
        file,
        original: text,
        patch: Patch::new(text),
        tears: vec![],
        faults: vec![],
        wounds: vec![],
        given_up: false,
    };
    mending.odd_characters(out)?;
    mending.conflicts();
    let root = mending.read(out);
    let Mending {
        faults, original, ..
    } = mending;
    out.extend(faults.into_iter().map(|fault| fault.told(original)));
    root
}

struct Mending<'t> {
    file: FileId,
    original: &'t str,
    patch: Patch<'t>,
    tears: Vec<Tear>,
    faults: Vec<Told>,
    wounds: Vec<Wound>,
    given_up: bool,
}

/// A fault that is reported, and what could not be read because of it.
struct Told {
    found: Diagnostic,
    lost: Vec<Range<usize>>,
}

/// A place that was mended. All places are of the original.
struct Wound {
    /// Index of the fault that is to blame.
    fault: usize,
    /// The place of the fault that is treated here.
    line: usize,
    /// What was torn out, so far.
    torn: Range<usize>,
    /// Where the next fault may be nothing but a consequence of this one.
    shadow: Range<usize>,
    /// How much may be torn out: see [`region`].
    level: usize,
}

impl<'t> Mending<'t> {
    fn read(&mut self, out: &mut Diagnostics) -> Option<Node> {
        let mut bytes = 0;
        for reading in 0..READINGS_MAX {
            let patched = self.patch.apply();
            let text = patched.text.as_ref();
            if let Some(at) = outline::too_deep(text) {
                if reading == 0 {
                    out.push(too_deep(self.file, at));
                    return None;
                }
                // Brackets that came to light when a quote was torn out.
                self.tear_to_end(patched.original(line_at(text, at).start));
                continue;
            }
            let attempt = build::attempt(self.file, text);
            bytes += text.len();
            match attempt.outcome {
                Outcome::Fault(fault) if reading + 3 >= READINGS_MAX || bytes > BYTES_READ_MAX => {
                    self.give_up(&fault, &patched);
                }
                Outcome::Fault(fault) => self.mend(fault, &patched),
                Outcome::Tree(mut root) => {
                    for tear in &self.tears {
                        tear::mark(&mut root, &patched, tear);
                    }
                    let mut found = attempt.found.iter();
                    if found.any(|found| found.code == codes::DUPLICATE_KEY) {
                        // Where something is lost, it may be the head of the second.
                        join(&mut root, self.tears.is_empty());
                    }
                    self.keep(attempt.found, &patched, out);
                    relocate(&mut root, &patched);
                    return Some(root);
                }
                Outcome::Refused => {
                    self.keep(attempt.found, &patched, out);
                    return None;
                }
            }
        }
        // Not reached: the last readings are of nothing but white space.
        None
    }

    fn blame(&mut self, found: Diagnostic, line: usize, torn: Range<usize>, shadow: Range<usize>) {
        self.wounds.push(Wound {
            fault: self.faults.len(),
            line,
            torn,
            shadow,
            level: 0,
        });
        self.faults.push(Told {
            found,
            lost: vec![],
        });
    }

    /// Changes the text such that reading comes further than this fault.
    fn mend(&mut self, fault: Fault, patched: &Patched<'t>) {
        let text = patched.text.as_ref();
        let place = fault.found.primary.span.range().start;
        let line = line_at(text, place);
        let here = patched.original(place);
        let there = patched.original(fault.at);
        let line_start = patched.original(line.start);
        let structural = is_structural(fault.found.code);
        let cause = self
            .wounds
            .iter()
            .rposition(|wound| wound.explains(line_start, here, there, structural));
        match cause {
            Some(cause) if self.wounds[cause].line == line_start => {
                let wound = self.wounds.remove(cause);
                self.wounds.push(wound);
            }
            Some(cause) => {
                let fault = self.wounds[cause].fault;
                self.wounds.push(Wound {
                    fault,
                    line: line_start,
                    torn: here..here,
                    shadow: here..here,
                    level: region::LINE,
                });
            }
            None => {
                let code = fault.found.code;
                let mut found = fault.found.clone();
                relocate_diagnostic(&mut found, patched);
                self.blame(found, line_start, here..here, here..here);
                if let Some(repair) = repair::find(text, place, fault.at, code)
                    && self.repair(&repair, patched)
                {
                    return;
                }
                if code == codes::SECOND_DOCUMENT {
                    return self.tear_to_end(line_start);
                }
            }
        }
        self.tear_out(&fault, patched);
    }

    /// Makes the changes of a repair, if all of them can be made.
    fn repair(&mut self, repair: &repair::Repair, patched: &Patched<'t>) -> bool {
        let mut done = false;
        for (range, new) in &repair.edits {
            done |= self.patch.edit(patched.range(range.clone()), new.clone());
        }
        if done && let (Some(fault), Some(note)) = (self.faults.last_mut(), &repair.note) {
            fault.found.note = Some(note.clone());
        }
        if done && let Some(wound) = self.wounds.last_mut() {
            wound.shadow = patched.range(repair.shadow.clone());
        }
        done
    }

    /// Tears out the least that has not been tried yet.
    fn tear_out(&mut self, fault: &Fault, patched: &Patched<'t>) {
        let text = patched.text.as_ref();
        let place = fault.found.primary.span.range().start;
        let Some(wound) = self.wounds.last_mut() else {
            return;
        };
        while wound.level < region::LEVELS_MAX {
            wound.level += 1;
            let Some(region) = Region::of(text, place, wound.level) else {
                continue;
            };
            if text[region.blank.clone()].trim().is_empty() {
                continue;
            }
            let tear = region.tear(patched, fault.found.code);
            if wound.level == region::ITEM
                && matches!(
                    fault.found.code,
                    codes::NEEDS_QUOTES | codes::TEXT_AFTER_VALUE
                )
            {
                // `{a: b c: d}`: a comma may be what is missing.
                let part = Part::Item;
                self.tears.push(Tear { at: tear.at, part });
            }
            self.tears.push(tear);
            wound.torn = patched.range(region.blank.clone());
            wound.shadow = patched.range(region.shadow.clone());
            self.faults[wound.fault].lost.push(wound.torn.clone());
            self.patch.blank(wound.torn.clone());
            return;
        }
        self.tear_to_end(0);
    }

    /// There are more faults than are looked for: first what comes from here on is left out,
    /// and if that was not enough, everything.
    fn give_up(&mut self, fault: &Fault, patched: &Patched<'t>) {
        if std::mem::replace(&mut self.given_up, true) {
            return self.tear_to_end(0);
        }
        let place = fault.found.primary.span.range().start;
        let from = patched.original(line_at(&patched.text, place).start);
        let mut found = fault.found.clone();
        relocate_diagnostic(&mut found, patched);
        self.blame(found, from, from..from, from..from);
        self.tear_to_end(from);
    }

    fn tear_to_end(&mut self, from: usize) {
        let end = self.original.len();
        self.tears.push(Tear {
            at: from,
            part: Part::Lines(Level::Any),
        });
        if let Some(fault) = self.faults.last_mut() {
            fault.lost.push(from..end);
        }
        self.patch.blank(from..end);
    }

    /// Passes on what the last reading found.
    fn keep(&self, found: Diagnostics, patched: &Patched<'t>, out: &mut Diagnostics) {
        let found = found.into_iter().map(|mut found| {
            relocate_diagnostic(&mut found, patched);
            found
        });
        out.extend(found.filter(|found| !self.excused(found)));
    }
}

impl Mending<'_> {
    /// Whether a key stands twice only because what stood between is lost: the head of the second
    /// of two blocks, for example.
    fn excused(&self, found: &Diagnostic) -> bool {
        let Some(first) = found.secondary.first() else {
            return false;
        };
        let between = first.span.range().end..found.primary.span.range().start;
        found.code == codes::DUPLICATE_KEY
            && self
                .tears
                .iter()
                .any(|tear| matches!(tear.part, Part::Lines(_)) && between.contains(&tear.at))
    }
}

impl Wound {
    /// Whether a fault at `here`, noticed at `there`, may come from what was done here.
    fn explains(&self, line: usize, here: usize, there: usize, structural: bool) -> bool {
        let touches = self.torn.start <= here && here <= self.torn.end;
        if self.level == region::ITEM && self.line == line && here > self.torn.end {
            // Another entry of the same brackets.
            return false;
        }
        let shades = |at: usize| self.shadow.start <= at && at <= self.shadow.end;
        touches || (structural && (self.line == line || shades(here) || shades(there)))
    }
}

impl Told {
    fn told(self, original: &str) -> Diagnostic {
        let mut found = self.found;
        let own = line_at(original, found.primary.span.range().start).start;
        let mut lines: Option<(usize, usize)> = None;
        for range in self.lost {
            let mut at = range.start;
            let mut number = 1 + original[..at].matches('\n').count();
            while at < range.end {
                let line = line_at(original, at);
                if line.says_something() && line.start != own && line.content_start() < range.end {
                    let (first, last) = lines.unwrap_or((number, number));
                    lines = Some((first.min(number), last.max(number)));
                }
                at = original[at..range.end]
                    .find('\n')
                    .map_or(range.end, |len| at + len + 1);
                number += 1;
            }
        }
        if let Some((first, last)) = lines {
            let lost = if first == last {
                format!("line {first} has not been checked because of this")
            } else {
                format!("lines {first} to {last} have not been checked because of this")
            };
            found.note = Some(match found.note.take() {
                Some(note) => format!("{note}; {lost}"),
                None => lost,
            });
        }
        found
    }
}

/// Faults in how lines and brackets fit together: torn out somewhere, they show up elsewhere.
fn is_structural(code: &str) -> bool {
    matches!(
        code,
        codes::SYNTAX
            | codes::INDENTATION
            | codes::BRACKET
            | codes::TEXT_AFTER_VALUE
            | codes::COLON_MISSING
            | codes::KEY_MISSING
            | codes::COMPLEX_KEY
    )
}

fn too_deep(file: FileId, at: usize) -> Diagnostic {
    let message = "brackets are nested too deep to be read";
    Diagnostic::error(codes::TOO_DEEP, Span::new(file, at..at + 1), message).note(format!(
        "at most {DEPTH_MAX} levels are allowed; nothing of the file has been checked"
    ))
}

/// Leaves one entry of each key: the first, and in it what only the second holds if both are maps
/// and `all` is to be checked.
fn join(node: &mut Node, all: bool) {
    match &mut node.kind {
        Kind::List(items) => items.iter_mut().for_each(|item| join(item, all)),
        Kind::Map(entries) => {
            let mut at: HashMap<String, usize> = HashMap::with_capacity(entries.len());
            let mut kept: Vec<Entry> = Vec::with_capacity(entries.len());
            for entry in std::mem::take(entries) {
                let Some(first) = at.get(&entry.key.value) else {
                    at.insert(entry.key.value.clone(), kept.len());
                    kept.push(entry);
                    continue;
                };
                let first = &mut kept[*first].value;
                match (&mut first.kind, entry.value.kind) {
                    (Kind::Map(entries), Kind::Map(more)) if all => entries.extend(more),
                    // What is meant to be in it may stand in this one.
                    (Kind::Null | Kind::List(_) | Kind::Map(_), Kind::List(_) | Kind::Map(_)) => {
                        first.torn = true;
                    }
                    _ => {}
                }
            }
            kept.iter_mut()
                .for_each(|entry| join(&mut entry.value, all));
            *entries = kept;
        }
        _ => {}
    }
}

/// From places in the mended text to those in the original.
fn relocate(node: &mut Node, patched: &Patched<'_>) {
    relocate_span(&mut node.span, patched);
    match &mut node.kind {
        Kind::List(items) => items.iter_mut().for_each(|item| relocate(item, patched)),
        Kind::Map(entries) => {
            for Entry { key, value } in entries {
                relocate_span(&mut key.span, patched);
                relocate(value, patched);
            }
        }
        _ => {}
    }
}

fn relocate_diagnostic(found: &mut Diagnostic, patched: &Patched<'_>) {
    relocate_span(&mut found.primary.span, patched);
    for label in &mut found.secondary {
        relocate_span(&mut label.span, patched);
    }
}

fn relocate_span(span: &mut Span, patched: &Patched<'_>) {
    *span = Span::new(span.file, patched.range(span.range()));
}
