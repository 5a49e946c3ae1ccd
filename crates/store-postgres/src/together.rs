//! Works that are one statement each, committed together.
//!
//! ```text
//!  write ─► line ─► lane: all that wait ─► BEGIN, statement, statement …, COMMIT in one go
//!                                             │ anything refused: nothing was done,
//!                                             ▼ and each is run by itself
//!                                           [works]
//! ```
//!
//! A commit waits for the disk, and a connection waits with it. What gathers meanwhile goes with the
//! next commit, as it does where one thread writes: the more there is to do, the less each costs.
//! The statements run one after the other, so each sees what the one before it did, as it would in
//! a transaction of its own.
//!
//! Nobody pays for his neighbours: none of them waits long for a lock, and what is refused for any
//! reason is run again alone, as if it had never been here.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use store::StoreError;
use store::driver::{BoxFuture, Rows, Sole, Undo, Work};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use value::Value;

use crate::connection::Ended;
use crate::error::{Then, internal};
use crate::pool::{Lease, Pool, Purpose};
use crate::works::{self, Kind};

/// Transactions at once: one waits for the disk while the next is carried out.
const LANES: usize = 2;
/// Statements in one transaction. Enough to share the disk; all of them wait for the last.
const TOGETHER_MAX: usize = 64;
/// Beyond this a statement goes alone: to carry it takes longer than to commit it.
const BYTES_MAX: usize = 64 << 10;
/// How long they wait for what somebody else holds. Whoever has to wait longer does so alone.
const LOCK_TIME_MAX: Duration = Duration::from_millis(50);

pub(crate) struct Together {
    pool: Arc<Pool>,
    /// Where they run, which nobody's going away may stop.
    runtime: Handle,
    line: Mutex<Line>,
}

#[derive(Default)]
struct Line {
    waiting: VecDeque<Waiting>,
    /// That are at work.
    lanes: usize,
}

struct Waiting {
    work: Box<dyn Work>,
    sole: Option<Sole>,
    since: Instant,
    /// Closed once the caller has gone.
    answer: oneshot::Sender<Result<(), Undo>>,
}

impl Together {
    pub fn new(pool: Arc<Pool>, runtime: Handle) -> Together {
        Together {
            pool,
            runtime,
            line: Mutex::default(),
        }
    }

    /// Whether it is small enough to go along with others.
    pub fn takes(sole: &Sole) -> bool {
        let bytes = |value: &Value| match value {
            Value::Text(text) => text.len(),
            Value::Json(json) => json.len(),
            _ => size_of::<Value>(),
        };
        sole.parameters.iter().map(bytes).sum::<usize>() <= BYTES_MAX
    }

    /// Carries out a work, of which this is the whole.
    pub fn write(
        self: &Arc<Self>,
        work: Box<dyn Work>,
        sole: Sole,
    ) -> BoxFuture<'static, Result<(), Undo>> {
        let (answer, answered) = oneshot::channel();
        let waiting = Waiting {
            work,
            sole: Some(sole),
            since: Instant::now(),
            answer,
        };
        if let Err(refused) = self.line_up(waiting) {
            return Box::pin(async { Err(Undo::Store(refused)) });
        }
        Box::pin(async move {
            answered.await.unwrap_or_else(|_| {
                // The runtime ends; what was begun is undone.
                Err(Undo::Store(internal("a write did not come to its end")))
            })
        })
    }

    fn line_up(self: &Arc<Self>, waiting: Waiting) -> Result<(), StoreError> {
        let mut line = self.line();
        if line.waiting.len() >= self.pool.options.waiting_max {
            return Err(StoreError::Overloaded);
        }
        line.waiting.push_back(waiting);
        if line.lanes < LANES {
            line.lanes += 1;
            let here = Arc::clone(self);
            self.runtime.spawn(async move { here.lane().await });
        }
        Ok(())
    }

    /// Until nobody waits any more.
    async fn lane(self: Arc<Self>) {
        while let Some(all) = self.take() {
            let here = Arc::clone(&self);
            // As a task of its own, so that a panic of a work ends no lane.
            drop(
                self.runtime
                    .spawn(async move { here.carry_out(all).await })
                    .await,
            );
        }
    }

    /// Those who wait, or `None` if the lane is to end.
    fn take(&self) -> Option<Vec<Waiting>> {
        let mut line = self.line();
        if line.waiting.is_empty() {
            line.lanes -= 1;
            return None;
        }
        let count = line.waiting.len().min(TOGETHER_MAX);
        Some(line.waiting.drain(..count).collect())
    }

    async fn carry_out(&self, all: Vec<Waiting>) {
        let mut lease = match self.pool.lease(Purpose::Write).await {
            Ok(lease) => lease,
            Err(failed) if failed.then == Then::Nothing => {
                for waiting in all {
                    waiting.tell(Err(failed.error.clone()));
                }
                return;
            }
            Err(_) => return all.into_iter().for_each(|waiting| self.run_alone(waiting)),
        };
        let mut works = Vec::with_capacity(all.len());
        let mut statements = Vec::with_capacity(all.len());
        for mut waiting in all {
            if waiting.answer.is_closed() {
                // Whoever was told that it takes too long may have sent it again.
                continue;
            }
            if waiting.since.elapsed() > self.pool.options.wait_max {
                waiting.tell(Err(StoreError::Overloaded));
                continue;
            }
            statements.extend(waiting.sole.take());
            works.push(waiting);
        }
        if works.is_empty() {
            return;
        }
        match self.transact(&mut lease, statements).await {
            Ok(rows) => {
                for (mut waiting, rows) in works.into_iter().zip(rows) {
                    waiting.work.done(rows);
                    waiting.tell(Ok(()));
                }
            }
            Err(Ended::Undone(failed)) => {
                tracing::debug!(error = %failed.error, works = works.len(), "run alone");
                works
                    .into_iter()
                    .for_each(|waiting| self.run_alone(waiting));
            }
            Err(Ended::InDoubt(reason)) => {
                for waiting in works {
                    let reason = reason.clone();
                    waiting.tell(Err(StoreError::InDoubt { reason }));
                }
            }
        }
    }

    async fn transact(&self, lease: &mut Lease, statements: Vec<Sole>) -> Result<Vec<Rows>, Ended> {
        let options = &self.pool.options;
        let allowed = options.write_time_max;
        let lock_time_max = LOCK_TIME_MAX.min(options.lock_time_max);
        let mut begin = format!(
            "BEGIN ISOLATION LEVEL SERIALIZABLE; SET LOCAL lock_timeout = {}",
            lock_time_max.as_millis()
        );
        if lease.is_shared() {
            let limit = format!("; SET LOCAL statement_timeout = {}", allowed.as_millis());
            begin.push_str(&limit);
        }
        lease.allow(allowed);
        lease.run_together(&begin, statements, allowed).await
    }

    fn run_alone(&self, waiting: Waiting) {
        let pool = Arc::clone(&self.pool);
        self.runtime.spawn(async move {
            let Waiting {
                mut work, answer, ..
            } = waiting;
            let kind = Kind::Write(work.isolation());
            let wanted = || !answer.is_closed();
            let ended = works::run(&pool, kind, work.as_mut(), &wanted).await;
            // Nobody may be there any more.
            let _ = answer.send(ended);
        });
    }

    /// No code that could panic runs under it, so a poisoned one is still whole.
    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn tell(self, ended: Result<(), StoreError>) {
        // Nobody may be there any more.
        let _ = self.answer.send(ended.map_err(Undo::Store));
    }
}
