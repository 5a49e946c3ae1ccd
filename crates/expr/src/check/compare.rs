//! `==`, `<`, `in` and their kin.

use std::sync::Arc;

use value::{Type, Value};

use crate::ast::{Ast, Binary, Kind};
use crate::ir::{Comparison, Expr, Node};
use crate::problem::Problem;

use super::adapt::Unfit;
use super::names::Place;
use super::{Checked, Checker};

fn has_order(ty: &Type) -> bool {
    matches!(
        ty,
        Type::Int32
            | Type::Int53
            | Type::Int64
            | Type::Float
            | Type::Text
            | Type::Decimal
            | Type::Date
            | Type::Timestamp
            | Type::Duration
    )
}

fn has_equality(ty: &Type) -> bool {
    has_order(ty) || matches!(ty, Type::Bool | Type::Uuid | Type::Id(_) | Type::Enum(_))
}

fn symbol(op: Comparison) -> &'static str {
    match op {
        Comparison::Equal => "==",
        Comparison::NotEqual => "!=",
        Comparison::Less => "<",
        Comparison::LessOrEqual => "<=",
        Comparison::Greater => ">",
        Comparison::GreaterOrEqual => ">=",
    }
}

#[derive(Clone, Copy)]
enum Side {
    Left,
    Right,
}

/// What to remember of two sides of which it is not known whether they go together.
struct Mixed {
    /// Which of them is a moment, where the other is a day.
    moment: Option<Side>,
    nullable: (bool, bool),
    /// Another field is needed anyway.
    hopeless: bool,
}

impl Mixed {
    fn of(a: &Expr, b: &Expr) -> Mixed {
        Mixed {
            moment: match (&a.ty, &b.ty) {
                (Type::Timestamp, Type::Date) => Some(Side::Left),
                (Type::Date, Type::Timestamp) => Some(Side::Right),
                _ => None,
            },
            nullable: (a.nullable, b.nullable),
            hopeless: matches!(
                (&a.ty, &b.ty),
                (Type::Text, Type::Duration) | (Type::Duration, Type::Text)
            ),
        }
    }
}

impl<'a> Checker<'a> {
    pub(super) fn binary(
        &mut self,
        op: Binary,
        left: &'a Ast,
        right: &'a Ast,
        ast: &'a Ast,
    ) -> Checked {
        let op = match op {
            Binary::Equal => Comparison::Equal,
            Binary::NotEqual => Comparison::NotEqual,
            Binary::Less => Comparison::Less,
            Binary::LessOrEqual => Comparison::LessOrEqual,
            Binary::Greater => Comparison::Greater,
            Binary::GreaterOrEqual => Comparison::GreaterOrEqual,
            Binary::In => return self.contained(left, right, ast),
            Binary::Add | Binary::Sub | Binary::Mul | Binary::Div | Binary::Rem => {
                return self.arithmetic(op, left, right, ast);
            }
        };
        let null = |ast: &Ast| ast.kind == Kind::Null;
        match (null(left), null(right), op) {
            (false, false, _) => self.compare(op, left, right, ast),
            (false, true, Comparison::Equal | Comparison::NotEqual) => {
                self.null_test(left, op, ast)
            }
            (true, false, Comparison::Equal | Comparison::NotEqual) => {
                self.null_test(right, op, ast)
            }
            (true, true, _) => self.nonsense(ast, "null is compared with null", "always the same"),
            _ => self.nonsense(ast, "null has no order", "compared with null"),
        }
    }

    fn nonsense(&mut self, ast: &Ast, message: &str, label: &str) -> Checked {
        self.report(
            Problem::new("E0325", ast.range(), message, label)
                .help("write `x == null` or `x != null` about something that may be null"),
        );
        None
    }

    fn compare(&mut self, op: Comparison, left: &'a Ast, right: &'a Ast, ast: &'a Ast) -> Checked {
        let (a, b) = self.sides(left, right);
        let equality = matches!(op, Comparison::Equal | Comparison::NotEqual);
        let (a, b) = match (a, b) {
            (Some(a), Some(b)) => (a, b),
            // What one side lacks for an order does not depend on the other.
            (Some(alone), None) if !equality => return self.not_null(alone, left).and(None),
            (None, Some(alone)) if !equality => return self.not_null(alone, right).and(None),
            _ => return None,
        };
        let mixed = Mixed::of(&a, &b);
        let Some((a, b)) = self.agree(a, b, left, right) else {
            if !equality {
                self.null_besides(&mixed, op, left, right);
            }
            return None;
        };
        for (side, side_ast) in [(&a, left), (&b, right)] {
            if equality {
                self.equality(side, side_ast)?;
            } else if !has_order(&side.ty) {
                self.incomparable(side, side_ast, equality);
                return None;
            }
        }
        let (a, b) = if equality {
            (a, b)
        } else {
            let a = self.not_null(a, left);
            let b = self.not_null(b, right);
            (a?, b?)
        };
        self.make(Node::Compare(op, a, b), Type::Bool, false, ast)
    }

