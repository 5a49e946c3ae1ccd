//! The documentation is true: what it shows is compiled, sent and run, and what it says comes
//! of that is compared with what does.
//!
//! A fenced block says behind its language what is done with it:
//!
//! ```text
//! yaml contract          compiles
//! yaml contract serve    … and is served to the `http` blocks that follow
//! yaml in=PATH           put into the page's last contract at this path, it compiles
//! yaml file=PATH         a file that a contract of the page includes
//! yaml wrong             does not compile; a `text said` block follows with what is said
//! sh keys                the keys that `http` blocks name: NAME=$(frontdesk key create …)
//! sh keys example=NAME   … of one of the examples, which is served from here on
//! http                   requests and their answers, sent to the contract that is served
//! sh run                 run in one shell per page; an `output` block may follow
//! sh run exit=1          … and ends with this code
//! sh run serves          a server that stays up for the blocks that follow
//! sh run reloads         … after which the server has looked at its contract again
//! sh by-hand             not run
//! ```
//!
//! Ids, times, keys, cursors and tags differ from run to run: one stands for another of its
//! kind. `…` stands for anything in a line, and alone on a line for any lines.
//!
//! `UPDATE_DOCS=1 cargo test -p frontdesk --test it docs:: -- --test-threads=1` writes what is said
//! today into the pages. Read the difference as a reader of the page would.

mod compare;
mod conformance;
mod contracts;
mod errors;
mod http;
mod limits;
mod links;
mod needed;
mod page;
mod picture;
mod reference;
mod rules;
mod shell;
