//! What was wrong with the syntax, in plain words.
//!
//! The parser says what it expected; a person wants to know which of the usual slips it was. The
//! place of the error, the lines around it and the brackets open there tell most of them apart.
//! Start at [`explain`]; the other public functions say what the tree builder finds by itself.

use std::ops::Range;

use diag::{Diagnostic, FileId, Span};

use super::lines::{Line, behind_dashes, glued_colon as find_glued_colon};
use super::lines::{key_end, levels, line_above, line_at, meant_indent, misfit, without_comment};
use super::mend;
use super::outline::{self, Outline, closer};
use super::place::{next_token, quoted_end};
use super::{codes, quoted};

/// Turns the parser's message at byte `at` into a diagnostic.
pub(super) fn explain(file: FileId, text: &str, info: &str, at: usize) -> Diagnostic {
    let at = text.floor_char_boundary(at);
    let case = Case {
        file,
        text,
        at,
        line: line_at(text, at),
        outline: outline::up_to(text, at),
    };
    case.tab(info)
        .or_else(|| case.quote(info))
        .or_else(|| case.foreign_above())
        .or_else(|| case.directive(info))
        .or_else(|| case.first_character(info))
        .or_else(|| case.comment(info))
        .or_else(|| case.crossed_bracket(info))
        .or_else(|| case.stray_bracket(info))
        .or_else(|| case.colon_above(info))
        .or_else(|| case.in_brackets(info))
        .or_else(|| case.colon(info))
        .or_else(|| case.forgotten_colon(info))
        .or_else(|| case.indentation(info))
        .unwrap_or_else(|| {
            let message = format!("this is not valid YAML: {info}");
            case.error(codes::SYNTAX, at..at, message).help(
                "look at this line and the one above it: a quote, bracket or colon is missing, or too much; text with special characters stands in quotes",
            )
        })
}

pub(super) fn alias(file: FileId, text: &str, at: usize) -> Diagnostic {
    let value = rest_of_value(text, at);
    error(
        file,
        codes::ALIAS,
        at..at + value.len(),
        "a value that begins with `*` is an alias to YAML",
    )
    .label("aliases are not part of the language")
    .help(format!(
        "write the value out; if this is text, put it into quotes: {}",
        quoted(value)
    ))
}

pub(super) fn anchor(file: FileId, text: &str, at: usize) -> Diagnostic {
    let value = rest_of_value(text, at);
    error(
        file,
        codes::ANCHOR,
        at..at + value.len(),
        "a value that begins with `&` is an anchor to YAML",
    )
    .label("anchors are not part of the language")
    .help(format!(
        "remove the anchor; if this is text, put it into quotes: {}",
        quoted(value)
    ))
}

pub(super) fn tag(file: FileId, text: &str, at: usize) -> Diagnostic {
    let value = rest_of_value(text, at);
    error(
        file,
        codes::TAG,
        at..at + value.len(),
        "a value that begins with `!` is a tag to YAML",
    )
    .label("tags are not part of the language")
    .help(format!(
        "if `!` means \"not\", put the whole value into quotes: {}; otherwise remove the tag",
        quoted(value)
    ))
}

/// A value whose first character YAML keeps for itself.
pub(super) fn needs_quotes(file: FileId, text: &str, at: usize) -> Diagnostic {
    let line = line_at(text, at);
    if let Some(found) = foreign(file, &line).filter(|_| line.content_start() == at) {
        return found;
    }
    let value = rest_of_value(text, at);
    let first = value.chars().next().unwrap_or(' ');
    let block = value
        .trim_start_matches(['|', '>', '-', '+'])
        .trim()
        .is_empty();
    if matches!(first, '|' | '>') && block && !outline::up_to(text, at).open.is_empty() {
        return error(
            file,
            codes::NEEDS_QUOTES,
            at..at + value.len(),
            "a block of text cannot stand inside brackets",
        )
        .label(format!("`{first}` announces one"))
        .help(format!(
            "write the text on this line, in quotes; or write the keys one below the other instead of in `{{…}}`: then `key: {first}` has its text below it"
        ));
    }
    let message = match first {
        '|' | '>' => format!("`{first}` at the beginning of a value announces a block of text"),
        _ => format!("a value cannot begin with `{first}`"),
    };
    error(file, codes::NEEDS_QUOTES, at..at + value.len(), &message)
        .help(format!("put the value into quotes: {}", quoted(value)))
}

