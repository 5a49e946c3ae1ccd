//! Works that are one statement each: committed with others, and as if they had been alone.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use store::driver::{BoxFuture, Driver, Rows, Sole, Transaction, Undo, Work};
use store_postgres::{Options, PostgresDriver, Target};
use tokio::sync::Barrier;
use value::Value;

use crate::support::{Place, ints, node, number, place, told, work};

const BOOK: &str = "INSERT INTO book (id) VALUES ($1) RETURNING id";
const LOAN: &str = "INSERT INTO loan (book) VALUES ($1) RETURNING book";

/// How a work came to its end: `together` or `alone`, with what its statement gave.
type Ways = Arc<Mutex<Vec<(&'static str, i64)>>>;

struct One {
    sole: Sole,
    ways: Ways,
}

impl One {
    fn went(&self, way: &'static str, rows: &Rows) {
        let Some(Value::Int(number)) = rows.cells.first() else {
            panic!("{rows:?}");
        };
        self.ways.lock().unwrap().push((way, *number));
    }
}

impl Work for One {
    fn run<'a>(&'a mut self, tx: &'a mut dyn Transaction) -> BoxFuture<'a, Result<(), Undo>> {
        Box::pin(async move {
            let Sole {
                statement,
                parameters,
            } = &self.sole;
            let rows = tx.query(statement, parameters).await?;
            self.went("alone", &rows);
            Ok(())
        })
    }

    fn sole(&mut self) -> Option<Sole> {
        Some(self.sole.clone())
    }

    fn done(&mut self, rows: Rows) {
        self.went("together", &rows);
    }
}

fn one(text: &str, number: i64, ways: &Ways) -> Box<dyn Work> {
    Box::new(One {
        sole: Sole {
            statement: ints(text, 1, 1),
            parameters: vec![Value::Int(number)],
        },
        ways: Arc::clone(ways),
    })
}

/// Writes all of them at once: what each was told.
async fn write_all(
    driver: &Arc<PostgresDriver>,
    all: Vec<(&'static str, i64)>,
    ways: &Ways,
) -> Vec<String> {
    let writing: Vec<_> = all
        .into_iter()
        .map(|(text, number)| {
            let (driver, work) = (Arc::clone(driver), one(text, number, ways));
            tokio::spawn(async move { told(&driver.write(work).await) })
        })
        .collect();
    let mut told = Vec::new();
    for one in writing {
        told.push(one.await.unwrap());
    }
    told
}

async fn books(place: &Place) -> i64 {
    number(&place.driver, "SELECT count(*) FROM book").await
}

#[tokio::test]
async fn what_gathers_is_committed_together_and_each_once() {
    let Some(place) = place(Options::default()).await else {
        return;
    };
    let ways = Ways::default();
    let all = (0..500).map(|id| (BOOK, id)).collect();
    let told = write_all(&place.driver, all, &ways).await;
    assert!(told.iter().all(|told| told == "ok"), "{told:?}");
    let mut ways: Vec<_> = std::mem::take(&mut *ways.lock().unwrap());
    ways.sort_unstable();
    // Each is told what its own statement gave.
    assert_eq!(
        ways,
        (0..500).map(|id| ("together", id)).collect::<Vec<_>>()
    );
    assert_eq!(books(&place).await, 500);
    let commits = "SELECT count(DISTINCT xmin::text) FROM book";
    assert!(number(&place.driver, commits).await < 100);
}

#[tokio::test]
async fn who_is_refused_is_refused_alone() {
    let Some(place) = place(Options::default()).await else {
        return;
    };
    let ways = Ways::default();
    assert_eq!(
        write_all(&place.driver, vec![(BOOK, 1)], &ways).await,
        ["ok"]
    );
    let mut all: Vec<_> = (2..40).map(|id| (BOOK, id)).collect();
    all.insert(5, (BOOK, 1));
    all.insert(20, (LOAN, 99));
    all.push((LOAN, 1));
    let told = write_all(&place.driver, all, &ways).await;
    for (at, told) in told.iter().enumerate() {
        let expected = match at {
            5 => "unique book_pkey",
            20 => "foreign key",
            _ => "ok",
        };
        assert_eq!(told, expected, "{at}");
    }
    assert_eq!(books(&place).await, 39);
    assert_eq!(number(&place.driver, "SELECT count(*) FROM loan").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_to_wait_keeps_nobody_waiting() {
    let Some(place) = place(Options::default()).await else {
        return;
    };
    let other = node(&place, Options::default()).await;
    let (taken, go) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
    let holding = {
        let (taken, go) = (Arc::clone(&taken), Arc::clone(&go));
        work(move |tx| {
            let (taken, go) = (Arc::clone(&taken), Arc::clone(&go));
            Box::pin(async move {
                tx.query(&ints(BOOK, 1, 1), &[Value::Int(1)]).await?;
                taken.wait().await;
                go.wait().await;
                Err(Undo::Refused)
            })
        })
    };
    let holding = other.write(holding);
    taken.wait().await;
    let ways = Ways::default();
    // Two, so that they are in the way of everybody.
    let waiting = {
        let (driver, ways) = (Arc::clone(&place.driver), Arc::clone(&ways));
        tokio::spawn(async move { write_all(&driver, vec![(BOOK, 1), (BOOK, 1)], &ways).await })
    };
    let all = (2..100).map(|id| (BOOK, id)).collect();
    let told = write_all(&place.driver, all, &ways).await;
    assert!(told.iter().all(|told| told == "ok"), "{told:?}");
    assert!(!waiting.is_finished());
    go.wait().await;
    assert!(matches!(holding.await, Err(Undo::Refused)));
    let mut waiting = waiting.await.unwrap();
    waiting.sort_unstable();
    assert_eq!(waiting, ["ok", "unique book_pkey"]);
    assert_eq!(books(&place).await, 99);
}

#[tokio::test]
async fn who_goes_away_before_the_turn_has_written_nothing() {
    let Some(place) = place(Options {
        connections_max: 1,
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
                tx.query(&ints(BOOK, 1, 1), &[Value::Int(1)]).await?;
                held.wait().await;
                release.wait().await;
                Ok(())
            })
        }))
    };
    held.wait().await;
    let ways = Ways::default();
    for id in 2..10 {
        // Its future is dropped at once.
        drop(place.driver.write(one(BOOK, id, &ways)));
    }
    let last = place.driver.write(one(BOOK, 10, &ways));
    release.wait().await;
    assert_eq!(told(&holding.await), "ok");
    assert_eq!(told(&last.await), "ok");
    assert_eq!(*ways.lock().unwrap(), [("together", 10)]);
    assert_eq!(books(&place).await, 2);
}

