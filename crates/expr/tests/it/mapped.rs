//! `map` is a way of writing: what it says is what the same condition says written out.

use expr::walk::same;
use expr::{Scope, check, not_sql};
use value::Type;

use crate::support::{Caller, TASK, Todo, World, problems, shown, task_rule};

/// That both texts are checked to the same expression.
fn means(table: &[(&str, &str)]) {
    for (text, written_out) in table {
        let (mapped, plain) = (task_rule(text), task_rule(written_out));
        assert!(same(&mapped, &plain), "{text}\n{mapped:#?}\n{plain:#?}");
    }
}

fn says(table: &[(&str, &str)]) {
    for (text, expected) in table {
        assert_eq!(
            problems(text, &Scope::rule(Some(TASK))),
            *expected,
            "{text}"
        );
    }
}

#[test]
fn a_mapped_list_of_records_is_the_list_written_out() {
    means(&[
        (
            "user.id in this.list.members.map(m, m.user_id)",
            "this.list.members.exists(m, m.user_id == user.id)",
        ),
        (
            "'editor' in this.list.members.filter(m, m.user_id == user.id).map(m, m.role)",
            "this.list.members.filter(m, m.user_id == user.id).exists(m, m.role == 'editor')",
        ),
        (
            "this.list.tasks.map(t, t.stars).exists(n, n > 3)",
            "this.list.tasks.exists(t, t.stars > 3)",
        ),
        (
            "this.list.tasks.map(t, t.stars * 2).all(n, n > 3 || n == this.stars)",
            "this.list.tasks.all(t, t.stars * 2 > 3 || t.stars * 2 == this.stars)",
        ),
        (
            "this.list.tasks.map(t, t.stars % 5).map(n, n + n).exists(n, n == 8)",
            "this.list.tasks.exists(t, t.stars % 5 + t.stars % 5 == 8)",
        ),
        (
            "this.list.tasks.map(t, t.stars).filter(n, n > 3).count() == 2",
            "this.list.tasks.filter(t, t.stars > 3).count() == 2",
        ),
        (
            "size(this.list.tasks.map(t, t.stars)) > this.list.tasks.map(t, t.title).size()",
            "size(this.list.tasks) > this.list.tasks.count()",
        ),
        (
            "this.list.tasks.map(t, t.stars).sum() > this.list.tasks.map(t, t.stars).sum(n, n % 2)",
            "this.list.tasks.sum(t, t.stars) > this.list.tasks.sum(t, t.stars % 2)",
        ),
        (
            "this.list.tasks.map(t, t.due).min() != this.list.tasks.map(t, t.due).max()",
            "this.list.tasks.min(t, t.due) != this.list.tasks.max(t, t.due)",
        ),
        (
            "this.list.tasks.map(t, t.stars).avg() != null",
            "this.list.tasks.avg(t, t.stars) != null",
        ),
        // A condition is a value like any other.
        (
            "this.list.tasks.map(t, t.done || t.late).all(d, d)",
            "this.list.tasks.all(t, t.done || t.late)",
        ),
        (
            "this.list.members.exists_one(m, m.role == 'editor')",
            "this.list.members.filter(m, m.role == 'editor').count() == 1",
        ),
        (
            "this.list.tasks.map(t, t.stars).exists_one(n, n > 3)",
            "this.list.tasks.filter(t, t.stars > 3).count() == 1",
        ),
        // Rules, computed fields and other lists, all of the element.
        (
            "this.list.tasks.map(t, t.list.size).exists(n, n > 3)",
            "this.list.tasks.exists(t, t.list.size > 3)",
        ),
        (
            "this.list.tasks.map(t, t.list.members.count()).exists(n, n > 3 || n == 1)",
            "this.list.tasks.exists(t, t.list.members.count() > 3 || t.list.members.count() == 1)",
        ),
    ]);
}