pub(super) fn tab(file: FileId, text: &str, at: usize) -> Diagnostic {
    let len = text[at..].bytes().take_while(|byte| *byte == b'\t').count();
    let indents = text[line_at(text, at).start..at].trim().is_empty();
    let help = if indents {
        "indent with spaces, two for each level"
    } else {
        "put a space here"
    };
    error(file, codes::TAB, at..at + len, "a tab cannot stand here").help(help)
}

/// White space that YAML does not know, before the first character of a line.
pub(super) fn foreign_space(file: FileId, at: usize, space: char) -> Diagnostic {
    let message = format!(
        "this is U+{:04X}, which only looks like a space",
        u32::from(space)
    );
    Diagnostic::error(
        codes::CHARACTER,
        Span::new(file, at..at + space.len_utf8()),
        message,
    )
    .help("indent with plain spaces; such a character often comes along from a web page")
}

/// `[a}`, with the brackets at `opened` and `closed`; `around` is the bracket around both.
pub(super) fn crossed(
    file: FileId,
    text: &str,
    (opened, closed): (usize, usize),
    around: Option<usize>,
) -> Diagnostic {
    let bytes = text.as_bytes();
    let bracket = |at: usize| char::from(bytes[at]);
    let missing = char::from(closer(bytes[opened]));
    if let Some(around) = around.filter(|around| closer(bytes[*around]) == bytes[closed]) {
        let message = format!("this `{}` is not closed", bracket(opened));
        return error(file, codes::BRACKET, opened..opened + 1, &message)
            .label("opened here")
            .also(
                Span::new(file, closed..closed + 1),
                format!("this is for the `{}` before it", bracket(around)),
            )
            .help(format!("add `{missing}` where it ends"));
    }
    let message = format!("`{}` cannot close a `{}`", bracket(closed), bracket(opened));
    error(file, codes::BRACKET, closed..closed + 1, &message)
        .also(Span::new(file, opened..opened + 1), "opened here")
        .help(format!("write `{missing}`"))
}

/// A line that is of another language than YAML.
fn foreign(file: FileId, line: &Line<'_>) -> Option<Diagnostic> {
    let content = line.content;
    let begins = |mark: &str| content.starts_with(mark);
    let (message, help) = if begins("//") || begins("/*") {
        ("this is no comment in YAML", "a comment begins with `#`")
    } else if begins("```") {
        (
            "this line is not part of the contract",
            "remove it; it marks code in other texts",
        )
    } else {
        return None;
    };
    Some(error(file, codes::SYNTAX, line.content_range(), message).help(help))
}

/// `key:value`, with the colon at `colon`.
pub(super) fn glued_colon(file: FileId, colon: usize) -> Diagnostic {
    error(
        file,
        codes::SPACE_AFTER_COLON,
        colon..colon + 1,
        "a space is missing after this `:`",
    )
    .label("needs a space behind it")
    .help("put a space behind the colon")
    .note("without the space YAML takes key, colon and value for one word")
}

/// `key {type: string}` or `key:{type: string}`, of which YAML takes `key {type` for the key.
pub(super) fn colon_before_bracket(file: FileId, key: &str, span: Span) -> Option<Diagnostic> {
    let end = key.find([' ', ':'])?;
    let word = &key[..end];
    let behind = key[end + 1..].trim_start().chars().next()?;
    if !matches!(behind, '{' | '[') || word.contains(['{', '[', '\'', '"', '(']) {
        return None;
    }
    let start = span.range().start;
    if key[end..].starts_with(':') {
        return Some(glued_colon(file, start + end));
    }
    let range = start..start + end;
    let found = error(
        file,
        codes::COLON_MISSING,
        range,
        "a `:` is missing behind this key",
    );
    Some(found.help(format!("write `{word}: {behind}…`")))
}

