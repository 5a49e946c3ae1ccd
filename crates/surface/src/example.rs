//! Example values that fit their field: the contract's own where it has some, else made up.

use model::{Field, Shape, TextFormat};
use serde_json::{Value as Json, json};
use value::{IdKind, Type, Value};

use crate::{pattern, words};

/// Where one record is needed that can be looked up: the answer to everything.
const ID: i64 = 42;
/// A moment and its day, the same in every example.
const DATE: &str = "2026-11-22";
const MOMENT: &str = "2026-11-22T10:00:00.000Z";
/// The UUID of the RFC that defines version 7.
const UUID: &str = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f";
/// The TypeID specification's own.
const SUFFIX: &str = "01h455vb4pex5vsknk084sn02q";

/// A value for the field, or `None` when no fitting one comes to mind.
pub fn of_field(field: &Field) -> Option<Json> {
    if let Some(given) = field.examples.first() {
        return Some(given.clone());
    }
    if let Some(default) = &field.default {
        return Some(json(&field.shape.ty, default));
    }
    first_of_others(field).or_else(|| of_shape(&field.shape, &field.name))
}

/// The same for a record that is to be made: the last of the contract's own,
/// since the first may be there already.
pub fn of_new(field: &Field) -> Option<Json> {
    let last = field.examples.last().cloned();
    last.or_else(|| of_field(field))
}

/// Of other records with counted ids the first, which is there most likely.
fn first_of_others(field: &Field) -> Option<Json> {
    match &field.shape.ty {
        Type::Id(id) if id.is_json_number() && field.relation().is_some() => Some(json!(1)),
        _ => None,
    }
}

/// A typed value as it stands in JSON.
pub fn json(ty: &Type, value: &Value) -> Json {
    serde_json::from_str(&value::json::to_json_text(ty, value)).unwrap_or(Json::Null)
}

/// A value of the shape; `name` says what it is about.
pub fn of_shape(shape: &Shape, name: &str) -> Option<Json> {
    let constraints = &shape.constraints;
    Some(match &shape.ty {
        Type::Bool => json!(true),
        Type::Int32 | Type::Int53 => json!(integer(shape)?),
        Type::Int64 => json!(integer(shape)?.to_string()),
        Type::Float => {
            let candidates = [
                Some(Value::Float(4.5)),
                constraints.minimum.clone(),
                constraints.maximum.clone(),
            ];
            let fitting = candidates
                .into_iter()
                .flatten()
                .find(|value| fits(shape, value))?;
            json(&shape.ty, &fitting)
        }
        Type::Text => json!(text(shape, name)?),
        Type::Decimal => bounded(shape, "12.50")?,
        Type::Date => bounded(shape, DATE)?,
        Type::Timestamp => bounded(shape, MOMENT)?,
        Type::Duration => json!("PT10M"),
        Type::Money => json!({"amount": "12.50", "currency": "EUR"}),
        Type::Uuid => json!(UUID),
        Type::Id(id) => match id.kind {
            IdKind::TypeId | IdKind::Random if id.prefix.is_empty() => json!(SUFFIX),
            IdKind::TypeId | IdKind::Random => json!(format!("{}_{SUFFIX}", id.prefix)),
            IdKind::Uuid => json!(UUID),
            IdKind::Integer if id.prefix.is_empty() => json!(ID),
            IdKind::Integer => json!(format!("{}{ID}", id.prefix)),
            IdKind::Text => json!("example"),
        },
        Type::Enum(values) => json!(values.first()?),
        Type::List(_) => {
            let least = constraints.min_items.unwrap_or(1).max(1);
            if least > 1 && constraints.unique_items || constraints.max_items == Some(0) {
                return None;
            }
            let item = of_shape(shape.items.as_deref()?, name)?;
            Json::Array(vec![item; usize::try_from(least).ok()?])
        }
        Type::Object(object) => {
            let shapes = shape.members.as_deref()?;
            let members = object.members.iter().zip(shapes).map(|(member, shape)| {
                let value = match of_shape(shape, &member.name) {
                    None if member.nullable => Json::Null,
                    value => value?,
                };
                Some((member.name.to_string(), value))
            });
            Json::Object(members.collect::<Option<_>>()?)
        }
        Type::Json => json!({"any": "JSON"}),
    })
}

