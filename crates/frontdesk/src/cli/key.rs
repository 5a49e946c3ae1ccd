//! `key`: API keys, also while a server runs on the same data.

use clap::{Args, Subcommand};
use frontdesk::audit::{Action, Entry};
use frontdesk::identity::{Key as Known, KeyError, Keys, NewKey};
use frontdesk::model::{Audience, Model};
use frontdesk::value::{Date, Duration, Timestamp};
use frontdesk::{Database, Location, Migrate, Project, now, trial};
use serde_json::json;

use super::asked::Asked;
use super::place::Place;
use super::{Done, Trouble, audit, claims, runtime};
use crate::terminal::{BAD, GOOD, QUIET, STRONG, say, styled, tell, tell_warning};

const EXAMPLE: &str = "\
Example:
  frontdesk key create mobile --scope books.read --scope reviews.write
  frontdesk key create ann --scope books.write --user 7 --claim role=staff
  frontdesk key create reseller --scope books.read --audience partner --expires 90d
  frontdesk key list --json
  frontdesk key revoke key_01h455vb4pex5vsknk084sn02q";

/// Make, list and revoke API keys, also while a server runs
#[derive(Args, Debug)]
#[command(after_help = EXAMPLE)]
pub struct Key {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand, Debug)]
enum What {
    /// Make a key and show it, this once
    Create(Create),
    /// Show the keys there are, without their secrets
    List {
        #[command(flatten)]
        place: Place,
        /// As JSON on the standard output
        #[arg(long)]
        json: bool,
    },
    /// End a key for good
    Revoke {
        /// The key's id, as `key list` shows it
        id: String,
        #[command(flatten)]
        place: Place,
        /// As JSON on the standard output
        #[arg(long)]
        json: bool,
    },
}

#[derive(Args, Debug)]
struct Create {
    /// What the key is called, for people
    name: String,

    /// What it may do, such as books.write; give it several times for several
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,

    /// The user it acts as: `user.id` in rules
    #[arg(long, value_name = "ID")]
    user: Option<String>,

    /// What else rules may know: `--claim role=staff` is `user.role`
    #[arg(long = "claim", value_name = "NAME=VALUE", value_parser = claim)]
    claims: Vec<(String, String)>,

    /// May do everything: rules and scopes do not apply
    #[arg(long)]
    admin: bool,

    /// Whom it speaks for: what the contract keeps for partners, or for services (private), is
    /// there for such keys
    #[arg(long, value_name = "AUDIENCE", default_value = "public", value_parser = audience)]
    audience: Audience,

    /// When it ends by itself: after a time, such as 90d or 12h, or on a day, such as 2027-01-01,
    /// as it begins in UTC [default: never]
    #[arg(long, value_name = "WHEN", value_parser = expiry)]
    expires: Option<Expiry>,

    #[command(flatten)]
    place: Place,

    /// As JSON on the standard output
    #[arg(long)]
    json: bool,
}

fn claim(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) => Ok((name.to_owned(), value.to_owned())),
        None => Err("a claim is NAME=VALUE, such as role=staff".to_owned()),
    }
}

fn audience(text: &str) -> Result<Audience, String> {
    Audience::named(text).ok_or_else(|| "public, partner or private".to_owned())
}

/// When a key is to end.
#[derive(Clone, Copy, Debug)]
enum Expiry {
    In(Duration),
    At(Timestamp),
}

fn expiry(text: &str) -> Result<Expiry, String> {
    if let Ok(time) = Duration::parse_short(text) {
        return Ok(Expiry::In(time));
    }
    let at = Date::parse(text)
        .map(Date::midnight)
        .or_else(|_| Timestamp::parse(text));
    at.map(Expiry::At)
        .map_err(|_| "a time such as 90d or 12h, or a day such as 2027-01-01".to_owned())
}

impl Expiry {
    fn reckoned(self, now: Timestamp) -> Result<Timestamp, Trouble> {
        match self {
            Expiry::At(at) => Ok(at),
            Expiry::In(time) => now
                .checked_add(time)
                .ok_or_else(|| Trouble::Usage("no calendar reaches that far".to_owned())),
        }
    }
}

