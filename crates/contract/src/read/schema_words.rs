//! What people write who know JSON Schema and OpenAPI: words around the members of an object, types
//! by `$ref`, named types that are no objects. Says what frontdesk writes instead.

use crate::form::{Form, Key};
use crate::keys::MEMBER;
use crate::names::is_type_name;
use crate::yaml::{Entry, Kind, Node};

/// Words beside `properties` that say something about the whole object.
const AROUND: [&str; 8] = [
    "type",
    "required",
    "title",
    "description",
    "additionalProperties",
    "nullable",
    "example",
    "$id",
];

/// `{type: object, properties: …}` where the members themselves are to stand: what stands under
/// `properties`.
pub(super) fn long_form(written: &[Entry]) -> Option<&Node> {
    let properties = written
        .iter()
        .find(|entry| entry.key.value == "properties")?;
    let members = properties.value.as_map()?;
    // A member may be called `properties`: then its type stands there.
    let is_a_type = members
        .iter()
        .any(|entry| entry.key.value == "type" && !matches!(entry.value.kind, Kind::Map(_)));
    let around = |entry: &Entry| {
        entry.key.value == "properties" || AROUND.contains(&entry.key.value.as_str())
    };
    (!is_a_type && written.iter().all(around)).then_some(&properties.value)
}

/// What to do about a [`long_form`].
pub(super) fn members_directly(written: &[Entry], subject: &str) -> String {
    let has = |name: &str| written.iter().any(|entry| entry.key.value == name);
    let required = match has("required") {
        true => "; all are required, but for those with a `?` behind their name, as in `title?`",
        false => "",
    };
    format!("write what is under `properties:` directly under {subject}{required}")
}

/// Whether the words of a type stand where the members of a named type are to stand.
pub(super) fn is_no_object(written: &[Entry]) -> bool {
    let is_word = |name: &str| name == "$ref" || MEMBER.key(name).is_some();
    let no_member = |entry: &Entry| {
        entry.key.value == "$ref"
            || !matches!(
                entry.value.kind,
                Kind::String(_) | Kind::Map(_) | Kind::Null
            )
    };
    written.iter().any(no_member) && written.iter().all(|entry| is_word(&entry.key.value))
}

/// What to write instead of a named type that is no object.
pub(super) fn named_type(node: &Node, source: &str, subject: &str) -> String {
    let instead = match &node.kind {
        Kind::Map(written) => match written.iter().find_map(referred) {
            Some(name) => name.to_owned(),
            None => one_line(source),
        },
        Kind::List(items) => {
            let words: Option<Vec<&str>> = items.iter().map(Node::as_str).collect();
            match words {
                Some(words) if !words.is_empty() => format!("{{enum: [{}]}}", words.join(", ")),
                _ => "{enum: [one, two]}".to_owned(),
            }
        }
        _ => one_line(source),
    };
    format!(
        "`types:` names objects by their members, `{{street: string, city: string}}`; where {subject} is used, write `{instead}`"
    )
}

fn one_line(source: &str) -> String {
    source.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What to write instead of `$ref: '#/components/schemas/Author'`.
pub(super) fn reference(entry: &Entry) -> Option<String> {
    let name = referred(entry)?;
    Some(format!(
        "write `type: {name}`, or the name alone: `author: {name}`"
    ))
}

fn referred(entry: &Entry) -> Option<&str> {
    if entry.key.value != "$ref" {
        return None;
    }
    let name = entry.value.as_str()?.rsplit(['/', '#']).next()?;
    is_type_name(name).then_some(name)
}

/// What to do about JSON Schema's words about all members, standing among them.
pub(super) fn about_members(entry: &Entry) -> Option<&'static str> {
    match (entry.key.value.as_str(), &entry.value.kind) {
        ("required", Kind::List(_)) => Some(
            "delete it: all are required, but for those with a `?` behind their name, as in `title?`",
        ),
        ("additionalProperties", Kind::Bool(_)) => {
            Some("delete it: an object has exactly its members; use `json` for open ones")
        }
        _ => None,
    }
}

/// What to write instead of a `format` of OpenAPI's.
pub(super) fn format(word: &str) -> Option<&'static str> {
    Some(match word {
        "int32" => "delete `format`: an `integer` has 32 bits",
        "float" | "double" => "delete `format`: a `number` has 64 bits",
        "decimal" => "delete `format`, and write `type: decimal`",
        "password" => "delete `format`; what clients may write but never read is `writeOnly: true`",
        "datetime" | "timestamp" => "write `format: date-time`",
        "time" => "write `format: date-time`, or an `integer` with the unit in its name",
        "url" | "uri-reference" | "iri" => "write `format: uri`",
        "idn-email" => "write `format: email`",
        "binary" | "byte" => "there are no binary fields; write `format: uri` for a link",
        _ => return None,
    })
}

/// What to do about `nullable: false` and `required: false`, whose sense is the other way round.
pub(super) fn about_null(entry: &Entry) -> Option<&'static str> {
    let Kind::Bool(value) = entry.value.kind else {
        return None;
    };
    match (entry.key.value.as_str(), value) {
        ("nullable" | "optional" | "null" | "blank" | "allow_null", false)
        | ("required" | "not_null" | "notNull", true) => {
            Some("delete it: a field is required unless its name ends in `?`, as in `title?`")
        }
        ("required" | "not_null" | "notNull", false) => {
            Some("put a `?` behind the field's name, as in `title?`")
        }
        _ => None,
    }
}

/// Whether a key bounds numbers in a field whose type is plainly none.
pub fn is_bound_of_text(key: &Key, written: &[&Entry]) -> bool {
    const NO_NUMBERS: [&str; 11] = [
        "string",
        "text",
        "duration",
        "email",
        "uri",
        "uuid",
        "date",
        "date-time",
        "boolean",
        "money",
        "json",
    ];
    let number = matches!(key.form, Form::Number);
    let kind = written.iter().find(|entry| entry.key.value == "type");
    number
        && kind
            .and_then(|entry| entry.value.as_str())
            .is_some_and(|kind| NO_NUMBERS.contains(&kind))
}
