//! From the parser's events to the tree, refusing on the way what is not part of the language.
//!
//! The events' own places are not used blindly: some lie behind comments, some are empty. A
//! cursor runs along just behind the last token, and what lies between it and the next token
//! (white space, comments, `-`, `:`, `?`, `,`) is looked at here. What is refused without being a
//! fault in the grammar leaves a tear in the tree, see [`Node::torn`]. Start at [`attempt`].

use std::collections::HashMap;
use std::ops::Range;

use diag::{Diagnostic, Diagnostics, FileId, Span, Spanned};
use saphyr_parser::{Event, Parser, ScalarStyle};

use super::outline::closer;
use super::scalar::{Plain, leading_zero, quoted, resolve};
use super::{DEPTH_MAX, Entry, Kind, NODES_MAX, Node, codes};
use super::{explain, lines, place};

/// Reading stops after this many problems: nobody mends more at once, and saying what is wrong in
/// one place costs time that grows with the length of the text.
const PROBLEMS_MAX: usize = 100;

/// What one reading of a text came to.
pub(super) struct Attempt {
    /// Of a text with a fault: nothing, because what comes before the fault is found again when
    /// the rest of the text is read without it.
    pub found: Diagnostics,
    pub outcome: Outcome,
}

pub(super) enum Outcome {
    /// In which keys may stand twice, if that is among what was found.
    Tree(Node),
    /// Here the text stops being YAML, or the YAML of the language.
    Fault(Fault),
    /// A bound was reached; `found` says which.
    Refused,
}

pub(super) struct Fault {
    /// Where reading stopped, which may be far behind the mistake.
    pub at: usize,
    pub found: Diagnostic,
}

/// Reads a text up to its end or to its first fault.
pub(super) fn attempt(file: FileId, text: &str) -> Attempt {
    let mut builder = Builder {
        file,
        text,
        out: Diagnostics::new(),
        offsets: Offsets::of(text),
        open: Vec::new(),
        root: None,
        documents: 0,
        nodes: 0,
        cursor: 0,
        doubts: Vec::new(),
        tear_next: false,
        question: false,
        fault: None,
        too_many: false,
    };
    let mut parser = Parser::new_from_str(text);
    while let Some(event) = parser.next_event() {
        let stopped = match event {
            Ok((event, span)) => {
                let offsets = &builder.offsets;
                let range = offsets.byte(span.start.index())..offsets.byte(span.end.index());
                builder.event(event, range).is_err()
            }
            Err(error) => {
                let at = builder.offsets.byte(error.marker().index());
                let found = explain::explain(file, text, error.info(), at);
                builder.fault = Some(Fault { at, found });
                true
            }
        };
        if stopped {
            return match builder.fault.take() {
                Some(fault) => Attempt {
                    found: Diagnostics::new(),
                    outcome: Outcome::Fault(fault),
                },
                None => Attempt {
                    found: builder.found(),
                    outcome: Outcome::Refused,
                },
            };
        }
    }
    let root = builder
        .root
        .take()
        .unwrap_or_else(|| Node::new(Kind::Null, Span::at(file, 0)));
    Attempt {
        found: builder.found(),
        outcome: Outcome::Tree(root),
    }
}

/// The parser counts characters; spans count bytes.
struct Offsets {
    /// The byte of every character, unless all characters are one byte.
    bytes: Option<Vec<u32>>,
    len: usize,
}

impl Offsets {
    fn of(text: &str) -> Self {
        let index = |at: usize| u32::try_from(at).expect("the size of a text is checked before");
        let bytes =
            (!text.is_ascii()).then(|| text.char_indices().map(|(at, _)| index(at)).collect());
        Offsets {
            bytes,
            len: text.len(),
        }
    }

    fn byte(&self, character: usize) -> usize {
        match &self.bytes {
            Some(bytes) => bytes.get(character).map_or(self.len, |at| *at as usize),
            None => character.min(self.len),
        }
    }
}

/// Reading on makes no sense; there is a fault, or what was wrong has been said.
struct Stop;

