//! Fields by which people could give themselves rights: rules read them of the caller, and the
//! caller can write them (OWASP API Security Top 10 2023, API3 and API5).

use diag::{Diagnostic, Diagnostics};
use expr::Expr;
use expr::ir::{Claim, Node, RuleDef};
use model::{Action, Field, Model, Rule, SignUp};
use value::Value;

use crate::auth::asked;
use crate::codes;
use crate::resolve::Draft;

pub fn about(model: &Model, draft: &Draft<'_, '_>, out: &mut Diagnostics) {
    let (Some(users), Some(people)) = (&model.auth.users, model.users()) else {
        return;
    };
    let draft = &draft.resources[usize::from(users.resource.0)];
    let update = [Action::Update, Action::Replace]
        .into_iter()
        .filter_map(|action| people.access.rule(action))
        .find(|rule| opens_own(rule));
    for id in &users.claims {
        let field = people.field(*id);
        let Some(declared) = draft.field(*id).declared else {
            continue;
        };
        // The address is confirmed, and changes in the account.
        let keeps = |rule: &Rule| rule.names_next;
        if users.email == Some(*id) && field.write.as_ref().is_some_and(keeps) {
            continue;
        }
        if field.read_only || field.write.as_ref().is_some_and(|rule| !opens_own(rule)) {
            continue;
        }
        let update = update.filter(|_| !field.immutable);
        let name = declared.name;
        let (message, label) = match (update, users.sign_up) {
            (Some(_), _) => (
                format!("people can change their own `{name}`, which rules go by"),
                "written by whom it gives rights",
            ),
            (None, SignUp::Open) => (
                format!("whoever signs up can choose `{name}`, which rules go by"),
                "chosen by whom it gives rights",
            ),
            _ => continue,
        };
        let mut found = Diagnostic::warning(codes::OWN_RIGHTS, declared.span, message)
            .label(label)
            .help(format!(
                "say at `{name}` who may give it: `access: {{write: {}}}`",
                who(model, field)
            ));
        if let (Some(rule), Some(access)) = (update, draft.item.get("access"))
            && let Some(entry) = access.entries().iter().find(|entry| {
                let text = entry.item.as_text();
                text.is_some_and(|text| text.as_str().trim() == rule.text)
            })
        {
            found = found.also(entry.item.span(), "opened to oneself here");
        }
        out.push(found);
    }
}

/// A rule about the caller that goes by this field, which is what such rules are for.
fn who<'m>(model: &'m Model, field: &Field) -> &'m str {
    let goes_by = |rule: &&std::sync::Arc<RuleDef>| {
        let mut names = std::collections::BTreeSet::new();
        asked(&rule.body, &mut names);
        names.contains(field.name.as_str())
    };
    model
        .rules
        .iter()
        .find(goes_by)
        .map_or("nobody", |rule| &rule.name)
}

/// Whether a rule lets people without any rights change their own record: one way to fulfil it
/// speaks of the record as the caller's own, or asks for nothing.
fn opens_own(rule: &Rule) -> bool {
    any_way(&rule.condition)
}

fn any_way(expr: &Expr) -> bool {
    match &expr.node {
        Node::Or(ways) => ways.iter().any(any_way),
        Node::Rule { rule, .. } => any_way(&rule.body),
        Node::Const(Value::Bool(known)) => *known,
        _ => is_own(expr) || !asks_for_rights(expr),
    }
}

/// `this.id == user.id`, perhaps among other things.
fn is_own(expr: &Expr) -> bool {
    let own_id = |expr: &Expr| matches!(&expr.node, Node::Field { row, field } if row.hops.is_empty() && *field == expr::ir::ID);
    let caller = |expr: &Expr| matches!(expr.node, Node::Caller(Claim::Id));
    match &expr.node {
        Node::Compare(expr::ir::Comparison::Equal, a, b) => {
            (own_id(a) && caller(b)) || (own_id(b) && caller(a))
        }
        Node::And(parts) => parts.iter().any(is_own),
        Node::Rule { rule, .. } => is_own(&rule.body),
        _ => false,
    }
}

/// Whether it reads anything of the caller but that there is one.
fn asks_for_rights(expr: &Expr) -> bool {
    let mut asks = match &expr.node {
        Node::Caller(_) => true,
        Node::Rule { rule, .. } => asks_for_rights(&rule.body),
        _ => false,
    };
    expr.each_child(&mut |child| asks |= asks_for_rights(child));
    asks
}
