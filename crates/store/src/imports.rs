//! How far imports have come, and records that wait for others they refer to.
//!
//! An import writes its position in the transaction of the records it is the position after, so
//! that neither a crash nor a retry takes a record in twice. A record whose reference leads to
//! one that comes later waits here until that one is there.

use value::{Timestamp, Type, Value};

use crate::driver::{Cost, Dialect, Rows, StoreError};
use crate::layout;
use crate::prepared::{Cell, Prepared, corrupt};
use crate::sql::Sql;

pub(crate) const TABLE: &str = "frontdesk_imports";
pub(crate) const WAITING: &str = "frontdesk_imports_waiting";

/// The tables, as a script.
pub(crate) fn create(dialect: Dialect) -> Vec<String> {
    let sqlite = dialect == Dialect::Sqlite;
    let either = |sqlite_word, postgres_word| if sqlite { sqlite_word } else { postgres_word };
    let text = either("TEXT", "text COLLATE \"C\"");
    let int = either("INTEGER", "bigint");
    let time = either("INTEGER", "timestamptz");
    let boolean = either("INTEGER", "boolean");
    let end = either(" STRICT", "");
    let table = TABLE;
    let waiting = WAITING;
    vec![
        format!(
            "CREATE TABLE \"{table}\" (\"name\" {text} NOT NULL PRIMARY KEY, \"state\" {text} NOT NULL, \
             \"finished\" {boolean} NOT NULL, \"updated_at\" {time} NOT NULL){end}"
        ),
        format!(
            "CREATE TABLE \"{waiting}\" (\"import\" {text} NOT NULL, \"resource\" {text} NOT NULL, \
             \"line\" {int} NOT NULL, \"own\" {text} NOT NULL, \"target\" {text} NOT NULL, \
             \"record\" {text} NOT NULL, PRIMARY KEY (\"import\", \"resource\", \"line\")){end}"
        ),
        format!("CREATE INDEX \"{waiting}__target\" ON \"{waiting}\" (\"import\", \"target\")"),
        format!("CREATE INDEX \"{waiting}__own\" ON \"{waiting}\" (\"import\", \"own\")"),
    ]
}

/// A record that is read but not in its table yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Name of its resource.
    pub resource: String,
    /// Where in the file it begins.
    pub line: i64,
    /// What others may wait for: [`key`] of itself.
    pub own: String,
    /// What it waits for: [`key`] of another record.
    pub target: String,
    /// All of it ([`crate::json::write_record`]).
    pub record: String,
}

/// How a record is named among those that wait and are waited for.
pub fn key(resource: &str, id: &str) -> String {
    format!("{resource}/{id}")
}

/// How far an import has come, a text of its own making, and whether it is at its end.
/// Argument: its name.
pub fn find(dialect: Dialect) -> Prepared {
    let mut sql = Sql::new(dialect);
    fill(
        &mut sql,
        "SELECT \"state\", \"finished\" FROM \"frontdesk_imports\" WHERE \"name\" = ?",
        &[Type::Text],
    );
    returns(&mut sql, &[Type::Text, Type::Bool]);
    sql.finish(Cost::Short)
}

/// Notes how far an import has come. Arguments: its name, the text, whether that is the end,
/// the time.
pub fn keep(dialect: Dialect) -> Prepared {
    let mut sql = Sql::new(dialect);
    fill(
        &mut sql,
        "INSERT INTO \"frontdesk_imports\" (\"name\", \"state\", \"finished\", \"updated_at\") \
         VALUES (?, ?, ?, ?) ON CONFLICT (\"name\") DO UPDATE SET \"state\" = excluded.\"state\", \
         \"finished\" = excluded.\"finished\", \"updated_at\" = excluded.\"updated_at\"",
        &[Type::Text, Type::Text, Type::Bool, Type::Timestamp],
    );
    sql.finish(Cost::Short)
}

/// Forgets how far an import has come. Argument: its name.
pub fn forget(dialect: Dialect) -> Prepared {
    let mut sql = Sql::new(dialect);
    fill(
        &mut sql,
        "DELETE FROM \"frontdesk_imports\" WHERE \"name\" = ?",
        &[Type::Text],
    );
    sql.finish(Cost::Short)
}

/// Forgets imports that ended before a time. Argument: the time.
pub fn forget_finished(dialect: Dialect) -> Prepared {
    let mut sql = Sql::new(dialect);
    fill(
        &mut sql,
        "DELETE FROM \"frontdesk_imports\" WHERE \"finished\" AND \"updated_at\" < ?",
        &[Type::Timestamp],
    );
    sql.finish(Cost::Short)
}

/// Forgets the records that wait in an import. Argument: its name.
pub fn forget_waiting(dialect: Dialect) -> Prepared {
    let mut sql = Sql::new(dialect);
    fill(
        &mut sql,
        "DELETE FROM \"frontdesk_imports_waiting\" WHERE \"import\" = ?",
        &[Type::Text],
    );
    sql.finish(Cost::Long)
}

/// Makes a record wait, or wait for something else. Arguments: the import's name, then
/// [`Waiting::args`].
pub fn wait(dialect: Dialect) -> Prepared {
    let mut sql = Sql::new(dialect);
    fill(
        &mut sql,
        "INSERT INTO \"frontdesk_imports_waiting\" (\"import\", \"resource\", \"line\", \"own\", \
         \"target\", \"record\") VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (\"import\", \"resource\", \
         \"line\") DO UPDATE SET \"target\" = excluded.\"target\"",
        &[
            Type::Text,
            Type::Text,
            Type::Int64,
            Type::Text,
            Type::Text,
            Type::Text,
        ],
    );
    sql.finish(Cost::Short)
}

