//! Reads: short ones where the caller stands, long ones on a few threads of their own.
//!
//! A reading connection belongs to a slot, and a thread comes back to the slot it used
//! last, so that in a steady state each thread has its own connection without owning it:
//! the connections go with the driver, and threads may come and go.

use std::cell::Cell;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use store::driver::{Rows, Statement, StoreError, Undo, Work};
use tokio::sync::oneshot;
use value::Value;

use crate::error::{is_outage, unavailable};
use crate::limit::TimeLimit;
use crate::patience::Patience;
use crate::pin::Pin;
use crate::queue::{Queue, Rejected};
use crate::session::{Command, File, Role, Session};
use crate::transaction;

pub(crate) struct Readers {
    file: Arc<File>,
    pin: Arc<Pin>,
    slots: Box<[Mutex<Option<Session>>]>,
    queue: Arc<Queue<Waiting>>,
    patience: Arc<Patience>,
    threads: Vec<LongReader>,
}

struct LongReader {
    thread: JoinHandle<()>,
    limit: Arc<TimeLimit>,
}

/// A long read in the queue.
struct Waiting {
    since: Instant,
    read: Read,
}

enum Read {
    Query {
        statement: Arc<Statement>,
        parameters: Vec<Value>,
        answer: oneshot::Sender<Result<Rows, StoreError>>,
    },
    Snapshot {
        work: Box<dyn Work>,
        answer: oneshot::Sender<Result<(), Undo>>,
    },
}

impl Readers {
    pub fn start(file: &Arc<File>, pin: Arc<Pin>) -> Result<Readers, StoreError> {
        let options = &file.options;
        let mut readers = Readers {
            file: Arc::clone(file),
            pin,
            slots: (0..options.short_readers.max(1))
                .map(|_| Mutex::new(None))
                .collect(),
            queue: Arc::new(Queue::new(options.long_queue_max)),
            patience: Arc::new(Patience::new(options)),
            threads: Vec::new(),
        };
        for _ in 0..options.long_readers.max(1) {
            let limit = Arc::new(TimeLimit::unlimited());
            let thread = thread::Builder::new()
                .name("sqlite-reader".to_owned())
                .spawn({
                    let (file, limit) = (Arc::clone(file), Arc::clone(&limit));
                    let queue = Arc::clone(&readers.queue);
                    let patience = Arc::clone(&readers.patience);
                    move || serve(&file, &queue, &patience, &limit)
                });
            match thread {
                Ok(thread) => readers.threads.push(LongReader { thread, limit }),
                Err(error) => {
                    readers.stop();
                    return Err(unavailable(format!(
                        "cannot start a reader thread: {error}"
                    )));
                }
            }
        }
        Ok(readers)
    }

    /// Runs a short read here and now. `None` if it has to run as a long one: it took too
    /// long, all connections are in use, or this one is in trouble and another may not be.
    pub fn query_here(
        &self,
        statement: &Statement,
        parameters: &[Value],
    ) -> Option<Result<Rows, StoreError>> {
        self.here(|session, time_max| {
            session.limit.arm(time_max);
            let result = session.query(statement, parameters);
            session.limit.disarm();
            let elsewhere = result.as_ref().is_err_and(is_worth_another_try);
            (result, elsewhere)
        })
    }

    pub async fn query_there(
        &self,
        statement: &Arc<Statement>,
        parameters: &[Value],
    ) -> Result<Rows, StoreError> {
        let (answer, answered) = oneshot::channel();
        self.enqueue(Read::Query {
            statement: Arc::clone(statement),
            parameters: parameters.to_vec(),
            answer,
        })?;
        answered.await.unwrap_or_else(|_| Err(gone()))
    }

    /// As [`Readers::query_here`].
    pub fn snapshot_here(&self, work: &mut dyn Work) -> Option<Result<(), Undo>> {
        self.here(|session, time_max| snapshot(session, work, time_max))
    }

    pub async fn snapshot_there(&self, work: Box<dyn Work>) -> Result<(), Undo> {
        let (answer, answered) = oneshot::channel();
        self.enqueue(Read::Snapshot { work, answer })?;
        answered.await.unwrap_or_else(|_| Err(Undo::Store(gone())))
    }

    /// Ends all reads and closes all connections.
    pub fn stop(&mut self) {
        self.queue.discard();
        for reader in &self.threads {
            reader.limit.cancel();
        }
        for reader in self.threads.drain(..) {
            // A thread cannot wait for itself, should the driver be dropped on it.
            if reader.thread.thread().id() != thread::current().id() {
                let _ = reader.thread.join();
            }
        }
        for slot in &mut self.slots {
            *slot.get_mut().unwrap_or_else(PoisonError::into_inner) = None;
        }
    }

    fn enqueue(&self, read: Read) -> Result<(), StoreError> {
        let waiting = Waiting {
            since: Instant::now(),
            read,
        };
        self.queue
            .push_within(waiting, self.patience.most())
            .map_err(|rejected| match rejected {
                Rejected::Full => StoreError::Overloaded,
                Rejected::Closed => gone(),
            })
    }

