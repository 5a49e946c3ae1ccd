//! `fmt`: one orderly form for every contract file.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use frontdesk::{Error, FileError, Project, contract, diag};

use super::asked::Asked;
use super::{Done, Trouble};
use crate::config::Storage;
use crate::terminal::{GOOD, is_colourful, say, styled, tell, tell_error};

const EXAMPLE: &str = "\
Example:
  frontdesk fmt
  frontdesk fmt --check           in continuous integration: changes nothing";

/// Bring a contract's files into one orderly form; comments stay
#[derive(Args, Debug)]
#[command(after_help = EXAMPLE)]
pub struct Fmt {
    /// The contract's folder
    #[arg(default_value = ".")]
    dir: PathBuf,

    /// Only say which files would change
    #[arg(long)]
    check: bool,
}

impl Fmt {
    pub fn run(self) -> Done {
        let compiled = Project::open(&self.dir)?.compile()?;
        let is_text = |found: &diag::Diagnostic| found.code != contract::yaml::codes::NOT_UTF8;
        if !compiled.diagnostics.iter().all(is_text) {
            // Only a part of it has been read: nothing to write back.
            return Err(Error::Contract(Box::new(compiled)).into());
        }
        let mut failed = false;
        for (id, path, text) in compiled.sources.files() {
            let formatted = match contract::fmt::format_file(id, text) {
                Ok(formatted) => formatted,
                Err(found) => {
                    failed = true;
                    tell(diag::render::text(
                        &compiled.sources,
                        &found,
                        is_colourful(),
                    ));
                    continue;
                }
            };
            if formatted == text {
                continue;
            }
            if self.check {
                failed = true;
                tell_error(
                    format!("`{path}` is not formatted"),
                    Some(&format!(
                        "run `{}`",
                        Asked::about(&self.dir, &Storage::default()).command("fmt")
                    )),
                );
            } else {
                let written = fs::write(path, formatted);
                written.map_err(|error| FileError::writing(Path::new(path), error))?;
                say(format!("{} {path}", styled(GOOD, "formatted")));
            }
        }
        if failed { Err(Trouble::Told) } else { Ok(()) }
    }
}
