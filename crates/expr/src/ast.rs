//! The shape of an expression as written: no name has a meaning yet, no node a type.
//!
//! Every node knows the bytes it was written in, parentheses around it included. They leave no
//! node of their own.

use std::ops::Range;

/// Longest source of one expression, in bytes. A rule people can read is far shorter.
pub const SOURCE_BYTES_MAX: usize = 8 * 1024;
/// Deepest nesting, chains such as `a.b.c` and `a + b + c` included. Everything that walks a
/// tree recurses, so this also bounds the stack.
pub const NESTING_MAX: u16 = 48;
/// Most nodes in one expression.
pub const NODES_MAX: usize = 2_000;

/// A place in the source.
pub type At = Range<u32>;

#[derive(Clone, Debug, PartialEq)]
pub struct Ast {
    pub kind: Kind,
    pub at: At,
    /// Levels below and including this node.
    pub depth: u16,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    List(Vec<Ast>),
    Name(String),
    /// `of.name`
    Member {
        of: Box<Ast>,
        name: Word,
    },
    /// `name(…)` or `of.name(…)`
    Call {
        of: Option<Box<Ast>>,
        name: Word,
        arguments: Vec<Ast>,
    },
    Not(Box<Ast>),
    Neg(Box<Ast>),
    /// Two or more, in order.
    And(Vec<Ast>),
    Or(Vec<Ast>),
    Binary {
        op: Binary,
        left: Box<Ast>,
        right: Box<Ast>,
    },
    /// Condition, then, otherwise.
    If(Box<[Ast; 3]>),
}

/// A name with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Word {
    pub text: String,
    pub at: At,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binary {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
    Add,
    Sub,
    Mul,
    Div,
    Rem,
}

impl Binary {
    pub fn symbol(self) -> &'static str {
        match self {
            Binary::Equal => "==",
            Binary::NotEqual => "!=",
            Binary::Less => "<",
            Binary::LessOrEqual => "<=",
            Binary::Greater => ">",
            Binary::GreaterOrEqual => ">=",
            Binary::In => "in",
            Binary::Add => "+",
            Binary::Sub => "-",
            Binary::Mul => "*",
            Binary::Div => "/",
            Binary::Rem => "%",
        }
    }
}

impl Ast {
    /// The place as byte indexes.
    pub fn range(&self) -> Range<usize> {
        range(&self.at)
    }
}

/// Sources are at most [`SOURCE_BYTES_MAX`] long, so nothing is lost either way.
pub(crate) fn range(at: &At) -> Range<usize> {
    at.start as usize..at.end as usize
}
