//! Types meeting types: literals and claims take the type they are used with.

use std::sync::Arc;

use value::{Date, Decimal, Duration, IdKind, Timestamp, Type, Value};

use crate::ast::{Ast, range};
use crate::ir::{Expr, Node};
use crate::problem::Problem;

use super::{Checked, Checker, Mode};

/// The largest integer up to which floats hold every one.
const FLOAT_EXACT_MAX: i64 = 1 << 53;

/// Why something is not of a type.
pub(super) enum Unfit {
    /// It is of another; handed back unchanged.
    Type(Box<Expr>),
    /// A literal could not be read as it, which has been reported.
    Said,
}

pub(super) fn is_int(ty: &Type) -> bool {
    matches!(ty, Type::Int32 | Type::Int53 | Type::Int64)
}

/// Of two alike types the one that holds both.
pub(super) fn wider(a: &Type, b: &Type) -> Type {
    match (a, b) {
        (Type::Int64, b) if is_int(b) => Type::Int64,
        (Type::Int53, Type::Int32) => Type::Int53,
        (Type::Int32, b) if is_int(b) => b.clone(),
        (Type::Enum(x), Type::Enum(y)) if x != y => Type::Text,
        (Type::Enum(_), Type::Text) => Type::Text,
        _ => a.clone(),
    }
}

/// Whether values of the two types can be told equal or unequal.
pub(super) fn alike(a: &Type, b: &Type) -> bool {
    match (a, b) {
        (Type::Id(a), Type::Id(b)) => a.resource == b.resource,
        (Type::Enum(a), Type::Enum(b)) => a.iter().any(|value| b.contains(value)),
        (Type::Text, Type::Enum(_)) | (Type::Enum(_), Type::Text) => true,
        (a, b) => a == b || (is_int(a) && is_int(b)),
    }
}

/// Whether every value of `from` is one of `to`.
fn fits(from: &Type, to: &Type) -> bool {
    match (from, to) {
        (Type::Int32, Type::Int53 | Type::Int64) | (Type::Int53, Type::Int64) => true,
        (Type::Enum(_), Type::Text) => true,
        (Type::Enum(from), Type::Enum(to)) => from.iter().all(|value| to.contains(value)),
        (Type::Id(from), Type::Id(to)) => from.resource == to.resource,
        (Type::List(from), Type::List(to)) => fits(from, to),
        (from, to) => from == to,
    }
}

/// How to come from one type to another. `computed`: where nothing need become SQL.
pub(super) fn conversion(from: &Type, to: &Type, text: &str, computed: bool) -> Option<String> {
    Some(match (from, to) {
        (Type::Timestamp, Type::Date) => format!("write `date({text})`"),
        (Type::Date, Type::Timestamp) => {
            "a date is a whole day: compare it with `date(now)`".to_owned()
        }
        (Type::Money, to) if is_int(to) || matches!(to, Type::Decimal | Type::Float) => {
            format!("write `{text}.amount`")
        }
        _ if !computed => return None,
        (Type::Text, Type::Timestamp) => format!("write `timestamp({text})`"),
        (from, Type::Float) if is_int(from) => format!("write `double({text})`"),
        (Type::Float, to) if is_int(to) => {
            format!("write `int({text})`, which cuts the fraction off")
        }
        (_, Type::Text) => format!("write `string({text})`"),
        _ => return None,
    })
}

/// The bare name of what an expression is. Literals have no size.
fn kind(expr: &Expr) -> std::borrow::Cow<'_, str> {
    match expr.node {
        Node::Const(Value::Int(_)) if is_int(&expr.ty) => "integer".into(),
        _ => expr.ty.name(),
    }
}

impl<'a> Checker<'a> {
    /// A claim that has not met a type yet: until then it is a text. Where the contract says what
    /// callers are, each has a type from the start.
    pub(super) fn is_claim(&self, expr: &Expr) -> bool {
        matches!(expr.node, Node::Caller(_)) && expr.ty == Type::Text && !self.knows_users
    }

