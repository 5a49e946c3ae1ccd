//! The text of one record, as the members of a record: what a request's body would have been.

use std::borrow::Cow;

use call::{Code, Failure, FieldProblem, Place};
use engine::DELETED_AT;
use model::{Field, Resource};
use serde_json::{Map, Value as Json};
use value::{FieldId, Timestamp, Type, Value, csv};
use web::json::{DEPTH, JsonError, JsonFault, VALUES};

use super::records::{RECORD_BYTES_MAX, Raw};

/// Which columns a CSV file has, in their order.
#[derive(Clone)]
pub struct Header {
    columns: Vec<Column>,
    /// As it stands in the file.
    pub text: String,
}

#[derive(Clone)]
struct Column {
    name: String,
    field: String,
    /// None of the time at which it was deleted.
    id: Option<FieldId>,
    ty: Type,
    nullable: bool,
    part: Part,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Whole,
    Amount,
    Currency,
}

/// Reads a line of NDJSON.
pub fn ndjson(raw: &Raw) -> Result<Map<String, Json>, Failure> {
    check_length(raw)?;
    let what = match web::json::parse(&raw.bytes) {
        Ok(Json::Object(members)) => return Ok(members),
        Ok(_) => "a record is a JSON object on one line: {\"name\": …}".to_owned(),
        Err(error) => match error.fault {
            JsonFault::Incomplete => {
                "not JSON: it ends in the middle; a record is one line".to_owned()
            }
            JsonFault::Trailing => format!(
                "something follows the record at column {}; a record is one line",
                error.column
            ),
            _ => not_json(&error),
        },
    };
    Err(Failure::new(Code::Malformed, what))
}

/// What is wrong with the JSON of one record, and in which column.
pub fn not_json(error: &JsonError) -> String {
    let what = match &error.fault {
        JsonFault::Syntax(what) => format!("not JSON: {what}"),
        JsonFault::Incomplete => "not JSON: it ends in the middle".to_owned(),
        JsonFault::Trailing => "something follows the record".to_owned(),
        JsonFault::Empty => return "there is no record here".to_owned(),
        JsonFault::Encoding => {
            let column = error.column;
            return format!("this is not UTF-8, at column {column}; save the file as UTF-8");
        }
        JsonFault::ByteOrderMark => "a byte order mark stands here; leave it out".to_owned(),
        JsonFault::Duplicate(name) => format!("`{name}` is named twice"),
        JsonFault::TooDeep => format!("the record is nested deeper than {DEPTH} levels"),
        JsonFault::TooMany => format!("the record has more than {VALUES} values"),
    };
    format!("{what}, at column {}", error.column)
}

fn check_length(raw: &Raw) -> Result<(), Failure> {
    if raw.too_long {
        let what = format!(
            "the record is longer than {} MiB; a missing line end, or a quote that is never closed?",
            RECORD_BYTES_MAX >> 20
        );
        return Err(Failure::new(Code::Malformed, what));
    }
    Ok(())
}

fn csv_cells(raw: &Raw) -> Result<Vec<Option<Cow<'_, str>>>, Failure> {
    check_length(raw)?;
    let text = std::str::from_utf8(&raw.bytes)
        .map_err(|_| Failure::new(Code::Malformed, "the row is not UTF-8"))?;
    csv::cells(text).map_err(|what| Failure::new(Code::Malformed, what))
}

impl Header {
    /// The first row of a file.
    pub fn read(raw: &Raw, resource: &Resource) -> Result<Header, Failure> {
        let malformed = |what: String| Failure::new(Code::Malformed, what);
        let names = csv_cells(raw)?;
        let mut columns: Vec<Column> = Vec::with_capacity(names.len());
        for (at, name) in names.iter().enumerate() {
            let name = name.as_deref().unwrap_or_default().trim();
            if name.is_empty() {
                return Err(malformed(format!("column {} has no name", at + 1)));
            }
            let Some(column) = column(resource, name) else {
                return Err(malformed(unknown(resource, name)));
            };
            if columns.iter().any(|known| known.name == column.name) {
                return Err(malformed(format!("there are two columns `{name}`")));
            }
            columns.push(column);
        }
        for column in columns.iter().filter(|column| column.part != Part::Whole) {
            let is_other = |other: &&Column| {
                other.field == column.field
                    && other.part != Part::Whole
                    && other.part != column.part
            };
            if !columns.iter().any(|other| is_other(&other)) {
                let both = csv::columns(&column.field, &Type::Money).join("` and `");
                return Err(malformed(format!(
                    "money takes two columns, `{both}`; one is missing"
                )));
            }
        }
        Ok(Header {
            columns,
            text: String::from_utf8_lossy(&raw.bytes).into_owned(),
        })
    }

