//! The keys of somebody else.
//!
//! 1. Verifying waits for the net only where there is no key yet that it could use, and then for
//!    one answer, which is bounded.
//! 2. The net is asked at most once in [`ASKED_EVERY`], whatever is shown and whoever fails.
//! 3. What was read last stays until something better was read.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value as Json;
use tokio::sync::Mutex;
use value::Timestamp;

use super::{Fetch, fetched, metadata};
use crate::jws::{Algorithm, Compact, Jwk, PublicKey};

/// How often keys are read again. Common issuers let them be kept for an hour and announce new
/// ones a day ahead.
pub const READ_EVERY: Duration = Duration::from_secs(10 * 60);
/// How often, at most, because a key is not there.
pub const ASKED_EVERY: Duration = Duration::from_secs(30);
/// Keys of a set. The largest issuers have some ten.
const KEYS_MAX: usize = 100;

/// Where keys come from.
pub enum Source {
    /// They are known.
    Keys(Vec<Jwk>),
    /// A key set (RFC 7517 §5) at a URL.
    Url(String, Arc<dyn Fetch>),
    /// Where the issuer's metadata says.
    Issuer(String, Arc<dyn Fetch>),
}

/// Keys that verify with certain algorithms and no others.
pub struct KeySource {
    source: Source,
    algorithms: Vec<Algorithm>,
    keys: RwLock<Arc<Vec<Known>>>,
    asked: Mutex<Asked>,
}

struct Known {
    kid: Option<String>,
    key: PublicKey,
}

/// When the net was asked, and when it last answered.
struct Asked {
    at: Option<Timestamp>,
    answered: Option<Timestamp>,
}

/// Why a text is not verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeysRefused {
    Algorithm,
    Unknown,
    Signature,
    /// The keys could not be read. The others are for good; after this one the same text may be
    /// accepted.
    Unreachable,
}

impl KeysRefused {
    /// A sentence for `error_description`.
    pub fn sentence(self) -> &'static str {
        match self {
            KeysRefused::Algorithm => "the token is signed with an algorithm that is not accepted",
            KeysRefused::Unknown => "the token is signed with no known key of its issuer",
            KeysRefused::Signature => "the signature of the token does not hold",
            KeysRefused::Unreachable => {
                "the keys of the issuer cannot be read right now; try again"
            }
        }
    }
}

/// RFC 7517 §5.
#[derive(Deserialize)]
struct Set {
    keys: Vec<Json>,
}

/// The keys of a set that anything can be done with; the others do not spoil it.
///
/// # Errors
/// When it is no key set.
pub(super) fn read_set(set: &Json) -> Result<Vec<Jwk>, String> {
    let set = Set::deserialize(set).map_err(|error| format!("that is no key set: {error}"))?;
    let keys = set.keys.iter().take(KEYS_MAX);
    Ok(keys.filter_map(Jwk::read).collect())
}

impl Source {
    /// Of a key set that is known.
    ///
    /// # Errors
    /// When it is none.
    pub fn inline(set: &Json) -> Result<Source, String> {
        read_set(set).map(Source::Keys)
    }

    async fn read(&self) -> Result<Vec<Jwk>, String> {
        match self {
            Source::Keys(keys) => Ok(keys.clone()),
            Source::Url(url, fetch) => {
                let set: Json = fetched(fetch, url).await?;
                read_set(&set)
            }
            Source::Issuer(issuer, fetch) => {
                let found = metadata(fetch, issuer).await?;
                let missing = || format!("the metadata of `{issuer}` names no key set");
                let set: Json = fetched(fetch, &found.jwks_uri.ok_or_else(missing)?).await?;
                read_set(&set)
            }
        }
    }

    fn is_known(&self) -> bool {
        matches!(self, Source::Keys(_))
    }

    fn name(&self) -> &str {
        match self {
            Source::Keys(_) => "the contract",
            Source::Url(url, _) => url,
            Source::Issuer(issuer, _) => issuer,
        }
    }
}

