//! On SQLite.

use std::cell::RefCell;
use std::sync::mpsc;

use axum::body::{Body, Bytes};
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use rusqlite::{Connection, OpenFlags, Row};
use tokio::sync::oneshot;

use crate::json::{self, Book};
use crate::{NewBook, Page, created, json_answer, now};

const COLUMNS: &str = "id, title, price, currency, created_at, updated_at";
/// Rows read and sent at once by the export.
const CHUNK: u32 = 500;

#[derive(Clone)]
struct App {
    file: String,
    writer: mpsc::SyncSender<Insert>,
}

struct Insert {
    book: NewBook,
    done: oneshot::Sender<Option<String>>,
}

pub fn routes(file: &str, commit: &str) -> Router {
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
    let path = file.to_owned();
    std::thread::spawn(move || write(path, inserts, batch_max));
    Router::new()
        .route("/v1/books", get(list_books).post(create_book))
        .route("/v1/books/{id}", get(get_book))
        .route("/v1/books.ndjson", get(export_books))
        .with_state(App { file: file.to_owned(), writer })
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

fn book(row: &Row<'_>, out: &mut String) -> rusqlite::Result<i64> {
    let id = row.get(0)?;
    let book = Book {
        id,
        title: row.get_ref(1)?.as_str()?,
        price: row.get(2)?,
        currency: row.get_ref(3)?.as_str()?,
        created_at: row.get(4)?,
        updated_at: row.get(5)?,
    };
    json::book(&book, out);
    Ok(id)
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
        Ok(Some(body)) => json_answer(body),
        Ok(None) => StatusCode::NOT_FOUND.into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// Writes at most `limit` books after one, each followed by `between`; how many and the last id.
fn books(file: &str, after: i64, limit: u32, between: char, out: &mut String) -> rusqlite::Result<(u32, i64)> {
    read(file, |connection| {
        let mut statement = connection
            .prepare_cached(&format!("SELECT {COLUMNS} FROM book WHERE id > ?1 ORDER BY id LIMIT ?2"))?;
        let mut rows = statement.query((after, limit))?;
        let (mut count, mut last) = (0, after);
        while let Some(row) = rows.next()? {
            last = book(row, out)?;
            out.push(between);
            count += 1;
        }
        Ok((count, last))
    })
}

async fn list_books(State(app): State<App>, Query(page): Query<Page>) -> Response {
    let mut out = String::with_capacity(4096);
    out.push_str("{\"items\":[");
    match books(&app.file, page.after.unwrap_or(0), page.limit(), ',', &mut out) {
        Ok((count, last)) => {
            if count > 0 {
                out.pop();
            }
            json::end_of_page(count, page.limit(), last, &mut out);
            json_answer(out)
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn export_books(State(app): State<App>) -> Response {
    let lines = futures_util::stream::try_unfold(0, move |after| {
        let file = app.file.clone();
        async move {
            let mut out = String::with_capacity(128 * CHUNK as usize);
            let (count, last) = books(&file, after, CHUNK, '\n', &mut out)?;
            Ok::<_, rusqlite::Error>((count > 0).then_some((Bytes::from(out), last)))
        }
    });
    ([(header::CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(lines)).into_response()
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
        Ok(Some(body)) => created(body),
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
                let mut statement = connection.prepare_cached(&format!(
                    "INSERT INTO book (title, price, currency, created_at, updated_at)
                     VALUES (?1, ?2, ?3, ?4, ?4) RETURNING {COLUMNS}"
                ))?;
                let mut out = String::with_capacity(256);
                let mut rows = statement.query((&new.title, new.price, &new.currency, now()))?;
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
