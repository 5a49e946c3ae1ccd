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
