//! Reads: never wait for writers, see only what is committed, and end.

use std::sync::{Arc, mpsc};
use std::time::Duration;

use store::driver::{Cost, Driver, Undo};
use store_sqlite::Options;

use crate::support::{
    ENDLESS, NONE, book, book_ids, flat, fresh, gate, hand_over, insert, long, now, outcome, read,
    short, told, work,
};

#[tokio::test]
async fn a_read_does_not_wait_for_a_write() {
    let fresh = fresh(Options::default()).await;
    fresh.driver.write(book(1)).await.unwrap();
    let (gate, holder) = gate(|tx| insert(tx, 2));
    let mut held = fresh.driver.write(holder);
    hand_over(&mut held);
    gate.entered.recv().unwrap();
    assert_eq!(book_ids(&fresh.driver).await, [1]);
    let all = long("SELECT id FROM book", 0, 1);
    assert_eq!(flat(&fresh.driver.query(&all, &[]).await.unwrap()), [1]);
    gate.open.send(()).unwrap();
    held.await.unwrap();
    assert_eq!(book_ids(&fresh.driver).await, [1, 2]);
    assert_eq!(flat(&fresh.driver.query(&all, &[]).await.unwrap()), [1, 2]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_does_not_change() {
    for cost in [Cost::Short, Cost::Long] {
        let fresh = fresh(Options::default()).await;
        fresh.driver.write(book(1)).await.unwrap();
        let (ask, asked) = mpsc::channel();
        let (done, written) = mpsc::channel::<()>();
        let (send, found) = mpsc::channel();
        let look = work(move |tx| {
            let count = short("SELECT count(*) FROM book", 0, 1);
            let before = flat(&now(tx.query(&count, &[]))?);
            ask.send(()).unwrap();
            written.recv().unwrap();
            let after = flat(&now(tx.query(&count, &[]))?);
            send.send((before, after)).unwrap();
            Ok(())
        });
        let driver = Arc::clone(&fresh.driver);
        let snapshot = tokio::spawn(async move { driver.snapshot(cost, look).await });
        asked.recv().unwrap();
        fresh.driver.write(book(2)).await.unwrap();
        done.send(()).unwrap();
        snapshot.await.unwrap().unwrap();
        assert_eq!(found.recv().unwrap(), (vec![1], vec![1]));
        assert_eq!(book_ids(&fresh.driver).await, [1, 2]);
    }
}

#[tokio::test]
async fn a_snapshot_only_reads_and_may_refuse_or_panic() {
    let fresh = fresh(Options::default()).await;
    for cost in [Cost::Short, Cost::Long] {
        let writes = fresh.driver.snapshot(cost, work(|tx| insert(tx, 1))).await;
        assert_eq!(outcome(writes), "internal");
        let refuses = fresh
            .driver
            .snapshot(cost, work(|_| Err(Undo::Refused)))
            .await;
        assert_eq!(outcome(refuses), "refused");
        let panics = fresh
            .driver
            .snapshot(cost, work(|_| panic!("on purpose")))
            .await;
        assert_eq!(outcome(panics), "internal");
        let ends = fresh.driver.snapshot(
            cost,
            work(|tx| {
                now(tx.query(&short("ROLLBACK", 0, 0), &[]))?;
                Ok(())
            }),
        );
        assert_eq!(outcome(ends.await), "internal");
        let fine = fresh.driver.snapshot(cost, work(|_| Ok(()))).await;
        assert_eq!(outcome(fine), "ok");
    }
    let write = fresh
        .driver
        .query(&short("DELETE FROM book", 0, 0), &[])
        .await;
    assert_eq!(told(write), "internal");
    assert_eq!(book_ids(&fresh.driver).await, NONE);
}

#[tokio::test]
async fn a_read_that_does_not_end_is_ended() {
    let options = Options {
        short_time_max: Duration::from_millis(5),
        long_time_max: Duration::from_millis(20),
        long_wait_max: Duration::from_secs(600),
        ..Options::default()
    };
    let fresh = fresh(options).await;
    for endless in [short(ENDLESS, 0, 1), long(ENDLESS, 0, 1)] {
        let result = fresh.driver.query(&endless, &[]).await;
        assert_eq!(told(result), "timed out after 20ms");
    }
    for cost in [Cost::Short, Cost::Long] {
        let endless = work(|tx| {
            // Even if it does not want to know.
            let _ = now(tx.query(&long(ENDLESS, 0, 1), &[]));
            assert_eq!(
                told(now(tx.query(&short("SELECT 1", 0, 1), &[])))
                    .split(' ')
                    .next(),
                Some("timed")
            );
            Ok(())
        });
        let result = fresh.driver.snapshot(cost, endless).await;
        assert_eq!(outcome(result), "timed out after 20ms");
    }
    assert_eq!(read(&fresh.driver, "SELECT 1", 1).await, [1]);
}

#[tokio::test]
async fn a_short_read_that_takes_long_is_answered_all_the_same() {
    let options = Options {
        short_time_max: Duration::ZERO,
        ..Options::default()
    };
    let fresh = fresh(options).await;
    let counts = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
                  SELECT count(*) FROM n";
    assert_eq!(read(&fresh.driver, counts, 1).await, [20000]);
    let (send, found) = mpsc::channel();
    let counts = short(counts, 0, 1);
    let look = work(move |tx| {
        let rows = now(tx.query(&counts, &[]))?;
        send.send(flat(&rows)).unwrap();
        Ok(())
    });
    fresh.driver.snapshot(Cost::Short, look).await.unwrap();
    assert_eq!(found.iter().collect::<Vec<_>>(), [[20000]]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn long_reads_are_bounded_and_leave_short_ones_alone() {
    let options = Options {
        long_readers: 1,
        long_queue_max: 1,
        long_wait_max: Duration::from_secs(600),
        ..Options::default()
    };
    let fresh = fresh(options).await;
    let (gate, holder) = gate(|_| Ok(()));
    let mut held = fresh.driver.snapshot(Cost::Long, holder);
    hand_over(&mut held);
    gate.entered.recv().unwrap();
    let select = long("SELECT 1", 0, 1);
    let mut waits = fresh.driver.query(&select, &[]);
    hand_over(&mut waits);
    let refused = now(fresh.driver.query(&select, &[]));
    assert_eq!(told(refused), "overloaded");
    assert_eq!(read(&fresh.driver, "SELECT 1", 1).await, [1]);
    gate.open.send(()).unwrap();
    held.await.unwrap();
    assert_eq!(flat(&waits.await.unwrap()), [1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_so_many_wait_as_can_be_served_in_time() {
    let options = Options {
        long_readers: 1,
        // Less than any read takes: once that is known, one may wait.
        long_wait_expected_max: Duration::from_nanos(50),
        long_wait_max: Duration::from_secs(600),
        ..Options::default()
    };
    let fresh = fresh(options).await;
    let select = long("SELECT 1", 0, 1);
    let (gate_1, holder) = gate(|_| Ok(()));
    let mut held = fresh.driver.snapshot(Cost::Long, holder);
    hand_over(&mut held);
    gate_1.entered.recv().unwrap();
    let mut waiting: Vec<_> = (0..20).map(|_| fresh.driver.query(&select, &[])).collect();
    for one in &mut waiting {
        hand_over(one);
    }
    gate_1.open.send(()).unwrap();
    held.await.unwrap();
    // Who came first is served, and all others need not wait until it is their turn.
    for (place, one) in waiting.into_iter().enumerate() {
        match place {
            0 => assert_eq!(flat(&one.await.unwrap()), [1]),
            _ => assert_eq!(told(one.await), "overloaded"),
        }
    }

    let (gate_2, holder) = gate(|_| Ok(()));
    let mut held = fresh.driver.snapshot(Cost::Long, holder);
    hand_over(&mut held);
    gate_2.entered.recv().unwrap();
    let mut waits = fresh.driver.query(&select, &[]);
    hand_over(&mut waits);
    assert_eq!(told(now(fresh.driver.query(&select, &[]))), "overloaded");
    assert_eq!(read(&fresh.driver, "SELECT 1", 1).await, [1]);
    gate_2.open.send(()).unwrap();
    held.await.unwrap();
    assert_eq!(flat(&waits.await.unwrap()), [1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waited_too_long_is_told_so() {
    let options = Options {
        long_readers: 1,
        long_wait_max: Duration::ZERO,
        ..Options::default()
    };
    let fresh = fresh(options).await;
    let select = long("SELECT 1", 0, 1);
    assert_eq!(told(fresh.driver.query(&select, &[]).await), "overloaded");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_readers_than_connections_are_served() {
    let fresh = fresh(Options {
        short_readers: 1,
        ..Options::default()
    })
    .await;
    let (gate, holder) = gate(|_| Ok(()));
    let driver = Arc::clone(&fresh.driver);
    let held = tokio::spawn(async move { driver.snapshot(Cost::Short, holder).await });
    gate.entered.recv().unwrap();
    assert_eq!(read(&fresh.driver, "SELECT 1", 1).await, [1]);
    gate.open.send(()).unwrap();
    held.await.unwrap().unwrap();
    assert_eq!(read(&fresh.driver, "SELECT 1", 1).await, [1]);
}

#[tokio::test]
async fn a_work_may_read_beside_its_transaction() {
    let fresh = fresh(Options {
        short_readers: 2,
        ..Options::default()
    })
    .await;
    let driver = Arc::clone(&fresh.driver);
    let look = work(move |_| {
        now(driver.query(&short("SELECT 1", 0, 1), &[]))?;
        Ok(())
    });
    fresh.driver.snapshot(Cost::Short, look).await.unwrap();
}
