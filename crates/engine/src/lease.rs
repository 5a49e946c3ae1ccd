//! That this process lives, for others to know: renewed while operations go on in it.
//!
//! ```text
//!  an operation begins ─► a lease is had ─► renewed every few seconds ─► none goes on: let be
//!  killed ─► the lease runs out ─► whoever looks at one of its operations: it has failed
//! ```

use std::sync::Arc;
use std::time::Duration;

use call::Failure;
use store::Prepared;
use store::driver::{BoxFuture, Isolation, StoreError, Transaction, Undo, Work};
use store::leases;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};
use value::Value;

use crate::Core;
use crate::later::RUNNING_MAX;

/// Five times within a lease, so that a database that is away for a moment gives nobody up.
const RENEWED_EVERY: Duration = Duration::from_millis(leases::LASTS_MILLIS.unsigned_abs() / 5);

pub struct Lease {
    /// Names this process, or a contract served by it.
    pub node: [u8; 16],
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    renewed: Option<Instant>,
    /// There is a task that renews it.
    is_kept: bool,
}

impl Default for Lease {
    fn default() -> Lease {
        Lease {
            node: uuid::Uuid::new_v4().into_bytes(),
            held: Mutex::default(),
        }
    }
}

impl Core {
    /// Has a lease that will be renewed as long as operations go on. To be called when there is one
    /// more of them, before it is written down.
    pub async fn hold_lease(self: &Arc<Self>) -> Result<(), Failure> {
        let mut held = self.lease.held.lock().await;
        let is_young = |at: Instant| at.elapsed() < 2 * RENEWED_EVERY;
        if !held.renewed.is_some_and(is_young) {
            let renewed = self.renew_lease().await;
            renewed.map_err(|error| self.trouble(&error))?;
            held.renewed = Some(Instant::now());
        }
        if !held.is_kept {
            held.is_kept = true;
            tokio::spawn(Arc::clone(self).keep_lease());
        }
        Ok(())
    }

    async fn keep_lease(self: Arc<Self>) {
        loop {
            sleep(RENEWED_EVERY).await;
            // Nobody begins an operation meanwhile.
            let mut held = self.lease.held.lock().await;
            if self.later.available_permits() == RUNNING_MAX {
                held.is_kept = false;
                return;
            }
            // If it cannot be, there is time for another attempt, and another.
            if self.renew_lease().await.is_ok() {
                held.renewed = Some(Instant::now());
            }
        }
    }

    pub async fn renew_lease(&self) -> Result<(), StoreError> {
        let renewing = Renewing {
            statement: leases::renew(self.driver.dialect()),
            node: self.lease.node,
        };
        match self.driver.write(Box::new(renewing)).await {
            Ok(()) | Err(Undo::Refused) => Ok(()),
            Err(Undo::Store(error)) => Err(error),
        }
    }
}

struct Renewing {
    statement: Prepared,
    node: [u8; 16],
}

impl Work for Renewing {
    fn run<'a>(
        &'a mut self,
        transaction: &'a mut dyn Transaction,
    ) -> BoxFuture<'a, Result<(), Undo>> {
        Box::pin(async move {
            let parameters = self.statement.bind_args(&[Value::Uuid(self.node)]);
            let statement = &self.statement.statement;
            transaction.execute(statement, &parameters).await?;
            Ok(())
        })
    }

    fn isolation(&self) -> Isolation {
        Isolation::Latest
    }
}
