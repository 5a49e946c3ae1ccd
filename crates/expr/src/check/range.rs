//! Whether the arithmetic of a condition provably stays in range.
//!
//! A database and this crate's evaluator agree on every result that fits; on one that does not
//! they would not. So a condition may only compute what cannot leave 64 bits (integers,
//! instants, durations), the range of decimals, or become "not a number" (floats).

use value::{Decimal, Duration, Timestamp, Type, Value};

use crate::ast::range;
use crate::ir::{Aggregate, Arith, Expr, Function, Node};
use crate::problem::Problem;

use super::arith::symbol;

const INT53_MAX: i128 = (1 << 53) - 1;
/// No text or list in a record is longer.
const SIZE_MAX: i128 = 1 << 31;
/// No list has more records.
const COUNT_MAX: i128 = 1 << 48;
/// Records a sum is thought to go over when it is computed with further. More of them, all with
/// the largest number, would be an error in the database as in memory.
const SUMMED_MAX: i128 = 1 << 30;

#[derive(Clone, Copy)]
enum Bounds {
    /// Least and greatest, in the unit the type is stored in.
    Whole(i128, i128),
    /// Whether it may have become infinite.
    Float {
        infinite: bool,
    },
    Other,
}

pub(super) fn check(expr: &Expr, problems: &mut Vec<Problem>) {
    bounds(expr, problems);
}

fn bounds(expr: &Expr, problems: &mut Vec<Problem>) -> Bounds {
    match &expr.node {
        Node::Const(value) => constant(value),
        Node::Arith(op, left, right) => {
            let a = bounds(left, problems);
            let b = bounds(right, problems);
            computed(*op, a, b, [left, right], expr, problems)
        }
        Node::Neg(inner) => match bounds(inner, problems) {
            Bounds::Whole(low, high) => fitting(-high, -low, expr, problems),
            other => other,
        },
        Node::If(condition, then, otherwise) => {
            bounds(condition, problems);
            match (bounds(then, problems), bounds(otherwise, problems)) {
                (Bounds::Whole(a, b), Bounds::Whole(x, y)) => Bounds::Whole(a.min(x), b.max(y)),
                (Bounds::Float { infinite: a }, Bounds::Float { infinite: b }) => {
                    Bounds::Float { infinite: a || b }
                }
                _ => Bounds::Other,
            }
        }
        node => {
            let mut body = Bounds::Other;
            expr.each_child(&mut |child| body = bounds(child, problems));
            match node {
                Node::Call(Function::Size, _) => Bounds::Whole(0, SIZE_MAX),
                Node::Aggregate {
                    kind: Aggregate::Count,
                    ..
                } => Bounds::Whole(0, COUNT_MAX),
                Node::Aggregate {
                    kind: Aggregate::Sum,
                    ..
                } => summed(body, expr, problems),
                Node::Aggregate {
                    kind: Aggregate::Avg,
                    ..
                } => Bounds::Float { infinite: true },
                Node::Aggregate { .. } => body,
                _ => of_type(&expr.ty),
            }
        }
    }
}

fn constant(value: &Value) -> Bounds {
    match value {
        Value::Int(number) => Bounds::Whole((*number).into(), (*number).into()),
        Value::Decimal(decimal) => {
            Bounds::Whole(decimal.millionths().into(), decimal.millionths().into())
        }
        Value::Timestamp(at) => Bounds::Whole(at.0.into(), at.0.into()),
        Value::Duration(long) => Bounds::Whole(long.0.into(), long.0.into()),
        Value::Float(_) => Bounds::Float { infinite: false },
        _ => Bounds::Other,
    }
}

fn of_type(ty: &Type) -> Bounds {
    match ty {
        Type::Int32 => Bounds::Whole(i32::MIN.into(), i32::MAX.into()),
        Type::Int53 => Bounds::Whole(-INT53_MAX, INT53_MAX),
        Type::Int64 => Bounds::Whole(i64::MIN.into(), i64::MAX.into()),
        Type::Decimal => Bounds::Whole(
            Decimal::MIN.millionths().into(),
            Decimal::MAX.millionths().into(),
        ),
        Type::Timestamp => Bounds::Whole(Timestamp::MIN.0.into(), Timestamp::MAX.0.into()),
        Type::Duration => Bounds::Whole(Duration::MIN.0.into(), Duration::MAX.0.into()),
        Type::Float => Bounds::Float { infinite: false },
        _ => Bounds::Other,
    }
}

