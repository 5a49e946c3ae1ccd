//! A string as structured fields spell it (RFC 9651): in quotes, perhaps with parameters behind it.
//!
//! Everything that a parameter can be is read, so that what is no structured field is told from what
//! only says more than anybody here asks for.

/// Digits of an integer, and of a decimal in front of its point and behind it (section 3.3.1).
const INTEGER_DIGITS_MAX: usize = 15;
const WHOLE_DIGITS_MAX: usize = 12;
const FRACTION_DIGITS_MAX: usize = 3;

/// The string that is the item, without its parameters (section 4.2.3). Nothing if it is another item
/// or none at all.
pub fn string(text: &str) -> Option<String> {
    let mut rest = Rest(text.trim_matches(' ').as_bytes());
    let string = rest.string()?;
    rest.parameters()?;
    rest.0.is_empty().then_some(string)
}

/// What has not been read yet.
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn peek(&self) -> Option<u8> {
        self.0.first().copied()
    }

    fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        (self.next()? == byte).then_some(())
    }

    /// How many bytes were passed over.
    fn pass(&mut self, is_meant: impl Fn(u8) -> bool) -> usize {
        let all = self.0.iter();
        let count = all.take_while(|byte| is_meant(**byte)).count();
        self.0 = &self.0[count..];
        count
    }

    fn parameters(&mut self) -> Option<()> {
        while self.peek() == Some(b';') {
            self.next();
            self.pass(|byte| byte == b' ');
            self.key()?;
            if self.peek() == Some(b'=') {
                self.next();
                self.bare_item()?;
            }
        }
        Some(())
    }

    fn key(&mut self) -> Option<()> {
        let first = self.next()?;
        self.pass(|byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-.*".contains(&byte)
        });
        (first.is_ascii_lowercase() || first == b'*').then_some(())
    }

    fn bare_item(&mut self) -> Option<()> {
        match self.peek()? {
            b'"' => self.string().map(drop),
            b'-' | b'0'..=b'9' => self.number(true),
            b'@' => {
                self.next();
                self.number(false)
            }
            b'?' => {
                self.next();
                matches!(self.next()?, b'0' | b'1').then_some(())
            }
            b':' => {
                self.next();
                self.pass(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte));
                self.take(b':')
            }
            b'%' => self.display_string(),
            b'*' | b'a'..=b'z' | b'A'..=b'Z' => {
                self.pass(|byte| {
                    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~:/".contains(&byte)
                });
                Some(())
            }
            _ => None,
        }
    }

    fn string(&mut self) -> Option<String> {
        self.take(b'"')?;
        let mut string = String::new();
        loop {
            match self.next()? {
                b'"' => return Some(string),
                b'\\' => match self.next()? {
                    escaped @ (b'"' | b'\\') => string.push(escaped.into()),
                    _ => return None,
                },
                other @ b' '..=b'~' => string.push(other.into()),
                _ => return None,
            }
        }
    }

    fn number(&mut self, may_be_decimal: bool) -> Option<()> {
        if self.peek() == Some(b'-') {
            self.next();
        }
        let is_digit = |byte: u8| byte.is_ascii_digit();
        let whole = self.pass(is_digit);
        if !may_be_decimal || self.peek() != Some(b'.') {
            return (1..=INTEGER_DIGITS_MAX).contains(&whole).then_some(());
        }
        self.next();
        let fraction = self.pass(is_digit);
        let fits = (1..=WHOLE_DIGITS_MAX).contains(&whole)
            && (1..=FRACTION_DIGITS_MAX).contains(&fraction);
        fits.then_some(())
    }

    /// Text beyond ASCII, percent-encoded (section 4.2.10).
    fn display_string(&mut self) -> Option<()> {
        self.take(b'%')?;
        self.take(b'"')?;
        let mut bytes = Vec::new();
        loop {
            match self.next()? {
                b'"' => return std::str::from_utf8(&bytes).ok().map(drop),
                b'%' => bytes.push(self.hex()? << 4 | self.hex()?),
                other @ b' '..=b'~' => bytes.push(other),
                _ => return None,
            }
        }
    }

    fn hex(&mut self) -> Option<u8> {
        match self.next()? {
            digit @ b'0'..=b'9' => Some(digit - b'0'),
            letter @ b'a'..=b'f' => Some(letter - b'a' + 10),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    #[test]
    fn a_string_is_read_and_its_parameters_are_passed_over() {
        for (text, string) in [
            (r#""abc""#, "abc"),
            (r#""""#, ""),
            (r#""a b, c;d=e""#, "a b, c;d=e"),
            (r#""a\"\\b""#, r#"a"\b"#),
            (r#"  "abc"  "#, "abc"),
            (r#""a";foo=1"#, "a"),
            (r#""a";foo"#, "a"),
            (r#""a";  foo;*b-c.d_e*=?0;n=-12.345;d=@-1"#, "a"),
            (r#""a";s="x \" ;";t=a/b:c;u=*x;b=:aGk=:;c=::"#, "a"),
            (r#""a";d=%"f%c3%bc r""#, "a"),
            (r#""a";n=999999999999999"#, "a"),
        ] {
            assert_eq!(super::string(text).as_deref(), Some(string), "{text}");
        }
    }

    #[test]
    fn what_is_no_string_is_told_apart() {
        for text in [
            "",
            "abc",
            "1",
            "\"",
            "\"a",
            r#""a"b"#,
            r#""a" b"#,
            r#""a", "b""#,
            r#""a\b""#,
            r#""a\"#,
            "\"a\tb\"",
            "\"ä\"",
            "\"a\u{7f}\"",
            r#""a";"#,
            r#""a";A=1"#,
            r#""a";1=1"#,
            r#""a" ;a=1"#,
            r#""a";a ="#,
            r#""a";a="#,
            r#""a";a= 1"#,
            r#""a";a=1000000000000000"#,
            r#""a";a=1."#,
            r#""a";a=1.2345"#,
            r#""a";a=-"#,
            r#""a";a=@1.5"#,
            r#""a";a=?2"#,
            r#""a";a=:a"#,
            r#""a";a=:a-b:"#,
            r#""a";a=%"%C3%BC""#,
            r#""a";a=%"%c3""#,
            r#""a";a=(1)"#,
        ] {
            assert_eq!(super::string(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn whatever_comes_is_read_to_its_end(text in "[\\x00-\\x7f]{0,40}|\"[ -~]{0,10}\"(;[ -~]{0,10}){0,3}") {
            super::string(&text);
        }
    }
}
