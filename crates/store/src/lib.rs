//! Storage as both databases need it: statements, rules as SQL, migrations, the feed.
//!
//! ```text
//!                    model ─► layout      tables, columns, indexes, and what their names mean
//!  engine ─► select, write, references    shapes of statements ─► Prepared
//!                 └► lower                rules and computed fields as SQL
//!            feed, answers, operations …  tables of the server's own (system)
//!            Prepared ─► bind ─► driver (store-sqlite, store-postgres) ─► Rows ─► Prepared::records
//!                    migrate              from the applied layout to the model's
//! ```
//!
//! The crate owns every SQL text and knows no vendor's client library; a driver executes
//! [`driver::Statement`]s and knows no model. Values are always bound, never spliced; only
//! migrations, which are scripts, write literals.

pub mod answers;
pub mod constraint;
pub mod driver;
mod execute;
pub mod feed;
pub mod imports;
pub mod json;
pub mod keys;
pub mod layout;
pub mod leases;
pub mod lower;
pub mod migrate;
pub mod operations;
pub mod people;
pub mod prepared;
mod prune;
pub mod references;
pub mod search;
pub mod secrets;
pub mod select;
pub mod sequence;
mod sql;
pub mod sums;
pub mod system;
pub mod table;
mod transact;
pub mod write;

pub use driver::{Dialect, Driver, Sole, StoreError, Transaction, Work};
pub use execute::execute;
pub use lower::Unsupported;
pub use prepared::Prepared;
pub use select::{Direction, Filter, Operator, Output, Select};
pub use transact::transact;
