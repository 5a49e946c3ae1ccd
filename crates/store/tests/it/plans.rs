//! What SQLite makes of the statements: short ones walk one stretch of one index, rules use
//! theirs.

use std::sync::Arc;

use model::Model;
use store::driver::Cost;
use store::select::Seek;
use store::{Dialect, Direction, Filter, Operator, Output, Prepared, Select, feed, select};
use value::{FieldId, Value};

use crate::lowering::TODO;
use crate::support::{Database, model, rule};

const SHOP: &str = "
    Author
      name text index
    Book id=KIND
      author -> Author
      title text index
      isbn? text unique
      sku text unique
      year? int index
      price? money index
      shelf text
      slot int
      rule mine: this.author_id == user.id
      unique shelf,slot
      index author,year
";

fn shop(kind: &str) -> Model {
    model(
        &SHOP
            .replace("KIND", kind)
            .replace("index author,", "index author_id,"),
    )
}

fn filter(model: &Model, name: &str, operator: Operator) -> Filter {
    let book = model.resource_named("Book").unwrap();
    Filter {
        via: None,
        field: book.field_named(name).unwrap().id,
        operator,
        via_restrict: None,
    }
}

fn shape(model: &Model, filters: &[(&str, Operator)], sort: &str) -> Select {
    let book = model.resource_named("Book").unwrap();
    let sort = sort.split(',').filter(|key| !key.is_empty()).map(|key| {
        let direction = if key.starts_with('-') {
            Direction::Descending
        } else {
            Direction::Ascending
        };
        (
            book.field_named(key.trim_start_matches('-')).unwrap().id,
            direction,
        )
    });
    Select {
        filters: filters
            .iter()
            .map(|(name, operator)| filter(model, name, *operator))
            .collect(),
        sort: sort.collect(),
        limit: true,
        ..Select::whole_row(model, book.id)
    }
}

fn prepare(model: &Model, shape: &Select) -> Prepared {
    select::select(model, Dialect::Sqlite, shape).unwrap()
}

const SORTS: [&str; 16] = [
    "",
    "-id",
    "title",
    "-title",
    "year",
    "-year",
    "isbn",
    "sku",
    "-sku",
    "price",
    "shelf",
    "shelf,slot",
    "slot",
    "author_id,year",
    "-author_id,-year",
    "author_id,-year",
];

/// Every short list walks an index in the order wanted and looks at nothing else.
#[test]
fn short_lists_sort_nothing_and_pass_nothing_over() {
    let mut short = 0;
    let mut long = 0;
    for kind in ["integer", "uuid", "integer soft=60", "uuid soft=60"] {
        let model = shop(kind);
        let database = Database::on_sqlite(&model);
        let filters: &[&[(&str, Operator)]] = &[
            &[],
            &[("author_id", Operator::Eq)],
            &[("isbn", Operator::Eq)],
            &[("sku", Operator::Eq)],
            &[("year", Operator::Gt)],
            &[("year", Operator::IsNull(true))],
            &[("title", Operator::StartsWith)],
            &[("shelf", Operator::Eq)],
            &[("shelf", Operator::Eq), ("slot", Operator::Eq)],
            &[("author_id", Operator::Eq), ("year", Operator::Eq)],
            &[("author_id", Operator::Eq), ("year", Operator::Lte)],
            &[("author_id", Operator::Eq), ("title", Operator::Gt)],
            &[("title", Operator::Ne)],
            &[("title", Operator::In(3))],
        ];
        for filters in filters {
            for sort in SORTS {
                for seek in [false, true] {
                    let mut shape = shape(&model, filters, sort);
                    let nothing = vec![Value::Bool(true); shape.sort_keys(&model).len()];
                    shape.seek = seek.then(|| Seek::after(&nothing));
                    let prepared = prepare(&model, &shape);
                    if prepared.statement.cost == Cost::Long {
                        long += 1;
                        continue;
                    }
                    short += 1;
                    let plan = database.plan(&prepared);
                    let told = format!(
                        "{kind} {filters:?} {sort}\n{}\n{plan}",
                        prepared.statement.text
                    );
                    // Several ranges are as many stretches of the index; their few rows are
                    // sorted.
                    let ranges = prepared.statement.text.matches("UNION ALL").count();
                    let two = ranges > 0;
                    let sorted = plan.matches("TEMP B-TREE").count();
                    assert!(sorted <= if two { ranges + 1 } else { 0 }, "{told}");
                    let whole = filters.is_empty() && !seek;
                    assert!(whole || two || !plan.contains("SCAN t0"), "{told}");
                    assert!(whole || !plan.contains("SCAN \"book\""), "{told}");
                    // What is deleted is not walked over.
                    let of_one = plan.contains("__unique") || plan.contains("autoindex");
                    assert!(
                        !kind.contains("soft") || of_one || plan.contains("__live"),
                        "{told}"
                    );
                }
            }
        }
    }
    // So that neither half of the question is empty.
    assert!(short > 150 && long > 150, "{short} {long}");
}

fn plan(model: &Model, shape: &Select) -> String {
    Database::on_sqlite(model).plan(&prepare(model, shape))
}

