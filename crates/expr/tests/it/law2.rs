//! Law 2: a rule that reads `user` is false for a guest, and for whoever lacks what it reads.

use expr::eval::holds_specialised;
use expr::{CallerValues, Condition, Guest, RowsRead, holds};

use crate::support::{Caller, LIST, TASK, World, now, rule, task_rule, text, user_id, uuid};

/// A world with an ownerless list and a task assigned to nobody.
fn world() -> World {
    let mut world = World::new();
    world.add(LIST, 3, &[("name", text("Ownerless"))]);
    world.add(
        TASK,
        3,
        &[("list_id", uuid(LIST, 3)), ("title", text("Nobody's"))],
    );
    world
}

#[test]
fn guests() {
    let world = world();
    let task = world.row(TASK, 3);
    for (text, expected) in [
        // Null equals null, but a guest is not null.
        ("this.assignee_id == user.id", false),
        ("this.assignee_id != user.id", false),
        ("!(this.assignee_id == user.id)", false),
        ("!mine", false),
        ("user.role == 'staff'", false),
        ("!(user.role == 'banned')", false),
        ("!banned", false),
        ("user.role != 'banned'", false),
        ("!(user.role in ['banned'])", false),
        ("!user.email.endsWith('@x.de')", false),
        ("user.level < 3 || !(user.level < 3)", false),
        ("user.role == 'a' ? false : true", false),
        ("(user.role == 'a' ? 1 : 2) == 2", false),
        ("this.list.owner_id == user.id", false),
        (
            "this.list.mine || this.list.viewer || this.list.editor",
            false,
        ),
        ("!this.list.viewer", false),
        ("this.list.members.all(m, m.user_id == user.id)", false),
        ("!this.list.members.exists(m, m.user_id == user.id)", false),
        (
            "this.list.tasks.filter(t, t.assignee_id == user.id).count() == 0",
            false,
        ),
        (
            "this.list.tasks.filter(t, !(t.assignee_id == user.id)).all(t, false)",
            false,
        ),
        ("!(this.done && user.role == 'a')", false),
        ("!(this.title == 'x' && mine)", false),
        ("signed_in", false),
        ("!signed_in", true),
        // Part by part.
        (
            "this.title == 'Nobody\\'s' || this.assignee_id == user.id",
            true,
        ),
        ("mine || public", true),
        ("!banned || !this.done", true),
        (
            "this.list.tasks.exists(t, t.assignee_id == user.id || !t.done)",
            true,
        ),
        ("signed_in ? mine : !this.done", true),
        ("this.done ? mine : public", true),
        ("public && !nobody", true),
    ] {
        let expr = task_rule(text);
        assert_eq!(
            holds(&expr, &world.env(&Guest, &task)),
            Ok(expected),
            "{text}"
        );
        same_either_way(&world, text);
    }
}

#[test]
fn callers_without_the_claim() {
    let world = world();
    let task = world.row(TASK, 3);
    let caller = Caller::user(2)
        .with("level", "high")
        .with("born", "2001-02-03");
    for (text, expected) in [
        ("user.role == 'staff' || user.role != 'staff'", false),
        // Not a number, so missing.
        ("user.level < 3 || user.level >= 3", false),
        ("user.level == 'high'", true),
        ("user.born < date(now) && user.born == '2001-02-03'", true),
        ("this.assignee_id != user.id", true),
        ("!mine && signed_in", true),
        // The id of a user is not that of a list.
        ("this.list_id != user.id", false),
    ] {
        let expr = task_rule(text);
        assert_eq!(
            holds(&expr, &world.env(&caller, &task)),
            Ok(expected),
            "{text}"
        );
    }
}

const RULES: &[&str] = &[
    "public",
    "nobody",
    "signed_in",
    "mine",
    "!mine",
    "late && !banned",
    "staff || mine && !this.done",
    "!(staff || this.done)",
    "!(banned && this.stars > 2)",
    "office_hours && this.list.viewer",
    "!office_hours || this.list.editor || this.done",
    "this.list.tasks.exists(t, t.mine || t.done && user.level > 2)",
    "this.list.tasks.all(t, t.mine || staff)",
    "this.list.tasks.filter(t, staff || t.done).exists(u, u.title != 'x')",
    "this.list.tasks.filter(t, staff).count() > 1",
    "this.list.members.exists(m, m.user_id == user.id && m.role == 'editor')",
    "staff ? this.done : late",
    "this.done ? staff : !staff",
    "(staff ? 1 : 2) == 2 || this.done",
    "(user.level > 2) == this.done",
    "signed_in && !(user.role == 'banned' || this.done)",
    "user.role in ['staff', 'editor'] && this.title.contains(user.role)",
    "'a' in user.roles || this.title in user.roles",
    "user.email.matches('@example[.]com$') && !this.done",
    "user.id == user.owner || this.list_id in [user.list, this.list_id]",
    "this.assignee_id != null && this.assignee_id in [user.id, user.owner]",
    "now < user.until && this.done",
    "this.list.mine || this.list.published",
    "!(this.list.mine || this.list.published)",
];

