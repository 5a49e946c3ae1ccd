//! What of an expression no database could answer (law 5).
//!
//! Access rules and `where` are filters: they are put into the statement itself. Parts that
//! ask no row are decided beforehand ([`crate::Condition`]), so those may use everything.

use crate::ast::range;
use crate::ir::{Expr, Function, Node};
use crate::problem::Problem;
use crate::specialise::asks_no_row;
use value::Type;

/// Why this condition cannot become SQL: each part that stands in the way.
pub fn not_sql(condition: &Expr) -> Vec<Problem> {
    find(condition, true)
}

/// Why this formula (the `value:` of a field) cannot become SQL. A formula is the same for every
/// caller, so nothing of it is decided beforehand.
pub fn not_sql_formula(formula: &Expr) -> Vec<Problem> {
    find(formula, false)
}

fn find(expr: &Expr, specialised: bool) -> Vec<Problem> {
    if specialised && expr.ty == Type::Bool && asks_no_row(expr, &mut vec![]) {
        return vec![];
    }
    if let Some((what, help)) = reason(expr) {
        let message = format!("{what} cannot be answered by the database");
        return vec![
            Problem::new(
                "E0350",
                range(&expr.at),
                message,
                "not possible in a filter",
            )
            .help(help),
        ];
    }
    match &expr.node {
        Node::Rule { rule, .. } => {
            // Places in the rule's body belong to another text.
            find(&rule.body, specialised)
                .into_iter()
                .map(|inside| Problem {
                    at: range(&expr.at),
                    label: format!("`{}` does: {}", rule.name, inside.message),
                    ..inside
                })
                .collect()
        }
        // A list of constants is fine where `in` looks into it.
        Node::In(element, list) if matches!(list.node, Node::List(_)) => find(element, specialised),
        Node::SignedIn if !specialised => vec![
            Problem::new(
                "E0350",
                range(&expr.at),
                "a computed field is the same for every caller",
                "depends on the caller",
            )
            .help("use it in `access` or in a rule instead"),
        ],
        _ => {
            let mut found = vec![];
            expr.each_child(&mut |child| {
                for problem in find(child, specialised) {
                    // What stands for an element is there as often as the element is spoken of.
                    if !found.contains(&problem) {
                        found.push(problem);
                    }
                }
            });
            found
        }
    }
}

fn reason(expr: &Expr) -> Option<(&'static str, &'static str)> {
    Some(match &expr.node {
        Node::Call(function, _) => match function {
            Function::Matches => (
                "a regular expression",
                "use `startsWith`, `endsWith`, `contains` or `==`; or give the field a `pattern`",
            ),
            Function::ToTimestamp => (
                "reading a text as a date-time",
                "make the field a `date-time`; constants are fine: `timestamp('2026-01-01T00:00:00Z')`",
            ),
            Function::ToText => ("making a text of a value", "compare the value itself"),
            Function::ToInt | Function::ToFloat => (
                "converting between kinds of numbers",
                "compare values of one kind",
            ),
            Function::MoneyTimes
            | Function::MoneyAdd
            | Function::MoneyNew
            | Function::MoneyMinor => ("computing with money", "compare `.amount` and `.currency`"),
            Function::Size
            | Function::Contains
            | Function::StartsWith
            | Function::EndsWith
            | Function::LowerAscii
            | Function::UpperAscii
            | Function::Fit
            | Function::ToDate => return None,
        },
        Node::ValueQuantifier { .. } => (
            "`exists`, `all` and `map` over a list of values",
            "ask for one value with `in`: `'a' in this.tags`; or make it a resource of its own",
        ),
        Node::Input(_) => ("`input`", "compare fields of the record"),
        Node::List(_) => ("a list made in an expression", "use it only after `in`"),
        _ => return None,
    })
}
