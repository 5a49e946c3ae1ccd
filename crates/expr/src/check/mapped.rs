//! `map`: a list of what an expression gives for each record or value of another list.
//!
//! A mapped list is never made. What is said about its elements is said about those of the list
//! it was made from, with the expression in the place of the variable:
//! `X.map(x, e).all(y, c)` is `X.all(x, c with e for y)`, and `v in X.map(x, e)` is
//! `X.exists(x, e == v)`. So whatever comes after, null and the laws included, is as if it had
//! been written out. Nothing can be captured: variables of the checked form are numbers, each
//! bound once. Every use counts with all its parts, so that uses of uses are bounded (law 12).

use std::sync::Arc;

use value::{Type, Value};

use crate::ast::{Ast, Kind, Word, range};
use crate::ir::{Comparison, DEPTH_MAX, Expr, Node, Quantifier, Var};
use crate::problem::Problem;
use crate::walk::{repeated, size};

use super::list::List;
use super::names::{Beside, Bound, Local, Place};
use super::{Checked, Checker};

/// A list of values after `map`.
pub(super) struct Values {
    /// The list itself.
    pub(super) list: Box<Expr>,
    var: Var,
    /// What stands for the element of [`Self::list`] that `var` is.
    value: Arc<Expr>,
}

impl Place {
    /// What stands for an element, in a list that was mapped.
    pub(super) fn mapped(&self) -> Option<&Arc<Expr>> {
        match self {
            Place::List(list) => list.mapped.as_ref(),
            Place::Values(values) => Some(&values.value),
            _ => None,
        }
    }
}

impl<'a> Checker<'a> {
    /// `this.members.map(m, m.role)`
    pub(super) fn map_rows(
        &mut self,
        mut list: List,
        name: &Word,
        arguments: &'a [Ast],
    ) -> Checked<List> {
        self.takes(arguments, 2, name, ".map(x, x.title)")?;
        let value = self.with_element(&mut list, &arguments[0], |checker| {
            checker.value(&arguments[1])
        })?;
        list.mapped = Some(self.for_elements(value, &arguments[1])?);
        Some(list)
    }

    /// `this.tags.map(t, t.lowerAscii())`
    pub(super) fn map_values(
        &mut self,
        place: Place,
        of: &'a Ast,
        name: &'a Word,
        arguments: &'a [Ast],
    ) -> Checked<Values> {
        self.takes(arguments, 2, name, ".map(x, x.lowerAscii())")?;
        let (list, var, value) = self.through_values(place, of, name, arguments, |checker| {
            checker.value(&arguments[1])
        })?;
        let value = self.for_elements(value, &arguments[1])?;
        Some(Values { list, var, value })
    }

    /// `exists` and `all` over a list of values.
    pub(super) fn elements(
        &mut self,
        kind: Quantifier,
        place: Place,
        of: &'a Ast,
        name: &'a Word,
        arguments: &'a [Ast],
        ast: &'a Ast,
    ) -> Checked {
        self.takes(arguments, 2, name, &format!(".{}(x, x == 'a')", name.text))?;
        let (list, var, body) = self.through_values(place, of, name, arguments, |checker| {
            checker.condition(&arguments[1])
        })?;
        let node = Node::ValueQuantifier {
            kind,
            list,
            var,
            body,
        };
        self.make(node, Type::Bool, false, ast)
    }

    /// The list, its variable, and what `body` makes of an element.
    fn through_values(
        &mut self,
        place: Place,
        of: &'a Ast,
        name: &'a Word,
        arguments: &'a [Ast],
        body: impl FnOnce(&mut Self) -> Checked,
    ) -> Checked<(Box<Expr>, Var, Box<Expr>)> {
        let (list, var, stands_for) = match place {
            Place::Values(Values { list, var, value }) => (list, var, Bound::Mapped(value)),
            place => {
                let list = self.settle(place, of)?;
                let (list, item) = self.list_of_values(list, of, name)?;
                let var = self.new_var();
                (list, var, Bound::Element(var, item))
            }
        };
        let name = self.variable(&arguments[0])?;
        self.locals.push(Local { name, stands_for });
        let body = body(self);
        self.locals.pop();
        Some((list, var, body?))
    }

