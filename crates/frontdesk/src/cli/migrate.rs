//! `migrate`: what has to be done to the tables, and doing it.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use frontdesk::audit::{Action, Entry};
use frontdesk::store::migrate::{ApplyError, Refusal, Risk};
use frontdesk::{Database, Error, Pending, now};
use serde_json::{Value as Json, json};

use super::asked::Asked;
use super::place::Place;
use super::{Done, Trouble, audit, model, runtime};
use crate::config::Storage;
use crate::terminal::{BAD, CAREFUL, GOOD, QUIET, count, say, styled};

const EXAMPLE: &str = "\
Example:
  frontdesk migrate plan
  frontdesk migrate apply --allow-data-loss";

/// Bring the tables to the contract
#[derive(Args, Debug)]
#[command(after_help = EXAMPLE)]
pub struct Migrate {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand, Debug)]
enum What {
    /// Show the SQL, the rows it touches, and whether it locks or loses anything
    Plan {
        #[command(flatten)]
        target: Target,
    },
    /// Do it, in one transaction
    Apply {
        #[command(flatten)]
        target: Target,
        /// Also do what loses data
        #[arg(long)]
        allow_data_loss: bool,
    },
}

#[derive(Args, Debug)]
struct Target {
    /// The contract's folder
    #[arg(default_value = ".")]
    dir: PathBuf,

    #[command(flatten)]
    storage: Storage,

    /// As JSON on the standard output
    #[arg(long)]
    json: bool,
}

impl Migrate {
    pub fn asked(&self) -> Asked {
        let (What::Plan { target } | What::Apply { target, .. }) = &self.what;
        Asked::about(&target.dir, &target.storage)
    }

    pub fn run(self) -> Done {
        let command = self.asked().command_on_data("migrate apply");
        let (target, apply) = match self.what {
            What::Plan { target } => (target, None),
            What::Apply {
                target,
                allow_data_loss,
            } => (target, Some(allow_data_loss)),
        };
        let model = model(&target.dir)?;
        let place = Place {
            dir: target.dir,
            storage: target.storage,
        };
        let location = place.location()?;
        runtime()?.block_on(async {
            let database = Database::connect(&location).await?;
            let pending = match database.pending(&model).await {
                Err(Error::Refused(refusals)) if target.json => {
                    say(json!({"ok": false, "steps": [], "refusals": refusals_json(&refusals)}));
                    return Err(Trouble::Told);
                }
                pending => pending?,
            };
            let Some(pending) = pending else {
                match target.json {
                    true => say(json!({"ok": true, "steps": [], "refusals": []})),
                    false => say(format!("{} the tables fit the contract", styled(GOOD, "✓"))),
                }
                return Ok(());
            };
            let refused = !pending.refusals.is_empty();
            let loses = !pending.loses_nothing() && apply == Some(false);
            let ok = !refused && !loses;
            let mut shown = to_json(&pending);
            shown["ok"] = json!(ok);
            match target.json {
                // Whether it goes well is not known yet.
                true if ok && apply.is_some() => {}
                true => say(&shown),
                false => say(to_text(&pending)),
            }
            if refused {
                return match target.json {
                    true => Err(Trouble::Told),
                    false => Err(Error::Refused(pending.refusals).into()),
                };
            }
            match apply {
                None if target.json => {}
                None => {
                    let flag = if pending.loses_nothing() {
                        ""
                    } else {
                        " --allow-data-loss"
                    };
                    say(format!("\n`{command}{flag}` does it"));
                }
                Some(allow_data_loss) => {
                    let done = database.apply(&pending, allow_data_loss).await;
                    match done {
                        // What cannot be done without losing something is told above.
                        Err(Error::Migration(ApplyError::Loses(_))) if target.json => {
                            return Err(Trouble::Told);
                        }
                        done => done?,
                    }
                    let lost = pending.losing().map(|step| step.what.clone());
                    let lost: Vec<String> = lost.collect();
                    if !lost.is_empty() {
                        let operator = audit::operator();
                        let entry = Entry::new(now(), Action::MigrationApplied, &operator)
                            .detail("lost", lost);
                        let audit = audit::open(&place, &database).await?;
                        audit::append(&audit, &entry).await?;
                    }
                    match target.json {
                        true => say(&shown),
                        false => say(format!("\n{} done", styled(GOOD, "✓"))),
                    }
                }
            }
            Ok(())
        })
    }
}

/// The plan for a person: each step, its risk, its SQL.
pub fn to_text(pending: &Pending) -> String {
    let mut lines = vec![count(pending.plan.steps.len(), "step")];
    let steps = &pending.plan.steps;
    let narrows = steps.iter().any(|step| step.risk == Risk::Narrows);
    let width = if narrows { "narrows" } else { "locks" }.len();
    for (step, touched) in pending.plan.steps.iter().zip(&pending.touched_rows) {
        let risk = pending.risk(step, *touched);
        let style = match risk {
            Risk::Safe => GOOD,
            Risk::Narrows | Risk::Locks => CAREFUL,
            Risk::Loses => BAD,
        };
        let risk = styled(style, format!("{:width$}", name(risk)));
        let touched = match touched {
            Some(rows) => format!("  ({rows} rows)"),
            None => String::new(),
        };
        lines.push(format!("  {risk}  {}{}", step.what, styled(QUIET, touched)));
        for line in step.sql.iter().flat_map(|sql| sql.lines()) {
            lines.push(format!("           {}", styled(QUIET, line)));
        }
        // Nobody waits for tables that are not there yet.
        if !pending.is_new {
            let locks = pending.plan.locks(step);
            let locks = locks
                .iter()
                .map(|lock| format!("           {lock} until all is done"));
            lines.extend(locks);
        }
    }
    lines.join("\n")
}

fn name(risk: Risk) -> &'static str {
    match risk {
        Risk::Safe => "safe",
        Risk::Narrows => "narrows",
        Risk::Locks => "locks",
        Risk::Loses => "loses",
    }
}

fn to_json(pending: &Pending) -> Json {
    let locks = |step| -> Vec<String> {
        let locks = pending.plan.locks(step);
        locks.iter().map(ToString::to_string).collect()
    };
    let steps: Vec<Json> = pending
        .plan
        .steps
        .iter()
        .zip(&pending.touched_rows)
        .map(|(step, rows)| {
            json!({
                "what": step.what,
                "risk": name(pending.risk(step, *rows)),
                "rows": rows,
                "sql": step.sql,
                "locks": locks(step),
            })
        })
        .collect();
    json!({"ok": true, "steps": steps, "refusals": refusals_json(&pending.refusals)})
}

fn refusals_json(refusals: &[Refusal]) -> Json {
    let refusals = refusals.iter().map(
        |refusal| json!({"resource": refusal.resource, "what": refusal.what, "mend": refusal.mend}),
    );
    refusals.collect()
}
