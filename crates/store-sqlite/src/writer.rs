//! The one writer: takes whatever waits, runs it in one transaction, commits, answers.
//!
//! There is no timer: while one batch is on its way to the disk the next one gathers, so
//! batches are as large as the disk is slow, and a lone write waits for nobody. How a batch
//! becomes durable is said in [`commit`], how a script of DDL does in [`migration`].

mod commit;
mod migration;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use store::driver::{StoreError, Undo, Work};
use tokio::sync::oneshot;

use self::commit::Committer;
use crate::checkpoint::LogKeeper;
use crate::error::unavailable;
use crate::pin::Pin;
use crate::queue::{Queue, Rejected};
use crate::session::{File, Session};

/// The callers' end.
pub(crate) struct Writer {
    queue: Arc<Queue<Job>>,
    health: Arc<Health>,
    thread: Option<JoinHandle<()>>,
}

enum Job {
    Work(Pending),
    Migrate {
        script: Vec<String>,
        answer: oneshot::Sender<Result<(), StoreError>>,
    },
    /// Writes something without meaning, to see whether writing works.
    Probe {
        answer: oneshot::Sender<Result<(), StoreError>>,
    },
}

struct Pending {
    work: Box<dyn Work>,
    /// The work goes back with the outcome: memory is freed at less cost by the thread that took it.
    answer: oneshot::Sender<(Box<dyn Work>, Result<(), Undo>)>,
}

impl Pending {
    /// Whether nobody waits for the answer any more.
    fn is_abandoned(&self) -> bool {
        self.answer.is_closed()
    }

    fn answer(self, outcome: Result<(), Undo>) {
        // The caller may have gone meanwhile. What was done is done all the same.
        let _ = self.answer.send((self.work, outcome));
    }
}

#[derive(Default)]
struct Health {
    /// Whether the last attempt to commit failed for reasons outside of what was written.
    failing: AtomicBool,
    /// Why the writer thread could not go on.
    dead: Mutex<Option<String>>,
}

impl Writer {
    /// Takes over an open session.
    pub fn start(file: &Arc<File>, session: Session, pin: Arc<Pin>) -> Result<Writer, StoreError> {
        let failed = |error| unavailable(format!("cannot start the writer thread: {error}"));
        let queue = Arc::new(Queue::new(file.options.queue_max));
        let health = Arc::new(Health::default());
        let log = LogKeeper::start(file, pin).map_err(failed)?;
        let thread = thread::Builder::new()
            .name("sqlite-writer".to_owned())
            .spawn({
                let (queue, health) = (Arc::clone(&queue), Arc::clone(&health));
                let batch_max = file.options.batch_max;
                let bench = Bench {
                    committer: Committer::new(Arc::clone(file), session, Arc::clone(&health)),
                    log,
                };
                move || {
                    let _close = CloseAtEnd {
                        queue: &queue,
                        health: &health,
                    };
                    bench.serve(&queue, batch_max);
                }
            })
            .map_err(failed)?;
        Ok(Writer {
            queue,
            health,
            thread: Some(thread),
        })
    }

    pub async fn write(&self, work: Box<dyn Work>) -> Result<(), Undo> {
        let (answer, answered) = oneshot::channel();
        self.enqueue(Job::Work(Pending { work, answer }))?;
        match answered.await {
            Ok((_, outcome)) => outcome,
            Err(_) => Err(Undo::Store(self.gone())),
        }
    }

    pub async fn migrate(&self, script: &[String]) -> Result<(), StoreError> {
        let (answer, answered) = oneshot::channel();
        self.enqueue(Job::Migrate {
            script: script.to_vec(),
            answer,
        })?;
        answered.await.unwrap_or_else(|_| Err(self.gone()))
    }

    /// Whether writes can be expected to succeed.
    pub async fn ready(&self) -> Result<(), StoreError> {
        if !self.queue.is_open() {
            return Err(self.gone());
        }
        if !self.health.failing.load(Relaxed) {
            return Ok(());
        }
        // Without this, a server that is sent no requests because it is not ready would
        // never learn that the disk has room again.
        let (answer, answered) = oneshot::channel();
        self.enqueue(Job::Probe { answer })?;
        answered.await.unwrap_or_else(|_| Err(self.gone()))
    }

    /// Waits until everything in the queue is done.
    pub fn stop(&mut self) {
        self.queue.close();
        if let Some(thread) = self.thread.take()
            // A thread cannot wait for itself, should the driver be dropped on it.
            && thread.thread().id() != thread::current().id()
        {
            let _ = thread.join();
        }
    }

    fn enqueue(&self, job: Job) -> Result<(), StoreError> {
        self.queue.push(job).map_err(|rejected| match rejected {
            Rejected::Full => StoreError::Overloaded,
            Rejected::Closed => self.gone(),
        })
    }

    fn gone(&self) -> StoreError {
        let dead = self
            .health
            .dead
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        unavailable(dead.as_deref().unwrap_or("it is being closed"))
    }
}

/// Turns callers away, and those who wait too, if the thread ends before it was asked to.
struct CloseAtEnd<'a> {
    queue: &'a Queue<Job>,
    health: &'a Health,
}

impl Drop for CloseAtEnd<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            let mut dead = self
                .health
                .dead
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            *dead = Some("its writer has stopped; the server must be restarted".to_owned());
        }
        self.queue.discard();
    }
}

/// The writer's side.
struct Bench {
    committer: Committer,
    log: LogKeeper,
}

impl Bench {
    fn serve(mut self, queue: &Queue<Job>, batch_max: usize) {
        let mut jobs = VecDeque::new();
        let mut works = VecDeque::new();
        while queue.take(batch_max, &mut jobs) {
            // A migration is alone in its transaction, after what came before it.
            while let Some(job) = jobs.pop_front() {
                match job {
                    Job::Work(pending) => works.push_back(pending),
                    Job::Migrate { script, answer } => {
                        self.work_off(&mut works);
                        let _ = answer.send(self.committer.migrate(&script));
                    }
                    Job::Probe { answer } => {
                        self.work_off(&mut works);
                        let _ = answer.send(self.committer.probe());
                    }
                }
            }
            self.work_off(&mut works);
        }
        self.log.stop(self.committer.session());
    }

    fn work_off(&mut self, works: &mut VecDeque<Pending>) {
        while !works.is_empty() {
            self.committer.commit_some(works);
            self.log.committed(self.committer.session());
        }
    }
}
