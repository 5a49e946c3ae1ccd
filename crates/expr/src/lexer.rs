//! Text to tokens. What belongs to another language (`=`, `&`, smart quotes) is reported with
//! what to write, and read as what was meant, so that the rest is still checked.

use std::ops::Range;

use crate::ast::At;
use crate::problem::Problem;

#[derive(Clone, Debug, PartialEq)]
pub enum Token {
    /// Unsigned, so that `-9223372036854775808` can be put together by the parser.
    Int(u64),
    Float(f64),
    Text(String),
    Name(String),
    Symbol(&'static str),
    End,
}

pub struct Lexed {
    /// With their places; the last one is [`Token::End`].
    pub tokens: Vec<(Token, At)>,
    pub problems: Vec<Problem>,
    /// The rest of the text could not be read.
    pub stopped: bool,
}

pub fn lex(source: &str) -> Lexed {
    let mut lexer = Lexer {
        source,
        at: 0,
        tokens: vec![],
        problems: vec![],
        stopped: false,
    };
    while lexer.step() {}
    let end = source.len() as u32;
    lexer.tokens.push((Token::End, end..end));
    Lexed {
        tokens: lexer.tokens,
        problems: lexer.problems,
        stopped: lexer.stopped,
    }
}

/// Longest first. The second word is what it is read as, the third what to say if it is foreign.
const SYMBOLS: &[(&str, &str, &str)] = &[
    ("===", "==", "`===` is JavaScript"),
    ("!==", "!=", "`!==` is JavaScript"),
    ("**", "", "there is no power operator"),
    ("??", "", "there is no `??`"),
    ("?.", "", "there is no `?.`"),
    ("=>", "", "there are no `=>` functions"),
    ("&&", "&&", ""),
    ("||", "||", ""),
    ("==", "==", ""),
    ("!=", "!=", ""),
    ("<>", "!=", "`<>` is SQL"),
    ("<=", "<=", ""),
    (">=", ">=", ""),
    ("=<", "<=", "`=<` is not an operator"),
    ("=", "==", "a single `=` does not compare"),
    ("&", "&&", "a single `&` is not an operator"),
    ("|", "||", "a single `|` is not an operator"),
    ("<", "<", ""),
    (">", ">", ""),
    ("≤", "<=", "`≤` is not an operator"),
    ("≥", ">=", "`≥` is not an operator"),
    ("≠", "!=", "`≠` is not an operator"),
    ("−", "-", "this is a typographic minus"),
    ("×", "*", "`×` is not an operator"),
    ("+", "+", ""),
    ("-", "-", ""),
    ("*", "*", ""),
    ("/", "/", ""),
    ("%", "%", ""),
    ("!", "!", ""),
    ("?", "?", ""),
    (":", ":", ""),
    ("(", "(", ""),
    (")", ")", ""),
    ("[", "[", ""),
    ("]", "]", ""),
    ("{", "{", ""),
    ("}", "}", ""),
    (",", ",", ""),
    (".", ".", ""),
];

struct Lexer<'a> {
    source: &'a str,
    at: usize,
    tokens: Vec<(Token, At)>,
    problems: Vec<Problem>,
    stopped: bool,
}

