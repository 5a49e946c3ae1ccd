//! Contracts through the public surface: those that compile and those that do not.

mod editor;
mod faults;
mod mutations;
mod ok;
mod support;
mod wrong;
