//! Group commit: many in one transaction, each as if it were alone.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use store::driver::{BoxFuture, Cost, Driver, Transaction, Undo, Work};
use store_sqlite::{Durability, Options, SqliteDriver};

use crate::support::{
    ENDLESS, NONE, book, book_ids, flat, fresh, gate, hand_over, insert, now, outcome, read,
    reopen, short, statement, told, work,
};

/// Runs works in one batch: they gather while the writer is held at a gate.
async fn together(driver: &SqliteDriver, works: Vec<Box<dyn Work>>) -> Vec<String> {
    let (gate, holder) = gate(|_| Ok(()));
    let mut held = driver.write(holder);
    hand_over(&mut held);
    gate.entered.recv().unwrap();
    let mut writes: Vec<_> = works.into_iter().map(|work| driver.write(work)).collect();
    writes.iter_mut().for_each(hand_over);
    gate.open.send(()).unwrap();
    held.await.unwrap();
    let mut outcomes = Vec::new();
    for write in writes {
        outcomes.push(outcome(write.await));
    }
    outcomes
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_writers_all_get_in() {
    for durability in [Durability::Full, Durability::Relaxed] {
        let fresh = fresh(Options {
            durability,
            ..Options::default()
        })
        .await;
        let tasks: Vec<_> = (0..16)
            .map(|task| {
                let driver = Arc::clone(&fresh.driver);
                tokio::spawn(async move {
                    for n in 0..25 {
                        driver.write(book(task * 25 + n)).await.unwrap();
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(book_ids(&fresh.driver).await, (0..400).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn a_batch_is_one_transaction_and_its_failures_are_alone() {
    struct Waits;
    impl Work for Waits {
        fn run<'a>(&'a mut self, tx: &'a mut dyn Transaction) -> BoxFuture<'a, Result<(), Undo>> {
            Box::pin(async move {
                insert(tx, 6)?;
                std::future::pending().await
            })
        }
    }
    // Telling of a panic takes time, which must not end the batch.
    let fresh = fresh(Options {
        batch_time_max: Duration::from_secs(60),
        ..Options::default()
    })
    .await;
    let watcher = Arc::clone(&fresh.driver);
    let outcomes = together(
        &fresh.driver,
        vec![
            book(1),
            work(|tx| {
                insert(tx, 2)?;
                Err(Undo::Refused)
            }),
            work(|tx| {
                insert(tx, 3)?;
                insert(tx, 1)
            }),
            work(|tx| {
                insert(tx, 4)?;
                panic!("on purpose")
            }),
            work(move |tx| {
                // It sees what came before it in the batch, readers do not.
                let count = short("SELECT count(*) FROM book", 0, 1);
                assert_eq!(now(tx.query(&count, &[]))?.cells, [value::Value::Int(1)]);
                assert_eq!(
                    now(watcher.query(&count, &[]))?.cells,
                    [value::Value::Int(0)]
                );
                insert(tx, 5)
            }),
            Box::new(Waits),
            work(|tx| {
                // An error one can live with undoes its statement alone.
                assert_eq!(outcome(insert(tx, 1)), "unique book.id");
                insert(tx, 7)
            }),
        ],
    )
    .await;
    assert_eq!(
        outcomes,
        [
            "ok",
            "refused",
            "unique book.id",
            "internal",
            "ok",
            "internal",
            "ok"
        ]
    );
    assert_eq!(book_ids(&fresh.driver).await, [1, 5, 7]);
    assert_eq!(outcome(fresh.driver.write(book(8)).await), "ok");
}

#[tokio::test]
async fn a_lone_failure_leaves_nothing_behind() {
    let fresh = fresh(Options::default()).await;
    let refused = work(|tx| {
        insert(tx, 1)?;
        Err(Undo::Refused)
    });
    assert_eq!(outcome(fresh.driver.write(refused).await), "refused");
    let panics = work(|tx| {
        insert(tx, 2)?;
        panic!("on purpose")
    });
    assert_eq!(outcome(fresh.driver.write(panics).await), "internal");
    assert_eq!(book_ids(&fresh.driver).await, NONE);
}

#[tokio::test]
async fn the_others_do_not_suffer_when_one_loses_the_transaction() {
    let options = Options {
        write_time_max: Duration::from_millis(20),
        ..Options::default()
    };
    let fresh = fresh(options).await;
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&runs);
    let ends = |sql: &str| {
        let sql = statement(Cost::Short, sql, &[], &[]);
        work(move |tx| {
            insert(tx, 90)?;
            // What comes after must not become a transaction of its own.
            let _ = now(tx.execute(&sql, &[]));
            let _ = insert(tx, 91);
            Ok(())
        })
    };
    let outcomes = together(
        &fresh.driver,
        vec![
            work(move |tx| {
                counted.fetch_add(1, SeqCst);
                insert(tx, 1)
            }),
            // SQLite undoes the whole transaction when it interrupts a writing statement.
            ends(&format!("INSERT INTO book(id) {ENDLESS}")),
            book(2),
            ends("INSERT OR ROLLBACK INTO book(id) VALUES (90)"),
            book(3),
        ],
    )
    .await;
    assert_eq!(
        outcomes,
        ["ok", "timed out after 20ms", "ok", "unique book.id", "ok"]
    );
    assert_eq!(book_ids(&fresh.driver).await, [1, 2, 3]);
    assert_eq!(
        runs.load(SeqCst),
        2,
        "run again because what it did was undone"
    );
}

#[tokio::test]
async fn a_work_runs_once_unless_another_had_to_be_undone() {
    let fresh = fresh(Options::default()).await;
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = |id| {
        let runs = Arc::clone(&runs);
        work(move |tx| {
            runs.fetch_add(1, SeqCst);
            insert(tx, id)
        })
    };
    let undone = || {
        work(|tx| {
            insert(tx, 90)?;
            Err(Undo::Refused)
        })
    };
    let ran = async |works, outcomes: &[&str]| {
        let before = runs.load(SeqCst);
        assert_eq!(together(&fresh.driver, works).await, outcomes);
        runs.load(SeqCst) - before
    };
    // A refusal that has changed nothing disturbs nobody.
    let refused = work(|_| Err(Undo::Refused));
    let works = vec![counted(1), refused, book(2), book(1), counted(3)];
    let outcomes = ["ok", "refused", "ok", "unique book.id", "ok"];
    assert_eq!(ran(works, &outcomes).await, 2);
    let works = || vec![counted(4), undone(), book(5)];
    assert_eq!(ran(works(), &["ok", "refused", "ok"]).await, 2);
    // From now on more such are expected.
    let works = vec![counted(6), undone(), undone(), counted(7)];
    assert_eq!(ran(works, &["ok", "refused", "refused", "ok"]).await, 2);
    assert_eq!(book_ids(&fresh.driver).await, [1, 2, 3, 4, 5, 6, 7]);
}

#[tokio::test]
async fn a_work_that_took_too_long_does_not_get_another_try() {
    let options = Options {
        write_time_max: Duration::from_millis(20),
        batch_time_max: Duration::from_secs(60),
        ..Options::default()
    };
    let fresh = fresh(options).await;
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&runs);
    let slow = work(move |tx| {
        counted.fetch_add(1, SeqCst);
        insert(tx, 90)?;
        now(tx.query(&short(ENDLESS, 0, 1), &[]))?;
        Ok(())
    });
    let outcomes = together(&fresh.driver, vec![book(1), slow, book(2)]).await;
    assert_eq!(outcomes, ["ok", "timed out after 20ms", "ok"]);
    assert_eq!(book_ids(&fresh.driver).await, [1, 2]);
    assert_eq!(runs.load(SeqCst), 1);
}

#[tokio::test]
async fn a_work_cannot_touch_the_transaction_it_is_in() {
    let fresh = fresh(Options::default()).await;
    let words = [
        "COMMIT",
        "ROLLBACK",
        "BEGIN",
        "SAVEPOINT x",
        "RELEASE work",
        "ROLLBACK TO work",
    ];
    let tries = move |id| {
        work(move |tx| {
            insert(tx, id)?;
            for word in words {
                assert_eq!(
                    told(now(tx.execute(&short(word, 0, 0), &[]))),
                    "internal",
                    "{word}"
                );
            }
            Err(Undo::Refused)
        })
    };
    assert_eq!(outcome(fresh.driver.write(tries(1)).await), "refused");
    let outcomes = together(&fresh.driver, vec![book(2), tries(3), book(4)]).await;
    assert_eq!(outcomes, ["ok", "refused", "ok"]);
    assert_eq!(book_ids(&fresh.driver).await, [2, 4]);
}

#[tokio::test]
async fn what_only_the_commit_finds_is_found_out() {
    let fresh = fresh(Options::default()).await;
    let follows_nothing = || {
        work(|tx| {
            let sql = short("INSERT INTO book(id, follows) VALUES (50, 99)", 0, 0);
            now(tx.execute(&sql, &[]))?;
            Ok(())
        })
    };
    assert_eq!(
        outcome(fresh.driver.write(follows_nothing()).await),
        "foreign key"
    );
    let outcomes = together(&fresh.driver, vec![book(1), follows_nothing(), book(2)]).await;
    assert_eq!(outcomes, ["ok", "foreign key", "ok"]);
    assert_eq!(book_ids(&fresh.driver).await, [1, 2]);
}

#[tokio::test]
async fn a_full_queue_refuses_at_once() {
    let fresh = fresh(Options {
        queue_max: 2,
        ..Options::default()
    })
    .await;
    let (gate, holder) = gate(|_| Ok(()));
    let mut held = fresh.driver.write(holder);
    hand_over(&mut held);
    gate.entered.recv().unwrap();
    let mut first = fresh.driver.write(book(1));
    let mut second = fresh.driver.write(book(2));
    hand_over(&mut first);
    hand_over(&mut second);
    let third = now(fresh.driver.write(book(3)));
    assert_eq!(outcome(third), "overloaded");
    assert_eq!(told(now(fresh.driver.migrate(&[]))), "overloaded");
    gate.open.send(()).unwrap();
    held.await.unwrap();
    first.await.unwrap();
    second.await.unwrap();
    assert_eq!(outcome(fresh.driver.write(book(4)).await), "ok");
    assert_eq!(book_ids(&fresh.driver).await, [1, 2, 4]);
}

#[tokio::test]
async fn small_batches_do_the_same_work() {
    let options = Options {
        batch_max: 0,
        batch_time_max: Duration::ZERO,
        ..Options::default()
    };
    let fresh = fresh(options).await;
    let outcomes = together(&fresh.driver, (1..=20).map(book).collect()).await;
    assert!(
        outcomes.iter().all(|outcome| outcome == "ok"),
        "{outcomes:?}"
    );
    assert_eq!(book_ids(&fresh.driver).await, (1..=20).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_caller_who_goes_away_does_not_undo_what_has_begun_and_waits_for_nothing_else() {
    let fresh = fresh(Options::default()).await;
    let (gate, holder) = gate(|tx| insert(tx, 1));
    let mut held = fresh.driver.write(holder);
    hand_over(&mut held);
    gate.entered.recv().unwrap();
    let mut given_up = fresh.driver.write(book(2));
    let mut patient = fresh.driver.write(book(3));
    hand_over(&mut given_up);
    hand_over(&mut patient);
    drop(given_up);
    drop(held);
    gate.open.send(()).unwrap();
    patient.await.unwrap();
    assert_eq!(book_ids(&fresh.driver).await, [1, 3]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_owner_may_be_a_work() {
    struct Owns {
        _driver: Arc<SqliteDriver>,
        _gone: mpsc::Sender<()>,
    }
    impl Work for Owns {
        fn run<'a>(&'a mut self, tx: &'a mut dyn Transaction) -> BoxFuture<'a, Result<(), Undo>> {
            Box::pin(std::future::ready(insert(tx, 1)))
        }
    }
    let fresh = fresh(Options::default()).await;
    let (gate, holder) = gate(|_| Ok(()));
    let (send, gone) = mpsc::channel();
    let owns = Box::new(Owns {
        _driver: Arc::clone(&fresh.driver),
        _gone: send,
    });
    {
        let mut held = fresh.driver.write(holder);
        hand_over(&mut held);
        gate.entered.recv().unwrap();
        hand_over(&mut fresh.driver.write(owns));
    }
    drop(fresh.driver);
    gate.open.send(()).unwrap();
    assert!(
        gone.recv().is_err(),
        "the work is dropped, after the driver"
    );
    // Nobody waited for it.
    assert_eq!(book_ids(&reopen(&fresh.path)).await, NONE);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn feed_positions_come_in_commit_order() {
    const WRITERS: i64 = 8;
    const EACH: i64 = 40;
    let fresh = fresh(Options::default()).await;
    let tasks: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let driver = Arc::clone(&fresh.driver);
            tokio::spawn(async move {
                for n in 0..EACH {
                    let id = writer * EACH + n;
                    driver.write(book(id)).await.unwrap();
                    let refused = work(move |tx| {
                        let feed = short("INSERT INTO feed(book) VALUES (-1)", 0, 0);
                        now(tx.execute(&feed, &[]))?;
                        Err(Undo::Refused)
                    });
                    assert_eq!(outcome(driver.write(refused).await), "refused");
                }
            })
        })
        .collect();
    // A follower who only ever asks for what is above the last position it has seen.
    let follower = Arc::clone(&fresh.driver);
    let seen = tokio::task::spawn_blocking(move || {
        let next = short(
            "SELECT position, book FROM feed WHERE position > ?1 ORDER BY position LIMIT 10",
            1,
            2,
        );
        let (mut last, mut seen) = (0, HashSet::new());
        while seen.len() < usize::try_from(WRITERS * EACH).unwrap() {
            let rows = now(follower.query(&next, &[value::Value::Int(last)])).unwrap();
            for row in rows.iter() {
                let [value::Value::Int(position), value::Value::Int(book)] = row else {
                    panic!("{row:?}")
                };
                last = *position;
                assert!(seen.insert(*book));
            }
        }
        seen
    });
    for task in tasks {
        task.await.unwrap();
    }
    let seen = seen.await.unwrap();
    assert_eq!(seen, (0..WRITERS * EACH).collect());
    assert_eq!(
        read(&fresh.driver, "SELECT count(*) FROM feed", 1).await,
        [WRITERS * EACH]
    );
}

#[tokio::test]
async fn the_log_starts_over_under_steady_writing() {
    let options = Options {
        checkpoint_pages: u32::MAX,
        log_pages_max: 50,
        ..Options::default()
    };
    let fresh = fresh(options).await;
    let count = short("SELECT count(*) FROM book", 0, 1);
    for id in 0..300 {
        fresh.driver.write(book(id)).await.unwrap();
        let counted = fresh.driver.query(&count, &[]).await.unwrap();
        assert_eq!(flat(&counted), [id + 1]);
    }
    let log = std::fs::metadata(fresh.path.with_extension("db-wal"))
        .unwrap()
        .len();
    // 300 commits of two pages at least, had it not.
    assert!(log < 100 * 4200, "{log} bytes");
    assert_eq!(book_ids(&fresh.driver).await.len(), 300);
}

#[tokio::test]
async fn the_log_is_copied_into_the_file_beside_the_writing() {
    let options = Options {
        checkpoint_pages: 10,
        log_pages_max: u32::MAX,
        ..Options::default()
    };
    let fresh = fresh(options).await;
    let size = || std::fs::metadata(&fresh.path).unwrap().len();
    let before = size();
    let mut id = 0;
    while size() == before {
        fresh.driver.write(book(id)).await.unwrap();
        id += 1;
        assert!(id < 100_000, "it never happens");
    }
}
