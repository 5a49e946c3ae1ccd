//! `+ - * / %` and the unary minus: which types they take. Whether results stay in range is
//! asked of the finished rule, in `range`.

use value::{Type, Value};

use crate::ast::{Ast, Binary};
use crate::ir::{Arith, Expr, Node};
use crate::problem::Problem;

use super::adapt::{Unfit, is_int, length_in_text};
use super::{Checked, Checker, Mode};

impl<'a> Checker<'a> {
    pub(super) fn arithmetic(
        &mut self,
        op: Binary,
        left: &'a Ast,
        right: &'a Ast,
        ast: &'a Ast,
    ) -> Checked {
        let a = self.value(left);
        let b = self.value(right);
        let a = a.and_then(|a| self.not_null(a, left));
        let b = b.and_then(|b| self.not_null(b, right));
        let (a, b) = (a?, b?);
        let op = match op {
            Binary::Add => Arith::Add,
            Binary::Sub => Arith::Sub,
            Binary::Mul => Arith::Mul,
            Binary::Div => Arith::Div,
            _ => Arith::Rem,
        };
        if self.is_claim(&a) && self.is_claim(&b) {
            self.report(
                Problem::new(
                    "E0323",
                    ast.range(),
                    "it is unclear which type these two claims have",
                    "two claims",
                )
                .help("compute with one claim and something whose type is known"),
            );
            return None;
        }
        let (a, b) = self.operands(op, a, b, left, right)?;
        let Some(ty) = result(op, &a.ty, &b.ty) else {
            self.no_arithmetic(op, &a, &b, [left, right], ast);
            return None;
        };
        if matches!(op, Arith::Div | Arith::Rem) && !self.good_divisor(&b, right) {
            return None;
        }
        self.make(Node::Arith(op, a, b), ty, false, ast)
    }

    /// Literals and claims become what the other side needs.
    fn operands(
        &mut self,
        op: Arith,
        a: Box<Expr>,
        b: Box<Expr>,
        left: &Ast,
        right: &Ast,
    ) -> Checked<(Box<Expr>, Box<Expr>)> {
        let int_const = |expr: &Expr| matches!(expr.node, Node::Const(Value::Int(_)));
        // `amount * 3` counts; it does not multiply decimals.
        let counts = op == Arith::Mul
            && ((a.ty == Type::Decimal && int_const(&b))
                || (b.ty == Type::Decimal && int_const(&a)));
        if counts || (!self.is_open(&a) && !self.is_open(&b)) {
            return Some((a, b));
        }
        // A text beside an instant can only be a duration someone forgot to name.
        for (open, other, ast) in [(&a, &b, left), (&b, &a, right)] {
            if let (Node::Const(Value::Text(_)), Type::Timestamp | Type::Duration) =
                (&open.node, &other.ty)
            {
                let text = self.text(ast);
                self.report(
                    Problem::new(
                        "E0321",
                        ast.range(),
                        "a text cannot be added to an instant",
                        "text",
                    )
                    .help(format!("write `duration({text})`")),
                );
                return None;
            }
        }
        // No claim is a duration; with one it can only be an instant.
        match (
            self.is_claim(&a) && b.ty == Type::Duration,
            self.is_claim(&b) && a.ty == Type::Duration,
        ) {
            (true, _) => return Some((self.adapt(a, &Type::Timestamp).ok()?, b)),
            (_, true) => return Some((a, self.adapt(b, &Type::Timestamp).ok()?)),
            _ => {}
        }
        match self.meet(a, b) {
            Ok(pair) => Some(pair),
            Err(pair) => pair,
        }
    }

    fn no_arithmetic(&mut self, op: Arith, a: &Expr, b: &Expr, sides: [&Ast; 2], ast: &Ast) {
        let [left, right] = sides.map(|side| self.text(side));
        let symbol = symbol(op);
        let help = match (&a.ty, &b.ty) {
            (Type::Money, Type::Money) if op == Arith::Add => {
                Some(format!("write `{left}.add({right})`"))
            }
            // What a database is to compute keeps to the amount.
            (Type::Money, other) if op == Arith::Mul && is_int(other) => {
                Some(match self.scope.mode {
                    Mode::Formula => format!("write `{left}.times({right})`"),
                    Mode::Rule => format!("write `{left}.amount * {right}`"),
                })
            }
            (other, Type::Money) if op == Arith::Mul && is_int(other) => {
                Some(match self.scope.mode {
                    Mode::Formula => format!("write `{right}.times({left})`"),
                    Mode::Rule => format!("write `{right}.amount * {left}`"),
                })
            }
            (Type::Timestamp | Type::Duration, Type::Text) => Some(length_in_text(right)),
            (Type::Date, _) | (_, Type::Date) => Some(
                "days cannot be computed with; use date-times and `duration('24h')`".to_owned(),
            ),
            (Type::Decimal, _) if matches!(op, Arith::Div | Arith::Mul) => Some(
                "decimals are exact: they can be added, subtracted and multiplied by integers"
                    .to_owned(),
            ),
            (Type::Timestamp, other) if is_int(other) => {
                Some(format!("write `{left} {symbol} duration('10m')`"))
            }
            (a, Type::Float) if is_int(a) => Some(format!("write `double({left})`")),
            (Type::Float, b) if is_int(b) && op != Arith::Rem => {
                Some(format!("write `double({right})`"))
            }
            (Type::Text, _) if op == Arith::Add => {
                Some(format!("write `{left} + string({right})`"))
            }
            (_, Type::Text) if op == Arith::Add => {
                Some(format!("write `string({left}) + {right}`"))
            }
            _ => None,
        };
        let mut problem = Problem::new(
            "E0321",
            ast.range(),
            format!(
                "`{symbol}` does not work on {} and {}",
                a.ty.name(),
                b.ty.name()
            ),
            format!(
                "`{left}` is {}, `{right}` is {}",
                a.ty.describe(),
                b.ty.describe()
            ),
        );
        problem = problem.help(help.unwrap_or_else(|| {
            match op {
                Arith::Add => {
                    "`+` adds numbers of one type, joins texts, and adds `duration('10m')` to an instant"
                }
                Arith::Sub => {
                    "`-` takes numbers of one type, or an instant and `duration('10m')`"
                }
                Arith::Mul | Arith::Div => "both sides must be numbers of one type",
                Arith::Rem => "both sides must be whole numbers",
            }
            .to_owned()
        }));
        self.report(problem);
    }

