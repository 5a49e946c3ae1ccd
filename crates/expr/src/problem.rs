//! What is wrong with an expression. Whoever knows the file turns it into a diagnostic.

use std::ops::Range;

/// One mistake, placed in the expression's own text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// `E0300` to `E0399`; stable, people search for it.
    pub code: &'static str,
    /// Bytes of the expression's text.
    pub at: Range<usize>,
    /// One sentence: what is wrong.
    pub message: String,
    /// The words under the place.
    pub label: String,
    /// What to write instead.
    pub help: Option<String>,
}

impl Problem {
    pub(crate) fn new(
        code: &'static str,
        at: Range<usize>,
        message: impl Into<String>,
        label: impl Into<String>,
    ) -> Problem {
        Problem {
            code,
            at,
            message: message.into(),
            label: label.into(),
            help: None,
        }
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Problem {
        self.help = Some(help.into());
        self
    }
}
