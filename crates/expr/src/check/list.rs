//! Lists of records: `exists`, `all`, `exists_one`, `filter`, `count`, `sum`, `avg`, `min`, `max`.

use std::sync::Arc;

use value::{FieldId, ResourceId, Type, Value};

use crate::ast::{Ast, Word, range};
use crate::ir::{Aggregate, Comparison, Expr, ListStep, Node, Quantifier, Row, Var};
use crate::problem::Problem;

use super::adapt::is_int;
use super::names::{Bound, Local, Place};
use super::{Checked, Checker, Mode, range};

/// `this.members`, perhaps filtered or mapped.
pub(super) struct List {
    pub(super) of: Row,
    pub(super) resource: ResourceId,
    pub(super) field: FieldId,
    /// Once something was said about its elements.
    pub(super) var: Option<Var>,
    pub(super) filter: Option<Box<Expr>>,
    /// What stands for an element after `map`.
    pub(super) mapped: Option<Arc<Expr>>,
}

const METHODS: [&str; 11] = [
    "exists",
    "all",
    "exists_one",
    "filter",
    "map",
    "count",
    "size",
    "sum",
    "avg",
    "min",
    "max",
];

impl<'a> Checker<'a> {
    pub(super) fn list_method(
        &mut self,
        list: List,
        name: &'a Word,
        arguments: &'a [Ast],
        ast: &'a Ast,
    ) -> Checked<Place> {
        match name.text.as_str() {
            "filter" => self.filter(list, name, arguments).map(Place::List),
            "map" => self.map_rows(list, name, arguments).map(Place::List),
            "exists_one" => self.exists_one(list, name, arguments, ast),
            "exists" => self.quantifier(Quantifier::Exists, list, name, arguments, ast),
            "all" => self.quantifier(Quantifier::All, list, name, arguments, ast),
            "count" | "size" => self.count(list, name, arguments, ast),
            "sum" => self.aggregate(Aggregate::Sum, list, name, arguments, ast),
            "avg" => self.aggregate(Aggregate::Avg, list, name, arguments, ast),
            "min" => self.aggregate(Aggregate::Min, list, name, arguments, ast),
            "max" => self.aggregate(Aggregate::Max, list, name, arguments, ast),
            other => {
                let help = match other {
                    "existsOne" | "one" | "single" => "write `.exists_one(x, …)`".to_owned(),
                    "any" | "some" => "write `.exists(x, …)`".to_owned(),
                    "every" => "write `.all(x, …)`".to_owned(),
                    "length" | "len" => "write `.count()`".to_owned(),
                    "average" | "mean" => "write `.avg(x, x.field)`".to_owned(),
                    "collect" | "select" => "write `.map(x, x.field)`".to_owned(),
                    "contains" if list.mapped.is_some() => "write `x in ….map(…)`".to_owned(),
                    "contains" => "write `.exists(x, x.id == …)`".to_owned(),
                    "isEmpty" | "is_empty" => "write `.count() == 0`".to_owned(),
                    other => Self::nearest(other, METHODS)
                        .unwrap_or_else(|| format!("lists have {}", METHODS.join(", "))),
                };
                let message = format!("lists have no method `{other}`");
                self.report(
                    Problem::new("E0312", range(&name.at), message, "unknown method").help(help),
                );
                None
            }
        }
    }

    /// Says what a method needs, unless it got that many arguments.
    pub(super) fn takes(
        &mut self,
        arguments: &[Ast],
        count: usize,
        name: &Word,
        usage: &str,
    ) -> Checked<()> {
        if arguments.len() == count {
            return Some(());
        }
        let plural = if count == 1 { "" } else { "s" };
        self.report(
            Problem::new(
                "E0313",
                range(&name.at),
                format!(
                    "`{}` takes {count} argument{plural}, not {}",
                    name.text,
                    arguments.len()
                ),
                "wrong number of arguments",
            )
            .help(format!("write `{usage}`")),
        );
        None
    }

    /// Checks `body` with the variable bound to an element; the filter holds for it.
    pub(super) fn with_element<T>(
        &mut self,
        list: &mut List,
        variable: &'a Ast,
        body: impl FnOnce(&mut Self) -> Checked<T>,
    ) -> Checked<T> {
        let name = self.variable(variable)?;
        let var = match list.var {
            Some(var) => var,
            None => *list.var.insert(self.new_var()),
        };
        let stands_for = match &list.mapped {
            Some(value) => Bound::Mapped(Arc::clone(value)),
            None => Bound::Row(var, list.resource),
        };
        self.locals.push(Local { name, stands_for });
        let result = self.where_listed(list, body);
        self.locals.pop();
        result
    }

    /// Checks `body` where the filter holds.
    fn where_listed<T>(&mut self, list: &List, body: impl FnOnce(&mut Self) -> T) -> T {
        let known = self.facts.mark();
        if let Some(filter) = &list.filter {
            self.facts.learn(filter, true);
        }
        let result = body(self);
        self.facts.forget(known);
        result
    }

    fn filter(&mut self, mut list: List, name: &Word, arguments: &'a [Ast]) -> Checked<List> {
        self.takes(arguments, 2, name, ".filter(x, x.role == 'editor')")?;
        let condition = self.with_element(&mut list, &arguments[0], |checker| {
            checker.condition(&arguments[1])
        })?;
        list.filter = Some(match list.filter.take() {
            None => condition,
            Some(before) => {
                let at = condition.at.clone();
                let mut parts = vec![];
                for part in [*before, *condition] {
                    match part.node {
                        Node::And(inner) => parts.extend(inner),
                        node => parts.push(Expr { node, ..part }),
                    }
                }
                Box::new(Expr {
                    node: Node::And(parts),
                    ty: Type::Bool,
                    nullable: false,
                    at,
                })
            }
        });
        Some(list)
    }

