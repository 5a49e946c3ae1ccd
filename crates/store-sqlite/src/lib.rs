//! The embedded SQLite driver: one writer with group commit, readers that never wait.
//!
//! ```text
//!  write, migrate ─► [queue] ─► [writer] one thread, one transaction per batch ──► file
//!                                   └─ a full log ─► [checkpoint] its own thread ──► file
//!  query, snapshot ─┬─ short ─► [readers] on the calling thread, its own connection ─► file
//!                   └─ long ──► [queue] ─► [readers] a few threads ──────────────────► file
//!                                             ▲ one [pin] holds the lock that all of them need
//! ```
//!
//! This crate is the only one that knows `rusqlite`. It knows no model and writes no SQL but
//! the few words that hold a transaction together. Begin with [`SqliteDriver`].

pub mod backup;
mod checkpoint;
mod driver;
mod error;
mod functions;
mod limit;
mod lock;
mod options;
mod patience;
mod pin;
mod queue;
mod readers;
mod session;
mod storage;
mod transaction;
mod writer;

pub use driver::SqliteDriver;
pub use lock::{Lock, Served};
pub use options::{Durability, Options};
