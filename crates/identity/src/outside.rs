//! Tokens of other issuers (`auth.jwt`), and the keys of others that they are checked with.
//!
//! ```text
//!  verify ─► whose does it say it is? ─► that issuer's keys alone ─► signature, times, audience
//!                                          └► KeySource: read again in the background, and when a
//!                                             key is not in it; the last good one stays
//! ```
//!
//! What a token may be signed with is said in the contract, never by the token. Where keys lie is
//! said in the contract or in the issuer's own metadata. How anything is fetched is for [`Fetch`]:
//! nothing here knows HTTP.

mod keys;
mod metadata;

use std::sync::Arc;
use std::time::Duration;

use call::BoxFuture;
use serde::Deserialize;
use serde_json::{Map, Value as Json};
use value::Timestamp;

use crate::jws::Compact;
use crate::tokens::Binding;

pub use keys::{ASKED_EVERY, KeySource, KeysRefused, READ_EVERY, Source};
pub use metadata::{Metadata, metadata};

/// How much the clocks of others may differ from ours.
const LEEWAY: Duration = Duration::from_secs(30);

/// What is sent to somebody else.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    pub url: &'a str,
    pub headers: &'a [(&'a str, &'a str)],
    /// A form, which is posted; without one it is a GET.
    pub form: Option<&'a str>,
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
}

/// Asks others over the net. Bounded in time and size, follows no redirects, and reaches no
/// address that is none of the internet's unless the contract names it.
pub trait Fetch: Send + Sync {
    /// `Err`: why there is no answer, in a sentence.
    fn fetch<'a>(&'a self, ask: Ask<'a>) -> BoxFuture<'a, Result<Answer, String>>;
}

/// Somebody whose tokens are believed.
pub struct Issuer {
    /// `iss`, compared exactly.
    pub issuer: String,
    /// One of these must be in `aud`.
    pub audience: Vec<String>,
    pub keys: KeySource,
    /// The claim that is `user.id`.
    pub user: String,
    /// The claim that lists the scopes.
    pub scopes: Option<String>,
    /// `user.NAME`, and the claim it is read from.
    pub claims: Vec<(String, String)>,
}

/// All that are believed.
pub struct Outside {
    issuers: Vec<Issuer>,
}

/// What a token of another issuer says.
#[derive(Clone, Debug, PartialEq)]
pub struct OutsideToken {
    pub issuer: String,
    pub user: String,
    /// `None` where its tokens carry none.
    pub scopes: Option<Vec<String>>,
    pub claims: Vec<(String, String)>,
    pub id: Option<String>,
    pub expires_at: Timestamp,
    pub authenticated_at: Option<Timestamp>,
    pub binding: Option<Binding>,
}

/// Why a token of another issuer is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutsideRefused {
    Malformed,
    /// Made for something else than to be shown to an API.
    Type,
    Issuer,
    Audience,
    Expired,
    NotYet,
    /// It does not say who the user is.
    User,
    Keys(KeysRefused),
}

impl OutsideRefused {
    /// A sentence for `error_description`.
    pub fn sentence(self) -> &'static str {
        match self {
            OutsideRefused::Malformed => "the token is not well-formed",
            OutsideRefused::Type => "the token is not an access token",
            OutsideRefused::Issuer => "the token was issued by somebody who is not trusted here",
            OutsideRefused::Audience => "the token was issued for another service",
            OutsideRefused::Expired => "the token has expired",
            OutsideRefused::NotYet => "the token is not valid yet",
            OutsideRefused::User => "the token does not say who the user is",
            OutsideRefused::Keys(refused) => refused.sentence(),
        }
    }
}

/// The claims that decide. Each may stand there once.
#[derive(Deserialize)]
struct Deciding {
    iss: String,
    #[serde(default)]
    aud: Json,
    exp: f64,
    #[serde(default)]
    nbf: Option<f64>,
    #[serde(default)]
    iat: Option<f64>,
    #[serde(default)]
    auth_time: Option<f64>,
    #[serde(default)]
    jti: Option<String>,
    #[serde(default)]
    cnf: Option<Binding>,
}

/// Types of texts that are signed for other ends (RFC 8725 §3.11).
const OTHER_TYPES: [&str; 6] = [
    "dpop+jwt",
    "logout+jwt",
    "secevent+jwt",
    "client-authentication+jwt",
    "oauth-authz-req+jwt",
    "token-introspection+jwt",
];

impl Outside {
    pub fn new(issuers: Vec<Issuer>) -> Outside {
        Outside { issuers }
    }

    /// Whether a token says to be of one of them; nothing of it is believed yet.
    pub fn claims(&self, text: &str) -> bool {
        #[derive(Deserialize)]
        struct Claimed {
            iss: String,
        }
        let parts = Compact::parse(text).ok();
        let claimed = parts.and_then(|parts| parts.claims::<Claimed>());
        claimed.is_some_and(|claimed| self.issuer(&claimed.iss).is_some())
    }

