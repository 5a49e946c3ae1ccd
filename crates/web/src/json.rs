//! Strict JSON: RFC 8259 and nothing beside it.
//!
//! Stricter than the grammar in one point: an object that names a member twice is refused, because
//! two programs would read different values from it.

use std::fmt;

use serde::Deserializer;
use serde::de::{self, DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::problem::{Place, Problem, kit};

/// Deepest nesting. Contracts nest a handful of levels; every walk over a value may recurse this far
/// on a small stack.
pub const DEPTH: usize = 64;

/// Most values in one document. A value takes some hundred bytes in memory but may take two in JSON,
/// so the size of the body alone does not bound us.
pub const VALUES: usize = 200_000;

/// Why a body is not the JSON we accept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonError {
    pub fault: JsonFault,
    /// Counted from 1; the column in bytes.
    pub line: usize,
    pub column: usize,
    /// The innermost value that was being read, as an RFC 6901 pointer; empty for the document.
    pub pointer: String,
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JsonFault {
    /// There is nothing but white space.
    Empty,
    /// The bytes are not UTF-8.
    Encoding,
    /// The document begins with a byte order mark.
    ByteOrderMark,
    /// Not JSON; the text says what was expected.
    Syntax(String),
    /// Cut off in the middle.
    Incomplete,
    /// Something follows the document.
    Trailing,
    /// A member name occurs twice in one object.
    Duplicate(String),
    /// Nested deeper than [`DEPTH`].
    TooDeep,
    /// More than [`VALUES`] values.
    TooMany,
}

/// Parses a whole document.
pub fn parse(bytes: &[u8]) -> Result<Value, JsonError> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let (line, column) = position(&bytes[..error.valid_up_to()]);
        JsonError {
            fault: JsonFault::Encoding,
            line,
            column,
            pointer: String::new(),
        }
    })?;
    let at_start = |fault| JsonError {
        fault,
        line: 1,
        column: 1,
        pointer: String::new(),
    };
    if text.starts_with('\u{feff}') {
        return Err(at_start(JsonFault::ByteOrderMark));
    }
    if text
        .bytes()
        .all(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n'))
    {
        return Err(at_start(JsonFault::Empty));
    }

    let mut trail = Trail {
        values: 0,
        fault: None,
        steps: Vec::new(),
    };
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = match (Node {
        trail: &mut trail,
        depth: 0,
    })
    .deserialize(&mut reader)
    {
        Ok(value) => value,
        Err(error) => {
            let mut error = trail.explain(&error);
            if error.column == 0 && error.line > 1 {
                // The line break itself is at fault, and stands at the end of the line before.
                let upto = text.split_inclusive('\n').take(error.line - 1);
                let upto: usize = upto.map(str::len).sum();
                (error.line, error.column) = position(&bytes[..upto.saturating_sub(1)]);
            }
            return Err(error);
        }
    };
    match reader.end() {
        Ok(()) => Ok(value),
        Err(error) => Err(JsonError {
            fault: JsonFault::Trailing,
            ..trail.explain(&error)
        }),
    }
}

/// Line and column right after `before`.
fn position(before: &[u8]) -> (usize, usize) {
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    let column = before
        .iter()
        .rev()
        .take_while(|byte| **byte != b'\n')
        .count()
        + 1;
    (line, column)
}

/// What is remembered on the way. The steps are only noted while an error travels up, last one first,
/// so that a good document pays nothing for them.
struct Trail {
    values: usize,
    fault: Option<JsonFault>,
    steps: Vec<Step>,
}

enum Step {
    Member(String),
    Element(usize),
}

impl Trail {
    fn explain(self, error: &serde_json::Error) -> JsonError {
        let fault = self.fault.unwrap_or_else(|| match error.classify() {
            serde_json::error::Category::Eof => JsonFault::Incomplete,
            _ => JsonFault::Syntax(plain(error)),
        });
        let mut pointer = String::new();
        for step in self.steps.iter().rev() {
            pointer.push('/');
            match step {
                Step::Member(name) => escape(name, &mut pointer),
                Step::Element(index) => pointer.push_str(&index.to_string()),
            }
        }
        JsonError {
            fault,
            line: error.line(),
            column: error.column(),
            pointer,
        }
    }
}

