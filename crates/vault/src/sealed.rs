//! A value, sealed: AES-256-GCM with a key of its own, which is wrapped with the master key.
//!
//! ```text
//! v1 . id of the master key . nonce + wrapped data key . nonce + value      (base64url)
//! ```
//!
//! What a value is for is authenticated with both parts (associated data), so that a value that
//! is put in another's place does not open. A new master key wraps the data key anew; the value
//! itself stays as it is. With a data key for each value, no key meets a nonce twice but the
//! wrapping one, whose random nonces are good for 2³² values (NIST SP 800-38D, 8.3).

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce};
use aws_lc_rs::rand;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use crate::master::{KEY_BYTES, MasterKeys, aes};

const VERSION: &str = "v1";

/// Seals and opens. Clones are the same vault.
#[derive(Clone)]
pub struct Vault {
    keys: Arc<MasterKeys>,
}

/// Why a value cannot be sealed or opened. Tells nothing of what is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VaultError {
    /// It was sealed with a master key that is not here.
    UnknownKey {
        id: String,
    },
    /// It was changed, or stands in another one's place.
    Tampered,
    /// It is not in the form of sealed values.
    Malformed,
    NoRandomness,
}

impl fmt::Display for VaultError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            VaultError::UnknownKey { id } => {
                write!(
                    f,
                    "it was sealed with the master key `{id}`, which is not here"
                )
            }
            VaultError::Tampered => {
                f.write_str("it was changed, or belongs in another place, since it was sealed")
            }
            VaultError::Malformed => f.write_str("it is not in the form of sealed values"),
            VaultError::NoRandomness => f.write_str("the operating system gave no random bytes"),
        }
    }
}

impl std::error::Error for VaultError {}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Vault").field(&self.keys).finish()
    }
}

impl Vault {
    pub fn new(keys: MasterKeys) -> Vault {
        Vault {
            keys: Arc::new(keys),
        }
    }

    /// The id of the master key that seals.
    pub fn key_id(&self) -> &str {
        self.keys.current_id()
    }

    /// Whether a text looks like a sealed value.
    pub fn is_sealed(text: &str) -> bool {
        text.strip_prefix(VERSION)
            .is_some_and(|rest| rest.starts_with('.'))
    }

    /// Seals a value for a purpose. Values of a table's column are best sealed by
    /// [`crate::Place::seal`], which knows theirs.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn seal(&self, purpose: &str, plain: &[u8]) -> Result<String, VaultError> {
        let mut data_key = Zeroizing::new([0; KEY_BYTES]);
        rand::fill(&mut *data_key).map_err(|_| VaultError::NoRandomness)?;
        let wrapped = self.wrap(purpose, &data_key)?;
        let value = encrypt(&aes(&data_key), value_aad(purpose).as_bytes(), plain)?;
        Ok(written(self.key_id(), &wrapped, &value))
    }

    /// Opens what was sealed for the same purpose.
    ///
    /// # Errors
    /// When the master key is not here, or the value is not what was sealed.
    pub fn open(&self, purpose: &str, sealed: &str) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let parts = Parts::read(sealed)?;
        let data_key = self.unwrap(purpose, &parts)?;
        decrypt(&aes(&data_key), value_aad(purpose).as_bytes(), &parts.value)
    }

    /// The same value under the current master key; `None` if it is already.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn rewrap(&self, purpose: &str, sealed: &str) -> Result<Option<String>, VaultError> {
        let parts = Parts::read(sealed)?;
        let data_key = self.unwrap(purpose, &parts)?;
        // What cannot be opened is not passed on as if it could.
        decrypt(&aes(&data_key), value_aad(purpose).as_bytes(), &parts.value)?;
        if parts.key_id == self.key_id() {
            return Ok(None);
        }
        let wrapped = self.wrap(purpose, &data_key)?;
        Ok(Some(written(self.key_id(), &wrapped, &parts.value)))
    }

    /// A key that need not be kept, since it can be derived again as long as the master key is
    /// the same: with another master key it is another. For what may be lost with it, such as the
    /// signatures of what lives for minutes.
    pub fn derive(&self, purpose: &str) -> Zeroizing<[u8; 32]> {
        self.keys.current().derive("derive", purpose)
    }

    fn wrap(&self, purpose: &str, data_key: &[u8; KEY_BYTES]) -> Result<Vec<u8>, VaultError> {
        let master = self.keys.current();
        let aad = wrap_aad(&master.id, purpose);
        encrypt(&master.wrapping(), aad.as_bytes(), data_key)
    }

    fn unwrap(
        &self,
        purpose: &str,
        parts: &Parts<'_>,
    ) -> Result<Zeroizing<[u8; KEY_BYTES]>, VaultError> {
        let Some(master) = self.keys.named(parts.key_id) else {
            return Err(VaultError::UnknownKey {
                id: parts.key_id.to_owned(),
            });
        };
        let aad = wrap_aad(&master.id, purpose);
        let bytes = decrypt(&master.wrapping(), aad.as_bytes(), &parts.wrapped)?;
        let bytes: [u8; KEY_BYTES] = bytes
            .as_slice()
            .try_into()
            .map_err(|_| VaultError::Tampered)?;
        Ok(Zeroizing::new(bytes))
    }
}

