//! Vaults and databases to put sealed values into.

use std::sync::Arc;

use store::driver::{Cost, Statement, Storage};
use testdb::{Fresh, wait};
use value::{Timestamp, Value};
use vault::{MasterKeys, Vault};

pub const NOW: Timestamp = Timestamp(1_800_000_000_000);

const CONTRACT: &str = "frontdesk: 1\nname: notes\nresources:\n  Note:\n    fields:\n      text: string\n    access: {read: public}\n";

/// Master keys of bytes that are all the same.
pub fn vault(bytes: &[u8]) -> Vault {
    Vault::new(MasterKeys::parse(&keys(bytes)).unwrap())
}

pub fn keys(bytes: &[u8]) -> String {
    let keys: Vec<String> = bytes.iter().map(|byte| key(*byte)).collect();
    keys.join("\n")
}

pub fn key(byte: u8) -> String {
    use base64::Engine;
    base64::prelude::BASE64_STANDARD.encode([byte; 32])
}

pub fn database() -> Fresh {
    Fresh::of(CONTRACT)
}

/// What a statement selects, as texts.
pub fn select(database: &Fresh, sql: &str) -> Vec<String> {
    let statement = Arc::new(Statement {
        text: sql.to_owned().into(),
        parameters: vec![],
        columns: vec![Storage::Text],
        cost: Cost::Short,
    });
    let rows = wait(database.driver.query(&statement, &[])).unwrap();
    rows.cells
        .into_iter()
        .map(|cell| match cell {
            Value::Text(text) => text,
            other => panic!("{other:?}"),
        })
        .collect()
}

pub fn execute(database: &Fresh, sql: &str) {
    wait(database.driver.migrate(&[sql.to_owned()])).unwrap();
}
