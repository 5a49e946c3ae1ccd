//! One table that is there already: from its fields to the model's.
//!
//! SQLite can rename and add columns in place. Everything else is done by building the table
//! anew beside the old one, once for all changes together, as its documentation describes.

use model::Resource;

use super::applied::{Applied, FieldShape, IndexShape, Table};
use super::convert::{Conversion, convert};
use super::limits::tightened;
use super::{Probe, Refusal, Risk, Step, counters, ddl, statement};
use crate::driver::{Dialect, Storage};
use crate::layout::{self, DELETED_AT, Rows, SEARCH, VERSION};
use crate::sql::quoted;

/// The name of a table while it is built.
const REBUILT: &str = "frontdesk_rebuilt";

pub(super) struct Change<'a> {
    pub old: &'a Table,
    pub new: &'a Table,
    pub resource: &'a Resource,
    pub target: &'a Applied,
    /// What was applied before, all of it.
    pub applied: &'a Applied,
    pub dialect: Dialect,
}

/// A field of the new table and where its values come from.
struct Column<'a> {
    new: &'a FieldShape,
    old: Option<&'a FieldShape>,
    conversion: Conversion,
    /// Constants for what has no value yet, one for each column.
    default: Option<Vec<String>>,
    /// Points to other records than before.
    retied: bool,
    /// The column by which it is counted, as it was called before: where it is new and counted.
    numbered_by: Option<String>,
}

/// Steps of one table, collected with what stands against them.
#[derive(Default)]
struct Found {
    steps: Vec<Step>,
    refusals: Vec<Refusal>,
}