fn summed(body: Bounds, expr: &Expr, problems: &mut Vec<Problem>) -> Bounds {
    match body {
        Bounds::Whole(low, high) if expr.ty == Type::Int64 => {
            // A sum of 64-bit numbers leaves 64 bits with two records.
            if low < -INT53_MAX || high > INT53_MAX {
                refuse(expr, "this sum could leave 64 bits", problems);
            }
            Bounds::Whole(
                low.saturating_mul(SUMMED_MAX),
                high.saturating_mul(SUMMED_MAX),
            )
        }
        Bounds::Whole(..) => of_type(&expr.ty),
        Bounds::Float { .. } => Bounds::Float { infinite: true },
        Bounds::Other => Bounds::Other,
    }
}

fn computed(
    op: Arith,
    a: Bounds,
    b: Bounds,
    sides: [&Expr; 2],
    expr: &Expr,
    problems: &mut Vec<Problem>,
) -> Bounds {
    match (a, b) {
        (Bounds::Whole(a0, a1), Bounds::Whole(b0, b1)) => {
            let all = |f: fn(i128, i128) -> i128| {
                let ends = [f(a0, b0), f(a0, b1), f(a1, b0), f(a1, b1)];
                ends.into_iter()
                    .fold((i128::MAX, i128::MIN), |(low, high), end| {
                        (low.min(end), high.max(end))
                    })
            };
            let (low, high) = match op {
                Arith::Add => (a0 + b0, a1 + b1),
                Arith::Sub => (a0 - b1, a1 - b0),
                Arith::Mul => all(i128::saturating_mul),
                // By a constant that is not zero; anything else has been refused.
                Arith::Div => all(|a, b| a.checked_div(b).unwrap_or(a)),
                Arith::Rem => {
                    let largest = b0.abs().max(b1.abs()) - 1;
                    (if a0 < 0 { -largest } else { 0 }, largest)
                }
            };
            fitting(low, high, expr, problems)
        }
        (Bounds::Float { infinite: a }, Bounds::Float { infinite: b }) => {
            let constant = |side: &Expr| match side.node {
                Node::Const(Value::Float(number)) => number != 0.0,
                _ => false,
            };
            let doubtful = match op {
                Arith::Add | Arith::Sub => a && b,
                Arith::Mul => (a && !constant(sides[1])) || (b && !constant(sides[0])),
                Arith::Div | Arith::Rem => !constant(sides[1]),
            };
            if doubtful {
                let message = format!("`{}` could give no number here", symbol(op));
                refuse(expr, &message, problems);
            }
            Bounds::Float { infinite: true }
        }
        _ => Bounds::Other,
    }
}

fn fitting(low: i128, high: i128, expr: &Expr, problems: &mut Vec<Problem>) -> Bounds {
    let (least, greatest, what) = match expr.ty {
        Type::Decimal => (
            Decimal::MIN.millionths().into(),
            Decimal::MAX.millionths().into(),
            "this could leave the range of decimals",
        ),
        _ => (i64::MIN.into(), i64::MAX.into(), "this could leave 64 bits"),
    };
    if low < least || high > greatest {
        refuse(expr, what, problems);
        // Told once is enough.
        return Bounds::Other;
    }
    Bounds::Whole(low, high)
}

fn refuse(expr: &Expr, message: &str, problems: &mut Vec<Problem>) {
    let help = match expr.ty {
        Type::Float => "compare the values themselves, or divide and multiply by constants",
        Type::Decimal => "compare the values themselves, without computing",
        _ => "compare the values themselves, or use `integer` fields, which have 32 bits",
    };
    problems
        .push(Problem::new("E0340", range(&expr.at), message, "not provably in range").help(help));
}
