//! Requests and answers on the pages, sent to the contract of the page.

use std::collections::HashMap;

use frontdesk::model::Audience;
use serde_json::Value as Json;
use testkit::{Answer, App};

use super::compare::{Names, like, pretty};
use super::contracts::{files, whole};
use super::page::{Block, Page, pages, updating};

/// Shown where the answer is to be written by an update.
const ASKED: &str = "?";

/// A request and what comes back.
struct Exchange {
    request: Message,
    answer: Option<Message>,
}

/// A first line, fields and a body.
#[derive(Default)]
struct Message {
    first: String,
    fields: Vec<(String, String)>,
    body: String,
}

/// What a page is served by.
struct Served {
    app: App,
    keys: HashMap<String, testkit::Client>,
    names: Names,
}

const METHODS: [&str; 8] = [
    "GET ", "HEAD ", "POST ", "PUT ", "PATCH ", "DELETE ", "OPTIONS ", "QUERY ",
];

fn exchanges(block: &Block) -> Vec<Exchange> {
    let mut exchanges: Vec<Exchange> = vec![];
    let mut in_body = false;
    for line in block.text.lines() {
        let is_request =
            METHODS.iter().any(|method| line.starts_with(method)) && line.contains(" /");
        if is_request || line == "OPTIONS *" {
            let request = Message {
                first: line.to_owned(),
                ..Message::default()
            };
            exchanges.push(Exchange {
                request,
                answer: None,
            });
            in_body = false;
            continue;
        }
        let last = exchanges
            .last_mut()
            .unwrap_or_else(|| panic!("`{line}` belongs to no request"));
        if line.starts_with("HTTP/1.1 ") {
            last.answer = Some(Message {
                first: line.to_owned(),
                ..Message::default()
            });
            in_body = false;
            continue;
        }
        let message = last.answer.as_mut().unwrap_or(&mut last.request);
        match line.split_once(": ") {
            _ if line.is_empty() && !in_body => in_body = true,
            Some((name, value)) if !in_body => {
                message.fields.push((name.to_owned(), value.to_owned()));
            }
            _ => {
                message.body.push_str(line);
                message.body.push('\n');
            }
        }
    }
    exchanges
}

impl Served {
    fn new(page: &Page, contract: &str) -> Served {
        let app = match contract.strip_prefix("examples/") {
            Some(name) => App::example(name),
            None => {
                let mut builder = App::builder().file(frontdesk::FILE, contract);
                for (path, text) in files(page) {
                    builder = builder.file(&path, &text);
                }
                builder.start()
            }
        };
        Served {
            app,
            keys: HashMap::new(),
            names: Names::default(),
        }
    }

    /// `ANN=$(frontdesk key create ann --scope notes.write --user ann)`
    fn make_keys(&mut self, text: &str) {
        for line in text
            .lines()
            .filter(|line| !line.trim().is_empty() && !line.starts_with('#'))
        {
            let (name, rest) = line
                .split_once("=$(frontdesk key create ")
                .expect("NAME=$(…)");
            let mut words = rest
                .trim_end()
                .trim_end_matches(')')
                .split_whitespace()
                .skip(1);
            let mut key = self.app.key();
            let mut admin = false;
            while let Some(flag) = words.next() {
                let mut value = || words.next().expect("a value");
                key = match flag {
                    "--scope" => key.scope(value()),
                    "--user" => key.user(value()),
                    "--audience" => key.audience(Audience::named(value()).expect("an audience")),
                    "--claim" => {
                        let (name, value) = value().split_once('=').expect("NAME=VALUE");
                        key.claim(name, value)
                    }
                    "--admin" => {
                        admin = true;
                        key
                    }
                    other => panic!("`{other}` is no flag of `key create`"),
                };
            }
            let client = if admin {
                self.app.admin()
            } else {
                key.client()
            };
            self.keys.insert(name.to_owned(), client);
        }
    }

    fn send(&self, request: &Message) -> Answer {
        let (method, target) = request
            .first
            .split_once(' ')
            .expect("a method and a target");
        let target = self.names.resolve(target);
        let key = request.fields.iter().find_map(|(name, value)| {
            let key = value.strip_prefix("Bearer $")?;
            name.eq_ignore_ascii_case("authorization").then_some(key)
        });
        let client = match key {
            None => &*self.app,
            Some(name) => self
                .keys
                .get(name)
                .unwrap_or_else(|| panic!("there is no key ${name}")),
        };
        // What stands in angle brackets or blanks would have to be encoded by any client.
        let mut call = client.request(method, &target.replace(' ', "%20"));
        let mut content_type = None;
        for (name, value) in &request.fields {
            if name.eq_ignore_ascii_case("content-type") {
                content_type = Some(value.clone());
            } else if key.is_none() || !name.eq_ignore_ascii_case("authorization") {
                call = call.header(name, self.names.resolve(value));
            }
        }
        let body = self.names.resolve(request.body.trim_end());
        match content_type {
            Some(content_type) => call.body(&content_type, body),
            None if body.is_empty() => call,
            None => panic!("a body without Content-Type in `{}`", request.first),
        }
        .send()
    }
}

