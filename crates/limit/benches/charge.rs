//! What a decision costs, by threads, callers and limits, and what a caller costs in memory.
//!
//! `cargo bench -p limit`. Times are those of the processor where the system tells them (Linux), so
//! that other programs do not count, and else those on the wall; per decision of each thread.

#![expect(clippy::print_stdout, reason = "the result is the point")]

use std::hint::black_box;
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use limit::{Counter, Plan, Quota};

/// Decisions of each thread.
const DECISIONS: u64 = 4_000_000;

fn plan(limits: usize) -> Plan<usize> {
    // Nobody is ever refused, and nobody restored.
    let quota = Quota::new(1_000_000_000, 86_400, None);
    Plan::new((0..limits).map(|at| Arc::new(Counter::new(at, quota))))
}

/// Spreads like the hashes that callers are.
fn mix(number: u64) -> u64 {
    let mixed = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// The time this thread has had a processor, or the time on the wall.
enum Clock {
    Processor(u64),
    Wall(Instant),
}

impl Clock {
    fn now() -> Clock {
        processor_ns().map_or_else(|| Clock::Wall(Instant::now()), Clock::Processor)
    }

    fn elapsed_ns(&self) -> u64 {
        match self {
            Clock::Processor(then) => processor_ns().unwrap_or_default().saturating_sub(*then),
            Clock::Wall(then) => u64::try_from(then.elapsed().as_nanos()).unwrap_or(u64::MAX),
        }
    }
}

fn processor_ns() -> Option<u64> {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    told.split(' ').next()?.parse().ok()
}

fn measure(threads: u64, callers: u64, limits: usize) {
    let plan = plan(limits);
    for caller in 0..callers {
        plan.charge(1, 0, &|_| mix(caller));
    }
    let ns: f64 = thread::scope(|scope| {
        let running: Vec<_> = (0..threads)
            .map(|thread| {
                let plan = &plan;
                scope.spawn(move || {
                    let began = Clock::now();
                    for step in 0..DECISIONS {
                        let caller = mix(step * threads + thread) % callers;
                        black_box(plan.charge(1, step, &|_| mix(caller)));
                    }
                    began.elapsed_ns()
                })
            })
            .collect();
        running
            .into_iter()
            .map(|thread| thread.join().unwrap_or_default() as f64)
            .sum()
    });
    let ns = ns / (threads * DECISIONS) as f64;
    let bytes: usize = plan.counters().iter().map(|counter| counter.bytes()).sum();
    let each = bytes as f64 / (callers as f64 * limits as f64);
    println!("{threads:>7}  {callers:>9}  {limits:>6}  {ns:>8.0} ns  {each:>9.1} B");
}

fn main() {
    println!("threads    callers  limits  a decision   a caller");
    for threads in [1, 2] {
        for callers in [1, 1_000, 1_000_000] {
            for limits in [1, 2] {
                measure(threads, callers, limits);
            }
        }
    }
}
