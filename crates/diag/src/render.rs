//! Three forms of the same diagnostics: [`text()`] for a person at a terminal, [`json()`] for a
//! program, [`github()`] for the marks a build leaves in a pull request.
//!
//! Each takes one diagnostic, a slice or a whole [`Diagnostics`](crate::Diagnostics). Spans that
//! lie outside their text are pulled inside; nothing here can fail.

mod github;
mod json;
mod text;

pub use github::github;
pub use json::json;
pub use text::text;