fn callers() -> Vec<Box<dyn CallerValues>> {
    let user = Caller::user;
    vec![
        Box::new(Guest),
        Box::new(Caller(vec![])),
        Box::new(
            user(1)
                .with("role", "staff")
                .with("level", "3")
                .with("roles", r#"["a"]"#),
        ),
        Box::new(
            user(2)
                .with("role", "reader")
                .with("level", "x")
                .with("roles", "Nobody's"),
        ),
        Box::new(
            user(3)
                .with("role", "banned")
                .with("owner", &user_id(3))
                .with("email", "a@example.com"),
        ),
        Box::new(
            user(2)
                .with("level", "1")
                .with("until", "2027-01-01T00:00:00Z")
                .with("roles", "[1"),
        ),
    ]
}

/// Whether evaluating at once and specialising first always say the same.
fn same_either_way(world: &World, rule: &str) {
    let expr = task_rule(rule);
    let condition = Condition::new(expr.clone());
    for caller in callers() {
        let key = condition.key(&*caller, now()).expect("few parts");
        let residual = condition.specialise(key);
        assert_eq!(
            residual,
            condition.specialise_for(&*caller, now()),
            "{rule}"
        );
        for at in 1..=3 {
            let task = world.row(TASK, at);
            let env = world.env(&*caller, &task);
            let expected = holds(&expr, &env);
            assert!(expected.is_ok(), "{rule}: {expected:?}");
            assert_eq!(
                holds_specialised(&residual, &env),
                expected,
                "{rule}, task {at}"
            );
            assert_eq!(holds(condition.expr(), &env), expected, "{rule}, task {at}");
        }
    }
}

#[test]
fn specialising_first_means_the_same() {
    let world = world();
    for rule in RULES {
        same_either_way(&world, rule);
    }
}

#[test]
fn what_rows_do_not_decide_is_decided() {
    let residual = |text: &str, caller: &dyn CallerValues| {
        let condition = Condition::new(task_rule(text));
        let key = condition.key(caller, now()).expect("few parts");
        let names = crate::support::Todo::new();
        expr::explain::print(
            &condition.specialise(key),
            &expr::explain::SchemaNames(&names),
        )
    };
    let staff = Caller::user(1).with("role", "staff");
    let reader = Caller::user(2).with("role", "reader");
    assert_eq!(residual("staff || mine", &staff), "true");
    assert_eq!(residual("staff || mine", &reader), "mine");
    assert_eq!(residual("staff || mine", &Guest), "false");
    assert_eq!(
        residual("!staff && (this.done || mine)", &reader),
        "this.done || mine"
    );
    assert_eq!(residual("!staff && (this.done || mine)", &Guest), "false");
    assert_eq!(residual("this.done || mine", &Guest), "this.done");
    assert_eq!(residual("!(staff || this.done)", &reader), "!this.done");
    assert_eq!(residual("staff ? this.done : late", &reader), "late");
    assert_eq!(residual("this.list.viewer", &Guest), "false");
    assert_eq!(residual("office_hours && late", &Guest), "late");
    assert_eq!(
        residual(
            "this.list.tasks.filter(t, staff || t.done).exists(t, !staff)",
            &reader
        ),
        "this.list.tasks.filter(x, x.done).exists(x, true)"
    );
    assert_eq!(
        residual("this.list.tasks.filter(t, !staff).count() > 1", &reader),
        "this.list.tasks.count() > 1"
    );
}

#[test]
fn one_key_stands_for_all_callers_alike() {
    let condition = Condition::new(task_rule("staff || mine && this.stars > user.level"));
    let key = |caller: &dyn CallerValues| condition.key(caller, now());
    let a = Caller::user(1).with("role", "reader").with("level", "3");
    let b = Caller::user(2).with("role", "editor").with("level", "7");
    assert_eq!(key(&a), key(&b));
    assert_ne!(
        key(&a),
        key(&Caller::user(1).with("role", "staff").with("level", "3"))
    );
    assert_ne!(key(&a), key(&Caller::user(1)));
    assert_ne!(key(&a), key(&Guest));
}

#[test]
fn too_many_parts_have_no_key() {
    let parts: Vec<String> = (0..70)
        .map(|at| format!("this.stars > user.n{at}"))
        .collect();
    let condition = Condition::new(task_rule(&parts.join(" || ")));
    let caller = Caller::user(1).with("n7", "3");
    assert_eq!(condition.key(&caller, now()), None);
    let names = crate::support::Todo::new();
    let left = condition.specialise_for(&caller, now());
    assert_eq!(
        expr::explain::print(&left, &expr::explain::SchemaNames(&names)),
        "this.stars > user.n7"
    );
}

#[test]
fn constants_cost_nothing() {
    for (text, expected) in [
        ("public", Some(true)),
        ("nobody", Some(false)),
        ("public || mine", Some(true)),
        ("mine && nobody", Some(false)),
        ("!public", Some(false)),
        ("1 < 2 && 'a' != 'b'", Some(true)),
        ("signed_in", None),
        ("mine", None),
        ("office_hours", None),
        // Not true for a guest.
        ("!(mine && nobody)", None),
    ] {
        let condition = Condition::new(task_rule(text));
        assert_eq!(condition.constant(), expected, "{text}");
        if expected.is_some() {
            assert_eq!(condition.reads_rows(), RowsRead::None, "{text}");
        }
    }
}

#[test]
fn it_is_known_which_rows_are_read() {
    for (text, expected) in [
        ("staff && office_hours", RowsRead::None),
        ("mine || this.done", RowsRead::Own),
        ("next.done && late", RowsRead::Own),
        ("this.list.published", RowsRead::Others),
        ("this.list.viewer", RowsRead::Others),
        ("this.list.tasks.count() > 1", RowsRead::Others),
    ] {
        assert_eq!(
            Condition::new(rule(TASK, text)).reads_rows(),
            expected,
            "{text}"
        );
    }
    assert_eq!(rule(LIST, "mine").reads_rows(), RowsRead::Own);
    assert_eq!(rule(LIST, "viewer").reads_rows(), RowsRead::Others);
}