    /// Two sides that do not go together: what else keeps them from having an order.
    fn null_besides(&mut self, mixed: &Mixed, op: Comparison, left: &'a Ast, right: &'a Ast) {
        if self.uncertain || mixed.hopeless {
            return;
        }
        let mut nullable = vec![];
        for (may_be, ast) in [(mixed.nullable.0, left), (mixed.nullable.1, right)] {
            if may_be {
                nullable.push(ast);
            }
        }
        let (first, second) = (self.text(left), self.text(right));
        let (first, second) = match mixed.moment {
            None => {
                for ast in nullable {
                    let what = self.text(ast);
                    let message = format!("`{what}` may be null here");
                    self.report(
                        Problem::new("E0330", ast.range(), message, "may be null").help(format!(
                            "write `{what} != null &&` in front of the comparison"
                        )),
                    );
                }
                return;
            }
            Some(Side::Left) => (format!("date({first})"), second.to_owned()),
            Some(Side::Right) => (first.to_owned(), format!("date({second})")),
        };
        // One advice that mends both.
        let guards: Vec<String> = nullable
            .iter()
            .map(|ast| format!("{} != null && ", self.text(ast)))
            .collect();
        let help = format!("write `{}{first} {} {second}`", guards.concat(), symbol(op));
        if let (false, Some(told)) = (guards.is_empty(), self.problems.last_mut()) {
            told.help = Some(help);
        }
    }

    /// Both sides, unless one of them is a text without its quotes.
    fn sides(&mut self, left: &'a Ast, right: &'a Ast) -> (Checked, Checked) {
        if self.is_word(left) && !self.is_word(right) {
            let b = self.value(right);
            let a = match &b {
                Some(b) if self.lacks_quotes(left, &b.ty, self.beside(b)) => None,
                _ => self.value(left),
            };
            return (a, b);
        }
        let a = self.value(left);
        let b = match &a {
            Some(a) if self.lacks_quotes(right, &a.ty, self.beside(a)) => None,
            _ => self.value(right),
        };
        (a, b)
    }

    /// Requires values that can be told equal or unequal.
    pub(super) fn equality(&mut self, side: &Expr, ast: &Ast) -> Checked<()> {
        if has_equality(&side.ty) {
            return Some(());
        }
        self.incomparable(side, ast, true);
        None
    }

    fn incomparable(&mut self, side: &Expr, ast: &Ast, equality: bool) {
        let text = self.text(ast);
        let help = match &side.ty {
            Type::Money => {
                format!("compare `{text}.amount`, and `{text}.currency` where there are several")
            }
            Type::List(_) => format!("ask about its elements: `x in {text}`"),
            Type::Enum(_) => format!("list the values: `{text} in ['a', 'b']`"),
            Type::Bool => format!("write `{text}` or `!{text}`"),
            Type::Object(_) => format!("compare its members: `{text}.member`"),
            Type::Json => {
                "rules cannot look into `json`: make what they ask a field of its own".to_owned()
            }
            _ => format!(
                "compare `{text}` with `==` or `!=`; for the order of creation compare `created_at`"
            ),
        };
        let cannot = if equality {
            "cannot be compared"
        } else {
            "has no order"
        };
        let problem = Problem::new(
            "E0325",
            ast.range(),
            format!("{} {cannot}", side.ty.name()),
            format!("this is {}", side.ty.describe()),
        );
        self.report(problem.help(help));
    }

    /// `x == null`, `x != null`.
    pub(super) fn null_test(&mut self, of: &'a Ast, op: Comparison, ast: &'a Ast) -> Checked {
        let place = self.place(of)?;
        let expr = match place {
            Place::Relation(relation) => self.held_id(relation, of)?,
            Place::User => return self.caller_null(of, op),
            Place::Row(_) => {
                let text = self.text(of);
                return self.nonsense(ast, &format!("`{text}` is never null"), "always the same");
            }
            other => self.settle(other, of)?,
        };
        if matches!(expr.node, Node::Caller(_)) {
            return self.caller_null(of, op);
        }
        let null = Box::new(Expr {
            node: Node::Const(Value::Null),
            ty: expr.ty.clone(),
            nullable: true,
            at: ast.at.clone(),
        });
        self.make(Node::Compare(op, expr, null), Type::Bool, false, ast)
    }

