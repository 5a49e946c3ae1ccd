//! Registered apps as they lie in their table, and what one must be to be registered.

use model::{KeySet, Model};
use serde::{Deserialize, Serialize};
use store::StoreError;
use store::people::CLIENTS;
use store::table::{Row, json, or_null};
use value::{Timestamp, Value};

use super::uris;
use super::{CertificateProof, Client, ClientError, ClientSecret, OPENID, Proof, SECRETS_MAX};
use crate::random;

/// Begins the ids of registered apps. What begins otherwise need not be looked for.
pub(super) const PREFIX: &str = "app_";
/// Characters of a title.
const TITLE_CHARS_MAX: usize = 100;
/// Addresses of one app; all are compared at each sign-in.
const ADDRESSES_MAX: usize = 50;

/// An app that is to be registered.
#[derive(Clone, Debug)]
pub struct NewClient {
    pub title: String,
    pub proof: NewProof,
    pub redirect_uris: Vec<String>,
    pub scopes: Vec<String>,
    pub post_logout_redirect_uris: Vec<String>,
    pub backchannel_logout_uri: Option<String>,
    pub device: bool,
    pub trusted: bool,
}

/// How it is going to prove that it is the one.
#[derive(Clone, Debug)]
pub enum NewProof {
    Public,
    /// By a secret that is made for it.
    Secret,
    Keys(KeySet),
    Certificate(CertificateProof),
}

/// A registered app.
#[derive(Clone, Debug, PartialEq)]
pub struct Registered {
    pub client: Client,
    pub created_at: Timestamp,
    pub disabled_at: Option<Timestamp>,
}

/// What is kept of a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptSecret {
    pub(super) hash: String,
    /// Times in milliseconds.
    pub created_at: i64,
    /// Until it is replaced for good; for ever, unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<i64>,
}

/// What lies in the column `data`.
#[derive(Serialize, Deserialize)]
struct Data {
    title: String,
    proof: Kind,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    redirect_uris: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    scopes: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    post_logout_redirect_uris: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    backchannel_logout_uri: Option<String>,
    #[serde(default)]
    device: bool,
    #[serde(default)]
    trusted: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Public,
    Secret,
    Keys(serde_json::Value),
    KeysAt(String),
    Certificate(CertificateProof),
}

impl KeptSecret {
    pub(super) fn new(secret: &ClientSecret, now: Timestamp) -> KeptSecret {
        KeptSecret {
            hash: secret.hash(),
            created_at: now.0,
            until: None,
        }
    }
}

/// The secrets of an app after it was given another one.
pub(super) fn rotated(
    kept: Vec<KeptSecret>,
    new: KeptSecret,
    until: i64,
    now: Timestamp,
) -> Vec<KeptSecret> {
    let ending = kept.into_iter().map(|secret| KeptSecret {
        until: Some(secret.until.map_or(until, |known| known.min(until))),
        ..secret
    });
    let mut all: Vec<KeptSecret> = ending
        .filter(|secret| secret.until.is_some_and(|until| until > now.0))
        .collect();
    // The newest are kept.
    let surplus = (all.len() + 1).saturating_sub(SECRETS_MAX);
    all.drain(..surplus);
    all.push(new);
    all
}

impl NewClient {
    pub(super) fn check(&self, model: &Model) -> Result<(), ClientError> {
        let invalid = |why: String| Err(ClientError::Invalid(why));
        let title = self.title.trim();
        if title.is_empty() || title.chars().count() > TITLE_CHARS_MAX {
            return invalid(format!(
                "an app's title has 1 to {TITLE_CHARS_MAX} characters"
            ));
        }
        let public = matches!(self.proof, NewProof::Public);
        let lists = [&self.redirect_uris, &self.post_logout_redirect_uris];
        for list in lists {
            if list.len() > ADDRESSES_MAX {
                return invalid(format!("an app has at most {ADDRESSES_MAX} addresses"));
            }
            for uri in list {
                uris::check(uri, public).map_err(ClientError::Invalid)?;
            }
        }
        if let Some(uri) = &self.backchannel_logout_uri {
            uris::check(uri, false).map_err(ClientError::Invalid)?;
        }
        if let NewProof::Keys(KeySet::Url(uri)) = &self.proof {
            uris::check(uri, false).map_err(ClientError::Invalid)?;
        }
        let mut known = model.scopes();
        if model.auth.users.is_some() {
            known.extend(OPENID.map(str::to_owned));
        } else if !self.redirect_uris.is_empty() || self.device {
            return invalid("nobody can sign in here: the contract has no `auth.users`".to_owned());
        }
        if let Some(scope) = self.scopes.iter().find(|scope| !known.contains(scope)) {
            let known = known.join(", ");
            return invalid(format!("there is no scope `{scope}`; there are: {known}"));
        }
        if public && self.redirect_uris.is_empty() && !self.device {
            return invalid(
                "nobody can sign in with an app that is public and has neither a redirect URI nor the device flow"
                    .to_owned(),
            );
        }
        Ok(())
    }

