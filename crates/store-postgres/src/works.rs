//! Works, run until they are done: again from the start when the server could not put them into
//! an order with others (40001, 40P01), when a lock took too long, when a connection was lost
//! before anything was committed.
//!
//! What was being committed when the connection was lost is never run again: nobody knows
//! whether it is there, and that is what is answered ([`StoreError::InDoubt`]).

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::Arc;
use std::time::{Duration, Instant};

use store::StoreError;
use store::driver::{Cost, Isolation, Undo, Work};
use tokio::time::{sleep, timeout};

use crate::error::{Failed, Then};
use crate::pool::{Pool, Purpose};
use crate::transaction::{Open, State};

/// The first pause before another try, doubled each time up to [`PAUSE_MAX`].
const PAUSE: Duration = Duration::from_millis(2);
const PAUSE_MAX: Duration = Duration::from_millis(100);
/// Tries after which a work of this node waits for the others that keep failing: one at a time
/// they get through where together they keep disturbing each other.
const TURN_AFTER: u32 = 3;
/// Connections that a work may lose before it is answered.
const LOSSES_MAX: u32 = 3;

/// What a work is run as.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Snapshot(Cost),
    Write(Isolation),
}

/// What came of one try.
enum Tried {
    Done(Result<(), Undo>),
    /// It went on after a refused statement: with savepoints from now on.
    Carefully,
    Failed(Failed),
}

/// Runs a work to its end, unless it is not `wanted` any more when its turn comes.
pub(crate) async fn run(
    pool: &Arc<Pool>,
    kind: Kind,
    work: &mut dyn Work,
    wanted: &(dyn Fn() -> bool + Sync),
) -> Result<(), Undo> {
    let options = &pool.options;
    let began = Instant::now();
    let (mut tries, mut losses) = (0, 0);
    let mut careful = false;
    let mut turn = None;
    loop {
        let failed = match attempt(pool, kind, work, careful, wanted).await {
            Tried::Done(outcome) => return outcome,
            Tried::Carefully => {
                careful = true;
                continue;
            }
            Tried::Failed(failed) => failed,
        };
        tries += 1;
        losses += u32::from(failed.then == Then::Lost);
        let over = failed.then == Then::Nothing
            || losses >= LOSSES_MAX
            || tries >= options.attempts_max
            || began.elapsed() >= options.attempts_time_max;
        if over {
            return Err(Undo::Store(failed.error));
        }
        tracing::debug!(error = %failed.error, tries, "run again");
        if tries >= TURN_AFTER && turn.is_none() {
            let waiting = Arc::clone(&pool.turn).lock_owned();
            turn = timeout(options.attempts_time_max, waiting).await.ok();
        } else {
            sleep(pause(tries)).await;
        }
    }
}

async fn attempt(
    pool: &Arc<Pool>,
    kind: Kind,
    work: &mut dyn Work,
    careful: bool,
    wanted: &(dyn Fn() -> bool + Sync),
) -> Tried {
    let options = &pool.options;
    let (purpose, allowed) = match kind {
        Kind::Snapshot(cost @ Cost::Short) => (Purpose::Read(cost), options.short_time_max),
        Kind::Snapshot(cost @ Cost::Long) => (Purpose::Read(cost), options.long_time_max),
        Kind::Write(_) => (Purpose::Write, options.write_time_max),
    };
    let mut lease = match pool.lease(purpose).await {
        Ok(lease) => lease,
        Err(failed) => return Tried::Failed(failed),
    };
    // Whoever was told that it takes too long may have sent it again.
    if !wanted() {
        return Tried::Done(Err(Undo::Refused));
    }
    let mut begin = match kind {
        Kind::Snapshot(_) => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        Kind::Write(Isolation::Serial) => "BEGIN ISOLATION LEVEL SERIALIZABLE",
        Kind::Write(Isolation::Latest) => "BEGIN ISOLATION LEVEL READ COMMITTED",
    }
    .to_owned();
    if lease.is_shared() {
        begin = format!(
            "{begin}; SET LOCAL statement_timeout = {}; SET LOCAL lock_timeout = {}",
            allowed.as_millis(),
            options.lock_time_max.as_millis()
        );
    }
    lease.allow(allowed);
    let mut open = Open::new(lease, begin, allowed, careful);
    // Looking through whole tables may take longer by itself.
    let all = options.transaction_time_max.max(allowed);
    let working = async {
        let outcome = work.run(&mut open).await;
        // What is decided may have been so because of what it was not told yet; and what a commit
        // waits for belongs to the work.
        if outcome.is_err() || open.has_much_ahead() {
            open.settle().await;
        }
        outcome
    };
    let Ok(outcome) = timeout(all, working).await else {
        // What still runs is ended with its connection.
        open.lease.give_up();
        return Tried::Done(Err(Undo::Store(StoreError::TimedOut { after: all })));
    };
    match (open.state(), outcome) {
        (State::Ended(failed), _) => Tried::Failed(failed.clone()),
        (State::WentOn, _) | (State::Refused, Ok(())) => Tried::Carefully,
        (State::Refused | State::Whole, Err(undo)) => Tried::Done(Err(undo)),
        (State::Whole, Ok(())) if !open.has_begun() => Tried::Done(Ok(())),
        (State::Whole, Ok(())) if matches!(kind, Kind::Snapshot(_)) => {
            open.finish();
            Tried::Done(Ok(()))
        }
        (State::Whole, Ok(())) => {
            let committed = open.commit().await;
            match (open.state(), committed) {
                (State::Whole, Ok(())) => Tried::Done(Ok(())),
                (State::Refused | State::WentOn, Ok(())) => Tried::Carefully,
                (State::Ended(failed), Ok(())) => Tried::Failed(failed.clone()),
                // What came before the commit was refused, so it made nothing last.
                (State::Refused | State::WentOn, Err(_)) => Tried::Carefully,
                (State::Ended(failed), Err(_)) if failed.by_server => Tried::Failed(failed.clone()),
                (_, Err(failed)) => match failed.then {
                    Then::Again | Then::Forget => Tried::Failed(failed),
                    Then::Nothing => Tried::Done(Err(Undo::Store(failed.error))),
                    Then::Lost => Tried::Done(Err(Undo::Store(StoreError::InDoubt {
                        reason: failed.error.to_string(),
                    }))),
                },
            }
        }
    }
}

/// Longer from try to try, and never the same for two who disturb each other.
fn pause(tries: u32) -> Duration {
    let most = PAUSE.saturating_mul(1 << tries.min(10)).min(PAUSE_MAX);
    // The keys of a map are random, and that is all that is wanted.
    let random = RandomState::new().hash_one(tries) % 1024;
    most.mul_f64(0.25 + 0.75 * f64::from(u32::try_from(random).unwrap_or(0)) / 1024.0)
}
