//! How a write is to be carried out, beside what it does: once however often it is sent, or
//! only for show.

use core::net::IpAddr;
use std::fmt;
use std::sync::Arc;

use crate::failure::Failure;
use crate::outcome::Outcome;

/// Says how a write is to be carried out. The default is the usual way.
#[derive(Clone, Debug, Default)]
pub struct Manner {
    /// Carry it out once, however often it comes with this key.
    pub key: Option<IdempotencyKey>,
    /// Where the request came from: what tells one guest from another.
    pub origin: Option<IpAddr>,
    /// Writes down how the door answers, for answers that are kept. Needed with a key.
    pub scribe: Option<Arc<dyn Scribe>>,
    /// Decide everything, and store nothing.
    pub dry_run: bool,
    /// Go on after the request has been answered. Needs a scribe.
    pub later: bool,
    /// How long the request would wait for that to end, in seconds.
    pub wait_seconds: Option<u32>,
}

/// A key that a client has chosen for one write, and what it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey {
    pub text: String,
    /// Of everything that makes this request what it is. The same key with another one is a
    /// mistake of the client's. The first byte says how the rest was made: those that were made
    /// otherwise, by another release, are not compared.
    pub fingerprint: [u8; 16],
}

/// Turns how a request ended into the very answer its door gives, as text that the door can
/// read again. The engine keeps it without looking into it.
pub trait Scribe: Send + Sync + fmt::Debug {
    fn write(&self, end: Result<&Outcome, &Failure>) -> String;
}
