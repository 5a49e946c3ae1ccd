//! First records: `seed/books.ndjson` fills an empty database.
//!
//! A file is called like its resource's path and holds one record per line (`.ndjson`) or an
//! array of them (`.json`). Records are validated like any create, but may bring their own ids.
//! All files or none: what a mistake leaves half done is taken back. What is wrong with the files by
//! themselves is told at once.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use call::{Caller, Failure, Outcome, Place, Precondition, RecordKey, Request};
use engine::{Engine, Row};
use model::{Action, Model};
use serde_json::error::Category;
use serde_json::value::RawValue;
use serde_json::{Map, Value as Json};
use store::imports::Waiting;
use value::ResourceId;

use crate::clock::now;
use crate::data::{Intake, Refusals, State, Stop, not_json};
use crate::file_error::FileError;

mod fault;

pub use fault::{SeedError, SeedFault};

/// The folder beside the contract.
pub const FOLDER: &str = "seed";
/// More is no seed but an import, and would make every first start slow.
const FILE_BYTES_MAX: u64 = 64 << 20;
/// Records in one transaction: enough that commits do not count, few enough that the writer is
/// not held up for long.
const CHUNK: usize = 1_000;

/// How many records of a resource were added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seeded {
    /// What so many of them are called: `books`, or `book`.
    pub noun: String,
    pub records: usize,
}

/// The records of one file.
#[derive(Debug)]
struct File {
    path: PathBuf,
    resource: ResourceId,
    records: Vec<Record>,
}

#[derive(Debug)]
struct Record {
    line: usize,
    body: Map<String, Json>,
}

/// The same, as far as the records' own values decide.
struct Checked {
    path: PathBuf,
    resource: ResourceId,
    rows: Vec<Row>,
}

/// Fills an empty database from the `seed` folder of a contract's folder. Does nothing when
/// there is any record, or nothing to fill it from.
///
/// # Errors
/// Everything that is wrong with the files and their records by themselves, or else the first
/// record that the others do not admit; then none was added.
pub async fn fill(engine: &Engine, contract: &Path) -> Result<Vec<Seeded>, SeedError> {
    let folder = contract.join(FOLDER);
    if !folder.is_dir() || !is_empty(engine, &folder).await? {
        return Ok(vec![]);
    }
    let mut faults = SeedError::default();
    let files = read(engine.model(), &folder, &mut faults);
    let files = files
        .into_iter()
        .map(|file| check(engine, file, &mut faults))
        .collect();
    faults.end()?;
    fill_from(engine, files).await
}

async fn fill_from(engine: &Engine, files: Vec<Checked>) -> Result<Vec<Seeded>, SeedError> {
    let resources: Vec<ResourceId> = files.iter().map(|file| file.resource).collect();
    let intake = Intake::new(engine, FOLDER, resources.clone(), false);
    let filled = fill_all(engine, &intake, files).await;
    if filled.is_err() {
        for resource in resources.iter().rev() {
            remove_all(engine, *resource).await;
        }
        if let Err(error) = intake.ledger.begin(now()).await {
            tracing::warn!(%error, "records of the seed wait in vain");
        }
    }
    filled
}

async fn fill_all(
    engine: &Engine,
    intake: &Intake,
    files: Vec<Checked>,
) -> Result<Vec<Seeded>, SeedError> {
    let mut seeded = Vec::new();
    let mut places = Vec::new();
    for file in files {
        seeded.push(import(engine, intake, &file).await?);
        places.push((file.resource, file.path));
    }
    // References may lead to records further on, and to other files.
    let mut first = First {
        model: Arc::clone(engine.model()),
        places,
        refused: None,
    };
    match intake.settle(&mut first).await {
        Ok(()) => Ok(seeded),
        Err(stop) => Err(first.refused.unwrap_or_else(|| {
            let what = match stop {
                Stop::Trouble(failure) => in_words(&failure),
                Stop::Refused | Stop::Aside(_) => "a record was refused".to_owned(),
            };
            SeedError::of(Path::new(FOLDER), None, what)
        })),
    }
}

