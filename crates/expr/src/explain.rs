//! Expressions for people: printed back as text, and why one held or did not.

use std::borrow::Cow;
use std::fmt;

use value::{FieldId, ResourceId, Type, Value};

use crate::caller::read_claim;
use crate::eval::{Env, EvalError, Evaluation};
use crate::ir::{Claim, Expr, ListStep, NEXT, Node, ROW, Row, THIS, Var};
use crate::schema::{Property, Schema};

mod print;

pub use print::print;

/// The names behind the numbers, of whoever knows them.
pub trait Names {
    /// `title`, `author_id`
    fn field(&self, resource: ResourceId, field: FieldId) -> Cow<'_, str>;
    /// `author`, of the relation whose id lies in `via`.
    fn relation(&self, resource: ResourceId, via: FieldId) -> Cow<'_, str>;
    /// `reviews`: the list of `of` that holds the records of `resource` whose `field` is its id.
    fn list(&self, of: ResourceId, resource: ResourceId, field: FieldId) -> Cow<'_, str>;
}

/// Names as a [`Schema`] has them; looks through all of them each time.
pub struct SchemaNames<'a>(pub &'a dyn Schema);

impl SchemaNames<'_> {
    fn find(&self, resource: ResourceId, is: impl Fn(&Property) -> bool) -> Cow<'_, str> {
        let names = self.0.property_names(resource);
        let found = names
            .into_iter()
            .find(|name| self.0.property(resource, name).is_ok_and(|p| is(&p)));
        found.map_or(Cow::Borrowed("?"), Cow::Owned)
    }
}

impl Names for SchemaNames<'_> {
    fn field(&self, resource: ResourceId, field: FieldId) -> Cow<'_, str> {
        self.find(
            resource,
            |property| matches!(property, Property::Field { id, .. } if *id == field),
        )
    }

    fn relation(&self, resource: ResourceId, via: FieldId) -> Cow<'_, str> {
        self.find(
            resource,
            |property| matches!(property, Property::Relation { via: held, .. } if *held == via),
        )
    }

    fn list(&self, of: ResourceId, resource: ResourceId, field: FieldId) -> Cow<'_, str> {
        self.find(of, |property| {
            matches!(property, Property::List { resource: r, field: f } if *r == resource && *f == field)
        })
    }
}

/// A condition and how it turned out, part by part.
#[derive(Clone, Debug, PartialEq)]
pub struct Why {
    /// The part, as text.
    pub text: String,
    pub held: Result<bool, EvalError>,
    /// What its values were, or what the caller lacks.
    pub note: Option<String>,
    pub parts: Vec<Why>,
}

/// Explains a condition for this caller and row.
pub fn why(expr: &Expr, env: &Env<'_>, names: &dyn Names) -> Why {
    let evaluation = Evaluation::new(env, false);
    Explaining {
        evaluation: &evaluation,
        env,
        names,
    }
    .why(expr, None, "")
}

impl fmt::Display for Why {
    /// One line per part, indented: `no   mine: this.owner_id == user.id   (…)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines(f, 0)
    }
}

impl Why {
    fn lines(&self, f: &mut fmt::Formatter<'_>, level: usize) -> fmt::Result {
        let held = match &self.held {
            Ok(true) => "yes",
            Ok(false) => "no ",
            Err(_) => "?  ",
        };
        write!(f, "{:1$}{held} {2}", "", level * 2, self.text)?;
        match (&self.held, &self.note) {
            (Err(error), _) => write!(f, "   ({error})")?,
            (_, Some(note)) => write!(f, "   ({note})")?,
            _ => {}
        }
        f.write_str("\n")?;
        self.parts
            .iter()
            .try_for_each(|part| part.lines(f, level + 1))
    }
}

struct Explaining<'a> {
    evaluation: &'a Evaluation<'a>,
    env: &'a Env<'a>,
    names: &'a dyn Names,
}

/// `this` where it is another record than the one asked about first.
type This<'r> = Option<&'r [Value]>;

