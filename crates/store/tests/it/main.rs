//! What the store promises, shown on real databases and in the texts it writes.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop where it is"
)]

mod agreement;
mod feed;
mod keys;
mod limits;
mod lowering;
mod migrations;
mod pages;
mod plans;
mod selects;
mod support;
mod tables;
mod writes;