/// One error, and what is known about its surroundings.
struct Case<'t> {
    file: FileId,
    text: &'t str,
    at: usize,
    line: Line<'t>,
    outline: Outline,
}

impl<'t> Case<'t> {
    fn tab(&self, info: &str) -> Option<Diagnostic> {
        let bytes = self.text.as_bytes();
        let indent = &self.text[self.line.start..self.line.content_start()];
        let here = bytes.get(self.at) == Some(&b'\t');
        let before = self.at > 0 && bytes[self.at - 1] == b'\t';
        let at = if let Some(offset) = indent.find('\t') {
            self.line.start + offset
        } else if here {
            self.at
        } else if before {
            self.at - 1
        } else if info.contains("tab") {
            // A bare word or block of text that goes on with a tab on a later line.
            self.at + self.text[self.at..].find('\t')?
        } else {
            return None;
        };
        let first = self.text[..at].trim_end_matches('\t').len();
        Some(tab(self.file, self.text, first))
    }

    fn quote(&self, info: &str) -> Option<Diagnostic> {
        if info.contains("trailing content after") {
            return Some(self.behind_quote());
        }
        if !info.contains("quoted scalar") {
            return None;
        }
        // These errors all stand at the opening quote.
        if info.contains("escape") || info.contains("hexadecimal") {
            return Some(self.escape());
        }
        Some(self.open_quote(self.at))
    }

    fn open_quote(&self, start: usize) -> Diagnostic {
        let quote = self.text[start..].chars().next().unwrap_or('"');
        let line = line_at(self.text, start);
        let end = line.content_range().end.max(start + 1);
        let found = self
            .error(
                codes::QUOTE_NOT_CLOSED,
                start..end,
                format!("this `{quote}` is not closed on its line"),
            )
            .label("the quoted text begins here");
        let known = self.text.get(start + 1..end).unwrap_or_default();
        if quote == '\'' && known.contains('\'') {
            return found.help("inside single quotes write '' for an apostrophe");
        }
        found.help(format!(
            "add the closing `{quote}`; text over several lines can stand under `key: |`"
        ))
    }

    /// `'it's fine'`, `'a' == b`, or a quote that was closed by the opening of the next one.
    fn behind_quote(&self) -> Diagnostic {
        let Some((start, end)) = self.outline.quote.filter(|(_, end)| *end <= self.at) else {
            return self
                .error(
                    codes::TEXT_AFTER_VALUE,
                    self.at..self.at,
                    "text behind a closing quote",
                )
                .help("put the whole value into quotes, or remove what is behind it");
        };
        if self.text[start..end].contains('\n') {
            return self.open_quote(start).also(
                Span::new(self.file, end - 1..end),
                "taken for the closing quote",
            );
        }
        let whole = rest_of_value(self.text, start);
        let found = self
            .error(
                codes::TEXT_AFTER_VALUE,
                self.rest(),
                "there is more text behind a closing quote",
            )
            .also(Span::new(self.file, start..end), "the quoted text");
        let apostrophe = self.text[start..].starts_with('\'')
            && self.text[end..].starts_with(char::is_alphabetic);
        let bracket = self.outline.open.last();
        if bracket.is_some_and(|bracket| mend::comma_missing(self.text, *bracket, self.at)) {
            found.help("separate the items by commas")
        } else if apostrophe {
            found.help("inside single quotes write '' for an apostrophe")
        } else {
            found.help(format!(
                "put the whole value into quotes: {}",
                quoted(whole)
            ))
        }
    }

