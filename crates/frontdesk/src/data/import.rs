//! `data import`: a file, record by record, into a resource.
//!
//! ```text
//!  this task:  read, parse, validate a chunk ─┐   the next chunk, meanwhile
//!  another:                                   └─► write it: up to the first refused record,
//!                                                 that one aside, and on
//! ```
//!
//! 1. The place after a batch is written in the batch's own transaction, with a digest of the
//!    file up to there. Whoever goes on later begins exactly there, in the same file.
//! 2. A refused record is passed only once it has been put aside.
//! 3. Memory holds two chunks, however long the file is.

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use call::Failure;
use engine::{Engine, Progress, Row};
use model::{Model, Resource};
use store::StoreError;
use store::imports::Waiting;
use value::ResourceId;

use super::intake::{Intake, Refusals, Stop};
use super::ledger::State;
use super::parse::{self, Header};
use super::records::{Place, Raw, Records, buffered};
use super::refusals::{Aside, Refused};
use super::{Format, Watch, write};
use crate::clock::now;
use crate::file_error::FileError;
use crate::files;

/// What the standard input is called.
pub const STANDARD_INPUT: &str = "-";
/// Records in one transaction: enough that commits do not count, few enough that other writers
/// wait for some hundredths of a second only.
const CHUNK_RECORDS: usize = 1_000;
/// The same for large records.
const CHUNK_BYTES: usize = 4 << 20;
/// After each transaction other processes get a chance to write: longer than the time between
/// two attempts of theirs.
const BREATH: Duration = Duration::from_millis(3);

/// What to import and how.
#[derive(Clone, Debug)]
pub struct Import {
    pub resource: ResourceId,
    /// [`STANDARD_INPUT`] is one.
    pub file: PathBuf,
    pub format: Format,
    /// Go on where it stopped.
    pub resume: bool,
    /// Begin again although it stopped in the middle.
    pub restart: bool,
    /// Only see what would be refused.
    pub dry_run: bool,
    /// Records that may be refused before it ends.
    pub keep_going: u64,
    /// Where refused records go.
    pub rejects: Option<PathBuf>,
}

/// What became of an import.
#[derive(Clone, Debug)]
pub struct Imported {
    /// The end of the file was reached.
    pub complete: bool,
    /// Records that are in, over all attempts; in a dry run, that could be.
    pub written: u64,
    /// Records that were passed over, over all attempts.
    pub refused: u64,
    /// Records that refer to others which are not there: in a dry run, of those that come later
    /// in the file, which is not tried.
    pub waiting: u64,
    /// The line after which it went on.
    pub resumed_after: Option<u64>,
    /// Lines that are done.
    pub lines: u64,
    pub bytes: u64,
    /// The first refused records of this attempt.
    pub refusals: Vec<Refused>,
}

/// Why an import was not begun, or did not go on.
#[derive(Debug)]
pub enum ImportError {
    /// A file cannot be read or written.
    File(FileError),
    /// It stopped in the middle before, after so many lines.
    Unfinished {
        lines: u64,
    },
    /// What was imported is not the beginning of this file.
    AnotherFile {
        lines: u64,
    },
    /// The first row does not name columns.
    Header(Failure),
    /// The database.
    Store(StoreError),
    Trouble(Failure),
    /// A thread of ours ended before its time.
    Broken,
}

impl fmt::Display for ImportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ImportError::File(error) => error.fmt(f),
            ImportError::Unfinished { lines } => write!(
                f,
                "an import of this file stopped after line {lines} and is not finished"
            ),
            ImportError::AnotherFile { lines } => write!(
                f,
                "this is another file than the one whose first {lines} lines were imported"
            ),
            ImportError::Header(failure) => f.write_str(&failure.detail),
            ImportError::Store(error) => error.fmt(f),
            ImportError::Trouble(failure) => f.write_str(&crate::seed::in_words(failure)),
            ImportError::Broken => f.write_str("the import broke off"),
        }
    }
}

impl std::error::Error for ImportError {}

