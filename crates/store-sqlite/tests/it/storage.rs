//! Values come back as they went in, and nothing else is taken for one.

use store::driver::{Cost, Driver, Storage};
use store_sqlite::Options;
use value::{Date, Decimal, Timestamp, Value};

use crate::support::{fresh, now, outcome, statement, told, work};

async fn check(storage: Storage, column: &str, values: &[Value]) {
    let fresh = fresh(Options::default()).await;
    let table = format!("CREATE TABLE t(n INTEGER PRIMARY KEY, v {column}) STRICT");
    fresh.driver.migrate(&[table]).await.unwrap();
    let put = statement(Cost::Short, "INSERT INTO t(v) VALUES (?1)", &[storage], &[]);
    let put_all = values.to_vec();
    let put_all = work(move |tx| {
        for value in &put_all {
            now(tx.execute(&put, std::slice::from_ref(value)))?;
        }
        Ok(())
    });
    fresh.driver.write(put_all).await.unwrap();
    for cost in [Cost::Short, Cost::Long] {
        let all = statement(cost, "SELECT v FROM t ORDER BY n", &[], &[storage]);
        let found = fresh.driver.query(&all, &[]).await.unwrap();
        assert_eq!(found.cells, values, "{storage:?}");
    }
}

#[tokio::test]
async fn every_storage_comes_back_as_it_went() {
    use Value::{Bool, Float, Int, Json, Null, Text, Uuid};
    check(Storage::Bool, "INTEGER", &[Bool(true), Bool(false), Null]).await;
    check(
        Storage::Int,
        "INTEGER",
        &[Int(i64::MIN), Int(-1), Int(0), Int(i64::MAX), Null],
    )
    .await;
    let floats = [0.1, -0.0, 2.0, f64::MAX, f64::MIN_POSITIVE].map(Float);
    check(Storage::Float, "REAL", &floats).await;
    let texts = ["", "a", "Straße 東京 🦀", &"x".repeat(100_000), "'; --"];
    check(
        Storage::Text,
        "TEXT",
        &texts.map(|text| Text(text.to_owned())),
    )
    .await;
    let decimals = [
        Decimal::MIN,
        Decimal::ZERO,
        Decimal::MAX,
        Decimal::parse("-12.34").unwrap(),
    ];
    check(Storage::Decimal, "INTEGER", &decimals.map(Value::Decimal)).await;
    check(
        Storage::Date,
        "INTEGER",
        &[Date::MIN, Date(0), Date::MAX].map(Value::Date),
    )
    .await;
    let instants = [
        Timestamp::MIN,
        Timestamp(0),
        Timestamp(1_700_000_000_123),
        Timestamp::MAX,
    ];
    check(
        Storage::Timestamp,
        "INTEGER",
        &instants.map(Value::Timestamp),
    )
    .await;
    check(
        Storage::Uuid,
        "BLOB",
        &[Uuid([0; 16]), Uuid([255; 16]), Null],
    )
    .await;
    let texts = ["null", "{\"a\":[1,\"é\"]}", "[]"];
    check(Storage::Json, "TEXT", &texts.map(|text| Json(text.into()))).await;
}

#[tokio::test]
async fn a_value_that_does_not_fit_its_parameter_is_our_mistake() {
    let fresh = fresh(Options::default()).await;
    for (storage, value) in [
        (Storage::Int, Value::Text("1".to_owned())),
        (Storage::Text, Value::Int(1)),
        (Storage::Float, Value::Float(f64::NAN)),
        (Storage::Float, Value::Int(1)),
        (Storage::Uuid, Value::Text("x".to_owned())),
        (Storage::Json, Value::List(Vec::new())),
        (Storage::Timestamp, Value::Int(1)),
    ] {
        let echo = statement(Cost::Short, "SELECT ?1", &[storage], &[storage]);
        let result = fresh.driver.query(&echo, &[value]).await;
        assert_eq!(told(result), "internal", "{storage:?}");
    }
}

#[tokio::test]
async fn a_cell_that_is_not_what_it_should_be_is_damage() {
    let fresh = fresh(Options::default()).await;
    for (storage, cell) in [
        (Storage::Bool, "2"),
        (Storage::Int, "'1'"),
        (Storage::Int, "1.5"),
        (Storage::Float, "9e999"),
        (Storage::Float, "'x'"),
        (Storage::Text, "1"),
        (Storage::Text, "CAST(x'ff' AS TEXT)"),
        (Storage::Decimal, "9223372036854775807"),
        (Storage::Date, "9223372036854775807"),
        (Storage::Date, "2932897"),
        (Storage::Timestamp, "9223372036854775807"),
        (Storage::Uuid, "x'00'"),
        (Storage::Uuid, "'0123456789abcdef'"),
        (Storage::Json, "x'7b7d'"),
    ] {
        let select = statement(Cost::Short, &format!("SELECT {cell}"), &[], &[storage]);
        let result = fresh.driver.query(&select, &[]).await;
        assert_eq!(told(result), "corrupt", "{storage:?} {cell}");
    }
}