struct Builder<'t> {
    file: FileId,
    text: &'t str,
    out: Diagnostics,
    offsets: Offsets,
    open: Vec<Open>,
    root: Option<Node>,
    documents: usize,
    nodes: usize,
    /// Just behind the last token.
    cursor: usize,
    /// Errors that a fault behind them may explain better.
    doubts: Vec<Diagnostic>,
    /// The value that comes is not what its source means.
    tear_next: bool,
    /// A `?` stands before the key, so its value may be anywhere.
    question: bool,
    fault: Option<Fault>,
    /// [`PROBLEMS_MAX`] were found.
    too_many: bool,
}

/// A list or map that is not finished.
struct Open {
    start: usize,
    /// Written in brackets.
    flow: bool,
    /// `[a: 1]`: a map without brackets of its own.
    pair: bool,
    content: Content,
    /// As [`Node::torn`].
    torn: bool,
    /// Its entries are not what their source means: the whole of it is as good as not there.
    unreadable: bool,
}

enum Content {
    List(Vec<Node>),
    Map {
        entries: Vec<Entry>,
        key: Option<Spanned<String>>,
        /// The key was refused, so its entry is left out.
        lost: bool,
        seen: HashMap<String, Span>,
    },
}

impl Builder<'_> {
    /// Everything that was found, what was put off included.
    fn found(mut self) -> Diagnostics {
        self.out.extend(self.doubts);
        if !self.too_many {
            return self.out;
        }
        let mut all: Vec<Diagnostic> = self.out.into_iter().collect();
        if let Some(last) = all.last_mut() {
            last.note = Some("after so many the rest has not been checked".to_owned());
        }
        all.into_iter().collect()
    }

    fn event(&mut self, event: Event<'_>, range: Range<usize>) -> Result<(), Stop> {
        if self.out.len() + self.doubts.len() >= PROBLEMS_MAX {
            self.too_many = true;
            return Err(Stop);
        }
        self.understand(event, range)?;
        match self.fault {
            Some(_) => Err(Stop),
            None => Ok(()),
        }
    }

    fn understand(&mut self, event: Event<'_>, range: Range<usize>) -> Result<(), Stop> {
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
            Event::DocumentStart(explicit) => self.document(explicit, range),
            Event::Alias(_) => self.alias(range),
            Event::Scalar(value, style, anchor, tag) => {
                let start = self.properties(range.start, anchor > 0, tag.is_some());
                self.count(start)?;
                self.scalar(&value, style, start..range.end.max(start))
            }
            Event::SequenceStart(anchor, tag) => {
                let start = self.properties(range.start, anchor > 0, tag.is_some());
                self.list(start)
            }
            Event::MappingStart(anchor, tag) => {
                let start = self.properties(range.start, anchor > 0, tag.is_some());
                self.map(start)
            }
            Event::SequenceEnd | Event::MappingEnd => {
                self.close(range.start);
                Ok(())
            }
        }
    }

    fn document(&mut self, explicit: bool, range: Range<usize>) -> Result<(), Stop> {
        self.documents += 1;
        if self.documents > 1 {
            let line = lines::line_at(self.text, range.start);
            let found = self
                .error(
                    codes::SECOND_DOCUMENT,
                    line.content_range(),
                    "a second document begins here",
                )
                .help("one file holds one document: move this one to a file of its own");
            return self.stop_at(range.start, found);
        }
        let first = place::document_start(self.text);
        if self.text[first..].starts_with('%') {
            let line = lines::line_at(self.text, first);
            self.out.push(
                self.error(
                    codes::DIRECTIVE,
                    line.content_range(),
                    "directives are not part of the language",
                )
                .help("remove this line; every file is YAML 1.2 and has no tags"),
            );
        }
        self.cursor = if explicit {
            range.end
        } else {
            first.min(range.start)
        };
        Ok(())
    }

    fn alias(&mut self, range: Range<usize>) -> Result<(), Stop> {
        self.count(range.start)?;
        let lost = matches!(
            self.open.last(),
            Some(Open {
                content: Content::Map { lost: true, .. },
                ..
            })
        );
        if !lost {
            self.out
                .push(explain::alias(self.file, self.text, range.start));
        }
        self.cursor = range.end;
        let span = Span::new(self.file, range);
        if self.awaits_key() {
            self.lose_key(span);
        } else {
            self.tear_next = true;
            self.add(Node::new(Kind::Null, span));
        }
        Ok(())
    }

    /// Refuses an anchor and a tag before a value, and finds where the value itself begins.
    fn properties(&mut self, start: usize, anchor: bool, tag: bool) -> usize {
        if !anchor && !tag {
            return start;
        }
        let mut at = start;
        let mut said = false;
        loop {
            let found = match self.text.as_bytes().get(at) {
                Some(b'&') => explain::anchor(self.file, self.text, at),
                Some(b'!') => {
                    self.tear_next = true;
                    explain::tag(self.file, self.text, at)
                }
                _ => return at,
            };
            if !said {
                self.out.push(found);
                said = true;
            }
            let rest = &self.text[at..];
            let end = rest.find(|c: char| {
                c.is_ascii_whitespace() || matches!(c, ',' | '[' | ']' | '{' | '}')
            });
            at = place::next_token(self.text, at + end.unwrap_or(rest.len()).max(1));
        }
    }

    fn scalar(&mut self, value: &str, style: ScalarStyle, range: Range<usize>) -> Result<(), Stop> {
        if style == ScalarStyle::Plain && value.is_empty() {
            self.missing(range.start);
            return Ok(());
        }
        let range = self.extent(style, range);
        self.look_between(range.start);
        self.cursor = range.end;
        let span = Span::new(self.file, range);
        let plain = style == ScalarStyle::Plain;
        if self.awaits_key() {
            if plain {
                if let Some(found) = explain::colon_before_bracket(self.file, value, span) {
                    let at = span.range().start;
                    return self.stop_at(at, found);
                }
                self.check_plain_key(value, span);
            }
            if std::mem::take(&mut self.tear_next) {
                self.lose_key(span);
            } else {
                self.add_key(Spanned::new(value.to_owned(), span));
            }
        } else {
            let kind = match style {
                ScalarStyle::Plain => self.plain(value, span),
                ScalarStyle::Literal | ScalarStyle::Folded => {
                    Kind::String(chomped(value, &self.text[span.range()]))
                }
                _ => Kind::String(value.to_owned()),
            };
            self.add(Node::new(kind, span));
        }
        Ok(())
    }

    /// Exactly from the first to the last character of a value's source.
    fn extent(&self, style: ScalarStyle, range: Range<usize>) -> Range<usize> {
        match style {
            ScalarStyle::Plain => range,
            ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => {
                let end = place::quoted_end(self.text, range.start).unwrap_or(range.end);
                range.start..end
            }
            ScalarStyle::Literal | ScalarStyle::Folded => {
                // The event begins with the first line of the text, behind `|` or `>`.
                let start = self.block_header().min(range.end);
                let end = start + self.text[start..range.end].trim_end().len();
                start..end.max(start + 1).min(self.text.len())
            }
        }
    }

    /// Where the next `|` or `>` stands, behind `-`, `:` and properties.
    fn block_header(&self) -> usize {
        let mut at = self.cursor;
        loop {
            at = place::next_token(self.text, at);
            match self.text.as_bytes().get(at) {
                Some(b'-' | b':' | b'?' | b',') => at += 1,
                Some(b'&' | b'!') => {
                    let rest = &self.text[at..];
                    at += rest
                        .find(|c: char| c.is_ascii_whitespace())
                        .unwrap_or(rest.len());
                }
                _ => return at,
            }
        }
    }

    /// A value (or, wrongly, a key) that is not there.
    fn missing(&mut self, near: usize) {
        let at = place::next_token(self.text, self.cursor);
        let found = self.text.as_bytes().get(at).copied();
        if self.awaits_key() {
            let at = at.max(self.cursor);
            if found == Some(b'?') {
                self.out.push(self.complex_key(at..at + 1));
            } else {
                self.out.push(
                    self.error(
                        codes::KEY_MISSING,
                        at..(at + 1).min(self.text.len()),
                        "there is no key before this `:`",
                    )
                    .help("write the key, or remove the line"),
                );
            }
            self.tear_next = false;
            self.lose_key(Span::at(self.file, at));
            return;
        }
        let marker = match self.open.last() {
            Some(Open {
                content: Content::Map { .. },
                ..
            }) => b':',
            Some(Open {
                content: Content::List(_),
                ..
            }) => b'-',
            None => 0,
        };
        if found == Some(marker) {
            self.look_between(at);
            self.cursor = at + 1;
        } else if let Some(Open {
            flow: true,
            content: Content::Map { key: Some(key), .. },
            ..
        }) = self.open.last()
        {
            let key = key.clone();
            self.value_missing(&key);
        } else if self.open.is_empty() {
            self.cursor = self.cursor.max(near);
        }
        self.add(Node::new(Kind::Null, Span::at(self.file, self.cursor)));
    }

    /// `{a, b}`, which is most often something else gone wrong.
    fn value_missing(&mut self, key: &Spanned<String>) {
        self.lose_key(key.span);
        let range = key.span.range();
        let source = &self.text[range.clone()];
        if let Some(colon) = lines::glued_colon(source) {
            self.doubts
                .push(explain::glued_colon(self.file, range.start + colon));
            return;
        }
        if let Some(Open {
            content: Content::Map { entries, .. },
            ..
        }) = self.open.last()
            && let Some(Entry {
                value:
                    Node {
                        kind: Kind::String(_),
                        span,
                        ..
                    },
                ..
            }) = entries.last()
            && opens_more(&self.text[span.range()])
        {
            // `{read: a.exists(m, m.ok)}`: already reported where the comma cut the value.
            return;
        }
        let found = self
            .error(
                codes::VALUE_MISSING,
                range,
                format!("`{source}` has no value"),
            )
            .help(format!(
                "write `{source}: …`; or `[{source}]` if this is meant to be a list"
            ));
        self.doubts.push(found);
    }

    fn plain(&mut self, word: &str, span: Span) -> Kind {
        let source = &self.text[span.range()];
        match resolve(word) {
            Plain::Is(Kind::String(value)) => {
                self.check_bare_text(&value, span);
                Kind::String(value)
            }
            Plain::Is(kind) => {
                if matches!(kind, Kind::Int(_)) && leading_zero(word) {
                    self.out.push(
                        Diagnostic::warning(
                            codes::LEADING_ZERO,
                            span,
                            format!("`{word}` is a number: the zeros in front are not kept"),
                        )
                        .help(format!("write {} if they matter", quoted(word)))
                        .note("YAML 1.1 would even read it as octal"),
                    );
                }
                kind
            }
            Plain::IntOutOfRange => {
                self.tear_next = true;
                let message = format!("`{source}` is too large for a whole number");
                self.out.push(
                    self.error(codes::INT_OUT_OF_RANGE, span.range(), message)
                        .label("whole numbers have 64 bits")
                        .help(format!("write {} if it is text", quoted(word))),
                );
                Kind::Null
            }
            Plain::NotFinite => {
                self.tear_next = true;
                let message = format!("`{source}` is not a finite number");
                self.out.push(
                    self.error(codes::NUMBER_NOT_FINITE, span.range(), message)
                        .help(format!(
                            "JSON has no such number; write {} if it is text",
                            quoted(word)
                        )),
                );
                Kind::Null
            }
        }
    }

    /// Text without quotes that begins oddly, or that a comma or a comment has cut short.
    fn check_bare_text(&mut self, value: &str, span: Span) {
        if value.starts_with(['|', '>']) {
            // Outside brackets this would have been a block of text.
            let found = explain::needs_quotes(self.file, self.text, span.range().start);
            self.out.push(found);
            self.tear_next = true;
        }
        let rest = &self.text[span.range().end..];
        let next = rest.trim_start_matches([' ', '\t']);
        if let Some(first) = value.chars().next()
            && first.is_whitespace()
        {
            let start = span.range().start;
            if lines::line_at(self.text, start).content_start() == start {
                // How deep the line is meant to be, only its mended indentation says.
                let found = explain::foreign_space(self.file, start, first);
                self.fault = Some(Fault { at: start, found });
                return;
            }
            let code = u32::from(first);
            let message =
                format!("this value begins with U+{code:04X}, which only looks like a space");
            self.out.push(
                self.error(
                    codes::CHARACTER,
                    span.sub(0..first.len_utf8()).range(),
                    message,
                )
                .help("replace it by a space"),
            );
        }
        if !opens_more(value) {
            return;
        }
        let flow = self.open.last().is_some_and(|open| open.flow);
        let end = self.text.len() - next.len();
        if flow && next.starts_with(',') {
            let found = self
                .error(
                    codes::NEEDS_QUOTES,
                    span.range(),
                    "this value is cut in two by a comma",
                )
                .label("ends at the comma, with a parenthesis open")
                .also(Span::new(self.file, end..end + 1), "this comma")
                .help("inside `{…}` and `[…]` put a value with commas into quotes");
            self.out.push(found);
            // What follows the comma is the rest of the value, taken for entries.
            if let Some(open) = self.open.last_mut() {
                open.unreadable = true;
            }
        } else if next.starts_with('#') && value.starts_with('=') {
            let line_end = lines::line_at(self.text, end)
                .content_range()
                .end
                .max(end + 1);
            let whole = &self.text[span.range().start..line_end];
            let found = self
                .error(
                    codes::COMMENT_IN_FORMULA,
                    span.range(),
                    "this formula is cut short by a comment",
                )
                .also(
                    Span::new(self.file, end..line_end),
                    "from here on it is a comment",
                )
                .help(format!("put the formula into quotes: {}", quoted(whole)));
            self.out.push(found);
            self.tear_next = true;
        }
    }

    fn check_plain_key(&mut self, word: &str, span: Span) {
        if word == "<<" {
            self.out.push(
                self.error(
                    codes::MERGE_KEY,
                    span.range(),
                    "merge keys are not part of the language",
                )
                .help("write the keys out; what several resources share can be a rule or a type"),
            );
            self.tear_next = true;
            return;
        }
        let what = match resolve(word) {
            Plain::Is(Kind::String(_)) => return self.check_bare_text(word, span),
            Plain::Is(Kind::Null) => "null",
            Plain::Is(Kind::Bool(_)) => "true or false",
            _ => "a number",
        };
        self.out.push(
            self.error(
                codes::KEY_NOT_TEXT,
                span.range(),
                format!("the key `{word}` is {what}, not text"),
            )
            .help(format!("put it into quotes: {}", quoted(word))),
        );
    }

    fn list(&mut self, start: usize) -> Result<(), Stop> {
        self.refuse_complex_key(start)?;
        // A list at the indentation of its key has an event that begins behind the first dash.
        let dash = match self.open.last() {
            Some(Open {
                content: Content::Map { .. },
                ..
            }) => {
                let colon = place::next_token(self.text, self.cursor);
                let behind = colon + usize::from(self.text[colon..].starts_with(':'));
                Some(place::next_token(self.text, behind))
                    .filter(|at| *at < start && self.text[*at..].starts_with('-'))
            }
            _ => None,
        };
        let flow = dash.is_none() && self.text[start..].starts_with('[');
        let start = dash.unwrap_or(start);
        self.open(start, flow, false, Content::List(Vec::new()))
    }

    fn map(&mut self, start: usize) -> Result<(), Stop> {
        self.refuse_complex_key(start)?;
        let flow = self.text[start..].starts_with('{');
        let within_flow = self.open.last().is_some_and(|open| open.flow);
        let pair = within_flow && !flow;
        if pair {
            let message = "a list holds a `key: value` without brackets";
            self.out.push(
                self.error(codes::PAIR_IN_LIST, start..start, message)
                    .help("write `[{key: value}]`; or put the item into quotes if it is text"),
            );
        }
        let content = Content::Map {
            entries: Vec::new(),
            key: None,
            lost: false,
            seen: HashMap::new(),
        };
        self.open(start, flow || pair, pair, content)
    }

    fn open(&mut self, start: usize, flow: bool, pair: bool, content: Content) -> Result<(), Stop> {
        self.count(start)?;
        if self.open.len() >= DEPTH_MAX {
            let message = format!("nested deeper than {DEPTH_MAX} levels");
            self.out.push(
                self.error(codes::TOO_DEEP, start..start + 1, message)
                    .help("close the brackets, or name the inner objects under `types:`; the language itself needs ten levels")
                    .note("nothing else of the file has been checked"),
            );
            return Err(Stop);
        }
        self.look_between(start);
        let bracket = usize::from(flow && !pair);
        self.cursor = (start + bracket).max(self.cursor);
        self.open.push(Open {
            start,
            flow,
            pair,
            content,
            torn: std::mem::take(&mut self.tear_next),
            // What is wrong about a pair has been said; nobody is to expect a map there.
            unreadable: pair,
        });
        Ok(())
    }

    fn close(&mut self, at: usize) {
        let Some(open) = self.open.pop() else {
            return;
        };
        if open.flow && !open.pair {
            // Behind a comma at the end, the event may stand at the comma.
            let next = place::next_token(self.text, self.cursor);
            let next = if self.text[next..].starts_with(',') {
                place::next_token(self.text, next + 1)
            } else {
                next
            };
            let at = if self.text[next..].starts_with([']', '}']) {
                next
            } else {
                at
            };
            self.check_closer(open.start, at);
            self.look_between(at);
            self.cursor = (at + 1).clamp(self.cursor, self.text.len());
        }
        let span = Span::new(self.file, open.start..self.cursor);
        let kind = match open.content {
            _ if open.unreadable => Kind::Null,
            Content::List(items) => Kind::List(items),
            Content::Map { entries, .. } => Kind::Map(entries),
        };
        let torn = open.torn || open.unreadable;
        self.add(Node { kind, span, torn });
    }

    /// The parser takes any closing bracket for any opening one.
    fn check_closer(&mut self, opened: usize, closed: usize) {
        let bytes = self.text.as_bytes();
        let crossed = matches!(bytes.get(closed), Some(b']' | b'}'))
            && bytes[closed] != closer(bytes[opened]);
        if crossed && self.fault.is_none() {
            let around = self.open.iter().rfind(|open| open.flow && !open.pair);
            let around = around.map(|open| open.start);
            let found = explain::crossed(self.file, self.text, (opened, closed), around);
            self.fault = Some(Fault { at: closed, found });
        }
    }

    fn awaits_key(&self) -> bool {
        matches!(
            self.open.last(),
            Some(Open {
                content: Content::Map { key: None, .. },
                ..
            })
        )
    }

    fn add_key(&mut self, found: Spanned<String>) {
        if let Some(Open {
            content: Content::Map { key, .. },
            ..
        }) = self.open.last_mut()
        {
            *key = Some(found);
        }
    }

    /// Puts a key down whose entry is left out.
    fn lose_key(&mut self, span: Span) {
        self.add_key(Spanned::new(String::new(), span));
        if let Some(Open {
            content: Content::Map { lost, .. },
            ..
        }) = self.open.last_mut()
        {
            *lost = true;
        }
    }

    fn add(&mut self, mut node: Node) {
        let question = std::mem::take(&mut self.question) && node.kind == Kind::Null;
        node.torn |= std::mem::take(&mut self.tear_next) || question;
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return;
        };
        match &mut open.content {
            Content::List(items) => items.push(node),
            Content::Map {
                entries,
                key,
                lost,
                seen,
            } => {
                let Some(key) = key.take() else {
                    return;
                };
                if std::mem::take(lost) {
                    open.torn = true;
                    return;
                }
                if let Some(first) = seen.get(&key.value) {
                    let message = format!("the key `{}` stands twice in this map", key.value);
                    let found = Diagnostic::error(codes::DUPLICATE_KEY, key.span, message)
                        .label("again here")
                        .also(*first, "first here")
                        .help("remove one of them, or join their values");
                    self.out.push(found);
                } else {
                    seen.insert(key.value.clone(), key.span);
                }
                entries.push(Entry { key, value: node });
            }
        }
    }

    fn count(&mut self, at: usize) -> Result<(), Stop> {
        self.nodes += 1;
        if self.nodes <= NODES_MAX {
            return Ok(());
        }
        let message = format!("the file holds more than {NODES_MAX} values");
        self.out.push(
            self.error(codes::TOO_MANY, at..at, message)
                .help("split it, and name the parts under `include`")
                .note("nothing else of the file has been checked"),
        );
        Err(Stop)
    }

    fn refuse_complex_key(&mut self, start: usize) -> Result<(), Stop> {
        if !self.awaits_key() {
            return Ok(());
        }
        self.stop_at(start, self.complex_key(start..start + 1))
    }

    fn stop_at(&mut self, at: usize, found: Diagnostic) -> Result<(), Stop> {
        self.fault = Some(Fault { at, found });
        Err(Stop)
    }

    fn complex_key(&self, range: Range<usize>) -> Diagnostic {
        self.error(
            codes::COMPLEX_KEY,
            range,
            "a key must be one word or a quoted text",
        )
        .help("write `key: value`; put the key into quotes if it holds brackets or `?`")
    }

    /// Looks at what stands between the cursor and the next token: tabs and `?` are refused.
    fn look_between(&mut self, until: usize) {
        let bytes = self.text.as_bytes();
        let mut at = self.cursor;
        while at < until {
            match bytes[at] {
                b'#' => {
                    let len = self.text[at..until].find('\n');
                    at = len.map_or(until, |len| at + len);
                    continue;
                }
                b'\t' if !self.ends_line(at) => {
                    let found = explain::tab(self.file, self.text, at);
                    let line = lines::line_at(self.text, at);
                    let flow = self.open.last().is_some_and(|open| open.flow);
                    if at < line.content_start() && !flow && self.fault.is_none() {
                        // How deep the line is, nobody knows.
                        self.fault = Some(Fault { at, found });
                    } else {
                        self.out.push(found);
                    }
                    let more = self.text[at..]
                        .bytes()
                        .take_while(|byte| *byte == b'\t')
                        .count();
                    at += more;
                    continue;
                }
                b'?' => {
                    self.out.push(self.complex_key(at..at + 1));
                    self.question = true;
                }
                _ => {}
            }
            at += 1;
        }
    }

    /// Whether only white space or a comment follows on the line: there a tab does no harm.
    fn ends_line(&self, at: usize) -> bool {
        let rest = self.text[at..].trim_start_matches([' ', '\t', '\r']);
        rest.is_empty() || rest.starts_with(['\n', '#'])
    }

    fn error(
        &self,
        code: &'static str,
        range: Range<usize>,
        message: impl Into<String>,
    ) -> Diagnostic {
        let end = self.text.ceil_char_boundary(range.end);
        Diagnostic::error(code, Span::new(self.file, range.start..end), message)
    }
}

/// The line breaks at the end of a block of text as its header asks for them: all with `+`, none
/// with `-`, else one. The parser adds one too many when white space ends the file.
fn chomped(value: &str, source: &str) -> String {
    let header = source.lines().next().unwrap_or_default();
    let header = &header[..header.find([' ', '\t', '#']).unwrap_or(header.len())];
    let text = value.trim_end_matches('\n');
    if header.contains('+') {
        value.to_owned()
    } else if header.contains('-') || text.is_empty() {
        text.to_owned()
    } else {
        format!("{text}\n")
    }
}

/// Whether more parentheses (or quotes) are opened than closed: the mark of a formula cut short.
fn opens_more(value: &str) -> bool {
    let mut open = 0_usize;
    let mut quote = None;
    for c in value.chars() {
        match (quote, c) {
            (Some(q), c) if q == c => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') if value.starts_with('=') => quote = Some(c),
            (None, '(') => open += 1,
            (None, ')') => open = open.saturating_sub(1),
            _ => {}
        }
    }
    open > 0 || quote.is_some()
}
