//! What expressions say that is allowed but probably not meant: comparing with null what is never
//! null, reading one claim as two types.
//!
//! Collected while expressions are checked, because afterwards nobody knows where they stand.

use std::ops::Range;

use diag::{Diagnostic, Diagnostics, Sources};
use expr::Expr;
use expr::ir::{Claim, Comparison, Node};
use value::{Type, Value};

use crate::codes;
use crate::read::Text;
use crate::resolve::Draft;

/// What has been noted so far.
#[derive(Default)]
pub struct Doubts<'a> {
    never_null: Vec<NeverNull<'a>>,
    readings: Vec<Reading<'a>>,
}

struct NeverNull<'a> {
    text: Text<'a>,
    at: Range<usize>,
    /// As it is written.
    what: String,
    equal: bool,
    /// The name its declaration has, if the contract declares it.
    declared: Option<&'a str>,
}

/// One place where a claim is read.
struct Reading<'a> {
    text: Text<'a>,
    at: Range<usize>,
    claim: Box<str>,
    kind: Kind,
}

/// What no text of a credential is at the same time.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Number,
    Bool,
    List,
}

impl Kind {
    fn of(ty: &Type) -> Option<Kind> {
        match ty {
            Type::Text | Type::Enum(_) => Some(Kind::Text),
            Type::Int32 | Type::Int53 | Type::Int64 | Type::Float | Type::Decimal => {
                Some(Kind::Number)
            }
            Type::Bool => Some(Kind::Bool),
            Type::List(_) => Some(Kind::List),
            // Ids, days and moments are texts that are read more closely.
            _ => None,
        }
    }

    fn noun(self) -> &'static str {
        match self {
            Kind::Text => "text",
            Kind::Number => "a number",
            Kind::Bool => "true or false",
            Kind::List => "a list",
        }
    }

    fn example(self, claim: &str) -> String {
        match self {
            Kind::Text => format!("`user.{claim} == 'text'`"),
            Kind::Number => format!("`user.{claim} == 3`"),
            Kind::Bool => format!("`user.{claim}` alone"),
            Kind::List => format!("`'text' in user.{claim}`"),
        }
    }
}

impl<'a> Doubts<'a> {
    /// Notes what is doubtful in a checked expression. `skipped`: the bytes of the text in front of
    /// it.
    pub fn note(&mut self, text: Text<'a>, skipped: usize, expr: &Expr, draft: &Draft<'_, 'a>) {
        let place = |at: &Range<u32>| at.start as usize + skipped..at.end as usize + skipped;
        match &expr.node {
            Node::Compare(op, left, right) => {
                let null = |expr: &Expr| matches!(expr.node, Node::Const(Value::Null));
                let (of, with) = if null(left) {
                    (right, left)
                } else {
                    (left, right)
                };
                // What was put in from elsewhere has no place of its own here.
                let own = of.at != expr.at;
                if let (Node::Field { row, field }, true, true) = (&of.node, null(with), own) {
                    let resource = &draft.resources[usize::from(row.target().0)];
                    let known = resource.field(*field);
                    if !known.field.shape.nullable {
                        let at = place(&of.at);
                        self.never_null.push(NeverNull {
                            text,
                            what: text.as_str().get(at).unwrap_or_default().to_owned(),
                            at: place(&expr.at),
                            equal: *op == Comparison::Equal,
                            declared: known.declared.map(|declared| declared.name),
                        });
                    }
                }
                let claim = |expr: &Expr| matches!(expr.node, Node::Caller(_));
                if claim(left) && claim(right) {
                    // Of which type two claims are that meet nothing else, nobody knows.
                    return;
                }
            }
            Node::Caller(Claim::Named(name)) => {
                if let Some(kind) = Kind::of(&expr.ty) {
                    self.readings.push(Reading {
                        text,
                        at: place(&expr.at),
                        claim: name.clone(),
                        kind,
                    });
                }
            }
            _ => {}
        }
        expr.each_child(&mut |child| self.note(text, skipped, child, draft));
    }

    pub fn tell(&self, sources: &Sources, out: &mut Diagnostics) {
        for found in &self.never_null {
            let what = &found.what;
            let always = match found.equal {
                true => "always false",
                false => "always true",
            };
            let help = match found.declared {
                Some(name) => format!(
                    "leave it out; or write `{name}?` where the field is declared, if it may be empty"
                ),
                None => "leave it out: every record has it".to_owned(),
            };
            out.push(
                Diagnostic::warning(
                    codes::NEVER_NULL,
                    found.text.part(sources, found.at.clone()),
                    format!("`{what}` is never null"),
                )
                .label(always)
                .help(help),
            );
        }
        for (index, reading) in self.readings.iter().enumerate() {
            let before = &self.readings[..index];
            let same = |other: &&Reading<'a>| other.claim == reading.claim;
            let Some(first) = before.iter().find(same) else {
                continue;
            };
            // Once for each kind.
            let told = before
                .iter()
                .filter(same)
                .any(|other| other.kind == reading.kind);
            if told {
                continue;
            }
            let claim = &reading.claim;
            out.push(
                Diagnostic::warning(
                    codes::TWO_KINDS,
                    reading.text.part(sources, reading.at.clone()),
                    format!(
                        "`user.{claim}` is read as {} here, and as {} elsewhere",
                        reading.kind.noun(),
                        first.kind.noun()
                    ),
                )
                .label(reading.kind.noun())
                .also(
                    first.text.part(sources, first.at.clone()),
                    first.kind.noun(),
                )
                .help(format!(
                    "read it alike everywhere: {} or {}",
                    first.kind.example(claim),
                    reading.kind.example(claim)
                )),
            );
        }
    }
}
