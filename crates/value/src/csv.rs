//! Values as cells of a CSV file (RFC 4180), one spelling for lists, exports and imports.
//!
//! | value | cell |
//! |---|---|
//! | null | nothing between the commas |
//! | the empty text | `""` |
//! | money | two cells, `price_amount` and `price_currency` |
//! | lists, objects, `json` | their JSON |
//! | everything else | as it stands in URLs ([`crate::text`]) |
//!
//! Rows end with CR LF as the RFC has it; a bare LF is read too. Reading is strict: a cell that
//! is not written as the RFC says is told, never guessed.

use std::borrow::Cow;

use serde_json::Value as Json;

use crate::json::Mismatch;
use crate::{Type, Value};

/// What ends a row.
pub const END: &[u8] = b"\r\n";

/// The columns of a field, in order: its name, or two names for money.
pub fn columns(name: &str, ty: &Type) -> Vec<String> {
    match ty {
        Type::Money => vec![format!("{name}_amount"), format!("{name}_currency")],
        _ => vec![name.to_owned()],
    }
}

/// Appends the cells of a value, as many as its type has [`columns`], with commas between them.
pub fn write(ty: &Type, value: &Value, out: &mut Vec<u8>) {
    match (ty, value) {
        (Type::Money, Value::Money(money)) => {
            money.write_amount_into(out);
            out.push(b',');
            out.extend_from_slice(money.currency.as_str().as_bytes());
        }
        (Type::Money, _) => out.push(b','),
        (_, Value::Null) => {}
        (_, Value::Text(text)) => write_text(text, out),
        (Type::List(_) | Type::Object(_) | Type::Json | Type::Id(_), _) => {
            write_text(&crate::text::print(ty, value), out);
        }
        // Numbers, times and the like have nothing in them that must be quoted.
        _ => crate::text::write(ty, value, out),
    }
}

/// Appends a text as one cell, quoted where it must be.
pub fn write_text(text: &str, out: &mut Vec<u8>) {
    let plain = !text.is_empty()
        && !text
            .bytes()
            .any(|byte| matches!(byte, b'"' | b',' | b'\r' | b'\n'));
    if plain {
        return out.extend_from_slice(text.as_bytes());
    }
    out.push(b'"');
    for byte in text.bytes() {
        if byte == b'"' {
            out.push(b'"');
        }
        out.push(byte);
    }
    out.push(b'"');
}

/// The cells of one row, without what ends it: `None` where there is nothing, not even quotes.
///
/// # Errors
/// What is not as RFC 4180 has it, in words.
pub fn cells(row: &str) -> Result<Vec<Option<Cow<'_, str>>>, String> {
    let mut cells = Vec::new();
    let mut rest = row;
    loop {
        let number = cells.len() + 1;
        let (cell, after) = match rest.strip_prefix('"') {
            None => {
                let end = rest.find(',').unwrap_or(rest.len());
                let cell = &rest[..end];
                if cell.contains('"') {
                    return Err(format!(
                        "cell {number} has a quote in it: put the whole cell in quotes, and write \
                         each quote inside twice"
                    ));
                }
                let cell = (!cell.is_empty()).then_some(Cow::Borrowed(cell));
                (cell, &rest[end..])
            }
            Some(quoted) => {
                let (cell, after) = unquote(quoted)
                    .ok_or_else(|| format!("cell {number} opens a quote that is never closed"))?;
                (Some(cell), after)
            }
        };
        cells.push(cell);
        match after.strip_prefix(',') {
            Some(more) => rest = more,
            None if after.is_empty() => return Ok(cells),
            None => {
                return Err(format!(
                    "cell {number} goes on after its closing quote: write a quote inside a cell \
                     twice"
                ));
            }
        }
    }
}

/// A quoted cell after its opening quote, and what comes after the closing one.
fn unquote(quoted: &str) -> Option<(Cow<'_, str>, &str)> {
    let mut whole: Option<String> = None;
    let mut rest = quoted;
    loop {
        let end = rest.find('"')?;
        let (part, after) = (&rest[..end], &rest[end + 1..]);
        match (after.strip_prefix('"'), whole.as_mut()) {
            (Some(more), known) => {
                let known = match known {
                    Some(known) => known,
                    None => whole.insert(String::new()),
                };
                known.push_str(part);
                known.push('"');
                rest = more;
            }
            (None, None) => return Some((Cow::Borrowed(part), after)),
            (None, Some(known)) => {
                known.push_str(part);
                return Some((Cow::Owned(std::mem::take(known)), after));
            }
        }
    }
}

