//! The body of QUERY (RFC 10008) and of `POST …/query`: a list's parameters as JSON, with a
//! condition that may say OR and NOT.
//!
//! ```json
//! {"where": {"or": [{"state": "held"}, {"price": {"lte": "20"}}]}, "sort": ["-price"], "limit": 20}
//! ```
//!
//! Only the form is judged here; whether a field can be asked about so is the engine's question.

use call::{
    Code, Condition, Failure, FieldProblem, Filter, Operand, Operator, Place, Query, SortKey,
    ViewRequest,
};
use http::HeaderMap;
use http::header::HeaderName;
use serde_json::{Map, Value};
use web::RequestBody;
use web::media::Unsupported;

use super::body::{self, JSON_TYPE};
use super::parameters::{is_name, nearest, shown};
use crate::failure::Refusal;

/// RFC 10008 section 3.
pub const ACCEPT_QUERY: HeaderName = HeaderName::from_static("accept-query");

const MEMBERS: [&str; 8] = [
    "cursor", "fields", "include", "limit", "q", "sort", "total", "where",
];

/// Reads a query that came as a body.
pub async fn read(
    headers: &HeaderMap,
    body: &mut RequestBody,
    bytes_max: usize,
) -> Result<(Query, ViewRequest), Refusal> {
    if body.is_empty() {
        let detail = "The request has no body; send the query as a JSON object in it.";
        return Err(Failure::new(Code::Malformed, detail).into());
    }
    if let Err(error) = web::media::content_type(headers, &["application/json"]) {
        // RFC 10008 section 2: what says nothing about its content is a bad request.
        if error.reason == Unsupported::Missing {
            let detail = "The request has no `Content-Type`; say `application/json`.";
            let fault = FieldProblem {
                place: Place::Header("Content-Type"),
                code: "required",
                detail: detail.to_owned(),
            };
            return Err(Failure::with_problems(Code::Malformed, vec![fault]).into());
        }
        let problem = web::Problem::from(error);
        return Err(problem.header(ACCEPT_QUERY, JSON_TYPE).into());
    }
    let bytes = body.read(bytes_max).await.map_err(web::Problem::from)?;
    parse(&bytes)
}

/// The same from bytes.
pub fn parse(bytes: &[u8]) -> Result<(Query, ViewRequest), Refusal> {
    let json = web::json::parse(bytes).map_err(body::unreadable)?;
    let mut reader = Reader::default();
    reader.members(body::object(json)?);
    reader.query.unreadable = reader.faults;
    Ok((reader.query, reader.view))
}

/// The engine's refusal of a query that came as a body: understood, and not what the contract
/// allows.
pub fn in_body(mut failure: Failure) -> Failure {
    for fault in &mut failure.problems {
        if let Place::Parameter(name) = &fault.place {
            fault.place = Place::Pointer(format!("/{name}"));
        }
    }
    if failure.code == Code::Malformed {
        failure.code = Code::Invalid;
    }
    failure
}

#[derive(Default)]
struct Reader {
    query: Query,
    view: ViewRequest,
    faults: Vec<FieldProblem>,
}

impl Reader {
    fn members(&mut self, members: Map<String, Value>) {
        for (name, value) in members {
            match (&*name, value) {
                ("where", value) => self.query.condition = self.condition(value, "/where".into()),
                ("sort", value) => self.sort(value),
                ("fields", value) => self.view.fields = self.names(value, "fields", "id"),
                ("include", value) => {
                    self.view.include = self.names(value, "include", "author").unwrap_or_default();
                }
                ("limit", Value::Number(limit)) => self.limit(&limit),
                ("limit", _) => self.fault("/limit", "wrong_type", "`limit` is a whole number."),
                ("cursor", Value::String(cursor)) if !cursor.is_empty() => {
                    self.query.cursor = Some(cursor);
                }
                // As the last page has it, and the first has none.
                ("cursor", Value::Null) => {}
                ("cursor", _) => self.fault(
                    "/cursor",
                    "wrong_type",
                    "`cursor` is the `next_cursor` of the page before; leave it out to begin at \
                     the start.",
                ),
                ("q", Value::String(words)) => self.query.words = Some(words),
                ("q", _) => self.fault("/q", "wrong_type", "`q` is a string of words."),
                ("total", Value::Bool(total)) => self.query.total = total,
                ("total", _) => self.fault("/total", "wrong_type", "`total` is true or false."),
                (other, _) => {
                    let detail = format!(
                        "`{}` is no part of a query{}; the parts are {}.",
                        shown(other),
                        nearest(other, MEMBERS),
                        MEMBERS.join(", ")
                    );
                    self.fault(&format!("/{}", escaped(other)), "unknown_field", detail);
                }
            }
        }
    }

