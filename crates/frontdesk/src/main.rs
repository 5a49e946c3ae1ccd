//! The `frontdesk` command: a thin user of the library beside it.

mod banner;
mod cli;
mod config;
mod log;
mod progress;
mod terminal;

use std::process::ExitCode;

/// Many small allocations on all threads are what a server does.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli::run()
}
