//! The feed: one entry for each committed change, in commit order.
//!
//! Appended in the transaction of the change itself. Positions are in commit order: whoever has
//! seen one never finds something new below it (see [`crate::driver`], promise 3).
//!
//! SQLite's one writer gives them as it writes. On PostgreSQL many write at once, and a number
//! taken from a sequence while writing says nothing about who commits first; readers that go by
//! it skip what is committed late. A lock before each commit would mend that and make every
//! write of all nodes wait for the disk in turn: measured with 16 clients and `fsync`, a sixth of
//! the writes. So an entry is written without a position, and
//! [`publish`] numbers what *has been* committed, one at a time, before the feed is read: in the
//! order of the sequence, which is the order of the changes of each record, and of any two
//! writes of which one began after the other was answered. Writers never wait for it.

use value::{Timestamp, Type, Value};

use crate::driver::{Cost, Dialect, Driver, Rows, Storage, StoreError, Undo};
use crate::prepared::{Cell, Prepared, corrupt};
use crate::sql::Sql;

mod postgres;

pub(crate) const TABLE: &str = "frontdesk_feed";
/// PostgreSQL: one row with the last position given.
pub(crate) const END: &str = "frontdesk_feed_end";

/// Entries that [`prune`] deletes at once: other writes wait for no more than these.
pub const PRUNED_AT_ONCE: u32 = 1_000;

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Given by the database. Not looked at by [`Entry::args`].
    pub position: i64,
    /// Name of the resource: `Book`.
    pub resource: String,
    /// The record's id as it stands in URLs.
    pub record: String,
    /// `create`, `update`, `delete` or `restore`.
    pub action: String,
    /// The record's version after the change; of a deleted one its last.
    pub version: i64,
    pub at: Timestamp,
    /// Who did it, as the engine names callers.
    pub caller: Option<String>,
    /// The whole record ([`crate::json::write_record`]); `None` when it was created or restored.
    pub before: Option<String>,
    /// `None` when it was deleted.
    pub after: Option<String>,
}

/// The columns after the position, in the order of [`Entry::args`].
const COLUMNS: [(&str, Storage); 8] = [
    ("resource", Storage::Text),
    ("record", Storage::Text),
    ("action", Storage::Text),
    ("version", Storage::Int),
    ("at", Storage::Timestamp),
    ("caller", Storage::Text),
    ("before", Storage::Json),
    ("after", Storage::Json),
];

fn type_of(storage: Storage) -> Type {
    match storage {
        Storage::Int => Type::Int64,
        Storage::Timestamp => Type::Timestamp,
        Storage::Json => Type::Json,
        _ => Type::Text,
    }
}

/// Appends an entry. Arguments: [`Entry::args`].
pub fn append(dialect: Dialect) -> Prepared {
    let mut sql = Sql::new(dialect);
    sql.push("INSERT INTO ");
    sql.name(TABLE);
    sql.push(" (");
    for (at, (column, _)) in COLUMNS.iter().enumerate() {
        sql.comma(at);
        sql.name(column);
    }
    sql.push(") VALUES (");
    for (at, (_, storage)) in COLUMNS.iter().enumerate() {
        sql.comma(at);
        let arg = sql.take_args(1);
        sql.arg(arg, &type_of(*storage));
    }
    sql.push(")");
    sql.finish(Cost::Short)
}

/// Gives positions to all entries committed so far. On SQLite they have them.
///
/// # Errors
/// When the database does not answer.
pub async fn publish(driver: &dyn Driver) -> Result<(), StoreError> {
    if driver.dialect() == Dialect::Sqlite {
        return Ok(());
    }
    loop {
        let rows = driver.query(&postgres::waiting(), &[]).await?;
        if rows.cells.first() != Some(&Value::Bool(true)) {
            return Ok(());
        }
        match driver.write(Box::new(postgres::Numbering)).await {
            Ok(()) | Err(Undo::Refused) => {}
            Err(Undo::Store(error)) => return Err(error),
        }
    }
}

/// Entries after a position, in order, at most so many; everything that was committed before
/// it was called is among them or below them.
///
/// # Errors
/// When the database does not answer.
pub async fn read(driver: &dyn Driver, after: i64, most: u32) -> Result<Vec<Entry>, StoreError> {
    publish(driver).await?;
    let read = read_after(driver.dialect());
    let parameters = read.bind_args(&[Value::Int(after), Value::Int(most.into())]);
    entries(driver.query(&read.statement, &parameters).await?)
}

/// Entries after a position, in order, as far as they have been published: [`read`] does both.
/// Arguments: the position, how many at most. Rows: [`entries`].
pub fn read_after(dialect: Dialect) -> Prepared {
    let mut sql = Sql::new(dialect);
    sql.push("SELECT \"position\"");
    sql.returns(Storage::Int, Cell::Plain);
    for (column, storage) in COLUMNS {
        sql.push(", ");
        sql.name(column);
        sql.returns(storage, Cell::Plain);
    }
    sql.push(" FROM ");
    sql.name(TABLE);
    sql.push(" WHERE \"position\" > ");
    let position = sql.take_args(1);
    sql.arg(position, &Type::Int64);
    sql.push(" ORDER BY \"position\" LIMIT ");
    let limit = sql.take_args(1);
    sql.arg(limit, &Type::Int64);
    // See the limit of pages: SQLite would plan anew for each value.
    sql.either(" + 0", "");
    sql.finish(Cost::Short)
}

