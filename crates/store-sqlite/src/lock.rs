//! Who has a database file open, and who may put another in its place.
//!
//! SQLite lets several processes use one file, but knows nothing of a file that is exchanged
//! under them. So everybody who opens one holds a shared lock on a file beside it, and who
//! exchanges it an exclusive one. The operating system gives it up when the process ends,
//! however it ends.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

/// What the lock's file is called, after the database's.
pub(crate) const SUFFIX: &str = "-lock";

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
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path(database))?;
        match lock(&file) {
            Ok(()) => Ok(Some(Lock { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

fn path(database: &Path) -> PathBuf {
    let mut path = database.as_os_str().to_owned();
    path.push(SUFFIX);
    path.into()
}
