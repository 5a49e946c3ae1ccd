//! Statements that are sent and not waited for: as if they had been.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use store::StoreError;
use store::driver::{Driver, Undo};
use store_postgres::Options;
use value::Value;

use crate::support::{ints, node, number, place, told, told_error, work};

const BOOK: &str = "INSERT INTO book (id) VALUES ($1)";
const LOAN: &str = "INSERT INTO loan (book) VALUES ($1)";

/// What each statement of each run was told.
type Heard = Arc<Mutex<Vec<Vec<String>>>>;

/// Sends these ahead, one after the other, until one is refused.
fn ahead(statements: Vec<(&'static str, i64)>, heard: &Heard) -> Box<dyn store::Work> {
    let heard = Arc::clone(heard);
    work(move |tx| {
        let (statements, heard) = (statements.clone(), Arc::clone(&heard));
        heard.lock().unwrap().push(vec![]);
        Box::pin(async move {
            for (text, number) in statements {
                let statement = ints(text, 1, 0);
                let sent = tx.execute_ahead(&statement, vec![Value::Int(number)]);
                let sent = sent.await;
                let word = sent.as_ref().map_or_else(told_error, |()| "ok".to_owned());
                heard.lock().unwrap().last_mut().unwrap().push(word);
                sent?;
            }
            Ok(())
        })
    })
}

#[tokio::test]
async fn what_is_refused_is_told_in_its_place() {
    let Some(place) = place(Options::default()).await else {
        return;
    };
    let driver = &place.driver;
    for (statements, expected, runs) in [
        (vec![(BOOK, 1), (LOAN, 1)], "ok", vec!["ok ok"]),
        (
            vec![(BOOK, 2), (BOOK, 1), (BOOK, 3)],
            "unique book_pkey",
            vec!["ok ok ok", "ok unique book_pkey"],
        ),
        (
            vec![(BOOK, 2), (LOAN, 9)],
            "foreign key",
            vec!["ok ok", "ok foreign key"],
        ),
    ] {
        let heard = Heard::default();
        let done = driver.write(ahead(statements, &heard)).await;
        assert_eq!(told(&done), expected);
        let heard: Vec<String> = heard
            .lock()
            .unwrap()
            .iter()
            .map(|run| run.join(" "))
            .collect();
        assert_eq!(heard, runs);
        assert_eq!(number(driver, "SELECT count(*) FROM book").await, 1);
    }
    // Statements that are known by now, and more than are on their way at once.
    let many: Vec<_> = (10..1010).map(|id| (BOOK, id)).collect();
    let heard = Heard::default();
    assert_eq!(told(&driver.write(ahead(many.clone(), &heard)).await), "ok");
    assert_eq!(heard.lock().unwrap().len(), 1);
    assert_eq!(number(driver, "SELECT count(*) FROM book").await, 1001);
    let again = driver.write(ahead(many, &Heard::default())).await;
    assert_eq!(told(&again), "unique book_pkey");
    assert_eq!(number(driver, "SELECT count(*) FROM book").await, 1001);
}

#[tokio::test]
async fn an_answer_behind_them_knows_of_them() {
    let Some(place) = place(Options::default()).await else {
        return;
    };
    let counting = work(|tx| {
        Box::pin(async move {
            for id in 1..=5 {
                tx.execute_ahead(&ints(BOOK, 1, 0), vec![Value::Int(id)])
                    .await?;
            }
            let count = ints("SELECT count(*) FROM book", 0, 1);
            let counted = tx.query(&count, &[]).await?;
            assert_eq!(counted.cells, [Value::Int(5)]);
            tx.execute_ahead(&ints(LOAN, 1, 0), vec![Value::Int(9)])
                .await?;
            // Which is not there: so what is asked next has no answer, and in the end it is told
            // in its place.
            let asked = tx.query(&count, &[]).await;
            assert!(
                matches!(asked, Err(StoreError::Internal { .. })),
                "{asked:?}"
            );
            Err(Undo::Refused)
        })
    });
    assert_eq!(told(&place.driver.write(counting).await), "foreign key");
    assert_eq!(number(&place.driver, "SELECT count(*) FROM book").await, 0);
}

#[tokio::test]
async fn who_decides_by_what_was_not_true_is_asked_again() {
    let Some(place) = place(Options::default()).await else {
        return;
    };
    // It refuses itself, but for a reason that was none: the book is not there.
    let wavering = work(|tx| {
        Box::pin(async move {
            let loan = ints(LOAN, 1, 0);
            match tx.execute_ahead(&loan, vec![Value::Int(9)]).await {
                Ok(()) => Err(Undo::Refused),
                Err(error) => Err(Undo::Store(error)),
            }
        })
    });
    assert_eq!(told(&place.driver.write(wavering).await), "foreign key");
}

#[tokio::test]
async fn who_is_disturbed_is_run_again() {
    let Some(place) = place(Options::default()).await else {
        return;
    };
    let other = node(&place, Options::default()).await;
    let heard = Heard::default();
    place
        .driver
        .write(ahead(vec![(BOOK, 1)], &heard))
        .await
        .unwrap();
    let mut is_first = true;
    let disturbed = work(move |tx| {
        let (other, strike) = (Arc::clone(&other), std::mem::take(&mut is_first));
        Box::pin(async move {
            let copies = ints("SELECT copies FROM book WHERE id = 1", 0, 1);
            let Value::Int(copies) = tx.query(&copies, &[]).await?.cells[0] else {
                panic!("no number");
            };
            let set = ints("UPDATE book SET copies = $1 WHERE id = 1", 1, 0);
            if strike {
                let struck = ahead(
                    vec![("UPDATE book SET copies = $1 WHERE id = 1", 10)],
                    &Heard::default(),
                );
                other.write(struck).await?;
            }
            tx.execute_ahead(&set, vec![Value::Int(copies + 1)]).await?;
            Ok(())
        })
    });
    assert_eq!(told(&place.driver.write(disturbed).await), "ok");
    assert_eq!(number(&place.driver, "SELECT copies FROM book").await, 11);
}

#[tokio::test]
async fn who_is_cut_off_before_the_commit_is_run_again() {
    let Some(place) = place(Options::default()).await else {
        return;
    };
    let runs = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&runs);
    let unlucky = work(move |tx| {
        let is_first = counted.fetch_add(1, Ordering::Relaxed) == 0;
        Box::pin(async move {
            tx.execute_ahead(&ints(BOOK, 1, 0), vec![Value::Int(1)])
                .await?;
            if is_first {
                // Its own connection.
                let end = "SELECT count(*) FROM (SELECT pg_terminate_backend(pg_backend_pid()), \
                           pg_sleep(5)) AS ended";
                tx.execute_ahead(&ints(end, 0, 1), vec![]).await?;
            }
            Ok(())
        })
    });
    assert_eq!(told(&place.driver.write(unlucky).await), "ok");
    assert_eq!(runs.load(Ordering::Relaxed), 2);
    assert_eq!(number(&place.driver, "SELECT count(*) FROM book").await, 1);
}

#[tokio::test]
async fn nobody_waits_for_what_is_not_read() {
    let Some(place) = place(Options::default()).await else {
        return;
    };
    // More than is kept of an answer that nobody has asked for yet.
    let many = ints("SELECT * FROM generate_series(1, $1)", 1, 1);
    for asked_behind in [false, true] {
        for _ in 0..3 {
            let many = Arc::clone(&many);
            let wordy = work(move |tx| {
                let many = Arc::clone(&many);
                Box::pin(async move {
                    tx.execute_ahead(&many, vec![Value::Int(50_000)]).await?;
                    // Not known before, so that it has to be asked about.
                    let once = format!("SELECT {} + $1", std::process::id());
                    let number = vec![Value::Int(1)];
                    tx.execute_ahead(&ints(&once, 1, 1), number.clone()).await?;
                    tx.execute_ahead(&many, vec![Value::Int(50_000)]).await?;
                    if asked_behind {
                        tx.query(&ints("SELECT 1 + $1", 1, 1), &number).await?;
                    }
                    Ok(())
                })
            });
            assert_eq!(told(&place.driver.write(wordy).await), "ok");
        }
    }
}
