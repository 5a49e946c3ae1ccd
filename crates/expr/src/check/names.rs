//! What a name or a path stands for: `this.list.owner_id`, `user.role`, `viewer`.

use value::{FieldId, ResourceId, Type, Value};

use crate::ast::{Ast, Kind, Word, range};
use crate::ir::{Claim, Expr, Hop, NEXT, Node, ROW, Row, RuleDef, THIS, Var};
use crate::problem::Problem;
use crate::schema::{Property, Unresolved, UserField};
use crate::walk::{said_of, size, through};

use super::list::List;
use super::mapped::Values;
use super::{Checked, Checker, Mode};

use std::sync::Arc;

/// A variable of a quantifier.
pub(super) struct Local {
    pub(super) name: Box<str>,
    pub(super) stands_for: Bound,
}

#[derive(Clone)]
pub(super) enum Bound {
    Row(Var, ResourceId),
    Element(Var, Type),
    /// What stands for the element of a mapped list.
    Mapped(Arc<Expr>),
}

/// Where a path has arrived.
pub(super) enum Place {
    Value(Box<Expr>),
    Row(Row),
    Relation(Relation),
    List(List),
    /// A list of values after `map`; before it is a value.
    Values(Values),
    User,
    Input,
}

/// A to-one relation, not followed yet.
pub(super) struct Relation {
    row: Row,
    via: FieldId,
    target: ResourceId,
    nullable: bool,
}

/// Names with a meaning of their own; variables cannot take them.
const RESERVED: [&str; 6] = ["this", "next", "row", "user", "input", "now"];

impl<'a> Checker<'a> {
    pub(super) fn place(&mut self, ast: &'a Ast) -> Checked<Place> {
        match &ast.kind {
            Kind::Name(name) => self.bare(name, ast),
            Kind::Member { of, name } => self.member(of, name, ast),
            Kind::Call {
                of: Some(of),
                name,
                arguments,
            } => self.method(of, name, arguments, ast),
            _ => self.value(ast).map(Place::Value),
        }
    }

    /// The value at a place, if it has one.
    pub(super) fn settle(&mut self, place: Place, ast: &'a Ast) -> Checked {
        let text = self.text(ast);
        let (message, help) = match place {
            Place::Value(expr) => return Some(expr),
            Place::Values(_)
            | Place::List(List {
                mapped: Some(_), ..
            }) => {
                self.not_a_value(ast);
                return None;
            }
            Place::Row(_) => (
                format!("`{text}` is a whole record"),
                format!("write `{text}.id`, or another field"),
            ),
            Place::Relation(_) => (
                format!("`{text}` is a whole record"),
                format!("write `{text}_id` for its id, or `{text}.name` for a field of it"),
            ),
            Place::List(_) => (
                format!("`{text}` is a list of records"),
                format!("write `{text}.exists(x, …)`, `{text}.all(x, …)` or `{text}.count()`"),
            ),
            Place::User if self.around.is_some_and(|around| around.at == ast.at) => (
                "`user` is the caller".to_owned(),
                "for anybody who is known write `signed_in`; for somebody of the record's, compare: `this.owner_id == user.id`"
                    .to_owned(),
            ),
            Place::User => (
                "`user` is the caller".to_owned(),
                "write `user.id` or a claim such as `user.role`; for anybody known, `signed_in`"
                    .to_owned(),
            ),
            Place::Input => (
                "`input` is all arguments together".to_owned(),
                "write `input.NAME`".to_owned(),
            ),
        };
        self.report(Problem::new("E0321", ast.range(), message, "not a single value").help(help));
        None
    }

