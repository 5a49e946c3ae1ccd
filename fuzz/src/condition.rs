//! Queries in bodies, through the door.
//!
//! The first byte chooses who asks, the second which list, the rest is the body of QUERY.

use std::collections::BTreeSet;

use http::Method;
use serde_json::{Value as Json, json};

use super::app::{ANN, App, OPERATOR, Reply, STAFF, headers};

pub fn run(data: &[u8]) {
    let [who, list, body @ ..] = data else {
        return;
    };
    let key = match who {
        b'a' => Some(ANN),
        b's' => Some(STAFF),
        b'o' => Some(OPERATOR),
        _ => None,
    };
    let path = match list {
        b'r' => "/v1/reviews",
        b'i' => "/v1/items",
        b'n' => "/v1/books/1/reviews",
        _ => "/v1/books",
    };
    let reply = ask(key, path, body);
    reply.sound();
    // POST says the same, for those who cannot send QUERY.
    let by_post = headers(key, Some("application/json"));
    let by_post = App::shared().ask(Method::POST, &format!("{path}/query"), by_post, body);
    assert_eq!(by_post.status, reply.status, "{path} {by_post:?}");
    let condition = serde_json::from_slice(body)
        .ok()
        .and_then(|query: Json| query.get("where").cloned());
    if let Some(condition) = condition.filter(|_| reply.is_ok()) {
        either_or(key, path, &condition);
    }
}

fn ask(key: Option<&str>, path: &str, body: &[u8]) -> Reply {
    let fields = headers(key, Some("application/json"));
    App::shared().ask(Method::QUERY, path, fields, body)
}

/// A condition and its NOT share the list between them: every record is in one of the two.
fn either_or(key: Option<&str>, path: &str, condition: &Json) {
    let found = |condition: Json| {
        let query = json!({"where": condition, "limit": 200, "fields": ["id"]});
        let reply = ask(key, path, query.to_string().as_bytes());
        reply.sound();
        // One level more may be one too many.
        reply.is_ok().then(|| ids(&reply.json()))
    };
    let (Some(all), Some(some), Some(others)) = (
        found(json!({})),
        found(condition.clone()),
        found(json!({"not": condition})),
    ) else {
        return;
    };
    assert!(
        some.is_disjoint(&others),
        "{condition}: {some:?} {others:?}"
    );
    let together: BTreeSet<String> = some.union(&others).cloned().collect();
    assert_eq!(together, all, "{condition}");
}

fn ids(page: &Json) -> BTreeSet<String> {
    let items = page["items"].as_array().expect("a page");
    items.iter().map(|item| item["id"].to_string()).collect()
}
