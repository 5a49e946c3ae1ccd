//! `data`: the records of a resource into files and out of them, also while a server runs.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use clap::{Args, Subcommand, ValueEnum};
use frontdesk::audit::{Action, Entry};
use frontdesk::data::{self, Format, ImportError, Refused, STANDARD_INPUT};
use frontdesk::{App, Database, Migrate, now};
use serde_json::{Value as Json, json};

use super::asked::Asked;
use super::key::no_database;
use super::place::Place;
use super::{Done, Trouble, audit, model, runtime};
use crate::progress::{Progress, Unit};
use crate::terminal::{BAD, GOOD, LINK, QUIET, count, say, styled, tell};

const EXAMPLE: &str = "\
Example:
  frontdesk data export books books.ndjson
  frontdesk data export books - --format csv | head -3
  frontdesk data import books books.csv --keep-going 100 --rejects refused.csv
  frontdesk data import books books.ndjson --resume";

/// Write records into files and read them from files, also while a server runs
#[derive(Args, Debug)]
#[command(after_help = EXAMPLE)]
pub struct Data {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand, Debug)]
enum What {
    /// Write all records of a resource, as they are at one moment
    Export(Export),
    /// Take records in, each checked like any write
    Import(Import),
}

#[derive(Args, Debug)]
#[command(after_help = EXAMPLE)]
struct Export {
    /// The resource by its path, such as books
    resource: String,

    /// The file to write, ending in .ndjson or .csv; `-` is the standard output
    #[arg(default_value = STANDARD_INPUT)]
    file: PathBuf,

    /// Also if there is such a file already
    #[arg(long)]
    force: bool,

    #[command(flatten)]
    records: Records,
}

#[derive(Args, Debug)]
#[command(after_help = EXAMPLE)]
struct Import {
    /// The resource by its path, such as books
    resource: String,

    /// The file to read, ending in .ndjson or .csv; `-` is the standard input
    file: PathBuf,

    /// Go on where an import of this file stopped
    #[arg(long, conflicts_with_all = ["restart", "dry_run"])]
    resume: bool,

    /// Begin again, although an import of this file stopped in the middle
    #[arg(long, conflicts_with = "dry_run")]
    restart: bool,

    /// Only see what would be refused
    #[arg(long)]
    dry_run: bool,

    /// Pass over records that are refused, so many at most
    #[arg(long, value_name = "N")]
    keep_going: Option<u64>,

    /// A new file for the records that were refused, to be mended and imported again
    #[arg(long, value_name = "FILE", requires = "keep_going")]
    rejects: Option<PathBuf>,

    #[command(flatten)]
    records: Records,
}

/// Records as they are written, and where they belong.
#[derive(Args, Debug)]
struct Records {
    #[command(flatten)]
    place: Place,

    /// How the records are written, if the file's name does not say so
    #[arg(long, value_enum)]
    format: Option<As>,

    /// A summary as JSON: on the standard output, or on the standard error if records go there
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum As {
    Ndjson,
    Csv,
}

impl Data {
    pub fn asked(&self) -> Asked {
        let (What::Export(Export { records, .. }) | What::Import(Import { records, .. })) =
            &self.what;
        records.place.asked()
    }

    pub fn run(self) -> Done {
        let runtime = runtime()?;
        match self.what {
            What::Export(export) => runtime.block_on(export.run()),
            What::Import(import) => runtime.block_on(import.run()),
        }
    }
}

impl Records {
    fn format(&self, file: &Path) -> Result<Format, Trouble> {
        let said = self.format.map(|said| match said {
            As::Ndjson => Format::Ndjson,
            As::Csv => Format::Csv,
        });
        let is_stream = file == Path::new(STANDARD_INPUT);
        let known = said
            .or_else(|| Format::of(file))
            .or(is_stream.then_some(Format::Ndjson));
        known.ok_or_else(|| {
            Trouble::Usage(format!(
                "`{}` ends neither in .ndjson nor in .csv; say --format ndjson or --format csv",
                file.display()
            ))
        })
    }