    fn bare(&mut self, name: &str, ast: &'a Ast) -> Checked<Place> {
        if let Some(local) = self.locals.iter().rev().find(|local| *local.name == *name) {
            return Some(match local.stands_for.clone() {
                Bound::Row(var, resource) => Place::Row(Row {
                    var,
                    resource,
                    hops: vec![],
                }),
                Bound::Element(var, ty) => {
                    Place::Value(self.make(Node::Element(var), ty, false, ast)?)
                }
                Bound::Mapped(value) => Place::Value(self.element(&value, ast)?),
            });
        }
        let row = |var, resource| {
            Some(Place::Row(Row {
                var,
                resource,
                hops: vec![],
            }))
        };
        match name {
            "this" => match self.scope.this {
                Some(resource) => row(THIS, resource),
                None => self.not_here(ast, "there is no record here that `this` could be", None),
            },
            "next" => match self.scope.this {
                Some(resource) if self.scope.next => row(NEXT, resource),
                _ => self.not_here(
                    ast,
                    "`next` exists only in access rules for create, update and replace",
                    Some(
                        "the record as it is, or would become, is `this`; what compares both stands in `access`: `update: this.state == next.state`",
                    ),
                ),
            },
            "row" => match self.scope.row {
                Some(resource) => row(ROW, resource),
                None if self.rule_exists(name) => self.rule(name, ast).map(Place::Value),
                None => self.not_here(
                    ast,
                    "`row` exists only in a `where`",
                    Some("the record is `this`"),
                ),
            },
            "user" => Some(Place::User),
            "input" => match self.scope.input.is_empty() {
                false => Some(Place::Input),
                true => self.not_here(
                    ast,
                    "there is no input here",
                    Some("what is written is the record itself: `this.title`"),
                ),
            },
            "now" => self
                .make(Node::Now, Type::Timestamp, false, ast)
                .map(Place::Value),
            _ => self.rule(name, ast).map(Place::Value),
        }
    }

    fn rule_exists(&self, name: &str) -> bool {
        !matches!(
            self.schema.rule(self.scope.this, name),
            Err(Unresolved::Unknown)
        )
    }

    /// Where there is no help, whoever knows what stands here adds it.
    fn not_here<T>(&mut self, ast: &Ast, message: &str, help: Option<&str>) -> Checked<T> {
        let mut problem = Problem::new("E0314", ast.range(), message, "not available here");
        problem.help = help.map(str::to_owned);
        self.report(problem);
        None
    }

    /// A bare name: a rule.
    fn rule(&mut self, name: &str, ast: &Ast) -> Checked {
        match self.schema.rule(self.scope.this, name) {
            Ok(rule) => {
                let row = match (rule.resource, self.scope.this) {
                    (None, _) => None,
                    (Some(_), Some(resource)) => Some(Row {
                        var: THIS,
                        resource,
                        hops: vec![],
                    }),
                    (Some(_), None) => {
                        return self.not_here(
                            ast,
                            "this rule is about a record, and there is none here",
                            None,
                        );
                    }
                };
                self.ask(rule, row, ast)
            }
            Err(why) => {
                let word = Word {
                    text: name.to_owned(),
                    at: ast.at.clone(),
                };
                if !self.unresolved(why, &word) {
                    self.unknown_name(name, ast);
                }
                None
            }
        }
    }

    fn ask(&mut self, rule: Arc<RuleDef>, row: Option<Row>, ast: &Ast) -> Checked {
        self.spend(size(&rule.body).cost, ast)?;
        self.make(Node::Rule { rule, row }, Type::Bool, false, ast)
    }

    /// A bare name that is no part of the language.
    pub(super) fn is_word(&self, ast: &Ast) -> bool {
        matches!(&ast.kind, Kind::Name(name)
            if !RESERVED.contains(&name.as_str())
                && self.locals.iter().all(|local| *local.name != **name))
    }

    /// Reports a bare word where a text is meant: `user.role == admin`.
    ///
    /// `ty` is the type of what it meets.
    pub(super) fn lacks_quotes(&mut self, ast: &Ast, ty: &Type, beside: Beside) -> bool {
        let Kind::Name(name) = &ast.kind else {
            return false;
        };
        if !self.is_word(ast) || !matches!(ty, Type::Text | Type::Enum(_)) {
            return false;
        }
        if beside == Beside::Literal {
            return self.names_a_claim(name, ty, ast);
        }
        let word = matches!(ty, Type::Enum(words) if words.iter().any(|word| **word == **name));
        let meant = word
            || match self.schema.rule(self.scope.this, name) {
                Ok(_) => beside != Beside::Claim,
                Err(Unresolved::Cycle(_)) => true,
                Err(Unresolved::Broken | Unresolved::TooDeep) => false,
                Err(Unresolved::Unknown) => self.means_nothing(name, ty),
            };
        if meant {
            self.report(
                Problem::new(
                    "E0310",
                    ast.range(),
                    format!("text needs quotes: `'{name}'`"),
                    "without quotes it is the name of a rule",
                )
                .help(format!("write `'{name}'`")),
            );
        }
        meant
    }

