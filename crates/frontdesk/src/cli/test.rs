//! `test`: runs the contract's own access tests.

use std::path::PathBuf;

use clap::Args;
use frontdesk::access_tests::{self, Tested};
use frontdesk::{Error, Project, diag};
use serde_json::json;

use super::{Done, Trouble, runtime};
use crate::terminal::{BAD, GOOD, QUIET, count, say, styled};

const EXAMPLE: &str = "\
Example:
  frontdesk test examples/bookstore

A test in a contract, beside `access`:
  tests:
    - name: a review is changed by nobody else
      as: {user: {id: bob}}
      action: update
      record: {reviewer: ann, stars: 3}
      expect: refused by mine";

/// Run the contract's access tests (`tests:`) in a database of their own
#[derive(Args, Debug)]
#[command(after_help = EXAMPLE)]
pub struct Test {
    /// The contract's folder
    #[arg(default_value = ".")]
    dir: PathBuf,

    /// As JSON on the standard output
    #[arg(long)]
    json: bool,
}

impl Test {
    fn tested(&self) -> Result<Vec<Tested>, Trouble> {
        let project = Project::open(&self.dir)?;
        Ok(runtime()?.block_on(access_tests::run(&project))?)
    }

    pub fn run(self) -> Done {
        let tested = match self.tested() {
            Err(Trouble::Error(error)) if self.json => {
                let found = match &*error {
                    Error::Contract(compiled) => {
                        diag::render::json(&compiled.sources, &compiled.diagnostics)
                    }
                    _ => json!([]),
                };
                say(json!({
                    "ok": false,
                    "tests": [],
                    "error": error.to_string(),
                    "diagnostics": found,
                }));
                return Err(Trouble::Told);
            }
            tested => tested?,
        };
        let failed = tested.iter().filter(|test| test.failed.is_some()).count();
        if self.json {
            let tests: Vec<_> = tested
                .iter()
                .map(|test| {
                    json!({
                        "name": test.name,
                        "file": test.file,
                        "line": test.line,
                        "ok": test.failed.is_none(),
                        "failure": test.failed.as_ref().map(|wrong| &wrong.what),
                        "why": test.failed.as_ref().and_then(|wrong| wrong.why.as_ref()),
                    })
                })
                .collect();
            say(json!({"ok": failed == 0, "tests": tests}));
        } else {
            for test in &tested {
                let Some(wrong) = &test.failed else {
                    say(format!("{} {}", styled(GOOD, "✓"), test.name));
                    continue;
                };
                let place = format!("{}:{}", test.file, test.line);
                say(format!(
                    "{} {}  {}",
                    styled(BAD, "✗"),
                    test.name,
                    styled(QUIET, place)
                ));
                say(format!("    {}", wrong.what));
                for line in wrong.why.iter().flat_map(|why| why.lines()) {
                    say(format!("      {}", styled(QUIET, line)));
                }
            }
            match (tested.len(), failed) {
                (0, _) => say("The contract has no tests. `frontdesk test --help` shows one."),
                (all, 0) => say(format!("\n{}, all well", count(all, "test"))),
                (all, failed) => say(format!("\n{}, {failed} failed", count(all, "test"))),
            }
        }
        if failed > 0 {
            Err(Trouble::Told)
        } else {
            Ok(())
        }
    }
}
