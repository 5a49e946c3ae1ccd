//! A condition for one kind of caller: what depends on the caller and the clock alone is
//! decided, the rest is left for rows (law 2).

use value::Timestamp;

use crate::caller::CallerValues;
use crate::ir::Expr;

/// Which rows an expression reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RowsRead {
    /// None: the caller and the clock decide.
    None,
    /// `this`, `next`, `row` themselves.
    Own,
    /// Others too, over relations and lists.
    Others,
}

/// What of a caller and the moment a condition depends on: the key of its SQL plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VariantKey(pub u64);

/// A condition, prepared for specialising.
#[derive(Clone, Debug)]
pub struct Condition {
    expr: Expr,
}

impl Condition {
    pub fn new(expr: Expr) -> Condition {
        Condition { expr }
    }

    pub fn expr(&self) -> &Expr {
        &self.expr
    }

    /// Known whoever asks: `public`, `nobody`.
    pub fn constant(&self) -> Option<bool> {
        self.expr.as_const_bool()
    }

    /// `None` when the condition has more parts than a key has bits; then use
    /// [`Condition::specialise_for`] and keep nothing.
    pub fn key(&self, caller: &dyn CallerValues, now: Timestamp) -> Option<VariantKey> {
        let _ = (caller, now);
        None
    }

    /// What is left for callers with this key. All caller values in it are known to be there.
    pub fn specialise(&self, key: VariantKey) -> Expr {
        let _ = key;
        self.expr.clone()
    }

    /// The same without a key.
    pub fn specialise_for(&self, caller: &dyn CallerValues, now: Timestamp) -> Expr {
        let _ = (caller, now);
        self.expr.clone()
    }

    /// Of the condition as a whole; what is left for one caller may read less
    /// ([`Expr::reads_rows`]).
    pub fn reads_rows(&self) -> RowsRead {
        self.expr.reads_rows()
    }
}

impl Expr {
    /// `Some` for the constants true and false.
    pub fn as_const_bool(&self) -> Option<bool> {
        match self.node {
            crate::ir::Node::Const(value::Value::Bool(known)) => Some(known),
            _ => None,
        }
    }

    pub fn reads_rows(&self) -> RowsRead {
        RowsRead::Others
    }
}
