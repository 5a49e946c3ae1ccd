//! What every request must pass before its handler sees it, and every response before it is sent.
//!
//! Knows no routes: only what makes a request well-formed at all.

use std::convert::Infallible;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Poll;

use futures_util::FutureExt;
use http::header::{
    CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, HOST, HeaderName, ORIGIN, RETRY_AFTER,
    STRICT_TRANSPORT_SECURITY,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Version, request};
use http_body::Body as _;
use hyper::body::Incoming;
use tokio::time::timeout;

use crate::body::RequestBody;
use crate::connection::{Common, Far, Refusal, Ticket};
use crate::handler::{Handler, Request, Scheme};
use crate::host;
use crate::limits::Limits;
use crate::problem::{Problem, kit};
use crate::response::{Body, Response};
use crate::room::Share;

/// From what the protocol layer parsed to what it sends.
///
/// All that can be done at once is done before the future exists, which keeps it small: it is moved
/// for every request.
pub(crate) fn answer<H: Handler>(
    handler: &Arc<H>,
    common: &Arc<Common>,
    far: &Far,
    ticket: Ticket,
    request: http::Request<Incoming>,
) -> impl Future<Output = Result<Response, Infallible>> + Send + use<H> {
    let (head, incoming) = request.into_parts();
    let method = head.method.clone();
    let strict = far.strict;
    let mut time = common.limits.request_time;
    let mut held = None;
    let begun = match refuse(&head, ticket.refusal(), &common.limits) {
        Some(problem) => {
            let mut response = problem.respond();
            handler.complete(&head.headers, &mut response);
            if head.version < Version::HTTP_2 {
                // What follows on this connection may not be what its sender thinks it is.
                let close = HeaderValue::from_static("close");
                response.headers_mut().insert(CONNECTION, close);
            }
            Err(response)
        }
        None => {
            let body = if incoming.is_end_stream() {
                RequestBody::empty()
            } else {
                time = time.saturating_add(common.limits.body_time);
                let coding = head.headers.get(CONTENT_ENCODING).cloned();
                let share = Arc::new(Share::of(common));
                let body = RequestBody::new(incoming, coding, common, ticket.pulse(), &share);
                held = Some(share);
                body
            };
            let client = far.peer.ip().to_canonical();
            let marks = MARKS.map(|name| head.headers.get(name).cloned());
            let request = Request {
                head,
                peer: far.peer,
                client,
                scheme: if far.secured {
                    Scheme::Https
                } else {
                    Scheme::Http
                },
                secure: far.secured,
                certificate: far.certificate.clone(),
                private: false,
                body,
            };
            Ok((Arc::clone(handler), request, marks))
        }
    };
    async move {
        let (handler, request, marks) = match begun {
            Ok(begun) => begun,
            Err(refusal) => return Ok(finish(refusal, &method, strict, ticket)),
        };
        // The handler may panic before it gives us a future, or in it. Its future is large, and ours
        // is moved several times before it runs: kept apart, it is moved once.
        let work = catch_unwind(AssertUnwindSafe(|| Box::pin(handler.handle(request))));
        let done = match work {
            Err(panic) => Ok(Err(panic)),
            Ok(work) => {
                let mut work = AssertUnwindSafe(work).catch_unwind();
                // Many answers are ready at once; those need no timer, not even a look at the clock.
                match poll_fn(|cx| Poll::Ready(work.poll_unpin(cx))).await {
                    Poll::Ready(done) => Ok(done),
                    Poll::Pending => timeout(time, work).await,
                }
            }
        };
        // What was made of the body is as large as the body, until now.
        drop(held);
        let response = match done {
            Ok(Ok(response)) => response,
            Ok(Err(panic)) => {
                tracing::error!(%method, panic = message(&*panic), "a handler panicked");
                instead(&*handler, marks, Problem::of(&kit::INTERNAL))
            }
            Err(_elapsed) => {
                tracing::warn!(%method, limit_s = time.as_secs(), "a handler took too long");
                instead(&*handler, marks, overdue())
            }
        };
        Ok(finish(response, &method, strict, ticket))
    }
}

/// The fields of a request that are kept for an answer in the handler's place.
const MARKS: [HeaderName; 2] = [ORIGIN, HeaderName::from_static("x-request-id")];

