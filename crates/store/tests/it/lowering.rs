//! Rules as SQL, in both dialects.

use std::sync::Arc;

use store::{Dialect, Output, Select, select};
use value::FieldId;

use crate::support::{model, rule};

pub const TODO: &str = "
    User
      name text index
      role enum(user,staff)
    List
      name text
      owner -> User
      open bool
      lists members Member.list
      lists tasks Task.list
      rule mine: this.owner_id == user.id
      rule viewer: mine || this.members.exists(m, m.user_id == user.id)
    Member
      list -> List
      user -> User
      role enum(viewer,editor)
      since? date
    Task
      list -> List
      title text
      done bool
      points int
      cost? decimal
      price? money
      due? time
      tags list(text)
      assignee? -> User
";

/// The condition of a list (sets) about a resource, in both dialects.
fn check(resource: &str, text: &str) -> String {
    let model = model(TODO);
    let resource = model.resource_named(resource).unwrap().id;
    let condition = Arc::new(rule(&model, resource, text));
    let texts = [Dialect::Sqlite, Dialect::Postgres].map(|dialect| {
        let shape = Select {
            outputs: vec![Output::Field(FieldId(0))],
            restrict: vec![Arc::clone(&condition)],
            ..Select::new(resource)
        };
        let prepared = select::select(&model, dialect, &shape).unwrap();
        let text = prepared.statement.text.to_string();
        let (_, condition) = text.split_once(" WHERE ").unwrap();
        condition.rsplit_once(" ORDER BY ").unwrap().0.to_owned()
    });
    let [sqlite, postgres] = texts;
    if sqlite == postgres.replace('$', "?") {
        sqlite
    } else {
        format!("{sqlite}\n{postgres}")
    }
}

/// The same, asked of one row.
fn check_row(resource: &str, text: &str) -> String {
    let model = model(TODO);
    let resource = model.resource_named(resource).unwrap().id;
    let shape = Select {
        outputs: vec![Output::Holds(Arc::new(rule(&model, resource, text)))],
        by_id: true,
        ..Select::new(resource)
    };
    let prepared = select::select(&model, Dialect::Sqlite, &shape).unwrap();
    let text = prepared.statement.text.to_string();
    text.strip_prefix("SELECT ")
        .unwrap()
        .rsplit_once(" FROM ")
        .unwrap()
        .0
        .to_owned()
}