    /// Whether the expression takes whatever type it meets.
    pub(super) fn is_open(&self, expr: &Expr) -> bool {
        match &expr.node {
            Node::Caller(_) => self.is_claim(expr),
            Node::Const(value) => match value {
                Value::Null => true,
                Value::Text(_) => expr.ty == Type::Text,
                Value::Int(_) => expr.ty == Type::Int64,
                Value::Float(_) => true,
                _ => false,
            },
            Node::If(_, then, otherwise) => self.is_open(then) && self.is_open(otherwise),
            Node::List(parts) => parts.iter().all(|part| self.is_open(part)),
            _ => false,
        }
    }

    /// How readily the expression takes another's type: a claim most, then null, then literals.
    fn yielding(&self, expr: &Expr) -> u8 {
        match &expr.node {
            Node::Caller(_) if self.is_claim(expr) => 4,
            Node::Const(Value::Null) => 3,
            Node::Const(Value::Text(_)) if self.is_open(expr) => 2,
            _ if self.is_open(expr) => 1,
            _ => 0,
        }
    }

    /// `expr` as a value of `ty`.
    pub(super) fn adapt(&mut self, mut expr: Box<Expr>, ty: &Type) -> Result<Box<Expr>, Unfit> {
        match &expr.node {
            Node::Caller(_) if self.is_claim(&expr) => self.adapt_claim(expr, ty),
            Node::Const(value) => {
                let adapted = self.constant(value, &expr, ty);
                match adapted {
                    Ok(Some(value)) => {
                        expr.node = Node::Const(value);
                        expr.ty = ty.clone();
                        Ok(expr)
                    }
                    Ok(None) => Err(Unfit::Type(expr)),
                    Err(problem) => {
                        self.report(problem);
                        Err(Unfit::Said)
                    }
                }
            }
            Node::If(..) if self.is_open(&expr) && !fits(&expr.ty, ty) => {
                self.adapt_branches(expr, ty)
            }
            Node::List(_) => self.adapt_elements(expr, ty),
            _ if fits(&expr.ty, ty) => Ok(expr),
            _ => Err(Unfit::Type(expr)),
        }
    }

    fn adapt_claim(&mut self, mut expr: Box<Expr>, ty: &Type) -> Result<Box<Expr>, Unfit> {
        let scalar = |ty: &Type| {
            !matches!(
                ty,
                Type::Duration | Type::Money | Type::List(_) | Type::Object(_) | Type::Json
            )
        };
        let readable = match ty {
            Type::List(item) => scalar(item),
            ty => scalar(ty),
        };
        if readable {
            expr.ty = ty.clone();
            return Ok(expr);
        }
        let at = range(&expr.at);
        let message = format!("a claim of the caller cannot be read as {}", ty.describe());
        let help = match ty {
            Type::List(_) => "a claim can be a list of texts, numbers, dates or ids",
            Type::Duration => "compare instants: `user.since < now - duration('24h')`",
            Type::Money => "a claim is one text; money has an `.amount` and a `.currency`",
            _ => "compare it with a text, a number, `true`, a date or an id",
        };
        self.report(Problem::new("E0323", at, message, "a claim is plain text").help(help));
        Err(Unfit::Said)
    }

    fn adapt_branches(&mut self, mut expr: Box<Expr>, ty: &Type) -> Result<Box<Expr>, Unfit> {
        let node = std::mem::replace(&mut expr.node, Node::Now);
        let Node::If(condition, then, otherwise) = node else {
            expr.node = node;
            return Err(Unfit::Type(expr));
        };
        let then = self.adapt(then, ty);
        let otherwise = self.adapt(otherwise, ty);
        let (taken, fit) = match (then, otherwise) {
            (Ok(a), Ok(b)) => ((a, b), true),
            (Ok(a), Err(Unfit::Type(b))) | (Err(Unfit::Type(a)), Ok(b) | Err(Unfit::Type(b))) => {
                ((a, b), false)
            }
            _ => return Err(Unfit::Said),
        };
        expr.node = Node::If(condition, taken.0, taken.1);
        if !fit {
            return Err(Unfit::Type(expr));
        }
        expr.ty = ty.clone();
        Ok(expr)
    }

