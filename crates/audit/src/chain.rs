//! Hashes: over everything an entry says, in a form that no two entries share, and over the hash
//! before it.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::entry::Kept;

/// Begins hashes under a key, and those without one.
const KEYED: &str = "m:";
const OPEN: &str = "h:";

/// What a hash stands for, so that none can stand for another.
#[derive(Clone, Copy)]
pub(crate) enum For<'a> {
    /// An entry that waits for its number.
    Waiting,
    /// An entry after another with this hash; the first follows an empty one.
    After(&'a str),
    /// What is left of entries that were pruned.
    Anchor,
}

/// How hashes are made here.
#[derive(Clone)]
pub(crate) enum Chain {
    Keyed(Zeroizing<[u8; 32]>),
    Open,
}

impl Chain {
    pub fn hash(&self, what: For<'_>, entry: &Kept) -> String {
        let bytes = written(what, entry);
        match self {
            Chain::Keyed(key) => {
                let mut mac =
                    Hmac::<Sha256>::new_from_slice(&**key).expect("HMAC takes keys of any length");
                mac.update(&bytes);
                format!("{KEYED}{}", hex(&mac.finalize().into_bytes()))
            }
            Chain::Open => format!("{OPEN}{}", hex(&Sha256::digest(&bytes))),
        }
    }

    /// Whether the entry's hash is what it should be, made in the way it says.
    pub fn holds(&self, what: For<'_>, entry: &Kept) -> bool {
        let expected = match self {
            Chain::Keyed(_) if !is_keyed(&entry.hash) => Chain::Open.hash(what, entry),
            _ => self.hash(what, entry),
        };
        bool::from(expected.as_bytes().ct_eq(entry.hash.as_bytes()))
    }

    /// Whether it is an entry that waits here for its number, and was put there by one of us.
    pub fn takes(&self, entry: &Kept) -> bool {
        is_keyed(&entry.hash) == matches!(self, Chain::Keyed(_)) && self.holds(For::Waiting, entry)
    }
}

pub(crate) fn is_keyed(hash: &str) -> bool {
    hash.starts_with(KEYED)
}

/// Every part with its length before it.
fn written(what: For<'_>, entry: &Kept) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(512);
    let mut part = |text: Option<&str>| match text {
        None => bytes.push(0),
        Some(text) => {
            bytes.push(1);
            bytes.extend_from_slice(&(text.len() as u64).to_be_bytes());
            bytes.extend_from_slice(text.as_bytes());
        }
    };
    let (name, before) = match what {
        For::Waiting => ("waiting", ""),
        For::After(hash) => ("entry", hash),
        For::Anchor => ("anchor", ""),
    };
    part(Some("frontdesk audit 1"));
    part(Some(name));
    part(Some(before));
    part(Some(&entry.position.to_string()));
    part(Some(&entry.at.0.to_string()));
    part(Some(&entry.action));
    part(Some(&entry.outcome));
    part(Some(&entry.actor));
    part(entry.subject.as_deref());
    part(entry.client.as_deref());
    part(entry.client_address.as_deref());
    part(Some(&entry.detail));
    bytes
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
