//! One connection: find out which HTTP it speaks, serve it, and end it when its time is up.
//!
//! ```text
//!   sniff ──► HTTP/1.1 ──┐
//!     └─────► HTTP/2 ────┴─► drive: poll hyper │ watch the clock ([`Pulse`]) │ watch for the stop
//! ```
//!
//! hyper's own version detection is not used because it has no time limit and hides the HTTP/1 limit
//! on the size of a head.

mod framing;
mod io;
mod pulse;
mod stop;
mod words;

use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use http::StatusCode;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::graceful::GracefulConnection;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::Semaphore;
use tokio::task::coop::has_budget_remaining;
use tokio::time::{sleep_until, timeout};

use crate::gate;
use crate::handler::Handler;
use crate::limits::{HEAD_BYTES_LEAST, Limits, PARSER_FIELDS};
use crate::room::Room;
use crate::tls::Certificate;
use io::{Io, Version};

pub(crate) use framing::Refusal;
pub(crate) use pulse::{Pulse, Ticket};
pub(crate) use stop::{Level, Stop};
pub(crate) use words::Words;

/// How long an idle HTTP/2 connection may take to end after it was told to.
const GOODBYE: Duration = Duration::from_secs(2);

/// How long the short farewell to a client that was too slow may take to be written.
const FAREWELL: Duration = Duration::from_secs(1);

/// What all connections of one listener share.
pub(crate) struct Common {
    pub limits: Limits,
    /// One permit per connection that may still be opened.
    pub slots: Arc<Semaphore>,
    /// What request bodies may still take.
    pub room: Room,
    pub stop: Stop,
}

impl Common {
    /// Whether idle connections should make room.
    fn crowded(&self) -> bool {
        self.slots.available_permits() < self.limits.connections / 4
    }
}

/// Who is at the other end of a connection.
pub(crate) struct Far {
    pub peer: SocketAddr,
    /// Whether TLS lies between, and its end is here.
    pub secured: bool,
    /// Whether browsers are told never to come without.
    pub strict: bool,
    /// What it has shown of itself.
    pub certificate: Option<Arc<Certificate>>,
}

