//! What this door wants of other servers. How they are reached, and that nobody can make this
//! server ask one inside its own network, is for who implements it.

use call::{BoxFuture, Failure};
use identity::jws::Jwk;

/// Asks other servers.
pub trait Outside: Send + Sync {
    /// The keys that an app publishes there.
    fn keys<'a>(&'a self, url: &'a str) -> BoxFuture<'a, Result<Vec<Jwk>, Failure>>;

    /// Tells an app that somebody has signed out, with a logout token (OpenID Connect Back-Channel
    /// Logout §2.5). Nobody waits for it.
    fn signed_out(&self, url: String, logout_token: String);
}
