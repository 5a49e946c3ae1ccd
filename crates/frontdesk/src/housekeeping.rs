//! What has to be done from time to time while a database is served: the feed forgets, and so
//! do the answers that are kept for requests that come again; what was deleted long enough ago
//! goes for good.
//!
//! Knows nothing of requests. Ends with the task it runs in.

use std::sync::Arc;
use std::time::Duration;

use model::{Model, Resource};
use store::{Dialect, Driver, Prepared, StoreError};
use value::{Timestamp, Value};

use crate::clock::now;

/// How long a change stays in the feed: a client that was away for a night can go on where it
/// was.
const FEED_KEPT: Duration = Duration::from_secs(24 * 60 * 60);
/// Often enough that little gathers, seldom enough to cost nothing.
const EVERY: Duration = Duration::from_secs(10 * 60);

/// How long a write with an idempotency key is answered as it was at first, and how long it is
/// told how an operation ended.
const ANSWERS_KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// Keeps house until it is dropped. `model` is asked each time, since contracts are reloaded.
pub async fn keep(driver: Arc<dyn Driver>, model: impl Fn() -> Arc<Model>) {
    let dialect = driver.dialect();
    let stores = [
        Store {
            what: "entries of the feed",
            kept: FEED_KEPT,
            prune: store::feed::prune(dialect),
            at_once: store::feed::PRUNED_AT_ONCE,
        },
        Store {
            what: "answers",
            kept: ANSWERS_KEPT,
            prune: store::answers::prune(dialect),
            at_once: store::answers::PRUNED_AT_ONCE,
        },
        Store {
            what: "operations",
            kept: ANSWERS_KEPT,
            prune: store::operations::prune(dialect),
            at_once: store::operations::PRUNED_AT_ONCE,
        },
        Store {
            what: "leases",
            kept: ANSWERS_KEPT,
            prune: store::leases::prune(dialect),
            at_once: store::leases::PRUNED_AT_ONCE,
        },
    ];
    let mut rounds = tokio::time::interval(EVERY);
    rounds.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        rounds.tick().await;
        // What nobody has read yet has no position, and only what has one is forgotten.
        if let Err(error) = store::feed::publish(&*driver).await {
            tracing::warn!(%error, "the feed waits for its positions");
        }
        let deleted = deleted(&model(), dialect);
        for store in stores.iter().chain(&deleted) {
            match store.forget(&*driver, store.before(now())).await {
                Ok(0) => {}
                Ok(count) => tracing::debug!(count, what = store.what, "forgot what is old"),
                // The next round tries again; a database in trouble is told of elsewhere.
                Err(error) => {
                    tracing::warn!(?error, what = store.what, "old ones stay for now");
                }
            }
        }
    }
}

/// What was deleted and can be restored, of each resource where that is so. What other deleted
/// records still point to waits for a later round.
fn deleted(model: &Model, dialect: Dialect) -> Vec<Store> {
    let store = |resource: &Resource| {
        Some(Store {
            what: "deleted records",
            kept: resource.soft_delete?,
            prune: store::write::purge(model, dialect, resource.id, None),
            at_once: store::write::PURGED_AT_ONCE,
        })
    };
    model.resources.iter().filter_map(store).collect()
}

/// Something of which only what is young is kept.
struct Store {
    what: &'static str,
    kept: Duration,
    prune: Prepared,
    /// How many it deletes at most.
    at_once: u32,
}

impl Store {
    /// When what is too old now was made.
    fn before(&self, now: Timestamp) -> Timestamp {
        let kept = i64::try_from(self.kept.as_millis()).unwrap_or(i64::MAX);
        Timestamp(now.0.saturating_sub(kept))
    }

