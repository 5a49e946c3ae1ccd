//! Two processes, or two drivers, on one file.

use std::time::{Duration, Instant};

use store::driver::Driver;
use store_sqlite::{Options, SqliteDriver};

use crate::child::{acknowledged, start};
use crate::support::{
    NONE, book, book_ids, fresh, gate, hand_over, insert, outcome, read, reopen, short, told,
};

#[tokio::test]
async fn two_processes_write_to_one_file() {
    let options = Options {
        busy_time_max: Duration::from_secs(30),
        ..Options::default()
    };
    let fresh = fresh(options).await;
    let mut running = start("write a hundred", &fresh.path, 1000);
    for id in 0..100 {
        fresh.driver.write(book(id)).await.unwrap();
    }
    let mut acks = Vec::new();
    while let Some(said) = running.next() {
        acks.extend(acknowledged(&said));
    }
    assert!(running.child.wait().unwrap().success());
    acks.sort_unstable();
    assert_eq!(acks, (1000..1100).collect::<Vec<_>>());
    let all: Vec<_> = (0..100).chain(1000..1100).collect();
    assert_eq!(book_ids(&fresh.driver).await, all);
    assert_eq!(
        read(&fresh.driver, "SELECT count(*) FROM feed", 1).await,
        [200]
    );
}

#[tokio::test]
async fn who_finds_the_file_busy_for_too_long_is_told_and_may_come_again() {
    let fresh = fresh(Options::default()).await;
    let (gate, holder) = gate(|tx| insert(tx, 1));
    let mut held = fresh.driver.write(holder);
    hand_over(&mut held);
    gate.entered.recv().unwrap();
    let impatient = Options {
        busy_time_max: Duration::from_millis(1),
        ..Options::default()
    };
    let other = SqliteDriver::open(&fresh.path, impatient).unwrap();
    assert_eq!(outcome(other.write(book(2)).await), "unavailable");
    assert_eq!(told(other.ready().await), "unavailable");
    assert_eq!(book_ids(&other).await, NONE, "but reads go on");
    gate.open.send(()).unwrap();
    held.await.unwrap();
    assert_eq!(told(other.ready().await), "ok");
    assert_eq!(outcome(other.write(book(2)).await), "ok");
    assert_eq!(book_ids(&fresh.driver).await, [1, 2]);
}

#[tokio::test]
async fn what_readers_hold_of_the_log_is_let_go_when_they_are_gone() {
    let fresh = fresh(Options::default()).await;
    let pages = 50;
    let options = Options {
        log_pages_max: pages,
        ..Options::default()
    };
    let other = SqliteDriver::open(&fresh.path, options).unwrap();
    assert_eq!(book_ids(&fresh.driver).await, NONE);
    // From here on, what there is now is held for the readers to come. There are none.
    fresh.driver.write(book(0)).await.unwrap();
    let log = fresh.path.with_extension("db-wal");
    let is_longer = || std::fs::metadata(&log).unwrap().len() > u64::from(2 * pages) * 4120;
    let most = Instant::now() + Duration::from_secs(30);
    let mut was_longer = false;
    for id in 1.. {
        other.write(book(id)).await.unwrap();
        was_longer |= is_longer();
        if was_longer && !is_longer() {
            break;
        }
        assert!(Instant::now() < most, "it is held, or was never held");
    }
}

#[tokio::test]
async fn a_migration_by_another_is_seen() {
    let fresh = fresh(Options::default()).await;
    let count = short("SELECT count(*) FROM feed", 0, 1);
    fresh.driver.query(&count, &[]).await.unwrap();
    fresh.driver.write(book(1)).await.unwrap();
    let rename = ["ALTER TABLE feed RENAME TO news".to_owned()];
    reopen(&fresh.path).migrate(&rename).await.unwrap();
    assert_eq!(told(fresh.driver.query(&count, &[]).await), "internal");
    assert_eq!(outcome(fresh.driver.write(book(2)).await), "internal");
    assert_eq!(
        read(&fresh.driver, "SELECT count(*) FROM news", 1).await,
        [1]
    );
}

#[test]
fn many_may_open_a_new_file_at_the_same_time() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("data.db");
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let path = path.clone();
            std::thread::spawn(move || SqliteDriver::open(&path, Options::default()).map(drop))
        })
        .collect();
    for thread in threads {
        assert_eq!(told(thread.join().unwrap()), "ok");
    }
}
