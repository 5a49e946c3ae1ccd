//! Expressions back to text. What is printed checks to the same expression again.

use std::collections::HashSet;

use value::{Type, Value};

use super::Names;
use crate::ir::{
    Aggregate, Arith, Claim, Comparison, Expr, Function, ListStep, NEXT, Node, Quantifier, ROW,
    Row, THIS, Var,
};

/// The expression as text, normalised: computed fields spelled out, variables named anew.
pub fn print(expr: &Expr, names: &dyn Names) -> String {
    let mut taken = HashSet::new();
    rules(expr, &mut taken);
    let mut printer = Printer {
        names,
        taken,
        variables: vec![],
        out: String::new(),
    };
    printer.expr(expr, LOOSEST);
    printer.out
}

/// Names of rules: a variable of the same name would hide them.
fn rules(expr: &Expr, found: &mut HashSet<Box<str>>) {
    if let Node::Rule { rule, .. } = &expr.node {
        found.insert(rule.name.clone());
    }
    expr.each_child(&mut |child| rules(child, found));
}

/// How tightly things bind, as in the parser.
const LOOSEST: u8 = 0;
const OR: u8 = 1;
const AND: u8 = 2;
const COMPARISON: u8 = 3;
const SUM: u8 = 4;
const PRODUCT: u8 = 5;
const UNARY: u8 = 6;
const POSTFIX: u8 = 7;

struct Printer<'a> {
    names: &'a dyn Names,
    taken: HashSet<Box<str>>,
    variables: Vec<(Var, String)>,
    out: String,
}

