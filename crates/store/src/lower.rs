//! Conditions and formulas as SQL.
//!
//! What comes in has been checked and, where it asks about the caller, specialised
//! ([`expr::Condition`]); what goes out means the same as [`expr::eval()`] for every row.
//!
//! Invariants:
//! 1. A condition is never NULL where it is asked: the checker has excluded null before a
//!    nullable operand is used, AND, OR and CASE keep what was excluded excluded, and
//!    everything made here of conditions (EXISTS, IN over non-null columns) is two-valued.
//! 2. Variables of nested scopes have tables of their own; a rule's body sees nothing but its
//!    own record.
//! 3. What is written is bounded by [`NODES_MAX`], however rules repeat each other.
//!
//! A step to another record is written in one of two ways. *As a set*: `list_id IN (SELECT …
//! UNION SELECT …)`, computed once for the statement and able to drive an index; used where the
//! set is small because it depends on the caller (`owner_id == user.id`). *By row*: `EXISTS
//! (SELECT 1 … WHERE id = list_id AND …)`, one look-up for each row asked; used for single
//! records, outputs, and conditions that most rows fulfil (`book.published`), whose set would be
//! the whole table. The wrong choice costs a walk of a table on either side.

use expr::Expr;
use expr::ir::{
    Aggregate, Arith, Comparison, Function, Hop, ListStep, Node, Quantifier, Row, RuleDef, THIS,
    Var,
};
use model::{FieldKind, Model};
use value::{FieldId, IdKind, ResourceId, Type, Value};

use crate::driver::StoreError;
use crate::layout;
use crate::prepared::{Part, Source};
use crate::sql::{Alias, Sql};

mod scalar;
mod walk;

pub(crate) use walk::names;

/// Nodes that one condition may come to, rules written out where they are used: what the checker
/// lets through ([`expr::walk::COST_MAX`]), with room for what is written twice.
pub const NODES_MAX: u32 = 20_000;
/// Bytes of one statement. SQLite is told to refuse a million.
const TEXT_BYTES_MAX: usize = 900_000;

/// Nodes looked at to choose between set and row, rules again where they are used: each level
/// looks at all below it. Beyond it everything is asked by row, which is right, if slower.
const LOOKED_AT_MAX: u32 = 100_000;

/// Alternatives of one set that become branches of their own; SQLite takes 500 in all.
const BRANCHES_MAX: usize = 100;

/// An expression that has no SQL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsupported {
    /// What of it: `matches()`.
    pub what: &'static str,
}

impl std::fmt::Display for Unsupported {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} cannot be decided by the database", self.what)
    }
}

impl std::error::Error for Unsupported {}

impl From<Unsupported> for StoreError {
    fn from(unsupported: Unsupported) -> Self {
        StoreError::Internal {
            reason: unsupported.to_string(),
        }
    }
}

/// Whether an expression about a record of `resource` (THIS, NEXT) has SQL.
///
/// # Errors
/// What of it has none.
pub fn supported(model: &Model, resource: ResourceId, expr: &Expr) -> Result<(), Unsupported> {
    let mut sql = Sql::new(crate::Dialect::Sqlite);
    let alias = sql.alias();
    let mut lowering = Lowering::new(model, &mut sql, Form::Rows);
    lowering.bind(THIS, Place::Row { alias, resource });
    lowering.bind(expr::ir::NEXT, Place::Row { alias, resource });
    match expr.ty {
        Type::Money => lowering.scalar(expr, Part::Amount),
        _ => lowering.scalar(expr, Part::Whole),
    }
}

/// Whether what many rows are asked may become sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Rows,
    Sets,
}

/// Where the row of a variable is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Row {
        alias: Alias,
        resource: ResourceId,
    },
    /// It is not stored: its stored fields are arguments from this one on.
    Args {
        first: u16,
        resource: ResourceId,
    },
}

/// A row that can be named: a variable, or what it reaches over `hops`.
struct Known {
    var: Var,
    hops: Vec<Hop>,
    place: Place,
}