impl Key {
    pub fn asked(&self) -> Asked {
        match &self.what {
            What::Create(Create { place, .. })
            | What::List { place, .. }
            | What::Revoke { place, .. } => place.asked(),
        }
    }

    pub fn run(self) -> Done {
        let runtime = runtime()?;
        match self.what {
            What::Create(create) => runtime.block_on(create.run()),
            What::List { place, json } => runtime.block_on(list(&place, json)),
            What::Revoke { id, place, json } => runtime.block_on(revoke(&id, &place, json)),
        }
    }
}

impl Create {
    async fn run(self) -> Done {
        let place = self.place;
        let twice = self
            .claims
            .iter()
            .enumerate()
            .find(|(at, (name, _))| self.claims[..*at].iter().any(|(other, _)| other == name));
        if let Some((_, (name, _))) = twice {
            return Err(Trouble::Usage(format!(
                "`--claim {name}=…` is given twice; a claim has one value"
            )));
        }
        let model = model(&place)?;
        if let Some(model) = &model {
            check_scopes(model, &self.scopes)?;
            claims::check(model, self.user.as_deref(), &self.claims)?;
        }
        if self.scopes.is_empty() && !self.admin {
            tell_warning("a key without scopes reads only what everybody may; add --scope");
        }
        let database = open(&place, model).await?;
        let audit = audit::open(&place, &database).await?;
        let keys = Keys::new(database.driver().clone());
        let now = now();
        let expires_at = self.expires.map(|when| when.reckoned(now)).transpose()?;
        let wish = NewKey {
            name: self.name,
            scopes: self.scopes,
            user: self.user,
            claims: self.claims,
            admin: self.admin,
            audience: self.audience,
            expires_at,
        };
        let (key, text) = match keys.create(wish, now).await {
            Err(KeyError::Invalid(why)) => return Err(Trouble::Usage(why)),
            made => made.map_err(frontdesk::Error::Key)?,
        };
        let entry = Entry::new(now, Action::KeyCreated, &audit::operator())
            .subject(&key.id)
            .detail("name", key.name.as_str())
            .detail("scopes", key.scopes.clone())
            .detail("admin", key.admin);
        audit::append(&audit, &entry).await?;
        if self.json {
            let expires = key.expires_at.map(|at| at.to_string());
            say(json!({
                "id": key.id,
                "key": text.reveal(),
                "scopes": key.scopes,
                "audience": key.audience.name(),
                "expires_at": expires,
            }));
        } else {
            say(text.reveal());
            tell(styled(
                QUIET,
                format!("{} is shown this once: keep it well", key.id),
            ));
        }
        Ok(())
    }
}

async fn list(place: &Place, json: bool) -> Done {
    let database = open(place, None).await?;
    let keys = Keys::new(database.driver().clone());
    let known = keys.list().await.map_err(frontdesk::Error::Key)?;
    if json {
        let keys: Vec<_> = known.iter().map(to_json).collect();
        say(json!({"keys": keys}));
        return Ok(());
    }
    if known.is_empty() {
        let create = place.asked().command_by_flag("key create NAME --scope S");
        say(format!("There are no keys. `{create}` makes one."));
    }
    let width = known
        .iter()
        .map(|key| key.name.chars().count())
        .max()
        .unwrap_or(0);
    let now = now();
    for key in &known {
        let is_over = key.expires_at.is_some_and(|at| at <= now);
        let state = match (key.revoked_at, key.admin) {
            (Some(_), _) => styled(BAD, "revoked"),
            (None, _) if is_over => styled(BAD, "expired"),
            (None, true) => styled(GOOD, "admin  "),
            (None, false) => styled(GOOD, "active "),
        };
        let name = styled(STRONG, format!("{:width$}", key.name));
        let mut about = key.scopes.join(" ");
        if let Some(user) = &key.user {
            about.push_str(&format!("  user {user}"));
        }
        for (name, value) in &key.claims {
            about.push_str(&format!("  {name}={value}"));
        }
        if key.audience != Audience::Public {
            about.push_str(&format!("  {}", key.audience.name()));
        }
        if let Some(at) = key.expires_at {
            let word = if is_over { "expired" } else { "expires" };
            about.push_str(&format!("  {word} {at}"));
        }
        if let Some(at) = key.last_used_at {
            about.push_str(&format!("  used {at}"));
        }
        say(format!(
            "{}  {state}  {name}  {}",
            key.id,
            styled(QUIET, about)
        ));
    }
    Ok(())
}

