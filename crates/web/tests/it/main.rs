//! The kit as a client sees it: real sockets, bytes in, bytes out.
#![allow(clippy::unwrap_used, clippy::panic)]

mod acme;
mod bodies;
mod framing;
mod http2;
mod limits;
mod stop;
mod support;
mod tls;