    /// Reports a bare word that is compared with a written text: quotes around it would compare
    /// two texts, so it is something that has a value.
    fn names_a_claim(&mut self, name: &str, ty: &Type, ast: &Ast) -> bool {
        let unknown = matches!(
            self.schema.rule(self.scope.this, name),
            Err(Unresolved::Unknown)
        );
        let meant = unknown && self.means_nothing(name, ty);
        if meant {
            self.report(
                Problem::new(
                    "E0310",
                    ast.range(),
                    format!("there is nothing named `{name}` that has a value"),
                    "unknown name",
                )
                .help(format!(
                    "what is known of the caller is written `user.{name}`, a field of the record `this.{name}`"
                )),
            );
        }
        meant
    }

    /// Whether an unknown word is none that somebody took for a name: a field, `me`, `null`.
    fn means_nothing(&self, name: &str, ty: &Type) -> bool {
        let property = self.scope.this.is_some_and(|resource| {
            let names = self.schema.property_names(resource);
            let rules = self.schema.rule_names(Some(resource));
            let fields = names.iter().filter(|name| !rules.contains(name));
            diag::suggest::nearest(name, fields.map(String::as_str)).is_some()
        });
        let input = self.scope.input.iter().any(|(input, ..)| **input == *name);
        let near = matches!(ty, Type::Enum(words)
            if diag::suggest::nearest(name, words.iter().map(|word| &**word)).is_some());
        near || !(property || input || habit(name).is_some())
    }

    fn unknown_name(&mut self, name: &str, ast: &Ast) {
        let condition = self.around.is_some_and(|around| around.at == ast.at);
        let help = match name.to_ascii_lowercase().as_str() {
            "none" | "no_one" if condition => Some("write `nobody`"),
            _ => habit(name),
        };
        let help = help.map(str::to_owned);
        let property = |resource: ResourceId| {
            let known = self.schema.property(resource, name);
            (!matches!(known, Err(Unresolved::Unknown))).then(|| format!("write `this.{name}`"))
        };
        let input = self.scope.input.iter().any(|(input, ..)| **input == *name);
        let help = self
            .scope
            .this
            .and_then(property)
            .or_else(|| input.then(|| format!("write `input.{name}`")))
            .or(help)
            .or_else(|| {
                let mut names = self.schema.rule_names(self.scope.this);
                names.extend(["public", "signed_in", "nobody"].map(str::to_owned));
                names.extend(["this", "user", "now"].map(str::to_owned));
                names.extend(self.locals.iter().map(|local| local.name.to_string()));
                Self::nearest(name, names.iter().map(String::as_str))
            })
            .or_else(|| {
                let names = self.schema.property_names(self.scope.this?);
                diag::suggest::nearest(name, names.iter().map(String::as_str))
                    .map(|name| format!("did you mean `this.{name}`?"))
            })
            .unwrap_or_else(|| {
                let could_be = name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
                match could_be {
                    true => format!(
                        "declare it under `rules:`, such as `{name}: user.role == '{name}'`; if it is a text, put it in quotes: `'{name}'`"
                    ),
                    false => format!(
                        "if it is a text, put it in quotes: `'{name}'`; a bare name is a rule (under `rules:`), or `this`, `user`, `now`"
                    ),
                }
            });
        self.report(
            Problem::new(
                "E0310",
                ast.range(),
                match self.scope.mode {
                    Mode::Rule => format!("there is no rule named `{name}`"),
                    Mode::Formula => format!("there is nothing named `{name}`"),
                },
                "unknown name",
            )
            .help(help),
        );
    }

