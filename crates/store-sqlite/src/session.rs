//! One connection: how it is opened and set up, and how a [`Statement`] runs on it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization, Wal};
use rusqlite::limits::Limit;
use rusqlite::{CachedStatement, Connection, OpenFlags};
use store::driver::{Rows, Statement, Storage, StoreError};
use value::Value;

use crate::error::{internal, store_error, unavailable};
use crate::functions;
use crate::limit::{OPS_PER_TICK, TimeLimit};
use crate::lock::Lock;
use crate::options::{Durability, Options};
use crate::storage;

/// SQLite's own default, stated because rules and filters are compiled against it.
const EXPRESSION_DEPTH_MAX: i32 = 1000;
/// No statement of ours comes near; parsing time grows with it.
const SQL_BYTES_MAX: i32 = 1_000_000;
/// Enough for a large set of ids, small enough to bound what a statement keeps in memory.
const PARAMETERS_MAX: i32 = 10_000;
/// One text or row. Request bodies end long before.
const CELL_BYTES_MAX: i32 = 64 << 20;
/// Nobody has any business in another file.
const ATTACHED_MAX: i32 = 0;
/// Switching a new file to write-ahead logging needs it for oneself. SQLite does not wait
/// for that; another process that opens it needs a few milliseconds.
const SWITCH_ATTEMPTS_MAX: u32 = 100;
const SWITCH_PAUSE: Duration = Duration::from_millis(10);
/// Shorter than the pause of whoever writes much and means to let others in between.
const WRITE_PAUSE: Duration = Duration::from_millis(1);
/// SQLite's default, which suits rows of some hundred bytes.
const PAGE_BYTES: u64 = 4096;
/// Room for this many rows is made when a second one comes: most lists are pages.
const PAGE_ROWS: usize = 32;

/// A database file and how it is to be used.
#[derive(Debug)]
pub(crate) struct File {
    path: PathBuf,
    identity: Option<Identity>,
    /// Nobody puts another file in its place meanwhile.
    _lock: Lock,
    pub options: Options,
}

/// Device and inode.
type Identity = (u64, u64);

impl File {
    /// Creates the file, for its owner's eyes only, if it is not there.
    pub fn create(path: &Path, options: Options) -> Result<File, StoreError> {
        let fail = |what: &str, error: std::io::Error| {
            unavailable(format!("{what} `{}`: {error}", path.display()))
        };
        // An absolute path is never mistaken for one of the special names SQLite knows.
        let absolute = std::path::absolute(path).map_err(|e| fail("cannot find", e))?;
        if let Some(folder) = absolute.parent() {
            private_folder(folder).map_err(|e| fail("cannot create the folder of", e))?;
        }
        let lock = Lock::shared(&absolute).map_err(|e| fail("cannot lock", e))?;
        let lock = lock.ok_or_else(|| {
            unavailable("a backup is being put in its place; try again when that is done")
        })?;
        private_file(&absolute).map_err(|e| fail("cannot open", e))?;
        let identity = identity(&absolute);
        Ok(File {
            path: absolute,
            identity,
            _lock: lock,
            options,
        })
    }

    /// Whether the path still leads to the file that was opened.
    pub fn is_in_place(&self) -> bool {
        identity(&self.path) == self.identity
    }
}

#[cfg(unix)]
fn private_folder(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
}

#[cfg(unix)]
fn private_file(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    fs::OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map(drop)
}

#[cfg(unix)]
fn identity(path: &Path) -> Option<Identity> {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(path)
        .ok()
        .map(|found| (found.dev(), found.ino()))
}

#[cfg(not(unix))]
fn private_folder(folder: &Path) -> std::io::Result<()> {
    fs::create_dir_all(folder)
}

#[cfg(not(unix))]
fn private_file(path: &Path) -> std::io::Result<()> {
    fs::OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .map(drop)
}

#[cfg(not(unix))]
fn identity(path: &Path) -> Option<Identity> {
    fs::metadata(path).ok().map(|_| (0, 0))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Writer,
    /// Runs on its caller's thread and must not hold it up.
    ShortReader,
    LongReader,
    Checkpointer,
}

/// What only the driver may say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    BeginRead,
    BeginWrite,
    Commit,
    Rollback,
    /// One work among many.
    BeginWork,
    KeepWork,
    UndoWork,
}

impl Command {
    /// The comments keep these apart from the same words in a statement, which would
    /// otherwise find them prepared and allowed.
    fn text(self) -> &'static str {
        match self {
            Command::BeginRead => "BEGIN DEFERRED -- driver",
            Command::BeginWrite => "BEGIN IMMEDIATE -- driver",
            Command::Commit => "COMMIT -- driver",
            Command::Rollback => "ROLLBACK -- driver",
            Command::BeginWork => "SAVEPOINT work -- driver",
            Command::KeepWork => "RELEASE work -- driver",
            Command::UndoWork => "ROLLBACK TO work -- driver",
        }
    }
}

