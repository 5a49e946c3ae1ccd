//! Access tokens (RFC 9068), and the texts that are signed for apps beside them: ID tokens and
//! logout tokens (OpenID Connect).
//!
//! ```text
//!  verify ─► cache ─┬───────────────────────────────────► is it denied meanwhile? ─► Access
//!                   └► Compact ─► key by `kid` ─► signature ─► type, issuer, times ─┘
//! ```
//!
//! A token is accepted only if one of our own keys signed it, found by its `kid` and used with
//! that key's own algorithm; if it says to be an access token; if this service issued it for this
//! service; and if its time is now. No database is asked for that, but for a key that is not known
//! yet. Who the caller is beyond what the token says is for others to find out.

mod access;
mod cache;
mod refused;

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256, Sha512};
use value::Timestamp;

use crate::denied::Denied;
use crate::jws::{self, Algorithm, Compact};
use crate::signing::{Key, Signing};

use self::cache::{Cache, Known};
pub use access::{Access, Binding, NewAccess};
pub use refused::Refused;

/// The client of people's own sign-in, with no app in between.
pub const FIRST_PARTY: &str = "first-party";

/// How much clocks may differ (RFC 7519 §4.1.4): no more than our own nodes' do.
pub const LEEWAY: Duration = Duration::from_secs(30);
/// How long a token that was verified is believed without being verified again.
pub const REMEMBERED_FOR: Duration = Duration::from_secs(60);
/// No token lives longer, whatever a contract says now or has said before: so long a denial lasts
/// that is to hit all there are, and so long a key is kept that has signed any.
pub const LIFE_MAX: Duration = Duration::from_secs(model::Tokens::ACCESS.1 as u64);
/// How long ID tokens and logout tokens live: they are read when they come.
pub const READ_WITHIN: Duration = Duration::from_secs(5 * 60);

const ACCESS: &str = "at+jwt";
const ID: &str = "JWT";
const LOGOUT: &str = "logout+jwt";

/// By whom and for whom tokens are issued.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `iss`: the URL of this service (RFC 8414).
    pub issuer: String,
    /// What tokens for this API have in `aud`.
    pub audience: String,
    /// How long access tokens live.
    pub access_life: Duration,
}

/// The tokens of this service.
pub struct Tokens {
    signing: Arc<Signing>,
    denied: Arc<Denied>,
    settings: Settings,
    cache: Cache,
}

/// A token that was signed.
#[derive(Clone)]
pub struct Minted {
    pub text: String,
    /// Its `jti`.
    pub id: String,
    pub expires_at: Timestamp,
}

impl std::fmt::Debug for Minted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Minted").field(&self.id).finish()
    }
}

/// No key signs with the algorithm, or there is no randomness.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CannotMint;

impl std::fmt::Display for CannotMint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("there is no key to sign with")
    }
}

impl std::error::Error for CannotMint {}

/// What an ID token is to say (OpenID Connect Core §2).
#[derive(Clone, Debug, Default)]
pub struct NewIdToken<'a> {
    pub subject: &'a str,
    pub client: &'a str,
    pub nonce: Option<&'a str>,
    pub authenticated_at: Option<Timestamp>,
    pub methods: &'a [String],
    pub family: Option<&'a str>,
    /// The access token and the code that it comes with.
    pub access_token: Option<&'a str>,
    pub code: Option<&'a str>,
    /// What else the app may know of the person. What is said above is not overwritten.
    pub claims: serde_json::Map<String, serde_json::Value>,
    /// The one the app registered for.
    pub algorithm: Option<Algorithm>,
}

/// What an ID token said that comes back as a hint.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct IdHint {
    iss: String,
    pub sub: String,
    #[serde(rename = "aud")]
    pub client: String,
    pub sid: Option<String>,
}

impl Tokens {
    pub fn new(signing: Arc<Signing>, denied: Arc<Denied>, settings: Settings) -> Tokens {
        Tokens {
            signing,
            denied,
            settings,
            cache: Cache::new(),
        }
    }

    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Signs an access token.
    ///
    /// # Errors
    /// When there is nothing to sign with.
    pub fn mint(&self, new: NewAccess, now: Timestamp) -> Result<Minted, CannotMint> {
        let id = token_id(now)?;
        let expires_at = later(now, self.settings.access_life.min(LIFE_MAX));
        let access = Access::new(new, &self.settings, id, expires_at, now);
        let text = self.sign(None, ACCESS, &access, now)?;
        Ok(Minted {
            text,
            id: access.id,
            expires_at,
        })
    }

