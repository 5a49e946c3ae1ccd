//! How a caller stands with the limits that a request was counted against.

use std::sync::Arc;

/// One entry for each limit; empty when none applies.
pub type Standings = Vec<Standing>;

/// What one limit has left for a caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// As the contract calls it.
    pub limit: Arc<str>,
    /// So many requests per window.
    pub allow: u32,
    pub window_seconds: u32,
    /// Whether the request found no room here.
    pub used_up: bool,
    /// How many could be made now.
    pub remaining: u32,
    /// Until one more could, rounded up; zero when nothing has been used.
    pub next_seconds: u64,
}
