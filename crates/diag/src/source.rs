//! Texts and places in them. Knows nothing of what the texts mean.

use std::ops::Range;

/// One text in [`Sources`].
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(pub u32);

/// A range of bytes in one file; `end` is exclusive.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    pub file: FileId,
    pub start: u32,
    pub end: u32,
}

impl Span {
    /// A span over `range`. Offsets beyond `u32` are cut off there: no source is that large.
    pub fn new(file: FileId, range: Range<usize>) -> Self {
        let start = offset(range.start);
        Span {
            file,
            start,
            end: offset(range.end).max(start),
        }
    }

    /// The empty span at `at`, for something that is missing.
    pub fn at(file: FileId, at: usize) -> Self {
        Span::new(file, at..at)
    }

    /// The smallest span over both. Spans of different files cannot be joined: `self` stays.
    pub fn join(self, other: Span) -> Span {
        if self.file != other.file {
            return self;
        }
        Span {
            file: self.file,
            start: self.start.min(other.start),
            end: self.end.max(other.end),
        }
    }

    /// The part of this span that `range` (relative to its start) covers, never leaving it.
    #[allow(
        clippy::should_implement_trait,
        reason = "takes a range: nothing to confuse it with"
    )]
    pub fn sub(self, range: Range<usize>) -> Span {
        let len = self.end.saturating_sub(self.start);
        let start = self.start + offset(range.start).min(len);
        let end = self.start + offset(range.end).min(len);
        Span {
            file: self.file,
            start,
            end: end.max(start),
        }
    }

    pub fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    pub fn len(self) -> usize {
        self.range().len()
    }

    pub fn is_empty(self) -> bool {
        self.range().is_empty()
    }
}

fn offset(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// A value and where it was written.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub struct Spanned<T> {
    pub value: T,
    pub span: Span,
}

impl<T> Spanned<T> {
    pub fn new(value: T, span: Span) -> Self {
        Spanned { value, span }
    }

    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Spanned<U> {
        Spanned {
            value: f(self.value),
            span: self.span,
        }
    }

    pub fn as_ref(&self) -> Spanned<&T> {
        Spanned {
            value: &self.value,
            span: self.span,
        }
    }
}

/// Every text a diagnostic may point into.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    files: Vec<File>,
}

#[derive(Clone, Debug)]
struct File {
    path: String,
    text: String,
    /// Byte offset of the first character of each line.
    lines: Vec<u32>,
}

impl Sources {
    pub fn new() -> Self {
        Sources::default()
    }

    pub fn add(&mut self, path: impl Into<String>, text: String) -> FileId {
        let id = FileId(offset(self.files.len()));
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let lines = std::iter::once(0)
            .chain(breaks.map(|(at, _)| offset(at + 1)))
            .collect();
        self.files.push(File {
            path: path.into(),
            text,
            lines,
        });
        id
    }

    /// The path the file was added under; empty for a file that is not here.
    pub fn path(&self, file: FileId) -> &str {
        self.file(file).map_or("", |file| &file.path)
    }

    /// The file's text; empty for a file that is not here.
    pub fn text(&self, file: FileId) -> &str {
        self.file(file).map_or("", |file| &file.text)
    }

    /// Every file, in the order of adding.
    pub fn files(&self) -> impl Iterator<Item = (FileId, &str, &str)> {
        self.files
            .iter()
            .enumerate()
            .map(|(at, file)| (FileId(offset(at)), file.path.as_str(), file.text.as_str()))
    }

    /// The text a span covers.
    pub fn slice(&self, span: Span) -> &str {
        &self.text(span.file)[self.clamp(span)]
    }

    /// Puts `*` in place of what a span covers, so that nobody is shown it; line breaks stay.
    pub fn hide(&mut self, span: Span) {
        let range = self.clamp(span);
        let Some(file) = self.files.get_mut(span.file.0 as usize) else {
            return;
        };
        let hidden: String = file.text[range.clone()]
            .bytes()
            .map(|byte| if byte == b'\n' { '\n' } else { '*' })
            .collect();
        file.text.replace_range(range, &hidden);
    }

    /// Where a span begins: line and column, both from 1, the column in characters.
    pub fn line_column(&self, span: Span) -> (usize, usize) {
        self.position(span.file, span.start)
    }

    /// Where a span ends (the place just behind it), counted as [`Sources::line_column`] does.
    pub fn end_line_column(&self, span: Span) -> (usize, usize) {
        self.position(span.file, span.end.max(span.start))
    }

    /// The span as a range that lies inside the text and cuts no character in two.
    pub(crate) fn clamp(&self, span: Span) -> Range<usize> {
        let text = self.text(span.file);
        let start = text.floor_char_boundary(span.start as usize);
        let end = text.ceil_char_boundary(span.end as usize);
        start..end.max(start)
    }

    /// The byte range of the whole lines that `range` touches, and the number (from 1) of the
    /// first of them.
    pub(crate) fn whole_lines(&self, file: FileId, range: Range<usize>) -> (Range<usize>, usize) {
        let Some(file) = self.file(file) else {
            return (0..0, 1);
        };
        let first = line_index(file, offset(range.start));
        let last = line_index(file, offset(range.end));
        let end = file
            .lines
            .get(last + 1)
            .map_or(file.text.len(), |next| *next as usize);
        (file.lines[first] as usize..end, first + 1)
    }

    fn position(&self, file: FileId, at: u32) -> (usize, usize) {
        let Some(file) = self.file(file) else {
            return (1, 1);
        };
        let at = file.text.floor_char_boundary(at as usize);
        let line = line_index(file, offset(at));
        let before = &file.text[file.lines[line] as usize..at];
        (line + 1, before.chars().count() + 1)
    }

    fn file(&self, file: FileId) -> Option<&File> {
        self.files.get(file.0 as usize)
    }
}

/// The line that holds offset `at`, from 0. There is always one: the first line starts at 0.
fn line_index(file: &File, at: u32) -> usize {
    file.lines
        .partition_point(|start| *start <= at)
        .saturating_sub(1)
}
