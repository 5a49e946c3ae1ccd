//! Whether the arithmetic of a condition provably stays in range.
//!
//! A database and this crate's evaluator agree on every result that fits; on one that does not
//! they would not. So a condition may only compute what cannot leave 64 bits (integers,
//! instants, durations), the range of decimals, or become infinite (floats). What fields are
//! declared to hold (`minimum`, `maximum`) counts. Sums are the exception, as no contract says
//! how many records there will be: one that may leave its range may be null, and is null then.

use value::{Decimal, Duration, Timestamp, Type, Value};

use crate::ast::range;
use crate::ir::{Aggregate, Arith, Expr, Function, Node};
use crate::problem::Problem;
use crate::schema::Schema;

use super::arith::symbol;

const INT53_MAX: i128 = (1 << 53) - 1;
/// No text or list in a record is longer.
const SIZE_MAX: i128 = 1 << 31;
/// No list is taken to have more records: whoever counts them gets an `integer`.
const COUNT_MAX: i128 = (1 << 31) - 1;
/// Milliseconds that every database can go from the epoch, backwards and forwards, on the way
/// to a comparison: PostgreSQL knows moments from 4713 BC on, and intervals of 178,000,000 years.
const BACKWARDS_MAX: i128 = -210_000_000_000_000;
const FORWARDS_MAX: i128 = 9_000_000_000_000_000;

#[derive(Clone, Copy)]
enum Bounds {
    /// Least and greatest, in the unit the type is stored in.
    Whole(i128, i128),
    /// Least and greatest; both finite.
    Float(f64, f64),
    Other,
}

/// Reports what could leave its range.
pub(super) fn check(expr: &Expr, schema: &dyn Schema, problems: &mut Vec<Problem>) {
    Ranges { schema, problems }.bounds(expr);
}

/// Whether whatever the expression gives is a value of `ty`.
pub(super) fn fits(expr: &Expr, ty: &Type, schema: &dyn Schema) -> bool {
    // What is wrong inside is reported with the whole.
    let problems = &mut Vec::new();
    match (Ranges { schema, problems }.bounds(expr), of_type(ty)) {
        (Bounds::Whole(low, high), Bounds::Whole(least, greatest)) => {
            low >= least && high <= greatest
        }
        _ => true,
    }
}

/// Whether a sum over `body` is a value of its type, however many records there are.
pub(super) fn sum_fits(body: &Expr, schema: &dyn Schema) -> bool {
    let problems = &mut Vec::new();
    match (Ranges { schema, problems }.bounds(body), &body.ty) {
        (Bounds::Whole(low, high), ty) => {
            let (least, greatest, _) = ends(if *ty == Type::Decimal {
                ty
            } else {
                &Type::Int64
            });
            low.saturating_mul(COUNT_MAX) >= least && high.saturating_mul(COUNT_MAX) <= greatest
        }
        (Bounds::Float(low, high), _) => {
            low >= -crate::eval::FLOAT_SUMMED_MAX && high <= crate::eval::FLOAT_SUMMED_MAX
        }
        (Bounds::Other, _) => true,
    }
}

struct Ranges<'s> {
    schema: &'s dyn Schema,
    problems: &'s mut Vec<Problem>,
}

