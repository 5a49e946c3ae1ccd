//! Types and constraints as JSON Schema (2020-12), in the three places they stand: in answers,
//! in whole input, and in merge patches.
//!
//! What the engine refuses the schema refuses, and the other way round. Where JSON Schema has
//! no words (bounds of decimals), the description has.

use model::{Constraints, Field, FieldKind, Model, Shape, TextFormat};
use serde_json::{Map, Value as Json, json};
use value::json::INT53_MAX;
use value::{IdKind, IdType, ObjectType, Type, Value};

use super::names::Names;
use crate::{example, pattern, words};

/// Where a schema stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// In an answer: everything is there, and more may come with the next release.
    Answer,
    /// In the body of POST and PUT: nothing else is taken.
    Input,
    /// In a merge patch: everything may be left out.
    Patch,
}

/// Text without U+0000, which databases cannot hold.
pub const NO_NUL: &str = r"^[^\u0000]*$";

/// At most 12 digits before the point and 6 after it.
const DECIMAL: &str = r"[0-9]{1,12}(\.[0-9]{1,6})?$";

/// The types of a contract that have a name, and those that every contract has.
pub struct Schemas<'m> {
    model: &'m Model,
    money: String,
    currency: String,
    int64: String,
    json: String,
    /// Per named type: its component for each side.
    types: Vec<[String; 3]>,
}

pub fn reference(component: &str) -> Map<String, Json> {
    let mut map = Map::new();
    map.insert(
        "$ref".to_owned(),
        json!(format!("#/components/schemas/{component}")),
    );
    map
}

