//! The PostgreSQL driver: pooled connections, transactions that are run again when the server
//! asks for it.
//!
//! ```text
//!  query ── short? ─► [readers] ─────┐
//!  snapshot ─► [works] again? ───────┼─► [pool] ─► [connection] ─► server
//!  write ────► [works] again? ───────┤               prepared once per text
//!   └─ one statement ─► [together] ──┤
//!  migrate ──► [migrating] ──────────┘
//! ```
//!
//! This crate is the only one that knows `tokio_postgres`. It knows no model and writes no SQL
//! but the few words that hold a transaction together. Begin with [`PostgresDriver`].
//!
//! **Isolation.** Writes are SERIALIZABLE: rules and checks look at other records, and what was
//! decided from them must still be true when the write is committed, as it is by itself where
//! one thread writes. What PostgreSQL cannot put into an order it refuses (40001), and the
//! write is run again from its start. Reads of several statements are REPEATABLE READ.
//!
//! **Poolers.** A pooler that gives each client a server connection of its own (session
//! pooling) needs nothing. One that shares connections between transactions (PgBouncer's
//! transaction pooling) loses prepared statements and session settings; with
//! `?pgbouncer=true` in the URL neither is used. Statement pooling does not work: it has no
//! transactions.

mod connection;
mod driver;
mod error;
mod migrating;
mod options;
mod pool;
mod readers;
mod statements;
mod storage;
mod target;
mod tls;
mod together;
mod transaction;
mod works;

pub use driver::PostgresDriver;
pub use options::Options;
pub use target::{Target, TargetError};