    fn adapt_elements(&mut self, mut expr: Box<Expr>, ty: &Type) -> Result<Box<Expr>, Unfit> {
        let Type::List(item) = ty else {
            return Err(Unfit::Type(expr));
        };
        let mut said = false;
        if let Node::List(parts) = &mut expr.node {
            for part in parts {
                let at = range(&part.at);
                match self.adapt(Box::new(part.clone()), item) {
                    Ok(adapted) => *part = *adapted,
                    Err(Unfit::Said) => said = true,
                    Err(Unfit::Type(other)) => {
                        let message = format!(
                            "{} is expected in this list, not {}",
                            item.describe(),
                            other.ty.describe()
                        );
                        let label = format!("this is {}", other.ty.describe());
                        let help = beside(item);
                        self.report(Problem::new("E0324", at, message, label).help(help));
                        said = true;
                    }
                }
            }
        }
        if said {
            return Err(Unfit::Said);
        }
        expr.ty = ty.clone();
        Ok(expr)
    }

    /// A constant as one of `ty`; `None` when that makes no sense.
    fn constant(&self, value: &Value, expr: &Expr, ty: &Type) -> Result<Option<Value>, Problem> {
        let at = || range(&expr.at);
        let too_large = |what: &str| {
            Problem::new(
                "E0322",
                at(),
                format!("{what} is out of the range of {}", ty.name()),
                "out of range",
            )
            .help(match ty {
                Type::Int32 => format!(
                    "an integer goes from {} to {}; for more the field needs `type: int53`",
                    i32::MIN,
                    i32::MAX
                ),
                Type::Int53 => format!(
                    "an int53 goes from -{0} to {0}; for more the field needs `type: int64`",
                    FLOAT_EXACT_MAX - 1
                ),
                Type::Decimal => DECIMALS.to_owned(),
                _ => format!("write `{what}.0`, or a smaller number"),
            })
        };
        Ok(Some(match (value, ty) {
            (Value::Null, _) => Value::Null,
            (Value::Text(text), ty) if expr.ty == Type::Text => match ty {
                Type::Text => return Ok(Some(value.clone())),
                Type::Bool | Type::Float => return Err(self.quoted(text, expr, ty)),
                ty if is_int(ty) => return Err(self.quoted(text, expr, ty)),
                Type::List(_) | Type::Object(_) | Type::Json | Type::Money => return Ok(None),
                _ => self.read(text, expr, ty)?,
            },
            (Value::Int(number), ty) if is_int(&expr.ty) => match ty {
                Type::Int64 => Value::Int(*number),
                Type::Int53 if number.unsigned_abs() < FLOAT_EXACT_MAX.unsigned_abs() => {
                    Value::Int(*number)
                }
                Type::Int32 if i32::try_from(*number).is_ok() => Value::Int(*number),
                Type::Int53 | Type::Int32 => return Err(too_large(&number.to_string())),
                Type::Float if number.unsigned_abs() <= FLOAT_EXACT_MAX.unsigned_abs() => {
                    Value::Float(*number as f64)
                }
                Type::Float => return Err(too_large(&number.to_string())),
                Type::Decimal => match Decimal::from_int(*number) {
                    Some(decimal) => Value::Decimal(decimal),
                    None => return Err(too_large(&number.to_string())),
                },
                Type::Id(id) if id.kind == IdKind::Integer && id.prefix.is_empty() => {
                    Value::Int(*number)
                }
                _ => return Ok(None),
            },
            (Value::Float(number), Type::Decimal) => {
                let written: String = self.source[at()]
                    .chars()
                    .filter(|c| !c.is_whitespace())
                    .collect();
                let decimal = Decimal::parse(&written)
                    .or_else(|_| Decimal::parse(&number.to_string()))
                    .map_err(|why| {
                        Problem::new(
                            "E0322",
                            at(),
                            format!("`{written}` is not a decimal"),
                            why.to_string(),
                        )
                        .help(DECIMALS)
                    })?;
                Value::Decimal(decimal)
            }
            (Value::Text(_) | Value::Float(_), ty) if *ty == expr.ty => value.clone(),
            _ if fits(&expr.ty, ty) => value.clone(),
            _ => return Ok(None),
        }))
    }