#[test]
fn a_rule_about_the_row_itself() {
    insta::assert_snapshot!(check("List", "mine"), @r#"(t0."owner_id" = ?1)"#);
    insta::assert_snapshot!(check("Task", "this.done && !(this.points > 3)"), @r#"(t0."done" AND NOT ((t0."points" > ?1)))"#);
}

#[test]
fn a_rule_of_another_record_is_a_set_of_ids() {
    insta::assert_snapshot!(check("Task", "this.list.viewer"), @r#"t0."list_id" IN (SELECT t1."id" FROM "list" AS t1 WHERE (t1."owner_id" = ?1) UNION SELECT t2."list_id" FROM "member" AS t2 WHERE (t2."user_id" = ?1))"#);
    insta::assert_snapshot!(check("Task", "this.list.owner_id == user.id || this.list.viewer"), @r#"t0."list_id" IN (SELECT t1."id" FROM "list" AS t1 WHERE (t1."owner_id" = ?1) UNION SELECT t1."id" FROM "list" AS t1 WHERE (t1."owner_id" = ?1) UNION SELECT t2."list_id" FROM "member" AS t2 WHERE (t2."user_id" = ?1))"#);
    insta::assert_snapshot!(check("List", "viewer"), @r#"((t0."owner_id" = ?1) OR t0."id" IN (SELECT t1."list_id" FROM "member" AS t1 WHERE (t1."user_id" = ?1)))"#);
}

#[test]
fn what_most_rows_fulfil_is_asked_row_by_row() {
    insta::assert_snapshot!(check("Task", "this.list.open"), @r#"EXISTS (SELECT 1 FROM "list" AS t1 WHERE t1."id" = t0."list_id" AND t1."open")"#);
    insta::assert_snapshot!(check("Task", "this.list.open && this.list.name == 'x'"), @r#"EXISTS (SELECT 1 FROM "list" AS t1 WHERE t1."id" = t0."list_id" AND (t1."open" AND (t1."name" = ?1)))"#);
    insta::assert_snapshot!(check("List", "this.tasks.all(t, t.done)"), @r#"NOT EXISTS (SELECT 1 FROM "task" AS t1 WHERE t1."list_id" = t0."id" AND NOT (t1."done"))"#);
    insta::assert_snapshot!(check("List", "this.members.exists(m, m.role == 'editor')"), @r#"EXISTS (SELECT 1 FROM "member" AS t1 WHERE t1."list_id" = t0."id" AND (t1."role" = ?1))"#);
}

#[test]
fn one_record_is_asked_by_look_ups() {
    insta::assert_snapshot!(check_row("Task", "this.list.viewer"), @r#"(EXISTS (SELECT 1 FROM "list" AS t1 WHERE t1."id" = t0."list_id" AND ((t1."owner_id" = ?1) OR EXISTS (SELECT 1 FROM "member" AS t2 WHERE t2."list_id" = t1."id" AND (t2."user_id" = ?1)))))"#);
}

#[test]
fn two_rows_compared_with_each_other() {
    insta::assert_snapshot!(check("Task", "this.assignee_id == this.list.owner_id"), @r#"
        (t0."assignee_id" IS (SELECT t1."owner_id" FROM "list" AS t1 WHERE t1."id" = t0."list_id"))
        (t0."assignee_id" = (SELECT t1."owner_id" FROM "list" AS t1 WHERE t1."id" = t0."list_id") AND t0."assignee_id" IS NOT NULL)
        "#);
    insta::assert_snapshot!(
        check("Task", "this.assignee_id == null || this.list.members.exists(m, m.user_id == this.assignee_id)"),
        @r#"((t0."assignee_id" IS NULL) OR EXISTS (SELECT 1 FROM "member" AS t1 WHERE t1."list_id" = t0."list_id" AND (t1."user_id" = t0."assignee_id")))"#
    );
}

#[test]
fn null_is_equal_to_null_and_to_nothing_else() {
    insta::assert_snapshot!(check("Task", "this.assignee_id == user.id"), @r#"
        (t0."assignee_id" IS ?1)
        (t0."assignee_id" = $1 AND t0."assignee_id" IS NOT NULL)
        "#);
    insta::assert_snapshot!(check("Task", "this.assignee_id != user.id"), @r#"
        (t0."assignee_id" IS NOT ?1)
        (t0."assignee_id" <> $1 OR t0."assignee_id" IS NULL)
        "#);
    insta::assert_snapshot!(check("Task", "this.due == null"), @r#"(t0."due" IS NULL)"#);
    insta::assert_snapshot!(check("Task", "this.due != null && this.due < now"), @r#"((t0."due" IS NOT NULL) AND (t0."due" < ?1))"#);
}

#[test]
fn numbers_texts_and_times() {
    insta::assert_snapshot!(check("Task", "this.points * 2 + 1 > size(this.title)"), @r#"
        (((t0."points" * ?1) + ?2) > length(t0."title"))
        (((t0."points" * $1) + $2) > char_length(t0."title"))
        "#);
    insta::assert_snapshot!(check("Task", "this.cost != null && this.cost > 12.5"), @r#"((t0."cost" IS NOT NULL) AND (t0."cost" > ?1))"#);
    insta::assert_snapshot!(check("Task", "this.price != null && this.price.amount >= 10 && this.price.currency == 'EUR'"), @r#"(NOT ((t0."price_amount" IS NULL) AND (t0."price_currency" IS NULL)) AND ((t0."price_amount" >= ?1) AND (t0."price_currency" = ?2)))"#);
    insta::assert_snapshot!(check("Task", "this.title.startsWith('a') || this.title.endsWith('z') || this.title.contains('m')"), @r#"
        (fd_starts_with(t0."title", ?1) OR ((substr(t0."title", length(t0."title") - length(?2) + 1) = ?2) OR fd_contains(t0."title", ?3)))
        (starts_with(t0."title", $1) OR ((right(t0."title", char_length($2)) = $2) OR (strpos(t0."title", $3) > 0)))
        "#);
    insta::assert_snapshot!(check("Task", "this.due != null && this.due < now + duration('10m')"), @r#"
        ((t0."due" IS NOT NULL) AND (t0."due" < (?1 + ?2)))
        ((t0."due" IS NOT NULL) AND (t0."due" < ($1 + $2 * interval '1 millisecond')))
        "#);
    insta::assert_snapshot!(check("Task", "this.due != null && date(this.due) == date(now)"), @r#"
        ((t0."due" IS NOT NULL) AND (((t0."due" + 62135596800000) / 86400000 - 719162) = ((?1 + 62135596800000) / 86400000 - 719162)))
        ((t0."due" IS NOT NULL) AND ((t0."due" AT TIME ZONE 'UTC')::date = ($1 AT TIME ZONE 'UTC')::date))
        "#);
}

#[test]
fn lists_of_values_and_aggregates() {
    insta::assert_snapshot!(check("Task", "this.points in [1, 2, 3]"), @r#"(t0."points" IN (?1, ?2, ?3))"#);
    insta::assert_snapshot!(check("Task", "'a' in this.tags"), @r#"
    (?1 IN (SELECT value FROM json_each(t0."tags")))
    ($1 IN (SELECT value FROM json_array_elements_text(t0."tags") AS element (value)))
    "#);
    insta::assert_snapshot!(check("List", "this.tasks.sum(t, t.points) > 10"), @r#"
        ((SELECT COALESCE(SUM(t1."points"), 0) FROM "task" AS t1 WHERE t1."list_id" = t0."id") > ?1)
        ((SELECT COALESCE(SUM(t1."points"), 0)::bigint FROM "task" AS t1 WHERE t1."list_id" = t0."id") > $1)
        "#);
    insta::assert_snapshot!(check("List", "this.tasks.filter(t, t.done).count() > 1"), @r#"((SELECT COUNT(*) FROM "task" AS t1 WHERE t1."list_id" = t0."id" AND t1."done") > ?1)"#);
}

#[test]
fn unsupported_expressions_are_told() {
    let model = model(TODO);
    let task = model.resource_named("Task").unwrap().id;
    let asked = |text: &str| {
        store::lower::supported(&model, task, &rule(&model, task, text)).map_err(|e| e.to_string())
    };
    assert_eq!(
        asked("this.title.matches('^a')"),
        Err("`matches` cannot be decided by the database".to_owned())
    );
    assert_eq!(asked("this.title.startsWith('a')"), Ok(()));
}
