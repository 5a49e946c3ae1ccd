//! A file or folder that could not be used: which, what was tried, why not, and what mends it.
//!
//! The system's own words name neither; whoever meets one of its errors wraps it in this.

use std::fmt;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// Which file or folder it was, and why it did not work. [`FileError::mend`] says what to do.
#[derive(Debug)]
pub struct FileError {
    pub path: PathBuf,
    attempt: Attempt,
    /// Looked up when it happened.
    why: String,
    mend: String,
    source: io::Error,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Attempt {
    Read,
    Write,
    MakeFolder,
}

impl FileError {
    pub fn reading(path: &Path, source: io::Error) -> FileError {
        FileError::new(path, Attempt::Read, source)
    }

    pub fn writing(path: &Path, source: io::Error) -> FileError {
        FileError::new(path, Attempt::Write, source)
    }

    pub fn making_folder(path: &Path, source: io::Error) -> FileError {
        FileError::new(path, Attempt::MakeFolder, source)
    }

    fn new(path: &Path, attempt: Attempt, source: io::Error) -> FileError {
        let (why, mend) = explain(path, attempt, &source);
        FileError {
            path: path.to_owned(),
            attempt,
            why,
            mend,
            source,
        }
    }

    /// Why it did not work, where its name is told already.
    pub fn why(&self) -> &str {
        &self.why
    }

    /// Whether it is not there.
    pub fn is_absence(&self) -> bool {
        self.source.kind() == ErrorKind::NotFound
    }

    /// What to do about it.
    pub fn mend(&self) -> &str {
        &self.mend
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tried = match self.attempt {
            Attempt::Read => "cannot be read",
            Attempt::Write => "cannot be written",
            Attempt::MakeFolder => "cannot be made",
        };
        write!(f, "`{}` {tried}: {}", self.path.display(), self.why)
    }
}

impl std::error::Error for FileError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

/// Why it did not work, and what to do about it.
fn explain(path: &Path, attempt: Attempt, source: &io::Error) -> (String, String) {
    let missing_target = match source.kind() {
        ErrorKind::NotFound | ErrorKind::AlreadyExists if !path.exists() => {
            fs::read_link(path).ok()
        }
        _ => None,
    };
    if let Some(target) = missing_target {
        return (
            format!("it is a link to `{}`, which is not there", target.display()),
            "let it lead to what is there, or name another".to_owned(),
        );
    }
    let first_missing = path
        .ancestors()
        .skip(1)
        .filter(|folder| !folder.as_os_str().is_empty())
        .take_while(|folder| !folder.exists())
        .last();
    match (source.kind(), attempt) {
        (ErrorKind::NotFound, Attempt::Read) => (
            match first_missing {
                Some(folder) => format!("there is no folder `{}`", folder.display()),
                None => "there is no such file".to_owned(),
            },
            "name a file that is there".to_owned(),
        ),
        (ErrorKind::NotFound, _) => match (first_missing, path.parent()) {
            (Some(missing), Some(parent)) => (
                format!("there is no folder `{}`", missing.display()),
                format!("make `{}` first, or name another place", parent.display()),
            ),
            _ => (
                "the system keeps no files there".to_owned(),
                "name another place".to_owned(),
            ),
        },
        (ErrorKind::NotADirectory, _) => {
            let mut above = path.ancestors();
            let what = above.find(|part| part.is_file()).unwrap_or(path);
            (
                format!("`{}` is a file, not a folder", what.display()),
                "name a place in a folder".to_owned(),
            )
        }
        (ErrorKind::IsADirectory, _) => (
            "it is a folder".to_owned(),
            "name a file, or move the folder away".to_owned(),
        ),
        (ErrorKind::AlreadyExists, Attempt::MakeFolder) => (
            "a file has this name".to_owned(),
            "name a folder, or move the file away".to_owned(),
        ),
        (ErrorKind::AlreadyExists, _) => (
            "it is there already".to_owned(),
            "name a new file, or move that one away".to_owned(),
        ),
        (ErrorKind::PermissionDenied, attempt) => (
            "this user may not".to_owned(),
            match attempt {
                Attempt::Read => "give this user the right to read it, or run as its owner",
                Attempt::Write | Attempt::MakeFolder => {
                    "give this user the right to write there, or name another place"
                }
            }
            .to_owned(),
        ),
        (ErrorKind::StorageFull | ErrorKind::QuotaExceeded, _) => (
            "there is no room left".to_owned(),
            "make room there, or name another place".to_owned(),
        ),
        (ErrorKind::ReadOnlyFilesystem, _) => (
            "nothing can be written there".to_owned(),
            "name a place that can be written to".to_owned(),
        ),
        (_, attempt) => (
            without_number(source),
            match attempt {
                Attempt::Read => "see whether the file and its disk are well, or name another",
                Attempt::Write | Attempt::MakeFolder => {
                    "see whether the disk is well, or name another place"
                }
            }
            .to_owned(),
        ),
    }
}

/// The system's words, which end in a number that says nothing more.
fn without_number(error: &io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error ") {
        Some((words, _)) => words.to_owned(),
        None => text,
    }
}
