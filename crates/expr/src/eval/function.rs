//! What functions and methods do.

use std::cell::RefCell;

use regex::{Regex, RegexBuilder};
use value::{Currency, Date, Decimal, Money, Timestamp, Type, Value};

use super::{EvalError, PATTERN_BYTES_MAX};
use crate::ir::Function;

const MILLISECONDS_A_DAY: i64 = 86_400_000;

/// `ty` is the type of `a`.
pub(super) fn call(
    function: Function,
    a: &Value,
    b: Option<&Value>,
    ty: &Type,
) -> Result<Value, EvalError> {
    // Only where a row is not there; everything computed from it is null too, as in SQL.
    if a.is_null() || b.is_some_and(Value::is_null) {
        return Ok(Value::Null);
    }
    Ok(match (function, a, b) {
        (Function::Size, Value::Text(text), _) => Value::Int(length(text.chars().count())),
        (Function::Size, Value::List(list), _) => Value::Int(length(list.len())),
        (Function::Contains, Value::Text(text), Some(Value::Text(part))) => {
            Value::Bool(text.contains(part.as_str()))
        }
        (Function::StartsWith, Value::Text(text), Some(Value::Text(part))) => {
            Value::Bool(text.starts_with(part.as_str()))
        }
        (Function::EndsWith, Value::Text(text), Some(Value::Text(part))) => {
            Value::Bool(text.ends_with(part.as_str()))
        }
        (Function::LowerAscii, Value::Text(text), _) => Value::Text(text.to_ascii_lowercase()),
        (Function::UpperAscii, Value::Text(text), _) => Value::Text(text.to_ascii_uppercase()),
        (Function::Matches, Value::Text(text), Some(Value::Text(pattern))) => {
            Value::Bool(matches(pattern, text)?)
        }
        (Function::ToTimestamp, Value::Text(text), _) => {
            let at = Timestamp::parse(text).map_err(|_| EvalError::Unreadable("a date-time"))?;
            Value::Timestamp(at)
        }
        (Function::ToDate, Value::Timestamp(at), _) => {
            let day = i32::try_from(at.0.div_euclid(MILLISECONDS_A_DAY));
            Value::Date(Date(day.map_err(|_| EvalError::OutOfRange("a date"))?))
        }
        (Function::ToText, value, _) => Value::Text(value::text::print(ty, value)),
        (Function::ToInt, value, _) => Value::Int(to_int(value)?),
        (Function::ToFloat, value, _) => Value::Float(to_float(value)?),
        (Function::MoneyTimes, Value::Money(money), Some(Value::Int(factor))) => Value::Money(
            money
                .checked_mul(*factor)
                .ok_or(EvalError::OutOfRange("money"))?,
        ),
        (Function::MoneyAdd, Value::Money(a), Some(Value::Money(b))) => {
            if a.currency != b.currency {
                return Err(EvalError::Currencies);
            }
            Value::Money(a.checked_add(*b).ok_or(EvalError::OutOfRange("money"))?)
        }
        (Function::MoneyNew, amount, Some(Value::Text(code))) => {
            let amount = match amount {
                Value::Decimal(amount) => *amount,
                Value::Text(text) => {
                    Decimal::parse(text).map_err(|_| EvalError::Unreadable("a decimal"))?
                }
                _ => {
                    return Err(EvalError::Internal(
                        "money of something else than a decimal",
                    ));
                }
            };
            let currency =
                Currency::parse(code).map_err(|_| EvalError::Unreadable("a currency"))?;
            Value::Money(Money::new(amount, currency))
        }
        (Function::MoneyMinor, Value::Money(money), _) => {
            let minor = money.minor();
            Value::Int(minor.ok_or(EvalError::OutOfRange("a fraction of the smallest coin"))?)
        }
        _ => return Err(EvalError::Internal("a function of something else")),
    })
}

fn length(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn to_int(value: &Value) -> Result<i64, EvalError> {
    const OUT: EvalError = EvalError::OutOfRange("an integer");
    match value {
        Value::Int(number) => Ok(*number),
        Value::Float(number) => {
            // Both ends are exact floats; the upper one is the first beyond.
            let range = i64::MIN as f64..-(i64::MIN as f64);
            if range.contains(number) {
                Ok(*number as i64)
            } else {
                Err(OUT)
            }
        }
        Value::Decimal(decimal) => Ok(decimal.millionths() / 1_000_000),
        Value::Text(text) => match value::text::parse(&Type::Int64, text) {
            Ok(Value::Int(number)) => Ok(number),
            _ => Err(EvalError::Unreadable("an integer")),
        },
        _ => Err(EvalError::Internal("an integer of something else")),
    }
}

fn to_float(value: &Value) -> Result<f64, EvalError> {
    match value {
        Value::Float(number) => Ok(*number),
        Value::Int(number) => Ok(*number as f64),
        Value::Decimal(decimal) => Ok(decimal.to_f64()),
        Value::Text(text) => match value::text::parse(&Type::Float, text) {
            Ok(Value::Float(number)) => Ok(number),
            _ => Err(EvalError::Unreadable("a number")),
        },
        _ => Err(EvalError::Internal("a number of something else")),
    }
}

thread_local! {
    /// Patterns compiled on this thread, newest last.
    static PATTERNS: RefCell<Vec<Regex>> = const { RefCell::new(vec![]) };
}

/// Patterns are constants of contracts, so there are few.
const PATTERNS_MAX: usize = 32;

fn matches(pattern: &str, text: &str) -> Result<bool, EvalError> {
    PATTERNS.with_borrow_mut(|patterns| {
        if let Some(known) = patterns.iter().find(|known| known.as_str() == pattern) {
            return Ok(known.is_match(text));
        }
        let compiled = RegexBuilder::new(pattern)
            .size_limit(PATTERN_BYTES_MAX)
            .build()
            .map_err(|_| EvalError::Internal("a pattern that does not compile"))?;
        if patterns.len() >= PATTERNS_MAX {
            patterns.remove(0);
        }
        let found = compiled.is_match(text);
        patterns.push(compiled);
        Ok(found)
    })
}
