//! Writes that need no decision in between: statements as a transaction of their own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use value::Value;

use crate::driver::{BoxFuture, Driver, StoreError, Transaction, Undo, Work};
use crate::prepared::Prepared;

/// Runs statements with their arguments, all or none. How many rows they changed together.
///
/// # Errors
/// When the database cannot or does not answer.
pub async fn execute(
    driver: &dyn Driver,
    statements: Vec<(Prepared, Vec<Value>)>,
) -> Result<u64, StoreError> {
    let changed = Arc::new(AtomicU64::new(0));
    let work = Execute {
        statements,
        changed: Arc::clone(&changed),
    };
    match driver.write(Box::new(work)).await {
        Ok(()) => Ok(changed.load(Ordering::Acquire)),
        Err(Undo::Store(error)) => Err(error),
        Err(Undo::Refused) => Err(StoreError::Internal {
            reason: "statements do not refuse".to_owned(),
        }),
    }
}

struct Execute {
    statements: Vec<(Prepared, Vec<Value>)>,
    /// Left here, since the work goes on without its caller.
    changed: Arc<AtomicU64>,
}

impl Work for Execute {
    fn run<'a>(
        &'a mut self,
        transaction: &'a mut dyn Transaction,
    ) -> BoxFuture<'a, Result<(), Undo>> {
        Box::pin(async move {
            let mut changed = 0;
            for (prepared, arguments) in &self.statements {
                let parameters = prepared.bind_args(arguments);
                changed += transaction
                    .execute(&prepared.statement, &parameters)
                    .await?;
            }
            self.changed.store(changed, Ordering::Release);
            Ok(())
        })
    }
}
