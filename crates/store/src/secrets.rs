//! Secrets the server makes for itself and must keep, such as the key that signs cursors.

use value::Type;

use crate::driver::{Cost, Dialect, Storage};
use crate::prepared::{Cell, Prepared};
use crate::sql::Sql;

pub(crate) const TABLE: &str = "frontdesk_secrets";

/// The value of a secret, a text. Argument: its name.
pub fn find(dialect: Dialect) -> Prepared {
    let mut sql = Sql::new(dialect);
    sql.push("SELECT \"value\" FROM ");
    sql.name(TABLE);
    sql.push(" WHERE \"name\" = ");
    let name = sql.take_args(1);
    sql.arg(name, &Type::Text);
    sql.returns(Storage::Text, Cell::Plain);
    sql.finish(Cost::Short)
}

/// Keeps a secret unless there is one of that name already, which then stays: read it again
/// after. Arguments: its name, its value, the time.
pub fn keep(dialect: Dialect) -> Prepared {
    let mut sql = Sql::new(dialect);
    sql.push("INSERT INTO ");
    sql.name(TABLE);
    sql.push(" (\"name\", \"value\", \"created_at\") VALUES (");
    for (at, ty) in [Type::Text, Type::Text, Type::Timestamp].iter().enumerate() {
        sql.push(if at > 0 { ", " } else { "" });
        let arg = sql.take_args(1);
        sql.arg(arg, ty);
    }
    sql.push(") ON CONFLICT (\"name\") DO NOTHING");
    sql.finish(Cost::Short)
}