/// The JSON of a value that one cell holds: what [`crate::json::read`] takes. Money is put
/// together with [`money`].
///
/// # Errors
/// Why the cell is not of the type.
pub fn to_json(ty: &Type, cell: &str) -> Result<Json, Mismatch> {
    match ty {
        Type::Text | Type::Enum(_) => Ok(Json::String(cell.to_owned())),
        Type::List(_) | Type::Object(_) | Type::Json => {
            serde_json::from_str(cell).map_err(|error| Mismatch {
                pointer: String::new(),
                code: crate::json::code::INVALID_FORMAT,
                detail: format!(
                    "must be {}; the cell is no JSON: {}",
                    ty.describe(),
                    without_place(&error)
                ),
            })
        }
        _ => {
            let value = crate::text::parse(ty, cell)?;
            let json = crate::json::to_json_text(ty, &value);
            serde_json::from_str(&json).map_err(|_| Mismatch {
                pointer: String::new(),
                code: crate::json::code::INVALID_FORMAT,
                detail: format!("must be {}", ty.describe()),
            })
        }
    }
}

/// The JSON of money in two cells.
pub fn money(amount: &str, currency: &str) -> Json {
    serde_json::json!({"amount": amount, "currency": currency})
}

fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ")
        .next()
        .unwrap_or_default()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::Money;

    fn round(ty: &Type, value: &Value, cell: &str) {
        let mut out = Vec::new();
        write(ty, value, &mut out);
        let written = String::from_utf8(out).unwrap();
        assert_eq!(written, cell);
        let cells = cells(&written).unwrap();
        let [Some(cell)] = cells.as_slice() else {
            panic!("{cells:?}")
        };
        let json = to_json(ty, cell).unwrap();
        assert_eq!(crate::json::read(ty, &json).unwrap(), *value);
    }

    #[test]
    fn what_is_written_is_read_back() {
        let text = |text: &str| Value::Text(text.to_owned());
        round(&Type::Text, &text("plain text"), "plain text");
        round(&Type::Text, &text(""), "\"\"");
        round(
            &Type::Text,
            &text("a \"b\", c\r\nd"),
            "\"a \"\"b\"\", c\r\nd\"",
        );
        round(&Type::Text, &text("\""), "\"\"\"\"");
        round(&Type::Text, &text("null"), "null");
        round(&Type::Text, &text(" 1 "), " 1 ");
        round(&Type::Int32, &Value::Int(-7), "-7");
        round(&Type::Int64, &Value::Int(i64::MIN), "-9223372036854775808");
        round(&Type::Float, &Value::Float(0.1), "0.1");
        round(&Type::Bool, &Value::Bool(false), "false");
        let list = Type::List(Arc::new(Type::Text));
        let items = Value::List(vec![text("a"), text("b,")]);
        round(&list, &items, "\"[\"\"a\"\",\"\"b,\"\"]\"");
        let json = Value::Json("{\"a\":1}".into());
        round(&Type::Json, &json, "\"{\"\"a\"\":1}\"");
    }

    #[test]
    fn money_takes_two_cells() {
        assert_eq!(
            columns("price", &Type::Money),
            ["price_amount", "price_currency"]
        );
        let mut out = Vec::new();
        let value = Value::Money(Money::parse("12.5 EUR").unwrap());
        write(&Type::Money, &value, &mut out);
        let written = String::from_utf8(out).unwrap();
        let cells = cells(&written).unwrap();
        let [Some(amount), Some(currency)] = cells.as_slice() else {
            panic!("{cells:?}")
        };
        assert_eq!(
            crate::json::read(&Type::Money, &money(amount, currency)).unwrap(),
            value
        );
        let mut nothing = Vec::new();
        write(&Type::Money, &Value::Null, &mut nothing);
        assert_eq!(nothing, b",");
    }

    #[test]
    fn rows_become_cells() {
        let check = |row: &str, expected: &[Option<&str>]| {
            let found = cells(row).unwrap();
            let found: Vec<Option<&str>> = found.iter().map(Option::as_deref).collect();
            assert_eq!(found, expected, "{row}");
        };
        check("", &[None]);
        check("a", &[Some("a")]);
        check("a,,\"\",", &[Some("a"), None, Some(""), None]);
        check("\"a,\"\"\n\",b", &[Some("a,\"\n"), Some("b")]);
        check("\"\"\"\"\"\"", &[Some("\"\"")]);
        for (row, expected) in [
            ("a,b\"c", "cell 2 has a quote in it"),
            ("\"a", "cell 1 opens a quote that is never closed"),
            ("\"a\"\"", "cell 1 opens a quote that is never closed"),
            ("\"a\"b", "cell 1 goes on after its closing quote"),
            ("\"a\" ,b", "cell 1 goes on after its closing quote"),
        ] {
            let why = cells(row).unwrap_err();
            assert!(why.starts_with(expected), "{row}: {why}");
        }
    }

    #[test]
    fn cells_of_another_type_are_told() {
        for (ty, cell, expected) in [
            (Type::Bool, "yes", "must be true or false"),
            (Type::Json, "{", "must be JSON; the cell is no JSON: "),
            (Type::Int32, "1.5", ""),
            (Type::Date, "2026-13-01", ""),
        ] {
            let mismatch = to_json(&ty, cell).unwrap_err();
            assert!(mismatch.detail.starts_with(expected), "{}", mismatch.detail);
        }
    }
}