    /// The contract at work on the data there is.
    async fn app(&self) -> Result<App, Trouble> {
        let model = Arc::new(model(&self.place.dir)?);
        let location = self.place.location()?;
        // To make tables, or to change those that are there, is the business of `migrate`.
        if !Database::exists(&location).await? {
            return Err(no_database(&location, &self.place.asked()));
        }
        let database = Database::connect_for_bulk(&location).await?;
        let config = self.place.config()?;
        let app = App::builder(&self.place.dir)
            .data(config.data.value)
            .master_key(config.master_key.value)
            .without_serving()
            .migrate(Migrate::Refuse);
        Ok(app.open_on(model, database).await?)
    }
}

impl Export {
    async fn run(self) -> Done {
        let format = self.records.format(&self.file)?;
        let app = self.records.app().await?;
        let engine = app.engine();
        let resource = data::resource(engine.model(), &self.resource);
        let resource = resource.map_err(|what| Trouble::Wrong(what, None))?;
        let progress = Progress::new(Unit::Records);
        let began = Instant::now();
        let exported = data::export(
            &engine,
            resource.id,
            format,
            &self.file,
            self.force,
            Arc::new(progress.clone()),
        )
        .await;
        progress.clear();
        let exported = exported.map_err(|error| {
            let help = match &error {
                data::ExportError::Exists(_) => Some("--force writes over it".to_owned()),
                data::ExportError::File(error) => Some(error.mend().to_owned()),
                data::ExportError::Trouble(_) => None,
            };
            Trouble::Wrong(error.to_string(), help)
        })?;
        let seconds = began.elapsed().as_secs_f64();
        let is_stream = self.file == Path::new(STANDARD_INPUT);
        let summary = json!({
            "ok": true,
            "resource": resource.plural,
            "records": exported.records,
            "bytes": exported.bytes,
            "seconds": rounded(seconds),
        });
        match (self.records.json, is_stream) {
            (true, false) => say(summary),
            (true, true) => tell(summary),
            (false, true) => {}
            (false, false) => say(format!(
                "{} {} to {}",
                styled(GOOD, "✓"),
                count_of(exported.records, &resource.plural),
                self.file.display()
            )),
        }
        Ok(())
    }
}

impl Import {
    async fn run(self) -> Done {
        let format = self.records.format(&self.file)?;
        let app = self.records.app().await?;
        let engine = app.engine();
        let resource = data::resource(engine.model(), &self.resource);
        let resource = resource.map_err(|what| Trouble::Wrong(what, None))?;
        let progress = Progress::new(Unit::Bytes);
        let wish = data::Import {
            resource: resource.id,
            file: self.file.clone(),
            format,
            resume: self.resume,
            restart: self.restart,
            dry_run: self.dry_run,
            keep_going: self.keep_going.unwrap_or(0),
            rejects: self.rejects.clone(),
        };
        let tell: Box<dyn FnMut(&Refused) + Send> = match self.records.json {
            true => Box::new(|_| {}),
            false => {
                let (progress, file) = (progress.clone(), self.file.clone());
                Box::new(move |refused| progress.above(|| tell_refused(&file, refused)))
            }
        };
        let began = Instant::now();
        let imported = data::import(&engine, &wish, &progress, tell).await;
        progress.clear();
        let imported = imported.map_err(|error| self.trouble(&error))?;
        if imported.written > 0 && !self.dry_run {
            let entry = Entry::new(now(), Action::DataImported, &audit::operator())
                .subject(&resource.plural)
                .detail("file", self.file.display().to_string())
                .detail("records", imported.written);
            let appended = app.audit().append(&entry).await;
            appended.map_err(frontdesk::Error::Audit)?;
        }
        let ok = imported.complete && imported.refusals.is_empty();
        if self.records.json {
            say(json!({
                "ok": ok,
                "complete": imported.complete,
                "dry_run": self.dry_run,
                "resource": resource.plural,
                "written": imported.written,
                "refused": imported.refused,
                "waiting": imported.waiting,
                "resumed_after_line": imported.resumed_after,
                "lines": imported.lines,
                "bytes": imported.bytes,
                "seconds": rounded(began.elapsed().as_secs_f64()),
                "faults": faults_json(&imported.refusals),
            }));
        } else {
            self.tell_summary(&imported, &resource.plural);
        }
        match ok {
            true => Ok(()),
            false => Err(Trouble::Told),
        }
    }