/// Serves one connection to its end.
pub(crate) async fn serve<S, H>(stream: S, far: Far, handler: Arc<H>, common: Arc<Common>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    H: Handler,
{
    let peer = far.peer;
    let pulse = Arc::new(Pulse::new(Arc::clone(&common)));
    let mut io = Io::new(stream, Arc::clone(&pulse));

    let sniffed = {
        let sniff = pin!(io.sniff());
        drive(sniff, &pulse, &common.stop, |_| false).await
    };
    let version = match sniffed {
        Ended::Itself(Some(version)) => version,
        // Gone, silent for too long, or we are stopping: there is nobody to answer.
        _ => return,
    };

    let limits = &common.limits;
    match version {
        Version::Http1 => {
            let mut builder = http1::Builder::new();
            builder
                .header_read_timeout(None) // `Pulse` watches this and more.
                .max_header_size(limits.head_bytes.max(HEAD_BYTES_LEAST));
            if limits.head_fields != PARSER_FIELDS {
                builder.max_headers(limits.head_fields);
            }
            let service = service_fn(|request| {
                let ticket = Ticket::new(&pulse);
                gate::answer(&handler, &common, &far, ticket, request)
            });
            io.word(Words::of(Arc::clone(&handler), limits));
            let mut connection = builder.serve_connection(TokioIo::new(io), service);
            match drive(Pin::new(&mut connection), &pulse, &common.stop, say_goodbye).await {
                Ended::Itself(Ok(())) => {}
                Ended::Itself(Err(error)) => tracing::debug!(%peer, %error, "connection failed"),
                Ended::Overdue => {
                    tracing::debug!(%peer, "connection too slow");
                    if pulse.head_begun() {
                        let mut stream = connection.into_parts().io.into_inner();
                        let answer = Words::of(handler, limits).say(StatusCode::REQUEST_TIMEOUT);
                        // Nobody waits for this; when it cannot be written at once, so be it.
                        let _ = timeout(FAREWELL, stream.write_all(&answer)).await;
                        let _ = timeout(FAREWELL, stream.shutdown()).await;
                    }
                }
                Ended::Stopped => tracing::debug!(%peer, "connection cut at the stop"),
            }
        }
        Version::Http2 => {
            let mut builder = http2::Builder::new(TokioExecutor::new());
            // Beyond it `h2` answers 431 without a body, and asks nobody: unlike what HTTP/1.1 writes,
            // its frames cannot be told from others on their way out.
            // Cannot truncate: the value is capped first.
            let head_bytes = limits.head_bytes.min(u32::MAX as usize) as u32;
            builder
                .max_header_list_size(head_bytes)
                .max_concurrent_streams(limits.streams)
                .max_pending_accept_reset_streams(limits.pending_resets)
                .max_local_error_reset_streams(limits.error_resets)
                .initial_connection_window_size(limits.window_bytes.max(HTTP2_WINDOW))
                .initial_stream_window_size((limits.window_bytes / 4).max(HTTP2_WINDOW));
            let service = service_fn(|request| {
                let ticket = Ticket::new(&pulse);
                gate::answer(&handler, &common, &far, ticket, request)
            });
            let connection = pin!(builder.serve_connection(TokioIo::new(io), service));
            match drive(connection, &pulse, &common.stop, say_goodbye).await {
                Ended::Itself(Ok(())) => {}
                Ended::Itself(Err(error)) => tracing::debug!(%peer, %error, "connection failed"),
                Ended::Overdue => tracing::debug!(%peer, "connection too slow"),
                Ended::Stopped => tracing::debug!(%peer, "connection cut at the stop"),
            }
        }
    }
}

/// The window every HTTP/2 connection starts with; RFC 9113 allows no smaller one for the connection.
const HTTP2_WINDOW: u32 = 65_535;

/// Asks a connection to end after what it is doing now.
fn say_goodbye<C: GracefulConnection>(connection: Pin<&mut C>) -> bool {
    connection.graceful_shutdown();
    true
}

enum Ended<T> {
    Itself(T),
    /// It took longer than its limits allow.
    Overdue,
    /// The server stops and waits no longer.
    Stopped,
}

/// Polls `work` until it ends, its time is up, or the server stops.
///
/// `goodbye` asks the work to end soon and tells whether it can be asked at all. Invariants:
/// 1. Whenever this returns `Pending`, timer and stop signal are registered with this task's waker.
///    They are polled only to register or after they fired, since that is costly per request; this
///    holds because a task keeps its waker for life.
/// 2. The timer is never armed later than the pulse's due time.
async fn drive<W: Future>(
    mut work: Pin<&mut W>,
    pulse: &Pulse,
    stop: &Stop,
    goodbye: fn(Pin<&mut W>) -> bool,
) -> Ended<W::Output> {
    // In the pulse's milliseconds, which are cheaper to compare than instants.
    let mut armed_for = pulse.judge().unwrap_or(0);
    let mut timer = pin!(sleep_until(pulse.instant(armed_for)));
    let mut armed = false;
    let mut signal = pin!(stop.changed());
    let mut seen = None;
    let mut leaving = false;

    poll_fn(|cx| {
        if seen != Some(stop.level()) {
            while signal.as_mut().poll(cx).is_ready() {
                signal.set(stop.changed());
            }
            // Read after registering, so that no change can be missed.
            let level = stop.level();
            // Without budget nothing was registered, and we are called again at once.
            seen = has_budget_remaining().then_some(level);
            if level == Level::Cut {
                return Poll::Ready(Ended::Stopped);
            }
            if level == Level::Leave && !leaving {
                leaving = true;
                if !goodbye(work.as_mut()) {
                    return Poll::Ready(Ended::Stopped);
                }
                pulse.hurry(GOODBYE);
            }
        }

        loop {
            if let Poll::Ready(output) = work.as_mut().poll(cx) {
                return Poll::Ready(Ended::Itself(output));
            }
            pulse.settle();
            let due = pulse.due();
            if due < armed_for {
                armed_for = due;
                timer.as_mut().reset(pulse.instant(due));
                armed = false;
            }
            loop {
                if armed && !timer.is_elapsed() {
                    return Poll::Pending;
                }
                // Without budget the timer only says "again, at once" and registers nothing.
                let counts = has_budget_remaining();
                if timer.as_mut().poll(cx).is_pending() {
                    armed = counts;
                    return Poll::Pending;
                }
                armed = false;
                match pulse.judge() {
                    Some(next) => {
                        armed_for = next;
                        timer.as_mut().reset(pulse.instant(next));
                    }
                    None if pulse.may_leave_politely() && !leaving => {
                        leaving = true;
                        if !goodbye(work.as_mut()) {
                            return Poll::Ready(Ended::Overdue);
                        }
                        armed_for = pulse.allow(GOODBYE);
                        timer.as_mut().reset(pulse.instant(armed_for));
                        break; // Polls the work again: it must act on the goodbye.
                    }
                    None => return Poll::Ready(Ended::Overdue),
                }
            }
        }
    })
    .await
}
