//! One contract after another on the same data: two contracts with a line `=====` between them,
//! or what two are made from.
//!
//! Either there is no way, and it is said why before anything has changed, or the tables are what
//! a new database would have, and every record can still be read.

use std::collections::BTreeSet;

use http::Method;
use store::migrate;

use super::app::{App, NOW, OPERATOR, headers, wait};
use super::contract_yaml;
use super::generate::{Choices, Contract, GENERATED};
use super::serve::example;

const BETWEEN: &str = "\n=====\n";
/// Records of each resource; their fields differ where that is easy.
const RECORDS: usize = 2;

pub fn run(data: &[u8]) {
    let Some((first, second)) = contracts(data) else {
        return;
    };
    let (Some(first), Some(second)) = (
        contract_yaml::compile(&first).model,
        contract_yaml::compile(&second).model,
    ) else {
        return;
    };
    let mut app = App::serve(first);
    fill(&app);
    let driver = app.engine.driver().clone();
    let before = records(&app);
    let applied = wait(migrate::applied(&*driver)).expect("what was applied is kept");
    let refusals = match migrate::plan(applied.as_ref(), &second, driver.dialect()) {
        Ok(plan) => {
            wait(migrate::touched_rows(&*driver, &plan)).expect("rows can be counted");
            let found = wait(migrate::check(&*driver, &plan)).expect("the data can be asked");
            match wait(migrate::apply(&*driver, &plan, NOW, true)) {
                Ok(()) => assert!(found.is_empty(), "applied all the same: {found:?}"),
                Err(migrate::ApplyError::Refused(refusals)) => assert_eq!(refusals, found),
                Err(error) => panic!("{error}\n{:#?}", plan.steps),
            }
            found
        }
        Err(refusals) => {
            assert!(!refusals.is_empty());
            refusals
        }
    };
    if !refusals.is_empty() {
        for refusal in &refusals {
            assert!(
                !refusal.what.is_empty() && !refusal.what.contains("{n}"),
                "{refusal}"
            );
        }
        assert_eq!(records(&app), before);
        return;
    }
    let applied = wait(migrate::applied(&*driver)).expect("what was applied is kept");
    let again = migrate::plan(applied.as_ref(), &second, driver.dialect());
    let again =
        again.unwrap_or_else(|refusals| panic!("what was applied is refused: {refusals:?}"));
    assert!(again.is_empty(), "there is more to do: {:?}", again.steps);

    let shape = shape(&app);
    app.exchange(second);
    assert_eq!(shape, self::shape(&app.fresh()));
    records(&app);
    fill(&app);
}

fn contracts(data: &[u8]) -> Option<(String, String)> {
    if let [GENERATED, choices @ ..] = data {
        let mut choices = Choices::new(choices);
        let first = Contract::of(&mut choices);
        let second = first.edited(&mut choices);
        return Some((first.text(), second.text()));
    }
    let (first, second) = std::str::from_utf8(data).ok()?.split_once(BETWEEN)?;
    Some((first.to_owned(), second.to_owned()))
}

fn fill(app: &App) {
    for resource in &app.engine.model().resources {
        let path = format!("{}/{}", app.engine.model().base, resource.path);
        for number in 0..RECORDS {
            let body = example(resource, number);
            app.ask(
                Method::POST,
                &path,
                headers(Some(OPERATOR), Some("application/json")),
                body.as_bytes(),
            )
            .sound();
        }
    }
}

/// All records of the first resources.
fn records(app: &App) -> Vec<serde_json::Value> {
    let model = app.engine.model();
    let lists = model.resources.iter().take(20).map(|resource| {
        let list = app.get(
            &format!("{}/{}?limit=200", model.base, resource.path),
            Some(OPERATOR),
        );
        list.sound();
        assert!(list.is_ok(), "{list:?}");
        list.json()
    });
    lists.collect()
}

/// Columns and indexes, whatever order they were made in.
fn shape(app: &App) -> BTreeSet<String> {
    let columns = "SELECT t.name || '.' || c.name || ' ' || c.type || ' ' || c.\"notnull\" || ' ' || c.pk \
        FROM sqlite_schema AS t JOIN pragma_table_xinfo(t.name) AS c WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite%'";
    let indexes = "SELECT t.name || ': ' || i.name || ' ' || i.\"unique\" || ' ' || group_concat(c.name) \
        FROM sqlite_schema AS t JOIN pragma_index_list(t.name) AS i JOIN pragma_index_info(i.name) AS c \
        WHERE t.type = 'table' AND i.name NOT LIKE 'sqlite%' GROUP BY t.name, i.name";
    let references = "SELECT t.name || '.' || f.\"from\" || ' -> ' || f.\"table\" || '.' || coalesce(f.\"to\", '') || ' ' || f.on_delete \
        FROM sqlite_schema AS t JOIN pragma_foreign_key_list(t.name) AS f WHERE t.type = 'table'";
    [columns, indexes, references]
        .iter()
        .flat_map(|sql| app.texts(sql))
        .collect()
}
