//! Holds back whoever guesses: passwords, codes of an app, recovery codes, codes of a device.
//!
//! After a few wrong tries each next one has to wait, 1 s, 2 s, 4 s and so on up to a cap; wrong
//! tries are forgiven one by one as time passes, and forgotten when one is right. Nobody is ever
//! locked out for good, since that would let anybody lock out anybody.
//!
//! ```text
//!               counts wrong tries of           so that
//!  pair         this account from this address  one address guesses a handful of times an hour
//!  account      this account from anywhere      many addresses together guess once a minute
//!  address      any account from this address   one address does not try a list of accounts
//! ```
//!
//! 1. A try counts as wrong from when it is let in until it turns out right, so a thousand at
//!    once are not let in because none has failed yet.
//! 2. An account is a name that somebody typed, known or not: whoever asks learns nothing.
//! 3. A device that its owner has used before ([`Attempt::known_device`]) is held back by its own
//!    wrong tries only: who guesses from elsewhere does not keep the owner out.
//! 4. An address is a whole /64 in IPv6, which is what one customer gets.
//!
//! Memory is bounded ([`SLOTS`]). When it is full, the one with the fewest wrong tries out of
//! sixteen is forgotten, and which sixteen depends on a secret of the process. So to be forgotten
//! himself somebody has to bring others with as many wrong tries as his own, from as many
//! addresses; who has those needs not be forgotten.
//!
//! It is kept by one process: with N of them behind one address, somebody has N times as many
//! tries. It is told the time and asks nobody else.

use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use call::{Code, Failure};
use limit::Table;

/// Pairs, accounts and addresses remembered, each: 1 MiB of table at most.
pub const SLOTS: usize = 1 << 16;

const SECOND: u64 = 1_000_000_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
/// What a person may have to wait after many wrong tries of their own.
const CAP: u64 = 15 * MINUTE;

/// How wrong tries of one kind are held back.
#[derive(Clone, Copy, Debug)]
struct Rule {
    /// Wrong tries before anybody waits.
    free: u64,
    /// The longest wait.
    cap: u64,
    /// In which one wrong try is forgiven.
    forgiven_each: u64,
}

/// Five slips of the finger cost nothing. Then 1, 2, 4 … s; from the fifteenth on four an hour.
const PAIR: Rule = Rule {
    free: 5,
    cap: CAP,
    forgiven_each: HOUR,
};
/// Soft, since it also holds back an owner on a new device: SP 800-63B-4 §3.2.2 wants it to bite
/// before a hundred.
const ACCOUNT: Rule = Rule {
    free: 50,
    cap: MINUTE,
    forgiven_each: 10 * MINUTE,
};
/// Three codes of a million are right at any time. Only who has the password gets to try, so it
/// may be strict: it keeps nobody out whom the password does not.
const ACCOUNT_SECOND_FACTOR: Rule = Rule {
    free: 10,
    cap: CAP,
    forgiven_each: HOUR,
};
/// An office or a mobile network is one address, too: what its people mistype in a minute is
/// forgiven in the next.
const ADDRESS: Rule = Rule {
    free: 100,
    cap: MINUTE,
    forgiven_each: MINUTE,
};
/// A code that belongs to nobody yet is typed once, seldom twice.
const ADDRESS_CODES: Rule = Rule {
    free: 20,
    cap: CAP,
    forgiven_each: CAP,
};

/// Wrong tries of late.
pub struct Guesses {
    began: Instant,
    secret: RandomState,
    counts: Mutex<[Option<Count>; 3]>,
}

struct Count {
    rule: Rule,
    /// For each, when all of its wrong tries will be forgiven, in nanoseconds since the beginning.
    /// The lowest bits ([`TRIES_BITS`]) say how many they were, and so when the last of them was.
    table: Table,
}

/// A quarter of a microsecond's worth of bits, with room for all tries that are counted.
const TRIES_BITS: u64 = 0xff;

