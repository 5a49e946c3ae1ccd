//! What an access token says (RFC 9068 §2.2).

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use value::Timestamp;

use super::{FIRST_PARTY, LEEWAY, Refused, Settings, seconds};
use crate::denied::Marks;

/// What an access token is to say.
#[derive(Clone, Debug, Default)]
pub struct NewAccess {
    /// The id of the person's record, or of the client if it acts for nobody.
    pub subject: String,
    /// [`FIRST_PARTY`] without an app in between.
    pub client: String,
    /// For whom; for this API if nothing else was asked for (RFC 8707).
    pub audience: Vec<String>,
    /// All, or what an app was allowed.
    pub scopes: Option<Vec<String>>,
    pub authenticated_at: Option<Timestamp>,
    pub methods: Vec<String>,
    /// The refresh family or browser session it belongs to.
    pub family: Option<String>,
    /// The account's.
    pub epoch: Option<i64>,
    pub binding: Option<Binding>,
}

/// What an access token says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Access {
    #[serde(rename = "iss")]
    pub issuer: String,
    #[serde(rename = "sub")]
    pub subject: String,
    #[serde(rename = "aud", with = "one_or_many")]
    pub audience: Vec<String>,
    exp: i64,
    iat: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nbf: Option<i64>,
    #[serde(rename = "jti")]
    pub id: String,
    #[serde(rename = "client_id")]
    pub client: String,
    /// Absent where no app is in between.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    auth_time: Option<i64>,
    #[serde(rename = "amr", default, skip_serializing_if = "Vec::is_empty")]
    pub methods: Vec<String>,
    #[serde(rename = "sid", default, skip_serializing_if = "Option::is_none")]
    pub family: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<i64>,
    #[serde(rename = "cnf", default, skip_serializing_if = "Option::is_none")]
    pub binding: Option<Binding>,
}

/// What a token is bound to (RFC 7800): whoever shows it must prove to hold it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binding {
    /// The thumbprint of a key that signs proofs (RFC 9449 §6.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jkt: Option<String>,
    /// The SHA-256 of a client certificate (RFC 8705 §3.1).
    #[serde(rename = "x5t#S256", default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
}

impl Binding {
    /// Whether what was proved along with a request is all that this asks for.
    pub fn is_met_by(&self, proved: &Binding) -> bool {
        let met =
            |wanted: &Option<String>, shown: &Option<String>| wanted.is_none() || wanted == shown;
        met(&self.jkt, &proved.jkt) && met(&self.certificate, &proved.certificate)
    }

    pub fn is_empty(&self) -> bool {
        self.jkt.is_none() && self.certificate.is_none()
    }
}

impl Access {
    pub(super) fn new(
        new: NewAccess,
        settings: &Settings,
        id: String,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Access {
        let audience = if new.audience.is_empty() {
            vec![settings.audience.clone()]
        } else {
            new.audience
        };
        Access {
            issuer: settings.issuer.clone(),
            subject: new.subject,
            audience,
            exp: seconds(expires_at),
            iat: seconds(now),
            nbf: None,
            id,
            client: new.client,
            scope: new.scopes.map(|scopes| scopes.join(" ")),
            auth_time: new.authenticated_at.map(seconds),
            methods: new.methods,
            family: new.family,
            epoch: new.epoch,
            binding: new.binding.filter(|binding| !binding.is_empty()),
        }
    }

    /// Its scopes; `None` are all.
    pub fn scopes(&self) -> Option<Vec<String>> {
        let scope = self.scope.as_deref()?;
        Some(scope.split_ascii_whitespace().map(str::to_owned).collect())
    }

    /// Whether an app is in between.
    pub fn is_first_party(&self) -> bool {
        self.client == FIRST_PARTY
    }

    pub fn is_for(&self, audience: &str) -> bool {
        self.audience.iter().any(|one| one == audience)
    }

    pub fn expires_at(&self) -> Timestamp {
        moment(self.exp)
    }

    pub fn authenticated_at(&self) -> Option<Timestamp> {
        self.auth_time.map(moment)
    }

    /// To the millisecond, as its id tells it.
    pub fn issued_at(&self) -> Timestamp {
        let told = uuid::Uuid::parse_str(&self.id)
            .ok()
            .and_then(|id| id.get_timestamp())
            .map(|told| {
                let (seconds, nanos) = told.to_unix();
                i64::try_from(seconds)
                    .unwrap_or(i64::MAX)
                    .saturating_mul(1000)
                    .saturating_add(i64::from(nanos / 1_000_000))
            });
        told.map_or_else(|| moment(self.iat), Timestamp)
    }

    pub(super) fn marks(&self) -> Marks<'_> {
        Marks {
            token: &self.id,
            family: self.family.as_deref(),
            subject: &self.subject,
            epoch: self.epoch,
            client: &self.client,
            issued_at: self.issued_at(),
        }
    }

    /// What does not depend on who asks.
    pub(super) fn check(&self, issuer: &str, now: Timestamp) -> Result<(), Refused> {
        let leeway = LEEWAY.as_secs() as i64;
        let now = seconds(now);
        if self.issuer != issuer {
            return Err(Refused::Issuer);
        }
        // RFC 7519 §4.1.4: not on or after it.
        if self.exp.saturating_add(leeway) <= now {
            return Err(Refused::Expired);
        }
        let not_before = self.nbf.unwrap_or(self.iat).max(self.iat);
        if not_before > now.saturating_add(leeway) {
            return Err(Refused::NotYet);
        }
        Ok(())
    }
}

/// Of a NumericDate, which may be any number.
fn moment(seconds: i64) -> Timestamp {
    let millis = seconds.saturating_mul(1000);
    Timestamp(millis.clamp(Timestamp::MIN.0, Timestamp::MAX.0))
}

/// A text, or a list of them (RFC 7519 §4.1.3).
mod one_or_many {
    use super::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        One(String),
        Many(Vec<String>),
    }

    pub fn serialize<S: Serializer>(all: &[String], to: S) -> Result<S::Ok, S::Error> {
        match all {
            [one] => one.serialize(to),
            _ => all.serialize(to),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
        Ok(match Either::deserialize(from)? {
            Either::One(one) => vec![one],
            Either::Many(all) => all,
        })
    }
}
