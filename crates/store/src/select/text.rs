//! The text of a select.
//!
//! Three forms: plain; a page whose cursor stands before or among nulls, which is two ranges of
//! one index and so two selects of ids under one; the lists of several parents, which is one
//! select of ids for each parent.

use std::sync::Arc;

use expr::ir::THIS;
use model::{Model, Resource};
use value::{FieldId, IdKind, ResourceId, Type};

use super::page::{Key, Range};
use super::{IDS_MAX, Output, SORT_KEYS_MAX, Seek, Select, cost, field_type, page};
use crate::driver::{Cost, Dialect, Storage};
use crate::layout::{self, DELETED_AT, SEARCH, VERSION};
use crate::lower::{Form, Lowering, Place, Unsupported};
use crate::prepared::{Cell, Part, Prepared};
use crate::search;
use crate::sql::{Alias, Sql};

mod filters;

use filters::FilterCount;

type Written = Result<(), Unsupported>;

const NOT_SOFT: Unsupported = Unsupported {
    what: "what is deleted, where it is deleted at once",
};

/// Where the arguments of each kind begin.
struct Args {
    id: u16,
    path: u16,
    ids: u16,
    parent: u16,
    parents: u16,
    filters: u16,
    words: u16,
    cursor: u16,
    limit: u16,
}

struct Writer<'a> {
    model: &'a Model,
    resource: &'a Resource,
    shape: &'a Select,
    args: Args,
    sql: Sql,
}

pub(super) fn write(
    model: &Model,
    dialect: Dialect,
    shape: &Select,
) -> Result<Prepared, Unsupported> {
    let resource = model.resource(shape.resource);
    let keys = shape.sort_keys(model);
    check_size(shape, keys.len())?;
    let filters = count_filters(shape)?;
    let path_values = count_path(model, shape)?;
    let mut sql = Sql::new(dialect);
    let seeks = shape.seek.is_some() && !shape.count;
    let args = Args {
        id: sql.take_args(u16::from(shape.by_id)),
        path: sql.take_args(path_values),
        ids: sql.take_args(shape.ids.unwrap_or(0)),
        parent: sql.take_args(u16::from(shape.parent.is_some())),
        parents: sql.take_args(shape.parents.map_or(0, |(_, n)| n)),
        filters: sql.take_args(filters),
        words: sql.take_args(shape.words),
        cursor: sql.take_args(if seeks {
            u16::try_from(keys.len()).unwrap_or(u16::MAX)
        } else {
            0
        }),
        limit: sql.take_args(u16::from(shape.limit && !shape.count)),
    };
    let mut writer = Writer {
        model,
        resource,
        shape,
        args,
        sql,
    };
    if shape.count {
        writer.count()?;
    } else {
        let cursor = writer.args.cursor;
        let ranges = match shape.seek {
            Some(seek) => {
                let rowid = dialect == Dialect::Sqlite && resource.id_type.kind == IdKind::Integer;
                page::ranges(&page::keys(resource, &keys, seek, cursor)?, rowid)
            }
            None => vec![],
        };
        let keys = page::keys(resource, &keys, Seek::default(), cursor)?;
        if let Some((field, n)) = shape.parents {
            writer.of_parents(&keys, field, n)?;
        } else if let [_, _, ..] = ranges.as_slice() {
            writer.of_ranges(&keys, &ranges)?;
        } else {
            writer.plain(&keys, ranges.first())?;
        }
    }
    let cost = if cost::is_short(model, shape) {
        Cost::Short
    } else {
        Cost::Long
    };
    Ok(writer.sql.finish(cost))
}

fn check_size(shape: &Select, sort_keys: usize) -> Written {
    let unsupported = |what| Err(Unsupported { what });
    if shape.ids.is_some_and(|n| n > IDS_MAX) || shape.parents.is_some_and(|(_, n)| n > IDS_MAX) {
        return unsupported("so many ids at once");
    }
    if shape.parents.is_some() && shape.seek.is_some() {
        return unsupported("a cursor over several lists at once");
    }
    if sort_keys > SORT_KEYS_MAX {
        return unsupported("so many sort keys");
    }
    if usize::from(shape.words) > search::WORDS_MAX {
        return unsupported("so many words");
    }
    Ok(())
}

/// How many arguments the filters take.
fn count_filters(shape: &Select) -> Result<u16, Unsupported> {
    let mut filters = FilterCount::default();
    filters.add_all(&shape.filters);
    if let Some(matching) = &shape.matching {
        filters.add_where(matching, 0);
    }
    if filters.too_many {
        return Err(Unsupported {
            what: "so many filters",
        });
    }
    Ok(filters.args)
}