/// Somebody wants to try.
#[derive(Clone, Copy, Debug)]
pub struct Attempt<'a> {
    /// Whose password or code, as it is looked up; none where a code is all there is.
    pub account: Option<&'a str>,
    pub peer: IpAddr,
    /// It has proved that this account was signed in on it before.
    pub known_device: bool,
}

/// One try. Let go of, it was a wrong one.
#[derive(Debug)]
#[must_use = "a try that is not told to be right counts as wrong"]
pub struct Permit {
    keys: [Option<u64>; 3],
}

/// Too many wrong tries: come again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait {
    pub seconds: u32,
}

impl Guesses {
    /// Of passwords.
    pub fn of_passwords() -> Guesses {
        Guesses::with([Some(PAIR), Some(ACCOUNT), Some(ADDRESS)], SLOTS)
    }

    /// Of codes that are asked for after something else was right: of an app, for recovery.
    pub fn of_second_factors() -> Guesses {
        let account = Some(ACCOUNT_SECOND_FACTOR);
        Guesses::with([Some(PAIR), account, Some(ADDRESS)], SLOTS)
    }

    /// Of codes and links that are all there is: by mail, of a device.
    pub fn of_codes() -> Guesses {
        Guesses::with([None, None, Some(ADDRESS_CODES)], SLOTS)
    }

    fn with(rules: [Option<Rule>; 3], slots: usize) -> Guesses {
        let count = |rule| Count {
            rule,
            table: Table::new(slots),
        };
        Guesses {
            began: Instant::now(),
            secret: RandomState::new(),
            counts: Mutex::new(rules.map(|rule| rule.map(count))),
        }
    }

    /// Lets somebody try once.
    ///
    /// # Errors
    /// How long to wait, the longest of all reasons. Asking in vain costs nothing more.
    pub fn may_try(&self, attempt: &Attempt<'_>, now: Instant) -> Result<Permit, Wait> {
        let keys = self.keys(attempt);
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.nanoseconds(now);
        let mut wait = 0;
        for (count, key) in counts.iter_mut().zip(keys) {
            if let (Some(count), Some(key)) = (count, key) {
                wait = wait.max(count.wait(key, now));
            }
        }
        if wait > 0 {
            let seconds = u32::try_from(wait.div_ceil(SECOND)).unwrap_or(u32::MAX);
            return Err(Wait { seconds });
        }
        for (count, key) in counts.iter_mut().zip(keys) {
            if let (Some(count), Some(key)) = (count, key) {
                count.add(key, now);
            }
        }
        Ok(Permit { keys })
    }

    /// The try was right: what was wrong before is forgotten, for this account. An address has to
    /// wait until it is forgiven, lest a guesser sign in to an account of his own in between.
    pub fn right(&self, permit: Permit, now: Instant) {
        let [pair, account, address] = permit.keys;
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.nanoseconds(now);
        let [pairs, accounts, addresses] = &mut *counts;
        for (count, key) in [(pairs, pair), (accounts, account)] {
            if let (Some(count), Some(key)) = (count, key) {
                count.forget(key, now);
            }
        }
        if let (Some(count), Some(key)) = (addresses, address) {
            count.take_back(key, now);
        }
    }

    /// The try was neither right nor wrong, since the server could not tell: it does not count.
    pub fn undecided(&self, permit: Permit, now: Instant) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.nanoseconds(now);
        for (count, key) in counts.iter_mut().zip(permit.keys) {
            if let (Some(count), Some(key)) = (count, key) {
                count.take_back(key, now);
            }
        }
    }

    /// Of the pair, the account and the address.
    fn keys(&self, attempt: &Attempt<'_>) -> [Option<u64>; 3] {
        let address = network(attempt.peer);
        let pair = attempt
            .account
            .map(|account| self.secret.hash_one((account, address)));
        if attempt.known_device && pair.is_some() {
            return [pair, None, None];
        }
        let account = attempt.account.map(|account| self.secret.hash_one(account));
        [pair, account, Some(self.secret.hash_one(address))]
    }

    fn nanoseconds(&self, now: Instant) -> u64 {
        let since = now.saturating_duration_since(self.began);
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX / 2)
    }
}

