//! Values of the contract (defaults, examples, tests) as JSON, and as values of a type.

use diag::Span;
use model::{Constraints, Shape, TextFormat};
use value::{Type, Value};

use crate::yaml::{Kind, Node};

/// The JSON that a part of the contract is equal to.
pub fn plain(node: &Node) -> serde_json::Value {
    match &node.kind {
        Kind::Null => serde_json::Value::Null,
        Kind::Bool(value) => (*value).into(),
        Kind::Int(value) => (*value).into(),
        Kind::Float(value) => (*value).into(),
        Kind::String(value) => value.as_str().into(),
        Kind::List(items) => items.iter().map(plain).collect(),
        Kind::Map(entries) => entries
            .iter()
            .map(|entry| (entry.key.value.clone(), plain(&entry.value)))
            .collect(),
    }
}

/// Why a part of the contract is not a value of some field.
pub struct Misfit {
    pub span: Span,
    /// A sentence without its full stop.
    pub why: String,
    /// It is of the type, but outside of the field's constraints.
    pub of_type: bool,
}

/// Reads a value that a client could send for the shape. Null is not one.
pub fn literal(node: &Node, shape: &Shape, source: &str) -> Result<Value, Misfit> {
    let json = typed(node, &shape.ty, source);
    let value = value::json::read(&shape.ty, &json).map_err(|mismatches| {
        let first = mismatches.into_iter().next();
        let (pointer, why) = match first {
            Some(first) => (first.pointer, first.detail),
            None => (String::new(), "it is not a value of the type".to_owned()),
        };
        Misfit {
            span: at(node, &pointer),
            why,
            of_type: false,
        }
    })?;
    match unfit(shape, &value) {
        None => Ok(value),
        Some(why) => Err(Misfit {
            span: node.span,
            why,
            of_type: true,
        }),
    }
}

/// As [`plain`], but exact numbers that travel as strings may be written as numbers.
fn typed(node: &Node, ty: &Type, source: &str) -> serde_json::Value {
    match (&node.kind, ty) {
        (Kind::Int(_) | Kind::Float(_), Type::Decimal | Type::Int64) => node.source(source).into(),
        (Kind::List(items), Type::List(of)) => {
            items.iter().map(|item| typed(item, of, source)).collect()
        }
        (Kind::Map(entries), Type::Object(object)) => entries
            .iter()
            .map(|entry| {
                let member = object.members.iter().find(|m| *m.name == *entry.key.value);
                let value = match member {
                    Some(member) => typed(&entry.value, &member.ty, source),
                    None => plain(&entry.value),
                };
                (entry.key.value.clone(), value)
            })
            .collect(),
        (Kind::Map(entries), Type::Money) => entries
            .iter()
            .map(|entry| {
                (
                    entry.key.value.clone(),
                    typed(&entry.value, &Type::Decimal, source),
                )
            })
            .collect(),
        _ => plain(node),
    }
}

/// The place a JSON pointer leads to, or as far as it leads.
fn at(node: &Node, pointer: &str) -> Span {
    let mut here = node;
    for segment in pointer.split('/').skip(1) {
        let name = segment.replace("~1", "/").replace("~0", "~");
        let next = match &here.kind {
            Kind::Map(entries) => entries
                .iter()
                .find(|entry| entry.key.value == name)
                .map(|entry| &entry.value),
            Kind::List(items) => name.parse::<usize>().ok().and_then(|at| items.get(at)),
            _ => None,
        };
        match next {
            Some(next) => here = next,
            None => break,
        }
    }
    here.span
}

/// Which constraint a value does not fulfil.
fn unfit(shape: &Shape, value: &Value) -> Option<String> {
    let own = constraint(&shape.constraints, value);
    if own.is_some() {
        return own;
    }
    match value {
        Value::List(items) => {
            let of = shape.items.as_ref()?;
            items.iter().find_map(|item| unfit(of, item))
        }
        Value::Object(values) => {
            let members = shape.members.as_ref()?;
            members
                .iter()
                .zip(values)
                .filter(|(_, value)| !value.is_null())
                .find_map(|(member, value)| unfit(member, value))
        }
        _ => None,
    }
}

