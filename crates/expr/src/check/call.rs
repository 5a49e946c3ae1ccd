//! Functions (`size(x)`, `timestamp('…')`) and the methods of values (`.startsWith('a')`).

use regex::RegexBuilder;
use value::{Date, Timestamp, Type, Value};

use crate::ast::{Ast, Kind, Word, range};
use crate::eval::PATTERN_BYTES_MAX;
use crate::ir::{Comparison, Expr, Function, Node, Quantifier};
use crate::problem::Problem;

use super::adapt::{Unfit, duration, is_int};
use super::names::Place;
use super::{Checked, Checker};

const FUNCTIONS: [&str; 9] = [
    "size",
    "has",
    "timestamp",
    "date",
    "duration",
    "string",
    "int",
    "double",
    "money",
];

const METHODS: [&str; 13] = [
    "size",
    "contains",
    "startsWith",
    "endsWith",
    "lowerAscii",
    "upperAscii",
    "matches",
    "exists",
    "all",
    "map",
    "times",
    "add",
    "minor",
];

impl<'a> Checker<'a> {
    /// `name(…)`
    pub(super) fn function(
        &mut self,
        name: &'a Word,
        arguments: &'a [Ast],
        ast: &'a Ast,
    ) -> Checked {
        match name.text.as_str() {
            "has" => {
                self.takes(arguments, 1, name, "has(this.due)")?;
                self.null_test(&arguments[0], Comparison::NotEqual, ast)
            }
            "size" => self.size(name, arguments, ast),
            "timestamp" | "date" | "duration" => {
                self.takes(arguments, 1, name, &format!("{}(…)", name.text))?;
                self.time(&name.text, &arguments[0], ast)
            }
            "string" | "int" | "double" => {
                self.takes(arguments, 1, name, &format!("{}(…)", name.text))?;
                self.convert(&name.text, &arguments[0], ast)
            }
            "money" => self.money(name, arguments, ast),
            other => self.unknown_function(other, name, arguments),
        }
    }

    fn unknown_function(&mut self, other: &str, name: &Word, arguments: &'a [Ast]) -> Checked {
        let first = arguments
            .first()
            .map_or("x", |argument| self.text(argument));
        let rule = self.schema.rule(self.scope.this, other).is_ok();
        let help = match other {
            _ if rule => Some(format!("a rule has no parentheses: write `{other}`")),
            "count" | "len" | "length" => Some(format!("write `size({first})`")),
            "float" | "number" => Some(format!("write `double({first})`")),
            "str" | "text" => Some(format!("write `string({first})`")),
            "lower" | "lowercase" => Some(format!("write `{first}.lowerAscii()`")),
            "upper" | "uppercase" => Some(format!("write `{first}.upperAscii()`")),
            "datetime" => Some(format!("write `timestamp({first})`")),
            "today" | "current_date" => Some("write `date(now)`".to_owned()),
            "exists" | "all" | "exists_one" | "filter" | "map" | "sum" | "avg" | "min" | "max" => {
                Some(format!("it is a method: write `list.{other}(x, …)`"))
            }
            _ if METHODS.contains(&other) => {
                Some(format!("it is a method: write `{first}.{other}(…)`"))
            }
            "decimal" | "uuid" | "id" => {
                Some("a plain string takes the type it is compared with: write '12.50'".to_owned())
            }
            "now" => Some("write `now`, without parentheses".to_owned()),
            "type" | "dyn" | "bytes" | "uint" => None,
            other => Self::nearest(other, FUNCTIONS),
        }
        .unwrap_or_else(|| match arguments {
            [] => format!(
                "what is not built in is a rule, without parentheses: declare `{other}` under `rules:`, and write `{other}`"
            ),
            _ => format!("there are {}", FUNCTIONS.join(", ")),
        });
        let message = format!("there is no function `{other}`");
        self.report(Problem::new("E0312", range(&name.at), message, "unknown function").help(help));
        self.unasked(arguments);
        None
    }