impl Count {
    /// How many wrong tries are not forgiven yet, and how long ago the last one was.
    fn standing(&mut self, key: u64, now: u64) -> (u64, u64) {
        let now = self.table.clock(now);
        let stored = self.table.find(key, now);
        let left = (stored & !TRIES_BITS).saturating_sub(now);
        let each = self.rule.forgiven_each;
        let ago = (stored & TRIES_BITS) * each;
        (left.div_ceil(each), ago.saturating_sub(left))
    }

    fn wait(&mut self, key: u64, now: u64) -> u64 {
        let (tries, ago) = self.standing(key, now);
        self.rule.delay(tries).saturating_sub(ago)
    }

    fn add(&mut self, key: u64, now: u64) {
        let (tries, _) = self.standing(key, now);
        self.set(key, (tries + 1).min(self.rule.tries_max()), now);
    }

    fn take_back(&mut self, key: u64, now: u64) {
        let (tries, _) = self.standing(key, now);
        self.set(key, tries.saturating_sub(1), now);
    }

    fn forget(&mut self, key: u64, now: u64) {
        self.set(key, 0, now);
    }

    fn set(&mut self, key: u64, tries: u64, now: u64) {
        let now = self.table.clock(now);
        let until = now.saturating_add(tries.saturating_mul(self.rule.forgiven_each));
        self.table.put(key, until & !TRIES_BITS | tries, now);
    }
}

impl Rule {
    /// What has to be waited after so many wrong tries.
    fn delay(self, tries: u64) -> u64 {
        let Some(beyond) = tries.checked_sub(self.free) else {
            return 0;
        };
        let doubled = u32::try_from(beyond)
            .ok()
            .and_then(|beyond| SECOND.checked_shl(beyond))
            .filter(|_| beyond < 20);
        doubled.unwrap_or(self.cap).min(self.cap)
    }

    /// More are not counted, as they would only take longer to be forgiven.
    fn tries_max(self) -> u64 {
        (self.free..)
            .find(|tries| self.delay(*tries) == self.cap)
            .unwrap_or(self.free)
    }
}

impl From<Wait> for Failure {
    fn from(wait: Wait) -> Failure {
        let seconds = wait.seconds;
        Failure {
            retry_after_seconds: Some(seconds),
            ..Failure::new(
                Code::RateLimited,
                format!("too many wrong tries; try again in {seconds} s"),
            )
        }
    }
}