    /// Runs something on a connection of a slot. It says whether to run elsewhere instead.
    fn here<T>(&self, run: impl FnOnce(&mut Session, Duration) -> (T, bool)) -> Option<T> {
        let mut slot = self.free_slot()?;
        let session = match &mut *slot {
            Some(session) => session,
            empty => {
                let limit = Arc::new(TimeLimit::unlimited());
                // Whatever is wrong, the long readers meet it too and say so.
                let session = Session::open(&self.file, Role::ShortReader, limit).ok()?;
                empty.insert(session)
            }
        };
        self.pin.is_of_use();
        let (result, elsewhere) = run(session, self.file.options.short_time_max);
        let expired = session.limit.expired();
        if (elsewhere && !expired) || !session.connection.is_autocommit() {
            *slot = None;
        }
        if elsewhere { None } else { Some(result) }
    }

    fn free_slot(&self) -> Option<MutexGuard<'_, Option<Session>>> {
        let first = hint() % self.slots.len();
        let (before, after) = self.slots.split_at(first);
        for (offset, slot) in after.iter().chain(before).enumerate() {
            match slot.try_lock() {
                Ok(session) => {
                    if offset > 0 {
                        HINT.set((first + offset) % self.slots.len());
                    }
                    return Some(session);
                }
                Err(TryLockError::WouldBlock) => {}
                // Whoever panicked here left the connection in an unknown state.
                Err(TryLockError::Poisoned(poisoned)) => {
                    slot.clear_poison();
                    let mut session = poisoned.into_inner();
                    *session = None;
                    return Some(session);
                }
            }
        }
        None
    }
}

const UNSET: usize = usize::MAX;

thread_local! {
    /// The slot this thread used last. It is only a hint, of whichever driver.
    static HINT: Cell<usize> = const { Cell::new(UNSET) };
}

fn hint() -> usize {
    static THREADS: AtomicUsize = AtomicUsize::new(0);
    let hint = HINT.get();
    if hint != UNSET {
        return hint;
    }
    let hint = THREADS.fetch_add(1, Relaxed) & (UNSET >> 1);
    HINT.set(hint);
    hint
}

fn is_worth_another_try(error: &StoreError) -> bool {
    matches!(error, StoreError::TimedOut { .. }) || is_outage(error)
}

/// Runs a work in a snapshot. Also says whether it should be tried again elsewhere.
fn snapshot(
    session: &mut Session,
    work: &mut dyn Work,
    time_max: Duration,
) -> (Result<(), Undo>, bool) {
    if let Err(error) = session.command(Command::BeginRead) {
        let again = is_worth_another_try(&error);
        return (Err(Undo::Store(error)), again);
    }
    session.limit.arm(time_max);
    let ran = transaction::run(session, work);
    session.limit.disarm();
    let (outcome, ended) = match ran.lost {
        Some(error) => (ran.outcome, Err(error)),
        None => (ran.outcome, session.command(Command::Commit)),
    };
    if session.limit.expired() {
        return (
            Err(Undo::Store(StoreError::TimedOut { after: time_max })),
            true,
        );
    }
    match (outcome, ended) {
        (Err(Undo::Store(error)), _) | (_, Err(error)) => {
            let again = is_worth_another_try(&error);
            (Err(Undo::Store(error)), again)
        }
        (outcome, Ok(())) => (outcome, false),
    }
}

/// A long reader thread.
fn serve(file: &File, queue: &Queue<Waiting>, patience: &Patience, limit: &Arc<TimeLimit>) {
    let mut session: Option<Session> = None;
    let mut taken = VecDeque::with_capacity(1);
    while queue.take(1, &mut taken) {
        for waiting in taken.drain(..) {
            if waiting.read.is_abandoned() {
                continue;
            }
            if waiting.since.elapsed() > file.options.long_wait_max {
                waiting.read.refuse(StoreError::Overloaded);
                continue;
            }
            let mut current = match session.take() {
                Some(session) => session,
                None => match Session::open(file, Role::LongReader, Arc::clone(limit)) {
                    Ok(session) => session,
                    Err(error) => {
                        waiting.read.refuse(error);
                        continue;
                    }
                },
            };
            let began = Instant::now();
            if waiting.read.run(&mut current, file.options.long_time_max) {
                session = Some(current);
            }
            patience.learn(began.elapsed());
            // Those who came while less was known.
            for waiting in queue.shed(patience.most()) {
                waiting.read.refuse(StoreError::Overloaded);
            }
        }
    }
}

impl Read {
    fn is_abandoned(&self) -> bool {
        match self {
            Read::Query { answer, .. } => answer.is_closed(),
            Read::Snapshot { answer, .. } => answer.is_closed(),
        }
    }

    fn refuse(self, error: StoreError) {
        // Nobody listens any more if sending fails.
        match self {
            Read::Query { answer, .. } => drop(answer.send(Err(error))),
            Read::Snapshot { answer, .. } => drop(answer.send(Err(Undo::Store(error)))),
        }
    }

    /// Runs it and answers. `false` if the session is not to be used again.
    fn run(self, session: &mut Session, time_max: Duration) -> bool {
        match self {
            Read::Query {
                statement,
                parameters,
                answer,
            } => {
                session.limit.arm(time_max);
                let result = session.query(&statement, &parameters);
                session.limit.disarm();
                let sound = !result.as_ref().is_err_and(is_outage);
                drop(answer.send(result));
                sound
            }
            Read::Snapshot { mut work, answer } => {
                let (result, _) = snapshot(session, work.as_mut(), time_max);
                let sound = session.connection.is_autocommit()
                    && !matches!(&result, Err(Undo::Store(error)) if is_outage(error));
                drop(answer.send(result));
                sound
            }
        }
    }
}

fn gone() -> StoreError {
    unavailable("it is being closed")
}
