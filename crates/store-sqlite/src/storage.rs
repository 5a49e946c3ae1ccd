//! Values as they lie in SQLite columns, both ways. The hot path of every read.

use rusqlite::types::{ToSqlOutput, Value as Owned, ValueRef};
use store::driver::{Storage, StoreError};
use value::{Date, Decimal, Timestamp, Value};

use crate::error::internal;

/// What to bind for a value. The caller's mistake if the two do not fit.
pub(crate) fn bind(storage: Storage, value: &Value) -> Result<ToSqlOutput<'_>, StoreError> {
    let integer = |n: i64| ToSqlOutput::Owned(Owned::Integer(n));
    Ok(match (storage, value) {
        (_, Value::Null) => ToSqlOutput::Owned(Owned::Null),
        (Storage::Bool, Value::Bool(b)) => integer(i64::from(*b)),
        (Storage::Int, Value::Int(n)) => integer(*n),
        (Storage::Float, Value::Float(f)) if f.is_finite() => ToSqlOutput::Owned(Owned::Real(*f)),
        (Storage::Text, Value::Text(text)) => text_of(text),
        (Storage::Decimal, Value::Decimal(decimal)) => integer(decimal.millionths()),
        (Storage::Date, Value::Date(date)) => integer(i64::from(date.days())),
        (Storage::Timestamp, Value::Timestamp(at)) => integer(at.millis()),
        (Storage::Uuid, Value::Uuid(bytes)) => ToSqlOutput::Borrowed(ValueRef::Blob(bytes)),
        (Storage::Json, Value::Json(json)) => text_of(json),
        _ => {
            return Err(internal(format!(
                "a {} cannot be bound as {storage:?}",
                kind(value)
            )));
        }
    })
}

/// What a column holds. A damaged file, or somebody else's hand in it, if it is not what
/// the statement says.
pub(crate) fn decode(storage: Storage, cell: ValueRef<'_>) -> Result<Value, StoreError> {
    Ok(match (storage, cell) {
        (_, ValueRef::Null) => Value::Null,
        (Storage::Int, ValueRef::Integer(n)) => Value::Int(n),
        (Storage::Text, ValueRef::Text(bytes)) => Value::Text(utf8(bytes)?.to_owned()),
        (Storage::Uuid, ValueRef::Blob(bytes)) => match bytes.try_into() {
            Ok(bytes) => Value::Uuid(bytes),
            Err(_) => return Err(misfit(storage, cell)),
        },
        (Storage::Bool, ValueRef::Integer(n @ (0 | 1))) => Value::Bool(n == 1),
        (Storage::Timestamp, ValueRef::Integer(n)) => match Timestamp::from_millis(n) {
            Some(at) => Value::Timestamp(at),
            None => return Err(misfit(storage, cell)),
        },
        (Storage::Date, ValueRef::Integer(n)) => {
            match i32::try_from(n).ok().and_then(Date::from_days) {
                Some(date) => Value::Date(date),
                None => return Err(misfit(storage, cell)),
            }
        }
        (Storage::Decimal, ValueRef::Integer(n)) => match Decimal::from_millionths(n) {
            Some(decimal) => Value::Decimal(decimal),
            None => return Err(misfit(storage, cell)),
        },
        (Storage::Json, ValueRef::Text(bytes)) => Value::Json(Box::from(utf8(bytes)?)),
        (Storage::Float, ValueRef::Real(f)) if f.is_finite() => Value::Float(f),
        // An expression over whole numbers, such as a sum, may come out as one.
        #[expect(clippy::cast_precision_loss)]
        (Storage::Float, ValueRef::Integer(n)) => Value::Float(n as f64),
        _ => return Err(misfit(storage, cell)),
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

fn text_of(text: &str) -> ToSqlOutput<'_> {
    ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes()))
}

fn utf8(bytes: &[u8]) -> Result<&str, StoreError> {
    std::str::from_utf8(bytes).map_err(|_| StoreError::Corrupt {
        reason: "a text is not UTF-8".to_owned(),
    })
}

#[cold]
fn misfit(storage: Storage, cell: ValueRef<'_>) -> StoreError {
    let found = match cell {
        ValueRef::Null => "NULL".to_owned(),
        ValueRef::Integer(n) => format!("the integer {n}"),
        ValueRef::Real(f) => format!("the number {f}"),
        ValueRef::Text(bytes) => format!("a text of {} bytes", bytes.len()),
        ValueRef::Blob(bytes) => format!("a blob of {} bytes", bytes.len()),
    };
    StoreError::Corrupt {
        reason: format!("a {storage:?} column holds {found}"),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Int(_) => "int",
        Value::Float(_) => "float",
        Value::Text(_) => "text",
        Value::Decimal(_) => "decimal",
        Value::Money(_) => "money value",
        Value::Date(_) => "date",
        Value::Timestamp(_) => "timestamp",
        Value::Duration(_) => "duration",
        Value::Uuid(_) => "uuid",
        Value::List(_) => "list",
        Value::Object(_) => "object",
        Value::Json(_) => "json value",
    }
}