#[tokio::test]
async fn a_commit_that_is_lost_is_in_doubt_and_not_repeated() {
    let Some(place) = place(Options::default()).await else {
        return;
    };
    let trap = [
        "CREATE FUNCTION trap() RETURNS trigger LANGUAGE plpgsql AS \
         'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(5); RETURN NULL; END'",
        "CREATE CONSTRAINT TRIGGER trap AFTER INSERT ON book DEFERRABLE INITIALLY DEFERRED \
         FOR EACH ROW EXECUTE FUNCTION trap()",
    ];
    let laid = place.driver.migrate(&trap.map(str::to_owned)).await;
    laid.unwrap();
    let ways = Ways::default();
    let all = (1..=10).map(|id| (BOOK, id)).collect();
    let told = write_all(&place.driver, all, &ways).await;
    assert!(told.iter().all(|told| told == "in doubt"), "{told:?}");
    assert_eq!(*ways.lock().unwrap(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_connections_lose_and_repeat_nothing() {
    let Some(place) = place(Options::default()).await else {
        return;
    };
    let killer = node(&place, Options::default()).await;
    let over = Arc::new(AtomicBool::new(false));
    let killing = {
        let over = Arc::clone(&over);
        tokio::spawn(async move {
            let kill = "SELECT count(pg_terminate_backend(pid, 1000)) FROM (SELECT pid FROM \
                        pg_stat_activity WHERE datname = current_database() AND \
                        pid <> pg_backend_pid() ORDER BY random() LIMIT 1) AS one";
            while !over.load(Ordering::Acquire) {
                number(&killer, kill).await;
            }
        })
    };
    let ways = Ways::default();
    let mut told = Vec::new();
    for round in 0..20 {
        let all = (0..100).map(|n| (BOOK, round * 100 + n)).collect();
        told.extend(write_all(&place.driver, all, &ways).await);
    }
    over.store(true, Ordering::Release);
    killing.await.unwrap();
    let acknowledged = told.iter().filter(|told| *told == "ok").count();
    let in_doubt = told.iter().filter(|told| *told == "in doubt").count();
    let there = usize::try_from(books(&place).await).unwrap();
    // Told of each exactly what is so; one that was repeated would have been told that it is taken.
    assert!(!told.iter().any(|told| told.starts_with("unique")));
    assert!(
        acknowledged <= there && there <= acknowledged + in_doubt,
        "{acknowledged} {there} {in_doubt}"
    );
    assert!(acknowledged > 1000, "{acknowledged}");
}

#[tokio::test]
async fn behind_a_pooler_they_go_together_too() {
    let Some(place) = place(Options::default()).await else {
        return;
    };
    let url = format!("{}?pgbouncer=true&pool=2", place.server.url());
    let target: Target = url.parse().unwrap();
    let driver = PostgresDriver::open(target, Options::default()).await;
    let driver = Arc::new(driver.unwrap());
    let ways = Ways::default();
    let mut all: Vec<_> = (1..50).map(|id| (BOOK, id)).collect();
    all.push((BOOK, 1));
    let told = write_all(&driver, all, &ways).await;
    let refused = told
        .iter()
        .filter(|told| *told == "unique book_pkey")
        .count();
    let done = told.iter().filter(|told| *told == "ok").count();
    assert_eq!((done, refused), (49, 1), "{told:?}");
    let prepared = "SELECT count(*) FROM pg_prepared_statements";
    assert_eq!(number(&driver, prepared).await, 0);
}