    fn size(&mut self, name: &'a Word, arguments: &'a [Ast], ast: &'a Ast) -> Checked {
        self.takes(arguments, 1, name, "size(this.tags)")?;
        let of = &arguments[0];
        match self.place(of)? {
            Place::List(list) => {
                let place = self.count(list, name, &[], ast)?;
                self.settle(place, ast)
            }
            Place::Values(values) => self.size_of(values.list, of, ast),
            other => {
                let expr = self.settle(other, of)?;
                self.size_of(expr, of, ast)
            }
        }
    }

    fn size_of(&mut self, expr: Box<Expr>, of: &'a Ast, ast: &'a Ast) -> Checked {
        let expr = self.not_null(expr, of)?;
        if !matches!(expr.ty, Type::Text | Type::List(_)) {
            return self.wrong(
                of,
                &expr,
                "a text or a list",
                "`size` counts the characters of a text and the entries of a list",
            );
        }
        self.make(
            Node::Call(Function::Size, vec![*expr]),
            Type::Int64,
            false,
            ast,
        )
    }

    pub(super) fn wrong(
        &mut self,
        ast: &Ast,
        expr: &Expr,
        wanted: &str,
        help: impl Into<String>,
    ) -> Checked {
        let problem = Problem::new(
            "E0321",
            ast.range(),
            format!("{wanted} is expected, not {}", expr.ty.describe()),
            format!("this is {}", expr.ty.describe()),
        )
        .help(help);
        self.report(problem);
        None
    }

    /// `timestamp(…)`, `date(…)`, `duration(…)`; constants are read now.
    fn time(&mut self, to: &str, of: &'a Ast, ast: &'a Ast) -> Checked {
        if let Kind::Text(text) = &of.kind {
            let read = match to {
                "timestamp" => {
                    Timestamp::parse(text).map(|at| (Value::Timestamp(at), Type::Timestamp))
                }
                "date" => Date::parse(text).map(|day| (Value::Date(day), Type::Date)),
                _ => duration(text).map(|long| (Value::Duration(long), Type::Duration)),
            };
            return match read {
                Ok((value, ty)) => self.make(Node::Const(value), ty, false, ast),
                Err(why) => {
                    let message = format!("'{text}' is not a {to}");
                    let example = match to {
                        "timestamp" => "2026-11-22T10:00:00Z",
                        "date" => "2026-11-22",
                        _ => "1h30m",
                    };
                    self.report(
                        Problem::new("E0322", of.range(), message, why.to_string())
                            .help(format!("write it like `{to}('{example}')`")),
                    );
                    None
                }
            };
        }
        let expr = self.value(of)?;
        let expr = self.not_null(expr, of)?;
        if self.is_claim(&expr) {
            let ty = match to {
                "timestamp" => Type::Timestamp,
                "date" => Type::Date,
                _ => Type::Duration,
            };
            return self.adapt(expr, &ty).ok();
        }
        match (to, &expr.ty) {
            ("timestamp", Type::Timestamp) | ("date", Type::Date) => Some(expr),
            ("timestamp", Type::Text) => self.make(
                Node::Call(Function::ToTimestamp, vec![*expr]),
                Type::Timestamp,
                false,
                ast,
            ),
            ("date", Type::Timestamp) => self.make(
                Node::Call(Function::ToDate, vec![*expr]),
                Type::Date,
                false,
                ast,
            ),
            ("timestamp", Type::Date) => {
                self.wrong(of, &expr, "a text", "compare days instead: `date(now)`")
            }
            ("date", _) => self.wrong(
                of,
                &expr,
                "a date-time or a constant text",
                "write `date(now)`, the date of a date-time field, or `date('2026-11-22')`",
            ),
            ("duration", _) => self.wrong(
                of,
                &expr,
                "a constant such as '10m'",
                "write the length of time itself: `duration('10m')`",
            ),
            _ => self.wrong(
                of,
                &expr,
                "a text",
                "write a text, such as `timestamp('2026-11-22T10:00:00Z')`",
            ),
        }
    }

