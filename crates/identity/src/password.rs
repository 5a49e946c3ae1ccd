//! Passwords: what one is, what is stored of it, and whether one is right.
//!
//! Stored is an argon2id hash as a PHC string, which carries its own salt and cost, so that the
//! cost can rise without anybody noticing: a hash of another cost is made anew when its owner
//! next signs in ([`Verdict::RightButOld`]). Hashing takes some 15 ms of a processor and 19 MiB,
//! therefore nobody does it but the threads of a [`Hasher`]. Whether a password is good enough
//! to be chosen is for a [`Policy`].

mod policy;
mod pool;

use std::fmt;

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{ARGON2ID_IDENT, Algorithm, Argon2, Block, Params, Version};
use subtle::ConstantTimeEq;
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

pub use policy::{MIN_CHARS_FLOOR, Policy, Weakness};
pub use pool::Hasher;

/// The longest password. Long enough for a passphrase of forty words, and short enough that
/// reading one costs nothing.
pub const CHARS_MAX: usize = 256;
/// The longest text that is looked at at all: a character has at most four bytes, and may come
/// in as several that make up one.
const BYTES_MAX: usize = 4 * 4 * CHARS_MAX;

/// A password as somebody gave it, in one spelling. Wiped when dropped, and never shown.
#[derive(Clone)]
pub struct Password(Zeroizing<String>);

/// Why a text cannot be a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoPassword {
    TooLong,
    /// A line break or another control character, which nobody types.
    ControlCharacter,
}

impl Password {
    /// Reads what was typed as RFC 8265 §4.2 (OpaqueString) asks: every space is the one space,
    /// and characters are composed (NFC), so that a password is the same from every keyboard.
    /// Compatible characters stay apart, since `²` for `2` is a choice and not a spelling.
    /// Nothing is trimmed.
    ///
    /// # Errors
    /// When it is longer than [`CHARS_MAX`] or has control characters.
    pub fn read(text: &str) -> Result<Password, NoPassword> {
        if text.len() > BYTES_MAX {
            return Err(NoPassword::TooLong);
        }
        // Room for all there can be, lest growing leave copies behind.
        let mut one_spelling = Zeroizing::new(String::with_capacity(4 * CHARS_MAX));
        let spaced = text.chars().map(|c| {
            if c.is_whitespace() && !c.is_control() {
                ' '
            } else {
                c
            }
        });
        for (count, c) in spaced.nfc().enumerate() {
            if count == CHARS_MAX {
                return Err(NoPassword::TooLong);
            }
            if c.is_control() {
                return Err(NoPassword::ControlCharacter);
            }
            one_spelling.push(c);
        }
        Ok(Password(one_spelling))
    }

    fn text(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password")
    }
}

impl fmt::Display for NoPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NoPassword::TooLong => {
                write!(f, "a password has at most {CHARS_MAX} characters")
            }
            NoPassword::ControlCharacter => {
                f.write_str("a password has no line breaks or other control characters")
            }
        }
    }
}

/// What a hash costs whoever makes it, and so whoever guesses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    memory_kib: u32,
    passes: u32,
}

impl Cost {
    /// The least of what OWASP's Password Storage Cheat Sheet recommends for argon2id: 19 MiB,
    /// two passes, one lane.
    pub const FLOOR: Cost = Cost {
        memory_kib: 19 * 1024,
        passes: 2,
    };
    /// More would let a few sign-ins at once eat up a small machine.
    pub const MEMORY_KIB_MAX: u32 = 64 * 1024;
    pub const PASSES_MAX: u32 = 10;

    /// # Errors
    /// When it is below the floor or above what one sign-in may cost, in a sentence.
    pub fn new(memory_kib: u32, passes: u32) -> Result<Cost, String> {
        let floor = Cost::FLOOR;
        let within = (floor.memory_kib..=Cost::MEMORY_KIB_MAX).contains(&memory_kib)
            && (floor.passes..=Cost::PASSES_MAX).contains(&passes);
        if within {
            return Ok(Cost { memory_kib, passes });
        }
        Err(format!(
            "hashing a password takes {} to {} KiB of memory and {} to {} passes over it",
            floor.memory_kib,
            Cost::MEMORY_KIB_MAX,
            floor.passes,
            Cost::PASSES_MAX
        ))
    }

    fn params(self) -> Params {
        Params::new(self.memory_kib, self.passes, 1, Some(HASH_BYTES))
            .expect("between floor and maximum, argon2 knows all costs")
    }
}

impl Default for Cost {
    fn default() -> Self {
        Cost::FLOOR
    }
}

/// What a password that somebody gave turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Wrong,
    Right,
    /// Right, and its hash has another cost than is asked for now: make a new one and store it.
    RightButOld,
}

