//! Which processes live: each renews a lease while anything goes on in it that others wait for.
//! What a process had begun whose lease is over has been left behind.
//!
//! All times are the database's own, so that clocks that differ give nobody up.

use value::Type;

use crate::driver::{Cost, Dialect};
use crate::prepared::Prepared;
use crate::prune::Old;
use crate::sql::Sql;

pub(crate) const TABLE: &str = "frontdesk_leases";

/// How long a lease lasts: several renewals may fail before anybody is given up who lives.
pub const LASTS_MILLIS: i64 = 15_000;

/// Leases that [`prune`] deletes at once.
pub const PRUNED_AT_ONCE: u32 = 1_000;

/// The database's clock. A statement's time, not that of its transaction.
const NOW: [&str; 2] = [
    "CAST(unixepoch('subsec') * 1000 AS INTEGER)",
    "clock_timestamp()",
];

pub(crate) fn create(dialect: Dialect) -> String {
    let [uuid, time, end] = match dialect {
        Dialect::Sqlite => ["BLOB", "INTEGER", " STRICT"],
        Dialect::Postgres => ["uuid", "timestamptz", ""],
    };
    format!(
        "CREATE TABLE \"{TABLE}\" (\"node\" {uuid} NOT NULL PRIMARY KEY, \
         \"until\" {time} NOT NULL){end}"
    )
}

/// Gives a process a lease from now on, or renews it. Argument: the process.
pub fn renew(dialect: Dialect) -> Prepared {
    let mut sql = Sql::new(dialect);
    let [sqlite, postgres] = NOW;
    sql.push("INSERT INTO ");
    sql.name(TABLE);
    sql.push(" (\"node\", \"until\") VALUES (");
    let node = sql.take_args(1);
    sql.arg(node, &Type::Uuid);
    sql.push(", ");
    sql.either(
        &format!("{sqlite} + {LASTS_MILLIS}"),
        &format!("{postgres} + interval '{LASTS_MILLIS} milliseconds'"),
    );
    sql.push(") ON CONFLICT (\"node\") DO UPDATE SET \"until\" = EXCLUDED.\"until\"");
    sql.finish(Cost::Short)
}

/// Ends all leases: for whoever begins to serve a database that has one process at a time. One
/// that lives nevertheless renews its own soon.
pub fn end_all(dialect: Dialect) -> Prepared {
    let mut sql = Sql::new(dialect);
    sql.push("DELETE FROM ");
    sql.name(TABLE);
    sql.finish(Cost::Short)
}

/// Deletes leases that ended before a time, at most [`PRUNED_AT_ONCE`]: repeat while it deletes
/// so many. There are too few for an index to be of use. Argument: the time.
pub fn prune(dialect: Dialect) -> Prepared {
    let old = Old {
        table: TABLE,
        key: "node",
        time: "until",
        at_once: PRUNED_AT_ONCE,
    };
    old.delete(dialect)
}

/// Whether the process in this column has no lease now; also if there is none in it.
pub(crate) fn is_over(sql: &mut Sql, column: &str) {
    sql.push("NOT EXISTS (SELECT 1 FROM ");
    sql.name(TABLE);
    sql.push(" AS \"lease\" WHERE \"lease\".\"node\" = ");
    sql.push(column);
    sql.push(" AND \"lease\".\"until\" > ");
    let [sqlite, postgres] = NOW;
    sql.either(sqlite, postgres);
    sql.push(")");
}
