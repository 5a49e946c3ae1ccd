//! The real binary, command by command, and the library under it.

#![allow(
    clippy::unwrap_used,
    reason = "tests may panic, and so may what they share"
)]

mod audit;
mod backup;
mod beside;
mod check;
mod crash;
mod data;
mod dev;
mod docs;
mod documents;
mod examples;
mod explain;
mod export;
mod https;
mod init;
mod key;
mod layers;
mod library;
mod mail;
mod migrate;
mod nodes;
mod refused;
mod retry;
mod secret;
mod serve;
mod support;
mod test;
mod token;
mod unusable;
mod usage;
