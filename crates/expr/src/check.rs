//! Gives every name its meaning and every expression its type, or says what is wrong.
//!
//! [`check`] parses, resolves names with the [`Schema`], finds types from the leaves up (bare
//! literals and claims of the caller take the type they meet), tracks what is known not to be
//! null (law 13), and bounds the whole (law 12). It goes on after a mistake and reports all it
//! finds; what depends on a mistaken part is passed over in silence.

mod adapt;
mod arith;
mod call;
mod compare;
mod facts;
mod list;
mod mapped;
mod names;
mod range;

use std::sync::Arc;

use value::{ResourceId, Type, Value};

use crate::ast::{Ast, Kind, range as bytes};
use crate::ir::{Claim, DEPTH_MAX, Expr, FIRST_BOUND, Function, Node, RuleDef};
use crate::parse::parse;
use crate::problem::Problem;
use crate::schema::{Schema, UserField};
use crate::walk::{COST_MAX, size};

use adapt::Unfit;
use facts::Facts;
use names::Local;

/// How strict arithmetic is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A condition: becomes SQL too, so its arithmetic must provably stay in range.
    Rule,
    /// A formula (`=…`): a value, which may fail when it is computed.
    Formula,
}

/// What the names in one expression may mean.
#[derive(Clone, Debug)]
pub struct Scope {
    /// The resource `this` is a record of.
    pub this: Option<ResourceId>,
    /// Whether `next` may be used (a record of the same resource as `this`).
    pub next: bool,
    /// The resource of the candidate `row` in a `where` ([`crate::ir::ROW`]).
    pub row: Option<ResourceId>,
    /// Members of `input`: name, type, nullable.
    pub input: Vec<(Box<str>, Type, bool)>,
    pub expected: Type,
    /// The result may be null.
    pub expected_nullable: bool,
    pub mode: Mode,
}

impl Scope {
    /// A condition about a record of `this`.
    pub fn rule(this: Option<ResourceId>) -> Scope {
        Scope {
            this,
            next: false,
            row: None,
            input: vec![],
            expected: Type::Bool,
            expected_nullable: false,
            mode: Mode::Rule,
        }
    }

    /// The `value:` of a computed field: it becomes SQL, so it is held to the same strictness as
    /// conditions.
    pub fn computed(this: ResourceId, expected: Type, nullable: bool) -> Scope {
        Scope {
            expected,
            expected_nullable: nullable,
            ..Scope::rule(Some(this))
        }
    }

    /// A formula with a result of type `expected`, computed in memory.
    pub fn formula(this: Option<ResourceId>, expected: Type, nullable: bool) -> Scope {
        Scope {
            expected,
            expected_nullable: nullable,
            mode: Mode::Formula,
            ..Scope::rule(this)
        }
    }
}

/// Parses and checks `text`.
///
/// `None` without problems means that the text uses something that is itself wrong, which has
/// been reported where it stands.
pub fn check(text: &str, scope: &Scope, schema: &dyn Schema) -> (Option<Expr>, Vec<Problem>) {
    let (ast, problems) = parse(text);
    let Some(ast) = ast else {
        return (None, problems);
    };
    let mut checker = Checker {
        source: text,
        scope,
        schema,
        knows_users: !matches!(schema.user("id"), UserField::Open),
        problems,
        facts: Facts::default(),
        locals: vec![],
        next_var: FIRST_BOUND.0,
        cost: 0,
        uncertain: false,
        around: None,
    };
    let expr = checker.whole(&ast);
    let problems = checker.problems;
    match expr {
        Some(expr) if problems.is_empty() => (Some(*expr), problems),
        _ => (None, problems),
    }
}

