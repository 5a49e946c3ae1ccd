//! Walking checked expressions: children, likeness, size, and putting one into another.

use std::ops::Range;

use value::Type;

use crate::ir::{Expr, FIRST_BOUND, Hop, ListStep, Node, Row, THIS, Var};

/// Largest expression, with the rules and computed fields it uses spelled out: bounds what one
/// rule can cost, whether in SQL or in memory (law 12).
pub const COST_MAX: usize = 5_000;

impl Expr {
    /// Calls `visit` for each direct part. The body of a rule is not a part; a filter is.
    pub fn each_child<'e>(&'e self, visit: &mut dyn FnMut(&'e Expr)) {
        match &self.node {
            Node::Const(_)
            | Node::Caller(_)
            | Node::SignedIn
            | Node::Now
            | Node::Input(_)
            | Node::Field { .. }
            | Node::Rule { .. }
            | Node::Element(_) => {}
            Node::Member(of, _) | Node::Not(of) | Node::Neg(of) => visit(of),
            Node::And(parts) | Node::Or(parts) | Node::List(parts) | Node::Call(_, parts) => {
                parts.iter().for_each(visit);
            }
            Node::If(condition, then, otherwise) => {
                visit(condition);
                visit(then);
                visit(otherwise);
            }
            Node::Compare(_, left, right) | Node::In(left, right) | Node::Arith(_, left, right) => {
                visit(left);
                visit(right);
            }
            Node::Quantifier { list, body, .. } => {
                if let Some(filter) = &list.filter {
                    visit(filter);
                }
                visit(body);
            }
            Node::Aggregate { list, body, .. } => {
                if let Some(filter) = &list.filter {
                    visit(filter);
                }
                if let Some(body) = body {
                    visit(body);
                }
            }
            Node::ValueQuantifier { list, body, .. } => {
                visit(list);
                visit(body);
            }
        }
    }

    /// Looks at the clock: may be true now and false later, whoever asks.
    pub fn reads_now(&self) -> bool {
        let mut found = match &self.node {
            Node::Now => true,
            Node::Rule { rule, .. } => rule.body.reads_now(),
            _ => false,
        };
        self.each_child(&mut |part| found |= part.reads_now());
        found
    }

    /// The same node over other parts.
    pub(crate) fn map_children(&self, map: &mut dyn FnMut(&Expr) -> Expr) -> Expr {
        Expr {
            node: map_node(&self.node, map),
            ty: self.ty.clone(),
            nullable: self.nullable,
            at: self.at.clone(),
        }
    }
}

fn map_node(node: &Node, map: &mut dyn FnMut(&Expr) -> Expr) -> Node {
    match node {
        Node::Const(_)
        | Node::Caller(_)
        | Node::SignedIn
        | Node::Now
        | Node::Input(_)
        | Node::Field { .. }
        | Node::Rule { .. }
        | Node::Element(_) => node.clone(),
        Node::Member(of, member) => Node::Member(Box::new(map(of)), *member),
        Node::Not(of) => Node::Not(Box::new(map(of))),
        Node::Neg(of) => Node::Neg(Box::new(map(of))),
        Node::And(parts) => Node::And(parts.iter().map(map).collect()),
        Node::Or(parts) => Node::Or(parts.iter().map(map).collect()),
        Node::List(parts) => Node::List(parts.iter().map(map).collect()),
        Node::Call(function, parts) => Node::Call(*function, parts.iter().map(map).collect()),
        Node::If(condition, then, otherwise) => {
            let condition = Box::new(map(condition));
            let then = Box::new(map(then));
            Node::If(condition, then, Box::new(map(otherwise)))
        }
        Node::Compare(op, left, right) => {
            let left = Box::new(map(left));
            Node::Compare(*op, left, Box::new(map(right)))
        }
        Node::In(left, right) => {
            let left = Box::new(map(left));
            Node::In(left, Box::new(map(right)))
        }
        Node::Arith(op, left, right) => {
            let left = Box::new(map(left));
            Node::Arith(*op, left, Box::new(map(right)))
        }
        Node::Quantifier { kind, list, body } => {
            let list = map_list(list, map);
            Node::Quantifier {
                kind: *kind,
                list,
                body: Box::new(map(body)),
            }
        }
        Node::Aggregate { kind, list, body } => {
            let list = map_list(list, map);
            let body = body.as_ref().map(|body| Box::new(map(body)));
            Node::Aggregate {
                kind: *kind,
                list,
                body,
            }
        }
        Node::ValueQuantifier {
            kind,
            list,
            var,
            body,
        } => {
            let list = Box::new(map(list));
            Node::ValueQuantifier {
                kind: *kind,
                list,
                var: *var,
                body: Box::new(map(body)),
            }
        }
    }
}