/// The first of a few usual numbers that lies in the range.
fn integer(shape: &Shape) -> Option<i64> {
    let constraints = &shape.constraints;
    let of = |bound: &Option<Value>, step: i64| match bound {
        Some(Value::Int(number)) => number.checked_add(step),
        _ => None,
    };
    let candidates = [
        of(&constraints.minimum, 0),
        of(&constraints.exclusive_minimum, 1),
        of(&constraints.multiple_of, 0),
        Some(1),
        Some(0),
        of(&constraints.maximum, 0),
        of(&constraints.exclusive_maximum, -1),
    ];
    candidates
        .into_iter()
        .flatten()
        .find(|number| fits(shape, &Value::Int(*number)))
}

/// The usual value, or a bound when that lies outside.
fn bounded(shape: &Shape, usual: &str) -> Option<Json> {
    let constraints = &shape.constraints;
    let usual = value::text::parse(&shape.ty, usual).ok();
    let candidates = [
        usual,
        constraints.minimum.clone(),
        constraints.maximum.clone(),
    ];
    let fitting = candidates
        .into_iter()
        .flatten()
        .find(|value| fits(shape, value))?;
    Some(json(&shape.ty, &fitting))
}

fn fits(shape: &Shape, value: &Value) -> bool {
    let constraints = &shape.constraints;
    let order = |bound: &Option<Value>| bound.as_ref().and_then(|bound| value.compare(bound));
    let whole = match (value, &constraints.multiple_of) {
        (Value::Int(value), Some(Value::Int(step))) => *step != 0 && value % step == 0,
        (_, None) => true,
        // Not worth computing for an example.
        _ => false,
    };
    whole
        && order(&constraints.minimum).is_none_or(|order| order.is_ge())
        && order(&constraints.exclusive_minimum).is_none_or(|order| order.is_gt())
        && order(&constraints.maximum).is_none_or(|order| order.is_le())
        && order(&constraints.exclusive_maximum).is_none_or(|order| order.is_lt())
}

fn text(shape: &Shape, name: &str) -> Option<String> {
    let constraints = &shape.constraints;
    let least = constraints.min_length.unwrap_or(0) as usize;
    let most = constraints
        .max_length
        .map_or(usize::MAX, |most| most as usize);
    let fits = |text: &String| {
        (least..=most).contains(&text.chars().count())
            && constraints
                .pattern
                .as_ref()
                .is_none_or(|pattern| pattern.regex.is_match(text))
    };
    if let Some(pattern) = &constraints.pattern {
        return pattern::samples(&pattern.source).into_iter().find(fits);
    }
    let usual = match constraints.format {
        Some(TextFormat::Email) => "ada@example.com".to_owned(),
        Some(TextFormat::Uri) => "https://example.com/".to_owned(),
        Some(TextFormat::Duration) => "PT1H30M".to_owned(),
        None => match name {
            "name" => "A good name".to_owned(),
            "title" => "A good title".to_owned(),
            "text" | "body" | "note" | "description" => "A few words about it.".to_owned(),
            "city" => "Tokyo".to_owned(),
            _ => words::heading(name),
        },
    };
    if fits(&usual) {
        return Some(usual);
    }
    if constraints.format.is_some() || least > 100 {
        return None;
    }
    let mut cut: String = usual.chars().cycle().take(least.max(1).min(most)).collect();
    if cut.ends_with(' ') {
        cut.pop();
        cut.push('.');
    }
    Some(cut).filter(fits)
}
