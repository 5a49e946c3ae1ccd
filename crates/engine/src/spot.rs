//! Where a value stands in what a client sent: spelled as a JSON pointer (RFC 6901) only when there
//! is something to say of it, since nearly always there is not.

use std::fmt::{Display, Formatter, Result};

use call::Place;

/// A value, by the way to it.
#[derive(Clone, Copy)]
pub struct Spot<'a> {
    above: Option<&'a Spot<'a>>,
    step: Step<'a>,
}

#[derive(Clone, Copy)]
enum Step<'a> {
    /// Names of the contract: nothing in them is to be escaped.
    Member(&'a str),
    Item(usize),
}

impl<'a> Spot<'a> {
    /// A field of the record.
    pub fn field(name: &'a str) -> Spot<'a> {
        Spot {
            above: None,
            step: Step::Member(name),
        }
    }

    pub fn member(&'a self, name: &'a str) -> Spot<'a> {
        Spot {
            above: Some(self),
            step: Step::Member(name),
        }
    }

    pub fn item(&'a self, index: usize) -> Spot<'a> {
        Spot {
            above: Some(self),
            step: Step::Item(index),
        }
    }

    pub fn place(&self) -> Place {
        Place::Pointer(self.to_string())
    }
}

impl Display for Spot<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        if let Some(above) = self.above {
            above.fmt(f)?;
        }
        match self.step {
            Step::Member(name) => write!(f, "/{name}"),
            Step::Item(index) => write!(f, "/{index}"),
        }
    }
}