    /// A record (indexed by field) as a row of these columns, without what ends it.
    pub fn write(&self, record: &[Value], deleted_at: Option<Timestamp>, out: &mut Vec<u8>) {
        let deleted_at = deleted_at.map_or(Value::Null, Value::Timestamp);
        for (at, column) in self.columns.iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            let value = match column.id {
                None => &deleted_at,
                Some(id) => record.get(usize::from(id.0)).unwrap_or(&Value::Null),
            };
            match (column.part, value) {
                (Part::Whole, value) => csv::write(&column.ty, value, out),
                (Part::Amount, Value::Money(money)) => money.write_amount_into(out),
                (Part::Currency, Value::Money(money)) => {
                    out.extend_from_slice(money.currency.as_str().as_bytes());
                }
                (Part::Amount | Part::Currency, _) => {}
            }
        }
    }

    /// The members that a row gives.
    pub fn record(&self, raw: &Raw) -> Result<Map<String, Json>, Failure> {
        let cells = csv_cells(raw)?;
        if cells.len() != self.columns.len() {
            let what = format!(
                "the row has {}; the header has {}",
                count(cells.len()),
                self.columns.len()
            );
            return Err(Failure::new(Code::Malformed, what));
        }
        let mut members = Map::new();
        let mut problems = Vec::new();
        for (column, cell) in self.columns.iter().zip(&cells) {
            match (cell, column.part) {
                (_, Part::Currency) => {}
                (_, Part::Amount) => {
                    let currency = self.columns.iter().zip(&cells).find(|(other, _)| {
                        other.field == column.field && other.part == Part::Currency
                    });
                    let currency = currency.and_then(|(_, cell)| cell.as_deref());
                    match (cell.as_deref(), currency) {
                        (None, None) => nothing(column, &mut members),
                        (Some(amount), Some(currency)) => {
                            members.insert(column.field.clone(), csv::money(amount, currency));
                        }
                        _ => problems.push(problem(
                            column,
                            "required",
                            "money needs both its amount and its currency".to_owned(),
                        )),
                    }
                }
                (None, Part::Whole) => nothing(column, &mut members),
                (Some(cell), Part::Whole) => match csv::to_json(&column.ty, cell) {
                    Ok(json) => {
                        members.insert(column.field.clone(), json);
                    }
                    Err(mismatch) => {
                        problems.push(problem(column, mismatch.code, mismatch.detail));
                    }
                },
            }
        }
        match problems.is_empty() {
            true => Ok(members),
            false => Err(Failure::with_problems(Code::Invalid, problems)),
        }
    }
}

/// An empty cell is null; where null cannot be, it is as if there were no such column.
fn nothing(column: &Column, members: &mut Map<String, Json>) {
    if column.nullable {
        members.insert(column.field.clone(), Json::Null);
    }
}

fn problem(column: &Column, code: &'static str, detail: String) -> FieldProblem {
    FieldProblem {
        place: Place::Pointer(format!("/{}", column.field)),
        code,
        detail,
    }
}

fn column(resource: &Resource, name: &str) -> Option<Column> {
    let of = |field: &Field, part| Column {
        name: name.to_owned(),
        field: field.name.clone(),
        id: Some(field.id),
        ty: field.shape.ty.clone(),
        nullable: field.shape.nullable,
        part,
    };
    if name == DELETED_AT && resource.soft_delete.is_some() {
        return Some(Column {
            name: name.to_owned(),
            field: name.to_owned(),
            id: None,
            ty: Type::Timestamp,
            nullable: true,
            part: Part::Whole,
        });
    }
    store::layout::stored_fields(resource).find_map(|field| {
        let columns = csv::columns(&field.name, &field.shape.ty);
        let at = columns.iter().position(|column| column == name)?;
        let part = match (&field.shape.ty, at) {
            (Type::Money, 0) => Part::Amount,
            (Type::Money, _) => Part::Currency,
            _ => Part::Whole,
        };
        Some(of(field, part))
    })
}

fn unknown(resource: &Resource, name: &str) -> String {
    if let Some(field) = resource.field_named(name) {
        return match field.shape.ty {
            Type::Money => format!(
                "`{name}` is money, which takes two columns: `{}`",
                csv::columns(name, &field.shape.ty).join("` and `")
            ),
            _ => format!("`{name}` is computed by the server; leave the column out"),
        };
    }
    let columns: Vec<String> = store::layout::stored_fields(resource)
        .flat_map(|field| csv::columns(&field.name, &field.shape.ty))
        .collect();
    match diag::suggest::nearest(name, columns.iter().map(String::as_str)) {
        Some(near) => format!(
            "{} has no field `{name}`; did you mean `{near}`?",
            resource.name
        ),
        None => format!(
            "{} has no field `{name}`; it has {}",
            resource.name,
            columns.join(", ")
        ),
    }
}

fn count(cells: usize) -> String {
    match cells {
        1 => "1 cell".to_owned(),
        many => format!("{many} cells"),
    }
}