#[test]
fn a_mapped_list_of_values_is_the_list_written_out() {
    means(&[
        (
            "this.tags.map(t, t.lowerAscii()).exists(t, t == 'a')",
            "this.tags.exists(t, t.lowerAscii() == 'a')",
        ),
        (
            "'a' in this.tags.map(t, t.lowerAscii())",
            "this.tags.exists(t, t.lowerAscii() == 'a')",
        ),
        (
            "this.tags.map(t, size(t)).map(n, n % 2).all(n, n == 0 || n == this.stars)",
            "this.tags.all(t, size(t) % 2 == 0 || size(t) % 2 == this.stars)",
        ),
        (
            "size(this.tags.map(t, size(t))) > this.tags.map(t, size(t)).size()",
            "size(this.tags) > size(this.tags)",
        ),
        (
            "['a', 'b'].map(p, this.title.startsWith(p)).exists(s, s)",
            "['a', 'b'].exists(p, this.title.startsWith(p))",
        ),
    ]);
}

/// A variable means what it meant where it was written, whatever is called so around it.
#[test]
fn nothing_is_captured() {
    means(&[
        (
            "this.list.tasks.map(t, t.stars).exists(t, t > 3)",
            "this.list.tasks.exists(t, t.stars > 3)",
        ),
        (
            "this.list.tasks.map(t, t.list.tasks.filter(u, u.stars == t.stars).count())
                .exists(n, this.list.members.exists(u, u.user_id == user.id && n > 1))",
            "this.list.tasks.exists(t, this.list.members.exists(m, m.user_id == user.id
                && t.list.tasks.filter(u, u.stars == t.stars).count() > 1))",
        ),
        (
            "this.list.tasks.exists(t, t.list_id in t.list.tasks.map(u, t.list_id))",
            "this.list.tasks.exists(t, t.list.tasks.exists(u, t.list_id == t.list_id))",
        ),
        (
            "this.list.tasks.map(t, t.stars).exists(a, this.tags.map(t, size(t)).exists(b, a == b))",
            "this.list.tasks.exists(t, this.tags.exists(u, t.stars == size(u)))",
        ),
    ]);
}

/// Law 13: what is known of the records is known of what is taken from them, and the other way round.
#[test]
fn null_is_dealt_with_as_if_written_out() {
    means(&[
        (
            "this.list.tasks.map(t, t.due).exists(d, d != null && d < date(now))",
            "this.list.tasks.exists(t, t.due != null && t.due < date(now))",
        ),
        (
            "this.list.tasks.map(t, t.due).filter(d, d != null).exists(d, d < date(now))",
            "this.list.tasks.filter(t, t.due != null).exists(t, t.due < date(now))",
        ),
        (
            "this.list.tasks.filter(t, t.due != null).map(t, t.due).all(d, d < date(now))",
            "this.list.tasks.filter(t, t.due != null).all(t, t.due < date(now))",
        ),
        (
            "date(now) in this.list.tasks.map(t, t.due)",
            "this.list.tasks.exists(t, t.due == date(now))",
        ),
        (
            "this.due != null && this.due in this.list.tasks.map(t, t.due)",
            "this.due != null && this.list.tasks.exists(t, t.due == this.due)",
        ),
        (
            "this.list.tasks.map(t, t.price).exists(p, p != null && p.amount > 3)",
            "this.list.tasks.exists(t, t.price != null && t.price.amount > 3)",
        ),
        (
            "this.due != null && this.tags.map(t, this.due).exists(d, d < date(now))",
            "this.due != null && this.tags.exists(t, this.due < date(now))",
        ),
    ]);
    says(&[
        (
            "this.list.tasks.map(t, t.due).exists(d, d < date(now))",
            "E0330 ‹d› `d` may be null here (may be null) → write `d != null && d < date(now)`, or `d == null || d < date(now)`",
        ),
        (
            "this.due in this.list.tasks.map(t, t.due)",
            "E0330 ‹this.due› `this.due` may be null here (may be null) → write `this.due != null && this.due in this.list.tasks.map(t, t.due)`, or `this.due == null || this.due in this.list.tasks.map(t, t.due)`",
        ),
    ]);
}

