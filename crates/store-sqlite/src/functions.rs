//! SQL functions for what SQLite itself says differently than we mean it.
//!
//! Text is compared by code point, never by locale, and case is folded as
//! [`store::search::fold`] does, so that rules and search agree with their evaluation in memory.
//! As in SQL, an unknown (NULL) argument makes the answer unknown.

use rusqlite::functions::{Aggregate, Context, FunctionFlags};
use rusqlite::types::{FromSqlError, Value as SqlValue, ValueRef};
use rusqlite::{Connection, Error, Result};
use store::sums::{Sum, Summing};
use value::Value;

/// Innocuous: they may stand in the schema too, in an index or a check.
const FLAGS: FunctionFlags = FunctionFlags::SQLITE_UTF8
    .union(FunctionFlags::SQLITE_DETERMINISTIC)
    .union(FunctionFlags::SQLITE_INNOCUOUS);

pub(crate) fn register(connection: &Connection) -> Result<()> {
    connection.create_scalar_function("fd_starts_with", 2, FLAGS, |call| {
        both(call, |text, start| text.starts_with(start))
    })?;
    connection.create_scalar_function("fd_contains", 2, FLAGS, |call| {
        both(call, |text, part| text.contains(part))
    })?;
    connection.create_scalar_function("fd_fold", 1, FLAGS, |call| {
        Ok(text(call, 0)?.map(store::search::fold))
    })?;
    for sum in Sum::ALL {
        connection.create_aggregate_function(sum.name(), 1, FLAGS, Summed(sum))?;
    }
    Ok(())
}

/// A sum or average that is null where SQLite's own is an error or infinite.
struct Summed(Sum);

impl Aggregate<Summing, SqlValue> for Summed {
    fn init(&self, _: &mut Context<'_>) -> Result<Summing> {
        Ok(self.0.begin())
    }

    fn step(&self, call: &mut Context<'_>, summing: &mut Summing) -> Result<()> {
        match call.get_raw(0) {
            ValueRef::Null => {}
            ValueRef::Integer(number) => summing.add_integer(number),
            ValueRef::Real(number) => summing.add_float(number),
            _ => {
                return Err(Error::UserFunctionError(Box::new(
                    FromSqlError::InvalidType,
                )));
            }
        }
        Ok(())
    }

    fn finalize(&self, _: &mut Context<'_>, summing: Option<Summing>) -> Result<SqlValue> {
        Ok(match summing.unwrap_or_else(|| self.0.begin()).result() {
            Value::Int(number) => SqlValue::Integer(number),
            Value::Float(number) => SqlValue::Real(number),
            _ => SqlValue::Null,
        })
    }
}

fn both(call: &Context<'_>, test: impl Fn(&str, &str) -> bool) -> Result<Option<bool>> {
    Ok(match (text(call, 0)?, text(call, 1)?) {
        (Some(a), Some(b)) => Some(test(a, b)),
        _ => None,
    })
}

fn text<'a>(call: &'a Context<'_>, at: usize) -> Result<Option<&'a str>> {
    match call.get_raw(at) {
        ValueRef::Null => Ok(None),
        ValueRef::Text(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Some(text)),
            Err(error) => Err(Error::UserFunctionError(Box::new(error))),
        },
        _ => Err(Error::UserFunctionError(Box::new(
            FromSqlError::InvalidType,
        ))),
    }
}
