//! Contracts through the public surface: those that compile and those that do not.

mod ok;
mod support;
mod wrong;
