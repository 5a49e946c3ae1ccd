//! Scripts of DDL: all of it or nothing, with foreign keys checked at the end.

use std::fmt::Write;

use store::driver::StoreError;

use super::commit::Committer;
use crate::error::internal;
use crate::session::{Command, Session};

/// References to nothing that a refused migration tells of.
const VIOLATIONS_TOLD_MAX: usize = 5;

impl Committer {
    pub fn migrate(&mut self, script: &[String]) -> Result<(), StoreError> {
        // A failure gives the session up, and with it everything that was changed in it.
        self.with_session(|session, file| {
            // Has no effect within a transaction, hence before it.
            pragma(session, "foreign_keys = OFF")?;
            session.begin_write()?;
            session.limit.arm(file.options.migration_time_max);
            let checked = run(session, script).and_then(|()| check_references(session));
            session.limit.disarm();
            checked?;
            session.command(Command::Commit)?;
            pragma(session, "foreign_keys = ON")
        })
    }
}

fn pragma(session: &Session, setting: &str) -> Result<(), StoreError> {
    session
        .connection
        .execute_batch(&format!("PRAGMA {setting}"))
        .map_err(|error| session.failed(error))
}

fn run(session: &Session, script: &[String]) -> Result<(), StoreError> {
    for (at, statement) in script.iter().enumerate() {
        session
            .connection
            .execute_batch(statement)
            .map_err(|error| match session.failed(error) {
                StoreError::Internal { reason } => {
                    internal(format!("{reason} (statement {} of the migration)", at + 1))
                }
                error => error,
            })?;
    }
    Ok(())
}

fn check_references(session: &Session) -> Result<(), StoreError> {
    let violations = || -> rusqlite::Result<Vec<String>> {
        let mut check = session.connection.prepare(
            "SELECT \"table\", parent, count(*) FROM pragma_foreign_key_check GROUP BY 1, 2",
        )?;
        check
            .query_map([], |row| {
                let (table, parent): (String, String) = (row.get(0)?, row.get(1)?);
                let count: i64 = row.get(2)?;
                Ok(format!("{count} in `{table}` to `{parent}`"))
            })?
            .collect()
    };
    let violations = violations().map_err(|error| session.failed(error))?;
    if violations.is_empty() {
        return Ok(());
    }
    let mut reason =
        "the migration would leave references to records that are not there: ".to_owned();
    let told = violations.len().min(VIOLATIONS_TOLD_MAX);
    reason.push_str(&violations[..told].join(", "));
    if violations.len() > told {
        let _ = write!(reason, " and {} more", violations.len() - told);
    }
    Err(StoreError::Corrupt { reason })
}
