//! Tables in `docs/rest.md` that are made of what the code says: problems and limits.

use std::fs;
use std::time::Duration;

use super::page::{root, updating};

const PAGE: &str = "docs/rest.md";

fn problems() -> String {
    let mut kinds = rest::problem_kinds();
    kinds.sort_by_key(|kind| (kind.status.as_u16(), kind.code));
    let mut table = "| status | code | means |\n|---|---|---|\n".to_owned();
    for kind in kinds {
        table.push_str(&format!(
            "| {} | `{}` | {} |\n",
            kind.status.as_u16(),
            kind.code,
            kind.title
        ));
    }
    table
}

fn bytes(count: usize) -> String {
    match count {
        _ if count.is_multiple_of(1 << 20) => format!("{} MiB", count >> 20),
        _ if count.is_multiple_of(1 << 10) => format!("{} KiB", count >> 10),
        _ => format!("{count} bytes"),
    }
}

fn seconds(time: Duration) -> String {
    format!("{} s", time.as_secs())
}

fn limits() -> String {
    let web = web::Limits::default();
    let door = rest::Settings::default();
    let store = store_sqlite::Options::default();
    let postgres = store_postgres::Options::default();
    let rate = |rate: u32| format!("{}/s", bytes(rate as usize));
    let rows: Vec<(&str, String, &str)> = vec![
        (
            "connections at once",
            web.connections.to_string(),
            "they wait",
        ),
        (
            "the request line and header fields",
            format!("{}, {} fields", bytes(web.head_bytes), web.head_fields),
            "431",
        ),
        ("the URL", bytes(web.url_bytes), "414"),
        (
            "the time to send them",
            seconds(web.head_time),
            "408, and the connection is closed",
        ),
        (
            "the time between two requests",
            seconds(web.idle_time),
            "the connection is closed",
        ),
        ("a request body", bytes(door.body_bytes_max), "413"),
        (
            "all bodies whose requests are not answered yet",
            bytes(web.bodies_bytes),
            "503 with `Retry-After`",
        ),
        (
            "the time to send it",
            format!(
                "{}; after {} at least {}",
                seconds(web.body_time),
                seconds(web.body_grace),
                rate(web.body_rate)
            ),
            "408",
        ),
        (
            "the time until the answer begins",
            format!("{}, and the body's", seconds(web.request_time)),
            "503",
        ),
        (
            "the time to read an answer",
            format!(
                "{}, and what {} takes",
                seconds(web.write_grace),
                rate(web.write_rate)
            ),
            "the connection is cut",
        ),
        (
            "requests at once on one HTTP/2 connection",
            web.streams.to_string(),
            "they are refused by the protocol",
        ),
        (
            "JSON in a body",
            format!("{} levels, {} values", web::json::DEPTH, web::json::VALUES),
            "400",
        ),
        (
            "the query string",
            format!(
                "{} parameters, {} each",
                web::query::PARAMETERS,
                bytes(web::query::VALUE_BYTES)
            ),
            "400",
        ),
        (
            "records on a page",
            format!("{}; {} unless said", engine::PAGE_MAX, engine::PAGE_DEFAULT),
            "lowered to it",
        ),
        (
            "whole lists that are read at once",
            engine::STREAMS_MAX.to_string(),
            "503 with `Retry-After`",
        ),
        (
            "filters in a URL",
            format!(
                "{}; {} values of one `in`",
                engine::FILTERS_MAX,
                engine::IN_MAX
            ),
            "400",
        ),
        (
            "conditions in a body",
            format!(
                "{}, {} levels deep; {} values",
                engine::CONDITIONS_MAX,
                engine::CONDITION_DEPTH_MAX,
                engine::CONDITION_VALUES_MAX
            ),
            "422",
        ),
        ("sort keys", engine::SORT_MAX.to_string(), "400"),
        (
            "characters of `q`",
            format!("{}; 16 words count", engine::WORDS_CHARS_MAX),
            "400",
        ),
        ("names in `fields`", engine::FIELDS_MAX.to_string(), "400"),
        (
            "included relations",
            format!(
                "{}, {} levels deep",
                engine::INCLUDES_MAX,
                engine::INCLUDE_DEPTH_MAX
            ),
            "400",
        ),
        (
            "operations of a JSON Patch",
            engine::PATCH_OPERATIONS_MAX.to_string(),
            "400",
        ),
        ("writes of a batch", engine::BATCH_MAX.to_string(), "422"),
        (
            "operations that run or wait",
            engine::OPERATIONS_MAX.to_string(),
            "503 with `Retry-After`",
        ),
        (
            "faults told about one request",
            "100".to_owned(),
            "the rest is not told",
        ),
        (
            "the database's time for a read",
            seconds(store.long_time_max),
            "503",
        ),
        (
            "the wait for it that is to be expected",
            seconds(store.long_wait_expected_max),
            "503 with `Retry-After`",
        ),
        (
            "the database's time for a write",
            format!(
                "{}; on PostgreSQL {} for a statement and {} for all",
                seconds(store.write_time_max),
                seconds(postgres.write_time_max),
                seconds(postgres.transaction_time_max)
            ),
            "503",
        ),
        (
            "writes that wait",
            store.queue_max.to_string(),
            "503 with `Retry-After`",
        ),
    ];
    let mut table = "| of | at most | beyond it |\n|---|---|---|\n".to_owned();
    for (of, most, beyond) in rows {
        table.push_str(&format!("| {of} | {most} | {beyond} |\n"));
    }
    table
}

/// The page with its table behind a mark as it should be.
fn with(page: &str, mark: &str, table: &str) -> String {
    let mark = format!("<!-- {mark} -->\n\n");
    let (before, rest) = page.split_once(&mark).expect("the mark is there");
    let end = rest.find("\n\n").map_or(rest.len(), |end| end + 1);
    format!("{before}{mark}{table}{}", &rest[end..])
}

#[test]
fn tables_say_what_the_code_says() {
    let path = root().join(PAGE);
    let page = fs::read_to_string(&path).unwrap();
    let right = with(&with(&page, "problems", &problems()), "limits", &limits());
    if updating() {
        fs::write(&path, &right).unwrap();
        return;
    }
    let differs = page
        .lines()
        .zip(right.lines())
        .find(|(is, should)| is != should);
    assert_eq!(differs, None, "{PAGE}; UPDATE_DOCS=1 writes it anew");
    assert_eq!(page, right);
}