    fn escape(&self) -> Diagnostic {
        let end = quoted_end(self.text, self.at).unwrap_or(self.text.len());
        let inside = self.text.get(self.at + 1..end).unwrap_or_default();
        let mut rest = inside;
        let mut place = self.at..self.at + 1;
        while let Some(backslash) = rest.find('\\') {
            let start = self.at + 1 + (inside.len() - rest.len()) + backslash;
            let behind = &rest[backslash + 1..];
            let Some(kind) = behind.chars().next() else {
                break;
            };
            let digits = match kind {
                'x' => 2,
                'u' => 4,
                'U' => 8,
                _ => 0,
            };
            let code = behind
                .get(1..1 + digits)
                .and_then(|hex| u32::from_str_radix(hex, 16).ok());
            let known = "0abtnvfre \"/\\N_LP\t\n\r".contains(kind)
                || (digits > 0 && code.and_then(char::from_u32).is_some());
            if !known {
                place = start..start + 1 + kind.len_utf8();
                break;
            }
            rest = &behind[kind.len_utf8()..];
        }
        self.error(
            codes::ESCAPE,
            place,
            "this escape means nothing inside double quotes",
        )
        .help("use single quotes, where a backslash is a backslash; or write `\\\\`")
    }

    /// A line of another language, of which this one was taken for more.
    fn foreign_above(&self) -> Option<Diagnostic> {
        let above = line_above(self.text, &self.line)?;
        foreign(self.file, &above).filter(|_| above.indent <= self.line.indent)
    }

    fn directive(&self, info: &str) -> Option<Diagnostic> {
        let first = next_token(self.text, 0);
        let line = if self.line.content.starts_with('%') && self.at == self.line.content_start() {
            self.line
        } else if info.contains("<document start>") && self.text[first..].starts_with('%') {
            line_at(self.text, first)
        } else {
            return None;
        };
        let message = "a line that begins with `%` is a directive to YAML";
        let found = self.error(codes::DIRECTIVE, line.content_range(), message);
        Some(found.help("remove it; put the key into quotes if it is one"))
    }

    /// A value whose first character means something to YAML.
    fn first_character(&self, info: &str) -> Option<Diagnostic> {
        let first = self.text[self.at..].chars().next()?;
        let anchor = info.contains("anchor");
        match first {
            '*' if anchor => return Some(alias(self.file, self.text, self.at)),
            '&' if anchor => return Some(self::anchor(self.file, self.text, self.at)),
            '!' if info.contains("tag") || info.contains("TAG") || info.contains("handle") => {
                return Some(tag(self.file, self.text, self.at));
            }
            _ => {}
        }
        let odd = info.contains("unexpected character")
            || info.contains("did not find expected comment or line break")
            || info.contains("indentation indicator equal to 0")
            || (info.contains("node content") && first == ',' && self.outline.open.is_empty());
        odd.then(|| needs_quotes(self.file, self.text, self.at))
    }

    fn comment(&self, info: &str) -> Option<Diagnostic> {
        if info.contains("comments must be separated") {
            let at = self.at + self.text[self.at..].find('#')?;
            let found = self.error(
                codes::SYNTAX,
                at..at + 1,
                "a comment needs a space before its `#`",
            );
            return Some(
                found.help("put a space here; or quotes around the value if `#` belongs to it"),
            );
        }
        if !info.contains("comment intercepting") {
            return None;
        }
        let (_, words) = behind_dashes(self.line.content);
        if key_end(without_comment(words)).is_none() {
            return Some(self.colon_missing(&self.line));
        }
        let next = line_at(self.text, next_token(self.text, self.at));
        let found = self
            .error(
                codes::INDENTATION,
                next.content_range(),
                "the value above has ended with its comment",
            )
            .label("yet this line is indented as if it went on")
            .also(self.span(self.at..self.at + 1), "the comment");
        Some(
            found.help(
                "indent this line like the key it belongs beside; or put the value into quotes",
            ),
        )
    }

    fn crossed_bracket(&self, info: &str) -> Option<Diagnostic> {
        let open = !self.outline.open.is_empty();
        if !open && !info.contains("while parsing a flow") && !info.contains("misplaced bracket") {
            return None;
        }
        let (opened, closed) = self.outline.crossed?;
        let around = outline::up_to(self.text, opened).open.last().copied();
        Some(crossed(self.file, self.text, (opened, closed), around))
    }