/// How many arguments the path takes.
fn count_path(model: &Model, shape: &Select) -> Result<u16, Unsupported> {
    let Some(by_path) = &shape.by_path else {
        return Ok(0);
    };
    let lineage = model.lineage(shape.resource);
    if shape.by_id || lineage.len() != by_path.around.len() + 1 {
        return Err(Unsupported {
            what: "a path that is not the resource's",
        });
    }
    let values: usize = lineage
        .iter()
        .map(|around| around.key_fields().count())
        .sum();
    Ok(u16::try_from(values).unwrap_or(u16::MAX))
}

impl Writer<'_> {
    fn count(&mut self) -> Written {
        let alias = self.sql.alias();
        self.sql.push("SELECT COUNT(*) FROM ");
        self.sql.table(&self.resource.snake, alias);
        self.sql.returns(Storage::Int, Cell::Plain);
        self.conditions(alias, None, None)
    }

    fn plain(&mut self, keys: &[Key], range: Option<&Range>) -> Written {
        let alias = self.sql.alias();
        self.outputs(alias)?;
        self.sql.push(" FROM ");
        self.sql.table(&self.resource.snake, alias);
        self.conditions(alias, None, range)?;
        // One record needs no order, and records by their ids are put in order by who asked.
        if !self.shape.is_one() && self.shape.ids.is_none() {
            self.order(alias, keys);
        }
        self.limit();
        if self.shape.lock {
            self.sql.either("", " FOR UPDATE");
        }
        Ok(())
    }

    /// The ids of each range first, then the rows, at most twice as many as wanted.
    fn of_ranges(&mut self, keys: &[Key], ranges: &[Range]) -> Written {
        let (alias, found) = (self.sql.alias(), self.sql.alias());
        self.outputs(alias)?;
        self.sql.push(" FROM (");
        for (at, range) in ranges.iter().enumerate() {
            if at > 0 {
                self.sql.push(" UNION ALL ");
            }
            let inner = self.sql.alias();
            self.sql.push("SELECT * FROM (");
            self.ids(inner);
            self.conditions(inner, None, Some(range))?;
            self.order(inner, keys);
            self.limit();
            self.sql.push(")");
            // PostgreSQL before 16 wants a name for every such table.
            let name = self.sql.alias();
            self.sql.push(" AS ");
            self.sql.alias_name(name);
        }
        self.sql.push(") AS ");
        self.sql.alias_name(found);
        self.join_found(alias, found);
        self.order(alias, keys);
        self.limit();
        Ok(())
    }

    fn of_parents(&mut self, keys: &[Key], field: FieldId, n: u16) -> Written {
        let (field, ty) = field_type(self.resource, field)?;
        let (alias, parent, inner) = (self.sql.alias(), self.sql.alias(), self.sql.alias());
        let sqlite = self.sql.is_sqlite();
        self.outputs(alias)?;
        self.sql.push(" FROM (");
        if sqlite {
            // SQLite calls the columns of a VALUES column1, column2 …
            self.sql.push("SELECT column1 AS \"id\" FROM (");
        }
        self.sql.push("VALUES ");
        for at in 0..n {
            self.sql.push(if at > 0 { ", (" } else { "(" });
            self.sql.arg(self.args.parents + at, ty);
            self.sql.push(")");
        }
        if n == 0 {
            self.sql.push("(NULL)");
        }
        self.sql.push(if sqlite { ")) AS " } else { ") AS " });
        self.sql.alias_name(parent);
        if sqlite {
            self.sql.push(" CROSS JOIN ");
            self.sql.table(&self.resource.snake, alias);
            self.sql.push(" WHERE ");
            self.sql.column(alias, &self.resource.id_field().name);
            self.sql.push(" IN (");
            self.ids(inner);
        } else {
            self.sql.push(" (\"id\") CROSS JOIN LATERAL (SELECT ");
            self.sql.alias_name(inner);
            self.sql.push(".* FROM ");
            self.sql.table(&self.resource.snake, inner);
        }
        self.conditions(inner, Some((&field.name, parent)), None)?;
        self.order(inner, keys);
        self.limit();
        self.sql.push(")");
        if !sqlite {
            self.sql.push(" AS ");
            self.sql.alias_name(alias);
        }
        self.order(alias, keys);
        Ok(())
    }

    fn ids(&mut self, alias: Alias) {
        self.sql.push("SELECT ");
        self.sql.column(alias, &self.resource.id_field().name);
        self.sql.push(" FROM ");
        self.sql.table(&self.resource.snake, alias);
    }

    /// SQLite keeps the order of a CROSS JOIN: the found ids lead, each row is one look-up.
    fn join_found(&mut self, alias: Alias, found: Alias) {
        let id = &self.resource.id_field().name;
        self.sql.push(" CROSS JOIN ");
        self.sql.table(&self.resource.snake, alias);
        self.sql.push(" WHERE ");
        self.sql.column(alias, id);
        self.sql.push(" = ");
        self.sql.column(found, id);
    }

    fn outputs(&mut self, alias: Alias) -> Written {
        self.sql.push("SELECT ");
        let resource = self.resource;
        for (at, output) in self.shape.outputs.iter().enumerate() {
            self.sql.comma(at);
            match output {
                Output::Version => {
                    self.sql.column(alias, VERSION);
                    self.sql.returns(Storage::Int, Cell::Plain);
                }
                Output::DeletedAt if resource.soft_delete.is_some() => {
                    self.sql.column(alias, DELETED_AT);
                    self.sql.returns(Storage::Timestamp, Cell::Plain);
                }
                Output::DeletedAt => return Err(NOT_SOFT),
                Output::Field(field) => {
                    let field = resource
                        .fields
                        .get(usize::from(field.0))
                        .ok_or(Unsupported {
                            what: "a field that the resource does not have",
                        })?;
                    if let model::FieldKind::Computed(formula) = &field.kind {
                        if self.formula(alias, formula)? {
                            return Err(Unsupported {
                                what: "a formula that was not made for one caller",
                            });
                        }
                        continue;
                    }
                    for (at, column) in layout::columns(field).iter().enumerate() {
                        self.sql.comma(at);
                        self.sql.column(alias, &column.name);
                    }
                    self.returns(&field.shape.ty);
                }
                Output::Holds(condition) | Output::Formula(condition) => {
                    self.formula(alias, condition)?;
                }
            }
        }
        if self.shape.outputs.is_empty() {
            self.sql.push("1");
            self.sql.returns(Storage::Int, Cell::Plain);
        }
        Ok(())
    }

    /// Whether it asks about the caller.
    fn formula(&mut self, alias: Alias, formula: &expr::Expr) -> Result<bool, Unsupported> {
        let parts: &[Part] = match formula.ty {
            Type::Money => &[Part::Amount, Part::Currency],
            _ => &[Part::Whole],
        };
        let mut asked = false;
        for (at, part) in parts.iter().enumerate() {
            self.sql.comma(at);
            let mut lowering = Lowering::new(self.model, &mut self.sql, Form::Rows);
            lowering.bind(
                THIS,
                Place::Row {
                    alias,
                    resource: self.resource.id,
                },
            );
            lowering.scalar(formula, *part)?;
            asked |= lowering.asked_caller();
        }
        self.returns(&formula.ty);
        Ok(asked)
    }

    fn returns(&mut self, ty: &Type) {
        let cell = match ty {
            Type::Money => Cell::Money,
            Type::List(_) | Type::Object(_) => Cell::Json(ty.clone()),
            _ => Cell::Plain,
        };
        self.sql.returns(layout::storage(ty), cell);
    }

    /// ` WHERE …`, as far as there is anything to ask.
    fn conditions(
        &mut self,
        alias: Alias,
        parent: Option<(&str, Alias)>,
        range: Option<&Range>,
    ) -> Written {
        let shape = self.shape;
        let id = self.resource.id_field();
        let mut and = And::default();
        if self.resource.soft_delete.is_some() {
            and.next(&mut self.sql);
            self.sql.column(alias, DELETED_AT);
            self.sql.push(if shape.deleted {
                " IS NOT NULL"
            } else {
                " IS NULL"
            });
        } else if shape.deleted {
            return Err(NOT_SOFT);
        }
        if shape.by_id {
            and.next(&mut self.sql);
            self.sql.column(alias, &id.name);
            self.sql.push(" = ");
            self.sql.arg(self.args.id, &id.shape.ty);
        }
        if let Some(by_path) = &shape.by_path {
            and.next(&mut self.sql);
            let lineage = self.model.lineage(self.resource.id);
            self.place(alias, &lineage, &by_path.around)?;
        }
        if let Some(n) = shape.ids {
            and.next(&mut self.sql);
            self.sql.column(alias, &id.name);
            self.among(self.args.ids, n, &id.shape.ty);
        }
        if let Some(field) = shape.parent {
            let (field, ty) = field_type(self.resource, field)?;
            and.next(&mut self.sql);
            self.sql.column(alias, &field.name);
            self.sql.push(" = ");
            self.sql.arg(self.args.parent, ty);
        }
        if let Some((field, parent)) = parent {
            and.next(&mut self.sql);
            self.sql.column(alias, field);
            self.sql.push(" = ");
            self.sql.column(parent, "id");
        }
        let mut arg = self.args.filters;
        for filter in &shape.filters {
            and.next(&mut self.sql);
            self.filter(alias, filter, &mut arg, false)?;
        }
        if let Some(matching) = &shape.matching {
            and.next(&mut self.sql);
            self.matching(alias, matching, &mut arg)?;
        }
        for word in 0..shape.words {
            and.next(&mut self.sql);
            self.contains(alias, SEARCH, self.args.words + word);
        }
        if shape.words > 0 && self.resource.search.is_empty() {
            return Err(Unsupported {
                what: "a search in a resource without `search`",
            });
        }
        for condition in &shape.restrict {
            if condition.as_const_bool() == Some(true) {
                continue;
            }
            and.next(&mut self.sql);
            let form = if shape.is_one() || shape.ids.is_some() {
                Form::Rows
            } else {
                Form::Sets
            };
            self.restrict(alias, self.resource.id, condition, form)?;
        }
        if let Some(range) = range {
            and.next(&mut self.sql);
            range.write(&mut self.sql, alias);
        }
        Ok(())
    }

    /// The record behind the whole of a path: in the record around it, if there is one, and
    /// with these values of its key. `around` are the conditions on those before the last.
    fn place(
        &mut self,
        alias: Alias,
        lineage: &[&Resource],
        around: &[Option<Arc<expr::Expr>>],
    ) -> Written {
        let Some((resource, outer)) = lineage.split_last() else {
            return Ok(());
        };
        let before: usize = outer.iter().map(|outer| outer.key_fields().count()).sum();
        let first = self.args.path + u16::try_from(before).unwrap_or(u16::MAX);
        for (arg, field) in (first..).zip(resource.key_fields()) {
            self.sql.push(if arg > first { " AND " } else { "" });
            self.sql.column(alias, &field.name);
            self.sql.push(" = ");
            self.sql.arg(arg, &field.shape.ty);
        }
        let (Some(within), Some((parent, _))) = (resource.within, outer.split_last()) else {
            return Ok(());
        };
        let there = self.sql.alias();
        self.sql.push(" AND ");
        self.sql.column(alias, &resource.field(within.field).name);
        self.sql.push(" = (SELECT ");
        self.sql.column(there, &parent.id_field().name);
        self.sql.push(" FROM ");
        self.sql.table(&parent.snake, there);
        self.sql.push(" WHERE ");
        let (condition, further) = match around.split_last() {
            Some((condition, further)) => (condition.as_ref(), further),
            None => (None, around),
        };
        self.place(there, outer, further)?;
        if parent.soft_delete.is_some() {
            self.sql.push(" AND ");
            self.sql.column(there, DELETED_AT);
            self.sql.push(" IS NULL");
        }
        if let Some(condition) = condition {
            self.sql.push(" AND ");
            self.restrict(there, parent.id, condition, Form::Rows)?;
        }
        self.sql.push(")");
        Ok(())
    }

    fn restrict(
        &mut self,
        alias: Alias,
        resource: ResourceId,
        condition: &expr::Expr,
        form: Form,
    ) -> Written {
        let mut lowering = Lowering::new(self.model, &mut self.sql, form);
        lowering.bind(THIS, Place::Row { alias, resource });
        lowering.condition(condition)
    }

    /// ` IN (…)`
    fn among(&mut self, first: u16, n: u16, ty: &Type) {
        self.sql.push(" IN (");
        for at in 0..n {
            self.sql.comma(at.into());
            self.sql.arg(first + at, ty);
        }
        if n == 0 {
            self.sql.push("NULL");
        }
        self.sql.push(")");
    }

    fn order(&mut self, alias: Alias, keys: &[Key]) {
        for (at, key) in keys.iter().enumerate() {
            self.sql.push(if at == 0 { " ORDER BY " } else { ", " });
            self.sql.column(alias, &key.column);
            self.sql.push(if key.descending { " DESC" } else { "" });
            // SQLite sorts nulls like this by itself.
            if key.nullable {
                self.sql.either(
                    "",
                    if key.descending {
                        " NULLS LAST"
                    } else {
                        " NULLS FIRST"
                    },
                );
            }
        }
    }

    fn limit(&mut self) {
        if self.shape.limit {
            self.sql.push(" LIMIT ");
            self.sql.arg(self.args.limit, &Type::Int64);
            // SQLite plans with the value of a bare parameter here, and so prepares the
            // statement anew whenever another is bound. A sum it leaves alone.
            self.sql.either(" + 0", "");
        }
    }
}

/// `WHERE` before the first condition, `AND` before the others.
#[derive(Default)]
struct And {
    begun: bool,
}

impl And {
    fn next(&mut self, sql: &mut Sql) {
        sql.push(if self.begun { " AND " } else { " WHERE " });
        self.begun = true;
    }
}
