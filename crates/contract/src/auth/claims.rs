//! What rules and formulas ask of the person's record: those fields are known of every caller.

use std::collections::BTreeSet;
use std::sync::Arc;

use expr::Expr;
use expr::ir::{Claim, Node, RuleDef};
use model::{FieldKind, Resource, Users};
use value::FieldId;

/// The fields of the person's record that some expression of the contract reads.
pub fn read(users: &Users, resources: &[Resource], rules: &[Arc<RuleDef>]) -> Vec<FieldId> {
    let mut names: BTreeSet<&str> = BTreeSet::new();
    each(resources, rules, &mut |expr| asked(expr, &mut names));
    let people = resources.get(usize::from(users.resource.0));
    let fields = people.map(|people| people.fields.as_slice());
    fields
        .unwrap_or_default()
        .iter()
        .filter(|field| names.contains(field.name.as_str()))
        .map(|field| field.id)
        .collect()
}

/// Calls `visit` for every expression of a contract. What a rule says is in the rule alone.
fn each<'m>(
    resources: &'m [Resource],
    rules: &'m [Arc<RuleDef>],
    visit: &mut impl FnMut(&'m Expr),
) {
    rules.iter().for_each(|rule| visit(&rule.body));
    for resource in resources {
        resource.rules.iter().for_each(|rule| visit(&rule.body));
        for check in &resource.checks {
            visit(&check.condition);
        }
        let access = model::Action::ALL.into_iter();
        let access = access.filter_map(|action| resource.access.rule(action));
        let of_fields = resource.fields.iter();
        let of_fields = of_fields.flat_map(|field| field.read.iter().chain(&field.write));
        for rule in access.chain(of_fields) {
            visit(&rule.condition);
        }
        for field in &resource.fields {
            if let Some(set) = &field.set {
                visit(set);
            }
            if let FieldKind::Computed(formula) = &field.kind {
                visit(formula);
            }
        }
    }
}

/// The names after `user.` in an expression, but for the id.
pub fn asked<'e>(expr: &'e Expr, names: &mut BTreeSet<&'e str>) {
    if let Node::Caller(Claim::Named(name)) = &expr.node {
        names.insert(name);
    }
    expr.each_child(&mut |child| asked(child, names));
}