impl From<FileError> for ImportError {
    fn from(error: FileError) -> ImportError {
        ImportError::File(error)
    }
}

impl From<StoreError> for ImportError {
    fn from(error: StoreError) -> ImportError {
        ImportError::Store(error)
    }
}

/// Imports a file. `tell` is told of each refused record.
///
/// # Errors
/// See [`ImportError`]. What was written until then stays, and it can be gone on with.
pub async fn import(
    engine: &Engine,
    wish: &Import,
    watch: &dyn Watch,
    tell: Box<dyn FnMut(&Refused) + Send>,
) -> Result<Imported, ImportError> {
    let resource = engine.model().resource(wish.resource);
    let source = open(&wish.file)?;
    let refers_to_itself = |field: &model::Field| {
        let target = field.relation().map(|(_, target)| target);
        target == Some(resource.id)
    };
    let expects = match resource.fields.iter().any(refers_to_itself) {
        true => vec![resource.id],
        false => vec![],
    };
    let name = format!("{} from {}", resource.name, source.name);
    let intake = Intake::new(engine, &name, expects, wish.dry_run);
    let mut records = Records::new(buffered(source.stream), wish.format);
    let failed = |source| ImportError::from(FileError::reading(&wish.file, source));
    let header = match wish.format {
        Format::Ndjson => None,
        Format::Csv => match records.next().map_err(failed)? {
            None => None,
            Some(raw) => Some(Header::read(&raw, resource).map_err(ImportError::Header)?),
        },
    };
    let state = find_place(&intake, wish, &mut records).await?;
    let resumed_after = state.as_ref().map(|state| state.lines);
    let mut aside = Aside::new(wish.keep_going, tell);
    if let Some(path) = &wish.rejects {
        let noted = state.as_ref().map(|state| state.rejects_bytes);
        let opened = aside.open(path, noted);
        opened.map_err(|source| FileError::writing(path, source))?;
    }
    let mut writer = Writer {
        intake,
        resource: wish.resource,
        model: engine.model().clone(),
        header: header.clone(),
        dry_run: wish.dry_run,
        state: state.unwrap_or_default(),
        untried: 0,
        aside,
    };
    let reader = Reader {
        engine,
        resource,
        header,
    };
    let ended = run(
        &reader,
        &mut records,
        &mut writer,
        &failed,
        source.size,
        watch,
    )
    .await;
    let complete = match ended {
        Ok(()) => true,
        Err(Ended::Stopped(Stop::Refused)) => false,
        Err(Ended::Stopped(Stop::Trouble(failure))) => return Err(ImportError::Trouble(failure)),
        Err(Ended::Stopped(Stop::Aside(source))) => {
            let path = wish.rejects.clone().unwrap_or_default();
            return Err(FileError::writing(&path, source).into());
        }
        Err(Ended::Error(error)) => return Err(error),
    };
    let waiting = match wish.dry_run {
        true => writer.untried,
        false => writer.intake.ledger.waiting().await?,
    };
    Ok(Imported {
        complete,
        written: writer.state.written.saturating_sub(waiting),
        refused: writer.state.refused,
        waiting,
        resumed_after,
        lines: writer.state.lines,
        bytes: writer.state.bytes,
        refusals: writer.aside.told,
    })
}

enum Ended {
    Stopped(Stop),
    Error(ImportError),
}

/// A file or the standard input.
struct Source {
    stream: Box<dyn Read + Send>,
    /// What it is called in the database.
    name: String,
    size: Option<u64>,
}

fn open(path: &Path) -> Result<Source, ImportError> {
    if path == Path::new(STANDARD_INPUT) {
        return Ok(Source {
            stream: Box::new(io::stdin()),
            name: STANDARD_INPUT.to_owned(),
            size: None,
        });
    }
    let failed = |source| FileError::reading(path, source);
    let size = files::check_is_file(path)?.len();
    let file = File::open(path).map_err(failed)?;
    let name = path.canonicalize().map_err(failed)?;
    Ok(Source {
        stream: Box::new(file),
        name: name.to_string_lossy().into_owned(),
        size: Some(size),
    })
}

