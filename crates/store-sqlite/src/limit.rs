//! A bound on the time one piece of work may spend inside SQLite.
//!
//! SQLite calls [`TimeLimit::tick`] every [`OPS_PER_TICK`] steps of its virtual machine.
//! The clock is first read at the first tick, so statements too short to see one, which
//! are nearly all, never pay for it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// Some tens of microseconds of work: precise enough, and a clock read in that time is
/// lost in the noise.
pub(crate) const OPS_PER_TICK: i32 = 2000;

const UNLIMITED: u64 = u64::MAX;
const NOT_STARTED: u64 = 0;

/// Shared by a connection and its progress handler. Only [`TimeLimit::cancel`] is called
/// from another thread.
#[derive(Debug)]
pub(crate) struct TimeLimit {
    base: Instant,
    allowed_ns: AtomicU64,
    started_ns: AtomicU64,
    expired: AtomicBool,
    cancelled: AtomicBool,
}

impl TimeLimit {
    pub fn unlimited() -> Self {
        TimeLimit {
            base: Instant::now(),
            allowed_ns: AtomicU64::new(UNLIMITED),
            started_ns: AtomicU64::new(NOT_STARTED),
            expired: AtomicBool::new(false),
            cancelled: AtomicBool::new(false),
        }
    }

    /// From now on, this much and no more.
    pub fn arm(&self, allowed: Duration) {
        let allowed = u64::try_from(allowed.as_nanos()).unwrap_or(UNLIMITED);
        self.allowed_ns.store(allowed, Relaxed);
        self.started_ns.store(NOT_STARTED, Relaxed);
        self.expired.store(false, Relaxed);
    }

    /// Nothing may interrupt what comes now: beginning, committing, undoing.
    pub fn disarm(&self) {
        self.allowed_ns.store(UNLIMITED, Relaxed);
    }

    /// Interrupts whatever runs and will run.
    pub fn cancel(&self) {
        self.cancelled.store(true, Relaxed);
    }

    /// Whether the limit was exceeded since it was last armed.
    pub fn expired(&self) -> bool {
        self.expired.load(Relaxed)
    }

    pub fn allowed(&self) -> Duration {
        Duration::from_nanos(self.allowed_ns.load(Relaxed))
    }

    /// Whether to interrupt.
    pub fn tick(&self) -> bool {
        if self.cancelled.load(Relaxed) {
            return true;
        }
        let allowed = self.allowed_ns.load(Relaxed);
        if allowed == UNLIMITED {
            return false;
        }
        let now = u64::try_from(self.base.elapsed().as_nanos()).unwrap_or(UNLIMITED);
        let started = self.started_ns.load(Relaxed);
        if started == NOT_STARTED {
            self.started_ns.store(now.max(1), Relaxed);
            return false;
        }
        let expired = now.saturating_sub(started) > allowed;
        if expired {
            self.expired.store(true, Relaxed);
        }
        expired
    }
}