#[test]
fn pages_begin_at_the_cursor() {
    let model = shop("uuid");
    let after = |sort: &str, cursor: &[Value]| {
        let mut shape = shape(&model, &[], sort);
        shape.seek = Some(Seek::after(cursor));
        plan(&model, &shape)
    };
    let (one, null) = (Value::Int(1), Value::Null);
    insta::assert_snapshot!(after("title", &[one.clone(), one.clone()]), @"SEARCH t0 USING INDEX book__title__index ((title,id)>(?,?))");
    insta::assert_snapshot!(after("year", &[one.clone(), one.clone()]), @"SEARCH t0 USING INDEX book__year__index ((year,id)>(?,?))");
    insta::assert_snapshot!(after("-year", &[one.clone(), one.clone()]), @r#"
        MERGE (UNION ALL)
        LEFT
        CO-ROUTINE t3
        SEARCH t2 USING COVERING INDEX book__year__index ((year,id)<(?,?))
        SCAN t3
        SEARCH t0 USING INDEX sqlite_autoindex_book_1 (id=?)
        USE TEMP B-TREE FOR ORDER BY
        RIGHT
        CO-ROUTINE t5
        SEARCH t4 USING COVERING INDEX book__year__index (year=?)
        SCAN t5
        SEARCH t0 USING INDEX sqlite_autoindex_book_1 (id=?)
        USE TEMP B-TREE FOR ORDER BY
        "#);
    insta::assert_snapshot!(after("-year", &[null, one]), @"SEARCH t0 USING INDEX book__year__index (year=? AND id<?)");
}

#[test]
fn lists_of_parents_walk_the_index_of_each() {
    let model = shop("uuid");
    let book = model.resource_named("Book").unwrap();
    let author = book.field_named("author_id").unwrap().id;
    let shape = Select {
        parents: Some((author, 2)),
        ..shape(&model, &[], "")
    };
    insta::assert_snapshot!(plan(&model, &shape), @r#"
        SCAN 2-ROW VALUES CLAUSE
        SEARCH t0 USING INDEX sqlite_autoindex_book_1 (id=?)
        CORRELATED LIST SUBQUERY 4
        SEARCH t2 USING COVERING INDEX book__author_id__index (author_id=?)
        USE TEMP B-TREE FOR ORDER BY
        "#);
}

#[test]
fn rules_use_their_indexes() {
    let model = model(TODO);
    let restricted = |resource: &str, text: &str, by_id: bool| {
        let resource = model.resource_named(resource).unwrap().id;
        let shape = Select {
            restrict: vec![Arc::new(rule(&model, resource, text))],
            outputs: vec![Output::Field(FieldId(0))],
            limit: true,
            by_id,
            ..Select::new(resource)
        };
        plan(&model, &shape)
    };
    insta::assert_snapshot!(restricted("List", "viewer", false), @r#"
        MULTI-INDEX OR
        INDEX 1
        SEARCH t0 USING COVERING INDEX list__owner_id__index (owner_id=?)
        INDEX 2
        LIST SUBQUERY 1
        SEARCH t1 USING INDEX member__user_id__index (user_id=?)
        SEARCH t0 USING INDEX sqlite_autoindex_list_1 (id=?)
        USE TEMP B-TREE FOR ORDER BY
        "#);
    insta::assert_snapshot!(restricted("Task", "this.list.viewer", false), @r#"
        SEARCH t0 USING COVERING INDEX task__list_id__index (list_id=?)
        LIST SUBQUERY 2
        MERGE (UNION)
        LEFT
        SEARCH t1 USING COVERING INDEX list__owner_id__index (owner_id=?)
        RIGHT
        SEARCH t2 USING INDEX member__user_id__index (user_id=?)
        USE TEMP B-TREE FOR ORDER BY
        USE TEMP B-TREE FOR ORDER BY
        "#);
    insta::assert_snapshot!(restricted("Task", "this.list.open", false), @r#"
        SCAN t0 USING INDEX sqlite_autoindex_task_1
        SEARCH t1 EXISTS USING INDEX sqlite_autoindex_list_1 (id=?)
        "#);
    insta::assert_snapshot!(restricted("Task", "this.list.viewer", true), @r#"
        SEARCH t0 USING INDEX sqlite_autoindex_task_1 (id=?)
        SEARCH t1 EXISTS USING INDEX sqlite_autoindex_list_1 (id=?)
        CORRELATED SCALAR SUBQUERY 1
        SEARCH t2 USING INDEX member__user_id__index (user_id=?)
        "#);
}

#[test]
fn the_feed_is_read_from_a_position_and_pruned_by_time() {
    let database = Database::on_sqlite(&model("User\n  name text"));
    insta::assert_snapshot!(database.plan(&feed::read_after(Dialect::Sqlite)), @"SEARCH frontdesk_feed USING INTEGER PRIMARY KEY (rowid>?)");
    insta::assert_snapshot!(database.plan(&feed::bounds(Dialect::Sqlite)), @r#"
        SCAN CONSTANT ROW
        SCALAR SUBQUERY 1
        SEARCH frontdesk_feed
        SCALAR SUBQUERY 2
        SEARCH frontdesk_feed
        "#);
    insta::assert_snapshot!(database.plan(&feed::prune(Dialect::Sqlite)), @r#"
        SEARCH frontdesk_feed USING INTEGER PRIMARY KEY (rowid=?)
        LIST SUBQUERY 3
        CO-ROUTINE first
        SCAN frontdesk_feed
        SCAN first
        SCALAR SUBQUERY 2
        SEARCH frontdesk_feed
        "#);
}
