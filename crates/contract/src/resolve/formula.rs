//! Formulas that were written without `=`, which would be stored as the words they consist of.

use expr::ast::{Ast, Kind};

use crate::read::{Text, without_dollar};
use crate::yaml::quoted;

/// What to write instead, where a bare text on a text field reads like a formula.
///
/// In quotes it is taken at its word.
pub fn advice(text: Text<'_>, source: &str, key: &str) -> Option<String> {
    let written = text.as_str();
    if let Some(inside) = without_dollar(written)
        && (key == "set" || reads_like_one(inside))
    {
        return Some(match reads_like_one(inside) {
            true => format!(
                "write `set: {}`: names are plain, without `$`",
                formula(inside)
            ),
            false => format!(
                "nothing is put in for a `$` here: write a formula such as `=user.id`; if the text is meant, `set: ='{written}'`"
            ),
        });
    }
    let bare = !source.starts_with(['\'', '"', '|', '>']);
    if !bare || !reads_like_one(written) {
        return None;
    }
    Some(match (key, written) {
        (_, "now") => "for the time of creation make the field a `date-time` and write `set: =now`; if the text is meant, put it in quotes: `'now'`".to_owned(),
        ("set", _) => format!(
            "write `set: {}`; if the text is meant, put it in quotes: `'{written}'`",
            formula(written)
        ),
        _ => format!(
            "to fill it in on create write `set: {}`; if the text is meant, put it in quotes: `'{written}'`",
            formula(written)
        ),
    })
}

/// `=…` as YAML takes it.
fn formula(written: &str) -> String {
    let formula = format!("={written}");
    match written.contains(['{', '}', '[', ']', ',', '#', '\'', '"']) || written.contains(": ") {
        true => quoted(&formula),
        false => formula,
    }
}

/// Whether the text is an expression about the caller, a record or the time.
pub fn reads_like_one(text: &str) -> bool {
    match expr::parse(text) {
        (Some(ast), problems) if problems.is_empty() => {
            matches!(&ast.kind, Kind::Name(name) if name == "now") || asks(&ast)
        }
        _ => false,
    }
}

/// `user.…`, `this.…` or `next.…` anywhere in it. (The bare word `user` is a likely default.)
fn asks(ast: &Ast) -> bool {
    let named = |of: &Ast| matches!(&of.kind, Kind::Name(name) if matches!(name.as_str(), "user" | "this" | "next"));
    match &ast.kind {
        Kind::Null
        | Kind::Bool(_)
        | Kind::Int(_)
        | Kind::Float(_)
        | Kind::Text(_)
        | Kind::Name(_) => false,
        Kind::Member { of, .. } => named(of) || asks(of),
        Kind::Call { of, arguments, .. } => {
            of.as_deref().is_some_and(asks) || arguments.iter().any(asks)
        }
        Kind::Not(inner) | Kind::Neg(inner) => asks(inner),
        Kind::List(parts) | Kind::And(parts) | Kind::Or(parts) => parts.iter().any(asks),
        Kind::Binary { left, right, .. } => asks(left) || asks(right),
        Kind::If(parts) => parts.iter().any(asks),
    }
}
