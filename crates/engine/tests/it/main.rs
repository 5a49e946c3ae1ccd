//! The engine on a real contract and a real SQLite file.

mod access;
mod change;
mod list;
mod support;
mod view;
