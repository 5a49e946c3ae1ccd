//! Secrets the server makes for itself and must keep, such as the key that signs cursors. They
//! are sealed where there is a master key.

use crate::table::{Column, Kind, Table};

/// By their names.
pub static KEPT: Table = Table {
    name: TABLE,
    columns: &[
        Column::new("name", Kind::Text),
        Column::new("value", Kind::Text),
        Column::new("created_at", Kind::Time),
    ],
    unique: &[],
    indexes: &[],
};

pub(crate) const TABLE: &str = "frontdesk_secrets";
