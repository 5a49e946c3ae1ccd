//! Which selects are short by construction.
//!
//! Short means: whatever is stored, the statement looks at about as many rows as it returns. A
//! single record, records by their ids, and a page that is one stretch of one index. A
//! condition that an index does not answer may refuse row after row, so it makes a list long.

use expr::Expr;
use expr::ir::{Comparison, ID, Node, THIS};
use model::{FieldKind, Model, Resource};
use value::{FieldId, Value};

use super::{Direction, Operator, Select};
use crate::layout;

pub(super) fn is_short(model: &Model, shape: &Select) -> bool {
    if shape.is_one() || shape.ids.is_some() {
        return true;
    }
    if shape.count || !shape.limit || shape.words > 0 || shape.matching.is_some() {
        return false;
    }
    let resource = model.resource(shape.resource);
    let mut equal: Vec<FieldId> = Vec::new();
    let mut ranged: Option<FieldId> = None;
    equal.extend(shape.parent);
    equal.extend(shape.parents.map(|(field, _)| field));
    for filter in &shape.filters {
        if filter.via.is_some() {
            return false;
        }
        match filter.operator {
            Operator::Eq | Operator::IsNull(true) => equal.push(filter.field),
            Operator::Lt | Operator::Lte | Operator::Gt | Operator::Gte | Operator::StartsWith => {
                if ranged.is_some_and(|known| known != filter.field) {
                    return false;
                }
                ranged = Some(filter.field);
            }
            _ => return false,
        }
    }
    for condition in &shape.restrict {
        if !conjuncts(condition, &mut equal) {
            return false;
        }
    }
    let keys = shape.sort_keys(model);
    // A cursor in keys of both directions is no single stretch.
    let direction = keys
        .first()
        .map_or(Direction::Ascending, |(_, direction)| *direction);
    if keys.iter().any(|(_, known)| *known != direction) {
        return false;
    }
    let order: Vec<FieldId> = keys.iter().map(|(field, _)| *field).collect();
    if ranged.is_some_and(|field| order.first() != Some(&field)) {
        return false;
    }
    serves(resource, &equal, &order)
}

/// Collects the fields that a condition compares with one value; false if there is more to it.
fn conjuncts(condition: &Expr, equal: &mut Vec<FieldId>) -> bool {
    match &condition.node {
        Node::Const(Value::Bool(true)) => true,
        Node::And(all) => all.iter().all(|part| conjuncts(part, equal)),
        Node::Rule {
            rule,
            row: Some(row),
        } if row.var == THIS && row.hops.is_empty() => conjuncts(&rule.body, equal),
        Node::Compare(Comparison::Equal, a, b) => {
            let field = |expr: &Expr| match &expr.node {
                Node::Field { row, field } if row.var == THIS && row.hops.is_empty() => {
                    Some(*field)
                }
                _ => None,
            };
            let fixed = |expr: &Expr| {
                matches!(&expr.node, Node::Caller(_) | Node::Now)
                    || matches!(&expr.node, Node::Const(value) if !value.is_null())
            };
            let found = field(a)
                .filter(|_| fixed(b))
                .or_else(|| field(b).filter(|_| fixed(a)));
            equal.extend(found);
            found.is_some()
        }
        _ => false,
    }
}

/// Whether an index holds the rows with these fields equal in this order, in one stretch.
fn serves(resource: &Resource, equal: &[FieldId], order: &[FieldId]) -> bool {
    let is_equal = |field: &FieldId| equal.contains(field);
    let one_row = |fields: &[FieldId]| fields.iter().all(is_equal);
    if is_equal(&ID) {
        return true;
    }
    // What is equal in all rows orders nothing.
    let order: Vec<FieldId> = order
        .iter()
        .copied()
        .filter(|field| !is_equal(field))
        .collect();
    let primary = [vec![ID]];
    let plain = layout::indexes(resource).into_iter().map(|index| {
        let mut fields = index.fields;
        if index.unique {
            let null = |field: &FieldId| resource.field(*field).shape.nullable;
            // Two nulls are no duplicates.
            if one_row(&fields) && !fields.iter().any(null) {
                return (true, fields);
            }
            // A unique index does not go on with the id.
            return (false, fields);
        }
        if !fields.contains(&ID) {
            fields.push(ID);
        }
        (false, fields)
    });
    primary
        .into_iter()
        .map(|fields| (false, fields))
        .chain(plain)
        .any(|(one_row, fields)| {
            let led = fields.iter().take_while(|field| is_equal(field)).count();
            let all_equal = equal.iter().all(|field| fields[..led].contains(field));
            one_row
                || (all_equal && fields[led..].starts_with(&order))
                || (all_equal && covers(resource, &fields[led..], &order))
        })
}

/// The rest of a unique index without nulls orders completely; the id after it orders nothing.
fn covers(resource: &Resource, rest: &[FieldId], order: &[FieldId]) -> bool {
    let Some((last, before)) = order.split_last() else {
        return true;
    };
    let not_null = |field: &FieldId| {
        let field = resource.field(*field);
        !field.shape.nullable && !matches!(field.kind, FieldKind::Computed(_))
    };
    *last == ID
        && !rest.is_empty()
        && rest == before
        && rest.iter().all(not_null)
        && !rest.contains(&ID)
}
