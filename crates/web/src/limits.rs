//! Every bound the listener keeps, with its default and its reason.
//!
//! All defaults are finite: a server started without a word of configuration must not be holdable by
//! one slow or greedy client.

use std::time::Duration;

/// What one listener, one connection and one request may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Connections open at once; further ones wait in the kernel's queue. 8,192: with some 20 KiB per
    /// idle connection that is 160 MiB at worst, and far below what one process can poll.
    pub connections: usize,

    /// Bytes of request line and fields together. 32 KiB: room for two large tokens and a long URL.
    /// More answers 431. Values below 8 KiB are raised to it.
    pub head_bytes: usize,

    /// Fields in a request. 100: what the parser keeps on its stack; any other number costs an
    /// allocation per request. More answers 431.
    pub head_fields: usize,

    /// Bytes of the request target. 8 KiB: what common proxies let through. More answers 414.
    pub url_bytes: usize,

    /// From the first byte of a request, or from the connect, to the end of its head. 10 s: a head is
    /// one or two packets, so only an attacker or a dead line needs longer. Answers 408 and closes.
    pub head_time: Duration,

    /// Between two requests. 75 s: longer than the 60 s for which common load balancers keep idle
    /// connections, so that they close first and never write into a closing one. When three quarters
    /// of `connections` are in use, `head_time` is used instead.
    pub idle_time: Duration,

    /// For the handler, from the end of the head to its response; `body_time` is added for requests
    /// that have a body. 30 s. Answers 503. Streaming the response is not counted.
    pub request_time: Duration,

    /// Largest request body any handler may ask for. 8 MiB; a handler usually asks for less. More
    /// answers 413.
    pub body_bytes: usize,

    /// Bytes of request bodies in memory at once, of all requests that have not been answered yet,
    /// however many connections they come on. 64 MiB: room for thousands of ordinary writes and for
    /// several of the largest, on a machine of any size. What comes beyond it answers 503.
    pub bodies_bytes: usize,

    /// For the whole request body. 60 s. Answers 408.
    pub body_time: Duration,

    /// Slowest request body, in bytes per second, after `body_grace`. 1 KiB/s: slower than any phone,
    /// faster than a drip. Answers 408.
    pub body_rate: u32,

    /// How long a body may stay below `body_rate` at its start. 10 s.
    pub body_grace: Duration,

    /// How long a client may leave us with an answer it does not read, beyond what `write_rate`
    /// allows. 30 s. The connection is cut.
    pub write_grace: Duration,

    /// Slowest reading of our answers, in bytes per second. 1 KiB/s.
    pub write_rate: u32,

    /// HTTP/2: requests running at once on one connection. 100, the least RFC 9113 recommends.
    pub streams: u32,

    /// HTTP/2: streams the client opened and reset before we looked at them. 20: a browser cancels a
    /// few, a reset storm thousands. The connection is closed.
    pub pending_resets: usize,

    /// HTTP/2: streams we had to reset because of the client's errors. 256; then the connection is
    /// closed, since such a client is broken or hostile.
    pub error_resets: usize,

    /// HTTP/2: request body bytes a connection may have in flight to us, unread. 1 MiB; one stream
    /// gets a quarter.
    pub window_bytes: u32,

    /// After the stop signal: how long running requests may still take. 30 s, then they are cut.
    pub stop_grace: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            connections: 8192,
            head_bytes: 32 * 1024,
            head_fields: PARSER_FIELDS,
            url_bytes: 8 * 1024,
            head_time: Duration::from_secs(10),
            idle_time: Duration::from_secs(75),
            request_time: Duration::from_secs(30),
            body_bytes: 8 * 1024 * 1024,
            bodies_bytes: 64 * 1024 * 1024,
            body_time: Duration::from_secs(60),
            body_rate: 1024,
            body_grace: Duration::from_secs(10),
            write_grace: Duration::from_secs(30),
            write_rate: 1024,
            streams: 100,
            pending_resets: 20,
            error_resets: 256,
            window_bytes: 1024 * 1024,
            stop_grace: Duration::from_secs(30),
        }
    }
}

/// The number of fields for which the HTTP/1 parser needs no allocation.
pub(crate) const PARSER_FIELDS: usize = 100;

/// The smallest buffer the HTTP/1 parser accepts.
pub(crate) const HEAD_BYTES_LEAST: usize = 8 * 1024;