/// Why nothing could be hashed or compared.
#[derive(Debug, PartialEq, Eq)]
enum Fault {
    NoRandomness,
    NoMemory,
    /// What is stored is no argon2 hash, or one that would cost more than is allowed.
    Unusable,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Fault::NoRandomness => "the operating system gave no random bytes",
            Fault::NoMemory => "there is no memory left to hash a password",
            Fault::Unusable => {
                "what is stored of a password is no argon2 hash in PHC form, or one that costs \
                 more than this server allows"
            }
        })
    }
}

const SALT_BYTES: usize = 16;
const HASH_BYTES: usize = 32;
/// What a hash that came from elsewhere may cost. Beyond it one sign-in would take seconds.
const STORED_MEMORY_KIB_MAX: u32 = 256 * 1024;
const STORED_PASSES_MAX: u32 = 32;
const STORED_LANES_MAX: u32 = 16;

/// What argon2 works in, kept between hashes: fresh pages from the system for every hash would
/// cost a tenth of its time.
#[derive(Default)]
struct Memory(Vec<Block>);

impl Memory {
    fn blocks(&mut self, count: usize) -> Result<&mut [Block], Fault> {
        let missing = count.saturating_sub(self.0.len());
        self.0
            .try_reserve_exact(missing)
            .map_err(|_| Fault::NoMemory)?;
        self.0.resize(self.0.len() + missing, Block::default());
        Ok(&mut self.0[..count])
    }

    /// Gives it back when it is more than one hash of this cost needs.
    fn keep_for(&mut self, cost: Cost) {
        if self.0.len() > cost.memory_kib as usize {
            self.give_back();
        }
    }