fn map_list(list: &ListStep, map: &mut dyn FnMut(&Expr) -> Expr) -> ListStep {
    ListStep {
        of: list.of.clone(),
        resource: list.resource,
        field: list.field,
        var: list.var,
        filter: list.filter.as_ref().map(|filter| Box::new(map(filter))),
    }
}

/// Whether two expressions say the same, wherever they stand, whatever their bound variables
/// are numbered, and whatever was known about null there.
pub fn same(a: &Expr, b: &Expr) -> bool {
    Likeness { bound: vec![] }.same(a, b)
}

struct Likeness {
    /// Variables of the left and the right bound at the same place.
    bound: Vec<(Var, Var)>,
}

impl Likeness {
    fn same(&mut self, a: &Expr, b: &Expr) -> bool {
        // Of which size an integer is matters only where one is read from a claim.
        let int = |ty: &Type| matches!(ty, Type::Int32 | Type::Int53 | Type::Int64);
        let claim = matches!(a.node, Node::Caller(_));
        let same_type = a.ty == b.ty || (!claim && int(&a.ty) && int(&b.ty));
        if !same_type || !self.same_head(&a.node, &b.node) {
            return false;
        }
        let mut left = vec![];
        a.each_child(&mut |child| left.push(child));
        let mut right = vec![];
        b.each_child(&mut |child| right.push(child));
        let bound = self.bound.len();
        if let (Some(a), Some(b)) = (binds(&a.node), binds(&b.node)) {
            self.bound.push((a, b));
        }
        let same =
            left.len() == right.len() && left.iter().zip(right).all(|(a, b)| self.same(a, b));
        self.bound.truncate(bound);
        same
    }

    /// Everything of a node but its children.
    fn same_head(&self, a: &Node, b: &Node) -> bool {
        match (a, b) {
            (Node::Const(a), Node::Const(b)) => a == b,
            (Node::Caller(a), Node::Caller(b)) => a == b,
            (Node::SignedIn, Node::SignedIn) | (Node::Now, Node::Now) => true,
            (Node::Input(a), Node::Input(b)) => a == b,
            (Node::Field { row: a, field: x }, Node::Field { row: b, field: y }) => {
                x == y && self.same_row(a, b)
            }
            (Node::Member(_, a), Node::Member(_, b)) => a == b,
            (Node::Not(_), Node::Not(_))
            | (Node::Neg(_), Node::Neg(_))
            | (Node::And(_), Node::And(_))
            | (Node::Or(_), Node::Or(_))
            | (Node::List(_), Node::List(_))
            | (Node::In(..), Node::In(..))
            | (Node::If(..), Node::If(..)) => true,
            (Node::Call(a, _), Node::Call(b, _)) => a == b,
            (Node::Compare(a, ..), Node::Compare(b, ..)) => a == b,
            (Node::Arith(a, ..), Node::Arith(b, ..)) => a == b,
            (Node::Rule { rule: a, row: x }, Node::Rule { rule: b, row: y }) => {
                let rows = match (x, y) {
                    (Some(x), Some(y)) => self.same_row(x, y),
                    (None, None) => true,
                    _ => false,
                };
                // Within one contract a name means one rule; specialised bodies differ.
                rows && a.name == b.name
                    && a.resource == b.resource
                    && (std::sync::Arc::ptr_eq(a, b) || same(&a.body, &b.body))
            }
            (
                Node::Quantifier {
                    kind: a, list: x, ..
                },
                Node::Quantifier {
                    kind: b, list: y, ..
                },
            ) => a == b && self.same_list(x, y),
            (
                Node::Aggregate {
                    kind: a,
                    list: x,
                    body: p,
                },
                Node::Aggregate {
                    kind: b,
                    list: y,
                    body: q,
                },
            ) => a == b && p.is_some() == q.is_some() && self.same_list(x, y),
            (Node::ValueQuantifier { kind: a, .. }, Node::ValueQuantifier { kind: b, .. }) => {
                a == b
            }
            (Node::Element(a), Node::Element(b)) => self.same_var(*a, *b),
            _ => false,
        }
    }