/// Goes to the place where the import stopped, if it is to go on there.
async fn find_place<R: BufRead>(
    intake: &Intake,
    wish: &Import,
    records: &mut Records<R>,
) -> Result<Option<State>, ImportError> {
    if wish.dry_run {
        return Ok(None);
    }
    let known = intake.ledger.find().await?;
    match known {
        Some((state, _)) if wish.resume => {
            let same = records
                .skip_to(state.bytes, state.lines, &state.digest)
                .map_err(|source| FileError::reading(&wish.file, source))?;
            match same {
                true => Ok(Some(state)),
                false => Err(ImportError::AnotherFile { lines: state.lines }),
            }
        }
        Some((state, false)) if !wish.restart => {
            Err(ImportError::Unfinished { lines: state.lines })
        }
        _ => {
            intake.ledger.begin(now()).await?;
            Ok(None)
        }
    }
}

async fn run<R: BufRead>(
    reader: &Reader<'_>,
    records: &mut Records<R>,
    writer: &mut Writer,
    failed: &dyn Fn(io::Error) -> ImportError,
    size: Option<u64>,
    watch: &dyn Watch,
) -> Result<(), Ended> {
    let mut next = reader
        .chunk(records)
        .map_err(|error| Ended::Error(failed(error)))?;
    while !next.is_empty() {
        let chunk = std::mem::take(&mut next);
        // Whichever is slower decides; the writer has a thread of its own.
        let (written, read) = tokio::join!(writer.write(chunk), async {
            tokio::task::yield_now().await;
            reader.chunk(records)
        });
        written.map_err(Ended::Stopped)?;
        next = read.map_err(|error| Ended::Error(failed(error)))?;
        watch.at(writer.state.bytes, size, writer.state.written);
        tokio::time::sleep(BREATH).await;
    }
    writer
        .finish(records.place())
        .await
        .map_err(Ended::Stopped)?;
    watch.at(writer.state.bytes, size, writer.state.written);
    Ok(())
}

/// A record on its way.
struct Item {
    raw: Raw,
    outcome: Result<Row, Failure>,
}

struct Reader<'e> {
    engine: &'e Engine,
    resource: &'e Resource,
    header: Option<Header>,
}

impl Reader<'_> {
    /// The next records, read and validated as far as each alone can be. None at the end.
    fn chunk<R: BufRead>(&self, records: &mut Records<R>) -> io::Result<Vec<Item>> {
        let mut raws = Vec::new();
        let mut bytes = 0;
        while raws.len() < CHUNK_RECORDS && bytes < CHUNK_BYTES {
            let Some(raw) = records.next()? else { break };
            bytes += raw.bytes.len();
            raws.push(raw);
        }
        let mut refused = Vec::new();
        let mut bodies = Vec::with_capacity(raws.len());
        for (at, raw) in raws.iter().enumerate() {
            let parsed = match &self.header {
                None => parse::ndjson(raw),
                Some(header) => header.record(raw),
            };
            match parsed {
                Ok(body) => bodies.push((raw.line, body)),
                Err(failure) => refused.push((at, failure)),
            }
        }
        let mut prepared = self
            .engine
            .prepare(self.resource.id, bodies, now())
            .into_iter();
        let mut refused = refused.into_iter().peekable();
        let items = raws.into_iter().enumerate().filter_map(|(at, raw)| {
            let outcome = match refused.next_if(|(refused, _)| *refused == at) {
                Some((_, failure)) => Err(failure),
                None => prepared.next()?,
            };
            Some(Item { raw, outcome })
        });
        Ok(items.collect())
    }
}

struct Writer {
    intake: Intake,
    resource: ResourceId,
    model: std::sync::Arc<Model>,
    header: Option<Header>,
    dry_run: bool,
    state: State,
    untried: u64,
    aside: Aside,
}

