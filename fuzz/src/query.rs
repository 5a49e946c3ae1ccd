//! Paths and query strings, through the door.
//!
//! The first byte chooses who asks, the rest is what follows `/v1/`: `gbooks?sort=-price`.

use std::collections::HashSet;

use http::header::LINK;
use http::{HeaderMap, Method};
use serde_json::Value as Json;

use super::app::{ANN, App, OPERATOR, Reply, STAFF, headers};

/// Pages that are turned, at most.
const PAGES: usize = 4;

pub fn run(data: &[u8]) {
    let Some((first, rest)) = data.split_first() else {
        return;
    };
    let Ok(text) = std::str::from_utf8(rest) else {
        return;
    };
    // A fragment is no part of a request.
    let text = text.split('#').next().unwrap_or_default();
    alone(text);
    let key = match first {
        b'a' => Some(ANN),
        b's' => Some(STAFF),
        b'o' => Some(OPERATOR),
        _ => None,
    };
    let app = App::shared();
    let target = format!("/v1/{text}");
    let Some(reply) = app.try_ask(Method::GET, &target, headers(key, None), b"") else {
        return;
    };
    reply.sound();
    let head = app.ask(Method::HEAD, &target, headers(key, None), b"");
    assert_eq!(head.status, reply.status);
    if reply.is_ok() && reply.json()["items"].is_array() {
        list(app, key, &target, &reply);
    }
    // Guests write nothing, whatever they add to the path.
    for method in [Method::POST, Method::PATCH, Method::DELETE] {
        let asks = method == Method::POST
            && text
                .split('?')
                .next()
                .is_some_and(|path| path.ends_with("/query"));
        let refused = app.ask(method, &target, HeaderMap::new(), b"{}");
        // POST to `/query` behind a list reads it.
        if asks && refused.is_ok() {
            continue;
        }
        refused.sound();
        assert!(refused.status.is_client_error(), "{refused:?}");
    }
}

/// The parser of query strings by itself.
fn alone(text: &str) {
    let query = text.split_once('?').map(|(_, query)| query);
    if let Ok(parameters) = web::query::parse(query) {
        for (at, parameter) in parameters.iter().enumerate() {
            assert!(!parameter.name.is_empty() && !parameter.name.contains(['[', ']', '\0']));
            assert!(!parameter.value.contains(|c: char| c.is_ascii_control()));
            let again = parameters[..at]
                .iter()
                .any(|other| other.name == parameter.name && other.bracket == parameter.bracket);
            assert!(!again, "{text:?}");
        }
    }
    web::query::decode_segment(text);
}

/// Turning pages goes through the list once, in its order.
fn list(app: &App, key: Option<&str>, target: &str, first: &Reply) {
    let page = first.json();
    let total = page
        .get("total")
        .map(|total| total.as_u64().expect("a number"));
    let mut all = ids(&page);
    let mut next = link(first);
    for _ in 0..PAGES {
        let Some(path) = next else { break };
        let reply = app.get(&path, key);
        reply.sound();
        assert!(reply.is_ok(), "{target} goes on at {path}: {reply:?}");
        assert_eq!(reply.json().get("total"), page.get("total"), "{target}");
        all.extend(ids(&reply.json()));
        next = link(&reply);
    }
    // `fields=` may leave the ids out.
    if all.iter().all(|id| !id.is_null()) {
        let unique: HashSet<String> = all.iter().map(Json::to_string).collect();
        assert_eq!(
            unique.len(),
            all.len(),
            "{target} has a record twice: {all:?}"
        );
    }
    if target.contains("cursor") {
        return;
    }
    if let Some(total) = total {
        let found = all.len() as u64;
        assert!(
            if next.is_none() {
                total == found
            } else {
                total > found
            },
            "{target}: {total}, {all:?}"
        );
    }
    if let Some(target) = without_limit(target) {
        let reply = app.get(&target, key);
        assert!(reply.is_ok(), "{target} {reply:?}");
        let whole = ids(&reply.json());
        assert_eq!(whole.get(..all.len()), Some(&all[..]), "{target}");
    }
}

/// The same list in one page.
fn without_limit(target: &str) -> Option<String> {
    let (path, query) = target.split_once('?')?;
    let (limits, others): (Vec<&str>, Vec<&str>) = query
        .split('&')
        .partition(|part| part.starts_with("limit="));
    (!limits.is_empty()).then(|| format!("{path}?limit=200&{}", others.join("&")))
}

/// Where the next page is; the body and the header agree on that.
fn link(reply: &Reply) -> Option<String> {
    let page = reply.json();
    let links = reply
        .headers
        .get(LINK)
        .map_or("", |links| links.to_str().expect("links are ASCII"));
    let Some(link) = links
        .split(", ")
        .find_map(|link| link.strip_suffix(">; rel=\"next\""))
    else {
        assert!(page["next_cursor"].is_null(), "{reply:?}");
        return None;
    };
    let cursor = page["next_cursor"]
        .as_str()
        .expect("a cursor beside the link");
    let path = link.strip_prefix('<').unwrap_or_else(|| panic!("{link}"));
    assert!(path.ends_with(cursor), "{link}");
    Some(path.to_owned())
}

fn ids(page: &Json) -> Vec<Json> {
    let items = page["items"].as_array().expect("a page");
    assert!(items.len() <= 200);
    items.iter().map(|item| item["id"].clone()).collect()
}
