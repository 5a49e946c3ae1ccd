//! Expressions as text, reasons, and what no database could answer.

use expr::explain::{SchemaNames, print};
use expr::walk::same;
use expr::{Guest, Scope, check, not_sql, not_sql_formula, why};
use value::Type;

use crate::support::{Caller, TASK, Todo, World, checked, shown, task_rule};

#[test]
fn what_is_printed_means_the_same() {
    let names = Todo::new();
    let scope = Scope {
        next: true,
        ..Scope::rule(Some(TASK))
    };
    for (text, printed) in [
        ("public&&!nobody", "public && !nobody"),
        (
            "(this.done || late) && (mine)",
            "(this.done || late) && mine",
        ),
        (
            "(this.done && late) && mine || (banned || staff)",
            "this.done && late && mine || banned || staff",
        ),
        (
            "!(this.done) && !(this.stars == 1)",
            "!this.done && !(this.stars == 1)",
        ),
        (
            "this.stars - (1 - 2) == (3 - 4) - 5",
            "this.stars - (1 - 2) == 3 - 4 - 5",
        ),
        ("(this.stars + 1) * 2 > -(-3)", "(this.stars + 1) * 2 > 3"),
        (
            "-(this.stars) == -(this.stars + 1)",
            "-this.stars == -(this.stars + 1)",
        ),
        (
            "this.weight > 3 && this.weight < 1e20",
            "this.weight > 3.0 && this.weight < 1e20",
        ),
        ("this.cost == 12.50", "this.cost == '12.5'"),
        (
            "this.title == \"it's\\n\\\\\"",
            "this.title == 'it\\'s\\n\\\\'",
        ),
        ("this.due == '2026-11-22'", "this.due == date('2026-11-22')"),
        (
            "now > timestamp('2026-11-22T10:00:00+01:00')",
            "now > timestamp('2026-11-22T09:00:00.000Z')",
        ),
        (
            "now + duration('90m') > now",
            "now + duration('PT1H30M') > now",
        ),
        (
            "this.list_id == 'list_00000000000000000000000001'",
            "this.list_id == 'list_00000000000000000000000001'",
        ),
        ("this.title in ['b', 'a']", "this.title in ['b', 'a']"),
        (
            "this.stars in [this.mid, 1]",
            "this.stars == this.mid || this.stars == 1",
        ),
        ("has(this.due)", "this.due != null"),
        ("this.assignee == null", "this.assignee_id == null"),
        (
            "(this.done ? 'a' : 'b') == this.title",
            "(this.done ? 'a' : 'b') == this.title",
        ),
        (
            "this.done ? late : (mine ? staff : banned)",
            "this.done ? late : mine ? staff : banned",
        ),
        (
            "this.list.viewer && next.late",
            "this.list.viewer && next.late",
        ),
        (
            "this.list.tasks.exists(q, q.mine && q.list.tasks.all(r, r.id != q.id))",
            "this.list.tasks.exists(x, x.mine && x.list.tasks.all(y, y.id != x.id))",
        ),
        (
            "this.list.tasks.filter(a, a.done).filter(b, b.stars > 1).count() > 2",
            "this.list.tasks.filter(x, x.done && x.stars > 1).count() > 2",
        ),
        (
            "this.list.tasks.filter(a, a.done).sum(b, b.stars) > 2",
            "this.list.tasks.filter(x, x.done).sum(x, x.stars) > 2",
        ),
        (
            "this.tags.exists(tag, tag.startsWith('a')) && size(this.tags) > 1",
            "this.tags.exists(x, x.startsWith('a')) && size(this.tags) > 1",
        ),
        (
            "user.level > 3 && int(user.a) == int(user.b)",
            "user.level > 3 && int(user.a) == int(user.b)",
        ),
        ("'a' in user.roles", "'a' in user.roles"),
        (
            "this.place != null && this.place.zip == null",
            "this.place != null && this.place.zip == null",
        ),
        (
            "this.price != null && this.price.currency == 'EUR' && this.price.times(3).amount > 1",
            "this.price != null && this.price.currency == 'EUR' && this.price.times(3).amount > '1'",
        ),
        (
            "this.title.lowerAscii().matches(r'\\d')",
            "this.title.lowerAscii().matches('\\\\d')",
        ),
        (
            "string(this.stars) + 'x' == this.title",
            "string(this.stars) + 'x' == this.title",
        ),
        (
            "date(now) == date(this.created_at)",
            "date(now) == date(this.created_at)",
        ),
    ] {
        let expr = checked(text, &scope);
        let once = print(&expr, &SchemaNames(&names));
        assert_eq!(once, printed, "{text}");
        let (again, problems) = check(&once, &scope, &names);
        let again = again.unwrap_or_else(|| panic!("{once}: {problems:?}"));
        assert!(same(&expr, &again), "{text}\n{expr:#?}\n{again:#?}");
    }
}

