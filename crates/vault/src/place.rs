//! Where sealed values lie, and what each is sealed for.

use store::people::{ACCOUNTS, SEALED, SIGNING_KEYS};
use store::secrets::KEPT;
use store::table::Table;
use zeroize::Zeroizing;

use crate::sealed::{Vault, VaultError};

/// A column with sealed values. Each is sealed for its place and the key of its row, so it opens
/// nowhere else.
#[derive(Debug)]
pub struct Place {
    pub(crate) table: &'static Table,
    /// The column of the table's key.
    pub(crate) key: &'static str,
    pub(crate) column: &'static str,
    purpose: &'static str,
    /// Values may lie here as they are, from before there was a master key.
    pub(crate) may_be_plain: bool,
    /// What is worth nothing without the value, and goes with it; the row goes if that is nothing.
    pub(crate) goes_with_it: &'static [&'static str],
}

impl Place {
    /// Secrets that people keep here; by name.
    pub const SECRET: &Place = &Place {
        table: &SEALED,
        key: "name",
        column: "value",
        purpose: "secret",
        may_be_plain: false,
        goes_with_it: &[],
    };

    /// What the server made for itself; by name.
    pub const OWN: &Place = &Place {
        table: &KEPT,
        key: "name",
        column: "value",
        purpose: "own",
        may_be_plain: true,
        goes_with_it: &[],
    };

    /// The secrets of one-time codes; by account.
    pub const TOTP: &Place = &Place {
        table: &ACCOUNTS,
        key: "id",
        column: "totp",
        purpose: "totp",
        may_be_plain: false,
        goes_with_it: &["totp", "totp_at", "totp_step"],
    };

    /// Private keys that sign tokens; by key.
    pub const SIGNING_KEY: &Place = &Place {
        table: &SIGNING_KEYS,
        key: "id",
        column: "private",
        purpose: "signing key",
        may_be_plain: false,
        goes_with_it: &[],
    };

    /// All of them: what follows a new master key.
    pub const ALL: [&Place; 4] = [Place::SECRET, Place::OWN, Place::TOTP, Place::SIGNING_KEY];

    /// Seals the value of one row.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn seal(&self, vault: &Vault, row: &str, plain: &[u8]) -> Result<String, VaultError> {
        vault.seal(&self.purpose(row), plain)
    }

    /// Opens the value of one row.
    ///
    /// # Errors
    /// When the master key is not there, or the value is not what was sealed for this row.
    pub fn open(
        &self,
        vault: &Vault,
        row: &str,
        sealed: &str,
    ) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        vault.open(&self.purpose(row), sealed)
    }

    pub(crate) fn purpose(&self, row: &str) -> String {
        format!("{}/{row}", self.purpose)
    }
}