impl Printer<'_> {
    /// `around` is how tightly what stands around binds; looser things get parentheses.
    fn expr(&mut self, expr: &Expr, around: u8) {
        let power = power(expr);
        if power < around {
            self.out.push('(');
        }
        self.bare(expr);
        if power < around {
            self.out.push(')');
        }
    }

    fn bare(&mut self, expr: &Expr) {
        match &expr.node {
            Node::Const(value) => self.out.push_str(&constant(value, &expr.ty)),
            Node::Caller(claim) => self.out.push_str(&claimed(claim)),
            Node::SignedIn => self.out.push_str("signed_in"),
            Node::Now => self.out.push_str("now"),
            Node::Input(name) => {
                self.out.push_str("input.");
                self.out.push_str(name);
            }
            Node::Field { row, field } => {
                let target = self.row(row);
                self.out.push('.');
                self.out.push_str(&self.names.field(target, *field));
            }
            Node::Member(of, index) => self.member(of, *index),
            Node::Not(inner) => {
                self.out.push('!');
                self.expr(inner, UNARY);
            }
            Node::Neg(inner) => {
                self.out.push('-');
                // Of a constant the parser would make another constant.
                let around = if matches!(inner.node, Node::Const(_)) {
                    POSTFIX + 1
                } else {
                    UNARY
                };
                self.expr(inner, around);
            }
            Node::And(parts) => self.joined(parts, " && ", AND + 1),
            Node::Or(parts) => self.joined(parts, " || ", OR + 1),
            Node::If(condition, then, otherwise) => {
                self.expr(condition, OR);
                self.out.push_str(" ? ");
                self.expr(then, LOOSEST);
                self.out.push_str(" : ");
                self.expr(otherwise, LOOSEST);
            }
            Node::Compare(op, left, right) => self.comparison(comparison(*op), left, right),
            Node::In(left, right) => self.comparison(" in ", left, right),
            Node::List(parts) => {
                self.out.push('[');
                self.joined(parts, ", ", LOOSEST);
                self.out.push(']');
            }
            Node::Arith(op, left, right) => {
                let (symbol, power) = arith(*op);
                self.operand(left, right, power);
                self.out.push_str(symbol);
                self.operand(right, left, power + 1);
            }
            Node::Call(function, parts) => self.call(*function, parts),
            Node::Rule { rule, row } => {
                if let Some(row) = row
                    && !(row.var == THIS && row.hops.is_empty())
                {
                    self.row(row);
                    self.out.push('.');
                }
                self.out.push_str(&rule.name);
            }
            Node::Quantifier { kind, list, body } => {
                let known = self.variables.len();
                let var = self.list(list);
                self.out.push_str(if *kind == Quantifier::Exists {
                    ".exists("
                } else {
                    ".all("
                });
                self.bound(&var, body);
                self.variables.truncate(known);
            }
            Node::Aggregate { kind, list, body } => {
                let known = self.variables.len();
                let var = self.list(list);
                self.out.push_str(match kind {
                    Aggregate::Count => ".count(",
                    Aggregate::Sum => ".sum(",
                    Aggregate::Avg => ".avg(",
                    Aggregate::Min => ".min(",
                    Aggregate::Max => ".max(",
                });
                match body {
                    Some(body) => self.bound(&var, body),
                    None => self.out.push(')'),
                }
                self.variables.truncate(known);
            }
            Node::ValueQuantifier {
                kind,
                list,
                var,
                body,
            } => {
                let known = self.variables.len();
                self.expr(list, POSTFIX);
                let name = self.name(*var);
                self.out.push_str(if *kind == Quantifier::Exists {
                    ".exists("
                } else {
                    ".all("
                });
                self.bound(&name, body);
                self.variables.truncate(known);
            }
            Node::Element(var) => {
                let name = self.variable(*var);
                self.out.push_str(&name);
            }
        }
    }

    fn joined(&mut self, parts: &[Expr], between: &str, around: u8) {
        for (at, part) in parts.iter().enumerate() {
            if at > 0 {
                self.out.push_str(between);
            }
            self.expr(part, around);
        }
    }

    fn comparison(&mut self, symbol: &str, left: &Expr, right: &Expr) {
        self.operand(left, right, COMPARISON + 1);
        self.out.push_str(symbol);
        self.operand(right, left, COMPARISON + 1);
    }

    /// A claim beside another one says which type both are read as.
    fn operand(&mut self, expr: &Expr, other: &Expr, around: u8) {
        let function = match (&expr.node, &other.node, &expr.ty) {
            (Node::Caller(_), Node::Caller(_), Type::Int64) => "int(",
            (Node::Caller(_), Node::Caller(_), Type::Float) => "double(",
            (Node::Caller(_), Node::Caller(_), Type::Date) => "date(",
            (Node::Caller(_), Node::Caller(_), Type::Timestamp) => "timestamp(",
            _ => return self.expr(expr, around),
        };
        self.out.push_str(function);
        self.expr(expr, LOOSEST);
        self.out.push(')');
    }

    fn member(&mut self, of: &Expr, index: u16) {
        self.expr(of, POSTFIX);
        self.out.push('.');
        let name = match (&of.ty, index) {
            (Type::Object(object), index) => object
                .members
                .get(usize::from(index))
                .map_or("?", |member| &*member.name),
            (_, 0) => "amount",
            _ => "currency",
        };
        self.out.push_str(name);
    }

    fn call(&mut self, function: Function, parts: &[Expr]) {
        let (name, method) = match function {
            Function::Size => ("size", false),
            Function::Contains => ("contains", true),
            Function::StartsWith => ("startsWith", true),
            Function::EndsWith => ("endsWith", true),
            Function::LowerAscii => ("lowerAscii", true),
            Function::UpperAscii => ("upperAscii", true),
            Function::Matches => ("matches", true),
            Function::ToTimestamp => ("timestamp", false),
            Function::ToText => ("string", false),
            Function::ToInt => ("int", false),
            Function::ToFloat => ("double", false),
            Function::Fit => ("fit", false),
            Function::ToDate => ("date", false),
            Function::MoneyTimes => ("times", true),
            Function::MoneyAdd => ("add", true),
            Function::MoneyNew => ("money", false),
            Function::MoneyMinor => ("minor", true),
        };
        let parts = match (method, parts) {
            (true, [receiver, rest @ ..]) => {
                self.expr(receiver, POSTFIX);
                self.out.push('.');
                rest
            }
            _ => parts,
        };
        self.out.push_str(name);
        self.out.push('(');
        self.joined(parts, ", ", LOOSEST);
        self.out.push(')');
    }

    /// Prints the path of a row and says which resource it is of.
    fn row(&mut self, row: &Row) -> value::ResourceId {
        let name = self.variable(row.var);
        self.out.push_str(&name);
        let mut resource = row.resource;
        for hop in &row.hops {
            self.out.push('.');
            self.out.push_str(&self.names.relation(resource, hop.via));
            resource = hop.target;
        }
        resource
    }

    /// Prints the list with its filter, and names its variable.
    fn list(&mut self, list: &ListStep) -> String {
        let of = self.row(&list.of);
        self.out.push('.');
        self.out
            .push_str(&self.names.list(of, list.resource, list.field));
        let name = self.name(list.var);
        if let Some(filter) = &list.filter {
            self.out.push_str(".filter(");
            self.bound(&name, filter);
        }
        name
    }

    /// `x, body)`
    fn bound(&mut self, var: &str, body: &Expr) {
        self.out.push_str(var);
        self.out.push_str(", ");
        self.expr(body, LOOSEST);
        self.out.push(')');
    }

    fn name(&mut self, var: Var) -> String {
        const LETTERS: [&str; 3] = ["x", "y", "z"];
        let free = |name: &str| {
            !self.taken.contains(name) && self.variables.iter().all(|(_, used)| used != name)
        };
        let letter = LETTERS
            .iter()
            .find(|letter| free(letter))
            .map(|letter| (*letter).to_owned());
        let name = letter.unwrap_or_else(|| {
            // As many names as needed: one of them is neither a rule nor in use.
            (1_u32..)
                .map(|n| format!("x{n}"))
                .find(|name| free(name))
                .unwrap_or_default()
        });
        self.variables.push((var, name.clone()));
        name
    }

    fn variable(&self, var: Var) -> String {
        match var {
            THIS => "this".to_owned(),
            NEXT => "next".to_owned(),
            ROW => "row".to_owned(),
            _ => {
                let known = self.variables.iter().rev().find(|(known, _)| *known == var);
                known.map_or_else(|| format!("_{}", var.0), |(_, name)| name.clone())
            }
        }
    }
}