fn reason(status: u16) -> &'static str {
    let status = ::http::StatusCode::from_u16(status).unwrap();
    status.canonical_reason().unwrap_or_default()
}

/// The answer as a page would show it.
fn shown(asked: &Message, found: &Answer) -> String {
    let mut lines = vec![format!(
        "HTTP/1.1 {} {}",
        found.status,
        reason(found.status)
    )];
    for (name, _) in &asked.fields {
        if let Some(value) = found.header(name) {
            lines.push(format!("{name}: {value}"));
        }
    }
    if !asked.body.is_empty() {
        lines.push(String::new());
        lines.push(match serde_json::from_slice::<Json>(&found.body) {
            Ok(json) => pretty(&json),
            Err(_) => found.text().to_owned(),
        });
    }
    lines.join("\n")
}

/// What differs, if anything does.
fn difference(names: &mut Names, asked: &Message, found: &Answer) -> Option<String> {
    let first = format!("HTTP/1.1 {} {}", found.status, reason(found.status));
    // First, because fields may name what the body makes known.
    let body = asked.body.trim_end();
    let same_body = match serde_json::from_str::<Json>(body) {
        _ if body.is_empty() => true,
        Ok(json) => {
            serde_json::from_slice(&found.body).is_ok_and(|found| names.same(&json, &found))
        }
        Err(_) => like(body, found.text()),
    };
    if asked.first != first {
        return Some(format!("`{}` is not `{first}`", asked.first));
    }
    if !same_body {
        return Some("another body".to_owned());
    }
    for (name, value) in &asked.fields {
        let same = match found.header(name) {
            Some(found) => names.same_header(name, value, &found),
            None => false,
        };
        if !same {
            return Some(format!("another `{name}`"));
        }
    }
    None
}

#[test]
fn answers_are_what_is_given() {
    for mut page in pages() {
        let mut served: Option<Served> = None;
        let mut changes = vec![];
        for block in &page.blocks {
            if block.language == "yaml" && block.is("serve") {
                served = Some(Served::new(&page, &whole(&page, block)));
            }
            if block.language == "sh" && block.is("keys") {
                let example = block
                    .value("example")
                    .map(|name| format!("examples/{name}"));
                if let Some(example) = example {
                    served = Some(Served::new(&page, &example));
                }
                served
                    .as_mut()
                    .expect("a contract above the keys")
                    .make_keys(&block.text);
            }
            if block.language != "http" {
                continue;
            }
            let served = served
                .as_mut()
                .unwrap_or_else(|| panic!("{}: nothing is served", page.place(block)));
            let mut text = String::new();
            let mut differs = false;
            for exchange in exchanges(block) {
                let found = served.send(&exchange.request);
                let request = &exchange.request;
                if !text.is_empty() {
                    text.push('\n');
                }
                text.push_str(&format!("{}\n", request.first));
                for (name, value) in &request.fields {
                    text.push_str(&format!("{name}: {value}\n"));
                }
                if !request.body.trim().is_empty() {
                    text.push_str(&format!("\n{}\n", request.body.trim_end()));
                }
                let Some(asked) = &exchange.answer else {
                    assert!(found.status < 400, "{}: {found:?}", page.place(block));
                    continue;
                };
                let difference = difference(&mut served.names, asked, &found);
                if let Some(what) = &difference {
                    let place = page.place(block);
                    // Never written by itself: an example that fails is no example.
                    let status = asked.first.split(' ').nth(1).unwrap_or_default();
                    assert_eq!(status, found.status.to_string(), "{place}: {found:?}");
                    assert!(updating(), "{place}: {}: {what}\n{found:?}", request.first);
                    differs = true;
                }
                text.push('\n');
                match difference {
                    Some(_) => text.push_str(&shown(asked, &found)),
                    None => {
                        text.push_str(&asked.first);
                        for (name, value) in &asked.fields {
                            text.push_str(&format!("\n{name}: {value}"));
                        }
                        if !asked.body.trim().is_empty() {
                            text.push_str(&format!("\n\n{}", asked.body.trim_end()));
                        }
                    }
                }
                text.push('\n');
            }
            if differs {
                changes.push((block.clone(), text));
            }
        }
        for (block, text) in changes {
            page.change(&block, &text);
        }
        page.write();
    }
    // So that nobody leaves a question behind.
    for page in pages() {
        for block in page.blocks.iter().filter(|block| block.language == "http") {
            let asked = block
                .text
                .lines()
                .any(|line| line == ASKED || line.ends_with(": ?"));
            assert!(!asked, "{}: an answer is missing", page.place(block));
        }
    }
}
