//! Deleting what is old in a table of frontdesk's own, a few rows at once, so that other writes
//! go between.

use value::Type;

use crate::driver::{Cost, Dialect};
use crate::prepared::Prepared;
use crate::sql::Sql;

/// Rows that are old by one of their columns.
pub(crate) struct Old {
    pub table: &'static str,
    /// The primary key.
    pub key: &'static str,
    /// The column with the time that counts; it has an index where rows are many.
    pub time: &'static str,
    /// How many rows at the most, the oldest first.
    pub at_once: u32,
}

impl Old {
    /// Argument: the time before which a row is old.
    pub fn delete(&self, dialect: Dialect) -> Prepared {
        let mut sql = Sql::new(dialect);
        sql.push("DELETE FROM ");
        sql.name(self.table);
        sql.push(" WHERE ");
        sql.name(self.key);
        sql.push(" IN (SELECT ");
        sql.name(self.key);
        sql.push(" FROM ");
        sql.name(self.table);
        sql.push(" WHERE ");
        sql.name(self.time);
        sql.push(" < ");
        let before = sql.take_args(1);
        sql.arg(before, &Type::Timestamp);
        sql.push(" ORDER BY ");
        sql.name(self.time);
        sql.push(" LIMIT ");
        sql.integer(i64::from(self.at_once));
        sql.push(")");
        sql.finish(Cost::Short)
    }
}
