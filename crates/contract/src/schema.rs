//! The contract language as a JSON Schema (2020-12), so that editors complete and check it.
//!
//! Made of the same tables that the compiler reads with. It says where keys stand and what kind
//! of value each has; what names refer to, only the compiler knows.

use serde_json::{Map, Value, json};

use crate::form::{Form, Keys, Table};
use crate::keys::{CONTRACT, LANGUAGE, TABLES};
use crate::names::NAME_CHARS_MAX;
use crate::read::{INCLUDABLE, Part};

/// The schema of a contract's main file, or of a file it includes.
pub fn json_schema(part: Part) -> Value {
    let mut definitions = Map::new();
    for table in TABLES {
        if !std::ptr::eq(table, &CONTRACT) {
            definitions.insert(definition(table), object(table, |_| true));
        }
    }
    let mut schema = Map::new();
    schema.insert(
        "$schema".to_owned(),
        "https://json-schema.org/draft/2020-12/schema".into(),
    );
    let title = match part {
        Part::Main => "A frontdesk contract",
        Part::Included => "A part of a frontdesk contract",
    };
    schema.insert("title".to_owned(), title.into());
    let keys = |name: &str| match part {
        Part::Main => true,
        Part::Included => name == "frontdesk" || INCLUDABLE.contains(&name),
    };
    if let Value::Object(mut root) = object(&CONTRACT, keys) {
        if part == Part::Included {
            root.remove("required");
        }
        schema.extend(root);
    }
    schema.insert("$defs".to_owned(), Value::Object(definitions));
    Value::Object(schema)
}

/// The words of the language that are refused as not supported yet, place by place: those of
/// tables (`a resource`), and those that a key may hold (`` `styles` ``).
pub fn later() -> Vec<(String, Vec<&'static str>)> {
    let mut places = vec![];
    for table in TABLES {
        let keys = table.keys.iter().filter(|key| key.later);
        places.push((table.what.to_owned(), keys.map(|key| key.name).collect()));
        for key in table.keys {
            let mut words = vec![];
            later_choices(&key.form, &mut words);
            places.push((format!("`{}`", key.name), words));
        }
    }
    places.retain(|(_, words)| !words.is_empty());
    places
}

fn later_choices(form: &Form, words: &mut Vec<&'static str>) {
    match form {
        Form::Choice(choices) => {
            let later = choices.iter().filter(|choice| choice.later);
            words.extend(later.map(|choice| choice.word));
        }
        Form::List { of, .. } | Form::Map { of, .. } => later_choices(of, words),
        Form::Either(forms) => forms.iter().for_each(|form| later_choices(form, words)),
        _ => {}
    }
}

fn object(table: &Table, keys: impl Fn(&str) -> bool) -> Value {
    let mut properties = Map::new();
    let mut required: Vec<Value> = vec![];
    for key in table.keys.iter().filter(|key| !key.later && keys(key.name)) {
        let mut value = form(&key.form);
        if let Value::Object(schema) = &mut value {
            schema.insert("description".to_owned(), key.doc.into());
        }
        properties.insert(key.name.to_owned(), value);
        if key.required {
            required.push(key.name.into());
        }
    }
    let mut schema = json!({
        "type": "object",
        "additionalProperties": false,
        "properties": properties,
    });
    if let (Value::Object(schema), false) = (&mut schema, required.is_empty()) {
        schema.insert("required".to_owned(), required.into());
    }
    schema
}

fn form(form: &Form) -> Value {
    match form {
        Form::Any => json!({}),
        Form::Text | Form::Word(_) => json!({"type": "string", "minLength": 1}),
        Form::Secret => json!({"type": "string", "pattern": "^\\$[A-Z][A-Z0-9_]*$"}),
        Form::Bool => json!({"type": "boolean"}),
        Form::False => json!({"const": false}),
        Form::Whole { min, max } => json!({"type": "integer", "minimum": min, "maximum": max}),
        Form::Number => json!({"type": "number"}),
        Form::Version => json!({"const": LANGUAGE}),
        Form::Choice(words) => {
            let words: Vec<&str> = words
                .iter()
                .filter(|choice| !choice.later)
                .map(|choice| choice.word)
                .collect();
            json!({"enum": words})
        }
        Form::Slug => name(Keys::Slug),
        Form::TypeName => name(Keys::TypeName),
        Form::Day => json!({"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}),
        Form::Condition => json!({"type": "string", "minLength": 1, "pattern": "^[^=]"}),
        Form::Formula => json!({"type": "string", "pattern": "^="}),
        Form::List { of, min } => {
            json!({"type": "array", "minItems": min, "items": self::form(of)})
        }
        Form::Map { keys, of, min, .. } => {
            let mut schema = json!({
                "type": "object",
                "minProperties": min,
                "additionalProperties": self::form(of),
            });
            if let (Value::Object(schema), true) = (&mut schema, *keys != Keys::Free) {
                schema.insert("propertyNames".to_owned(), name(*keys));
            }
            schema
        }
        Form::Table(table) => json!({"$ref": format!("#/$defs/{}", definition(table))}),
        Form::Either(forms) => {
            let forms: Vec<Value> = forms.iter().map(self::form).collect();
            json!({"anyOf": forms})
        }
    }
}

fn name(keys: Keys) -> Value {
    let pattern = match keys {
        Keys::Slug => "^[a-z][a-z0-9]*(_[a-z0-9]+)*$",
        Keys::FieldName => "^[a-z][a-z0-9]*(_[a-z0-9]+)*\\??$",
        Keys::TypeName => "^[A-Z][A-Za-z0-9]*$",
        Keys::Free => return json!({"type": "string"}),
    };
    let mark = usize::from(keys == Keys::FieldName);
    json!({"type": "string", "pattern": pattern, "maxLength": NAME_CHARS_MAX + mark})
}

/// `a field of an object` → `field_of_an_object`
fn definition(table: &Table) -> String {
    let what = table.what.replace("'s", "").replace('`', "");
    let what = what
        .strip_prefix("a ")
        .or(what.strip_prefix("an "))
        .unwrap_or(&what);
    what.replace(' ', "_")
}
