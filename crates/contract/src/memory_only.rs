//! Which parts of an expression only the server itself can compute, because they have no SQL
//! that means the same in every database.

use std::ops::Range;

use expr::Expr;
use expr::ir::{Aggregate, Arith, Comparison, Function, Node};
use value::Type;

/// A part that has no SQL.
pub struct MemoryOnly {
    /// Bytes of the expression's own text; of a rule it uses, the place where it uses it.
    pub at: Range<u32>,
    /// `` `matches` ``, for messages.
    pub what: String,
}

/// The first part of the expression, or of a rule it uses, that has no SQL. The depth of
/// expressions, rules included, is bounded by the checker.
pub fn memory_only(expr: &Expr) -> Option<MemoryOnly> {
    if let Some(what) = node(expr) {
        return Some(MemoryOnly {
            at: expr.at.clone(),
            what: what.to_owned(),
        });
    }
    if let Node::Rule { rule, .. } = &expr.node
        && let Some(inside) = memory_only(&rule.body)
    {
        return Some(MemoryOnly {
            at: expr.at.clone(),
            what: format!("the rule `{}`, which uses {},", rule.name, inside.what),
        });
    }
    let mut found = None;
    expr.each_child(&mut |child| {
        if found.is_none() {
            found = memory_only(child);
        }
    });
    found
}

fn node(expr: &Expr) -> Option<&'static str> {
    let what = match &expr.node {
        Node::ValueQuantifier { .. } | Node::Element(_) => "`exists` or `all` over a list value",
        Node::Input(_) => "`input`",
        Node::Call(function, _) => match function {
            Function::Matches => "`matches`",
            Function::ToTimestamp => "`timestamp` of a text that is not fixed",
            Function::ToText => "`string`",
            Function::ToInt => "`int`",
            Function::ToFloat => "`double`",
            Function::MoneyTimes
            | Function::MoneyAdd
            | Function::MoneyNew
            | Function::MoneyMinor => "arithmetic with money",
            _ => return None,
        },
        Node::Compare(comparison, a, b)
            if !matches!(comparison, Comparison::Equal | Comparison::NotEqual)
                && (a.ty == Type::Money || b.ty == Type::Money) =>
        {
            "an order of money"
        }
        Node::In(element, _) if element.ty == Type::Money => "`in` for money",
        Node::Arith(Arith::Mul | Arith::Div, a, b)
            if a.ty == Type::Decimal && b.ty == Type::Decimal =>
        {
            "a product or quotient of decimals"
        }
        Node::Arith(Arith::Div, a, b) if a.ty == Type::Decimal || b.ty == Type::Decimal => {
            "a product or quotient of decimals"
        }
        Node::Aggregate {
            kind: Aggregate::Sum | Aggregate::Avg | Aggregate::Min | Aggregate::Max,
            body: Some(body),
            ..
        } if body.ty == Type::Money => "an aggregate of money",
        Node::List(items) if !items.iter().all(|item| matches!(item.node, Node::Const(_))) => {
            // `x in [this.a, this.b]` is written out; a bare list is not.
            return None;
        }
        _ => return None,
    };
    Some(what)
}
