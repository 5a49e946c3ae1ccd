//! The engine on a real contract and a real SQLite file.

#![allow(clippy::unwrap_used, reason = "tests may panic")]

mod access;
mod change;
mod list;
mod room;
mod statements;
mod support;
mod view;
