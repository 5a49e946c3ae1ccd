//! Backups of a data folder, also while it is served, and putting them back.
//!
//! ```text
//!  backup:   copy beside FILE ─► look at all of it ─► make it durable ─► rename to FILE
//!  restore:  nobody uses the folder ─► copy beside the database ─► look at all of it ─►
//!            put the old one aside ─► rename into its place
//! ```
//!
//! The last step of each is one rename: killed at any moment, there is the old file or the new
//! one, whole. Of a database on a server: [`server`].

pub mod server;

use std::fmt;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use store::{Driver, StoreError, migrate};
use store_sqlite::{Lock, Options, SqliteDriver, backup as sqlite};

use crate::clock::now;
use crate::data::Watch;
use crate::database::{FILE, make_private};
use crate::file_error::FileError;
use crate::files::{self, Part};

/// The database in a data folder.
pub const DATABASE: &str = FILE;

/// SQLite's page, as the driver makes files.
const PAGE_BYTES: u64 = 4096;

/// What a database file is found to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    pub bytes: u64,
    /// Of the contract that the tables were made for last, as far as tables follow from it.
    pub contract: String,
}

/// What a restore did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    pub checked: Checked,
    /// Where the database is that was there before.
    pub before: Option<PathBuf>,
}

/// What a backup is of, as its first bytes tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A data folder: a SQLite database file.
    Folder,
    /// A PostgreSQL database: an archive of its own programs.
    Server,
}

impl Kind {
    fn mark(self) -> &'static [u8] {
        match self {
            Kind::Folder => b"SQLite format 3\0",
            Kind::Server => b"PGDMP",
        }
    }

    /// Refuses a file that begins as a backup of this kind does.
    fn refuse(self, file: &Path) -> Result<(), BackupError> {
        let mut first = Vec::new();
        let most = self.mark().len() as u64;
        let read = fs::File::open(file).and_then(|file| file.take(most).read_to_end(&mut first));
        read.map_err(|source| FileError::reading(file, source))?;
        match first == self.mark() {
            true => Err(BackupError::OtherKind(file.to_owned(), self)),
            false => Ok(()),
        }
    }
}

/// Why there is no backup, or nothing was restored.
#[derive(Debug)]
pub enum BackupError {
    File(FileError),
    /// There is such a file already.
    Exists(PathBuf),
    /// A server or another command has the data folder open.
    InUse(PathBuf),
    /// Something is wrong with a database file.
    Database {
        file: PathBuf,
        source: StoreError,
    },
    /// A database cannot be copied, for a reason that may lie at either end.
    Copy {
        from: PathBuf,
        to: PathBuf,
        source: StoreError,
    },
    /// The file is a database of another program.
    Foreign(PathBuf),
    /// The file is a backup of the other kind of database.
    OtherKind(PathBuf, Kind),
    /// Something is wrong with a database on a server.
    Server {
        target: String,
        source: StoreError,
    },
    /// There is nothing of frontdesk in a database on a server.
    Empty(String),
    /// There are tables of frontdesk in the database to restore into.
    Taken(String),
    /// A program of PostgreSQL's is not installed.
    NoProgram(&'static str),
    /// A program of PostgreSQL's failed.
    Program {
        program: &'static str,
        complaint: String,
    },
}

impl fmt::Display for BackupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BackupError::File(error) => error.fmt(f),
            BackupError::Exists(path) => write!(f, "`{}` is there already", path.display()),
            BackupError::InUse(folder) => write!(
                f,
                "`{}` is in use by a server or another command",
                folder.display()
            ),
            BackupError::Database { file, source } => write!(f, "`{}`: {source}", file.display()),
            BackupError::Copy { from, to, source } => write!(
                f,
                "`{}` cannot be copied to `{}`: {source}",
                from.display(),
                to.display()
            ),
            BackupError::Foreign(file) => {
                write!(f, "`{}` is no database of frontdesk", file.display())
            }
            BackupError::OtherKind(file, kind) => {
                let of = match kind {
                    Kind::Folder => "data folder",
                    Kind::Server => "PostgreSQL database",
                };
                write!(f, "`{}` is a backup of a {of}", file.display())
            }
            BackupError::Server { target, source } => write!(f, "`{target}`: {source}"),
            BackupError::Empty(target) => {
                write!(f, "there are no tables of frontdesk in `{target}`")
            }
            BackupError::Taken(target) => {
                write!(f, "there are tables of frontdesk in `{target}` already")
            }
            BackupError::NoProgram(program) => write!(f, "`{program}` is not installed"),
            BackupError::Program { program, complaint } => write!(f, "{program}: {complaint}"),
        }
    }
}

impl std::error::Error for BackupError {}

impl From<FileError> for BackupError {
    fn from(error: FileError) -> BackupError {
        BackupError::File(error)
    }
}

/// Writes a copy of the database in a data folder to a file, while others read and write it.
///
/// # Errors
/// See [`BackupError`]. Then there is no file, or the one that was there before.
pub async fn backup(
    data: &Path,
    to: &Path,
    force: bool,
    watch: &dyn Watch,
) -> Result<Checked, BackupError> {
    if !force && files::is_taken(to) {
        return Err(BackupError::Exists(to.to_owned()));
    }
    let database = data.join(FILE);
    files::check_is_file(&database)?;
    let _lock = match lock(Lock::shared, &database)? {
        Some(lock) => lock,
        None => return Err(BackupError::InUse(data.to_owned())),
    };
    let (part, checked) = checked_copy(&database, to, watch).await?;
    part.put_in_place(to).map_err(failed(to))?;
    Ok(checked)
}

