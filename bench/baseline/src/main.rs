//! The bookstore by hand: what a careful engineer writes for this one API and nothing else.
//!
//! axum, rusqlite with a read connection per thread and prepared statements, JSON written
//! straight from the row, and one writer thread. `--commit each` commits every insert on its
//! own, `--commit group` commits whatever has gathered meanwhile.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::sync::mpsc;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use rusqlite::{Connection, OpenFlags, Row};
use serde::Deserialize;
use tokio::sync::oneshot;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const COLUMNS: &str = "id, title, price, currency, created_at, updated_at";

#[derive(Clone)]
struct App {
    file: String,
    writer: mpsc::SyncSender<Insert>,
}

struct Insert {
    book: NewBook,
    done: oneshot::Sender<Option<String>>,
}

#[derive(Deserialize)]
struct NewBook {
    title: String,
    price: i64,
    currency: String,
}

#[derive(Deserialize)]
struct Page {
    limit: Option<u32>,
    after: Option<i64>,
}

fn open(file: &str, writable: bool) -> Connection {
    let flags = if writable {
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX
    } else {
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX
    };
    let connection = Connection::open_with_flags(file, flags).expect("open the database");
    connection
        .execute_batch("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA mmap_size=268435456;")
        .expect("configure the database");
    connection
}

thread_local! {
    static READER: RefCell<Option<Connection>> = const { RefCell::new(None) };
}

fn read<T>(file: &str, with: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> rusqlite::Result<T> {
    READER.with_borrow_mut(|reader| with(reader.get_or_insert_with(|| open(file, false))))
}

/// RFC 3339 with milliseconds, by the civil-from-days algorithm.
fn time(ms: i64, out: &mut String) {
    let (days, rest) = (ms.div_euclid(86_400_000), ms.rem_euclid(86_400_000));
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let day = doy - (153 * mp + 2) / 5 + 1;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    let year = yoe + era * 400 + i64::from(month <= 2);
    let (s, ms) = (rest / 1000, rest % 1000);
    let _ = write!(
        out,
        "\"{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{ms:03}Z\"",
        s / 3600,
        s / 60 % 60,
        s % 60
    );
}

fn text(value: &str, out: &mut String) {
    out.push('"');
    for c in value.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if (c as u32) < 0x20 => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

fn book(row: &Row<'_>, out: &mut String) -> rusqlite::Result<()> {
    let _ = write!(out, "{{\"id\":{},\"title\":", row.get::<_, i64>(0)?);
    text(row.get_ref(1)?.as_str()?, out);
    let _ = write!(out, ",\"price\":{},\"currency\":", row.get::<_, i64>(2)?);
    text(row.get_ref(3)?.as_str()?, out);
    out.push_str(",\"created_at\":");
    time(row.get(4)?, out);
    out.push_str(",\"updated_at\":");
    time(row.get(5)?, out);
    out.push('}');
    Ok(())
}

fn json(body: String) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}

async fn get_book(State(app): State<App>, Path(id): Path<i64>) -> Response {
    let found = read(&app.file, |connection| {
        let mut statement =
            connection.prepare_cached(&format!("SELECT {COLUMNS} FROM book WHERE id = ?1"))?;
        let mut rows = statement.query([id])?;
        let Some(row) = rows.next()? else { return Ok(None) };
        let mut out = String::with_capacity(256);
        book(row, &mut out)?;
        Ok(Some(out))
    });
    match found {
        Ok(Some(body)) => json(body),
        Ok(None) => StatusCode::NOT_FOUND.into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn list_books(State(app): State<App>, Query(page): Query<Page>) -> Response {
    let limit = page.limit.unwrap_or(50).min(200);
    let found = read(&app.file, |connection| {
        let mut statement = connection
            .prepare_cached(&format!("SELECT {COLUMNS} FROM book WHERE id > ?1 ORDER BY id LIMIT ?2"))?;
        let mut rows = statement.query((page.after.unwrap_or(0), limit))?;
        let mut out = String::with_capacity(4096);
        out.push_str("{\"items\":[");
        let (mut count, mut last) = (0, 0);
        while let Some(row) = rows.next()? {
            if count > 0 {
                out.push(',');
            }
            book(row, &mut out)?;
            (count, last) = (count + 1, row.get(0)?);
        }
        if count == limit {
            let _ = write!(out, "],\"next_cursor\":\"{last}\"}}");
        } else {
            out.push_str("],\"next_cursor\":null}");
        }
        Ok(out)
    });
    found.map_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response(), json)
}

async fn create_book(State(app): State<App>, body: Bytes) -> Response {
    let Ok(Json(book)) = Json::<NewBook>::from_bytes(&body) else {
        return StatusCode::UNPROCESSABLE_ENTITY.into_response();
    };
    let (done, answer) = oneshot::channel();
    if app.writer.try_send(Insert { book, done }).is_err() {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    match answer.await {
        Ok(Some(body)) => {
            (StatusCode::CREATED, [(header::CONTENT_TYPE, "application/json")], body).into_response()
        }
        _ => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn write(file: String, inserts: mpsc::Receiver<Insert>, batch_max: usize) {
    let connection = open(&file, true);
    while let Ok(first) = inserts.recv() {
        let mut batch = vec![first];
        while batch.len() < batch_max {
            let Ok(next) = inserts.try_recv() else { break };
            batch.push(next);
        }
        let mut answers = Vec::with_capacity(batch.len());
        let committed = (|| {
            connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
            for Insert { book: new, done } in batch {
                let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as i64);
                let mut statement = connection.prepare_cached(&format!(
                    "INSERT INTO book (title, price, currency, created_at, updated_at)
                     VALUES (?1, ?2, ?3, ?4, ?4) RETURNING {COLUMNS}"
                ))?;
                let mut out = String::with_capacity(256);
                let mut rows = statement.query((&new.title, new.price, &new.currency, now))?;
                if let Some(row) = rows.next()? {
                    book(row, &mut out)?;
                }
                answers.push((done, out));
            }
            connection.prepare_cached("COMMIT")?.execute([])
        })();
        for (done, out) in answers {
            let _ = done.send(committed.is_ok().then_some(out));
        }
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [file, address, commit] = arguments.as_slice() else {
        eprintln!("usage: baseline FILE ADDRESS each|group");
        std::process::exit(2);
    };
    open(file, true)
        .execute_batch(
            "CREATE TABLE IF NOT EXISTS book (
               id INTEGER PRIMARY KEY AUTOINCREMENT, title TEXT NOT NULL, price INTEGER NOT NULL,
               currency TEXT NOT NULL, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL) STRICT;
             CREATE INDEX IF NOT EXISTS book__title ON book (title, id);",
        )
        .expect("create the table");
    let (writer, inserts) = mpsc::sync_channel(4096);
    let batch_max = if commit == "group" { 512 } else { 1 };
    let path = file.clone();
    std::thread::spawn(move || write(path, inserts, batch_max));
    let app = App { file: file.clone(), writer };
    let routes = Router::new()
        .route("/v1/books", get(list_books).post(create_book))
        .route("/v1/books/{id}", get(get_book))
        .with_state(app);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind(address).await.expect("bind");
        axum::serve(listener, routes).await.expect("serve");
    });
}
