//! Who may do what: access rules of resources and fields, and checks.
//!
//! Access rules and computed fields become part of statements (law 5), so everything in them must
//! have SQL; checks may also be answered in memory, but not half here and half there.

use std::sync::Arc;

use diag::{Diagnostic, Diagnostics};
use expr::ir::{NEXT, Node};
use expr::{Expr, RowsRead, Scope};
use model::{Access, Action, Check, Rule};

use crate::codes;
use crate::read::Text;
use crate::resolve::{Declared, ResourceDraft, stored_field};
use crate::rules::Rulebook;

/// Entries of `check:`; each is asked at every write.
const CHECKS_MAX: usize = 50;

/// The words of `access`, with the actions each opens. Where two open the same action, the one
/// further up wins: it is the narrower.
const WORDS: [(&str, &[Action]); 8] = [
    ("list", &[Action::List]),
    ("get", &[Action::Get]),
    ("create", &[Action::Create]),
    ("replace", &[Action::Replace]),
    ("update", &[Action::Update, Action::Replace]),
    ("delete", &[Action::Delete]),
    ("read", &[Action::List, Action::Get]),
    (
        "write",
        &[
            Action::Create,
            Action::Update,
            Action::Replace,
            Action::Delete,
        ],
    ),
];

/// The rules that open a resource's actions.
pub fn resource<'a>(
    draft: &ResourceDraft<'_, 'a>,
    book: &Rulebook<'_, '_, 'a>,
    out: &mut Diagnostics,
) -> Access {
    let mut access = Access::default();
    let Some(declared) = draft.item.get("access") else {
        return access;
    };
    for (word, opens) in WORDS {
        let Some(text) = declared.text(word) else {
            continue;
        };
        let next = !matches!(word, "list" | "get" | "read" | "delete");
        let Some(rule) = rule(text, draft, next, book, out) else {
            continue;
        };
        for action in opens {
            let place = slot(&mut access, *action);
            if place.is_some() {
                continue;
            }
            if *action == Action::Delete && rule.names_next {
                out.push(
                    Diagnostic::error(
                        codes::NEXT_IN_DELETE,
                        text.span(),
                        "`write` opens delete too, where there is no `next`",
                    )
                    .label("names `next`")
                    .help("add a rule of its own for `delete`, or write `create` and `update` instead of `write`"),
                );
                continue;
            }
            *place = Some(rule.clone());
        }
    }
    access
}

/// Whether some word of the resource's `access` is meant to open the action, right or wrong.
pub fn meant_to_open(draft: &ResourceDraft<'_, '_>, action: Action) -> bool {
    draft.item.node.torn
        || draft.item.entry("access").is_some_and(|access| {
            access.item.is_broken()
                || access.item.node.torn
                || WORDS.iter().any(|(word, opens)| {
                    opens.contains(&action) && access.item.entry(word).is_some()
                })
        })
}

/// Whether a rule refuses nobody.
pub fn is_open_to_all(rule: &Rule) -> bool {
    rule.condition.as_const_bool() == Some(true) || rule.text == "public"
}

/// The rules of a field: who may read and who may write it.
pub fn field<'a>(
    declared: Declared<'_, 'a>,
    draft: &ResourceDraft<'_, 'a>,
    book: &Rulebook<'_, '_, 'a>,
    out: &mut Diagnostics,
) -> (Option<Rule>, Option<Rule>) {
    let Some(access) = declared.item.get("access") else {
        return (None, None);
    };
    let mut one = |word: &str, next: bool| rule(access.text(word)?, draft, next, book, out);
    (one("read", false), one("write", true))
}

/// Nobody takes an address by writing it: once the record of a person is there, its address changes
/// in the account, where the new one is confirmed. A contract that has a write rule of its own for
/// the field has decided otherwise.
pub fn address(
    users: &model::Users,
    resources: &mut [model::Resource],
    book: &Rulebook<'_, '_, '_>,
) {
    let people = resources.get_mut(usize::from(users.resource.0));
    let field = people
        .zip(users.email)
        .and_then(|(people, email)| people.fields.get_mut(usize::from(email.0)));
    let Some(field) = field.filter(|field| field.write.is_none() && !field.read_only) else {
        return;
    };
    let scope = Scope {
        next: true,
        ..Scope::rule(Some(users.resource))
    };
    let text = format!("next.{0} == this.{0}", field.name);
    // Nothing is found where the field itself is wrong, which has been reported.
    field.write = expr::check(&text, &scope, book).0.map(|condition| Rule {
        text,
        names_next: true,
        condition: Arc::new(condition),
    });
}

/// The conditions that every written record fulfils.
pub fn checks<'a>(
    draft: &ResourceDraft<'_, 'a>,
    book: &Rulebook<'_, '_, 'a>,
    out: &mut Diagnostics,
) -> Vec<Check> {
    let Some(list) = draft.item.get("check") else {
        return vec![];
    };
    if let Some(extra) = list.items().get(CHECKS_MAX) {
        out.push(
            Diagnostic::error(
                codes::TOO_MANY,
                crate::read::head(book.sources(), extra.span()),
                format!("a resource has at most {CHECKS_MAX} checks"),
            )
            .label("one too many")
            .help("join conditions with `&&`"),
        );
    }
    let mut checks = vec![];
    for item in list.items().iter().take(CHECKS_MAX) {
        let at = item
            .text("at")
            .and_then(|name| stored_field(draft, name, "at", out));
        let Some(text) = item.text("rule") else {
            continue;
        };
        let scope = Scope::rule(Some(draft.id));
        let Some(condition) = book.check(text, &scope, "", out) else {
            continue;
        };
        one_side(&condition, text, book, out);
        let Some(message) = item.text("message") else {
            continue;
        };
        checks.push(Check {
            condition: Arc::new(condition),
            message: message.as_str().trim().to_owned(),
            at,
        });
    }
    checks
}

