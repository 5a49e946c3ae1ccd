//! Connections that are too few, lost, or refused; and a server that goes away and comes back.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use store::StoreError;
use store::driver::{Driver, Undo};
use store_postgres::{Options, PostgresDriver, Target};
use tokio::sync::Barrier;
use value::Value;

use crate::support::{ints, node, number, place, steps, told, told_error, work};

const BOOK: &str = "INSERT INTO book (id) VALUES ($1)";

#[tokio::test]
async fn whoever_finds_no_connection_is_told_in_time() {
    let Some(place) = place(Options {
        connections_max: 1,
        wait_max: Duration::from_millis(50),
        attempts_max: 1,
        ..Options::default()
    })
    .await
    else {
        return;
    };
    let (held, release) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
    let holding = {
        let (held, release) = (Arc::clone(&held), Arc::clone(&release));
        place.driver.write(work(move |tx| {
            let (held, release) = (Arc::clone(&held), Arc::clone(&release));
            Box::pin(async move {
                tx.execute(&ints(BOOK, 1, 0), &[Value::Int(1)]).await?;
                held.wait().await;
                release.wait().await;
                Ok(())
            })
        }))
    };
    held.wait().await;
    let refused = place
        .driver
        .query(&ints("SELECT 1", 0, 1), &[])
        .await
        .unwrap_err();
    assert_eq!(told_error(&refused), "overloaded");
    release.wait().await;
    holding.await.unwrap();
    assert_eq!(number(&place.driver, "SELECT 1").await, 1);
}

#[tokio::test]
async fn a_lost_connection_is_replaced() {
    let Some(place) = place(Options {
        connections_max: 1,
        ..Options::default()
    })
    .await
    else {
        return;
    };
    let other = node(
        &place,
        Options {
            connections_max: 1,
            ..Options::default()
        },
    )
    .await;
    let kill = "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity \
                WHERE datname = current_database() AND pid <> pg_backend_pid()";
    for id in 0..3 {
        number(&other, kill).await;
        assert_eq!(number(&place.driver, "SELECT 1").await, 1);
        number(&other, kill).await;
        assert_eq!(
            told(&place.driver.write(steps(vec![(BOOK, vec![id])])).await),
            "ok"
        );
    }
    // Also one that is lost in the middle: nothing was committed, so it is run again.
    let (killer, mut is_first) = (Arc::clone(&other), true);
    let unlucky = work(move |tx| {
        let (killer, strike) = (Arc::clone(&killer), std::mem::take(&mut is_first));
        Box::pin(async move {
            tx.execute(&ints(BOOK, 1, 0), &[Value::Int(7)]).await?;
            if strike {
                number(&killer, kill).await;
            }
            tx.execute(&ints(BOOK, 1, 0), &[Value::Int(8)]).await?;
            Ok(())
        })
    });
    assert_eq!(told(&place.driver.write(unlucky).await), "ok");
    assert_eq!(number(&place.driver, "SELECT count(*) FROM book").await, 5);
}

#[tokio::test]
async fn what_was_being_committed_when_the_connection_broke_is_in_doubt() {
    let Some(place) = place(Options::default()).await else {
        return;
    };
    // The last check of a transaction, which here ends its own connection.
    let trap = [
        "CREATE FUNCTION trap() RETURNS trigger LANGUAGE plpgsql AS \
         'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(5); RETURN NULL; END'",
        "CREATE CONSTRAINT TRIGGER trap AFTER INSERT ON book DEFERRABLE INITIALLY DEFERRED \
         FOR EACH ROW EXECUTE FUNCTION trap()",
    ];
    place
        .driver
        .migrate(&trap.map(str::to_owned))
        .await
        .unwrap();
    let runs = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&runs);
    let end = place.driver.write(work(move |tx| {
        counted.fetch_add(1, Ordering::Relaxed);
        Box::pin(async move {
            tx.execute(&ints(BOOK, 1, 0), &[Value::Int(1)]).await?;
            Ok(())
        })
    }));
    assert_eq!(told(&end.await), "in doubt");
    assert_eq!(
        runs.load(Ordering::Relaxed),
        1,
        "it must not be repeated blindly"
    );
}

#[tokio::test]
async fn why_there_is_no_connection_is_said_without_the_password() {
    let Some(place) = place(Options::default()).await else {
        return;
    };
    let url = place.server.url();
    let (_, at) = url.split_once('@').unwrap();
    let (host, _) = at.split_once('/').unwrap();
    for (url, expected) in [
        (
            format!("postgres://nobody:s3cret@{host}/postgres"),
            "role \"nobody\" does not exist",
        ),
        (
            format!("postgres://frontdesk:s3cret@{host}/nowhere"),
            "database \"nowhere\" does not exist",
        ),
        (
            "postgres://frontdesk:s3cret@127.0.0.1:1/x".to_owned(),
            "refused",
        ),
        (
            format!("postgres://frontdesk:s3cret@{host}/postgres?sslmode=require"),
            "TLS",
        ),
    ] {
        let target: Target = url.parse().unwrap();
        let error = PostgresDriver::open(target, Options::default())
            .await
            .unwrap_err();
        let text = error.to_string();
        assert!(matches!(error, StoreError::Unavailable { .. }), "{text}");
        assert!(text.contains(expected), "{text}");
        assert!(!text.contains("s3cret"), "{text}");
    }
}

