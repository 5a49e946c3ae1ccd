//! Short reads, over a few connections that all of them share.
//!
//! A short read is one statement and leaves nothing open, so nobody needs a connection for himself:
//! requests are sent one behind the other and answered in that order. Under load many travel in one
//! packet, and neither side goes to sleep between two of them.
//!
//! A read that takes its time delays those behind it. So each goes where the fewest are under way,
//! and where all have many, it gets a connection of its own from the [`Pool`]. Whoever goes away
//! leaves nothing behind but an answer that nobody reads.

use std::ops::Deref;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use store::driver::Statement;
use tokio::runtime::Handle;
use tokio::time::timeout;
use tokio_postgres::Client;
use value::Value;

use crate::connection::{Answer, check, collect, silent};
use crate::error::{Failed, Then, failed};
use crate::pool::{Lease, Pool, Purpose};
use crate::statements::Statements;
use crate::storage::{Bound, type_of};

/// With so many reads under way on each of them another is opened.
const MANY: usize = 2;
/// Reads under way on one connection at most.
const UNDER_WAY_MAX: usize = 64;

pub(crate) struct Readers {
    pool: Arc<Pool>,
    runtime: Handle,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    open: Vec<Arc<Reader>>,
    /// One is being opened.
    opening: bool,
}

/// A connection that is shared.
pub(crate) struct Reader {
    lease: Lease,
    client: Arc<Client>,
    statements: Mutex<Statements>,
    born: Instant,
    under_way: AtomicUsize,
    lost: AtomicBool,
}

/// One read's part in a [`Reader`].
pub(crate) struct Share(Arc<Reader>);

impl Readers {
    pub fn new(pool: Arc<Pool>, runtime: Handle) -> Readers {
        Readers {
            pool,
            runtime,
            state: Mutex::default(),
        }
    }

    /// The connection on which the fewest are under way, if there is one for another.
    pub fn share(self: &Arc<Self>) -> Option<Share> {
        if self.pool.shared_max == 0 {
            return None;
        }
        let mut state = lock(&self.state);
        let lifetime_max = self.pool.options.lifetime_max;
        state.open.retain(|reader| reader.is_usable(lifetime_max));
        let least = state
            .open
            .iter()
            .map(|reader| (reader.under_way.load(Ordering::Relaxed), reader))
            .min_by_key(|(under_way, _)| *under_way);
        let under_way = least.map_or(usize::MAX, |(under_way, _)| under_way);
        let share = least
            .filter(|_| under_way < UNDER_WAY_MAX)
            .map(|(_, reader)| Share::of(reader));
        if under_way >= MANY && state.open.len() < self.pool.shared_max && !state.opening {
            state.opening = true;
            let here = Arc::clone(self);
            self.runtime.spawn(async move { here.open().await });
        }
        share
    }

    async fn open(&self) {
        let opened = self.pool.lease(Purpose::Share).await;
        let mut state = lock(&self.state);
        state.opening = false;
        // If there is none to be had, the next one who reads tries again.
        if let Ok(lease) = opened {
            state.open.push(Arc::new(Reader::new(lease, &self.pool)));
        }
    }
}

impl Reader {
    fn new(mut lease: Lease, pool: &Pool) -> Reader {
        lease.allow(pool.options.short_time_max);
        Reader {
            client: lease.client(),
            lease,
            statements: Mutex::new(Statements::new(pool.options.statements_max)),
            born: Instant::now(),
            under_way: AtomicUsize::new(0),
            lost: AtomicBool::new(false),
        }
    }

    fn is_usable(&self, lifetime_max: Duration) -> bool {
        !self.lost.load(Ordering::Relaxed)
            && !self.client.is_closed()
            && self.born.elapsed() < lifetime_max
    }
}

/// It ends with the last who reads on it.
impl Drop for Reader {
    fn drop(&mut self) {
        self.lease.give_up();
    }
}

impl Share {
    fn of(reader: &Arc<Reader>) -> Share {
        reader.under_way.fetch_add(1, Ordering::Relaxed);
        Share(Arc::clone(reader))
    }

    pub async fn run(
        &self,
        statement: &Statement,
        parameters: &[Value],
        allowed: Duration,
    ) -> Result<Answer, Failed> {
        check(statement, parameters)?;
        let running = self.run_unbounded(statement, parameters, allowed);
        let ran = timeout(self.lease.patience(allowed), running).await;
        let ran = ran.unwrap_or_else(|_| Err(silent()));
        match ran.as_ref().map_err(|failed| failed.then) {
            Err(Then::Lost) => self.lost.store(true, Ordering::Relaxed),
            Err(Then::Forget) => lock(&self.statements).clear(),
            Ok(_) | Err(Then::Nothing | Then::Again) => {}
        }
        ran
    }

    async fn run_unbounded(
        &self,
        statement: &Statement,
        parameters: &[Value],
        allowed: Duration,
    ) -> Result<Answer, Failed> {
        let told = |error| failed(&error, allowed);
        let known = lock(&self.statements).known(statement);
        let prepared = match known {
            Some(known) => known,
            None => {
                let types: Vec<_> = statement.parameters.iter().map(|s| type_of(*s)).collect();
                let preparing = self.client.prepare_typed(&statement.text, &types);
                let prepared = preparing.await.map_err(told)?;
                lock(&self.statements).keep(statement, prepared)?
            }
        };
        let values = parameters.iter().map(Bound);
        let rows = self.client.query_raw(&prepared, values).await;
        collect(
            statement,
            rows.map_err(told)?,
            self.lease.result_bytes_max(),
            allowed,
        )
        .await
    }
}

impl Deref for Share {
    type Target = Reader;

    fn deref(&self) -> &Reader {
        &self.0
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

/// No code that could panic runs under these locks, so a poisoned one is still whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
