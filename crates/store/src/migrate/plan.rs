//! Compares what is applied with what a model needs.

use model::Model;

use super::applied::{Applied, Table, describe};
use super::table::Change;
use super::{Plan, Refusal, Risk, Step, counters, ddl, statement};
use crate::constraint::primary_key;
use crate::driver::{Dialect, Storage};
use crate::layout::{DELETED_AT, SEARCH, VERSION};
use crate::sql::quoted;
use crate::system;

/// What to do to get from what was applied last (`None`: a new database) to the model.
///
/// # Errors
/// Everything that it would have to guess, or that would lose data unasked.
pub fn plan(
    applied: Option<&Applied>,
    model: &Model,
    dialect: Dialect,
) -> Result<Plan, Vec<Refusal>> {
    let mut target = describe(model);
    target.number = applied.map_or(0, |applied| applied.number) + 1;
    let mut refusals: Vec<Refusal> = target.tables.iter().flat_map(clashes).collect();
    refusals.extend(shared_names(&target));

    let mut steps: Vec<Step> = system::upgrades(applied.map(|applied| applied.system), dialect)
        .into_iter()
        .map(|upgrade| Step {
            what: upgrade.what.to_owned(),
            sql: upgrade.sql,
            risk: Risk::Safe,
            probes: vec![],
            touches_rows: None,
        })
        .collect();

    let none = Applied {
        number: 0,
        system: 0,
        tables: vec![],
    };
    let applied = applied.unwrap_or(&none);
    let pairs: Vec<(&Table, Option<&Table>)> = target
        .tables
        .iter()
        .map(|table| (table, before(applied, &target, model, table)))
        .collect();

    // Drops first: a name may be wanted again.
    let kept = |old: &Table| pairs.iter().any(|(_, known)| *known == Some(old));
    let dropped = applied.tables.iter().filter(|old| !kept(old));
    let mut fresh: Vec<&Table> = pairs
        .iter()
        .filter(|(_, known)| known.is_none())
        .map(|(new, _)| *new)
        .collect();
    for old in dropped {
        let likely = take_likeliest(old, &mut fresh);
        steps.push(drop_table(old, likely, dialect));
    }
    steps.extend(renames(&pairs, dialect));
    let new: Vec<&Table> = pairs
        .iter()
        .filter(|(_, old)| old.is_none())
        .map(|(table, _)| *table)
        .collect();
    steps.extend(new.iter().map(|table| create(table, &target, dialect)));
    if dialect == Dialect::Postgres {
        steps.extend(new.iter().filter_map(|table| references(table, &target)));
    }
    for (table, old) in &pairs {
        let Some(old) = old else { continue };
        let Some(resource) = model.resource_named(&table.resource) else {
            continue;
        };
        let renamed = |name: &str| {
            pairs
                .iter()
                .find(|(_, old)| old.is_some_and(|old| old.resource == name))
                .map_or(name.to_owned(), |(table, _)| table.resource.clone())
        };
        let change = Change {
            old,
            new: table,
            resource,
            target: &target,
            applied,
            dialect,
        };
        match change.steps(&renamed) {
            Ok(found) => steps.extend(found),
            Err(found) => refusals.extend(found),
        }
    }
    steps.extend(counters::arrived(&steps));
    if steps.is_empty() && applied.bare_tables() != target.bare_tables() {
        steps.push(Step {
            what: "note the order of resources and fields".to_owned(),
            sql: vec![],
            risk: Risk::Safe,
            probes: vec![],
            touches_rows: None,
        });
    }
    // What the data may refuse is not called safe.
    for step in &mut steps {
        if step.risk == Risk::Safe && !step.probes.is_empty() {
            step.risk = Risk::Narrows;
        }
    }
    if refusals.is_empty() {
        Ok(Plan {
            is_noted: applied.tables == target.tables,
            steps,
            target,
            dialect,
        })
    } else {
        Err(refusals)
    }
}

/// The table a resource had before, under its name or the one it `was`.
fn before<'a>(
    applied: &'a Applied,
    target: &Applied,
    model: &Model,
    table: &Table,
) -> Option<&'a Table> {
    applied.table(&table.resource).or_else(|| {
        let was = model.resource_named(&table.resource)?.was.as_deref()?;
        applied.table(was).filter(|_| target.table(was).is_none())
    })
}

/// Names that cannot stand beside each other in a database.
fn clashes(table: &Table) -> Vec<Refusal> {
    let mut found = Vec::new();
    let refuse = |what: String, mend: &str| Refusal {
        resource: table.resource.clone(),
        what,
        mend: vec![mend.to_owned()],
    };
    for reserved in ["sqlite_", "frontdesk_", "pg_"] {
        if table.name.starts_with(reserved) {
            found.push(refuse(
                format!(
                    "tables beginning with `{reserved}` belong to the database or to frontdesk"
                ),
                "give the resource another name",
            ));
        }
    }
    let mut columns = [VERSION, SEARCH, DELETED_AT].map(str::to_owned).to_vec();
    for (name, _) in table.fields.iter().flat_map(super::FieldShape::columns) {
        if columns.contains(&name) {
            found.push(refuse(
                format!("two fields need the column `{name}` (money lies in `…_amount` and `…_currency`)"),
                "give one of the fields another name",
            ));
        }
        columns.push(name);
    }
    found
}