fn check(engine: &Engine, file: File, faults: &mut SeedError) -> Checked {
    let File {
        path,
        resource,
        records,
    } = file;
    let lines: Vec<usize> = records.iter().map(|record| record.line).collect();
    let records = records.into_iter();
    let numbered = records.map(|record| (record.line as u64, record.body));
    let rows = engine.prepare(resource, numbered, now()).into_iter();
    let rows = rows.zip(lines).filter_map(|(row, line)| match row {
        Ok(row) => Some(row),
        Err(failure) => {
            faults.add(&path, Some(line), in_words(&failure));
            None
        }
    });
    Checked {
        rows: rows.collect(),
        resource,
        path,
    }
}

async fn import(engine: &Engine, intake: &Intake, file: &Checked) -> Result<Seeded, SeedError> {
    for rows in file.rows.chunks(CHUNK) {
        let written = intake.write(file.resource, rows, None).await;
        written.map_err(|error| {
            let line = error.record.and_then(|(_, line)| place(line));
            SeedError::of(&file.path, line, in_words(&error.failure))
        })?;
    }
    let resource = engine.model().resource(file.resource);
    let noun = match file.rows.len() {
        1 => resource.noun(),
        _ => resource.plural.clone(),
    };
    Ok(Seeded {
        noun,
        records: file.rows.len(),
    })
}

fn place(line: u64) -> Option<usize> {
    usize::try_from(line).ok()
}

/// Keeps the first refused record: a seed ends with it.
struct First {
    model: Arc<Model>,
    places: Vec<(ResourceId, PathBuf)>,
    refused: Option<SeedError>,
}

impl Refusals for First {
    fn refuse(&mut self, waiting: &Waiting, failure: Failure) -> Result<State, Stop> {
        let resource = self.model.resource_named(&waiting.resource);
        let file = self
            .places
            .iter()
            .find(|(known, _)| resource.is_some_and(|resource| resource.id == *known));
        self.refused = Some(SeedError::of(
            file.map_or_else(|| Path::new(FOLDER), |(_, path)| path),
            usize::try_from(waiting.line).ok(),
            in_words(&failure),
        ));
        Err(Stop::Refused)
    }
}

/// The seed files of a contract, those first that others refer to.
fn read(model: &Model, folder: &Path, faults: &mut SeedError) -> Vec<File> {
    let paths: io::Result<Vec<PathBuf>> =
        fs::read_dir(folder).and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect());
    let mut paths = paths.unwrap_or_else(|error| {
        faults.add(folder, None, unusable(&FileError::reading(folder, error)));
        vec![]
    });
    paths.sort();
    let mut files: Vec<File> = Vec::new();
    for path in paths {
        let name = |part: Option<&std::ffi::OsStr>| {
            part.map(|part| part.to_string_lossy().into_owned())
                .unwrap_or_default()
        };
        let (stem, extension) = (name(path.file_stem()), name(path.extension()));
        // Editors' files and notes for people are no records.
        if stem.starts_with('.') || extension == "md" || path.is_dir() {
            continue;
        }
        if !matches!(extension.as_str(), "ndjson" | "json") {
            let what = "seed files end in `.ndjson` or `.json`".to_owned();
            faults.add(&path, None, what);
            continue;
        }
        let Some(resource) = model
            .resources
            .iter()
            .find(|resource| resource.plural == stem)
        else {
            let paths = || {
                model
                    .resources
                    .iter()
                    .map(|resource| resource.plural.as_str())
            };
            let help = match diag::suggest::nearest(&stem, paths()) {
                Some(near) => format!("did you mean `{near}.{extension}`?"),
                None => format!("the paths are {}", paths().collect::<Vec<_>>().join(", ")),
            };
            let what = format!("no resource has the path `{stem}`; {help}");
            faults.add(&path, None, what);
            continue;
        };
        if let Some(other) = files.iter().find(|file| file.resource == resource.id) {
            let what = format!("`{}` is about the same resource", other.path.display());
            faults.add(&path, None, what);
            continue;
        }
        let records = records(&path, extension == "json", faults);
        files.push(File {
            path,
            resource: resource.id,
            records,
        });
    }
    in_order(model, files)
}

/// Those first that others refer to. Within a circle the order of names stays.
fn in_order(model: &Model, files: Vec<File>) -> Vec<File> {
    let mut waiting = files;
    let mut ordered: Vec<File> = Vec::with_capacity(waiting.len());
    while !waiting.is_empty() {
        let is_free = |file: &File| {
            model
                .resource(file.resource)
                .fields
                .iter()
                .filter_map(|field| field.relation())
                .all(|(_, target)| {
                    target == file.resource || !waiting.iter().any(|other| other.resource == target)
                })
        };
        let next = waiting.iter().position(is_free).unwrap_or(0);
        ordered.push(waiting.remove(next));
    }
    ordered
}

