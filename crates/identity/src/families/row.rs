//! A family as it lies in its table.

use store::StoreError;
use store::people::FAMILIES;
use store::table::{Row, json, or_null};
use value::{Timestamp, Value};

use super::{RefreshRefused, Shown};
use crate::tokens::Binding;

/// What a family is to be.
#[derive(Clone, Debug, Default)]
pub struct NewFamily {
    pub account: String,
    pub client: String,
    /// The browser's session in which an app was allowed.
    pub session: Option<String>,
    /// All, or what an app was allowed.
    pub scopes: Option<Vec<String>>,
    /// For whom access tokens are; for this API if nothing else was asked for.
    pub audience: Vec<String>,
    /// What its tokens are bound to: those of clients without a secret (RFC 9449 §5, RFC 8705
    /// §4), since others prove who they are.
    pub binding: Option<Binding>,
    pub methods: Vec<String>,
    /// Now, unless said.
    pub authenticated_at: Option<Timestamp>,
    pub address: Option<String>,
    pub agent: Option<String>,
}

/// A family.
#[derive(Clone, Debug, PartialEq)]
pub struct Family {
    pub id: String,
    pub account: String,
    pub client: String,
    pub session: Option<String>,
    pub scopes: Option<Vec<String>>,
    pub audience: Vec<String>,
    pub binding: Option<Binding>,
    pub methods: Vec<String>,
    pub authenticated_at: Timestamp,
    /// When it was last used.
    pub rotated_at: Timestamp,
    pub address: Option<String>,
    pub agent: Option<String>,
    pub created_at: Timestamp,
    pub idle_until: Timestamp,
    pub expires_at: Timestamp,
    pub ended_at: Option<Timestamp>,
    /// Why it has ended: [`super::Ended::name`].
    pub why: Option<String>,
}

impl Family {
    pub(super) fn new(
        new: NewFamily,
        id: String,
        idle_until: Timestamp,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Family {
        Family {
            id,
            account: new.account,
            client: new.client,
            session: new.session,
            scopes: new.scopes,
            audience: new.audience,
            binding: new.binding.filter(|binding| !binding.is_empty()),
            methods: new.methods,
            authenticated_at: new.authenticated_at.unwrap_or(now),
            rotated_at: now,
            address: new.address,
            agent: new.agent,
            created_at: now,
            idle_until,
            expires_at,
            ended_at: None,
            why: None,
        }
    }

    /// Whether a token of it may be used by whoever shows it.
    pub(super) fn accepts(&self, shown: Shown<'_>, now: Timestamp) -> Result<(), RefreshRefused> {
        if self.client != shown.client {
            return Err(RefreshRefused::Client);
        }
        let unmet = |binding: &Binding| !binding.is_met_by(shown.proved);
        if self.binding.as_ref().is_some_and(unmet) {
            return Err(RefreshRefused::Binding);
        }
        if self.ended_at.is_some() {
            return Err(RefreshRefused::Ended);
        }
        if self.idle_until <= now || self.expires_at <= now {
            return Err(RefreshRefused::Expired);
        }
        Ok(())
    }

    pub(super) fn row(&self, hash: &str) -> Result<Vec<Value>, StoreError> {
        let text = |text: &String| Value::Text(text.clone());
        let binding = self.binding.as_ref().map(json).transpose()?;
        let scopes = self.scopes.as_ref().map(json).transpose()?;
        Ok(FAMILIES.row([
            ("id", text(&self.id)),
            ("account", text(&self.account)),
            ("client", text(&self.client)),
            ("session", or_null(self.session.as_ref(), text)),
            ("scopes", scopes.unwrap_or(Value::Null)),
            ("audience", json(&self.audience)?),
            ("binding", binding.unwrap_or(Value::Null)),
            ("methods", json(&self.methods)?),
            ("authenticated_at", Value::Timestamp(self.authenticated_at)),
            ("hash", Value::Text(hash.to_owned())),
            ("rotated_at", Value::Timestamp(self.rotated_at)),
            ("client_address", or_null(self.address.as_ref(), text)),
            ("agent", or_null(self.agent.as_ref(), text)),
            ("created_at", Value::Timestamp(self.created_at)),
            ("idle_until", Value::Timestamp(self.idle_until)),
            ("expires_at", Value::Timestamp(self.expires_at)),
        ]))
    }

    pub(super) fn read(row: &Row<'_>) -> Result<Family, StoreError> {
        Ok(Family {
            id: row.text("id")?,
            account: row.text("account")?,
            client: row.text("client")?,
            session: row.text_or_null("session")?,
            scopes: row.json_or_null("scopes")?,
            audience: row.json("audience")?,
            binding: row.json_or_null("binding")?,
            methods: row.json("methods")?,
            authenticated_at: row.time("authenticated_at")?,
            rotated_at: row.time("rotated_at")?,
            address: row.text_or_null("client_address")?,
            agent: row.text_or_null("agent")?,
            created_at: row.time("created_at")?,
            idle_until: row.time("idle_until")?,
            expires_at: row.time("expires_at")?,
            ended_at: row.time_or_null("ended_at")?,
            why: row.text_or_null("why")?,
        })
    }
}
