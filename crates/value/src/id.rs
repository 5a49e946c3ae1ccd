//! Record ids: prefixed UUIDs (TypeID 0.3), plain UUIDs, integers and client-chosen strings.
//!
//! Reads, writes and composes them. There is no clock and no randomness here: whoever makes
//! a new id brings the time and the random bytes.

use std::fmt;

use crate::json::{INT53_MAX, write_string};
use crate::{ResourceId, Value};

/// The longest prefix TypeID allows.
pub const PREFIX_LEN_MAX: usize = 63;
/// The longest client-chosen id: it stands in URLs, indexes and logs.
pub const TEXT_ID_LEN_MAX: usize = 255;
/// 128 bits in groups of five.
const SUFFIX_LEN: usize = 26;
const UUID_LEN: usize = 36;
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// How the ids of a resource are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdKind {
    /// The default: a UUIDv7 spelled `book_01h455vb4pex5vsknk084sn02q`.
    TypeId,
    /// `id: random`: spelled the same, but made of a UUIDv4, so it tells no time.
    Random,
    /// `id: uuid`: a UUIDv7 in its usual spelling.
    Uuid,
    /// `id: integer`: counted by the database, never reused.
    Integer,
    /// `id: string`: chosen by the client on create.
    Text,
}

/// The type of one resource's ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdType {
    pub resource: ResourceId,
    /// Of the resource, for messages: `Book`.
    pub resource_name: Box<str>,
    pub kind: IdKind,
    /// `book` for TypeIDs (written `book_…`), `BKG-` for prefixed integers (written as is),
    /// empty when there is none.
    pub prefix: Box<str>,
}

/// Why a text is not an id of the resource. Both texts are ready to be read by people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IdError {
    /// A well-formed id, but its prefix is another resource's.
    OtherResource {
        /// The prefix found: `author`.
        found: String,
        /// `a book id`
        expected: String,
    },
    /// Not spelled like the resource's ids.
    Form {
        /// `a book id`
        expected: String,
        /// What its spelling is: `is written book_ followed by …`.
        rule: String,
    },
}

impl fmt::Display for IdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            IdError::OtherResource { found, expected } => {
                let words = found.replace('_', " ");
                write!(
                    f,
                    "this is {} {words} id; {expected} is expected",
                    article(&words)
                )
            }
            IdError::Form { expected, rule } => write!(f, "{expected} {rule}"),
        }
    }
}

impl std::error::Error for IdError {}

/// Why a text is not a TypeID at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TypeIdError {
    /// Not 1 to 63 of `a` to `z` and `_`, beginning and ending with a letter.
    Prefix,
    /// Not 26 digits of lower-case Crockford base32, or more than 128 bits.
    Suffix,
}

impl fmt::Display for TypeIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TypeIdError::Prefix => {
                "the prefix of an id is 1 to 63 lower-case letters, with _ only between them"
            }
            TypeIdError::Suffix => {
                "an id ends with 26 lower-case digits of base32, the first of them 0 to 7"
            }
        })
    }
}

impl std::error::Error for TypeIdError {}

impl IdType {
    /// Reads an id as it stands in URLs, in bodies and in other records.
    ///
    /// Gives [`Value::Uuid`], [`Value::Int`] or [`Value::Text`], after the kind.
    pub fn parse(&self, text: &str) -> Result<Value, IdError> {
        match self.kind {
            IdKind::TypeId | IdKind::Random => match decode_typeid(text) {
                Ok((prefix, bytes)) if prefix == &*self.prefix => Ok(Value::Uuid(bytes)),
                Ok((prefix, _)) if !prefix.is_empty() => Err(IdError::OtherResource {
                    found: prefix.to_owned(),
                    expected: self.describe(),
                }),
                Ok(_) | Err(_) => Err(self.form_error()),
            },
            IdKind::Uuid => match parse_uuid(text) {
                Some(bytes) => Ok(Value::Uuid(bytes)),
                None => Err(self.other_or_form_error(text)),
            },
            IdKind::Integer => {
                let digits = text.strip_prefix(&*self.prefix);
                match digits.and_then(parse_positive) {
                    Some(number) => Ok(Value::Int(number)),
                    None => Err(self.other_or_form_error(text)),
                }
            }
            IdKind::Text if is_text_id(text) => Ok(Value::Text(text.to_owned())),
            IdKind::Text => Err(self.form_error()),
        }
    }