    fn member(&mut self, of: &'a Ast, name: &'a Word, ast: &'a Ast) -> Checked<Place> {
        match self.place(of)? {
            Place::Row(row) => self.property(row, name, ast),
            Place::Relation(relation) => {
                let row = self.follow(relation, of)?;
                self.property(row, name, ast)
            }
            Place::Value(expr) => self.part(expr, of, name, ast).map(Place::Value),
            Place::User => self.of_caller(name, ast).map(Place::Value),
            Place::Input => self.input(name, ast).map(Place::Value),
            Place::Values(_)
            | Place::List(List {
                mapped: Some(_), ..
            }) => {
                self.not_a_record(of, name);
                None
            }
            Place::List(list) => {
                let text = self.text(of);
                let resource = self.schema.resource_name(list.resource);
                let field = !matches!(
                    self.schema.property(list.resource, &name.text),
                    Err(Unresolved::Unknown)
                );
                let help = match name.text.as_str() {
                    member if field => format!("write `{text}.exists(x, x.{member} == …)`"),
                    "count" | "size" | "length" | "len" => format!("write `{text}.count()`"),
                    method @ ("sum" | "avg" | "min" | "max" | "map") => {
                        format!("write `{text}.{method}(x, x.FIELD)`, with a field of {resource}")
                    }
                    method @ ("exists" | "exists_one" | "all" | "filter") => {
                        format!("write `{text}.{method}(x, …)`, with a condition about `x`")
                    }
                    "any" | "some" => format!("write `{text}.exists(x, …)`"),
                    "empty" | "is_empty" | "isEmpty" => format!("write `{text}.count() == 0`"),
                    member => format!("write `{text}.exists(x, x.{member} == …)`"),
                };
                let problem = Problem::new(
                    "E0311",
                    range(&name.at),
                    format!(
                        "`{text}` is a list of {resource} records; which one's `{}`?",
                        name.text
                    ),
                    "a list has no fields",
                )
                .help(help);
                self.report(problem);
                None
            }
        }
    }

    /// `user.NAME`: of the type its field has, or else the one it will meet.
    fn of_caller(&mut self, name: &Word, ast: &Ast) -> Checked {
        let ty = match self.schema.user(&name.text) {
            UserField::Open => Type::Text,
            UserField::Field(ty) => ty,
            UserField::Broken => return None,
            UserField::Wrong {
                message,
                label,
                help,
            } => {
                let problem = Problem::new("E0311", range(&name.at), message, label);
                self.report(problem.help(help));
                return None;
            }
        };
        let claim = match name.text.as_str() {
            "id" => Claim::Id,
            other => Claim::Named(other.into()),
        };
        // A caller whose record has none is without the claim; null it never is.
        self.make(Node::Caller(claim), ty, false, ast)
    }

    /// The row at the other end.
    pub(super) fn follow(&mut self, relation: Relation, ast: &Ast) -> Checked<Row> {
        let Relation {
            row,
            via,
            target,
            nullable,
        } = relation;
        if nullable && !self.facts.field(&row, via) {
            let id = format!("{}_id", self.text(ast));
            self.may_be_null(&id, ast);
            return None;
        }
        Some(through(&row, &[Hop { via, target }]))
    }

    /// The id a relation holds, for comparing it with null.
    pub(super) fn held_id(&mut self, relation: Relation, ast: &Ast) -> Checked {
        let Relation {
            row, via, nullable, ..
        } = relation;
        let named = match &ast.kind {
            Kind::Member { name, .. } => self
                .schema
                .property(row.target(), &format!("{}_id", name.text))
                .ok(),
            _ => None,
        };
        let ty = match named {
            Some(Property::Field { id, ty, .. }) if id == via => ty,
            // Compared with null only, so which type it has does not matter.
            _ => Type::Uuid,
        };
        let expr = self.make(Node::Field { row, field: via }, ty, nullable, ast)?;
        Some(self.known(expr))
    }

    fn property(&mut self, row: Row, name: &'a Word, ast: &'a Ast) -> Checked<Place> {
        let resource = row.target();
        match self.schema.property(resource, &name.text) {
            Ok(Property::Field { id, ty, nullable }) => {
                let expr = self.make(Node::Field { row, field: id }, ty, nullable, ast)?;
                Some(Place::Value(self.known(expr)))
            }
            Ok(Property::Relation {
                via,
                target,
                nullable,
            }) => Some(Place::Relation(Relation {
                row,
                via,
                target,
                nullable,
            })),
            Ok(Property::List { resource, field }) => Some(Place::List(List {
                of: row,
                resource,
                field,
                var: None,
                filter: None,
                mapped: None,
            })),
            Ok(Property::Computed {
                ty,
                nullable,
                formula,
            }) => {
                self.spend(size(&formula).cost, ast)?;
                let mut expr = said_of(&formula, &row, &mut self.next_var, &ast.at);
                expr.ty = ty;
                expr.nullable = nullable;
                Some(Place::Value(self.known(Box::new(expr))))
            }
            Ok(Property::Rule(rule)) => {
                let row = rule.resource.map(|_| row);
                self.ask(rule, row, ast).map(Place::Value)
            }
            Err(why) => {
                if !self.unresolved(why, name) {
                    self.unknown_property(resource, name, ast);
                }
                None
            }
        }
    }

