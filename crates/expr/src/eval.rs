//! Evaluates checked expressions over rows in memory.
//!
//! Means exactly what the SQL made from the same expression means: text is ordered by code
//! points, integers are divided towards zero, aggregates pass over nulls, a row that is not
//! there has only nulls, and an order compared with null is false.
//!
//! Claims the caller does not have follow law 2. `&&`, `||`, a rule and `exists` are decided
//! part by part; any other condition that reads a missing claim anywhere in it is false as a
//! whole. `?:` asks its condition in the latter way and then decides by the branch.

mod function;
mod number;

pub use number::{FLOAT_SUMMED_MAX, Total};

use std::borrow::Cow;
use std::cell::Cell;
use std::cmp::Ordering;
use std::sync::Arc;

use value::{FieldId, ResourceId, Timestamp, Type, Value};

use crate::caller::{CallerValues, read_claim};
use crate::ir::{
    Aggregate, Claim, Comparison, Expr, Function, ID, ListStep, NEXT, Node, Quantifier, ROW, Row,
    THIS, Var,
};

/// Largest compiled regular expression, in bytes: bounds memory and compile time.
pub const PATTERN_BYTES_MAX: usize = 1 << 18;
/// Nodes evaluated at most for one answer: a rule that goes through lists of lists ends as an
/// error instead of holding up a thread.
pub const STEPS_MAX: u32 = 1_000_000;

/// A row found by a [`Lookup`], indexed by [`FieldId`].
pub type Record = Arc<[Value]>;

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
    /// More steps than one evaluation may take ([`STEPS_MAX`]).
    TooMuch,
    /// Our own mistake: the environment lacks a row or field the expression was checked for.
    Internal(&'static str),
}

impl std::fmt::Display for EvalError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            EvalError::Missing(Claim::Id) => f.write_str("the caller is not known"),
            EvalError::Missing(Claim::Named(name)) => write!(f, "the caller has no `{name}`"),
            EvalError::OutOfRange(what) => write!(f, "{what} is out of range"),
            EvalError::DivisionByZero => f.write_str("division by zero"),
            EvalError::Unreadable(expected) => write!(f, "{expected} is expected"),
            EvalError::Currencies => f.write_str("money of different currencies cannot be added"),
            EvalError::TooMuch => {
                write!(f, "more than {STEPS_MAX} steps would be needed to answer")
            }
            EvalError::Internal(what) => write!(f, "internal: {what}"),
        }
    }
}

impl std::error::Error for EvalError {}

/// The value of `expr`.
pub fn eval(expr: &Expr, env: &Env<'_>) -> Result<Value, EvalError> {
    let value = Evaluation::new(env, false)
        .value(expr, None, Asked::Loosely)?
        .into_owned();
    number::in_range(value, &expr.ty)
}

/// Whether the condition holds.
pub fn holds(expr: &Expr, env: &Env<'_>) -> Result<bool, EvalError> {
    Evaluation::new(env, false).truth(expr, None, Asked::Loosely)
}

/// Whether what [`crate::Condition::specialise`] left for this caller holds. The same as
/// [`holds`], without looking for missing claims again.
pub fn holds_specialised(expr: &Expr, env: &Env<'_>) -> Result<bool, EvalError> {
    Evaluation::new(env, true).truth(expr, None, Asked::Loosely)
}

/// How missing claims are taken.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    /// The part that reads one is false.
    Loosely,
    /// Inside such a part: there are none left, it has been made sure.
    Strictly,
}

/// A bound row (or element), and those bound around it.
struct Bound<'s> {
    var: Var,
    row: &'s [Value],
    around: Scope<'s>,
}

type Scope<'s> = Option<&'s Bound<'s>>;

type Evaluated<'s> = Result<Cow<'s, Value>, EvalError>;

const NULL: &Value = &Value::Null;
const TRUE: &Value = &Value::Bool(true);
const FALSE: &Value = &Value::Bool(false);

fn boolean(truth: bool) -> Cow<'static, Value> {
    Cow::Borrowed(if truth { TRUE } else { FALSE })
}

pub(crate) struct Evaluation<'a> {
    env: &'a Env<'a>,
    /// All claims are known to be there.
    complete: bool,
    steps: Cell<u32>,
}

