//! Counts what callers use up and says when they must wait: GCRA over a bounded table.
//!
//! ```text
//!  Plan::charge ─► for each counter, in one fixed order: lock the caller's shard, ask the quota
//!                  ─► all have room: take from each │ one has not: take from none
//! ```
//!
//! Knows neither who callers are nor what they ask for nor what time it is: a caller is a number
//! ([`Plan::charge`]'s `key`), and the time is given. A counter of one process is all there is so
//! far; one that several processes share would stand beside [`Counter`], behind [`Plan`].
//!
//! Begin with [`Plan::charge`], then [`Quota`] for the arithmetic and [`Table`] for the memory, which
//! also serves others who hold somebody back until a time.

mod quota;
mod table;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

pub use quota::Quota;
pub use table::Table;

/// Callers one counter knows at once, before those who used least are forgotten: 32 MiB of table.
/// It has room for some 1.2 million callers who have used up anything that is not restored yet.
pub const SLOTS_MAX: usize = 1 << 21;

/// Parts of a table, each behind its own lock: many more than there are processors, so that two
/// rarely want the same one.
const SHARDS: usize = 64;

/// The bits of a key that choose its shard; the table uses the lower ones.
const SHARD_SHIFT: u32 = u64::BITS - SHARDS.trailing_zeros();

/// What every caller has used up of one quota. `L` says, for whoever made it, which one that is.
#[derive(Debug)]
pub struct Counter<L> {
    pub label: L,
    quota: Quota,
    /// Locks are taken in the order of serials, so that nobody waits in a circle.
    serial: u64,
    shards: Box<[Shard]>,
}

/// Alone on its cache line, lest neighbours slow each other down.
#[derive(Debug)]
#[repr(align(64))]
struct Shard(Mutex<Table>);

impl<L> Counter<L> {
    pub fn new(label: L, quota: Quota) -> Counter<L> {
        Counter::with_slots(label, quota, SLOTS_MAX)
    }

    /// A counter that knows about this many callers at once.
    pub fn with_slots(label: L, quota: Quota, slots: usize) -> Counter<L> {
        static SERIALS: AtomicU64 = AtomicU64::new(0);
        let shards = (0..SHARDS).map(|_| Shard(Mutex::new(Table::new(slots / SHARDS))));
        Counter {
            label,
            quota,
            serial: SERIALS.fetch_add(1, Ordering::Relaxed),
            shards: shards.collect(),
        }
    }

    pub fn quota(&self) -> &Quota {
        &self.quota
    }

    /// Memory of the table, in bytes.
    pub fn bytes(&self) -> usize {
        let of = |shard: &Shard| shard.table(|table| table.bytes());
        self.shards.iter().map(of).sum()
    }

    fn shard(&self, key: u64) -> &Shard {
        // Cannot truncate: six bits are left.
        &self.shards[(key >> SHARD_SHIFT) as usize]
    }
}

impl Shard {
    /// No code that could panic runs under the lock, so a poisoned one is still whole.
    fn table<T>(&self, run: impl FnOnce(&mut Table) -> T) -> T {
        run(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The counters that one kind of request is charged to. Each only once, however often named.
#[derive(Debug)]
pub struct Plan<L> {
    counters: Vec<Arc<Counter<L>>>,
    /// Places in `counters`, by serial.
    lock_order: Vec<usize>,
}

/// How a caller stands with one counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// What is left now.
    pub remaining: u32,
    /// Until one more than `remaining` is there; zero when all of the burst is.
    pub next_ns: u64,
    /// Whether this counter had no room for the request, and how long until it has.
    pub wait_ns: Option<u64>,
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Charged {
    /// Whether all counters had room. If not, none was charged.
    pub granted: bool,
    /// One for each counter, in the order of the plan.
    pub standings: Vec<Standing>,
}

impl<L> Plan<L> {
    pub fn new(counters: impl IntoIterator<Item = Arc<Counter<L>>>) -> Plan<L> {
        let mut known: Vec<Arc<Counter<L>>> = Vec::new();
        for counter in counters {
            if known.iter().all(|other| other.serial != counter.serial) {
                known.push(counter);
            }
        }
        let mut lock_order: Vec<usize> = (0..known.len()).collect();
        lock_order.sort_by_key(|at| known[*at].serial);
        Plan {
            counters: known,
            lock_order,
        }
    }

    pub fn counters(&self) -> &[Arc<Counter<L>>] {
        &self.counters
    }

    /// Charges `cost` to every counter, or to none. `key` is the caller as a counter sees it: a
    /// hash that nobody outside can predict, with all its bits in use. `now` is in nanoseconds since a moment that
    /// stays the same for the life of the counters.
    ///
    /// A cost above the burst counts as the whole burst; otherwise it could never be paid.
    pub fn charge(&self, cost: u32, now: u64, key: &dyn Fn(&L) -> u64) -> Charged {
        self.charge_rest(0, cost, now, key)
    }

    /// The same where `paid` of the cost has been charged before, as more was not known then.
    pub fn charge_rest(&self, paid: u32, cost: u32, now: u64, key: &dyn Fn(&L) -> u64) -> Charged {
        let none = Standing {
            remaining: 0,
            next_ns: 0,
            wait_ns: None,
        };
        let mut standings = vec![none; self.counters.len()];
        let granted = self.take(
            &self.lock_order,
            true,
            (paid, cost),
            now,
            key,
            &mut standings,
        );
        Charged { granted, standings }
    }

    /// Holds one counter's lock while the others are asked, and charges only if all agree. `so_far`
    /// is what those before have said; of the second of `costs` the first is paid.
    fn take(
        &self,
        order: &[usize],
        so_far: bool,
        costs: (u32, u32),
        now: u64,
        key: &dyn Fn(&L) -> u64,
        standings: &mut [Standing],
    ) -> bool {
        let Some((&at, others)) = order.split_first() else {
            return so_far;
        };
        let counter = &self.counters[at];
        let key_here = key(&counter.label);
        counter.shard(key_here).table(|table| {
            // Clocks are read before locks are got, so an earlier time may come in later.
            let now = table.clock(now);
            let (paid, cost) = costs;
            let arrival = table.find(key_here, now);
            let claim = counter.quota.claim(arrival, paid, cost, now);
            let so_far = so_far && claim.wait_ns.is_none();
            let granted = self.take(others, so_far, costs, now, key, standings);
            if granted {
                table.put(key_here, claim.charged, now);
            }
            let arrival = if granted { claim.charged } else { claim.before };
            let (remaining, next_ns) = counter.quota.left(arrival, now);
            standings[at] = Standing {
                remaining,
                next_ns,
                wait_ns: claim.wait_ns,
            };
            granted
        })
    }
}