    fn good_divisor(&mut self, divisor: &Expr, ast: &Ast) -> bool {
        let zero = match &divisor.node {
            Node::Const(Value::Int(number)) => *number == 0,
            Node::Const(Value::Float(number)) => *number == 0.0,
            _ if self.scope.mode == Mode::Formula => false,
            _ => {
                self.report(
                    Problem::new(
                        "E0341",
                        ast.range(),
                        "a condition divides only by a constant that is not zero",
                        "could be zero",
                    )
                    .help("multiply the other side instead, or write a number"),
                );
                return false;
            }
        };
        if zero {
            self.report(
                Problem::new(
                    "E0341",
                    ast.range(),
                    "nothing can be divided by zero",
                    "zero",
                )
                .help("write another number, or leave the division out"),
            );
        }
        !zero
    }

    pub(super) fn negate(&mut self, inner: &'a Ast, ast: &'a Ast) -> Checked {
        let expr = self.value(inner)?;
        let expr = self.not_null(expr, inner)?;
        let folded = match &expr.node {
            Node::Const(Value::Duration(duration)) => {
                Some(Value::Duration(value::Duration(-duration.0)))
            }
            Node::Const(Value::Int(number)) => number.checked_neg().map(Value::Int),
            Node::Const(Value::Float(number)) => Some(Value::Float(-number)),
            _ => None,
        };
        let ty = expr.ty.clone();
        if let Some(folded) = folded {
            return self.make(Node::Const(folded), ty, false, ast);
        }
        let expr = match &expr.node {
            Node::Caller(_) if self.is_claim(&expr) => match self.adapt(expr, &Type::Int64) {
                Ok(expr) => expr,
                Err(Unfit::Said | Unfit::Type(_)) => return None,
            },
            _ => expr,
        };
        let ty = match &expr.ty {
            ty if is_int(ty) => Type::Int64,
            ty @ (Type::Float | Type::Decimal | Type::Duration) => ty.clone(),
            ty => {
                let message = format!("{} cannot be negated", ty.name());
                let label = format!("this is {}", ty.describe());
                let help = match ty {
                    Type::Bool => "write `!` instead of `-`",
                    _ => "leave the `-` out: it belongs to numbers and durations",
                };
                self.report(Problem::new("E0321", inner.range(), message, label).help(help));
                return None;
            }
        };
        self.make(Node::Neg(expr), ty, false, ast)
    }
}

pub(super) fn symbol(op: Arith) -> &'static str {
    match op {
        Arith::Add => "+",
        Arith::Sub => "-",
        Arith::Mul => "*",
        Arith::Div => "/",
        Arith::Rem => "%",
    }
}

fn result(op: Arith, a: &Type, b: &Type) -> Option<Type> {
    use Arith::{Add, Div, Mul, Sub};
    Some(match (a, b) {
        (a, b) if is_int(a) && is_int(b) => Type::Int64,
        (Type::Float, Type::Float) if matches!(op, Add | Sub | Mul | Div) => Type::Float,
        (Type::Decimal, Type::Decimal) if matches!(op, Add | Sub) => Type::Decimal,
        (Type::Decimal, int) | (int, Type::Decimal) if op == Mul && is_int(int) => Type::Decimal,
        (Type::Timestamp, Type::Duration) if matches!(op, Add | Sub) => Type::Timestamp,
        (Type::Duration, Type::Timestamp) if op == Add => Type::Timestamp,
        (Type::Timestamp, Type::Timestamp) if op == Sub => Type::Duration,
        (Type::Duration, Type::Duration) if matches!(op, Add | Sub) => Type::Duration,
        (Type::Text | Type::Enum(_), Type::Text | Type::Enum(_)) if op == Add => Type::Text,
        _ => return None,
    })
}