/// `public`, `signed_in` and `nobody`, for [`Schema::rule`] to answer.
pub fn builtin_rules() -> Vec<Arc<RuleDef>> {
    let rule = |name: &str, node: Node| {
        let body = Expr {
            node,
            ty: Type::Bool,
            nullable: false,
            at: 0..0,
        };
        Arc::new(RuleDef {
            name: name.into(),
            resource: None,
            body,
        })
    };
    vec![
        rule("public", Node::Const(Value::Bool(true))),
        rule("signed_in", Node::SignedIn),
        rule("nobody", Node::Const(Value::Bool(false))),
    ]
}

/// `None`: has been reported, or depends on what has been.
type Checked<T = Box<Expr>> = Option<T>;

struct Checker<'a> {
    source: &'a str,
    scope: &'a Scope,
    schema: &'a dyn Schema,
    /// The contract says what callers are, so claims have types of their own.
    knows_users: bool,
    problems: Vec<Problem>,
    facts: Facts,
    /// Variables of the quantifiers around, innermost last.
    locals: Vec<Local>,
    next_var: u16,
    /// Nodes made so far, rules spelled out.
    cost: usize,
    /// Something in front failed, so that what it would have excluded is not known.
    uncertain: bool,
    /// The innermost condition around what is being checked, for "write … && …".
    around: Option<&'a Ast>,
}

impl<'a> Checker<'a> {
    fn whole(&mut self, ast: &'a Ast) -> Checked {
        let expr = if self.scope.expected == Type::Bool && !self.scope.expected_nullable {
            self.condition(ast)?
        } else {
            let expr = self.value(ast)?;
            self.as_expected(expr, ast)?
        };
        let size = size(&expr);
        if size.cost > COST_MAX {
            self.too_large(ast);
        }
        if size.depth > DEPTH_MAX {
            self.report(
                Problem::new(
                    "E0302",
                    ast.range(),
                    format!("with the rules it uses this is more than {DEPTH_MAX} levels deep"),
                    "too deep",
                )
                .help("ask fewer rules through one another"),
            );
        }
        if self.scope.mode == Mode::Rule {
            range::check(&expr, self.schema, &mut self.problems);
        }
        Some(expr)
    }

    fn report(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// As the author wrote it.
    fn text(&self, ast: &Ast) -> &'a str {
        &self.source[ast.range()]
    }

    fn make(&mut self, node: Node, ty: Type, nullable: bool, ast: &Ast) -> Checked {
        self.spend(1, ast)?;
        Some(Box::new(Expr {
            node,
            ty,
            nullable,
            at: ast.at.clone(),
        }))
    }

    fn spend(&mut self, cost: usize, ast: &Ast) -> Checked<()> {
        let before = self.cost;
        self.cost = before.saturating_add(cost);
        if self.cost <= COST_MAX {
            return Some(());
        }
        if before <= COST_MAX {
            self.too_large(ast);
        }
        None
    }

    fn too_large(&mut self, ast: &Ast) {
        let problem = Problem::new(
            "E0302",
            ast.range(),
            format!("with the rules and formulas it uses this has more than {COST_MAX} parts"),
            "too large",
        )
        .help("ask less of one rule");
        if !self
            .problems
            .iter()
            .any(|told| told.message == problem.message)
        {
            self.report(problem);
        }
    }

    /// Something that is true or false.
    fn condition(&mut self, ast: &'a Ast) -> Checked {
        if matches!(ast.kind, Kind::And(_) | Kind::Or(_) | Kind::Not(_)) {
            return self.value(ast);
        }
        let around = self.around.replace(ast);
        let expr = self.value(ast);
        self.around = around;
        self.truth(expr?, ast)
    }

