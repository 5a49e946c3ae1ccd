//! No input makes the language panic or use up a small stack.

use expr::explain::{SchemaNames, print};
use expr::walk::same;
use expr::{Condition, Guest, Scope, check, holds, not_sql, why};
use proptest::prelude::*;

use crate::support::{Caller, TASK, Todo, World, now};

/// Less than any thread of a server has, and this is a debug build.
const STACK_BYTES: usize = 512 * 1024;

fn on_small_stack(run: impl FnOnce() + Send) {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new()
            .stack_size(STACK_BYTES)
            .spawn_scoped(scope, run);
        thread.expect("a thread").join().expect("no panic");
    });
}

/// Everything that can be done with a text.
fn exercise(text: &str) {
    let world = World::new();
    let scope = Scope {
        next: true,
        ..Scope::rule(Some(TASK))
    };
    let (expr, problems) = check(text, &scope, &world.schema);
    for problem in &problems {
        assert!(
            text.get(problem.at.clone()).is_some(),
            "{text}: {problem:?}"
        );
        // What `this` is not, whoever knows the place says.
        let told = problem.help.as_ref().is_some_and(|help| !help.is_empty());
        assert!(told || problem.code == "E0314", "{text}: {problem:?}");
    }
    let Some(expr) = expr else { return };
    let names = SchemaNames(&world.schema);
    let printed = print(&expr, &names);
    if printed.len() <= expr::ast::SOURCE_BYTES_MAX {
        let (again, problems) = check(&printed, &scope, &world.schema);
        let again = again.unwrap_or_else(|| panic!("{text}\n{printed}\n{problems:?}"));
        assert!(same(&expr, &again), "{text}\n{printed}");
    }
    let _ = not_sql(&expr);
    let condition = Condition::new(expr.clone());
    let callers = [
        Caller(vec![]),
        Caller::user(2).with("role", "staff").with("level", "3"),
    ];
    for at in 1..=2 {
        let task = world.row(TASK, at);
        for caller in &callers {
            let env = expr::Env {
                next: Some(&task),
                ..world.env(caller, &task)
            };
            let now_or_later = condition.specialise_for(caller, now());
            assert_eq!(holds(&expr, &env), holds(&now_or_later, &env), "{text}");
            let _ = why(&expr, &env, &names);
        }
        let env = expr::Env {
            next: Some(&task),
            ..world.env(&Guest, &task)
        };
        let left = condition.specialise_for(&Guest, now());
        assert_eq!(holds(&expr, &env), holds(&left, &env), "{text}");
    }
}

#[test]
fn deep_and_wide_texts() {
    let nest = |open: &str, inner: &str, close: &str, times: usize| {
        format!("{}{inner}{}", open.repeat(times), close.repeat(times))
    };
    let texts = vec![
        nest("(", "this.done", ")", 46),
        nest("!(", "this.done", ")", 22),
        nest("!", "this.done", "", 45),
        nest("(this.done && (this.done || ", "late", "))", 11),
        nest("this.done ? late : ", "mine", "", 40),
        nest("(", "this.stars", " + 1)", 40) + " > 3",
        nest("-(", "this.stars", ")", 20) + " > 3",
        nest("this.list.tasks.exists(t, this.done || ", "late", ")", 1),
        (0..15).fold("late".to_owned(), |inner, at| {
            format!("this.list.tasks.exists(t{at}, t{at}.done && ({inner}))")
        }),
        (0..14).fold("late".to_owned(), |inner, at| {
            format!("this.list.tasks.filter(t{at}, {inner}).count() > 1")
        }),
        vec!["this.list.viewer && !mine"; 200].join(" || "),
        // Twice as large with each, and a little deeper.
        format!(
            "this.list.tasks.map(t, t.stars){}.exists(n, n > 3)",
            ".map(n, n % 3 + n % 3)".repeat(20)
        ),
        format!(
            "this.list.tasks.map(t, t.stars){}.exists(n, n > 3)",
            format!(".map(n, {}n{})", "-(".repeat(12), ")".repeat(12)).repeat(20)
        ),
        format!(
            "3 in this.tags.map(t, size(t)){}",
            ".map(n, n / 2)".repeat(40)
        ),
        format!("this.list{}.done", ".tasks.list".repeat(20)),
        "(".repeat(8_000),
        "!".repeat(8_000),
        "[".repeat(8_000),
        "a.".repeat(4_000),
        "a?".repeat(4_000),
        "-".repeat(8_000),
        "chain30 && !chain31".to_owned(),
        "chain69".to_owned(),
        "loop_a && loop_b".to_owned(),
    ];
    on_small_stack(|| texts.iter().for_each(|text| exercise(text)));
}

