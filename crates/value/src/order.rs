//! Which of two values comes first.

use std::cmp::Ordering;

use crate::Value;

impl Value {
    /// Compares values of one type: text by code points, `false` before `true`, integers
    /// with floats by their exact numbers, money only within one currency.
    ///
    /// `None` for values of unlike types, and for nulls, lists, objects and JSON, which have
    /// no order.
    pub fn compare(&self, other: &Value) -> Option<Ordering> {
        match (self, other) {
            (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(b)),
            (Value::Int(a), Value::Int(b)) => Some(a.cmp(b)),
            (Value::Float(a), Value::Float(b)) => a.partial_cmp(b),
            (Value::Int(a), Value::Float(b)) => compare_int_float(*a, *b),
            (Value::Float(a), Value::Int(b)) => compare_int_float(*b, *a).map(Ordering::reverse),
            // UTF-8 sorts its bytes as its code points.
            (Value::Text(a), Value::Text(b)) => Some(a.cmp(b)),
            (Value::Decimal(a), Value::Decimal(b)) => Some(a.cmp(b)),
            (Value::Money(a), Value::Money(b)) if a.currency == b.currency => {
                Some(a.amount.cmp(&b.amount))
            }
            (Value::Date(a), Value::Date(b)) => Some(a.cmp(b)),
            (Value::Timestamp(a), Value::Timestamp(b)) => Some(a.cmp(b)),
            (Value::Duration(a), Value::Duration(b)) => Some(a.cmp(b)),
            (Value::Uuid(a), Value::Uuid(b)) => Some(a.cmp(b)),
            _ => None,
        }
    }
}

/// Casting the integer to a float would call neighbours above 2^53 equal.
fn compare_int_float(int: i64, float: f64) -> Option<Ordering> {
    const TWO_TO_63: f64 = -(i64::MIN as f64);
    if float.is_nan() {
        None
    } else if float >= TWO_TO_63 {
        Some(Ordering::Less)
    } else if float < -TWO_TO_63 {
        Some(Ordering::Greater)
    } else {
        let whole = float.trunc();
        Some(
            int.cmp(&(whole as i64))
                .then(0.0_f64.partial_cmp(&(float - whole))?),
        )
    }
}
