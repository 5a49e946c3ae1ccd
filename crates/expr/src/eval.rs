//! Evaluates checked expressions over rows in memory.

use std::sync::Arc;

use value::{FieldId, ResourceId, Timestamp, Value};

use crate::caller::CallerValues;
use crate::ir::{Claim, Expr};

/// A row found by a [`Lookup`], indexed by [`FieldId`].
pub type Record = Arc<[Value]>;

/// Largest compiled regular expression, in bytes: bounds memory and compile time.
pub const PATTERN_BYTES_MAX: usize = 1 << 18;

/// Reaches the rows an expression needs besides its own.
pub trait Lookup {
    /// The record of `resource` with this id.
    fn one(&self, resource: ResourceId, id: &Value) -> Option<Record>;
    /// The records of `resource` whose `field` holds `id`.
    fn many(&self, resource: ResourceId, field: FieldId, id: &Value) -> Vec<Record>;
}

/// No other rows: for expressions that [`crate::RowsRead`] says need none.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoRows;

impl Lookup for NoRows {
    fn one(&self, _: ResourceId, _: &Value) -> Option<Record> {
        None
    }

    fn many(&self, _: ResourceId, _: FieldId, _: &Value) -> Vec<Record> {
        vec![]
    }
}

/// What the names in an expression stand for, this time.
#[derive(Clone, Copy)]
pub struct Env<'a> {
    pub now: Timestamp,
    pub caller: &'a dyn CallerValues,
    /// `this`, indexed by [`FieldId`].
    pub this: Option<&'a [Value]>,
    pub next: Option<&'a [Value]>,
    pub row: Option<&'a [Value]>,
    /// Members of `input` by name.
    pub input: &'a [(Box<str>, Value)],
    pub lookup: &'a dyn Lookup,
}

/// Why an expression has no value this time.
#[derive(Clone, Debug, PartialEq)]
pub enum EvalError {
    /// A formula needs a claim the caller does not have. (In conditions that is `false`.)
    Missing(Claim),
    /// A result outside its type's range; what was computed.
    OutOfRange(&'static str),
    DivisionByZero,
    /// A text that cannot be read as the type asked for; what was expected.
    Unreadable(&'static str),
    /// Money of two currencies was added.
    Currencies,
    /// More steps than one evaluation may take.
    TooMuch,
    /// Our own mistake: the environment lacks a row or field the expression was checked for.
    Internal(&'static str),
}

/// The value of `expr`.
pub fn eval(expr: &Expr, env: &Env<'_>) -> Result<Value, EvalError> {
    let _ = (expr, env);
    Err(EvalError::Internal("not built yet"))
}

/// Whether the condition holds.
pub fn holds(expr: &Expr, env: &Env<'_>) -> Result<bool, EvalError> {
    let _ = (expr, env);
    Err(EvalError::Internal("not built yet"))
}