#[test]
fn it_is_true_of_rows_as_well() {
    let world = World::new();
    let task = world.row(TASK, 1);
    for (text, caller, expected) in [
        ("user.id in this.list.members.map(m, m.user_id)", 2, true),
        ("user.id in this.list.members.map(m, m.user_id)", 1, false),
        ("!(user.id in this.list.members.map(m, m.user_id))", 1, true),
        ("this.list.tasks.map(t, t.stars).sum() == 5", 1, true),
        ("date(now) in this.list.tasks.map(t, t.due)", 1, false),
        ("4 in this.tags.map(t, size(t))", 1, true),
        ("6 in this.tags.map(t, size(t))", 1, false),
        (
            "this.list.members.exists_one(m, m.role == 'editor')",
            1,
            true,
        ),
        ("this.list.members.exists_one(m, true)", 1, false),
    ] {
        let caller = Caller::user(caller);
        let holds = expr::holds(&task_rule(text), &world.env(&caller, &task));
        assert_eq!(holds, Ok(expected), "{text}");
    }
}

#[test]
fn what_a_mapped_list_cannot_do_is_told() {
    says(&[
        (
            "this.list.tasks.map(t, t.stars) == [1, 2]",
            "E0321 ‹this.list.tasks.map(t, t.stars)› what `map` gives cannot be compared or kept as a whole (its elements can be asked about) → write `x in this.list.tasks.map(t, t.stars)`, `this.list.tasks.map(t, t.stars).exists(x, …)` or `size(this.list.tasks.map(t, t.stars))`",
        ),
        (
            "this.tags.map(t, size(t)) == null",
            "E0321 ‹this.tags.map(t, size(t))› what `map` gives cannot be compared or kept as a whole (its elements can be asked about) → write `x in this.tags.map(t, size(t))`, `this.tags.map(t, size(t)).exists(x, …)` or `size(this.tags.map(t, size(t)))`",
        ),
        (
            "this.list.members.map(m, m.user).exists(u, u.name == 'a')",
            "E0321 ‹m.user› `m.user` is a whole record (not a single value) → write `m.user_id` for its id, or `m.user.name` for a field of it",
        ),
        (
            "this.list.tasks.map(t, t.stars).stars > 1",
            "E0311 ‹stars› `this.list.tasks.map(t, t.stars)` is a list; which one's `stars`? (a list has no fields) → write `this.list.tasks.map(t, t.stars).exists(x, x.stars == …)`",
        ),
        (
            "this.list.tasks.map(t.stars)",
            "E0313 ‹map› `map` takes 2 arguments, not 1 (wrong number of arguments) → write `.map(x, x.title)`",
        ),
        (
            "this.list.tasks.map(t, user.level).exists(l, l == 3)",
            "E0323 ‹user.level› it is unclear which type this claim has (a claim of the caller) → take what is in the list: `.map(x, x.field)`",
        ),
        (
            "this.list.tasks.map(t, null).exists(l, l == 3)",
            "E0325 ‹null› a list of nothing but null says nothing (always null) → take what is in the list: `.map(x, x.field)`",
        ),
        (
            "this.list.tasks.map(t, t.title).sum() > 3",
            "E0321 ‹t.title› `sum` does not work on string (this is a string) → `sum` takes numbers; to count write `.count()`",
        ),
        (
            "this.list.tasks.map(t, t.title).sum(n) > 3",
            "E0313 ‹sum› `sum` takes 2 arguments, not 1 (wrong number of arguments) → write `.sum()`",
        ),
        (
            "this.tags.map(t, size(t)).sum() > 3",
            "E0312 ‹sum› there is no method `sum` (unknown method) → only lists of records have it; lists of values have `exists`, `all`, `map` and `size`",
        ),
        (
            "this.title.map(t, t == 'a').exists(t, t)",
            "E0321 ‹this.title› a list is expected, not a string (this is a string) → `map` goes through a list: use `this.title` itself",
        ),
        (
            "'a' in this.list.tasks.map(t, t.stars)",
            "E0322 ‹'a'› 'a' is a string, not an integer (an integer is expected) → write an integer such as `3`",
        ),
        (
            "this.title in this.list.tasks.map(t, t.stars).filter(n, n > 3)",
            "E0320 ‹this.title in this.list.tasks.map(t, t.stars).filter(n, n > 3)› string and integer do not go together (`this.title` is a string, `t.stars` is an integer) → beside `this.title` write a string such as `'text'`",
        ),
        (
            "editor in this.list.members.map(m, m.role)",
            "E0310 ‹editor› text needs quotes: `'editor'` (without quotes it is the name of a rule) → write `'editor'`",
        ),
        (
            "this.list.tasks.map(t, t.stars).contains(3)",
            "E0312 ‹contains› lists have no method `contains` (unknown method) → write `x in ….map(…)`",
        ),
        (
            "map(this.tags, 1) == 'a'",
            "E0312 ‹map› there is no function `map` (unknown function) → it is a method: write `list.map(x, …)`",
        ),
        (
            "this.tags.exists_one(t, t == 'a')",
            "E0312 ‹exists_one› there is no method `exists_one` (unknown method) → only lists of records have it; lists of values have `exists`, `all`, `map` and `size`",
        ),
    ]);
}