    fn stray_bracket(&self, info: &str) -> Option<Diagnostic> {
        if !info.contains("misplaced bracket") {
            return None;
        }
        let found = self.error(
            codes::BRACKET,
            self.at..self.at + 1,
            "this bracket closes nothing",
        );
        Some(found.help("remove it; or put the value into quotes if it belongs to a text"))
    }

    fn in_brackets(&self, info: &str) -> Option<Diagnostic> {
        let bracket = *self.outline.open.last()?;
        let opener = self.text[bracket..].chars().next()?;
        let closer = if opener == '[' { ']' } else { '}' };
        let here = self.text[self.at..].chars().next();
        let opened = self.span(bracket..bracket + 1);
        let not_closed = || {
            let found = self
                .error(
                    codes::BRACKET,
                    bracket..bracket + 1,
                    format!("this `{opener}` is not closed"),
                )
                .label("opened here");
            let found = if here.is_some() {
                found.also(
                    self.span(self.at..self.at),
                    "not possible inside the brackets",
                )
            } else {
                found
            };
            found.help(format!("add `{closer}` where it ends"))
        };
        if info.contains("indentation") {
            if key_end(self.line.content).is_some() {
                return Some(not_closed());
            }
            let message = "a line inside brackets stands too far left";
            let found = self.error(codes::INDENTATION, self.line.content_range(), message);
            return Some(found.also(opened, "the bracket").help(
                "indent it (also a closing bracket) deeper than the line that holds the opening one",
            ));
        }
        let same_line = line_at(self.text, bracket).start == self.line.start;
        match here {
            None => Some(not_closed()),
            Some(other @ (']' | '}')) if other != closer => {
                let mut open = self.outline.open.iter().rev().skip(1);
                let around = open.next().copied();
                Some(crossed(self.file, self.text, (bracket, self.at), around))
            }
            Some(',') if info.contains("node content") => {
                let found = self.error(
                    codes::SYNTAX,
                    self.at..self.at + 1,
                    "nothing stands before this comma",
                );
                Some(found.help("remove the comma, or write the value before it"))
            }
            Some(':') if info.contains("may not precede") => Some(glued_colon(self.file, self.at)),
            Some(_) if !same_line => Some(not_closed()),
            Some(':') => Some(self.colon_in_value(self.outline.bare?, self.bare_end())),
            Some(c @ ('[' | '{' | '"' | '\'')) => {
                let start = self.outline.bare?;
                let end = self.bare_end();
                let found = self.error(
                    codes::NEEDS_QUOTES,
                    self.at..self.at + 1,
                    format!("a bare value inside brackets cannot hold `{c}`"),
                );
                if self.text[..self.at].ends_with('$') {
                    return Some(found.help("a contract has no variables: write the value itself"));
                }
                Some(found.help(format!(
                    "put the value into quotes: {}; or a comma before the `{c}`",
                    quoted(&self.text[start..end])
                )))
            }
            Some(_) => {
                let found = self.error(codes::SYNTAX, self.at..self.at, "a comma is missing here");
                Some(
                    found
                        .also(opened, format!("this `{opener}` is still open"))
                        .help(format!(
                            "separate the items by commas, and close with `{closer}`"
                        )),
                )
            }
        }
    }

    /// Where a value in brackets was probably meant to end: at the bracket that closes it, on the
    /// same line.
    fn bare_end(&self) -> usize {
        let start = self.outline.bare.unwrap_or(self.at);
        let line_end = self.line.content_range().end;
        let mut depth = 0_usize;
        for (offset, c) in self.text[start..line_end].char_indices() {
            match c {
                '[' | '{' | '(' => depth += 1,
                ']' | '}' | ')' if depth > 0 => depth -= 1,
                ']' | '}' => return start + self.text[start..start + offset].trim_end().len(),
                ',' if depth == 0 && start + offset > self.at => return start + offset,
                _ => {}
            }
        }
        line_end
    }

