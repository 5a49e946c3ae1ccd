//! The driver as its users see it: through [`store::driver::Driver`], on real files.

#![allow(clippy::unwrap_used)]

mod child;
mod crash;
mod files;
mod functions;
mod migrating;
mod processes;
mod reading;
mod storage;
mod support;
mod writing;
