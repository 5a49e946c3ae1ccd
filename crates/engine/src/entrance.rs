//! Where doors come in: everybody who asks is counted before anything else is decided.
//!
//! A door holds an [`Entrance`], not an engine: [`Entrance::admit`] is the only way to what
//! carries out requests, so that no door can forget the limits. It counts whoever knocks,
//! also with a wrong credential, at a path that is not there or with a body that cannot be read:
//! guessing costs as much as asking. Programs that act without a door hold the [`Engine`] itself
//! and are not counted.

use std::borrow::Cow;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Instant;

use call::{Caller, Change, Code, Failure, Operation, Outcome, Request, Standing, Standings};
use limit::{Charged, Counter, Plan, Quota};
use model::{Limit, LimitBy, Model};
use value::{ResourceId, Timestamp};

use crate::length::length;
use crate::{Engine, Records, batch, sharing, sunset};

/// What is used up of the limits of one server. Stays while contracts come and go: a limit that is
/// the same in the next contract goes on counting.
#[derive(Debug)]
pub struct Meters {
    known: Mutex<Vec<Weak<Counter<Label>>>>,
    /// Nobody outside knows which callers share a place in memory.
    hasher: RandomState,
    origin: Instant,
}

#[derive(Debug)]
struct Label {
    limit: Limit,
    name: Arc<str>,
}

/// One contract, entered by the doors.
#[derive(Clone)]
pub struct Entrance {
    engine: Engine,
    meters: Arc<Meters>,
    plans: Arc<Plans>,
}

/// What counts against what. Guests and others have different first limits.
struct Plans {
    guests: PlansOf,
    others: PlansOf,
}

struct PlansOf {
    /// Where nothing more is known.
    first: Plan<Label>,
    /// With the limit of a resource.
    by_resource: Vec<Plan<Label>>,
}

/// Somebody asks for something.
#[derive(Clone, Copy, Debug)]
pub struct Visit<'a> {
    /// A guest also is whoever sent a credential that is not accepted.
    pub caller: &'a Caller,
    /// Where they are, as far as that is known.
    pub address: IpAddr,
    /// What it is about; nothing where the path leads nowhere, or nowhere for them.
    pub resource: Option<ResourceId>,
}

/// What every request counts, before more is known of it.
const COST: u32 = 1;

/// Somebody who was let in, for one request.
pub struct Admitted<'a> {
    entrance: &'a Entrance,
    address: IpAddr,
    resource: Option<ResourceId>,
}

impl Meters {
    pub fn new() -> Meters {
        Meters {
            known: Mutex::default(),
            hasher: RandomState::new(),
            origin: Instant::now(),
        }
    }