impl Ranges<'_> {
    fn bounds(&mut self, expr: &Expr) -> Bounds {
        match &expr.node {
            Node::Const(value) => constant(value),
            Node::Arith(op, left, right) => {
                let a = self.bounds(left);
                let b = self.bounds(right);
                self.computed(*op, a, b, expr)
            }
            Node::Neg(inner) => match self.bounds(inner) {
                Bounds::Whole(low, high) => self.fitting(-high, -low, expr),
                Bounds::Float(low, high) => Bounds::Float(-high, -low),
                Bounds::Other => Bounds::Other,
            },
            Node::If(condition, then, otherwise) => {
                self.bounds(condition);
                match (self.bounds(then), self.bounds(otherwise)) {
                    (Bounds::Whole(a, b), Bounds::Whole(x, y)) => Bounds::Whole(a.min(x), b.max(y)),
                    (Bounds::Float(a, b), Bounds::Float(x, y)) => Bounds::Float(a.min(x), b.max(y)),
                    // The other one is null.
                    (known, Bounds::Other) | (Bounds::Other, known) => known,
                    _ => of_type(&expr.ty),
                }
            }
            Node::Field { row, field } => {
                let (least, greatest) = self.schema.limits(row.target(), *field);
                within(of_type(&expr.ty), least.as_ref(), greatest.as_ref())
            }
            node => {
                let mut body = Bounds::Other;
                expr.each_child(&mut |child| body = self.bounds(child));
                match node {
                    Node::Call(Function::Size, _) => Bounds::Whole(0, SIZE_MAX),
                    Node::Call(Function::Fit, _) => match (body, of_type(&expr.ty)) {
                        (Bounds::Whole(low, high), Bounds::Whole(least, greatest)) => {
                            Bounds::Whole(low.max(least), high.min(greatest))
                        }
                        (_, whole) => whole,
                    },
                    Node::Aggregate { kind, .. } => summed_up(*kind, body, expr),
                    _ => of_type(&expr.ty),
                }
            }
        }
    }

    fn computed(&mut self, op: Arith, a: Bounds, b: Bounds, expr: &Expr) -> Bounds {
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
                self.fitting(low, high, expr)
            }
            (Bounds::Float(a0, a1), Bounds::Float(b0, b1)) => {
                let ends = match op {
                    Arith::Add => [a0 + b0, a1 + b1, a0 + b0, a1 + b1],
                    Arith::Sub => [a0 - b1, a1 - b0, a0 - b1, a1 - b0],
                    Arith::Mul => [a0 * b0, a0 * b1, a1 * b0, a1 * b1],
                    // As for whole numbers, by one constant.
                    Arith::Div | Arith::Rem => [a0 / b0, a0 / b1, a1 / b0, a1 / b1],
                };
                if ends.iter().any(|end| !end.is_finite()) {
                    let message = format!("`{}` could leave the range of numbers", symbol(op));
                    self.refuse(expr, &message);
                    return Bounds::Other;
                }
                let [first, ..] = ends;
                let (low, high) = ends.iter().fold((first, first), |(low, high), end| {
                    (low.min(*end), high.max(*end))
                });
                Bounds::Float(low, high)
            }
            _ => Bounds::Other,
        }
    }

    fn fitting(&mut self, low: i128, high: i128, expr: &Expr) -> Bounds {
        let (least, greatest, what) = ends(&expr.ty);
        if low < least || high > greatest {
            self.refuse(expr, what);
            // Told once is enough.
            return Bounds::Other;
        }
        Bounds::Whole(low, high)
    }

    fn refuse(&mut self, expr: &Expr, message: &str) {
        let help = match expr.ty {
            Type::Float | Type::Decimal => {
                "give the fields it is computed from a `minimum` and a `maximum`, or compare the values themselves"
            }
            Type::Timestamp | Type::Duration => "compare the values themselves",
            _ => {
                "give the fields a `minimum` and a `maximum`, use `integer` fields, which have 32 bits, or compare the values themselves"
            }
        };
        let problem =
            Problem::new("E0340", range(&expr.at), message, "not provably in range").help(help);
        // What stands for an element is there as often as the element is spoken of.
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }
}

/// What a result may be on the way, and what is said of one that may be more.
fn ends(ty: &Type) -> (i128, i128, &'static str) {
    match ty {
        Type::Decimal => (
            Decimal::MIN.millionths().into(),
            Decimal::MAX.millionths().into(),
            "this could leave the range of decimals",
        ),
        Type::Timestamp => (
            BACKWARDS_MAX,
            FORWARDS_MAX,
            "this could leave the moments that every database knows",
        ),
        Type::Duration => (
            -FORWARDS_MAX,
            FORWARDS_MAX,
            "this could be longer than every database can compute with",
        ),
        _ => (i64::MIN.into(), i64::MAX.into(), "this could leave 64 bits"),
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
        Value::Float(number) if number.is_finite() => Bounds::Float(*number, *number),
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
        Type::Float => Bounds::Float(f64::MIN, f64::MAX),
        _ => Bounds::Other,
    }
}

/// What is left of `bounds` between the least and the greatest value a field may have. An
/// exclusive bound counts as one that is included: it is a little wider, and still right.
fn within(bounds: Bounds, least: Option<&Value>, greatest: Option<&Value>) -> Bounds {
    let end = |value: Option<&Value>| value.map_or(Bounds::Other, constant);
    match (bounds, end(least), end(greatest)) {
        (Bounds::Whole(low, high), least, greatest) => {
            let low = match least {
                Bounds::Whole(least, _) => low.max(least),
                _ => low,
            };
            let high = match greatest {
                Bounds::Whole(greatest, _) => high.min(greatest),
                _ => high,
            };
            Bounds::Whole(low, high)
        }
        (Bounds::Float(low, high), least, greatest) => {
            let low = match least {
                Bounds::Float(least, _) => low.max(least),
                _ => low,
            };
            let high = match greatest {
                Bounds::Float(greatest, _) => high.min(greatest),
                _ => high,
            };
            Bounds::Float(low, high)
        }
        (Bounds::Other, ..) => Bounds::Other,
    }
}

/// Of an aggregate over what has these bounds. What does not fit is null, so what is there fits.
fn summed_up(kind: Aggregate, body: Bounds, expr: &Expr) -> Bounds {
    match (kind, body) {
        (Aggregate::Count, _) => Bounds::Whole(0, COUNT_MAX),
        (Aggregate::Sum, Bounds::Whole(low, high)) => {
            let ty = match expr.ty {
                Type::Decimal => Type::Decimal,
                _ => Type::Int64,
            };
            let (least, greatest, _) = ends(&ty);
            let all = COUNT_MAX;
            // None at all makes zero.
            Bounds::Whole(
                low.min(0).saturating_mul(all).max(least),
                high.max(0).saturating_mul(all).min(greatest),
            )
        }
        // As little as the last digit more than its parts: no use to compute with bounds.
        (Aggregate::Sum | Aggregate::Avg, _) => of_type(&Type::Float),
        (Aggregate::Min | Aggregate::Max, body) => body,
    }
}
