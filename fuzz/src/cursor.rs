//! Cursors: continue the question they were made for, and nothing else.
//!
//! Byte 0 chooses the question a real cursor is made for, byte 1 the question it is used with,
//! byte 2 the caller. What follows is either edits of the real cursor, three bytes each (what to
//! do, where, with which byte), or after a `t` as byte 3 a cursor of its own.

use http::StatusCode;
use serde_json::Value as Json;

use super::app::{ANN, App, OPERATOR, Reply};

const CALLERS: [Option<&str>; 3] = [None, Some(ANN), Some(OPERATOR)];

/// Everything that makes a list another list; each has more than one page.
const QUESTIONS: [&str; 16] = [
    "books?limit=2",
    "books?limit=3&sort=-published",
    "books?limit=2&sort=published,title",
    "books?limit=2&sort=-published,-title",
    "books?limit=1&sort=price",
    "books?limit=1&sort=-title",
    "books?limit=2&q=d",
    "books?limit=1&title=Dune",
    "books?limit=1&title=dune",
    "books?limit=1&author_id=1",
    "books?limit=1&author.name[starts_with]=A",
    "authors?limit=1",
    "authors?limit=1&sort=born",
    "authors/1/books?limit=1",
    "authors/2/books?limit=1",
    "reviews?limit=1&sort=stars",
];

pub fn run(data: &[u8]) {
    let &[made, used, caller, ref rest @ ..] = data else {
        return;
    };
    let app = App::shared();
    let (made, used) = (pick(&QUESTIONS, made), pick(&QUESTIONS, used));
    let key = *pick(&CALLERS, caller);
    let first = app.get(&format!("/v1/{made}"), key);
    let page = first.json();
    let real = page["next_cursor"].as_str();
    let real = real.unwrap_or_else(|| panic!("{made} has one page only: {first:?}"));

    let cursor = match rest {
        [b't', text @ ..] => String::from_utf8_lossy(text).into_owned(),
        edits => edited(real, edits),
    };
    let reply = ask(app, used, &cursor, key);
    reply.sound();
    if cursor == real && question(made) == question(used) {
        assert_continues(app, used, key, &page, &reply);
    } else {
        // Whatever was changed: nothing of any list comes out.
        assert_eq!(
            reply.status,
            StatusCode::BAD_REQUEST,
            "{made} {used} {cursor:?} {reply:?}"
        );
        assert!(reply.json().get("items").is_none());
    }
    // For somebody else the same cursor means the same place, and shows no more than to anybody.
    for key in CALLERS {
        let reply = ask(app, used, &cursor, key);
        reply.sound();
        if let Some(items) = reply.json().get("items").and_then(Json::as_array) {
            let path = used
                .split('?')
                .next()
                .unwrap_or_default()
                .rsplit('/')
                .next()
                .unwrap_or_default();
            for item in items {
                let id = item["id"]
                    .as_str()
                    .map_or_else(|| item["id"].to_string(), str::to_owned);
                assert!(
                    app.get(&format!("/v1/{path}/{id}"), key).is_ok(),
                    "{used} {cursor} {item}"
                );
            }
        }
    }
}

fn ask(app: &App, question: &str, cursor: &str, key: Option<&str>) -> Reply {
    let encoded: String = cursor.bytes().map(|byte| format!("%{byte:02x}")).collect();
    app.get(&format!("/v1/{question}&cursor={encoded}"), key)
}

/// The page size is no part of the question.
fn question(target: &str) -> String {
    let (path, query) = target.split_once('?').expect("questions have a query");
    let parts: Vec<&str> = query
        .split('&')
        .filter(|part| !part.starts_with("limit="))
        .collect();
    format!("{path}?{}", parts.join("&"))
}

fn assert_continues(app: &App, question: &str, key: Option<&str>, before: &Json, reply: &Reply) {
    assert!(reply.is_ok(), "{question} {reply:?}");
    let one = question.replacen("limit=", "limit=200&x=", 1);
    let one: Vec<&str> = one
        .split('&')
        .filter(|part| !part.starts_with("x="))
        .collect();
    let whole = app.get(&format!("/v1/{}", one.join("&")), key).json();
    let items = |page: &Json| page["items"].as_array().cloned().expect("a page");
    let (whole, before, after) = (items(&whole), items(before), items(&reply.json()));
    assert!(!after.is_empty());
    assert_eq!(
        whole[before.len()..][..after.len()],
        after[..],
        "{question}"
    );
}

fn edited(real: &str, edits: &[u8]) -> String {
    let mut bytes = real.as_bytes().to_vec();
    for edit in edits.chunks_exact(3) {
        let at = usize::from(edit[1]) % (bytes.len() + 1);
        match edit[0] % 4 {
            0 if at < bytes.len() => bytes[at] = edit[2],
            1 => bytes.insert(at, edit[2]),
            2 if at < bytes.len() => drop(bytes.remove(at)),
            3 => bytes.truncate(at),
            _ => {}
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn pick<T>(from: &[T], at: u8) -> &T {
    &from[usize::from(at) % from.len()]
}