impl Writer {
    /// Writes a chunk: the records up to the first refused one, then on after it.
    async fn write(&mut self, mut chunk: Vec<Item>) -> Result<(), Stop> {
        let mut from = 0;
        // Whether the place has moved over refused records only.
        let mut moved = false;
        while from < chunk.len() {
            let rest = &chunk[from..];
            let rows: Vec<Row> = rest
                .iter()
                .map_while(|item| item.outcome.as_ref().ok().cloned())
                .collect();
            if rows.is_empty() {
                let Item { raw, outcome } = &chunk[from];
                if let Err(failure) = outcome {
                    let refused = Refused::new(raw.line, failure.clone(), &raw.bytes);
                    let before = self.header.as_ref().map(|header| header.text.as_str());
                    if let Err(stop) = self.aside.refuse(refused, before, &raw.bytes) {
                        if moved {
                            self.note(false).await?;
                        }
                        return Err(stop);
                    }
                    self.state.refused += 1;
                }
                self.move_to(&raw.end);
                moved = true;
                from += 1;
                continue;
            }
            let after = from + rows.len();
            let mut state = self.state.clone();
            self.aside.sync()?;
            place(&mut state, &chunk[after - 1].raw.end, self.aside.bytes());
            state.written += rows.len() as u64;
            let progress = (!self.dry_run).then(|| Progress {
                state: state.to_text(),
                finished: false,
            });
            match self.intake.write(self.resource, &rows, progress).await {
                Ok(done) => {
                    self.untried += done.waiting as u64;
                    self.state = state;
                    moved = false;
                    from = after;
                }
                Err(error) => {
                    let at = error.record.and_then(|(_, line)| {
                        chunk[from..after]
                            .iter()
                            .position(|item| item.raw.line == line)
                    });
                    match at {
                        Some(at) => chunk[from + at].outcome = Err(*error.failure),
                        None => return Err(Stop::Trouble(*error.failure)),
                    }
                }
            }
        }
        if moved {
            self.note(false).await?;
        }
        Ok(())
    }

    fn move_to(&mut self, end: &Place) {
        place(&mut self.state, end, self.aside.bytes());
    }

    /// Writes down how far it has come.
    async fn note(&mut self, finished: bool) -> Result<(), Stop> {
        if self.dry_run {
            return Ok(());
        }
        self.aside.sync()?;
        let progress = Progress {
            state: self.state.to_text(),
            finished,
        };
        let noted = self.intake.write(self.resource, &[], Some(progress)).await;
        noted
            .map(drop)
            .map_err(|error| Stop::Trouble(*error.failure))
    }

    /// The file is at its end: what waited comes in.
    async fn finish(&mut self, end: &Place) -> Result<(), Stop> {
        self.move_to(end);
        if !self.dry_run {
            let intake = self.intake.clone();
            intake.settle(self).await?;
        }
        self.note(true).await
    }
}

fn place(state: &mut State, end: &Place, rejects_bytes: u64) {
    state.bytes = end.bytes;
    state.lines = end.lines;
    state.digest = end.digest();
    state.rejects_bytes = rejects_bytes;
}

impl Refusals for Writer {
    fn refuse(&mut self, waiting: &Waiting, failure: Failure) -> Result<State, Stop> {
        let resource = self.model.resource(self.resource);
        let record = store::json::read_record(resource, &waiting.record)?;
        let deleted_at = store::json::read_deleted_at(&waiting.record)?;
        let mut text = Vec::new();
        match &self.header {
            None => write::ndjson(resource, &record, deleted_at, &mut text),
            Some(header) => header.write(&record, deleted_at, &mut text),
        }
        let line = u64::try_from(waiting.line).unwrap_or_default();
        let refused = Refused::new(line, failure, &text);
        let before = self.header.as_ref().map(|header| header.text.as_str());
        self.aside.refuse(refused, before, &text)?;
        self.aside.sync()?;
        self.state.refused += 1;
        self.state.written = self.state.written.saturating_sub(1);
        self.state.rejects_bytes = self.aside.bytes();
        Ok(self.state.clone())
    }
}