    fn limit(&mut self, limit: &serde_json::Number) {
        // Too large a number is lowered, here to what fits, by the engine to the maximum. In JSON
        // 20.0 is a whole number too.
        let whole = limit.as_u64().or_else(|| {
            let number = limit.as_f64()?;
            (number >= 0.0 && number.fract() == 0.0).then_some(number as u64)
        });
        match whole {
            Some(0) => self.fault("/limit", "too_small", "`limit` is at least 1."),
            Some(limit) => {
                self.query.limit = Some(u32::try_from(limit).unwrap_or(u32::MAX));
            }
            None => self.fault(
                "/limit",
                "wrong_type",
                "`limit` is a whole number, 1 or more.",
            ),
        }
    }

    fn sort(&mut self, value: Value) {
        let Some(keys) = self.texts(value, "sort", "-created_at") else {
            return;
        };
        for (index, key) in keys.iter().enumerate() {
            let (descending, field) = match key.strip_prefix('-') {
                Some(field) => (true, field),
                None => (false, &**key),
            };
            if is_name(field) {
                self.query.sort.push(SortKey {
                    field: field.to_owned(),
                    descending,
                });
            } else {
                let what = match key.is_empty() {
                    true => "an empty text".to_owned(),
                    false => format!("`{}`", shown(key)),
                };
                let detail = format!(
                    "{what} is not a sort key; write a field's name, with `-` before it to sort \
                     downwards."
                );
                self.fault(&format!("/sort/{index}"), "invalid", detail);
            }
        }
    }

    fn names(&mut self, value: Value, member: &str, example: &str) -> Option<Vec<String>> {
        let names = self.texts(value, member, example)?;
        let mut once: Vec<String> = Vec::with_capacity(names.len());
        for (index, name) in names.iter().enumerate() {
            if !name.split('.').all(is_name) {
                let detail = match name.is_empty() {
                    true => "an empty text is not a name.".to_owned(),
                    false => format!("`{}` is not a name.", shown(name)),
                };
                self.fault(&format!("/{member}/{index}"), "invalid", detail);
            }
            // As in a URL, naming something twice says no more than naming it once.
            if !once.contains(name) {
                once.push(name.clone());
            }
        }
        Some(once)
    }

    /// A list of strings.
    fn texts(&mut self, value: Value, member: &str, example: &str) -> Option<Vec<String>> {
        let texts = match value {
            Value::Array(items) => items
                .into_iter()
                .map(|item| match item {
                    Value::String(text) => Some(text),
                    _ => None,
                })
                .collect(),
            _ => None,
        };
        if texts.is_none() {
            let detail = format!("`{member}` is a list of names, such as `[\"{example}\"]`.");
            self.fault(&format!("/{member}"), "wrong_type", detail);
        }
        texts
    }

    /// An object: every member must hold. JSON nests no deeper than [`web::json`] allows.
    fn condition(&mut self, value: Value, pointer: String) -> Option<Condition> {
        let Value::Object(members) = value else {
            let detail = "A condition is an object such as `{\"state\": \"held\"}`.";
            self.fault(&pointer, "wrong_type", detail);
            return None;
        };
        let mut all = Vec::with_capacity(members.len());
        for (name, value) in members {
            let pointer = format!("{pointer}/{}", escaped(&name));
            match &*name {
                "and" => all.extend(self.list(value, pointer).map(Condition::All)),
                "or" => all.extend(self.list(value, pointer).map(Condition::Any)),
                "not" => all.extend(
                    self.condition(value, pointer)
                        .map(|inner| Condition::Not(Box::new(inner))),
                ),
                _ => self.comparisons(&name, value, pointer, &mut all),
            }
        }
        Some(match all.len() {
            1 => all.remove(0),
            _ => Condition::All(all),
        })
    }

    fn list(&mut self, value: Value, pointer: String) -> Option<Vec<Condition>> {
        let Value::Array(items) = value else {
            let detail = "`and` and `or` take a list of conditions.";
            self.fault(&pointer, "wrong_type", detail);
            return None;
        };
        let conditions = items
            .into_iter()
            .enumerate()
            .filter_map(|(index, item)| self.condition(item, format!("{pointer}/{index}")));
        Some(conditions.collect())
    }

