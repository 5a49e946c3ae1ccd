//! One entry, as it is made and as it is kept.

use std::fmt;

use serde_json::{Map, Value as Json};
use store::StoreError;
use store::people::AUDIT;
use store::table::{Row, or_null};
use value::{Timestamp, Value};

use crate::action::{Action, Outcome};

/// Characters of one text in an entry: strangers write some of them, such as addresses.
const TEXT_CHARS_MAX: usize = 300;
/// Bytes of an entry's details as JSON.
const DETAIL_BYTES_MAX: usize = 8 * 1024;

/// Who did it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// One of the people, by account.
    Account(String),
    /// Somebody who has not proved who they are.
    Unknown,
    /// An API key, by its id.
    Key(String),
    /// An app on its own behalf.
    Client(String),
    /// A program that is known by its certificate.
    Service(String),
    /// Who runs commands on the server's machine, by the name there.
    Operator(String),
    /// The server by itself.
    Server,
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Actor::Account(id) => write!(f, "account:{id}"),
            Actor::Unknown => f.write_str("unknown"),
            Actor::Key(id) => write!(f, "key:{id}"),
            Actor::Client(id) => write!(f, "client:{id}"),
            Actor::Service(name) => write!(f, "service:{name}"),
            Actor::Operator(name) => write!(f, "operator:{name}"),
            Actor::Server => f.write_str("server"),
        }
    }
}

/// What was done, to be appended. No text in it is a secret.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub(crate) at: Timestamp,
    pub(crate) action: Action,
    pub(crate) outcome: Outcome,
    pub(crate) actor: String,
    pub(crate) subject: Option<String>,
    pub(crate) client: Option<String>,
    pub(crate) client_address: Option<String>,
    pub(crate) detail: Map<String, Json>,
}

impl Entry {
    pub fn new(at: Timestamp, action: Action, actor: &Actor) -> Entry {
        Entry {
            at,
            action,
            outcome: Outcome::Done,
            actor: bounded(&actor.to_string()),
            subject: None,
            client: None,
            client_address: None,
            detail: Map::new(),
        }
    }

    pub fn outcome(mut self, outcome: Outcome) -> Entry {
        self.outcome = outcome;
        self
    }

    /// Whom or what it was done to: an account, a key, a client.
    pub fn subject(mut self, subject: impl AsRef<str>) -> Entry {
        self.subject = Some(bounded(subject.as_ref()));
        self
    }

    /// The app it was done through.
    pub fn client(mut self, client: impl AsRef<str>) -> Entry {
        self.client = Some(bounded(client.as_ref()));
        self
    }

    /// Where it came from.
    pub fn client_address(mut self, address: impl fmt::Display) -> Entry {
        self.client_address = Some(bounded(&address.to_string()));
        self
    }

    /// Something else worth knowing, and no secret.
    pub fn detail(mut self, name: &str, value: impl Into<Json>) -> Entry {
        let value = match value.into() {
            Json::String(text) => bounded(&text).into(),
            other => other,
        };
        self.detail.insert(name.to_owned(), value);
        self
    }

    pub(crate) fn detail_text(&self) -> String {
        let text = Json::Object(self.detail.clone()).to_string();
        match text.len() {
            0..=DETAIL_BYTES_MAX => text,
            _ => r#"{"too_long":true}"#.to_owned(),
        }
    }

    /// The row it is kept in.
    pub(crate) fn row(&self, position: i64, detail: String, hash: String) -> Vec<Value> {
        let text = |text: &Option<String>| or_null(text.clone(), Value::Text);
        AUDIT.row([
            ("position", Value::Int(position)),
            ("at", Value::Timestamp(self.at)),
            ("action", Value::Text(self.action.name().to_owned())),
            ("outcome", Value::Text(self.outcome.name().to_owned())),
            ("actor", Value::Text(self.actor.clone())),
            ("subject", text(&self.subject)),
            ("client", text(&self.client)),
            ("client_address", text(&self.client_address)),
            ("detail", Value::Json(detail.into())),
            ("hash", Value::Text(hash)),
        ])
    }

    /// The same as it would be read again.
    pub(crate) fn kept(&self, position: i64) -> Kept {
        Kept {
            position,
            at: self.at,
            action: self.action.name().to_owned(),
            outcome: self.outcome.name().to_owned(),
            actor: self.actor.clone(),
            subject: self.subject.clone(),
            client: self.client.clone(),
            client_address: self.client_address.clone(),
            detail: self.detail_text(),
            hash: String::new(),
        }
    }
}

/// An entry as it is kept. Another release may have made it, so names are texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// 1, 2, 3 … without a gap. Below one: it waits for its number.
    pub position: i64,
    pub at: Timestamp,
    pub action: String,
    pub outcome: String,
    pub actor: String,
    pub subject: Option<String>,
    pub client: Option<String>,
    pub client_address: Option<String>,
    /// JSON, to the letter.
    pub detail: String,
    pub hash: String,
}

impl Kept {
    pub(crate) fn of(row: &Row<'_>) -> Result<Kept, StoreError> {
        Ok(Kept {
            position: row.int("position")?,
            at: row.time("at")?,
            action: row.text("action")?,
            outcome: row.text("outcome")?,
            actor: row.text("actor")?,
            subject: row.text_or_null("subject")?,
            client: row.text_or_null("client")?,
            client_address: row.text_or_null("client_address")?,
            detail: row.text("detail")?,
            hash: row.text("hash")?,
        })
    }

    /// All of it, for exports.
    pub fn to_json(&self) -> Json {
        let detail: Json = serde_json::from_str(&self.detail).unwrap_or(Json::Null);
        serde_json::json!({
            "position": self.position,
            "at": self.at.to_string(),
            "action": self.action,
            "outcome": self.outcome,
            "actor": self.actor,
            "subject": self.subject,
            "client": self.client,
            "client_address": self.client_address,
            "detail": detail,
            "hash": self.hash,
        })
    }
}

/// One line of a sensible length: a database may not take every character, and a terminal should
/// not be shown some.
fn bounded(text: &str) -> String {
    text.chars()
        .take(TEXT_CHARS_MAX)
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}
