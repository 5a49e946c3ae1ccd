//! Who is calling: API keys and what they prove.
//!
//! People, tokens and other credentials will live here too; doors only see
//! [`call::Authenticate`] and engines only a [`call::Caller`].

pub mod credential;
pub mod guess;
pub mod keys;
pub mod password;
pub mod recovery;
pub mod secret;
pub mod text;
pub mod totp;

pub use credential::Identity;
pub use keys::{Key, KeyError, Keys, NewKey};
