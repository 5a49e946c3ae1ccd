//! Migrations: all or nothing, checked, and prepared statements live through them.

use std::sync::Arc;

use store::driver::Driver;
use store_sqlite::Options;

use crate::support::{
    NONE, book, book_ids, flat, fresh, gate, hand_over, int, now, outcome, read, short, told, work,
};

fn script(statements: &[&str]) -> Vec<String> {
    statements
        .iter()
        .map(|&statement| statement.to_owned())
        .collect()
}

const LIBRARY: &[&str] = &[
    "CREATE TABLE author(id INTEGER PRIMARY KEY) STRICT",
    "CREATE TABLE work(id INTEGER PRIMARY KEY, author INTEGER NOT NULL REFERENCES author(id)) STRICT",
    "INSERT INTO author VALUES (1), (2)",
    "INSERT INTO work VALUES (10, 1), (20, 2)",
];

#[tokio::test]
async fn a_table_that_others_point_to_can_be_rebuilt() {
    let fresh = fresh(Options::default()).await;
    fresh.driver.migrate(&script(LIBRARY)).await.unwrap();
    let rebuild = script(&[
        "CREATE TABLE author_new(id INTEGER PRIMARY KEY, born INTEGER) STRICT",
        "INSERT INTO author_new(id) SELECT id FROM author",
        "DROP TABLE author",
        "ALTER TABLE author_new RENAME TO author",
    ]);
    fresh.driver.migrate(&rebuild).await.unwrap();
    let joined = "SELECT work.id, author.id FROM work JOIN author ON author.id = work.author";
    assert_eq!(read(&fresh.driver, joined, 2).await, [10, 1, 20, 2]);
}

#[tokio::test]
async fn references_to_nothing_are_refused_and_foreign_keys_stay_on() {
    let fresh = fresh(Options::default()).await;
    fresh.driver.migrate(&script(LIBRARY)).await.unwrap();
    let failing: &[&[&str]] = &[
        &["DELETE FROM author WHERE id = 1"],
        &["DELETE FROM author", "SELECT nothing FROM nowhere"],
        &["DELETE FROM author", "COMMIT"],
        &["DELETE FROM author", "ROLLBACK; BEGIN"],
    ];
    let mut seen = Vec::new();
    for statements in failing {
        seen.push(told(fresh.driver.migrate(&script(statements)).await));
        let delete = work(|tx| {
            now(tx.execute(&short("DELETE FROM author", 0, 0), &[]))?;
            Ok(())
        });
        assert_eq!(outcome(fresh.driver.write(delete).await), "foreign key");
    }
    assert_eq!(seen[..3], ["corrupt", "internal", "internal"]);
    assert_eq!(
        read(&fresh.driver, "SELECT id FROM author", 1).await,
        [1, 2]
    );
}

#[tokio::test]
async fn a_refused_migration_says_why() {
    let fresh = fresh(Options::default()).await;
    fresh.driver.migrate(&script(LIBRARY)).await.unwrap();
    let error = fresh
        .driver
        .migrate(&script(&["DELETE FROM author"]))
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("2 in `work` to `author`"),
        "{error}"
    );
    let error = fresh
        .driver
        .migrate(&script(&["SELECT 1", "DROP TABLE none"]))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("no such table: none"), "{error}");
    assert!(error.to_string().contains("statement 2"), "{error}");
    fresh.driver.ready().await.unwrap();
}

#[tokio::test]
async fn a_migration_keeps_its_place_among_writes() {
    let fresh = fresh(Options::default()).await;
    let (gate, holder) = gate(|_| Ok(()));
    let mut held = fresh.driver.write(holder);
    hand_over(&mut held);
    gate.entered.recv().unwrap();
    let mut before = fresh.driver.write(book(1));
    hand_over(&mut before);
    let statements = script(&["ALTER TABLE book ADD COLUMN shelf INTEGER NOT NULL DEFAULT 7"]);
    let mut migration = fresh.driver.migrate(&statements);
    hand_over(&mut migration);
    let mut after = fresh.driver.write(work(|tx| {
        now(tx.execute(
            &short("INSERT INTO book(id, shelf) VALUES (2, 8)", 0, 0),
            &[],
        ))?;
        Ok(())
    }));
    hand_over(&mut after);
    gate.open.send(()).unwrap();
    for write in [held, before, after] {
        assert_eq!(outcome(write.await), "ok");
    }
    migration.await.unwrap();
    assert_eq!(
        read(&fresh.driver, "SELECT id, shelf FROM book", 2).await,
        [1, 7, 2, 8]
    );
}

#[tokio::test]
async fn prepared_statements_adapt_or_fail_but_never_mislead() {
    let fresh = fresh(Options::default()).await;
    let table = [
        "CREATE TABLE t(a INTEGER, b INTEGER)",
        "INSERT INTO t VALUES (1, 2)",
    ];
    fresh.driver.migrate(&script(&table)).await.unwrap();
    let named = short("SELECT a, b FROM t", 0, 2);
    let star = short("SELECT * FROM t", 0, 2);
    let put = short("INSERT INTO t(a, b) VALUES (?1, ?2)", 2, 0);
    let put = move |a, b| {
        let put = Arc::clone(&put);
        work(move |tx| {
            now(tx.execute(&put, &[int(a), int(b)]))?;
            Ok(())
        })
    };
    fresh.driver.write(put(3, 4)).await.unwrap();
    for statement in [&named, &star] {
        let rows = fresh.driver.query(statement, &[]).await.unwrap();
        assert_eq!(flat(&rows), [1, 2, 3, 4]);
    }
    let rebuild = [
        "CREATE TABLE u(z INTEGER DEFAULT 9, b INTEGER, a INTEGER)",
        "INSERT INTO u(a, b) SELECT a, b FROM t",
        "DROP TABLE t",
        "ALTER TABLE u RENAME TO t",
    ];
    fresh.driver.migrate(&script(&rebuild)).await.unwrap();
    fresh.driver.write(put(5, 6)).await.unwrap();
    let rows = fresh.driver.query(&named, &[]).await.unwrap();
    assert_eq!(flat(&rows), [1, 2, 3, 4, 5, 6]);
    assert_eq!(told(fresh.driver.query(&star, &[]).await), "internal");
    let star = short("SELECT * FROM t", 0, 3);
    let rows = fresh.driver.query(&star, &[]).await.unwrap();
    assert_eq!(flat(&rows), [9, 2, 1, 9, 4, 3, 9, 6, 5]);
    let add = ["ALTER TABLE t ADD COLUMN y INTEGER DEFAULT 8"];
    fresh.driver.migrate(&script(&add)).await.unwrap();
    let star = short("SELECT * FROM t", 0, 4);
    let rows = fresh.driver.query(&star, &[]).await.unwrap();
    assert_eq!(flat(&rows), [9, 2, 1, 8, 9, 4, 3, 8, 9, 6, 5, 8]);
    fresh
        .driver
        .migrate(&script(&["DROP TABLE t"]))
        .await
        .unwrap();
    assert_eq!(told(fresh.driver.query(&named, &[]).await), "internal");
    assert_eq!(outcome(fresh.driver.write(put(7, 8)).await), "internal");
    assert_eq!(book_ids(&fresh.driver).await, NONE);
}
