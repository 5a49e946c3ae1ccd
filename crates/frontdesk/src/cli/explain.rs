//! `explain`: who can do what, why somebody may not, what SQL asks it, and what a diagnostic
//! means.

use std::path::PathBuf;
use std::{env, io};

use clap::Args;
use frontdesk::call::{Caller, CallerKind, RecordKey, Scopes};
use frontdesk::contract::{self, who::Who};
use frontdesk::decision::{self, Decision, Verdict};
use frontdesk::model::{Action, Audience, Model, Resource};
use frontdesk::{Database, FILE, FileError, Location};
use serde_json::{Value as Json, json};

use super::{Done, Trouble, claims, location, model, runtime};
use crate::config::Storage;
use crate::terminal::{BAD, CAREFUL, GOOD, QUIET, STRONG, say, styled};

const EXAMPLE: &str = "\
Example:
  frontdesk explain                                    who can do what
  frontdesk explain Review update --as user=ann        the rule, its SQL, what is decided
  frontdesk explain Review update --as user=ann --record review_01h455vb4pex5vsknk084sn02q
  frontdesk explain E0312                              what a diagnostic means";

/// Show who can do what, and why somebody may not
#[derive(Args, Debug)]
#[command(after_help = EXAMPLE)]
pub struct Explain {
    /// Nothing for the whole table, RESOURCE, RESOURCE ACTION, or a code such as E0312; a
    /// contract's folder may stand in front
    #[arg(value_name = "WHAT", num_args = 0..=3)]
    words: Vec<String>,

    /// The caller: `guest`, `admin`, or `user=ID,CLAIM=VALUE,…`
    #[arg(long = "as", value_name = "CALLER", default_value = "guest", value_parser = caller)]
    caller: Caller,

    /// The record it is about, by its id, or by what stands in its path: `octo/hello/7`
    #[arg(long, value_name = "ID")]
    record: Option<String>,

    /// The contract's folder
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,

    #[command(flatten)]
    storage: Storage,

    /// As JSON on the standard output
    #[arg(long)]
    json: bool,
}

impl Explain {
    pub fn run(self) -> Done {
        let mut words = self.words.as_slice();
        if let [code] = words
            && is_code(code)
        {
            return explain_code(code, self.json);
        }
        let mut dir = self.dir.clone().unwrap_or_else(|| PathBuf::from("."));
        if self.dir.is_none()
            && let [first, rest @ ..] = words
        {
            let path = PathBuf::from(first);
            if path.join(FILE).exists() || first.contains(['/', '\\']) || words.len() == 3 {
                dir = path;
                words = rest;
            }
        }
        let model = model(&dir)?;
        match words {
            [] => table(&model, None, self.json),
            [resource] => table(&model, Some(find(&model, resource)?), self.json),
            [resource, action] => {
                let resource = find(&model, resource)?;
                let action = find_action(action)?;
                let location = location(&dir, self.storage)?;
                let mut caller = self.caller;
                if matches!(caller.kind, CallerKind::Key { .. }) {
                    // It is the rules that are asked about.
                    caller.scopes = Scopes::All;
                    claims::check(&model, caller.user_id.as_deref(), &caller.claims)?;
                }
                let record = self.record.as_deref();
                let ask = Ask {
                    model: &model,
                    resource,
                    action,
                    caller: &caller,
                };
                let decision = runtime()?.block_on(ask.decide(record, &location))?;
                match self.json {
                    true => say(ask.to_json(&decision)),
                    false => say(ask.to_text(&decision)),
                }
                Ok(())
            }
            _ => Err(Trouble::Usage(
                "`frontdesk explain --help` shows how to ask".to_owned(),
            )),
        }
    }
}

