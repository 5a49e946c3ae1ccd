//! A contract that allows less than before is held against the records there are, and one that
//! allows more is remembered without anybody's doing.

use store::Dialect;
use store::migrate;
use value::{Decimal, Value};

use crate::migrations::{moved, planned, refused, script, text};
use crate::support::database::wait;
use crate::support::{Database, model};

/// A resource with one field.
fn book(field: &str) -> String {
    format!("Book id=integer\n  {field}")
}

fn int(number: i64) -> Value {
    Value::Int(number)
}

fn decimal(text: &str) -> Value {
    Value::Decimal(Decimal::parse(text).unwrap())
}

fn texts(texts: &[&str]) -> Value {
    Value::List(texts.iter().map(|one| text(one)).collect())
}

/// Of the values, how many the change from one field to the other is refused for. None of the
/// others is in its way.
#[track_caller]
fn check(before: &str, after: &str, broken: &[Value], fine: &[Value]) {
    let (before, after) = (book(before), book(after));
    let name = before.split_whitespace().nth(2).unwrap();
    let name = name.trim_end_matches('?');
    let rows: Vec<[(&str, Value); 1]> = fine
        .iter()
        .chain(broken)
        .map(|value| [(name, value.clone())])
        .collect();
    let rows: Vec<(&str, &[(&str, Value)])> = rows.iter().map(|row| ("Book", &row[..])).collect();
    let told = refused(&before, &rows, &after);
    let number = format!("in some records ({})", broken.len());
    assert!(told.contains(&number), "{told}");
    let steps = planned(&before, &after);
    assert!(steps.starts_with("narrows "), "{steps}");
    assert_eq!(
        moved(&before, &rows[..fine.len()], &after)
            .rows("Book")
            .len(),
        fine.len()
    );
}

#[test]
fn what_breaks_a_tighter_limit_is_counted() {
    // Characters, not bytes.
    check(
        "a? text maxLength=100",
        "a? text maxLength=4",
        &[text("Dunes"), text("ééééé")],
        &[text("éééé"), Value::Null],
    );
    check(
        "a text",
        "a text minLength=2",
        &[text(""), text("é")],
        &[text("éé")],
    );
    check(
        "a text minLength=1",
        "a text minLength=2 maxLength=3",
        &[text("abcd")],
        &[text("abc")],
    );
    check(
        "a int maximum=10",
        "a int maximum=9",
        &[int(10)],
        &[int(9), int(-3)],
    );
    check("a int", "a int minimum=0", &[int(-1)], &[int(0)]);
    check(
        "a int minimum=0",
        "a int exclusiveMinimum=0",
        &[int(0)],
        &[int(1)],
    );
    check(
        "a int64 exclusiveMaximum=9",
        "a int64 maximum=7",
        &[int(8)],
        &[int(7)],
    );
    check(
        "a int multipleOf=5",
        "a int multipleOf=10",
        &[int(5), int(-15)],
        &[int(-10), int(0)],
    );
    check(
        "a number",
        "a number exclusiveMaximum=0.5",
        &[Value::Float(0.5)],
        &[Value::Float(0.25)],
    );
    check(
        "a decimal maximum=3",
        "a decimal maximum=2.5",
        &[decimal("2.500001")],
        &[decimal("2.5")],
    );
    check(
        "a decimal",
        "a decimal multipleOf=0.05",
        &[decimal("1.01")],
        &[decimal("1.05"), decimal("-2")],
    );
    check(
        "a list(text)",
        "a list(text) minItems=1",
        &[texts(&[])],
        &[texts(&["x"])],
    );
    check(
        "a? list(text) maxItems=3",
        "a? list(text) maxItems=1",
        &[texts(&["x", "y"])],
        &[texts(&["x"]), Value::Null],
    );
    check(
        "a list(text)",
        "a list(text) uniqueItems=true",
        &[texts(&["x", "y", "x"])],
        &[texts(&["x", "y"]), texts(&[])],
    );
}

