//! For tests: a contract served in a temporary folder, and a client that talks to it.
//!
//! ```
//! use serde_json::json;
//!
//! let app = testkit::App::start("
//! frontdesk: 1
//! name: notes
//! resources:
//!   Note:
//!     fields: {text: {type: string, maxLength: 10}}
//!     access: {read: public, write: signed_in}
//! ");
//! let writer = app.key().scope("notes.write").client();
//! writer.post("/v1/notes", &json!({"text": "hello"})).expect(201);
//! app.post("/v1/notes", &json!({"text": "hello"})).expect(401);
//! assert_eq!(app.get("/v1/notes").expect(200).json()["items"][0]["text"], "hello");
//! ```
//!
//! [`App`] runs in this process and is the right one for nearly everything; [`Process`] starts
//! the real binary, for what only a process shows: signals, files, output. Both speak real HTTP
//! through [`Client`]. Everything panics with what it saw: these are tests.

#![allow(
    clippy::unwrap_used,
    reason = "everything here is for tests, which may panic"
)]

mod answer;
mod app;
mod client;
mod mailbox;
mod process;

pub use answer::Answer;
pub use app::{App, Builder, Key};
pub use client::{Call, Client};
pub use mailbox::Mailbox;
pub use process::{Output, Process, binary, command, run, target};

use std::time::{Duration, Instant};

/// Longer than anything in a test takes, also on a machine with a lot else to do; whoever waits
/// this long has found a mistake.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Asks again and again until there is something.
///
/// # Panics
/// When nothing came within [`PATIENCE`].
pub fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = ask() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        std::thread::yield_now();
        std::thread::park_timeout(Duration::from_millis(5));
    }
}
