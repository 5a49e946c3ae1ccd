//! Records that were refused: counted, told, and put aside as they were, to be mended and
//! imported again.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;

use call::{Failure, Place};

use super::intake::Stop;

/// Refused records that are told of in the summary.
const TOLD_MAX: usize = 1_000;
/// What is shown of a record.
const SHOWN_CHARS: usize = 160;

/// A record that was refused.
#[derive(Clone, Debug)]
pub struct Refused {
    /// The line it begins in.
    pub line: u64,
    pub failure: Failure,
    /// Enough of it to recognise it.
    pub shown: String,
}

/// One thing that is wrong with a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault<'a> {
    /// RFC 6901; empty for the record as a whole.
    pub pointer: &'a str,
    pub code: &'a str,
    pub detail: &'a str,
}

impl Refused {
    pub fn new(line: u64, failure: Failure, record: &[u8]) -> Refused {
        let text = String::from_utf8_lossy(&record[..record.len().min(SHOWN_CHARS * 4)]);
        let mut shown: String = text.chars().take(SHOWN_CHARS).collect();
        if shown.len() < record.len() {
            shown.push('…');
        }
        let shown = shown.replace(['\r', '\n', '\t'], " ");
        Refused {
            line,
            failure,
            shown: shown.chars().filter(|c| !c.is_control()).collect(),
        }
    }

    /// Everything that is wrong with it.
    pub fn faults(&self) -> Vec<Fault<'_>> {
        if self.failure.problems.is_empty() {
            return vec![Fault {
                pointer: "",
                code: self.failure.code.name(),
                detail: &self.failure.detail,
            }];
        }
        let faults = self.failure.problems.iter().map(|problem| Fault {
            pointer: match &problem.place {
                Place::Pointer(pointer) => pointer,
                Place::Parameter(name) => name,
                Place::Header(name) => name,
            },
            code: problem.code,
            detail: &problem.detail,
        });
        faults.collect()
    }
}

/// Where refused records go.
pub struct Aside {
    /// So many may be refused before the import ends.
    most: u64,
    count: u64,
    file: Option<File>,
    file_bytes: u64,
    pub told: Vec<Refused>,
    tell: Box<dyn FnMut(&Refused) + Send>,
}

impl Aside {
    pub fn new(most: u64, tell: Box<dyn FnMut(&Refused) + Send>) -> Aside {
        Aside {
            most,
            count: 0,
            file: None,
            file_bytes: 0,
            told: vec![],
            tell,
        }
    }

    /// Puts records aside in a file from now on. It must be new, unless the import goes on: then
    /// what it holds beyond the place that was noted is written again.
    pub fn open(&mut self, path: &Path, resumed: Option<u64>) -> io::Result<()> {
        let mut options = OpenOptions::new();
        options.read(true).write(true);
        let mut file = match resumed {
            Some(_) => options.create(true).truncate(false).open(path)?,
            None => options.create_new(true).open(path)?,
        };
        let noted = resumed.unwrap_or(0);
        // It may have been taken away: then there is nothing to go on after.
        let kept = noted.min(file.metadata()?.len());
        file.set_len(kept)?;
        file.seek(SeekFrom::Start(kept))?;
        self.file = Some(file);
        self.file_bytes = kept;
        Ok(())
    }

    pub fn bytes(&self) -> u64 {
        self.file_bytes
    }

    /// A record is refused. `record`: how it can be written into a file again; what stands before
    /// all records, such as names of columns, is in `before`.
    pub fn refuse(
        &mut self,
        refused: Refused,
        before: Option<&str>,
        record: &[u8],
    ) -> Result<(), Stop> {
        (self.tell)(&refused);
        if self.told.len() < TOLD_MAX {
            self.told.push(refused);
        }
        if self.count >= self.most {
            return Err(Stop::Refused);
        }
        self.count += 1;
        let Some(file) = &mut self.file else {
            return Ok(());
        };
        let mut bytes = Vec::with_capacity(record.len() + 2);
        if self.file_bytes == 0
            && let Some(before) = before
        {
            bytes.extend_from_slice(before.as_bytes());
            bytes.push(b'\n');
        }
        bytes.extend_from_slice(record);
        bytes.push(b'\n');
        file.write_all(&bytes).map_err(Stop::Aside)?;
        self.file_bytes += bytes.len() as u64;
        Ok(())
    }

    /// On the disk before the database says that the import has passed them.
    pub fn sync(&mut self) -> Result<(), Stop> {
        match &mut self.file {
            Some(file) => file.sync_data().map_err(Stop::Aside),
            None => Ok(()),
        }
    }
}