    /// `"price": {"gte": 1, "lte": 2}`, `"state": "held"`, `"author_id": null`.
    fn comparisons(&mut self, name: &str, value: Value, pointer: String, out: &mut Vec<Condition>) {
        let (relation, field) = match name.split_once('.') {
            Some((relation, field)) => (Some(relation), field),
            None => (None, name),
        };
        if !is_name(field) || !relation.is_none_or(is_name) {
            let detail = format!("`{}` is neither a field nor `relation.field`.", shown(name));
            return self.fault(&pointer, "unknown_field", detail);
        }
        let mut add = |operator: Operator, operand: Value, pointer: String| {
            out.push(Condition::Is(Filter {
                relation: relation.map(str::to_owned),
                field: field.to_owned(),
                operator,
                operand: Operand::Json(operand),
                place: Place::Pointer(pointer),
            }));
        };
        match value {
            Value::Object(comparisons) if comparisons.is_empty() => {
                let detail = format!(
                    "Say how to compare, such as `{{\"eq\": …}}`; the operators are {}.",
                    Operator::ALL.map(Operator::name).join(", ")
                );
                self.fault(&pointer, "required", detail);
            }
            Value::Object(comparisons) => {
                for (word, operand) in comparisons {
                    let pointer = format!("{pointer}/{}", escaped(&word));
                    match Operator::parse(&word) {
                        Some(operator) => add(operator, operand, pointer),
                        None => {
                            let operators = Operator::ALL.map(Operator::name);
                            let detail = format!(
                                "`{}` is not an operator{}; the operators are {}.",
                                shown(&word),
                                nearest(&word, operators),
                                operators.join(", ")
                            );
                            self.fault(&pointer, "unknown_operator", detail);
                        }
                    }
                }
            }
            Value::Null => add(Operator::IsNull, Value::Bool(true), pointer),
            Value::Array(_) => {
                let detail = "To ask for one of several values write `{\"in\": […]}`.";
                self.fault(&pointer, "wrong_type", detail);
            }
            value => add(Operator::Eq, value, pointer),
        }
    }

    fn fault(&mut self, pointer: &str, code: &'static str, detail: impl Into<String>) {
        self.faults.push(FieldProblem {
            place: Place::Pointer(pointer.to_owned()),
            code,
            detail: detail.into(),
        });
    }
}

