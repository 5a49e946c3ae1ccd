//! Parsing and printing values as plain text, as they stand in URLs, claims and CSV cells.
//!
//! Scalars only: lists, objects and `json` print as JSON, but cannot be parsed here.

use crate::json::{self, INT53_MAX, Mismatch, code};
use crate::{Date, Decimal, Duration, Money, Timestamp, Type, Value};

/// Names longer than this are not compared with the known ones.
const SUGGEST_LEN_MAX: usize = 64;
/// Allowed values listed in one message.
pub(crate) const LISTED_MAX: usize = 10;

/// What is wrong with a text, not yet where.
pub(crate) struct Problem {
    pub(crate) code: &'static str,
    pub(crate) detail: String,
}

/// Reads a value of the type.
///
/// # Errors
/// The mismatch's pointer is empty.
pub fn parse(ty: &Type, text: &str) -> Result<Value, Mismatch> {
    parse_any(ty, text).map_err(|Problem { code, detail }| Mismatch {
        pointer: String::new(),
        code,
        detail,
    })
}

/// What [`parse`] reads back. Null prints as nothing.
pub fn print(ty: &Type, value: &Value) -> String {
    let mut out = Vec::new();
    write(ty, value, &mut out);
    from_utf8(out)
}

/// Appends what [`print()`] returns.
pub fn write(ty: &Type, value: &Value, out: &mut Vec<u8>) {
    match (ty, value) {
        (_, Value::Null) => {}
        (Type::Id(id), value) => id.write_text(value, out),
        (_, Value::Text(text)) => out.extend_from_slice(text.as_bytes()),
        (_, Value::Decimal(decimal)) => decimal.write_into(out),
        (_, Value::Money(money)) => {
            money.write_amount_into(out);
            out.push(b' ');
            out.extend_from_slice(money.currency.as_str().as_bytes());
        }
        (_, Value::Date(date)) => date.write_into(out),
        (_, Value::Timestamp(timestamp)) => timestamp.write_into(out),
        (_, Value::Duration(duration)) => duration.write_into(out),
        (_, Value::Uuid(bytes)) => crate::id::write_uuid(bytes, out),
        (Type::List(_) | Type::Object(_), value) => json::write(ty, value, out),
        (_, value) => json::write_bare(value, out),
    }
}

fn parse_any(ty: &Type, text: &str) -> Result<Value, Problem> {
    match ty {
        Type::Bool => match text {
            "true" => Ok(Value::Bool(true)),
            "false" => Ok(Value::Bool(false)),
            _ => Err(format_problem("must be true or false")),
        },
        Type::Int32 => parse_int(text, i32::MIN.into(), i32::MAX.into()).map(Value::Int),
        Type::Int53 => parse_int(text, -INT53_MAX, INT53_MAX).map(Value::Int),
        Type::Float => parse_float(text).map(|number| Value::Float(number + 0.0)),
        Type::Money => Money::parse(text).map(Value::Money).map_err(format_problem),
        Type::List(_) | Type::Object(_) | Type::Json => Err(Problem {
            code: code::WRONG_TYPE,
            detail: format!("{} cannot be given as plain text", ty.describe()),
        }),
        _ => parse_string(ty, text),
    }
}

/// The types whose JSON is a string spelled the same way.
pub(crate) fn parse_string(ty: &Type, text: &str) -> Result<Value, Problem> {
    match ty {
        Type::Text => {
            check_characters(text)?;
            Ok(Value::Text(text.to_owned()))
        }
        Type::Int64 => parse_int(text, i64::MIN, i64::MAX).map(Value::Int),
        Type::Decimal => Decimal::parse(text)
            .map(Value::Decimal)
            .map_err(format_problem),
        Type::Date => Date::parse(text).map(Value::Date).map_err(time_problem),
        Type::Timestamp => Timestamp::parse(text)
            .map(Value::Timestamp)
            .map_err(time_problem),
        Type::Duration => Duration::parse(text)
            .map(Value::Duration)
            .map_err(time_problem),
        Type::Uuid => match crate::id::parse_uuid(text) {
            Some(bytes) => Ok(Value::Uuid(bytes)),
            None => Err(format_problem(
                "a UUID is written like 01890a5d-ac96-774b-bcce-b302099a8057",
            )),
        },
        Type::Id(id) => id.parse(text).map_err(format_problem),
        Type::Enum(values) => match values.iter().find(|value| &***value == text) {
            Some(value) => Ok(Value::Text(value.to_string())),
            None => Err(not_in_enum(values, text)),
        },
        // Not reached from `parse` or `read`; refused rather than trusted.
        Type::Bool
        | Type::Int32
        | Type::Int53
        | Type::Float
        | Type::Money
        | Type::List(_)
        | Type::Object(_)
        | Type::Json => Err(Problem {
            code: code::WRONG_TYPE,
            detail: format!("{} is not written as a string", ty.describe()),
        }),
    }
}

