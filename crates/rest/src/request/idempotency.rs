//! `Idempotency-Key`, and what makes two requests the same one.
//!
//! After draft-ietf-httpapi-idempotency-key-header-07. It says that the key is a string of
//! structured fields, in quotes and perhaps with parameters; most clients send it bare. Both are
//! taken, and are the same key if the same characters are in them.

use call::{
    Change, Code, Failure, FieldProblem, IdempotencyKey, Place, Precondition, RecordKey, Request,
};
use http::HeaderMap;
use http::header::HeaderName;
use http::request::Parts;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::failure::Refusal;

pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Longest key. A UUID has 36 characters.
const KEY_BYTES_MAX: usize = 255;

/// The key that a request came with.
pub fn read(head: &Parts, request: &Request) -> Result<Option<IdempotencyKey>, Refusal> {
    let key = key(&head.headers)?;
    Ok(key.map(|text| IdempotencyKey {
        text,
        fingerprint: fingerprint(head, request),
    }))
}

fn key(headers: &HeaderMap) -> Result<Option<String>, Refusal> {
    let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        let detail = "`Idempotency-Key` is there more than once; send one.";
        return Err(refuse("repeated", detail));
    }
    let text = value.to_str().unwrap_or_default().trim_ascii();
    let key = match text.starts_with('"') {
        true => web::structured::string(text),
        // Two fields that were put together on their way have a space between them.
        false => {
            Some(text.to_owned()).filter(|key| key.bytes().all(|byte| byte.is_ascii_graphic()))
        }
    };
    match key {
        Some(key) if (1..=KEY_BYTES_MAX).contains(&key.len()) => Ok(Some(key)),
        _ => Err(refuse(
            "invalid",
            "A key has 1 to 255 visible ASCII characters, in quotes also spaces, such as \
             `\"8e03978e-40d5-43dd-bc93-6894a57f9324\"`; `\"` and `\\` within quotes have a `\\` \
             before them.",
        )),
    }
}

fn refuse(code: &'static str, detail: &str) -> Refusal {
    let fault = FieldProblem {
        place: Place::Header("Idempotency-Key"),
        code,
        detail: detail.to_owned(),
    };
    Failure::with_problems(Code::Malformed, vec![fault]).into()
}

/// How fingerprints are made. They are kept for a day, and compared by whatever release runs then:
/// when anything of how one is made changes, this does.
const SPELLING: u8 = 1;

/// Of method, path, parameters, preconditions and the body as it is understood: white space and
/// the order of members make no other request.
fn fingerprint(head: &Parts, request: &Request) -> [u8; 16] {
    let mut hash = Sha256::new();
    text(&mut hash, head.method.as_str());
    text(&mut hash, head.uri.path());
    text(&mut hash, head.uri.query().unwrap_or_default());
    precondition(&mut hash, &request.precondition);
    match &request.change {
        None => hash.update(b"-"),
        Some(Change::Whole(members)) => {
            hash.update(b"w");
            object(&mut hash, members);
        }
        Some(Change::Merge(members)) => {
            hash.update(b"m");
            object(&mut hash, members);
        }
        Some(Change::Patch(operations)) => {
            hash.update(b"p");
            json(&mut hash, operations);
        }
        Some(Change::Batch(batch)) => {
            hash.update(b"b");
            for body in &batch.create {
                match body {
                    Some(body) => object(&mut hash, body),
                    None => hash.update(b"!"),
                }
            }
            for part in batch.update.iter().chain(&batch.delete) {
                let Some(part) = part else {
                    hash.update(b"!");
                    continue;
                };
                hash.update(b".");
                target(&mut hash, &part.target);
                precondition(&mut hash, &part.precondition);
                object(&mut hash, &part.change);
            }
            number(&mut hash, batch.update.len());
        }
    }
    let mut print = [SPELLING; 16];
    print[1..].copy_from_slice(&hash.finalize()[..15]);
    print
}

fn precondition(hash: &mut Sha256, precondition: &Precondition) {
    let Precondition {
        versions,
        exists,
        absent,
    } = precondition;
    hash.update([u8::from(*exists), u8::from(*absent)]);
    match versions {
        None => hash.update(b"-"),
        Some(versions) => {
            hash.update(b"v");
            number(hash, versions.len());
            for version in versions {
                hash.update(version.to_le_bytes());
            }
        }
    }
}

fn target(hash: &mut Sha256, target: &RecordKey) {
    match target {
        RecordKey::Id(id) => {
            hash.update(b"i");
            text(hash, id);
        }
        RecordKey::Natural(values) => {
            hash.update(b"k");
            number(hash, values.len());
            for value in values {
                text(hash, value);
            }
        }
    }
}

fn number(hash: &mut Sha256, number: usize) {
    hash.update((number as u64).to_le_bytes());
}

/// With its length, which keeps what stands beside each other apart.
fn text(hash: &mut Sha256, text: &str) {
    number(hash, text.len());
    hash.update(text);
}

/// Goes as deep as a body may, which the parser bounds.
fn json(hash: &mut Sha256, value: &Value) {
    match value {
        Value::Null => hash.update(b"n"),
        Value::Bool(true) => hash.update(b"t"),
        Value::Bool(false) => hash.update(b"f"),
        Value::Number(number) => {
            hash.update(b"#");
            text(hash, &number.to_string());
        }
        Value::String(string) => {
            hash.update(b"s");
            text(hash, string);
        }
        Value::Array(items) => {
            hash.update(b"[");
            for item in items {
                json(hash, item);
            }
            hash.update(b"]");
        }
        Value::Object(members) => object(hash, members),
    }
}