    fn quoted(&self, text: &str, expr: &Expr, ty: &Type) -> Problem {
        let readable = value::text::parse(ty, text).is_ok();
        let problem = Problem::new(
            "E0322",
            range(&expr.at),
            format!("'{text}' is a string, not {}", ty.describe()),
            format!("{} is expected", ty.describe()),
        );
        match readable {
            true => problem.help(format!("write it without quotes: `{text}`")),
            false => problem.help(beside(ty)),
        }
    }

    /// A string literal as a value of another type.
    fn read(&self, text: &str, expr: &Expr, ty: &Type) -> Result<Value, Problem> {
        let fail = |why: String| {
            let message = format!("'{text}' is not {}", ty.describe());
            Problem::new("E0322", range(&expr.at), message, why).help(beside(ty))
        };
        match ty {
            Type::Enum(values) => match values.iter().find(|value| ***value == *text) {
                Some(value) => Ok(Value::Text(value.to_string())),
                None => {
                    let problem = fail("not one of its values".to_owned());
                    let near = diag::suggest::nearest(text, values.iter().map(|value| &**value));
                    Err(match near {
                        Some(near) => problem.help(format!("did you mean '{near}'?")),
                        None => problem.help(words(values)),
                    })
                }
            },
            Type::Date => Date::parse(text)
                .map(Value::Date)
                .map_err(|why| fail(why.to_string())),
            Type::Timestamp => Timestamp::parse(text)
                .map(Value::Timestamp)
                .map_err(|why| fail(why.to_string())),
            Type::Duration => duration(text)
                .map(Value::Duration)
                .map_err(|why| fail(why.to_string())),
            Type::Decimal => Decimal::parse(text)
                .map(Value::Decimal)
                .map_err(|why| fail(why.to_string())),
            ty => value::text::parse(ty, text).map_err(|why| fail(why.detail)),
        }
    }

    /// Two values in one place (branches, both sides of a comparison), brought to one type.
    pub(super) fn agree(
        &mut self,
        a: Box<Expr>,
        b: Box<Expr>,
        a_ast: &Ast,
        b_ast: &Ast,
    ) -> Checked<(Box<Expr>, Box<Expr>)> {
        let (a, b) = match (self.meet(a, b), (a_ast, b_ast)) {
            (Ok(pair), _) => return Some(pair),
            (Err(None), _) => return None,
            (Err(Some(pair)), _) => pair,
        };
        let (left, right) = (self.text(a_ast), self.text(b_ast));
        let mut problem = Problem::new(
            "E0320",
            a_ast.range().start.min(b_ast.range().start)..a_ast.range().end.max(b_ast.range().end),
            match (&a.ty, &b.ty) {
                (Type::Id(a), Type::Id(b)) => format!(
                    "the id of a {} is never that of a {}",
                    a.resource_name, b.resource_name
                ),
                (Type::Enum(_), Type::Enum(_)) => "these enums have no value in common".to_owned(),
                _ => format!("{} and {} do not go together", kind(&a), kind(&b)),
            },
            format!(
                "`{left}` is {}, `{right}` is {}",
                a.ty.describe(),
                b.ty.describe()
            ),
        );
        let computed = self.scope.mode == Mode::Formula;
        let own_id = is_caller(&a) || is_caller(&b);
        let help = conversion(&b.ty, &a.ty, right, computed && !own_id)
            // Of the two, the day is what can be compared with.
            .filter(|_| a.ty != Type::Text && (&a.ty, &b.ty) != (&Type::Timestamp, &Type::Date))
            .or_else(|| {
                conversion(&a.ty, &b.ty, left, computed && !own_id).filter(|_| b.ty != Type::Text)
            });
        problem = problem.help(help.unwrap_or_else(|| match (&a.ty, &b.ty) {
            (Type::Text, Type::Duration) => length_in_text(left),
            (Type::Duration, Type::Text) => length_in_text(right),
            (Type::Text, Type::Id(id)) if is_caller(&b) => holds(id),
            (Type::Id(id), Type::Text) if is_caller(&a) => holds(id),
            (Type::Bool, _) if !self.is_open(&a) => alone(left),
            (_, Type::Bool) if !self.is_open(&b) => alone(right),
            (Type::Text, _) if is_literal(&b) => format!("write `'{right}'`"),
            (_, Type::Text) if is_literal(&a) => format!("write `'{left}'`"),
            (Type::Enum(words), Type::Enum(_)) => format!("its words are {}", listed(words)),
            _ if self.is_open(&a) => format!("beside `{right}` {}", beside(&b.ty)),
            _ => format!("beside `{left}` {}", beside(&a.ty)),
        }));
        self.report(problem);
        None
    }