    fn convert(&mut self, to: &str, of: &'a Ast, ast: &'a Ast) -> Checked {
        let expr = self.value(of)?;
        let expr = self.not_null(expr, of)?;
        let (function, ty) = match to {
            "string" => (Function::ToText, Type::Text),
            "int" => (Function::ToInt, Type::Int64),
            _ => (Function::ToFloat, Type::Float),
        };
        if self.is_claim(&expr) {
            return self.adapt(expr, &ty).ok();
        }
        let possible = match (function, &expr.ty) {
            (Function::ToText, Type::List(_) | Type::Object(_) | Type::Json) => false,
            (Function::ToText, _) => true,
            (_, Type::Text | Type::Float | Type::Decimal) => true,
            (_, ty) => is_int(ty),
        };
        if !possible {
            let help = format!("`{to}` reads numbers and texts; leave it out");
            return self.wrong(of, &expr, "a number or a text", help);
        }
        if expr.ty == ty {
            return Some(expr);
        }
        self.make(Node::Call(function, vec![*expr]), ty, false, ast)
    }

    /// `money('12.50', 'EUR')`
    fn money(&mut self, name: &'a Word, arguments: &'a [Ast], ast: &'a Ast) -> Checked {
        self.takes(arguments, 2, name, "money('12.50', 'EUR')")?;
        let amount = self.amount(&arguments[0]);
        let currency = self.text_argument(&arguments[1])?;
        if let Node::Const(Value::Text(code)) = &currency.node
            && let Err(why) = value::Currency::parse(code)
        {
            let message = format!("'{code}' is not a currency");
            self.report(
                Problem::new("E0322", arguments[1].range(), message, why.to_string())
                    .help("write three capitals of ISO 4217, such as 'EUR'"),
            );
            return None;
        }
        let node = Node::Call(Function::MoneyNew, vec![*amount?, *currency]);
        self.make(node, Type::Money, false, ast)
    }

    fn amount(&mut self, ast: &'a Ast) -> Checked {
        let amount = self.value(ast)?;
        let amount = self.not_null(amount, ast)?;
        match self.adapt(amount, &Type::Decimal) {
            Ok(amount) => Some(amount),
            Err(Unfit::Said) => None,
            Err(Unfit::Type(amount)) if amount.ty == Type::Text => Some(amount),
            Err(Unfit::Type(amount)) => {
                self.wrong(ast, &amount, "a decimal", "write an amount such as '12.50'")
            }
        }
    }

    /// An argument that must be a text.
    fn text_argument(&mut self, ast: &'a Ast) -> Checked {
        let expr = self.value(ast)?;
        let expr = self.not_null(expr, ast)?;
        match self.adapt(expr, &Type::Text) {
            Ok(expr) => Some(expr),
            Err(Unfit::Said) => None,
            Err(Unfit::Type(expr)) => {
                self.wrong(ast, &expr, "a text", "write a text, such as `'text'`")
            }
        }
    }

    /// Arguments of what is itself wrong, for their own mistakes.
    ///
    /// Not those of `list.exists(x, …)`: what `x` is nobody knows.
    fn unasked(&mut self, arguments: &'a [Ast]) {
        if let [variable, _] = arguments
            && self.is_word(variable)
        {
            return;
        }
        for argument in arguments {
            self.value(argument);
        }
    }

    /// `of.name(…)`
    pub(super) fn method(
        &mut self,
        of: &'a Ast,
        name: &'a Word,
        arguments: &'a [Ast],
        ast: &'a Ast,
    ) -> Checked<Place> {
        let Some(place) = self.place(of) else {
            self.unasked(arguments);
            return None;
        };
        match place {
            Place::List(list) => self.list_method(list, name, arguments, ast),
            Place::Value(_) | Place::Values(_) => match name.text.as_str() {
                "map" => self
                    .map_values(place, of, name, arguments)
                    .map(Place::Values),
                "exists" => self
                    .elements(Quantifier::Exists, place, of, name, arguments, ast)
                    .map(Place::Value),
                "all" => self
                    .elements(Quantifier::All, place, of, name, arguments, ast)
                    .map(Place::Value),
                _ => self
                    .value_method(place, of, name, arguments, ast)
                    .map(Place::Value),
            },
            _ => {
                let (text, called) = (self.text(of), &name.text);
                let message = format!("`{text}` has no method `{called}`");
                let help = format!("fields and rules have no parentheses: `{text}.{called}`");
                self.report(
                    Problem::new("E0312", range(&name.at), message, "unknown method").help(help),
                );
                self.unasked(arguments);
                None
            }
        }
    }