    fn give_back(&mut self) {
        self.0 = Vec::new();
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A new hash with a salt of its own, to be stored.
fn hash(password: &Password, cost: Cost, memory: &mut Memory) -> Result<String, Fault> {
    let mut salt = [0; SALT_BYTES];
    getrandom::fill(&mut salt).map_err(|_| Fault::NoRandomness)?;
    let params = cost.params();
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
    let mut hash = Zeroizing::new([0; HASH_BYTES]);
    derive(&argon2, password, &salt, &mut *hash, memory)?;
    let stored = PasswordHash {
        algorithm: ARGON2ID_IDENT,
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(&params).map_err(|_| Fault::Unusable)?,
        salt: Some(Salt::new(&salt).map_err(|_| Fault::Unusable)?),
        hash: Some(Output::new(&*hash).map_err(|_| Fault::Unusable)?),
    };
    Ok(stored.to_string())
}

/// Whether the password is the one of which this was stored.
fn verify(
    password: &Password,
    stored: &str,
    cost: Cost,
    memory: &mut Memory,
) -> Result<Verdict, Fault> {
    let stored = PasswordHash::new(stored).map_err(|_| Fault::Unusable)?;
    let params = Params::try_from(&stored).map_err(|_| Fault::Unusable)?;
    let algorithm = Algorithm::try_from(stored.algorithm.as_str());
    let algorithm = algorithm.map_err(|_| Fault::Unusable)?;
    // Without a version it is the first one, as the PHC string format says.
    let version = Version::try_from(stored.version.unwrap_or(Version::V0x10.into()));
    let version = version.map_err(|_| Fault::Unusable)?;
    let (Some(salt), Some(expected)) = (stored.salt, stored.hash) else {
        return Err(Fault::Unusable);
    };
    if params.m_cost() > STORED_MEMORY_KIB_MAX
        || params.t_cost() > STORED_PASSES_MAX
        || params.p_cost() > STORED_LANES_MAX
    {
        return Err(Fault::Unusable);
    }
    let argon2 = Argon2::new(algorithm, version, params.clone());
    let mut hash = Zeroizing::new(vec![0; expected.len()]);
    derive(&argon2, password, &salt, &mut hash, memory)?;
    memory.keep_for(cost);
    if !bool::from(hash.ct_eq(expected.as_bytes())) {
        return Ok(Verdict::Wrong);
    }
    let current =
        algorithm == Algorithm::Argon2id && version == Version::V0x13 && params == cost.params();
    Ok(if current {
        Verdict::Right
    } else {
        Verdict::RightButOld
    })
}

/// Takes the time that [`verify`] takes, for an account that does not exist or has no password.
fn pretend(password: &Password, cost: Cost, memory: &mut Memory) -> Result<Verdict, Fault> {
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, cost.params());
    let mut hash = Zeroizing::new([0; HASH_BYTES]);
    derive(&argon2, password, &[0; SALT_BYTES], &mut *hash, memory)?;
    Ok(Verdict::Wrong)
}

fn derive(
    argon2: &Argon2<'_>,
    password: &Password,
    salt: &[u8],
    hash: &mut [u8],
    memory: &mut Memory,
) -> Result<(), Fault> {
    let blocks = memory.blocks(argon2.params().block_count())?;
    argon2
        .hash_password_into_with_memory(password.text().as_bytes(), salt, hash, blocks)
        .map_err(|_| Fault::Unusable)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(text: &str) -> Password {
        Password::read(text).unwrap()
    }

    #[track_caller]
    fn check(typed: &str, stored: &str, expected: Result<Verdict, Fault>) {
        let mut memory = Memory::default();
        let told = verify(&password(typed), stored, Cost::FLOOR, &mut memory);
        assert_eq!(told, expected, "{stored}");
        assert!(memory.0.len() <= Cost::FLOOR.memory_kib as usize);
    }

    #[test]
    fn a_password_is_right_and_every_other_wrong() {
        let mut memory = Memory::default();
        let stored = hash(&password("a long enough one"), Cost::FLOOR, &mut memory).unwrap();
        assert!(
            stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{stored}"
        );
        let again = hash(&password("a long enough one"), Cost::FLOOR, &mut memory).unwrap();
        assert_ne!(stored, again, "every hash has its own salt");
        check("a long enough one", &stored, Ok(Verdict::Right));
        check("a long enough One", &stored, Ok(Verdict::Wrong));
        check("a long enough one ", &stored, Ok(Verdict::Wrong));
        check("", &stored, Ok(Verdict::Wrong));
    }

    #[test]
    fn a_hash_of_another_cost_is_right_but_old() {
        // Of the reference implementation's own tests: `password` with the salt `somesalt`.
        for stored in [
            "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
            "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc",
            "$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$wWKIMhR9lyDFvRz9YTZweHKfbftvj+qf+YFY4NeBbtA",
            "$argon2i$m=65536,t=2,p=1$c29tZXNhbHQ$9sTbSlTio3Biev89thdrlKKiCaYsjjYVJxGAL3swxpQ",
        ] {
            check("password", stored, Ok(Verdict::RightButOld));
            check("passwort", stored, Ok(Verdict::Wrong));
        }
    }

    #[test]
    fn what_is_no_hash_or_costs_too_much_is_unusable() {
        let hash = "c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
        for stored in [
            String::new(),
            "password".to_owned(),
            "$2b$12$abcdefghijklmnopqrstuv".to_owned(),
            "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ".to_owned(),
            "$argon2id$v=19$m=19456,t=2,p=1".to_owned(),
            format!("$argon2id$v=19$m=262145,t=2,p=1${hash}"),
            format!("$argon2id$v=19$m=4294967295,t=2,p=1${hash}"),
            format!("$argon2id$v=19$m=256,t=33,p=1${hash}"),
            format!("$argon2id$v=19$m=256,t=2,p=17${hash}"),
            format!("$argon2id$v=19$m=1,t=2,p=1${hash}"),
            format!("$argon2id$v=18$m=256,t=2,p=1${hash}"),
            format!("$scrypt$v=19$m=256,t=2,p=1${hash}"),
        ] {
            check("password", &stored, Err(Fault::Unusable));
        }
    }

    #[test]
    fn a_password_is_the_same_from_every_keyboard() {
        assert_eq!(password("man\u{303}ana").text(), "ma\u{f1}ana");
        assert_eq!(password("a\u{a0}b\u{3000}c").text(), "a b c");
        assert_eq!(password("  x²").text(), "  x²");
        let longest = "ü".repeat(CHARS_MAX);
        assert_eq!(password(&longest).text(), longest);
        let apart = "u\u{308}".repeat(CHARS_MAX);
        assert_eq!(password(&apart).text(), longest);
        for (text, why) in [
            ("x".repeat(CHARS_MAX + 1), NoPassword::TooLong),
            ("x".repeat(1 << 20), NoPassword::TooLong),
            ("a\nb".to_owned(), NoPassword::ControlCharacter),
            ("a\0".to_owned(), NoPassword::ControlCharacter),
        ] {
            assert_eq!(Password::read(&text).unwrap_err(), why);
        }
        assert_eq!(format!("{:?}", password("hunter2")), "Password");
    }

    #[test]
    fn the_cost_has_a_floor_and_a_ceiling() {
        assert_eq!(Cost::new(19 * 1024, 2), Ok(Cost::default()));
        assert!(Cost::new(64 * 1024, 10).is_ok());
        for (memory, passes) in [
            (19 * 1024 - 1, 2),
            (19 * 1024, 1),
            (65_537, 2),
            (65_536, 11),
        ] {
            assert!(Cost::new(memory, passes).is_err());
        }
    }
}
