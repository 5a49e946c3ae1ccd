//! Who is calling: API keys and what they prove.
//!
//! People, tokens and other credentials will live here too; doors only see
//! [`call::Authenticate`] and engines only a [`call::Caller`].

pub mod keys;
pub mod password;
pub mod secret;

pub use keys::{Key, KeyError, Keys, NewKey};