    fn list_of_values(
        &mut self,
        list: Box<Expr>,
        of: &'a Ast,
        name: &Word,
    ) -> Checked<(Box<Expr>, Type)> {
        let text = self.text(of);
        let item = match &list.ty {
            _ if self.is_claim(&list) => {
                let help = format!("write `'a' in {text}`");
                self.wrong(of, &list, "a list of known type", help);
                return None;
            }
            Type::List(item) => (**item).clone(),
            _ => {
                let help = match name.text.as_str() {
                    "map" => format!("`map` goes through a list: use `{text}` itself"),
                    other => format!("`{other}` goes through a list: compare `{text}` itself"),
                };
                self.wrong(of, &list, "a list", help);
                return None;
            }
        };
        Some((self.not_null(list, of)?, item))
    }

    /// `value`, to stand for the elements of a list.
    fn for_elements(&mut self, value: Box<Expr>, ast: &Ast) -> Checked<Arc<Expr>> {
        if self.is_claim(&value) {
            let message = "it is unclear which type this claim has";
            self.report(
                Problem::new("E0323", ast.range(), message, "a claim of the caller")
                    .help("take what is in the list: `.map(x, x.field)`"),
            );
            return None;
        }
        if matches!(value.node, Node::Const(Value::Null)) {
            let message = "a list of nothing but null says nothing";
            self.report(
                Problem::new("E0325", ast.range(), message, "always null")
                    .help("take what is in the list: `.map(x, x.field)`"),
            );
            return None;
        }
        // What is put into one another can be deeper than anything that is written.
        if size(&value).depth > DEPTH_MAX {
            let message = format!("with what it is made of this is more than {DEPTH_MAX} deep");
            self.report(
                Problem::new("E0302", ast.range(), message, "too deep")
                    .help("write fewer `map` one after the other"),
            );
            return None;
        }
        Some(Arc::new(*value))
    }

    /// What stands for an element, once more.
    pub(super) fn element(&mut self, value: &Expr, ast: &Ast) -> Checked {
        self.spend(size(value).cost, ast)?;
        let again = repeated(value, &mut self.next_var);
        Some(self.known(Box::new(again)))
    }

    /// `x in list.map(…)`; `element` is `x`, unless it is a bare word, which may be a text
    /// without its quotes.
    pub(super) fn among(
        &mut self,
        element: Option<Checked>,
        place: Place,
        value: &Expr,
        [left, right, ast]: [&'a Ast; 3],
    ) -> Checked {
        let element = match element {
            Some(element) => element,
            None if self.lacks_quotes(left, &value.ty, Beside::Value) => None,
            None => self.value(left),
        };
        let element = self.not_null(element?, left)?;
        let value = self.element(value, right)?;
        let told = self.problems.len();
        let met = self.agree(element, value, left, mapped_to(right));
        for problem in &mut self.problems[told..] {
            // From the one to the other would end inside of `map`.
            if problem.code == "E0320" {
                problem.at = ast.range();
            }
        }
        let (element, value) = met?;
        self.equality(&element, left)?;
        self.equality(&value, mapped_to(right))?;
        let node = Node::Compare(Comparison::Equal, value, element);
        let body = self.make(node, Type::Bool, false, ast)?;
        let kind = Quantifier::Exists;
        let node = match place {
            Place::Values(Values { list, var, .. }) => Node::ValueQuantifier {
                kind,
                list,
                var,
                body,
            },
            Place::List(list) => Node::Quantifier {
                kind,
                list: self.step(list),
                body,
            },
            // No other place is mapped.
            _ => return None,
        };
        self.make(node, Type::Bool, false, ast)
    }

    /// Says that a mapped list stands where one value is needed.
    pub(super) fn not_a_value(&mut self, ast: &Ast) {
        let text = self.text(ast);
        self.report(
            Problem::new(
                "E0321",
                ast.range(),
                "what `map` gives cannot be compared or kept as a whole",
                "its elements can be asked about",
            )
            .help(format!(
                "write `x in {text}`, `{text}.exists(x, …)` or `size({text})`"
            )),
        );
    }

    /// Says that a mapped list has no fields.
    pub(super) fn not_a_record(&mut self, of: &Ast, name: &Word) {
        let (text, member) = (self.text(of), &name.text);
        self.report(
            Problem::new(
                "E0311",
                range(&name.at),
                format!("`{text}` is a list; which one's `{member}`?"),
                "a list has no fields",
            )
            .help(format!("write `{text}.exists(x, x.{member} == …)`")),
        );
    }
}

/// What the last `map` of a list says of each element.
fn mapped_to(list: &Ast) -> &Ast {
    match &list.kind {
        Kind::Call {
            of: Some(_),
            name,
            arguments,
        } if name.text == "map" && arguments.len() == 2 => &arguments[1],
        Kind::Call { of: Some(of), .. } => mapped_to(of),
        _ => list,
    }
}