    /// A key without `:` above a list or map, which then is taken for more of the key.
    fn colon_above(&self, info: &str) -> Option<Diagnostic> {
        if !info.contains("mapping values are not allowed") && !info.contains("simple key") {
            return None;
        }
        let line = line_at(self.text, *self.outline.open.first()?);
        let above = line_above(self.text, &line)?;
        let (_, word) = behind_dashes(without_comment(above.content));
        let alone = !word.contains([' ', '{', '[', '\'', '"']) && !has_colon(&above);
        let begins = line_above(self.text, &above).is_none_or(|line| {
            line.indent >= above.indent || without_comment(line.content).ends_with(':')
        });
        (alone && begins && above.indent < line.indent).then(|| self.colon_missing(&above))
    }

    fn colon(&self, info: &str) -> Option<Diagnostic> {
        if info.contains("block sequence entries are not allowed") {
            let found = self.error(
                codes::SYNTAX,
                self.at..self.at + 1,
                "a list cannot begin behind its key",
            );
            return Some(found.help("put `- …` on the next line, indented; or write `[…]`"));
        }
        let colon = info.contains("mapping values are not allowed")
            || info.contains("illegal placement of ':'")
            || info.contains("mapping keys are not allowed");
        if !colon {
            return None;
        }
        let (dashes, content) = behind_dashes(self.line.content);
        let content_start = self.line.content_start() + dashes;
        // `key: value: more` on one line.
        if let Some(end) = key_end(content)
            && content_start + end < self.at
        {
            let key = self.span(content_start..content_start + end);
            if let Some(found) = colon_before_bracket(self.file, &content[..end], key) {
                return Some(found);
            }
            let value = next_token(self.text, content_start + end + 1);
            let end = value + rest_of_value(self.text, value).len();
            return Some(self.colon_in_value(value, end.max(self.at)));
        }
        let above = line_above(self.text, &self.line)?;
        if let Some(colon) = find_glued_colon(above.content) {
            return Some(glued_colon(self.file, above.content_start() + colon));
        }
        let (_, words) = behind_dashes(above.content);
        if key_end(without_comment(words)).is_none() {
            return Some(self.colon_missing(&above));
        }
        (self.line.indent > above.indent).then(|| self.too_deep(&above))
    }

    fn too_deep(&self, above: &Line<'_>) -> Diagnostic {
        self.error(
            codes::INDENTATION,
            self.line.content_range(),
            "this line is indented too deep",
        )
        .also(
            self.span(above.content_range()),
            "this key has a value already",
        )
        .help("line it up with the key it belongs beside")
    }

    /// `value: =a ? b : c`
    fn colon_in_value(&self, start: usize, end: usize) -> Diagnostic {
        let value = self.text.get(start..end).unwrap_or_default().trim_end();
        let end = self.at + 1;
        self.error(
            codes::NEEDS_QUOTES,
            self.at..end,
            "this `:` makes YAML take the value for another key",
        )
        .also(self.span(start..self.at), "the value begins here")
        .help(match self.next_key(start) {
            _ if !value.starts_with('=') && is_pair(value) && self.outline.open.is_empty() => format!(
                "for a key and its value write `{{{value}}}`, or put them on a line of their own, indented; for a text put it into quotes: {}",
                quoted(value)
            ),
            Some(key) => format!(
                "put a comma before `{key}:` if it is the next key; or the value into quotes: {}",
                quoted(value)
            ),
            None => format!("put the value into quotes: {}", quoted(value)),
        })
    }

    /// `b` of `{a: x b: y}`, which is more likely to be a key than part of a value.
    fn next_key(&self, start: usize) -> Option<&str> {
        self.outline.open.last()?;
        let (value, key) = self.text.get(start..self.at)?.rsplit_once(' ')?;
        let word = |text: &str| {
            text.chars()
                .all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'))
        };
        (word(key) && word(value.trim())).then_some(key)
    }

