//! One contract, served as an API: what the binary is made of, for programs that want to serve
//! a contract themselves.
//!
//! A [`Project`] is a folder with a `frontdesk.yaml`; compiled, it is a model or a list of
//! diagnostics. An [`App`] is a model at work: a [`Database`], the engine, the doors. It serves
//! until it is told to stop, and takes another model in while it runs ([`App::swap`]).
//!
//! ```no_run
//! # async fn run() -> Result<(), frontdesk::Error> {
//! let app = frontdesk::App::builder("examples/bookstore").open().await?;
//! let listener = frontdesk::listen("127.0.0.1:8080")?;
//! let stop = async { drop(tokio::signal::ctrl_c().await) };
//! app.serve(listener, frontdesk::Stopping::default(), stop).await;
//! # Ok(())
//! # }
//! ```
//!
//! Everything here composes; nothing decides. Whether a caller may do something is the
//! engine's question, how it looks on the wire is the doors'. Nothing here prints.

pub mod access_tests;
mod app;
pub mod backup;
mod clock;
pub mod data;
mod database;
pub mod decision;
mod desk;
mod dev_mail;
mod documents;
mod error;
mod file_error;
mod files;
mod health;
mod housekeeping;
mod master_key;
pub mod post;
mod project;
mod refusal;
pub mod seed;
pub mod trial;
pub mod watch;

pub use app::{App, Builder, Listeners, Migrate, Migrated, Stopping, listen, migrate};
pub use clock::now;
pub use database::{Database, Location, Pending};
pub use documents::openapi;

pub use error::Error;
pub use file_error::FileError;
pub use health::Health;
pub use master_key::{MasterKey, MasterKeyError, Missing};
pub use project::{Compiled, FILE, Project};

/// A PostgreSQL database as a URL names it.
pub use store_postgres::{Target, TargetError};
pub use store_sqlite::Durability;
/// What callers of this crate need of the crates below.
pub use {
    audit, call, contract, diag, engine, expr, identity, mail, model, people, store, value, vault,
    web,
};
