//! One diagnostic and a collection of them. Knows nothing of how they are shown.

use crate::Span;

/// What a collection keeps at most: more than anybody reads, and a bound on what a hostile text
/// can make us hold and print. The first ones found are kept.
const KEPT_MAX: usize = 1_000;

#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    Error,
    Warning,
}

impl Severity {
    /// `"error"` or `"warning"`.
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
        }
    }
}

/// A place and what to say about it; the text may be empty.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Label {
    pub span: Span,
    pub text: String,
}

/// One mistake (or suspicion): what is wrong, where, and how to mend it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Diagnostic {
    pub severity: Severity,
    /// Stable, like `"E0312"`: people search for it.
    pub code: &'static str,
    pub message: String,
    pub primary: Label,
    /// Other places that explain the first one.
    pub secondary: Vec<Label>,
    /// How to mend it.
    pub help: Option<String>,
    /// Why it is so.
    pub note: Option<String>,
}

impl Diagnostic {
    pub fn error(code: &'static str, span: Span, message: impl Into<String>) -> Self {
        Diagnostic::of(Severity::Error, code, span, message.into())
    }

    pub fn warning(code: &'static str, span: Span, message: impl Into<String>) -> Self {
        Diagnostic::of(Severity::Warning, code, span, message.into())
    }

    /// The words under the primary place.
    pub fn label(mut self, text: impl Into<String>) -> Self {
        self.primary.text = text.into();
        self
    }

    /// Another place that matters.
    pub fn also(mut self, span: Span, text: impl Into<String>) -> Self {
        self.secondary.push(Label {
            span,
            text: text.into(),
        });
        self
    }

    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(text.into());
        self
    }

    pub fn note(mut self, text: impl Into<String>) -> Self {
        self.note = Some(text.into());
        self
    }

    fn of(severity: Severity, code: &'static str, span: Span, message: String) -> Self {
        let primary = Label {
            span,
            text: String::new(),
        };
        Diagnostic {
            severity,
            code,
            message,
            primary,
            secondary: vec![],
            help: None,
            note: None,
        }
    }
}

/// Lets one diagnostic stand wherever several may.
impl AsRef<[Diagnostic]> for Diagnostic {
    fn as_ref(&self) -> &[Diagnostic] {
        std::slice::from_ref(self)
    }
}

/// Everything found so far, always in the order of the source and without repetitions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnostics {
    /// Sorted by place; of the same place, in the order they were found.
    list: Vec<Diagnostic>,
    /// Kept apart from the list, so that an error counts even when the list is full.
    errors: bool,
    dropped: usize,
}

impl Diagnostics {
    pub fn new() -> Self {
        Diagnostics::default()
    }

    pub fn push(&mut self, found: Diagnostic) {
        self.errors |= found.severity == Severity::Error;
        let place = place(&found);
        let behind = self
            .list
            .partition_point(|other| self::place(other) <= place);
        let same = self.list[..behind]
            .iter()
            .rev()
            .take_while(|other| self::place(other) == place);
        if same.into_iter().any(|other| *other == found) {
            return;
        }
        if self.list.len() >= KEPT_MAX {
            self.dropped += 1;
            return;
        }
        self.list.insert(behind, found);
    }

    pub fn has_errors(&self) -> bool {
        self.errors
    }

    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.list.iter()
    }

    pub fn len(&self) -> usize {
        self.list.len()
    }

    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// How many more were found than are kept.
    pub fn dropped(&self) -> usize {
        self.dropped
    }
}

fn place(diagnostic: &Diagnostic) -> (u32, u32) {
    let span = diagnostic.primary.span;
    (span.file.0, span.start)
}

impl AsRef<[Diagnostic]> for Diagnostics {
    fn as_ref(&self) -> &[Diagnostic] {
        &self.list
    }
}

impl Extend<Diagnostic> for Diagnostics {
    fn extend<I: IntoIterator<Item = Diagnostic>>(&mut self, found: I) {
        for diagnostic in found {
            self.push(diagnostic);
        }
    }
}

impl FromIterator<Diagnostic> for Diagnostics {
    fn from_iter<I: IntoIterator<Item = Diagnostic>>(found: I) -> Self {
        let mut all = Diagnostics::new();
        all.extend(found);
        all
    }
}

impl IntoIterator for Diagnostics {
    type Item = Diagnostic;
    type IntoIter = std::vec::IntoIter<Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.list.into_iter()
    }
}

impl<'a> IntoIterator for &'a Diagnostics {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.list.iter()
    }
}
