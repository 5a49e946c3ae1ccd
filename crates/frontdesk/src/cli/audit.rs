//! `audit`: who did what, and whether that is still what was written down.

use std::env;
use std::io::{self, ErrorKind, Write};
use std::sync::Arc;

use clap::{Args, Subcommand};
use frontdesk::audit::{
    Action, Actor, Audit as Log, AuditError, Entry, Expected, Filter, Kept, LISTED_MAX, PruneError,
    Verdict,
};
use frontdesk::store::StoreError;
use frontdesk::value::{Date, Duration, Timestamp};
use frontdesk::{Database, Location, Missing, now};
use serde_json::json;

use super::asked::Asked;
use super::place::Place;
use super::{Done, Trouble, key, runtime};
use crate::terminal::{BAD, GOOD, QUIET, STRONG, say, styled, tell, tell_warning};

const EXAMPLE: &str = "\
Example:
  frontdesk audit list --since 24h --action sign_in_failed
  frontdesk audit export --since 2027-01-01 > audit.ndjson
  frontdesk audit verify --expect 42:m:…
  frontdesk audit prune --before 400d

Each entry is bound to all before it. `verify` tells the last one: note it where whoever can write
to the database cannot, and give it to `--expect` next time.";

/// Who did what: list, export, verify and prune the audit log
#[derive(Args, Debug)]
#[command(after_help = EXAMPLE)]
pub struct Audit {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand, Debug)]
enum What {
    /// Show the newest entries, newest first
    List {
        #[command(flatten)]
        which: Which,
        /// How many at most
        #[arg(long, value_name = "N", default_value_t = 50,
              value_parser = clap::value_parser!(u32).range(1..=i64::from(LISTED_MAX)))]
        limit: u32,
        #[command(flatten)]
        place: Place,
        /// As JSON on the standard output
        #[arg(long)]
        json: bool,
    },
    /// Write entries to the standard output, oldest first, each a line of JSON
    Export {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        place: Place,
    },
    /// Look whether anything was changed, removed or put in
    Verify {
        /// What an earlier `verify` told as the last entry, noted elsewhere; several times for several
        #[arg(long = "expect", value_name = "POSITION:HASH")]
        expected: Vec<Expected>,
        #[command(flatten)]
        place: Place,
        /// As JSON on the standard output
        #[arg(long)]
        json: bool,
    },
    /// Forget what is old; what stays can still be verified
    Prune {
        /// Everything before a time ago, such as 400d, or before a day, such as 2027-01-01
        #[arg(long, value_name = "WHEN", value_parser = when)]
        before: When,
        /// Also if the chain is broken
        #[arg(long)]
        unverified: bool,
        #[command(flatten)]
        place: Place,
        /// As JSON on the standard output
        #[arg(long)]
        json: bool,
    },
}

#[derive(Args, Debug)]
struct Which {
    /// From a time ago, such as 24h, or from a day, such as 2027-01-01, as it begins in UTC
    #[arg(long, value_name = "WHEN", value_parser = when)]
    since: Option<When>,

    /// What was done, such as sign_in_failed
    #[arg(long, value_name = "ACTION", value_parser = action)]
    action: Option<Action>,

    /// Who did it, as entries name them: account:…, key:…, operator:…
    #[arg(long, value_name = "ACTOR")]
    actor: Option<String>,

    /// Whom or what it was done to
    #[arg(long, value_name = "ID")]
    subject: Option<String>,
}

#[derive(Clone, Copy, Debug)]
enum When {
    Ago(Duration),
    At(Timestamp),
}

fn when(text: &str) -> Result<When, String> {
    if let Ok(time) = Duration::parse_short(text) {
        return Ok(When::Ago(time));
    }
    let at = Date::parse(text)
        .map(Date::midnight)
        .or_else(|_| Timestamp::parse(text));
    at.map(When::At)
        .map_err(|_| "a time ago such as 24h or 30d, or a day such as 2027-01-01".to_owned())
}

fn action(text: &str) -> Result<Action, String> {
    Action::named(text).ok_or_else(|| {
        let names = Action::ALL.iter().map(|action| action.name());
        match frontdesk::diag::suggest::nearest(text, names.clone()) {
            Some(near) => format!("did you mean {near}?"),
            None => format!("the actions are {}", names.collect::<Vec<_>>().join(", ")),
        }
    })
}