impl<'a> Evaluation<'a> {
    pub(crate) fn new(env: &'a Env<'a>, complete: bool) -> Evaluation<'a> {
        Evaluation {
            env,
            complete,
            steps: Cell::new(0),
        }
    }

    /// For explanations: whether `expr` holds where `this` is the given row.
    pub(crate) fn truth_for(&self, expr: &Expr, this: Option<&[Value]>) -> Result<bool, EvalError> {
        self.with_this(this, |rows| self.truth(expr, rows, Asked::Loosely))
    }

    pub(crate) fn value_for(
        &self,
        expr: &Expr,
        this: Option<&[Value]>,
    ) -> Result<Value, EvalError> {
        self.with_this(this, |rows| {
            Ok(self.value(expr, rows, Asked::Loosely)?.into_owned())
        })
    }

    pub(crate) fn list_for(
        &self,
        list: &ListStep,
        this: Option<&[Value]>,
    ) -> Result<Vec<Record>, EvalError> {
        self.with_this(this, |rows| self.list(list, rows))
    }

    /// The row at the end of a path.
    pub(crate) fn row_for(
        &self,
        row: Option<&Row>,
        this: Option<&[Value]>,
    ) -> Result<Option<Record>, EvalError> {
        let Some(row) = row else { return Ok(None) };
        self.with_this(this, |rows| match row.hops.is_empty() {
            true => Ok(Some(self.bound(row.var, rows)?.into())),
            false => self.reach(row, rows),
        })
    }

    fn with_this<T>(&self, this: Option<&[Value]>, ask: impl FnOnce(Scope<'_>) -> T) -> T {
        match this {
            Some(row) => ask(Some(&Bound {
                var: THIS,
                row,
                around: None,
            })),
            None => ask(None),
        }
    }

    fn step(&self) -> Result<(), EvalError> {
        let steps = self.steps.get() + 1;
        self.steps.set(steps);
        if steps > STEPS_MAX {
            Err(EvalError::TooMuch)
        } else {
            Ok(())
        }
    }

    fn truth(&self, expr: &Expr, rows: Scope<'_>, asked: Asked) -> Result<bool, EvalError> {
        self.step()?;
        match &expr.node {
            Node::Const(Value::Bool(known)) => Ok(*known),
            Node::SignedIn => Ok(self.env.caller.signed_in()),
            Node::And(parts) => self.each(parts, rows, asked, false),
            Node::Or(parts) => self.each(parts, rows, asked, true),
            Node::Rule { rule, row } => self.rule(&rule.body, row.as_ref(), rows, asked),
            Node::Quantifier {
                kind: Quantifier::Exists,
                list,
                body,
            } => self.any(list, body, true, rows, asked),
            Node::If(condition, then, otherwise) => {
                let asked_first = self.strictly(condition, asked);
                if asked_first.is_none() {
                    return Ok(false);
                }
                match self.truth(condition, rows, Asked::Strictly)? {
                    true => self.truth(then, rows, asked),
                    false => self.truth(otherwise, rows, asked),
                }
            }
            _ => match self.strictly(expr, asked) {
                Some(asked) => self.plain_truth(expr, rows, asked),
                None => Ok(false),
            },
        }
    }

    /// `None` if the expression reads a claim that is missing.
    fn strictly(&self, expr: &Expr, asked: Asked) -> Option<Asked> {
        let sure =
            asked == Asked::Strictly || self.complete || !reads_missing(expr, self.env.caller);
        sure.then_some(Asked::Strictly)
    }

    fn each(
        &self,
        parts: &[Expr],
        rows: Scope<'_>,
        asked: Asked,
        decisive: bool,
    ) -> Result<bool, EvalError> {
        for part in parts {
            if self.truth(part, rows, asked)? == decisive {
                return Ok(decisive);
            }
        }
        Ok(!decisive)
    }

    fn plain_truth(&self, expr: &Expr, rows: Scope<'_>, asked: Asked) -> Result<bool, EvalError> {
        match &expr.node {
            Node::Not(inner) => Ok(!self.truth(inner, rows, asked)?),
            Node::Compare(op, left, right) => {
                let left = self.value(left, rows, asked)?;
                let right = self.value(right, rows, asked)?;
                Ok(compare(*op, &left, &right))
            }
            Node::In(element, list) => self.contained(element, list, rows, asked),
            Node::Quantifier { list, body, .. } => Ok(!self.any(list, body, false, rows, asked)?),
            Node::ValueQuantifier {
                kind,
                list,
                var,
                body,
            } => self.elements(*kind, list, *var, body, rows, asked),
            // A field, a claim, a function. A row that is not there has null for a field that
            // cannot be null; SQL takes that for false too.
            _ => Ok(*self.plain_value(expr, rows, asked)? == Value::Bool(true)),
        }
    }

    fn rule(
        &self,
        body: &Expr,
        row: Option<&Row>,
        rows: Scope<'_>,
        asked: Asked,
    ) -> Result<bool, EvalError> {
        let Some(row) = row else {
            return self.truth(body, None, asked);
        };
        if row.hops.is_empty() && row.var == THIS && rows.is_none() {
            return self.truth(body, None, asked);
        }
        let found;
        let record: &[Value] = if row.hops.is_empty() {
            self.bound(row.var, rows)?
        } else {
            match self.reach(row, rows)? {
                Some(record) => {
                    found = record;
                    &found
                }
                None => return Ok(false),
            }
        };
        // Inside, `this` is that row and nothing else has a name.
        self.truth(
            body,
            Some(&Bound {
                var: THIS,
                row: record,
                around: None,
            }),
            asked,
        )
    }

    /// Whether the body is `wanted` for any record of the list.
    fn any(
        &self,
        list: &ListStep,
        body: &Expr,
        wanted: bool,
        rows: Scope<'_>,
        asked: Asked,
    ) -> Result<bool, EvalError> {
        for record in self.list(list, rows)? {
            let rows = Some(&Bound {
                var: list.var,
                row: &record,
                around: rows,
            });
            let listed = match &list.filter {
                Some(filter) => self.truth(filter, rows, asked)?,
                None => true,
            };
            if listed && self.truth(body, rows, asked)? == wanted {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn elements(
        &self,
        kind: Quantifier,
        list: &Expr,
        var: Var,
        body: &Expr,
        rows: Scope<'_>,
        asked: Asked,
    ) -> Result<bool, EvalError> {
        let list = self.value(list, rows, asked)?;
        let decisive = kind == Quantifier::Exists;
        for element in elements_of(&list)? {
            let row = std::slice::from_ref(element);
            let rows = Some(&Bound {
                var,
                row,
                around: rows,
            });
            if self.truth(body, rows, asked)? == decisive {
                return Ok(decisive);
            }
        }
        Ok(!decisive)
    }

    fn contained(
        &self,
        element: &Expr,
        list: &Expr,
        rows: Scope<'_>,
        asked: Asked,
    ) -> Result<bool, EvalError> {
        let element = self.value(element, rows, asked)?;
        if element.is_null() {
            return Ok(false);
        }
        // Constants are compared where they stand.
        if let Node::List(parts) = &list.node {
            for part in parts {
                if *self.value(part, rows, asked)? == *element {
                    return Ok(true);
                }
            }
            return Ok(false);
        }
        let list = self.value(list, rows, asked)?;
        Ok(elements_of(&list)?.contains(&element))
    }

    fn value<'s>(&'s self, expr: &'s Expr, rows: Scope<'s>, asked: Asked) -> Evaluated<'s> {
        self.step()?;
        let choice = matches!(expr.node, Node::If(..)) && !expr.nullable;
        if expr.ty == Type::Bool && (choice || is_condition(&expr.node)) {
            return self.truth(expr, rows, asked).map(boolean);
        }
        self.plain_value(expr, rows, asked)
    }

    fn plain_value<'s>(&'s self, expr: &'s Expr, rows: Scope<'s>, asked: Asked) -> Evaluated<'s> {
        match &expr.node {
            Node::Const(value) => Ok(Cow::Borrowed(value)),
            Node::Caller(claim) => match read_claim(self.env.caller, claim, &expr.ty) {
                Some(value) => Ok(Cow::Owned(value)),
                None => Err(EvalError::Missing(claim.clone())),
            },
            Node::Now => Ok(Cow::Owned(Value::Timestamp(self.env.now))),
            Node::Input(name) => self.input(name),
            Node::Field { row, field } => self.field(row, *field, rows),
            Node::Member(of, index) => self.member(of, *index, rows, asked),
            Node::If(condition, then, otherwise) => match self.truth(condition, rows, asked)? {
                true => self.value(then, rows, asked),
                false => self.value(otherwise, rows, asked),
            },
            Node::List(parts) => {
                let values = parts
                    .iter()
                    .map(|part| Ok(self.value(part, rows, asked)?.into_owned()));
                Ok(Cow::Owned(Value::List(
                    values.collect::<Result<_, EvalError>>()?,
                )))
            }
            Node::Neg(inner) => number::negate(&*self.value(inner, rows, asked)?).map(Cow::Owned),
            Node::Arith(op, left, right) => {
                let left = self.value(left, rows, asked)?;
                let right = self.value(right, rows, asked)?;
                number::compute(*op, &left, &right).map(Cow::Owned)
            }
            Node::Call(Function::Fit, parts) => match parts.first() {
                Some(inner) => {
                    let value = self.value(inner, rows, asked)?.into_owned();
                    // Beyond what is computed with at all, as within what is.
                    Ok(Cow::Owned(
                        number::in_range(value, &expr.ty).unwrap_or(Value::Null),
                    ))
                }
                None => Err(EvalError::Internal("a call without arguments")),
            },
            Node::Call(function, parts) => self.call(*function, parts, rows, asked),
            Node::Aggregate { kind, list, body } => self
                .aggregate(*kind, list, body.as_deref(), rows, asked)
                .map(Cow::Owned),
            Node::Element(var) => {
                let element = self.bound(*var, rows)?.first();
                element
                    .map(Cow::Borrowed)
                    .ok_or(EvalError::Internal("an element is not bound"))
            }
            Node::SignedIn
            | Node::Not(_)
            | Node::And(_)
            | Node::Or(_)
            | Node::Compare(..)
            | Node::In(..)
            | Node::Rule { .. }
            | Node::Quantifier { .. }
            | Node::ValueQuantifier { .. } => self.truth(expr, rows, asked).map(boolean),
        }
    }

    fn call<'s>(
        &'s self,
        function: crate::ir::Function,
        parts: &'s [Expr],
        rows: Scope<'s>,
        asked: Asked,
    ) -> Evaluated<'s> {
        let first = parts
            .first()
            .ok_or(EvalError::Internal("a function without arguments"))?;
        let a = self.value(first, rows, asked)?;
        let b = match parts.get(1) {
            Some(second) => Some(self.value(second, rows, asked)?),
            None => None,
        };
        function::call(function, &a, b.as_deref(), &first.ty).map(Cow::Owned)
    }

    fn input<'s>(&'s self, name: &str) -> Evaluated<'s> {
        let found = self.env.input.iter().find(|(input, _)| **input == *name);
        let (_, value) = found.ok_or(EvalError::Internal("an input is not given"))?;
        Ok(Cow::Borrowed(value))
    }

    fn member<'s>(
        &'s self,
        of: &'s Expr,
        index: u16,
        rows: Scope<'s>,
        asked: Asked,
    ) -> Evaluated<'s> {
        let index = usize::from(index);
        Ok(Cow::Owned(match &*self.value(of, rows, asked)? {
            Value::Money(money) => match index {
                0 => Value::Decimal(money.amount),
                _ => Value::Text(money.currency.as_str().to_owned()),
            },
            Value::Object(members) => members.get(index).unwrap_or(NULL).clone(),
            Value::Null => Value::Null,
            _ => return Err(EvalError::Internal("a member of something without members")),
        }))
    }

    fn field<'s>(&'s self, row: &Row, field: FieldId, rows: Scope<'s>) -> Evaluated<'s> {
        if row.hops.is_empty() {
            return field_of(self.bound(row.var, rows)?, field).map(Cow::Borrowed);
        }
        match self.reach(row, rows)? {
            Some(record) => Ok(Cow::Owned(field_of(&record, field)?.clone())),
            None => Ok(Cow::Borrowed(NULL)),
        }
    }

    /// The row of a variable.
    fn bound<'s>(&'s self, var: Var, rows: Scope<'s>) -> Result<&'s [Value], EvalError> {
        let mut around = rows;
        while let Some(bound) = around {
            if bound.var == var {
                return Ok(bound.row);
            }
            around = bound.around;
        }
        let row = match var {
            THIS => self.env.this,
            NEXT => self.env.next,
            ROW => self.env.row,
            _ => None,
        };
        row.ok_or(EvalError::Internal("a row is not bound"))
    }

    /// The row at the end of the hops; there may be none.
    fn reach(&self, row: &Row, rows: Scope<'_>) -> Result<Option<Record>, EvalError> {
        let mut reached: Option<Record> = None;
        for hop in &row.hops {
            self.step()?;
            let from: &[Value] = match &reached {
                Some(record) => record,
                None => self.bound(row.var, rows)?,
            };
            let id = field_of(from, hop.via)?;
            if id.is_null() {
                return Ok(None);
            }
            match self.env.lookup.one(hop.target, id) {
                Some(record) => reached = Some(record),
                None => return Ok(None),
            }
        }
        Ok(reached)
    }

    fn list(&self, list: &ListStep, rows: Scope<'_>) -> Result<Vec<Record>, EvalError> {
        self.step()?;
        // The id of the last row is what the hop before it was made with.
        let id = match list.of.hops.split_last() {
            None => Cow::Borrowed(field_of(self.bound(list.of.var, rows)?, ID)?),
            Some((last, before)) => {
                let mut row = list.of.clone();
                row.hops.truncate(before.len());
                Cow::Owned(self.field(&row, last.via, rows)?.into_owned())
            }
        };
        if id.is_null() {
            return Ok(vec![]);
        }
        Ok(self.env.lookup.many(list.resource, list.field, &id))
    }

    fn aggregate(
        &self,
        kind: Aggregate,
        list: &ListStep,
        body: Option<&Expr>,
        rows: Scope<'_>,
        asked: Asked,
    ) -> Result<Value, EvalError> {
        let mut total = number::Total::new(kind, body.map(|body| &body.ty));
        for record in self.list(list, rows)? {
            let rows = Some(&Bound {
                var: list.var,
                row: &record,
                around: rows,
            });
            if let Some(filter) = &list.filter
                && !self.truth(filter, rows, asked)?
            {
                continue;
            }
            match body {
                None => total.count(),
                Some(body) => total.add(&*self.value(body, rows, asked)?)?,
            }
        }
        Ok(total.result())
    }
}

