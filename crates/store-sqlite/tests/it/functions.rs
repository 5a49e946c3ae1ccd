//! The helper functions of rules and search.

use store::driver::{Cost, Driver, Storage};
use store_sqlite::Options;
use value::Value;

use crate::support::{Fresh, fresh, statement, told};

async fn call(fresh: &Fresh, sql: &str, arguments: &[Option<&str>], gives: Storage) -> Value {
    let parameters = vec![Storage::Text; arguments.len()];
    let arguments: Vec<Value> = arguments
        .iter()
        .map(|text| text.map_or(Value::Null, |text| Value::Text(text.to_owned())))
        .collect();
    let select = statement(Cost::Short, &format!("SELECT {sql}"), &parameters, &[gives]);
    fresh
        .driver
        .query(&select, &arguments)
        .await
        .unwrap()
        .cells
        .remove(0)
}

#[tokio::test]
async fn text_is_compared_by_code_point() {
    let fresh = fresh(Options::default()).await;
    for (text, part, starts, contains) in [
        ("Tolkien", "Tol", true, true),
        ("Tolkien", "tol", false, false),
        ("Tolkien", "kien", false, true),
        ("Tolkien", "", true, true),
        ("", "", true, true),
        ("", "a", false, false),
        ("100%", "%", false, true),
        ("a_b", "a%", false, false),
        ("東京都", "京", false, true),
        // One letter, spelled with one code point and with two.
        ("\u{e9}", "e\u{301}", false, false),
    ] {
        let both = [Some(text), Some(part)];
        let found = call(&fresh, "fd_starts_with(?1, ?2)", &both, Storage::Bool).await;
        assert_eq!(found, Value::Bool(starts), "{text:?} starts with {part:?}");
        let found = call(&fresh, "fd_contains(?1, ?2)", &both, Storage::Bool).await;
        assert_eq!(found, Value::Bool(contains), "{text:?} contains {part:?}");
    }
}

#[tokio::test]
async fn case_is_folded_as_searches_fold_it() {
    let fresh = fresh(Options::default()).await;
    for text in ["ÄÖÜ", "ß", "İstanbul", "ΑΣ", "Жук", "x"] {
        let found = call(&fresh, "fd_fold(?1)", &[Some(text)], Storage::Text).await;
        assert_eq!(found, Value::Text(store::search::fold(text)));
    }
}

#[tokio::test]
async fn an_unknown_argument_makes_the_answer_unknown() {
    let fresh = fresh(Options::default()).await;
    for sql in ["fd_starts_with(?1, ?2)", "fd_contains(?1, ?2)"] {
        for arguments in [[None, Some("a")], [Some("a"), None], [None, None]] {
            assert_eq!(
                call(&fresh, sql, &arguments, Storage::Bool).await,
                Value::Null
            );
        }
    }
    assert_eq!(
        call(&fresh, "fd_fold(?1)", &[None], Storage::Text).await,
        Value::Null
    );
}

#[tokio::test]
async fn what_is_no_text_is_refused() {
    let fresh = fresh(Options::default()).await;
    for sql in [
        "fd_fold(1)",
        "fd_contains('a', x'61')",
        "fd_fold(CAST(x'ff' AS TEXT))",
    ] {
        let select = statement(Cost::Short, &format!("SELECT {sql}"), &[], &[Storage::Text]);
        assert_eq!(
            told(fresh.driver.query(&select, &[]).await),
            "internal",
            "{sql}"
        );
    }
}

#[tokio::test]
async fn they_serve_in_indexes() {
    let fresh = fresh(Options::default()).await;
    let index = "CREATE INDEX book_search ON book(fd_fold(isbn))".to_owned();
    fresh.driver.migrate(&[index]).await.unwrap();
    let plan = statement(
        Cost::Short,
        "SELECT count(*) FROM book INDEXED BY book_search WHERE fd_fold(isbn) = 'x'",
        &[],
        &[Storage::Int],
    );
    let found = fresh.driver.query(&plan, &[]).await.unwrap();
    assert_eq!(found.cells, [Value::Int(0)]);
}
