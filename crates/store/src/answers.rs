//! Answers to writes that carried an idempotency key, so that the same request is answered
//! again instead of being carried out again.
//!
//! Kept in the transaction of the write itself: there is an answer exactly if there is the
//! write. Whose key it is, and for what, is one number; this module does not know how it is made.

use value::{Timestamp, Type, Value};

use crate::driver::{Cost, Dialect, Rows, Storage, StoreError};
use crate::prepared::{Cell, Prepared, corrupt};
use crate::prune::Old;
use crate::sql::Sql;

pub(crate) const TABLE: &str = "frontdesk_answers";

/// Answers that [`prune`] deletes at once. One may take megabytes, and other writes wait
/// meanwhile.
pub const PRUNED_AT_ONCE: u32 = 100;

/// An answer as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What was asked.
    pub fingerprint: [u8; 16],
    /// What decided what the caller may see.
    pub rights: [u8; 16],
    pub text: String,
    /// The write goes on, or went on, as this operation: how that ended is the answer once it has.
    pub operation: Option<[u8; 16]>,
}

/// The columns after the id.
const COLUMNS: [(&str, Storage, Type); 5] = [
    ("fingerprint", Storage::Uuid, Type::Uuid),
    ("rights", Storage::Uuid, Type::Uuid),
    ("answer", Storage::Text, Type::Text),
    ("operation", Storage::Uuid, Type::Uuid),
    ("at", Storage::Timestamp, Type::Timestamp),
];

/// The definition of the table.
pub(crate) fn create(dialect: Dialect) -> Vec<String> {
    let words = match dialect {
        Dialect::Sqlite => ["BLOB", "TEXT", "INTEGER", " STRICT"],
        Dialect::Postgres => ["uuid", "text COLLATE \"C\"", "timestamptz", ""],
    };
    let [uuid, text, time, end] = words;
    vec![
        format!(
            "CREATE TABLE \"{TABLE}\" (\"id\" {uuid} NOT NULL PRIMARY KEY, \
             \"fingerprint\" {uuid} NOT NULL, \"rights\" {uuid} NOT NULL, \
             \"answer\" {text} NOT NULL, \"at\" {time} NOT NULL){end}"
        ),
        format!("CREATE INDEX \"{TABLE}__at\" ON \"{TABLE}\" (\"at\")"),
    ]
}

/// An older release's table does not say which operation an answer began.
pub(crate) fn add_operation(dialect: Dialect) -> String {
    let uuid = match dialect {
        Dialect::Sqlite => "BLOB",
        Dialect::Postgres => "uuid",
    };
    format!("ALTER TABLE \"{TABLE}\" ADD COLUMN \"operation\" {uuid}")
}

/// Whether nobody else is at work on this key; if so, it is ours until the end of the
/// transaction. One row with one boolean. Argument: the first half of the id, as a number.
///
/// `None` where writes are one after the other anyway.
pub fn claim(dialect: Dialect) -> Option<Prepared> {
    if dialect == Dialect::Sqlite {
        return None;
    }
    let mut sql = Sql::new(dialect);
    sql.push("SELECT pg_try_advisory_xact_lock(");
    let number = sql.take_args(1);
    sql.arg(number, &Type::Int64);
    sql.push(")");
    sql.returns(Storage::Bool, Cell::Plain);
    Some(sql.finish(Cost::Short))
}

/// The answer that is kept. Argument: the id. Rows: [`answer`].
pub fn find(dialect: Dialect) -> Prepared {
    let mut sql = Sql::new(dialect);
    sql.push("SELECT \"fingerprint\", \"rights\", \"answer\", \"operation\" FROM ");
    sql.name(TABLE);
    sql.push(" WHERE \"id\" = ");
    let id = sql.take_args(1);
    sql.arg(id, &Type::Uuid);
    for (_, storage, _) in COLUMNS.iter().take(4) {
        sql.returns(*storage, Cell::Plain);
    }
    sql.finish(Cost::Short)
}

/// Keeps an answer, unless there is one under this id already: then no row is changed.
/// Arguments: [`Answer::args`].
pub fn keep(dialect: Dialect) -> Prepared {
    let mut sql = Sql::new(dialect);
    insert(&mut sql);
    sql.push(" ON CONFLICT (\"id\") DO NOTHING");
    sql.finish(Cost::Short)
}

/// Keeps an answer, refused if there is one under this id already. Arguments: [`Answer::args`].
pub(crate) fn insert(sql: &mut Sql) {
    sql.push("INSERT INTO ");
    sql.name(TABLE);
    sql.push(" (\"id\"");
    for (name, _, _) in COLUMNS {
        sql.push(", ");
        sql.name(name);
    }
    sql.push(") VALUES (");
    let id = sql.take_args(1);
    sql.arg(id, &Type::Uuid);
    for (_, _, ty) in COLUMNS {
        sql.push(", ");
        let arg = sql.take_args(1);
        sql.arg(arg, &ty);
    }
    sql.push(")");
}

/// Deletes answers that were given before a time, at most [`PRUNED_AT_ONCE`]: repeat while it
/// deletes so many. Argument: the time.
pub fn prune(dialect: Dialect) -> Prepared {
    let old = Old {
        table: TABLE,
        key: "id",
        time: "at",
        at_once: PRUNED_AT_ONCE,
    };
    old.delete(dialect)
}

impl Answer {
    /// The arguments of [`keep`].
    pub fn args(&self, id: [u8; 16], at: Timestamp) -> [Value; 6] {
        [
            Value::Uuid(id),
            Value::Uuid(self.fingerprint),
            Value::Uuid(self.rights),
            Value::Text(self.text.clone()),
            self.operation.map_or(Value::Null, Value::Uuid),
            Value::Timestamp(at),
        ]
    }
}

/// The answer that [`find`] found.
///
/// # Errors
/// [`StoreError::Corrupt`] when the table holds something else.
pub fn answer(rows: Rows) -> Result<Option<Answer>, StoreError> {
    if rows.is_empty() {
        return Ok(None);
    }
    let misfit = || corrupt("an answer that was kept is none");
    let cells: [Value; 4] = rows.cells.try_into().map_err(|_| misfit())?;
    let [
        Value::Uuid(fingerprint),
        Value::Uuid(rights),
        Value::Text(text),
        operation,
    ] = cells
    else {
        return Err(misfit());
    };
    Ok(Some(Answer {
        fingerprint,
        rights,
        text,
        operation: match operation {
            Value::Uuid(operation) => Some(operation),
            _ => None,
        },
    }))
}
