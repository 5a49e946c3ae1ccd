//! All keys at once, and what each is at a time. No database and no clock of its own.

use std::sync::Arc;

use serde_json::json;
use store::driver::{Rows, StoreError};
use store::people::SIGNING_KEYS;
use store::table::Row;
use value::Timestamp;
use vault::{Place, Vault};

use super::{KEPT_FOR, PUBLISHED_AHEAD, ROTATED_EVERY, SigningError, later};
use crate::jws::{Algorithm, Jwk, Pair, PublicKey};

/// A key.
#[derive(Debug)]
pub struct Key {
    /// Its thumbprint (RFC 7638).
    pub kid: String,
    pub algorithm: Algorithm,
    pub created_at: Timestamp,
    pub signs_at: Timestamp,
    pub revoked_at: Option<Timestamp>,
    jwk: Jwk,
    public: PublicKey,
    /// Only of those that may sign some day.
    pair: Option<Pair>,
}

/// What a key is for at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// It signs.
    Current,
    /// Published already, and will sign.
    Next,
    /// What it has signed may still be accepted.
    Previous,
    /// All that it has signed has expired.
    Retired,
    /// Nothing that it has signed is accepted.
    Revoked,
}

impl Stage {
    pub fn name(self) -> &'static str {
        match self {
            Stage::Current => "current",
            Stage::Next => "next",
            Stage::Previous => "previous",
            Stage::Retired => "retired",
            Stage::Revoked => "revoked",
        }
    }
}

/// The keys by the time at which they begin to sign.
#[derive(Debug, Default)]
pub struct Ring {
    keys: Vec<Arc<Key>>,
}

/// What decides a key's stage.
#[derive(Clone, Copy)]
pub(super) struct Times {
    pub signs_at: Timestamp,
    pub created_at: Timestamp,
    pub revoked: bool,
}

/// When the next key of an algorithm is to sign, if one is to be made now; by the keys of that
/// algorithm that there are.
pub(super) fn due(keys: impl Iterator<Item = Times>, now: Timestamp) -> Option<Timestamp> {
    let mut current = None;
    for key in keys.filter(|key| !key.revoked) {
        if key.signs_at > now {
            return None;
        }
        current = current.max(Some(key.signs_at));
    }
    let Some(current) = current else {
        return Some(now);
    };
    let change = later(current, ROTATED_EVERY);
    let published = later(now, PUBLISHED_AHEAD);
    (change <= published).then_some(change.max(published))
}

impl Key {
    pub fn pair(&self) -> Option<&Pair> {
        self.pair.as_ref()
    }

    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    pub(super) fn times(&self) -> Times {
        Times {
            signs_at: self.signs_at,
            created_at: self.created_at,
            revoked: self.revoked_at.is_some(),
        }
    }
}

impl Ring {
    /// By the time at which they begin to sign.
    pub fn keys(&self) -> &[Arc<Key>] {
        &self.keys
    }

    pub fn get(&self, kid: &str) -> Option<&Arc<Key>> {
        self.keys.iter().find(|key| key.kid == kid)
    }

    /// The key of this id if what it has signed may still be accepted. Also one whose time has
    /// not come: another node's clock may be ahead.
    pub fn accepted(&self, kid: &str, now: Timestamp) -> Option<&Arc<Key>> {
        self.get(kid)
            .filter(|key| !matches!(self.stage(key, now), Stage::Retired | Stage::Revoked))
    }

    pub fn current(&self, algorithm: Algorithm, now: Timestamp) -> Option<&Arc<Key>> {
        let signs = |key: &&Arc<Key>| {
            key.algorithm == algorithm && key.revoked_at.is_none() && key.signs_at <= now
        };
        self.keys.iter().rfind(signs)
    }

    pub fn stage(&self, key: &Key, now: Timestamp) -> Stage {
        if key.revoked_at.is_some() {
            return Stage::Revoked;
        }
        if key.signs_at > now {
            return Stage::Next;
        }
        let is_current = |current: &Arc<Key>| current.kid == key.kid;
        if self.current(key.algorithm, now).is_some_and(is_current) {
            return Stage::Current;
        }
        let mut after = self.keys.iter().skip_while(|other| other.kid != key.kid);
        let successor = after
            .by_ref()
            .skip(1)
            .find(|other| other.algorithm == key.algorithm);
        match successor {
            Some(successor) if later(successor.signs_at, KEPT_FOR) > now => Stage::Previous,
            _ => Stage::Retired,
        }
    }

