//! Writes that are carried out after their request has been answered, and how they ended.
//!
//! An operation is written down as running before anybody is told of it, and as ended in the
//! transaction of its own write. One that is still running after its time, or whose process has
//! no lease any more, has been left behind; whoever notices writes down that it failed. As both
//! change the same row, only one of them happens.

use value::{Timestamp, Type, Value};

use crate::answers;
use crate::driver::{Cost, Dialect, Rows, Storage, StoreError};
use crate::leases;
use crate::prepared::{Cell, Prepared, corrupt};
use crate::prune::Old;
use crate::sql::Sql;

pub(crate) const TABLE: &str = "frontdesk_operations";

/// Operations that [`prune`] deletes at once: their answers may be large.
pub const PRUNED_AT_ONCE: u32 = 100;

/// How far an operation has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Running,
    Succeeded,
    Failed,
}

impl State {
    pub fn name(self) -> &'static str {
        match self {
            State::Running => "running",
            State::Succeeded => "succeeded",
            State::Failed => "failed",
        }
    }

    fn parse(name: &str) -> Option<State> {
        [State::Running, State::Succeeded, State::Failed]
            .into_iter()
            .find(|state| state.name() == name)
    }
}

/// An operation as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Operation {
    /// Whose it is.
    pub owner: [u8; 16],
    pub state: State,
    /// What was answered, once it has ended; nothing if it was left behind.
    pub answer: Option<String>,
    pub began: Timestamp,
    /// Until when it runs, or not at all.
    pub until: Timestamp,
    pub ended: Option<Timestamp>,
    /// The process that it was begun in.
    pub node: Option<[u8; 16]>,
    /// Whether that process has no lease now.
    pub is_forsaken: bool,
    /// What of the contract decided what may be seen of its answer.
    pub rights: Option<[u8; 16]>,
}

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
             \"owner\" {uuid} NOT NULL, \"state\" {text} NOT NULL, \"answer\" {text}, \
             \"began\" {time} NOT NULL, \"until\" {time} NOT NULL, \"ended\" {time}){end}"
        ),
        format!("CREATE INDEX \"{TABLE}__began\" ON \"{TABLE}\" (\"began\")"),
    ]
}

/// An older release's table does not say which process an operation runs in.
pub(crate) fn add_node(dialect: Dialect) -> String {
    let uuid = match dialect {
        Dialect::Sqlite => "BLOB",
        Dialect::Postgres => "uuid",
    };
    format!("ALTER TABLE \"{TABLE}\" ADD COLUMN \"node\" {uuid}")
}

/// Nor under what the answer is kept that began it, nor by which rules.
pub(crate) fn add_key(dialect: Dialect) -> Vec<String> {
    let uuid = match dialect {
        Dialect::Sqlite => "BLOB",
        Dialect::Postgres => "uuid",
    };
    ["kept", "rights"]
        .map(|column| format!("ALTER TABLE \"{TABLE}\" ADD COLUMN \"{column}\" {uuid}"))
        .to_vec()
}

/// Writes down that an operation runs. Arguments: the id, the owner, when it began, until when
/// it runs, the process; what the answer that began it is kept under, or null; the rights.
pub fn begin(dialect: Dialect) -> Prepared {
    let mut sql = Sql::new(dialect);
    sql.push("INSERT INTO ");
    sql.name(TABLE);
    sql.push(" (\"id\", \"owner\", \"began\", \"until\", \"node\", \"kept\", \"rights\", \"state\") VALUES (");
    let time = Type::Timestamp;
    let uuid = || Type::Uuid;
    let times = [time.clone(), time];
    let uuids = [uuid(), uuid(), uuid()];
    for ty in [uuid(), uuid()].into_iter().chain(times).chain(uuids) {
        let arg = sql.take_args(1);
        sql.arg(arg, &ty);
        sql.push(", ");
    }
    sql.push("'running')");
    sql.finish(Cost::Short)
}

