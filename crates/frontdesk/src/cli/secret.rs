//! `secret`: what contracts name as `$NAME`, kept in the database, sealed. Never shown again.

use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use frontdesk::audit::{Action, Entry};
use frontdesk::vault::{
    self, MasterKeys, SECRET_BYTES_MAX, Secret as Value, SecretError, Secrets, Unreadable, Vault,
    VaultError,
};
use frontdesk::{Database, FileError, Location, Missing, now};
use serde_json::json;
use zeroize::Zeroizing;

use super::asked::Asked;
use super::place::Place;
use super::{Done, OTHER_MASTER_KEY, Trouble, audit, key, runtime};
use crate::terminal::{GOOD, QUIET, STRONG, count, say, styled, tell, tell_error, tell_warning};

const EXAMPLE: &str = "\
Example:
  frontdesk secret set PRINTER_SECRET < printer-secret
  frontdesk secret set GOOGLE_SECRET --file google-secret
  frontdesk secret list
  frontdesk secret remove PRINTER_SECRET

A contract names a secret as $PRINTER_SECRET. A variable of that name, or PRINTER_SECRET_FILE with
the name of a file, comes before what is kept here.";

/// Keep what contracts name as $NAME, sealed with the master key
#[derive(Args, Debug)]
#[command(after_help = EXAMPLE)]
pub struct Secret {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand, Debug)]
enum What {
    /// Keep a secret, read from the standard input or a file, in place of one of that name
    Set {
        /// What contracts call it, without the $: PRINTER_SECRET
        name: String,
        /// The file it is in; its last line's end is no part of it
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
        #[command(flatten)]
        place: Place,
        /// As JSON on the standard output
        #[arg(long)]
        json: bool,
    },
    /// Show which secrets are kept, and since when
    List {
        #[command(flatten)]
        place: Place,
        /// As JSON on the standard output
        #[arg(long)]
        json: bool,
    },
    /// Forget a secret
    Remove {
        /// What it is called
        name: String,
        #[command(flatten)]
        place: Place,
        /// As JSON on the standard output
        #[arg(long)]
        json: bool,
    },
    /// Make a master key and show it, this once
    NewKey,
    /// Bring everything that is sealed under the current master key, while servers run
    Rewrap {
        /// A master key is lost: take away what only it opens
        #[arg(long)]
        discard: bool,
        #[command(flatten)]
        place: Place,
        /// As JSON on the standard output
        #[arg(long)]
        json: bool,
    },
}

impl Secret {
    pub fn asked(&self) -> Asked {
        match &self.what {
            What::Set { place, .. }
            | What::List { place, .. }
            | What::Remove { place, .. }
            | What::Rewrap { place, .. } => place.asked(),
            What::NewKey => Asked::default(),
        }
    }

    pub fn run(self) -> Done {
        let runtime = runtime()?;
        match self.what {
            What::Set {
                name,
                file,
                place,
                json,
            } => {
                // Before anything is opened: whoever types takes his time.
                vault::check_name(&name).map_err(|error| Trouble::Usage(error.to_string()))?;
                let value = read(file.as_deref())?;
                runtime.block_on(set(&name, &value, &place, json))
            }
            What::List { place, json } => runtime.block_on(list(&place, json)),
            What::Remove { name, place, json } => runtime.block_on(remove(&name, &place, json)),
            What::NewKey => new_key(),
            What::Rewrap {
                discard,
                place,
                json,
            } => runtime.block_on(rewrap(discard, &place, json)),
        }
    }
}

fn read(file: Option<&Path>) -> Result<Value, Trouble> {
    // In its final place: a buffer that grows leaves copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(SECRET_BYTES_MAX + 4));
    let most = SECRET_BYTES_MAX as u64 + 3;
    match file {
        Some(path) => {
            let read = File::open(path).and_then(|file| file.take(most).read_to_end(&mut bytes));
            read.map_err(|error| FileError::reading(path, error))?;
        }
        None => {
            let input = io::stdin();
            if input.is_terminal() {
                tell(styled(QUIET, "Type the secret, then Enter and Ctrl-D:"));
            }
            let read = input.take(most).read_to_end(&mut bytes);
            read.map_err(|error| {
                Trouble::Wrong(format!("the standard input cannot be read: {error}"), None)
            })?;
        }
    }
    Value::of(bytes).map_err(|error| Trouble::Usage(error.to_string()))
}

async fn set(name: &str, value: &Value, place: &Place, json: bool) -> Done {
    let database = key::open(place, key::model(place)?).await?;
    let secrets = Secrets::new(database.driver().clone(), Some(vault_of(place)?));
    let audit = audit::open(place, &database).await?;
    let set = secrets.set(name, value, now()).await;
    set.map_err(|source| told(name, source))?;
    let entry = Entry::new(now(), Action::SecretSet, &audit::operator()).subject(name);
    audit::append(&audit, &entry).await?;
    match json {
        true => say(json!({"name": name, "set": true})),
        false => say(format!(
            "{} {name} is kept; servers that run know it from their next start",
            styled(GOOD, "✓")
        )),
    }
    Ok(())
}