    /// Deletes what was made before a time, a few at once so that other writes go between. How
    /// many there were.
    async fn forget(&self, driver: &dyn Driver, before: Timestamp) -> Result<u64, StoreError> {
        let mut all = 0;
        loop {
            let before = vec![Value::Timestamp(before)];
            let deleted = store::execute(driver, vec![(self.prune.clone(), before)]).await?;
            all += deleted;
            if deleted < u64::from(self.at_once) {
                return Ok(all);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use model::Action;
    use store::driver::{BoxFuture, Transaction, Undo, Work};
    use store::feed::PRUNED_AT_ONCE;
    use testdb::Fresh;

    use super::*;

    async fn prune_feed(driver: &dyn Driver, before: Timestamp) -> Result<u64, StoreError> {
        let feed = Store {
            what: "entries",
            kept: FEED_KEPT,
            prune: store::feed::prune(driver.dialect()),
            at_once: PRUNED_AT_ONCE,
        };
        store::feed::publish(driver).await?;
        feed.forget(driver, before).await
    }

    async fn prune_answers(driver: &dyn Driver, before: Timestamp) -> Result<u64, StoreError> {
        let answers = Store {
            what: "answers",
            kept: ANSWERS_KEPT,
            prune: store::answers::prune(driver.dialect()),
            at_once: store::answers::PRUNED_AT_ONCE,
        };
        answers.forget(driver, before).await
    }

    struct Keeping(Dialect, u8, i64);

    impl Work for Keeping {
        fn run<'a>(
            &'a mut self,
            transaction: &'a mut dyn Transaction,
        ) -> BoxFuture<'a, Result<(), Undo>> {
            Box::pin(async move {
                let answer = store::answers::Answer {
                    fingerprint: [0; 16],
                    rights: [0; 16],
                    text: "200\n\n".to_owned(),
                    operation: None,
                };
                let keep = store::answers::keep(self.0);
                for number in 0..self.1 {
                    let mut id = [number; 16];
                    id[0] = u8::from(self.2 > 0);
                    let args = answer.args(id, Timestamp(self.2));
                    let parameters = keep.bind_args(&args);
                    transaction.execute(&keep.statement, &parameters).await?;
                }
                Ok(())
            })
        }
    }

    #[test]
    fn what_is_old_is_forgotten_but_for_the_end_of_the_feed() {
        let Fresh { driver, folder, .. } = &Fresh::new();
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
            store::migrate::bring(&**driver, &model, Timestamp(0), false)
                .await
                .unwrap();
            let engine = engine::Engine::new(Arc::clone(&model), Arc::clone(driver), &[0; 32]);
            let note = model.resource_named("Note").unwrap().id;
            let import = async |count: usize, at: Timestamp| {
                let body = serde_json::Map::from_iter([("text".to_owned(), "a".into())]);
                let taken = engine.take_in(note, vec![body; count], at).await;
                assert_eq!(taken.unwrap(), count);
            };
            let many = PRUNED_AT_ONCE as usize + 500;
            import(many, Timestamp(1_000)).await;
            import(2, Timestamp(5_000)).await;
            assert_eq!(
                prune_feed(&**driver, Timestamp(4_000)).await.unwrap(),
                many as u64
            );
            assert_eq!(prune_feed(&**driver, Timestamp(4_000)).await.unwrap(), 0);
            // Never the last one, so that the end of the feed stays known.
            assert_eq!(prune_feed(&**driver, Timestamp(9_000)).await.unwrap(), 1);
            // More than are deleted at once.
            driver
                .write(Box::new(Keeping(driver.dialect(), 250, 0)))
                .await
                .unwrap();
            driver
                .write(Box::new(Keeping(driver.dialect(), 3, 5_000)))
                .await
                .unwrap();
            assert_eq!(
                prune_answers(&**driver, Timestamp(4_000)).await.unwrap(),
                250
            );
            assert_eq!(prune_answers(&**driver, Timestamp(4_000)).await.unwrap(), 0);
            assert_eq!(prune_answers(&**driver, Timestamp(9_000)).await.unwrap(), 3);
        });
    }

    #[test]
    fn what_cannot_be_restored_is_purged_once_nothing_points_to_it() {
        const CONTRACT: &str = "
frontdesk: 1
name: todo
resources:
  List:
    id: integer
    soft_delete: 1d
    fields: {name: string}
    access: {read: public, write: public}
  Task:
    id: integer
    soft_delete: 2d
    fields: {list: List, after?: Task}
    access: {read: public, write: public}
";
        const DAY: i64 = 24 * 60 * 60 * 1_000;
        let Fresh { driver, folder, .. } = &Fresh::new();
        std::fs::write(folder.path().join("frontdesk.yaml"), CONTRACT).unwrap();
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
            store::migrate::bring(&**driver, &model, Timestamp(0), false)
                .await
                .unwrap();
            let engine = engine::Engine::new(Arc::clone(&model), Arc::clone(driver), &[0; 32]);
            let many = i64::from(store::write::PURGED_AT_ONCE) + 20;
            let all = |range: std::ops::RangeInclusive<i64>, of: &str| {
                let name = if of == "Task" { "list_id" } else { "name" };
                let value = |n: i64| match of {
                    "Task" => serde_json::json!(1),
                    _ => serde_json::json!(n.to_string()),
                };
                let record = |n: i64| [("id".to_owned(), n.into()), (name.to_owned(), value(n))];
                range
                    .map(|n| serde_json::Map::from_iter(record(n)))
                    .collect::<Vec<_>>()
            };
            for (of, range) in [("List", 1..=many), ("Task", 1..=2)] {
                let resource = model.resource_named(of).unwrap().id;
                let records = all(range.clone(), of);
                engine
                    .take_in(resource, records, Timestamp(0))
                    .await
                    .unwrap();
            }
            let ask = async |of: &str, action, id: i64, at| {
                let resource = model.resource_named(of).unwrap().id;
                let caller = Arc::new(call::Caller::guest());
                let mut request = call::Request::new(resource, action, caller, Timestamp(at));
                request.target = Some(call::RecordKey::Id(id.to_string()));
                engine.handle(request).await.map_err(|failure| failure.code)
            };
            for task in 1..=2 {
                ask("Task", Action::Delete, task, 0).await.unwrap();
            }
            for list in 1..=many {
                ask("List", Action::Delete, list, 0).await.unwrap();
            }
            let purged = async |at: i64| {
                let mut all = 0;
                for store in deleted(&model, driver.dialect()) {
                    let before = store.before(Timestamp(at));
                    all += store.forget(&**driver, before).await.unwrap();
                }
                all
            };
            assert_eq!(purged(DAY).await, 0);
            ask("List", Action::Restore, 2, DAY).await.unwrap();
            // Over time is gone, purged or not.
            let late = ask("List", Action::Restore, 3, DAY + 1).await;
            assert_eq!(late.unwrap_err(), call::Code::NotFound);
            // The first list is held by its tasks, the second one is there again.
            assert_eq!(purged(DAY + 1).await, u64::try_from(many - 2).unwrap());
            assert_eq!(purged(2 * DAY).await, 0);
            // Resources go in the order of the contract, so the list waits for the next round.
            assert_eq!(purged(2 * DAY + 1).await, 2);
            assert_eq!(purged(2 * DAY + 1).await, 1);
            assert_eq!(purged(9 * DAY).await, 0);
            ask("List", Action::Delete, 2, 9 * DAY).await.unwrap();
        });
    }
}