    pub(super) fn due(&self, algorithm: Algorithm, now: Timestamp) -> Option<Timestamp> {
        let same = self.keys.iter().filter(|key| key.algorithm == algorithm);
        due(same.map(|key| key.times()), now)
    }

    /// RFC 7517 §5, the keys that sign before those that will and those that did.
    pub(super) fn key_set(&self, now: Timestamp) -> String {
        let mut published: Vec<(Stage, &Arc<Key>)> = self
            .keys
            .iter()
            .map(|key| (self.stage(key, now), key))
            .filter(|(stage, _)| !matches!(stage, Stage::Retired | Stage::Revoked))
            .collect();
        published.sort_by_key(|(stage, key)| (*stage, key.algorithm, key.signs_at));
        let keys: Vec<_> = published.iter().map(|(_, key)| key.published()).collect();
        json!({ "keys": keys }).to_string()
    }

    /// The ring of these rows. What is known already is not opened again.
    pub(super) fn renewed(
        &self,
        rows: &Rows,
        vault: &Vault,
        now: Timestamp,
    ) -> Result<Ring, SigningError> {
        let mut keys = Vec::with_capacity(rows.len());
        let successors: Vec<(String, Timestamp)> = SIGNING_KEYS
            .rows(rows)
            .map(|row| Ok((row.text("algorithm")?, row.time("signs_at")?)))
            .collect::<Result<_, StoreError>>()?;
        for (at, row) in SIGNING_KEYS.rows(rows).enumerate() {
            let kid = row.text("id")?;
            let algorithm = row.text("algorithm")?;
            // One that has a successor which signs already will not sign again.
            let succeeded = successors[at + 1..]
                .iter()
                .any(|(other, signs_at)| *other == algorithm && *signs_at <= now);
            let known = self.get(&kid).filter(|known| {
                known.signs_at == row.time("signs_at").unwrap_or(Timestamp::MIN)
                    && known.revoked_at == row.time_or_null("revoked_at").unwrap_or_default()
            });
            if let Some(known) = known {
                keys.push(Arc::clone(known));
            } else if let Some(key) = read(&row, kid, succeeded, vault)? {
                keys.push(Arc::new(key));
            }
        }
        Ok(Ring { keys })
    }
}

impl Key {
    fn published(&self) -> serde_json::Value {
        let material: serde_json::Value =
            serde_json::from_str(&self.jwk.canonical()).unwrap_or_default();
        let mut published = json!({
            "kid": self.kid,
            "alg": self.algorithm.name(),
            "use": "sig",
        });
        if let (Some(all), serde_json::Value::Object(material)) =
            (published.as_object_mut(), material)
        {
            all.extend(material);
        }
        published
    }
}

/// The key in a row; nothing if it is of an algorithm that a newer release has brought.
fn read(
    row: &Row<'_>,
    kid: String,
    succeeded: bool,
    vault: &Vault,
) -> Result<Option<Key>, SigningError> {
    let corrupt = |what: &str| StoreError::Corrupt {
        reason: format!("the {what} of signing key `{kid}` is not what it should be"),
    };
    let Some(algorithm) = Algorithm::named(&row.text("algorithm")?) else {
        return Ok(None);
    };
    let revoked_at = row.time_or_null("revoked_at")?;
    let jwk = Jwk::read(&row.json("public")?).ok_or_else(|| corrupt("public part"))?;
    let public = jwk.key(algorithm).ok_or_else(|| corrupt("public part"))?;
    let pair = if succeeded || revoked_at.is_some() {
        None
    } else {
        let pkcs8 = Place::SIGNING_KEY.open(vault, &kid, &row.text("private")?)?;
        let pair = Pair::from_pkcs8(algorithm, &pkcs8).ok_or_else(|| corrupt("private part"))?;
        Some(pair)
    };
    Ok(Some(Key {
        algorithm,
        created_at: row.time("created_at")?,
        signs_at: row.time("signs_at")?,
        revoked_at,
        jwk,
        public,
        pair,
        kid,
    }))
}
