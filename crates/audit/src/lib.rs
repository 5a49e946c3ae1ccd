//! The audit log: who did what, when, from where, each entry bound to all before it by its hash,
//! so that a change shows.
//!
//! ```text
//!  Entry ─► Audit::append_in  in the transaction of the act: inserted, not yet numbered
//!                │
//!                ▼            a moment later, one at a time over all servers:
//!           Audit::settle     numbered, and chained to the entry before
//!                │
//!                ├── read     list, export
//!                ├── verify   walks the chain and tells where it is broken first
//!                └── prune    forgets what is old; an anchor stays, so that the rest verifies
//! ```
//!
//! An entry is inserted without looking at others, so that acts which are audited do not wait for
//! each other and none fails because of another. It waits for its number under a code of its own,
//! without which it is not taken into the chain.
//!
//! Hashes are HMAC-SHA-256 under a key that lies sealed in the database: who has the database and
//! not the master key can take away entries at the end, which an [`verify::Expected`] noted
//! elsewhere shows, and can change none, put none in and take none out of the middle. Without a
//! master key hashes are plain SHA-256, which shows accidents and clumsy hands alone.
//!
//! Knows nothing of what acts mean; whoever does something says so.

mod action;
mod chain;
mod entry;
mod log;
mod prune;
mod read;
pub mod verify;

pub use action::{Action, Outcome};
pub use entry::{Actor, Entry, Kept};
pub use log::{Audit, AuditError};
pub use prune::{PruneError, Pruned};
pub use read::{Filter, LISTED_MAX};
pub use verify::{Expected, Fault, Verdict, Wrong};
