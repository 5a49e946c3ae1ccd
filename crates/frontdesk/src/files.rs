//! Files that are there wholly or not at all, whatever happens meanwhile.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use crate::file_error::FileError;

/// A file being made beside its place. Gone when dropped before it is put there.
#[derive(Debug)]
pub struct Part {
    path: PathBuf,
    is_done: bool,
}

impl Part {
    /// Makes an empty file beside the place where it is to be, for its owner's eyes only.
    pub fn create(place: &Path) -> io::Result<Part> {
        if place.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        let part = Part::beside(place);
        // What somebody was killed over before.
        match fs::remove_file(&part.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(&part.path)?;
        Ok(part)
    }

    fn beside(place: &Path) -> Part {
        let mut name = OsString::from(".");
        name.push(place.file_name().unwrap_or_default());
        name.push(".part");
        Part {
            path: place.with_file_name(name),
            is_done: false,
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// To write to.
    pub fn file(&self) -> io::Result<File> {
        OpenOptions::new().write(true).open(&self.path)
    }

    /// Makes it durable and puts it into its place in one step.
    pub fn put_in_place(mut self, place: &Path) -> io::Result<()> {
        File::open(&self.path)?.sync_all()?;
        fs::rename(&self.path, place)?;
        self.is_done = true;
        sync_folder(place)
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if !self.is_done {
            // Should it stay, the next attempt takes its place.
            drop(fs::remove_file(&self.path));
        }
    }
}

/// Whether something would be written over. A folder never is: to write there fails.
pub fn is_taken(place: &Path) -> bool {
    place.exists() && !place.is_dir()
}

/// That there is a file to read.
pub fn check_is_file(path: &Path) -> Result<fs::Metadata, FileError> {
    let found = fs::metadata(path).and_then(|found| match found.is_dir() {
        true => Err(io::ErrorKind::IsADirectory.into()),
        false => Ok(found),
    });
    found.map_err(|source| FileError::reading(path, source))
}

/// Makes durable which files are in the folder of a file.
pub fn sync_folder(file: &Path) -> io::Result<()> {
    let folder = match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    File::open(folder)?.sync_all()
}
