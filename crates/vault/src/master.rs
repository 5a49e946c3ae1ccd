//! Master keys: read from a text, told apart by an id. Never stored here, never shown.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, LessSafeKey, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Prk, Salt};
use aws_lc_rs::rand;
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

/// Bytes of a master key, and of every key here.
pub(crate) const KEY_BYTES: usize = 32;
/// Master keys at once: the current one, and those whose values have not been wrapped anew yet.
const KEYS_MAX: usize = 16;
/// Bytes of a text with master keys, such as a file. Longer ones are something else.
pub const KEY_FILE_BYTES_MAX: u64 = 16 * 1024;
/// Bytes of a key's id, which tells keys apart and must tell nothing else.
const ID_BYTES: usize = 6;

/// With or without `=` at the end.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The key that seals, and older ones that still open. At least one.
pub struct MasterKeys {
    keys: Vec<MasterKey>,
}

/// One master key: everything is derived from it, so that it is used for one thing alone.
pub(crate) struct MasterKey {
    pub id: String,
    root: Prk,
}

/// Why a text holds no master keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MasterKeysError {
    /// There is none in it.
    Empty,
    /// The key with this number, counted from 1, is not 32 bytes in base64.
    Malformed(usize),
    TooMany,
    NoRandomness,
}

impl fmt::Display for MasterKeysError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MasterKeysError::Empty => f.write_str("there is no master key in it"),
            MasterKeysError::Malformed(number) => {
                write!(
                    f,
                    "master key {number} is not {KEY_BYTES} bytes in base64, which is 44 characters"
                )
            }
            MasterKeysError::TooMany => {
                write!(f, "there are more than {KEYS_MAX} master keys")
            }
            MasterKeysError::NoRandomness => {
                f.write_str("the operating system gave no random bytes")
            }
        }
    }
}

impl std::error::Error for MasterKeysError {}

impl MasterKeys {
    /// A new master key as text, such as [`MasterKeys::parse`] reads.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn generate() -> Result<Zeroizing<String>, MasterKeysError> {
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        rand::fill(&mut *bytes).map_err(|_| MasterKeysError::NoRandomness)?;
        Ok(Zeroizing::new(BASE64_STANDARD.encode(*bytes)))
    }

    /// Keys with lines, commas or spaces between them, each 32 bytes in base64 of either
    /// alphabet. The first seals; all open. A line that begins with `#` is a remark.
    ///
    /// # Errors
    /// When a key is none, or there is none at all.
    pub fn parse(text: &str) -> Result<MasterKeys, MasterKeysError> {
        let lines = text
            .lines()
            .filter(|line| !line.trim_start().starts_with('#'));
        let words = lines
            .flat_map(|line| line.split(|c: char| c == ',' || c.is_whitespace()))
            .filter(|word| !word.is_empty());
        let mut keys: Vec<MasterKey> = Vec::new();
        for (at, word) in words.enumerate() {
            if at >= KEYS_MAX {
                return Err(MasterKeysError::TooMany);
            }
            let bytes = decode(word).ok_or(MasterKeysError::Malformed(at + 1))?;
            let key = MasterKey::new(&bytes);
            if keys.iter().all(|known| known.id != key.id) {
                keys.push(key);
            }
        }
        match keys.is_empty() {
            true => Err(MasterKeysError::Empty),
            false => Ok(MasterKeys { keys }),
        }
    }

    /// The id of the key that seals.
    pub fn current_id(&self) -> &str {
        &self.current().id
    }

    pub(crate) fn current(&self) -> &MasterKey {
        self.keys
            .first()
            .expect("parse makes none without a first key")
    }

    pub(crate) fn named(&self, id: &str) -> Option<&MasterKey> {
        self.keys.iter().find(|key| key.id == id)
    }
}

impl fmt::Debug for MasterKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids = self.keys.iter().map(|key| &key.id);
        f.debug_list().entries(ids).finish()
    }
}

impl MasterKey {
    fn new(bytes: &[u8; KEY_BYTES]) -> MasterKey {
        let root = Salt::new(HKDF_SHA256, b"frontdesk master key").extract(bytes);
        let mut key = MasterKey {
            id: String::new(),
            root,
        };
        let id = key.derive("id", "");
        key.id = BASE64_URL_SAFE_NO_PAD.encode(&id[..ID_BYTES]);
        key
    }

    /// A key for one use of one kind (RFC 5869).
    pub fn derive(&self, kind: &str, purpose: &str) -> Zeroizing<[u8; KEY_BYTES]> {
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        let info = [kind.as_bytes(), b"\0", purpose.as_bytes()];
        self.root
            .expand(&info, HKDF_SHA256)
            .and_then(|okm| okm.fill(&mut *bytes))
            .expect("HKDF-SHA256 gives 32 bytes for any purpose");
        bytes
    }

    /// The key that data keys are wrapped with.
    pub fn wrapping(&self) -> LessSafeKey {
        aes(&self.derive("wrap", ""))
    }
}

pub(crate) fn aes(key: &[u8; KEY_BYTES]) -> LessSafeKey {
    let key = UnboundKey::new(&AES_256_GCM, key);
    LessSafeKey::new(key.expect("AES-256 takes any 32 bytes"))
}

fn decode(word: &str) -> Option<Zeroizing<[u8; KEY_BYTES]>> {
    let standard: Zeroizing<String> = Zeroizing::new(
        word.chars()
            .map(|c| match c {
                '-' => '+',
                '_' => '/',
                other => other,
            })
            .collect(),
    );
    let bytes = Zeroizing::new(LENIENT.decode(standard.as_bytes()).ok()?);
    let bytes: [u8; KEY_BYTES] = bytes.as_slice().try_into().ok()?;
    Some(Zeroizing::new(bytes))
}