    /// Brings two values to one type, or hands them back. `Err(None)`: has been reported.
    #[expect(clippy::type_complexity)]
    pub(super) fn meet(
        &mut self,
        a: Box<Expr>,
        b: Box<Expr>,
    ) -> Result<(Box<Expr>, Box<Expr>), Option<(Box<Expr>, Box<Expr>)>> {
        let unfit = |unfit, other, swap| match unfit {
            Unfit::Said => Err(None),
            Unfit::Type(this) if swap => Err(Some((other, this))),
            Unfit::Type(this) => Err(Some((this, other))),
        };
        match (self.yielding(&a), self.yielding(&b)) {
            (0, 0) if alike(&a.ty, &b.ty) => Ok((a, b)),
            (0, 0) => Err(Some((a, b))),
            (ra, rb) if ra > rb => {
                let ty = b.ty.clone();
                match self.adapt(a, &ty) {
                    Ok(a) => Ok((a, b)),
                    Err(why) => unfit(why, b, false),
                }
            }
            (ra, rb) if rb > ra => {
                let ty = a.ty.clone();
                match self.adapt(b, &ty) {
                    Ok(b) => Ok((a, b)),
                    Err(why) => unfit(why, a, true),
                }
            }
            // Two claims, two literals of a kind, 1 and 1.5.
            _ => {
                let ty = if a.ty == Type::Float {
                    Type::Float
                } else {
                    b.ty.clone()
                };
                let a = match self.adapt(a, &ty) {
                    Ok(a) => a,
                    Err(why) => return unfit(why, b, false),
                };
                match self.adapt(b, &ty) {
                    Ok(b) => Ok((a, b)),
                    Err(why) => unfit(why, a, true),
                }
            }
        }
    }

    pub(super) fn list_literal(&mut self, parts: &'a [Ast], ast: &'a Ast) -> Checked {
        let mut elements: Vec<Box<Expr>> = vec![];
        let mut whole = true;
        for part in parts {
            let element = self
                .value(part)
                .and_then(|element| self.not_null(element, part));
            whole &= element.is_some();
            elements.extend(element);
        }
        if !whole {
            return None;
        }
        if let Some((element, part)) = elements
            .iter()
            .zip(parts)
            .find(|(element, _)| other_literal(&elements[0], element))
        {
            let (first, odd) = (self.text(&parts[0]), self.text(part));
            let help = match (&elements[0].node, &element.node) {
                (Node::Const(Value::Text(_)), _) => format!("write `'{odd}'`, or numbers only"),
                (_, Node::Const(Value::Text(text))) => {
                    format!("write all of them in quotes, or `{text}` without")
                }
                _ => "write values of one type".to_owned(),
            };
            self.report(
                Problem::new(
                    "E0320",
                    part.range(),
                    format!("the values of a list are of one type, like `{first}`"),
                    format!("this is {}", element.ty.describe()),
                )
                .help(help),
            );
            return None;
        }
        // The most definite element decides the type of all.
        let definite = elements
            .iter()
            .enumerate()
            .min_by_key(|(_, element)| self.yielding(element));
        let Some((first, sample)) = definite else {
            return self.make(
                Node::List(vec![]),
                Type::List(Arc::new(Type::Text)),
                false,
                ast,
            );
        };
        let mut sample = sample.clone();
        for (element, part) in elements.iter().zip(parts) {
            match self.agree(sample.clone(), element.clone(), &parts[first], part) {
                Some((met, other)) => {
                    sample = met;
                    sample.ty = wider(&sample.ty, &other.ty);
                }
                None => whole = false,
            }
        }
        if !whole {
            return None;
        }
        let ty = sample.ty;
        let mut adapted = vec![];
        for element in elements {
            adapted.push(match self.is_open(&element) {
                true => *self.adapt(element, &ty).ok()?,
                false => *element,
            });
        }
        self.make(Node::List(adapted), Type::List(Arc::new(ty)), false, ast)
    }
}

