//! The bookstore by hand: what a careful engineer writes for this one API and nothing else.
//!
//! axum, prepared statements, JSON written straight from the row. `sqlite FILE each|group`: a
//! read connection per thread and one writer thread that commits every insert on its own, or
//! whatever has gathered meanwhile. `postgres URL`: a pool of connections.

mod json;
mod postgres;
mod sqlite;

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

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

impl Page {
    fn limit(&self) -> u32 {
        self.limit.unwrap_or(50).min(200)
    }
}

fn json_answer(body: String) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}

fn created(body: String) -> Response {
    (StatusCode::CREATED, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// Milliseconds since 1970.
fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as i64)
}

async fn serve(address: &str, routes: Router) {
    let listener = tokio::net::TcpListener::bind(address).await.expect("bind");
    axum::serve(listener, routes).await.expect("serve");
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        match arguments.as_slice() {
            [address, "sqlite", file, commit] => serve(address, sqlite::routes(file, commit)).await,
            [address, "postgres", url] => serve(address, postgres::routes(url).await).await,
            _ => {
                eprintln!("usage: baseline ADDRESS sqlite FILE each|group\n       baseline ADDRESS postgres URL");
                std::process::exit(2);
            }
        }
    });
}