#[tokio::test]
async fn a_whole_number_is_a_float_too() {
    let fresh = fresh(Options::default()).await;
    let sum = statement(Cost::Short, "SELECT 1 + 1", &[], &[Storage::Float]);
    let found = fresh.driver.query(&sum, &[]).await.unwrap();
    assert_eq!(found.cells, [Value::Float(2.0)]);
}

#[tokio::test]
async fn a_statement_must_be_what_it_declares() {
    let fresh = fresh(Options::default()).await;
    let one = [Storage::Int];
    let two = [Storage::Int, Storage::Int];
    for (text, parameters, columns, given) in [
        ("SELECT ?1", &one[..], &one[..], 0),
        ("SELECT ?1", &two[..], &one[..], 2),
        ("SELECT ?1, ?2", &one[..], &two[..], 1),
        ("SELECT 1", &[][..], &two[..], 0),
        ("SELECT 1, 2", &[][..], &one[..], 0),
        ("SELECT 1", &[][..], &[][..], 0),
        ("SELEKT", &[][..], &one[..], 0),
        ("SELECT \"misspelt\" FROM book", &[][..], &one[..], 0),
        ("SELECT 1; SELECT 2", &[][..], &one[..], 0),
        ("", &[][..], &one[..], 0),
        ("ATTACH 'x' AS x", &[][..], &[][..], 0),
    ] {
        let select = statement(Cost::Short, text, parameters, columns);
        let result = fresh
            .driver
            .query(&select, &vec![Value::Int(1); given])
            .await;
        assert_eq!(told(result), "internal", "{text}");
    }
}

#[tokio::test]
async fn a_result_has_a_largest_size() {
    let options = Options {
        result_bytes_max: 1 << 20,
        ..Options::default()
    };
    let fresh = fresh(options).await;
    let text = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
                SELECT printf('%1000d', i) FROM n";
    let rows = statement(Cost::Long, text, &[Storage::Int], &[Storage::Text]);
    let found = fresh.driver.query(&rows, &[Value::Int(900)]).await.unwrap();
    assert_eq!(found.len(), 900);
    let result = fresh.driver.query(&rows, &[Value::Int(1100)]).await;
    assert_eq!(told(result), "too large");
}

#[tokio::test]
async fn constraints_are_told_by_name() {
    let fresh = fresh(Options::default()).await;
    let table = "CREATE TABLE pair(
            a INTEGER NOT NULL CHECK (a > 0),
            b INTEGER NOT NULL,
            parent INTEGER REFERENCES pair(a),
            UNIQUE (a, b)
        ) STRICT;
        CREATE UNIQUE INDEX pair_a ON pair(a);
        CREATE UNIQUE INDEX pair_sum ON pair(a + b);
        INSERT INTO pair VALUES (1, 10, NULL);";
    fresh.driver.migrate(&[table.to_owned()]).await.unwrap();
    let mut seen = Vec::new();
    for sql in [
        "INSERT INTO pair VALUES (1, 3, NULL)",
        "INSERT INTO pair VALUES (2, 9, NULL)",
        "INSERT INTO pair VALUES (3, 9, 99)",
        "INSERT INTO pair VALUES (0, 9, NULL)",
        "INSERT INTO pair VALUES (5, NULL, NULL)",
        "INSERT INTO book(id, isbn) VALUES (1, 'x'), (2, 'x')",
        "INSERT INTO book(id) VALUES (1), (1)",
    ] {
        let sql = statement(Cost::Short, sql, &[], &[]);
        let run = work(move |tx| {
            now(tx.execute(&sql, &[]))?;
            Ok(())
        });
        seen.push(outcome(fresh.driver.write(run).await));
    }
    assert_eq!(
        seen,
        [
            "unique pair.a",
            "unique pair_sum",
            "foreign key",
            "internal",
            "internal",
            "unique book.isbn",
            "unique book.id",
        ]
    );
}

#[tokio::test]
async fn returned_rows_of_a_write_are_read() {
    let fresh = fresh(Options::default()).await;
    let (send, found) = std::sync::mpsc::channel();
    let put = statement(
        Cost::Short,
        "INSERT INTO book(id, isbn) VALUES (1, 'a'), (2, 'b') RETURNING isbn",
        &[],
        &[Storage::Text],
    );
    let update = statement(
        Cost::Short,
        "UPDATE book SET isbn = isbn || ?1",
        &[Storage::Text],
        &[],
    );
    let both = work(move |tx| {
        send.send(now(tx.query(&put, &[]))?).unwrap();
        let changed = now(tx.execute(&update, &[Value::Text("!".to_owned())]))?;
        assert_eq!(changed, 2);
        Ok(())
    });
    fresh.driver.write(both).await.unwrap();
    let found = found.recv().unwrap();
    assert_eq!((found.width, found.len()), (1, 2));
    assert_eq!(
        found.cells,
        ["a", "b"].map(|isbn| Value::Text(isbn.to_owned()))
    );
    let isbn = statement(
        Cost::Short,
        "SELECT isbn FROM book WHERE id = 2",
        &[],
        &[Storage::Text],
    );
    let found = fresh.driver.query(&isbn, &[]).await.unwrap();
    assert_eq!(found.cells, [Value::Text("b!".to_owned())]);
}