    fn value_method(
        &mut self,
        place: Place,
        of: &'a Ast,
        name: &'a Word,
        arguments: &'a [Ast],
        ast: &'a Ast,
    ) -> Checked {
        let expr = match place {
            // As many as before, and a list as before: nothing here asks more of it.
            Place::Values(values) => values.list,
            place => self.settle(place, of)?,
        };
        match name.text.as_str() {
            "contains" => self.text_method(Function::Contains, expr, of, name, arguments, ast),
            "startsWith" => self.text_method(Function::StartsWith, expr, of, name, arguments, ast),
            "endsWith" => self.text_method(Function::EndsWith, expr, of, name, arguments, ast),
            "lowerAscii" => self.text_method(Function::LowerAscii, expr, of, name, arguments, ast),
            "upperAscii" => self.text_method(Function::UpperAscii, expr, of, name, arguments, ast),
            "matches" => self.text_method(Function::Matches, expr, of, name, arguments, ast),
            "size" => {
                self.takes(arguments, 0, name, ".size()")?;
                self.size_of(expr, of, ast)
            }
            "times" | "add" | "minor" => self.money_method(expr, of, name, arguments, ast),
            other => {
                let text = self.text(of);
                let help = match other {
                    "includes" | "has" | "include?" if matches!(expr.ty, Type::List(_)) => {
                        Some(format!("write `x in {text}`"))
                    }
                    "includes" | "has" if self.is_claim(&expr) => {
                        let what = arguments.first().map_or("'text'", |what| self.text(what));
                        Some(format!("write `{what} in {text}`"))
                    }
                    "includes" | "indexOf" => Some("write `.contains('text')`".to_owned()),
                    "starts_with" | "startswith" => Some("write `.startsWith('text')`".to_owned()),
                    "ends_with" | "endswith" => Some("write `.endsWith('text')`".to_owned()),
                    "length" | "len" | "count" => Some(format!("write `size({text})`")),
                    "toLowerCase" | "lower" => Some("write `.lowerAscii()`".to_owned()),
                    "toUpperCase" | "upper" => Some("write `.upperAscii()`".to_owned()),
                    "match" | "test" | "like" => Some("write `.matches('pattern')`".to_owned()),
                    "filter" | "exists_one" | "sum" | "avg" | "min" | "max" => Some(
                        "only lists of records have it; lists of values have `exists`, `all`, `map` and `size`"
                            .to_owned(),
                    ),
                    _ if expr.ty == Type::Bool => Some(format!("write `{text}` without it")),
                    other => Self::nearest(other, METHODS),
                };
                let help = help.unwrap_or_else(|| match &expr.ty {
                    Type::Text | Type::Enum(_) => {
                        "texts have contains, startsWith, endsWith, lowerAscii, upperAscii, matches and size"
                            .to_owned()
                    }
                    Type::List(_) => format!("write `x in {text}`, or `size({text})`"),
                    Type::Money => "money has add, times and minor".to_owned(),
                    ty => format!("{} has no methods: compare `{text}` itself", ty.describe()),
                });
                let message = format!("there is no method `{other}`");
                self.report(
                    Problem::new("E0312", range(&name.at), message, "unknown method").help(help),
                );
                self.unasked(arguments);
                None
            }
        }
    }