impl KeySource {
    pub fn new(source: Source, algorithms: Vec<Algorithm>) -> KeySource {
        let keys = match &source {
            Source::Keys(keys) => usable(keys, &algorithms),
            _ => vec![],
        };
        KeySource {
            source,
            algorithms,
            keys: RwLock::new(Arc::new(keys)),
            asked: Mutex::new(Asked {
                at: None,
                answered: None,
            }),
        }
    }

    /// Reads the keys again if it is time.
    pub async fn tend(&self, now: Timestamp) {
        if self.source.is_known() {
            return;
        }
        let mut asked = self.asked.lock().await;
        if is_past(asked.answered, READ_EVERY, now) && is_past(asked.at, ASKED_EVERY, now) {
            self.ask(&mut asked, now).await;
        }
    }

    /// Whether a text is signed with one of the keys.
    ///
    /// # Errors
    /// When it is not, or when that cannot be known.
    pub async fn verify(&self, text: &Compact<'_>, now: Timestamp) -> Result<(), KeysRefused> {
        let algorithm = Algorithm::named(&text.header.alg)
            .filter(|algorithm| self.algorithms.contains(algorithm))
            .ok_or(KeysRefused::Algorithm)?;
        if let Some(verified) = self.verify_known(text, algorithm) {
            return verified;
        }
        if self.source.is_known() {
            return Err(KeysRefused::Unknown);
        }
        {
            // Others who miss a key meanwhile wait for the one answer.
            let mut asked = self.asked.lock().await;
            if is_past(asked.at, ASKED_EVERY, now) {
                self.ask(&mut asked, now).await;
            }
            if asked.answered.is_none() {
                return Err(KeysRefused::Unreachable);
            }
        }
        self.verify_known(text, algorithm)
            .unwrap_or(Err(KeysRefused::Unknown))
    }

    /// With the keys that are here; nothing when none of them could have signed it.
    fn verify_known(
        &self,
        text: &Compact<'_>,
        algorithm: Algorithm,
    ) -> Option<Result<(), KeysRefused>> {
        let keys = Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner));
        let kid = &text.header.kid;
        let mut fitting = keys
            .iter()
            .filter(|known| known.key.algorithm() == algorithm)
            // Without a name on either side any may be meant (RFC 7515 §4.1.4).
            .filter(|known| kid.is_none() || known.kid.is_none() || known.kid == *kid)
            .peekable();
        fitting.peek()?;
        Some(if fitting.any(|known| known.key.verify(text)) {
            Ok(())
        } else {
            Err(KeysRefused::Signature)
        })
    }

    async fn ask(&self, asked: &mut Asked, now: Timestamp) {
        asked.at = Some(now);
        match self.source.read().await {
            Ok(keys) => {
                let keys = usable(&keys, &self.algorithms);
                asked.answered = Some(now);
                if keys.is_empty() {
                    tracing::warn!(
                        source = self.source.name(),
                        "no key of an issuer can be used with the algorithms it is trusted with; \
                         those that are known stay"
                    );
                    return;
                }
                *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
            }
            Err(why) => {
                tracing::warn!(
                    source = self.source.name(),
                    why,
                    "the keys of an issuer cannot be read; those that are known stay"
                );
            }
        }
    }
}

/// Each key once for each algorithm it may be used with.
fn usable(keys: &[Jwk], algorithms: &[Algorithm]) -> Vec<Known> {
    let mut usable = Vec::new();
    for jwk in keys {
        for algorithm in algorithms {
            if let Some(key) = jwk.key(*algorithm) {
                usable.push(Known {
                    kid: jwk.kid.clone(),
                    key,
                });
            }
        }
    }
    usable
}

fn is_past(last: Option<Timestamp>, every: Duration, now: Timestamp) -> bool {
    let every = i64::try_from(every.as_millis()).unwrap_or(i64::MAX);
    last.is_none_or(|last| now.0.saturating_sub(last.0) >= every)
}
