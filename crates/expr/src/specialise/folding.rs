//! Puts what is decided into a condition and takes away what then decides nothing.

use std::sync::Arc;

use value::{Type, Value};

use super::{by_parts, each_claim, is_atom};
use crate::ir::{Claim, Expr, ListStep, Node, Quantifier, Row, RuleDef};

pub(super) struct Folding<'a> {
    /// The truth of an atom, if it is decided.
    pub(super) decide: &'a dyn Fn(&Expr) -> Option<bool>,
    /// Whether a claim is missing, if that is decided.
    pub(super) missing: &'a dyn Fn(&Claim, &Type) -> Option<bool>,
}

/// What is known about the claims an expression reads.
enum Claims {
    /// All there, or none read.
    There,
    Missing,
    Undecided,
}

impl Folding<'_> {
    fn claims(&self, expr: &Expr) -> Claims {
        let mut claims = Claims::There;
        each_claim(expr, &mut |claim, ty| match (self.missing)(claim, ty) {
            Some(true) => claims = Claims::Missing,
            Some(false) => {}
            None if matches!(claims, Claims::Missing) => {}
            None => claims = Claims::Undecided,
        });
        claims
    }

    fn atom(&self, expr: &Expr) -> Option<Expr> {
        let truth = if is_atom(expr) {
            (self.decide)(expr)?
        } else {
            return None;
        };
        Some(Expr {
            at: expr.at.clone(),
            ..Expr::constant(truth)
        })
    }

    /// Decides part by part where that is how it is decided.
    pub(super) fn loosely(&self, expr: &Expr) -> Expr {
        if let Some(known) = self.atom(expr) {
            return known;
        }
        if by_parts(&expr.node) {
            return self.parts(expr, false);
        }
        if let (Node::If(condition, then, otherwise), Type::Bool) = (&expr.node, &expr.ty) {
            return self.conditional(expr, condition, then, otherwise);
        }
        match self.claims(expr) {
            Claims::There => self.strictly(expr),
            Claims::Missing => Expr {
                at: expr.at.clone(),
                ..Expr::constant(false)
            },
            // Folding could drop the claim that would have made it false.
            Claims::Undecided => expr.clone(),
        }
    }

    fn conditional(&self, expr: &Expr, condition: &Expr, then: &Expr, otherwise: &Expr) -> Expr {
        let condition = match self.claims(condition) {
            Claims::There => self.strictly(condition),
            Claims::Missing => {
                return Expr {
                    at: expr.at.clone(),
                    ..Expr::constant(false)
                };
            }
            Claims::Undecided => condition.clone(),
        };
        match condition.as_const_bool() {
            Some(true) => self.loosely(then),
            Some(false) => self.loosely(otherwise),
            None => {
                let then = Box::new(self.loosely(then));
                let otherwise = Box::new(self.loosely(otherwise));
                Expr {
                    node: Node::If(Box::new(condition), then, otherwise),
                    ..expr.clone()
                }
            }
        }
    }

    /// Where all claims are there.
    fn strictly(&self, expr: &Expr) -> Expr {
        match self.atom(expr) {
            Some(known) => known,
            None => self.parts(expr, true),
        }
    }

    fn part(&self, expr: &Expr, strictly: bool) -> Expr {
        if strictly {
            self.strictly(expr)
        } else {
            self.loosely(expr)
        }
    }

    fn parts(&self, expr: &Expr, strictly: bool) -> Expr {
        match &expr.node {
            Node::And(parts) => self.join(expr, parts, strictly, true),
            Node::Or(parts) => self.join(expr, parts, strictly, false),
            Node::Rule { rule, row } => self.rule(expr, rule, row.as_ref(), strictly),
            Node::Quantifier { kind, list, body } => {
                self.quantifier(expr, *kind, list, body, strictly)
            }
            _ => {
                let folded = expr.map_children(&mut |child| self.part(child, strictly));
                simplified(folded)
            }
        }
    }

    fn join(&self, expr: &Expr, parts: &[Expr], strictly: bool, and: bool) -> Expr {
        let mut left = vec![];
        for part in parts {
            let part = self.part(part, strictly);
            match part.as_const_bool() {
                Some(truth) if truth == and => {}
                Some(_) => return part,
                None => left.push(part),
            }
        }
        let node = match left.len() {
            0 => Node::Const(Value::Bool(and)),
            1 => return left.remove(0),
            _ if and => Node::And(left),
            _ => Node::Or(left),
        };
        Expr {
            node,
            ty: Type::Bool,
            nullable: false,
            at: expr.at.clone(),
        }
    }

    fn rule(&self, expr: &Expr, rule: &Arc<RuleDef>, row: Option<&Row>, strictly: bool) -> Expr {
        let body = self.part(&rule.body, strictly);
        if body.as_const_bool().is_some() {
            // Over a relation too: where the row at its end is not there, nothing is asked of
            // it (the id was there, and records are not removed while others hold their id).
            return Expr {
                at: expr.at.clone(),
                ..body
            };
        }
        let rule = match body == rule.body {
            true => rule.clone(),
            false => Arc::new(RuleDef {
                name: rule.name.clone(),
                resource: rule.resource,
                body,
            }),
        };
        let node = Node::Rule {
            rule,
            row: row.cloned(),
        };
        Expr {
            node,
            ty: Type::Bool,
            nullable: false,
            at: expr.at.clone(),
        }
    }

    fn quantifier(
        &self,
        expr: &Expr,
        kind: Quantifier,
        list: &ListStep,
        body: &Expr,
        strictly: bool,
    ) -> Expr {
        let body = self.part(body, strictly);
        let filter = list
            .filter
            .as_ref()
            .map(|filter| self.part(filter, strictly));
        let empty = filter.as_ref().and_then(Expr::as_const_bool) == Some(false);
        let decided = match kind {
            Quantifier::Exists if empty || body.as_const_bool() == Some(false) => Some(false),
            Quantifier::All if empty || body.as_const_bool() == Some(true) => Some(true),
            _ => None,
        };
        if let Some(truth) = decided {
            return Expr {
                at: expr.at.clone(),
                ..Expr::constant(truth)
            };
        }
        let list = ListStep {
            filter: filter
                .filter(|filter| filter.as_const_bool().is_none())
                .map(Box::new),
            of: list.of.clone(),
            ..*list
        };
        let node = Node::Quantifier {
            kind,
            list,
            body: Box::new(body),
        };
        Expr {
            node,
            ty: Type::Bool,
            nullable: false,
            at: expr.at.clone(),
        }
    }
}

/// `!true`, `true ? a : b`, a filter that lets everything through.
fn simplified(mut expr: Expr) -> Expr {
    match &mut expr.node {
        Node::Not(inner) => {
            if let Some(truth) = inner.as_const_bool() {
                expr.node = Node::Const(Value::Bool(!truth));
            }
        }
        Node::If(condition, then, otherwise) => {
            if let Some(truth) = condition.as_const_bool() {
                let ty = expr.ty.clone();
                let taken = if truth { then } else { otherwise };
                let taken = std::mem::replace(&mut **taken, Expr::constant(false));
                return Expr { ty, ..taken };
            }
        }
        Node::Aggregate { list, .. }
            if list.filter.as_deref().and_then(Expr::as_const_bool) == Some(true) =>
        {
            list.filter = None;
        }
        _ => {}
    }
    expr
}
