//! Tables of the server's own that are described as data.

use store::StoreError;
use store::people::{ACCOUNTS, DENIED, TICKETS};
use store::table::{self, Order, Set, Table, Test};
use value::{Timestamp, Value};

use crate::support::{Database, database::wait, model};

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn time(ms: i64) -> Value {
    Value::Timestamp(Timestamp(ms))
}

fn ticket(hash: &str, expires: i64) -> Vec<Value> {
    TICKETS.row([
        ("hash", text(hash)),
        ("purpose", text("reset")),
        ("expires_at", time(expires)),
        ("payload", table::json(&["a", "b"]).unwrap()),
        ("created_at", time(1)),
    ])
}

impl Database {
    fn run(&self, prepared: &store::Prepared, arguments: &[Value]) -> Result<u64, StoreError> {
        self.change(prepared, prepared.bind_args(arguments))
    }

    fn column_of(
        &self,
        table: &'static Table,
        prepared: &store::Prepared,
        arguments: &[Value],
        column: &str,
    ) -> Vec<String> {
        let parameters = prepared.bind_args(arguments);
        let rows = wait(self.driver.query(&prepared.statement, &parameters)).unwrap();
        table
            .rows(&rows)
            .map(|row| row.text(column).unwrap())
            .collect()
    }
}

fn database() -> Database {
    Database::of(&model("User\n  name text"))
}

#[test]
fn what_was_inserted_is_found_by_its_tests() {
    let database = database();
    let dialect = testdb::dialect();
    for (hash, expires) in [("c", 30), ("a", 10), ("b", 20)] {
        assert_eq!(
            database
                .run(&TICKETS.insert(dialect), &ticket(hash, expires))
                .unwrap(),
            1
        );
    }
    let check = |tests: &[Test], arguments: &[Value], expected: &[&str]| {
        let order = Order::Descending("expires_at");
        let list = TICKETS.list(dialect, tests, order, 2);
        assert_eq!(
            database.column_of(&TICKETS, &list, arguments, "hash"),
            expected,
            "{tests:?}"
        );
    };
    check(&[], &[], &["c", "b"]);
    check(&[Test::AtMost("expires_at")], &[time(20)], &["b", "a"]);
    check(&[Test::Above("expires_at")], &[time(20)], &["c"]);
    check(&[Test::NotNull("used_at")], &[], &[]);
    check(
        &[Test::Is("hash"), Test::IsNull("used_at")],
        &[text("a")],
        &["a"],
    );

    let found = TICKETS.find(dialect, &[Test::Is("hash")]);
    let rows = wait(
        database
            .driver
            .query(&found.statement, &found.bind_args(&[text("a")])),
    )
    .unwrap();
    let row = TICKETS.rows(&rows).next().unwrap();
    assert_eq!(row.time("expires_at").unwrap(), Timestamp(10));
    assert_eq!(row.time_or_null("used_at").unwrap(), None);
    assert_eq!(row.json::<Vec<String>>("payload").unwrap(), ["a", "b"]);
    assert!(matches!(
        row.time("used_at"),
        Err(StoreError::Corrupt { .. })
    ));
    assert!(matches!(
        row.text("created_at"),
        Err(StoreError::Corrupt { .. })
    ));
    assert!(matches!(
        row.text("nothing"),
        Err(StoreError::Corrupt { .. })
    ));

    let delete = TICKETS.delete(dialect, &[Test::AtMost("expires_at")]);
    assert_eq!(database.run(&delete, &[time(20)]).unwrap(), 2);
    check(&[], &[], &["c"]);
}

#[test]
fn what_may_happen_once_happens_once() {
    let database = database();
    let dialect = testdb::dialect();
    let insert = TICKETS.insert_new(dialect);
    assert_eq!(database.run(&insert, &ticket("a", 10)).unwrap(), 1);
    assert_eq!(database.run(&insert, &ticket("a", 11)).unwrap(), 0);
    let clash = database.run(&TICKETS.insert(dialect), &ticket("a", 12));
    assert!(matches!(clash, Err(StoreError::Unique { .. })), "{clash:?}");

    let consume = TICKETS.update(
        dialect,
        &[Set::To("used_at")],
        &[
            Test::Is("hash"),
            Test::IsNull("used_at"),
            Test::Above("expires_at"),
        ],
    );
    assert_eq!(
        database
            .run(&consume, &[time(10), text("a"), time(10)])
            .unwrap(),
        0,
        "expired"
    );
    assert_eq!(
        database
            .run(&consume, &[time(9), text("a"), time(9)])
            .unwrap(),
        1
    );
    assert_eq!(
        database
            .run(&consume, &[time(9), text("a"), time(9)])
            .unwrap(),
        0,
        "used"
    );
    let renew = TICKETS.update(dialect, &[Set::Null("used_at")], &[Test::Is("hash")]);
    assert_eq!(database.run(&renew, &[text("a")]).unwrap(), 1);
    assert_eq!(
        database
            .run(&consume, &[time(9), text("a"), time(9)])
            .unwrap(),
        1
    );
}

#[test]
fn numbers_are_counted_up() {
    let database = database();
    let dialect = testdb::dialect();
    let account = ACCOUNTS.row([
        ("id", text("acc")),
        ("user", text("user_1")),
        ("email", text("A@b.example")),
        ("address", text("a@b.example")),
        ("epoch", Value::Int(1)),
        ("created_at", time(1)),
    ]);
    database.run(&ACCOUNTS.insert(dialect), &account).unwrap();
    let raise = ACCOUNTS.update(dialect, &[Set::Increment("epoch")], &[Test::Is("id")]);
    database.run(&raise, &[text("acc")]).unwrap();
    let found = ACCOUNTS.find(dialect, &[]);
    let rows = wait(database.driver.query(&found.statement, &[])).unwrap();
    assert_eq!(
        ACCOUNTS.rows(&rows).next().unwrap().int("epoch").unwrap(),
        2
    );

    for subject in ["x", "y"] {
        let denied = DENIED.row([
            ("kind", text("token")),
            ("subject", text(subject)),
            ("at", time(1)),
            ("until", time(2)),
        ]);
        database.run(&DENIED.insert(dialect), &denied).unwrap();
    }
    let first = Order::Ascending("position");
    let after = DENIED.list(dialect, &[Test::Above("position")], first, 10);
    assert_eq!(
        database.column_of(&DENIED, &after, &[Value::Int(1)], "subject"),
        ["y"]
    );
}
