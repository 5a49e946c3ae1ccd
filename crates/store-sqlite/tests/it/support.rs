//! Small words to write tests with.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::task::{Context, Poll, Waker};

use store::driver::{
    BoxFuture, Cost, Driver, Rows, Statement, Storage, StoreError, Transaction, Undo, Work,
};
use store_sqlite::{Options, SqliteDriver};
use tempfile::TempDir;
use value::Value;

/// A driver on a fresh file.
pub struct Fresh {
    pub driver: Arc<SqliteDriver>,
    pub path: PathBuf,
    pub dir: TempDir,
}

pub const BOOKS: &str = "
    CREATE TABLE book(
        id INTEGER PRIMARY KEY,
        isbn TEXT UNIQUE,
        follows INTEGER REFERENCES book(id) DEFERRABLE INITIALLY DEFERRED
    ) STRICT;
    CREATE TABLE feed(
        position INTEGER PRIMARY KEY AUTOINCREMENT,
        book INTEGER NOT NULL
    ) STRICT;";

pub async fn fresh(options: Options) -> Fresh {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("data.db");
    let driver = Arc::new(SqliteDriver::open(&path, options).unwrap());
    driver.migrate(&[BOOKS.to_owned()]).await.unwrap();
    Fresh { driver, path, dir }
}

pub fn reopen(path: &Path) -> SqliteDriver {
    SqliteDriver::open(path, Options::default()).unwrap()
}

pub fn statement(
    cost: Cost,
    text: &str,
    parameters: &[Storage],
    columns: &[Storage],
) -> Arc<Statement> {
    Arc::new(Statement {
        text: Cow::Owned(text.to_owned()),
        parameters: parameters.to_vec(),
        columns: columns.to_vec(),
        cost,
    })
}

/// A short statement over integers.
pub fn short(text: &str, parameters: usize, columns: usize) -> Arc<Statement> {
    ints(Cost::Short, text, parameters, columns)
}

pub fn long(text: &str, parameters: usize, columns: usize) -> Arc<Statement> {
    ints(Cost::Long, text, parameters, columns)
}

fn ints(cost: Cost, text: &str, parameters: usize, columns: usize) -> Arc<Statement> {
    statement(
        cost,
        text,
        &vec![Storage::Int; parameters],
        &vec![Storage::Int; columns],
    )
}

pub fn int(n: i64) -> Value {
    Value::Int(n)
}

/// The integers of a result, row after row.
pub fn flat(rows: &Rows) -> Vec<i64> {
    rows.cells
        .iter()
        .map(|cell| match cell {
            Value::Int(n) => *n,
            other => panic!("not an integer: {other:?}"),
        })
        .collect()
}

pub async fn read(driver: &SqliteDriver, text: &str, columns: usize) -> Vec<i64> {
    flat(&driver.query(&short(text, 0, columns), &[]).await.unwrap())
}

pub async fn book_ids(driver: &SqliteDriver) -> Vec<i64> {
    read(driver, "SELECT id FROM book ORDER BY id", 1).await
}

/// The result of something that never waits.
pub fn now<T>(mut future: BoxFuture<'_, T>) -> T {
    match future
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
    {
        Poll::Ready(result) => result,
        Poll::Pending => panic!("it waits"),
    }
}

/// Hands a write over without waiting for its answer.
pub fn hand_over<T>(future: &mut BoxFuture<'_, T>) {
    let polled = future
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()));
    assert!(polled.is_pending(), "it is answered already");
}

pub fn work<F>(run: F) -> Box<dyn Work>
where
    F: FnMut(&mut dyn Transaction) -> Result<(), Undo> + Send + 'static,
{
    struct Do<F>(F);
    impl<F> Work for Do<F>
    where
        F: FnMut(&mut dyn Transaction) -> Result<(), Undo> + Send,
    {
        fn run<'a>(&'a mut self, tx: &'a mut dyn Transaction) -> BoxFuture<'a, Result<(), Undo>> {
            Box::pin(std::future::ready((self.0)(tx)))
        }
    }
    Box::new(Do(run))
}

pub fn insert(tx: &mut dyn Transaction, id: i64) -> Result<(), Undo> {
    now(tx.execute(&short("INSERT INTO book(id) VALUES (?1)", 1, 0), &[int(id)]))?;
    Ok(())
}

/// Writes a book and its feed entry.
pub fn book(id: i64) -> Box<dyn Work> {
    work(move |tx| {
        insert(tx, id)?;
        now(tx.execute(
            &short("INSERT INTO feed(book) VALUES (?1)", 1, 0),
            &[int(id)],
        ))?;
        Ok(())
    })
}

/// A work that holds its thread until told to go on.
pub struct Gate {
    pub entered: Receiver<()>,
    pub open: Sender<()>,
}

/// First does `before`, then waits at the gate.
pub fn gate<F>(mut before: F) -> (Gate, Box<dyn Work>)
where
    F: FnMut(&mut dyn Transaction) -> Result<(), Undo> + Send + 'static,
{
    let (enter, entered) = channel();
    let (open, opened) = channel::<()>();
    let work = work(move |tx| {
        before(tx)?;
        enter.send(()).unwrap();
        // An error means the test is over.
        let _ = opened.recv();
        Ok(())
    });
    (Gate { entered, open }, work)
}

/// A query that takes far longer than any test.
pub const ENDLESS: &str =
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n";

/// What went wrong, in a word that can be compared.
pub fn told<T>(result: Result<T, StoreError>) -> String {
    match result {
        Ok(_) => "ok".to_owned(),
        Err(StoreError::Unique { name }) => format!("unique {name}"),
        Err(StoreError::ForeignKey) => "foreign key".to_owned(),
        Err(StoreError::TooLarge { .. }) => "too large".to_owned(),
        Err(StoreError::TimedOut { after }) => format!("timed out after {after:?}"),
        Err(StoreError::Newer) => "newer".to_owned(),
        Err(StoreError::Overloaded) => "overloaded".to_owned(),
        Err(StoreError::Unavailable { .. }) => "unavailable".to_owned(),
        Err(StoreError::InDoubt { .. }) => "in doubt".to_owned(),
        Err(StoreError::Corrupt { .. }) => "corrupt".to_owned(),
        Err(StoreError::Internal { .. }) => "internal".to_owned(),
    }
}

pub fn outcome(result: Result<(), Undo>) -> String {
    match result {
        Err(Undo::Refused) => "refused".to_owned(),
        Err(Undo::Store(error)) => told::<()>(Err(error)),
        Ok(()) => "ok".to_owned(),
    }
}

/// No ids at all.
pub const NONE: [i64; 0] = [];
