//! The HTTP kit under every HTTP door: listener, limits, negotiation, conditional requests, problems.
//!
//! It knows HTTP and nothing else: no contract, no resource, no store. A door implements
//! [`Handler`], gets a [`Request`] whose body it reads when it wants to, and gives back a
//! [`Response`]; everything between the socket and those two types is here. The rest are plain
//! functions over headers, which a door calls in the order it likes.
//!
//! Begin reading at [`Server::run`] for what happens to a connection, and at [`Problem`] for how a
//! refusal looks.

pub mod compress;
pub mod conditional;
pub mod cookies;
pub mod cors;
pub mod csrf;
pub mod form;
pub mod headers;
mod host;
pub mod json;
pub mod media;
pub mod origin;
pub mod pages;
pub mod problem;
pub mod proxies;
pub mod query;
pub mod quota;
pub mod structured;
pub mod tls;

mod body;
mod connection;
mod gate;
mod handler;
mod limits;
mod listen;
mod response;
mod room;

pub use body::{BodyError, RequestBody};
pub use handler::{Handler, HandlerFn, Request, Scheme, handler_fn};
pub use limits::Limits;
pub use listen::{Listener, Server, Stopped, bind};
pub use problem::Problem;
pub use response::{Body, BoxError, Response};
