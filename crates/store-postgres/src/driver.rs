//! [`PostgresDriver`]: the pool behind the [`Driver`] interface.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use store::driver::{
    BoxFuture, Cost, Dialect, Driver, Rows, Statement, Storage, StoreError, Undo, Work,
};
use tokio::runtime::Handle;
use value::Value;

use crate::error::{Failed, Then, internal, unavailable};
use crate::migrating;
use crate::options::Options;
use crate::pool::{Pool, Purpose};
use crate::readers::Readers;
use crate::target::Target;
use crate::together::Together;
use crate::works::{self, Kind};

/// What fails sooner has cost nobody his time, and may be tried once more.
const SOON: Duration = Duration::from_secs(1);

/// A PostgreSQL database. Connections are opened when they are needed and replaced when they
/// are lost, so a server may go away and come back.
pub struct PostgresDriver {
    pool: Arc<Pool>,
    readers: Arc<Readers>,
    together: Arc<Together>,
    /// Where writes run, which nobody's going away may stop.
    runtime: Handle,
    look: Arc<Statement>,
}

impl fmt::Debug for PostgresDriver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PostgresDriver({})", self.pool.target)
    }
}

impl PostgresDriver {
    /// Connects once, to know that it can be done. To be called in a tokio runtime, which has to
    /// last as long as the driver.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn open(target: Target, options: Options) -> Result<PostgresDriver, StoreError> {
        let look = Statement {
            text: Cow::Borrowed("SELECT current_setting('transaction_read_only')"),
            parameters: vec![],
            columns: vec![Storage::Text],
            cost: Cost::Short,
        };
        let (pool, runtime) = (Arc::new(Pool::new(target, options)), Handle::current());
        let driver = PostgresDriver {
            readers: Arc::new(Readers::new(Arc::clone(&pool), runtime.clone())),
            together: Arc::new(Together::new(Arc::clone(&pool), runtime.clone())),
            pool,
            runtime,
            look: Arc::new(look),
        };
        driver.look().await?;
        Ok(driver)
    }

    async fn look(&self) -> Result<(), StoreError> {
        let found = self.read(Purpose::Look, &self.look, &[]).await?;
        match found.cells.first() {
            Some(Value::Text(read_only)) if read_only == "off" => Ok(()),
            _ => Err(unavailable("the server takes no writes")),
        }
    }

    async fn read(
        &self,
        purpose: Purpose,
        statement: &Statement,
        parameters: &[Value],
    ) -> Result<Rows, StoreError> {
        // A reading statement may always be run again; more than once helps nobody.
        let again =
            |failed: &Failed| matches!(failed.then, Then::Lost | Then::Forget | Then::Again);
        let shared = match purpose {
            Purpose::Read(Cost::Short) => self.readers.share(),
            _ => None,
        };
        let mut tries = 2;
        if let Some(share) = shared {
            let (began, allowed) = (Instant::now(), self.pool.options.short_time_max);
            match share.run(statement, parameters, allowed).await {
                Ok(answer) => return Ok(answer.rows),
                Err(failed) if !again(&failed) => return Err(failed.error),
                // Many lose a shared connection at the same time, and find others lost with it.
                Err(_) if began.elapsed() < SOON => {}
                Err(_) => tries -= 1,
            }
        }
        loop {
            tries -= 1;
            match self.read_once(purpose, statement, parameters).await {
                Err(failed) if tries > 0 && again(&failed) => {}
                read => return read.map_err(|failed| failed.error),
            }
        }
    }

    async fn read_once(
        &self,
        purpose: Purpose,
        statement: &Statement,
        parameters: &[Value],
    ) -> Result<Rows, Failed> {
        let options = &self.pool.options;
        let allowed = match statement.cost {
            Cost::Short => options.short_time_max,
            Cost::Long => options.long_time_max,
        };
        let mut lease = self.pool.lease(purpose).await?;
        if !lease.is_shared() {
            lease.allow(allowed);
            let answer = lease.run(None, statement, parameters, allowed).await?;
            return Ok(answer.rows);
        }
        // Only in a transaction is a limit ours alone.
        let begin = format!(
            "BEGIN; SET LOCAL statement_timeout = {}",
            allowed.as_millis()
        );
        let answer = lease
            .run(Some(&begin), statement, parameters, allowed)
            .await;
        if !lease.is_broken() {
            lease.send("COMMIT");
        }
        Ok(answer?.rows)
    }
}

impl Driver for PostgresDriver {
    fn dialect(&self) -> Dialect {
        Dialect::Postgres
    }

    fn query<'a>(
        &'a self,
        statement: &'a Arc<Statement>,
        parameters: &'a [Value],
    ) -> BoxFuture<'a, Result<Rows, StoreError>> {
        Box::pin(self.read(Purpose::Read(statement.cost), statement, parameters))
    }

    fn snapshot(&self, cost: Cost, mut work: Box<dyn Work>) -> BoxFuture<'_, Result<(), Undo>> {
        Box::pin(async move {
            works::run(&self.pool, Kind::Snapshot(cost), work.as_mut(), &|| true).await
        })
    }

    fn write(&self, mut work: Box<dyn Work>) -> BoxFuture<'_, Result<(), Undo>> {
        if let Some(sole) = work.sole().filter(Together::takes) {
            return self.together.write(work, sole);
        }
        let pool = Arc::clone(&self.pool);
        let kind = Kind::Write(work.isolation());
        // Held by the caller alone: once it is gone, nobody waits.
        let caller = Arc::new(());
        let waiting = Arc::downgrade(&caller);
        let running = self.runtime.spawn(async move {
            let wanted = || waiting.strong_count() > 0;
            works::run(&pool, kind, work.as_mut(), &wanted).await
        });
        Box::pin(async move {
            let _caller = caller;
            running.await.unwrap_or_else(|_| {
                // It panicked, or the runtime ends; what was begun is undone.
                Err(Undo::Store(internal("a write did not come to its end")))
            })
        })
    }

    fn migrate<'a>(&'a self, script: &'a [String]) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(migrating::migrate(&self.pool, script))
    }

    fn ready(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(self.look())
    }
}