/// What stands for an element is told of once, where it was written, however often it is used.
#[test]
fn a_mistake_in_it_is_told_once() {
    says(&[(
        "this.list.tasks.map(t, t.big * 2).exists(n, n > 3 || n < -3)",
        "E0340 ‹t.big * 2› this could leave 64 bits (not provably in range) → give the fields a `minimum` and a `maximum`, use `integer` fields, which have 32 bits, or compare the values themselves",
    )]);
    let text = "this.list.tasks.map(t, t.title.matches('a')).exists(m, m || m)";
    assert_eq!(
        shown(text, &not_sql(&task_rule(text))),
        "E0350 ‹t.title.matches('a')› a regular expression cannot be answered by the database (not possible in a filter) → use `startsWith`, `endsWith`, `contains` or `==`; or give the field a `pattern`",
    );
}

/// Each doubles what the one before it has: refused before it is made.
#[test]
fn uses_of_uses_are_bounded() {
    let scope = Scope::rule(Some(TASK));
    let doubled = |times: usize| {
        let text = format!(
            "this.list.tasks.map(t, t.stars % 3){}.exists(n, n > 3)",
            ".map(n, (n + n) % 3)".repeat(times)
        );
        let (expr, problems) = check(&text, &scope, &Todo::new());
        assert_eq!(expr.is_some(), problems.is_empty());
        problems.iter().map(|told| told.code).collect::<Vec<_>>()
    };
    assert_eq!(doubled(5), [""; 0]);
    assert_eq!(doubled(20), ["E0302"]);
    let deep = format!(
        "this.list.tasks.map(t, t.stars){}.exists(n, n > 3)",
        format!(".map(n, {}n{} % 9)", "-(".repeat(20), ")".repeat(20)).repeat(4)
    );
    assert_eq!(
        problems(&deep, &scope).matches("E0302").count(),
        1,
        "{}",
        problems(&deep, &scope)
    );
}

#[test]
fn a_computed_field_may_use_it() {
    let whole = |text: &str, ty| problems(text, &Scope::computed(TASK, ty, true));
    assert_eq!(
        whole("this.list.tasks.map(t, t.cost).max()", Type::Decimal),
        ""
    );
    assert_eq!(
        whole(
            "this.list.tasks.map(t, t.title)",
            Type::List(std::sync::Arc::new(Type::Text))
        ),
        "E0321 ‹this.list.tasks.map(t, t.title)› what `map` gives cannot be compared or kept as a whole (its elements can be asked about) → write `x in this.list.tasks.map(t, t.title)`, `this.list.tasks.map(t, t.title).exists(x, …)` or `size(this.list.tasks.map(t, t.title))`",
    );
}
