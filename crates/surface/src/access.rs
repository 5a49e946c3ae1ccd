//! Who may do what, as far as it can be said without asking anybody.

use expr::ir::Node;
use expr::{Condition, Expr, Guest};
use model::{Action, Audience, Field, Model, Resource, Rule};
use value::Timestamp;

/// What an access rule means for somebody without a credential.
#[derive(Clone, Copy)]
pub enum Opening<'m> {
    /// Everybody, whatever the record.
    Everybody,
    /// Guests too, as far as the rule holds for the record.
    Some(&'m Rule),
    /// Callers with a credential only.
    Callers(&'m Rule),
}

impl<'m> Opening<'m> {
    /// `None` when nobody but the operator may.
    pub fn of(rule: Option<&'m Rule>) -> Option<Opening<'m>> {
        let rule = rule?;
        let condition = Condition::new((*rule.condition).clone());
        let for_guests = condition.specialise_for(&Guest, Timestamp(0));
        Some(match for_guests.as_const_bool() {
            // A rule that looks at the clock may be true now and false tomorrow.
            Some(true) if !reads_now(condition.expr()) => Opening::Everybody,
            Some(false) if condition.constant() == Some(false) => return None,
            Some(false) if !reads_now(condition.expr()) => Opening::Callers(rule),
            _ => Opening::Some(rule),
        })
    }

    pub fn is_everybody(self) -> bool {
        matches!(self, Opening::Everybody)
    }

    /// Whether a request without a credential can succeed.
    pub fn takes_guests(self) -> bool {
        !matches!(self, Opening::Callers(_))
    }
}

fn reads_now(expr: &Expr) -> bool {
    match &expr.node {
        Node::Now => true,
        Node::Rule { rule, .. } => reads_now(&rule.body),
        _ => {
            let mut found = false;
            expr.each_child(&mut |part| found = found || reads_now(part));
            found
        }
    }
}

/// The opening of an action; `None` when it is not offered.
pub fn of(resource: &Resource, action: Action) -> Option<Opening<'_>> {
    Opening::of(resource.access.rule(action))
}

/// The resources an audience is told about.
pub fn resources(model: &Model, audience: Audience) -> impl Iterator<Item = &Resource> {
    model
        .resources
        .iter()
        .filter(move |resource| resource.audience <= audience)
}

/// The fields of a resource an audience is told about.
pub fn fields(resource: &Resource, audience: Audience) -> impl Iterator<Item = &Field> {
    resource
        .fields
        .iter()
        .filter(move |field| field.audience <= audience)
}

/// A way from one resource to another that `include` can go.
pub struct Way<'m> {
    pub name: &'m str,
    pub target: &'m Resource,
    /// Leads to a list rather than to one record or none.
    pub many: bool,
}

/// The relations and lists of a resource whose records an audience may read.
pub fn ways<'m>(
    model: &'m Model,
    resource: &'m Resource,
    audience: Audience,
) -> impl Iterator<Item = Way<'m>> {
    let one = fields(resource, audience).filter_map(|field| {
        let (name, target) = field.relation()?;
        Some(Way {
            name,
            target: model.resource(target),
            many: false,
        })
    });
    let many = resource.lists.iter().map(|list| Way {
        name: &list.name,
        target: model.resource(list.resource),
        many: true,
    });
    one.chain(many).filter(move |way| {
        let action = if way.many { Action::List } else { Action::Get };
        way.target.audience <= audience && of(way.target, action).is_some()
    })
}
