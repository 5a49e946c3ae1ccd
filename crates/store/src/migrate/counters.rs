//! What becomes of counters (`sequence:`) when the tables they count for change.

use super::applied::{FieldShape, Table};
use super::{Risk, Step};
use crate::driver::Dialect;
use crate::sequence;

/// The counters of one table: begun for what is counted from now on, moved with what is called
/// otherwise, forgotten with what is gone. `came` answers how a field was called before.
pub(super) fn changed(
    old: &Table,
    new: &Table,
    came: &dyn Fn(&str) -> Option<String>,
    dialect: Dialect,
) -> Vec<String> {
    let mut sql = Vec::new();
    // What each counter that goes on was called before.
    let mut kept: Vec<String> = Vec::new();
    let mut begun = Vec::new();
    for (field, by) in counted(new) {
        let before = came(&field.name);
        let counted_before = before
            .as_deref()
            .and_then(|name| old.field(name)?.sequence.clone());
        match (before, counted_before) {
            (Some(before), Some(old_by)) if came(by).as_ref() == Some(&old_by) => {
                if (&*old.name, &*before) != (&*new.name, &*field.name) {
                    sql.push(sequence::depart(
                        (&old.name, &before),
                        (&new.name, &field.name),
                    ));
                }
                kept.push(before);
            }
            _ => begun.push((field, by)),
        }
    }
    for (field, _) in counted(old) {
        if !kept.contains(&field.name) {
            sql.push(sequence::forget_all(&old.name, &field.name));
        }
    }
    for (field, by) in begun {
        if let Some(storage) = new.field(by).map(|by| by.kind.storage()) {
            sql.extend(sequence::recount(
                &new.name,
                &field.name,
                by,
                storage,
                dialect,
            ));
        }
    }
    sql
}

/// Puts those in place that were moved, once all have left theirs.
pub(super) fn arrived(steps: &[Step]) -> Option<Step> {
    let moving = steps
        .iter()
        .flat_map(|step| &step.sql)
        .any(|sql| sequence::departs(sql));
    moving.then(|| Step {
        what: "counters are called as what they count".to_owned(),
        sql: vec![sequence::arrive()],
        risk: Risk::Safe,
        probes: vec![],
        touches_rows: None,
    })
}

/// The counters of a table that is dropped.
pub(super) fn dropped(old: &Table) -> Vec<String> {
    counted(old)
        .map(|(field, _)| sequence::forget_all(&old.name, &field.name))
        .collect()
}

/// The counted fields of a table, and the column they are counted by.
fn counted(table: &Table) -> impl Iterator<Item = (&FieldShape, &str)> {
    table
        .fields
        .iter()
        .filter_map(|field| Some((field, field.sequence.as_deref()?)))
}
