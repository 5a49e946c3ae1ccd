//! Where a page begins: keyset conditions after a cursor.
//!
//! Rows are ordered by the keys, nulls first when ascending and last when descending. The rows
//! after a cursor are one range of an index over the keys, but SQL can say so only when no null
//! is involved: `a < 5` is not true of a null that comes after it. Then it is two ranges, one
//! without and one of nulls only, in order.
//!
//! SQLite cannot begin `(a, id) > (…)` at the id when that is an integer, which it keeps as the
//! rowid: it would pass over everything that has the same `a`. There that range is two, too.

use model::Resource;
use value::{FieldId, Type};

use super::{Direction, Seek, field_type};
use crate::layout;
use crate::lower::Unsupported;
use crate::prepared::Part;
use crate::sql::{Alias, Sql};

/// One column of the order.
#[derive(Clone, Debug)]
pub(super) struct Key {
    pub column: String,
    pub descending: bool,
    pub nullable: bool,
    /// The cursor's value here is null.
    null: bool,
    /// Which argument the cursor's value is.
    arg: u16,
    ty: Type,
    part: Part,
}

/// Rows after the cursor that one condition tells.
pub(super) enum Range {
    /// `(a, b, id) > (…)`, which both databases turn into one search.
    Tuple(Vec<Key>),
    /// All keys equal but the last, the id.
    Same(Vec<Key>),
    /// The first key on the near side of the cursor's value, and after it by all keys.
    Stepwise(Vec<Key>),
    /// The first key null, and after the cursor by the others.
    NullThen(Vec<Key>),
    /// The first key not null.
    NotNull(Key),
    /// The first key null.
    Null(Key),
}

/// The columns of the sort keys; `cursor` is the first key's argument.
pub(super) fn keys(
    resource: &Resource,
    sort: &[(FieldId, Direction)],
    seek: Seek,
    cursor: u16,
) -> Result<Vec<Key>, Unsupported> {
    let mut keys = Vec::new();
    for (at, (field, direction)) in sort.iter().enumerate() {
        let (field, ty) = field_type(resource, *field)?;
        let nullable = field.shape.nullable;
        let null = nullable && seek.is_null(at);
        let key = |column: String, part, nullable| Key {
            column,
            descending: *direction == Direction::Descending,
            nullable,
            null,
            arg: cursor + u16::try_from(at).unwrap_or(u16::MAX),
            ty: ty.clone(),
            part,
        };
        if *ty == Type::Money {
            keys.push(key(
                layout::amount_column(&field.name),
                Part::Amount,
                nullable,
            ));
            if !null {
                // Null only together with the amount, which comes first.
                keys.push(key(
                    layout::currency_column(&field.name),
                    Part::Currency,
                    false,
                ));
            }
        } else {
            keys.push(key(field.name.clone(), Part::Whole, nullable));
        }
    }
    Ok(keys)
}

/// The ranges after the cursor, in order. Not empty. `rowid`: the id is SQLite's rowid.
pub(super) fn ranges(keys: &[Key], rowid: bool) -> Vec<Range> {
    let Some((first, rest)) = keys.split_first() else {
        return vec![];
    };
    let all = || keys.to_vec();
    if first.null {
        let after_nulls = Range::NullThen(all());
        return if first.descending {
            vec![after_nulls]
        } else {
            vec![after_nulls, Range::NotNull(first.clone())]
        };
    }
    let one_way = rest
        .iter()
        .all(|key| key.descending == first.descending && !key.null);
    // A later null would come after the cursor when descending, and no tuple says so.
    let later_nulls = first.descending && rest.iter().any(|key| key.nullable);
    let mut ranges = match (one_way && !later_nulls, rowid, keys.split_last()) {
        (true, true, Some((_, before))) if !before.is_empty() => {
            vec![Range::Same(all()), Range::Tuple(before.to_vec())]
        }
        (true, ..) => vec![Range::Tuple(all())],
        (false, ..) => vec![Range::Stepwise(all())],
    };
    if first.descending && first.nullable {
        ranges.push(Range::Null(first.clone()));
    }
    ranges
}

impl Range {
    pub fn write(&self, sql: &mut Sql, alias: Alias) {
        match self {
            Range::Tuple(keys) => tuple(sql, alias, keys),
            Range::Same(keys) => {
                if let Some((id, before)) = keys.split_last() {
                    for key in before {
                        sql.column(alias, &key.column);
                        sql.push(" = ");
                        key.value(sql);
                        sql.push(" AND ");
                    }
                    tuple(sql, alias, std::slice::from_ref(id));
                }
            }
            Range::Stepwise(keys) => {
                if let Some(first) = keys.first() {
                    // Says nothing new, but says it so that an index can begin there.
                    sql.column(alias, &first.column);
                    sql.push(if first.descending { " <= " } else { " >= " });
                    first.value(sql);
                    sql.push(" AND ");
                }
                after(sql, alias, keys);
            }
            Range::NullThen(keys) => {
                if let Some((first, rest)) = keys.split_first() {
                    sql.column(alias, &first.column);
                    sql.push(" IS NULL AND ");
                    let one_way = rest.iter().all(|key| {
                        key.descending == first.descending && !key.null && !key.nullable
                    });
                    if one_way {
                        tuple(sql, alias, rest)
                    } else {
                        after(sql, alias, rest)
                    }
                }
            }
            Range::NotNull(key) => {
                sql.column(alias, &key.column);
                sql.push(" IS NOT NULL");
            }
            Range::Null(key) => {
                sql.column(alias, &key.column);
                sql.push(" IS NULL");
            }
        }
    }
}

impl Key {
    fn value(&self, sql: &mut Sql) {
        sql.arg_part(self.arg, &self.ty, self.part);
    }
}

fn tuple(sql: &mut Sql, alias: Alias, keys: &[Key]) {
    let many = keys.len() > 1;
    sql.push(if many { "(" } else { "" });
    for (at, key) in keys.iter().enumerate() {
        sql.comma(at);
        sql.column(alias, &key.column);
    }
    sql.push(if many { ")" } else { "" });
    let descending = keys.first().is_some_and(|key| key.descending);
    sql.push(if descending { " < " } else { " > " });
    sql.push(if many { "(" } else { "" });
    for (at, key) in keys.iter().enumerate() {
        sql.comma(at);
        key.value(sql);
    }
    sql.push(if many { ")" } else { "" });
}

/// After the cursor by these keys, whatever is null.
fn after(sql: &mut Sql, alias: Alias, keys: &[Key]) {
    let Some((first, rest)) = keys.split_first() else {
        // Equal in all keys, the id included: the cursor's own row.
        sql.push("FALSE");
        return;
    };
    sql.push("(");
    match (first.null, first.descending) {
        (true, true) => {
            sql.column(alias, &first.column);
            sql.push(" IS NULL AND ");
            after(sql, alias, rest);
        }
        (true, false) => {
            sql.column(alias, &first.column);
            sql.push(" IS NOT NULL OR ");
            after(sql, alias, rest);
        }
        (false, descending) => {
            sql.column(alias, &first.column);
            sql.push(if descending { " < " } else { " > " });
            first.value(sql);
            if descending && first.nullable {
                sql.push(" OR ");
                sql.column(alias, &first.column);
                sql.push(" IS NULL");
            }
            if !rest.is_empty() {
                sql.push(" OR (");
                sql.column(alias, &first.column);
                sql.push(" = ");
                first.value(sql);
                sql.push(" AND ");
                after(sql, alias, rest);
                sql.push(")");
            }
        }
    }
    sql.push(")");
}
