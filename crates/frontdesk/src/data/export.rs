//! `data export`: all records of a resource, from one moment, into a file.
//!
//! A file is written beside its place, made durable and only then put there: whoever finds it
//! finds all of it.

use std::fmt;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use call::Failure;
use engine::{Engine, Sink};
use model::Model;
use value::{ResourceId, Timestamp, Value};

use super::{Format, STANDARD_INPUT, Watch, write};
use crate::clock::now;
use crate::file_error::FileError;
use crate::files;

/// What is written at once.
const BUFFER_BYTES: usize = 256 << 10;
/// How often the watcher is told.
const TOLD_EVERY: u64 = 1_000;

/// What was exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exported {
    pub records: u64,
    pub bytes: u64,
}

/// Why nothing was exported.
#[derive(Debug)]
pub enum ExportError {
    File(FileError),
    /// There is such a file already.
    Exists(PathBuf),
    Trouble(Failure),
}

impl fmt::Display for ExportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ExportError::File(error) => error.fmt(f),
            ExportError::Exists(path) => write!(f, "`{}` is there already", path.display()),
            ExportError::Trouble(failure) => f.write_str(&crate::seed::in_words(failure)),
        }
    }
}

impl std::error::Error for ExportError {}

/// Writes all records of a resource to a file, or to the standard output if it is called `-`.
///
/// # Errors
/// See [`ExportError`]. Then there is no file, or the one that was there before.
pub async fn export(
    engine: &Engine,
    resource: ResourceId,
    format: Format,
    to: &Path,
    force: bool,
    watch: Arc<dyn Watch>,
) -> Result<Exported, ExportError> {
    let failed = |source| ExportError::File(FileError::writing(to, source));
    let is_output = to == Path::new(STANDARD_INPUT);
    if !is_output && !force && files::is_taken(to) {
        return Err(ExportError::Exists(to.to_owned()));
    }
    let part = match is_output {
        true => None,
        false => Some(files::Part::create(to).map_err(failed)?),
    };
    let out: Box<dyn Write + Send> = match &part {
        None => Box::new(io::stdout()),
        Some(part) => Box::new(part.file().map_err(failed)?),
    };
    let shared = Arc::new(Mutex::new(Outcome::default()));
    let writing = Writing {
        model: Arc::clone(engine.model()),
        resource,
        format,
        out: BufWriter::with_capacity(BUFFER_BYTES, out),
        row: Vec::new(),
        values: vec![],
        total: 0,
        records: 0,
        bytes: 0,
        began: false,
        watch,
        outcome: Arc::clone(&shared),
    };
    let exported = engine.export(resource, writing, now()).await;
    let mut outcome = shared.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(error) = outcome.error.take() {
        return Err(failed(error));
    }
    let records = exported.map_err(ExportError::Trouble)?;
    if let Some(part) = part {
        part.put_in_place(to).map_err(failed)?;
    }
    Ok(Exported {
        records,
        bytes: outcome.bytes,
    })
}

/// What the writer leaves behind.
#[derive(Default)]
struct Outcome {
    bytes: u64,
    error: Option<io::Error>,
}

struct Writing {
    model: Arc<Model>,
    resource: ResourceId,
    format: Format,
    out: BufWriter<Box<dyn Write + Send>>,
    row: Vec<u8>,
    /// A record, indexed by field.
    values: Vec<Value>,
    total: u64,
    records: u64,
    bytes: u64,
    began: bool,
    watch: Arc<dyn Watch>,
    outcome: Arc<Mutex<Outcome>>,
}

impl Writing {
    /// Writes the row that has been made.
    fn write_row(&mut self) -> Result<(), Failure> {
        self.row.extend_from_slice(match self.format {
            Format::Ndjson => b"\n",
            Format::Csv => value::csv::END,
        });
        let written = self.out.write_all(&self.row);
        self.bytes += self.row.len() as u64;
        self.row.clear();
        self.check(written)
    }

    fn check(&mut self, written: io::Result<()>) -> Result<(), Failure> {
        let mut outcome = self.outcome.lock().unwrap_or_else(PoisonError::into_inner);
        outcome.bytes = self.bytes;
        written.map_err(|error| {
            let failure = Failure::internal(&error);
            outcome.error = Some(error);
            failure
        })
    }
}

impl Sink for Writing {
    fn begin(&mut self, records: u64) -> Result<(), Failure> {
        if self.began {
            return Err(Failure::internal(
                "the database lost its snapshot on the way",
            ));
        }
        self.began = true;
        self.total = records;
        let model = Arc::clone(&self.model);
        let resource = model.resource(self.resource);
        self.values = vec![Value::Null; resource.fields.len()];
        if self.format == Format::Csv {
            write::header(resource, &mut self.row);
            self.write_row()?;
        }
        Ok(())
    }

    fn take(&mut self, record: &[Value], deleted_at: Option<Timestamp>) -> Result<(), Failure> {
        let model = Arc::clone(&self.model);
        let resource = model.resource(self.resource);
        for (field, value) in store::layout::stored_fields(resource).zip(record) {
            self.values[usize::from(field.id.0)] = value.clone();
        }
        match self.format {
            Format::Ndjson => write::ndjson(resource, &self.values, deleted_at, &mut self.row),
            Format::Csv => write::csv(resource, &self.values, deleted_at, &mut self.row),
        }
        self.records += 1;
        if self.records.is_multiple_of(TOLD_EVERY) {
            self.watch.at(self.records, Some(self.total), self.records);
        }
        self.write_row()
    }

    fn end(&mut self) -> Result<(), Failure> {
        let flushed = self.out.flush();
        self.check(flushed)
    }
}