async fn list(place: &Place, json: bool) -> Done {
    let database = key::open(place, None).await?;
    let secrets = Secrets::new(database.driver().clone(), None);
    let kept = secrets.list().await.map_err(|source| told("", source))?;
    if json {
        let kept = kept.iter().map(|kept| {
            json!({
                "name": kept.name,
                "created_at": kept.created_at.to_string(),
                "updated_at": kept.updated_at.to_string(),
            })
        });
        say(json!({"secrets": kept.collect::<Vec<_>>()}));
        return Ok(());
    }
    if kept.is_empty() {
        let set = place.asked().command_by_flag("secret set NAME");
        say(format!("No secrets are kept here. `{set}` keeps one."));
    }
    let width = kept.iter().map(|kept| kept.name.len()).max().unwrap_or(0);
    for kept in kept {
        let name = styled(STRONG, format!("{:width$}", kept.name));
        say(format!(
            "{name}  {}",
            styled(QUIET, format!("set {}", kept.updated_at))
        ));
    }
    Ok(())
}

async fn remove(name: &str, place: &Place, json: bool) -> Done {
    let database = key::open(place, None).await?;
    let secrets = Secrets::new(database.driver().clone(), None);
    let audit = audit::open(place, &database).await?;
    let removed = secrets.remove(name).await;
    if !removed.map_err(|source| told(name, source))? {
        let list = place.asked().command_by_flag("secret list");
        return Err(Trouble::Wrong(
            format!("no secret `{name}` is kept here"),
            Some(format!("`{list}` shows those that are")),
        ));
    }
    let entry = Entry::new(now(), Action::SecretRemoved, &audit::operator()).subject(name);
    audit::append(&audit, &entry).await?;
    match json {
        true => say(json!({"name": name, "removed": true})),
        false => say(format!("{} {name} is forgotten", styled(GOOD, "✓"))),
    }
    Ok(())
}

fn new_key() -> Done {
    let made = MasterKeys::generate();
    say(&*made.map_err(|error| Trouble::Wrong(error.to_string(), None))?);
    tell(styled(
        QUIET,
        "is shown this once: keep it apart from the database and its backups",
    ));
    Ok(())
}

async fn rewrap(discard: bool, place: &Place, json: bool) -> Done {
    let database = key::open(place, None).await?;
    let vault = vault_of(place)?;
    let unreadable = match discard {
        true => Unreadable::Discard,
        false => Unreadable::Keep,
    };
    let done = vault::rewrap(&**database.driver(), &vault, unreadable).await;
    let done = done.map_err(|error| failed(&database, error))?;
    let discarded = if discard { done.failed.len() } else { 0 };
    if done.renewed > 0 || discarded > 0 {
        let entry = Entry::new(now(), Action::SecretsRewrapped, &audit::operator())
            .subject(vault.key_id())
            .detail("values", done.renewed)
            .detail("discarded", discarded);
        // Its own key may be among what cannot be opened.
        audit::note(place, &place.location()?, &entry).await?;
    }
    if json {
        say(json!({
            "key": vault.key_id(),
            "renewed": done.renewed,
            "current": done.current,
            "failed": done.failed.len(),
        }));
    }
    for (table, row, error) in &done.failed {
        let what = format!("`{row}` in {table}: {error}");
        match discard {
            true => tell_warning(format!("{what}; it is taken away")),
            false => tell_error(what, None),
        }
    }
    if done.failed.is_empty() || discard {
        if !json {
            say(format!(
                "{} {} under the master key {}; no other is needed any more",
                styled(GOOD, "✓"),
                count((done.renewed + done.current) as usize, "value"),
                vault.key_id()
            ));
        }
        return Ok(());
    }
    let is_key = |error: &VaultError| matches!(error, VaultError::UnknownKey { .. });
    let help = done.failed.iter().any(|(_, _, error)| is_key(error));
    Err(Trouble::Wrong(
        format!("{} stay as they are", count(done.failed.len(), "value")),
        help.then(|| OTHER_MASTER_KEY.to_owned()),
    ))
}

/// The vault, with a master key that is made now if it may be.
pub(super) fn vault_of(place: &Place) -> Result<Vault, Trouble> {
    let config = place.config()?;
    let missing = match config.location() {
        Location::Folder(_) => Missing::Make,
        Location::Server(_) => Missing::Refuse,
    };
    let found = config.master_key.value.vault(&config.data.value, missing);
    let found = found.map_err(frontdesk::Error::MasterKey)?;
    found.ok_or_else(|| frontdesk::Error::MasterKey(frontdesk::MasterKeyError::None).into())
}

fn told(name: &str, source: SecretError) -> Trouble {
    match source {
        SecretError::Name(error) => Trouble::Usage(error.to_string()),
        source => frontdesk::Error::Secret {
            name: name.to_owned(),
            source,
        }
        .into(),
    }
}

fn failed(database: &Database, source: frontdesk::store::StoreError) -> Trouble {
    frontdesk::Error::Database {
        location: database.location().clone(),
        source,
    }
    .into()
}
