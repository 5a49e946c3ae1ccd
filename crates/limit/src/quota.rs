//! The arithmetic of one quota: the generic cell rate algorithm (ITU-T I.371, its virtual
//! scheduling form).
//!
//! All that is kept of a caller is the *theoretical arrival time*: when everything used so far
//! will be restored. A request of cost one moves it on by the interval; it may lie at most
//! `burst` intervals ahead of now. At or before now, nothing is used at all.

/// So and so many requests per time, of which so many at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// In which one request is restored.
    interval_ns: u64,
    /// In which the whole burst is: a multiple of the interval.
    full_ns: u64,
}

/// Times stay far below where sums could overflow: the whole burst is restored within a century.
const FULL_NS_MAX: u64 = 100 * 365 * 86_400 * 1_000_000_000;

/// What a request would do to a caller's arrival time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Claim {
    /// The arrival time as it is.
    pub before: u64,
    /// As it would be.
    pub charged: u64,
    /// How long until there is room, if there is none.
    pub wait_ns: Option<u64>,
}

impl Quota {
    /// `allow` requests per `window_seconds`, all of them at once unless `burst` says otherwise.
    /// Zeros count as ones.
    pub fn new(allow: u32, window_seconds: u32, burst: Option<u32>) -> Quota {
        let window_ns = u64::from(window_seconds.max(1)) * 1_000_000_000;
        // Rounded up, so that never more than `allow` are restored in the window.
        let interval_ns = window_ns.div_ceil(u64::from(allow.max(1)));
        let burst =
            u64::from(burst.unwrap_or(allow).max(1)).min((FULL_NS_MAX / interval_ns).max(1));
        Quota {
            interval_ns,
            full_ns: interval_ns * burst,
        }
    }

    /// The most that can be used at once.
    pub fn burst(&self) -> u32 {
        u32::try_from(self.full_ns / self.interval_ns).unwrap_or(u32::MAX)
    }

    /// `paid` of the cost has been charged before. If there is no room for the rest, the wait is
    /// for all of it: whoever comes back begins again.
    pub(crate) fn claim(&self, arrival: u64, paid: u32, cost: u32, now: u64) -> Claim {
        let of = |cost: u32| {
            self.interval_ns
                .saturating_mul(u64::from(cost))
                .min(self.full_ns)
        };
        let before = arrival.max(now);
        let room = self.room(before, now);
        let need = of(cost.saturating_sub(paid));
        let wait = of(cost).saturating_sub(room);
        Claim {
            before,
            charged: before.saturating_add(need),
            wait_ns: (need > room).then_some(wait),
        }
    }

    /// What is left, and how long until it is one more.
    pub(crate) fn left(&self, arrival: u64, now: u64) -> (u32, u64) {
        let room = self.room(arrival, now);
        let remaining = room / self.interval_ns;
        let next_ns = if room == self.full_ns {
            0
        } else {
            self.interval_ns - room % self.interval_ns
        };
        (u32::try_from(remaining).unwrap_or(u32::MAX), next_ns)
    }

    fn room(&self, arrival: u64, now: u64) -> u64 {
        self.full_ns.saturating_sub(arrival.saturating_sub(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    /// Requests at these times, in tenths of a second, and which of them pass.
    #[track_caller]
    fn check(quota: Quota, times: &[u64], expected: &str) {
        let mut arrival = 0;
        let told = times.iter().map(|tenths| {
            let now = SECOND * 1000 + tenths * SECOND / 10;
            let claim = quota.claim(arrival, 0, 1, now);
            if claim.wait_ns.is_none() {
                arrival = claim.charged;
            }
            let (remaining, next) = quota.left(arrival.max(now), now);
            match claim.wait_ns {
                None => format!("{remaining}+{}", next * 10 / SECOND),
                Some(wait) => format!("wait {}", wait * 10 / SECOND),
            }
        });
        assert_eq!(told.collect::<Vec<_>>().join(", "), expected);
    }

    #[test]
    fn a_burst_and_then_the_rate() {
        check(
            Quota::new(3, 3, None),
            &[0, 0, 0, 0, 9, 10, 10, 25, 25, 100],
            "2+10, 1+10, 0+10, wait 10, wait 1, 0+10, wait 10, 0+5, wait 5, 2+10",
        );
        check(
            Quota::new(60, 60, Some(1)),
            &[0, 1, 10, 11, 200],
            "0+10, wait 9, 0+10, wait 9, 0+10",
        );
        check(
            Quota::new(1, 2, Some(2)),
            &[0, 0, 0, 20, 20],
            "1+20, 0+20, wait 20, 0+20, wait 20",
        );
    }

    #[test]
    fn a_cost_above_the_burst_takes_all_of_it() {
        let quota = Quota::new(5, 10, None);
        let claim = quota.claim(0, 0, 1000, SECOND);
        assert_eq!(claim.wait_ns, None);
        assert_eq!(quota.left(claim.charged, SECOND), (0, 2 * SECOND));
        assert_eq!(
            quota.claim(claim.charged, 0, 5, SECOND).wait_ns,
            Some(10 * SECOND)
        );
    }

    #[test]
    fn what_is_paid_already_is_not_asked_again() {
        let quota = Quota::new(5, 10, None);
        assert_eq!(quota.burst(), 5);
        let paid = quota.claim(0, 0, 1, SECOND).charged;
        let rest = quota.claim(paid, 1, 5, SECOND);
        assert_eq!(rest.wait_ns, None);
        assert_eq!(quota.left(rest.charged, SECOND), (0, 2 * SECOND));
        // Another request came between: three are left, and five will be in four seconds.
        let more = quota.claim(paid, 0, 1, SECOND).charged;
        assert_eq!(quota.claim(more, 1, 5, SECOND).wait_ns, Some(4 * SECOND));
    }

    #[test]
    fn no_numbers_overflow() {
        for allow in [0, 1, 7, 1_000_000_000, u32::MAX] {
            for window in [0, 1, 86_400, u32::MAX] {
                for burst in [None, Some(0), Some(1), Some(u32::MAX)] {
                    let quota = Quota::new(allow, window, burst);
                    assert!(quota.interval_ns > 0 && quota.full_ns >= quota.interval_ns);
                    for now in [0, 1, u64::MAX / 2, u64::MAX] {
                        let claim = quota.claim(now, 0, u32::MAX, now);
                        let (remaining, _) = quota.left(claim.charged, now);
                        assert!(remaining == 0 || now == u64::MAX, "{quota:?}");
                    }
                }
            }
        }
    }
}
