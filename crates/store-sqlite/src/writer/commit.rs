//! Group commit: many works in one transaction, each as if it were alone.
//!
//! ```text
//!  bold     BEGIN IMMEDIATE ─► for each: run ─► COMMIT ─► answer all
//!                                        └─ one is to be undone ─► ROLLBACK, all again, carefully
//!  careful  BEGIN IMMEDIATE ─► for each: SAVEPOINT, run, RELEASE or ROLLBACK TO ─► COMMIT ─► …
//! ```
//!
//! Most works are kept, or are refused before they have changed anything. A savepoint, for which
//! SQLite copies each page that the work touches, is for the few others: where one was met, the
//! next batches are careful.
//!
//! 1. Nobody is answered before the commit, not even the refused: they may have been
//!    refused for the sake of something that is then not committed.
//! 2. If SQLite ends the transaction under a work, or the commit fails for what one of
//!    them did, the others are run again, each alone.
//! 3. A work whose caller has gone before its turn is not begun. One that has begun is brought to
//!    its end, also without its caller.
//! 4. If the disk or the file is at fault, all fail, and the next batch begins with a
//!    fresh connection.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use store::driver::{StoreError, Undo, Work};

use super::{Health, Pending};
use crate::error::{internal, is_outage};
use crate::limit::TimeLimit;
use crate::session::{Command, File, Role, Session};
use crate::transaction;

/// So many batches are careful after one that had to be undone: whoever sends works that are
/// undone, such as rehearsals, makes one in so many run twice.
const CAREFUL_BATCHES: u32 = 64;

pub(super) struct Committer {
    pub(super) file: Arc<File>,
    /// `None` after a failure that may have left it in disorder.
    session: Option<Session>,
    health: Arc<Health>,
    /// For so many batches still, each work has a savepoint.
    careful: u32,
}

/// How the works of a transaction are kept apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// There is only one: it is undone with the transaction.
    Alone,
    Bold,
    Careful,
}

/// What came of trying to run works in one transaction.
enum Attempt {
    /// The first works have these outcomes, and they are committed. The rest was not run.
    Settled(Vec<Result<(), Undo>>),
    /// Nothing is committed, and it is no work's fault.
    Failed(StoreError),
    /// Nothing is committed, for the sake of one of the first `ran` works: if it is known
    /// which, of this one, with this outcome. Only with several works.
    Torn {
        ran: usize,
        culprit: Option<(usize, Undo)>,
    },
    /// Nothing is committed: one work is to be undone without the others. Only if bold.
    TooBold,
}

/// What became of one work within the transaction.
enum Step {
    Done(Result<(), Undo>),
    /// It is to be undone for this, and has changed something among what the others have.
    Stained(Undo),
    /// The transaction is gone or cannot be relied on.
    Lost(StoreError),
}

impl Committer {
    pub fn new(file: Arc<File>, session: Session, health: Arc<Health>) -> Self {
        Committer {
            file,
            session: Some(session),
            health,
            careful: 0,
        }
    }

    pub fn session(&self) -> Option<&Session> {
        self.session.as_ref()
    }

    /// Runs and answers the first of these works, as many as fit in one transaction.
    pub fn commit_some(&mut self, works: &mut VecDeque<Pending>) {
        match self.attempt(works.make_contiguous()) {
            Attempt::Settled(outcomes) => {
                for (pending, outcome) in works.drain(..outcomes.len()).zip(outcomes) {
                    pending.answer(outcome);
                }
            }
            Attempt::Failed(error) => fail(works.drain(..), &error),
            // The caller comes again with what is left, which is all of it.
            Attempt::TooBold => self.careful = CAREFUL_BATCHES,
            Attempt::Torn { ran, mut culprit } => {
                let mut torn = works.drain(..ran).enumerate();
                while let Some((at, mut pending)) = torn.next() {
                    if let Some((_, undo)) = culprit.take_if(|(culprit, _)| *culprit == at) {
                        pending.answer(Err(undo));
                        continue;
                    }
                    match self.alone(&mut pending) {
                        Ok(outcome) => pending.answer(outcome),
                        Err(error) => {
                            // Lest everybody wait in turn for what will not come.
                            pending.answer(Err(Undo::Store(error.clone())));
                            fail(torn.by_ref().map(|(_, pending)| pending), &error);
                        }
                    }
                }
            }
        }
    }

    /// Runs one work in a transaction of its own. `Err` if that is not possible now.
    fn alone(&mut self, pending: &mut Pending) -> Result<Result<(), Undo>, StoreError> {
        match self.attempt(std::slice::from_mut(pending)) {
            Attempt::Settled(mut outcomes) => outcomes
                .pop()
                .ok_or_else(|| internal("a write was not run")),
            Attempt::Failed(error) => Err(error),
            Attempt::Torn { .. } | Attempt::TooBold => {
                Err(internal("a lone write was taken for several"))
            }
        }
    }

    /// Writes something without meaning.
    pub fn probe(&mut self) -> Result<(), StoreError> {
        self.with_session(|session, _| {
            session.begin_write()?;
            let version: i64 = session
                .connection
                .query_row("PRAGMA user_version", [], |row| row.get(0))
                .map_err(|error| session.failed(error))?;
            // SQLite writes the page although nothing is different.
            session
                .connection
                .execute_batch(&format!("PRAGMA user_version = {version}"))
                .map_err(|error| session.failed(error))?;
            session.command(Command::Commit)
        })?;
        self.health.failing.store(false, Relaxed);
        Ok(())
    }