    fn tell_summary(&self, imported: &data::Imported, path: &str) {
        let records = count_of(imported.written, path);
        let mut parts = vec![match self.dry_run {
            true => format!("{records} could be imported, none was"),
            false => format!("{records} imported"),
        }];
        if imported.waiting > 0 {
            let waiting = imported.waiting;
            parts.push(match self.dry_run {
                true => format!("{waiting} refer to others of the file, which is not tried"),
                false => format!("{waiting} wait for records they refer to"),
            });
        }
        if imported.refused > 0 {
            let mut refused = format!("{} refused", imported.refused);
            if let Some(rejects) = &self.rejects {
                refused.push_str(&format!(": they are in {}", rejects.display()));
            }
            parts.push(refused);
        }
        let mark = match imported.complete && imported.refusals.is_empty() {
            true => styled(GOOD, "✓"),
            false => styled(BAD, "✗"),
        };
        say(format!("{mark} {}", parts.join(", ")));
        if !imported.complete {
            let help = match self.dry_run {
                true => "`--keep-going N` shows more at once".to_owned(),
                false if imported.waiting > 0 => {
                    "add what is missing at the end of the file and go \
                     on with `--resume`, or pass over what is refused with `--resume --keep-going N`"
                        .to_owned()
                }
                false => {
                    let what = match imported.lines {
                        0 => "nothing is imported".to_owned(),
                        lines => format!("what comes after line {lines} is not imported"),
                    };
                    format!(
                        "{what}: mend it and go on with `--resume`, or pass over what is refused \
                         with `--resume --keep-going N`"
                    )
                }
            };
            tell(format!("  {}: {help}", styled(LINK, "help")));
        }
    }

    fn trouble(&self, error: &ImportError) -> Trouble {
        let help = match error {
            ImportError::File(error) => Some(error.mend().to_owned()),
            ImportError::Unfinished { .. } => Some(
                "go on with `--resume`; or begin again with `--restart`, after deleting what is in"
                    .to_owned(),
            ),
            ImportError::AnotherFile { .. } => Some(
                "what lies before the place it stopped at must be as it was; `--restart` begins \
                 again"
                    .to_owned(),
            ),
            ImportError::Trouble(_) | ImportError::Store(_) => {
                Some("`--resume` goes on where it stopped".to_owned())
            }
            ImportError::Header(_) => Some(
                "the first row names the columns: fields, as `data export --format csv` writes them"
                    .to_owned(),
            ),
            _ => None,
        };
        let what = match error {
            ImportError::Header(_) => format!("{}:1: {error}", self.file.display()),
            _ => error.to_string(),
        };
        Trouble::Wrong(what, help)
    }
}

/// A refused record with everything that is wrong with it.
fn tell_refused(file: &Path, refused: &Refused) {
    for fault in refused.faults() {
        let place = match fault.pointer {
            "" => String::new(),
            pointer => format!(" at {pointer}"),
        };
        tell(format!(
            "{}: {}\n  {} {}:{}{place}",
            styled(BAD, format!("error[{}]", fault.code)),
            fault.detail,
            styled(LINK, "-->"),
            file.display(),
            refused.line,
        ));
    }
    tell(format!(
        "   {} {}",
        styled(LINK, "|"),
        styled(QUIET, &refused.shown)
    ));
}

fn faults_json(refusals: &[Refused]) -> Json {
    let faults = refusals.iter().flat_map(|refused| {
        refused.faults().into_iter().map(|fault| {
            json!({
                "line": refused.line,
                "pointer": fault.pointer,
                "code": fault.code,
                "detail": fault.detail,
            })
        })
    });
    faults.collect()
}

/// `1 record of books`, `3 records of books`.
fn count_of(records: u64, path: &str) -> String {
    let records = usize::try_from(records).unwrap_or(usize::MAX);
    format!("{} of {path}", count(records, "record"))
}

pub fn rounded(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}