    /// Appends the id as JSON: a string with its quotes, or a number for integers without
    /// prefix.
    pub fn write(&self, id: &Value, out: &mut Vec<u8>) {
        match id {
            Value::Int(number) if self.prefix.is_empty() => write_int(*number, out),
            Value::Uuid(_) | Value::Int(_) => {
                out.push(b'"');
                self.write_text(id, out);
                out.push(b'"');
            }
            Value::Text(text) => write_string(text, out),
            other => crate::json::write_bare(other, out),
        }
    }

    /// Appends the id as it stands in a URL, without quotes.
    pub fn write_text(&self, id: &Value, out: &mut Vec<u8>) {
        match (self.kind, id) {
            (IdKind::TypeId | IdKind::Random, Value::Uuid(bytes)) => {
                if !self.prefix.is_empty() {
                    out.extend_from_slice(self.prefix.as_bytes());
                    out.push(b'_');
                }
                out.extend_from_slice(&encode_suffix(bytes));
            }
            (_, Value::Uuid(bytes)) => write_uuid(bytes, out),
            (_, Value::Int(number)) => {
                out.extend_from_slice(self.prefix.as_bytes());
                write_int(*number, out);
            }
            (_, Value::Text(text)) => out.extend_from_slice(text.as_bytes()),
            (_, other) => crate::json::write_bare(other, out),
        }
    }

    /// The id as it stands in a URL.
    pub fn to_text(&self, id: &Value) -> String {
        let mut out = Vec::with_capacity(self.prefix.len() + UUID_LEN);
        self.write_text(id, &mut out);
        crate::text::from_utf8(out)
    }

    /// Whether the id is a number in JSON.
    pub fn is_json_number(&self) -> bool {
        self.kind == IdKind::Integer && self.prefix.is_empty()
    }

    /// For messages, with its article: `a book id`.
    pub fn describe(&self) -> String {
        let words = self.words();
        format!("{} {words}", article(&words))
    }

    /// For messages: `book id`.
    pub(crate) fn words(&self) -> String {
        let mut words = String::with_capacity(self.resource_name.len() + 4);
        let mut after_lower = false;
        for letter in self.resource_name.chars() {
            if letter.is_uppercase() && after_lower {
                words.push(' ');
            }
            after_lower = letter.is_lowercase() || letter.is_numeric();
            words.extend(letter.to_lowercase());
        }
        words.push_str(" id");
        words
    }

    /// How the ids are spelled, to follow [`IdType::describe`].
    fn rule(&self) -> String {
        let prefix = &self.prefix;
        match self.kind {
            IdKind::TypeId | IdKind::Random if prefix.is_empty() => {
                format!("is written with {SUFFIX_LEN} lower-case letters and digits")
            }
            IdKind::TypeId | IdKind::Random => format!(
                "is written {prefix}_ followed by {SUFFIX_LEN} lower-case letters and digits"
            ),
            IdKind::Uuid => "is a UUID, such as 01890a5d-ac96-774b-bcce-b302099a8057".to_owned(),
            IdKind::Integer if prefix.is_empty() => {
                format!("is an integer from 1 to {INT53_MAX}")
            }
            IdKind::Integer => {
                format!("is written {prefix} followed by a number, as in {prefix}17")
            }
            IdKind::Text => format!(
                "is 1 to {TEXT_ID_LEN_MAX} letters, digits, '.', '_', '~' or '-', and not . or .."
            ),
        }
    }

    fn form_error(&self) -> IdError {
        IdError::Form {
            expected: self.describe(),
            rule: self.rule(),
        }
    }

    /// Ids without a prefix of their own may still have been mixed up with prefixed ones.
    fn other_or_form_error(&self, text: &str) -> IdError {
        match decode_typeid(text) {
            Ok((prefix, _)) if !prefix.is_empty() => IdError::OtherResource {
                found: prefix.to_owned(),
                expected: self.describe(),
            },
            _ => self.form_error(),
        }
    }
}

/// `prefix_` and the bytes in base32; the bytes alone when the prefix is empty.
pub fn encode_typeid(prefix: &str, bytes: &[u8; 16]) -> String {
    let mut text = String::with_capacity(prefix.len() + 1 + SUFFIX_LEN);
    if !prefix.is_empty() {
        text.push_str(prefix);
        text.push('_');
    }
    text.extend(encode_suffix(bytes).map(char::from));
    text
}