    fn unknown_property(&mut self, resource: ResourceId, name: &Word, ast: &Ast) {
        let resource_name = self.schema.resource_name(resource).to_owned();
        let names = self.schema.property_names(resource);
        let mut problem = Problem::new(
            "E0311",
            range(&name.at),
            format!(
                "{resource_name} has no field, relation, list or rule named `{}`",
                name.text
            ),
            format!("not in {resource_name}"),
        );
        let nearest = Self::nearest(&name.text, names.iter().map(String::as_str));
        let rule = self.schema.rule(Some(resource), &name.text).is_ok();
        if rule && matches!(&ast.kind, Kind::Member { of, .. } if self.text(of) == "this") {
            problem = problem.help(format!("write the rule alone: `{}`", name.text));
        } else if let Some(nearest) = nearest {
            problem = problem.help(nearest);
        } else if !names.is_empty() {
            /// More would bury the one that was meant.
            const LISTED_MAX: usize = 12;
            let listed: Vec<&str> = names.iter().take(LISTED_MAX).map(String::as_str).collect();
            let more = if names.len() > LISTED_MAX {
                ", …"
            } else {
                ""
            };
            problem = problem.help(format!("it has {}{more}", listed.join(", ")));
        }
        self.report(problem);
    }

    /// Takes the null away where it has been excluded.
    pub(super) fn known(&self, mut expr: Box<Expr>) -> Box<Expr> {
        if expr.nullable && self.facts.value(&expr) {
            expr.nullable = false;
        }
        expr
    }

    fn input(&mut self, name: &Word, ast: &Ast) -> Checked {
        let found = self
            .scope
            .input
            .iter()
            .find(|(input, ..)| **input == *name.text);
        let Some((input, ty, nullable)) = found else {
            let names: Vec<&str> = self
                .scope
                .input
                .iter()
                .map(|(input, ..)| &**input)
                .collect();
            let help = Self::nearest(&name.text, names.iter().copied())
                .unwrap_or_else(|| format!("it has {}", names.join(", ")));
            let message = format!("the input has no member named `{}`", name.text);
            self.report(Problem::new("E0311", range(&name.at), message, "not in input").help(help));
            return None;
        };
        let expr = self.make(Node::Input(input.clone()), ty.clone(), *nullable, ast)?;
        Some(self.known(expr))
    }