impl Explaining<'_> {
    fn why(&self, expr: &Expr, this: This<'_>, prefix: &str) -> Why {
        let text = format!("{prefix}{}", print(expr, self.names));
        let held = self.evaluation.truth_for(expr, this);
        let parts = match &expr.node {
            Node::And(parts) | Node::Or(parts) => {
                parts.iter().map(|part| self.why(part, this, "")).collect()
            }
            // `public` and the like say all there is to say.
            Node::Rule { rule, .. }
                if matches!(rule.body.node, Node::Const(_) | Node::SignedIn) =>
            {
                vec![]
            }
            Node::Rule { rule, row } => match self.evaluation.row_for(row.as_ref(), this) {
                Ok(Some(record)) => vec![self.why(&rule.body, Some(&record), "")],
                Ok(None) if row.is_none() => vec![self.why(&rule.body, None, "")],
                _ => vec![],
            },
            Node::Not(inner) => vec![self.why(inner, this, "")],
            _ => vec![],
        };
        // What a rule reads is told where it reads it.
        let alone = parts.is_empty() || matches!(expr.node, Node::Not(_));
        let lacks = self.lacks(expr).filter(|_| alone && held == Ok(false));
        let note = lacks.or_else(|| self.values(expr, this).filter(|_| parts.is_empty()));
        Why {
            text,
            held,
            note,
            parts,
        }
    }

    /// What of the caller is missing.
    fn lacks(&self, expr: &Expr) -> Option<String> {
        let mut lacks = None;
        if let Node::Caller(claim) = &expr.node
            && read_claim(self.env.caller, claim, &expr.ty).is_none()
        {
            lacks = Some(match (self.env.caller.signed_in(), claim) {
                (false, _) => "nobody is signed in".to_owned(),
                (true, Claim::Id) => "the caller has no id of this kind".to_owned(),
                (true, Claim::Named(name)) => match self.env.caller.claim(claim) {
                    None => format!("the caller has no `{name}`"),
                    Some(_) => format!("the caller's `{name}` is not {}", expr.ty.describe()),
                },
            });
        }
        if let Node::Rule { rule, .. } = &expr.node {
            return self.lacks(&rule.body);
        }
        expr.each_child(&mut |child| {
            if lacks.is_none() {
                lacks = self.lacks(child);
            }
        });
        lacks
    }

    /// `this.role is 'reader', user.role is 'staff'`
    fn values(&self, expr: &Expr, this: This<'_>) -> Option<String> {
        /// Longer texts are cut: a note is not a dump.
        const SHOWN_MAX: usize = 60;
        let mut notes: Vec<String> = vec![];
        let mut leaf = |leaf: &Expr| {
            let read = matches!(
                leaf.node,
                Node::Field { .. }
                    | Node::Caller(_)
                    | Node::Aggregate { .. }
                    | Node::Now
                    | Node::Input(_)
            );
            if !read {
                return;
            }
            let Ok(value) = self.evaluation.value_for(leaf, this) else {
                return;
            };
            let mut shown = print::constant(&value, &leaf.ty);
            if let Some((cut, _)) = shown.char_indices().nth(SHOWN_MAX) {
                shown.truncate(cut);
                shown.push('…');
            }
            let note = format!("{} is {shown}", print(leaf, self.names));
            if !notes.contains(&note) {
                notes.push(note);
            }
        };
        match &expr.node {
            Node::Quantifier { list, .. } => return self.listed(list, this),
            Node::Field { .. } => leaf(expr),
            _ => read_leaves(expr, &mut leaf),
        }
        (!notes.is_empty()).then(|| notes.join(", "))
    }

    fn listed(&self, list: &ListStep, this: This<'_>) -> Option<String> {
        let count = self.evaluation.list_for(list, this).ok()?.len();
        Some(match count {
            0 => "there is none".to_owned(),
            1 => "there is 1".to_owned(),
            _ => format!("there are {count}"),
        })
    }
}

/// Everything below that is read, not computed. What is bound inside has no value of its own.
fn read_leaves(expr: &Expr, leaf: &mut dyn FnMut(&Expr)) {
    match &expr.node {
        Node::Quantifier { .. } | Node::ValueQuantifier { .. } => {}
        Node::Aggregate { .. } => leaf(expr),
        Node::Field {
            row: Row { var, .. },
            ..
        } if !is_free(*var) => {}
        _ => {
            leaf(expr);
            expr.each_child(&mut |child| read_leaves(child, leaf));
        }
    }
}

fn is_free(var: Var) -> bool {
    matches!(var, THIS | NEXT | ROW)
}

/// The text of a value of this type, as it stands in an expression.
pub fn literal(value: &Value, ty: &Type) -> String {
    print::constant(value, ty)
}
