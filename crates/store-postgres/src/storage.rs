//! Values as they lie in PostgreSQL columns, both ways, in its binary formats. The hot path.

use std::error::Error;

use bytes::{BufMut, BytesMut};
use store::driver::{Storage, StoreError};
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};
use value::{Date, Decimal, Timestamp, Value};

/// From 1970 to 2000, where PostgreSQL counts from.
const EPOCH_DAYS: i32 = 10_957;
const EPOCH_MILLIS: i64 = EPOCH_DAYS as i64 * 86_400_000;

/// The type a parameter is declared with.
pub(crate) fn type_of(storage: Storage) -> Type {
    match storage {
        Storage::Bool => Type::BOOL,
        Storage::Int => Type::INT8,
        Storage::Float => Type::FLOAT8,
        Storage::Text => Type::TEXT,
        Storage::Decimal => Type::NUMERIC,
        Storage::Date => Type::DATE,
        Storage::Timestamp => Type::TIMESTAMPTZ,
        Storage::Uuid => Type::UUID,
        Storage::Json => Type::JSON,
    }
}

/// A value to be bound. Made after [`fits`] has said that it can be.
#[derive(Debug)]
pub(crate) struct Bound<'a>(pub &'a Value);

/// Whether a value can be bound as this. The caller's mistake if not.
pub(crate) fn fits(storage: Storage, value: &Value) -> bool {
    match (storage, value) {
        (Storage::Float, Value::Float(number)) => number.is_finite(),
        (_, Value::Null)
        | (Storage::Bool, Value::Bool(_))
        | (Storage::Int, Value::Int(_))
        | (Storage::Text, Value::Text(_))
        | (Storage::Decimal, Value::Decimal(_))
        | (Storage::Date, Value::Date(_))
        | (Storage::Timestamp, Value::Timestamp(_))
        | (Storage::Uuid, Value::Uuid(_))
        | (Storage::Json, Value::Json(_)) => true,
        _ => false,
    }
}

impl ToSql for Bound<'_> {
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self.0 {
            Value::Null => return Ok(IsNull::Yes),
            Value::Bool(known) => out.put_u8(u8::from(*known)),
            Value::Int(number) => out.put_i64(*number),
            Value::Float(number) => out.put_f64(*number),
            Value::Text(text) => out.put_slice(text.as_bytes()),
            Value::Decimal(decimal) => put_numeric(decimal.millionths(), out),
            Value::Date(date) => out.put_i32(date.days() - EPOCH_DAYS),
            Value::Timestamp(at) => out.put_i64((at.millis() - EPOCH_MILLIS) * 1000),
            Value::Uuid(bytes) => out.put_slice(bytes),
            Value::Json(json) => {
                if *ty == Type::JSONB {
                    out.put_u8(1);
                }
                out.put_slice(json.as_bytes());
            }
            other => return Err(format!("a {} cannot be bound", kind(other)).into()),
        }
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// A cell as it came.
pub(crate) struct Raw<'a> {
    pub ty: Type,
    pub bytes: Option<&'a [u8]>,
}

impl<'a> FromSql<'a> for Raw<'a> {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Raw {
            ty: ty.clone(),
            bytes: Some(raw),
        })
    }

    fn from_sql_null(ty: &Type) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Raw {
            ty: ty.clone(),
            bytes: None,
        })
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// What a column holds. Our mistake, or somebody else's hand in the tables, if it is not what
/// the statement says.
pub(crate) fn decode(storage: Storage, cell: &Raw<'_>) -> Result<Value, StoreError> {
    let Some(bytes) = cell.bytes else {
        return Ok(Value::Null);
    };
    value_of(storage, &cell.ty, bytes).ok_or_else(|| StoreError::Corrupt {
        reason: format!(
            "a column of type {} holds {} bytes that are no {storage:?}",
            cell.ty.name(),
            bytes.len()
        ),
    })
}

fn value_of(storage: Storage, ty: &Type, bytes: &[u8]) -> Option<Value> {
    Some(match storage {
        Storage::Bool if *ty == Type::BOOL => match bytes {
            [0] => Value::Bool(false),
            [1] => Value::Bool(true),
            _ => return None,
        },
        Storage::Int => Value::Int(integer(ty, bytes)?),
        Storage::Float if *ty == Type::FLOAT8 => {
            let number = f64::from_be_bytes(bytes.try_into().ok()?);
            if !number.is_finite() {
                return None;
            }
            Value::Float(number)
        }
        // An expression over whole numbers, such as a sum, may come out as one.
        #[expect(clippy::cast_precision_loss)]
        Storage::Float => Value::Float(integer(ty, bytes)? as f64),
        Storage::Text if [Type::TEXT, Type::VARCHAR, Type::NAME].contains(ty) => {
            Value::Text(std::str::from_utf8(bytes).ok()?.to_owned())
        }
        Storage::Decimal if *ty == Type::NUMERIC => {
            Value::Decimal(Decimal::from_millionths(numeric(bytes)?)?)
        }
        Storage::Decimal => {
            let whole = integer(ty, bytes)?.checked_mul(1_000_000)?;
            Value::Decimal(Decimal::from_millionths(whole)?)
        }
        Storage::Date if *ty == Type::DATE => {
            let days = i32::from_be_bytes(bytes.try_into().ok()?);
            Value::Date(Date::from_days(days.checked_add(EPOCH_DAYS)?)?)
        }
        Storage::Timestamp if *ty == Type::TIMESTAMPTZ => {
            let micros = i64::from_be_bytes(bytes.try_into().ok()?);
            let millis = micros.div_euclid(1000).checked_add(EPOCH_MILLIS)?;
            Value::Timestamp(Timestamp::from_millis(millis)?)
        }
        Storage::Uuid if *ty == Type::UUID => Value::Uuid(bytes.try_into().ok()?),
        Storage::Json if *ty == Type::JSONB => {
            let (version, text) = bytes.split_first()?;
            if *version != 1 {
                return None;
            }
            Value::Json(std::str::from_utf8(text).ok()?.into())
        }
        Storage::Json if [Type::JSON, Type::TEXT].contains(ty) => {
            Value::Json(std::str::from_utf8(bytes).ok()?.into())
        }
        _ => return None,
    })
}