    /// A member of a value: money's amount, an object's property.
    fn part(&mut self, expr: Box<Expr>, of: &'a Ast, name: &Word, ast: &Ast) -> Checked {
        let members: Vec<(&str, Type, bool)> = match (&expr.node, &expr.ty) {
            (Node::Caller(_), _) => {
                let problem = Problem::new(
                    "E0311",
                    range(&name.at),
                    "claims of the caller have no parts",
                    "not available",
                )
                .help("a claim is a single value: `user.role`");
                self.report(problem);
                return None;
            }
            (_, Type::Money) => {
                vec![
                    ("amount", Type::Decimal, false),
                    ("currency", Type::Text, false),
                ]
            }
            (_, Type::Object(object)) => object
                .members
                .iter()
                .map(|member| (&*member.name, member.ty.clone(), member.nullable))
                .collect(),
            _ => vec![],
        };
        let found = members.iter().position(|(member, ..)| *member == name.text);
        let Some(index) = found else {
            let near = Self::nearest(&name.text, members.iter().map(|(member, ..)| *member));
            let text = self.text(of);
            let help = near.unwrap_or_else(|| match (&expr.ty, name.text.as_str()) {
                (Type::Json, _) => {
                    "rules cannot look into `json`; give it a type under `types:`".to_owned()
                }
                (Type::Text | Type::List(_), "size") => format!("write `size({text})`"),
                (_, method @ ("contains" | "matches")) => {
                    format!("methods have parentheses: `.{method}(…)`")
                }
                (Type::Text | Type::List(_), "length" | "len" | "count") => {
                    format!("write `size({text})`")
                }
                (Type::Id(_), member) => match text.strip_suffix("_id") {
                    Some(record) => format!("`{text}` is an id; the record is `{record}.{member}`"),
                    None => format!("it is an id: write `{text}` alone"),
                },
                _ if members.is_empty() => {
                    format!("it is a single value: write `{text}` alone")
                }
                _ => {
                    let names: Vec<&str> = members.iter().map(|(member, ..)| *member).collect();
                    format!("it has {}", names.join(", "))
                }
            });
            self.report(
                Problem::new(
                    "E0311",
                    range(&name.at),
                    format!("{} has no member named `{}`", expr.ty.describe(), name.text),
                    "unknown member",
                )
                .help(help),
            );
            return None;
        };
        let (_, ty, nullable) = members[index].clone();
        let expr = self.not_null(expr, of)?;
        // Objects have far fewer members: the contract's size bounds them.
        let index = u16::try_from(index).ok()?;
        let expr = self.make(Node::Member(expr, index), ty, nullable, ast)?;
        Some(self.known(expr))
    }

    /// The name of a variable in `exists(x, …)`.
    pub(super) fn variable(&mut self, ast: &'a Ast) -> Checked<Box<str>> {
        let Kind::Name(name) = &ast.kind else {
            let problem = Problem::new(
                "E0313",
                ast.range(),
                "the first argument names the variable",
                "a plain name is expected",
            )
            .help("write `.exists(x, x.role == 'editor')`");
            self.report(problem);
            return None;
        };
        let reserved = RESERVED.contains(&name.as_str());
        if reserved || self.locals.iter().any(|local| *local.name == **name) {
            let message = match reserved {
                true => format!("`{name}` has a meaning of its own"),
                false => format!("`{name}` is already the variable of a list around this one"),
            };
            self.report(
                Problem::new("E0316", ast.range(), message, "taken").help("choose another name"),
            );
            return None;
        }
        Some(name.as_str().into())
    }

    pub(super) fn new_var(&mut self) -> Var {
        let var = Var(self.next_var);
        // Far below the end: every variable costs nodes, which are bounded.
        self.next_var = self.next_var.saturating_add(1);
        var
    }
}

/// What a bare word stands beside.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Beside {
    /// A claim takes any type, so a rule may be meant.
    Claim,
    /// A text, or texts, written out.
    Literal,
    Value,
}

impl Checker<'_> {
    /// What a bare word beside this expression stands beside.
    pub(super) fn beside(&self, expr: &Expr) -> Beside {
        let literal = |part: &Expr| self.beside(part) == Beside::Literal;
        match &expr.node {
            Node::List(parts) if parts.iter().all(literal) => Beside::Literal,
            Node::Const(Value::Text(_)) => Beside::Literal,
            _ if self.is_claim(expr) => Beside::Claim,
            _ => Beside::Value,
        }
    }
}

/// What to write instead of a word that other languages have.
fn habit(name: &str) -> Option<&'static str> {
    Some(match name.to_ascii_lowercase().as_str() {
        "none" | "nil" | "null" | "undefined" => "write `null`",
        "true" => "write `true`",
        "false" => "write `false`",
        "me" | "caller" | "auth" | "current_user" | "viewer_id" => {
            "the caller is `user`: write `user.id`"
        }
        "user_id" => "write `user.id`",
        "role" => "what is known of the caller is written behind `user`: `user.role`",
        "roles" => "what is known of the caller is written behind `user`: `user.roles`",
        "old" | "before" | "record" | "resource" => "the record is `this`",
        "new" | "after" => "the record as it would become is `next`",
        "anyone" | "anybody" | "everyone" | "everybody" | "any" | "anonymous" | "all" => {
            "write `public`"
        }
        "authenticated" | "logged_in" | "loggedin" | "signedin" => "write `signed_in`",
        "never" | "noone" => "write `nobody`",
        _ => return None,
    })
}
