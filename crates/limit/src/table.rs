//! Arrival times by caller, in bounded memory.
//!
//! Two buckets of eight slots are a caller's; which two, its key says. A slot whose time has
//! passed is free, since nothing used is the same as never seen: nothing is ever removed and
//! nothing needs sweeping. Invariants:
//!
//! 1. A key has at most one slot.
//! 2. When both buckets are full, the table grows, to its bound. At the bound the caller who has
//!    used least of those sixteen is forgotten. So whoever comes with many addresses washes out
//!    those who used one request each, above all his own, and not those who are being held back.

/// Slots of a bucket: two cache lines.
const WAYS: usize = 8;

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    key: u64,
    arrival: u64,
}

type Bucket = [Slot; WAYS];

/// Until when each caller has used something up. Keys are hashes that nobody outside can predict,
/// with all their bits in use; times are in nanoseconds since a moment that stays the same.
#[derive(Debug)]
pub struct Table {
    /// None, or a power of two.
    buckets: Vec<Bucket>,
    buckets_max: usize,
    /// The latest time that was told.
    latest: u64,
}

impl Table {
    /// An empty one that will know about this many callers at once.
    pub fn new(slots_max: usize) -> Table {
        Table {
            buckets: Vec::new(),
            buckets_max: (slots_max / WAYS).max(1).next_power_of_two(),
            latest: 0,
        }
    }

    /// The time, which does not go back.
    pub fn clock(&mut self, now: u64) -> u64 {
        self.latest = self.latest.max(now);
        self.latest
    }

    /// Memory it takes.
    pub fn bytes(&self) -> usize {
        self.buckets.capacity() * size_of::<Bucket>()
    }

    /// The arrival time of a caller; one that has passed if nothing is known.
    pub fn find(&self, key: u64, now: u64) -> u64 {
        if self.buckets.is_empty() {
            return now;
        }
        self.homes(key)
            .into_iter()
            .flat_map(|home| &self.buckets[home])
            .find(|slot| slot.key == key)
            .map_or(now, |slot| slot.arrival)
    }

    /// Keeps the arrival time of a caller.
    pub fn put(&mut self, key: u64, arrival: u64, now: u64) {
        if self.buckets.is_empty() {
            self.buckets.push(Bucket::default());
        }
        loop {
            let homes = self.homes(key);
            let mut best = (homes[0], 0, u64::MAX);
            let mut most_free = 0;
            for home in homes {
                let bucket = &mut self.buckets[home];
                if let Some(slot) = bucket.iter_mut().find(|slot| slot.key == key) {
                    slot.arrival = arrival;
                    return;
                }
                let free = bucket.iter().filter(|slot| slot.arrival <= now).count();
                for (at, slot) in bucket.iter().enumerate() {
                    // The emptier bucket, so that both fill evenly; without one, whoever used
                    // least.
                    if free > most_free || (free == most_free && slot.arrival < best.2) {
                        best = (home, at, slot.arrival);
                        most_free = free;
                    }
                }
            }
            let (home, at, least) = best;
            if least > now && self.buckets.len() < self.buckets_max {
                self.grow(now);
                continue;
            }
            self.buckets[home][at] = Slot { key, arrival };
            return;
        }
    }

    fn homes(&self, key: u64) -> [usize; 2] {
        // Cannot truncate what matters: a table has far fewer than 2^26 buckets, and the six
        // highest bits chose the shard.
        let mask = self.buckets.len() - 1;
        [key as usize & mask, (key >> 29) as usize & mask]
    }

    /// Twice as many buckets. Each takes only what lay in one, so there is room for all.
    fn grow(&mut self, now: u64) {
        let count = self.buckets.len();
        let mask = count - 1;
        self.buckets.resize(count * 2, Bucket::default());
        for old in 0..count {
            for at in 0..WAYS {
                let slot = self.buckets[old][at];
                if slot.arrival <= now {
                    continue;
                }
                let by_first = slot.key as usize & mask == old;
                let home = self.homes(slot.key)[usize::from(!by_first)];
                if home != old {
                    self.buckets[home][at] = slot;
                    self.buckets[old][at] = Slot::default();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Spread like hashes.
    fn key(number: u64) -> u64 {
        let mixed = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mixed = (mixed ^ (mixed >> 31)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed ^ (mixed >> 29)
    }

    #[test]
    fn everybody_is_remembered_while_it_grows() {
        let mut table = Table::new(1 << 14);
        for number in 0..8000 {
            table.put(key(number), 1_000_000 + number, 1);
        }
        for number in 0..8000 {
            assert_eq!(table.find(key(number), 1), 1_000_000 + number);
        }
        assert_eq!(table.find(key(9000), 1), 1);
        assert!(table.bytes() <= (1 << 14) * 16);
    }

    #[test]
    fn what_is_restored_makes_room() {
        let mut table = Table::new(1 << 10);
        for number in 0..100_000 {
            // Each is restored after fifty others have come.
            table.put(key(number), number + 50, number);
            assert_eq!(table.find(key(number), number), number + 50);
        }
        assert!(table.bytes() <= 1 << 12, "{} bytes", table.bytes());
    }

    #[test]
    fn a_flood_does_not_wash_out_the_exhausted() {
        let mut table = Table::new(1 << 10);
        // 200 of 1024 slots are held by callers who are being held back.
        for number in 0..200 {
            table.put(key(number), 1_000_000, 0);
        }
        for number in 1000..200_000 {
            table.put(key(number), 1000, 0);
        }
        let kept = (0..200).filter(|number| table.find(key(*number), 0) == 1_000_000);
        assert_eq!(kept.count(), 200);
        assert_eq!(table.bytes(), (1 << 10) * size_of::<Slot>());
    }
}
