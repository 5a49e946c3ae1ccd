//! Copies of a database file, also of one that is in use.
//!
//! SQLite's online backup, with one reading transaction held around all of it: the copy is what
//! was there when it began, whatever is written meanwhile, and it never has to begin again.
//! Writers wait for nobody; only the write-ahead log cannot start over until the copy is done.
//! (`VACUUM INTO` would give a smaller file for more work, and could not tell how far it is.)

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};
use store::driver::StoreError;

use crate::error::{internal, store_error, unavailable};

/// Pages copied between two looks at how far it is: some milliseconds of work.
const PAGES_AT_ONCE: i32 = 1024;
/// How long to wait for another process that is opening, closing or mending the file.
const BUSY_TIME_MAX: Duration = Duration::from_secs(10);

/// Copies a database file as it is now into an empty or new one. `progress` is told the pages
/// done and the pages in all. The copy is one file, complete without a log beside it.
pub fn copy(from: &Path, to: &Path, progress: &mut dyn FnMut(u64, u64)) -> Result<(), StoreError> {
    if !from.is_file() {
        return Err(unavailable(format!(
            "there is no database `{}`",
            from.display()
        )));
    }
    let source = open_to_read(from)?;
    // The first statement takes the snapshot.
    source
        .execute_batch("BEGIN; SELECT count(*) FROM sqlite_schema")
        .map_err(failed)?;
    let mut target = open(to)?;
    // Nobody relies on the copy before it is whole.
    target
        .execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF")
        .map_err(failed)?;
    let backup = Backup::new(&source, &mut target).map_err(failed)?;
    loop {
        let step = backup.step(PAGES_AT_ONCE).map_err(failed)?;
        let at = backup.progress();
        let pages = u64::try_from(at.pagecount).unwrap_or_default();
        let left = u64::try_from(at.remaining).unwrap_or_default();
        progress(pages.saturating_sub(left), pages);
        match step {
            StepResult::Done => break,
            StepResult::More => {}
            _ => return Err(unavailable("the copy is used by somebody else")),
        }
    }
    drop(backup);
    drop(target);
    seal(to)
}

/// Writes back what is in the log of a database file that nobody uses, and ends the log: the
/// file alone is then all there is.
pub fn seal(file: &Path) -> Result<(), StoreError> {
    let connection = open(file)?;
    let mode: String = connection
        .query_row("PRAGMA journal_mode = DELETE", [], |row| row.get(0))
        .map_err(failed)?;
    if !mode.eq_ignore_ascii_case("delete") {
        return Err(internal(format!("the log stays: journal mode {mode}")));
    }
    connection.close().map_err(|(_, error)| failed(error))
}

/// Looks at every page of a database file: whether it is whole, and its references lead to
/// records.
pub fn check(file: &Path) -> Result<(), StoreError> {
    let connection = open_to_read(file)?;
    crate::functions::register(&connection).map_err(failed)?;
    let found: String = connection
        .query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))
        .map_err(failed)?;
    if found != "ok" {
        return Err(StoreError::Corrupt { reason: found });
    }
    let dangling: i64 = connection
        .query_row("SELECT count(*) FROM pragma_foreign_key_check", [], |row| {
            row.get(0)
        })
        .map_err(failed)?;
    match dangling {
        0 => Ok(()),
        _ => Err(StoreError::Corrupt {
            reason: format!("{dangling} references lead to no record"),
        }),
    }
}

/// The files that SQLite and this crate keep beside a database file.
pub fn beside(file: &Path) -> [PathBuf; 4] {
    ["-wal", "-shm", "-journal", crate::lock::SUFFIX].map(|end| {
        let mut path = file.as_os_str().to_owned();
        path.push(end);
        path.into()
    })
}

/// Removes a database file and everything beside it.
pub fn remove(file: &Path) -> std::io::Result<()> {
    for path in beside(file).iter().map(PathBuf::as_path).chain([file]) {
        match fs::remove_file(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// A file that cannot be written, on a medium that is only read, can be copied too.
fn open_to_read(file: &Path) -> Result<Connection, StoreError> {
    open(file).or_else(|error| {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        match Connection::open_with_flags(file, flags) {
            Ok(connection) => settle(connection),
            Err(_) => Err(error),
        }
    })
}

fn open(file: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags).map_err(failed)?;
    settle(connection)
}

fn settle(connection: Connection) -> Result<Connection, StoreError> {
    connection.busy_timeout(BUSY_TIME_MAX).map_err(failed)?;
    connection
        .execute_batch("PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON")
        .map_err(failed)?;
    Ok(connection)
}

fn failed(error: rusqlite::Error) -> StoreError {
    store_error(error, Duration::ZERO)
}