/// Writes down how an operation ended, if it still runs: changes one row, or none. Arguments:
/// the id, the state's name, the answer, when.
pub fn end(dialect: Dialect) -> Prepared {
    let mut sql = Sql::new(dialect);
    let id = sql.take_args(1);
    sql.push("UPDATE ");
    sql.name(TABLE);
    sql.push(" SET ");
    let columns = [
        ("\"state\" = ", Type::Text),
        (", \"answer\" = ", Type::Text),
        (", \"ended\" = ", Type::Timestamp),
    ];
    for (column, ty) in columns {
        sql.push(column);
        let arg = sql.take_args(1);
        sql.arg(arg, &ty);
    }
    sql.push(" WHERE \"id\" = ");
    sql.arg(id, &Type::Uuid);
    sql.push(" AND \"state\" = 'running'");
    sql.finish(Cost::Short)
}

/// Forgets the answer that began an operation, so that its key stands for nothing any more.
/// Argument: the operation's id.
pub fn release(dialect: Dialect) -> Prepared {
    let mut sql = Sql::new(dialect);
    let id = sql.take_args(1);
    sql.push("DELETE FROM ");
    sql.name(answers::TABLE);
    sql.push(" WHERE \"id\" = (SELECT \"kept\" FROM ");
    sql.name(TABLE);
    sql.push(" WHERE \"id\" = ");
    sql.arg(id, &Type::Uuid);
    sql.push(")");
    sql.finish(Cost::Short)
}

/// An operation. Argument: the id. Rows: [`operation`].
pub fn find(dialect: Dialect) -> Prepared {
    let mut sql = Sql::new(dialect);
    sql.push(
        "SELECT \"owner\", \"state\", \"answer\", \"began\", \"until\", \"ended\", \"node\", \
         \"rights\", ",
    );
    leases::is_over(&mut sql, "\"operation\".\"node\"");
    sql.push(" FROM ");
    sql.name(TABLE);
    sql.push(" AS \"operation\" WHERE \"id\" = ");
    let id = sql.take_args(1);
    sql.arg(id, &Type::Uuid);
    for storage in [
        Storage::Uuid,
        Storage::Text,
        Storage::Text,
        Storage::Timestamp,
        Storage::Timestamp,
        Storage::Timestamp,
        Storage::Uuid,
        Storage::Uuid,
        Storage::Bool,
    ] {
        sql.returns(storage, Cell::Plain);
    }
    sql.finish(Cost::Short)
}

/// Deletes operations that began before a time, at most [`PRUNED_AT_ONCE`]: repeat while it
/// deletes so many. Argument: the time.
pub fn prune(dialect: Dialect) -> Prepared {
    let old = Old {
        table: TABLE,
        key: "id",
        time: "began",
        at_once: PRUNED_AT_ONCE,
    };
    old.delete(dialect)
}

/// The operation that [`find`] found.
///
/// # Errors
/// [`StoreError::Corrupt`] when the table holds something else.
pub fn operation(rows: Rows) -> Result<Option<Operation>, StoreError> {
    if rows.is_empty() {
        return Ok(None);
    }
    let misfit = || corrupt("an operation that was kept is none");
    let cells: [Value; 9] = rows.cells.try_into().map_err(|_| misfit())?;
    let [
        owner,
        state,
        answer,
        began,
        until,
        ended,
        node,
        rights,
        is_forsaken,
    ] = cells;
    let (Value::Uuid(owner), Value::Text(state)) = (owner, state) else {
        return Err(misfit());
    };
    let (Value::Timestamp(began), Value::Timestamp(until)) = (began, until) else {
        return Err(misfit());
    };
    Ok(Some(Operation {
        owner,
        state: State::parse(&state).ok_or_else(misfit)?,
        answer: match answer {
            Value::Text(answer) => Some(answer),
            _ => None,
        },
        began,
        until,
        ended: match ended {
            Value::Timestamp(ended) => Some(ended),
            _ => None,
        },
        node: uuid(node),
        is_forsaken: is_forsaken == Value::Bool(true),
        rights: uuid(rights),
    }))
}

fn uuid(cell: Value) -> Option<[u8; 16]> {
    match cell {
        Value::Uuid(uuid) => Some(uuid),
        _ => None,
    }
}