impl When {
    fn reckoned(self) -> Timestamp {
        match self {
            When::At(at) => at,
            When::Ago(time) => Timestamp(now().0.saturating_sub(time.0)),
        }
    }
}

impl Which {
    fn filter(self) -> Filter {
        Filter {
            since: self.since.map(When::reckoned),
            action: self.action.map(|action| action.name().to_owned()),
            actor: self.actor,
            subject: self.subject,
        }
    }
}

impl Audit {
    pub fn asked(&self) -> Asked {
        match &self.what {
            What::List { place, .. }
            | What::Export { place, .. }
            | What::Verify { place, .. }
            | What::Prune { place, .. } => place.asked(),
        }
    }

    pub fn run(self) -> Done {
        let runtime = runtime()?;
        match self.what {
            What::List {
                which,
                limit,
                place,
                json,
            } => runtime.block_on(list(which.filter(), limit, &place, json)),
            What::Export { which, place } => runtime.block_on(export(which.filter(), &place)),
            What::Verify {
                expected,
                place,
                json,
            } => runtime.block_on(verify(&expected, &place, json)),
            What::Prune {
                before,
                unverified,
                place,
                json,
            } => runtime.block_on(prune(before.reckoned(), unverified, &place, json)),
        }
    }
}

/// Whoever runs commands here.
pub(super) fn operator() -> Actor {
    let name = ["USER", "LOGNAME"].into_iter().find_map(|variable| {
        let name = env::var(variable).ok();
        name.filter(|name| !name.is_empty())
    });
    Actor::Operator(name.unwrap_or_else(|| "unknown".to_owned()))
}

/// The audit log of a database, whose master key is found but not made.
pub(super) async fn open(place: &Place, database: &Database) -> Result<Log, Trouble> {
    let config = place.config()?;
    let vault = config
        .master_key
        .value
        .vault(&config.data.value, Missing::Fine);
    let vault = vault.map_err(frontdesk::Error::MasterKey)?;
    let driver = Arc::clone(database.driver());
    let log = Log::open(driver, vault.as_ref(), now()).await;
    Ok(log.map_err(|error| told(database, error))?)
}

/// Writes an entry down.
pub(super) async fn append(log: &Log, entry: &Entry) -> Done {
    Ok(log.append(entry).await.map_err(frontdesk::Error::Audit)?)
}

/// Writes an entry down in a database that may be of an older release or sealed with a key that
/// is elsewhere: what was done is done, so that is only told.
pub(super) async fn note(place: &Place, location: &Location, entry: &Entry) -> Done {
    let noted = async {
        let database = Database::connect(location).await?;
        if database.is_of_older_release().await? {
            return Ok(());
        }
        let log = open(place, &database).await?;
        append(&log, entry).await
    };
    match noted.await {
        Err(Trouble::Error(error)) => {
            tell_warning(format!("it is not in the audit log: {error}"));
            Ok(())
        }
        done => done,
    }
}

fn told(database: &Database, error: AuditError) -> frontdesk::Error {
    match error {
        AuditError::Store(source) => failed(database, source),
        error => frontdesk::Error::Audit(error),
    }
}

fn failed(database: &Database, source: StoreError) -> frontdesk::Error {
    frontdesk::Error::Database {
        location: database.location().clone(),
        source,
    }
}

async fn list(filter: Filter, limit: u32, place: &Place, json: bool) -> Done {
    let database = key::open(place, None).await?;
    let log = open(place, &database).await?;
    let entries = log.list(&filter, limit).await;
    let entries = entries.map_err(|error| failed(&database, error))?;
    if json {
        let entries: Vec<_> = entries.iter().map(Kept::to_json).collect();
        say(json!({"entries": entries}));
        return Ok(());
    }
    if entries.is_empty() {
        say("There are no such entries.");
    }
    for entry in &entries {
        say(line(entry));
    }
    Ok(())
}

