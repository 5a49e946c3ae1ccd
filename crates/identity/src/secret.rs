//! The text of an API key: made, recognised, hashed. Nothing here is stored or logged.
//!
//! ```text
//! fdk_live_ 01jd8z…  (26: which key)  Zk3…  (43: the secret)  4fQx1a  (6: checksum)
//! ```
//!
//! The prefix lets secret scanners find leaked keys; the checksum lets us refuse a mistyped
//! or made-up key without asking the database. The secret has 256 random bits, so a plain
//! SHA-256 is enough to store it: there is nothing to guess that a slow hash would protect.

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

pub const PREFIX: &str = "fdk_live_";
const ID_CHARS: usize = 26;
const SECRET_CHARS: usize = 43;
const CHECKSUM_CHARS: usize = 6;
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A key as the client holds it. Its `Debug` shows which key it is, never the secret.
pub struct KeyText {
    text: String,
}

impl KeyText {
    /// A new key with this id.
    ///
    /// # Errors
    /// When the operating system has no random bytes to give.
    pub fn generate(id: &[u8; 16]) -> Result<KeyText, getrandom::Error> {
        let mut secret = [0u8; 32];
        getrandom::fill(&mut secret)?;
        let mut text = format!("{PREFIX}{}{}", suffix_of(id), base62(&secret, SECRET_CHARS));
        text.push_str(&checksum(&text));
        Ok(KeyText { text })
    }

    /// `None` when the text cannot be a key.
    pub fn parse(text: &str) -> Option<KeyText> {
        let body = text.strip_prefix(PREFIX)?;
        let well_formed = body.len() == ID_CHARS + SECRET_CHARS + CHECKSUM_CHARS
            && body.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let (signed, sum) = text.split_at_checked(text.len().checked_sub(CHECKSUM_CHARS)?)?;
        (well_formed && checksum(signed) == sum).then(|| KeyText {
            text: text.to_owned(),
        })
    }

    /// The key's public id: `key_01jd8z…`.
    pub fn id(&self) -> String {
        format!("key_{}", &self.text[PREFIX.len()..PREFIX.len() + ID_CHARS])
    }

    /// To be shown once, to whom it was made for.
    pub fn reveal(&self) -> &str {
        &self.text
    }

    pub fn hash(&self) -> [u8; 32] {
        hash(&self.text)
    }

    /// Compares in constant time.
    pub fn matches(&self, hash: &[u8]) -> bool {
        bool::from(self.hash().as_slice().ct_eq(hash))
    }
}

impl std::fmt::Debug for KeyText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("KeyText").field(&self.id()).finish()
    }
}

/// What is stored of a key's text.
pub fn hash(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

fn suffix_of(id: &[u8; 16]) -> String {
    let spelled = value::id::encode_typeid("key", id);
    spelled["key_".len()..].to_owned()
}

/// The bytes as a number in base 62, most significant digit first, padded to `chars`.
fn base62(bytes: &[u8; 32], chars: usize) -> String {
    let mut number = *bytes;
    let mut digits = vec![b'0'; chars];
    for digit in digits.iter_mut().rev() {
        let mut rest = 0u32;
        for byte in &mut number {
            let part = rest << 8 | u32::from(*byte);
            *byte = (part / 62) as u8;
            rest = part % 62;
        }
        *digit = DIGITS[rest as usize];
    }
    digits.into_iter().map(char::from).collect()
}

/// CRC-32 (IEEE 802.3) in base 62.
fn checksum(text: &str) -> String {
    let mut crc = u32::MAX;
    for byte in text.bytes() {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = crc >> 1 ^ (0xedb8_8320 & (crc & 1).wrapping_neg());
        }
    }
    let mut crc = !crc;
    let mut digits = [b'0'; CHECKSUM_CHARS];
    for digit in digits.iter_mut().rev() {
        *digit = DIGITS[(crc % 62) as usize];
        crc /= 62;
    }
    digits.into_iter().map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_recognised_and_matches_only_its_own_hash() {
        let key = KeyText::generate(&[1; 16]).unwrap();
        let again = KeyText::parse(key.reveal()).unwrap();
        assert_eq!(again.id(), key.id());
        assert!(again.matches(&key.hash()));
        let other = KeyText::generate(&[1; 16]).unwrap();
        assert!(!other.matches(&key.hash()));
        assert!(!format!("{key:?}").contains(&key.reveal()[40..]));
    }

    #[test]
    fn what_is_no_key_is_refused_without_asking_anybody() {
        let key = KeyText::generate(&[9; 16]).unwrap();
        let text = key.reveal();
        let mut swapped: Vec<u8> = text.bytes().collect();
        swapped[60] = if swapped[60] == b'a' { b'b' } else { b'a' };
        let swapped = String::from_utf8(swapped).unwrap();
        for bad in [
            "",
            "fdk_live_",
            &text[1..],
            &text[..text.len() - 1],
            &format!("{text}x"),
            &swapped,
            "é",
        ] {
            assert!(KeyText::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn base62_of_known_numbers() {
        let mut one = [0u8; 32];
        one[31] = 62;
        assert_eq!(base62(&one, 4), "0010");
        assert_eq!(base62(&[0xff; 32], 43).len(), 43);
        // The checksum of the standard test text is cbf43926.
        let mut expected = 0xcbf4_3926u32;
        let mut digits = Vec::new();
        while digits.len() < 6 {
            digits.insert(0, DIGITS[(expected % 62) as usize]);
            expected /= 62;
        }
        assert_eq!(checksum("123456789").into_bytes(), digits);
    }
}
