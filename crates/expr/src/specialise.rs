//! A condition for one kind of caller: what depends on the caller and the clock alone is
//! decided, the rest is left for rows (law 2).
//!
//! A guest, or a caller without some claim, is decided here and never by comparing with null:
//!
//! 1. `&&`, `||`, rules and `exists` are decided part by part, so `this.published ||
//!    this.owner_id == user.id` still shows a guest what is published.
//! 2. Any other condition that reads a missing claim, however deep inside, is false as a
//!    whole. So `!(user.role == 'banned')` is false for a guest, and so is `all(…)` even
//!    about an empty list.
//! 3. `?:` is false when its condition reads a missing claim, else decided by the branch.
//!
//! [`crate::eval()`] means the same by itself; what is left here needs it no more.

mod folding;

use value::{Timestamp, Type, Value};

use crate::caller::{CallerValues, Guest, read_claim};
use crate::eval::{Env, NoRows, holds};
use crate::ir::{Claim, Expr, NEXT, Node, Quantifier, ROW, Row, THIS, Var};
use crate::walk::same;

use folding::Folding;

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
    /// The largest parts that ask no row, each once.
    atoms: Vec<Expr>,
    /// Claims that decide about the rest by being there or not.
    claims: Vec<(Claim, Type)>,
}

impl Condition {
    pub fn new(expr: Expr) -> Condition {
        let folding = Folding {
            decide: &constant_truth,
            missing: &|_, _| None,
        };
        let expr = folding.loosely(&expr);
        let mut condition = Condition {
            expr: Expr::constant(false),
            atoms: vec![],
            claims: vec![],
        };
        condition.collect(&expr, false);
        condition.expr = expr;
        condition
    }

    /// The condition, constants folded.
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
        if self.atoms.len() + self.claims.len() > u64::BITS as usize {
            return None;
        }
        let mut bits = 0_u64;
        let atoms = self.atoms.iter().map(|atom| decided(atom, caller, now));
        let claims = self
            .claims
            .iter()
            .map(|(claim, ty)| read_claim(caller, claim, ty).is_some());
        for (at, bit) in atoms.chain(claims).enumerate() {
            bits |= u64::from(bit) << at;
        }
        Some(VariantKey(bits))
    }

    /// What is left for callers with this key. All caller values in it are known to be there.
    pub fn specialise(&self, key: VariantKey) -> Expr {
        let bit = |at: usize| key.0 >> at & 1 == 1;
        let atom = |expr: &Expr| Some(bit(self.atoms.iter().position(|atom| same(atom, expr))?));
        let missing = |claim: &Claim, ty: &Type| {
            let at = self
                .claims
                .iter()
                .position(|known| known.0 == *claim && known.1 == *ty)?;
            Some(!bit(self.atoms.len() + at))
        };
        Folding {
            decide: &atom,
            missing: &missing,
        }
        .loosely(&self.expr)
    }

    /// The same without a key.
    pub fn specialise_for(&self, caller: &dyn CallerValues, now: Timestamp) -> Expr {
        let atom = |expr: &Expr| Some(decided(expr, caller, now));
        let missing = |claim: &Claim, ty: &Type| Some(read_claim(caller, claim, ty).is_none());
        Folding {
            decide: &atom,
            missing: &missing,
        }
        .loosely(&self.expr)
    }

    /// Of the condition as a whole; what is left for one caller may read less
    /// ([`Expr::reads_rows`]).
    pub fn reads_rows(&self) -> RowsRead {
        self.expr.reads_rows()
    }

    /// Finds atoms and claims where [`Folding`] will ask for them.
    fn collect(&mut self, expr: &Expr, strictly: bool) {
        if is_atom(expr) {
            if !self.atoms.iter().any(|atom| same(atom, expr)) {
                self.atoms.push(expr.clone());
            }
            return;
        }
        match &expr.node {
            Node::Rule { rule, .. } => return self.collect(&rule.body, strictly),
            Node::If(condition, then, otherwise) if !strictly && expr.ty == Type::Bool => {
                self.need_claims(condition);
                self.collect(condition, true);
                self.collect(then, false);
                self.collect(otherwise, false);
                return;
            }
            node if !strictly && !by_parts(node) => {
                self.need_claims(expr);
                return expr.each_child(&mut |child| self.collect(child, true));
            }
            _ => {}
        }
        expr.each_child(&mut |child| self.collect(child, strictly));
    }

    fn need_claims(&mut self, expr: &Expr) {
        each_claim(expr, &mut |claim, ty| {
            if !self
                .claims
                .iter()
                .any(|known| known.0 == *claim && known.1 == *ty)
            {
                self.claims.push((claim.clone(), ty.clone()));
            }
        });
    }
}