    fn caller_null(&mut self, of: &Ast, op: Comparison) -> Checked {
        let text = self.text(of);
        let help = match (text, op) {
            ("user" | "user.id", Comparison::NotEqual) => "write `signed_in`".to_owned(),
            ("user" | "user.id", _) => "write `!signed_in`".to_owned(),
            _ => format!("leave it out: what reads `{text}` is false for callers without it"),
        };
        self.report(
            Problem::new(
                "E0332",
                of.range(),
                "what belongs to the caller is never null",
                "a caller without it makes the condition false",
            )
            .help(help),
        );
        None
    }

    /// `x in list`
    fn contained(&mut self, left: &'a Ast, right: &'a Ast, ast: &'a Ast) -> Checked {
        let text = self.text(right);
        // What the list holds tells whether a bare word in front of it is a text.
        let first = match self.is_word(left) {
            true => None,
            false => Some(self.value(left)),
        };
        if let (Some(Some(element)), Kind::List(parts)) = (&first, &right.kind) {
            let (ty, beside) = (element.ty.clone(), self.beside(element));
            let before = parts.len();
            let quoted = parts
                .iter()
                .filter(|part| !self.lacks_quotes(part, &ty, beside))
                .count();
            if quoted < before {
                return None;
            }
        }
        let place = self.place(right)?;
        if let Some(value) = place.mapped().map(Arc::clone) {
            return self.among(first, place, &value, [left, right, ast]);
        }
        let list = match place {
            Place::List(_) => {
                let problem = Problem::new(
                    "E0321",
                    right.range(),
                    format!("`{text}` is a list of records"),
                    "not a list of values",
                )
                .help(format!("write `{text}.exists(x, x.id == …)`"));
                self.report(problem);
                return None;
            }
            other => self.settle(other, right)?,
        };
        let element = match first {
            Some(element) => element,
            None => {
                let of = match &list.ty {
                    Type::List(of) => (**of).clone(),
                    _ => Type::Text,
                };
                match self.lacks_quotes(left, &of, self.beside(&list)) {
                    true => None,
                    false => self.value(left),
                }
            }
        };
        let Some(element) = element.and_then(|element| self.not_null(element, left)) else {
            self.not_null(list, right);
            return None;
        };
        if matches!(&list.node, Node::List(parts) if parts.is_empty()) {
            self.report(
                Problem::new(
                    "E0325",
                    right.range(),
                    "nothing is in an empty list",
                    "empty",
                )
                .help("list the allowed values"),
            );
            return None;
        }
        if self.is_claim(&list) {
            let item = Type::List(Arc::new(element.ty.clone()));
            return match self.adapt(list, &item) {
                Ok(list) => self.make(Node::In(element, list), Type::Bool, false, ast),
                Err(_) => None,
            };
        }
        let Type::List(item) = &list.ty else {
            let help = match &list.ty {
                Type::Text => format!("write `{text}.contains({})`", self.text(left)),
                _ => format!("write `{} == {text}`", self.text(left)),
            };
            self.report(
                Problem::new(
                    "E0321",
                    right.range(),
                    format!("`in` needs a list, not {}", list.ty.describe()),
                    format!("this is {}", list.ty.describe()),
                )
                .help(help),
            );
            return None;
        };
        let item = item.clone();
        let list = self.not_null(list, right)?;
        let (element, list) = match self.is_open(&list) && !self.is_open(&element) {
            true => {
                let to = Type::List(Arc::new(element.ty.clone()));
                match self.adapt(list, &to) {
                    Ok(list) => (element, list),
                    Err(Unfit::Said) => return None,
                    Err(Unfit::Type(list)) => (element, list),
                }
            }
            false => {
                let sample = Expr {
                    node: Node::Now,
                    ty: (*item).clone(),
                    nullable: false,
                    at: right.at.clone(),
                };
                let (element, _) = self.agree(element, Box::new(sample), left, right)?;
                (element, list)
            }
        };
        self.equality(&element, left)?;
        self.one_of(element, list, ast)
    }

    /// A list of constants stays a list; one with other things in it is a row of comparisons,
    /// which every database does alike.
    fn one_of(&mut self, element: Box<Expr>, list: Box<Expr>, ast: &Ast) -> Checked {
        let constants = match &list.node {
            Node::List(parts) => parts.iter().all(|part| matches!(part.node, Node::Const(_))),
            _ => true,
        };
        if constants {
            return self.make(Node::In(element, list), Type::Bool, false, ast);
        }
        let Node::List(parts) = list.node else {
            return None;
        };
        let mut choices = vec![];
        for part in parts {
            self.spend(crate::walk::size(&element).cost, ast)?;
            let same = Node::Compare(Comparison::Equal, element.clone(), Box::new(part));
            choices.push(*self.make(same, Type::Bool, false, ast)?);
        }
        match choices.len() {
            1 => choices.pop().map(Box::new),
            _ => self.make(Node::Or(choices), Type::Bool, false, ast),
        }
    }
}
