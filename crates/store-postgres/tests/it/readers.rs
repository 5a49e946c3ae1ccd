//! Short reads on connections that they share: each is answered what it asked.

use std::sync::Arc;
use std::time::{Duration, Instant};

use store::driver::Driver;
use store_postgres::{Options, PostgresDriver};
use value::Value;

use crate::support::{Place, ints, node, number, place};

async fn books(place: &Place) {
    let fill = "INSERT INTO book (id, copies) SELECT n, n * 2 FROM generate_series(1, 1000) AS n";
    place.driver.migrate(&[fill.to_owned()]).await.unwrap();
}

/// Asks for all of these at once, each of which has to be right.
async fn read_all(driver: &Arc<PostgresDriver>, ids: impl Iterator<Item = i64>) {
    let reading: Vec<_> = ids
        .map(|id| {
            let driver = Arc::clone(driver);
            tokio::spawn(async move {
                let copies = ints("SELECT id, copies FROM book WHERE id = $1", 1, 2);
                let rows = driver.query(&copies, &[Value::Int(id)]).await.unwrap();
                assert_eq!(rows.cells, [Value::Int(id), Value::Int(id * 2)]);
            })
        })
        .collect();
    for one in reading {
        one.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_is_answered_what_it_asked() {
    let Some(place) = place(Options::default()).await else {
        return;
    };
    books(&place).await;
    for _ in 0..5 {
        read_all(&place.driver, 1..=1000).await;
    }
    let connections = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                       AND application_name = 'frontdesk'";
    let most = i64::try_from(Options::default().connections_max).unwrap();
    assert!(number(&place.driver, connections).await <= most);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_goes_away_disturbs_nobody() {
    let Some(place) = place(Options::default()).await else {
        return;
    };
    books(&place).await;
    read_all(&place.driver, 1..=100).await;
    for _ in 0..20 {
        let driver = Arc::clone(&place.driver);
        let going = tokio::spawn(async move {
            let many = ints("SELECT id FROM book, generate_series(1, $1)", 1, 1);
            drop(driver.query(&many, &[Value::Int(50)]).await);
        });
        let reading = read_all(&place.driver, 1..=50);
        tokio::task::yield_now().await;
        going.abort();
        reading.await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_takes_its_time_holds_up_a_few_at_most() {
    let Some(place) = place(Options::default()).await else {
        return;
    };
    books(&place).await;
    // So that more than one is open.
    for _ in 0..3 {
        read_all(&place.driver, 1..=200).await;
    }
    let driver = Arc::clone(&place.driver);
    let slow = tokio::spawn(async move { number(&driver, "SELECT count(pg_sleep(3))").await });
    let asleep = "SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT count(pg_sleep(3))' \
                  AND state = 'active' AND datname = current_database()";
    while number(&place.driver, asleep).await == 0 {
        tokio::task::yield_now().await;
    }
    let began = Instant::now();
    for id in 1..=100 {
        read_all(&place.driver, id..=id).await;
    }
    assert!(began.elapsed() < Duration::from_secs(2));
    assert!(!slow.is_finished());
    assert_eq!(slow.await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_ones_are_replaced_and_changed_tables_are_noticed() {
    let Some(place) = place(Options::default()).await else {
        return;
    };
    books(&place).await;
    let other = node(&place, Options::default()).await;
    let kill = "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity \
                WHERE datname = current_database() AND pid <> pg_backend_pid()";
    for round in 0..5 {
        read_all(&place.driver, 1..=200).await;
        number(&other, kill).await;
        read_all(&place.driver, 1..=200).await;
        // A statement that gives other types than it was prepared for.
        let change = match round % 2 {
            0 => "ALTER TABLE book ALTER COLUMN copies TYPE integer",
            _ => "ALTER TABLE book ALTER COLUMN copies TYPE bigint",
        };
        other.migrate(&[change.to_owned()]).await.unwrap();
    }
    read_all(&place.driver, 1..=1000).await;
}
