//! Storage as both databases need it: statements, rules as SQL, migrations, the feed.
//!
//! ```text
//! engine ─► [plan] statements for a model's resources ─► [driver] Driver / Transaction ─► store-sqlite, store-postgres
//! ```
//!
//! The crate owns every SQL text and knows no vendor's client library; a driver executes
//! [`driver::Statement`]s and knows no model. Values are always bound, never spliced.

pub mod driver;