impl Change<'_> {
    /// `renamed` answers what a resource of before is called now.
    pub fn steps(&self, renamed: &dyn Fn(&str) -> String) -> Result<Vec<Step>, Vec<Refusal>> {
        let mut found = Found::default();
        if self.old.id != self.new.id {
            found.refusals.push(self.refusal(
                format!(
                    "its ids are {} in the database and {} in the contract, and other records point to them",
                    self.old.id.words(),
                    self.new.id.words()
                ),
                vec![
                    "keep the kind of id, or start a new resource and copy the records".to_owned(),
                ],
            ));
        }
        let columns: Vec<Column<'_>> = self
            .new
            .fields
            .iter()
            // Of an id that changes its kind enough has been said.
            .filter(|field| self.old.id == self.new.id || field.name != self.new.id_name())
            .filter_map(|field| self.column(field, renamed, &mut found))
            .collect();
        let dropped = self.dropped(&columns, &mut found);
        if !found.refusals.is_empty() {
            return Err(found.refusals);
        }
        let rebuild = self.sqlite()
            && (!dropped.is_empty()
                || self.stops_soft_delete()
                || columns.iter().any(|column| column.numbered_by.is_some())
                || columns.iter().any(|column| {
                    column.old.is_some_and(|old| {
                        column.conversion.value.is_some()
                            || column.retied
                            || old.nullable != column.new.nullable
                    })
                }));
        for column in &columns {
            self.describe(column, rebuild, &mut found);
        }
        for field in &dropped {
            found.steps.push(self.step(
                format!("drop `{}` and what it holds", field.name),
                if rebuild {
                    vec![]
                } else {
                    field
                        .columns()
                        .iter()
                        .map(|(name, _)| format!("{} DROP COLUMN {}", self.alter(), quoted(name)))
                        .collect()
                },
                Risk::Loses,
            ));
        }
        let refill = self.search(&columns, rebuild, &mut found);
        self.soft_delete(rebuild, &mut found);
        if rebuild {
            let sql = self.rebuild(&columns, refill);
            found.steps.push(Step {
                touches_rows: Some(self.count_all()),
                ..self.step("build the table anew".to_owned(), sql, Risk::Locks)
            });
        }
        if refill {
            found.steps.push(Step {
                touches_rows: Some(self.count_all()),
                ..self.step(
                    "fill the search text".to_owned(),
                    vec![ddl::fill_search(self.new, self.dialect)],
                    Risk::Locks,
                )
            });
        }
        for column in columns.iter().filter(|column| column.numbered_by.is_some()) {
            self.number(column, &mut found);
        }
        self.indexes(&columns, rebuild, &mut found);
        let came = |name: &str| {
            let column = columns.iter().find(|column| column.new.name == name)?;
            column.old.map(|old| old.name.clone())
        };
        let counted = counters::changed(self.old, self.new, &came, self.dialect);
        if !counted.is_empty() {
            found
                .steps
                .push(self.step("keep count".to_owned(), counted, Risk::Safe));
        }
        Ok(found.steps)
    }

    /// Where a field comes from. Reports what cannot be.
    fn column<'c>(
        &'c self,
        new: &'c FieldShape,
        renamed: &dyn Fn(&str) -> String,
        found: &mut Found,
    ) -> Option<Column<'c>> {
        let described = self.resource.field_named(&new.name);
        let old = self.old.field(&new.name).or_else(|| {
            let was = described?.was.as_deref()?;
            let is_free = |name: &str| self.new.field(name).is_none();
            let relation = format!("{was}_id");
            [was, relation.as_str()]
                .into_iter()
                .filter(|name| is_free(name))
                .find_map(|name| self.old.field(name))
        });
        let default = described.and_then(|field| {
            let value = field.default.as_ref()?;
            Some(ddl::constants(value, &field.shape.ty, self.dialect))
        });
        let Some(old_field) = old else {
            return Some(Column {
                new,
                old,
                conversion: Conversion::default(),
                default,
                retied: false,
                numbered_by: self.numbered_by(new),
            });
        };
        let Some(conversion) = convert(old_field, &new.kind, self.dialect) else {
            found.refusals.push(self.refusal(
                format!(
                    "`{}` is {} in the database and {} in the contract; changing it would lose data",
                    new.name,
                    old_field.kind.words(),
                    new.kind.words()
                ),
                vec![format!(
                    "give the new field another name, copy what you need, and list the old one: `removed: [{}]`",
                    old_field.name
                )],
            ));
            return None;
        };
        let retied = old_field.references.as_deref().map(renamed) != new.references;
        Some(Column {
            new,
            old,
            conversion,
            default,
            retied,
            numbered_by: None,
        })
    }

    /// For a new counted field: the column that its numbers go by, if that is there already.
    fn numbered_by(&self, new: &FieldShape) -> Option<String> {
        let by = new.sequence.as_deref()?;
        if self.old.field(by).is_some() {
            return Some(by.to_owned());
        }
        let was = self.resource.field_named(by)?.was.as_deref()?;
        let relation = format!("{was}_id");
        self.old.field(&relation).map(|_| relation)
    }

    /// The fields that are gone, each by the contract's word.
    fn dropped<'c>(&'c self, columns: &[Column<'_>], found: &mut Found) -> Vec<&'c FieldShape> {
        let kept = |field: &FieldShape| {
            columns
                .iter()
                .any(|column| column.old.is_some_and(|old| old.name == field.name))
        };
        // A field whose change was refused is not gone.
        let named = |field: &FieldShape| self.new.field(&field.name).is_some();
        let mut dropped = Vec::new();
        for field in self
            .old
            .fields
            .iter()
            .filter(|field| !kept(field) && !named(field))
        {
            let relation = field
                .references
                .is_some()
                .then(|| field.name.strip_suffix("_id"))
                .flatten();
            let called = relation.unwrap_or(&field.name);
            if self
                .resource
                .removed
                .iter()
                .any(|name| *name == field.name || name == called)
            {
                dropped.push(field);
                continue;
            }
            let mut mend = Vec::new();
            let fresh = columns.iter().find(|column| {
                column.old.is_none() && convert(field, &column.new.kind, self.dialect).is_some()
            });
            if let Some(fresh) = fresh {
                let name = match (&fresh.new.references, fresh.new.name.strip_suffix("_id")) {
                    (Some(_), Some(relation)) => relation,
                    _ => &fresh.new.name,
                };
                mend.push(format!(
                    "if `{name}` is its new name, write `was: {called}` in `{name}`"
                ));
            } else {
                mend.push(format!(
                    "if it was renamed, write `was: {called}` in the field with its new name"
                ));
            }
            mend.push(format!(
                "if its data may go, write `removed: [{called}]` in {}",
                self.new.resource
            ));
            found.refusals.push(self.refusal(
                format!("`{called}` is gone from the contract: renamed or removed?"),
                mend,
            ));
        }
        dropped
    }

    /// The steps of one field; their SQL too, unless the table is built anew.
    fn describe(&self, column: &Column<'_>, rebuild: bool, found: &mut Found) {
        let Some(old) = column.old else {
            return self.add(column, rebuild, found);
        };
        let name = &column.new.name;
        let in_place = |sql: Vec<String>| if rebuild { vec![] } else { sql };
        if old.name != *name {
            let mut sql: Vec<String> = old
                .columns()
                .iter()
                .zip(column.new.columns())
                .map(|((from, _), (to, _))| {
                    format!(
                        "{} RENAME COLUMN {} TO {}",
                        self.alter(),
                        quoted(from),
                        quoted(&to)
                    )
                })
                .collect();
            if !self.sqlite() && old.references.is_some() {
                sql.push(ddl::rename_constraint(
                    &self.new.name,
                    &ddl::reference_name(&self.new.name, &old.name),
                    &ddl::reference_name(&self.new.name, name),
                ));
            }
            found.steps.push(self.step(
                format!("rename `{}` to `{name}`", old.name),
                in_place(sql),
                Risk::Safe,
            ));
        }
        if old.kind != column.new.kind {
            self.change_kind(column, old, rebuild, found);
        }
        self.tighten(column, old, found);
        if column.retied {
            self.retie(column, old, rebuild, found);
        }
        if old.nullable && !column.new.nullable {
            self.require(column, old, rebuild, found);
        } else if !old.nullable && column.new.nullable {
            let sql = column
                .new
                .columns()
                .iter()
                .map(|(name, _)| {
                    format!(
                        "{} ALTER COLUMN {} DROP NOT NULL",
                        self.alter(),
                        quoted(name)
                    )
                })
                .collect();
            found
                .steps
                .push(self.step(format!("`{name}` may be null"), in_place(sql), Risk::Safe));
        }
    }

    fn add(&self, column: &Column<'_>, rebuild: bool, found: &mut Found) {
        let name = &column.new.name;
        let definitions = ddl::column_definitions(self.new, column.new, self.target, self.dialect);
        let fill = column.default.as_ref().filter(|_| !column.new.nullable);
        let numbered = column.numbered_by.is_some();
        let mut sql: Vec<String> = definitions
            .iter()
            .enumerate()
            .map(|(at, definition)| {
                let default = fill
                    .and_then(|constants| constants.get(at))
                    .map_or(String::new(), |constant| format!(" DEFAULT {constant}"));
                // Numbered records come before it is required.
                let definition = if numbered {
                    definition.trim_end_matches(" NOT NULL")
                } else {
                    definition
                };
                format!("{} ADD COLUMN {definition}{default}", self.alter())
            })
            .collect();
        if !self.sqlite() {
            sql.extend(ddl::reference(self.new, column.new, self.target));
        }
        let mut step = self.step(
            format!("add `{name}`"),
            if rebuild { vec![] } else { sql },
            Risk::Safe,
        );
        if !column.new.nullable && fill.is_none() && !numbered {
            let relation = column.new.references.is_some();
            let called = if relation {
                name.strip_suffix("_id").unwrap_or(name)
            } else {
                name
            };
            let mut mend = vec![format!("let it be empty: `{called}?`")];
            if !relation {
                mend.insert(0, format!("give them one: `default: …` in `{called}`"));
            }
            step.probes.push(Probe {
                statement: self.count_all(),
                refusal: self.refusal(
                    format!(
                        "`{called}` is required, but the records that are there have none ({{n}})"
                    ),
                    mend,
                ),
            });
        }
        found.steps.push(step);
    }

    /// Records that are there are counted in the order in which they were made. A table that is
    /// built anew has the numbers already.
    fn number(&self, column: &Column<'_>, found: &mut Found) {
        let (name, table) = (quoted(&column.new.name), quoted(&self.new.name));
        let sql = match column.new.sequence.as_deref() {
            Some(by) if !self.sqlite() => vec![
                format!(
                    "UPDATE {table} SET {name} = \"counted\".\"n\" FROM (SELECT \"id\", {} AS \"n\" FROM {table}) \
                     AS \"counted\" WHERE {table}.\"id\" = \"counted\".\"id\"",
                    row_number(by)
                ),
                format!("{} ALTER COLUMN {name} SET NOT NULL", self.alter()),
            ],
            _ => vec![],
        };
        found.steps.push(Step {
            touches_rows: Some(self.count_all()),
            ..self.step(
                format!("number `{}` in the order of creation", column.new.name),
                sql,
                Risk::Locks,
            )
        });
    }

    fn change_kind(&self, column: &Column<'_>, old: &FieldShape, rebuild: bool, found: &mut Found) {
        let name = &column.new.name;
        let mut sql = vec![];
        if let (Some(value), false) = (&column.conversion.value, self.sqlite()) {
            // The column has been renamed by now.
            let value = value.replace(&quoted(&old.name), &quoted(name));
            for (column, storage) in column.new.columns() {
                sql.push(format!(
                    "{} ALTER COLUMN {} TYPE {} USING {value}",
                    self.alter(),
                    quoted(&column),
                    ddl::column_type(storage, self.dialect),
                ));
            }
        }
        let risk = if sql.is_empty() {
            Risk::Safe
        } else {
            Risk::Locks
        };
        let mut step = self.step(
            format!(
                "`{name}` turns from {} into {}",
                old.kind.words(),
                column.new.kind.words()
            ),
            if rebuild { vec![] } else { sql },
            risk,
        );
        if let Some((misfit, what)) = &column.conversion.misfit {
            step.probes.push(Probe {
                statement: self.count_where(misfit),
                refusal: self.refusal(
                    format!("`{name}` {what} in some records ({{n}})"),
                    vec![
                        "change those records first".to_owned(),
                        format!("leave `{name}` as it was"),
                    ],
                ),
            });
        }
        if let Some(gone) = &column.conversion.loses {
            step.what = format!("{}: `{name}` no longer has {gone}", self.new.resource);
            step.risk = Risk::Loses;
        }
        found.steps.push(step);
    }

    /// Limits that are stricter than before. They change no table, only what may be in it.
    fn tighten(&self, column: &Column<'_>, old: &FieldShape, found: &mut Found) {
        let name = &column.new.name;
        // What is not known has not changed.
        let (Some(before), Some(field)) = (&old.limits, self.resource.field_named(name)) else {
            return;
        };
        let Some((lies, _)) = old.columns().into_iter().next() else {
            return;
        };
        let value = column.conversion.value.clone();
        let value = value.unwrap_or_else(|| quoted(&lies));
        for limit in tightened(name, before, &field.shape, value, self.dialect) {
            let (place, now) = (&limit.place, &limit.now);
            let instead = match &limit.before {
                Some(before) => format!(" instead of `{before}`"),
                None => String::new(),
            };
            let mut step = self.step(
                format!("`{place}` gets `{now}`{instead}"),
                vec![],
                Risk::Narrows,
            );
            match limit.broken {
                Some(broken) => step.probes.push(Probe {
                    statement: self.count_where(&broken),
                    refusal: self.refusal(
                        format!("`{place}` breaks `{now}` in some records ({{n}})"),
                        vec![
                            "change those records first".to_owned(),
                            match &limit.before {
                                Some(before) => format!("keep `{before}` in `{place}`"),
                                None => format!("leave `{}` out of `{place}`", limit.word),
                            },
                        ],
                    ),
                }),
                None => step.what.push_str(
                    "; whether records break it cannot be checked here, they are kept as they are",
                ),
            }
            found.steps.push(step);
        }
    }

    fn retie(&self, column: &Column<'_>, old: &FieldShape, rebuild: bool, found: &mut Found) {
        let mut sql = Vec::new();
        if !self.sqlite() {
            if old.references.is_some() {
                sql.push(format!(
                    "{} DROP CONSTRAINT {}",
                    self.alter(),
                    quoted(&ddl::reference_name(&self.new.name, &column.new.name))
                ));
            }
            sql.extend(ddl::reference(self.new, column.new, self.target));
        }
        let name = &column.new.name;
        let what = match &column.new.references {
            Some(resource) => format!("`{name}` points to {resource}"),
            None => format!("`{name}` points to nothing in particular"),
        };
        let mut step = self.step(what, if rebuild { vec![] } else { sql }, Risk::Safe);
        let known = |table: &&Table| Some(&table.resource) == column.new.references.as_ref();
        if let Some(table) = self.target.tables.iter().find(known) {
            let dangling = format!(
                "{0} IS NOT NULL AND {0} NOT IN (SELECT {1} FROM {2})",
                quoted(&old.name),
                quoted(table.id_name()),
                quoted(&table.name)
            );
            // What it points to may only be made (or renamed) now; then nothing points there yet.
            let there = self
                .applied
                .tables
                .iter()
                .any(|known| known.name == table.name);
            let misfit = if there {
                dangling
            } else {
                format!("{} IS NOT NULL", quoted(&old.name))
            };
            step.probes.push(Probe {
                statement: self.count_where(&misfit),
                refusal: self.refusal(
                    format!(
                        "`{name}` points to no {} in some records ({{n}})",
                        table.resource
                    ),
                    vec!["change those records first".to_owned()],
                ),
            });
        }
        found.steps.push(step);
    }

    fn require(&self, column: &Column<'_>, old: &FieldShape, rebuild: bool, found: &mut Found) {
        let name = &column.new.name;
        let first = old
            .columns()
            .into_iter()
            .next()
            .map_or_else(String::new, |(name, _)| name);
        let mut sql = Vec::new();
        if !self.sqlite() {
            for (at, (column_name, _)) in column.new.columns().iter().enumerate() {
                let constant = column
                    .default
                    .as_ref()
                    .and_then(|constants| constants.get(at));
                if let Some(constant) = constant {
                    sql.push(format!(
                        "UPDATE {0} SET {1} = {constant} WHERE {1} IS NULL",
                        quoted(&self.new.name),
                        quoted(column_name)
                    ));
                }
                sql.push(format!(
                    "{} ALTER COLUMN {} SET NOT NULL",
                    self.alter(),
                    quoted(column_name)
                ));
            }
        }
        let mut step = self.step(
            format!("`{name}` is required"),
            if rebuild { vec![] } else { sql },
            Risk::Locks,
        );
        if column.default.is_none() {
            step.probes.push(Probe {
                statement: self.count_where(&format!("{} IS NULL", quoted(&first))),
                refusal: self.refusal(
                    format!("`{name}` is required, but null in some records ({{n}})"),
                    vec![
                        format!("give them one: `default: …` in `{name}`"),
                        format!("let it be empty: `{name}?`"),
                    ],
                ),
            });
        }
        found.steps.push(step);
    }

    /// Makes or drops the search column. True if its text must be made (again).
    fn search(&self, columns: &[Column<'_>], rebuild: bool, found: &mut Found) -> bool {
        let now: Vec<&str> = self.new.search.iter().map(String::as_str).collect();
        let before: Vec<&str> = self
            .old
            .search
            .iter()
            .map(|name| {
                let came = |column: &&Column<'_>| column.old.is_some_and(|old| old.name == *name);
                columns
                    .iter()
                    .find(came)
                    .map_or(name.as_str(), |column| &column.new.name)
            })
            .collect();
        if now == before {
            return false;
        }
        let sql = match (before.is_empty(), now.is_empty()) {
            (true, false) => {
                vec![format!(
                    "{} ADD COLUMN {}",
                    self.alter(),
                    ddl::search_column(self.dialect)
                )]
            }
            (false, true) => vec![format!("{} DROP COLUMN {}", self.alter(), quoted(SEARCH))],
            _ => vec![],
        };
        let what = if now.is_empty() {
            "`q` no longer searches".to_owned()
        } else {
            format!("`q` searches {}", now.join(", "))
        };
        // The text is made of the fields, so nothing is lost with it.
        let risk = if now.is_empty() {
            Risk::Locks
        } else {
            Risk::Safe
        };
        found
            .steps
            .push(self.step(what, if rebuild { vec![] } else { sql }, risk));
        !now.is_empty()
    }

    fn stops_soft_delete(&self) -> bool {
        self.old.soft_delete && !self.new.soft_delete
    }

    /// Makes or drops the mark of deleted records. Without it they would be there again, so they
    /// go for good.
    fn soft_delete(&self, rebuild: bool, found: &mut Found) {
        let in_place = |sql: Vec<String>| if rebuild { vec![] } else { sql };
        if self.new.soft_delete && !self.old.soft_delete {
            let add = format!(
                "{} ADD COLUMN {}",
                self.alter(),
                ddl::deleted_column(self.dialect)
            );
            found.steps.push(self.step(
                "what is deleted can be restored".to_owned(),
                in_place(vec![add]),
                Risk::Safe,
            ));
        }
        if !self.stops_soft_delete() {
            return;
        }
        let gone = format!("{} IS NOT NULL", quoted(DELETED_AT));
        let delete = format!("DELETE FROM {} WHERE {gone}", quoted(&self.new.name));
        let drop = format!("{} DROP COLUMN {}", self.alter(), quoted(DELETED_AT));
        let mut step = self.step(
            "what is deleted cannot be restored; what has been deleted goes for good".to_owned(),
            in_place(vec![delete, drop]),
            Risk::Loses,
        );
        step.touches_rows = Some(self.count_where(&gone));
        // Only deleted records can still point at deleted ones.
        let pointing = self.applied.tables.iter().filter(|table| table.soft_delete);
        for table in pointing.filter(|table| table.resource != self.old.resource) {
            let fields = table
                .fields
                .iter()
                .filter(|field| field.references.as_ref() == Some(&self.old.resource));
            for field in fields {
                let held = format!(
                    "{gone} AND {} IN (SELECT {} FROM {})",
                    quoted(self.old.id_name()),
                    quoted(&field.name),
                    quoted(&table.name)
                );
                step.probes.push(Probe {
                    statement: self.count_where(&held),
                    refusal: self.refusal(
                        format!(
                            "deleted records of {} still point to deleted ones here ({{n}})",
                            table.resource
                        ),
                        vec![format!(
                            "keep `soft_delete` until those of {} are purged",
                            table.resource
                        )],
                    ),
                });
            }
        }
        found.steps.push(step);
    }

    /// The table built anew, filled, and put in the old one's place. Its indexes go with the
    /// old one.
    fn rebuild(&self, columns: &[Column<'_>], refill: bool) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        let mut values: Vec<String> = Vec::new();
        for column in columns {
            let old: Vec<String> = column
                .old
                .map(|old| old.columns().iter().map(|(name, _)| quoted(name)).collect())
                .unwrap_or_default();
            for (at, (name, _)) in column.new.columns().iter().enumerate() {
                let default = column
                    .default
                    .as_ref()
                    .filter(|_| !column.new.nullable)
                    .and_then(|constants| constants.get(at));
                let numbers = column.numbered_by.as_deref().map(row_number);
                let value = column.conversion.value.as_ref().or_else(|| old.get(at));
                let value = value.or(numbers.as_ref());
                let value = match (value, default) {
                    (Some(value), Some(default)) => format!("COALESCE({value}, {default})"),
                    (Some(value), None) => value.clone(),
                    (None, Some(default)) => default.clone(),
                    (None, None) => "NULL".to_owned(),
                };
                names.push(quoted(name));
                values.push(value);
            }
        }
        names.push(quoted(VERSION));
        values.push(quoted(VERSION));
        if !self.new.search.is_empty() {
            names.push(quoted(SEARCH));
            values.push(if refill {
                "''".to_owned()
            } else {
                quoted(SEARCH)
            });
        }
        if self.old.soft_delete && self.new.soft_delete {
            names.push(quoted(DELETED_AT));
            values.push(quoted(DELETED_AT));
        }
        let kept = if self.stops_soft_delete() {
            format!(" WHERE {} IS NULL", quoted(DELETED_AT))
        } else {
            String::new()
        };
        let table = &self.new.name;
        let mut sql = vec![
            ddl::create_table(self.new, REBUILT, self.target, self.dialect),
            format!(
                "INSERT INTO {} ({}) SELECT {} FROM {}{kept}",
                quoted(REBUILT),
                names.join(", "),
                values.join(", "),
                quoted(table)
            ),
        ];
        if self.new.id == super::IdShape::Integer {
            // The numbers that deleted rows had are not given again.
            sql.push(format!(
                "DELETE FROM sqlite_sequence WHERE name = '{REBUILT}'"
            ));
            sql.push(format!(
                "INSERT INTO sqlite_sequence (name, seq) SELECT '{REBUILT}', seq FROM sqlite_sequence WHERE name = {}",
                crate::sql::literal(table)
            ));
        }
        sql.push(format!("DROP TABLE {}", quoted(table)));
        sql.push(format!(
            "ALTER TABLE {} RENAME TO {}",
            quoted(REBUILT),
            quoted(table)
        ));
        sql
    }

    fn indexes(&self, columns: &[Column<'_>], rebuild: bool, found: &mut Found) {
        // What the old indexes' columns are called now; `None` if one is gone.
        let renamed = |index: &IndexShape| -> Option<Vec<String>> {
            index
                .columns
                .iter()
                .map(|name| {
                    if name == DELETED_AT {
                        return Some(name.clone());
                    }
                    columns.iter().find_map(|column| {
                        let old = column.old?.columns();
                        let at = old.iter().position(|(known, _)| known == name)?;
                        Some(column.new.columns().get(at)?.0.clone())
                    })
                })
                .collect()
        };
        // Whether it holds the deleted rows too makes it another index, not another promise.
        let alike = |old: &IndexShape, new: &IndexShape| {
            old.unique == new.unique && renamed(old).as_ref() == Some(&new.columns)
        };
        let same = |old: &IndexShape, new: &IndexShape| old.rows == new.rows && alike(old, new);
        let mut dropped = Vec::new();
        for old in &self.old.indexes {
            let kept = self
                .new
                .indexes
                .iter()
                .any(|new| new.name == old.name && same(old, new));
            if kept {
                continue;
            }
            let replaced = self.new.indexes.iter().any(|new| same(old, new));
            let promised = self.new.indexes.iter().any(|new| alike(old, new));
            let drop = format!("DROP INDEX IF EXISTS {}", quoted(&old.name));
            if replaced && !self.sqlite() {
                // It stays, under another name; for a moment under none that is wanted.
                dropped.push(rename_index(&old.name, &passing(&old.name)));
            } else if promised || rebuild {
                dropped.push(drop);
            } else {
                let fields = fields_of(old, self.old);
                let what = match old.rows {
                    Rows::All if old.unique => format!("`{fields}` may repeat"),
                    Rows::Deleted => "what is deleted is no longer indexed".to_owned(),
                    Rows::All | Rows::Live => format!("`{fields}` is no longer indexed"),
                };
                found.steps.push(self.step(what, vec![drop], Risk::Safe));
            }
        }
        let mut restored = Vec::new();
        for new in &self.new.indexes {
            let create = ddl::create_index(self.new, new, self.dialect);
            let before = self.old.indexes.iter().find(|old| same(old, new));
            let promised = self.old.indexes.iter().any(|old| alike(old, new));
            match before {
                Some(old) if old.name == new.name && !rebuild => {}
                Some(old) if !self.sqlite() => {
                    restored.push(rename_index(&passing(&old.name), &new.name));
                }
                Some(_) => restored.push(create),
                None if promised => restored.push(create),
                None => {
                    let fields = fields_of(new, self.new);
                    let what = match new.rows {
                        Rows::All if new.unique => format!("`{fields}` must be unique"),
                        Rows::All => format!("`{fields}` is indexed"),
                        Rows::Live => format!("`{fields}` is indexed where it is not deleted"),
                        Rows::Deleted => "what is deleted is indexed".to_owned(),
                    };
                    let mut step = self.step(what, vec![create], Risk::Locks);
                    step.touches_rows = Some(self.count_all());
                    if new.unique {
                        step.probes.extend(self.duplicates(new, columns, &fields));
                    }
                    found.steps.push(step);
                }
            }
        }
        if !dropped.is_empty() || !restored.is_empty() {
            // Drops first: a name may come back with other columns.
            dropped.extend(restored);
            let (what, risk) = if self.sqlite() {
                ("restore its indexes", Risk::Locks)
            } else {
                ("rename its indexes", Risk::Safe)
            };
            found.steps.push(self.step(what.to_owned(), dropped, risk));
        }
    }

    /// Counts the records that would be one too many. The columns are those of before.
    fn duplicates(
        &self,
        index: &IndexShape,
        columns: &[Column<'_>],
        fields: &str,
    ) -> Option<Probe> {
        let mut values = Vec::new();
        let mut present = Vec::new();
        for name in &index.columns {
            let (column, at) = columns.iter().find_map(|column| {
                let at = column
                    .new
                    .columns()
                    .iter()
                    .position(|(known, _)| known == name)?;
                Some((column, at))
            })?;
            match (column.old, &column.default) {
                (Some(old), _) => {
                    let plain = quoted(&old.columns().get(at)?.0);
                    let value = column.conversion.value.clone().unwrap_or(plain);
                    let default = column.default.as_ref().filter(|_| !column.new.nullable);
                    match default.and_then(|constants| constants.get(at)) {
                        Some(default) if old.nullable => {
                            values.push(format!("COALESCE({value}, {default})"));
                        }
                        _ => {
                            if old.nullable {
                                present.push(format!("{value} IS NOT NULL"));
                            }
                            values.push(value);
                        }
                    }
                }
                // The same in every record.
                (None, Some(_)) if !column.new.nullable => {}
                // Null in every record, and nulls are no duplicates.
                (None, _) => return None,
            }
        }
        let present = if present.is_empty() {
            String::new()
        } else {
            format!(" WHERE {}", present.join(" AND "))
        };
        let table = quoted(&self.old.name);
        let text = if values.is_empty() {
            format!("SELECT CASE WHEN COUNT(*) > 1 THEN COUNT(*) - 1 ELSE 0 END FROM {table}")
        } else {
            format!(
                "SELECT CAST(COALESCE(SUM(\"n\"), 0) AS bigint) FROM (SELECT COUNT(*) - 1 AS \"n\" FROM {table}{present} GROUP BY {} HAVING COUNT(*) > 1) AS \"d\"",
                values.join(", ")
            )
        };
        Some(Probe {
            statement: statement(text, &[Storage::Int]),
            refusal: self.refusal(
                format!(
                    "`{fields}` must be unique, but some records repeat what another has ({{n}})"
                ),
                vec!["change or delete those records first".to_owned()],
            ),
        })
    }

    fn sqlite(&self) -> bool {
        self.dialect == Dialect::Sqlite
    }

    fn alter(&self) -> String {
        format!("ALTER TABLE {}", quoted(&self.new.name))
    }

    fn step(&self, what: String, sql: Vec<String>, risk: Risk) -> Step {
        Step {
            what: format!("{}: {what}", self.new.resource),
            sql,
            risk,
            probes: vec![],
            touches_rows: None,
        }
    }

    fn refusal(&self, what: String, mend: Vec<String>) -> Refusal {
        Refusal {
            resource: self.new.resource.clone(),
            what,
            mend,
        }
    }

    fn count_all(&self) -> std::sync::Arc<crate::driver::Statement> {
        statement(
            format!("SELECT COUNT(*) FROM {}", quoted(&self.old.name)),
            &[Storage::Int],
        )
    }

    fn count_where(&self, condition: &str) -> std::sync::Arc<crate::driver::Statement> {
        statement(
            format!(
                "SELECT COUNT(*) FROM {} WHERE {condition}",
                quoted(&self.old.name)
            ),
            &[Storage::Int],
        )
    }
}

fn rename_index(from: &str, to: &str) -> String {
    format!("ALTER INDEX {} RENAME TO {}", quoted(from), quoted(to))
}

/// What an index is called between two names.
fn passing(name: &str) -> String {
    layout::name(format!("frontdesk_renamed_{name}"))
}

/// The number of a record among those with the same value of a column.
fn row_number(by: &str) -> String {
    format!(
        "ROW_NUMBER() OVER (PARTITION BY {} ORDER BY \"created_at\", \"id\")",
        quoted(by)
    )
}

/// The fields of an index, without the id that ends it.
fn fields_of(index: &IndexShape, table: &Table) -> String {
    let mut names: Vec<&str> = Vec::new();
    for column in &index.columns {
        let field = table
            .fields
            .iter()
            .find(|field| field.columns().iter().any(|(name, _)| name == column));
        let name = field.map_or(column.as_str(), |field| &field.name);
        let trailing_id = name == table.id_name() && !names.is_empty();
        if !trailing_id && !names.contains(&name) {
            names.push(name);
        }
    }
    names.join(", ")
}
