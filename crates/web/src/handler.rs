//! The seam between this kit and a door: [`Handler`] and the [`Request`] it gets.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use http::{HeaderMap, Method, Uri};

use crate::body::RequestBody;
use crate::response::Response;
use crate::tls::Certificate;

/// Answers requests. One value serves every connection.
///
/// The future is dropped, at whatever await it is, when the client goes away or the request takes
/// longer than [`Limits::request_time`](crate::Limits::request_time). Work that must not stop half way
/// belongs into a task of its own.
pub trait Handler: Send + Sync + 'static {
    /// Answers one request. The body of the answer to a HEAD request may be there; it is not sent.
    fn handle(&self, request: Request) -> impl Future<Output = Response> + Send;

    /// Completes an answer that the kit gives in place of the handler: to what cannot be read or is
    /// refused before it comes here, and to what took too long. Of the request's `headers` there
    /// may be all, only `Origin` and `X-Request-Id`, or none, as far as they are known.
    fn complete(&self, headers: &HeaderMap, response: &mut Response) {
        let _ = (headers, response);
    }
}

impl<H: Handler> Handler for Arc<H> {
    fn handle(&self, request: Request) -> impl Future<Output = Response> + Send {
        H::handle(self, request)
    }

    fn complete(&self, headers: &HeaderMap, response: &mut Response) {
        H::complete(self, headers, response);
    }
}

/// A function as a handler; see [`handler_fn`].
pub struct HandlerFn<F>(F);

/// Makes a handler of a function.
pub fn handler_fn<F, A>(answer: F) -> HandlerFn<F>
where
    F: Fn(Request) -> A + Send + Sync + 'static,
    A: Future<Output = Response> + Send,
{
    HandlerFn(answer)
}

impl<F, A> Handler for HandlerFn<F>
where
    F: Fn(Request) -> A + Send + Sync + 'static,
    A: Future<Output = Response> + Send,
{
    fn handle(&self, request: Request) -> impl Future<Output = Response> + Send {
        (self.0)(request)
    }
}

/// What a client puts before the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    Http,
    Https,
}

impl Scheme {
    pub fn as_str(self) -> &'static str {
        match self {
            Scheme::Http => "http",
            Scheme::Https => "https",
        }
    }
}

/// One request, whose head was found well-formed and within the limits.
#[derive(Debug)]
pub struct Request {
    /// Method, target, version and fields.
    pub head: http::request::Parts,
    /// The other end of the connection; behind a proxy that is the proxy.
    pub peer: SocketAddr,
    /// Where the client is, as far as that is known: the peer, until somebody who knows the
    /// proxies in between has looked (see [`Proxies`](crate::proxies::Proxies)).
    pub client: IpAddr,
    /// How the client came, and whether nobody could listen on the way: as far as this connection
    /// goes, until somebody who knows the proxies in between has looked.
    pub scheme: Scheme,
    pub secure: bool,
    /// What the other end of the connection has shown of itself, and was verified.
    pub certificate: Option<Arc<Certificate>>,
    /// Whether it came in where only one's own services come in. That is for whoever listens in
    /// several places to say; a request is not private unless somebody says so.
    pub private: bool,
    /// The body, not read yet.
    pub body: RequestBody,
}

impl Request {
    pub fn method(&self) -> &Method {
        &self.head.method
    }

    pub fn uri(&self) -> &Uri {
        &self.head.uri
    }

    /// The path as sent, percent-encoding included; never empty.
    pub fn path(&self) -> &str {
        self.head.uri.path()
    }

    pub fn headers(&self) -> &HeaderMap {
        &self.head.headers
    }
}