/// What is wrong with a text that is no JSON, for whoever wrote it; without the position, which is
/// told beside it. The parser's own words say what it waited for.
pub fn plain(error: &serde_json::Error) -> String {
    let mut text = error.to_string();
    if let Some(end) = text.rfind(" at line ") {
        text.truncate(end);
    }
    let told = match text.as_str() {
        "expected `:`" => "between a name and its value stands a `:`",
        "expected `,` or `]`" => "a `,` is missing, or the `]` that ends the list",
        "expected `,` or `}`" => "a `,` is missing, or the `}` that ends the object",
        "expected ident" => {
            "only `true`, `false` and `null` are words; text stands in double quotes"
        }
        "expected value" => {
            "a value is missing or is not spelled as one; text stands in double quotes"
        }
        "key must be a string" => "the names of members stand in double quotes",
        "trailing comma" => "a `,` has nothing behind it",
        "trailing characters" => "something follows its end",
        "invalid number" => {
            "a number begins with a digit or `-`, has no zeros in front, and digits behind its point"
        }
        "number out of range" => "a number is larger than any computer counts with",
        "invalid escape" => {
            "behind a `\\` in text stands one of `\"`, `\\`, `/`, `b`, `f`, `n`, `r`, `t` and `uXXXX`"
        }
        "control character (\\u0000-\\u001F) found while parsing a string" => {
            "a text holds a line break, a tab or its like, or has no closing quote; `\\n` is a line \
             break, `\\t` a tab"
        }
        "lone leading surrogate in hex escape" | "unexpected end of hex escape" => {
            "half of a pair of `\\uD8XX` and `\\uDCXX` is missing"
        }
        "invalid unicode code point" => "a `\\uXXXX` is no character",
        _ => return text,
    };
    told.to_owned()
}

/// Appends one step of an RFC 6901 pointer.
fn escape(name: &str, pointer: &mut String) {
    for character in name.chars() {
        match character {
            '~' => pointer.push_str("~0"),
            '/' => pointer.push_str("~1"),
            other => pointer.push(other),
        }
    }
}

/// Reads one value; `depth` is the number of containers around it.
struct Node<'a> {
    trail: &'a mut Trail,
    depth: usize,
}

impl Node<'_> {
    fn fail<E: de::Error>(self, fault: JsonFault) -> E {
        self.trail.fault = Some(fault);
        E::custom("refused")
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.trail.values += 1;
        if self.trail.values > VALUES {
            return Err(self.fail(JsonFault::TooMany));
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        match Number::from_f64(value) {
            Some(number) => Ok(Value::Number(number)),
            None => Err(E::custom("number out of range")),
        }
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let Node { trail, depth } = self;
        if depth == DEPTH {
            return Err(Node { trail, depth }.fail(JsonFault::TooDeep));
        }
        let mut array = Vec::new();
        loop {
            match elements.next_element_seed(Node {
                trail,
                depth: depth + 1,
            }) {
                Ok(Some(value)) => array.push(value),
                Ok(None) => return Ok(Value::Array(array)),
                Err(error) => {
                    trail.steps.push(Step::Element(array.len()));
                    return Err(error);
                }
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let Node { trail, depth } = self;
        if depth == DEPTH {
            return Err(Node { trail, depth }.fail(JsonFault::TooDeep));
        }
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            if object.contains_key(&name) {
                trail.steps.push(Step::Member(name.clone()));
                return Err(Node { trail, depth }.fail(JsonFault::Duplicate(name)));
            }
            match members.next_value_seed(Node {
                trail,
                depth: depth + 1,
            }) {
                Ok(value) => object.insert(name, value),
                Err(error) => {
                    trail.steps.push(Step::Member(name));
                    return Err(error);
                }
            };
        }
        Ok(Value::Object(object))
    }
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.fault {
            JsonFault::Empty => return f.write_str("The body is empty; JSON is expected."),
            JsonFault::Encoding => f.write_str("The body is not UTF-8")?,
            JsonFault::ByteOrderMark => {
                return f.write_str("The body begins with a byte order mark; leave it out.");
            }
            JsonFault::Syntax(text) => write!(f, "Not JSON: {text}")?,
            JsonFault::Incomplete => f.write_str("The JSON ends in the middle of a value")?,
            JsonFault::Trailing => f.write_str("Something follows the JSON value")?,
            JsonFault::Duplicate(name) => {
                write!(f, "The member `{name}` occurs twice in one object")?
            }
            JsonFault::TooDeep => write!(f, "Nested deeper than {DEPTH} levels")?,
            JsonFault::TooMany => write!(f, "More than {VALUES} values in one document")?,
        }
        write!(f, ", at line {} column {}.", self.line, self.column)
    }
}