/// What one customer has: an IPv4 address, or a /64.
fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => {
            let prefix = u128::from(address) >> 64 << 64;
            IpAddr::V6(Ipv6Addr::from(prefix))
        }
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn from<'a>(account: &'a str, peer: &str) -> Attempt<'a> {
        Attempt {
            account: Some(account),
            peer: peer.parse().unwrap(),
            known_device: false,
        }
    }

    /// Whoever tries as soon as they may: what they wait before each try, in seconds.
    fn waits(
        guesses: &Guesses,
        attempt: &Attempt<'_>,
        clock: &mut Instant,
        tries: usize,
    ) -> Vec<u32> {
        (0..tries)
            .map(|_| match guesses.may_try(attempt, *clock) {
                Ok(_) => 0,
                Err(Wait { seconds }) => {
                    let almost =
                        *clock + Duration::from_secs(seconds.into()) - Duration::from_millis(1);
                    assert_eq!(guesses.may_try(attempt, almost).unwrap_err().seconds, 1);
                    *clock = almost + Duration::from_millis(1);
                    let _ = guesses.may_try(attempt, *clock).unwrap();
                    seconds
                }
            })
            .collect()
    }

    #[test]
    fn each_wrong_try_waits_twice_as_long_and_never_longer_than_the_cap() {
        let (guesses, mut clock) = (Guesses::of_passwords(), Instant::now());
        let told = waits(&guesses, &from("ann", "192.0.2.1"), &mut clock, 20);
        assert_eq!(
            told,
            [
                0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900, 900, 900
            ]
        );
        let failure = Failure::from(Wait { seconds: 900 });
        assert_eq!(failure.code, Code::RateLimited);
        assert_eq!(failure.retry_after_seconds, Some(900));
    }

    #[test]
    fn other_accounts_and_other_addresses_do_not_wait() {
        let (guesses, mut clock) = (Guesses::of_passwords(), Instant::now());
        waits(&guesses, &from("ann", "192.0.2.1"), &mut clock, 12);
        assert!(guesses.may_try(&from("bob", "192.0.2.1"), clock).is_ok());
        assert!(guesses.may_try(&from("ann", "192.0.2.2"), clock).is_ok());
        assert!(guesses.may_try(&from("ann", "192.0.2.1"), clock).is_err());
    }

    #[test]
    fn an_address_is_what_one_customer_has() {
        let (guesses, mut clock) = (Guesses::of_passwords(), Instant::now());
        waits(&guesses, &from("ann", "2001:db8:1:2::1"), &mut clock, 8);
        let tries = |peer| guesses.may_try(&from("ann", peer), clock).is_ok();
        assert!(!tries("2001:db8:1:2:ffff::9"));
        assert!(tries("2001:db8:1:3::1"));
        waits(
            &guesses,
            &from("ann", "::ffff:192.0.2.7"),
            &mut clock.clone(),
            8,
        );
        assert!(!tries("192.0.2.7"));
    }

    #[test]
    fn wrong_tries_are_forgiven_one_by_one() {
        let (guesses, mut clock) = (Guesses::of_passwords(), Instant::now());
        let ann = from("ann", "192.0.2.1");
        waits(&guesses, &ann, &mut clock, 10);
        // Three of ten are forgiven, and whoever stayed away does not wait for the rest.
        clock += Duration::from_secs(3 * 3600);
        assert_eq!(waits(&guesses, &ann, &mut clock, 3), [0, 8, 16]);
        clock += Duration::from_secs(24 * 3600);
        assert_eq!(waits(&guesses, &ann, &mut clock, 6), [0, 0, 0, 0, 0, 1]);
    }

    #[test]
    fn the_right_one_forgets_what_was_wrong_before() {
        let (guesses, mut clock) = (Guesses::of_passwords(), Instant::now());
        let ann = from("ann", "192.0.2.1");
        waits(&guesses, &ann, &mut clock, 8);
        clock += Duration::from_secs(60);
        let permit = guesses.may_try(&ann, clock).unwrap();
        guesses.right(permit, clock);
        assert_eq!(waits(&guesses, &ann, &mut clock, 6), [0, 0, 0, 0, 0, 1]);
    }

    #[test]
    fn what_could_not_be_decided_does_not_count() {
        let (guesses, clock) = (Guesses::of_passwords(), Instant::now());
        let ann = from("ann", "192.0.2.1");
        for _ in 0..1000 {
            let permit = guesses.may_try(&ann, clock).unwrap();
            guesses.undecided(permit, clock);
        }
    }

    #[test]
    fn tries_at_once_count_before_any_has_failed() {
        let (guesses, clock) = (Guesses::of_passwords(), Instant::now());
        let ann = from("ann", "192.0.2.1");
        let permits: Vec<Permit> = (0..100)
            .filter_map(|_| guesses.may_try(&ann, clock).ok())
            .collect();
        assert_eq!(permits.len(), 5);
    }

    #[test]
    fn many_addresses_together_are_slowed_down_and_the_owner_gets_in() {
        let (guesses, clock) = (Guesses::of_passwords(), Instant::now());
        let peers: Vec<String> = (0..200).map(|n| format!("198.51.100.{n}")).collect();
        let let_in = peers
            .iter()
            .filter(|peer| guesses.may_try(&from("ann", peer), clock).is_ok())
            .count();
        assert_eq!(let_in, 50);
        let known = Attempt {
            known_device: true,
            ..from("ann", "192.0.2.1")
        };
        assert!(guesses.may_try(&known, clock).is_ok());
        // Softly: nobody ever waits longer than a minute for others.
        let mut clock = clock;
        for _ in 0..20 {
            let told = guesses.may_try(&from("ann", "192.0.2.200"), clock);
            let seconds = told.map_or_else(|wait| wait.seconds, |_| 0);
            assert!(seconds <= 60);
            clock += Duration::from_secs(seconds.into());
            let guesser = format!("203.0.113.{}", seconds % 250);
            let _ = guesses.may_try(&from("ann", &guesser), clock);
        }
    }

    #[test]
    fn one_address_does_not_try_a_list_of_accounts() {
        let (guesses, mut clock) = (Guesses::of_passwords(), Instant::now());
        let names: Vec<String> = (0..200).map(|n| format!("person{n}")).collect();
        let let_in = names
            .iter()
            .filter(|name| guesses.may_try(&from(name, "192.0.2.1"), clock).is_ok())
            .count();
        assert_eq!(let_in, 100);
        // An account of his own in between does not help him.
        clock += Duration::from_secs(1);
        let own = guesses
            .may_try(&from("mallory", "192.0.2.1"), clock)
            .unwrap();
        guesses.right(own, clock);
        assert!(guesses.may_try(&from("ann", "192.0.2.1"), clock).is_err());
        assert!(guesses.may_try(&from("ann", "192.0.2.2"), clock).is_ok());
    }

    #[test]
    fn second_factors_are_held_back_for_all_addresses_together() {
        let (guesses, clock) = (Guesses::of_second_factors(), Instant::now());
        let let_in = (0..200)
            .filter(|n| {
                let peer = format!("198.51.100.{n}");
                guesses.may_try(&from("ann", &peer), clock).is_ok()
            })
            .count();
        assert_eq!(let_in, 10);
        let mut clock = clock;
        let told = waits(&guesses, &from("ann", "192.0.2.1"), &mut clock, 12);
        assert_eq!(told[..4], [1, 2, 4, 8]);
        assert_eq!(told[10..], [900, 900]);
    }

    #[test]
    fn codes_that_belong_to_nobody_are_counted_by_address() {
        let (guesses, mut clock) = (Guesses::of_codes(), Instant::now());
        let attempt = Attempt {
            account: None,
            // Without an account there is nothing that a device could be known for.
            known_device: true,
            ..from("", "192.0.2.1")
        };
        let told = waits(&guesses, &attempt, &mut clock, 23);
        assert_eq!(told[19..], [0, 1, 2, 4]);
    }

    #[test]
    fn a_flood_of_names_does_not_make_it_forget_who_guesses() {
        let guesses = Guesses::with([Some(PAIR), None, None], 1 << 10);
        let mut clock = Instant::now();
        waits(&guesses, &from("ann", "192.0.2.1"), &mut clock, 12);
        for n in 0..50_000 {
            let name = format!("nobody{n}");
            let _ = guesses.may_try(&from(&name, "192.0.2.1"), clock);
        }
        assert!(guesses.may_try(&from("ann", "192.0.2.1"), clock).is_err());
        let counts = guesses.counts.lock().unwrap();
        let bytes: usize = counts
            .iter()
            .flatten()
            .map(|count| count.table.bytes())
            .sum();
        assert!(bytes <= (1 << 10) * 16);
    }

    #[test]
    fn times_that_go_back_or_never_end_do_no_harm() {
        let (guesses, clock) = (Guesses::of_passwords(), Instant::now());
        let ann = from("ann", "192.0.2.1");
        for times in [[0, 1_000_000], [u64::from(u32::MAX), 0]] {
            for seconds in times {
                let _ = guesses.may_try(&ann, clock + Duration::from_secs(seconds));
            }
        }
        for rule in [PAIR, ACCOUNT, ACCOUNT_SECOND_FACTOR, ADDRESS, ADDRESS_CODES] {
            assert!(rule.tries_max() <= TRIES_BITS);
            assert_eq!(rule.delay(u64::MAX), rule.cap);
            assert_eq!(rule.delay(rule.free), SECOND);
            assert!(rule.tries_max() < rule.free + 20);
        }
    }
}