/// An open connection. Used by one thread at a time.
#[derive(Debug)]
pub(crate) struct Session {
    pub connection: Connection,
    pub limit: Arc<TimeLimit>,
    /// Whether a statement may begin or end a transaction: only [`Session::command`]'s.
    in_command: Arc<AtomicBool>,
    /// Pages in the write-ahead log after the last commit of this session.
    log_pages: Arc<AtomicU32>,
    role: Role,
    busy_time_max: Duration,
    result_bytes_max: usize,
}

impl Session {
    pub fn open(file: &File, role: Role, limit: Arc<TimeLimit>) -> Result<Session, StoreError> {
        Session::open_as(file, role, limit).map_err(|error| store_error(error, Duration::ZERO))
    }

    fn open_as(file: &File, role: Role, limit: Arc<TimeLimit>) -> rusqlite::Result<Session> {
        let options = &file.options;
        // Readers too may have to repair the log after a crash, so none is opened read-only;
        // `query_only` keeps them from writing. A file that has gone is not made anew.
        let mut connection = Connection::open_with_flags(
            &file.path,
            OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
        )?;
        connection.busy_timeout(match role {
            Role::Writer | Role::LongReader => options.busy_time_max,
            Role::ShortReader => options.short_time_max,
            Role::Checkpointer => Duration::ZERO,
        })?;
        for (limit, most) in [
            (Limit::SQLITE_LIMIT_EXPR_DEPTH, EXPRESSION_DEPTH_MAX),
            (Limit::SQLITE_LIMIT_SQL_LENGTH, SQL_BYTES_MAX),
            (Limit::SQLITE_LIMIT_VARIABLE_NUMBER, PARAMETERS_MAX),
            (Limit::SQLITE_LIMIT_LENGTH, CELL_BYTES_MAX),
            (Limit::SQLITE_LIMIT_ATTACHED, ATTACHED_MAX),
        ] {
            connection.set_limit(limit, most)?;
        }
        for (setting, on) in [
            // The schema is not to be changed behind SQLite's back.
            (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
            // "name" is always a name, so a misspelt column is an error, not a text.
            (DbConfig::SQLITE_DBCONFIG_DQS_DML, false),
            (DbConfig::SQLITE_DBCONFIG_DQS_DDL, false),
        ] {
            connection.set_db_config(setting, on)?;
        }
        if role == Role::Writer {
            use_write_ahead_log(&connection)?;
        }
        let cache = match role {
            Role::Writer => options.writer_cache_bytes,
            _ => options.reader_cache_bytes,
        };
        connection.execute_batch(&format!(
            "PRAGMA synchronous = {};
             PRAGMA foreign_keys = ON;
             PRAGMA trusted_schema = OFF;
             PRAGMA cell_size_check = ON;
             PRAGMA temp_store = MEMORY;
             PRAGMA cache_size = -{};
             PRAGMA mmap_size = {};
             PRAGMA journal_size_limit = {};
             PRAGMA query_only = {};",
            match options.durability {
                Durability::Full => "FULL",
                Durability::Relaxed => "NORMAL",
            },
            cache >> 10,
            options.mmap_bytes,
            // What a log grew to while it could not start over is given back when it does.
            u64::from(options.log_pages_max) * PAGE_BYTES,
            matches!(role, Role::ShortReader | Role::LongReader),
        ))?;
        functions::register(&connection)?;
        connection.set_prepared_statement_cache_capacity(options.statements_max.max(1));

        let ticking = Arc::clone(&limit);
        connection.progress_handler(OPS_PER_TICK, Some(move || ticking.tick()))?;
        let in_command = Arc::new(AtomicBool::new(false));
        let asked = Arc::clone(&in_command);
        connection.authorizer(Some(move |call: AuthContext<'_>| match call.action {
            AuthAction::Transaction { .. } | AuthAction::Savepoint { .. }
                if !asked.load(Relaxed) =>
            {
                Authorization::Deny
            }
            _ => Authorization::Allow,
        }))?;
        if role == Role::Writer {
            // From now on it waits for other writers by itself: see `begin_write`.
            connection.busy_timeout(Duration::ZERO)?;
        }
        // The hook takes the place of SQLite's own checkpoints.
        let log_pages = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&log_pages);
        connection.wal_hook(Some(move |_: &mut Wal, pages: i32| {
            counted.store(u32::try_from(pages).unwrap_or(0), Relaxed);
            Ok(())
        }))?;
        Ok(Session {
            connection,
            limit,
            in_command,
            log_pages,
            role,
            busy_time_max: options.busy_time_max,
            result_bytes_max: options.result_bytes_max,
        })
    }

    pub fn log_pages(&self) -> u32 {
        self.log_pages.load(Relaxed)
    }

    /// Runs one of the few words that hold transactions together.
    pub fn command(&self, command: Command) -> Result<(), StoreError> {
        self.run_command(command)
            .map_err(|error| self.failed(error))
    }

    fn run_command(&self, command: Command) -> rusqlite::Result<()> {
        let sql = command.text();
        self.in_command.store(true, Relaxed);
        let run = || self.connection.prepare_cached(sql)?.raw_execute();
        let result = run().map(drop);
        self.in_command.store(false, Relaxed);
        result
    }

    /// Begins a transaction that writes, waiting for another process that does.
    ///
    /// SQLite itself would look again after longer and longer pauses, and who writes batch after
    /// batch would always be faster.
    pub fn begin_write(&self) -> Result<(), StoreError> {
        let since = Instant::now();
        loop {
            match self.run_command(Command::BeginWrite) {
                Err(error)
                    if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy)
                        && since.elapsed() < self.busy_time_max =>
                {
                    thread::sleep(WRITE_PAUSE);
                }
                result => return result.map_err(|error| self.failed(error)),
            }
        }
    }

    /// Copies what is in the log back into the file, without waiting for anybody.
    pub fn checkpoint(&self) -> Result<(), StoreError> {
        self.connection
            .query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
            .map_err(|error| self.failed(error))
    }

    pub fn query(&self, statement: &Statement, parameters: &[Value]) -> Result<Rows, StoreError> {
        let columns = statement.columns.as_slice();
        let mut prepared = self.prepare(statement, parameters)?;
        let mut found = prepared.raw_query();
        let mut rows = Rows {
            width: columns.len(),
            cells: Vec::new(),
        };
        let mut count = 0_usize;
        let mut bytes = 0_usize;
        while let Some(row) = found.next().map_err(|error| self.failed(error))? {
            match count {
                0 => {
                    // Only now: a statement from before a migration adapts itself to the
                    // schema when it first steps.
                    fits(columns, row.as_ref().column_count())?;
                    rows.cells.reserve_exact(columns.len());
                }
                1 => rows.cells.reserve(columns.len() * (PAGE_ROWS - 1)),
                _ => {}
            }
            for (at, storage) in columns.iter().enumerate() {
                let cell = row.get_ref(at).map_err(|error| self.failed(error))?;
                let cell = storage::decode(*storage, cell)?;
                bytes += storage::heap_bytes(&cell);
                rows.cells.push(cell);
            }
            bytes += size_of::<Value>() * columns.len();
            if bytes > self.result_bytes_max {
                return Err(StoreError::TooLarge {
                    most_bytes: self.result_bytes_max,
                });
            }
            count += 1;
        }
        drop(found);
        if count == 0 {
            fits(columns, prepared.column_count())?;
        }
        Ok(rows)
    }

    pub fn execute(&self, statement: &Statement, parameters: &[Value]) -> Result<u64, StoreError> {
        let mut prepared = self.prepare(statement, parameters)?;
        let changed = prepared.raw_execute().map_err(|error| self.failed(error))?;
        Ok(changed as u64)
    }

    fn prepare(
        &self,
        statement: &Statement,
        parameters: &[Value],
    ) -> Result<CachedStatement<'_>, StoreError> {
        let mut prepared = self
            .connection
            .prepare_cached(&statement.text)
            .map_err(|error| self.failed(error))?;
        let wanted = prepared.parameter_count();
        if wanted != parameters.len() || wanted != statement.parameters.len() {
            return Err(internal(format!(
                "a statement takes {wanted} parameters, declares {} and was given {}",
                statement.parameters.len(),
                parameters.len()
            )));
        }
        // The other sessions have `query_only`, but would call it the file's fault.
        if self.role != Role::Writer && !prepared.readonly() {
            return Err(internal("a statement writes where only reading is allowed"));
        }
        for (at, (storage, value)) in statement.parameters.iter().zip(parameters).enumerate() {
            prepared
                .raw_bind_parameter(at + 1, storage::bind(*storage, value)?)
                .map_err(|error| self.failed(error))?;
        }
        Ok(prepared)
    }

    pub fn failed(&self, error: rusqlite::Error) -> StoreError {
        store_error(error, self.limit.allowed())
    }
}

fn fits(columns: &[Storage], count: usize) -> Result<(), StoreError> {
    if columns.len() == count {
        return Ok(());
    }
    Err(internal(format!(
        "a statement gives {count} columns and declares {}",
        columns.len()
    )))
}

fn use_write_ahead_log(connection: &Connection) -> rusqlite::Result<()> {
    let mut attempts = 1;
    loop {
        let mode: rusqlite::Result<String> =
            connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0));
        match mode {
            Ok(mode) if mode.eq_ignore_ascii_case("wal") => return Ok(()),
            // Where it lies, memory cannot be shared between processes.
            Ok(_) => {
                return Err(rusqlite::Error::SqliteFailure(
                    rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CANTOPEN),
                    Some("the file system does not allow write-ahead logging".to_owned()),
                ));
            }
            Err(error)
                if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy)
                    && attempts < SWITCH_ATTEMPTS_MAX =>
            {
                attempts += 1;
                thread::sleep(SWITCH_PAUSE);
            }
            Err(error) => return Err(error),
        }
    }
}
