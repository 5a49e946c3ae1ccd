//! What is wrong with a seed, with its places. Knows nothing of how seeds are read.

use std::fmt;
use std::path::{Path, PathBuf};

/// Faults that are told one by one; whoever has more has one mistake many times.
const TOLD_MAX: usize = 20;

/// Why nothing was seeded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeedError {
    /// The first ones.
    pub faults: Vec<SeedFault>,
    /// So many more were found.
    pub more: usize,
}

/// One fault of a seed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SeedFault {
    pub file: PathBuf,
    pub line: Option<usize>,
    /// What is wrong there, and how to mend it.
    pub what: String,
}

impl SeedError {
    pub(super) fn of(file: &Path, line: Option<usize>, what: String) -> SeedError {
        let mut error = SeedError::default();
        error.add(file, line, what);
        error
    }

    pub(super) fn add(&mut self, file: &Path, line: Option<usize>, what: String) {
        if self.faults.len() == TOLD_MAX {
            self.more += 1;
            return;
        }
        let file = file.to_owned();
        self.faults.push(SeedFault { file, line, what });
    }

    /// Nothing, if nothing was found.
    pub(super) fn end(mut self) -> Result<(), SeedError> {
        if self.faults.is_empty() {
            return Ok(());
        }
        // What a file is called is seen before what is in the others.
        self.faults.sort();
        Err(self)
    }
}

impl fmt::Display for SeedFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {}", self.what)
    }
}

/// One fault per line.
impl fmt::Display for SeedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, fault) in self.faults.iter().enumerate() {
            let before = if at > 0 { "\n" } else { "" };
            write!(f, "{before}{fault}")?;
        }
        match self.more {
            0 => Ok(()),
            more => write!(f, "\nand {more} more"),
        }
    }
}

impl std::error::Error for SeedError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_faults_are_counted() {
        let mut error = SeedError::default();
        for line in 1..=23 {
            error.add(Path::new("a.ndjson"), Some(line), "wrong".to_owned());
        }
        let told = error.end().unwrap_err().to_string();
        assert_eq!(told.lines().count(), 21);
        assert!(told.starts_with("a.ndjson:1: wrong\na.ndjson:2: wrong\n"));
        assert!(told.ends_with("\na.ndjson:20: wrong\nand 3 more"), "{told}");
        assert_eq!(SeedError::default().end(), Ok(()));
    }
}