/// Nodes that [`Evaluation::truth`] decides itself.
fn is_condition(node: &Node) -> bool {
    matches!(
        node,
        Node::SignedIn
            | Node::Not(_)
            | Node::And(_)
            | Node::Or(_)
            | Node::Compare(..)
            | Node::In(..)
            | Node::Rule { .. }
            | Node::Quantifier { .. }
            | Node::ValueQuantifier { .. }
    )
}

fn field_of(row: &[Value], field: FieldId) -> Result<&Value, EvalError> {
    row.get(usize::from(field.0))
        .ok_or(EvalError::Internal("a row lacks a field"))
}

fn elements_of(list: &Value) -> Result<&[Value], EvalError> {
    match list {
        Value::List(elements) => Ok(elements),
        Value::Null => Ok(&[]),
        _ => Err(EvalError::Internal("a list is expected")),
    }
}

fn compare(op: Comparison, left: &Value, right: &Value) -> bool {
    let order = || match (left, right) {
        (Value::Null, _) | (_, Value::Null) => None,
        _ => left.compare(right),
    };
    match op {
        Comparison::Equal => left == right,
        Comparison::NotEqual => left != right,
        Comparison::Less => order() == Some(Ordering::Less),
        Comparison::LessOrEqual => order().is_some_and(Ordering::is_le),
        Comparison::Greater => order() == Some(Ordering::Greater),
        Comparison::GreaterOrEqual => order().is_some_and(Ordering::is_ge),
    }
}

/// Whether the expression, or a rule it asks, reads a claim that is missing.
pub(crate) fn reads_missing(expr: &Expr, caller: &dyn CallerValues) -> bool {
    match &expr.node {
        Node::Caller(claim) => read_claim(caller, claim, &expr.ty).is_none(),
        Node::Rule { rule, .. } => reads_missing(&rule.body, caller),
        _ => {
            let mut missing = false;
            expr.each_child(&mut |child| missing = missing || reads_missing(child, caller));
            missing
        }
    }
}