pub(crate) fn check_characters(text: &str) -> Result<(), Problem> {
    if text.as_bytes().contains(&0) {
        return Err(Problem {
            code: code::INVALID_CHARACTER,
            detail: "text cannot contain the character U+0000".to_owned(),
        });
    }
    Ok(())
}

pub(crate) fn range_detail(min: i64, max: i64) -> String {
    format!("must be between {min} and {max}")
}

/// The known name that was probably meant.
pub(crate) fn suggest<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    if name.len() > SUGGEST_LEN_MAX {
        return None;
    }
    let name = name.to_lowercase();
    known
        .map(|known| (strsim::osa_distance(&name, &known.to_lowercase()), known))
        .filter(|(distance, known)| {
            let length = known.chars().count();
            *distance < length && *distance <= (length / 3).max(1)
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

/// `one of a, b, c`, or as many as are readable.
pub(crate) fn choice<'n>(lead: &str, values: impl Iterator<Item = &'n str> + Clone) -> String {
    let count = values.clone().count();
    let listed: Vec<&str> = values.take(LISTED_MAX).collect();
    let mut text = format!("{lead} {}", listed.join(", "));
    if count > LISTED_MAX {
        text.push_str(&format!(" and {} more", count - LISTED_MAX));
    }
    text
}

/// Our writers append whole strings and ASCII only.
pub(crate) fn from_utf8(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("values are written as UTF-8")
}

fn not_in_enum(values: &[Box<str>], text: &str) -> Problem {
    let names = || values.iter().map(|value| &**value);
    let mut detail = choice("must be one of", names());
    if let Some(meant) = suggest(text, names()) {
        detail.push_str(&format!("; did you mean {meant}?"));
    }
    Problem {
        code: code::NOT_IN_ENUM,
        detail,
    }
}

/// Digits without leading zeros, optionally after a `-`.
fn parse_int(text: &str, min: i64, max: i64) -> Result<i64, Problem> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if !is_json_integer(digits) {
        return Err(format_problem(
            "an integer is written with digits only, such as 42 or -7",
        ));
    }
    match text.parse() {
        Ok(number) if (min..=max).contains(&number) => Ok(number),
        _ => Err(Problem {
            code: code::OUT_OF_RANGE,
            detail: range_detail(min, max),
        }),
    }
}

/// JSON's numbers, which is less than Rust reads: no `inf`, no `+1`, no `.5`.
fn parse_float(text: &str) -> Result<f64, Problem> {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (
            mantissa,
            exponent.strip_prefix(['+', '-']).unwrap_or(exponent),
        ),
        None => (unsigned, "0"),
    };
    let (integer, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    if !is_json_integer(integer) || !is_digits(fraction) || !is_digits(exponent) {
        return Err(format_problem("a number is written like 12.5 or -3"));
    }
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(number),
        _ => Err(Problem {
            code: code::OUT_OF_RANGE,
            detail: "the number is too large".to_owned(),
        }),
    }
}

fn is_json_integer(text: &str) -> bool {
    is_digits(text) && (text.len() == 1 || !text.starts_with('0'))
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn format_problem(detail: impl std::fmt::Display) -> Problem {
    Problem {
        code: code::INVALID_FORMAT,
        detail: detail.to_string(),
    }
}

fn time_problem(error: crate::time::TimeError) -> Problem {
    let code = if error.is_range() {
        code::OUT_OF_RANGE
    } else {
        code::INVALID_FORMAT
    };
    Problem {
        code,
        detail: error.to_string(),
    }
}
