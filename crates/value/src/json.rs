//! Values as JSON: typed reading with pointers, and a direct writer.
//!
//! Reading collects everything that does not fit instead of stopping at the first thing,
//! so that whoever sent it can mend it in one go. Writing is on the way of every answer and
//! allocates nothing but room in `out`. Constraints (lengths, ranges of a field) and
//! whether the outermost value may be null are not known here.

use std::fmt;

use serde_json::Number;
use serde_json::value::RawValue;

use crate::text::{self, Problem};
use crate::{Currency, Decimal, Money, ObjectType, Type, Value};

/// The largest integer that every JSON reader holds exactly: 2^53 - 1.
pub const INT53_MAX: i64 = (1 << 53) - 1;

/// Mismatches reported at most: enough to see what is wrong, and a bound on what a hostile
/// body can make us write back.
pub const MISMATCHES_MAX: usize = 100;

/// Nesting allowed in a `json` field. Parsers commonly stop at 128; this leaves room for
/// the record and the page around it.
pub const JSON_DEPTH_MAX: usize = 100;

/// The stable codes of a [`Mismatch`].
pub mod code {
    /// Another JSON type: a number where a string is expected.
    pub const WRONG_TYPE: &str = "wrong_type";
    /// The right type, but more than it holds.
    pub const OUT_OF_RANGE: &str = "out_of_range";
    /// A string that is not spelled like a date, decimal, id, and so on.
    pub const INVALID_FORMAT: &str = "invalid_format";
    pub const UNKNOWN_MEMBER: &str = "unknown_member";
    /// A member that may not be left out.
    pub const REQUIRED: &str = "required";
    pub const NOT_NULL: &str = "not_null";
    pub const NOT_IN_ENUM: &str = "not_in_enum";
    /// U+0000, which databases cannot hold.
    pub const INVALID_CHARACTER: &str = "invalid_character";
    /// A `json` value nested deeper than [`super::JSON_DEPTH_MAX`].
    pub const TOO_DEEP: &str = "too_deep";
}

/// One thing that does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// RFC 6901, relative to what was read; empty for all of it.
    pub pointer: String,
    /// One of [`code`].
    pub code: &'static str,
    /// A sentence for people, without its full stop.
    pub detail: String,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.pointer.is_empty() {
            write!(f, "{}: ", self.pointer)?;
        }
        f.write_str(&self.detail)
    }
}

impl std::error::Error for Mismatch {}

/// Reads a value of the type.
///
/// - Integers also come as `3.0`, as JSON Schema's `integer` has it.
/// - `int64` is a string of digits; a number is accepted too as long as every JSON reader
///   would have kept it exact.
/// - `null` is a value of no type: whether it is allowed is asked before. Nullable members
///   of objects may be null or absent; both become [`Value::Null`].
///
/// # Errors
/// All mismatches, at most [`MISMATCHES_MAX`], never none.
pub fn read(ty: &Type, json: &serde_json::Value) -> Result<Value, Vec<Mismatch>> {
    let (value, mismatches) = read_partly(ty, json);
    if mismatches.is_empty() {
        Ok(value)
    } else {
        Err(mismatches)
    }
}

/// The same for whoever wants to say more about the rest of a value that does not fit: where
/// something does not, there is a null.
pub fn read_partly(ty: &Type, json: &serde_json::Value) -> (Value, Vec<Mismatch>) {
    let mut reader = Reader {
        path: Vec::new(),
        mismatches: Vec::new(),
    };
    let value = reader.value(ty, json).unwrap_or(Value::Null);
    (value, reader.mismatches)
}

/// Appends the JSON of a value.
///
/// A value that is not of the type (which would be a bug of the caller's) is still written
/// as JSON, as well as it can be.
pub fn write(ty: &Type, value: &Value, out: &mut Vec<u8>) {
    match (ty, value) {
        (_, Value::Null) => out.extend_from_slice(b"null"),
        (Type::Id(id), value) => id.write(value, out),
        (Type::Int64, Value::Int(number)) => {
            out.push(b'"');
            out.extend_from_slice(itoa::Buffer::new().format(*number).as_bytes());
            out.push(b'"');
        }
        (Type::List(item), Value::List(values)) => {
            write_list(values, out, |value, out| write(item, value, out));
        }
        (Type::Object(object), Value::Object(values)) => {
            out.push(b'{');
            for (at, member) in object.members.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                write_string(&member.name, out);
                out.push(b':');
                write(&member.ty, values.get(at).unwrap_or(&Value::Null), out);
            }
            out.push(b'}');
        }
        (_, value) => write_bare(value, out),
    }
}

