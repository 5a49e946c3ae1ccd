//! Sums and averages that are null where SQLite's own are an error or infinite.
//!
//! They are the very ones that rules have in memory ([`Total`]), so the two cannot differ.

use expr::eval::Total;
use expr::ir::Aggregate;
use value::{Type, Value};

/// What [`crate::lower`] calls in SQLite, and its driver provides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sum {
    Integers,
    /// In millionths.
    Decimals,
    Floats,
    AverageOfFloats,
}

/// A sum in the making.
pub struct Summing(Total);

impl Sum {
    pub const ALL: [Sum; 4] = [
        Sum::Integers,
        Sum::Decimals,
        Sum::Floats,
        Sum::AverageOfFloats,
    ];

    /// The function's name.
    pub fn name(self) -> &'static str {
        match self {
            Sum::Integers => "fd_sum",
            Sum::Decimals => "fd_sum_decimal",
            Sum::Floats => "fd_sum_float",
            Sum::AverageOfFloats => "fd_avg_float",
        }
    }

    pub fn begin(self) -> Summing {
        let (kind, ty) = match self {
            Sum::Integers => (Aggregate::Sum, Type::Int64),
            Sum::Decimals => (Aggregate::Sum, Type::Decimal),
            Sum::Floats => (Aggregate::Sum, Type::Float),
            Sum::AverageOfFloats => (Aggregate::Avg, Type::Float),
        };
        Summing(Total::new(kind, Some(&ty)))
    }
}

impl Summing {
    pub fn add_integer(&mut self, number: i64) {
        self.add(&Value::Int(number));
    }

    pub fn add_float(&mut self, number: f64) {
        self.add(&Value::Float(number));
    }

    fn add(&mut self, value: &Value) {
        self.0.add(value).expect("numbers can be summed up");
    }

    /// As SQLite stores it: decimals are millionths again.
    pub fn result(self) -> Value {
        match self.0.result() {
            Value::Decimal(decimal) => Value::Int(decimal.millionths()),
            other => other,
        }
    }
}
