//! Logs with a few entries, and hands that change them.

use std::sync::Arc;

use audit::{Action, Actor, Audit, Entry, Expected, Verdict};
use store::Driver;
use testdb::{Fresh, wait};
use value::Timestamp;
use vault::{MasterKeys, Vault};

pub const NOW: Timestamp = Timestamp(1_800_000_000_000);

const CONTRACT: &str = "frontdesk: 1\nname: notes\nresources:\n  Note:\n    fields:\n      text: string\n    access: {read: public}\n";

pub struct Log {
    pub audit: Audit,
    pub database: Fresh,
}

pub fn vault() -> Vault {
    let key = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
    Vault::new(MasterKeys::parse(key).unwrap())
}

pub fn open(driver: &Arc<dyn Driver>, vault: Option<&Vault>) -> Audit {
    wait(Audit::open(Arc::clone(driver), vault, NOW)).unwrap()
}

impl Log {
    /// With a key and this many entries, one a second.
    pub fn of(entries: i64) -> Log {
        let database = Fresh::of(CONTRACT);
        let log = Log {
            audit: open(&database.driver, Some(&vault())),
            database,
        };
        for number in 0..entries {
            wait(log.audit.append(&entry(number))).unwrap();
        }
        log
    }

    pub fn without_key() -> Log {
        let database = Fresh::of(CONTRACT);
        Log {
            audit: open(&database.driver, None),
            database,
        }
    }

    pub fn verify(&self, expected: &[Expected]) -> Verdict {
        wait(self.audit.verify(expected)).unwrap()
    }

    /// As somebody would who has the database alone.
    pub fn tamper(&self, sql: &str) {
        wait(self.database.driver.migrate(&[sql.to_owned()])).unwrap();
    }
}

pub fn entry(number: i64) -> Entry {
    let at = Timestamp(NOW.0 + number * 1_000);
    Entry::new(at, Action::SignIn, &Actor::Account(format!("acc_{number}")))
        .subject(format!("acc_{number}"))
        .client_address("192.0.2.7")
        .detail("method", "password")
}