fn is_code(word: &str) -> bool {
    let digits = word.strip_prefix(['E', 'e', 'W', 'w']);
    digits
        .is_some_and(|digits| digits.len() == 4 && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

fn explain_code(code: &str, as_json: bool) -> Done {
    let Some(known) = contract::codes::explain(code) else {
        let what = format!("no diagnostic has the code `{code}`");
        return Err(Trouble::Wrong(what, None));
    };
    if as_json {
        say(json!({"code": known.code, "title": known.title, "text": known.text}));
    } else {
        say(format!(
            "{}  {}\n\n{}",
            styled(STRONG, known.code),
            known.title,
            wrapped(known.text)
        ));
    }
    Ok(())
}

/// Broken into lines that are good to read.
fn wrapped(text: &str) -> String {
    const WIDTH: usize = 88;
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last_mut().expect("there is one from the start");
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > WIDTH {
            lines.push(word.to_owned());
        } else {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines.join("\n")
}

fn table(model: &Model, only: Option<&Resource>, as_json: bool) -> Done {
    let mut who = contract::who::who(model);
    if let Some(only) = only {
        who.resources
            .retain(|resource| resource.resource == only.name);
    }
    match as_json {
        true => say(who_json(&who)),
        false => say(who.to_text().trim_end()),
    }
    Ok(())
}

/// The table as data.
pub fn who_json(who: &Who) -> Json {
    let resources = who.resources.iter().map(|resource| {
        let opened = resource.opened.iter().flat_map(|opened| {
            opened
                .actions
                .iter()
                .map(|action| (action.name().to_owned(), json!(opened.rule)))
        });
        let fields = resource.fields.iter().map(|field| {
            (
                field.field.clone(),
                json!({"read": field.read, "write": field.write}),
            )
        });
        let actions: serde_json::Map<String, Json> = opened.collect();
        let fields: serde_json::Map<String, Json> = fields.collect();
        json!({"resource": resource.resource, "actions": actions, "fields": fields})
    });
    resources.collect()
}

/// `Book`, `book` or `books`.
fn find<'m>(model: &'m Model, name: &str) -> Result<&'m Resource, Trouble> {
    let is = |resource: &&Resource| {
        resource.name.eq_ignore_ascii_case(name)
            || resource.plural == name
            || resource.snake == name
    };
    model.resources.iter().find(is).ok_or_else(|| {
        let names = || {
            model
                .resources
                .iter()
                .map(|resource| resource.name.as_str())
        };
        let help = match frontdesk::diag::suggest::nearest(name, names()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("there are {}", names().collect::<Vec<_>>().join(", ")),
        };
        Trouble::Wrong(format!("the contract has no resource `{name}`"), Some(help))
    })
}

fn find_action(name: &str) -> Result<Action, Trouble> {
    Action::ALL
        .into_iter()
        .find(|action| action.name() == name)
        .ok_or_else(|| {
            let names = Action::ALL.map(Action::name);
            Trouble::Usage(format!(
                "`{name}` is no action; they are {}",
                names.join(", ")
            ))
        })
}

fn caller(text: &str) -> Result<Caller, String> {
    match text {
        "guest" => {
            return Ok(Caller {
                audience: Audience::Private,
                ..Caller::guest()
            });
        }
        "admin" => {
            return Ok(Caller::operator("explain"));
        }
        _ => {}
    }
    let mut caller = Caller {
        kind: CallerKind::Key {
            id: "explain".to_owned(),
        },
        audience: Audience::Private,
        ..Caller::guest()
    };
    for part in text.split(',') {
        let Some((name, value)) = part.split_once('=') else {
            return Err("a caller is `guest`, `admin` or `user=ID,CLAIM=VALUE,…`".to_owned());
        };
        match name.trim() {
            "user" | "id" => caller.user_id = Some(value.to_owned()),
            name => caller.claims.push((name.to_owned(), value.to_owned())),
        }
    }
    Ok(caller)
}

struct Ask<'a> {
    model: &'a Model,
    resource: &'a Resource,
    action: Action,
    caller: &'a Caller,
}

