//! Data in and out: the records of a resource as NDJSON or CSV, to files and from them.
//!
//! ```text
//!  export: engine ─► write ─► a file
//!  import: a file ─► records ─► parse ─► engine::prepare ─► intake ─► engine::import
//!                                                             └─ ledger: how far it has come
//! ```
//!
//! What is exported holds everything that is stored, and imported it is what it was. Seeds take
//! the same way in ([`crate::seed`]).

mod export;
mod import;
mod intake;
mod ledger;
mod parse;
mod records;
mod refusals;
mod write;

use std::path::Path;

use model::{Model, Resource};

pub use export::{ExportError, Exported, export};
pub use import::{Import, ImportError, Imported, STANDARD_INPUT, import};
pub use refusals::{Fault, Refused};

pub(crate) use intake::{Intake, Refusals, Stop};
pub(crate) use ledger::State;
pub(crate) use parse::not_json;

/// How records are written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One JSON object per line.
    Ndjson,
    /// RFC 4180, with a row of names first.
    Csv,
}

impl Format {
    /// What a file's name says, if it says something.
    pub fn of(path: &Path) -> Option<Format> {
        let extension = path.extension()?.to_string_lossy().to_ascii_lowercase();
        match extension.as_str() {
            "ndjson" | "jsonl" => Some(Format::Ndjson),
            "csv" => Some(Format::Csv),
            _ => None,
        }
    }
}

/// Is told how it goes.
pub trait Watch: Send + Sync {
    /// So much is done of so much in all, where that is known: bytes of an import, records of an
    /// export.
    fn at(&self, done: u64, of: Option<u64>, records: u64);
}

/// The resource that somebody calls by its path or its name.
///
/// # Errors
/// Which there are, in words.
pub fn resource<'m>(model: &'m Model, called: &str) -> Result<&'m Resource, String> {
    let is_it = |resource: &&Resource| resource.plural == called || resource.name == called;
    if let Some(found) = model.resources.iter().find(is_it) {
        return Ok(found);
    }
    let paths = || {
        model
            .resources
            .iter()
            .map(|resource| resource.plural.as_str())
    };
    Err(match diag::suggest::nearest(called, paths()) {
        Some(near) => format!("there is no resource `{called}`; did you mean `{near}`?"),
        None => format!(
            "there is no resource `{called}`; there are {}",
            paths().collect::<Vec<_>>().join(", ")
        ),
    })
}