/// The records of a file that are some.
fn records(path: &Path, is_array: bool, faults: &mut SeedError) -> Vec<Record> {
    let text = match text_of(path) {
        Ok(text) => text,
        Err((line, what)) => {
            faults.add(path, line, what);
            return vec![];
        }
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let mut found = Vec::new();
    let mut body = |line: usize, json: &str| match web::json::parse(json.as_bytes()) {
        Ok(Json::Object(body)) => found.push(Record { line, body }),
        Ok(_) => {
            let what = "a record is a JSON object: `{\"name\": …}`".to_owned();
            faults.add(path, Some(line), what);
        }
        Err(error) => faults.add(path, Some(line + error.line - 1), not_json(&error)),
    };
    if is_array {
        let items: Vec<&RawValue> = match serde_json::from_str(text) {
            Ok(items) => items,
            Err(error) => {
                let what = match error.classify() {
                    Category::Eof => "it ends in the middle".to_owned(),
                    // All that is asked of it is to be a list.
                    Category::Data => "it is something else".to_owned(),
                    Category::Syntax | Category::Io => web::json::plain(&error),
                };
                let what = format!("not a JSON array of records: {what}");
                faults.add(path, Some(error.line()), what);
                return vec![];
            }
        };
        let mut line = 1;
        let mut seen = 0;
        for item in items {
            // The item lies inside the text.
            let at = item.get().as_ptr() as usize - text.as_ptr() as usize;
            line += text.as_bytes()[seen..at]
                .iter()
                .filter(|byte| **byte == b'\n')
                .count();
            seen = at;
            body(line, item.get());
        }
        return found;
    }
    let lines = text.lines().enumerate();
    for (at, line) in lines.filter(|(_, line)| !line.trim().is_empty()) {
        body(at + 1, line);
    }
    found
}

/// What a file says, or in which line it says nothing, and why.
fn text_of(path: &Path) -> Result<String, (Option<usize>, String)> {
    let unreadable = |error: io::Error| (None, unusable(&FileError::reading(path, error)));
    let bytes = fs::metadata(path).map_err(unreadable)?.len();
    if bytes > FILE_BYTES_MAX {
        let what = format!(
            "a seed file has at most {} MiB; `frontdesk data import` reads larger ones",
            FILE_BYTES_MAX >> 20
        );
        return Err((None, what));
    }
    let bytes = fs::read(path).map_err(unreadable)?;
    String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        let what = "this is not UTF-8; save the file as UTF-8".to_owned();
        (Some(line), what)
    })
}
/// Why a file or folder cannot be read, and what mends that.
fn unusable(error: &FileError) -> String {
    format!("it cannot be read: {}; {}", error.why(), error.mend())
}

/// A refusal with all its faults, in one line.
pub(crate) fn in_words(failure: &Failure) -> String {
    let faults: Vec<String> = failure
        .problems
        .iter()
        .map(|problem| match &problem.place {
            Place::Pointer(pointer) if pointer.is_empty() => problem.detail.clone(),
            Place::Pointer(pointer) => {
                format!("`{}`: {}", pointer.trim_start_matches('/'), problem.detail)
            }
            Place::Parameter(name) => format!("`{name}`: {}", problem.detail),
            Place::Header(name) => format!("`{name}`: {}", problem.detail),
        })
        .collect();
    let mut words = match faults.is_empty() {
        true => failure.detail.to_string(),
        false => faults.join("; "),
    };
    if let Some(cause) = &failure.cause {
        words.push_str(&format!(" ({cause})"));
    }
    words
}

async fn is_empty(engine: &Engine, folder: &Path) -> Result<bool, SeedError> {
    for resource in &engine.model().resources {
        let mut request = request(resource.id, Action::List);
        request.query.limit = Some(1);
        match engine.handle(request).await {
            Ok(Outcome::Page(page)) if page.items.is_empty() => {}
            Ok(_) => return Ok(false),
            Err(failure) => {
                let what = format!("the database cannot be read: {}", in_words(&failure));
                return Err(SeedError::of(folder, None, what));
            }
        }
    }
    Ok(true)
}

