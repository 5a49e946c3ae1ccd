//! Every kind of value, there and back.

use std::time::Duration;

use store::driver::{Driver, Storage};
use store_postgres::Options;
use value::{Date, Decimal, Timestamp, Value};

use crate::support::{ints, place, statement, told_error};

#[tokio::test]
async fn values_come_back_as_they_were_bound() {
    let Some(place) = place(Options::default()).await else {
        return;
    };
    let json = |text: &str| Value::Json(text.into());
    let text = |text: &str| Value::Text(text.to_owned());
    for (storage, values) in [
        (Storage::Bool, vec![Value::Bool(true), Value::Bool(false)]),
        (
            Storage::Int,
            [i64::MIN, -1, 0, i64::MAX].map(Value::Int).to_vec(),
        ),
        (
            Storage::Float,
            [0.0, -0.0, 1.5, f64::MAX, f64::MIN_POSITIVE, 5e-324]
                .map(Value::Float)
                .to_vec(),
        ),
        (Storage::Text, vec![text(""), text("é\u{10ffff}\u{1}'\"\\")]),
        (
            Storage::Decimal,
            [Decimal::MIN, Decimal::ZERO, Decimal::MAX]
                .map(Value::Decimal)
                .to_vec(),
        ),
        (
            Storage::Date,
            [Date::MIN, Date(-1), Date(0), Date::MAX]
                .map(Value::Date)
                .to_vec(),
        ),
        (
            Storage::Timestamp,
            [Timestamp::MIN, Timestamp(-1), Timestamp(1), Timestamp::MAX]
                .map(Value::Timestamp)
                .to_vec(),
        ),
        (Storage::Uuid, vec![Value::Uuid([0xab; 16])]),
        // Kept as it is written: order, spaces, digits.
        (
            Storage::Json,
            vec![
                json("{\"b\": 1.0, \"a\":[1e999,\"\\u0000\"]}"),
                json("null"),
            ],
        ),
    ] {
        let echo = statement(
            "SELECT $1, $1 IS NULL",
            &[storage],
            &[storage, Storage::Bool],
        );
        for value in values.into_iter().chain([Value::Null]) {
            let rows = place
                .driver
                .query(&echo, std::slice::from_ref(&value))
                .await
                .unwrap();
            let is_null = Value::Bool(value == Value::Null);
            assert_eq!(
                format!("{:?}", rows.cells),
                format!("{:?}", [value, is_null])
            );
        }
    }
}

#[tokio::test]
async fn what_does_not_fit_is_refused_and_harms_nobody() {
    let Some(place) = place(Options {
        connections_max: 1,
        result_bytes_max: 1 << 16,
        short_time_max: Duration::from_millis(300),
        ..Options::default()
    })
    .await
    else {
        return;
    };
    let driver = &place.driver;
    let int = statement("SELECT $1", &[Storage::Int], &[Storage::Int]);
    for (asked, parameters, expected) in [
        (
            &int,
            vec![Value::Text("1".to_owned())],
            "internal: a text cannot be bound as Int",
        ),
        (
            &int,
            vec![],
            "internal: a statement takes 1 parameters and was given 0",
        ),
        (
            &ints("SELECT 1, 2", 0, 1),
            vec![],
            "internal: a statement gives 2 columns and declares 1",
        ),
        (
            &ints("SELECT 'a'", 0, 1),
            vec![],
            "corrupt: a column of type text holds 1 bytes that are no Int",
        ),
        (
            &ints("SELEC", 0, 0),
            vec![],
            "internal: syntax error at or near \"SELEC\" (42601)",
        ),
        (
            &ints("SELECT 1 FROM pg_sleep(30)", 0, 1),
            vec![],
            "timed out",
        ),
        (
            &ints("SELECT n FROM generate_series(1, 20000) AS n", 0, 1),
            vec![],
            "too large",
        ),
        (
            &ints("SELECT 1 / (n - n) FROM generate_series(1, 2) AS n", 0, 1),
            vec![],
            "internal: division by zero (22012)",
        ),
    ] {
        let refused = driver.query(asked, &parameters).await.unwrap_err();
        assert_eq!(told_error(&refused), expected, "{}", asked.text);
        // The one connection there is serves the next as if nothing had been.
        let rows = driver.query(&int, &[Value::Int(7)]).await.unwrap();
        assert_eq!(rows.cells, [Value::Int(7)]);
    }
}

#[tokio::test]
async fn the_same_text_is_prepared_for_each_type_of_its_parameters() {
    let Some(place) = place(Options {
        statements_max: 2,
        ..Options::default()
    })
    .await
    else {
        return;
    };
    for _ in 0..3 {
        for (storage, value) in [
            (Storage::Int, Value::Int(5)),
            (Storage::Text, Value::Text("five".to_owned())),
            (Storage::Uuid, Value::Uuid([5; 16])),
        ] {
            let echo = statement("SELECT $1", &[storage], &[storage]);
            let rows = place
                .driver
                .query(&echo, std::slice::from_ref(&value))
                .await
                .unwrap();
            assert_eq!(rows.cells, [value]);
        }
        for n in 0..5 {
            let other = ints(&format!("SELECT {n}"), 0, 1);
            let rows = place.driver.query(&other, &[]).await.unwrap();
            assert_eq!(rows.cells, [Value::Int(n)]);
        }
    }
}
