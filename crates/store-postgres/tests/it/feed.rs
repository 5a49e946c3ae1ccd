//! Positions in commit order: many writers on two nodes, one of them slow, and readers who must
//! not skip anything.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use store::driver::Driver;
use store::feed::{self, Entry};
use store::migrate;
use store_postgres::{Options, PostgresDriver};
use tokio::sync::Barrier;
use value::Timestamp;

use crate::support::{node, number, place, work};

fn entry(record: String) -> Entry {
    Entry {
        position: 0,
        resource: "Book".to_owned(),
        record,
        action: "create".to_owned(),
        version: 1,
        at: Timestamp(1),
        caller: None,
        before: None,
        after: None,
    }
}

/// A contract of nothing, for the sake of frontdesk's own tables.
fn empty() -> model::Model {
    let mut sources = diag::Sources::new();
    let text =
        "frontdesk: 1\nname: none\nresources: {Thing: {fields: {text: string}}}\n".to_owned();
    let main = sources.add("frontdesk.yaml", text);
    let mut found = diag::Diagnostics::new();
    contract::compile(main, &mut sources, &mut |_| Ok(vec![]), &mut found).unwrap()
}

async fn append(driver: &PostgresDriver, record: String) {
    let append = work(move |tx| {
        let entry = entry(record.clone());
        Box::pin(async move {
            let prepared = feed::append(store::Dialect::Postgres);
            let parameters = prepared.bind_args(&entry.args());
            tx.execute(&prepared.statement, &parameters).await?;
            Ok(())
        })
    });
    driver.write(append).await.unwrap();
}

/// Reads on from where it is until it is told that nothing more comes.
async fn follow(driver: Arc<PostgresDriver>, over: Arc<AtomicBool>) -> Vec<(i64, String)> {
    let mut seen: Vec<(i64, String)> = Vec::new();
    loop {
        let last = over.load(Ordering::Acquire);
        let position = seen.last().map_or(0, |(position, _)| *position);
        let page = feed::read(&*driver, position, 50).await.unwrap();
        let is_end = page.is_empty();
        seen.extend(page.into_iter().map(|entry| (entry.position, entry.record)));
        if is_end && last {
            return seen;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_reader_skips_what_is_committed_late() {
    let Some(place) = place(Options::default()).await else {
        return;
    };
    let model = empty();
    let tables = migrate::bring(&*place.driver, &model, Timestamp(1), false);
    tables.await.unwrap();
    let nodes = [
        Arc::clone(&place.driver),
        node(&place, Options::default()).await,
    ];

    // Takes its number first and commits last.
    let (taken, commit) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
    let slow = {
        let (taken, commit) = (Arc::clone(&taken), Arc::clone(&commit));
        work(move |tx| {
            let (taken, commit) = (Arc::clone(&taken), Arc::clone(&commit));
            Box::pin(async move {
                let prepared = feed::append(store::Dialect::Postgres);
                let parameters = prepared.bind_args(&entry("slow".to_owned()).args());
                tx.execute(&prepared.statement, &parameters).await?;
                taken.wait().await;
                commit.wait().await;
                Ok(())
            })
        })
    };
    let slow = nodes[0].write(slow);
    taken.wait().await;

    let over = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (0..4)
        .map(|n| tokio::spawn(follow(Arc::clone(&nodes[n % 2]), Arc::clone(&over))))
        .collect();
    let writers: Vec<_> = (0..16)
        .map(|writer| {
            let driver = Arc::clone(&nodes[writer % 2]);
            tokio::spawn(async move {
                for n in 0..25 {
                    append(&driver, format!("{writer:02} {n:02}")).await;
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    // All that was acknowledged can be read, although the slow one is not done.
    let before = feed::read(&*nodes[1], 0, 1000).await.unwrap();
    assert_eq!(before.len(), 400);
    commit.wait().await;
    slow.await.unwrap();
    over.store(true, Ordering::Release);
    // By the sequence it is the first of all. Whoever went by that had read on by then, and
    // skipped it.
    let below = "SELECT count(*) FROM frontdesk_feed WHERE id < \
                 (SELECT id FROM frontdesk_feed WHERE record = 'slow')";
    assert_eq!(number(&nodes[0], below).await, 0);

    let mut all = None;
    for reader in readers {
        let seen = reader.await.unwrap();
        assert_eq!(seen.len(), 401, "something was skipped");
        assert!(seen.is_sorted_by(|a, b| a.0 < b.0), "positions go back");
        // What one writer was answered for is in the order of its answers.
        for writer in 0..16 {
            let own = seen
                .iter()
                .filter(|(_, record)| record.starts_with(&format!("{writer:02} ")));
            assert!(own.is_sorted_by(|a, b| a.1 < b.1));
        }
        assert_eq!(seen.last().unwrap().1, "slow");
        // Everybody sees the same.
        assert_eq!(*all.get_or_insert_with(|| seen.clone()), seen);
    }
    let positions: BTreeSet<i64> = all
        .unwrap()
        .into_iter()
        .map(|(position, _)| position)
        .collect();
    assert_eq!(positions, (1..=401).collect());
}