impl std::error::Error for JsonError {}

impl From<JsonError> for Problem {
    fn from(error: JsonError) -> Problem {
        let code = match error.fault {
            JsonFault::Empty => "empty",
            JsonFault::Encoding | JsonFault::ByteOrderMark => "encoding",
            JsonFault::Syntax(_) | JsonFault::Incomplete | JsonFault::Trailing => "syntax",
            JsonFault::Duplicate(_) => "duplicate_member",
            JsonFault::TooDeep => "too_deep",
            JsonFault::TooMany => "too_many_values",
        };
        let text = error.to_string();
        Problem::of(&kit::INVALID_JSON).detail(text.clone()).fault(
            Place::Pointer(error.pointer),
            code,
            text,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The fault, where it is, and what it is called.
    fn check(input: &str) -> String {
        match parse(input.as_bytes()) {
            Ok(value) => value.to_string(),
            Err(error) => format!("{:?} {error}", error.pointer),
        }
    }

    #[test]
    fn json_is_read_in_order() {
        for (input, output) in [
            (
                r#" {"b":1,"a":[true,null,-2,1.5e3,"\u00e9\n"]} "#,
                r#"{"b":1,"a":[true,null,-2,1500.0,"é\n"]}"#,
            ),
            ("1", "1"),
            ("18446744073709551615", "18446744073709551615"),
            (r#""""#, r#""""#),
            (r#"{"":{"":0}}"#, r#"{"":{"":0}}"#),
        ] {
            assert_eq!(check(input), output);
        }
    }

    #[test]
    fn everything_else_is_refused_with_its_place() {
        for (input, output) in [
            ("", r#""" The body is empty; JSON is expected."#),
            (" \r\n", r#""" The body is empty; JSON is expected."#),
            (
                "\u{feff}{}",
                r#""" The body begins with a byte order mark; leave it out."#,
            ),
            (
                "{} x",
                r#""" Something follows the JSON value, at line 1 column 4."#,
            ),
            (
                "1 2",
                r#""" Something follows the JSON value, at line 1 column 3."#,
            ),
            (
                "{\"a\":",
                r#""/a" The JSON ends in the middle of a value, at line 1 column 5."#,
            ),
            (
                "{\"a\":{\"b\":[1,2,x]}}",
                r#""/a/b/2" Not JSON: a value is missing or is not spelled as one; text stands in double quotes, at line 1 column 16."#,
            ),
            (
                "{\"a\":1,\n \"a\":2}",
                r#""/a" The member `a` occurs twice in one object, at line 2 column 4."#,
            ),
            (
                "[{},{\"x/y\":{\"~\":1,\"~\":1}}]",
                r#""/1/x~1y/~0" The member `~` occurs twice in one object, at line 1 column 21."#,
            ),
            (
                "{\"a\":1,\"\\u0061\":2}",
                r#""/a" The member `a` occurs twice in one object, at line 1 column 15."#,
            ),
            (
                "[1,]",
                r#""/1" Not JSON: a `,` has nothing behind it, at line 1 column 4."#,
            ),
            (
                "{a:1}",
                r#""" Not JSON: the names of members stand in double quotes, at line 1 column 2."#,
            ),
            (
                "NaN",
                r#""" Not JSON: a value is missing or is not spelled as one; text stands in double quotes, at line 1 column 1."#,
            ),
            (
                "01",
                r#""" Not JSON: a number begins with a digit or `-`, has no zeros in front, and digits behind its point, at line 1 column 2."#,
            ),
            (
                "1e999",
                r#""" Not JSON: a number is larger than any computer counts with, at line 1 column 5."#,
            ),
            (
                "// c\n1",
                r#""" Not JSON: a value is missing or is not spelled as one; text stands in double quotes, at line 1 column 1."#,
            ),
            (
                r#""\ud800""#,
                r#""" Not JSON: half of a pair of `\uD8XX` and `\uDCXX` is missing, at line 1 column 8."#,
            ),
            (
                "{\"a\": tru}",
                r#""/a" Not JSON: only `true`, `false` and `null` are words; text stands in double quotes, at line 1 column 10."#,
            ),
            (
                "{\"a\" 1}",
                r#""/a" Not JSON: between a name and its value stands a `:`, at line 1 column 6."#,
            ),
            (
                "[1 2]",
                r#""/1" Not JSON: a `,` is missing, or the `]` that ends the list, at line 1 column 4."#,
            ),
            (
                "{\"a\":1 \"b\":2}",
                r#""" Not JSON: a `,` is missing, or the `}` that ends the object, at line 1 column 8."#,
            ),
            (
                r#""a\xb""#,
                r#""" Not JSON: behind a `\` in text stands one of `"`, `\`, `/`, `b`, `f`, `n`, `r`, `t` and `uXXXX`, at line 1 column 4."#,
            ),
            (
                "\"a\nb\"",
                r#""" Not JSON: a text holds a line break, a tab or its like, or has no closing quote; `\n` is a line break, `\t` a tab, at line 1 column 3."#,
            ),
        ] {
            assert_eq!(check(input), output, "{input:?}");
        }
    }

    #[test]
    fn bytes_that_are_not_utf8_are_refused_with_their_place() {
        let error = parse(b"{\n\"a\":\"\xff\"}").unwrap_err();
        assert_eq!(
            (error.fault, error.line, error.column),
            (JsonFault::Encoding, 2, 6)
        );
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(parse(nested(DEPTH).as_bytes()).is_ok());
        let error = parse(nested(DEPTH + 1).as_bytes()).unwrap_err();
        assert_eq!(
            (error.fault, error.pointer),
            (JsonFault::TooDeep, "/0".repeat(DEPTH))
        );
        let open = "{\"a\":".repeat(1_000_000);
        assert_eq!(
            parse(open.as_bytes()).unwrap_err().fault,
            JsonFault::TooDeep
        );
    }

    #[test]
    fn the_number_of_values_is_bounded() {
        let many = format!("[{}1]", "1,".repeat(VALUES));
        assert_eq!(
            parse(many.as_bytes()).unwrap_err().fault,
            JsonFault::TooMany
        );
    }

    #[test]
    fn the_problem_says_where() {
        let problem = Problem::from(parse(b"{\"a\":[1,1 1]}").unwrap_err());
        assert_eq!(problem.status(), 400);
        assert_eq!(problem.faults()[0].place, Place::Pointer("/a/2".into()));
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&bytes);
        }

        #[test]
        fn near_json_is_survived(parts in proptest::collection::vec(prop_oneof![
            Just("{"), Just("}"), Just("["), Just("]"), Just("\"a\""), Just(":"), Just(","), Just("1"),
            Just("null"), Just(" "), Just("\\"), Just("\""), Just("-"), Just("1e5"),
        ], 0..40)) {
            let text = parts.concat();
            let ours = parse(text.as_bytes());
            let theirs = serde_json::from_str::<Value>(&text);
            match ours {
                Ok(value) => prop_assert_eq!(value, theirs.unwrap()),
                Err(JsonError { fault: JsonFault::Duplicate(_), .. }) => {}
                Err(_) => prop_assert!(theirs.is_err()),
            }
        }
    }
}