/// A sealed value, taken apart.
struct Parts<'a> {
    key_id: &'a str,
    wrapped: Vec<u8>,
    value: Vec<u8>,
}

impl Parts<'_> {
    fn read(sealed: &str) -> Result<Parts<'_>, VaultError> {
        let mut parts = sealed.split('.');
        let (Some(VERSION), Some(key_id), Some(wrapped), Some(value), None) = (
            parts.next(),
            parts.next(),
            parts.next(),
            parts.next(),
            parts.next(),
        ) else {
            return Err(VaultError::Malformed);
        };
        let is_id = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if key_id.is_empty() || key_id.len() > 16 || !key_id.bytes().all(is_id) {
            return Err(VaultError::Malformed);
        }
        let decode = |text: &str| {
            BASE64_URL_SAFE_NO_PAD
                .decode(text)
                .map_err(|_| VaultError::Malformed)
        };
        Ok(Parts {
            key_id,
            wrapped: decode(wrapped)?,
            value: decode(value)?,
        })
    }
}

fn written(key_id: &str, wrapped: &[u8], value: &[u8]) -> String {
    let [wrapped, value] = [wrapped, value].map(|part| BASE64_URL_SAFE_NO_PAD.encode(part));
    format!("{VERSION}.{key_id}.{wrapped}.{value}")
}

fn wrap_aad(key_id: &str, purpose: &str) -> String {
    format!("frontdesk\0{VERSION}\0wrap\0{key_id}\0{purpose}")
}

fn value_aad(purpose: &str) -> String {
    format!("frontdesk\0{VERSION}\0value\0{purpose}")
}

/// The nonce, then the ciphertext with its tag.
fn encrypt(key: &LessSafeKey, aad: &[u8], plain: &[u8]) -> Result<Vec<u8>, VaultError> {
    let mut nonce = [0; NONCE_LEN];
    rand::fill(&mut nonce).map_err(|_| VaultError::NoRandomness)?;
    let mut text = Vec::with_capacity(NONCE_LEN + plain.len() + AES_256_GCM.tag_len());
    text.extend_from_slice(&nonce);
    // Encrypted in its final place: there is no other copy that would have to be cleared.
    text.extend_from_slice(plain);
    let nonce = Nonce::assume_unique_for_key(nonce);
    let tag = key
        .seal_in_place_separate_tag(nonce, Aad::from(aad), &mut text[NONCE_LEN..])
        .expect("AES-GCM takes any text that fits into memory");
    text.extend_from_slice(tag.as_ref());
    Ok(text)
}

fn decrypt(key: &LessSafeKey, aad: &[u8], text: &[u8]) -> Result<Zeroizing<Vec<u8>>, VaultError> {
    let Some((nonce, sealed)) = text.split_first_chunk::<NONCE_LEN>() else {
        return Err(VaultError::Malformed);
    };
    let mut plain = Zeroizing::new(sealed.to_vec());
    let nonce = Nonce::assume_unique_for_key(*nonce);
    let length = key
        .open_in_place(nonce, Aad::from(aad), &mut plain)
        .map_err(|_| VaultError::Tampered)?
        .len();
    plain.truncate(length);
    Ok(plain)
}
