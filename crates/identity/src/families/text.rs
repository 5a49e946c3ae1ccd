//! The text of a refresh token: made, recognised, followed. Nothing here is stored or logged.
//!
//! ```text
//!  fdr_ base64url( family: 16 bytes ‖ secret: 32 bytes ‖ mark: 16 bytes )
//!
//!  mark             = HMAC(marking key,   family ‖ secret)    so that nobody else can make one
//!  next secret      = HMAC(following key, family ‖ secret)    so that the same token has the same
//!                                                             successor, and none need be kept
//! ```
//!
//! A replay ends a family, and the name of a family is in every access token: without the mark
//! anybody who has seen one could make up a token and sign somebody out.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use uuid::Uuid;
use zeroize::Zeroizing;

pub const PREFIX: &str = "fdr_";

const FAMILY: usize = 16;
const SECRET: usize = 32;
const MARK: usize = 16;
const BYTES: usize = FAMILY + SECRET + MARK;

/// What tokens are made with.
pub(super) struct Maker {
    marking: Hmac<Sha256>,
    following: Hmac<Sha256>,
}

/// A token that was made here. Its `Debug` shows which family it is of, never the secret.
pub struct RefreshToken {
    family: Uuid,
    secret: Zeroizing<[u8; SECRET]>,
    mark: [u8; MARK],
}

impl Maker {
    pub fn new(key: &[u8; 32]) -> Maker {
        let derived = |purpose: &[u8]| {
            let mut mac = keyed(key);
            mac.update(purpose);
            keyed(&mac.finalize().into_bytes().into())
        };
        Maker {
            marking: derived(b"mark"),
            following: derived(b"follow"),
        }
    }

    /// The first token of a family.
    ///
    /// # Errors
    /// When the operating system has no random bytes to give.
    pub fn first(&self, family: Uuid) -> Result<RefreshToken, getrandom::Error> {
        let mut secret = Zeroizing::new([0; SECRET]);
        getrandom::fill(&mut *secret)?;
        Ok(self.token(family, secret))
    }

    /// The token that comes after this one.
    pub fn after(&self, token: &RefreshToken) -> RefreshToken {
        let mut mac = self.following.clone();
        mac.update(token.family.as_bytes());
        mac.update(&*token.secret);
        self.token(
            token.family,
            Zeroizing::new(mac.finalize().into_bytes().into()),
        )
    }

    /// `None` when the text was not made with the same key.
    pub fn read(&self, text: &str) -> Option<RefreshToken> {
        let body = text.strip_prefix(PREFIX)?;
        let mut bytes = Zeroizing::new([0; BYTES]);
        // A longer or shorter one does not fit.
        let read = URL_SAFE_NO_PAD.decode_slice(body, &mut *bytes).ok()?;
        if read != BYTES {
            return None;
        }
        let (family, rest) = bytes.split_first_chunk::<FAMILY>()?;
        let (secret, mark) = rest.split_first_chunk::<SECRET>()?;
        let token = self.token(Uuid::from_bytes(*family), Zeroizing::new(*secret));
        bool::from(token.mark.ct_eq(mark)).then_some(token)
    }

    fn token(&self, family: Uuid, secret: Zeroizing<[u8; SECRET]>) -> RefreshToken {
        let mut mac = self.marking.clone();
        mac.update(family.as_bytes());
        mac.update(&*secret);
        let whole: [u8; 32] = mac.finalize().into_bytes().into();
        let mut mark = [0; MARK];
        mark.copy_from_slice(&whole[..MARK]);
        RefreshToken {
            family,
            secret,
            mark,
        }
    }
}

impl RefreshToken {
    /// Which family it is of.
    pub fn family(&self) -> String {
        self.family.to_string()
    }

    /// To be shown once, to whom it was made for.
    pub fn reveal(&self) -> String {
        let bytes =
            Zeroizing::new([self.family.as_bytes().as_slice(), &*self.secret, &self.mark].concat());
        let mut text = PREFIX.to_owned();
        URL_SAFE_NO_PAD.encode_string(&*bytes, &mut text);
        text
    }

    /// What is stored of it: 256 random bits need no slow hash.
    pub fn hash(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(*self.secret))
    }
}

impl std::fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("RefreshToken").field(&self.family).finish()
    }
}

fn keyed(key: &[u8; 32]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes keys of any length")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn maker() -> Maker {
        Maker::new(&[7; 32])
    }

    #[test]
    fn a_token_is_recognised_and_followed() {
        let maker = maker();
        let first = maker.first(Uuid::from_u128(1)).unwrap();
        let text = first.reveal();
        assert_eq!(text.len(), PREFIX.len() + 86);
        let again = maker.read(&text).unwrap();
        assert_eq!(again.hash(), first.hash());
        assert_eq!(again.family(), first.family());
        let (next, same) = (maker.after(&first), maker.after(&again));
        assert_eq!(next.reveal(), same.reveal());
        assert_ne!(next.hash(), first.hash());
        assert!(maker.read(&next.reveal()).is_some());
        assert!(!format!("{first:?}").contains(&text[30..60]));
    }

    #[test]
    fn nobody_else_makes_one() {
        let (ours, other) = (maker(), Maker::new(&[8; 32]));
        let token = ours.first(Uuid::from_u128(1)).unwrap();
        assert!(other.read(&token.reveal()).is_none());
    }

    proptest! {
        #[test]
        fn whatever_is_no_token_is_not_recognised(text in "(fdr_)?[A-Za-z0-9_=-]{0,100}") {
            prop_assert!(maker().read(&text).is_none());
        }

        #[test]
        fn no_bit_can_be_changed(family: u128, at in 0..86usize, bit in 0..6u8) {
            let maker = maker();
            let text = maker.first(Uuid::from_u128(family)).unwrap().reveal();
            let mut bytes = text.clone().into_bytes();
            bytes[PREFIX.len() + at] ^= 1 << bit;
            if let Ok(changed) = String::from_utf8(bytes) {
                prop_assert!(maker.read(&changed).is_none(), "{changed} for {text}");
            }
        }
    }
}