    fn forgotten_colon(&self, info: &str) -> Option<Diagnostic> {
        if !info.contains("simple key expect") {
            return None;
        }
        let within = self.line.says_something() && self.at > self.line.content_start();
        let above = line_above(self.text, &self.line);
        let mut line = match above {
            // The key of this line was taken for more of the one above.
            Some(above) if !within || has_colon(&self.line) => above,
            _ if within => self.line,
            _ => above?,
        };
        // A text over several lines begins at the first of them.
        while let Some(above) = line_above(self.text, &line)
            && above.indent < line.indent
            && !has_colon(&above)
        {
            line = above;
        }
        if let Some(colon) = find_glued_colon(line.content) {
            return Some(glued_colon(self.file, line.content_start() + colon));
        }
        Some(self.colon_missing(&line))
    }

    fn colon_missing(&self, line: &Line<'_>) -> Diagnostic {
        if let Some(found) = foreign(self.file, line) {
            return found;
        }
        if let Some(found) = self.dash_missing(line) {
            return found;
        }
        let (dashes, words) = behind_dashes(line.content);
        let words = without_comment(words);
        let start = line.content_start() + dashes;
        let range = start..start + words.len();
        let key = words.split(' ').next().unwrap_or(words);
        self.error(
            codes::COLON_MISSING,
            range,
            "a `:` is missing behind this key",
        )
        .help(format!("write `{key}: …`"))
    }

    /// A text beside `- item`, without a dash of its own.
    fn dash_missing(&self, line: &Line<'_>) -> Option<Diagnostic> {
        let levels = levels(self.text, line);
        let beside = levels.iter().find(|above| above.indent == line.indent)?;
        let words = without_comment(line.content);
        if !is_item(beside) || is_item(line) {
            return None;
        }
        let message = "this line stands among the items of a list";
        let found = self.error(codes::INDENTATION, line.content_range(), message);
        Some(
            found
                .also(self.span(beside.content_range()), "an item beside it")
                .help(format!("write `- {words}` if it is an item, too")),
        )
    }

    fn indentation(&self, info: &str) -> Option<Diagnostic> {
        let structural = [
            "did not find expected key",
            "did not find expected '-'",
            "<document start>",
            "invalid indentation",
            "wrongly indented line",
        ];
        if !structural.iter().any(|known| info.contains(known)) {
            return None;
        }
        if let Some(found) = self.behind_bracket() {
            return Some(found);
        }
        let above = line_above(self.text, &self.line);
        if let Some(above) = &above
            && let Some(colon) = find_glued_colon(above.content)
            && above.indent == self.line.indent
        {
            return Some(glued_colon(self.file, above.content_start() + colon));
        }
        let range = self.line.content_range();
        let levels = levels(self.text, &self.line);
        let beside = levels.iter().find(|line| line.indent == self.line.indent);
        if let Some(beside) = beside
            && is_item(beside) != is_item(&self.line)
        {
            let (message, help) = if is_item(&self.line) {
                (
                    "a list item stands among the keys of a map",
                    "indent it under the key it belongs to",
                )
            } else {
                (
                    "a key stands among the items of a list",
                    "indent it under the item it belongs to; or write `- ` before it if it is an item, too",
                )
            };
            let found = self.error(codes::INDENTATION, range, message).also(
                self.span(beside.content_range()),
                "on the same level as this",
            );
            return Some(found.help(help));
        }
        if let Some(above) = &above
            && self.line.indent > above.indent
            && key_end(without_comment(above.content))
                .is_some_and(|end| !above.content[end + 1..].trim().is_empty())
        {
            return Some(self.too_deep(above));
        }
        if let Some(first) = misfit(self.text, &self.line) {
            return Some(self.misfit(&first));
        }
        let mut found = self.error(
            codes::INDENTATION,
            range,
            "this line fits no level above it",
        );
        if let Some(above) = above {
            found = found.also(self.span(above.content_range()), "the line before it");
        }
        if let Some(meant) = meant_indent(self.text, &self.line) {
            return Some(found.help(match meant {
                0 => "do not indent it, so that it fits what it holds".to_owned(),
                meant => format!("indent it by {meant} spaces, so that it fits what it holds"),
            }));
        }
        let mut indents: Vec<_> = levels.iter().map(|line| line.indent.to_string()).collect();
        indents.reverse();
        Some(match indents.as_slice() {
            [] => found.help("indent it like the lines around it"),
            [one] => found.help(format!(
                "the lines above stand at column {one}: indent it by as many spaces"
            )),
            [rest @ .., last] => found.help(format!(
                "indent it by {} or {last} spaces, like the level it belongs to",
                rest.join(", ")
            )),
        })
    }

