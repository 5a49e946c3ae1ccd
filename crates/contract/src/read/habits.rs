//! What people write who know other tools, and where misplaced keys belong.

use crate::form::{Key, Table};
use crate::keys::TABLES;

/// What to write instead of a word that other tools have here.
pub fn advice(name: &str, table: &Table) -> Option<&'static str> {
    table
        .habits
        .iter()
        .find(|(habit, _)| habit.eq_ignore_ascii_case(name))
        .map(|(_, advice)| *advice)
}

/// The thing whose key this is, if it is another one's.
pub fn elsewhere(name: &str, here: &'static Table) -> Option<&'static str> {
    TABLES
        .iter()
        .filter(|table| !std::ptr::eq(**table, here))
        .find(|table| table.keys.iter().any(|key| key.name == name && !key.later))
        .map(|table| table.what)
}

/// The key that an advice such as "write `fields:`" names: what stands there is read as its value,
/// so that the mistakes in it are found in the same run.
pub fn meant(advice: &str, table: &'static Table) -> Option<&'static Key> {
    let name = advice.strip_prefix("write `")?.strip_suffix(":`")?;
    table.key(name)
}

/// The keys that the advice about an unknown one says to write: they are not missing besides.
pub fn names(name: &str, table: &'static Table) -> impl Iterator<Item = &'static str> {
    let advice = advice(name, table)
        .filter(|advice| advice.starts_with("write `") || advice.contains("start with `"));
    let keys = table.keys.iter().map(|key| key.name);
    let said = |advice: &str, key: &str| {
        ['`', '{']
            .iter()
            .any(|before| advice.contains(&format!("{before}{key}:")))
    };
    keys.filter(move |key| advice.is_some_and(|advice| said(advice, key)))
}

/// `user.id` of `$user.id` and `${user.id}`, as templates and shells have it.
pub fn without_dollar(text: &str) -> Option<&str> {
    let name = text.trim().strip_prefix('$')?;
    let bare = match name.strip_prefix('{') {
        Some(inner) => inner.trim_start_matches('{').strip_suffix('}')?,
        None => name,
    };
    let bare = bare.trim_end_matches('}').trim();
    bare.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        .then_some(bare)
}

/// What to write instead of a signature that is none, or one that whoever checks it could make.
pub fn algorithm(written: &str, known: &str) -> String {
    let upper = written.to_ascii_uppercase();
    let why = match upper.as_str() {
        "NONE" => "a token that nobody signed could be anybody's: ",
        _ if upper.starts_with("HS") => {
            "with a shared secret whoever checks tokens could make them too: "
        }
        _ => "",
    };
    format!("{why}it must be {known}")
}
