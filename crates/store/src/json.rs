//! Lists, objects and whole records as they are stored in one column.
//!
//! Not the JSON that clients see: every value keeps the form that its own column would have
//! (a date is its day, a decimal its millionths, an id its bytes in hexadecimal), so that SQL
//! compares an element of a list with a column as they are, and a changed id prefix changes
//! nothing that is stored.

use std::collections::BTreeMap;

use model::Resource;
use serde_json::value::RawValue;
use value::{Date, Decimal, FieldId, IdKind, Money, Timestamp, Type, Value};

use crate::driver::StoreError;
use crate::layout::{self, DELETED_AT};
use crate::prepared::corrupt;

/// The stored text of a value.
pub fn write(ty: &Type, value: &Value) -> String {
    let mut out = Vec::new();
    write_into(ty, value, &mut out);
    text(out)
}

/// Reads what [`write()`] wrote. Members that the type has gained since are null, those it has
/// lost are passed over.
///
/// # Errors
/// [`StoreError::Corrupt`] when the text is not of the type.
pub fn read(ty: &Type, json: &str) -> Result<Value, StoreError> {
    let raw: &RawValue = parse(json)?;
    read_raw(ty, raw)
}

/// All stored fields of a record (indexed by field), by name.
pub fn write_record(resource: &Resource, record: &[Value]) -> String {
    let mut out = Vec::new();
    write_fields(resource, record, &mut out, |_, _| true);
    text(out)
}

/// [`write_record`] of one whose id is not known yet: what stands before the id, and what after it.
pub fn write_around_id(resource: &Resource, record: &[Value]) -> (String, String) {
    let (mut before, mut after) = (Vec::new(), Vec::new());
    let id = resource.id_field().id;
    write_fields(resource, record, &mut after, |field, out| {
        if field == id {
            before.append(out);
        }
        field != id
    });
    (text(before), text(after))
}

/// `has_value` says whether the value of a field is written, once its name is.
fn write_fields(
    resource: &Resource,
    record: &[Value],
    out: &mut Vec<u8>,
    mut has_value: impl FnMut(FieldId, &mut Vec<u8>) -> bool,
) {
    out.push(b'{');
    for (at, field) in layout::stored_fields(resource).enumerate() {
        if at > 0 {
            out.push(b',');
        }
        value::json::write_string(&field.name, out);
        out.push(b':');
        if has_value(field.id, out) {
            let value = record.get(usize::from(field.id.0)).unwrap_or(&Value::Null);
            write_into(&field.shape.ty, value, out);
        }
    }
    out.push(b'}');
}

/// The same of a record that was deleted so that it can be restored. No field is called so.
pub fn write_deleted(resource: &Resource, record: &[Value], deleted_at: Timestamp) -> String {
    let mut text = write_record(resource, record);
    text.pop();
    text.push_str(&format!(",\"{DELETED_AT}\":{}}}", deleted_at.0));
    text
}

/// When a record was deleted, if [`write_deleted`] wrote it.
///
/// # Errors
/// [`StoreError::Corrupt`] when it says no time.
pub fn read_deleted_at(json: &str) -> Result<Option<Timestamp>, StoreError> {
    let members: BTreeMap<String, &RawValue> = parse(json)?;
    members
        .get(DELETED_AT)
        .map(|raw| match read_raw(&Type::Timestamp, raw)? {
            Value::Timestamp(at) => Ok(at),
            _ => Err(corrupt("a record was deleted at no time")),
        })
        .transpose()
}

/// Reads what [`write_record`] wrote, perhaps for an older model: indexed by field, with null
/// for computed fields and for those it does not have.
///
/// # Errors
/// [`StoreError::Corrupt`] when a field is not of its type.
pub fn read_record(resource: &Resource, json: &str) -> Result<Vec<Value>, StoreError> {
    let members: BTreeMap<String, &RawValue> = parse(json)?;
    resource
        .fields
        .iter()
        .map(|field| match members.get(field.name.as_str()) {
            // A whole field that is null holds nothing, even one of any JSON.
            Some(raw) if field.is_stored() && raw.get() != "null" => read_raw(&field.shape.ty, raw),
            _ => Ok(Value::Null),
        })
        .collect()
}

