//! What has to be done from time to time while a database is served: the feed forgets.
//!
//! Knows nothing of requests. Ends with the task it runs in.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use store::driver::{BoxFuture, Transaction, Undo};
use store::feed::PRUNED_AT_ONCE;
use store::{Driver, Prepared, Work};
use value::{Timestamp, Value};

use crate::clock::now;

/// How long a change stays in the feed: a client that was away for a night can go on where it
/// was.
const FEED_KEPT: Duration = Duration::from_secs(24 * 60 * 60);
/// Often enough that little gathers, seldom enough to cost nothing.
const EVERY: Duration = Duration::from_secs(10 * 60);

/// Keeps house until it is dropped.
pub async fn keep(driver: Arc<dyn Driver>) {
    let mut rounds = tokio::time::interval(EVERY);
    rounds.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        rounds.tick().await;
        let kept = i64::try_from(FEED_KEPT.as_millis()).unwrap_or(i64::MAX);
        match prune_feed(&driver, Timestamp(now().0.saturating_sub(kept))).await {
            Ok(0) => {}
            Ok(entries) => tracing::debug!(entries, "the feed forgot old entries"),
            // The next round tries again; a database in trouble is told of elsewhere.
            Err(error) => tracing::warn!(?error, "old entries of the feed stay for now"),
        }
    }
}

/// Deletes feed entries made before a time, a few at once so that other writes go between.
/// How many there were.
async fn prune_feed(driver: &Arc<dyn Driver>, before: Timestamp) -> Result<u64, Undo> {
    let mut all = 0;
    loop {
        let deleted = Arc::new(AtomicU64::new(0));
        let work = Pruning {
            statement: store::feed::prune(driver.dialect()),
            before,
            deleted: Arc::clone(&deleted),
        };
        driver.write(Box::new(work)).await?;
        let deleted = deleted.load(Ordering::Acquire);
        all += deleted;
        if deleted < u64::from(PRUNED_AT_ONCE) {
            return Ok(all);
        }
    }
}

struct Pruning {
    statement: Prepared,
    before: Timestamp,
    deleted: Arc<AtomicU64>,
}

impl Work for Pruning {
    fn run<'a>(
        &'a mut self,
        transaction: &'a mut dyn Transaction,
    ) -> BoxFuture<'a, Result<(), Undo>> {
        Box::pin(async move {
            let parameters = self.statement.bind_args(&[Value::Timestamp(self.before)]);
            let deleted = transaction
                .execute(&self.statement.statement, &parameters)
                .await?;
            self.deleted.store(deleted, Ordering::Release);
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use store_sqlite::{Options, SqliteDriver};

    use super::*;

    #[test]
    fn the_feed_forgets_what_is_old_and_keeps_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let driver =
            SqliteDriver::open(&folder.path().join("test.db"), Options::default()).unwrap();
        let driver: Arc<dyn Driver> = Arc::new(driver);
        let contract =
            "frontdesk: 1\nname: notes\nresources:\n  Note:\n    fields: {text: string}\n";
        std::fs::write(folder.path().join("frontdesk.yaml"), contract).unwrap();
        let compiled = crate::Project::open(folder.path())
            .unwrap()
            .compile()
            .unwrap();
        let model = Arc::new(compiled.into_model().unwrap().0);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            store::migrate::bring(&*driver, &model, Timestamp(0), false)
                .await
                .unwrap();
            let engine = engine::Engine::new(Arc::clone(&model), Arc::clone(&driver), &[0; 32]);
            let note = model.resource_named("Note").unwrap().id;
            let notes = |count: usize| {
                let note = serde_json::Map::from_iter([("text".to_owned(), "a".into())]);
                vec![note; count]
            };
            let many = PRUNED_AT_ONCE as usize + 500;
            engine
                .import(note, notes(many), Timestamp(1_000))
                .await
                .unwrap();
            engine
                .import(note, notes(2), Timestamp(5_000))
                .await
                .unwrap();
            assert_eq!(
                prune_feed(&driver, Timestamp(4_000)).await.unwrap(),
                many as u64
            );
            assert_eq!(prune_feed(&driver, Timestamp(4_000)).await.unwrap(), 0);
            // Never the last one, so that the end of the feed stays known.
            assert_eq!(prune_feed(&driver, Timestamp(9_000)).await.unwrap(), 1);
        });
    }
}