    /// Requires `expr` to be true or false.
    fn truth(&mut self, expr: Box<Expr>, ast: &Ast) -> Checked {
        if matches!(expr.node, Node::Caller(Claim::Id)) {
            let problem = Problem::new(
                "E0321",
                ast.range(),
                "a condition is expected here, not the caller's id",
                "this is an id",
            );
            self.report(problem.help(
                "for anybody who is known write `signed_in`; for somebody of the record's, compare: `this.owner_id == user.id`",
            ));
            return None;
        }
        let expr = match self.adapt(expr, &Type::Bool) {
            Ok(expr) => expr,
            Err(Unfit::Said) => return None,
            Err(Unfit::Type(expr)) => {
                let text = self.text(ast);
                let help = match &expr.ty {
                    _ if expr.nullable => format!("write `{text} != null`"),
                    Type::Text | Type::Enum(_) => format!("compare it: `{text} == 'text'`"),
                    _ => format!("compare it with something: `{text} == …`"),
                };
                self.report(
                    Problem::new(
                        "E0321",
                        ast.range(),
                        format!("a condition is expected here, not {}", expr.ty.describe()),
                        format!("this is {}", expr.ty.describe()),
                    )
                    .help(help),
                );
                return None;
            }
        };
        if expr.nullable {
            let text = self.text(ast);
            if !self.uncertain {
                self.report(
                    Problem::new(
                        "E0330",
                        ast.range(),
                        format!("`{text}` may be null"),
                        "may be null",
                    )
                    .help(format!("write `{text} == true`, which is false for null")),
                );
            }
            return None;
        }
        Some(expr)
    }

    /// Anything with a value. Only dispatches, to keep its frame small.
    fn value(&mut self, ast: &'a Ast) -> Checked {
        match &ast.kind {
            Kind::Null | Kind::Bool(_) | Kind::Int(_) | Kind::Float(_) | Kind::Text(_) => {
                self.literal(ast)
            }
            Kind::List(parts) => self.list_literal(parts, ast),
            Kind::Name(_) | Kind::Member { .. } | Kind::Call { of: Some(_), .. } => {
                let place = self.place(ast)?;
                self.settle(place, ast)
            }
            Kind::Call {
                of: None,
                name,
                arguments,
            } => self.function(name, arguments, ast),
            Kind::Not(inner) => self.not(inner, ast),
            Kind::Neg(inner) => self.negate(inner, ast),
            Kind::And(parts) => self.join(parts, true, ast),
            Kind::Or(parts) => self.join(parts, false, ast),
            Kind::Binary { op, left, right } => self.binary(*op, left, right, ast),
            Kind::If(parts) => self.conditional(parts, ast),
        }
    }

    fn literal(&mut self, ast: &Ast) -> Checked {
        let (value, ty) = match &ast.kind {
            Kind::Bool(known) => (Value::Bool(*known), Type::Bool),
            Kind::Int(number) => (Value::Int(*number), Type::Int64),
            Kind::Float(number) => (Value::Float(*number), Type::Float),
            Kind::Text(text) => (Value::Text(text.clone()), Type::Text),
            // Null takes the type it meets; until then any will do.
            _ => return self.make(Node::Const(Value::Null), Type::Text, true, ast),
        };
        self.make(Node::Const(value), ty, false, ast)
    }

    fn not(&mut self, inner: &'a Ast, ast: &'a Ast) -> Checked {
        let told = self.problems.len();
        let expr = self.condition(inner);
        let caller = matches!(self.text(inner), "user" | "user.id");
        if expr.is_none()
            && let [problem] = &mut self.problems[told..]
            && problem.code == "E0321"
            && problem.at == inner.range()
        {
            problem.help = Some(match caller {
                true => "for callers who are not known write `!signed_in`".into(),
                false => "`!` takes a condition: write `!(a == b)`, not `!a == b`".into(),
            });
        }
        self.make(Node::Not(expr?), Type::Bool, false, ast)
    }