/// The first position kept and the last one, both null while the feed is empty: one row.
/// A reader whose position is below the first has missed something.
pub fn bounds(dialect: Dialect) -> Prepared {
    let mut sql = Sql::new(dialect);
    // Two statements in one, because either end alone is one step into the index.
    sql.push("SELECT (SELECT MIN(\"position\") FROM ");
    sql.name(TABLE);
    sql.push("), (SELECT MAX(\"position\") FROM ");
    sql.name(TABLE);
    sql.push(")");
    sql.returns(Storage::Int, Cell::Plain);
    sql.returns(Storage::Int, Cell::Plain);
    sql.finish(Cost::Short)
}

/// Deletes entries made before a time, at most [`PRUNED_AT_ONCE`]: repeat while it deletes so
/// many. Never the last entry, so that the end of the feed stays known. Argument: the time.
pub fn prune(dialect: Dialect) -> Prepared {
    let mut sql = Sql::new(dialect);
    // The first positions are the oldest, so no index of the times is needed: each would be paid
    // for by every write.
    sql.push("DELETE FROM ");
    sql.name(TABLE);
    sql.push(" WHERE \"position\" IN (SELECT \"position\" FROM (SELECT \"position\", \"at\" FROM ");
    sql.name(TABLE);
    sql.push(" ORDER BY \"position\" LIMIT ");
    sql.integer(i64::from(PRUNED_AT_ONCE));
    sql.push(") AS \"first\" WHERE \"at\" < ");
    let before = sql.take_args(1);
    sql.arg(before, &Type::Timestamp);
    sql.push(" AND \"position\" < (SELECT MAX(\"position\") FROM ");
    sql.name(TABLE);
    sql.push("))");
    sql.finish(Cost::Short)
}

/// Makes what every write pays for less: no index of the times, and on SQLite no counter beside
/// the table. Positions go on from the last entry, which is never pruned.
pub(crate) fn slim(dialect: Dialect) -> Vec<String> {
    let mut sql = vec![format!("DROP INDEX \"{TABLE}__at\"")];
    if dialect == Dialect::Sqlite {
        let slim = "frontdesk_feed_slim";
        sql.extend([
            format!(
                "CREATE TABLE \"{slim}\" (\"position\" INTEGER PRIMARY KEY, \"resource\" TEXT NOT NULL, \
                 \"record\" TEXT NOT NULL, \"action\" TEXT NOT NULL, \"version\" INTEGER NOT NULL, \
                 \"at\" INTEGER NOT NULL, \"caller\" TEXT, \"before\" TEXT, \"after\" TEXT) STRICT"
            ),
            format!("INSERT INTO \"{slim}\" SELECT * FROM \"{TABLE}\""),
            format!("DROP TABLE \"{TABLE}\""),
            format!("ALTER TABLE \"{slim}\" RENAME TO \"{TABLE}\""),
        ]);
    }
    sql
}

impl Entry {
    /// The arguments of [`append`].
    pub fn args(self) -> Vec<Value> {
        let text = |text: Option<String>| text.map_or(Value::Null, Value::Text);
        let json = |text: Option<String>| text.map_or(Value::Null, |text| Value::Json(text.into()));
        vec![
            Value::Text(self.resource),
            Value::Text(self.record),
            Value::Text(self.action),
            Value::Int(self.version),
            Value::Timestamp(self.at),
            text(self.caller),
            json(self.before),
            json(self.after),
        ]
    }
}

/// The entries that [`read_after`] found.
///
/// # Errors
/// [`StoreError::Corrupt`] when the table holds something else.
pub fn entries(rows: Rows) -> Result<Vec<Entry>, StoreError> {
    let mut cells = rows.cells.into_iter();
    let mut entries = Vec::new();
    while let Some(position) = cells.next() {
        let mut cell = || cells.next().unwrap_or(Value::Null);
        let (resource, record, action) = (cell(), cell(), cell());
        let (version, at, caller, before, after) = (cell(), cell(), cell(), cell(), cell());
        entries.push(Entry {
            position: integer(position)?,
            resource: text(resource)?.ok_or_else(misfit)?,
            record: text(record)?.ok_or_else(misfit)?,
            action: text(action)?.ok_or_else(misfit)?,
            version: integer(version)?,
            at: match at {
                Value::Timestamp(at) => at,
                _ => return Err(misfit()),
            },
            caller: text(caller)?,
            before: text(before)?,
            after: text(after)?,
        });
    }
    Ok(entries)
}

fn integer(value: Value) -> Result<i64, StoreError> {
    match value {
        Value::Int(number) => Ok(number),
        _ => Err(misfit()),
    }
}

fn text(value: Value) -> Result<Option<String>, StoreError> {
    match value {
        Value::Null => Ok(None),
        Value::Text(text) => Ok(Some(text)),
        Value::Json(text) => Ok(Some(text.into())),
        _ => Err(misfit()),
    }
}

fn misfit() -> StoreError {
    corrupt("the feed holds an entry that is none")
}