pub(crate) struct Lowering<'a> {
    model: &'a Model,
    sql: &'a mut Sql,
    form: Form,
    scope: Vec<Known>,
    nodes: u32,
    /// EXISTS within EXISTS, and how many there are in all.
    depth: u32,
    exists: u32,
    /// Steps that looking ahead ([`Lowering::is_selective`]) may still take.
    fuel: std::cell::Cell<u32>,
    asked_caller: bool,
}

/// The first hop that everything in an expression goes over.
#[derive(Clone, PartialEq)]
struct Step {
    /// Index of the row it starts from in the scope.
    from: usize,
    hop: Hop,
}

/// The alternatives of one set.
struct Branches {
    begun: bool,
    left: usize,
}

impl Default for Branches {
    fn default() -> Self {
        Branches {
            begun: false,
            left: BRANCHES_MAX,
        }
    }
}

impl Branches {
    /// Makes so many of one, if that is not too many.
    fn divide(&mut self, into: usize) -> bool {
        match self.left.checked_sub(into) {
            Some(left) => {
                self.left = left;
                true
            }
            None => false,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Junction {
    And,
    Or,
}

/// As many as PostgreSQL puts into one join (`from_collapse_limit`).
const EXISTS_PLANNED_MAX: u32 = 8;

type Lowered = Result<(), Unsupported>;

impl<'a> Lowering<'a> {
    pub fn new(model: &'a Model, sql: &'a mut Sql, form: Form) -> Lowering<'a> {
        Lowering {
            model,
            sql,
            form,
            scope: vec![],
            nodes: 0,
            depth: 0,
            exists: 0,
            fuel: std::cell::Cell::new(LOOKED_AT_MAX),
            asked_caller: false,
        }
    }

    /// Something of the caller has been read.
    pub fn asked_caller(&self) -> bool {
        self.asked_caller
    }

    pub fn bind(&mut self, var: Var, place: Place) {
        self.scope.push(Known {
            var,
            hops: vec![],
            place,
        });
    }

    /// Writes a boolean. What is written stands as an operand of AND, OR and NOT.
    pub fn condition(&mut self, expr: &Expr) -> Lowered {
        self.spend()?;
        match &expr.node {
            Node::Const(Value::Bool(known)) => {
                self.sql.push(if *known { "TRUE" } else { "FALSE" });
                Ok(())
            }
            Node::And(all) => self.junction(Junction::And, all),
            Node::Or(any) => self.junction(Junction::Or, any),
            Node::Not(inner) => {
                self.sql.push("NOT (");
                self.condition(inner)?;
                self.sql.push(")");
                Ok(())
            }
            Node::If(..) => self.scalar(expr, Part::Whole),
            Node::Quantifier { kind, list, body } => self.quantifier(*kind, list, body, expr),
            Node::Rule { rule, row: None } => {
                self.in_rule(rule, None, |this, body| this.condition(body))
            }
            Node::Rule {
                rule,
                row: Some(row),
            } => {
                let (from, rest) = self.resolve(row)?;
                if rest.is_empty() {
                    let place = self.scope[from].place;
                    return self.in_rule(rule, Some(place), |this, body| this.condition(body));
                }
                let step = Step {
                    from,
                    hop: rest[0].clone(),
                };
                self.through(&step, Junction::And, &[expr])
            }
            _ => match self.sole_step(expr)? {
                Some(step) => self.through(&step, Junction::And, &[expr]),
                None => self.scalar(expr, Part::Whole),
            },
        }
    }

    /// Parts that go over the same hop are asked of the other record together.
    fn junction(&mut self, kind: Junction, parts: &[Expr]) -> Lowered {
        let mut groups: Vec<(Option<Step>, Vec<&Expr>)> = Vec::new();
        for part in parts {
            let step = self.sole_step(part)?;
            let same = groups
                .iter_mut()
                .find(|(known, _)| step.is_some() && *known == step);
            match same {
                Some((_, group)) => group.push(part),
                None => groups.push((step, vec![part])),
            }
        }
        if groups.is_empty() {
            self.sql.push(if kind == Junction::And {
                "TRUE"
            } else {
                "FALSE"
            });
            return Ok(());
        }
        self.balanced(
            kind,
            &groups,
            &mut |this, (step, group)| match (step, group.as_slice()) {
                (Some(step), [_, _, ..]) => this.through(step, kind, group),
                (_, group) => group.iter().try_for_each(|part| this.condition(part)),
            },
        )
    }

    /// Joins the parts as a balanced tree: a long list must not become a deep one, because the
    /// depth of expressions is limited.
    fn balanced<T>(
        &mut self,
        kind: Junction,
        parts: &[T],
        write: &mut dyn FnMut(&mut Self, &T) -> Lowered,
    ) -> Lowered {
        match parts {
            [] => Ok(()),
            [one] => write(self, one),
            _ => {
                let (left, right) = parts.split_at(parts.len() / 2);
                self.sql.push("(");
                self.balanced(kind, left, write)?;
                self.sql.push(if kind == Junction::And {
                    " AND "
                } else {
                    " OR "
                });
                self.balanced(kind, right, write)?;
                self.sql.push(")");
                Ok(())
            }
        }
    }

    /// Conditions that all are about one other record.
    fn through(&mut self, step: &Step, kind: Junction, parts: &[&Expr]) -> Lowered {
        self.spend()?;
        let known = &self.scope[step.from];
        let (var, place) = (known.var, known.place);
        let mut hops = known.hops.clone();
        hops.push(step.hop.clone());
        let target = self.model.resource(step.hop.target);
        let alias = self.sql.alias();
        let there = Place::Row {
            alias,
            resource: target.id,
        };

        let as_set = self.form == Form::Sets
            && match kind {
                Junction::And => parts.iter().any(|part| self.is_selective(part)),
                Junction::Or => parts.iter().all(|part| self.is_selective(part)),
            };
        if as_set {
            self.field(place, step.hop.via, Part::Whole)?;
            self.sql.push(" IN (");
            self.scope.push(Known {
                var,
                hops,
                place: there,
            });
            let mut branches = Branches::default();
            match (kind, parts) {
                (Junction::And, [_, _, ..]) => {
                    self.ids(there);
                    self.all_of(parts)?;
                }
                _ if branches.divide(parts.len()) => parts
                    .iter()
                    .try_for_each(|part| self.ids_where(there, part, &mut branches))?,
                _ => {
                    self.ids(there);
                    self.any_of(parts)?;
                }
            }
        } else {
            self.sql.push("EXISTS (SELECT 1 FROM ");
            self.sql.table(&target.snake, alias);
            self.sql.push(" WHERE ");
            self.sql.column(alias, &target.id_field().name);
            self.sql.push(" = ");
            self.field(place, step.hop.via, Part::Whole)?;
            self.sql.push(" AND ");
            self.sql.live(target, alias);
            self.scope.push(Known {
                var,
                hops,
                place: there,
            });
            self.depth += 1;
            match kind {
                Junction::And => self.all_of(parts)?,
                Junction::Or => self.any_of(parts)?,
            }
            self.end_exists();
        }
        self.scope.pop();
        self.sql.push(")");
        Ok(())
    }

    fn all_of(&mut self, parts: &[&Expr]) -> Lowered {
        self.balanced(Junction::And, parts, &mut |this, part| this.condition(part))
    }

    fn any_of(&mut self, parts: &[&Expr]) -> Lowered {
        self.balanced(Junction::Or, parts, &mut |this, part| this.condition(part))
    }

    /// `SELECT t1."id" FROM "list" AS t1 WHERE `
    fn ids(&mut self, place: Place) {
        if let Place::Row { alias, resource } = place {
            let resource = self.model.resource(resource);
            self.sql.push("SELECT ");
            self.sql.column(alias, &resource.id_field().name);
            self.sql.push(" FROM ");
            self.sql.table(&resource.snake, alias);
            self.sql.push(" WHERE ");
            self.sql.live(resource, alias);
        }
    }

    /// Selects the ids of the rows at `place` for which the condition holds; a branch of its own
    /// for each alternative, so that each can use its index.
    fn ids_where(&mut self, place: Place, expr: &Expr, branches: &mut Branches) -> Lowered {
        self.spend()?;
        match &expr.node {
            Node::Or(any) if branches.divide(any.len()) => any
                .iter()
                .try_for_each(|one| self.ids_where(place, one, branches)),
            Node::Rule {
                rule,
                row: Some(row),
            } if self.is_at(row, place)? => self.in_rule(rule, Some(place), |this, body| {
                this.ids_where(place, body, branches)
            }),
            Node::Quantifier {
                kind: Quantifier::Exists,
                list,
                body,
            } if self.is_at(&list.of, place)? && self.is_set(list, body, expr) => {
                self.holders(list, body, branches)
            }
            _ => {
                self.union(branches);
                self.ids(place);
                self.condition(expr)
            }
        }
    }

    /// Selects the ids that rows of the list hold, those rows for which `body` holds.
    fn holders(&mut self, list: &ListStep, body: &Expr, branches: &mut Branches) -> Lowered {
        if let Node::Or(any) = &body.node
            && branches.divide(any.len())
        {
            return any
                .iter()
                .try_for_each(|one| self.holders(list, one, branches));
        }
        self.union(branches);
        let resource = self.model.resource(list.resource);
        let field = resource.field(list.field);
        let alias = self.sql.alias();
        self.sql.push("SELECT ");
        self.sql.column(alias, &field.name);
        self.sql.push(" FROM ");
        self.sql.table(&resource.snake, alias);
        self.sql.push(" WHERE ");
        self.sql.live(resource, alias);
        if field.shape.nullable {
            // One null in the set would make `IN` unknown instead of false.
            self.sql.column(alias, &field.name);
            self.sql.push(" IS NOT NULL AND ");
        }
        self.in_list(list, alias, body, false)
    }

    fn union(&mut self, branches: &mut Branches) {
        if branches.begun {
            self.sql.push(" UNION ");
        }
        branches.begun = true;
    }

    fn quantifier(
        &mut self,
        kind: Quantifier,
        list: &ListStep,
        body: &Expr,
        whole: &Expr,
    ) -> Lowered {
        if kind == Quantifier::Exists && self.form == Form::Sets && self.is_set(list, body, whole) {
            self.row_id(&list.of)?;
            self.sql.push(" IN (");
            self.holders(list, body, &mut Branches::default())?;
            self.sql.push(")");
            return Ok(());
        }
        let resource = self.model.resource(list.resource);
        let alias = self.sql.alias();
        // All hold when there is none that does not.
        let all = kind == Quantifier::All;
        self.sql.push(if all {
            "NOT EXISTS (SELECT 1 FROM "
        } else {
            "EXISTS (SELECT 1 FROM "
        });
        self.sql.table(&resource.snake, alias);
        self.sql.push(" WHERE ");
        self.sql.column(alias, &resource.field(list.field).name);
        self.sql.push(" = ");
        self.row_id(&list.of)?;
        self.sql.push(" AND ");
        self.depth += 1;
        self.sql.live(resource, alias);
        self.in_list(list, alias, body, all)?;
        self.end_exists();
        self.sql.push(")");
        Ok(())
    }

    /// PostgreSQL plans an EXISTS in more than one way, alone and as a join with all others, and
    /// what stands in it again for each. Where they are nested or many, that takes longer than
    /// any plan could save; so it is told to take them as they stand, row by row.
    fn end_exists(&mut self) {
        self.exists += 1;
        if self.depth > 2 || self.exists > EXISTS_PLANNED_MAX {
            self.sql.either("", " OFFSET 0");
        }
        self.depth -= 1;
    }

    /// The filter of a list and a condition (or its opposite) about one of its rows.
    fn in_list(&mut self, list: &ListStep, alias: Alias, body: &Expr, negated: bool) -> Lowered {
        self.bind(
            list.var,
            Place::Row {
                alias,
                resource: list.resource,
            },
        );
        if let Some(filter) = &list.filter {
            self.condition(filter)?;
            self.sql.push(" AND ");
        }
        if negated {
            self.sql.push("NOT (");
            self.condition(body)?;
            self.sql.push(")");
        } else {
            self.condition(body)?;
        }
        self.scope.pop();
        Ok(())
    }

    /// Lowers a rule's body, which knows nothing but its own record.
    fn in_rule(
        &mut self,
        rule: &RuleDef,
        place: Option<Place>,
        lower: impl FnOnce(&mut Self, &Expr) -> Lowered,
    ) -> Lowered {
        let this = place.map(|place| Known {
            var: THIS,
            hops: vec![],
            place,
        });
        let outside = std::mem::replace(&mut self.scope, this.into_iter().collect());
        let lowered = lower(self, &rule.body);
        self.scope = outside;
        lowered
    }

    /// The nearest known row on the way to `row`, and the hops that remain.
    fn resolve<'r>(&self, row: &'r Row) -> Result<(usize, &'r [Hop]), Unsupported> {
        self.scope
            .iter()
            .enumerate()
            .filter(|(_, known)| known.var == row.var && row.hops.starts_with(&known.hops))
            // The latest of the longest: an inner variable hides an outer one of its name.
            .max_by_key(|(at, known)| (known.hops.len(), *at))
            .map(|(at, known)| (at, &row.hops[known.hops.len()..]))
            .ok_or(Unsupported {
                what: "a record that is not at hand",
            })
    }

    fn is_at(&self, row: &Row, place: Place) -> Result<bool, Unsupported> {
        let (at, rest) = self.resolve(row)?;
        Ok(rest.is_empty() && self.scope[at].place == place)
    }

    /// The hop that every row in the expression is reached over, if there is one.
    fn sole_step(&self, expr: &Expr) -> Result<Option<Step>, Unsupported> {
        let mut found: Option<Step> = None;
        let mut mixed = false;
        let mut broken = None;
        walk::rows(expr, &mut |row| match self.resolve(row) {
            Ok((from, [hop, ..])) => match &found {
                None => {
                    found = Some(Step {
                        from,
                        hop: hop.clone(),
                    })
                }
                Some(known) => mixed |= known.from != from || known.hop != *hop,
            },
            Ok((_, [])) => mixed = true,
            Err(unsupported) => broken = Some(unsupported),
        });
        match broken {
            Some(unsupported) => Err(unsupported),
            None => Ok(found.filter(|_| !mixed)),
        }
    }

    /// The rows of the list for which the body holds are few, and known without the row that
    /// the list belongs to.
    fn is_set(&self, list: &ListStep, body: &Expr, whole: &Expr) -> bool {
        let mut alone = true;
        let mut look = |row: &Row| alone &= row.var == list.var;
        walk::rows(body, &mut look);
        if let Some(filter) = &list.filter {
            walk::rows(filter, &mut look);
        }
        alone && self.is_selective(whole)
    }

    /// Few rows fulfil the condition, and an index finds them: it compares an indexed field with
    /// something about the caller, or a key with anything that is no row's.
    fn is_selective(&self, expr: &Expr) -> bool {
        let Some(fuel) = self.fuel.get().checked_sub(1) else {
            return false;
        };
        self.fuel.set(fuel);
        match &expr.node {
            Node::And(all) => all.iter().any(|part| self.is_selective(part)),
            Node::Or(any) => !any.is_empty() && any.iter().all(|part| self.is_selective(part)),
            Node::Compare(Comparison::Equal, a, b) => self.finds(a, b) || self.finds(b, a),
            Node::In(element, list) => self.finds(element, list),
            Node::Rule { rule, .. } => self.is_selective(&rule.body),
            Node::Quantifier {
                kind: Quantifier::Exists,
                list,
                body,
            } => {
                self.is_selective(body)
                    || list
                        .filter
                        .as_deref()
                        .is_some_and(|filter| self.is_selective(filter))
            }
            _ => false,
        }
    }

    fn finds(&self, field: &Expr, key: &Expr) -> bool {
        let Node::Field { row, field } = &field.node else {
            return false;
        };
        let mut rows = false;
        walk::rows(key, &mut |_| rows = true);
        if rows || matches!(key.node, Node::Const(Value::Null)) {
            return false;
        }
        let resource = self.model.resource(row.target());
        let Some(field) = resource.fields.get(usize::from(field.0)) else {
            return false;
        };
        let is_key = field.unique
            || field.id == resource.id_field().id
            || matches!(field.kind, FieldKind::Relation { .. });
        is_key || (field.indexed && walk::asks_caller(key))
    }

    fn spend(&mut self) -> Lowered {
        self.nodes += 1;
        if self.nodes > NODES_MAX || self.sql.bytes() > TEXT_BYTES_MAX {
            return Err(Unsupported {
                what: "so large a condition",
            });
        }
        Ok(())
    }
}
