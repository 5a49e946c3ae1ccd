//! Proofs that were accepted, by their hashes, for as long as they could be shown again.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use value::Timestamp;

use super::{AGE_MAX, AHEAD_MAX};

/// Proofs in each half: with 2,000 requests a second all of a minute and a half are remembered.
/// Some 10 MB.
const HALF_MAX: usize = 180_000;

/// How long a proof could be shown again, in milliseconds.
const LASTS: i64 = (AGE_MAX.as_millis() + AHEAD_MAX.as_millis()) as i64;

pub(super) struct Seen {
    halves: Mutex<Halves>,
}

/// All of the old half came before all of the young one.
struct Halves {
    young: HashSet<[u8; 32]>,
    old: HashSet<[u8; 32]>,
    /// When the young half was begun.
    since: Timestamp,
}

impl Seen {
    pub fn new() -> Seen {
        Seen {
            halves: Mutex::new(Halves {
                young: HashSet::new(),
                old: HashSet::new(),
                since: Timestamp::MIN,
            }),
        }
    }

    /// Whether it was not seen before; it has been from now on.
    pub fn is_new(&self, id: [u8; 32], now: Timestamp) -> bool {
        let mut halves = self.halves.lock().unwrap_or_else(PoisonError::into_inner);
        let age = now.0.saturating_sub(halves.since.0);
        if age > LASTS || halves.young.len() >= HALF_MAX {
            halves.old = std::mem::take(&mut halves.young);
            if age > 2 * LASTS {
                // Nor could any of those be shown again.
                halves.old = HashSet::new();
            }
            halves.since = now;
        }
        !halves.old.contains(&id) && halves.young.insert(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: usize) -> [u8; 32] {
        let mut id = [0; 32];
        id[..8].copy_from_slice(&number.to_be_bytes());
        id
    }

    #[test]
    fn it_remembers_for_as_long_as_it_must() {
        let seen = Seen::new();
        for start in [0, LASTS / 2, LASTS - 1, LASTS, LASTS * 10] {
            let id = id(start as usize + 1);
            assert!(seen.is_new(id, Timestamp(start)));
            for later in [0, 1, LASTS / 2, LASTS] {
                assert!(!seen.is_new(id, Timestamp(start + later)), "{later}");
            }
        }
    }

    #[test]
    fn it_never_holds_more_than_it_may() {
        let seen = Seen::new();
        for number in 0..3 * HALF_MAX {
            assert!(seen.is_new(id(number), Timestamp(1)));
        }
        let halves = seen.halves.lock().unwrap();
        assert!(halves.young.len() <= HALF_MAX && halves.old.len() <= HALF_MAX);
        drop(halves);
        assert!(!seen.is_new(id(3 * HALF_MAX - 1), Timestamp(2)));
    }
}