impl Expr {
    /// The constant true or false.
    pub fn constant(truth: bool) -> Expr {
        Expr {
            node: Node::Const(Value::Bool(truth)),
            ty: Type::Bool,
            nullable: false,
            at: 0..0,
        }
    }

    /// `Some` for the constants true and false.
    pub fn as_const_bool(&self) -> Option<bool> {
        match self.node {
            Node::Const(Value::Bool(known)) => Some(known),
            _ => None,
        }
    }

    pub fn reads_rows(&self) -> RowsRead {
        let of = |row: &Row| match row.var {
            THIS | NEXT | ROW if row.hops.is_empty() => RowsRead::Own,
            _ => RowsRead::Others,
        };
        match &self.node {
            Node::Field { row, .. } => of(row),
            Node::Rule {
                rule,
                row: Some(row),
            } if row.hops.is_empty() => rule.body.reads_rows(),
            Node::Rule { rule, row: None } => rule.body.reads_rows(),
            Node::Rule { .. } | Node::Quantifier { .. } | Node::Aggregate { .. } => {
                RowsRead::Others
            }
            _ => {
                let mut reads = RowsRead::None;
                self.each_child(&mut |child| {
                    if reads < RowsRead::Others {
                        reads = reads.max(child.reads_rows());
                    }
                });
                reads
            }
        }
    }
}

/// Nodes decided part by part (law 2); `?:` is dealt with apart.
fn by_parts(node: &Node) -> bool {
    match node {
        Node::And(_) | Node::Or(_) | Node::Rule { .. } => true,
        Node::Quantifier { kind, .. } => *kind == Quantifier::Exists,
        _ => false,
    }
}

/// A condition that the caller and the clock decide.
fn is_atom(expr: &Expr) -> bool {
    expr.ty == Type::Bool
        && !expr.nullable
        && !matches!(expr.node, Node::Const(_))
        && asks_no_row(expr, &mut vec![])
}

pub(crate) fn asks_no_row(expr: &Expr, elements: &mut Vec<Var>) -> bool {
    match &expr.node {
        Node::Field { .. } | Node::Quantifier { .. } | Node::Aggregate { .. } | Node::Input(_) => {
            false
        }
        Node::Element(var) => elements.contains(var),
        Node::Rule { rule, .. } => asks_no_row(&rule.body, &mut vec![]),
        node => {
            let bound = elements.len();
            if let Node::ValueQuantifier { var, .. } = node {
                elements.push(*var);
            }
            let mut none = true;
            expr.each_child(&mut |child| none = none && asks_no_row(child, elements));
            elements.truncate(bound);
            none
        }
    }
}

fn each_claim(expr: &Expr, found: &mut dyn FnMut(&Claim, &Type)) {
    match &expr.node {
        Node::Caller(claim) => found(claim, &expr.ty),
        Node::Rule { rule, .. } => each_claim(&rule.body, found),
        _ => expr.each_child(&mut |child| each_claim(child, found)),
    }
}

/// An atom for this caller. One that cannot be computed is not true.
fn decided(atom: &Expr, caller: &dyn CallerValues, now: Timestamp) -> bool {
    let env = Env {
        now,
        caller,
        this: None,
        next: None,
        row: None,
        input: &[],
        lookup: &NoRows,
    };
    holds(atom, &env).unwrap_or(false)
}

/// What is the same for everybody at all times.
fn constant_truth(expr: &Expr) -> Option<bool> {
    constant(expr).then(|| decided(expr, &Guest, Timestamp(0)))
}

fn constant(expr: &Expr) -> bool {
    match &expr.node {
        Node::Caller(_) | Node::SignedIn | Node::Now => false,
        Node::Rule { rule, .. } => constant(&rule.body),
        _ => {
            let mut all = true;
            expr.each_child(&mut |child| all = all && constant(child));
            all
        }
    }
}
