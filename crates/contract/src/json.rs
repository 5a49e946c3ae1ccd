//! Values of the contract (defaults, examples, tests) as JSON, and as values of a type.

use diag::{Sources, Span, suggest};
use model::{Constraints, Shape, TextFormat};
use value::{IdKind, IdType, Type, Value};

use crate::read::names_of;
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
    /// What is needed there; of what stands in no such place, what is around it.
    needed: Type,
    /// It stands in no place where something is needed.
    stray: bool,
}

impl Misfit {
    /// What to write instead.
    pub fn advice(&self, sources: &Sources) -> String {
        let source = sources.slice(self.span);
        match &self.needed {
            Type::Object(object) if self.stray => {
                let members = object.members.iter().map(|member| &*member.name);
                format!("its members are {}", names_of(members))
            }
            _ if self.of_type => "write a value that fits, or change the constraint".to_owned(),
            needed => written_like(needed, source),
        }
    }
}

/// Reads a value that a client could send for the shape, or says everything that is wrong with
/// it. Null is not one.
pub fn literal(node: &Node, shape: &Shape, source: &str) -> Result<Value, Vec<Misfit>> {
    let json = typed(node, &shape.ty, source);
    let value = value::json::read(&shape.ty, &json).map_err(|mismatches| {
        let misfit = |mismatch: value::json::Mismatch| {
            let (span, needed, stray) = at(node, &shape.ty, &mismatch.pointer);
            Misfit {
                span,
                why: mismatch.detail,
                of_type: false,
                needed,
                stray,
            }
        };
        mismatches.into_iter().map(misfit).collect::<Vec<_>>()
    })?;
    let mut misfits = vec![];
    unfit(shape, &value, &mut String::new(), &mut |pointer, why| {
        let (span, needed, stray) = at(node, &shape.ty, pointer);
        misfits.push(Misfit {
            span,
            why,
            of_type: true,
            needed,
            stray,
        });
    });
    match misfits.is_empty() {
        true => Ok(value),
        false => Err(misfits),
    }
}

/// How a value of the type is written, where `source` was written instead.
fn written_like(ty: &Type, source: &str) -> String {
    let bare = source.trim_matches(['\'', '"']);
    let example = match ty {
        Type::Bool => {
            return match bare.to_ascii_lowercase().as_str() {
                "yes" | "on" | "y" | "true" | "1" => "write `true`".to_owned(),
                "no" | "off" | "n" | "false" | "0" => "write `false`".to_owned(),
                _ => "write `true` or `false`".to_owned(),
            };
        }
        Type::Int32 | Type::Int53 | Type::Int64 | Type::Float | Type::Decimal => {
            if bare.len() < source.len() && bare.parse::<f64>().is_ok_and(f64::is_finite) {
                return format!("write the number without quotes: `{bare}`");
            }
            "0"
        }
        Type::Text => return "if it is meant as text, put it in quotes".to_owned(),
        Type::Enum(words) => {
            let words = || words.iter().map(|word| &**word);
            return match suggest::nearest(bare, words()) {
                Some(near) => format!("write `{near}`"),
                None => format!("write one of its words: {}", names_of(words())),
            };
        }
        Type::Date => "2026-11-22",
        Type::Timestamp => "2026-11-22T10:00:00Z",
        Type::Duration => "PT10M",
        Type::Money => "{amount: '12.50', currency: EUR}",
        Type::Uuid => "01890a5d-ac96-774b-bcce-b302099a8057",
        Type::Id(id) => return format!("write an id like `{}`", id_like(id)),
        Type::List(_) => return "write a list: `[]`, or `[a, b]`".to_owned(),
        Type::Object(_) => return "write a map of its members: `{name: value}`".to_owned(),
        Type::Json => return "write something that JSON can hold".to_owned(),
    };
    format!("write a value like `{example}`")
}

fn id_like(id: &IdType) -> String {
    match id.kind {
        IdKind::Uuid => "01890a5d-ac96-774b-bcce-b302099a8057".to_owned(),
        IdKind::Integer => format!("{}17", id.prefix),
        IdKind::Text => "a-word".to_owned(),
        IdKind::TypeId | IdKind::Random if id.prefix.is_empty() => {
            "01h455vb4pex5vsknk084sn02q".to_owned()
        }
        IdKind::TypeId | IdKind::Random => format!("{}_01h455vb4pex5vsknk084sn02q", id.prefix),
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

/// The place a JSON pointer leads to, or as far as it leads; the type that is needed there, and
/// whether the last step led out of it.
fn at(node: &Node, ty: &Type, pointer: &str) -> (Span, Type, bool) {
    let (mut here, mut needed, mut stray) = (node, ty, false);
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
        let inner = match needed {
            Type::List(of) => Some(&**of),
            Type::Object(object) => {
                let member = object.members.iter().find(|member| *member.name == *name);
                member.map(|member| &member.ty)
            }
            _ => None,
        };
        match inner {
            Some(inner) => needed = inner,
            None => stray = true,
        }
        match next {
            Some(next) => here = next,
            None => break,
        }
    }
    (here.span, needed.clone(), stray)
}

/// Says which constraints a value does not fulfil, each with the pointer to its place.
fn unfit(shape: &Shape, value: &Value, pointer: &mut String, say: &mut impl FnMut(&str, String)) {
    if let Some(why) = constraint(&shape.constraints, value) {
        say(pointer, why);
    }
    let back = pointer.len();
    match value {
        Value::List(items) => {
            let Some(of) = &shape.items else { return };
            for (index, item) in items.iter().enumerate() {
                pointer.push_str(&format!("/{index}"));
                unfit(of, item, pointer, say);
                pointer.truncate(back);
            }
        }
        Value::Object(values) => {
            let (Some(members), Type::Object(object)) = (&shape.members, &shape.ty) else {
                return;
            };
            let named = object.members.iter().map(|member| &*member.name);
            for ((name, member), value) in named.zip(members.iter()).zip(values) {
                // Names of members need no escaping.
                pointer.push_str(&format!("/{name}"));
                if !value.is_null() {
                    unfit(member, value, pointer, say);
                }
                pointer.truncate(back);
            }
        }
        _ => {}
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
        Some(TextFormat::Duration) if !value::time::is_iso_duration(text) => {
            Some("it is not an ISO 8601 duration such as `P3D` or `PT1H30M`".to_owned())
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
