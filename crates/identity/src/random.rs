//! Texts that nobody can guess, and the hashes by which they are kept.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// Random bytes of a text: as many as SHA-256 tells apart.
const BYTES: usize = 32;
/// Its characters.
const CHARS: usize = 43;

/// A text of 256 random bits that is given out once and kept as a hash. Its `Debug` shows nothing.
#[derive(Clone)]
pub struct Unguessable(Zeroizing<String>);

impl Unguessable {
    /// # Errors
    /// When the operating system has no random bytes to give.
    pub fn generate() -> Result<Unguessable, getrandom::Error> {
        let mut bytes = Zeroizing::new([0u8; BYTES]);
        getrandom::fill(&mut *bytes)?;
        Ok(Unguessable(Zeroizing::new(URL_SAFE_NO_PAD.encode(*bytes))))
    }

    /// To be shown once, to whom it was made for.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Unguessable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Unguessable")
    }
}

/// Whether it may be such a text. What is not need not be looked for.
pub fn may_be(text: &str) -> bool {
    text.len() == CHARS
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
}

/// What is kept of a text that is good for one thing alone, in hexadecimal.
pub fn hash_for(purpose: &str, text: &str) -> String {
    let mut digest = Sha256::new();
    digest.update((purpose.len() as u64).to_be_bytes());
    digest.update(purpose);
    digest.update(text);
    hex(&digest.finalize())
}

/// Bytes in hexadecimal, as hashes are kept.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An id for something of ours, such as `acc_01h455vb4pex5vsknk084sn02q`: sortable by time, no
/// secret.
pub fn id(prefix: &str) -> String {
    value::id::encode_typeid(prefix, &uuid::Uuid::now_v7().into_bytes())
}