const DECIMALS: &str = "a decimal has at most 12 digits before the point and 6 after it";

/// What to store instead of a text that says how long something takes.
pub(super) fn length_in_text(text: &str) -> String {
    let name = text.rsplit('.').next().unwrap_or(text);
    format!(
        "`{text}` is text, as every `duration` field is, and not computed with: store a number, such as `{name}_seconds: integer`, and compare that"
    )
}

fn is_caller(expr: &Expr) -> bool {
    matches!(expr.node, Node::Caller(_))
}

/// How a field keeps who somebody is.
pub(super) fn holds(id: &value::IdType) -> String {
    format!(
        "the field that holds the id of a {0} has `type: {0}`; what it holds is then compared as `this.NAME_id`",
        id.resource_name
    )
}

/// What to write instead of comparing a condition.
fn alone(condition: &str) -> String {
    match condition.contains(' ') {
        true => "one side is a condition: it is true or false by itself".to_owned(),
        false => format!(
            "`{condition}` is true or false by itself: write `{condition}` or `!{condition}`"
        ),
    }
}

/// A number, `true` or `false`, written out.
fn is_literal(expr: &Expr) -> bool {
    matches!(
        expr.node,
        Node::Const(Value::Int(_) | Value::Float(_) | Value::Bool(_))
    )
}

/// What to write where a value of this type is needed.
pub(super) fn beside(ty: &Type) -> String {
    let example = match ty {
        Type::Enum(values) => return words(values),
        Type::Bool => return "write `true` or `false`".to_owned(),
        Type::Id(id) => {
            return format!(
                "write a field that holds the id of a {}, or such an id as the API shows it",
                id.resource_name
            );
        }
        Type::Int32 | Type::Int53 | Type::Int64 => "3",
        Type::Float => "1.5",
        Type::Text => "'text'",
        Type::Decimal => "12.50",
        Type::Date => "'2026-11-22'",
        Type::Timestamp => "'2026-11-22T10:00:00Z'",
        Type::Duration => "'10m'",
        Type::Uuid => "'01890a5d-ac96-774b-bcce-b302099a8057'",
        Type::Money | Type::Json | Type::List(_) | Type::Object(_) => {
            return format!("write something that is {}", ty.describe());
        }
    };
    format!("write {} such as `{example}`", ty.describe())
}

fn words(values: &[Box<str>]) -> String {
    format!("write one of its words: {}", listed(values))
}

fn listed(values: &[Box<str>]) -> String {
    /// More would bury the one that is looked for.
    const LISTED_MAX: usize = 12;
    let shown: Vec<String> = values
        .iter()
        .take(LISTED_MAX)
        .map(|value| format!("'{value}'"))
        .collect();
    let more = if values.len() > LISTED_MAX {
        ", …"
    } else {
        ""
    };
    format!("{}{more}", shown.join(", "))
}

/// Whether two literals have nothing in common: `'a'` and `5`.
fn other_literal(first: &Expr, other: &Expr) -> bool {
    let class = |expr: &Expr| match &expr.node {
        Node::Const(Value::Text(_)) if expr.ty == Type::Text => Some(0),
        Node::Const(Value::Int(_) | Value::Float(_)) => Some(1),
        Node::Const(Value::Bool(_)) => Some(2),
        _ => None,
    };
    matches!((class(first), class(other)), (Some(a), Some(b)) if a != b)
}

/// `10m`, `1h30m` or ISO 8601.
pub(super) fn duration(text: &str) -> Result<Duration, value::time::TimeError> {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    if unsigned.starts_with('P') {
        return Duration::parse(text);
    }
    let mut total = Duration::ZERO;
    let mut rest = unsigned;
    loop {
        let unit = rest
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(rest.len());
        let end = rest[unit..]
            .find(|c: char| c.is_ascii_digit())
            .map_or(rest.len(), |at| unit + at);
        let part = Duration::parse_short(&rest[..end])?;
        total = total
            .checked_add(part)
            .ok_or(value::time::TimeError::DurationOutOfRange)?;
        rest = &rest[end..];
        if rest.is_empty() {
            break;
        }
    }
    Ok(if unsigned.len() < text.len() {
        Duration(-total.0)
    } else {
        total
    })
}