impl Ask<'_> {
    async fn decide(&self, record: Option<&str>, location: &Location) -> Result<Decision, Trouble> {
        let folder;
        let there = Database::exists(location).await?;
        let database = match (record, there, location) {
            (_, true, _) | (None, false, Location::Server(_)) => {
                Database::connect(location).await?
            }
            (Some(_), false, _) => {
                let what = match location {
                    Location::Folder(data) => format!(
                        "there is no database in `{}` to find the record in",
                        data.display()
                    ),
                    Location::Server(target) => {
                        format!("there are no tables in `{target}` to find the record in")
                    }
                };
                return Err(Trouble::Wrong(what, None));
            }
            (None, false, Location::Folder(_)) => {
                // Only to know which SQL is spoken.
                folder = tempfile::tempdir().map_err(no_temporary_folder)?;
                Database::open(folder.path())?
            }
        };
        let driver = &**database.driver();
        let row = match record {
            None => None,
            Some(text) => Some(self.row(driver, text).await?),
        };
        decision::decide(
            self.model,
            driver,
            self.resource,
            self.action,
            self.caller,
            row.as_deref(),
        )
        .map_err(|error| Trouble::Wrong(format!("the rule has no SQL: {}", error.what), None))
    }

    async fn row(
        &self,
        driver: &dyn frontdesk::store::Driver,
        text: &str,
    ) -> Result<Vec<frontdesk::value::Value>, Trouble> {
        let key = match self.resource.id_type.parse(text) {
            Ok(_) => RecordKey::Id(text.to_owned()),
            Err(_) if self.resource.has_own_path() => {
                RecordKey::Natural(text.split('/').map(str::to_owned).collect())
            }
            Err(error) => return Err(Trouble::Wrong(error.to_string(), None)),
        };
        let row = decision::row_of(self.model, driver, self.resource.id, self.action, &key).await;
        let row = row.map_err(|error| Trouble::Wrong(error.to_string(), None))?;
        let none = || format!("there is no {} `{text}`", self.resource.name);
        row.ok_or_else(|| Trouble::Wrong(none(), None))
    }

    /// What comes of it, in a few words.
    fn outcome(&self, decision: &Decision) -> (&'static str, String) {
        let rule = decision.rule.as_deref().unwrap_or("nobody");
        let hidden = |why: &Option<_>| {
            why.as_ref()
                .is_some_and(|why: &frontdesk::expr::explain::Why| why.held == Ok(false))
        };
        let is_read = self.action.is_read();
        match decision.verdict {
            Verdict::Operator => (
                "allowed",
                "an administrator's key opens everything".to_owned(),
            ),
            Verdict::Open => ("allowed", format!("`{rule}` holds whatever the record")),
            _ if hidden(&decision.seen) => (
                "hidden",
                "the record cannot be seen by this caller: 404".to_owned(),
            ),
            Verdict::Closed if is_read && decision.rule.is_some() && !self.caller.is_guest() => (
                "hidden",
                format!("`{rule}` holds for no record: lists are empty, records 404"),
            ),
            Verdict::Closed if self.caller.is_guest() => (
                "refused",
                format!("`{rule}` needs somebody who is known: 401"),
            ),
            Verdict::Closed => ("refused", format!("`{rule}` does not hold: 403")),
            Verdict::Rows => match decision.why.as_ref().map(|why| why.held.clone()) {
                Some(Ok(true)) => ("allowed", format!("`{rule}` holds for this record")),
                Some(_) if is_read => (
                    "hidden",
                    format!("`{rule}` does not hold for this record: 404"),
                ),
                Some(_) => (
                    "refused",
                    format!("`{rule}` does not hold for this record: 403"),
                ),
                None => ("depends", format!("on the record: `{rule}`")),
            },
        }
    }

    fn to_text(&self, decision: &Decision) -> String {
        let (word, reason) = self.outcome(decision);
        let style = match word {
            "allowed" => GOOD,
            "depends" => CAREFUL,
            _ => BAD,
        };
        let rule = decision
            .rule
            .as_deref()
            .unwrap_or("nobody (no access is declared)");
        let title = format!("{} · {}", self.resource.name, self.action.name());
        let mut lines = vec![
            styled(STRONG, title),
            format!("  caller  {}", decision::describe(self.caller)),
            format!("  rule    {rule}"),
        ];
        for (name, body) in &decision.named {
            lines.push(format!(
                "          {}",
                styled(QUIET, format!("{name}: {body}"))
            ));
        }
        lines.push(format!("  scope   {}", decision.scope));
        lines.push(format!("  answer  {}: {reason}", styled(style, word)));
        for (title, why) in [("rule", &decision.why), ("read", &decision.seen)] {
            if let Some(why) = why {
                lines.push(String::new());
                for (at, line) in why.to_string().lines().enumerate() {
                    lines.push(format!("  {:<6}  {line}", if at == 0 { title } else { "" }));
                }
            }
        }
        lines.push(String::new());
        match &decision.sql {
            Some(sql) => lines.push(format!("  sql     {}", styled(QUIET, sql))),
            None => lines.push(format!(
                "  sql     {}",
                styled(QUIET, "none: decided without the database")
            )),
        }
        lines.join("\n")
    }

    fn to_json(&self, decision: &Decision) -> Json {
        let (word, reason) = self.outcome(decision);
        json!({
            "resource": self.resource.name,
            "action": self.action.name(),
            "caller": decision::describe(self.caller),
            "rule": decision.rule,
            "rules": decision.named.iter().cloned().collect::<std::collections::BTreeMap<_, _>>(),
            "scope": decision.scope,
            "answer": word,
            "reason": reason,
            "why": decision.why.as_ref().map(ToString::to_string),
            "sql": decision.sql,
        })
    }
}

/// The system was asked for one, and named none.
fn no_temporary_folder(error: io::Error) -> Trouble {
    let error = FileError::making_folder(&env::temp_dir().join("frontdesk"), error);
    let help = format!("{}: `TMPDIR` says where", error.mend());
    Trouble::Wrong(error.to_string(), Some(help))
}
