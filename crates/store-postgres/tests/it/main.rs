//! The driver against a real server, named by `FRONTDESK_TEST_DATABASE`: see
//! `scripts/with-postgres`. Without one there is nothing to test here.

#![allow(
    clippy::unwrap_used,
    reason = "everything here is for tests, which may panic"
)]

mod ahead;
mod connections;
mod feed;
mod readers;
mod support;
mod together;
mod values;
mod writes;
