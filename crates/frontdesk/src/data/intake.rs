//! Records on their way into the database: written in batches, and in an order in which what
//! they refer to is there. Shared by seeds and imports.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use call::{Code, Failure};
use engine::{Engine, Progress, Row};
use store::imports::Waiting;
use store::{Dialect, Driver, StoreError};
use value::ResourceId;

use super::ledger::{Ledger, State};
use crate::clock::now;

/// Records that are looked at together after others have come in.
const PAGE: i64 = 500;
/// Records that refer to each other in a circle can only come in together, and everybody else's
/// writes wait for them.
const CIRCLE_MAX: u64 = 20_000;
/// How long to go on trying while the database takes nothing, such as when another process
/// writes something large.
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(50);

/// Writes the records of one import.
#[derive(Clone)]
pub struct Intake {
    engine: Engine,
    pub ledger: Ledger,
    import: engine::Import,
}

/// Why the intake does not go on.
#[derive(Debug)]
pub enum Stop {
    /// A record was refused, and that has been told.
    Refused,
    /// It is no record's fault.
    Trouble(Failure),
    /// Where refused records are put aside cannot be written.
    Aside(std::io::Error),
}

/// Is told of records that were refused after they had waited.
pub trait Refusals {
    /// How far the import has come when this one is out of the way.
    ///
    /// # Errors
    /// To go no further.
    fn refuse(&mut self, waiting: &Waiting, failure: Failure) -> Result<State, Stop>;
}

impl Intake {
    /// `expects`: references to records of these may lead to records that come later.
    pub fn new(engine: &Engine, name: &str, expects: Vec<ResourceId>, dry_run: bool) -> Intake {
        let driver: Arc<dyn Driver> = Arc::clone(engine.driver());
        Intake {
            engine: engine.clone(),
            ledger: Ledger::new(driver, name.to_owned()),
            import: engine::Import {
                name: name.to_owned(),
                expects,
                dry_run,
                now: now(),
            },
        }
    }

    /// Writes records, all or none, and how far the import has come. How many of them have to
    /// wait.
    pub async fn write(
        &self,
        resource: ResourceId,
        rows: &[Row],
        progress: Option<Progress>,
    ) -> Result<engine::Imported, engine::ImportError> {
        let since = Instant::now();
        loop {
            let write = self
                .engine
                .import(&self.import, resource, rows.to_vec(), progress.clone());
            match write.await {
                Err(error) if is_temporary(&error, since) => {
                    // A connection that breaks during the commit leaves open what became of it.
                    if let Some(progress) = &progress
                        && self.ledger.has(&progress.state).await
                    {
                        return Ok(engine::Imported {
                            written: rows.len(),
                            ..engine::Imported::default()
                        });
                    }
                    tokio::time::sleep(PAUSE).await;
                }
                done => return done,
            }
        }
    }

    /// Writes what waits, as far as it may.
    pub async fn settle(&self, refusals: &mut (dyn Refusals + Send)) -> Result<(), Stop> {
        loop {
            let mut written = 0;
            let mut after = None;
            loop {
                let page = self.ledger.page(after.as_ref(), PAGE).await?;
                let Some(last) = page.last() else { break };
                after = Some(last.clone());
                written += self.release(page, refusals).await?;
            }
            if written == 0 {
                break;
            }
        }
        // What still waits does so for nothing, or in circles.
        loop {
            let stranded = self.ledger.stranded(PAGE).await?;
            if stranded.is_empty() {
                let waiting = self.ledger.waiting().await?;
                if waiting == 0 {
                    return Ok(());
                }
                self.close(waiting, refusals).await?;
                continue;
            }
            for waiting in &stranded {
                // Says what it lacks; or it lacks nothing any more.
                self.write_together(std::slice::from_ref(waiting), refusals)
                    .await?;
            }
        }
    }

    async fn close(&self, waiting: u64, refusals: &mut (dyn Refusals + Send)) -> Result<(), Stop> {
        if waiting > CIRCLE_MAX {
            return Err(Stop::Trouble(Failure::new(
                Code::Invalid,
                format!(
                    "{waiting} records refer to each other in circles; the most that can come in \
                     together are {CIRCLE_MAX}"
                ),
            )));
        }
        let most = i64::try_from(waiting).unwrap_or(i64::MAX);
        let circle = self.ledger.page(None, most).await?;
        self.write_together(&circle, refusals).await
    }

    /// Writes records at once, or refuses the first that stands in the way.
    async fn write_together(
        &self,
        waiting: &[Waiting],
        refusals: &mut (dyn Refusals + Send),
    ) -> Result<(), Stop> {
        let since = Instant::now();
        loop {
            match self.engine.close(&self.import, waiting).await {
                Ok(_) => return Ok(()),
                Err(error) if self.may_repeat(&error, since) => tokio::time::sleep(PAUSE).await,
                Err(error) => return self.refuse(error, refusals).await.map(drop),
            }
        }
    }

    /// Writes those of these records that need to wait no longer, and what waited for them.
    async fn release(
        &self,
        mut page: Vec<Waiting>,
        refusals: &mut (dyn Refusals + Send),
    ) -> Result<u64, Stop> {
        let mut written = 0;
        let mut ready = VecDeque::new();
        let mut since = Instant::now();
        loop {
            let released = self
                .engine
                .release(&self.import, &page, ready.clone())
                .await;
            match released {
                Ok(done) => {
                    written += done.written as u64;
                    page.clear();
                    ready = done.ready;
                    since = Instant::now();
                    if ready.is_empty() {
                        return Ok(written);
                    }
                }
                Err(error) if self.may_repeat(&error, since) => tokio::time::sleep(PAUSE).await,
                Err(error) => {
                    let refused = self.refuse(error, refusals).await?;
                    page.retain(|waiting| {
                        (&waiting.resource, waiting.line) != (&refused.resource, refused.line)
                    });
                }
            }
        }
    }

    /// Whether it is certain that nothing was written, and worth another try. On a server it is
    /// not certain; who goes on with the import later looks at what is there first.
    fn may_repeat(&self, error: &engine::ImportError, since: Instant) -> bool {
        self.engine.driver().dialect() == Dialect::Sqlite && is_temporary(error, since)
    }

    /// Takes a refused record out of those that wait.
    async fn refuse(
        &self,
        error: engine::ImportError,
        refusals: &mut (dyn Refusals + Send),
    ) -> Result<Waiting, Stop> {
        let Some((resource, line)) = error.record else {
            return Err(Stop::Trouble(*error.failure));
        };
        let name = &self.engine.model().resource(resource).name;
        let line = i64::try_from(line).unwrap_or(i64::MAX);
        let waiting = self.ledger.one(name, line).await?;
        let Some(waiting) = waiting else {
            return Err(Stop::Trouble(*error.failure));
        };
        let state = refusals.refuse(&waiting, *error.failure)?;
        self.ledger.give_up(&waiting, &state, now()).await?;
        Ok(waiting)
    }
}

fn is_temporary(error: &engine::ImportError, since: Instant) -> bool {
    error.failure.code == Code::Unavailable && since.elapsed() < PATIENCE
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Stop {
        Stop::Trouble(Failure {
            cause: Some(error.to_string().into()),
            ..Failure::new(Code::Unavailable, "the database does not answer")
        })
    }
}
