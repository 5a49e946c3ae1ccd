//! What an expression speaks of, found by walking over it.

use expr::Expr;
use expr::ir::{Node, Row, Var};

/// Calls `found` for every row that the expression names and does not itself bind.
pub(super) fn rows(expr: &Expr, found: &mut dyn FnMut(&Row)) {
    walk(expr, &mut Vec::new(), &mut |expr, bound| {
        let row = match &expr.node {
            Node::Field { row, .. } | Node::Rule { row: Some(row), .. } => row,
            Node::Quantifier { list, .. } | Node::Aggregate { list, .. } => &list.of,
            _ => return,
        };
        if !bound.contains(&row.var) {
            found(row);
        }
    });
}

/// Whether the expression names the variable.
pub(crate) fn names(expr: &Expr, var: Var) -> bool {
    let mut named = false;
    rows(expr, &mut |row| named |= row.var == var);
    named
}

/// Whether the expression itself (not the rules it asks) reads something of the caller.
pub(super) fn asks_caller(expr: &Expr) -> bool {
    let mut asks = false;
    walk(expr, &mut Vec::new(), &mut |expr, _| {
        asks |= matches!(expr.node, Node::Caller(_) | Node::SignedIn);
    });
    asks
}

/// Visits the expression and all that is in it, bodies of rules excepted, with the variables
/// that are bound there.
fn walk(expr: &Expr, bound: &mut Vec<Var>, visit: &mut dyn FnMut(&Expr, &[Var])) {
    visit(expr, bound);
    match &expr.node {
        Node::Const(_)
        | Node::Caller(_)
        | Node::SignedIn
        | Node::Now
        | Node::Input(_)
        | Node::Field { .. }
        | Node::Rule { .. }
        | Node::Element(_) => {}
        Node::Member(one, _) | Node::Not(one) | Node::Neg(one) => walk(one, bound, visit),
        Node::And(all) | Node::Or(all) | Node::List(all) | Node::Call(_, all) => {
            all.iter().for_each(|one| walk(one, bound, visit));
        }
        Node::If(a, b, c) => {
            walk(a, bound, visit);
            walk(b, bound, visit);
            walk(c, bound, visit);
        }
        Node::Compare(_, a, b) | Node::In(a, b) | Node::Arith(_, a, b) => {
            walk(a, bound, visit);
            walk(b, bound, visit);
        }
        Node::Quantifier { list, body, .. } => {
            bound.push(list.var);
            list.filter
                .iter()
                .for_each(|filter| walk(filter, bound, visit));
            walk(body, bound, visit);
            bound.pop();
        }
        Node::Aggregate { list, body, .. } => {
            bound.push(list.var);
            list.filter
                .iter()
                .for_each(|filter| walk(filter, bound, visit));
            body.iter().for_each(|body| walk(body, bound, visit));
            bound.pop();
        }
        Node::ValueQuantifier { list, body, .. } => {
            walk(list, bound, visit);
            walk(body, bound, visit);
        }
    }
}
