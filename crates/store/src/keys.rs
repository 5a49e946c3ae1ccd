//! API keys as they are stored: a hash to find them by, what they may do, never the key itself.

use value::{Timestamp, Type, Value};

use crate::driver::{Cost, Dialect, Rows, StoreError};
use crate::prepared::{Cell, Prepared, corrupt};
use crate::sql::Sql;

pub(crate) const TABLE: &str = "frontdesk_keys";

/// Keys listed at once.
pub const LISTED_MAX: u32 = 1_000;

/// One key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    pub id: String,
    /// For people.
    pub name: String,
    /// SHA-256 of the key, in hexadecimal.
    pub hash: String,
    /// A JSON array of texts.
    pub scopes: String,
    /// The user it acts as (`user.id`).
    pub user: Option<String>,
    /// A JSON object: further claims (`user.role`).
    pub claims: String,
    /// May do everything.
    pub admin: bool,
    /// `public`, `partner` or `private`.
    pub audience: String,
    pub created_at: Timestamp,
    pub expires_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
    pub last_used_at: Option<Timestamp>,
}

const COLUMNS: [(&str, Type); 12] = [
    ("id", Type::Text),
    ("name", Type::Text),
    ("hash", Type::Text),
    ("scopes", Type::Json),
    ("user_id", Type::Text),
    ("claims", Type::Json),
    ("admin", Type::Bool),
    ("audience", Type::Text),
    ("created_at", Type::Timestamp),
    ("expires_at", Type::Timestamp),
    ("revoked_at", Type::Timestamp),
    ("last_used_at", Type::Timestamp),
];

/// Stores a key. Arguments: [`Key::args`].
pub fn insert(dialect: Dialect) -> Prepared {
    let mut sql = Sql::new(dialect);
    sql.push("INSERT INTO ");
    sql.name(TABLE);
    sql.push(" (");
    for (at, (column, _)) in COLUMNS.iter().enumerate() {
        sql.comma(at);
        sql.name(column);
    }
    sql.push(") VALUES (");
    for (at, (_, ty)) in COLUMNS.iter().enumerate() {
        sql.comma(at);
        let arg = sql.take_args(1);
        sql.arg(arg, ty);
    }
    sql.push(")");
    sql.finish(Cost::Short)
}

/// The key with a hash. Argument: the hash. Rows: [`keys`].
pub fn find(dialect: Dialect) -> Prepared {
    let mut sql = Sql::new(dialect);
    columns(&mut sql);
    sql.push(" WHERE \"hash\" = ");
    let hash = sql.take_args(1);
    sql.arg(hash, &Type::Text);
    sql.finish(Cost::Short)
}

/// All keys, the newest first, at most [`LISTED_MAX`]. Rows: [`keys`].
pub fn list(dialect: Dialect) -> Prepared {
    let mut sql = Sql::new(dialect);
    columns(&mut sql);
    sql.push(" ORDER BY \"created_at\" DESC, \"id\" LIMIT ");
    sql.integer(i64::from(LISTED_MAX));
    sql.finish(Cost::Long)
}

/// Revokes a key that is not yet revoked. Arguments: the time, the id.
pub fn revoke(dialect: Dialect) -> Prepared {
    let mut sql = set_time(dialect, "revoked_at");
    sql.push(" AND \"revoked_at\" IS NULL");
    sql.finish(Cost::Short)
}

/// Notes that a key was used, unless that was noted lately already, by whichever node. Arguments:
/// the time, the id, the time up to which an earlier note is old.
pub fn touch(dialect: Dialect) -> Prepared {
    let mut sql = set_time(dialect, "last_used_at");
    sql.push(" AND (\"last_used_at\" IS NULL OR \"last_used_at\" <= ");
    let old = sql.take_args(1);
    sql.arg(old, &Type::Timestamp);
    sql.push(")");
    sql.finish(Cost::Short)
}

/// What version 5 of the system tables adds. Keys there are already speak for the public.
pub(crate) fn add_audience(dialect: Dialect) -> Vec<String> {
    let text = match dialect {
        Dialect::Sqlite => "TEXT",
        Dialect::Postgres => "text COLLATE \"C\"",
    };
    vec![format!(
        "ALTER TABLE \"{TABLE}\" ADD COLUMN \"audience\" {text} NOT NULL DEFAULT 'public'"
    )]
}

fn set_time(dialect: Dialect, column: &str) -> Sql {
    let mut sql = Sql::new(dialect);
    sql.push("UPDATE ");
    sql.name(TABLE);
    sql.push(" SET ");
    sql.name(column);
    sql.push(" = ");
    let at = sql.take_args(1);
    sql.arg(at, &Type::Timestamp);
    sql.push(" WHERE \"id\" = ");
    let id = sql.take_args(1);
    sql.arg(id, &Type::Text);
    sql
}

fn columns(sql: &mut Sql) {
    sql.push("SELECT ");
    for (at, (column, ty)) in COLUMNS.iter().enumerate() {
        sql.comma(at);
        sql.name(column);
        sql.returns(crate::layout::storage(ty), Cell::Plain);
    }
    sql.push(" FROM ");
    sql.name(TABLE);
}

impl Key {
    /// The arguments of [`insert`].
    pub fn args(self) -> Vec<Value> {
        let time = |at: Option<Timestamp>| at.map_or(Value::Null, Value::Timestamp);
        vec![
            Value::Text(self.id),
            Value::Text(self.name),
            Value::Text(self.hash),
            Value::Json(self.scopes.into()),
            self.user.map_or(Value::Null, Value::Text),
            Value::Json(self.claims.into()),
            Value::Bool(self.admin),
            Value::Text(self.audience),
            Value::Timestamp(self.created_at),
            time(self.expires_at),
            time(self.revoked_at),
            time(self.last_used_at),
        ]
    }
}

/// The keys that [`find`] or [`list`] found.
///
/// # Errors
/// [`StoreError::Corrupt`] when the table holds something else.
pub fn keys(rows: &Rows) -> Result<Vec<Key>, StoreError> {
    rows.iter()
        .map(|row| key(row).ok_or_else(|| corrupt("the table of keys holds something else")))
        .collect()
}

fn key(row: &[Value]) -> Option<Key> {
    let [
        id,
        name,
        hash,
        scopes,
        user,
        claims,
        admin,
        audience,
        created,
        expires,
        revoked,
        used,
    ] = row
    else {
        return None;
    };
    let text = |value: &Value| match value {
        Value::Text(text) => Some(text.clone()),
        Value::Json(text) => Some(text.to_string()),
        _ => None,
    };
    let time = |value: &Value| match value {
        Value::Null => Some(None),
        Value::Timestamp(at) => Some(Some(*at)),
        _ => None,
    };
    Some(Key {
        id: text(id)?,
        name: text(name)?,
        hash: text(hash)?,
        scopes: text(scopes)?,
        user: if user.is_null() {
            None
        } else {
            Some(text(user)?)
        },
        claims: text(claims)?,
        admin: *admin == Value::Bool(true),
        audience: text(audience)?,
        created_at: time(created)??,
        expires_at: time(expires)?,
        revoked_at: time(revoked)?,
        last_used_at: time(used)?,
    })
}