/// The JSON in which lists, objects and `json` fields are stored: the same as [`write()`]'s.
pub fn to_json_text(ty: &Type, value: &Value) -> String {
    let mut out = Vec::new();
    write(ty, value, &mut out);
    text::from_utf8(out)
}

/// Reads what [`to_json_text`] wrote. The text of a `json` field is kept as it is.
pub fn from_json_text(ty: &Type, json: &str) -> Result<Value, Vec<Mismatch>> {
    let not_json = |error: serde_json::Error| {
        vec![Mismatch {
            pointer: String::new(),
            code: code::INVALID_FORMAT,
            detail: format!("this is not JSON: {error}"),
        }]
    };
    if *ty == Type::Json {
        let raw: &RawValue = serde_json::from_str(json).map_err(not_json)?;
        return Ok(Value::Json(raw.get().into()));
    }
    read(ty, &serde_json::from_str(json).map_err(not_json)?)
}

/// Appends a JSON string with its quotes.
pub fn write_string(text: &str, out: &mut Vec<u8>) {
    out.reserve(text.len() + 2);
    out.push(b'"');
    write_escaped(text, out);
    out.push(b'"');
}

/// Appends what stands between the quotes of a JSON string.
pub fn write_escaped(text: &str, out: &mut Vec<u8>) {
    let bytes = text.as_bytes();
    let mut start = 0;
    while let Some(at) = next_escape(bytes, start) {
        out.extend_from_slice(&bytes[start..at]);
        write_escape(bytes[at], out);
        start = at + 1;
    }
    out.extend_from_slice(&bytes[start..]);
}

/// Where the next byte stands that a JSON string cannot hold as it is.
fn next_escape(bytes: &[u8], from: usize) -> Option<usize> {
    // Eight bytes at a time. The classic zero-byte test: subtracting borrows into the high
    // bit of exactly the bytes that are too small; a borrow may run on into higher bytes,
    // but the lowest hit is always right.
    const ONES: u64 = u64::MAX / 255;
    const HIGH: u64 = ONES * 0x80;
    let below = |word: u64, limit: u64| word.wrapping_sub(ONES * limit) & !word & HIGH;
    let equals = |word: u64, byte: u8| below(word ^ (ONES * u64::from(byte)), 1);

    let mut at = from;
    while let Some(chunk) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        let word = u64::from_le_bytes(*chunk);
        let hits = below(word, 0x20) | equals(word, b'"') | equals(word, b'\\');
        if hits != 0 {
            return Some(at + hits.trailing_zeros() as usize / 8);
        }
        at += 8;
    }
    let tail = bytes.get(at..)?;
    let found = tail
        .iter()
        .position(|byte| matches!(byte, 0..0x20 | b'"' | b'\\'));
    found.map(|offset| at + offset)
}

#[cold]
fn write_escape(byte: u8, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let short = match byte {
        b'"' | b'\\' => byte,
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        0x08 => b'b',
        0x0c => b'f',
        _ => {
            out.extend_from_slice(b"\\u00");
            out.push(HEX[usize::from(byte >> 4)]);
            out.push(HEX[usize::from(byte & 15)]);
            return;
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}

/// Writes a value whose JSON does not depend on its type, or whose type is not at hand.
pub(crate) fn write_bare(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Int(number) => {
            out.extend_from_slice(itoa::Buffer::new().format(*number).as_bytes());
        }
        Value::Float(number) => write_float(*number, out),
        Value::Text(text) => write_string(text, out),
        Value::Decimal(decimal) => quoted(out, |out| decimal.write_into(out)),
        Value::Money(money) => {
            out.extend_from_slice(b"{\"amount\":\"");
            money.write_amount_into(out);
            out.extend_from_slice(b"\",\"currency\":\"");
            out.extend_from_slice(money.currency.as_str().as_bytes());
            out.extend_from_slice(b"\"}");
        }
        Value::Date(date) => quoted(out, |out| date.write_into(out)),
        Value::Timestamp(timestamp) => quoted(out, |out| timestamp.write_into(out)),
        Value::Duration(duration) => quoted(out, |out| duration.write_into(out)),
        Value::Uuid(bytes) => quoted(out, |out| crate::id::write_uuid(bytes, out)),
        Value::List(values) | Value::Object(values) => write_list(values, out, write_bare),
        Value::Json(json) => out.extend_from_slice(json.as_bytes()),
    }
}

fn write_list(values: &[Value], out: &mut Vec<u8>, each: impl Fn(&Value, &mut Vec<u8>)) {
    out.push(b'[');
    for (at, value) in values.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        each(value, out);
    }
    out.push(b']');
}

