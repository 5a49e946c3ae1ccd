//! What PostgreSQL says when something goes wrong, in the words of [`StoreError`], and what can
//! be done about it.

use std::error::Error as _;
use std::time::Duration;

use store::StoreError;
use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

/// A failure and what it leaves open.
#[derive(Clone, Debug)]
pub(crate) struct Failed {
    pub error: StoreError,
    pub then: Then,
    /// The server has said so itself: it did nothing that was sent later in the transaction.
    pub by_server: bool,
}

/// What can be done after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    /// It will fail again.
    Nothing,
    /// Somebody else was in the way: run it again from the start.
    Again,
    /// The tables have changed under a prepared statement: forget it, and run it again.
    Forget,
    /// The connection is gone. What was being committed may be so or not; all else is not.
    Lost,
}

impl Failed {
    pub fn of(error: StoreError) -> Failed {
        Failed {
            error,
            then: Then::Nothing,
            by_server: false,
        }
    }

    pub fn lost(reason: impl Into<String>) -> Failed {
        Failed {
            error: unavailable(reason),
            then: Then::Lost,
            by_server: false,
        }
    }
}

/// `allowed` is what a cancelled statement was allowed.
pub(crate) fn failed(error: &Error, allowed: Duration) -> Failed {
    let Some(told) = error.as_db_error() else {
        // Values that cannot be written or read are told as they are; all else is the line.
        let reason = explain(error);
        let line = error.is_closed()
            || error
                .source()
                .is_some_and(|source| source.is::<std::io::Error>())
            || matches!(
                error.to_string().as_str(),
                "error connecting to server" | "timeout waiting for server"
            );
        return if line {
            Failed::lost(reason)
        } else {
            Failed::of(internal(reason))
        };
    };
    let reason = told.message().to_owned();
    let code = told.code();
    let then = match *code {
        SqlState::T_R_SERIALIZATION_FAILURE
        | SqlState::T_R_DEADLOCK_DETECTED
        | SqlState::LOCK_NOT_AVAILABLE => Then::Again,
        SqlState::FEATURE_NOT_SUPPORTED if told.routine() == Some("RevalidateCachedQuery") => {
            Then::Forget
        }
        SqlState::INVALID_SQL_STATEMENT_NAME => Then::Forget,
        SqlState::ADMIN_SHUTDOWN
        | SqlState::CRASH_SHUTDOWN
        | SqlState::CANNOT_CONNECT_NOW
        | SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT
        | SqlState::READ_ONLY_SQL_TRANSACTION
        | SqlState::DATABASE_DROPPED => Then::Lost,
        _ if code.code().starts_with("08") => Then::Lost,
        _ => Then::Nothing,
    };
    let error = match code.code() {
        "23505" => StoreError::Unique {
            name: told.constraint().unwrap_or_default().to_owned(),
        },
        "23503" => StoreError::ForeignKey,
        "57014" => StoreError::TimedOut { after: allowed },
        // Others kept changing the same records.
        "40001" | "40P01" | "55P03" | "53300" => StoreError::Overloaded,
        code if code.starts_with("XX") && code != "XX000" => StoreError::Corrupt { reason },
        // Connections, resources, the operator, the system; a wrong password or database name.
        code if ["08", "28", "3D", "53", "57", "58"].contains(&&code[..2.min(code.len())]) => {
            unavailable(reason)
        }
        "25006" => unavailable("the server takes no writes"),
        code => internal(format!("{reason} ({code})")),
    };
    Failed {
        error,
        then,
        by_server: true,
    }
}

/// An error of the client library with what is behind it.
fn explain(error: &Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
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