fn power(expr: &Expr) -> u8 {
    match &expr.node {
        Node::If(..) => LOOSEST,
        Node::Or(_) => OR,
        Node::And(_) => AND,
        Node::Compare(..) | Node::In(..) => COMPARISON,
        Node::Arith(op, ..) => arith(*op).1,
        Node::Not(_) | Node::Neg(_) => UNARY,
        _ => POSTFIX,
    }
}

fn arith(op: Arith) -> (&'static str, u8) {
    match op {
        Arith::Add => (" + ", SUM),
        Arith::Sub => (" - ", SUM),
        Arith::Mul => (" * ", PRODUCT),
        Arith::Div => (" / ", PRODUCT),
        Arith::Rem => (" % ", PRODUCT),
    }
}

fn comparison(op: Comparison) -> &'static str {
    match op {
        Comparison::Equal => " == ",
        Comparison::NotEqual => " != ",
        Comparison::Less => " < ",
        Comparison::LessOrEqual => " <= ",
        Comparison::Greater => " > ",
        Comparison::GreaterOrEqual => " >= ",
    }
}

fn claimed(claim: &Claim) -> String {
    match claim {
        Claim::Id => "user.id".to_owned(),
        Claim::Named(name) => format!("user.{name}"),
    }
}

/// A value of a type as it stands in an expression.
pub(super) fn constant(value: &Value, ty: &Type) -> String {
    match (value, ty) {
        (Value::Null, _) => "null".to_owned(),
        (Value::Bool(known), _) => known.to_string(),
        // `3.0`, so that it is read as a float again.
        (Value::Float(number), _) => format!("{number:?}"),
        (Value::Int(number), Type::Id(id)) if !id.is_json_number() => {
            quoted(&id.to_text(&Value::Int(*number)))
        }
        (Value::Int(number), _) => number.to_string(),
        (Value::Date(date), _) => format!("date('{date}')"),
        (Value::Timestamp(at), _) => format!("timestamp('{at}')"),
        (Value::Duration(long), _) => format!("duration('{long}')"),
        (Value::Money(money), _) => {
            format!("money('{}', '{}')", money.amount, money.currency)
        }
        (Value::List(values), Type::List(item)) => {
            let values: Vec<String> = values.iter().map(|value| constant(value, item)).collect();
            format!("[{}]", values.join(", "))
        }
        (value, ty) => quoted(&value::text::print(ty, value)),
    }
}

fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('\'');
    for c in text.chars() {
        match c {
            '\'' => out.push_str("\\'"),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c => out.push(c),
        }
    }
    out.push('\'');
    out
}