#[tokio::test]
async fn behind_a_pooler_nothing_outlives_a_transaction() {
    let Some(place) = place(Options::default()).await else {
        return;
    };
    let target: Target = format!("{}?pgbouncer=true&pool=2", place.server.url())
        .parse()
        .unwrap();
    let driver = PostgresDriver::open(target, Options::default())
        .await
        .unwrap();
    assert_eq!(
        told(&driver.write(steps(vec![(BOOK, vec![1])])).await),
        "ok"
    );
    let twice = steps(vec![(BOOK, vec![2]), (BOOK, vec![1])]);
    assert_eq!(told(&driver.write(twice).await), "unique book_pkey");
    assert_eq!(number(&driver, "SELECT count(*) FROM book").await, 1);
    for (left, asked) in [
        (
            "prepared statements",
            "SELECT count(*) FROM pg_prepared_statements",
        ),
        (
            "settings",
            "SELECT count(*) FROM pg_settings WHERE source = 'session' AND name LIKE '%timeout'",
        ),
    ] {
        // `count` itself runs within a transaction that has a limit.
        let found = number(&driver, asked).await;
        assert!(found <= 1, "{found} {left}");
    }
}

/// Stops and starts the whole server, so it has one of its own, with its disk in earnest.
#[test]
fn a_server_that_is_killed_under_load_is_found_again() {
    if std::env::var_os(testdb::SERVER).is_none() {
        return;
    }
    const ALONE: &str = "FRONTDESK_TEST_ALONE";
    if std::env::var_os(ALONE).is_some() {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build();
        return runtime.unwrap().block_on(kill_under_load());
    }
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/with-postgres");
    let done = Command::new(script)
        .arg(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "connections::a_server_that_is_killed_under_load_is_found_again",
        ])
        .env(ALONE, "1")
        .env("DURABLE", "1")
        .output()
        .unwrap();
    assert!(
        done.status.success(),
        "{}{}",
        String::from_utf8_lossy(&done.stdout),
        String::from_utf8_lossy(&done.stderr)
    );
}

async fn kill_under_load() {
    let Some(place) = place(Options::default()).await else {
        return;
    };
    let over = Arc::new(AtomicBool::new(false));
    let next = Arc::new(AtomicU64::new(1));
    let writers: Vec<_> = (0..8)
        .map(|_| {
            let (driver, over, next) = (
                Arc::clone(&place.driver),
                Arc::clone(&over),
                Arc::clone(&next),
            );
            tokio::spawn(async move {
                let (mut done, mut doubtful) = (Vec::new(), Vec::new());
                while !over.load(Ordering::Acquire) {
                    let id = i64::try_from(next.fetch_add(1, Ordering::Relaxed)).unwrap();
                    match driver.write(steps(vec![(BOOK, vec![id])])).await {
                        Ok(()) => done.push(id),
                        Err(Undo::Store(StoreError::InDoubt { .. })) => doubtful.push(id),
                        Err(Undo::Store(
                            StoreError::Unavailable { .. } | StoreError::Overloaded,
                        )) => {}
                        Err(other) => panic!("{other:?}"),
                    }
                }
                (done, doubtful)
            })
        })
        .collect();
    for how in ["immediate", "fast", "immediate"] {
        let before = next.load(Ordering::Relaxed);
        while next.load(Ordering::Relaxed) < before + 200 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let restarting = tokio::task::spawn_blocking(move || {
            testdb::control(&["restart", "--mode", how]);
        });
        restarting.await.unwrap();
    }
    // By itself, with the same driver.
    while place.driver.ready().await.is_err() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(
        told(&place.driver.write(steps(vec![(BOOK, vec![0])])).await),
        "ok"
    );
    over.store(true, Ordering::Release);
    let (mut done, mut doubtful) = (vec![0], vec![]);
    for writer in writers {
        let (own, unsure) = writer.await.unwrap();
        done.extend(own);
        doubtful.extend(unsure);
    }
    let there = place
        .driver
        .query(&ints("SELECT id FROM book", 0, 1), &[])
        .await
        .unwrap();
    for id in &done {
        assert!(
            there.cells.contains(&Value::Int(*id)),
            "{id} was acknowledged and is gone"
        );
    }
    for cell in &there.cells {
        let Value::Int(id) = cell else { unreachable!() };
        assert!(
            done.contains(id) || doubtful.contains(id),
            "{id} was refused and is there"
        );
    }
}
