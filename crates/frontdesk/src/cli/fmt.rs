//! `fmt`: one orderly form for every contract file.

use std::fs;
use std::path::PathBuf;

use clap::Args;
use frontdesk::{Project, contract, diag};

use super::{Done, Trouble};
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
                    format!("`{path}` is not in order"),
                    Some("run `frontdesk fmt`"),
                );
            } else {
                fs::write(path, formatted)
                    .map_err(|error| Trouble::Wrong(format!("`{path}`: {error}"), None))?;
                say(format!("{} {path}", styled(GOOD, "ordered")));
            }
        }
        if failed { Err(Trouble::Told) } else { Ok(()) }
    }
}