/// Puts a backup into a data folder that nobody uses. A database that is there already stays
/// beside it, and must be told to make way (`force`).
///
/// # Errors
/// See [`BackupError`]. Then the folder holds what it held.
pub async fn restore(
    file: &Path,
    data: &Path,
    force: bool,
    watch: &dyn Watch,
) -> Result<Restored, BackupError> {
    files::check_is_file(file)?;
    Kind::Server.refuse(file)?;
    make_private(data)?;
    let database = data.join(FILE);
    let lock = match lock(Lock::exclusive, &database)? {
        Some(lock) => lock,
        None => return Err(BackupError::InUse(data.to_owned())),
    };
    if !force && files::is_taken(&database) {
        return Err(BackupError::Exists(database));
    }
    let (part, checked) = checked_copy(file, &database, watch).await?;
    let before = match database.exists() {
        true => Some(put_aside(&database)?),
        false => None,
    };
    // A log without its database, from whatever happened here before, is not the new one's.
    let [log, shared, journal, _] = sqlite::beside(&database);
    for path in [&log, &shared, &journal] {
        remove(path)?;
    }
    part.put_in_place(&database).map_err(failed(&database))?;
    drop(lock);
    // As a server will find it.
    look_at(&database).await?;
    Ok(Restored { checked, before })
}

/// A copy of a database beside a place, looked at and found whole.
async fn checked_copy(
    from: &Path,
    place: &Path,
    watch: &dyn Watch,
) -> Result<(Part, Checked), BackupError> {
    let part = Part::create(place).map_err(failed(place))?;
    // What somebody was killed over before.
    for path in sqlite::beside(part.path()) {
        remove(&path)?;
    }
    let wrong = |source| BackupError::Database {
        file: from.to_owned(),
        source,
    };
    sqlite::copy(from, part.path(), &mut |done, all| {
        watch.at(done * PAGE_BYTES, Some(all * PAGE_BYTES), 0);
    })
    .map_err(|source| match source {
        StoreError::Unavailable { .. } => BackupError::Copy {
            from: from.to_owned(),
            to: place.to_owned(),
            source,
        },
        damaged => wrong(damaged),
    })?;
    sqlite::check(part.path()).map_err(wrong)?;
    let contract = look_at(part.path()).await.map_err(|error| match error {
        BackupError::Database { source, .. } => wrong(source),
        BackupError::Foreign(_) => BackupError::Foreign(from.to_owned()),
        other => other,
    })?;
    sqlite::seal(part.path()).map_err(wrong)?;
    for path in sqlite::beside(part.path()) {
        remove(&path)?;
    }
    let bytes = fs::metadata(part.path())
        .map_err(failed(part.path()))?
        .len();
    Ok((part, Checked { bytes, contract }))
}

/// Opens a database as a server would. The fingerprint of the contract it was made for.
async fn look_at(file: &Path) -> Result<String, BackupError> {
    let wrong = |source| BackupError::Database {
        file: file.to_owned(),
        source,
    };
    let driver = SqliteDriver::open(file, Options::default()).map_err(wrong)?;
    let contract = fingerprint(&driver).await.map_err(wrong)?;
    contract.ok_or_else(|| BackupError::Foreign(file.to_owned()))
}

/// Of the contract that the tables of a database were made for, if there are any.
async fn fingerprint(driver: &dyn Driver) -> Result<Option<String>, StoreError> {
    let applied = migrate::applied(driver).await?;
    Ok(applied.map(|applied| {
        let digest = Sha256::digest(applied.to_json());
        let digest = digest.iter().take(8).map(|byte| format!("{byte:02x}"));
        digest.collect()
    }))
}

/// Gives a database that nobody uses a second name, under which it stays.
fn put_aside(database: &Path) -> Result<PathBuf, BackupError> {
    let mut name = database.as_os_str().to_owned();
    let time = now().to_string().replace([':', '.'], "-");
    name.push(format!(".before-{time}"));
    let aside = PathBuf::from(name);
    let link =
        |from: &Path, to: &Path| fs::hard_link(from, to).or_else(|_| fs::copy(from, to).map(drop));
    match sqlite::seal(database) {
        Ok(()) => {}
        // Too damaged to write its log back. Then the log stays beside it under the new name too.
        Err(StoreError::Corrupt { .. }) => {
            let ([log, ..], [log_aside, ..]) = (sqlite::beside(database), sqlite::beside(&aside));
            if log.exists() {
                link(&log, &log_aside).map_err(failed(&log_aside))?;
            }
        }
        // Another program has it open, which knows nothing of our lock.
        Err(source) => {
            return Err(BackupError::Database {
                file: database.to_owned(),
                source,
            });
        }
    }
    link(database, &aside).map_err(failed(&aside))?;
    files::sync_folder(&aside).map_err(failed(&aside))?;
    Ok(aside)
}

fn lock(
    take: fn(&Path) -> io::Result<Option<Lock>>,
    database: &Path,
) -> Result<Option<Lock>, BackupError> {
    if !database.parent().is_some_and(Path::is_dir) {
        let source = io::Error::from(io::ErrorKind::NotFound);
        return Err(FileError::reading(database, source).into());
    }
    take(database).map_err(failed(database))
}

fn remove(path: &Path) -> Result<(), BackupError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(path)(error)),
        _ => Ok(()),
    }
}

/// A file could not be written.
fn failed(path: &Path) -> impl Fn(io::Error) -> BackupError {
    let path = path.to_owned();
    move |source| FileError::writing(&path, source).into()
}