    fn same_list(&self, a: &ListStep, b: &ListStep) -> bool {
        a.resource == b.resource
            && a.field == b.field
            && a.filter.is_some() == b.filter.is_some()
            && self.same_row(&a.of, &b.of)
    }

    fn same_row(&self, a: &Row, b: &Row) -> bool {
        self.same_var(a.var, b.var) && a.resource == b.resource && a.hops == b.hops
    }

    fn same_var(&self, a: Var, b: Var) -> bool {
        let bound = self.bound.iter().rev().find(|(x, y)| *x == a || *y == b);
        bound.map_or(a == b, |(x, y)| *x == a && *y == b)
    }
}

/// The variable a node binds in its children. (Not in the list a value quantifier goes over,
/// which cannot mention it.)
pub(crate) fn binds(node: &Node) -> Option<Var> {
    match node {
        Node::Quantifier { list, .. } | Node::Aggregate { list, .. } => Some(list.var),
        Node::ValueQuantifier { var, .. } => Some(*var),
        _ => None,
    }
}

/// Size of an expression with the rules it uses spelled out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Size {
    /// Counted up to a little over [`COST_MAX`].
    pub(crate) cost: usize,
    pub(crate) depth: usize,
}

pub(crate) fn size(expr: &Expr) -> Size {
    let mut size = Size::default();
    measure(expr, 1, &mut size);
    size
}

fn measure(expr: &Expr, level: usize, size: &mut Size) {
    size.cost += 1;
    size.depth = size.depth.max(level);
    if size.cost > COST_MAX {
        return;
    }
    if let Node::Rule { rule, .. } = &expr.node {
        measure(&rule.body, level + 1, size);
    }
    expr.each_child(&mut |child| measure(child, level + 1, size));
}

/// `formula`, which speaks of `this`, said of `row` instead. Bound variables get new numbers
/// from `next` on; everything is placed at `at`.
pub(crate) fn said_of(formula: &Expr, row: &Row, next: &mut u16, at: &Range<u32>) -> Expr {
    Moved {
        to: Some((row, at)),
        next,
        bound: vec![],
    }
    .expr(formula)
}

/// `expr` once more, of the same rows and said at the same place. Bound variables get new numbers
/// from `next` on.
pub(crate) fn repeated(expr: &Expr, next: &mut u16) -> Expr {
    Moved {
        to: None,
        next,
        bound: vec![],
    }
    .expr(expr)
}

struct Moved<'a> {
    /// The row that is spoken of instead of `this`, and where it is said.
    to: Option<(&'a Row, &'a Range<u32>)>,
    next: &'a mut u16,
    bound: Vec<(Var, Var)>,
}

impl Moved<'_> {
    fn expr(&mut self, expr: &Expr) -> Expr {
        let bound = self.bound.len();
        if let Some(var) = binds(&expr.node) {
            let new = Var(*self.next);
            *self.next = self.next.saturating_add(1);
            self.bound.push((var, new));
        }
        let mut moved = expr.map_children(&mut |child| self.expr(child));
        if let Some((_, at)) = self.to {
            moved.at = at.clone();
        }
        match &mut moved.node {
            Node::Field { row, .. } => self.row(row),
            Node::Rule { row: Some(row), .. } => self.row(row),
            Node::Quantifier { list, .. } | Node::Aggregate { list, .. } => {
                list.var = self.var(list.var);
                self.row(&mut list.of);
            }
            Node::ValueQuantifier { var, .. } | Node::Element(var) => *var = self.var(*var),
            _ => {}
        }
        self.bound.truncate(bound);
        moved
    }

    fn var(&self, var: Var) -> Var {
        let bound = self.bound.iter().rev().find(|(old, _)| *old == var);
        bound.map_or(var, |(_, new)| *new)
    }

    fn row(&self, row: &mut Row) {
        if let (THIS, Some((to, _))) = (row.var, self.to) {
            *row = through(to, &row.hops);
        } else if row.var >= FIRST_BOUND {
            row.var = self.var(row.var);
        }
    }
}

/// `row`, and on from there.
pub(crate) fn through(row: &Row, hops: &[Hop]) -> Row {
    let mut row = row.clone();
    row.hops.extend_from_slice(hops);
    row
}