    /// `&&` and `||`: each part knows what the ones before it excluded.
    fn join(&mut self, parts: &'a [Ast], and: bool, ast: &'a Ast) -> Checked {
        let known = self.facts.mark();
        let uncertain = self.uncertain;
        let mut joined = vec![];
        let mut whole = true;
        for part in parts {
            match self.condition(part) {
                Some(expr) => {
                    self.facts.learn(&expr, and);
                    match (expr.node, and) {
                        (Node::And(inner), true) | (Node::Or(inner), false) => joined.extend(inner),
                        (node, _) => {
                            joined.push(Expr {
                                node,
                                ty: expr.ty,
                                nullable: false,
                                at: expr.at,
                            });
                        }
                    }
                }
                None => {
                    whole = false;
                    self.uncertain = true;
                }
            }
        }
        self.facts.forget(known);
        self.uncertain = uncertain;
        if !whole {
            return None;
        }
        let node = if and {
            Node::And(joined)
        } else {
            Node::Or(joined)
        };
        self.make(node, Type::Bool, false, ast)
    }

    fn conditional(&mut self, parts: &'a [Ast; 3], ast: &'a Ast) -> Checked {
        let [condition, then, otherwise] = parts;
        let known = self.facts.mark();
        let uncertain = self.uncertain;
        let asked = self.condition(condition);
        self.uncertain |= asked.is_none();
        let mut branch = |part, truth| {
            if let Some(asked) = &asked {
                self.facts.learn(asked, truth);
            }
            let value = self.value(part);
            self.facts.forget(known);
            value
        };
        let a = branch(then, true);
        let b = branch(otherwise, false);
        self.uncertain = uncertain;
        let (asked, a, b) = (asked?, a?, b?);
        let (a, b) = self.agree(a, b, then, otherwise)?;
        let nullable = a.nullable || b.nullable;
        let ty = adapt::wider(&a.ty, &b.ty);
        self.make(Node::If(asked, a, b), ty, nullable, ast)
    }

    /// Requires `expr`, which may be null, not to be; `ast` is how it was written.
    fn not_null(&mut self, expr: Box<Expr>, ast: &Ast) -> Checked {
        if !expr.nullable {
            return Some(expr);
        }
        if matches!(expr.node, Node::Const(Value::Null)) {
            self.report(
                Problem::new("E0325", ast.range(), "null cannot be computed with", "null")
                    .help("null can only be compared with `==` and `!=`"),
            );
            return None;
        }
        self.may_be_null(self.text(ast), ast);
        None
    }

    /// Says how to exclude null: `what` is what must be compared with it.
    fn may_be_null(&mut self, what: &str, ast: &Ast) {
        /// Longer conditions are not repeated in the help.
        const SHOWN_MAX: usize = 80;
        if self.uncertain {
            return;
        }
        let shown = |ast: &Ast| match self.text(ast) {
            text if text.len() <= SHOWN_MAX => text,
            _ => "…",
        };
        let help = match self.around {
            Some(around) => {
                let around = shown(around);
                format!("write `{what} != null && {around}`, or `{what} == null || {around}`")
            }
            None => format!("write `{what} == null ? … : …` around it"),
        };
        self.report(
            Problem::new(
                "E0330",
                ast.range(),
                format!("`{what}` may be null here"),
                "may be null",
            )
            .help(help),
        );
    }

