//! How many may wait for the long readers: as many as can be served in time.
//!
//! A queue of a fixed length is too short for quick reads or too long for slow ones; the latter
//! makes everybody wait for nothing. So it goes by how long reads have taken of late.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use crate::options::Options;

/// A read counts for so much of the mean: some reads in a row change it, a single one does not.
const WEIGHT: u64 = 4;

pub(crate) struct Patience {
    mean_ns: AtomicU64,
    readers: u64,
    wait_max_ns: u64,
}

impl Patience {
    pub fn new(options: &Options) -> Patience {
        Patience {
            mean_ns: AtomicU64::new(0),
            readers: u64::try_from(options.long_readers.max(1)).unwrap_or(u64::MAX),
            wait_max_ns: nanoseconds(options.long_wait_expected_max),
        }
    }

    /// Takes in how long a read took.
    pub fn learn(&self, took: Duration) {
        let took = nanoseconds(took);
        // Two who learn at once may lose one of them; it is a mean.
        let mean = self.mean_ns.load(Relaxed);
        let mean = mean - mean / WEIGHT + took / WEIGHT;
        self.mean_ns.store(mean, Relaxed);
    }

    /// How many may wait; always one for each reader, or a slow read would shut the door.
    pub fn most(&self) -> usize {
        let mean = self.mean_ns.load(Relaxed).max(1);
        let served = (self.wait_max_ns / mean).saturating_mul(self.readers);
        usize::try_from(served.max(self.readers)).unwrap_or(usize::MAX)
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX / WEIGHT)
}