/// An answer in the handler's place, once the request is gone.
fn instead<H: Handler>(handler: &H, marks: [Option<HeaderValue>; 2], problem: Problem) -> Response {
    let known = MARKS
        .into_iter()
        .zip(marks)
        .filter_map(|(name, value)| Some((name, value?)));
    let headers: HeaderMap = known.collect();
    let mut response = problem.respond();
    handler.complete(&headers, &mut response);
    response
}

/// What a client is told whose request took too long.
fn overdue() -> Problem {
    Problem::of(&kit::TIMEOUT)
        .detail(
            "The server could not finish this request in time and has given it up. If it is a write, \
             the outcome is open: it may have been carried out, and if not, it will not be.",
        )
        .header(RETRY_AFTER, HeaderValue::from_static(RETRY_S))
}

/// When to come back after the server was too slow: soon, since such states pass or need people.
const RETRY_S: &str = "1";

/// The reason to refuse a request whatever it asks for.
fn refuse(head: &request::Parts, refusal: Option<Refusal>, limits: &Limits) -> Option<Problem> {
    if let Some(refusal) = refusal {
        let kind = match refusal {
            Refusal::TransferCoding => &kit::TRANSFER_CODING,
            _ => &kit::AMBIGUOUS_FRAMING,
        };
        return Some(Problem::of(kind).detail(refusal.text()));
    }
    let target = head.uri.path().len() + head.uri.query().map_or(0, |query| query.len() + 1);
    if target > limits.url_bytes {
        let most = limits.url_bytes;
        return Some(Problem::of(&kit::URL_TOO_LONG).detail(format!(
            "The URL has {target} bytes; at most {most} are accepted."
        )));
    }
    if head.headers.len() > limits.head_fields {
        let most = limits.head_fields;
        return Some(
            Problem::of(&kit::HEAD_TOO_LARGE)
                .detail(format!("The request has more than {most} header fields.")),
        );
    }
    // `X_User` and `X-User` become one name in many programs behind or before us, and a field that
    // one of them guards would come in by the other.
    for name in head.headers.keys() {
        if !name
            .as_str()
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        {
            return Some(Problem::of(&kit::HEADER_NAME).detail(format!(
                "The header name `{name}` has characters other than letters, digits and `-`."
            )));
        }
    }
    if head.version == Version::HTTP_11 {
        let mut hosts = head.headers.get_all(HOST).iter();
        if hosts.next().is_none() || hosts.next().is_some() {
            return Some(Problem::of(&kit::HOST).detail("Send exactly one Host field."));
        }
    }
    // RFC 9112 §3.2: a value that is no host is refused, so that nobody can come to use it.
    let authority = head.uri.authority().map(|authority| authority.as_str());
    let host = head.headers.get(HOST).map(HeaderValue::as_bytes);
    if [host, authority.map(str::as_bytes)]
        .into_iter()
        .flatten()
        .any(|host| !host::is_valid(host))
    {
        return Some(Problem::of(&kit::HOST).detail(
            "Host is a name or an address, and perhaps a port: `api.example`, `[::1]:8080`.",
        ));
    }
    if head.version == Version::HTTP_2
        && let (Some(authority), Some(host)) = (head.uri.authority(), head.headers.get(HOST))
        && authority.as_str() != host
    {
        return Some(Problem::of(&kit::HOST).detail("Host differs from :authority; leave it out."));
    }
    if head.method == Method::CONNECT {
        return Some(Problem::of(&kit::CONNECT).detail("This server is not a tunnel."));
    }
    None
}

/// For a year, as lists of such hosts ask for.
const ONE_YEAR: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// Makes a handler's response one that may be sent: no body where HTTP allows none.
fn finish(mut response: Response, method: &Method, strict: bool, ticket: Ticket) -> Response {
    if strict {
        response
            .headers_mut()
            .insert(STRICT_TRANSPORT_SECURITY, ONE_YEAR);
    }
    let status = response.status();
    if matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) {
        response.headers_mut().remove(CONTENT_LENGTH);
        *response.body_mut() = Body::empty();
    } else if method == Method::HEAD {
        // The length of what GET would have sent; a stream has none to tell.
        if let Some(length) = response.body().len() {
            response
                .headers_mut()
                .entry(CONTENT_LENGTH)
                .or_insert_with(|| HeaderValue::from(length));
        }
        *response.body_mut() = Body::empty();
    } else if let Some(length) = response.body().len() {
        ticket.owes(length);
    } else {
        response.body_mut().hold(ticket);
    }
    response
}

fn message(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&'static str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("(no message)")
}
