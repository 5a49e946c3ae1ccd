//! Tokens that were verified, by their hashes, so that a busy token is verified once a minute.
//!
//! Bounded: each shard has a young and an old half. When the young one is full it becomes the old
//! one and the old one is forgotten, so that what is used stays and nothing has to be ordered.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use value::Timestamp;

use super::Access;

/// So that those who write hold up few of those who read.
const SHARDS: usize = 16;
/// Tokens in half a shard: some 65,000 in all, below 100 MB.
const HALF_MAX: usize = 2_048;

pub(super) struct Cache {
    shards: Vec<RwLock<Shard>>,
}

#[derive(Default)]
struct Shard {
    young: HashMap<[u8; 32], Known>,
    old: HashMap<[u8; 32], Known>,
}

/// A token that was verified.
#[derive(Clone)]
pub(super) struct Known {
    pub access: Arc<Access>,
    /// The key that signed it.
    pub kid: Arc<str>,
    /// What was denied when it was checked.
    pub version: u64,
    /// How long it is believed.
    pub until: Timestamp,
}

impl Cache {
    pub fn new() -> Cache {
        Cache {
            shards: (0..SHARDS).map(|_| RwLock::default()).collect(),
        }
    }

    pub fn find(&self, hash: &[u8; 32], now: Timestamp) -> Option<Known> {
        let found = {
            let shard = self.shard(hash).read();
            let shard = shard.unwrap_or_else(PoisonError::into_inner);
            match shard.young.get(hash) {
                Some(known) => return (known.until > now).then(|| known.clone()),
                None => shard.old.get(hash).cloned()?,
            }
        };
        if found.until <= now {
            return None;
        }
        self.insert(*hash, found.clone(), now);
        Some(found)
    }

    pub fn insert(&self, hash: [u8; 32], known: Known, now: Timestamp) {
        if known.until <= now {
            return;
        }
        let shard = self.shard(&hash).write();
        let mut shard = shard.unwrap_or_else(PoisonError::into_inner);
        if shard.young.len() >= HALF_MAX && !shard.young.contains_key(&hash) {
            shard.old = std::mem::take(&mut shard.young);
        }
        shard.young.insert(hash, known);
    }

    fn shard(&self, hash: &[u8; 32]) -> &RwLock<Shard> {
        &self.shards[usize::from(hash[0]) % SHARDS]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(until: i64) -> Known {
        let access = serde_json::json!({
            "iss": "", "sub": "", "aud": "", "exp": 0, "iat": 0, "jti": "", "client_id": "",
        });
        Known {
            access: Arc::new(serde_json::from_value(access).unwrap()),
            kid: "".into(),
            version: 0,
            until: Timestamp(until),
        }
    }

    fn hash(number: usize) -> [u8; 32] {
        let mut hash = [0; 32];
        hash[1..9].copy_from_slice(&number.to_be_bytes());
        hash
    }

    #[test]
    fn it_holds_what_is_used_and_never_more_than_it_may() {
        let cache = Cache::new();
        let now = Timestamp(0);
        for number in 0..10 * HALF_MAX {
            cache.insert(hash(number), known(1), now);
            // Used all the time.
            assert!(cache.find(&hash(0), now).is_some(), "after {number}");
            let shard = cache.shard(&hash(0)).read().unwrap();
            assert!(shard.young.len() <= HALF_MAX && shard.old.len() <= HALF_MAX);
        }
        assert!(cache.find(&hash(1), now).is_none());
    }

    #[test]
    fn nothing_is_believed_longer_than_its_time() {
        let cache = Cache::new();
        cache.insert(hash(1), known(5), Timestamp(0));
        assert!(cache.find(&hash(1), Timestamp(4)).is_some());
        assert!(cache.find(&hash(1), Timestamp(5)).is_none());
    }
}
