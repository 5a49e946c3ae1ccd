//! A transaction as a function: what it decides comes back, and a refusal undoes it.

use std::sync::{Arc, Mutex, PoisonError};

use crate::driver::{BoxFuture, Driver, StoreError, Transaction, Undo, Work};

/// Runs `body` in one transaction. Its `Ok(Err(refusal))` undoes everything; it may be run again
/// from its start when the database asks for it, so it keeps nothing between runs. Only the
/// transaction may be awaited in it (see [`Work`]).
///
/// # Errors
/// When the database cannot or does not answer.
pub async fn transact<T, E, F>(driver: &dyn Driver, body: F) -> Result<Result<T, E>, StoreError>
where
    T: Send + 'static,
    E: Send + 'static,
    F: for<'a> FnMut(&'a mut dyn Transaction) -> BoxFuture<'a, Result<Result<T, E>, StoreError>>
        + Send
        + 'static,
{
    let place = Arc::new(Mutex::new(None));
    let work = Body {
        body,
        place: Arc::clone(&place),
    };
    let ended = driver.write(Box::new(work)).await;
    let decided = place.lock().unwrap_or_else(PoisonError::into_inner).take();
    match (ended, decided) {
        (Ok(()), Some(Ok(value))) => Ok(Ok(value)),
        (Err(Undo::Refused), Some(Err(refusal))) => Ok(Err(refusal)),
        (Err(Undo::Store(error)), _) => Err(error),
        _ => Err(StoreError::Internal {
            reason: "a transaction ended otherwise than it decided".to_owned(),
        }),
    }
}

struct Body<T, E, F> {
    body: F,
    /// Left here, since the work goes on without its caller.
    place: Arc<Mutex<Option<Result<T, E>>>>,
}

impl<T, E, F> Work for Body<T, E, F>
where
    T: Send + 'static,
    E: Send + 'static,
    F: for<'a> FnMut(&'a mut dyn Transaction) -> BoxFuture<'a, Result<Result<T, E>, StoreError>>
        + Send
        + 'static,
{
    fn run<'a>(&'a mut self, tx: &'a mut dyn Transaction) -> BoxFuture<'a, Result<(), Undo>> {
        Box::pin(async move {
            let decided = (self.body)(tx).await?;
            let refused = decided.is_err();
            *self.place.lock().unwrap_or_else(PoisonError::into_inner) = Some(decided);
            if refused { Err(Undo::Refused) } else { Ok(()) }
        })
    }
}
