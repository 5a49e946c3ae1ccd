//! Proofs of possession (RFC 9449): that whoever sends a request holds the key that its token is
//! bound to.
//!
//! A proof is a text signed with a key that it brings along: it proves nothing but that its sender
//! holds that key, now, for this request. Which key is wanted is what a token says
//! ([`crate::tokens::Binding`]).
//!
//! Proofs that were accepted are remembered by each node by itself for as long as they could be
//! shown again, so that one that was read on its way is good for nothing on that node. Who wants
//! that of all nodes asks for nonces, which narrow the time rather than count the uses. What is
//! remembered is bounded; should there be more, the oldest go first.

mod nonce;
mod seen;
mod url;

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use value::Timestamp;

use crate::jws::{Algorithm, Compact, Jwk};
use crate::tokens::Binding;

use self::nonce::Nonces;
use self::seen::Seen;

/// How old a proof may be: it is made for one request.
pub const AGE_MAX: Duration = Duration::from_secs(60);
/// How far a client's clock may be ahead.
pub const AHEAD_MAX: Duration = Duration::from_secs(30);
/// How long a nonce is good, at least.
pub const NONCE_LASTS: Duration = Duration::from_secs(150);
/// What proofs may be signed with (`dpop_signing_alg_values_supported`).
pub const ALGORITHMS: [Algorithm; 4] = [
    Algorithm::Es256,
    Algorithm::EdDsa,
    Algorithm::Rs256,
    Algorithm::Ps256,
];

/// Characters of an id. 128 random bits need no more than 36.
const ID_CHARS_MAX: usize = 256;
const TYPE: &str = "dpop+jwt";

/// Checks proofs.
pub struct Dpop {
    nonces: Nonces,
    seen: Seen,
}

/// The request that a proof must be for.
#[derive(Clone, Copy, Debug)]
pub struct For<'a> {
    pub method: &'a str,
    /// Whole, as clients see it; query and fragment do not count.
    pub url: &'a str,
    /// The access token that is sent along, where one is.
    pub token: Option<&'a str>,
    /// Whether it must bear a nonce of ours.
    pub nonce: bool,
}

/// A proof that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The thumbprint of its key.
    pub jkt: String,
}

/// Why a proof does not hold. To clients all but one are `invalid_dpop_proof`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DpopRefused {
    Malformed,
    Type,
    Algorithm,
    /// It brings no public key, or one with its private part.
    Key,
    Signature,
    Method,
    Url,
    Time,
    /// For another access token.
    Token,
    /// `use_dpop_nonce`: to be made again with [`Dpop::nonce`] (RFC 9449 §8).
    Nonce,
    Replayed,
}

impl DpopRefused {
    /// A sentence for `error_description`.
    pub fn sentence(self) -> &'static str {
        match self {
            DpopRefused::Malformed => "the DPoP proof is not well-formed",
            DpopRefused::Type => "the DPoP proof is not of the type dpop+jwt",
            DpopRefused::Algorithm => "the DPoP proof is signed with another algorithm",
            DpopRefused::Key => "the DPoP proof has no usable public key in its header",
            DpopRefused::Signature => "the signature of the DPoP proof does not hold",
            DpopRefused::Method => "the DPoP proof is for another method",
            DpopRefused::Url => "the DPoP proof is for another URL",
            DpopRefused::Time => "the DPoP proof was not made just now",
            DpopRefused::Token => "the DPoP proof is for another access token",
            DpopRefused::Nonce => "the DPoP proof must bear the nonce of this answer",
            DpopRefused::Replayed => "the DPoP proof was used before",
        }
    }
}

impl Proof {
    /// What this proves to hold.
    pub fn binding(&self) -> Binding {
        Binding {
            jkt: Some(self.jkt.clone()),
            certificate: None,
        }
    }
}

/// What a certificate proves to hold, by the SHA-256 of its DER form (RFC 8705 §3.1).
pub fn certificate_thumbprint(sha256: &[u8; 32]) -> String {
    URL_SAFE_NO_PAD.encode(sha256)
}

/// What a proof says (RFC 9449 §4.2).
#[derive(Deserialize)]
struct Claims {
    jti: String,
    htm: String,
    htu: String,
    iat: i64,
    #[serde(default)]
    ath: Option<String>,
    #[serde(default)]
    nonce: Option<String>,
}

impl Dpop {
    /// `key` is the same on all nodes, which accept each other's nonces.
    pub fn new(key: &[u8; 32]) -> Dpop {
        Dpop {
            nonces: Nonces::new(key),
            seen: Seen::new(),
        }
    }

    /// For `DPoP-Nonce`.
    pub fn nonce(&self, now: Timestamp) -> String {
        self.nonces.current(now)
    }

    /// Checks a proof against the request that it came with. It is used up by that.
    ///
    /// # Errors
    /// When it does not hold.
    pub fn verify(
        &self,
        text: &str,
        request: For<'_>,
        now: Timestamp,
    ) -> Result<Proof, DpopRefused> {
        let parts = Compact::parse(text).map_err(|_| DpopRefused::Malformed)?;
        if !parts.header.is_type(TYPE) {
            return Err(DpopRefused::Type);
        }
        let algorithm = Algorithm::named(&parts.header.alg)
            .filter(|algorithm| ALGORITHMS.contains(algorithm))
            .ok_or(DpopRefused::Algorithm)?;
        let jwk = parts.header.jwk.as_ref().and_then(Jwk::read);
        let jwk = jwk.ok_or(DpopRefused::Key)?;
        let key = jwk.key(algorithm).ok_or(DpopRefused::Key)?;
        // What costs nothing first.
        let claims: Claims = parts.claims().ok_or(DpopRefused::Malformed)?;
        self.check(&claims, request, now)?;
        if !key.verify(&parts) {
            return Err(DpopRefused::Signature);
        }
        let jkt = jwk.thumbprint();
        let id = Sha256::digest([jkt.as_bytes(), b".", claims.jti.as_bytes()].concat());
        if !self.seen.is_new(id.into(), now) {
            return Err(DpopRefused::Replayed);
        }
        Ok(Proof { jkt })
    }

    fn check(&self, claims: &Claims, request: For<'_>, now: Timestamp) -> Result<(), DpopRefused> {
        if claims.jti.is_empty() || claims.jti.len() > ID_CHARS_MAX {
            return Err(DpopRefused::Malformed);
        }
        if claims.htm != request.method {
            return Err(DpopRefused::Method);
        }
        if !url::are_equal(&claims.htu, request.url) {
            return Err(DpopRefused::Url);
        }
        let made = claims.iat.saturating_mul(1000);
        let age = now.0.saturating_sub(made);
        if age > AGE_MAX.as_millis() as i64 || age < -(AHEAD_MAX.as_millis() as i64) {
            return Err(DpopRefused::Time);
        }
        if let Some(token) = request.token {
            let hash = URL_SAFE_NO_PAD.encode(Sha256::digest(token));
            if claims.ath.as_deref() != Some(&*hash) {
                return Err(DpopRefused::Token);
            }
        }
        match &claims.nonce {
            Some(nonce) if self.nonces.is_good(nonce, now) => Ok(()),
            None if !request.nonce => Ok(()),
            _ => Err(DpopRefused::Nonce),
        }
    }
}
