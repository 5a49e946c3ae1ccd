//! Source diagnostics: spans, messages, and how they are shown to a person or a program.
//!
//! Knows nothing of YAML, contracts or rules: a [`Span`] is a range of bytes in a text held by
//! [`Sources`], a [`Diagnostic`] is a sentence about such a span. Whoever finds mistakes pushes
//! them into [`Diagnostics`] and goes on; whoever talks to people picks a form from [`render`].
//! Reads no files: the texts are handed in.

mod diagnostic;
pub mod render;
mod source;
pub mod suggest;

pub use diagnostic::{Diagnostic, Diagnostics, Label, Severity};
pub use source::{FileId, Sources, Span, Spanned};