    pub(super) fn step(&mut self, list: List) -> ListStep {
        let var = list.var.unwrap_or_else(|| self.new_var());
        ListStep {
            of: list.of,
            resource: list.resource,
            field: list.field,
            var,
            filter: list.filter,
        }
    }

    fn quantifier(
        &mut self,
        kind: Quantifier,
        mut list: List,
        name: &Word,
        arguments: &'a [Ast],
        ast: &'a Ast,
    ) -> Checked<Place> {
        let usage = match kind {
            Quantifier::Exists => ".exists(x, x.role == 'editor')",
            Quantifier::All => ".all(x, x.done)",
        };
        self.takes(arguments, 2, name, usage)?;
        let body = self.with_element(&mut list, &arguments[0], |checker| {
            checker.condition(&arguments[1])
        })?;
        let list = self.step(list);
        let node = Node::Quantifier { kind, list, body };
        self.make(node, Type::Bool, false, ast).map(Place::Value)
    }

    /// `.filter(x, …).count() == 1`
    fn exists_one(
        &mut self,
        list: List,
        name: &Word,
        arguments: &'a [Ast],
        ast: &'a Ast,
    ) -> Checked<Place> {
        self.takes(arguments, 2, name, ".exists_one(x, x.role == 'owner')")?;
        let list = self.filter(list, name, arguments)?;
        let place = self.count(list, name, &[], ast)?;
        let count = self.settle(place, ast)?;
        let one = self.make(Node::Const(Value::Int(1)), Type::Int64, false, ast)?;
        let node = Node::Compare(Comparison::Equal, count, one);
        self.make(node, Type::Bool, false, ast).map(Place::Value)
    }

    pub(super) fn count(
        &mut self,
        list: List,
        name: &Word,
        arguments: &'a [Ast],
        ast: &'a Ast,
    ) -> Checked<Place> {
        self.takes(arguments, 0, name, ".filter(x, …).count()")?;
        let list = self.step(list);
        let node = Node::Aggregate {
            kind: Aggregate::Count,
            list,
            body: None,
        };
        self.make(node, Type::Int64, false, ast).map(Place::Value)
    }

    fn aggregate(
        &mut self,
        kind: Aggregate,
        mut list: List,
        name: &Word,
        arguments: &'a [Ast],
        ast: &'a Ast,
    ) -> Checked<Place> {
        let mapped = list.mapped.clone();
        let (body, at) = match (&mapped, arguments) {
            // The elements themselves: `.map(x, x.field).sum()`.
            (Some(value), []) => {
                let body = self.where_listed(&list, |checker| checker.element(value, ast))?;
                (body, range(&value.at))
            }
            _ => {
                let usage = match mapped {
                    Some(_) => format!(".{}()", name.text),
                    None => format!(".{}(x, x.field)", name.text),
                };
                self.takes(arguments, 2, name, &usage)?;
                let value = &arguments[1];
                let body =
                    self.with_element(&mut list, &arguments[0], |checker| checker.value(value))?;
                (body, value.range())
            }
        };
        if self.is_claim(&body) {
            let message = "it is unclear which type this claim has";
            self.report(
                Problem::new("E0323", at, message, "a claim of the caller").help(format!(
                    "take a field of the records: `.{}(x, x.field)`",
                    name.text
                )),
            );
            return None;
        }
        let ty = match (kind, &body.ty) {
            (Aggregate::Sum, ty) if is_int(ty) => Some(Type::Int64),
            (Aggregate::Sum, ty @ (Type::Float | Type::Decimal)) => Some(ty.clone()),
            (Aggregate::Avg, ty) if is_int(ty) || *ty == Type::Float => Some(Type::Float),
            (
                Aggregate::Min | Aggregate::Max,
                ty @ (Type::Int32
                | Type::Int53
                | Type::Int64
                | Type::Float
                | Type::Decimal
                | Type::Text
                | Type::Date
                | Type::Timestamp),
            ) => Some(ty.clone()),
            _ => None,
        };
        let Some(ty) = ty else {
            let text = &self.source[at.clone()];
            let help = match (kind, &body.ty) {
                (_, Type::Money) => format!("write `{text}.amount`"),
                (Aggregate::Avg, Type::Decimal) => {
                    "an average is not exact; use `sum` and `count`".to_owned()
                }
                (_, Type::Bool) => "write `.filter(x, …).count()`".to_owned(),
                (Aggregate::Min | Aggregate::Max, _) => format!(
                    "`{}` takes numbers, texts, dates and date-times; to count write `.count()`",
                    name.text
                ),
                _ => format!("`{}` takes numbers; to count write `.count()`", name.text),
            };
            self.report(
                Problem::new(
                    "E0321",
                    at,
                    format!("`{}` does not work on {}", name.text, body.ty.name()),
                    format!("this is {}", body.ty.describe()),
                )
                .help(help),
            );
            return None;
        };
        // Nothing to take the average or the least of.
        let nullable = match kind {
            Aggregate::Avg | Aggregate::Min | Aggregate::Max => true,
            // Or more than there is room for.
            Aggregate::Sum => self.scope.mode == Mode::Rule && !range::sum_fits(&body, self.schema),
            Aggregate::Count => false,
        };
        let list = self.step(list);
        let node = Node::Aggregate {
            kind,
            list,
            body: Some(body),
        };
        let expr = self.make(node, ty, nullable, ast)?;
        Some(Place::Value(self.known(expr)))
    }
}