    /// The counter of a limit: the one there is, or a new one.
    fn counter(&self, limit: &Limit) -> Arc<Counter<Label>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|counter| counter.strong_count() > 0);
        let same = known
            .iter()
            .filter_map(Weak::upgrade)
            .find(|counter| counter.label.limit == *limit);
        same.unwrap_or_else(|| {
            let quota = Quota::new(limit.allow, limit.window_seconds, limit.burst);
            let label = Label {
                limit: limit.clone(),
                name: limit.name.as_str().into(),
            };
            let counter = Arc::new(Counter::new(label, quota));
            known.push(Arc::downgrade(&counter));
            counter
        })
    }

    /// Nanoseconds since these meters were made.
    fn now(&self) -> u64 {
        u64::try_from(self.origin.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// Who a caller is for a limit. Whoever lacks what a limit counts by is told apart by the
    /// next best: a guest has no key, and a key may have no user.
    fn key(&self, by: LimitBy, visit: &Visit<'_>) -> u64 {
        let user = visit.caller.user_id.as_deref();
        let key = visit.caller.principal();
        match (by, user, key) {
            (LimitBy::Everyone, ..) => self.hasher.hash_one(0_u8),
            (LimitBy::User, Some(user), _) => self.hasher.hash_one((1_u8, user)),
            (LimitBy::User | LimitBy::Key, _, Some(key)) => self.hasher.hash_one((2_u8, key)),
            (LimitBy::Ip, ..) | (_, _, None) => {
                self.hasher.hash_one((3_u8, network(visit.address)))
            }
        }
    }
}

impl Default for Meters {
    fn default() -> Meters {
        Meters::new()
    }
}

/// What one customer of a network provider gets: a single IPv4 address, but 2^64 of IPv6.
fn network(address: IpAddr) -> u128 {
    const HOST_BITS: u32 = 64;
    match address.to_canonical() {
        IpAddr::V4(address) => u128::from(u32::from(address)),
        // Kept apart from IPv4, whose addresses have no bits there.
        IpAddr::V6(address) => (u128::from(address) >> HOST_BITS << HOST_BITS) | 1 << 32,
    }
}

impl Entrance {
    pub fn new(engine: Engine, meters: Arc<Meters>) -> Entrance {
        let model = engine.model();
        let named = |name: &str| model.limit(name).map(|limit| meters.counter(limit));
        let default = named(Limit::DEFAULT);
        let guests = named(Limit::GUESTS).or_else(|| default.clone());
        let plans = Plans {
            guests: PlansOf::new(model, guests, &named),
            others: PlansOf::new(model, default, &named),
        };
        Entrance {
            plans: Arc::new(plans),
            engine,
            meters,
        }
    }

    pub fn model(&self) -> &Arc<Model> {
        self.engine.model()
    }

    /// Counts a request, and lets it in if every limit has room for it; a refused one counts
    /// against none. Operators are not counted: they are who mends what others overload.
    ///
    /// How the caller stands is told in either case.
    ///
    /// # Errors
    /// [`Code::RateLimited`].
    pub fn admit(&self, visit: &Visit<'_>) -> (Result<Admitted<'_>, Failure>, Standings) {
        let mut standings = Standings::new();
        let admitted = self
            .charge(visit, 0, COST, &mut standings)
            .map(|()| Admitted {
                entrance: self,
                address: visit.address,
                resource: visit.resource,
            });
        (admitted, standings)
    }

    /// Charges what of the cost is not paid yet, all of it or nothing.
    fn charge(
        &self,
        visit: &Visit<'_>,
        paid: u32,
        cost: u32,
        standings: &mut Standings,
    ) -> Result<(), Failure> {
        if visit.caller.is_operator() {
            return Ok(());
        }
        let plan = self.plans.of(visit);
        if plan.counters().is_empty() {
            return Ok(());
        }
        if cost > COST {
            fits_at_all(plan, cost)?;
        }
        let key = |label: &Label| self.meters.key(label.limit.by, visit);
        let charged = plan.charge_rest(paid, cost, self.meters.now(), &key);
        *standings = told(plan, &charged);
        if charged.granted {
            Ok(())
        } else {
            Err(refusal(plan, &charged))
        }
    }
}

impl Admitted<'_> {
    /// For how many seconds anybody at all may be given the answer to this request again, as the
    /// contract's `cache:` allows it; nothing if it is for this caller alone.
    pub fn shared_seconds(&self, request: &Request) -> Option<u32> {
        sharing::seconds(self.entrance.model(), request)
    }

    /// Decides and does what was asked for. What asks for many things at once is counted as so
    /// many before; how the caller stands then is told.
    ///
    /// # Errors
    /// As [`Engine::handle`], and [`Code::RateLimited`], [`Code::Gone`].
    pub async fn handle(
        &self,
        request: Box<Request>,
        standings: &mut Standings,
    ) -> Result<Outcome, Failure> {
        sunset::pass(self.entrance.model(), &request)?;
        let cost = match &request.change {
            Some(Change::Batch(batch)) => batch::count(batch)?,
            _ => COST,
        };
        if cost > COST {
            let visit = Visit {
                caller: &request.caller,
                address: self.address,
                resource: self.resource,
            };
            self.entrance.charge(&visit, COST, cost, standings)?;
        }
        self.entrance.engine.handle(request).await
    }

    /// A write that went on after its request.
    ///
    /// # Errors
    /// As [`Engine::operation`].
    pub async fn operation(
        &self,
        caller: &Arc<Caller>,
        origin: IpAddr,
        id: &str,
        now: Timestamp,
    ) -> Result<Operation, Failure> {
        let engine = &self.entrance.engine;
        engine.operation(caller, origin, id, now).await
    }

    /// The same for a list without pages.
    ///
    /// # Errors
    /// As [`Engine::stream`], and [`Code::Gone`].
    pub async fn stream(&self, request: Request) -> Result<Records, Failure> {
        sunset::pass(self.entrance.model(), &request)?;
        self.entrance.engine.stream(request).await
    }
}

