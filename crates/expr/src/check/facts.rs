//! What is known not to be null at a place (law 13).
//!
//! Learned from conditions that hold or do not hold on the way to the place: the parts of an
//! `&&` or `||` further left, the condition of a `?:`, the filter in front of a quantifier.

use value::{FieldId, Value};

use crate::ir::{Comparison, Expr, Node, Row, THIS};
use crate::walk::{same, through};

#[derive(Default)]
pub(super) struct Facts {
    known: Vec<Fact>,
}

#[derive(Clone)]
enum Fact {
    Field(Row, FieldId),
    Value(Box<Expr>),
}

impl Facts {
    pub(super) fn mark(&self) -> usize {
        self.known.len()
    }

    pub(super) fn forget(&mut self, mark: usize) {
        self.known.truncate(mark);
    }

    /// That `condition` turned out so.
    pub(super) fn learn(&mut self, condition: &Expr, truth: bool) {
        implied(condition, truth, &mut self.known);
    }

    pub(super) fn field(&self, row: &Row, field: FieldId) -> bool {
        self.known.iter().any(|fact| match fact {
            Fact::Field(known, id) => *id == field && known == row,
            Fact::Value(_) => false,
        })
    }

    pub(super) fn value(&self, expr: &Expr) -> bool {
        match &expr.node {
            Node::Field { row, field } => self.field(row, *field),
            _ => self.known.iter().any(|fact| match fact {
                Fact::Field(..) => false,
                Fact::Value(known) => same(known, expr),
            }),
        }
    }
}

fn implied(expr: &Expr, truth: bool, out: &mut Vec<Fact>) {
    // A part that reads the caller may be false only because its claim is missing (law 2),
    // which says nothing about rows.
    let decided = truth || !reads_caller(expr);
    match &expr.node {
        Node::Compare(Comparison::NotEqual, left, right) if decided => {
            equal(left, right, !truth, out);
        }
        Node::Compare(Comparison::Equal, left, right) if decided => equal(left, right, truth, out),
        Node::Not(inner) if decided => implied(inner, !truth, out),
        Node::And(parts) if truth => parts.iter().for_each(|part| implied(part, true, out)),
        Node::Or(parts) if !truth => parts.iter().for_each(|part| implied(part, false, out)),
        Node::And(parts) | Node::Or(parts) => in_all(parts, truth, out),
        Node::Rule { rule, row } => {
            let mut inner = vec![];
            implied(&rule.body, truth, &mut inner);
            let Some(row) = row else { return };
            out.extend(inner.into_iter().filter_map(|fact| match fact {
                Fact::Field(of, field) if of.var == THIS => {
                    Some(Fact::Field(through(row, &of.hops), field))
                }
                _ => None,
            }));
        }
        _ => {}
    }
}

fn equal(left: &Expr, right: &Expr, truth: bool, out: &mut Vec<Fact>) {
    let null = |expr: &Expr| matches!(expr.node, Node::Const(Value::Null));
    // `x == null` is false, or `x == 'a'` is true.
    if (!truth && null(right)) || (truth && left.nullable && !right.nullable) {
        out.push(fact(left));
    }
    if (!truth && null(left)) || (truth && right.nullable && !left.nullable) {
        out.push(fact(right));
    }
}

fn fact(expr: &Expr) -> Fact {
    match &expr.node {
        Node::Field { row, field } => Fact::Field(row.clone(), *field),
        _ => Fact::Value(Box::new(expr.clone())),
    }
}

/// One of several parts turned out so, unknown which.
fn in_all(parts: &[Expr], truth: bool, out: &mut Vec<Fact>) {
    let mut common: Option<Vec<Fact>> = None;
    for part in parts {
        let mut here = vec![];
        implied(part, truth, &mut here);
        common = Some(match common {
            None => here,
            Some(common) => common
                .into_iter()
                .filter(|fact| here.iter().any(|other| alike(fact, other)))
                .collect(),
        });
        if common.as_ref().is_some_and(Vec::is_empty) {
            return;
        }
    }
    out.extend(common.unwrap_or_default());
}

fn alike(a: &Fact, b: &Fact) -> bool {
    match (a, b) {
        (Fact::Field(a, x), Fact::Field(b, y)) => x == y && a == b,
        (Fact::Value(a), Fact::Value(b)) => same(a, b),
        _ => false,
    }
}

fn reads_caller(expr: &Expr) -> bool {
    match &expr.node {
        Node::Caller(_) => true,
        Node::Rule { rule, .. } => reads_caller(&rule.body),
        _ => {
            let mut reads = false;
            expr.each_child(&mut |child| reads = reads || reads_caller(child));
            reads
        }
    }
}
