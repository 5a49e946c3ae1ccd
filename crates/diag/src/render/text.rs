//! The form for a person: message, place, the source line underlined, help.

use std::collections::BTreeMap;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Element, Group, Level, Origin, Renderer, Snippet};

use crate::{Diagnostic, FileId, Severity, Sources, Span};

/// How much source a snippet takes in at most, because the renderer's work grows with it. Two
/// places further apart than this are shown as two snippets; of a line longer than this only the
/// place is named.
const SNIPPET_BYTES_MAX: usize = 64 * 1024;

/// Renders for a terminal, with ANSI colours if `colour`. Diagnostics are separated by an empty
/// line; the text ends with a newline unless there was nothing to say.
pub fn text(
    sources: &Sources,
    diagnostics: &(impl AsRef<[Diagnostic]> + ?Sized),
    colour: bool,
) -> String {
    let renderer = if colour {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    let mut out = String::new();
    for (at, diagnostic) in diagnostics.as_ref().iter().enumerate() {
        if at > 0 {
            out.push('\n');
        }
        out.push_str(&renderer.render(&[group(sources, diagnostic)]));
        out.push('\n');
    }
    out
}

fn group<'a>(sources: &'a Sources, diagnostic: &'a Diagnostic) -> Group<'a> {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level
        .primary_title(diagnostic.message.as_str())
        .id(diagnostic.code);
    let mut group = Group::with_title(title);
    group = group.elements(snippets(sources, diagnostic));
    if let Some(help) = &diagnostic.help {
        group = group.element(Level::HELP.message(help.as_str()));
    }
    if let Some(note) = &diagnostic.note {
        group = group.element(Level::NOTE.message(note.as_str()));
    }
    group
}

struct Mark<'a> {
    range: Range<usize>,
    kind: AnnotationKind,
    text: &'a str,
}

/// One snippet per file, the primary place's file first; places far apart get their own.
fn snippets<'a>(sources: &'a Sources, diagnostic: &'a Diagnostic) -> Vec<Element<'a>> {
    let mark = |span: Span, kind, text: &'a String| Mark {
        range: shown(sources, span),
        kind,
        text,
    };
    let primary = &diagnostic.primary;
    let first = primary.span.file;
    let mut own = vec![mark(primary.span, AnnotationKind::Primary, &primary.text)];
    let mut other: BTreeMap<FileId, Vec<Mark<'a>>> = BTreeMap::new();
    for label in &diagnostic.secondary {
        let file = label.span.file;
        let list = if file == first {
            &mut own
        } else {
            other.entry(file).or_default()
        };
        list.push(mark(label.span, AnnotationKind::Context, &label.text));
    }
    let mut all = Vec::new();
    snippets_of(sources, first, own, &mut all);
    for (file, marks) in other {
        snippets_of(sources, file, marks, &mut all);
    }
    all
}

fn snippets_of<'a>(
    sources: &'a Sources,
    file: FileId,
    marks: Vec<Mark<'a>>,
    all: &mut Vec<Element<'a>>,
) {
    let mut window: Vec<Mark<'a>> = Vec::new();
    let mut covered = 0..0;
    for mark in marks {
        let wider = covered.start.min(mark.range.start)..covered.end.max(mark.range.end);
        if window.is_empty() {
            covered = mark.range.clone();
        } else if wider.len() <= SNIPPET_BYTES_MAX {
            covered = wider;
        } else {
            all.push(snippet(sources, file, covered, std::mem::take(&mut window)));
            covered = mark.range.clone();
        }
        window.push(mark);
    }
    all.push(snippet(sources, file, covered, window));
}

/// Only the lines the marks need.
fn snippet<'a>(
    sources: &'a Sources,
    file: FileId,
    covered: Range<usize>,
    marks: Vec<Mark<'a>>,
) -> Element<'a> {
    let start = Span::at(file, covered.start);
    let (lines, first_line) = sources.whole_lines(file, covered);
    if lines.len() > 2 * SNIPPET_BYTES_MAX {
        let (line, column) = sources.line_column(start);
        return Origin::path(sources.path(file))
            .line(line)
            .char_column(column)
            .into();
    }
    let base = lines.start;
    let annotations = marks.into_iter().map(|mark| {
        let span = mark.range.start - base..mark.range.end - base;
        let annotation = mark.kind.span(span);
        if mark.text.is_empty() {
            annotation
        } else {
            annotation.label(mark.text)
        }
    });
    Snippet::source(&sources.text(file)[lines])
        .path(sources.path(file))
        .line_start(first_line)
        .annotations(annotations)
        .into()
}

/// The span as it is underlined: inside the text, without a line break at its end, and cut to the
/// line it begins on when it covers more than a snippet holds.
fn shown(sources: &Sources, span: Span) -> Range<usize> {
    let range = sources.clamp(span);
    let text = &sources.text(span.file)[range.clone()];
    let trimmed = text.trim_end_matches(['\n', '\r']);
    let kept = if trimmed.len() > SNIPPET_BYTES_MAX {
        let line = trimmed.lines().next().unwrap_or_default();
        line.floor_char_boundary(SNIPPET_BYTES_MAX)
    } else {
        trimmed.len()
    };
    range.start..range.start + kept
}
