//! A rough reading of the brackets and quotes in a text, without a grammar.
//!
//! Serves two ends: refusing texts whose brackets nest so deep that the parser would take for ever
//! (its time grows with depth times length), and telling, once the parser has given up, which
//! bracket or quote was open. It may misjudge texts that continue bare words over several lines,
//! which is why nothing is decided by it but the wording of an error and that one refusal.

/// Far more than [`super::DEPTH_MAX`] allows, so that a misjudged text (prose with lone brackets)
/// is not refused, and few enough for the parser to reach the real check quickly.
pub(super) const BRACKETS_MAX: usize = 128;

/// What was open and what came last, at some point of the text.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Outline {
    /// Where the open brackets stand, the innermost last.
    pub open: Vec<usize>,
    /// Start and end of the last quoted text.
    pub quote: Option<(usize, usize)>,
    /// Where the last bare word began.
    pub bare: Option<usize>,
    /// The first bracket, of those around the last one, that another kind of bracket closes; and
    /// that one.
    pub crossed: Option<(usize, usize)>,
}

/// Reads up to byte `until`.
pub(super) fn up_to(text: &str, until: usize) -> Outline {
    let mut reader = Reader {
        bytes: text.as_bytes(),
        at: 0,
        outline: Outline::default(),
    };
    reader.read(until.min(text.len()), usize::MAX);
    reader.outline
}

/// Where brackets nest deeper than [`BRACKETS_MAX`], if they do.
pub(super) fn too_deep(text: &str) -> Option<usize> {
    let mut reader = Reader {
        bytes: text.as_bytes(),
        at: 0,
        outline: Outline::default(),
    };
    reader.read(text.len(), BRACKETS_MAX);
    (reader.outline.open.len() > BRACKETS_MAX).then(|| reader.outline.open[BRACKETS_MAX])
}

struct Reader<'t> {
    bytes: &'t [u8],
    at: usize,
    outline: Outline,
}

impl Reader<'_> {
    fn read(&mut self, until: usize, brackets_max: usize) {
        let mut line = 0;
        while self.at < until && self.outline.open.len() <= brackets_max {
            match self.bytes[self.at] {
                b'\n' => {
                    self.at += 1;
                    line = self.at;
                }
                b' ' | b'\t' | b'\r' | b',' | b':' | b'?' => self.at += 1,
                b'-' if self.blank(self.at + 1) => self.at += 1,
                b'#' => self.skip_line(),
                b'\'' => self.quote(b'\''),
                b'"' => self.quote(b'"'),
                b'[' | b'{' => {
                    if self.outline.open.is_empty() {
                        self.outline.crossed = None;
                    }
                    self.outline.open.push(self.at);
                    self.at += 1;
                }
                b']' | b'}' if !self.outline.open.is_empty() => {
                    self.close();
                    self.at += 1;
                }
                b'|' | b'>' if self.outline.open.is_empty() => self.block(line),
                _ => self.bare(),
            }
        }
    }

    fn close(&mut self) {
        let Some(opened) = self.outline.open.pop() else {
            return;
        };
        if closer(self.bytes[opened]) != self.bytes[self.at] {
            self.outline.crossed.get_or_insert((opened, self.at));
        }
    }

    fn blank(&self, at: usize) -> bool {
        self.bytes.get(at).is_none_or(u8::is_ascii_whitespace)
    }

    fn skip_line(&mut self) {
        while self.bytes.get(self.at).is_some_and(|byte| *byte != b'\n') {
            self.at += 1;
        }
    }

    fn quote(&mut self, quote: u8) {
        let start = self.at;
        self.at = quote_end(self.bytes, start, quote).unwrap_or(self.bytes.len());
        self.outline.quote = Some((start, self.at));
    }

    /// A bare word ends where YAML ends it: at `: `, at ` #`, at the line's end, and inside
    /// brackets also at the brackets and commas.
    fn bare(&mut self) {
        self.outline.bare = Some(self.at);
        let inside = !self.outline.open.is_empty();
        self.at += 1;
        while let Some(byte) = self.bytes.get(self.at) {
            let ends = match byte {
                b'\n' => true,
                b':' => self.blank(self.at + 1),
                b'#' => self.bytes[self.at - 1].is_ascii_whitespace(),
                b'[' | b']' | b'{' | b'}' | b',' => inside,
                _ => false,
            };
            if ends {
                return;
            }
            self.at += 1;
        }
    }

    /// A block of text: its first line, and every line indented deeper than the one it began on.
    fn block(&mut self, line: usize) {
        let indent = |start: usize| {
            self.bytes[start..]
                .iter()
                .take_while(|b| **b == b' ')
                .count()
        };
        let outer = indent(line);
        self.skip_line();
        while self.at < self.bytes.len() {
            let next = self.at + 1;
            let spaces = indent(next.min(self.bytes.len()));
            let blank = matches!(self.bytes.get(next + spaces), None | Some(b'\n' | b'\r'));
            if !blank && spaces <= outer {
                return;
            }
            self.at = next.min(self.bytes.len());
            self.skip_line();
        }
    }
}

/// The bracket that closes this one.
pub(super) fn closer(opener: u8) -> u8 {
    match opener {
        b'[' => b']',
        _ => b'}',
    }
}

/// Just behind the closing quote of the quoted text that starts at `start`.
pub(super) fn quote_end(bytes: &[u8], start: usize, quote: u8) -> Option<usize> {
    let mut at = start + 1;
    loop {
        let byte = *bytes.get(at)?;
        if byte == quote {
            if quote == b'\'' && bytes.get(at + 1) == Some(&b'\'') {
                at += 2;
                continue;
            }
            return Some(at + 1);
        }
        at += if quote == b'"' && byte == b'\\' { 2 } else { 1 };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_in_quotes_comments_and_prose_do_not_count() {
        let check = |text: &str, expected: &[usize]| {
            assert_eq!(up_to(text, text.len()).open, expected, "{text:?}");
        };
        check("a: [", &[3]);
        check("a: [{b: 1}, [", &[3, 12]);
        check("a: '[' # [\nb: \"[\\\"[\"\n", &[]);
        check("a: don't [x\n", &[]);
        check("a: |\n  [\n\n  {\nb: [\n", &[17]);
        check("a: > # c\n  [", &[]);
        check("a: 1]\n", &[]);
        check("a: '[", &[]);
        check("- [a, b #]\n", &[2]);
    }

    #[test]
    fn too_many_brackets_are_noticed() {
        assert_eq!(too_deep(&"[".repeat(128)), None);
        assert_eq!(too_deep(&"[".repeat(129)), Some(128));
        assert_eq!(too_deep(&"[]".repeat(10_000)), None);
    }
}
