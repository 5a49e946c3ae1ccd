//! `check`: every mistake of a contract at once, and who can do what.

use std::path::PathBuf;

use clap::Args;
use frontdesk::{Project, contract, diag};
use serde_json::json;

use super::{Done, Trouble, tell_diagnostics};
use crate::terminal::{CAREFUL, GOOD, STRONG, count, say, styled, tell, tell_error};

const EXAMPLE: &str = "\
Example:
  frontdesk check examples/bookstore
  frontdesk check --github        in a workflow: marks the lines of a pull request";

/// Find every mistake in a contract, and show who can do what
#[derive(Args, Debug)]
#[command(after_help = EXAMPLE)]
pub struct Check {
    /// The contract's folder
    #[arg(default_value = ".")]
    dir: PathBuf,

    /// As JSON on the standard output
    #[arg(long, conflicts_with = "github")]
    json: bool,

    /// As annotations for GitHub Actions
    #[arg(long)]
    github: bool,
}

impl Check {
    pub fn run(self) -> Done {
        let compiled = match Project::open(&self.dir).and_then(|project| project.compile()) {
            Ok(compiled) => compiled,
            Err(error) if self.json => {
                say(json!({
                    "ok": false,
                    "errors": 1,
                    "warnings": 0,
                    "diagnostics": [],
                    "access": null,
                    "error": error.to_string(),
                }));
                return Err(Trouble::Told);
            }
            Err(error) => return Err(error.into()),
        };
        let failed = compiled.diagnostics.has_errors() || compiled.model.is_none();
        let who = compiled.model.as_ref().map(contract::who::who);
        if self.json {
            let found = diag::render::json(&compiled.sources, &compiled.diagnostics);
            say(json!({
                "ok": !failed,
                "errors": compiled.error_count(),
                "warnings": compiled.warning_count(),
                "diagnostics": found,
                "access": who.as_ref().map(super::explain::who_json),
            }));
        } else if self.github {
            let found = diag::render::github(&compiled.sources, &compiled.diagnostics);
            if !found.is_empty() {
                say(found.trim_end());
            }
        } else {
            tell_diagnostics(&compiled);
            if let (false, Some(model), Some(who)) = (failed, &compiled.model, &who) {
                let warnings = match compiled.warning_count() {
                    0 => String::new(),
                    many => format!(", {}", styled(CAREFUL, count(many, "warning"))),
                };
                say(format!(
                    "{} {}: {}{warnings}\n\n{}\n{}",
                    styled(GOOD, "✓"),
                    model.title,
                    count(model.resources.len(), "resource"),
                    styled(STRONG, "Who can do what"),
                    who.to_text().trim_end(),
                ));
            }
        }
        if failed {
            if !self.json && !self.github {
                tell_error(count(compiled.error_count(), "mistake"), None);
                if let Some(first) = compiled.diagnostics.iter().next() {
                    tell(format!(
                        "  `frontdesk explain {}` says more about the first",
                        first.code
                    ));
                }
            }
            return Err(Trouble::Told);
        }
        Ok(())
    }
}
