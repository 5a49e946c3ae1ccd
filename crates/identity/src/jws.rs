//! Signed texts in compact form (RFC 7515): taken apart, checked, made.
//!
//! ```text
//!  text ─► Compact::parse ─► header, payload, signature     nothing is believed yet
//!                 └► PublicKey::verify                       with the key's own algorithm
//! ```
//!
//! Which key a text must be signed with, and what its payload must say, is for whoever reads it:
//! here no key is ever taken from a text or fetched. A key is made for one algorithm and checks no
//! other (RFC 8725 §3.1), so what a header says can only be refused. `none` and the symmetric
//! algorithms do not exist here. A header with `crit` is refused, as no extension is understood
//! (RFC 7515 §4.1.11).

mod jwk;
mod pair;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Deserializer, Serialize};

pub use jwk::{Jwk, PublicKey};
pub use pair::Pair;

/// Bytes of a text. Ours have below one kilobyte; those of others with long lists of claims a few.
pub const BYTES_MAX: usize = 8 << 10;

/// An asymmetric algorithm (RFC 7518 §3.1, RFC 8037).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Algorithm {
    Es256,
    EdDsa,
    Rs256,
    Es384,
    Es512,
    Rs384,
    Rs512,
    Ps256,
    Ps384,
    Ps512,
}

impl Algorithm {
    pub const ALL: [Algorithm; 10] = [
        Algorithm::Es256,
        Algorithm::EdDsa,
        Algorithm::Rs256,
        Algorithm::Es384,
        Algorithm::Es512,
        Algorithm::Rs384,
        Algorithm::Rs512,
        Algorithm::Ps256,
        Algorithm::Ps384,
        Algorithm::Ps512,
    ];

    /// As it is written in headers.
    pub fn name(self) -> &'static str {
        match self {
            Algorithm::Es256 => "ES256",
            Algorithm::EdDsa => "EdDSA",
            Algorithm::Rs256 => "RS256",
            Algorithm::Es384 => "ES384",
            Algorithm::Es512 => "ES512",
            Algorithm::Rs384 => "RS384",
            Algorithm::Rs512 => "RS512",
            Algorithm::Ps256 => "PS256",
            Algorithm::Ps384 => "PS384",
            Algorithm::Ps512 => "PS512",
        }
    }

    /// RFC 9864 gave EdDSA with Ed25519, the only one there is here, a name of its own.
    pub fn named(name: &str) -> Option<Algorithm> {
        match name {
            "Ed25519" => Some(Algorithm::EdDsa),
            _ => Algorithm::ALL.into_iter().find(|one| one.name() == name),
        }
    }
}

/// A text that was taken apart. Nothing of it is proved.
#[derive(Debug)]
pub struct Compact<'a> {
    pub header: Header,
    pub payload: Vec<u8>,
    pub(crate) signed: &'a str,
    pub(crate) signature: Vec<u8>,
}

/// What a header says. `jku`, `x5u` and `x5c` are not even read: a key is never taken from there.
#[derive(Debug, Deserialize)]
pub struct Header {
    pub alg: String,
    #[serde(default)]
    pub typ: Option<String>,
    #[serde(default)]
    pub kid: Option<String>,
    /// Read by proofs of possession alone, whose key it is.
    #[serde(default)]
    pub jwk: Option<serde_json::Value>,
    #[serde(default, deserialize_with = "is_there")]
    crit: bool,
}

/// Why a text was not taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

impl<'a> Compact<'a> {
    /// # Errors
    /// When it is no signed text in compact form, too long, or wants an extension.
    pub fn parse(text: &'a str) -> Result<Compact<'a>, Malformed> {
        if text.len() > BYTES_MAX {
            return Err(Malformed);
        }
        let (signed, signature) = text.rsplit_once('.').ok_or(Malformed)?;
        let (header, payload) = signed.split_once('.').ok_or(Malformed)?;
        // Base64url without padding and without stray bits (RFC 7515 §2), so that one token has
        // one text. A third dot is no letter of it.
        let decoded = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| Malformed);
        let header: Header = from_json(&decoded(header)?).ok_or(Malformed)?;
        if header.crit {
            return Err(Malformed);
        }
        Ok(Compact {
            header,
            payload: decoded(payload)?,
            signed,
            signature: decoded(signature)?,
        })
    }

    /// Its payload as JSON. A member that is known and stands there twice is refused: two readers
    /// might take two different ones.
    pub fn claims<T: DeserializeOwned>(&self) -> Option<T> {
        from_json(&self.payload)
    }
}

impl Header {
    /// Whether it says to be of this type (RFC 7515 §4.1.9: also with `application/` before it).
    pub fn is_type(&self, name: &str) -> bool {
        let Some(typ) = self.typ.as_deref() else {
            return false;
        };
        let bare = match typ.split_at_checked("application/".len()) {
            Some((prefix, bare)) if prefix.eq_ignore_ascii_case("application/") => bare,
            _ => typ,
        };
        bare.eq_ignore_ascii_case(name)
    }
}

/// Signs claims as a text of this type.
///
/// # Errors
/// When the claims are not JSON or the key does not sign, neither of which is to be expected.
pub fn sign<T: Serialize>(
    pair: &Pair,
    kid: &str,
    typ: &str,
    claims: &T,
) -> Result<String, CannotSign> {
    #[derive(Serialize)]
    struct Head<'a> {
        alg: &'a str,
        typ: &'a str,
        kid: &'a str,
    }
    let head = Head {
        alg: pair.algorithm().name(),
        typ,
        kid,
    };
    let head = serde_json::to_vec(&head).map_err(|_| CannotSign)?;
    let claims = serde_json::to_vec(claims).map_err(|_| CannotSign)?;
    let mut text = String::with_capacity((head.len() + claims.len() + 80) * 4 / 3);
    URL_SAFE_NO_PAD.encode_string(head, &mut text);
    text.push('.');
    URL_SAFE_NO_PAD.encode_string(claims, &mut text);
    let signature = pair.signature(text.as_bytes()).ok_or(CannotSign)?;
    text.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, &mut text);
    Ok(text)
}

/// A key did not sign.
#[derive(Clone, Copy, Debug)]
pub struct CannotSign;

fn from_json<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    serde_json::from_slice(bytes).ok()
}

/// Also when it is null.
fn is_there<'de, D: Deserializer<'de>>(value: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(value).map(|_| true)
}