/// Takes back what was seeded: the database was empty before. What cannot be removed stays.
async fn remove_all(engine: &Engine, resource: ResourceId) {
    loop {
        let Ok(Outcome::Page(page)) = engine.handle(request(resource, Action::List)).await else {
            return;
        };
        if page.items.is_empty() {
            return;
        }
        for record in &page.items {
            let mut delete = request(resource, Action::Delete);
            let id_type = &engine.model().resource(resource).id_type;
            delete.target = Some(RecordKey::Id(id_type.to_text(&record.id)));
            delete.precondition = Precondition {
                exists: true,
                ..Precondition::default()
            };
            if let Err(failure) = engine.handle(delete).await {
                tracing::warn!(
                    cause = in_words(&failure),
                    "a seeded record could not be taken back"
                );
                return;
            }
        }
    }
}

/// A request of the server itself, for which rules do not count.
pub fn request(resource: ResourceId, action: Action) -> Request {
    let caller = Caller::operator("seed");
    Request::new(resource, action, Arc::new(caller), now())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(name: &str, text: &str) -> Result<Vec<usize>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        let mut faults = SeedError::default();
        let records = records(&path, name.ends_with(".json"), &mut faults);
        let told = |fault: &SeedFault| format!("{}: {}", fault.line.unwrap_or(0), fault.what);
        match faults.end() {
            Ok(()) => Ok(records.iter().map(|record| record.line).collect()),
            Err(error) => Err(error.faults.iter().map(told).collect::<Vec<_>>().join("\n")),
        }
    }

    #[test]
    fn records_know_their_lines() {
        assert_eq!(
            lines("a.ndjson", "{}\n\n  {\"a\": 1}\r\n{}"),
            Ok(vec![1, 3, 4])
        );
        assert_eq!(
            lines("a.json", "[{}, {},\n\n {\"a\":\n 1},\n{}]\n"),
            Ok(vec![1, 1, 3, 5])
        );
        assert_eq!(lines("a.json", "[]"), Ok(vec![]));
        assert_eq!(lines("a.ndjson", ""), Ok(vec![]));
    }

    #[test]
    fn a_file_that_cannot_be_read_is_told_with_its_remedy() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.ndjson");
        let told = |path: &Path| {
            let mut faults = SeedError::default();
            records(path, false, &mut faults);
            let [fault] = <[SeedFault; 1]>::try_from(faults.faults).unwrap();
            assert_eq!(fault.file, path);
            fault.what
        };
        assert_eq!(
            told(&path),
            "it cannot be read: there is no such file; name a file that is there"
        );
        fs::write(&path, b"{}\n{\"a\": \"\xff\"}").unwrap();
        assert_eq!(told(&path), "this is not UTF-8; save the file as UTF-8");
    }

    #[test]
    fn mistakes_are_placed() {
        for (name, text, expected) in [
            (
                "a.ndjson",
                "{}\n{\"a\" 1}",
                "2: not JSON: between a name and its value stands a `:`, at column 6",
            ),
            (
                "a.ndjson",
                "{}\n{\"a\": 1, \"a\": 2}",
                "2: `a` is named twice, at column 12",
            ),
            (
                "a.json",
                "[{},\n {\"a\":\n x}]",
                "3: not a JSON array of records: a value is missing or is not spelled as one; text stands in double quotes",
            ),
            (
                "a.json",
                "[{},\n {\"a\": 1,\n \"a\": 2}]",
                "3: `a` is named twice, at column 4",
            ),
            (
                "a.json",
                "{}",
                "1: not a JSON array of records: it is something else",
            ),
            (
                "a.json",
                "[{},\n",
                "2: not a JSON array of records: it ends in the middle",
            ),
            (
                "a.ndjson",
                "1\n{}\n\n{\"a\" 1}",
                "1: a record is a JSON object: `{\"name\": …}`\n4: not JSON: between a name and its value stands a `:`, at column 6",
            ),
            (
                "a.ndjson",
                "{}\n[]",
                "2: a record is a JSON object: `{\"name\": …}`",
            ),
            (
                "a.json",
                "[{},\n 1]",
                "2: a record is a JSON object: `{\"name\": …}`",
            ),
            (
                "a.json",
                "[{}\n {}]",
                "2: not a JSON array of records: a `,` is missing, or the `]` that ends the list",
            ),
        ] {
            assert_eq!(lines(name, text), Err(expected.to_owned()), "{text}");
        }
    }
}