async fn revoke(id: &str, place: &Place, json: bool) -> Done {
    let database = open(place, None).await?;
    let audit = audit::open(place, &database).await?;
    let keys = Keys::new(database.driver().clone());
    match keys.revoke(id, now()).await {
        Err(KeyError::Unknown) => {
            let what = format!("there is no key `{id}`, or it is revoked already");
            let list = place.asked().command_by_flag("key list");
            return Err(Trouble::Wrong(what, Some(format!("`{list}` shows them"))));
        }
        done => done.map_err(frontdesk::Error::Key)?,
    }
    let entry = Entry::new(now(), Action::KeyRevoked, &audit::operator()).subject(id);
    audit::append(&audit, &entry).await?;
    match json {
        true => say(json!({"id": id, "revoked": true})),
        false => say(format!("{} {id} is revoked", styled(GOOD, "✓"))),
    }
    Ok(())
}

/// The contract's model, if there is a contract without mistakes: with data alone a key can be
/// made too, only unchecked.
pub(super) fn model(place: &Place) -> Result<Option<Model>, Trouble> {
    if (place.storage.data.is_some() || place.storage.database.is_some())
        && !place.dir.join(frontdesk::FILE).exists()
    {
        return Ok(None);
    }
    Ok(Project::open(&place.dir)?.compile()?.model)
}

/// The database, with its tables.
pub(super) async fn open(place: &Place, model: Option<Model>) -> Result<Database, Trouble> {
    let location = &place.location()?;
    let is_there = Database::exists(location).await?;
    let Some(model) = model.filter(|_| !is_there) else {
        if !is_there {
            return Err(no_database(location, &place.asked()));
        }
        let database = Database::connect(location).await?;
        if database.is_of_older_release().await? {
            let what = "the tables were made by an older frontdesk".to_owned();
            let apply = place.asked().command_on_data("migrate apply");
            let help = format!("`{apply}` brings them to this one");
            return Err(Trouble::Wrong(what, Some(help)));
        }
        return Ok(database);
    };
    // The first thing ever done here: then the tables are made now, since nothing can be lost.
    let database = Database::connect(location).await?;
    frontdesk::migrate(&database, &model, Migrate::Safe).await?;
    Ok(database)
}

/// Nothing is where records should be.
pub(super) fn no_database(location: &Location, asked: &Asked) -> Trouble {
    let what = match location {
        Location::Folder(data) => format!("there is no database in `{}` yet", data.display()),
        Location::Server(target) => format!("there are no tables in `{target}` yet"),
    };
    let help = asked.naming_data().unwrap_or_else(|| {
        let [dev, apply] = ["dev", "migrate apply"].map(|command| asked.command_on_data(command));
        format!("`{dev}` or `{apply}` makes it")
    });
    Trouble::Wrong(what, Some(help))
}

fn check_scopes(model: &Model, scopes: &[String]) -> Done {
    let known = trial::scopes(model);
    for scope in scopes {
        if !known.contains(scope) {
            let near = frontdesk::diag::suggest::nearest(scope, known.iter().map(String::as_str));
            let help = match near {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("the scopes are {}", known.join(", ")),
            };
            let what = format!("the contract has no scope `{scope}`");
            return Err(Trouble::Wrong(what, Some(help)));
        }
    }
    Ok(())
}

fn to_json(key: &Known) -> serde_json::Value {
    let claims: serde_json::Map<_, _> = key
        .claims
        .iter()
        .map(|(name, value)| (name.clone(), value.as_str().into()))
        .collect();
    json!({
        "id": key.id,
        "name": key.name,
        "scopes": key.scopes,
        "user": key.user,
        "claims": claims,
        "admin": key.admin,
        "audience": key.audience.name(),
        "created_at": key.created_at.to_string(),
        "expires_at": key.expires_at.map(|at| at.to_string()),
        "revoked_at": key.revoked_at.map(|at| at.to_string()),
        "last_used_at": key.last_used_at.map(|at| at.to_string()),
    })
}