/// An entry for people.
fn line(entry: &Kept) -> String {
    let outcome = match entry.outcome.as_str() {
        "done" => String::new(),
        other => format!(" {}", styled(BAD, other)),
    };
    let mut about = entry.actor.clone();
    if let Some(subject) = &entry.subject {
        about.push_str(&format!(" → {subject}"));
    }
    let mut more = Vec::new();
    more.extend(entry.client.as_ref().map(|client| format!("by {client}")));
    more.extend(
        entry
            .client_address
            .as_ref()
            .map(|from| format!("from {from}")),
    );
    if entry.detail != "{}" {
        more.push(entry.detail.clone());
    }
    let action = styled(STRONG, &entry.action);
    let more = styled(QUIET, more.join("  "));
    format!(
        "{}  {}  {action}{outcome}  {about}  {more}",
        entry.position, entry.at
    )
}

async fn export(filter: Filter, place: &Place) -> Done {
    let database = key::open(place, None).await?;
    let log = open(place, &database).await?;
    log.settle()
        .await
        .map_err(|error| failed(&database, error))?;
    let mut last = 0;
    let mut out = io::BufWriter::new(io::stdout().lock());
    loop {
        let page = log.after(last, &filter).await;
        let page = page.map_err(|error| failed(&database, error))?;
        let Some(end) = page.last() else { break };
        last = end.position;
        let mut written = page
            .iter()
            .try_for_each(|entry| writeln!(out, "{}", entry.to_json()));
        if written.is_ok() {
            written = out.flush();
        }
        match written {
            // That nobody reads it any more is no error of ours.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(()),
            Err(error) => {
                let what = format!("the standard output cannot be written: {error}");
                return Err(Trouble::Wrong(what, None));
            }
            Ok(()) => {}
        }
    }
    Ok(())
}

async fn verify(expected: &[Expected], place: &Place, json: bool) -> Done {
    let database = key::open(place, None).await?;
    let log = open(place, &database).await?;
    let verdict = log.verify(expected).await;
    let verdict = verdict.map_err(|error| failed(&database, error))?;
    if json {
        say(to_json(&verdict));
    }
    if let Some(wrong) = &verdict.wrong {
        return match json {
            true => Err(Trouble::Told),
            false => Err(Trouble::Wrong(wrong.to_string(), None)),
        };
    }
    if json {
        return Ok(());
    }
    say(format!(
        "{} {} as written{}",
        styled(GOOD, "✓"),
        entries(verdict.entries),
        match verdict.pruned_to {
            Some(to) => format!("; those up to {to} were pruned"),
            None => String::new(),
        }
    ));
    if verdict.open > 0 {
        tell_warning(format!(
            "{} of them were written without a master key: whoever can write to the database could \
             have written them anew",
            verdict.open
        ));
    }
    if let Some(head) = &verdict.head {
        say(head);
        tell(styled(
            QUIET,
            "is the last: note it elsewhere, and give it to --expect next time",
        ));
    }
    Ok(())
}

fn to_json(verdict: &Verdict) -> serde_json::Value {
    json!({
        "ok": verdict.wrong.is_none(),
        "entries": verdict.entries,
        "without_key": verdict.open,
        "pruned_to": verdict.pruned_to,
        "head": verdict.head.as_ref().map(Expected::to_string),
        "wrong": verdict.wrong.as_ref().map(|wrong| {
            json!({"position": wrong.position, "what": wrong.to_string()})
        }),
    })
}

async fn prune(before: Timestamp, unverified: bool, place: &Place, json: bool) -> Done {
    let database = key::open(place, None).await?;
    let log = open(place, &database).await?;
    let pruned = match log.prune(before, &operator(), now(), unverified).await {
        Ok(pruned) => pruned,
        Err(PruneError::Audit(error)) => return Err(told(&database, error).into()),
        Err(error @ PruneError::Wrong(_)) => {
            let help = "nothing is forgotten, since it may show what happened; --unverified does \
                        it all the same";
            return Err(Trouble::Wrong(error.to_string(), Some(help.to_owned())));
        }
    };
    match json {
        true => say(json!({"pruned": pruned.entries, "to": pruned.to})),
        false if pruned.entries == 0 => say("There is nothing that old."),
        false => say(format!(
            "{} {} forgotten",
            styled(GOOD, "✓"),
            entries(pruned.entries)
        )),
    }
    Ok(())
}

fn entries(number: u64) -> String {
    match number {
        1 => "1 entry".to_owned(),
        many => format!("{many} entries"),
    }
}