/// Only for what needs no escaping.
fn quoted(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    out.push(b'"');
    write(out);
    out.push(b'"');
}

pub(crate) fn write_float(number: f64, out: &mut Vec<u8>) {
    // Floats are finite by the definition of `Value::Float`; JSON has no word for others.
    if number.is_finite() {
        out.extend_from_slice(zmij::Buffer::new().format_finite(number + 0.0).as_bytes());
    } else {
        out.extend_from_slice(b"null");
    }
}

#[derive(Clone, Copy)]
enum Segment<'a> {
    Member(&'a str),
    Item(usize),
}

struct Reader<'a> {
    path: Vec<Segment<'a>>,
    mismatches: Vec<Mismatch>,
}

impl<'a> Reader<'a> {
    /// `None` when it does not fit, which is then among the mismatches, as are items and members
    /// that do not.
    fn value(&mut self, ty: &'a Type, json: &'a serde_json::Value) -> Option<Value> {
        use serde_json::Value as Json;
        match (ty, json) {
            (_, Json::Null) => self.mismatch(
                code::NOT_NULL,
                format!("must be {}, not null", ty.describe()),
            ),
            (Type::Bool, Json::Bool(value)) => Some(Value::Bool(*value)),
            (Type::Int32, Json::Number(number)) => {
                self.integer(number, i32::MIN.into(), i32::MAX.into())
            }
            (Type::Int53, Json::Number(number)) => self.integer(number, -INT53_MAX, INT53_MAX),
            (Type::Int64, Json::Number(number)) => match integral(number) {
                Integral::Exact(number) if (-INT53_MAX..=INT53_MAX).contains(&number) => {
                    Some(Value::Int(number))
                }
                Integral::Fraction => self.not_an_integer(number),
                _ => self.mismatch(
                    code::OUT_OF_RANGE,
                    format!(
                        "a JSON number beyond {INT53_MAX} may have lost digits on its way; \
                         send it as a string"
                    ),
                ),
            },
            (Type::Float, Json::Number(number)) => match number.as_f64() {
                // There is one zero: databases differ in whether they keep its sign.
                Some(number) if number.is_finite() => Some(Value::Float(number + 0.0)),
                _ => self.mismatch(code::OUT_OF_RANGE, "the number is too large".to_owned()),
            },
            (Type::Money, Json::Object(members)) => self.money(members),
            (Type::Id(id), Json::Number(number)) if id.is_json_number() => match integral(number) {
                Integral::Exact(number) if (1..=INT53_MAX).contains(&number) => {
                    Some(Value::Int(number))
                }
                _ => self.mismatch(
                    code::INVALID_FORMAT,
                    format!("{} is an integer from 1 to {INT53_MAX}", id.describe()),
                ),
            },
            (Type::List(item), Json::Array(items)) => self.list(item, items),
            (Type::Object(object), Json::Object(members)) => self.object(object, members),
            (Type::Json, json) => self.json(json),
            (ty, Json::String(text)) if is_json_string(ty) => match text::parse_string(ty, text) {
                Ok(value) => Some(value),
                Err(problem) => self.problem(problem),
            },
            (ty, json) => self.wrong_type(ty, json),
        }
    }

    fn integer(&mut self, number: &Number, min: i64, max: i64) -> Option<Value> {
        match integral(number) {
            Integral::Exact(number) if (min..=max).contains(&number) => Some(Value::Int(number)),
            Integral::Fraction => self.not_an_integer(number),
            _ => self.mismatch(code::OUT_OF_RANGE, text::range_detail(min, max)),
        }
    }

    fn list(&mut self, item: &'a Type, items: &'a [serde_json::Value]) -> Option<Value> {
        let mut values = Vec::with_capacity(items.len());
        for (at, json) in items.iter().enumerate() {
            if self.is_full() {
                break;
            }
            self.path.push(Segment::Item(at));
            values.push(self.value(item, json).unwrap_or(Value::Null));
            self.path.pop();
        }
        values.resize(items.len(), Value::Null);
        Some(Value::List(values))
    }