    /// The claims of an access token for this API.
    ///
    /// # Errors
    /// When it is not accepted.
    pub async fn verify(&self, text: &str, now: Timestamp) -> Result<Arc<Access>, Refused> {
        let access = self.read(text, now).await?;
        if access.is_for(&self.settings.audience) {
            Ok(access)
        } else {
            Err(Refused::Audience)
        }
    }

    /// The claims of an access token for whomever, for who only wants to know what it is.
    ///
    /// # Errors
    /// When it is not accepted.
    pub async fn read(&self, text: &str, now: Timestamp) -> Result<Arc<Access>, Refused> {
        if text.len() > jws::BYTES_MAX {
            return Err(Refused::Malformed);
        }
        if !self.denied.hears(now) {
            return Err(Refused::Unknowable);
        }
        let hash: [u8; 32] = Sha256::digest(text.as_bytes()).into();
        // Before anything is looked at: what is denied meanwhile counts as not seen.
        let version = self.denied.version();
        if let Some(known) = self.cache.find(&hash, now) {
            if known.version == version {
                return Ok(known.access);
            }
            self.check_denied(&known.access, &known.kid)?;
            let access = Arc::clone(&known.access);
            self.cache.insert(hash, Known { version, ..known }, now);
            return Ok(access);
        }
        // Apart, as all of a future is moved with it, and this is needed once a minute.
        Box::pin(self.check(text, hash, version, now)).await
    }

    async fn check(
        &self,
        text: &str,
        hash: [u8; 32],
        version: u64,
        now: Timestamp,
    ) -> Result<Arc<Access>, Refused> {
        let parts = Compact::parse(text).map_err(|_| Refused::Malformed)?;
        if !parts.header.is_type(ACCESS) {
            return Err(Refused::Type);
        }
        let key = self.key_of(&parts, now).await?;
        let access: Access = parts.claims().ok_or(Refused::Malformed)?;
        access.check(&self.settings.issuer, now)?;
        self.check_denied(&access, &key.kid)?;
        let access = Arc::new(access);
        let known = Known {
            access: Arc::clone(&access),
            kid: key.kid.as_str().into(),
            version,
            until: later(now, REMEMBERED_FOR).min(access.expires_at()),
        };
        self.cache.insert(hash, known, now);
        Ok(access)
    }

    /// The key that has signed it.
    async fn key_of(&self, parts: &Compact<'_>, now: Timestamp) -> Result<Arc<Key>, Refused> {
        let kid = parts.header.kid.as_deref().ok_or(Refused::Key)?;
        let found = self.signing.find(kid, now).await;
        let key = found
            .map_err(|_| Refused::Unknowable)?
            .ok_or(Refused::Key)?;
        if key.public().verify(parts) {
            Ok(key)
        } else {
            Err(Refused::Signature)
        }
    }

    fn check_denied(&self, access: &Access, kid: &str) -> Result<(), Refused> {
        if self.denied.is_denied(&access.marks()) || self.denied.is_key_denied(kid) {
            Err(Refused::Denied)
        } else {
            Ok(())
        }
    }

    /// Signs an ID token.
    ///
    /// # Errors
    /// When there is nothing to sign with.
    pub fn mint_id(&self, new: NewIdToken<'_>, now: Timestamp) -> Result<String, CannotMint> {
        let algorithm = self.algorithm(new.algorithm);
        let half = |text: &str| half_hash(algorithm, text);
        let mut claims = new.claims;
        let mut say = |name: &str, value: Option<serde_json::Value>| match value {
            Some(value) => {
                claims.insert(name.to_owned(), value);
            }
            None => {
                claims.remove(name);
            }
        };
        say("iss", Some(self.settings.issuer.as_str().into()));
        say("sub", Some(new.subject.into()));
        say("aud", Some(new.client.into()));
        say("exp", Some(seconds(later(now, READ_WITHIN)).into()));
        say("iat", Some(seconds(now).into()));
        say(
            "auth_time",
            new.authenticated_at.map(|at| seconds(at).into()),
        );
        say("nonce", new.nonce.map(Into::into));
        say("amr", (!new.methods.is_empty()).then(|| new.methods.into()));
        say("sid", new.family.map(Into::into));
        say("at_hash", new.access_token.map(|text| half(text).into()));
        say("c_hash", new.code.map(|text| half(text).into()));
        self.sign(Some(algorithm), ID, &claims, now)
    }

