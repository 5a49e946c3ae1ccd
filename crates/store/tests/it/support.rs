//! Models from a few lines of text, and databases with their tables.
//!
//! ```text
//! Book id=integer              a resource; `id=` one of uuid, integer, text; `was=Old`
//!   title text unique          a field; `?` after the name makes it nullable
//!   author -> Author           a relation
//!   role enum(a,b) default=a   flags: unique index default= was= search
//!   tags list(text)
//!   lists reviews Review.book
//!   unique author,title        also: index, removed
//!   rule mine: this.author_id == user.id
//!   value? number = this.reviews.avg(r, r.stars)
//! ```

pub mod database;
pub mod models;

pub use database::Database;
pub use models::{model, rule, try_check};
