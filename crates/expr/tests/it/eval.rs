//! What expressions mean, over rows in memory.

use expr::{Env, EvalError, Guest, Scope, eval, holds};
use value::{Date, Decimal, Timestamp, Type, Value};

use crate::support::{
    Caller, LIST, TASK, World, checked, instant, now, rule, task_rule, text, uuid,
};

/// Whether each condition holds for user 2 and task 1.
fn hold(table: &[(&str, bool)]) {
    let world = World::new();
    let task = world.row(TASK, 1);
    let caller = Caller::user(2)
        .with("role", "editor")
        .with("level", "3")
        .with("roles", r#"["a","b"]"#);
    for (text, expected) in table {
        let expr = task_rule(text);
        assert_eq!(
            holds(&expr, &world.env(&caller, &task)),
            Ok(*expected),
            "{text}"
        );
    }
}

#[test]
fn comparisons() {
    hold(&[
        ("this.title == 'Buy milk'", true),
        ("this.title != 'Buy milk'", false),
        ("this.title < 'Buy n'", true),
        ("'Z' < 'a' && 'z' < 'ä' && 'ä' < '😀'", true),
        (
            "this.stars == 4 && this.stars >= 4 && !(this.stars > 4)",
            true,
        ),
        ("this.mid < 0 && this.big == 9223372036854775807", true),
        ("this.weight == 1.5 && this.weight > 1", true),
        ("this.cost == 3.25 && this.cost < '3.250001'", true),
        ("this.due == '2026-11-21' && this.due < date(now)", true),
        ("this.due == null || this.code != null", false),
        ("this.code == null && null == this.blocked", true),
        ("this.blocked == true", false),
        ("this.blocked != true", true),
        ("this.code == '01890a5d-ac96-774b-bcce-b302099a8057'", false),
        (
            "this.held_until != null && this.held_until <= timestamp('2026-11-22T10:00:00+01:00')",
            true,
        ),
        ("this.assignee_id == user.id", true),
        ("this.list.owner_id == user.id", false),
        ("this.title in ['a', 'Buy milk']", true),
        ("this.stars in [1, 2, 3]", false),
        ("this.stars in [this.mid, 4]", true),
        ("'food' in this.tags && !('x' in this.tags)", true),
        (
            "'a' in user.roles && !('c' in user.roles) && 'editor' in user.role",
            true,
        ),
    ]);
}

#[test]
fn logic() {
    hold(&[
        ("public && !nobody", true),
        ("this.done || late", true),
        ("this.done ? false : late", true),
        ("(this.done ? 1 : 2) == 2", true),
        ("signed_in && office_hours", true),
        ("staff || banned", false),
        ("mine && assigned", true),
    ]);
}

#[test]
fn arithmetic() {
    hold(&[
        (
            "this.stars + 1 == 5 && this.stars - 5 == -1 && this.stars * 3 == 12",
            true,
        ),
        // Towards zero, as databases do.
        (
            "this.mid / 2 == -3 && this.mid % 2 == -1 && this.mid / -2 == 3",
            true,
        ),
        ("this.big / 2 == 4611686018427387903", true),
        ("-this.mid == 7", true),
        (
            "this.weight * 0.5 == 0.75 && this.weight / 2.0 == 0.75 && -this.weight + 1.5 == 0.0",
            true,
        ),
        ("now - this.created_at > duration('30d')", true),
        (
            "now + duration('1h30m') == timestamp('2026-11-22T11:30:00Z')",
            true,
        ),
        (
            "now - duration('P1D') < now && -duration('1h') < duration('0s')",
            true,
        ),
        ("size(this.tags) * 2 == 4", true),
    ]);
}

#[test]
fn texts() {
    hold(&[
        (
            "this.title.startsWith('Buy') && this.title.endsWith('milk') && this.title.contains('y m')",
            true,
        ),
        (
            "this.title.startsWith('buy') || this.title.contains('')  == false",
            false,
        ),
        (
            "this.title.lowerAscii() == 'buy milk' && 'ä'.upperAscii() == 'ä'",
            true,
        ),
        ("size('äöü') == 3 && 'a😀'.size() == 2", true),
        (
            "this.title.matches(r'^[A-Z]\\w+ ') && !this.title.matches('^milk')",
            true,
        ),
        ("this.title + '!' == 'Buy milk!'", true),
    ]);
}

#[test]
fn other_rows() {
    hold(&[
        ("this.list.name == 'Home'", true),
        (
            "this.assignee_id != null && this.assignee.role == 'reader'",
            true,
        ),
        (
            "this.list.owner_id != null && this.list.owner.role == 'staff'",
            true,
        ),
        (
            "this.list.viewer && this.list.editor && !this.list.mine",
            true,
        ),
        (
            "this.list.members.exists(m, m.user_id == this.assignee_id)",
            true,
        ),
        ("this.list.members.all(m, m.role == 'editor')", false),
        (
            "this.list.members.filter(m, m.role == 'editor').all(m, m.user_id == user.id)",
            true,
        ),
        (
            "this.list.members.exists(m, m.user.role == 'reader' && m.list.name == 'Home')",
            true,
        ),
        (
            "this.list.tasks.exists(t, t.id != this.id && t.list.tasks.exists(u, u.title == this.title))",
            true,
        ),
        (
            "this.list.tasks.count() == 2 && size(this.list.tasks) == 2",
            true,
        ),
        ("this.list.tasks.filter(t, t.done).count() == 1", true),
        ("this.list.tasks.sum(t, t.stars) == 5", true),
        ("this.list.stars != null && this.list.stars == 2.5", true),
        ("this.list.size == 2", true),
        (
            "this.list.tasks.filter(t, t.stars > 9).sum(t, t.stars) == 0",
            true,
        ),
        (
            "this.list.tasks.filter(t, t.stars > 9).avg(t, t.stars) == null",
            true,
        ),
        (
            "this.list.tasks.filter(t, t.stars > 9).all(t, t.done)",
            true,
        ),
        // Nulls are passed over.
        ("this.list.tasks.min(t, t.due) == '2026-11-21'", true),
        ("this.list.tasks.max(t, t.title) == 'Zähne putzen'", true),
        ("this.list.tasks.sum(t, t.cost) == 3.25", true),
        ("this.list.tasks.min(t, t.code == null ? 1 : 2) == 1", true),
    ]);
}

#[test]
fn members() {
    hold(&[
        (
            "this.price != null && this.price.amount == 12.5 && this.price.currency == 'EUR'",
            true,
        ),
        (
            "this.place != null && this.place.city == 'Kiel' && this.place.zip == null",
            true,
        ),
        ("this.price_amount == '12.50'", true),
        (
            "this.tags.exists(t, t.startsWith('ä')) && !this.tags.all(t, t == 'food')",
            true,
        ),
    ]);
}

#[test]
fn a_row_that_is_not_there_has_only_nulls() {
    let mut world = World::new();
    world.add(
        TASK,
        9,
        &[("list_id", uuid(LIST, 99)), ("title", text("lost"))],
    );
    let task = world.row(TASK, 9);
    for (text, expected) in [
        ("this.list.name == 'Home'", false),
        ("this.list.name < 'Home'", false),
        ("this.list.name.startsWith('H')", false),
        ("this.list.published", false),
        ("this.list.viewer", false),
        ("this.list.members.exists(m, true)", false),
        ("this.list.name in ['Home']", false),
        ("this.list.owner_id == null", true),
    ] {
        assert_eq!(
            holds(&task_rule(text), &world.env(&Guest, &task)),
            Ok(expected),
            "{text}"
        );
    }
}

fn formula(text: &str, ty: Type) -> Result<Value, EvalError> {
    let world = World::new();
    let task = world.row(TASK, 1);
    let input = [
        ("text".into(), Value::Text("x1".into())),
        ("zero".into(), Value::Int(0)),
    ];
    let scope = Scope {
        input: vec![
            ("text".into(), Type::Text, false),
            ("zero".into(), Type::Int32, false),
        ],
        ..Scope::formula(Some(TASK), ty, true)
    };
    let caller = Caller::user(2);
    let env = Env {
        input: &input,
        ..world.env(&caller, &task)
    };
    eval(&checked(text, &scope), &env)
}

#[test]
fn formulas() {
    let int = |number| Ok(Value::Int(number));
    for (written, ty, expected) in [
        (
            "this.title + ' ' + string(this.stars)",
            Type::Text,
            Ok(text("Buy milk 4")),
        ),
        (
            "string(this.cost) + string(this.due != null ? this.due : date(now))",
            Type::Text,
            Ok(text("3.252026-11-21")),
        ),
        ("this.stars * 10", Type::Int32, int(40)),
        (
            "int(this.weight) + int('7') + int(this.cost)",
            Type::Int64,
            int(11),
        ),
        (
            "double(this.stars) / 8.0",
            Type::Float,
            Ok(Value::Float(0.5)),
        ),
        (
            "date(now - duration('11h'))",
            Type::Date,
            Ok(Value::Date(Date::parse("2026-11-21").unwrap())),
        ),
        (
            "timestamp('2026-01-01T00:00:00Z') + duration('24h')",
            Type::Timestamp,
            Ok(instant("2026-01-02T00:00:00Z")),
        ),
        (
            "this.price == null ? null : this.price.times(3).minor()",
            Type::Int64,
            int(3750),
        ),
        (
            "this.price == null ? null : this.price.add(money('0.50', 'EUR')).amount",
            Type::Decimal,
            Ok(Value::Decimal(Decimal::parse("13").unwrap())),
        ),
        ("this.code", Type::Uuid, Ok(Value::Null)),
        (
            "user.id",
            crate::support::id_type(crate::support::USER),
            Ok(uuid(crate::support::USER, 2)),
        ),
        ("late", Type::Bool, Ok(Value::Bool(true))),
        ("staff ? 'a' : 'b'", Type::Text, Ok(text("b"))),
        // What goes wrong only when it is computed.
        (
            "user.nick",
            Type::Text,
            Err(EvalError::Missing(expr::ir::Claim::Named("nick".into()))),
        ),
        (
            "this.big + 1",
            Type::Int64,
            Err(EvalError::OutOfRange("an integer")),
        ),
        (
            "this.big / 2",
            Type::Int32,
            Err(EvalError::OutOfRange("an integer")),
        ),
        (
            "this.stars / input.zero",
            Type::Int64,
            Err(EvalError::DivisionByZero),
        ),
        (
            "int(input.text)",
            Type::Int64,
            Err(EvalError::Unreadable("an integer")),
        ),
        (
            "timestamp(input.text)",
            Type::Timestamp,
            Err(EvalError::Unreadable("a date-time")),
        ),
        (
            "this.price == null ? null : this.price.add(money('1', 'USD'))",
            Type::Money,
            Err(EvalError::Currencies),
        ),
        (
            "now + duration('87600000h')",
            Type::Timestamp,
            Err(EvalError::OutOfRange("a date-time")),
        ),
        (
            "int(1e300)",
            Type::Int64,
            Err(EvalError::OutOfRange("an integer")),
        ),
    ] {
        assert_eq!(formula(written, ty), expected, "{written}");
    }
}

#[test]
fn days_begin_at_midnight_before_1970_too() {
    let world = World::new();
    let task = world.row(TASK, 1);
    let env = Env {
        now: Timestamp::parse("1969-12-31T23:59:59.999Z").unwrap(),
        ..world.env(&Guest, &task)
    };
    assert_eq!(
        holds(&task_rule("date(now) == '1969-12-31'"), &env),
        Ok(true)
    );
}

#[test]
fn next_is_the_record_as_it_would_become() {
    let world = World::new();
    let (before, after) = (world.row(TASK, 1), world.row(TASK, 2));
    let expr = rule(
        TASK,
        "next.list_id == this.list_id && next.title != this.title && !next.late && late",
    );
    let env = Env {
        next: Some(&after),
        ..world.env(&Guest, &before)
    };
    assert_eq!(holds(&expr, &env), Ok(true));
    let env = world.env(&Guest, &before);
    assert_eq!(
        holds(&expr, &env),
        Err(EvalError::Internal("a row is not bound"))
    );
}

#[test]
fn evaluation_ends() {
    let mut world = World::empty();
    world.add(LIST, 1, &[("name", text("Long"))]);
    for at in 0..200 {
        world.add(
            TASK,
            at,
            &[("list_id", uuid(LIST, 1)), ("title", text("t"))],
        );
    }
    let expr = rule(
        LIST,
        "this.tasks.all(a, this.tasks.all(b, this.tasks.all(c, this.tasks.all(d, a.id != null && d.id != null))))",
    );
    let list = world.row(LIST, 1);
    assert_eq!(
        holds(&expr, &world.env(&Guest, &list)),
        Err(EvalError::TooMuch)
    );
    assert_eq!(now(), Timestamp::parse(crate::support::NOW).unwrap());
}