    /// The result as the type the scope asks for.
    fn as_expected(&mut self, expr: Box<Expr>, ast: &Ast) -> Checked {
        let expected = &self.scope.expected;
        let mut expr = match self.adapt(expr, expected) {
            Ok(expr) => expr,
            Err(Unfit::Said) => return None,
            // Integers of all sizes stand in for each other in a formula: what does not fit is
            // found when it is computed.
            Err(Unfit::Type(expr)) if adapt::is_int(&expr.ty) && adapt::is_int(expected) => expr,
            Err(Unfit::Type(expr)) => {
                let mut problem = Problem::new(
                    "E0324",
                    ast.range(),
                    format!(
                        "this gives {}, but {} is expected",
                        expr.ty.describe(),
                        expected.describe()
                    ),
                    format!("this is {}", expr.ty.describe()),
                );
                let converted = match (&expr.node, &expr.ty, expected) {
                    (Node::Caller(Claim::Id), Type::Id(id), Type::Text) => Some(adapt::holds(id)),
                    _ => adapt::conversion(
                        &expr.ty,
                        expected,
                        self.text(ast),
                        self.scope.mode == Mode::Formula,
                    ),
                };
                problem = problem.help(converted.unwrap_or_else(|| {
                    format!(
                        "write a formula that gives {}, or another type for the field",
                        expected.describe()
                    )
                }));
                self.report(problem);
                return None;
            }
        };
        // What is computed in memory is refused then, where it is stored; what a database computes
        // is read, and null says that there is no such value.
        if self.scope.mode == Mode::Rule && !range::fits(&expr, expected, self.schema) {
            if !self.scope.expected_nullable {
                self.report(
                    Problem::new(
                        "E0340",
                        ast.range(),
                        format!("this may be more than {} can hold", expected.describe()),
                        "not provably in range",
                    )
                    .help(beyond(expected)),
                );
                return None;
            }
            expr = self.make(
                Node::Call(Function::Fit, vec![*expr]),
                expected.clone(),
                true,
                ast,
            )?;
        }
        if expr.nullable && !self.scope.expected_nullable {
            if matches!(expr.node, Node::Const(Value::Null)) {
                let message = "null is not allowed here";
                self.report(
                    Problem::new("E0331", ast.range(), message, "null")
                        .help("write a value, or let the result be null"),
                );
            } else if !self.uncertain {
                let text = self.text(ast);
                self.report(
                    Problem::new(
                        "E0331",
                        ast.range(),
                        "the result may be null",
                        "may be null",
                    )
                    .help(format!(
                        "write `{text} != null ? {text} : …`, or let the result be null"
                    )),
                );
            }
            return None;
        }
        if !matches!(expr.node, Node::Call(Function::Fit, _)) {
            expr.ty = expected.clone();
        }
        Some(expr)
    }

    /// What was most likely meant by `word`.
    fn nearest<'n>(word: &str, known: impl IntoIterator<Item = &'n str>) -> Option<String> {
        diag::suggest::nearest(word, known).map(|name| format!("did you mean `{name}`?"))
    }

    /// Names that a schema could not answer.
    fn unresolved(&mut self, why: crate::schema::Unresolved, name: &crate::ast::Word) -> bool {
        use crate::schema::Unresolved;
        let at = bytes(&name.at);
        match why {
            Unresolved::Unknown => return false,
            Unresolved::Broken => {}
            Unresolved::Cycle(names) => {
                let mut path = names.join("` → `");
                if let Some(first) = names.first()
                    && (names.len() == 1 || names.last() != Some(first))
                {
                    path.push_str(&format!("` → `{first}"));
                }
                let label = format!("`{path}`");
                // A circle is told once, however often the expression goes round it.
                let told = |told: &Problem| told.code == "E0315" && told.label == label;
                if !self.problems.iter().any(told) {
                    self.report(
                        Problem::new(
                            "E0315",
                            at,
                            format!("`{}` needs itself to be answered", name.text),
                            label,
                        )
                        .help("rules and formulas must not go in circles; spell one of them out"),
                    );
                }
            }
            Unresolved::TooDeep => {
                self.report(
                    Problem::new(
                        "E0302",
                        at,
                        format!("`{}` uses too many others through one another", name.text),
                        "the chain is too long",
                    )
                    .help("ask fewer rules through one another"),
                );
            }
        }
        true
    }
}

/// What to do about a formula that may give more than its field can hold.
fn beyond(ty: &Type) -> &'static str {
    match ty {
        Type::Int32 => {
            "declare `type: int64`, give the fields a `maximum`, or put a `?` behind the field's name: it is null then"
        }
        Type::Int53 => {
            "declare `type: int64`, or put a `?` behind the field's name: it is null then"
        }
        _ => "put a `?` behind the field's name: it is null then",
    }
}