/// `set: =…` of a field.
pub fn set<'a>(
    declared: Declared<'_, 'a>,
    field: &model::Field,
    book: &Rulebook<'_, '_, 'a>,
    out: &mut Diagnostics,
) -> Option<Arc<Expr>> {
    let text = declared.item.text("set")?;
    if !text.as_str().starts_with('=') {
        return None;
    }
    let scope = Scope::formula(None, field.shape.ty.clone(), field.shape.nullable);
    book.check(text, &scope, SET_HELP, out).map(Arc::new)
}

const SET_HELP: &str = "`set` is computed before there is a record, from `user` and `now`; what follows from other fields is computed when it is read: `value:`";

/// The formulas of a field whose own type is wrong: what is wrong with them in any type.
pub fn formulas_without_type<'a>(
    declared: Declared<'_, 'a>,
    book: &Rulebook<'_, '_, 'a>,
    out: &mut Diagnostics,
) {
    let Some(text) = declared.item.text("set") else {
        return;
    };
    if text.as_str().starts_with('=') {
        book.check_without_type(text, SET_HELP, out);
    }
}

/// Reports a computed field that the database cannot compute: it is part of every list.
pub fn computed<'a>(
    declared: Declared<'_, 'a>,
    formula: &Expr,
    book: &Rulebook<'_, '_, 'a>,
    out: &mut Diagnostics,
) {
    let Some(text) = declared.item.text("value") else {
        return;
    };
    let mut problems = expr::not_sql_formula(formula);
    if let Some(at) = asks_caller(formula) {
        let at = at.start as usize..at.end as usize;
        if problems.iter().all(|told| told.at != at) {
            problems.push(expr::Problem {
                code: codes::FOR_EVERYBODY,
                at,
                message: "a computed field is the same for every caller".to_owned(),
                label: "depends on the caller".to_owned(),
                help: Some("use it in `access` or in a rule instead".to_owned()),
            });
        }
    }
    book.report(text, problems, "", out);
}

/// Where an expression, or a rule it uses, asks who is calling.
fn asks_caller(expr: &Expr) -> Option<std::ops::Range<u32>> {
    let here = match &expr.node {
        Node::Caller(_) | Node::SignedIn => true,
        Node::Rule { rule, .. } => asks_caller(&rule.body).is_some(),
        _ => false,
    };
    if here {
        return Some(expr.at.clone());
    }
    let mut found = None;
    expr.each_child(&mut |child| {
        if found.is_none() {
            found = asks_caller(child);
        }
    });
    found
}

fn slot(access: &mut Access, action: Action) -> &mut Option<Rule> {
    match action {
        Action::List => &mut access.list,
        Action::Get => &mut access.get,
        Action::Create => &mut access.create,
        Action::Update => &mut access.update,
        Action::Replace => &mut access.replace,
        Action::Delete => &mut access.delete,
        Action::Restore => &mut access.restore,
    }
}

fn rule<'a>(
    text: Text<'a>,
    draft: &ResourceDraft<'_, 'a>,
    next: bool,
    book: &Rulebook<'_, '_, 'a>,
    out: &mut Diagnostics,
) -> Option<Rule> {
    let mut scope = Scope::rule(Some(draft.id));
    scope.next = next;
    let condition = book.check(text, &scope, "", out)?;
    let problems = expr::not_sql(&condition);
    if !problems.is_empty() {
        book.report(text, problems, "", out);
        return None;
    }
    Some(Rule {
        text: text.as_str().trim().to_owned(),
        names_next: names_next(&condition),
        condition: Arc::new(condition),
    })
}

/// Whether either side, database or memory, can answer the whole condition.
fn one_side<'a>(
    condition: &Expr,
    text: Text<'a>,
    book: &Rulebook<'_, '_, 'a>,
    out: &mut Diagnostics,
) {
    if condition.reads_rows() != RowsRead::Others {
        return;
    }
    let mixed = expr::not_sql(condition)
        .into_iter()
        .map(|problem| expr::Problem {
            code: codes::MIXED,
            message: format!(
                "{}, but this check is about other records too",
                problem.message
            ),
            label: "only the server can do this".to_owned(),
            help: Some(
                "make two checks of it: one about other records, one about the record itself"
                    .to_owned(),
            ),
            ..problem
        });
    book.report(text, mixed.collect(), "", out);
}

fn names_next(expr: &Expr) -> bool {
    let own = match &expr.node {
        Node::Field { row, .. } | Node::Rule { row: Some(row), .. } => row.var == NEXT,
        Node::Quantifier { list, .. } | Node::Aggregate { list, .. } => list.of.var == NEXT,
        _ => false,
    };
    let mut named = own;
    expr.each_child(&mut |child| named |= names_next(child));
    named
}
