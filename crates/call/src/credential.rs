//! What a request shows of who sent it, before anybody has looked at it.
//!
//! A door takes it off the wire and judges nothing; identity turns it into a [`Caller`].

use core::net::IpAddr;
use std::fmt;
use std::sync::Arc;

use crate::caller::Caller;
use crate::failure::Failure;

/// Everything a request shows.
#[derive(Clone, Copy, Debug)]
pub struct Presented<'a> {
    pub credential: Credential<'a>,
    /// The certificate of the client, verified.
    pub certificate: Option<Certificate<'a>>,
    /// A proof of possession for this request (RFC 9449), as it was sent.
    pub dpop: Option<&'a str>,
    /// The request's method and path, to which such a proof is bound.
    pub method: &'a str,
    pub path: &'a str,
    /// Where the request comes from.
    pub address: IpAddr,
    /// Whether nobody on the way could read it.
    pub secure: bool,
}

/// A credential as it was sent. Its `Debug` shows which kind it is, never what it says.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Credential<'a> {
    None,
    /// RFC 6750: an API key or a token.
    Bearer(&'a str),
    /// RFC 9449: a token that is good only with a proof.
    Dpop(&'a str),
    /// RFC 7617.
    Basic {
        user: &'a str,
        password: &'a str,
    },
    /// A browser's session, from its cookie.
    Session(&'a str),
}

/// A verified client certificate.
#[derive(Clone, Copy, Debug)]
pub struct Certificate<'a> {
    /// SHA-256 of its DER form: `x5t#S256` (RFC 8705 §3.1).
    pub thumbprint: &'a [u8; 32],
    /// In the form of RFC 4514.
    pub subject: &'a str,
    /// Of its subject alternative names: DNS names, URIs and e-mail addresses.
    pub names: &'a [String],
}

impl Presented<'_> {
    /// Whether it says anything at all.
    pub fn is_empty(&self) -> bool {
        self.credential == Credential::None && self.certificate.is_none()
    }
}

impl fmt::Debug for Credential<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Credential::None => "None",
            Credential::Bearer(_) => "Bearer",
            Credential::Dpop(_) => "Dpop",
            Credential::Basic { .. } => "Basic",
            Credential::Session(_) => "Session",
        })
    }
}

pub type BoxFuture<'a, T> = std::pin::Pin<Box<dyn std::future::Future<Output = T> + Send + 'a>>;

/// Turns what is shown into a caller. Implemented by identity, asked by every door.
pub trait Authenticate: Send + Sync {
    /// Who is calling; a guest, if nothing is shown.
    fn authenticate<'a>(
        &'a self,
        presented: &'a Presented<'a>,
    ) -> BoxFuture<'a, Result<Arc<Caller>, Unproven>>;
}

/// Why nobody is known, in the words of the challenge that goes with it.
#[derive(Clone, Debug, PartialEq)]
pub struct Unproven {
    pub failure: Box<Failure>,
    pub error: ChallengeError,
    /// What the next proof of possession is to contain (RFC 9449 §8).
    pub dpop_nonce: Option<String>,
}

/// The error of a challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChallengeError {
    /// Nothing of the credential is to be blamed.
    None,
    /// RFC 6750 §3.1: unknown, expired, revoked, for somebody else.
    InvalidToken,
    /// RFC 9449 §7.1.
    InvalidDpopProof,
    /// RFC 9449 §9.
    UseDpopNonce,
}

impl ChallengeError {
    pub fn name(self) -> Option<&'static str> {
        match self {
            ChallengeError::None => None,
            ChallengeError::InvalidToken => Some("invalid_token"),
            ChallengeError::InvalidDpopProof => Some("invalid_dpop_proof"),
            ChallengeError::UseDpopNonce => Some("use_dpop_nonce"),
        }
    }
}

impl Unproven {
    /// A credential that is not good.
    pub fn invalid(detail: impl Into<String>) -> Unproven {
        Unproven {
            failure: Box::new(Failure::new(crate::Code::Unauthenticated, detail.into())),
            error: ChallengeError::InvalidToken,
            dpop_nonce: None,
        }
    }
}

impl From<Failure> for Unproven {
    /// Something else than the credential is in the way.
    fn from(failure: Failure) -> Unproven {
        Unproven {
            failure: Box::new(failure),
            error: ChallengeError::None,
            dpop_nonce: None,
        }
    }
}
