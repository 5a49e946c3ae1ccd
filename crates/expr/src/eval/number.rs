//! Arithmetic and aggregates, as databases do them.

use std::cmp::Ordering;

use value::{Decimal, Timestamp, Type, Value};

use super::EvalError;
use crate::ir::{Aggregate, Arith};

const INTEGER: &str = "an integer";
const DECIMAL: &str = "a decimal";
const INSTANT: &str = "a date-time";
const INT53_MAX: u64 = (1 << 53) - 1;

/// A final result must be a value of its type. On the way to a comparison it may be more: the
/// database does not look in between either.
pub(super) fn in_range(value: Value, ty: &Type) -> Result<Value, EvalError> {
    let out = match (&value, ty) {
        (Value::Int(number), Type::Int32) => i32::try_from(*number).is_err().then_some(INTEGER),
        (Value::Int(number), Type::Int53) => (number.unsigned_abs() > INT53_MAX).then_some(INTEGER),
        (Value::Float(number), _) => (!number.is_finite()).then_some("a number"),
        (Value::Duration(long), _) => {
            (*long < value::Duration::MIN || *long > value::Duration::MAX).then_some("a duration")
        }
        (Value::Timestamp(at), _) => {
            (*at < Timestamp::MIN || *at > Timestamp::MAX).then_some(INSTANT)
        }
        _ => None,
    };
    match out {
        Some(what) => Err(EvalError::OutOfRange(what)),
        None => Ok(value),
    }
}

pub(super) fn negate(value: &Value) -> Result<Value, EvalError> {
    Ok(match value {
        Value::Int(number) => {
            Value::Int(number.checked_neg().ok_or(EvalError::OutOfRange(INTEGER))?)
        }
        Value::Float(number) => Value::Float(-number),
        Value::Decimal(decimal) => Value::Decimal(-*decimal),
        Value::Duration(long) => Value::Duration(value::Duration(long.0.saturating_neg())),
        Value::Null => Value::Null,
        _ => return Err(EvalError::Internal("something that cannot be negated")),
    })
}

pub(super) fn compute(op: Arith, left: &Value, right: &Value) -> Result<Value, EvalError> {
    Ok(match (left, right) {
        // Only where a row is not there.
        (Value::Null, _) | (_, Value::Null) => Value::Null,
        (Value::Int(a), Value::Int(b)) => Value::Int(whole(op, *a, *b)?),
        (Value::Float(a), Value::Float(b)) => Value::Float(match op {
            Arith::Add => a + b,
            Arith::Sub => a - b,
            Arith::Mul => a * b,
            Arith::Div if *b == 0.0 => return Err(EvalError::DivisionByZero),
            Arith::Div => a / b,
            Arith::Rem => return Err(EvalError::Internal("a remainder of floats")),
        }),
        (Value::Decimal(a), Value::Decimal(b)) => {
            let result = match op {
                Arith::Add => a.checked_add(*b),
                _ => a.checked_sub(*b),
            };
            Value::Decimal(result.ok_or(EvalError::OutOfRange(DECIMAL))?)
        }
        (Value::Decimal(a), Value::Int(b)) | (Value::Int(b), Value::Decimal(a)) => Value::Decimal(
            a.checked_mul_int(*b)
                .ok_or(EvalError::OutOfRange(DECIMAL))?,
        ),
        (Value::Timestamp(a), Value::Duration(b)) => {
            Value::Timestamp(Timestamp(whole(op, a.0, b.0)?))
        }
        (Value::Duration(a), Value::Timestamp(b)) => {
            Value::Timestamp(Timestamp(whole(op, a.0, b.0)?))
        }
        (Value::Timestamp(a), Value::Timestamp(b)) => {
            Value::Duration(value::Duration(whole(op, a.0, b.0)?))
        }
        (Value::Duration(a), Value::Duration(b)) => {
            Value::Duration(value::Duration(whole(op, a.0, b.0)?))
        }
        (Value::Text(a), Value::Text(b)) => {
            /// Formulas could otherwise double a text as often as they are deep.
            const TEXT_BYTES_MAX: usize = 1 << 24;
            if a.len() + b.len() > TEXT_BYTES_MAX {
                return Err(EvalError::OutOfRange("a text"));
            }
            Value::Text(format!("{a}{b}"))
        }
        _ => return Err(EvalError::Internal("operands that do not go together")),
    })
}