    /// Runs something that begins and ends a transaction. If it fails, or leaves one open,
    /// the session is given up, which undoes whatever is open.
    pub(super) fn with_session<T>(
        &mut self,
        run: impl FnOnce(&mut Session, &File) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let result = match self.session.take() {
            Some(session) => Ok(session),
            None => Session::open(&self.file, Role::Writer, Arc::new(TimeLimit::unlimited())),
        };
        let result = result.and_then(|mut session| {
            let done = run(&mut session, &self.file)?;
            if session.connection.is_autocommit() {
                self.session = Some(session);
            }
            Ok(done)
        });
        if let Err(error) = &result
            && is_outage(error)
        {
            self.health.failing.store(true, Relaxed);
        }
        result
    }

    fn attempt(&mut self, works: &mut [Pending]) -> Attempt {
        let mode = match works.len() {
            0 | 1 => Mode::Alone,
            _ if self.careful == 0 => Mode::Bold,
            _ => {
                self.careful -= 1;
                Mode::Careful
            }
        };
        let attempt = self
            .with_session(|session, file| attempt(session, file, works, mode))
            .unwrap_or_else(Attempt::Failed);
        if matches!(&attempt, Attempt::Settled(outcomes) if outcomes.iter().any(Result::is_ok)) {
            self.health.failing.store(false, Relaxed);
        }
        attempt
    }
}

fn attempt(
    session: &mut Session,
    file: &File,
    works: &mut [Pending],
    mode: Mode,
) -> Result<Attempt, StoreError> {
    session.begin_write()?;
    let began = Instant::now();
    let shared = mode != Mode::Alone;
    let mut outcomes = Vec::with_capacity(works.len());
    for pending in works.iter_mut() {
        // Whoever was told that it takes too long may have sent it again.
        let step = match pending.is_abandoned() {
            true => Step::Done(Err(Undo::Refused)),
            false => step(
                session,
                pending.work.as_mut(),
                mode,
                file.options.write_time_max,
            ),
        };
        match step {
            Step::Done(outcome) => outcomes.push(outcome),
            Step::Stained(undo) => {
                session.command(Command::Rollback)?;
                if !session.limit.expired() {
                    return Ok(Attempt::TooBold);
                }
                // Nobody waits for it once more: it took too long whatever the others did.
                let at = outcomes.len();
                return Ok(Attempt::Torn {
                    ran: at + 1,
                    culprit: Some((at, undo)),
                });
            }
            Step::Lost(error) if is_outage(&error) || !session.connection.is_autocommit() => {
                return Err(error);
            }
            Step::Lost(error) if shared => {
                let at = outcomes.len();
                return Ok(Attempt::Torn {
                    ran: at + 1,
                    culprit: Some((at, Undo::Store(error))),
                });
            }
            Step::Lost(error) => return Ok(Attempt::Settled(vec![Err(Undo::Store(error))])),
        }
        if began.elapsed() >= file.options.batch_time_max {
            break;
        }
    }
    if outcomes.iter().all(Result::is_err) {
        session.command(Command::Rollback)?;
        return Ok(Attempt::Settled(outcomes));
    }
    match session.command(Command::Commit) {
        Ok(()) => Ok(Attempt::Settled(outcomes)),
        // A foreign key that is only checked now. The transaction is still open.
        Err(StoreError::ForeignKey) => {
            session.command(Command::Rollback)?;
            if shared {
                return Ok(Attempt::Torn {
                    ran: outcomes.len(),
                    culprit: None,
                });
            }
            Ok(Attempt::Settled(vec![Err(Undo::Store(
                StoreError::ForeignKey,
            ))]))
        }
        Err(error) => Err(error),
    }
}

fn step(session: &mut Session, work: &mut dyn Work, mode: Mode, time_max: Duration) -> Step {
    if mode == Mode::Careful
        && let Err(error) = session.command(Command::BeginWork)
    {
        return Step::Lost(error);
    }
    let changes = session.connection.total_changes();
    session.limit.arm(time_max);
    let ran = transaction::run(session, work);
    session.limit.disarm();
    if let Some(error) = ran.lost {
        return Step::Lost(error);
    }
    let kept = match (mode, ran.outcome) {
        (Mode::Bold, Err(undo)) if session.connection.total_changes() != changes => {
            return Step::Stained(undo);
        }
        (Mode::Alone | Mode::Bold, outcome) => return Step::Done(outcome),
        (Mode::Careful, kept) => kept,
    };
    let ended = match &kept {
        Ok(()) => Ok(()),
        Err(_) => session.command(Command::UndoWork),
    };
    match ended.and_then(|()| session.command(Command::KeepWork)) {
        Ok(()) => Step::Done(kept),
        Err(error) => Step::Lost(error),
    }
}

fn fail(works: impl Iterator<Item = Pending>, error: &StoreError) {
    for pending in works {
        pending.answer(Err(Undo::Store(error.clone())));
    }
}
