//! A statement with the knowledge of where its parameters come from and what its rows mean.
//!
//! A [`Prepared`] depends on the shape of a request only, never on its values, so that it can
//! be kept and used for every request of that shape.

use std::sync::Arc;

use expr::ir::Claim;
use value::{Money, Timestamp, Type, Value};

use crate::driver::{Rows, Statement, StoreError};
use crate::json;

/// A statement, ready to be bound and run.
#[derive(Clone, Debug)]
pub struct Prepared {
    pub statement: Arc<Statement>,
    pub(crate) bindings: Vec<Binding>,
    pub(crate) cells: Vec<Cell>,
    pub(crate) args: u16,
}

/// Where one parameter comes from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Binding {
    pub source: Source,
    pub part: Part,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Source {
    Const(Value, Type),
    Claim(Claim, Type),
    Now,
    /// What the caller of [`Prepared::bind`] gives, by its place, and the type it has.
    Arg(u16, Type),
}

/// Which part of the value is bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Whole,
    /// Of money.
    Amount,
    /// Of money.
    Currency,
    /// Of a text: the first text after all that begin with it.
    PrefixEnd,
}

/// How one output is read from a row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cell {
    /// One column as it is.
    Plain,
    /// Two columns.
    Money,
    /// One column of JSON text of this type.
    Json(Type),
}

impl Prepared {
    /// How many arguments [`Prepared::bind`] wants.
    pub fn args(&self) -> usize {
        usize::from(self.args)
    }

    /// The parameters of the statement.
    ///
    /// `args` in the order that the maker of the statement documents, a whole [`Value`] each
    /// (money, lists and objects too). `claims` answers with null for what the caller does not
    /// have; a specialised condition never asks for such a claim.
    pub fn bind(
        &self,
        args: &[Value],
        claims: &dyn Fn(&Claim, &Type) -> Value,
        now: Timestamp,
    ) -> Vec<Value> {
        debug_assert_eq!(args.len(), self.args(), "{}", self.statement.text);
        self.bindings
            .iter()
            .map(|binding| match &binding.source {
                Source::Const(value, ty) => binding.part.of(value, ty),
                Source::Claim(claim, ty) => binding.part.of(&claims(claim, ty), ty),
                Source::Now => Value::Timestamp(now),
                Source::Arg(at, ty) => match args.get(usize::from(*at)) {
                    Some(value) => binding.part.of(value, ty),
                    None => Value::Null,
                },
            })
            .collect()
    }

    /// [`Prepared::bind`] for statements without claims and clock.
    pub fn bind_args(&self, args: &[Value]) -> Vec<Value> {
        self.bind(args, &|_, _| Value::Null, Timestamp(0))
    }

    /// The outputs of each row, in their order.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when a column does not hold what it should.
    pub fn records(&self, rows: Rows) -> Result<Vec<Vec<Value>>, StoreError> {
        if rows.width == 0 {
            return Ok(vec![]);
        }
        let mut records = Vec::with_capacity(rows.len());
        if self.cells.iter().all(|cell| *cell == Cell::Plain) {
            let mut cells = rows.cells.into_iter();
            loop {
                let record: Vec<Value> = cells.by_ref().take(rows.width).collect();
                if record.len() < rows.width {
                    return Ok(records);
                }
                records.push(record);
            }
        }
        let mut cells = rows.cells;
        for row in cells.chunks_exact_mut(rows.width) {
            records.push(self.decode(row)?);
        }
        Ok(records)
    }

    /// The outputs of one row. Takes the values out of it.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when a column does not hold what it should.
    pub fn decode(&self, row: &mut [Value]) -> Result<Vec<Value>, StoreError> {
        let mut columns = row
            .iter_mut()
            .map(|cell| std::mem::replace(cell, Value::Null));
        let mut next = || {
            columns
                .next()
                .ok_or_else(|| corrupt("a row has too few columns"))
        };
        self.cells
            .iter()
            .map(|cell| match cell {
                Cell::Plain => next(),
                Cell::Money => money(next()?, next()?),
                Cell::Json(ty) => match next()? {
                    Value::Json(text) => json::read(ty, &text),
                    other => Ok(other),
                },
            })
            .collect()
    }
}

fn money(amount: Value, currency: Value) -> Result<Value, StoreError> {
    match (amount, currency) {
        (Value::Null, Value::Null) => Ok(Value::Null),
        (Value::Decimal(amount), Value::Text(currency)) => match currency.parse() {
            Ok(currency) => Ok(Value::Money(Money { amount, currency })),
            Err(_) => Err(corrupt(format!("`{currency}` is stored as a currency"))),
        },
        _ => Err(corrupt(
            "an amount is stored without its currency, or the other way round",
        )),
    }
}

pub(crate) fn corrupt(reason: impl Into<String>) -> StoreError {
    StoreError::Corrupt {
        reason: reason.into(),
    }
}

impl Part {
    fn of(self, value: &Value, ty: &Type) -> Value {
        match (self, value) {
            (_, Value::Null) => Value::Null,
            (Part::Amount, Value::Money(money)) => Value::Decimal(money.amount),
            (Part::Currency, Value::Money(money)) => {
                Value::Text(money.currency.as_str().to_owned())
            }
            (Part::PrefixEnd, Value::Text(text)) => Value::Text(prefix_end(text)),
            (_, Value::Duration(duration)) => Value::Int(duration.0),
            (_, Value::List(_) | Value::Object(_)) => Value::Json(json::write(ty, value).into()),
            (_, value) => value.clone(),
        }
    }
}

/// The first text, by code point, after all texts that begin with `prefix`.
fn prefix_end(prefix: &str) -> String {
    let mut end = prefix.to_owned();
    while let Some(last) = end.pop() {
        let after = match last {
            // The gap of surrogates, which are no characters.
            '\u{d7ff}' => Some('\u{e000}'),
            _ => char::from_u32(u32::from(last) + 1),
        };
        if let Some(after) = after {
            end.push(after);
            return end;
        }
    }
    // Nothing comes after U+10FFFF; a run of them longer than any indexed text stands for it.
    char::MAX.to_string().repeat(PREFIX_END_LENGTH)
}

/// Longer than a prefix of nothing but U+10FFFF is ever asked for.
const PREFIX_END_LENGTH: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_begins_with_a_prefix_ends_before_its_end() {
        for prefix in ["dune", "a\u{d7ff}", "z\u{10ffff}", "é"] {
            let end = prefix_end(prefix);
            for tail in ["", "a", "\u{10ffff}\u{10ffff}"] {
                assert!(format!("{prefix}{tail}") < end, "{prefix:?} + {tail:?}");
            }
            assert!(!end.starts_with(prefix));
        }
        assert_eq!(prefix_end("dune"), "dunf");
    }
}
