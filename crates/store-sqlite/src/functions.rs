//! SQL functions for what SQLite itself says differently than we mean it.
//!
//! Text is compared by code point, never by locale, and case is folded as
//! [`store::search::fold`] does, so that rules and search agree with their evaluation in memory.
//! As in SQL, an unknown (NULL) argument makes the answer unknown.

use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::{FromSqlError, ValueRef};
use rusqlite::{Connection, Error, Result};

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
    })
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