/// Names of tables and indexes, which share one room in both databases.
fn shared_names(target: &Applied) -> Vec<Refusal> {
    let mut known: Vec<&str> = Vec::new();
    let mut found = Vec::new();
    for table in &target.tables {
        let indexes = table.indexes.iter().map(|index| index.name.as_str());
        for name in std::iter::once(table.name.as_str()).chain(indexes) {
            if known.contains(&name) {
                found.push(Refusal {
                    resource: table.resource.clone(),
                    what: format!("another resource needs a table or index called `{name}` too"),
                    mend: vec!["give one of the two another name".to_owned()],
                });
            }
            known.push(name);
        }
    }
    found
}

/// Brings tables to their new names, by a detour where a name is still taken.
fn renames(pairs: &[(&Table, Option<&Table>)], dialect: Dialect) -> Vec<Step> {
    let renamed: Vec<(&Table, &Table)> = pairs
        .iter()
        .filter_map(|(new, old)| Some((*new, (*old)?)))
        .filter(|(new, old)| new.name != old.name)
        .collect();
    let taken = |name: &str| renamed.iter().any(|(_, old)| old.name == name);
    // On PostgreSQL keys and references have names of their own, made of the table's.
    let rename = |from: &str, to: &str, old: &Table| {
        let mut sql = vec![format!(
            "ALTER TABLE {} RENAME TO {}",
            quoted(from),
            quoted(to)
        )];
        if dialect == Dialect::Postgres {
            sql.push(ddl::rename_constraint(
                to,
                &primary_key(from),
                &primary_key(to),
            ));
            let references = old.fields.iter().filter(|field| field.references.is_some());
            sql.extend(references.map(|field| {
                ddl::rename_constraint(
                    to,
                    &ddl::reference_name(from, &field.name),
                    &ddl::reference_name(to, &field.name),
                )
            }));
        }
        sql
    };
    let step = |new: &Table, old: &Table, sql| Step {
        what: format!(
            "{}: rename the table `{}` to `{}`",
            new.resource, old.name, new.name
        ),
        sql,
        risk: Risk::Safe,
        probes: vec![],
        touches_rows: None,
    };
    let detour = |name: &str| format!("frontdesk_renamed_{name}");
    let mut steps = Vec::new();
    for (new, old) in renamed.iter().filter(|(new, _)| taken(&new.name)) {
        steps.push(step(new, old, rename(&old.name, &detour(&new.name), old)));
    }
    for (new, old) in &renamed {
        if taken(&new.name) {
            steps.push(step(new, old, rename(&detour(&new.name), &new.name, old)));
        } else {
            steps.push(step(new, old, rename(&old.name, &new.name, old)));
        }
    }
    steps
}

fn create(table: &Table, target: &Applied, dialect: Dialect) -> Step {
    let mut sql = vec![ddl::create_table(table, &table.name, target, dialect)];
    sql.extend(
        table
            .indexes
            .iter()
            .map(|index| ddl::create_index(table, index, dialect)),
    );
    Step {
        what: format!("{}: create the table `{}`", table.resource, table.name),
        sql,
        risk: Risk::Safe,
        probes: vec![],
        touches_rows: None,
    }
}

fn references(table: &Table, target: &Applied) -> Option<Step> {
    let sql: Vec<String> = table
        .fields
        .iter()
        .filter_map(|field| ddl::reference(table, field, target))
        .collect();
    (!sql.is_empty()).then(|| Step {
        what: format!("{}: tie it to what it points to", table.resource),
        sql,
        risk: Risk::Safe,
        probes: vec![],
        touches_rows: None,
    })
}

/// The new table that has most in common with one that is gone: perhaps it was renamed. Taken
/// out, so that no two are told the same.
fn take_likeliest<'a>(old: &Table, fresh: &mut Vec<&'a Table>) -> Option<&'a Table> {
    let common = |new: &Table| {
        let fields = old.fields.iter();
        fields
            .filter(|field| new.field(&field.name).is_some())
            .count()
    };
    // Of equals the first.
    let (at, _) = (fresh.iter().enumerate())
        .rev()
        .max_by_key(|(_, new)| common(new))?;
    Some(fresh.remove(at))
}

fn drop_table(old: &Table, likely: Option<&Table>, dialect: Dialect) -> Step {
    // With it go the references to it, whose fields are dropped further on.
    let references = if dialect == Dialect::Postgres {
        " CASCADE"
    } else {
        ""
    };
    // Renamed without saying so looks like this; say it before the data is gone.
    let hint = likely.map_or(String::new(), |new| {
        format!(
            " (renamed or removed? if `{}` is its new name, write `was: {}` there)",
            new.resource, old.resource
        )
    });
    Step {
        what: format!(
            "{}: drop the table `{}` and all its records{hint}",
            old.resource, old.name
        ),
        sql: [format!("DROP TABLE {}{references}", quoted(&old.name))]
            .into_iter()
            .chain(counters::dropped(old))
            .collect(),
        risk: Risk::Loses,
        probes: vec![],
        touches_rows: Some(statement(
            format!("SELECT COUNT(*) FROM {}", quoted(&old.name)),
            &[Storage::Int],
        )),
    }
}