    fn object(
        &mut self,
        object: &'a ObjectType,
        members: &'a serde_json::Map<String, serde_json::Value>,
    ) -> Option<Value> {
        use serde_json::Value as Json;
        let mut values = Vec::with_capacity(object.members.len());
        let mut known = 0;
        for member in &object.members {
            let json = members.get(&*member.name);
            known += usize::from(json.is_some());
            self.path.push(Segment::Member(&member.name));
            let value = match json {
                None | Some(Json::Null) if member.nullable => Some(Value::Null),
                None => self.mismatch(
                    code::REQUIRED,
                    format!("{} is required", member.ty.describe()),
                ),
                Some(json) => self.value(&member.ty, json),
            };
            values.push(value.unwrap_or(Value::Null));
            self.path.pop();
        }
        if known < members.len() {
            let names = || object.members.iter().map(|member| &*member.name);
            for name in members.keys() {
                if names().all(|known| known != name) {
                    self.unknown_member(name, names());
                }
                if self.is_full() {
                    break;
                }
            }
        }
        Some(Value::Object(values))
    }

    fn money(&mut self, members: &'a serde_json::Map<String, serde_json::Value>) -> Option<Value> {
        const MEMBERS: [&str; 2] = ["amount", "currency"];
        let amount = self.money_member(members, MEMBERS[0], |text| {
            Decimal::parse(text).map_err(|error| error.to_string())
        });
        let currency = self.money_member(members, MEMBERS[1], |text| {
            Currency::parse(text).map_err(|error| error.to_string())
        });
        let mut unknown = false;
        for name in members
            .keys()
            .filter(|name| !MEMBERS.contains(&name.as_str()))
        {
            unknown = true;
            if self.is_full() {
                break;
            }
            self.unknown_member(name, MEMBERS.into_iter());
        }
        if unknown {
            return None;
        }
        Some(Value::Money(Money {
            amount: amount?,
            currency: currency?,
        }))
    }

    fn money_member<T>(
        &mut self,
        members: &'a serde_json::Map<String, serde_json::Value>,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        self.path.push(Segment::Member(name));
        let parsed = match members.get(name) {
            None => self.mismatch(code::REQUIRED, format!("money needs its {name}")),
            Some(serde_json::Value::String(text)) => match parse(text) {
                Ok(parsed) => Some(parsed),
                Err(detail) => self.mismatch(code::INVALID_FORMAT, detail),
            },
            Some(json) => self.mismatch(
                code::WRONG_TYPE,
                format!("expected a string, got {}", json_kind(json)),
            ),
        };
        self.path.pop();
        parsed
    }

    fn json(&mut self, json: &serde_json::Value) -> Option<Value> {
        match check_json(json, 0) {
            Ok(()) => Some(Value::Json(json.to_string().into_boxed_str())),
            Err(problem) => self.problem(problem),
        }
    }

    fn unknown_member<'n>(&mut self, name: &'a str, known: impl Iterator<Item = &'n str> + Clone) {
        let detail = match text::suggest(name, known.clone()) {
            Some(known) => format!("there is no such member; did you mean {known}?"),
            None => format!(
                "there is no such member; {}",
                text::choice("known are", known)
            ),
        };
        self.path.push(Segment::Member(name));
        self.mismatch::<()>(code::UNKNOWN_MEMBER, detail);
        self.path.pop();
    }

    fn not_an_integer(&mut self, number: &Number) -> Option<Value> {
        self.mismatch(
            code::WRONG_TYPE,
            format!("expected an integer, got {number}"),
        )
    }

    fn wrong_type(&mut self, ty: &Type, json: &serde_json::Value) -> Option<Value> {
        let got = json_kind(json);
        self.mismatch(
            code::WRONG_TYPE,
            format!("expected {}, got {got}", json_form(ty)),
        )
    }

    fn problem<T>(&mut self, problem: Problem) -> Option<T> {
        self.mismatch(problem.code, problem.detail)
    }

    fn mismatch<T>(&mut self, code: &'static str, detail: String) -> Option<T> {
        if !self.is_full() {
            let pointer = self.pointer();
            self.mismatches.push(Mismatch {
                pointer,
                code,
                detail,
            });
        }
        None
    }

    fn is_full(&self) -> bool {
        self.mismatches.len() >= MISMATCHES_MAX
    }

    fn pointer(&self) -> String {
        let mut pointer = String::new();
        for segment in &self.path {
            pointer.push('/');
            match segment {
                Segment::Item(at) => pointer.push_str(itoa::Buffer::new().format(*at)),
                Segment::Member(name) => {
                    for letter in name.chars() {
                        match letter {
                            '~' => pointer.push_str("~0"),
                            '/' => pointer.push_str("~1"),
                            other => pointer.push(other),
                        }
                    }
                }
            }
        }
        pointer
    }
}