fn write_into(ty: &Type, value: &Value, out: &mut Vec<u8>) {
    let integer = |number: i64, out: &mut Vec<u8>| {
        out.extend_from_slice(number.to_string().as_bytes());
    };
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(known) => out.extend_from_slice(if *known { b"true" } else { b"false" }),
        Value::Int(number) => integer(*number, out),
        Value::Float(number) => match serde_json::Number::from_f64(*number) {
            Some(number) => out.extend_from_slice(number.to_string().as_bytes()),
            None => out.extend_from_slice(b"null"),
        },
        Value::Text(text) => value::json::write_string(text, out),
        Value::Decimal(decimal) => integer(decimal.millionths(), out),
        Value::Money(money) => {
            out.extend_from_slice(b"{\"amount\":");
            integer(money.amount.millionths(), out);
            out.extend_from_slice(b",\"currency\":");
            value::json::write_string(money.currency.as_str(), out);
            out.push(b'}');
        }
        Value::Date(date) => integer(i64::from(date.0), out),
        Value::Timestamp(at) => integer(at.0, out),
        Value::Duration(duration) => integer(duration.0, out),
        Value::Uuid(bytes) => {
            out.push(b'"');
            for byte in bytes {
                out.extend_from_slice(format!("{byte:02x}").as_bytes());
            }
            out.push(b'"');
        }
        Value::List(items) => {
            let item_type = match ty {
                Type::List(item) => item,
                _ => &Type::Json,
            };
            out.push(b'[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                write_into(item_type, item, out);
            }
            out.push(b']');
        }
        Value::Object(values) => {
            let members = match ty {
                Type::Object(object) => object.members.as_slice(),
                _ => &[],
            };
            out.push(b'{');
            for (at, (member, value)) in members.iter().zip(values).enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                value::json::write_string(&member.name, out);
                out.push(b':');
                write_into(&member.ty, value, out);
            }
            out.push(b'}');
        }
        Value::Json(text) => out.extend_from_slice(text.as_bytes()),
    }
}

fn read_raw(ty: &Type, raw: &RawValue) -> Result<Value, StoreError> {
    let json = raw.get();
    if json == "null" && *ty != Type::Json {
        return Ok(Value::Null);
    }
    let misfit = || {
        corrupt(format!(
            "{} is stored where {} should be",
            cut(json),
            ty.describe()
        ))
    };
    Ok(match ty {
        Type::Bool => Value::Bool(parse(json)?),
        Type::Int32 | Type::Int53 | Type::Int64 => Value::Int(parse(json)?),
        Type::Float => Value::Float(parse(json)?),
        Type::Text | Type::Enum(_) => Value::Text(parse(json)?),
        Type::Decimal => Value::Decimal(Decimal::from_millionths(parse(json)?).ok_or_else(misfit)?),
        Type::Money => {
            let StoredMoney { amount, currency } = parse(json)?;
            Value::Money(Money {
                amount: Decimal::from_millionths(amount).ok_or_else(misfit)?,
                currency: currency.parse().map_err(|_| misfit())?,
            })
        }
        Type::Date => Value::Date(Date::from_days(parse(json)?).ok_or_else(misfit)?),
        Type::Timestamp => {
            Value::Timestamp(Timestamp::from_millis(parse(json)?).ok_or_else(misfit)?)
        }
        Type::Duration => Value::Duration(value::Duration(parse(json)?)),
        Type::Uuid => Value::Uuid(uuid(parse(json)?).ok_or_else(misfit)?),
        Type::Id(id) => match id.kind {
            IdKind::Integer => Value::Int(parse(json)?),
            IdKind::Text => Value::Text(parse(json)?),
            IdKind::TypeId | IdKind::Random | IdKind::Uuid => {
                Value::Uuid(uuid(parse(json)?).ok_or_else(misfit)?)
            }
        },
        Type::List(item) => {
            let items: Vec<&RawValue> = parse(json)?;
            Value::List(
                items
                    .into_iter()
                    .map(|raw| read_raw(item, raw))
                    .collect::<Result<_, _>>()?,
            )
        }
        Type::Object(object) => {
            let members: BTreeMap<String, &RawValue> = parse(json)?;
            let read = |member: &value::Member| match members.get(&*member.name) {
                Some(raw) => read_raw(&member.ty, raw),
                None => Ok(Value::Null),
            };
            Value::Object(object.members.iter().map(read).collect::<Result<_, _>>()?)
        }
        Type::Json => Value::Json(json.into()),
    })
}

