//! Nonces that need not be kept: each says in which span of time it was given, and is signed.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use value::Timestamp;

use super::NONCE_LASTS;

/// Bytes of a signature: nobody can make a nonce for a time to come.
const MARK: usize = 16;

pub(super) struct Nonces {
    mac: Hmac<Sha256>,
}

impl Nonces {
    pub fn new(key: &[u8; 32]) -> Nonces {
        let mac = Hmac::new_from_slice(key).expect("HMAC takes keys of any length");
        Nonces { mac }
    }

    pub fn current(&self, now: Timestamp) -> String {
        self.of(span(now))
    }

    /// Of this span, of the one before, or of the next: another node's clock may be ahead.
    pub fn is_good(&self, nonce: &str, now: Timestamp) -> bool {
        let span = span(now);
        [span, span - 1, span + 1]
            .into_iter()
            .any(|span| bool::from(self.of(span).as_bytes().ct_eq(nonce.as_bytes())))
    }

    fn of(&self, span: i64) -> String {
        let mut mac = self.mac.clone();
        mac.update(b"nonce");
        mac.update(&span.to_be_bytes());
        URL_SAFE_NO_PAD.encode(&mac.finalize().into_bytes()[..MARK])
    }
}

fn span(now: Timestamp) -> i64 {
    now.0.div_euclid(NONCE_LASTS.as_millis() as i64)
}