/// Why the condition turned out so for task 1.
fn reasons(text: &str, caller: &dyn expr::CallerValues) -> String {
    let world = World::new();
    let task = world.row(TASK, 1);
    why(
        &task_rule(text),
        &world.env(caller, &task),
        &SchemaNames(&Todo::new()),
    )
    .to_string()
}

#[test]
fn reasons_name_the_parts_that_failed() {
    let reader = Caller::user(3).with("role", "reader");
    insta::assert_snapshot!(reasons("mine || staff && this.stars > 3", &reader), @"
    no  mine || staff && this.stars > 3
      no  mine
        no  this.assignee_id == user.id   (this.assignee_id is 'user_01000000000000000000000002', user.id is 'user_01000000000000000000000003')
      no  staff && this.stars > 3
        no  staff
          no  user.role == 'staff'   (user.role is 'reader')
        yes this.stars > 3   (this.stars is 4)
    ");
    insta::assert_snapshot!(reasons("!banned || this.list.viewer", &Guest), @"
    no  !banned || this.list.viewer
      no  !banned   (nobody is signed in)
        no  banned
          no  user.role == 'banned'   (nobody is signed in)
      no  this.list.viewer
        no  mine || this.members.exists(x, x.user_id == user.id)
          no  mine
            no  this.owner_id == user.id   (nobody is signed in)
          no  this.members.exists(x, x.user_id == user.id)   (nobody is signed in)
    ");
    insta::assert_snapshot!(reasons("user.level > 3 && this.done || this.list.editor", &Caller::user(2).with("level", "x")), @"
    yes user.level > 3 && this.done || this.list.editor
      no  user.level > 3 && this.done
        no  user.level > 3   (the caller's `level` is not an integer)
        no  this.done   (this.done is false)
      yes this.list.editor
        yes mine || this.members.exists(x, x.user_id == user.id && x.role == 'editor')
          no  mine
            no  this.owner_id == user.id   (this.owner_id is 'user_01000000000000000000000001', user.id is 'user_01000000000000000000000002')
          yes this.members.exists(x, x.user_id == user.id && x.role == 'editor')   (there are 2)
    ");
}

#[test]
fn what_cannot_be_a_filter_is_told() {
    let told = |text: &str| shown(text, &not_sql(&task_rule(text)));
    for text in [
        "this.title.startsWith('a') && size(this.title) > 3 && 'a' in this.tags",
        "this.list.viewer || staff",
        "this.stars in [1, 2] && date(this.created_at) < date(now)",
        // Asked of the caller alone, before the database is.
        "user.email.matches('@example[.]com$') && this.done",
        "['a', 'b'].exists(r, r in user.roles) || mine",
        "this.list_id in user.lists",
    ] {
        assert_eq!(told(text), "", "{text}");
    }
    insta::assert_snapshot!(told("this.done || this.title.matches('^a')"), @"E0350 ‹this.title.matches('^a')› a regular expression cannot be answered by the database (not possible in a filter) → use `startsWith`, `endsWith`, `contains` or `==`; or give the field a `pattern`");
    insta::assert_snapshot!(told("this.tags.exists(t, t == 'a')"), @"E0350 ‹this.tags.exists(t, t == 'a')› `exists`, `all` and `map` over a list of values cannot be answered by the database (not possible in a filter) → ask for one value with `in`: `'a' in this.tags`; or make it a resource of its own");
    insta::assert_snapshot!(told("this.list.tasks.exists(t, string(t.stars) == t.title)"), @"E0350 ‹string(t.stars)› making a text of a value cannot be answered by the database (not possible in a filter) → compare the value itself");
    insta::assert_snapshot!(told("this.price != null && this.price.times(2).amount > 3"), @"E0350 ‹this.price.times(2)› computing with money cannot be answered by the database (not possible in a filter) → compare `.amount` and `.currency`");
}

#[test]
fn a_computed_field_is_the_same_for_everybody() {
    let formula = |text: &str, ty| {
        shown(
            text,
            &not_sql_formula(&checked(text, &Scope::computed(TASK, ty, true))),
        )
    };
    assert_eq!(formula("this.list.tasks.avg(t, t.stars)", Type::Float), "");
    assert_eq!(formula("late", Type::Bool), "");
    insta::assert_snapshot!(formula("this.done && signed_in", Type::Bool), @"E0350 ‹signed_in› a computed field is the same for every caller (`signed_in` does: a computed field is the same for every caller) → use it in `access` or in a rule instead");
    insta::assert_snapshot!(formula("now < timestamp(this.title)", Type::Bool), @"E0350 ‹timestamp(this.title)› reading a text as a date-time cannot be answered by the database (not possible in a filter) → make the field a `date-time`; constants are fine: `timestamp('2026-01-01T00:00:00Z')`");
}
