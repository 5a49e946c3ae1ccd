//! Law 13: what may be null must be excluded before it is used, and what has been is known.

use expr::Scope;

use crate::support::{TASK, problems};

#[test]
fn null_is_known_to_be_excluded() {
    for text in [
        "this.held_until != null && this.held_until < now",
        "null != this.held_until && this.held_until < now",
        "has(this.held_until) && this.held_until < now",
        "this.held_until == null || this.held_until < now",
        "!(this.held_until == null) && this.held_until < now",
        "!(this.held_until != null) || this.held_until < now",
        "!(this.held_until == null || this.done) && this.held_until < now",
        "this.held_until != null ? this.held_until < now : true",
        "this.held_until == null ? false : this.held_until < now",
        "(this.held_until == null ? now : this.held_until) < now",
        "this.held_until != null && (this.done || this.held_until < now)",
        "this.done && this.held_until != null && !this.done && this.held_until < now",
        "(this.held_until != null && this.done || this.held_until != null && mine) && this.held_until < now",
        "this.held_until == this.created_at && this.held_until < now",
        "this.held_until != this.created_at || this.held_until < now",
        "late && this.held_until > now",
        "!late || this.held_until < now",
        "assigned && this.assignee.role == 'staff'",
        "this.list.tasks.exists(t, t.assigned && t.assignee.role == 'staff')",
        "this.assignee_id != null && this.assignee.name == 'a'",
        "this.assignee != null && this.assignee.name == 'a' && this.assignee_id != this.list.owner_id",
        "this.held_until != null && this.list.tasks.exists(t, t.created_at < this.held_until)",
        "this.list.tasks.filter(t, t.due != null).exists(t, t.due < date(now))",
        "this.list.tasks.filter(t, t.due != null).filter(u, u.due < date(now)).count() > 1",
        "this.list.tasks.min(t, t.held_until) == null || this.list.tasks.min(x, x.held_until) < now",
        "this.list.stars != null && this.list.stars > 3.0",
        "this.blocked == true || this.blocked != false",
        "this.due == this.due",
        "this.assignee_id == this.list.owner_id",
        // A caller's rule that holds says what it holds about.
        "(this.held_until != null && staff) && this.held_until < now",
        "(this.held_until == null || staff) || this.held_until < now",
    ] {
        assert_eq!(problems(text, &Scope::rule(Some(TASK))), "", "{text}");
    }
}

#[test]
fn null_is_not_thought_excluded() {
    for text in [
        "this.held_until < now",
        "this.held_until < now && this.held_until != null",
        "this.held_until != null || this.held_until < now",
        "this.held_until == null && this.held_until < now",
        "!(this.held_until != null) && this.held_until < now",
        "(this.held_until != null || this.done) && this.held_until < now",
        "this.held_until == null ? this.held_until < now : true",
        "(this.held_until != null && this.done) || this.held_until < now",
        "this.due != null && this.held_until < now",
        "late || this.held_until < now",
        "this.assignee_id != null && this.list.owner.name == 'a'",
        "this.assignee_id != null && this.list.tasks.exists(t, t.assignee.name == 'a')",
        "this.list.tasks.exists(t, t.due != null) && this.due < date(now)",
        "this.list.tasks.exists(t, t.due != null) && this.list.tasks.exists(t, t.due < date(now))",
        "this.held_until == this.held_until && this.held_until < now",
        "this.blocked",
        "this.blocked ? true : false",
        "this.title in ['a', this.list.owner.name]",
        "this.held_until + duration('1m') < now",
        "-this.list.stars < 1.0",
        // False perhaps only because the claim is missing, which says nothing about the field.
        "!(this.held_until != null && user.role == 'a') || this.held_until < now",
        "this.held_until != user.since || this.held_until < now",
    ] {
        let told = problems(text, &Scope::rule(Some(TASK)));
        assert!(told.starts_with("E0330"), "{text}: {told}");
        assert_eq!(told.lines().count(), 1, "{text}: {told}");
    }
}

#[test]
fn nothing_is_said_about_null_after_another_mistake() {
    let told = problems(
        "this.held_untl != null && this.held_until < now",
        &Scope::rule(Some(TASK)),
    );
    insta::assert_snapshot!(told, @"E0311 ‹held_untl› Task has no field, relation, list or rule named `held_untl` (not in Task) → did you mean `held_until`?");
}
