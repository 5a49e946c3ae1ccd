//! Whether the tables are still those of the contract that is served.
//!
//! Another process may bring them to another contract at any time. What would then be read and
//! written is not what either contract says, even where the statements still run: so everything is
//! refused until this contract is served anew. It is looked for when a statement fails that should
//! not, and whenever somebody asks [`Engine::look`]. Knows nothing of who asks or what is done
//! about it.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use call::{Code, Failure};
use store::driver::StoreError;
use store::migrate;

use crate::trouble::{self, RETRY_AFTER_SECONDS};
use crate::{Core, Engine};

/// Whose tables there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tables {
    /// Those of the contract that is served.
    Ours,
    /// They have been changed and changed back: another engine for the same model can serve them.
    Renewed,
    /// Those of another contract.
    Theirs,
}

/// What an engine knows of the tables it was made for.
#[derive(Default)]
pub struct Known {
    /// How often they had been changed since they were made.
    migrations: OnceLock<u64>,
    /// They have been changed since.
    changed: AtomicBool,
}

impl Known {
    /// What tags were made with already stays.
    pub fn migrated(&self, times: u64) {
        let _ = self.migrations.set(times);
    }

    pub fn migrations(&self) -> u64 {
        *self.migrations.get_or_init(|| 0)
    }

    /// Nothing is done with tables that are known to have changed.
    ///
    /// # Errors
    /// [`Code::Unavailable`].
    pub fn are_ours(&self) -> Result<(), Failure> {
        if self.changed.load(Ordering::Acquire) {
            return Err(changed());
        }
        Ok(())
    }
}

impl Engine {
    /// Looks whether the tables are still those of the model. From the moment on that they are found
    /// not to be, every request is refused.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn look(&self) -> Result<Tables, StoreError> {
        self.core.look().await
    }

    /// Whether it is known that they are not, or have not been.
    pub fn has_lost_its_tables(&self) -> bool {
        self.core.tables.are_ours().is_err()
    }
}

impl Core {
    async fn look(&self) -> Result<Tables, StoreError> {
        let Some(known) = self.tables.migrations.get() else {
            // Nobody counts, so nothing can be told apart.
            return Ok(Tables::Ours);
        };
        let driver = &*self.driver;
        if migrate::times(driver).await? == *known {
            return Ok(Tables::Ours);
        }
        self.tables.changed.store(true, Ordering::Release);
        let applied = match migrate::applied(driver).await {
            // A newer release has written it in its own way.
            Err(StoreError::Newer | StoreError::Corrupt { .. }) => return Ok(Tables::Theirs),
            applied => applied?,
        };
        let plan = migrate::plan(applied.as_ref(), &self.model, driver.dialect());
        Ok(match plan {
            Ok(plan) if plan.is_of_this_model() => Tables::Renewed,
            _ => Tables::Theirs,
        })
    }

    /// What to say of a failure that should not be: the tables may have been changed meanwhile.
    pub async fn explain_failure(&self, failure: Failure) -> Failure {
        if failure.code != Code::Internal || trouble::is_in_doubt(&failure) {
            return failure;
        }
        match self.look().await {
            Ok(Tables::Renewed | Tables::Theirs) => Failure {
                cause: failure.cause,
                ..changed()
            },
            Ok(Tables::Ours) | Err(_) => failure,
        }
    }
}

fn changed() -> Failure {
    Failure {
        retry_after_seconds: Some(RETRY_AFTER_SECONDS),
        ..Failure::new(
            Code::Unavailable,
            "the tables now belong to another contract than the one served here; try again",
        )
    }
}
