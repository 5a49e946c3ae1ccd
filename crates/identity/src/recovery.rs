//! Recovery codes: what a person writes down for the day their phone is gone.
//!
//! ```text
//!  7k3f-9w2m-x4qp-2dhe      80 random bits in letters and digits that cannot be mistaken
//! ```
//!
//! Each is good once: whoever accepts one marks its hash as used in the statement that finds it.
//! There is nothing to guess in 80 bits that a slow hash would protect, so SHA-256 is enough.

use std::fmt;

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// Codes given out at once; the old ones end with that.
pub const CODES: usize = 10;
const CHARS: usize = 16;
const GROUP: usize = 4;
/// Crockford's base 32: no `i`, `l`, `o`, which look like digits, and no `u`.
const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// One code. Wiped when dropped, and never shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct RecoveryCode(Zeroizing<[u8; CHARS]>);

impl RecoveryCode {
    /// A new set.
    ///
    /// # Errors
    /// When the operating system has no random bytes to give.
    pub fn generate() -> Result<Vec<RecoveryCode>, getrandom::Error> {
        let one = || {
            let mut digits = Zeroizing::new([0; CHARS]);
            getrandom::fill(&mut *digits)?;
            for digit in &mut *digits {
                *digit = DIGITS[usize::from(*digit & 31)];
            }
            Ok(RecoveryCode(digits))
        };
        std::iter::repeat_with(one).take(CODES).collect()
    }

    /// Reads what somebody copied from paper: hyphens, spaces and capitals do not matter, and
    /// letters that look like digits are those. `None` when it cannot be a code.
    pub fn parse(typed: &str) -> Option<RecoveryCode> {
        let mut digits = Zeroizing::new([0; CHARS]);
        let mut count = 0;
        for c in typed.chars().filter(|c| !c.is_whitespace() && *c != '-') {
            let digit = match c.to_ascii_lowercase() {
                'o' => b'0',
                'i' | 'l' => b'1',
                other => u8::try_from(other).ok()?,
            };
            if !DIGITS.contains(&digit) {
                return None;
            }
            *digits.get_mut(count)? = digit;
            count += 1;
        }
        (count == CHARS).then_some(RecoveryCode(digits))
    }

    /// To be shown once, to whom it was made for.
    pub fn reveal(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(CHARS + CHARS / GROUP));
        for (at, digit) in self.0.iter().enumerate() {
            if at > 0 && at % GROUP == 0 {
                text.push('-');
            }
            text.push(char::from(*digit));
        }
        text
    }

    /// What is stored.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(*self.0).into()
    }
}

impl fmt::Debug for RecoveryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryCode")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ten_different_ones_that_are_known_again() {
        let codes = RecoveryCode::generate().unwrap();
        assert_eq!(codes.len(), CODES);
        let hashes: BTreeSet<[u8; 32]> = codes.iter().map(RecoveryCode::hash).collect();
        assert_eq!(hashes.len(), CODES);
        for code in &codes {
            let text = code.reveal();
            assert_eq!(text.len(), 19);
            assert_eq!(RecoveryCode::parse(&text).as_ref(), Some(code));
            let shouted = text.to_uppercase().replace('-', "  ").replace('0', "O");
            assert_eq!(
                RecoveryCode::parse(&shouted.replace('1', "I")).as_ref(),
                Some(code)
            );
            assert_eq!(format!("{code:?}"), "RecoveryCode");
        }
    }

    #[test]
    fn what_cannot_be_a_code_is_none() {
        for typed in [
            "",
            "7k3f-9w2m-x4qp-2dh",
            "7k3f-9w2m-x4qp-2dhee",
            "7k3f-9w2m-x4qp-2dhu",
            "7k3f-9w2m-x4qp-2dhé",
            "7k3f_9w2m_x4qp_2dhe",
        ] {
            assert!(RecoveryCode::parse(typed).is_none(), "{typed}");
        }
        assert!(RecoveryCode::parse(&"7k3f".repeat(1 << 16)).is_none());
    }

    proptest! {
        #[test]
        fn reading_never_fails_otherwise(typed in "\\PC{0,40}|[0-9a-zA-Z -]{14,24}") {
            if let Some(code) = RecoveryCode::parse(&typed) {
                let again = RecoveryCode::parse(&code.reveal());
                prop_assert_eq!(again, Some(code));
            }
        }
    }
}
