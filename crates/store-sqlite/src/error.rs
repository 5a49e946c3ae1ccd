//! What SQLite says when something goes wrong, in the words of [`StoreError`].

use std::time::Duration;

use rusqlite::{Error, ffi};
use store::driver::StoreError;

/// `time_limit` is what an interrupted statement was allowed.
pub(crate) fn store_error(error: Error, time_limit: Duration) -> StoreError {
    let reason = error.to_string();
    let Error::SqliteFailure(failure, _) = &error else {
        return match error {
            Error::SqlInputError { error, .. } => {
                from_code(error.extended_code, reason, time_limit)
            }
            _ => StoreError::Internal { reason },
        };
    };
    from_code(failure.extended_code, reason, time_limit)
}

fn from_code(extended: i32, reason: String, time_limit: Duration) -> StoreError {
    match extended {
        ffi::SQLITE_CONSTRAINT_UNIQUE
        | ffi::SQLITE_CONSTRAINT_PRIMARYKEY
        | ffi::SQLITE_CONSTRAINT_ROWID => {
            return StoreError::Unique {
                name: unique_name(&reason),
            };
        }
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY => return StoreError::ForeignKey,
        // ON DELETE RESTRICT is a trigger inside SQLite. We have no triggers of our own.
        ffi::SQLITE_CONSTRAINT_TRIGGER => return StoreError::ForeignKey,
        _ => {}
    }
    // The low byte is the primary result code, the rest says more.
    match extended & 0xff {
        ffi::SQLITE_INTERRUPT => StoreError::TimedOut { after: time_limit },
        ffi::SQLITE_BUSY => {
            StoreError::Unavailable { reason: "another process is using the file".to_owned() }
        }
        ffi::SQLITE_LOCKED
        | ffi::SQLITE_PROTOCOL
        | ffi::SQLITE_FULL
        | ffi::SQLITE_IOERR
        | ffi::SQLITE_CANTOPEN
        | ffi::SQLITE_READONLY
        | ffi::SQLITE_PERM
        | ffi::SQLITE_NOMEM
        // The schema kept changing under a statement: someone is migrating.
        | ffi::SQLITE_SCHEMA => StoreError::Unavailable { reason },
        ffi::SQLITE_CORRUPT | ffi::SQLITE_NOTADB | ffi::SQLITE_FORMAT => {
            StoreError::Corrupt { reason }
        }
        _ => StoreError::Internal { reason },
    }
}

/// `UNIQUE constraint failed: book.isbn` and `… failed: index 'book_by_isbn'` (for indexes
/// over expressions) to what stands in the end.
fn unique_name(message: &str) -> String {
    let name = message
        .split_once("constraint failed: ")
        .map_or(message, |(_, name)| name);
    name.strip_prefix("index '")
        .and_then(|name| name.strip_suffix('\''))
        .unwrap_or(name)
        .to_owned()
}

/// Whether the fault lies with the file or the machine rather than with what was asked.
pub(crate) fn is_outage(error: &StoreError) -> bool {
    matches!(
        error,
        StoreError::Unavailable { .. } | StoreError::Corrupt { .. }
    )
}

pub(crate) fn internal(reason: impl Into<String>) -> StoreError {
    StoreError::Internal {
        reason: reason.into(),
    }
}

pub(crate) fn unavailable(reason: impl Into<String>) -> StoreError {
    StoreError::Unavailable {
        reason: reason.into(),
    }
}