    fn misfit(&self, first: &Line<'_>) -> Diagnostic {
        let indent = &self.text[first.start..first.content_start()];
        if let Some(offset) = indent.find('\t') {
            return tab(self.file, self.text, first.start + offset);
        }
        let spaces = match self.line.indent {
            0 => "do not indent it, like those".to_owned(),
            1 => "indent it by one space, like those".to_owned(),
            many => format!("indent it by {many} spaces, like those"),
        };
        self.error(
            codes::INDENTATION,
            first.content_range(),
            match first.indent > self.line.indent {
                true => "this line stands deeper than those below it",
                false => "this line stands less deep than those below it",
            },
        )
        .also(
            self.span(self.line.content_range()),
            "the first of those it belongs beside",
        )
        .help(spaces)
    }

    /// `[a] == b`, `{id}/x`: text behind a closing bracket, on the same line.
    fn behind_bracket(&self) -> Option<Diagnostic> {
        let before = self.text[self.line.start..self.at].trim_end();
        if !before.ends_with([']', '}']) {
            return None;
        }
        let content_start = self.line.content_start();
        let value = key_end(self.line.content)
            .map(|end| next_token(self.text, content_start + end + 1))
            .filter(|value| *value < self.at)?;
        let whole = rest_of_value(self.text, value);
        let found = self.error(
            codes::TEXT_AFTER_VALUE,
            self.rest(),
            "there is more text behind a closing bracket",
        );
        Some(
            found
                .also(
                    self.span(value..self.line.start + before.len()),
                    "taken for a list or map",
                )
                .help(format!(
                    "put the whole value into quotes: {}",
                    quoted(whole)
                )),
        )
    }

    /// From the place of the error to the end of its line, without a comment.
    fn rest(&self) -> Range<usize> {
        self.at..self.at + rest_of_value(self.text, self.at).len()
    }

    fn span(&self, range: Range<usize>) -> Span {
        let end = self.text.ceil_char_boundary(range.end);
        Span::new(self.file, range.start..end)
    }

    fn error(
        &self,
        code: &'static str,
        range: Range<usize>,
        message: impl Into<String>,
    ) -> Diagnostic {
        Diagnostic::error(code, self.span(range), message)
    }
}

fn error(file: FileId, code: &'static str, range: Range<usize>, message: &str) -> Diagnostic {
    Diagnostic::error(code, Span::new(file, range), message)
}

fn is_item(line: &Line<'_>) -> bool {
    line.content == "-" || line.content.starts_with("- ")
}

fn has_colon(line: &Line<'_>) -> bool {
    key_end(without_comment(behind_dashes(line.content).1)).is_some()
}

/// Whether a text is a key and its value: `read: public`.
fn is_pair(text: &str) -> bool {
    text.split_once(": ").is_some_and(|(key, value)| {
        let word = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
        !key.is_empty() && key.bytes().all(word) && !value.contains(": ")
    })
}

/// What is left of the line from `at`, without a comment and, inside brackets, without what
/// follows the value. Never empty unless the line is.
fn rest_of_value(text: &str, at: usize) -> &str {
    let line = line_at(text, at);
    let rest = &text[at..line.content_range().end.max(at)];
    let rest = without_comment(rest);
    if outline::up_to(text, at).open.is_empty() {
        return rest;
    }
    let mut depth = 0_usize;
    for (offset, c) in rest.char_indices() {
        match c {
            '[' | '{' | '(' => depth += 1,
            ']' | '}' | ')' if depth > 0 => depth -= 1,
            ',' | ']' | '}' if depth == 0 => return rest[..offset].trim_end(),
            _ => {}
        }
    }
    rest
}
