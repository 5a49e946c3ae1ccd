//! Secrets sealed with a master key, so that the database alone does not tell them.
//!
//! ```text
//!  MasterKeys  from outside the database        Place   which column, of which row
//!      └─► Vault ── seal, open ─────────────────────┘
//!            │        a data key for each value, wrapped with the master key
//!            ├── derive       keys that need not be kept
//!            └── rewrap       a new master key takes over
//!  kept_key    keys that the server makes for itself
//!  Secrets     what `$NAME` in a contract stands for: environment, file, or the table
//! ```
//!
//! [`Place`] lists every column with sealed values and says what each value is sealed for, so
//! that none can be put in another's place and all of them follow a new master key. Where the
//! master keys come from is for the composition root to say. No error, and no `Debug`, holds
//! anything of a secret.

mod master;
mod own;
mod place;
mod rewrap;
mod sealed;
mod secrets;

pub use master::{KEY_FILE_BYTES_MAX, MasterKeys, MasterKeysError};
pub use own::{has_sealed_key, kept_key, sealed_key};
pub use place::Place;
pub use rewrap::{Rewrapped, Unreadable, rewrap};
pub use sealed::{Vault, VaultError};
pub use secrets::{
    Environment, Kept, SECRET_BYTES_MAX, Secret, SecretError, SecretNameError, Secrets, check_name,
};
