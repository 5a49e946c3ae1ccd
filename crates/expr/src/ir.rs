//! The checked form of an expression: every name resolved, every type known.
//!
//! Invariants the checker establishes and everything below relies on:
//!
//! 1. A boolean expression is never null: null is excluded before a nullable operand is
//!    compared or computed with (law 13). `==` and `!=` alone take nullable operands and
//!    are null-safe (`null == null` is true).
//! 2. The graph of rules and computed fields is acyclic (law 4).
//! 3. Depth is bounded by [`DEPTH_MAX`], so recursion over it needs no guard.
//! 4. Caller values may be missing (a guest, a claim the key does not have). They are not
//!    null: what reads a missing one is decided by `specialise` (law 2), never by comparison.

use std::ops::Range;
use std::sync::Arc;

use value::{FieldId, ResourceId, Type, Value};

/// Nesting of one expression, rules and computed fields it uses included.
pub const DEPTH_MAX: usize = 64;

/// Where every row keeps its own id.
pub const ID: FieldId = FieldId(0);

/// A checked expression.
#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    pub node: Node,
    pub ty: Type,
    /// May evaluate to null.
    pub nullable: bool,
    /// Bytes of the expression's source text that said this.
    pub at: Range<u32>,
}

/// A row variable. [`THIS`] is the record the expression is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Var(pub u16);

/// `this`, and in a rule body the record the rule is asked about.
pub const THIS: Var = Var(0);
/// `next`: the record as it would become. Only in update, replace and create access.
pub const NEXT: Var = Var(1);
/// `row`: the candidate in a `where`.
pub const ROW: Var = Var(u16::MAX);
/// First variable bound by a quantifier or aggregate; each binding in one expression has its own.
pub const FIRST_BOUND: Var = Var(2);

/// A row reached from a variable over to-one relations: `this.list.owner`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Row {
    pub var: Var,
    /// Resource of the variable itself.
    pub resource: ResourceId,
    pub hops: Vec<Hop>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Hop {
    /// The field holding the id, in the row before the hop. Known to be non-null where used.
    pub via: FieldId,
    pub target: ResourceId,
}

impl Row {
    /// Resource of the row that is reached.
    pub fn target(&self) -> ResourceId {
        self.hops.last().map_or(self.resource, |hop| hop.target)
    }
}

/// The rows of `resource` whose `field` holds the id of `of`.
#[derive(Clone, Debug, PartialEq)]
pub struct ListStep {
    pub of: Row,
    pub resource: ResourceId,
    pub field: FieldId,
    /// Bound to each row in turn.
    pub var: Var,
    /// `filter(x, …)` in front of an aggregate or quantifier.
    pub filter: Option<Box<Expr>>,
}

/// A named rule, compiled once; `body` speaks of [`THIS`].
#[derive(Clone, Debug, PartialEq)]
pub struct RuleDef {
    pub name: Box<str>,
    /// `None` for rules of the whole contract and the built-in ones, which see no record.
    pub resource: Option<ResourceId>,
    pub body: Expr,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    Const(Value),
    /// `user.id`, `user.role`: a claim of the caller, read as the type it is used with.
    Caller(Claim),
    /// `signed_in`.
    SignedIn,
    /// `now`: fixed for the request (law 12).
    Now,
    /// `input.name` and the like: a named argument given at evaluation.
    Input(Box<str>),
    /// A stored field of a row.
    Field {
        row: Row,
        field: FieldId,
    },
    /// `.amount` / `.currency` of money (0, 1), or a member of an object value.
    Member(Box<Expr>, u16),
    Not(Box<Expr>),
    /// Two or more; evaluated left to right.
    And(Vec<Expr>),
    Or(Vec<Expr>),
    If(Box<Expr>, Box<Expr>, Box<Expr>),
    Compare(Comparison, Box<Expr>, Box<Expr>),
    /// Element, then list: a list value, a list field, a list of constants.
    In(Box<Expr>, Box<Expr>),
    List(Vec<Expr>),
    Neg(Box<Expr>),
    Arith(Arith, Box<Expr>, Box<Expr>),
    Call(Function, Vec<Expr>),
    /// A rule asked about a row: `mine`, `this.list.viewer`. For rules without a resource the
    /// row is absent.
    Rule {
        rule: Arc<RuleDef>,
        row: Option<Row>,
    },
    /// `this.members.exists(m, …)`, `all`.
    Quantifier {
        kind: Quantifier,
        list: ListStep,
        body: Box<Expr>,
    },
    /// `this.reviews.avg(r, r.stars)`; `body` is absent for `count`.
    Aggregate {
        kind: Aggregate,
        list: ListStep,
        body: Option<Box<Expr>>,
    },
    /// `exists`/`all` over a list *value* (`input.tags.exists(t, t == 'a')`), not over rows.
    /// In memory only.
    ValueQuantifier {
        kind: Quantifier,
        list: Box<Expr>,
        var: Var,
        body: Box<Expr>,
    },
    /// The element bound by a [`Node::ValueQuantifier`].
    Element(Var),
}

/// What of the caller is read.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Claim {
    /// `user.id`
    Id,
    /// `user.NAME`
    Named(Box<str>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Arith {
    Add,
    Sub,
    Mul,
    Div,
    Rem,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Quantifier {
    Exists,
    All,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Aggregate {
    Count,
    Sum,
    Avg,
    Min,
    Max,
}

/// Functions and methods. The receiver, where there is one, is the first argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Function {
    /// Characters of a text, elements of a list value.
    Size,
    Contains,
    StartsWith,
    EndsWith,
    /// ASCII letters only, so that every database agrees.
    LowerAscii,
    UpperAscii,
    /// Linear-time regular expression; in memory only.
    Matches,
    /// `timestamp('2026-11-22T10:00:00Z')` of a non-constant text; in memory only.
    ToTimestamp,
    /// Conversions in formulas; in memory only.
    ToText,
    ToInt,
    ToFloat,
    /// The value itself if its type can hold it, null otherwise. Nobody writes it: it stands
    /// around a formula that may give more than its field can hold.
    Fit,
    /// `date(now)`: the UTC day of an instant.
    ToDate,
    /// `price.times(3)`, `a.add(b)`, `money('12.50', 'EUR')`, `price.minor()`; in memory only.
    MoneyTimes,
    MoneyAdd,
    MoneyNew,
    MoneyMinor,
}