    fn text_method(
        &mut self,
        function: Function,
        expr: Box<Expr>,
        of: &'a Ast,
        name: &'a Word,
        arguments: &'a [Ast],
        ast: &'a Ast,
    ) -> Checked {
        let unary = matches!(function, Function::LowerAscii | Function::UpperAscii);
        let called = &name.text;
        match unary {
            true => self.takes(arguments, 0, name, &format!(".{called}()"))?,
            false => self.takes(arguments, 1, name, &format!(".{called}('text')"))?,
        }
        if let (Type::List(_), Function::Contains) = (&expr.ty, function) {
            let text = self.text(of);
            let help = format!("write `{} in {text}`", self.text(&arguments[0]));
            self.wrong(of, &expr, "a text", help);
            self.unasked(arguments);
            return None;
        }
        let expr = self.not_null(expr, of);
        let expr = match expr.map(|expr| self.adapt(expr, &Type::Text)) {
            Some(Ok(expr)) => Some(expr),
            Some(Err(Unfit::Said)) | None => None,
            Some(Err(Unfit::Type(expr))) => {
                let help = format!("only texts have it: compare `{}` itself", self.text(of));
                self.wrong(of, &expr, "a text", help)
            }
        };
        let mut parts = vec![];
        if !unary {
            let argument = self.text_argument(&arguments[0])?;
            if function == Function::Matches {
                self.pattern(&argument, &arguments[0])?;
            }
            parts.push(*argument);
        }
        parts.insert(0, *expr?);
        let ty = if unary { Type::Text } else { Type::Bool };
        self.make(Node::Call(function, parts), ty, false, ast)
    }

    /// A pattern must be known now, so that it is compiled once and known to be right.
    fn pattern(&mut self, expr: &Expr, ast: &Ast) -> Checked<()> {
        let Node::Const(Value::Text(pattern)) = &expr.node else {
            let message = "the pattern must be a constant";
            self.report(
                Problem::new("E0313", ast.range(), message, "not a constant").help(
                    "write the pattern itself, such as r'^[a-z]+$'; what is in a field is looked for with `.contains(…)`",
                ),
            );
            return None;
        };
        let compiled = RegexBuilder::new(pattern)
            .size_limit(PATTERN_BYTES_MAX)
            .build();
        let why = match compiled {
            Ok(_) => return Some(()),
            Err(regex::Error::CompiledTooBig(_)) => "it is too large".to_owned(),
            // The last line of the report says what is wrong; the others draw a picture of it.
            Err(why) => {
                let why = why.to_string();
                let last = why.lines().last().unwrap_or_default().trim();
                last.strip_prefix("error: ").unwrap_or(last).to_owned()
            }
        };
        let message = "this is not a regular expression";
        self.report(Problem::new("E0322", ast.range(), message, why).help(
            "write it as for RE2, best as r'…': look-around and back-references do not exist",
        ));
        None
    }

    fn money_method(
        &mut self,
        expr: Box<Expr>,
        of: &'a Ast,
        name: &'a Word,
        arguments: &'a [Ast],
        ast: &'a Ast,
    ) -> Checked {
        let expr = self.not_null(expr, of)?;
        if expr.ty != Type::Money {
            let help = format!("only money has `{}`", name.text);
            return self.wrong(of, &expr, "money", help);
        }
        if name.text == "minor" {
            self.takes(arguments, 0, name, ".minor()")?;
            let node = Node::Call(Function::MoneyMinor, vec![*expr]);
            return self.make(node, Type::Int64, false, ast);
        }
        let (function, usage) = match name.text.as_str() {
            "times" => (Function::MoneyTimes, ".times(3)"),
            _ => (Function::MoneyAdd, ".add(this.shipping)"),
        };
        self.takes(arguments, 1, name, usage)?;
        let other = self.value(&arguments[0])?;
        let other = self.not_null(other, &arguments[0])?;
        let other = match function {
            Function::MoneyTimes if self.is_claim(&other) => {
                self.adapt(other, &Type::Int64).ok()?
            }
            _ => other,
        };
        let right = match function {
            Function::MoneyTimes => is_int(&other.ty),
            _ => other.ty == Type::Money && !self.is_open(&other),
        };
        if !right {
            let (wanted, help) = if function == Function::MoneyTimes {
                ("an integer", "write a whole number, such as `.times(3)`")
            } else {
                ("money", "write another money: `.add(this.shipping)`")
            };
            return self.wrong(&arguments[0], &other, wanted, help);
        }
        self.make(
            Node::Call(function, vec![*expr, *other]),
            Type::Money,
            false,
            ast,
        )
    }
}
