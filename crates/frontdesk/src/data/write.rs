//! Records as text: one line of NDJSON, or one row of CSV.

use engine::DELETED_AT;
use model::Resource;
use value::{Timestamp, Type, Value, csv, json};

/// The names of all columns, as the first row of a CSV file has them.
pub fn header(resource: &Resource, out: &mut Vec<u8>) {
    let columns = store::layout::stored_fields(resource)
        .flat_map(|field| csv::columns(&field.name, &field.shape.ty))
        .chain(resource.soft_delete.map(|_| DELETED_AT.to_owned()));
    for (at, column) in columns.enumerate() {
        if at > 0 {
            out.push(b',');
        }
        csv::write_text(&column, out);
    }
}

/// A record (indexed by field) as a JSON object of all that is stored.
pub fn ndjson(
    resource: &Resource,
    record: &[Value],
    deleted_at: Option<Timestamp>,
    out: &mut Vec<u8>,
) {
    out.push(b'{');
    for (at, field) in store::layout::stored_fields(resource).enumerate() {
        if at > 0 {
            out.push(b',');
        }
        json::write_string(&field.name, out);
        out.push(b':');
        let value = record.get(usize::from(field.id.0)).unwrap_or(&Value::Null);
        json::write(&field.shape.ty, value, out);
    }
    if let Some(at) = deleted_at {
        out.push(b',');
        json::write_string(DELETED_AT, out);
        out.push(b':');
        json::write(&Type::Timestamp, &Value::Timestamp(at), out);
    }
    out.push(b'}');
}

/// A record (indexed by field) as a row under [`header`].
pub fn csv(
    resource: &Resource,
    record: &[Value],
    deleted_at: Option<Timestamp>,
    out: &mut Vec<u8>,
) {
    for (at, field) in store::layout::stored_fields(resource).enumerate() {
        if at > 0 {
            out.push(b',');
        }
        let value = record.get(usize::from(field.id.0)).unwrap_or(&Value::Null);
        csv::write(&field.shape.ty, value, out);
    }
    if resource.soft_delete.is_some() {
        out.push(b',');
        let at = deleted_at.map_or(Value::Null, Value::Timestamp);
        csv::write(&Type::Timestamp, &at, out);
    }
}