    fn issuer(&self, issuer: &str) -> Option<&Issuer> {
        self.issuers.iter().find(|one| one.issuer == issuer)
    }

    /// Reads keys again whose time it is. To be called every few seconds, beside requests.
    pub async fn tend(&self, now: Timestamp) {
        for issuer in &self.issuers {
            issuer.keys.tend(now).await;
        }
    }

    /// # Errors
    /// When the token is not accepted.
    pub async fn verify(&self, text: &str, now: Timestamp) -> Result<OutsideToken, OutsideRefused> {
        let parts = Compact::parse(text).map_err(|_| OutsideRefused::Malformed)?;
        if OTHER_TYPES.iter().any(|typ| parts.header.is_type(typ)) {
            return Err(OutsideRefused::Type);
        }
        let deciding: Deciding = parts.claims().ok_or(OutsideRefused::Malformed)?;
        let issuer = self.issuer(&deciding.iss).ok_or(OutsideRefused::Issuer)?;
        // What costs nothing first.
        deciding.check(issuer, now)?;
        let verified = issuer.keys.verify(&parts, now).await;
        verified.map_err(OutsideRefused::Keys)?;
        let all: Map<String, Json> = parts.claims().ok_or(OutsideRefused::Malformed)?;
        let user = all.get(&issuer.user).and_then(text_of);
        let claims = issuer.claims.iter().filter_map(|(name, claim)| {
            let said = all.get(claim).and_then(text_of)?;
            Some((name.clone(), said))
        });
        Ok(OutsideToken {
            issuer: issuer.issuer.clone(),
            user: user.ok_or(OutsideRefused::User)?,
            scopes: issuer
                .scopes
                .as_ref()
                .map(|claim| scopes_of(all.get(claim))),
            claims: claims.collect(),
            id: deciding.jti,
            expires_at: moment(deciding.exp),
            authenticated_at: deciding.auth_time.map(moment),
            binding: deciding.cnf.filter(|binding| !binding.is_empty()),
        })
    }
}

impl Deciding {
    fn check(&self, issuer: &Issuer, now: Timestamp) -> Result<(), OutsideRefused> {
        let wanted = |said: &str| issuer.audience.iter().any(|one| one == said);
        let is_for = match &self.aud {
            Json::String(one) => wanted(one),
            Json::Array(all) => all.iter().filter_map(Json::as_str).any(wanted),
            _ => false,
        };
        if !is_for {
            return Err(OutsideRefused::Audience);
        }
        let leeway = LEEWAY.as_millis() as i64;
        if moment(self.exp).0.saturating_add(leeway) <= now.0 {
            return Err(OutsideRefused::Expired);
        }
        let begins = [self.nbf, self.iat].into_iter().flatten().map(moment).max();
        if begins.is_some_and(|begins| begins.0 > now.0.saturating_add(leeway)) {
            return Err(OutsideRefused::NotYet);
        }
        Ok(())
    }
}

/// A NumericDate, which may have a fraction (RFC 7519 §2).
fn moment(seconds: f64) -> Timestamp {
    // As far as it can be told; what is not a number is long ago.
    let millis = (seconds * 1000.0) as i64;
    Timestamp(millis.clamp(Timestamp::MIN.0, Timestamp::MAX.0))
}

/// What rules can read: texts, and numbers and truth as they are written.
fn text_of(said: &Json) -> Option<String> {
    match said {
        Json::String(text) if !text.is_empty() => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        Json::Bool(is) => Some(is.to_string()),
        _ => None,
    }
}

/// A text with spaces in between (RFC 8693 §4.2), or a list.
fn scopes_of(said: Option<&Json>) -> Vec<String> {
    let mut scopes: Vec<String> = match said {
        Some(Json::String(text)) => text.split_ascii_whitespace().map(str::to_owned).collect(),
        Some(Json::Array(all)) => {
            let texts = all.iter().filter_map(Json::as_str);
            texts.map(str::to_owned).collect()
        }
        _ => vec![],
    };
    scopes.sort();
    scopes.dedup();
    scopes
}

/// What is fetched, as JSON.
async fn fetched<T: serde::de::DeserializeOwned>(
    fetch: &Arc<dyn Fetch>,
    url: &str,
) -> Result<T, String> {
    let ask = Ask {
        url,
        headers: &[("accept", "application/json")],
        form: None,
    };
    let answer = fetch.fetch(ask).await?;
    if answer.status != 200 {
        return Err(format!("`{url}` answered with status {}", answer.status));
    }
    serde_json::from_slice(&answer.body)
        .map_err(|error| format!("`{url}` is no such JSON: {error}"))
}