    /// What an ID token says that this service has issued, however long ago; for hints alone.
    ///
    /// # Errors
    /// When it is none of ours, or its key is known no more.
    pub async fn read_id_hint(&self, text: &str, now: Timestamp) -> Result<IdHint, Refused> {
        let parts = Compact::parse(text).map_err(|_| Refused::Malformed)?;
        if !parts.header.is_type(ID) {
            return Err(Refused::Type);
        }
        let kid = parts.header.kid.as_deref().ok_or(Refused::Key)?;
        let _ = self.signing.find(kid, now).await;
        // Also one that was retired, as the token may be old; never one that was taken back.
        let ring = self.signing.ring();
        let key = ring.get(kid).filter(|key| key.revoked_at.is_none());
        let key = key.ok_or(Refused::Key)?;
        if self.denied.is_key_denied(kid) || !key.public().verify(&parts) {
            return Err(Refused::Signature);
        }
        let hint: IdHint = parts.claims().ok_or(Refused::Malformed)?;
        if hint.iss == self.settings.issuer {
            Ok(hint)
        } else {
            Err(Refused::Issuer)
        }
    }

    /// Signs a logout token (OpenID Connect Back-Channel Logout §2.4).
    ///
    /// # Errors
    /// When there is nothing to sign with.
    pub fn mint_logout(
        &self,
        client: &str,
        subject: Option<&str>,
        family: Option<&str>,
        algorithm: Option<Algorithm>,
        now: Timestamp,
    ) -> Result<String, CannotMint> {
        #[derive(Serialize)]
        struct Logout<'a> {
            iss: &'a str,
            aud: &'a str,
            iat: i64,
            exp: i64,
            jti: String,
            events: serde_json::Value,
            #[serde(skip_serializing_if = "Option::is_none")]
            sub: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            sid: Option<&'a str>,
        }
        let claims = Logout {
            iss: &self.settings.issuer,
            aud: client,
            iat: seconds(now),
            exp: seconds(later(now, READ_WITHIN)),
            jti: token_id(now)?,
            events: serde_json::json!({
                "http://schemas.openid.net/event/backchannel-logout": {}
            }),
            sub: subject,
            sid: family,
        };
        self.sign(Some(self.algorithm(algorithm)), LOGOUT, &claims, now)
    }

    /// The wished one if this service signs with it.
    fn algorithm(&self, wished: Option<Algorithm>) -> Algorithm {
        let offered = &self.signing.settings().algorithms;
        wished
            .filter(|wished| offered.contains(wished))
            .or_else(|| offered.first().copied())
            .unwrap_or(Algorithm::Es256)
    }

    fn sign(
        &self,
        algorithm: Option<Algorithm>,
        typ: &str,
        claims: &impl Serialize,
        now: Timestamp,
    ) -> Result<String, CannotMint> {
        let algorithm = algorithm.unwrap_or_else(|| self.algorithm(None));
        let key = self.signing.current(algorithm, now).ok_or(CannotMint)?;
        let pair = key.pair().ok_or(CannotMint)?;
        jws::sign(pair, &key.kid, typ, claims).map_err(|_| CannotMint)
    }
}

/// Until when a denial must last that is to hit everything issued until now.
pub fn outlived(now: Timestamp) -> Timestamp {
    later(now, LIFE_MAX.saturating_add(LEEWAY))
}

/// A UUID of version 7: it tells the time to the millisecond, which `iat` does not.
fn token_id(now: Timestamp) -> Result<String, CannotMint> {
    let mut random = [0; 10];
    getrandom::fill(&mut random).map_err(|_| CannotMint)?;
    let millis = u64::try_from(now.0).unwrap_or(0);
    let id = uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid();
    Ok(id.to_string())
}

/// The left half of the hash that belongs to the algorithm (OpenID Connect Core §3.1.3.6); for
/// Ed25519 that is SHA-512.
fn half_hash(algorithm: Algorithm, text: &str) -> String {
    let half = |hash: &[u8]| URL_SAFE_NO_PAD.encode(&hash[..hash.len() / 2]);
    match algorithm {
        Algorithm::EdDsa => half(&Sha512::digest(text)),
        _ => half(&Sha256::digest(text)),
    }
}

/// A NumericDate (RFC 7519 §2).
fn seconds(at: Timestamp) -> i64 {
    at.0.div_euclid(1000)
}

fn later(time: Timestamp, by: Duration) -> Timestamp {
    let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
    Timestamp(time.0.saturating_add(by).min(Timestamp::MAX.0))
}
