//! `token`: the keys that sign tokens, also while servers run on the same data.

use std::sync::Arc;

use clap::{Args, Subcommand};
use frontdesk::audit::{Action, Entry};
use frontdesk::identity::denied::Denied;
use frontdesk::identity::jws::Algorithm;
use frontdesk::identity::signing::{self, Signing, SigningError, Stage, When};
use frontdesk::{Database, now};
use serde_json::json;

use super::asked::Asked;
use super::place::Place;
use super::{Done, Trouble, audit, key, runtime, secret};
use crate::terminal::{BAD, GOOD, QUIET, say, styled};

const EXAMPLE: &str = "\
Example:
  frontdesk token keys list
  frontdesk token keys rotate
  frontdesk token keys revoke NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs

Servers change their keys by themselves, every 30 days.";

/// See, change and take back the keys that sign tokens
#[derive(Args, Debug)]
#[command(after_help = EXAMPLE)]
pub struct Token {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand, Debug)]
enum What {
    /// The keys that sign tokens
    Keys {
        #[command(subcommand)]
        what: Keys,
    },
}

#[derive(Subcommand, Debug)]
enum Keys {
    /// Show the keys there are, and what each is for now
    List {
        #[command(flatten)]
        place: Place,
        /// As JSON on the standard output
        #[arg(long)]
        json: bool,
    },
    /// Let the next key sign before its time, once others have had a day to learn it
    Rotate {
        /// At once: whoever keeps the key set without asking again refuses its tokens meanwhile
        #[arg(long)]
        now: bool,
        #[command(flatten)]
        place: Place,
        /// As JSON on the standard output
        #[arg(long)]
        json: bool,
    },
    /// Take a key back: nothing it has signed is accepted from now on, and another signs
    Revoke {
        /// The key's id, as `token keys list` shows it
        id: String,
        #[command(flatten)]
        place: Place,
        /// As JSON on the standard output
        #[arg(long)]
        json: bool,
    },
}

impl Token {
    pub fn asked(&self) -> Asked {
        let What::Keys { what } = &self.what;
        match what {
            Keys::List { place, .. } | Keys::Rotate { place, .. } | Keys::Revoke { place, .. } => {
                place.asked()
            }
        }
    }

    pub fn run(self) -> Done {
        let runtime = runtime()?;
        let What::Keys { what } = self.what;
        match what {
            Keys::List { place, json } => runtime.block_on(list(&place, json)),
            Keys::Rotate { now, place, json } => {
                let when = if now { When::Now } else { When::Published };
                runtime.block_on(rotate(when, &place, json))
            }
            Keys::Revoke { id, place, json } => runtime.block_on(revoke(&id, &place, json)),
        }
    }
}

/// The keys, of which none is made by that.
async fn open(place: &Place) -> Result<(Database, Signing), Trouble> {
    let database = key::open(place, None).await?;
    let driver = || Arc::clone(database.driver());
    let vault = secret::vault_of(place)?;
    let denied = Denied::open(driver(), now()).await;
    let denied = denied.map_err(|error| told(SigningError::Store(error)))?;
    let settings = signing::Settings { algorithms: vec![] };
    let opened = Signing::open(driver(), vault, Arc::new(denied), settings, now()).await;
    let signing = opened.map_err(told)?;
    Ok((database, signing))
}

async fn list(place: &Place, json: bool) -> Done {
    let (_database, signing) = open(place).await?;
    let keys = signing.list(now()).await.map_err(told)?;
    if json {
        let keys: Vec<_> = keys
            .iter()
            .map(|(key, stage)| {
                json!({
                    "id": key.kid,
                    "algorithm": key.algorithm.name(),
                    "stage": stage.name(),
                    "created_at": key.created_at.to_string(),
                    "signs_at": key.signs_at.to_string(),
                    "revoked_at": key.revoked_at.map(|at| at.to_string()),
                })
            })
            .collect();
        say(json!({ "keys": keys }));
        return Ok(());
    }
    if keys.is_empty() {
        say(
            "No keys sign tokens yet: a server with `auth.users` or apps makes them when it starts.",
        );
    }
    for (key, stage) in &keys {
        let style = match stage {
            Stage::Current => GOOD,
            Stage::Revoked => BAD,
            Stage::Next | Stage::Previous | Stage::Retired => QUIET,
        };
        let about = match (stage, key.revoked_at) {
            (_, Some(at)) => format!("revoked {at}"),
            (Stage::Next, None) => format!("signs from {}", key.signs_at),
            (_, None) => format!("signs since {}", key.signs_at),
        };
        say(format!(
            "{}  {}  {:5}  {}",
            key.kid,
            styled(style, format!("{:8}", stage.name())),
            key.algorithm.name(),
            styled(QUIET, about)
        ));
    }
    Ok(())
}

async fn rotate(when: When, place: &Place, json: bool) -> Done {
    let (database, signing) = open(place).await?;
    let log = audit::open(place, &database).await?;
    let signs = |algorithm: &Algorithm| signing.current(*algorithm, now()).is_some();
    let algorithms: Vec<Algorithm> = Algorithm::ALL.into_iter().filter(signs).collect();
    if algorithms.is_empty() {
        return Err(Trouble::Wrong(
            "no keys sign tokens yet".to_owned(),
            Some("a server with `auth.users` or apps makes them when it starts".to_owned()),
        ));
    }
    for algorithm in &algorithms {
        let rotated = signing.rotate(*algorithm, when, now()).await;
        rotated.map_err(told)?;
        let entry = Entry::new(now(), Action::SigningKeyRotated, &audit::operator())
            .detail("algorithm", algorithm.name());
        audit::append(&log, &entry).await?;
    }
    if json {
        return list(place, true).await;
    }
    say(format!(
        "{} {}",
        styled(GOOD, "✓"),
        match when {
            When::Now => "the next key signs; what the last one has signed is still accepted",
            When::Published => "the next key signs as soon as it has been published for a day",
        }
    ));
    Ok(())
}

async fn revoke(id: &str, place: &Place, json: bool) -> Done {
    let (database, signing) = open(place).await?;
    let log = audit::open(place, &database).await?;
    let revoked = match signing.revoke(id, now()).await {
        Err(SigningError::Unknown) => {
            let what = format!("there is no signing key `{id}`, or it is revoked already");
            let list = place.asked().command_by_flag("token keys list");
            return Err(Trouble::Wrong(what, Some(format!("`{list}` shows them"))));
        }
        revoked => revoked.map_err(told)?,
    };
    let entry = Entry::new(now(), Action::SigningKeyRevoked, &audit::operator()).subject(id);
    audit::append(&log, &entry).await?;
    if json {
        say(json!({"id": id, "revoked": true, "successor": revoked.successor}));
        return Ok(());
    }
    let tick = styled(GOOD, "✓");
    say(match revoked.successor {
        Some(successor) => format!("{tick} {id} is revoked; {successor} signs in its place"),
        None => format!("{tick} {id} is revoked; it did not sign any more, or not yet"),
    });
    Ok(())
}

fn told(error: SigningError) -> Trouble {
    let help = matches!(error, SigningError::Sealed(_)).then(|| super::OTHER_MASTER_KEY.to_owned());
    Trouble::Wrong(error.to_string(), help)
}
