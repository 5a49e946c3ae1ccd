//! Requests of all kinds: mostly right, wrong in one way or another.

use std::fmt;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Map, Value as Json, json};
use testkit::Call;

use super::world::{CALLERS, World, value};

/// A resource as those see it who write to it.
struct Kind {
    name: &'static str,
    path: &'static str,
    /// A list below a record of another resource, where one can create as well.
    below: Option<(&'static str, &'static str)>,
    fields: &'static [Field],
}

struct Field {
    name: &'static str,
    needed: bool,
    good: &'static [&'static str],
    bad: &'static [&'static str],
}

const fn field(
    name: &'static str,
    needed: bool,
    good: &'static [&'static str],
    bad: &'static [&'static str],
) -> Field {
    Field {
        name,
        needed,
        good,
        bad,
    }
}

const KINDS: [Kind; 4] = [
    Kind {
        name: "Author",
        path: "authors",
        below: Some(("Author", "pupils")),
        fields: &[
            field(
                "name",
                true,
                &[r#""Ann""#, r#""Dan""#, r#""Eve""#],
                &[r#""""#, "7", "null"],
            ),
            field(
                "email",
                false,
                &[r#""a@example.com""#, "null"],
                &[r#""none""#],
            ),
            field("editor_id", false, &["@Author", "null"], &[r#""author_0""#]),
        ],
    },
    Kind {
        name: "Book",
        path: "books",
        below: Some(("Author", "books")),
        fields: &[
            field(
                "title",
                true,
                &[r#""A""#, r#""B""#],
                &[r#""""#, "[]", "null"],
            ),
            field("price", true, &["0", "1", "5"], &["-1", "1.5", r#""5""#]),
            field(
                "author_id",
                false,
                &["@Author", "null"],
                &["7", r#""author_x""#],
            ),
            field(
                "isbn",
                false,
                &[r#""97801""#, r#""97802""#, "null"],
                &[r#""9""#],
            ),
            field("sale", false, &["0", "1", "4", "null"], &["99", "true"]),
            field(
                "tags",
                false,
                &["[]", r#"["a"]"#],
                &[r#"["a","a"]"#, "[1]", "null"],
            ),
            field("hidden", false, &["true", "false"], &[r#""no""#]),
            field("rating", false, &[], &["5"]),
            field("owner", false, &[r#""ann""#], &[r#""eve""#]),
        ],
    },
    Kind {
        name: "Review",
        path: "reviews",
        below: Some(("Book", "reviews")),
        fields: &[
            field("book_id", true, &["@Book"], &["999999", "null"]),
            field("stars", true, &["1", "3", "5"], &["0", "6", "null"]),
            field("text", false, &[r#""good""#, "null"], &["{}"]),
        ],
    },
    Kind {
        name: "Label",
        path: "labels",
        below: None,
        fields: &[
            field("id", true, &[r#""a""#, r#""b""#, r#""c""#], &["1", r#""""#]),
            field("text", true, &[r#""x""#, r#""first""#], &["null"]),
            field("book_id", false, &["@Book", "null"], &["999999"]),
        ],
    },
];

/// Every method, the usual ones more often.
const METHODS: [&str; 18] = [
    "POST", "POST", "POST", "POST", "POST", "PATCH", "PATCH", "PATCH", "PATCH", "PATCH", "PUT",
    "PUT", "PUT", "DELETE", "DELETE", "GET", "HEAD", "OPTIONS",
];

#[derive(Clone, Copy, Debug, PartialEq)]
enum Place {
    Collection,
    /// The list below another record.
    Below,
    Record,
    /// A record that there is not.
    Elsewhere,
    /// Where the method belongs.
    Fitting,
}

#[derive(Clone, Copy, Debug)]
enum Condition {
    Nothing,
    Current,
    Stale,
    Any,
    Absent,
    Nonsense,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Form {
    Object,
    JsonPatch,
    NoObject,
    BrokenJson,
    Empty,
    OtherType,
    TwiceTheSame,
}

/// A request before it is known what there is in the database.
#[derive(Clone, Debug)]
pub struct Step {
    caller: usize,
    method: &'static str,
    kind: usize,
    place: Place,
    which: Index,
    condition: Condition,
    form: Form,
    /// Begins with all that is needed.
    complete: bool,
    /// Picks the values that are needed.
    needed: Index,
    /// Fields, and which value each is given.
    members: Vec<(Index, Index)>,
    unknown: bool,
    query: &'static str,
    accept: &'static str,
}

/// A request that is ready to be sent.
pub struct Shot {
    pub call: Call,
    pub method: &'static str,
    pub resource: &'static str,
    /// The one it is aimed at.
    pub record: Option<String>,
    /// Of this record now.
    pub version: Option<i64>,
    caller: &'static str,
}

impl fmt::Display for Shot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} sends {:?}", self.caller, self.call)
    }
}

impl Shot {
    pub fn is_read(&self) -> bool {
        matches!(self.method, "GET" | "HEAD" | "OPTIONS")
    }
}

pub fn sequence() -> impl Strategy<Value = Vec<Step>> {
    vec(step(), 20..60)
}

fn step() -> impl Strategy<Value = Step> {
    let place = prop_oneof![
        24 => Just(Place::Fitting),
        1 => Just(Place::Collection),
        2 => Just(Place::Below),
        1 => Just(Place::Record),
        1 => Just(Place::Elsewhere),
    ];
    let condition = prop_oneof![
        8 => Just(Condition::Nothing),
        8 => Just(Condition::Current),
        2 => Just(Condition::Stale),
        1 => Just(Condition::Any),
        1 => Just(Condition::Absent),
        1 => Just(Condition::Nonsense),
    ];
    let form = prop_oneof![
        32 => Just(Form::Object),
        4 => Just(Form::JsonPatch),
        1 => Just(Form::NoObject),
        1 => Just(Form::BrokenJson),
        1 => Just(Form::Empty),
        1 => Just(Form::OtherType),
        1 => Just(Form::TwiceTheSame),
    ];
    // Those who may do something are asked more often.
    let caller = prop_oneof![4 => 1..5_usize, 1 => 0..CALLERS.len()];
    let query = prop_oneof![
        14 => Just(""),
        1 => select(vec!["?fields=id", "?include=author", "?limit=1", "?sort=-id", "?q=a", "?%"]),
    ];
    let accept = prop_oneof![
        39 => Just("application/json"),
        1 => select(vec!["text/html", "nonsense", "application/problem+json"]),
    ];
    let aim = (
        caller,
        select(&METHODS[..]),
        0..KINDS.len(),
        place,
        any::<Index>(),
    );
    let body = (
        form,
        prop::bool::weighted(0.8),
        any::<Index>(),
        vec(any::<(Index, Index)>(), 0..3),
        prop::bool::weighted(0.04),
    );
    (aim, body, condition, query, accept).prop_map(
        |(
            (caller, method, kind, place, which),
            (form, complete, needed, members, unknown),
            condition,
            query,
            accept,
        )| Step {
            caller,
            method,
            kind,
            place,
            which,
            condition,
            form,
            complete,
            needed,
            members,
            unknown,
            query,
            accept,
        },
    )
}

impl Step {
    /// Makes it a request to what there is.
    pub fn aim(&self, world: &World) -> Shot {
        let kind = &KINDS[self.kind];
        let mut record = None;
        let pick = |resource: &str| self.which.get(world.ids(resource)).clone();
        let target = match (self.place, self.method, kind.below) {
            (Place::Collection, _, _) | (Place::Below, _, None) | (Place::Fitting, "POST", _) => {
                format!("/v1/{}", kind.path)
            }
            (Place::Below, _, Some((above, list))) => {
                let path = KINDS.iter().find(|kind| kind.name == above).unwrap().path;
                format!("/v1/{path}/{}/{list}", pick(above))
            }
            (Place::Elsewhere, _, _) => {
                let id = self.which.get(&["0", "999999", "x", "%2F", "a%20b", "z"]);
                record = Some(id.to_string());
                format!("/v1/{}/{id}", kind.path)
            }
            (Place::Record | Place::Fitting, _, _) => {
                let id = pick(kind.name);
                record = Some(id.clone());
                format!("/v1/{}/{id}", kind.path)
            }
        };
        let version = match self.place {
            Place::Elsewhere => None,
            _ => record.as_ref().and_then(|id| world.version(kind.path, id)),
        };
        let client = world.client(self.caller);
        let mut call = client
            .request(self.method, &format!("{target}{}", self.query))
            .header("accept", self.accept);
        let now = version.unwrap_or(1);
        call = match self.condition {
            Condition::Nothing => call,
            // What is to be made has no state yet.
            Condition::Current if self.method == "POST" => call,
            Condition::Current => call.header("if-match", format!("\"{now}.0\"")),
            Condition::Stale => call.header("if-match", format!("\"{}.0\"", now + 1)),
            Condition::Any => call.header("if-match", "*"),
            Condition::Absent => call.header("if-none-match", "*"),
            Condition::Nonsense => call.header("if-match", "\"1"),
        };
        // A body where none belongs is one more way to be wrong, but not all the time.
        let bodyless = matches!(self.method, "DELETE" | "GET" | "HEAD" | "OPTIONS");
        if !bodyless || self.unknown {
            call = self.add_body(world, kind, call);
        }
        Shot {
            call,
            method: self.method,
            resource: kind.name,
            record,
            version,
            caller: CALLERS[self.caller],
        }
    }

    fn add_body(&self, world: &World, kind: &Kind, call: Call) -> Call {
        let members = self.members(world, kind);
        let usual = match self.method {
            "PATCH" => "application/merge-patch+json",
            _ => "application/json",
        };
        let object = Json::Object(members.clone()).to_string();
        match self.form {
            Form::Object => call.body(usual, object),
            Form::JsonPatch => {
                let operations: Vec<Json> = members
                    .into_iter()
                    .map(|(name, value)| {
                        let operation = self.which.get(&["replace", "add", "test", "remove"]);
                        json!({"op": operation, "path": format!("/{name}"), "value": value})
                    })
                    .collect();
                call.body(
                    "application/json-patch+json",
                    Json::Array(operations).to_string(),
                )
            }
            Form::NoObject => call.body(usual, self.which.get(&["[]", "1", "null"]).to_string()),
            Form::BrokenJson => call.body(usual, object[1..].to_owned()),
            Form::Empty => call,
            Form::OtherType => call.body("text/plain", object),
            Form::TwiceTheSame => call.body(usual, r#"{"title": "A", "title": "B"}"#),
        }
    }

    fn members(&self, world: &World, kind: &Kind) -> Map<String, Json> {
        let which = self.which.index(usize::MAX);
        let mut members = Map::new();
        let needed = kind.fields.iter().filter(|field| field.needed);
        for field in needed.filter(|_| self.complete) {
            // The id of a record stands in its path.
            if field.name != "id" || self.method == "POST" {
                let written = self.needed.get(field.good);
                members.insert(field.name.to_owned(), value(world, written, which));
            }
        }
        for (field, choice) in &self.members {
            let field = field.get(kind.fields);
            let values: Vec<&str> = field.good.iter().chain(field.good).copied().collect();
            let values = [&values[..], field.bad].concat();
            let written = choice.get(&values);
            members.insert(field.name.to_owned(), value(world, written, which));
        }
        if self.unknown {
            members.insert("colour".to_owned(), json!("red"));
        }
        members
    }
}