fn integer(ty: &Type, bytes: &[u8]) -> Option<i64> {
    Some(match *ty {
        Type::INT8 => i64::from_be_bytes(bytes.try_into().ok()?),
        Type::INT4 => i32::from_be_bytes(bytes.try_into().ok()?).into(),
        Type::INT2 => i16::from_be_bytes(bytes.try_into().ok()?).into(),
        _ => return None,
    })
}

/// What a cell takes in memory beyond its [`Value`].
pub(crate) fn heap_bytes(cell: &Value) -> usize {
    match cell {
        Value::Text(text) => text.len(),
        Value::Json(json) => json.len(),
        _ => 0,
    }
}

/// The binary form of `numeric`: digits to the base of 10,000, the place of the first of them,
/// sign, and how many decimal digits to show after the point.
fn put_numeric(millionths: i64, out: &mut BytesMut) {
    let absolute = millionths.unsigned_abs();
    // Six digits after the point are one and a half digits here: two, the last times 100.
    let (whole, fraction) = (absolute / 1_000_000, absolute % 1_000_000 * 100);
    let mut digits = [0_u16; 7];
    let mut rest = whole;
    for at in (0..5).rev() {
        digits[at] = group(rest);
        rest /= 10_000;
    }
    digits[5] = group(fraction / 10_000);
    digits[6] = group(fraction);
    let first = digits.iter().position(|digit| *digit > 0);
    let last = digits.iter().rposition(|digit| *digit > 0);
    let kept: &[u16] = match (first, last) {
        (Some(first), Some(last)) => &digits[first..=last],
        _ => &[],
    };
    // The fifth digit is that of ones.
    let weight = first.map_or(0, |first| 4 - i16::try_from(first).unwrap_or(4));
    out.put_u16(u16::try_from(kept.len()).unwrap_or(0));
    out.put_i16(weight);
    out.put_u16(if millionths < 0 { 0x4000 } else { 0 });
    out.put_u16(6);
    for digit in kept {
        out.put_u16(*digit);
    }
}

fn group(number: u64) -> u16 {
    u16::try_from(number % 10_000).unwrap_or(0)
}

/// A `numeric` in millionths, rounded half away from zero if it has more digits. `None` if it
/// is too large, or no number.
fn numeric(bytes: &[u8]) -> Option<i64> {
    let word = |at: usize| -> Option<u16> {
        Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
    };
    let (count, sign) = (usize::from(word(0)?), word(4)?);
    let weight = i16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?);
    if !matches!(sign, 0 | 0x4000) {
        return None;
    }
    // In units of 10^-8, where the digits end; then rounded.
    let mut total: i128 = 0;
    for at in 0..count {
        let digit = i128::from(word(8 + 2 * at)?);
        let place = i32::from(weight) - i32::try_from(at).ok()?;
        match place {
            -2.. => {
                let power = u32::try_from(place + 2).ok()?;
                if power > 8 {
                    return None;
                }
                total = total.checked_add(digit * 10_000_i128.checked_pow(power)?)?;
            }
            // Beyond: a hundred-millionth decides no rounding to millionths alone.
            _ => break,
        }
    }
    let rounded = (total + 50) / 100;
    let millionths = i64::try_from(rounded).ok()?;
    Some(if sign == 0 { millionths } else { -millionths })
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Int(_) => "integer",
        Value::Float(_) => "number",
        Value::Text(_) => "text",
        Value::Decimal(_) => "decimal",
        Value::Money(_) => "money",
        Value::Date(_) => "date",
        Value::Timestamp(_) => "timestamp",
        Value::Duration(_) => "duration",
        Value::Uuid(_) => "uuid",
        Value::List(_) => "list",
        Value::Object(_) => "object",
        Value::Json(_) => "json",
    }
}

pub(crate) fn misfit(storage: Storage, value: &Value) -> StoreError {
    StoreError::Internal {
        reason: format!("a {} cannot be bound as {storage:?}", kind(value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_survive_their_binary_form() {
        for millionths in [
            0,
            1,
            -1,
            99,
            100,
            10_000,
            999_999,
            1_000_000,
            -1_500_000,
            9_999_999_999,
            10_000_000_000,
            123_456_789_012_345_678,
            Decimal::MAX.millionths(),
            Decimal::MIN.millionths(),
            5_000_000_000_000_000,
        ] {
            let mut out = BytesMut::new();
            put_numeric(millionths, &mut out);
            assert_eq!(numeric(&out), Some(millionths), "{out:?}");
        }
    }

    #[test]
    fn nothing_that_is_no_number_is_read_as_one() {
        // NaN, infinity, cut off, far too large.
        for bytes in [
            &[0, 0, 0, 0, 0xc0, 0, 0, 0][..],
            &[0, 0, 0, 0, 0xd0, 0, 0, 0],
            &[0, 1, 0, 0, 0, 0, 0, 0],
            &[0, 1, 0x7f, 0xff, 0, 0, 0, 0, 0, 1],
            &[],
        ] {
            assert_eq!(numeric(bytes), None, "{bytes:?}");
        }
        // 0.00000051
        assert_eq!(numeric(&[0, 1, 0xff, 0xfe, 0, 0, 0, 8, 0, 51]), Some(1));
    }
}
