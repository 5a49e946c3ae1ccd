//! Transactions: whole or not at all, as if one after the other, and again where the server
//! asks for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use store::driver::{Driver, Undo};
use store_postgres::Options;
use tokio::sync::Barrier;
use value::Value;

use crate::support::{ints, node, number, place, steps, told, work};

const BOOK: &str = "INSERT INTO book (id) VALUES ($1)";
const LOAN: &str = "INSERT INTO loan (book) VALUES ($1)";

#[tokio::test]
async fn a_work_is_done_wholly_or_not_at_all() {
    let Some(place) = place(Options::default()).await else {
        return;
    };
    let driver = &place.driver;
    for (work, expected) in [
        (steps(vec![(BOOK, vec![1]), (LOAN, vec![1])]), "ok"),
        (
            steps(vec![(BOOK, vec![2]), (BOOK, vec![1])]),
            "unique book_pkey",
        ),
        (steps(vec![(BOOK, vec![2]), (LOAN, vec![3])]), "foreign key"),
        (steps(vec![("DELETE FROM book", vec![])]), "foreign key"),
    ] {
        assert_eq!(told(&driver.write(work).await), expected);
        assert_eq!(number(driver, "SELECT count(*) FROM book").await, 1);
    }
}

#[tokio::test]
async fn what_a_statement_refused_does_not_end_the_work() {
    let Some(place) = place(Options::default()).await else {
        return;
    };
    let runs = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&runs);
    let stubborn = work(move |tx| {
        counted.fetch_add(1, Ordering::Relaxed);
        Box::pin(async move {
            let loan = ints(LOAN, 1, 0);
            tx.execute(&ints(BOOK, 1, 0), &[Value::Int(1)]).await?;
            assert!(tx.execute(&loan, &[Value::Int(9)]).await.is_err());
            // It sees its own book, and goes on with it.
            let rows = tx.query(&ints("SELECT id FROM book", 0, 1), &[]).await?;
            if rows.cells != [Value::Int(1)] {
                return Err(Undo::Refused);
            }
            tx.execute(&loan, &[Value::Int(1)]).await?;
            Ok(())
        })
    });
    assert_eq!(told(&place.driver.write(stubborn).await), "ok");
    assert_eq!(number(&place.driver, "SELECT count(*) FROM loan").await, 1);
    // Boldly first, then carefully.
    assert_eq!(runs.load(Ordering::Relaxed), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_in_a_deadlock_both_get_through() {
    let Some(place) = place(Options::default()).await else {
        return;
    };
    let driver = &place.driver;
    let books = steps(vec![(BOOK, vec![1]), (BOOK, vec![2])]);
    driver.write(books).await.unwrap();
    let both = Arc::new(Barrier::new(2));
    let crossing = |first: i64, second: i64| {
        let (both, mut is_first) = (Arc::clone(&both), true);
        work(move |tx| {
            let (both, meet) = (Arc::clone(&both), std::mem::take(&mut is_first));
            Box::pin(async move {
                let add = ints("UPDATE book SET copies = copies + 1 WHERE id = $1", 1, 0);
                tx.execute(&add, &[Value::Int(first)]).await?;
                if meet {
                    both.wait().await;
                }
                tx.execute(&add, &[Value::Int(second)]).await?;
                Ok(())
            })
        })
    };
    let (one, other) = tokio::join!(driver.write(crossing(1, 2)), driver.write(crossing(2, 1)));
    assert_eq!(
        (told(&one), told(&other)),
        ("ok".to_owned(), "ok".to_owned())
    );
    assert_eq!(
        number(driver, "SELECT sum(copies)::bigint FROM book").await,
        4
    );
}

/// Each counts what is there and adds one if there is room: without an order too many would.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_read_still_holds_when_it_is_committed() {
    let Some(place) = place(Options::default()).await else {
        return;
    };
    const ROOM: i64 = 5;
    place
        .driver
        .write(steps(vec![(BOOK, vec![1])]))
        .await
        .unwrap();
    let other = node(&place, Options::default()).await;
    let mut waiting = Vec::new();
    for n in 0..16 {
        let driver = if n % 2 == 0 { &place.driver } else { &other };
        let driver = Arc::clone(driver);
        waiting.push(tokio::spawn(async move {
            let take = work(move |tx| {
                Box::pin(async move {
                    let count = ints("SELECT count(*) FROM loan WHERE book = 1", 0, 1);
                    let Value::Int(count) = tx.query(&count, &[]).await?.cells[0] else {
                        unreachable!()
                    };
                    if count >= ROOM {
                        return Err(Undo::Refused);
                    }
                    tx.execute(&ints(LOAN, 1, 0), &[Value::Int(1)]).await?;
                    Ok(())
                })
            });
            told(&driver.write(take).await)
        }));
    }
    let mut ends = Vec::new();
    for end in waiting {
        ends.push(end.await.unwrap());
    }
    let count = |word: &str| ends.iter().filter(|end| *end == word).count();
    assert_eq!((count("ok"), count("refused")), (5, 11), "{ends:?}");
    assert_eq!(
        number(&place.driver, "SELECT count(*) FROM loan").await,
        ROOM
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_row_that_everybody_changes_is_changed_by_everybody() {
    let Some(place) = place(Options::default()).await else {
        return;
    };
    place
        .driver
        .write(steps(vec![(BOOK, vec![1])]))
        .await
        .unwrap();
    let nodes = [
        Arc::clone(&place.driver),
        node(&place, Options::default()).await,
    ];
    let mut waiting = Vec::new();
    for n in 0..64 {
        let driver = Arc::clone(&nodes[n % 2]);
        waiting.push(tokio::spawn(async move {
            let add = steps(vec![("UPDATE book SET copies = copies + 1", vec![])]);
            told(&driver.write(add).await)
        }));
    }
    for end in waiting {
        assert_eq!(end.await.unwrap(), "ok");
    }
    assert_eq!(number(&place.driver, "SELECT copies FROM book").await, 64);
}

#[tokio::test]
async fn who_goes_away_does_not_undo_what_was_begun() {
    let Some(place) = place(Options::default()).await else {
        return;
    };
    let (begun, go) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
    let slow = {
        let (begun, go) = (Arc::clone(&begun), Arc::clone(&go));
        work(move |tx| {
            let (begun, go) = (Arc::clone(&begun), Arc::clone(&go));
            Box::pin(async move {
                begun.wait().await;
                go.wait().await;
                tx.execute(&ints(BOOK, 1, 0), &[Value::Int(1)]).await?;
                Ok(())
            })
        })
    };
    let writing = place.driver.write(slow);
    begun.wait().await;
    drop(writing);
    go.wait().await;
    while number(&place.driver, "SELECT count(*) FROM book").await == 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lock_is_not_waited_for_without_end() {
    let Some(place) = place(Options {
        lock_time_max: Duration::from_millis(50),
        attempts_max: 3,
        migration_lock_time_max: Duration::from_millis(50),
        migration_attempts_max: 2,
        ..Options::default()
    })
    .await
    else {
        return;
    };
    let driver = &place.driver;
    driver.write(steps(vec![(BOOK, vec![1])])).await.unwrap();
    let (held, release) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
    let holder = {
        let (held, release) = (Arc::clone(&held), Arc::clone(&release));
        work(move |tx| {
            let (held, release) = (Arc::clone(&held), Arc::clone(&release));
            Box::pin(async move {
                tx.execute(&ints("UPDATE book SET copies = 1", 0, 0), &[])
                    .await?;
                held.wait().await;
                release.wait().await;
                Ok(())
            })
        })
    };
    let holding = driver.write(holder);
    held.wait().await;
    let waiting = driver
        .write(steps(vec![("UPDATE book SET copies = 2", vec![])]))
        .await;
    assert_eq!(told(&waiting), "overloaded");
    let script = ["ALTER TABLE book ADD COLUMN x bigint".to_owned()];
    let refused = driver.migrate(&script).await.unwrap_err().to_string();
    assert!(refused.contains("something holds the tables"), "{refused}");
    release.wait().await;
    assert_eq!(told(&holding.await), "ok");
    driver.migrate(&script).await.unwrap();
}

#[tokio::test]
async fn tables_may_change_under_prepared_statements() {
    let Some(place) = place(Options {
        connections_max: 1,
        ..Options::default()
    })
    .await
    else {
        return;
    };
    let driver = &place.driver;
    driver.write(steps(vec![(BOOK, vec![1])])).await.unwrap();
    let all = ints("SELECT * FROM (SELECT copies FROM book) AS b", 0, 1);
    for _ in 0..2 {
        assert_eq!(
            driver.query(&all, &[]).await.unwrap().cells,
            [Value::Int(0)]
        );
    }
    let other = node(&place, Options::default()).await;
    other
        .migrate(&["ALTER TABLE book ALTER COLUMN copies TYPE integer".to_owned()])
        .await
        .unwrap();
    assert_eq!(
        driver.query(&all, &[]).await.unwrap().cells,
        [Value::Int(0)]
    );
}

#[tokio::test]
async fn a_write_that_does_not_end_is_ended() {
    let options = Options {
        transaction_time_max: Duration::from_millis(200),
        write_time_max: Duration::from_millis(100),
        ..Options::default()
    };
    let Some(place) = place(options.clone()).await else {
        return;
    };
    // No single statement takes long.
    let slow = "UPDATE book SET copies = 1 WHERE pg_sleep(0.01) IS NULL";
    let many = || {
        let first = ("INSERT INTO book(id) VALUES (1)", vec![]);
        let rest = std::iter::repeat_n((slow, vec![]), 1000);
        steps(std::iter::once(first).chain(rest).collect())
    };
    let driver = &place.driver;
    assert_eq!(told(&driver.write(many()).await), "timed out");
    assert_eq!(number(driver, "SELECT count(*) FROM book").await, 0);
    let next = steps(vec![("INSERT INTO book(id) VALUES (1)", vec![])]);
    assert_eq!(told(&driver.write(next).await), "ok");
}
