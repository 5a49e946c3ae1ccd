//! The feed: entries come back in the order of their positions, and are pruned by their age.

use model::Model;
use store::feed::{self, Entry};
use store::json;
use value::{Timestamp, Value};

use crate::support::{Database, database::wait, model};

const NOTES: &str = "
    Note
      text text
      price? money
      tags list(date)
      place? object(city:text)
      data? json
";

fn entry(at: i64, before: Option<&str>, after: Option<&str>) -> Entry {
    Entry {
        position: 0,
        resource: "Note".into(),
        record: "note_1".into(),
        action: "update".into(),
        version: 2,
        at: Timestamp(at),
        caller: (at % 2 == 0).then(|| "user:u1".to_owned()),
        before: before.map(str::to_owned),
        after: after.map(str::to_owned),
    }
}

fn append(database: &Database, entry: Entry) {
    let prepared = feed::append(testdb::dialect());
    let parameters = prepared.bind_args(&entry.args());
    assert_eq!(database.change(&prepared, parameters).unwrap(), 1);
}

fn after(database: &Database, position: i64, most: u32) -> Vec<Entry> {
    wait(feed::read(&*database.driver, position, most)).unwrap()
}

fn prune(database: &Database, before: i64) -> u64 {
    let prepared = feed::prune(testdb::dialect());
    let parameters = prepared.bind_args(&[Value::Timestamp(Timestamp(before))]);
    database.change(&prepared, parameters).unwrap()
}

#[test]
fn entries_come_back_as_they_were_appended() {
    let database = Database::of(&model(NOTES));
    let written = [
        entry(1, None, Some("{\"a\":1}")),
        entry(2, Some("{}"), None),
    ];
    for entry in &written {
        append(&database, entry.clone());
    }
    let read = after(&database, 0, 10);
    for (at, (written, read)) in written.iter().zip(&read).enumerate() {
        assert_eq!(
            Entry {
                position: [1, 2][at],
                ..written.clone()
            },
            *read
        );
    }
    assert_eq!(read.len(), 2);
    assert_eq!(after(&database, 1, 10), read[1..]);
    assert_eq!(after(&database, 0, 1), read[..1]);
    assert!(after(&database, 2, 10).is_empty());
}

#[test]
fn old_entries_go_and_positions_are_not_given_again() {
    let database = Database::of(&model(NOTES));
    let bounds = || {
        wait(feed::publish(&*database.driver)).unwrap();
        database
            .query(&feed::bounds(testdb::dialect()), &[])
            .remove(0)
    };
    assert_eq!(bounds(), [Value::Null, Value::Null]);
    for at in 1..=4 {
        append(&database, entry(at, None, None));
    }
    // Also whoever prunes looks at what has a position.
    wait(feed::publish(&*database.driver)).unwrap();
    assert_eq!(prune(&database, 3), 2);
    assert_eq!(bounds(), [Value::Int(3), Value::Int(4)]);
    // The last one stays, however old, so that the end is known.
    assert_eq!(prune(&database, 100), 1);
    assert_eq!(prune(&database, 100), 0);
    assert_eq!(bounds(), [Value::Int(4), Value::Int(4)]);
    append(&database, entry(9, None, None));
    assert_eq!(bounds(), [Value::Int(4), Value::Int(5)]);
}

#[test]
fn positions_go_on_in_a_feed_of_an_older_release() {
    let model = model(NOTES);
    let database = Database::on_sqlite(&model);
    let older = [
        "DROP TABLE \"frontdesk_feed\"",
        "CREATE TABLE \"frontdesk_feed\" (\"position\" INTEGER PRIMARY KEY AUTOINCREMENT, \
         \"resource\" TEXT NOT NULL, \"record\" TEXT NOT NULL, \"action\" TEXT NOT NULL, \
         \"version\" INTEGER NOT NULL, \"at\" INTEGER NOT NULL, \"caller\" TEXT, \"before\" TEXT, \
         \"after\" TEXT) STRICT",
        "CREATE INDEX \"frontdesk_feed__at\" ON \"frontdesk_feed\" (\"at\")",
        "INSERT INTO \"frontdesk_feed\" VALUES (6, 'Note', 'a', 'create', 1, 5, NULL, NULL, '{}'), \
         (7, 'Note', 'a', 'delete', 1, 6, 'key_1', '{}', NULL)",
        "ALTER TABLE \"frontdesk_answers\" DROP COLUMN \"operation\"",
        "UPDATE \"frontdesk_migrations\" SET \"system\" = 8",
    ];
    let newer = store::people::TABLES.iter();
    let newer = newer.map(|table| format!("DROP TABLE \"{}\"", table.name));
    let older: Vec<String> = older
        .iter()
        .map(|sql| (*sql).to_owned())
        .chain(newer)
        .collect();
    wait(database.driver.migrate(&older)).unwrap();
    let before = after(&database, 0, 10);
    assert_eq!(before.len(), 2);
    assert!(database.bring(&model).unwrap());
    assert_eq!(after(&database, 0, 10), before);
    append(&database, entry(9, None, None));
    assert_eq!(after(&database, 7, 10)[0].position, 8);
}

fn record(model: &Model) -> Vec<Value> {
    let note = model.resource_named("Note").unwrap();
    let mut record = vec![Value::Null; note.fields.len()];
    let mut set = |name: &str, value| {
        record[usize::from(note.field_named(name).unwrap().id.0)] = value;
    };
    set("id", Value::Uuid([7; 16]));
    set("text", Value::Text("a\"\n".into()));
    set(
        "price",
        Value::Money(value::Money::parse("1.5 EUR").unwrap()),
    );
    set("tags", Value::List(vec![Value::Date(value::Date(3))]));
    set("place", Value::Object(vec![Value::Text("Kyoto".into())]));
    set("data", Value::Json("[1, {\"x\": null}]".into()));
    set("created_at", Value::Timestamp(Timestamp(1)));
    set("updated_at", Value::Timestamp(Timestamp(2)));
    record
}

#[test]
fn a_record_survives_in_an_entry_and_outlives_changes_of_its_fields() {
    let now = model(NOTES);
    let record = record(&now);
    let text = json::write_record(now.resource_named("Note").unwrap(), &record);
    assert_eq!(
        text,
        r#"{"id":"07070707070707070707070707070707","text":"a\"\n","price":{"amount":1500000,"currency":"EUR"},"tags":[3],"place":{"city":"Kyoto"},"data":[1, {"x": null}],"created_at":1,"updated_at":2}"#
    );
    let read = json::read_record(now.resource_named("Note").unwrap(), &text).unwrap();
    assert_eq!(read, record);

    let later = model("Note\n  title? text\n  text text\n  place? object(zip?:text,city:text)");
    let read = json::read_record(later.resource_named("Note").unwrap(), &text).unwrap();
    assert_eq!(read[1], Value::Null);
    assert_eq!(read[2], record[1]);
    assert_eq!(
        read[3],
        Value::Object(vec![Value::Null, Value::Text("Kyoto".into())])
    );
}
