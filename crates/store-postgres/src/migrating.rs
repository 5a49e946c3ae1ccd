//! Scripts of DDL: all of it or nothing, one node at a time, and without making everybody wait
//! behind it for a lock.
//!
//! DDL waits for whoever uses the table, and everybody else waits behind it. So it waits a
//! moment only; if the lock is not to be had, all is undone, the others go on, and it tries
//! again.

use std::sync::Arc;
use std::time::Duration;

use store::StoreError;
use store::driver::Cost;
use tokio::time::sleep;

use crate::error::{Failed, Then, internal, unavailable};
use crate::pool::{Pool, Purpose};

/// Of those who migrate the same database one goes on. The number is only ours: "frontde" in
/// ASCII. Where the server knows no such locks (CockroachDB) the numbers of migrations, which
/// are unique, still let only one through.
const LOCK: i64 = 0x0066_726f_6e74_6465;
/// Between tries to get the locks, so that those who waited behind the last one get through.
const PAUSE: Duration = Duration::from_millis(500);

pub(crate) async fn migrate(pool: &Arc<Pool>, script: &[String]) -> Result<(), StoreError> {
    let options = &pool.options;
    let mut tries = 0;
    loop {
        let failed = match attempt(pool, script).await {
            Ok(()) => return Ok(()),
            Err(failed) => failed,
        };
        tries += 1;
        if failed.then != Then::Again {
            return Err(failed.error);
        }
        if tries >= options.migration_attempts_max {
            return Err(unavailable(format!(
                "the migration did not get the locks it needs in {tries} tries of {} ms: \
                 something holds the tables for long",
                options.migration_lock_time_max.as_millis()
            )));
        }
        tracing::info!(error = %failed.error, tries, "the migration waits for its locks");
        sleep(PAUSE).await;
    }
}

async fn attempt(pool: &Arc<Pool>, script: &[String]) -> Result<(), Failed> {
    let options = &pool.options;
    let allowed = options.migration_time_max;
    let mut lease = pool.lease(Purpose::Read(Cost::Long)).await?;
    let begin = format!(
        "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL statement_timeout = {}; \
         SET LOCAL lock_timeout = {}; SELECT pg_advisory_xact_lock({LOCK})",
        allowed.as_millis(),
        options.migration_lock_time_max.as_millis()
    );
    // Whoever waits for it may go away; then the connection ends, and with it what was begun.
    lease.give_up();
    let ran = async {
        lease.command(&begin, allowed).await?;
        for (at, statement) in script.iter().enumerate() {
            let ran = lease.command(statement, allowed).await;
            ran.map_err(|failed| match failed.error {
                StoreError::Internal { reason } => Failed::of(internal(format!(
                    "{reason} (statement {} of the migration)",
                    at + 1
                ))),
                _ => failed,
            })?;
        }
        Ok(())
    };
    let ran: Result<(), Failed> = ran.await;
    match ran {
        Ok(()) => lease.command("COMMIT", allowed).await.map_err(|failed| {
            if failed.then == Then::Lost {
                return Failed::of(StoreError::InDoubt {
                    reason: failed.error.to_string(),
                });
            }
            failed
        }),
        Err(failed) => {
            // Before others try again, and not whenever the connection is found to be gone.
            drop(lease.command("ROLLBACK", options.connect_max).await);
            Err(failed)
        }
    }
}