    pub(super) fn registered(self, secrets: Vec<KeptSecret>, now: Timestamp) -> Registered {
        let mut scopes = self.scopes;
        let mut seen = std::collections::HashSet::new();
        scopes.retain(|scope| seen.insert(scope.clone()));
        Registered {
            client: Client {
                id: random::id("app"),
                title: self.title.trim().to_owned(),
                proof: match self.proof {
                    NewProof::Public => Proof::Public,
                    NewProof::Secret => Proof::Secrets(secrets),
                    NewProof::Keys(keys) => Proof::Keys(keys),
                    NewProof::Certificate(certificate) => Proof::Certificate(certificate),
                },
                redirect_uris: self.redirect_uris,
                scopes,
                post_logout_redirect_uris: self.post_logout_redirect_uris,
                backchannel_logout_uri: self.backchannel_logout_uri,
                device: self.device,
                trusted: self.trusted,
            },
            created_at: now,
            disabled_at: None,
        }
    }
}

impl Registered {
    pub(super) fn row(&self) -> Result<Vec<Value>, StoreError> {
        let client = &self.client;
        let mut secrets: &[KeptSecret] = &[];
        let proof = match &client.proof {
            // A name stands in contracts only; kept here it would be a secret nobody has.
            Proof::Public | Proof::Named(_) => Kind::Public,
            Proof::Secrets(kept) => {
                secrets = kept;
                Kind::Secret
            }
            Proof::Keys(KeySet::Inline(keys)) => Kind::Keys(keys.clone()),
            Proof::Keys(KeySet::Url(url)) => Kind::KeysAt(url.clone()),
            Proof::Certificate(certificate) => Kind::Certificate(certificate.clone()),
        };
        let data = Data {
            title: client.title.clone(),
            proof,
            redirect_uris: client.redirect_uris.clone(),
            scopes: client.scopes.clone(),
            post_logout_redirect_uris: client.post_logout_redirect_uris.clone(),
            backchannel_logout_uri: client.backchannel_logout_uri.clone(),
            device: client.device,
            trusted: client.trusted,
        };
        Ok(CLIENTS.row([
            ("id", Value::Text(client.id.clone())),
            ("data", json(&data)?),
            ("secrets", json(&secrets)?),
            ("created_at", Value::Timestamp(self.created_at)),
            ("disabled_at", or_null(self.disabled_at, Value::Timestamp)),
        ]))
    }

    pub(super) fn read(row: &Row<'_>) -> Result<Registered, StoreError> {
        let data: Data = row.json("data")?;
        Ok(Registered {
            client: Client {
                id: row.text("id")?,
                title: data.title,
                proof: match data.proof {
                    Kind::Public => Proof::Public,
                    Kind::Secret => Proof::Secrets(row.json("secrets")?),
                    Kind::Keys(keys) => Proof::Keys(KeySet::Inline(keys)),
                    Kind::KeysAt(url) => Proof::Keys(KeySet::Url(url)),
                    Kind::Certificate(certificate) => Proof::Certificate(certificate),
                },
                redirect_uris: data.redirect_uris,
                scopes: data.scopes,
                post_logout_redirect_uris: data.post_logout_redirect_uris,
                backchannel_logout_uri: data.backchannel_logout_uri,
                device: data.device,
                trusted: data.trusted,
            },
            created_at: row.time("created_at")?,
            disabled_at: row.time_or_null("disabled_at")?,
        })
    }
}