impl Lexer<'_> {
    /// Reads one token; false at the end and after what cannot be continued from.
    fn step(&mut self) -> bool {
        let rest = &self.source[self.at..];
        let blank = rest.len() - rest.trim_start().len();
        self.at += blank;
        let rest = &rest[blank..];
        let Some(first) = rest.chars().next() else {
            return false;
        };
        match first {
            '\'' | '"' => self.text(first, first, false),
            '‘' | '’' | '‚' => self.smart_text(first, &['’', '‘', '\'']),
            '“' | '”' | '„' | '«' | '»' => {
                self.smart_text(first, &['”', '“', '»', '«', '"'])
            }
            '0'..='9' => self.number(),
            '.' if rest[1..].starts_with(|c: char| c.is_ascii_digit()) => self.number(),
            'a'..='z' | 'A'..='Z' | '_' => self.name(),
            _ if rest.starts_with("//") || first == '#' => {
                let what = if first == '#' { "#" } else { "//" };
                self.refuse(
                    self.at..self.source.len(),
                    "E0304",
                    "an expression has no comments",
                    format!("`{what}` begins a comment elsewhere"),
                    "put the comment on a line of its own in the contract",
                )
            }
            _ => self.symbol(first),
        }
    }

    fn push(&mut self, token: Token, at: Range<usize>) {
        self.at = at.end;
        self.tokens.push((token, at.start as u32..at.end as u32));
    }

    /// Reports and ends the lexing.
    fn refuse(
        &mut self,
        at: Range<usize>,
        code: &'static str,
        message: impl Into<String>,
        label: impl Into<String>,
        help: impl Into<String>,
    ) -> bool {
        self.problems
            .push(Problem::new(code, at, message, label).help(help));
        self.stopped = true;
        false
    }

    fn name(&mut self) -> bool {
        let rest = &self.source[self.at..];
        let length = rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
            .unwrap_or(rest.len());
        let quote = rest[length..]
            .chars()
            .next()
            .filter(|c| matches!(c, '\'' | '"'));
        if let (Some(quote), "r" | "R") = (quote, &rest[..length]) {
            self.at += length;
            return self.text(quote, quote, true);
        }
        if let (Some(_), "b" | "B" | "br" | "bR" | "Br" | "BR") = (quote, &rest[..length]) {
            return self.refuse(
                self.at..self.at + length,
                "E0304",
                "there are no byte strings",
                "bytes",
                "write a plain string",
            );
        }
        self.push(
            Token::Name(rest[..length].to_owned()),
            self.at..self.at + length,
        );
        true
    }

    fn number(&mut self) -> bool {
        let rest = &self.source[self.at..];
        let bytes = rest.as_bytes();
        let digits = |from: usize| {
            from + bytes[from..]
                .iter()
                .take_while(|byte| byte.is_ascii_digit())
                .count()
        };
        let hex = rest.starts_with("0x") || rest.starts_with("0X");
        let mut length = if hex {
            2 + bytes[2..]
                .iter()
                .take_while(|byte| byte.is_ascii_hexdigit())
                .count()
        } else {
            digits(0)
        };
        let mut float = false;
        if !hex
            && bytes.get(length) == Some(&b'.')
            && bytes.get(length + 1).is_some_and(u8::is_ascii_digit)
        {
            float = true;
            length = digits(length + 1);
        }
        if !hex && matches!(bytes.get(length), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(bytes.get(length + 1), Some(b'+' | b'-')));
            if bytes.get(length + 1 + sign).is_some_and(u8::is_ascii_digit) {
                float = true;
                length = digits(length + 1 + sign);
            }
        }
        let at = self.at..self.at + length;
        let tail = rest[length..]
            .find(|c: char| !(c.is_alphanumeric() || c == '_'))
            .unwrap_or(rest.len() - length);
        if tail > 0 {
            let unit = &rest[length..length + tail];
            let help = match unit {
                "ms" | "s" | "m" | "h" | "d" | "w" => {
                    format!("write `duration('{}')`", &rest[..length + tail])
                }
                "u" | "U" => "leave out the `u`: all integers are signed".to_owned(),
                _ => "write the number in digits alone".to_owned(),
            };
            return self.refuse(
                at.start..at.end + tail,
                "E0301",
                format!("`{}` is not a number", &rest[..length + tail]),
                "not a number",
                help,
            );
        }
        let text = &rest[..length];
        let token = if float {
            text.parse::<f64>()
                .ok()
                .filter(|number| number.is_finite())
                .map(Token::Float)
        } else if hex {
            u64::from_str_radix(&text[2..], 16).ok().map(Token::Int)
        } else {
            text.parse::<u64>().ok().map(Token::Int)
        };
        match token {
            Some(token) => {
                self.push(token, at);
                true
            }
            None => self.refuse(
                at,
                "E0301",
                format!("the number `{text}` is too large"),
                "too large",
                "integers have 64 bits",
            ),
        }
    }

    fn smart_text(&mut self, open: char, closing: &[char]) -> bool {
        let start = self.at;
        let rest = &self.source[start + open.len_utf8()..];
        let length = rest.find(closing).unwrap_or(rest.len());
        let close = rest[length..].chars().next().map_or(0, char::len_utf8);
        let end = start + open.len_utf8() + length + close;
        let inner = &rest[..length];
        self.problems.push(
            Problem::new(
                "E0303",
                start..end,
                "typographic quotes do not make a string",
                "these quotes are not ASCII",
            )
            .help(format!("write `'{inner}'`")),
        );
        self.push(Token::Text(inner.to_owned()), start..end);
        true
    }

    /// A string; the opening quote stands at `self.at`.
    fn text(&mut self, open: char, close: char, raw: bool) -> bool {
        let start = self.at;
        let mut out = String::new();
        let mut chars = self.source[start + open.len_utf8()..]
            .char_indices()
            .peekable();
        let base = start + open.len_utf8();
        if self.source[start..].starts_with("'''") || self.source[start..].starts_with("\"\"\"") {
            return self.refuse(
                start..start + 3,
                "E0304",
                "there are no triple-quoted strings",
                "three quotes",
                "use one quote and write line breaks as `\\n`",
            );
        }
        while let Some((offset, c)) = chars.next() {
            if c == close {
                let end = base + offset + c.len_utf8();
                if out.contains('\0') {
                    return self.refuse(
                        start..end,
                        "E0301",
                        "a string cannot contain the character U+0000",
                        "contains U+0000",
                        "leave it out",
                    );
                }
                self.push(Token::Text(out), start..end);
                return true;
            }
            match c {
                '\n' => break,
                '\\' if !raw => {
                    let from = base + offset;
                    match escape(&self.source[from + 1..]) {
                        Ok((c, length)) => {
                            out.push(c);
                            // Escapes are ASCII: as many characters as bytes.
                            for _ in 0..length {
                                chars.next();
                            }
                        }
                        Err(length) => {
                            return self.refuse(
                                from..(from + 1 + length).min(self.source.len()),
                                "E0301",
                                "unknown escape in a string",
                                "not an escape",
                                "write `\\\\` for a backslash, or begin the string with `r`: r'\\d+'",
                            );
                        }
                    }
                }
                _ => out.push(c),
            }
        }
        self.refuse(
            start..self.source.len(),
            "E0301",
            "this string has no end",
            format!("opened here with {open}"),
            format!("close it with {close}"),
        )
    }

    fn symbol(&mut self, first: char) -> bool {
        let rest = &self.source[self.at..];
        let found = SYMBOLS
            .iter()
            .find(|(written, ..)| rest.starts_with(written));
        let Some((written, meant, foreign)) = found else {
            let help = match first {
                ';' => "an expression is a single condition; leave out the `;`",
                '`' => "strings stand in single quotes: 'text'",
                '$' | '@' => {
                    "delete it: names are plain, as `this.title`, `user.role` and `input.count` are"
                }
                '~' => "to match a pattern, write `this.title.matches('^a')`",
                _ if first.is_alphabetic() => "names consist of a-z, A-Z, 0-9 and _",
                _ => "remove it",
            };
            let at = self.at..self.at + first.len_utf8();
            let shown = first.escape_debug();
            return self.refuse(
                at,
                "E0300",
                format!("`{shown}` has no meaning here"),
                "unexpected character",
                help,
            );
        };
        let at = self.at..self.at + written.len();
        if !foreign.is_empty() {
            let help = match *written {
                "**" => "multiply instead".to_owned(),
                "??" | "?." => "write `x != null ? x : other`".to_owned(),
                "=>" => "write `this.members.exists(m, m.role == 'editor')`".to_owned(),
                _ => format!("write `{meant}`"),
            };
            self.problems
                .push(Problem::new("E0303", at.clone(), *foreign, *written).help(help));
            if meant.is_empty() {
                self.stopped = true;
                return false;
            }
        }
        self.push(Token::Symbol(meant), at);
        true
    }
}

/// The character an escape stands for and the bytes after the backslash; on failure the bytes
/// to underline after the backslash.
fn escape(rest: &str) -> Result<(char, usize), usize> {
    let first = rest.chars().next().ok_or(0_usize)?;
    let simple = match first {
        'a' => '\u{7}',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\u{b}',
        '\\' | '?' | '"' | '\'' | '`' => first,
        'x' | 'X' => return coded(rest, 1, 2, 16),
        'u' => return coded(rest, 1, 4, 16),
        'U' => return coded(rest, 1, 8, 16),
        '0'..='3' => return coded(rest, 0, 3, 8),
        _ => return Err(first.len_utf8()),
    };
    Ok((simple, 1))
}

fn coded(rest: &str, from: usize, digits: usize, radix: u32) -> Result<(char, usize), usize> {
    let text = rest.get(from..from + digits).ok_or(from)?;
    if !text.chars().all(|c| c.is_digit(radix)) {
        return Err(from);
    }
    let code = u32::from_str_radix(text, radix).map_err(|_| from)?;
    let c = char::from_u32(code).ok_or(from + digits)?;
    Ok((c, from + digits))
}
