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
    let outside = bound.len();
    if let Node::Quantifier { list, .. } | Node::Aggregate { list, .. } = &expr.node {
        bound.push(list.var);
    }
    expr.each_child(&mut |child| walk(child, bound, visit));
    bound.truncate(outside);
}