fn constraint(limits: &Constraints, value: &Value) -> Option<String> {
    let outside = |limit: &Option<Value>, fine: fn(std::cmp::Ordering) -> bool| {
        limit
            .as_ref()
            .filter(|limit| value.compare(limit).is_some_and(|order| !fine(order)))
            .map(print)
    };
    if let Some(limit) = outside(&limits.minimum, std::cmp::Ordering::is_ge) {
        return Some(format!("it is smaller than the minimum of {limit}"));
    }
    if let Some(limit) = outside(&limits.maximum, std::cmp::Ordering::is_le) {
        return Some(format!("it is larger than the maximum of {limit}"));
    }
    if let Some(limit) = outside(&limits.exclusive_minimum, std::cmp::Ordering::is_gt) {
        return Some(format!("it must be larger than {limit}"));
    }
    if let Some(limit) = outside(&limits.exclusive_maximum, std::cmp::Ordering::is_lt) {
        return Some(format!("it must be smaller than {limit}"));
    }
    if let Some(step) = &limits.multiple_of
        && !is_multiple(value, step)
    {
        return Some(format!("it is not a multiple of {}", print(step)));
    }
    match value {
        Value::Text(text) => text_constraint(limits, text),
        Value::List(items) => {
            let count = items.len();
            if limits.min_items.is_some_and(|min| count < min as usize) {
                return Some("it has fewer entries than `minItems`".to_owned());
            }
            if limits.max_items.is_some_and(|max| count > max as usize) {
                return Some("it has more entries than `maxItems`".to_owned());
            }
            let twice = |(at, item): (usize, &Value)| items[..at].contains(item);
            if limits.unique_items && items.iter().enumerate().any(twice) {
                return Some("an entry occurs twice".to_owned());
            }
            None
        }
        _ => None,
    }
}

fn text_constraint(limits: &Constraints, text: &str) -> Option<String> {
    let length = text.chars().count();
    if limits.min_length.is_some_and(|min| length < min as usize) {
        return Some(format!(
            "it has {length} characters, fewer than `minLength` asks for"
        ));
    }
    if limits.max_length.is_some_and(|max| length > max as usize) {
        return Some(format!(
            "it has {length} characters, more than `maxLength` allows"
        ));
    }
    if let Some(pattern) = &limits.pattern
        && !pattern.regex.is_match(text)
    {
        return Some("it does not match the `pattern`".to_owned());
    }
    match limits.format {
        Some(TextFormat::Email) if !looks_like_email(text) => {
            Some("it is not an e-mail address".to_owned())
        }
        Some(TextFormat::Uri) if !looks_like_uri(text) => {
            Some("it is not a URI such as https://example.com".to_owned())
        }
        _ => None,
    }
}

/// Coarse on purpose: requests are held against the exact form, this only catches slips.
fn looks_like_email(text: &str) -> bool {
    text.rsplit_once('@').is_some_and(|(name, host)| {
        !name.is_empty() && !host.is_empty() && !text.contains(char::is_whitespace)
    })
}

fn looks_like_uri(text: &str) -> bool {
    text.split_once(':').is_some_and(|(scheme, rest)| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && !rest.is_empty()
            && !text.contains(char::is_whitespace)
    })
}

fn is_multiple(value: &Value, step: &Value) -> bool {
    match (value, step) {
        (Value::Int(value), Value::Int(step)) => value.checked_rem(*step) == Some(0),
        (Value::Decimal(value), Value::Decimal(step)) => {
            value.millionths().checked_rem(step.millionths()) == Some(0)
        }
        (Value::Float(value), Value::Float(step)) => {
            let quotient = value / step;
            (quotient - quotient.round()).abs() < 1e-9
        }
        _ => true,
    }
}

/// A number for messages.
pub fn print(value: &Value) -> String {
    match value {
        Value::Int(value) => value.to_string(),
        Value::Float(value) => value.to_string(),
        Value::Decimal(value) => value.to_string(),
        _ => "the limit".to_owned(),
    }
}