fn whole(op: Arith, a: i64, b: i64) -> Result<i64, EvalError> {
    if b == 0 && matches!(op, Arith::Div | Arith::Rem) {
        return Err(EvalError::DivisionByZero);
    }
    let result = match op {
        Arith::Add => a.checked_add(b),
        Arith::Sub => a.checked_sub(b),
        Arith::Mul => a.checked_mul(b),
        Arith::Div => a.checked_div(b),
        Arith::Rem => Some(a.wrapping_rem(b)),
    };
    result.ok_or(EvalError::OutOfRange(INTEGER))
}

/// The largest number that sums and averages of floats go over: those of which one is larger are
/// null. So no order of adding, and no number of records, makes a sum infinite on the way.
pub const FLOAT_SUMMED_MAX: f64 = 1e290;

/// An aggregate in the making.
pub struct Total {
    kind: Aggregate,
    /// Values seen, nulls not counted.
    count: i64,
    /// No number of records that there is room for makes it overflow.
    whole: i128,
    float: Precise,
    /// There was a float that is not summed ([`FLOAT_SUMMED_MAX`]).
    too_large: bool,
    /// What a sum is made of: it is 0 of that type when there is nothing.
    ty: Type,
    extreme: Value,
}

/// A sum of floats with its rounding errors kept apart, as SQLite does it (Neumaier).
#[derive(Default)]
struct Precise {
    sum: f64,
    error: f64,
}

impl Precise {
    fn add(&mut self, number: f64) {
        let sum = self.sum + number;
        self.error += if self.sum.abs() > number.abs() {
            (self.sum - sum) + number
        } else {
            (number - sum) + self.sum
        };
        self.sum = sum;
    }

    fn result(&self) -> f64 {
        // Of infinities the error is not a number.
        if self.error.is_finite() {
            self.sum + self.error
        } else {
            self.sum
        }
    }
}

impl Total {
    /// Of values of this type; of what is counted there is none.
    pub fn new(kind: Aggregate, ty: Option<&Type>) -> Total {
        Total {
            kind,
            count: 0,
            whole: 0,
            float: Precise::default(),
            too_large: false,
            ty: ty.cloned().unwrap_or(Type::Int64),
            extreme: Value::Null,
        }
    }

    pub(super) fn count(&mut self) {
        self.count += 1;
    }

    /// One more value; null does not count.
    ///
    /// # Errors
    /// If it is no number where one is needed.
    pub fn add(&mut self, value: &Value) -> Result<(), EvalError> {
        if value.is_null() {
            return Ok(());
        }
        self.count += 1;
        let wanted = match self.kind {
            Aggregate::Min => Ordering::Less,
            Aggregate::Max => Ordering::Greater,
            Aggregate::Count => return Ok(()),
            Aggregate::Sum | Aggregate::Avg => {
                let whole = match value {
                    Value::Int(number) => *number,
                    Value::Decimal(decimal) => decimal.millionths(),
                    Value::Float(number) => {
                        self.too_large |= number.abs() > FLOAT_SUMMED_MAX;
                        self.float.add(*number);
                        return Ok(());
                    }
                    _ => return Err(EvalError::Internal("a sum of something else than numbers")),
                };
                self.whole += i128::from(whole);
                return Ok(());
            }
        };
        if self.extreme.is_null() || value.compare(&self.extreme) == Some(wanted) {
            self.extreme = value.clone();
        }
        Ok(())
    }

    /// A sum that its type cannot hold is null.
    pub fn result(self) -> Value {
        let sum = i64::try_from(self.whole).ok();
        match (self.kind, &self.ty) {
            (Aggregate::Count, _) => Value::Int(self.count),
            (Aggregate::Min | Aggregate::Max, _) => self.extreme,
            (Aggregate::Avg, _) if self.count == 0 => Value::Null,
            (Aggregate::Sum | Aggregate::Avg, Type::Float) if self.too_large => Value::Null,
            (Aggregate::Avg, Type::Float) => Value::Float(self.float.result() / self.count as f64),
            (Aggregate::Avg, _) => Value::Float(self.whole as f64 / self.count as f64),
            (Aggregate::Sum, Type::Float) => Value::Float(self.float.result()),
            (Aggregate::Sum, Type::Decimal) => sum
                .and_then(Decimal::from_millionths)
                .map_or(Value::Null, Value::Decimal),
            (Aggregate::Sum, _) => sum.map_or(Value::Null, Value::Int),
        }
    }
}
