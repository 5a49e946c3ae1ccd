//! Reads a contract and compiles it to a model, with every diagnostic.
//!
//! ```text
//! text ─yaml─► tree ─read─► items ─sections─► one contract ─resolve─► draft ─rules─► model
//!        │             │                                       │          │
//!      syntax    keys, kinds                           names, types   expressions, access
//! ```
//!
//! [`yaml`] turns the text into a tree that knows the place of everything in it, and refuses what
//! is not part of the language; [`fmt`] writes the same text in one orderly form. [`compile`]
//! does all the rest. Every stage goes on after mistakes and passes over what is broken, so that
//! one run finds everything and says each thing once.
//!
//! Does no I/O: included files are loaded by whoever calls. Knows no SQL and no API style.

mod access;
mod auth;
mod build;
pub mod codes;
mod codes_elsewhere;
mod doubts;
mod duration;
mod edges;
pub mod fmt;
mod form;
mod include;
mod json;
mod keys;
mod limits;
mod names;
mod person;
mod read;
mod resolve;
mod rules;
pub mod schema;
mod sections;
mod tests;
mod warn;
pub mod who;
pub mod yaml;

use diag::{Diagnostic, Diagnostics, FileId, Sources};
use model::Model;

pub use include::{FILES_MAX, Load};
pub use names::{slug, taken};
pub use read::Part;

/// Compiles the contract whose main file is `main`.
///
/// `load` finds the files that a pattern of `include:` stands for: paths relative to the
/// contract's folder with their texts, in an order that is always the same. They are added to
/// `sources`, so that diagnostics can show them.
///
/// Everything found is pushed to `out`. There is a model unless one of them is an error.
pub fn compile(
    main: FileId,
    sources: &mut Sources,
    load: &mut Load<'_>,
    out: &mut Diagnostics,
) -> Option<Model> {
    let mut found = Diagnostics::new();
    let model = stages(main, sources, load, &mut found);
    let failed = found.has_errors();
    // A secret that stands in a contract is not shown again by whoever shows what is wrong.
    let secrets = found.iter().filter(|found| found.code == codes::SECRET);
    secrets.for_each(|found| sources.hide(found.primary.span));
    out.extend(found.into_iter().map(readable));
    model.filter(|_| !failed)
}

/// Longest message: what a contract calls things stands in messages, and may be any text.
const MESSAGE_CHARS_MAX: usize = 400;
/// Help may be an example of several lines.
const HELP_CHARS_MAX: usize = 1_500;

/// Names that are pages of text, or hold line breaks, must not tear a diagnostic apart.
fn readable(mut found: Diagnostic) -> Diagnostic {
    let one_line = |text: &mut String| {
        if text.contains(char::is_control) {
            *text = text.split(char::is_control).collect::<Vec<_>>().join(" ");
        }
        shorten(text, MESSAGE_CHARS_MAX);
    };
    one_line(&mut found.message);
    one_line(&mut found.primary.text);
    found
        .secondary
        .iter_mut()
        .for_each(|label| one_line(&mut label.text));
    for text in found.help.iter_mut().chain(&mut found.note) {
        shorten(text, HELP_CHARS_MAX);
    }
    found
}

fn shorten(text: &mut String, chars_max: usize) {
    if let Some((end, _)) = text.char_indices().nth(chars_max) {
        text.truncate(end);
        text.push('…');
    }
}

fn stages(
    main: FileId,
    sources: &mut Sources,
    load: &mut Load<'_>,
    out: &mut Diagnostics,
) -> Option<Model> {
    let files = include::collect(main, sources, load, out)?;
    let sources = &*sources;
    let main = read::read(&files.main, Part::Main, sources, out);
    let included: Vec<read::Item<'_>> = files
        .included
        .iter()
        .map(|tree| read::read(tree, Part::Included, sources, out))
        .collect();
    if main.is_broken() && !files.main.torn {
        return None;
    }
    let sections = sections::Sections::collect(&main, &included, files.torn, sources, out);
    let draft = resolve::resolve(&sections, sources, out);
    let book = rules::Rulebook::compile(&draft, &sections, sources, out);
    let model = build::model(&sections, &draft, &book, out);
    if !out.has_errors() {
        warn::about(&model, &draft, &sections, out);
        book.doubts().tell(sources, out);
    }
    Some(model)
}