enum Integral {
    Exact(i64),
    TooLarge,
    Fraction,
}

fn integral(number: &Number) -> Integral {
    if let Some(number) = number.as_i64() {
        return Integral::Exact(number);
    }
    match number.as_f64() {
        Some(float) if float.fract() != 0.0 => Integral::Fraction,
        // 2^63 is exact as a float, and everything below it fits.
        Some(float) if float.abs() < -(i64::MIN as f64) => Integral::Exact(float as i64),
        _ => Integral::TooLarge,
    }
}

/// Refuses what could be stored but never read again.
fn check_json(json: &serde_json::Value, depth: usize) -> Result<(), Problem> {
    use serde_json::Value as Json;
    if depth > JSON_DEPTH_MAX {
        return Err(Problem {
            code: code::TOO_DEEP,
            detail: format!("nested more than {JSON_DEPTH_MAX} levels deep"),
        });
    }
    match json {
        Json::Null | Json::Bool(_) => Ok(()),
        // What is no 64-bit integer is kept as a float: beyond these it cannot be told whether
        // digits were lost.
        Json::Number(number) => match number.as_f64() {
            Some(float) if number.is_f64() && float.abs() > INT53_MAX as f64 => Err(Problem {
                code: code::OUT_OF_RANGE,
                detail: format!(
                    "a number beyond 64-bit integers, or one with a point or an exponent beyond \
                     {INT53_MAX}, would lose digits; send it as a string"
                ),
            }),
            _ => Ok(()),
        },
        Json::String(text) => text::check_characters(text),
        Json::Array(items) => items
            .iter()
            .try_for_each(|item| check_json(item, depth + 1)),
        Json::Object(members) => members.iter().try_for_each(|(name, member)| {
            text::check_characters(name)?;
            check_json(member, depth + 1)
        }),
    }
}

/// Types that are strings in JSON, spelled as everywhere else.
fn is_json_string(ty: &Type) -> bool {
    match ty {
        Type::Int64
        | Type::Text
        | Type::Decimal
        | Type::Date
        | Type::Timestamp
        | Type::Duration
        | Type::Uuid
        | Type::Enum(_) => true,
        Type::Id(id) => !id.is_json_number(),
        Type::Bool
        | Type::Int32
        | Type::Int53
        | Type::Float
        | Type::Money
        | Type::List(_)
        | Type::Object(_)
        | Type::Json => false,
    }
}

/// What the type looks like in JSON, for "expected …".
fn json_form(ty: &Type) -> &'static str {
    match ty {
        Type::Bool => "true or false",
        Type::Int32 | Type::Int53 => "an integer",
        Type::Float => "a number",
        Type::Int64 => "a string of digits",
        Type::Decimal => "a string such as \"12.50\"",
        Type::Date => "a string such as \"2026-11-22\"",
        Type::Timestamp => "a string such as \"2026-11-22T10:00:00Z\"",
        Type::Duration => "a string such as \"PT10M\"",
        Type::Money => "an object such as {\"amount\": \"12.50\", \"currency\": \"EUR\"}",
        Type::Id(id) if id.is_json_number() => "a number",
        Type::Text | Type::Uuid | Type::Id(_) | Type::Enum(_) => "a string",
        Type::List(_) => "a list",
        Type::Object(_) => "an object",
        Type::Json => "any JSON",
    }
}

fn json_kind(json: &serde_json::Value) -> &'static str {
    match json {
        serde_json::Value::Null => "null",
        serde_json::Value::Bool(true) => "true",
        serde_json::Value::Bool(false) => "false",
        serde_json::Value::Number(_) => "a number",
        serde_json::Value::String(_) => "a string",
        serde_json::Value::Array(_) => "a list",
        serde_json::Value::Object(_) => "an object",
    }
}