fn object(hash: &mut Sha256, members: &serde_json::Map<String, Value>) {
    let mut sorted: Vec<_> = members.iter().collect();
    sorted.sort_unstable_by_key(|(name, _)| *name);
    hash.update(b"{");
    for (name, member) in sorted {
        text(hash, name);
        json(hash, member);
    }
    hash.update(b"}");
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use call::Caller;
    use http::HeaderValue;
    use model::Action;
    use serde_json::json;
    use value::{ResourceId, Timestamp};

    use super::*;

    #[track_caller]
    fn check(value: &'static str, expected: Result<&str, &str>) {
        let mut headers = HeaderMap::new();
        headers.append(IDEMPOTENCY_KEY, HeaderValue::from_static(value));
        let found = match key(&headers) {
            Ok(key) => Ok(key.unwrap()),
            Err(refusal) => Err(refusal.problem().faults()[0].code.to_string()),
        };
        let expected = expected.map(str::to_owned).map_err(str::to_owned);
        assert_eq!(found, expected, "{value}");
    }

    #[test]
    fn keys_come_in_quotes_or_bare() {
        check("\"8e03978e\"", Ok("8e03978e"));
        check("8e03978e", Ok("8e03978e"));
        check(r#""a\"\\b""#, Ok(r#"a"\b"#));
        check("a\"b", Ok("a\"b"));
        check("a;b=1", Ok("a;b=1"));
        check("\"a b\"", Ok("a b"));
        check(" \" \" ", Ok(" "));
        check("\"a\";p=1", Ok("a"));
        check("\"a\"; p; q=\"x y\"", Ok("a"));
        for bad in [
            "",
            "\"\"",
            "\"a",
            "\"a\"b",
            "\"a\";P=1",
            "\"a\";",
            "\"a\", \"b\"",
            "a, b",
            "a b",
            r#""a\b""#,
            "\"",
        ] {
            check(bad, Err("invalid"));
        }
        let most = "k".repeat(KEY_BYTES_MAX);
        let mut headers = HeaderMap::new();
        headers.append(IDEMPOTENCY_KEY, HeaderValue::try_from(&most).unwrap());
        assert_eq!(key(&headers).unwrap(), Some(most.clone()));
        headers.append(IDEMPOTENCY_KEY, HeaderValue::from_static("b"));
        assert_eq!(
            key(&headers).unwrap_err().problem().faults()[0].code,
            "repeated"
        );
        headers.clear();
        headers.append(IDEMPOTENCY_KEY, HeaderValue::try_from(most + "k").unwrap());
        assert_eq!(
            key(&headers).unwrap_err().problem().faults()[0].code,
            "invalid"
        );
    }

    fn of(
        method: &str,
        target: &str,
        change: Option<Change>,
        precondition: Precondition,
    ) -> [u8; 16] {
        let (head, ()) = http::Request::builder()
            .method(method)
            .uri(target)
            .body(())
            .unwrap()
            .into_parts();
        let caller = Arc::new(Caller::guest());
        let request = Request {
            change,
            precondition,
            ..Request::new(ResourceId(0), Action::Create, caller, Timestamp(0))
        };
        fingerprint(&head, &request)
    }

    #[test]
    fn a_request_is_the_same_whatever_the_order_of_its_members() {
        let body = |text: &str| Some(Change::Whole(serde_json::from_str(text).unwrap()));
        let print = |text| of("POST", "/v1/books", body(text), Precondition::default());
        let first = print(r#"{"a": {"b": 1, "c": [1, "2"]}, "d": null}"#);
        assert_eq!(first, print(r#"{"d":null,"a":{"c":[1,"2"],"b":1}}"#));
        for other in [
            r#"{"a": {"b": 1, "c": ["2", 1]}, "d": null}"#,
            r#"{"a": {"b": 1, "c": [1, 2]}, "d": null}"#,
            r#"{"a": {"b": 1, "c": [1, "2"]}}"#,
            r#"{"a": {"b": 1, "c": [1, "2"], "d": null}}"#,
            "{}",
        ] {
            assert_ne!(first, print(other), "{other}");
        }
    }

    #[test]
    fn a_fingerprint_is_the_same_in_every_release() {
        let change = json!({"a": 1}).as_object().cloned().map(Change::Merge);
        let precondition = Precondition {
            versions: Some(vec![1]),
            ..Precondition::default()
        };
        let print = of("PATCH", "/v1/books/1", change, precondition);
        let print = print.map(|byte| format!("{byte:02x}")).concat();
        // What is kept was made so. If this changes, `SPELLING` must.
        assert_eq!(print, "01a24709e015189b29dc4c14fa3fa04f");
    }

    #[test]
    fn everything_that_a_request_says_counts() {
        let body = || json!({"a": 1}).as_object().cloned().unwrap();
        let none = Precondition::default;
        let versions = Precondition {
            versions: Some(vec![1]),
            ..none()
        };
        let all = [
            of("PATCH", "/v1/books/1", Some(Change::Merge(body())), none()),
            of(
                "PATCH",
                "/v1/books/1",
                Some(Change::Merge(body())),
                versions,
            ),
            of(
                "PATCH",
                "/v1/books/1",
                Some(Change::Patch(json!([]))),
                none(),
            ),
            of("PATCH", "/v1/books/2", Some(Change::Merge(body())), none()),
            of(
                "PATCH",
                "/v1/books/1?fields=id",
                Some(Change::Merge(body())),
                none(),
            ),
            of("PUT", "/v1/books/1", Some(Change::Whole(body())), none()),
            of("DELETE", "/v1/books/1", None, none()),
        ];
        for (place, one) in all.iter().enumerate() {
            assert!(!all[..place].contains(one), "{place}");
        }
    }
}