/// A member's name in an RFC 6901 pointer.
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(condition: &Condition) -> String {
        let all = |word: &str, parts: &[Condition]| {
            let parts: Vec<String> = parts.iter().map(told).collect();
            format!("{word}({})", parts.join(", "))
        };
        match condition {
            Condition::All(parts) => all("and", parts),
            Condition::Any(parts) => all("or", parts),
            Condition::Not(inner) => format!("not({})", told(inner)),
            Condition::Is(filter) => {
                let Operand::Json(operand) = &filter.operand else {
                    panic!("not JSON")
                };
                let relation = filter.relation.as_deref().unwrap_or("-");
                let operator = filter.operator.name();
                format!("{relation}/{} {operator} {operand}", filter.field)
            }
        }
    }

    #[track_caller]
    fn check(body: &str, expected: &str) {
        let found =
            match parse(body.as_bytes()) {
                Ok((query, _)) if !query.unreadable.is_empty() => {
                    let faults = query.unreadable.iter().map(|fault| match &fault.place {
                        Place::Pointer(name) => format!("!{name} {}", fault.code),
                        other => panic!("{other:?}"),
                    });
                    faults.collect::<Vec<_>>().join(" ")
                }
                Ok((query, view)) => {
                    let mut words: Vec<String> = query.condition.iter().map(told).collect();
                    words.extend(query.sort.iter().map(|key| {
                        format!("{}{}", if key.descending { "↓" } else { "↑" }, key.field)
                    }));
                    words.extend(query.words.map(|words| format!("q {words:?}")));
                    words.extend(query.limit.map(|limit| format!("limit {limit}")));
                    words.extend(query.cursor.map(|cursor| format!("cursor {cursor:?}")));
                    words.extend(query.total.then(|| "total".to_owned()));
                    words.extend(view.fields.map(|fields| format!("fields {fields:?}")));
                    if !view.include.is_empty() {
                        words.push(format!("include {:?}", view.include));
                    }
                    words.join(" ")
                }
                Err(refusal) => {
                    let problem = refusal.problem();
                    let faults = problem.faults().iter().map(|fault| match &fault.place {
                        web::problem::Place::Pointer(name) => format!("!{name} {}", fault.code),
                        other => panic!("{other:?}"),
                    });
                    let faults: Vec<String> = faults.collect();
                    format!("{} {}", problem.status().as_u16(), faults.join(" "))
                }
            };
        assert_eq!(found, expected, "{body}");
    }

    #[test]
    fn queries_are_read() {
        for (body, expected) in [
            ("{}", ""),
            (r#"{"limit": 20}"#, "limit 20"),
            (r#"{"limit": 99999999999}"#, "limit 4294967295"),
            (r#"{"limit": 20.0}"#, "limit 20"),
            (r#"{"limit": 1e30}"#, "limit 4294967295"),
            (r#"{"limit": 154137143440213803008}"#, "limit 4294967295"),
            (
                r#"{"include": ["a", "b", "a"], "fields": ["id", "id"]}"#,
                "fields [\"id\"] include [\"a\", \"b\"]",
            ),
            (
                r#"{"cursor": "abc", "total": true}"#,
                "cursor \"abc\" total",
            ),
            (r#"{"cursor": null, "total": false}"#, ""),
            (r#"{"sort": ["-a", "b"], "q": "x y"}"#, "↓a ↑b q \"x y\""),
            (
                r#"{"fields": ["id", "author.name"], "include": ["reviews"]}"#,
                "fields [\"id\", \"author.name\"] include [\"reviews\"]",
            ),
            (r#"{"where": {}}"#, "and()"),
            (r#"{"where": {"a": 1}}"#, "-/a eq 1"),
            (r#"{"where": {"a": null}}"#, "-/a is_null true"),
            (
                r#"{"where": {"author.name": {"in": ["x"]}, "p": {"gte": 1, "lte": 2}}}"#,
                "and(author/name in [\"x\"], -/p gte 1, -/p lte 2)",
            ),
            (
                r#"{"where": {"or": [{"a": 1}, {"not": {"b": true, "c": 2}}, {"and": []}]}}"#,
                "or(-/a eq 1, not(and(-/b eq true, -/c eq 2)), and())",
            ),
        ] {
            check(body, expected);
        }
    }

    #[test]
    fn what_is_no_query_is_refused_at_its_place() {
        for (body, expected) in [
            ("", "400 ! empty"),
            ("{", "400 ! syntax"),
            ("[]", "422 ! wrong_type"),
            (r#"{"wher": {}}"#, "!/wher unknown_field"),
            (r#"{"a/b~": {}}"#, "!/a~1b~0 unknown_field"),
            (r#"{"limit": 0}"#, "!/limit too_small"),
            (r#"{"limit": -1}"#, "!/limit wrong_type"),
            (r#"{"limit": 1.5}"#, "!/limit wrong_type"),
            (r#"{"limit": "5"}"#, "!/limit wrong_type"),
            (r#"{"cursor": ""}"#, "!/cursor wrong_type"),
            (
                r#"{"total": 1, "q": 2}"#,
                "!/total wrong_type !/q wrong_type",
            ),
            (r#"{"sort": "-a"}"#, "!/sort wrong_type"),
            (r#"{"sort": ["+a", "b"]}"#, "!/sort/0 invalid"),
            (r#"{"fields": [1]}"#, "!/fields wrong_type"),
            (r#"{"include": ["a..b"]}"#, "!/include/0 invalid"),
            (r#"{"where": []}"#, "!/where wrong_type"),
            (r#"{"where": {"or": {}}}"#, "!/where/or wrong_type"),
            (r#"{"where": {"or": [1]}}"#, "!/where/or/0 wrong_type"),
            (r#"{"where": {"not": []}}"#, "!/where/not wrong_type"),
            (r#"{"where": {"a": []}}"#, "!/where/a wrong_type"),
            (r#"{"where": {"a": {}}}"#, "!/where/a required"),
            (
                r#"{"where": {"a": {"LTE": 1}}}"#,
                "!/where/a/LTE unknown_operator",
            ),
            (r#"{"where": {"a.b.c": 1}}"#, "!/where/a.b.c unknown_field"),
        ] {
            check(body, expected);
        }
    }
}