#[test]
fn limits_inside_of_lists_and_objects_count_too() {
    check(
        "a? list(text) [].maxLength=9",
        "a? list(text) [].maxLength=3",
        &[texts(&["four", "fours"]), texts(&["x", "four"])],
        &[texts(&["abc", "ééé"]), texts(&[]), Value::Null],
    );
    let nested =
        |numbers: &[i64]| Value::List(vec![Value::List(numbers.iter().map(|n| int(*n)).collect())]);
    check(
        "a list(list(int))",
        "a list(list(int)) [].[].maximum=5",
        &[nested(&[1, 6])],
        &[nested(&[5]), nested(&[])],
    );
    let object = |city: Value, price: &str| Value::Object(vec![city, decimal(price)]);
    check(
        "a object(city?:text,price:decimal)",
        "a object(city?:text,price:decimal) city.maxLength=3 price.minimum=0.5",
        &[object(text("Rome"), "1")],
        &[object(text("Ulm"), "0.5"), object(Value::Null, "2")],
    );
    check(
        "a object(city?:text,price:decimal)",
        "a object(city?:text,price:decimal) price.minimum=0.5",
        &[object(Value::Null, "0.49")],
        &[object(text("Ulm"), "0.5")],
    );
}

#[test]
fn a_refusal_names_the_limit_and_what_mends_it() {
    let rows: [(&str, &[(&str, Value)]); 2] = [
        (
            "Book",
            &[
                ("title", text("Dune Messiah")),
                ("tags", texts(&["long"])),
                ("pages", int(0)),
            ],
        ),
        (
            "Book",
            &[
                ("title", text("Dune")),
                ("tags", texts(&[])),
                ("pages", int(1)),
            ],
        ),
    ];
    let before = "
        Book id=integer
          title text maxLength=100
          tags list(text)
          pages int minimum=0
    ";
    let after = "
        Book id=integer
          title text maxLength=4
          tags list(text) [].maxLength=3
          pages int exclusiveMinimum=0
    ";
    insta::assert_snapshot!(planned(before, after), @r#"
        narrows Book: `title` gets `maxLength: 4` instead of `maxLength: 100`
              unless SELECT COUNT(*) FROM "book" WHERE length("title") > 4
        narrows Book: `tags[]` gets `maxLength: 3`
              unless SELECT COUNT(*) FROM "book" WHERE EXISTS (SELECT 1 FROM json_each("tags") AS e0 WHERE length(e0.value) > 3)
        narrows Book: `pages` gets `exclusiveMinimum: 0` instead of `minimum: 0`
              unless SELECT COUNT(*) FROM "book" WHERE "pages" <= 0
        "#);
    insta::assert_snapshot!(refused(before, &rows, after), @r#"
        Book: `title` breaks `maxLength: 4` in some records (1)
          help: change those records first
            or: keep `maxLength: 100` in `title`
        Book: `tags[]` breaks `maxLength: 3` in some records (1)
          help: change those records first
            or: leave `maxLength` out of `tags[]`
        Book: `pages` breaks `exclusiveMinimum: 0` in some records (1)
          help: change those records first
            or: keep `minimum: 0` in `pages`
        "#);
    insta::assert_snapshot!(script(before, after, Dialect::Postgres), @r#"
    narrows Book: `title` gets `maxLength: 4` instead of `maxLength: 100`
          unless SELECT COUNT(*) FROM "book" WHERE char_length("title") > 4
    narrows Book: `tags[]` gets `maxLength: 3`
          unless SELECT COUNT(*) FROM "book" WHERE EXISTS (SELECT 1 FROM jsonb_array_elements("tags"::jsonb) AS e0(value) WHERE char_length(e0.value #>> '{}') > 3)
    narrows Book: `pages` gets `exclusiveMinimum: 0` instead of `minimum: 0`
          unless SELECT COUNT(*) FROM "book" WHERE "pages" <= 0
    "#);
}

#[test]
fn what_sql_cannot_tell_is_said() {
    let before = book("a text pattern=^a format=email");
    insta::assert_snapshot!(planned(&before, &book("a text pattern=^b format=uri")), @r#"
        narrows Book: `a` gets `pattern: ^b` instead of `pattern: ^a`; whether records break it cannot be checked here, they are kept as they are
        narrows Book: `a` gets `format: uri` instead of `format: email`; whether records break it cannot be checked here, they are kept as they are
        "#);
    insta::assert_snapshot!(planned(&book("a number"), &book("a number multipleOf=0.1")), @"narrows Book: `a` gets `multipleOf: 0.1`; whether records break it cannot be checked here, they are kept as they are");
    // They are kept as they are.
    let rows: [(&str, &[(&str, Value)]); 1] = [("Book", &[("a", text("x"))])];
    let moved = moved(&book("a text"), &rows, &book("a text pattern=^b"));
    assert_eq!(moved.rows("Book"), [[text("x")]]);
}

#[test]
fn a_limit_is_compared_in_the_type_of_now() {
    check(
        "a int maximum=9",
        "a number maximum=8.5",
        &[int(9)],
        &[int(8)],
    );
    check("a int", "a decimal maximum=8.5", &[int(9)], &[int(8)]);
    // Only the type turns: 9 is 9.
    let steps = planned(&book("a int maximum=9"), &book("a decimal maximum=9"));
    assert!(!steps.contains("gets"), "{steps}");
}

#[test]
fn a_renamed_field_is_compared_with_itself() {
    let rows: [(&str, &[(&str, Value)]); 1] = [("Book", &[("a", text("long"))])];
    let after = book("b text was=a maxLength=3");
    insta::assert_snapshot!(refused(&book("a text"), &rows, &after), @r#"
        Book: `b` breaks `maxLength: 3` in some records (1)
          help: change those records first
            or: leave `maxLength` out of `b`
        "#);
}

#[test]
fn what_allows_as_much_or_more_is_nothing_to_do() {
    for (tight, loose) in [
        ("a text maxLength=4", "a text maxLength=100"),
        ("a text maxLength=4", "a text"),
        ("a text minLength=1", "a text minLength=0"),
        ("a text pattern=^a format=uri", "a text"),
        ("a int minimum=1", "a int exclusiveMinimum=0"),
        ("a int exclusiveMinimum=0", "a int minimum=1"),
        ("a int exclusiveMinimum=0", "a int minimum=0"),
        ("a int maximum=3", "a int maximum=4"),
        ("a int multipleOf=10", "a int multipleOf=5"),
        ("a decimal multipleOf=0.5", "a decimal multipleOf=0.25"),
        ("a number exclusiveMaximum=0.5", "a number maximum=0.5"),
        (
            "a list(text) minItems=2 uniqueItems=true",
            "a list(text) minItems=1",
        ),
        ("a list(text) [].maxLength=2", "a list(text)"),
        ("a object(b:int) b.minimum=2", "a object(b:int) b.minimum=1"),
    ] {
        assert_eq!(
            planned(&book(tight), &book(loose)),
            "nothing to do",
            "{tight} → {loose}"
        );
    }
}

#[test]
fn a_looser_limit_is_remembered_so_that_tightening_it_is_noticed() {
    let (tight, loose) = (model(&book("a text maxLength=4")), model(&book("a text")));
    let database = Database::of(&tight);
    let migrations = "SELECT CAST(COUNT(*) AS TEXT) FROM frontdesk_migrations";
    let before = database.texts(migrations);
    assert!(!database.bring(&loose).unwrap());
    // It was no migration.
    assert_eq!(database.texts(migrations), before);
    database.insert(&loose, "Book", &[("a", text("longer"))]);
    let told = database.bring(&tight).unwrap_err().to_string();
    assert!(
        told.contains("`a` breaks `maxLength: 4` in some records (1)"),
        "{told}"
    );
}

#[test]
fn what_an_older_release_did_not_write_down_counts_as_unchanged() {
    let tight = model(&book("a text maxLength=4"));
    let mut applied = migrate::describe(&model(&book("a text")));
    for field in applied
        .tables
        .iter_mut()
        .flat_map(|table| &mut table.fields)
    {
        assert!(field.limits.take().is_some());
    }
    assert!(
        migrate::plan(Some(&applied), &tight, testdb::dialect())
            .unwrap()
            .is_empty()
    );

    // Its text is read, and completed by the first start.
    let database = Database::of(&tight);
    let forget =
        "UPDATE frontdesk_migrations SET applied = replace(applied, '\"limits\"', '\"unknown\"')";
    wait(store::Driver::migrate(
        &*database.driver,
        &[forget.to_owned()],
    ))
    .unwrap();
    let limits = || {
        let applied = wait(migrate::applied(&*database.driver)).unwrap().unwrap();
        let field = applied.tables[0]
            .fields
            .iter()
            .find(|field| field.name == "a");
        field.unwrap().limits.clone()
    };
    assert_eq!(limits(), None);
    assert!(!database.bring(&tight).unwrap());
    assert_eq!(limits().unwrap().max_length, Some(4));
}
