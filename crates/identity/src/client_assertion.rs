//! Clients that prove who they are with a key of theirs (`private_key_jwt`; RFC 7523, as
//! draft-ietf-oauth-rfc7523bis narrows it).
//!
//! An assertion is for this service alone, by its issuer and no other name of it, so that none that
//! a client was tricked into signing for another service is good here. It is good once.
//!
//! Which keys a client has is told by who calls.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use store::driver::{Driver, StoreError};
use store::people::TICKETS;
use value::{Timestamp, Value};

use crate::jws::{Algorithm, Compact, Jwk};
use crate::random;
use crate::tickets::Purpose;

/// How long an assertion may be good, from when it is shown.
pub const LIFE_MAX: Duration = Duration::from_secs(5 * 60);
/// What assertions may be signed with (`token_endpoint_auth_signing_alg_values_supported`).
pub const ALGORITHMS: [Algorithm; 10] = Algorithm::ALL;

/// How much clocks may differ.
const LEEWAY: Duration = Duration::from_secs(30);
/// Characters of an id.
const ID_CHARS_MAX: usize = 256;

/// Checks assertions.
pub struct Assertions {
    driver: Arc<dyn Driver>,
    issuer: String,
}

/// Why an assertion does not prove who the client is. To clients all are `invalid_client`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AssertionRefused {
    Malformed,
    Type,
    /// By none of the client's keys.
    Key,
    Signature,
    /// `iss` and `sub` are not both the client.
    Client,
    /// `aud` is not this service's issuer, or not that alone.
    Audience,
    Expired,
    NotYet,
    /// Good for longer than [`LIFE_MAX`].
    TooLong,
    Replayed,
}

impl AssertionRefused {
    /// A sentence for `error_description`.
    pub fn sentence(self) -> &'static str {
        match self {
            AssertionRefused::Malformed => "the client assertion is not well-formed",
            AssertionRefused::Type => "the client assertion is of another type",
            AssertionRefused::Key => "the client assertion is signed with no key of the client",
            AssertionRefused::Signature => "the signature of the client assertion does not hold",
            AssertionRefused::Client => "iss and sub of the client assertion must be the client id",
            AssertionRefused::Audience => "aud of the client assertion must be the issuer alone",
            AssertionRefused::Expired => "the client assertion has expired",
            AssertionRefused::NotYet => "the client assertion is not valid yet",
            AssertionRefused::TooLong => "the client assertion must expire within five minutes",
            AssertionRefused::Replayed => "the client assertion was used before",
        }
    }
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: serde_json::Value,
    exp: i64,
    jti: String,
    #[serde(default)]
    nbf: Option<i64>,
    #[serde(default)]
    iat: Option<i64>,
}

/// Whom an assertion says to be of, before anything of it is believed: to look up that client's
/// keys.
pub fn claimed_client(text: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Claimed {
        sub: String,
    }
    let parts = Compact::parse(text).ok()?;
    parts.claims::<Claimed>().map(|claimed| claimed.sub)
}

impl Assertions {
    /// `issuer` is this service's.
    pub fn new(driver: Arc<dyn Driver>, issuer: String) -> Assertions {
        Assertions { driver, issuer }
    }

    /// Whether the assertion proves that its sender is this client, which has these keys. It is
    /// used up by that.
    ///
    /// # Errors
    /// When the database cannot be asked. Inside: when it proves nothing.
    pub async fn verify(
        &self,
        text: &str,
        client: &str,
        keys: &[Jwk],
        now: Timestamp,
    ) -> Result<Result<(), AssertionRefused>, StoreError> {
        let claims = match self.check(text, client, keys, now) {
            Ok(claims) => claims,
            Err(refused) => return Ok(Err(refused)),
        };
        // Kept for as long as it could be shown again.
        let until = millis(claims.exp).saturating_add(LEEWAY.as_millis() as i64);
        let row = TICKETS.row([
            (
                "hash",
                Value::Text(random::hash_for(
                    Purpose::Assertion.name(),
                    &[client, "\n", &claims.jti].concat(),
                )),
            ),
            ("purpose", Value::Text(Purpose::Assertion.name().to_owned())),
            ("payload", Value::Json("{}".into())),
            ("created_at", Value::Timestamp(now)),
            ("expires_at", Value::Timestamp(Timestamp(until))),
        ]);
        let insert = TICKETS.insert_new(self.driver.dialect());
        let inserted = store::execute(&*self.driver, vec![(insert, row)]).await?;
        Ok(if inserted == 0 {
            Err(AssertionRefused::Replayed)
        } else {
            Ok(())
        })
    }

    fn check(
        &self,
        text: &str,
        client: &str,
        keys: &[Jwk],
        now: Timestamp,
    ) -> Result<Claims, AssertionRefused> {
        let parts = Compact::parse(text).map_err(|_| AssertionRefused::Malformed)?;
        let header = &parts.header;
        let typed = ["JWT", "client-authentication+jwt"];
        if header.typ.is_some() && !typed.iter().any(|typ| header.is_type(typ)) {
            return Err(AssertionRefused::Type);
        }
        let algorithm = Algorithm::named(&header.alg)
            .filter(|algorithm| ALGORITHMS.contains(algorithm))
            .ok_or(AssertionRefused::Key)?;
        let named = |key: &&Jwk| header.kid.is_none() || header.kid == key.kid;
        let mut fitting = keys
            .iter()
            .filter(named)
            .filter_map(|key| key.key(algorithm))
            .peekable();
        if fitting.peek().is_none() {
            return Err(AssertionRefused::Key);
        }
        if !fitting.any(|key| key.verify(&parts)) {
            return Err(AssertionRefused::Signature);
        }
        let claims: Claims = parts.claims().ok_or(AssertionRefused::Malformed)?;
        if claims.jti.is_empty() || claims.jti.len() > ID_CHARS_MAX {
            return Err(AssertionRefused::Malformed);
        }
        if claims.iss != client || claims.sub != client {
            return Err(AssertionRefused::Client);
        }
        let audience = match &claims.aud {
            serde_json::Value::String(one) => Some(one.as_str()),
            serde_json::Value::Array(all) if all.len() == 1 => all[0].as_str(),
            _ => None,
        };
        if audience != Some(&*self.issuer) {
            return Err(AssertionRefused::Audience);
        }
        let leeway = LEEWAY.as_millis() as i64;
        let expires = millis(claims.exp);
        if expires.saturating_add(leeway) <= now.0 {
            return Err(AssertionRefused::Expired);
        }
        if expires.saturating_sub(now.0) > LIFE_MAX.as_millis() as i64 + leeway {
            return Err(AssertionRefused::TooLong);
        }
        let begins = claims.nbf.max(claims.iat).map_or(i64::MIN, millis);
        if begins > now.0.saturating_add(leeway) {
            return Err(AssertionRefused::NotYet);
        }
        Ok(claims)
    }
}

fn millis(seconds: i64) -> i64 {
    seconds.saturating_mul(1000)
}
