//! Records and pages as JSON, straight from their cells into one buffer.
//!
//! Writing here cannot recurse deeply: the engine bounds how deep relations are included.

use call::{BatchOutcome, Cell, Done, Page, Record, RecordKey};
use model::{Field, Model, Resource};
use value::Value;

use super::tag::Tag;

/// A guess at the bytes of one member, so that most answers are written without growing.
const MEMBER_BYTES: usize = 48;

/// What surrounds the items of a page.
const ENVELOPE_BYTES: usize = 128;

/// The JSON of a record.
pub fn record(record: &Record) -> Vec<u8> {
    let mut out = Vec::with_capacity(2 + MEMBER_BYTES * record.cells.len());
    write_record(record, &mut out);
    out
}

/// The JSON of a page with its envelope.
pub fn page(page: &Page) -> Vec<u8> {
    let cells: usize = page.items.iter().map(|item| item.cells.len()).sum();
    let mut out = Vec::with_capacity(ENVELOPE_BYTES + MEMBER_BYTES * cells);
    write_page(page, &mut out);
    out
}

/// The JSON of a batch, in the shape of its request. Each record has its entity tag with it, as
/// there is no header field for so many.
pub fn batch(
    batch: &BatchOutcome,
    model: &Model,
    resource: &Resource,
    tag: impl Fn(&Record) -> Tag,
) -> Vec<u8> {
    let key_of = |done: &Done| key(model, resource, &done.key);
    let mut out = b"{".to_vec();
    let lists = [
        (&br#""create":["#[..], &batch.create),
        (&br#"],"update":["#[..], &batch.update),
    ];
    for (name, list) in lists {
        out.extend_from_slice(name);
        for (place, done) in list.iter().enumerate() {
            if place > 0 {
                out.push(b',');
            }
            match &done.record {
                Some(record) => {
                    write_record(record, &mut out);
                    out.pop();
                    let empty = out.last() == Some(&b'{');
                    out.extend_from_slice(if empty { br#""etag":"# } else { br#","etag":"# });
                    value::json::write_string(tag(record).as_str(), &mut out);
                }
                // Who may not see it knows what it is called.
                None => {
                    write_key(&key_of(done), &mut out);
                    out.pop();
                }
            }
            out.push(b'}');
        }
    }
    out.extend_from_slice(br#"],"delete":["#);
    for (place, done) in batch.delete.iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        match &key_of(done)[..] {
            [(field, value)] => value::json::write(&field.shape.ty, value, &mut out),
            several => write_key(several, &mut out),
        }
    }
    out.extend_from_slice(b"]}");
    out
}

/// What the path of a record ends with, as a batch names it.
fn key<'m>(model: &Model, resource: &'m Resource, key: &RecordKey) -> Vec<(&'m Field, Value)> {
    let values = match key {
        RecordKey::Id(text) => resource.id_type.parse(text).ok().map(|id| vec![id]),
        RecordKey::Natural(texts) => model.read_path(resource.id, texts),
    };
    let mut values = values.expect("what was written has a key");
    let own = resource.key_fields().count();
    let around = values.len().saturating_sub(own);
    resource.key_fields().zip(values.drain(around..)).collect()
}

fn write_key(key: &[(&Field, Value)], out: &mut Vec<u8>) {
    let mut next = b'{';
    for (field, value) in key {
        out.push(next);
        next = b',';
        value::json::write_string(&field.name, out);
        out.push(b':');
        value::json::write(&field.shape.ty, value, out);
    }
    out.push(b'}');
}

/// The JSON of a page as a bare array.
pub fn array(page: &Page) -> Vec<u8> {
    let cells: usize = page.items.iter().map(|item| item.cells.len()).sum();
    let mut out = Vec::with_capacity(2 + MEMBER_BYTES * cells);
    out.push(b'[');
    write_items(page, &mut out);
    out.push(b']');
    out
}

fn write_items(page: &Page, out: &mut Vec<u8>) {
    for (place, item) in page.items.iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        write_record(item, out);
    }
}

pub(super) fn write_record(record: &Record, out: &mut Vec<u8>) {
    let mut next = b'{';
    for (slot, cell) in record.view.slots.iter().zip(&record.cells) {
        if matches!(cell, Cell::Hidden) {
            continue;
        }
        out.push(next);
        next = b',';
        out.extend_from_slice(&slot.key);
        match cell {
            Cell::Value(value) => value::json::write(&slot.ty, value, out),
            Cell::One(Some(record)) => write_record(record, out),
            Cell::One(None) | Cell::Hidden => out.extend_from_slice(b"null"),
            Cell::Many(page) => write_page(page, out),
        }
    }
    if next == b'{' {
        out.push(b'{');
    }
    out.push(b'}');
}

pub(super) fn write_page(page: &Page, out: &mut Vec<u8>) {
    out.extend_from_slice(br#"{"items":["#);
    write_items(page, out);
    out.extend_from_slice(br#"],"next_cursor":"#);
    match &page.next_cursor {
        Some(cursor) => value::json::write_string(cursor, out),
        None => out.extend_from_slice(b"null"),
    }
    if let Some(total) = page.total {
        out.extend_from_slice(br#","total":"#);
        out.extend_from_slice(itoa::Buffer::new().format(total).as_bytes());
    }
    out.push(b'}');
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use call::{Slot, View, ViewTag};
    use value::{ResourceId, Type, Value};

    use super::*;

    fn view(slots: &[(&str, Type)]) -> Arc<View> {
        let slot = |(name, ty): &(&str, Type)| Slot {
            name: (*name).to_owned(),
            key: format!("\"{name}\":").into_bytes().into(),
            ty: ty.clone(),
            inner: None,
        };
        Arc::new(View {
            resource: ResourceId(0),
            id_type: Type::Int53,
            slots: slots.iter().map(slot).collect(),
            tag: ViewTag::Content,
        })
    }

    fn of(view: &Arc<View>, cells: Vec<Cell>) -> Record {
        Record {
            view: Arc::clone(view),
            id: Value::Int(1),
            version: 1,
            cells,
        }
    }

    fn check(record: &Record, expected: &str) {
        assert_eq!(String::from_utf8(super::record(record)).unwrap(), expected);
    }

    #[test]
    fn a_record_is_its_cells_in_order() {
        let book = view(&[
            ("id", Type::Int53),
            ("title", Type::Text),
            ("isbn", Type::Text),
        ]);
        let text = |text: &str| Cell::Value(Value::Text(text.to_owned()));
        let id = || Cell::Value(Value::Int(42));
        check(
            &of(
                &book,
                vec![id(), text("a \"b\"\n"), Cell::Value(Value::Null)],
            ),
            r#"{"id":42,"title":"a \"b\"\n","isbn":null}"#,
        );
        check(
            &of(&book, vec![Cell::Hidden, text("t"), text("1")]),
            r#"{"title":"t","isbn":"1"}"#,
        );
        check(
            &of(&book, vec![id(), Cell::Hidden, Cell::Hidden]),
            r#"{"id":42}"#,
        );
        check(
            &of(&book, vec![Cell::Hidden, Cell::Hidden, Cell::Hidden]),
            "{}",
        );
        check(&of(&view(&[]), Vec::new()), "{}");
    }

    #[test]
    fn relations_are_written_inside() {
        let author = view(&[("id", Type::Int53)]);
        let book = view(&[
            ("author", Type::Int53),
            ("editor", Type::Int53),
            ("reviews", Type::Int53),
        ]);
        let inner = |id| of(&author, vec![Cell::Value(Value::Int(id))]);
        let reviews = Page {
            view: Arc::clone(&author),
            items: vec![inner(7), inner(8)],
            next_cursor: Some("c\"1".to_owned()),
            total: None,
        };
        check(
            &of(
                &book,
                vec![
                    Cell::One(Some(Box::new(inner(3)))),
                    Cell::One(None),
                    Cell::Many(Box::new(reviews)),
                ],
            ),
            r#"{"author":{"id":3},"editor":null,"reviews":{"items":[{"id":7},{"id":8}],"next_cursor":"c\"1"}}"#,
        );
    }

    #[test]
    fn a_page_has_an_envelope() {
        let book = view(&[("id", Type::Int53)]);
        let mut page = Page {
            view: Arc::clone(&book),
            items: Vec::new(),
            next_cursor: None,
            total: Some(0),
        };
        let text = |page: &Page| String::from_utf8(super::page(page)).unwrap();
        assert_eq!(text(&page), r#"{"items":[],"next_cursor":null,"total":0}"#);
        page.items = vec![of(&book, vec![Cell::Value(Value::Int(1))])];
        page.total = None;
        assert_eq!(text(&page), r#"{"items":[{"id":1}],"next_cursor":null}"#);
        let bare = |page: &Page| String::from_utf8(array(page)).unwrap();
        assert_eq!(bare(&page), r#"[{"id":1}]"#);
        page.items = Vec::new();
        assert_eq!(bare(&page), "[]");
    }
}
