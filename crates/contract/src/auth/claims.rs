//! `user.NAME`: which fields of the person's record rules ask for, and what tokens and certificates
//! of others say instead of a record.

use std::collections::BTreeSet;
use std::sync::Arc;

use diag::{Diagnostic, Diagnostics};
use expr::Expr;
use expr::ir::{Claim, Node, RuleDef};
use model::{Field, FieldKind, Resource, Users};
use value::FieldId;

use super::Reading;
use crate::codes;
use crate::json;
use crate::person;
use crate::read::{Entry, Item};
use crate::yaml::Kind;

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

/// `claims:` of an outside issuer: names after `user.`, and the claims of a token they are read
/// from.
pub fn of_tokens(
    item: &Item<'_>,
    context: &Reading<'_, '_, '_>,
    out: &mut Diagnostics,
) -> Vec<(String, String)> {
    let entries = item.get("claims").map(Item::entries).unwrap_or_default();
    entries
        .iter()
        .filter_map(|entry| {
            named(entry, context, out)?;
            let claim = entry.item.as_text()?.as_str().trim();
            Some((entry.name.to_owned(), claim.to_owned()))
        })
        .collect()
}

/// `claims:` of a service: names after `user.`, and their values.
pub fn written(
    claims: Option<&Item<'_>>,
    context: &Reading<'_, '_, '_>,
    out: &mut Diagnostics,
) -> Vec<(String, String)> {
    let entries = claims.map(Item::entries).unwrap_or_default();
    entries
        .iter()
        .filter_map(|entry| {
            let named = named(entry, context, out)?;
            let text = text(entry, context, out)?;
            if let Some(field) = named
                && let Err(why) = value::text::parse(&field.shape.ty, &text)
            {
                out.push(
                    Diagnostic::error(
                        codes::CLAIM,
                        entry.item.span(),
                        format!("`user.{}` cannot be this: {}", entry.name, why.detail),
                    )
                    .label("not a value of this field")
                    .help(format!(
                        "write a value that the field `{}` can hold, which is {}",
                        entry.name,
                        field.shape.ty.describe()
                    )),
                );
            }
            Some((entry.name.to_owned(), text))
        })
        .collect()
}

/// The person's field that a claim is called after; `Some(None)` where there are no people.
#[allow(clippy::option_option)]
fn named<'c>(
    entry: &Entry<'_>,
    context: &Reading<'c, '_, '_>,
    out: &mut Diagnostics,
) -> Option<Option<&'c Field>> {
    if entry.name == "id" {
        out.push(
            Diagnostic::error(codes::CLAIM, entry.key.span, "`user.id` is no claim")
                .label("taken")
                .help("who it is follows from the credential; in `jwt` the claim that says so is `user: sub`"),
        );
        return None;
    }
    let Some(people) = context.people else {
        return Some(None);
    };
    match person::field(people, "", entry.name) {
        Ok(field) => Some(Some(field)),
        Err(wrong) => {
            out.extend(wrong.map(|wrong| wrong.at(codes::CLAIM, entry.key.span)));
            None
        }
    }
}

/// As it would stand in a URL.
fn text(entry: &Entry<'_>, context: &Reading<'_, '_, '_>, out: &mut Diagnostics) -> Option<String> {
    let node = entry.item.node;
    match &node.kind {
        _ if entry.item.is_broken() => None,
        Kind::String(text) => Some(text.clone()),
        Kind::Int(_) | Kind::Float(_) | Kind::Bool(_) => {
            Some(node.source(context.sources.text(node.span.file)).to_owned())
        }
        Kind::List(_) if context.people.is_none() => Some(json::plain(node).to_string()),
        Kind::List(_) | Kind::Null | Kind::Map(_) => {
            out.push(
                Diagnostic::error(
                    codes::CLAIM,
                    entry.key.span,
                    format!("the claim `{}` must be a word or a number", entry.name),
                )
                .label("not a claim")
                .help("leave a claim out that the service does not have"),
            );
            None
        }
    }
}
