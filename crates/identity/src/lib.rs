//! Who is calling: API keys and what they prove.
//!
//! People, tokens and other credentials will live here too; doors only see
//! [`call::Authenticate`] and engines only a [`call::Caller`].

pub mod client_assertion;
pub mod clients;
pub mod credential;
pub mod denied;
pub mod dpop;
pub mod families;
pub mod grants;
pub mod guess;
pub mod jws;
pub mod keys;
pub mod outside;
#[cfg(feature = "passkeys")]
pub mod passkeys;
pub mod password;
pub mod random;
pub mod recovery;
pub mod secret;
pub mod sessions;
pub mod signing;
pub mod text;
pub mod tickets;
pub mod tokens;
pub mod totp;
pub mod users;

pub use credential::{Identity, Issued, Persons};
pub use keys::{Key, KeyError, Keys, NewKey};

/// How a database in trouble is told of: what it is about is never the credential's fault.
fn trouble(error: &store::StoreError) -> call::Failure {
    in_trouble(error, "credentials cannot be checked right now; try again")
}

/// The same for whatever else cannot be done meanwhile. `detail` says what.
pub fn in_trouble(error: &store::StoreError, detail: &'static str) -> call::Failure {
    use call::{Code, Failure};
    use store::StoreError;
    match error {
        StoreError::Overloaded | StoreError::Unavailable { .. } | StoreError::TimedOut { .. } => {
            Failure {
                retry_after_seconds: Some(1),
                cause: Some(error.to_string().into()),
                ..Failure::new(Code::Unavailable, detail)
            }
        }
        other => Failure::internal(other),
    }
}
