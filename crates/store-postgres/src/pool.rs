//! Connections for everybody: opened when needed, bounded, and never waited for without end.
//!
//! ```text
//!  writes ────► their places ──┐
//!  long reads ► their places ──┴► all but one ──┐
//!  short reads ─┬─ full? ───────────────────────┴► connections for one at a time
//!               └► [readers] ─► those that are shared
//!  whether the server is there ─► one more
//! ```
//!
//! Each has its own queue, so that however much is written or looked through, a short read finds
//! a connection, and so does whoever asks whether the server is there.
//!
//! A server that is away is not asked by everyone at once: after a failure nobody tries again
//! for a moment, and all are told the same.

use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use store::StoreError;
use store::driver::Cost;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tokio_postgres::CancelToken;

use crate::connection::Connection;
use crate::error::{Failed, Then};
use crate::options::Options;
use crate::target::Target;
use crate::tls;

/// After a failed attempt nobody connects for this long: short enough that a server that is
/// back is found at once.
const REST_AFTER_FAILURE: Duration = Duration::from_millis(100);
/// Of all connections one in so many is shared by short reads; few are enough for many of them.
const SHARED_ONE_IN: usize = 4;

pub(crate) struct Pool {
    pub target: Target,
    pub options: Options,
    /// Connections that short reads share, beside all queues.
    pub shared_max: usize,
    all: Queue,
    all_but_one: Queue,
    long: Queue,
    writes: Queue,
    /// Works that keep being disturbed go one after the other.
    pub turn: Arc<tokio::sync::Mutex<()>>,
    idle: Mutex<Vec<Connection>>,
    last_failure: Mutex<Option<(Instant, StoreError)>>,
}

/// What a connection is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    Read(Cost),
    Write,
    /// To be shared by short reads. Whoever asks keeps to [`Pool::shared_max`].
    Share,
    /// To see whether the server is there: not to be kept waiting by all the others.
    Look,
}

/// A connection for one user. Goes back when dropped, unless something was left open on it.
pub(crate) struct Lease {
    connection: Option<Connection>,
    pool: Arc<Pool>,
    _places: [Option<OwnedSemaphorePermit>; 3],
}

/// Places, and how many wait for one.
struct Queue {
    places: Arc<Semaphore>,
    waiting: AtomicUsize,
}

impl Queue {
    fn new(places: usize) -> Queue {
        Queue {
            places: Arc::new(Semaphore::new(places)),
            waiting: AtomicUsize::new(0),
        }
    }

    async fn wait(&self, options: &Options) -> Result<OwnedSemaphorePermit, Failed> {
        if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
            return Ok(place);
        }
        let overloaded = || Failed::of(StoreError::Overloaded);
        let waiting = Waiting::begin(&self.waiting);
        if waiting.before >= options.waiting_max {
            return Err(overloaded());
        }
        let place = timeout(options.wait_max, Arc::clone(&self.places).acquire_owned());
        place
            .await
            .map_err(|_| overloaded())?
            .map_err(|_| overloaded())
    }
}

impl Pool {
    pub fn new(target: Target, options: Options) -> Pool {
        let most = target.pool.unwrap_or(options.connections_max).max(1);
        let shared_max = match target.shared_connections {
            // There a limit is only kept within a transaction.
            true => 0,
            false => most / SHARED_ONE_IN,
        };
        let most = most - shared_max;
        let long = if target.pool.is_some() {
            most / 2
        } else {
            options.long_reads_max.min(most / 2)
        };
        let all_but_one = most.saturating_sub(1).max(1);
        // One is left for long reads too, where there are enough.
        let writes = (most * 3 / 4).min(most.saturating_sub(2)).max(1);
        Pool {
            shared_max,
            all: Queue::new(most),
            all_but_one: Queue::new(all_but_one),
            long: Queue::new(long.clamp(1, most)),
            writes: Queue::new(writes),
            turn: Arc::default(),
            idle: Mutex::default(),
            last_failure: Mutex::default(),
            target,
            options,
        }
    }

    /// A connection for this.
    pub async fn lease(self: &Arc<Self>, purpose: Purpose) -> Result<Lease, Failed> {
        let queues: &[&Queue] = match purpose {
            Purpose::Look | Purpose::Share => &[],
            Purpose::Read(Cost::Short) => &[&self.all],
            Purpose::Read(Cost::Long) => &[&self.long, &self.all_but_one, &self.all],
            Purpose::Write => &[&self.writes, &self.all_but_one, &self.all],
        };
        let mut places = [const { None }; 3];
        for (place, queue) in places.iter_mut().zip(queues) {
            *place = Some(queue.wait(&self.options).await?);
        }
        let mut lease = Lease {
            connection: None,
            pool: Arc::clone(self),
            _places: places,
        };
        lease.connection = Some(match self.take() {
            Some(connection) => connection,
            None => self.connect().await?,
        });
        Ok(lease)
    }

    fn take(&self) -> Option<Connection> {
        let mut idle = lock(&self.idle);
        // The one used last, so that those beyond need age and go.
        while let Some(connection) = idle.pop() {
            if connection.is_usable(self.options.lifetime_max) {
                return Some(connection);
            }
        }
        None
    }

    async fn connect(&self) -> Result<Connection, Failed> {
        if let Some((at, error)) = &*lock(&self.last_failure)
            && at.elapsed() < REST_AFTER_FAILURE
        {
            return Err(Failed {
                error: error.clone(),
                then: Then::Lost,
                by_server: false,
            });
        }
        let opened = Connection::open(&self.target, &self.options).await;
        let mut last_failure = lock(&self.last_failure);
        *last_failure = match &opened {
            Ok(_) => None,
            Err(failed) => Some((Instant::now(), failed.error.clone())),
        };
        opened
    }

    /// Tells the server that nobody waits any more for what a connection runs.
    fn cancel(&self, token: CancelToken) {
        // Without a runtime the process is about to end, and its connections with it.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        let connector = tls::connector(&self.target);
        let most = self.options.connect_max;
        runtime.spawn(async move {
            if let Ok(connector) = connector {
                // If this fails too, the server's own limit ends the statement.
                drop(timeout(most, token.cancel_query(connector)).await);
            }
        });
    }
}

impl Deref for Lease {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.connection
            .as_ref()
            .expect("there is one from the beginning to the drop")
    }
}

impl DerefMut for Lease {
    fn deref_mut(&mut self) -> &mut Connection {
        self.connection
            .as_mut()
            .expect("there is one from the beginning to the drop")
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else {
            return;
        };
        if connection.is_usable(self.pool.options.lifetime_max) {
            lock(&self.pool.idle).push(connection);
        } else if let Some(token) = connection.unfinished() {
            self.pool.cancel(token);
        }
    }
}

/// One of those who wait, for as long as it lives.
struct Waiting<'a> {
    all: &'a AtomicUsize,
    before: usize,
}

impl<'a> Waiting<'a> {
    fn begin(all: &'a AtomicUsize) -> Waiting<'a> {
        Waiting {
            before: all.fetch_add(1, Ordering::Relaxed),
            all,
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.all.fetch_sub(1, Ordering::Relaxed);
    }
}

/// No code that could panic runs under these locks, so a poisoned one is still whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