impl<'m> Schemas<'m> {
    pub fn new(model: &'m Model, names: &mut Names) -> Schemas<'m> {
        let own: Vec<String> = model
            .types
            .iter()
            .map(|ty| names.take(ty.name.as_deref().unwrap_or("Object").to_owned()))
            .collect();
        let types = own.into_iter().map(|read| {
            let input = names.take(format!("{read}Input"));
            let patch = names.take(format!("{read}Patch"));
            [read, input, patch]
        });
        Schemas {
            types: types.collect(),
            model,
            money: names.take("Money".to_owned()),
            currency: names.take("Currency".to_owned()),
            int64: names.take("Int64".to_owned()),
            json: names.take("JsonValue".to_owned()),
        }
    }

    /// The components that do not belong to one resource.
    pub fn shared(&self, out: &mut Map<String, Json>) {
        for (place, ty) in self.model.types.iter().enumerate() {
            let Some(members) = self.model.type_members.get(place) else {
                continue;
            };
            for side in [Side::Answer, Side::Input, Side::Patch] {
                out.insert(
                    self.types[place][side as usize].clone(),
                    self.object(ty, members, side),
                );
            }
        }
        out.insert(
            self.money.clone(),
            json!({
                "type": "object",
                "description": "An exact amount in a currency.",
                "properties": {
                    "amount": {
                        "type": "string",
                        "format": "decimal",
                        "description": "A decimal with at most 12 digits before the point and 6 after it.",
                        "pattern": format!("^-?{DECIMAL}"),
                    },
                    "currency": reference(&self.currency),
                },
                "required": ["amount", "currency"],
                "additionalProperties": false,
                "examples": [{"amount": "12.50", "currency": "EUR"}],
            }),
        );
        out.insert(
            self.currency.clone(),
            json!({
                "type": "string",
                "description": "An ISO 4217 code.",
                "enum": value::currency::CODES,
                "examples": ["EUR"],
            }),
        );
        out.insert(
            self.int64.clone(),
            json!({
                "type": "string",
                "format": "int64",
                "description": "A 64-bit integer, as a string so that no reader loses digits.",
                "pattern": format!("^(0|-?{})$", up_to("9223372036854775807")),
            }),
        );
        // Not recursive, since several generators cannot write such types.
        out.insert(
            self.json.clone(),
            json!({
                "description": "Any JSON but null, nested at most 100 levels deep, without the character U+0000.",
                "anyOf": [
                    {"type": ["boolean", "number"]},
                    {"type": "string", "pattern": NO_NUL},
                    {"type": "array", "items": {}},
                    {"type": "object"},
                ],
            }),
        );
    }

    /// A field with everything that is to be said about it.
    pub fn field(&self, field: &Field, side: Side) -> Json {
        let mut schema = self.shape(&field.shape, side);
        let mut notes: Vec<String> = field.description.clone().into_iter().collect();
        notes.extend(bounds_in_words(&field.shape));
        notes.extend(self.notes(field, side));
        if side == Side::Answer && is_read_only(field) {
            schema.insert("readOnly".to_owned(), json!(true));
        }
        if side != Side::Answer && field.write_only {
            schema.insert("writeOnly".to_owned(), json!(true));
        }
        if side == Side::Input
            && let Some(default) = &field.default
        {
            schema.insert(
                "default".to_owned(),
                example::json(&field.shape.ty, default),
            );
        }
        if let Some(deprecated) = &field.deprecated {
            schema.insert("deprecated".to_owned(), json!(true));
            notes.push(super::deprecation(deprecated));
        }
        if !notes.is_empty() {
            schema.insert("description".to_owned(), json!(notes.join(" ")));
        }
        if !field.examples.is_empty() {
            schema.insert("examples".to_owned(), json!(field.examples));
        }
        Json::Object(schema)
    }

    /// An item of a list, as input.
    pub fn item(&self, shape: &Shape) -> Json {
        self.described(shape, Side::Input)
    }

    /// A value without the constraints of a field, as it is compared with in the query string.
    pub fn operand(&self, ty: &Type) -> Json {
        let schema = match ty {
            Type::Text => json!({"type": "string", "pattern": NO_NUL}),
            ty => Json::Object(self.plain(ty, &Constraints::default(), Side::Input)),
        };
        // In the query string a long integer is written as any other.
        if *ty == Type::Int64 {
            Json::Object(reference(&self.int64))
        } else {
            schema
        }
    }

    /// A value to compare with, in a body.
    pub fn json_operand(&self, ty: &Type) -> Json {
        Json::Object(self.plain(ty, &Constraints::default(), Side::Input))
    }

    /// A field's value in a path.
    pub fn path_value(&self, field: &Field) -> Json {
        match &field.shape.ty {
            Type::Int64 => Json::Object(reference(&self.int64)),
            ty => Json::Object(self.plain(ty, &field.shape.constraints, Side::Input)),
        }
    }

    /// The id of a record in a path.
    pub fn id(&self, id: &IdType) -> Json {
        Json::Object(id_schema(id))
    }

    fn notes(&self, field: &Field, side: Side) -> Vec<String> {
        let mut notes = Vec::new();
        if let Some((_, target)) = field.relation() {
            let noun = self.model.resource(target).noun();
            notes.push(format!("The id of {}.", words::a(&noun)));
        }
        match side {
            Side::Answer => {
                if matches!(field.kind, FieldKind::Computed(_)) {
                    notes.push("Computed when it is read.".to_owned());
                } else if field.set.is_some() {
                    notes.push("Filled in by the server when the record is created.".to_owned());
                }
                if let Some(rule) = &field.read {
                    notes.push(format!(
                        "Left out of the answer unless the rule `{}` holds.",
                        rule.text
                    ));
                }
                if matches!(field.shape.ty, Type::Enum(_)) {
                    notes.push("More values may be added.".to_owned());
                }
            }
            Side::Input | Side::Patch => {
                if field.unique {
                    notes.push("No two records have the same.".to_owned());
                }
                if let Some(rule) = &field.write {
                    notes.push(format!("Only taken while the rule `{}` holds.", rule.text));
                }
                if side == Side::Input && field.immutable {
                    notes.push("Cannot be changed later.".to_owned());
                }
            }
        }
        notes
    }

    fn shape(&self, shape: &Shape, side: Side) -> Map<String, Json> {
        let mut schema = match (&shape.ty, &shape.items, &shape.members) {
            (Type::List(_), Some(items), _) => {
                let mut schema =
                    map(json!({"type": "array", "items": self.described(items, whole(side))}));
                let constraints = &shape.constraints;
                put(&mut schema, "minItems", constraints.min_items);
                put(&mut schema, "maxItems", constraints.max_items);
                put(
                    &mut schema,
                    "uniqueItems",
                    constraints.unique_items.then_some(true),
                );
                schema
            }
            (Type::Object(object), _, Some(members)) => match self.named(object, side) {
                Some(component) => reference(component),
                None => map(self.object(object, members, side)),
            },
            _ => self.plain(&shape.ty, &shape.constraints, side),
        };
        if shape.nullable {
            schema = nullable(schema);
        }
        schema
    }

    /// A shape that is no field: an item or a member.
    fn described(&self, shape: &Shape, side: Side) -> Json {
        let mut schema = self.shape(shape, side);
        let mut notes: Vec<String> = shape.description.clone().into_iter().collect();
        notes.extend(bounds_in_words(shape));
        if !notes.is_empty() {
            schema.insert("description".to_owned(), json!(notes.join(" ")));
        }
        if side == Side::Input
            && let Some(default) = &shape.default
        {
            schema.insert("default".to_owned(), example::json(&shape.ty, default));
        }
        Json::Object(schema)
    }

    fn named(&self, object: &ObjectType, side: Side) -> Option<&str> {
        let name = object.name.as_deref()?;
        let place = self
            .model
            .types
            .iter()
            .position(|ty| ty.name.as_deref() == Some(name))?;
        Some(&self.types[place][side as usize])
    }

    fn object(&self, object: &ObjectType, members: &[Shape], side: Side) -> Json {
        let mut properties = Map::new();
        let mut required = Vec::new();
        for (member, shape) in object.members.iter().zip(members) {
            properties.insert(member.name.to_string(), self.described(shape, side));
            let needed = match side {
                Side::Answer => true,
                Side::Input => !member.nullable && shape.default.is_none(),
                Side::Patch => false,
            };
            if needed {
                required.push(&*member.name);
            }
        }
        let mut schema = map(json!({"type": "object", "properties": properties}));
        if !required.is_empty() {
            schema.insert("required".to_owned(), json!(required));
        }
        if side != Side::Answer {
            schema.insert("additionalProperties".to_owned(), json!(false));
        }
        Json::Object(schema)
    }

    /// A type that is not made of others.
    fn plain(&self, ty: &Type, constraints: &Constraints, side: Side) -> Map<String, Json> {
        match ty {
            Type::Bool => map(json!({"type": "boolean"})),
            Type::Int32 => integer("int32", i32::MIN.into(), i32::MAX.into(), constraints),
            Type::Int53 => integer("int64", -INT53_MAX, INT53_MAX, constraints),
            Type::Int64 if side == Side::Answer => reference(&self.int64),
            Type::Int64 => map(json!({
                "anyOf": [reference(&self.int64), {"type": "integer", "minimum": -INT53_MAX, "maximum": INT53_MAX}],
            })),
            Type::Float => {
                let mut schema = map(json!({"type": "number", "format": "double"}));
                for (word, bound) in [
                    ("minimum", &constraints.minimum),
                    ("exclusiveMinimum", &constraints.exclusive_minimum),
                    ("maximum", &constraints.maximum),
                    ("exclusiveMaximum", &constraints.exclusive_maximum),
                    ("multipleOf", &constraints.multiple_of),
                ] {
                    put(
                        &mut schema,
                        word,
                        bound.as_ref().map(|bound| example::json(ty, bound)),
                    );
                }
                schema
            }
            Type::Text => text(constraints, side),
            Type::Decimal => {
                let sign = if is_never_negative(constraints) {
                    ""
                } else {
                    "-?"
                };
                map(
                    json!({"type": "string", "format": "decimal", "pattern": format!("^{sign}{DECIMAL}")}),
                )
            }
            Type::Money => reference(&self.money),
            Type::Date => map(json!({"type": "string", "format": "date"})),
            Type::Timestamp => map(json!({"type": "string", "format": "date-time"})),
            Type::Duration => map(json!({"type": "string", "format": "duration"})),
            Type::Uuid => map(json!({"type": "string", "format": "uuid"})),
            Type::Id(id) => id_schema(id),
            Type::Enum(values) => map(json!({"type": "string", "enum": values.to_vec()})),
            Type::List(item) => {
                let items = self.plain(item, &Constraints::default(), side);
                map(json!({"type": "array", "items": items}))
            }
            Type::Object(_) => map(json!({"type": "object"})),
            Type::Json if side == Side::Answer => Map::new(),
            Type::Json => reference(&self.json),
        }
    }
}

/// Clients may not send it.
pub fn is_read_only(field: &Field) -> bool {
    field.read_only || field.set.is_some() || field.is_system() || !field.is_stored()
}

/// The items of a list are replaced whole, whatever the list stands in.
fn whole(side: Side) -> Side {
    if side == Side::Patch {
        Side::Input
    } else {
        side
    }
}

/// The schema or null.
pub fn nullable(mut schema: Map<String, Json>) -> Map<String, Json> {
    if schema.is_empty() {
        return schema;
    }
    if let Some(Json::Array(values)) = schema.get_mut("enum") {
        values.push(Json::Null);
    }
    match schema.get_mut("type") {
        Some(Json::Array(types)) => {
            types.push(json!("null"));
            schema
        }
        Some(name) if !name.is_null() => {
            *name = json!([name, "null"]);
            schema
        }
        _ => map(json!({"anyOf": [schema, {"type": "null"}]})),
    }
}

fn text(constraints: &Constraints, side: Side) -> Map<String, Json> {
    let mut schema = map(json!({"type": "string"}));
    match constraints.format {
        Some(TextFormat::Email) => put(&mut schema, "format", Some("email")),
        Some(TextFormat::Uri) => put(&mut schema, "format", Some("uri")),
        Some(TextFormat::Duration) => put(&mut schema, "format", Some("duration")),
        None => {}
    }
    put(&mut schema, "minLength", constraints.min_length);
    put(&mut schema, "maxLength", constraints.max_length);
    // Formats leave no room for U+0000; answers never have it.
    let nul_possible = side != Side::Answer && constraints.format.is_none();
    match &constraints.pattern {
        Some(own) => {
            put(&mut schema, "pattern", Some(own.source.as_str()));
            if nul_possible && pattern::allows_nul(&own.source) {
                schema.insert("allOf".to_owned(), json!([{"pattern": NO_NUL}]));
            }
        }
        None => put(&mut schema, "pattern", nul_possible.then_some(NO_NUL)),
    }
    schema
}

fn integer(format: &str, least: i64, most: i64, constraints: &Constraints) -> Map<String, Json> {
    let of = |bound: &Option<Value>, step: i64| match bound {
        Some(Value::Int(number)) => number.checked_add(step),
        _ => None,
    };
    let lower = [
        Some(least),
        of(&constraints.minimum, 0),
        of(&constraints.exclusive_minimum, 1),
    ];
    let upper = [
        Some(most),
        of(&constraints.maximum, 0),
        of(&constraints.exclusive_maximum, -1),
    ];
    let mut schema = map(json!({
        "type": "integer",
        "format": format,
        "minimum": lower.into_iter().flatten().max(),
        "maximum": upper.into_iter().flatten().min(),
    }));
    put(&mut schema, "multipleOf", of(&constraints.multiple_of, 0));
    schema
}

fn id_schema(id: &IdType) -> Map<String, Json> {
    map(match id.kind {
        IdKind::TypeId | IdKind::Random => {
            let prefix = if id.prefix.is_empty() {
                String::new()
            } else {
                format!("{}_", id.prefix)
            };
            json!({"type": "string", "pattern": format!("^{prefix}[0-7][0-9a-hjkmnp-tv-z]{{25}}$")})
        }
        IdKind::Uuid => json!({"type": "string", "format": "uuid"}),
        IdKind::Integer if id.prefix.is_empty() => {
            json!({"type": "integer", "format": "int64", "minimum": 1, "maximum": INT53_MAX})
        }
        IdKind::Integer => {
            let prefix = escape(&id.prefix);
            json!({"type": "string", "pattern": format!("^{prefix}{}$", up_to(&INT53_MAX.to_string()))})
        }
        // One path segment as it stands; `.` and `..` would be taken for steps.
        IdKind::Text => json!({
            "type": "string",
            "maxLength": value::id::TEXT_ID_LEN_MAX,
            "pattern": r"^(\.{0,2}[A-Za-z0-9_~-][A-Za-z0-9._~-]*|\.{3}[A-Za-z0-9._~-]*)$",
        }),
    })
}

/// A pattern for the integers from 1 to one of at least two digits, without leading zeros.
fn up_to(most: &str) -> String {
    let digits = most.as_bytes();
    let tail = |count: usize| match count {
        0 => String::new(),
        1 => "[0-9]".to_owned(),
        count => format!("[0-9]{{{count}}}"),
    };
    let mut parts = vec![format!("[1-9][0-9]{{0,{}}}", digits.len() - 2)];
    for (place, digit) in digits.iter().enumerate() {
        let least = if place == 0 { b'1' } else { b'0' };
        if *digit > least {
            let range = match (char::from(least), char::from(digit - 1)) {
                (one, same) if one == same => one.to_string(),
                (least, below) => format!("[{least}-{below}]"),
            };
            parts.push(format!(
                "{}{range}{}",
                &most[..place],
                tail(digits.len() - place - 1)
            ));
        }
    }
    parts.push(most.to_owned());
    format!("({})", parts.join("|"))
}

/// A literal inside a pattern.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if "\\^$.|?*+()[]{}/".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

fn is_never_negative(constraints: &Constraints) -> bool {
    [&constraints.minimum, &constraints.exclusive_minimum]
        .into_iter()
        .any(|bound| matches!(bound, Some(Value::Decimal(least)) if least.millionths() >= 0))
}

/// Bounds of types that are strings in JSON, for which JSON Schema has no words.
fn bounds_in_words(shape: &Shape) -> Vec<String> {
    if !matches!(shape.ty, Type::Decimal | Type::Int64) {
        return Vec::new();
    }
    let constraints = &shape.constraints;
    let bounds = [
        ("At least", &constraints.minimum),
        ("More than", &constraints.exclusive_minimum),
        ("At most", &constraints.maximum),
        ("Less than", &constraints.exclusive_maximum),
        ("A multiple of", &constraints.multiple_of),
    ];
    let say = |(words, bound): (&str, &Option<Value>)| {
        let bound = value::text::print(&shape.ty, bound.as_ref()?);
        Some(format!("{words} {bound}."))
    };
    bounds.into_iter().filter_map(say).collect()
}

pub fn map(json: Json) -> Map<String, Json> {
    match json {
        Json::Object(map) => map,
        _ => Map::new(),
    }
}

fn put(schema: &mut Map<String, Json>, word: &str, value: Option<impl Into<Json>>) {
    if let Some(value) = value {
        schema.insert(word.to_owned(), value.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_up_to_a_bound() {
        for most in ["9007199254740991", "9223372036854775807", "10", "42", "999"] {
            let regex = regex::Regex::new(&format!("^{}$", up_to(most))).unwrap();
            let bound: u64 = most.parse().unwrap();
            for good in [1, 7, 10, bound / 2 + 1, bound - 1, bound, bound / 10 * 10] {
                let good = if good == 0 { 1 } else { good };
                assert!(regex.is_match(&good.to_string()), "{most}: {good}");
            }
            for bad in [0, bound + 1, bound + 10, bound * 2 + 1] {
                assert!(!regex.is_match(&bad.to_string()), "{most}: {bad}");
            }
            assert!(!regex.is_match("01"));
        }
    }

    #[test]
    fn null_is_added_to_every_form() {
        let null = |json: Json| Json::Object(nullable(map(json)));
        assert_eq!(
            null(json!({"type": "string"})),
            json!({"type": ["string", "null"]})
        );
        assert_eq!(
            null(json!({"type": "string", "enum": ["a"]})),
            json!({"type": ["string", "null"], "enum": ["a", null]})
        );
        assert_eq!(
            null(json!({"$ref": "#/x"})),
            json!({"anyOf": [{"$ref": "#/x"}, {"type": "null"}]})
        );
        assert_eq!(null(json!({})), json!({}));
    }
}
