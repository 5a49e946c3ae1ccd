//! Who has a database file open, who may put another in its place, and who serves it.
//!
//! SQLite lets several processes use one file, but knows nothing of a file that is exchanged
//! under them. So everybody who opens one holds a shared lock on a file beside it, and who
//! exchanges it an exclusive one. Who serves it holds another, alone. The operating system gives
//! them up when the process ends, however it ends.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

/// What the lock's file is called, after the database's.
pub(crate) const SUFFIX: &str = "-lock";

/// What the file is called that says who serves the database, after the database's.
const SERVER_SUFFIX: &str = "-server";

/// What is read at most of who serves it: a line that we have written.
const WHO_BYTES_MAX: u64 = 256;

/// The right to serve a database file, as long as it is there.
#[derive(Debug)]
pub struct Served {
    _file: File,
}

impl Served {
    /// To serve a database file, as its only process. Who does already, in the words it has said it
    /// with, if somebody does.
    pub fn claim(database: &Path, who: &str) -> io::Result<Result<Served, String>> {
        let mut file = open(database, SERVER_SUFFIX)?;
        match file.try_lock() {
            Ok(()) => {
                // The last one's words stay when its process is gone.
                file.set_len(0)?;
                file.rewind()?;
                file.write_all(who.as_bytes())?;
                Ok(Ok(Served { _file: file }))
            }
            Err(TryLockError::WouldBlock) => {
                let mut said = String::new();
                file.take(WHO_BYTES_MAX).read_to_string(&mut said)?;
                Ok(Err(said))
            }
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

/// Held as long as it is there.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// To use a database file. `None` while somebody exchanges it.
    pub fn shared(database: &Path) -> io::Result<Option<Lock>> {
        Lock::take(database, File::try_lock_shared)
    }

    /// To exchange a database file. `None` while somebody uses it.
    pub fn exclusive(database: &Path) -> io::Result<Option<Lock>> {
        Lock::take(database, File::try_lock)
    }

    fn take(
        database: &Path,
        lock: fn(&File) -> Result<(), TryLockError>,
    ) -> io::Result<Option<Lock>> {
        let file = open(database, SUFFIX)?;
        match lock(&file) {
            Ok(()) => Ok(Some(Lock { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

/// Opens a file beside the database, making it if it is not there, for its owner alone.
fn open(database: &Path, suffix: &str) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut path = database.as_os_str().to_owned();
    path.push(suffix);
    options.open(PathBuf::from(path))
}