/// Splits a TypeID of any resource into its prefix (empty if there is none) and its bytes.
pub fn decode_typeid(text: &str) -> Result<(&str, [u8; 16]), TypeIdError> {
    let (prefix, suffix) = match text.rsplit_once('_') {
        Some((prefix, suffix)) => {
            if !is_typeid_prefix(prefix) {
                return Err(TypeIdError::Prefix);
            }
            (prefix, suffix)
        }
        None => ("", text),
    };
    Ok((
        prefix,
        decode_suffix(suffix.as_bytes()).ok_or(TypeIdError::Suffix)?,
    ))
}

/// Whether TypeID allows the text as a prefix (an empty one aside).
pub fn is_typeid_prefix(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= PREFIX_LEN_MAX
        && !text.starts_with('_')
        && !text.ends_with('_')
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

/// Reads a hyphenated UUID, digits in either case.
pub fn parse_uuid(text: &str) -> Option<[u8; 16]> {
    let text: &[u8; UUID_LEN] = text.as_bytes().try_into().ok()?;
    let mut bytes = [0; 16];
    let mut at = 0;
    for byte in &mut bytes {
        if matches!(at, 8 | 13 | 18 | 23) {
            if text[at] != b'-' {
                return None;
            }
            at += 1;
        }
        *byte = (hex_digit(text[at])? << 4) | hex_digit(text[at + 1])?;
        at += 2;
    }
    Some(bytes)
}

/// Appends the hyphenated spelling in lower case.
pub fn write_uuid(bytes: &[u8; 16], out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let mut text = [b'-'; UUID_LEN];
    let mut at = 0;
    for byte in bytes {
        if matches!(at, 8 | 13 | 18 | 23) {
            at += 1;
        }
        text[at] = HEX[usize::from(byte >> 4)];
        text[at + 1] = HEX[usize::from(byte & 15)];
        at += 2;
    }
    out.extend_from_slice(&text);
}

fn encode_suffix(bytes: &[u8; 16]) -> [u8; SUFFIX_LEN] {
    let mut bits = u128::from_be_bytes(*bytes);
    let mut suffix = [b'0'; SUFFIX_LEN];
    for letter in suffix.iter_mut().rev() {
        *letter = ALPHABET[(bits & 31) as usize];
        bits >>= 5;
    }
    suffix
}

fn decode_suffix(suffix: &[u8]) -> Option<[u8; 16]> {
    // 26 letters hold 130 bits: the first one has only three to give.
    if suffix.len() != SUFFIX_LEN || suffix[0] > b'7' {
        return None;
    }
    let mut bits: u128 = 0;
    for letter in suffix {
        let digit = DIGITS[usize::from(*letter)];
        if digit == NO_DIGIT {
            return None;
        }
        bits = (bits << 5) | u128::from(digit);
    }
    Some(bits.to_be_bytes())
}

const NO_DIGIT: u8 = u8::MAX;

/// [`ALPHABET`] backwards.
static DIGITS: [u8; 256] = {
    let mut digits = [NO_DIGIT; 256];
    let mut at = 0;
    while at < ALPHABET.len() {
        digits[ALPHABET[at] as usize] = at as u8;
        at += 1;
    }
    digits
};

fn hex_digit(letter: u8) -> Option<u8> {
    match letter {
        b'0'..=b'9' => Some(letter - b'0'),
        b'a'..=b'f' => Some(letter - b'a' + 10),
        b'A'..=b'F' => Some(letter - b'A' + 10),
        _ => None,
    }
}

/// One spelling per number, so that one record has one URL.
fn parse_positive(text: &str) -> Option<i64> {
    if text.starts_with('0') || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse()
        .ok()
        .filter(|number| (1..=INT53_MAX).contains(number))
}

/// Only what no URL ever escapes, so that an id is always one path segment as it stands.
fn is_text_id(text: &str) -> bool {
    let safe = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'~' | b'-');
    (1..=TEXT_ID_LEN_MAX).contains(&text.len())
        && text.bytes().all(safe)
        && text != "."
        && text != ".."
}

fn write_int(number: i64, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// `a` or `an`, by the usual sounds of first letters.
pub(crate) fn article(words: &str) -> &'static str {
    let like_you = ["uni", "us", "ut", "eu", "one"];
    if like_you.iter().any(|start| words.starts_with(start)) {
        return "a";
    }
    match words.bytes().next() {
        Some(b'a' | b'e' | b'i' | b'o' | b'u') => "an",
        _ if words.starts_with("hour") || words.starts_with("honor") => "an",
        _ => "a",
    }
}