/// A record waits no longer. Arguments: the import's name, the resource's, the line.
pub fn arrived(dialect: Dialect) -> Prepared {
    let mut sql = Sql::new(dialect);
    fill(
        &mut sql,
        "DELETE FROM \"frontdesk_imports_waiting\" WHERE \"import\" = ? AND \"resource\" = ? AND \
         \"line\" = ?",
        &[Type::Text, Type::Text, Type::Int64],
    );
    sql.finish(Cost::Short)
}

/// How many records of an import wait. Argument: its name.
pub fn count(dialect: Dialect) -> Prepared {
    let mut sql = Sql::new(dialect);
    fill(
        &mut sql,
        "SELECT COUNT(*) FROM \"frontdesk_imports_waiting\" WHERE \"import\" = ?",
        &[Type::Text],
    );
    returns(&mut sql, &[Type::Int64]);
    sql.finish(Cost::Long)
}

/// The records of an import that wait, from one on, in the order of resource and line.
/// Arguments: its name, the resource and the line after which to begin, how many at most. Rows:
/// [`waiting`].
pub fn page(dialect: Dialect) -> Prepared {
    let mut sql = select(dialect);
    fill(
        &mut sql,
        " WHERE w.\"import\" = ? AND (w.\"resource\", w.\"line\") > (?, ?) \
         ORDER BY w.\"resource\", w.\"line\" LIMIT ?",
        &[Type::Text, Type::Text, Type::Int64, Type::Int64],
    );
    sql.finish(Cost::Short)
}

/// The records of an import that wait for one. Arguments: its name, the [`key`], how many at
/// most. Rows: [`waiting`].
pub fn waiting_for(dialect: Dialect) -> Prepared {
    let mut sql = select(dialect);
    fill(
        &mut sql,
        " WHERE w.\"import\" = ? AND w.\"target\" = ? LIMIT ?",
        &[Type::Text, Type::Text, Type::Int64],
    );
    sql.finish(Cost::Short)
}

/// The records of an import that wait for none of those that wait too, the first first.
/// Arguments: its name, how many at most. Rows: [`waiting`].
pub fn stranded(dialect: Dialect) -> Prepared {
    let mut sql = select(dialect);
    fill(
        &mut sql,
        " WHERE w.\"import\" = ? AND NOT EXISTS (SELECT 1 FROM \"frontdesk_imports_waiting\" o \
         WHERE o.\"import\" = w.\"import\" AND o.\"own\" = w.\"target\") \
         ORDER BY w.\"resource\", w.\"line\" LIMIT ?",
        &[Type::Text, Type::Int64],
    );
    sql.finish(Cost::Long)
}

fn select(dialect: Dialect) -> Sql {
    let mut sql = Sql::new(dialect);
    sql.push(
        "SELECT w.\"resource\", w.\"line\", w.\"own\", w.\"target\", w.\"record\" \
         FROM \"frontdesk_imports_waiting\" w",
    );
    returns(
        &mut sql,
        &[Type::Text, Type::Int64, Type::Text, Type::Text, Type::Text],
    );
    sql
}

/// Appends a text with an argument in place of each `?`.
fn fill(sql: &mut Sql, text: &str, types: &[Type]) {
    for (at, part) in text.split('?').enumerate() {
        if let Some(ty) = at.checked_sub(1).and_then(|at| types.get(at)) {
            let arg = sql.take_args(1);
            sql.arg(arg, ty);
        }
        sql.push(part);
    }
}

fn returns(sql: &mut Sql, types: &[Type]) {
    for ty in types {
        sql.returns(layout::storage(ty), Cell::Plain);
    }
}

impl Waiting {
    /// The arguments of [`wait`].
    pub fn args(&self, import: &str) -> Vec<Value> {
        let text = |text: &str| Value::Text(text.to_owned());
        vec![
            text(import),
            text(&self.resource),
            Value::Int(self.line),
            text(&self.own),
            text(&self.target),
            text(&self.record),
        ]
    }
}

/// What [`page`], [`waiting_for`] and [`stranded`] found.
///
/// # Errors
/// [`StoreError::Corrupt`] when the table holds something else.
pub fn waiting(rows: Rows) -> Result<Vec<Waiting>, StoreError> {
    let misfit = || corrupt("the table of imports holds something else");
    let mut found = Vec::with_capacity(rows.len());
    let mut cells = rows.cells.into_iter();
    while let Some(resource) = cells.next() {
        let cells = (
            resource,
            cells.next(),
            cells.next(),
            cells.next(),
            cells.next(),
        );
        let (
            Value::Text(resource),
            Some(Value::Int(line)),
            Some(Value::Text(own)),
            Some(Value::Text(target)),
            Some(Value::Text(record)),
        ) = cells
        else {
            return Err(misfit());
        };
        found.push(Waiting {
            resource,
            line,
            own,
            target,
            record,
        });
    }
    Ok(found)
}

/// The arguments of [`keep`].
pub fn keep_args(name: &str, state: &str, finished: bool, now: Timestamp) -> Vec<Value> {
    vec![
        Value::Text(name.to_owned()),
        Value::Text(state.to_owned()),
        Value::Bool(finished),
        Value::Timestamp(now),
    ]
}