/// Pieces that often make sense together.
const PIECES: &[&str] = &[
    "this",
    ".",
    "list",
    "tasks",
    "members",
    "exists",
    "all",
    "filter",
    "map",
    "exists_one",
    "count",
    "avg",
    "(",
    ")",
    "(t, ",
    "t.",
    "t",
    ",",
    "done",
    "title",
    "stars",
    "due",
    "held_until",
    "assignee",
    "assignee_id",
    "owner_id",
    "price",
    "amount",
    "tags",
    "place",
    "city",
    "this.done",
    "this.stars",
    "this.title",
    "this.due",
    "this.list.viewer",
    "mine",
    "late",
    "staff",
    "public",
    "signed_in",
    "user.id",
    "user.role",
    "user.level",
    "next.done",
    "now",
    "null",
    "true",
    "'a'",
    "'2026-01-01'",
    "1",
    "2.5",
    "-",
    "!",
    " && ",
    " || ",
    " == ",
    " != ",
    " < ",
    " >= ",
    " in ",
    " + ",
    " * ",
    " / ",
    " % ",
    " ? ",
    " : ",
    "[",
    "]",
    "size(",
    "date(",
    "timestamp(",
    "duration('1h')",
    "has(",
    ".startsWith(",
    ".matches(",
    "=",
    "&",
    "and",
    " is not ",
    "“",
    "\u{0}",
    "é",
    "\n",
    "\\",
];

/// Conditions that are right by construction.
fn condition() -> impl Strategy<Value = String> {
    let number = prop::sample::select(vec![
        "this.stars",
        "3",
        "this.list.tasks.count()",
        "size(this.title)",
        "this.mid",
    ]);
    let leaf = prop_oneof![
        prop::sample::select(vec![
            "this.done", "late", "mine", "staff", "banned", "signed_in", "public", "nobody", "this.list.viewer",
            "this.assignee_id == user.id", "this.list.owner_id != user.id", "user.role == 'staff'",
            "user.level > 2", "this.stars < user.level", "this.due == null",
            "this.held_until != null && this.held_until < now", "this.title in ['Buy milk', user.role]",
            "this.list.members.exists(m, m.user_id == user.id)", "this.list.tasks.all(t, t.done || t.mine)",
            "this.list.tasks.filter(t, t.stars > 1).exists(t, t.assigned && t.assignee.role == 'reader')",
            "this.cost <= 3.25", "this.weight > 1", "'food' in this.tags", "office_hours",
            "this.title.contains(user.role)", "next.done",
            "user.id in this.list.members.map(m, m.user_id)", "this.tags.map(t, size(t)).exists(n, n > 4)",
            "this.list.tasks.map(t, t.due).filter(d, d != null).exists(d, d < date(now))",
            "this.list.tasks.map(t, t.stars * 2).map(n, n + n).all(n, n != 8 && n < user.level)",
            "this.list.tasks.map(t, t.stars).max() == this.stars",
            "this.list.tasks.map(t, t.list.tasks.filter(u, u.done).count()).exists(n, n == 1 || n > 2)",
            "this.list.members.exists_one(m, m.user_id == user.id)",
        ])
        .prop_map(str::to_owned),
        (number.clone(), prop::sample::select(vec!["<", "==", "!=", ">="]), number)
            .prop_map(|(a, op, b)| format!("{a} {op} {b}")),
    ];
    leaf.prop_recursive(5, 24, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}) && ({b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}) || ({b})")),
            inner.clone().prop_map(|a| format!("!({a})")),
            (inner.clone(), inner.clone(), inner.clone())
                .prop_map(|(a, b, c)| format!("(({a}) ? ({b}) : ({c}))")),
            inner
                .clone()
                .prop_map(|a| format!("this.list.tasks.exists(q, q.done || ({a}))"))
                .prop_filter("one variable", |text| text.matches("exists(q").count() == 1),
            inner
                .prop_map(|a| format!("this.list.tasks.filter(r, !({a})).count() < 2"))
                .prop_filter("one variable", |text| text.matches("filter(r").count() == 1),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text(text in "\\PC{0,80}") {
        on_small_stack(|| exercise(&text));
    }

    #[test]
    fn any_pieces(pieces in prop::collection::vec(prop::sample::select(PIECES), 0..25)) {
        on_small_stack(|| exercise(&pieces.concat()));
    }

    #[test]
    fn good_conditions_survive_everything(text in condition()) {
        let scope = Scope { next: true, ..Scope::rule(Some(TASK)) };
        let (expr, problems) = check(&text, &scope, &Todo::new());
        prop_assert!(expr.is_some(), "{}: {:?}", text, problems);
        on_small_stack(|| exercise(&text));
    }

    #[test]
    fn mutilated_conditions(text in condition(), cut in any::<prop::sample::Index>(), piece in prop::sample::select(PIECES)) {
        let chars: Vec<char> = text.chars().collect();
        let at = cut.index(chars.len());
        let front: String = chars[..at].iter().collect();
        let back: String = chars[at + 1..].iter().collect();
        exercise(&format!("{front}{piece}{back}"));
        exercise(&front);
        exercise(&back);
    }
}