impl Plans {
    fn of(&self, visit: &Visit<'_>) -> &Plan<Label> {
        let plans = if visit.caller.is_guest() {
            &self.guests
        } else {
            &self.others
        };
        let of_resource = visit
            .resource
            .and_then(|resource| plans.by_resource.get(usize::from(resource.0)));
        of_resource.unwrap_or(&plans.first)
    }
}

impl PlansOf {
    fn new(
        model: &Model,
        first: Option<Arc<Counter<Label>>>,
        named: &dyn Fn(&str) -> Option<Arc<Counter<Label>>>,
    ) -> PlansOf {
        let of_resource = |resource: &model::Resource| {
            // The narrower first, as they are told.
            let own = resource.limit.as_deref().and_then(named);
            Plan::new(own.into_iter().chain(first.clone()))
        };
        PlansOf {
            by_resource: model.resources.iter().map(of_resource).collect(),
            first: Plan::new(first.clone()),
        }
    }
}

/// Refuses what costs more than a caller may ever use at once. To wait would not help.
fn fits_at_all(plan: &Plan<Label>, cost: u32) -> Result<(), Failure> {
    let smallest = plan
        .counters()
        .iter()
        .min_by_key(|counter| counter.quota().burst());
    match smallest {
        Some(counter) if counter.quota().burst() < cost => {
            let most = counter.quota().burst();
            let name = &counter.label.name;
            Err(batch::too_many(format!(
                "has {cost} writes, and the limit `{name}` lets you make {most} at once; send \
                 fewer at a time"
            )))
        }
        _ => Ok(()),
    }
}

fn told(plan: &Plan<Label>, charged: &Charged) -> Standings {
    let both = plan.counters().iter().zip(&charged.standings);
    both.map(|(counter, standing)| Standing {
        limit: Arc::clone(&counter.label.name),
        allow: counter.label.limit.allow,
        window_seconds: counter.label.limit.window_seconds,
        used_up: standing.wait_ns.is_some(),
        remaining: standing.remaining,
        next_seconds: seconds(standing.next_ns),
    })
    .collect()
}

fn refusal(plan: &Plan<Label>, charged: &Charged) -> Failure {
    let full: Vec<_> = plan
        .counters()
        .iter()
        .zip(&charged.standings)
        .filter_map(|(counter, standing)| Some((&counter.label, standing.wait_ns?)))
        .collect();
    let wait = full.iter().map(|(_, wait)| seconds(*wait)).max();
    let wait = wait.unwrap_or_default().max(1);
    let names: Vec<String> = full
        .iter()
        .map(|(label, _)| {
            let Limit {
                name,
                allow,
                window_seconds,
                ..
            } = &label.limit;
            format!("`{name}` ({allow} {})", per(*window_seconds))
        })
        .collect();
    Failure {
        retry_after_seconds: Some(u32::try_from(wait).unwrap_or(u32::MAX)),
        ..Failure::new(
            Code::RateLimited,
            format!(
                "you have used up the limit {}; there is room again in {}",
                names.join(" and "),
                length(wait)
            ),
        )
    }
}

/// As a contract says it.
fn per(window_seconds: u32) -> Cow<'static, str> {
    Cow::Borrowed(match window_seconds {
        1 => "per second",
        60 => "per minute",
        3_600 => "per hour",
        86_400 => "per day",
        other => return Cow::Owned(format!("in {}", length(u64::from(other)))),
    })
}

/// Rounded up: whoever waits that long is let in.
fn seconds(ns: u64) -> u64 {
    ns.div_ceil(1_000_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_apart_by_network() {
        let same = |one: &str, other: &str| {
            network(one.parse().unwrap()) == network(other.parse().unwrap())
        };
        assert!(same("10.0.0.1", "10.0.0.1"));
        assert!(same("10.0.0.1", "::ffff:10.0.0.1"));
        assert!(!same("10.0.0.1", "10.0.0.2"));
        assert!(same("2001:db8::1", "2001:db8:0:0:ffff::2"));
        assert!(!same("2001:db8::1", "2001:db8:0:1::1"));
        assert!(!same("0.0.0.0", "::"));
    }
}