#[derive(serde::Deserialize)]
struct StoredMoney {
    amount: i64,
    currency: String,
}

fn parse<'a, T: serde::Deserialize<'a>>(json: &'a str) -> Result<T, StoreError> {
    serde_json::from_str(json)
        .map_err(|error| corrupt(format!("{} is stored as JSON: {error}", cut(json))))
}

/// Enough of a stored text to recognise it in a message.
fn cut(json: &str) -> String {
    const SHOWN: usize = 40;
    match json.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("`{}…`", &json[..end]),
        None => format!("`{json}`"),
    }
}

/// Reads 32 hexadecimal digits.
pub(crate) fn uuid(text: &str) -> Option<[u8; 16]> {
    let digits: Vec<u8> = text
        .chars()
        .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect::<Option<_>>()?;
    let bytes: Vec<u8> = digits
        .chunks_exact(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect();
    if digits.len() == 32 {
        bytes.try_into().ok()
    } else {
        None
    }
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("only whole texts and ASCII were appended")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn check(ty: &Type, value: &Value, stored: &str) {
        assert_eq!(write(ty, value), stored);
        assert_eq!(
            read(ty, stored).expect("what was written can be read"),
            *value
        );
    }

    #[test]
    fn every_kind_of_value_survives() {
        let list = |ty: Type| Type::List(Arc::new(ty));
        check(
            &list(Type::Int64),
            &Value::List(vec![Value::Int(i64::MIN)]),
            "[-9223372036854775808]",
        );
        check(
            &list(Type::Float),
            &Value::List(vec![Value::Float(1.0)]),
            "[1.0]",
        );
        check(
            &list(Type::Text),
            &Value::List(vec![Value::Text("a\"\u{1f}é".into())]),
            r#"["a\"\u001fé"]"#,
        );
        check(
            &list(Type::Date),
            &Value::List(vec![Value::Date(Date(-1))]),
            "[-1]",
        );
        check(
            &list(Type::Uuid),
            &Value::List(vec![Value::Uuid([0xab; 16])]),
            &format!("[\"{}\"]", "ab".repeat(16)),
        );
        check(
            &list(Type::Json),
            &Value::List(vec![
                Value::Json("{\"n\":12345678901234567890123}".into()),
                Value::Json("null".into()),
            ]),
            "[{\"n\":12345678901234567890123},null]",
        );
        let money = Money::parse("-12.5 EUR").expect("money");
        check(
            &list(Type::Money),
            &Value::List(vec![Value::Money(money)]),
            "[{\"amount\":-12500000,\"currency\":\"EUR\"}]",
        );
    }

    #[test]
    fn what_does_not_fit_is_told_not_guessed() {
        for (ty, stored) in [
            (Type::Int32, "\"1\""),
            (Type::Uuid, "\"abc\""),
            (Type::Date, "99999999"),
            (Type::Bool, "1"),
            (Type::List(Arc::new(Type::Bool)), "[true"),
        ] {
            assert!(
                matches!(read(&ty, stored), Err(StoreError::Corrupt { .. })),
                "{stored}"
            );
        }
    }
}
