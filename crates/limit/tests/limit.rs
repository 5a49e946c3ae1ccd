//! What a counter promises, through its public face.

use std::sync::Arc;
use std::thread;

use limit::{Charged, Counter, Plan, Quota};
use proptest::prelude::*;

const SECOND: u64 = 1_000_000_000;

fn plan(quotas: &[Quota]) -> Plan<usize> {
    let counters = quotas.iter().enumerate();
    Plan::new(counters.map(|(at, quota)| Arc::new(Counter::new(at, *quota))))
}

fn remaining(charged: &Charged) -> Vec<u32> {
    charged
        .standings
        .iter()
        .map(|standing| standing.remaining)
        .collect()
}

#[test]
fn all_must_have_room_and_a_refusal_costs_nothing() {
    let plan = plan(&[Quota::new(2, 60, None), Quota::new(10, 60, None)]);
    let charge = |cost| plan.charge(cost, SECOND, &|_| 7);
    assert_eq!(remaining(&charge(1)), [1, 9]);
    assert_eq!(remaining(&charge(1)), [0, 8]);
    for _ in 0..20 {
        let refused = charge(1);
        assert!(!refused.granted);
        assert_eq!(remaining(&refused), [0, 8]);
        assert_eq!(refused.standings[0].wait_ns, Some(30 * SECOND));
        assert_eq!(refused.standings[1].wait_ns, None);
    }
    // Others are not concerned.
    assert_eq!(remaining(&plan.charge(1, SECOND, &|_| 8)), [1, 9]);
}

#[test]
fn callers_can_be_counted_differently_by_each() {
    let plan = plan(&[Quota::new(5, 60, None), Quota::new(5, 60, None)]);
    // One address, two users.
    let charge = |user: u64| plan.charge(1, 0, &|at| if *at == 0 { 1 } else { user });
    assert_eq!(remaining(&charge(10)), [4, 4]);
    assert_eq!(remaining(&charge(11)), [3, 4]);
    assert_eq!(remaining(&charge(10)), [2, 3]);
}

#[test]
fn a_counter_named_twice_is_charged_once() {
    let one = Arc::new(Counter::new((), Quota::new(5, 60, None)));
    let plan = Plan::new([Arc::clone(&one), Arc::clone(&one)]);
    assert_eq!(remaining(&plan.charge(1, 0, &|()| 1)), [4]);
    assert!(Plan::<()>::new([]).charge(1, 0, &|()| 1).granted);
}

#[test]
fn plans_that_share_counters_in_any_order_never_wait_in_a_circle() {
    let counters = [0, 1, 2].map(|at| Arc::new(Counter::new(at, Quota::new(1_000_000, 60, None))));
    let orders = [[0, 1, 2], [2, 1, 0], [1, 2, 0], [2, 0, 1]];
    thread::scope(|scope| {
        for order in orders {
            let plan = Plan::new(order.map(|at| Arc::clone(&counters[at])));
            scope.spawn(move || {
                for _ in 0..20_000 {
                    assert!(plan.charge(1, 0, &|_| 1).granted);
                }
            });
        }
    });
    let plan = Plan::new(counters);
    assert_eq!(remaining(&plan.charge(1, 0, &|_| 1)), [919_999; 3]);
}

/// However many ask at once and however their clocks differ, exactly so many get through.
#[test]
fn exact_under_concurrency() {
    let quotas = [
        Quota::new(1000, 86_400, None),
        Quota::new(5000, 86_400, None),
    ];
    let plan = plan(&quotas);
    let granted: usize = thread::scope(|scope| {
        let threads: Vec<_> = (0..8_u64)
            .map(|thread| {
                let plan = &plan;
                scope.spawn(move || {
                    (0..1000_u64)
                        // Some clocks are behind.
                        .filter(|step| {
                            plan.charge(1, SECOND + step * 100 - thread * 50, &|_| 3)
                                .granted
                        })
                        .count()
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .sum()
    });
    assert_eq!(granted, 1000);
    assert_eq!(remaining(&plan.charge(1, SECOND, &|_| 3)), [0, 4000]);
}

/// The same rule written down another way: a bucket that is filled drop by drop.
struct Bucket {
    full: u128,
    interval: u128,
    /// In nanoseconds' worth.
    content: u128,
    at: u64,
}

impl Bucket {
    fn ask(&mut self, cost: u32, now: u64) -> bool {
        self.content = (self.content + u128::from(now - self.at)).min(self.full);
        self.at = now;
        let need = (u128::from(cost) * self.interval).min(self.full);
        let granted = need <= self.content;
        if granted {
            self.content -= need;
        }
        granted
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn it_is_a_bucket_of_tokens_and_keeps_to_its_rate(
        allow in 1_u32..50,
        window in 1_u32..100,
        burst in prop::option::of(1_u32..80),
        steps in prop::collection::vec((0_u64..5 * SECOND, 1_u32..4), 1..200),
    ) {
        let plan = plan(&[Quota::new(allow, window, burst)]);
        let interval = (u64::from(window) * SECOND).div_ceil(u64::from(allow));
        let most = u128::from(burst.unwrap_or(allow));
        let full = most * u128::from(interval);
        let mut bucket = Bucket { full, interval: interval.into(), content: full, at: 0 };
        let mut now = 0;
        let mut passed: Vec<(u64, u128)> = Vec::new();
        for (pause, cost) in steps {
            now += pause;
            let charged = plan.charge(cost, now, &|_| 42);
            prop_assert_eq!(charged.granted, bucket.ask(cost, now));
            let standing = charged.standings[0];
            prop_assert_eq!(u128::from(standing.remaining), bucket.content / u128::from(interval));
            if let Some(wait) = standing.wait_ns {
                // What is promised holds: there is room then, and not before.
                let room = |at: u64| (bucket.content + u128::from(at)).min(full);
                let need = (u128::from(cost) * u128::from(interval)).min(full);
                prop_assert!(room(wait) >= need && room(wait - 1) < need);
            } else {
                passed.push((now, u128::from(cost).min(most)));
            }
        }
        // In any stretch of time no more than the burst and what it restores.
        for (from, (begin, _)) in passed.iter().enumerate() {
            let mut used = 0;
            for (end, cost) in &passed[from..] {
                used += cost;
                let restored = u128::from(end - begin) / u128::from(interval) + 1;
                prop_assert!(used <= most + restored);
            }
        }
    }
}
