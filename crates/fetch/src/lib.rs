//! Asks others over the net: key sets and metadata of issuers, tokens and user information of
//! providers, ends of sessions at apps.
//!
//! ```text
//!  ask ─► may it be asked there at all? ─► name ─► addresses ─► one that may be reached
//!     (guard)                                                        │ connected to by address, so
//!                                                                    ▼ nobody changes it meanwhile
//!                                          answer, bounded ◄─ HTTP ◄─ TLS
//! ```
//!
//! URLs come from others as well as from the contract: an issuer's metadata names where its keys
//! lie. So nothing is reached that is none of the internet's (a neighbour's database, the
//! machine's own services, a cloud's metadata) unless the contract itself names that host. There
//! are no redirects, and no connection is kept.

mod connect;
pub mod guard;

use std::time::Duration;

use bytes::Bytes;
use call::BoxFuture;
use http::{Method, Request, Uri, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use identity::outside::{Answer, Ask, Fetch};
use rustls::RootCertStore;
use tokio::time::timeout;

use self::connect::Connector;
pub use self::guard::Named;

/// From the question to the end of the answer.
pub const TIME_MAX: Duration = Duration::from_secs(5);
/// Bytes of an answer. The largest key sets have some 20 KiB.
pub const BYTES_MAX: usize = 64 << 10;

const AGENT: &str = concat!("frontdesk/", env!("CARGO_PKG_VERSION"));

/// Asks.
pub struct Fetcher {
    client: Client<Connector, Full<Bytes>>,
    named: Named,
}

impl Fetcher {
    /// With the system's root certificates. `named` are the hosts that the contract names.
    ///
    /// # Errors
    /// Why there is no TLS, in a sentence.
    pub fn new(named: Named) -> Result<Fetcher, String> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        Fetcher::trusting(roots, named)
    }

    /// With these root certificates.
    ///
    /// # Errors
    /// Why there is no TLS, in a sentence.
    pub fn trusting(roots: RootCertStore, named: Named) -> Result<Fetcher, String> {
        let connector = Connector::new(roots, named.clone())?;
        let client = Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(0)
            .build(connector);
        Ok(Fetcher { client, named })
    }

    async fn answer(&self, ask: Ask<'_>) -> Result<Answer, String> {
        let url: Uri = ask.url.parse().map_err(|_| "it is no URL".to_owned())?;
        guard::check(&url, &self.named)?;
        let mut request = Request::builder()
            .uri(url)
            .header(header::USER_AGENT, AGENT);
        for (name, value) in ask.headers {
            request = request.header(*name, *value);
        }
        let body = match ask.form {
            Some(form) => {
                let form_type = "application/x-www-form-urlencoded";
                request = request
                    .method(Method::POST)
                    .header(header::CONTENT_TYPE, form_type);
                Bytes::copy_from_slice(form.as_bytes())
            }
            None => Bytes::new(),
        };
        let request = request.body(Full::new(body));
        let request = request.map_err(|error| error.to_string())?;
        let answer = self.client.request(request).await.map_err(|error| {
            // What it was about lies below what it happened in.
            let mut cause: &dyn std::error::Error = &error;
            while let Some(below) = cause.source() {
                cause = below;
            }
            cause.to_string()
        })?;
        let status = answer.status().as_u16();
        let body = Limited::new(answer.into_body(), BYTES_MAX).collect().await;
        let body = body.map_err(|error| error.to_string())?;
        Ok(Answer {
            status,
            body: body.to_bytes().into(),
        })
    }
}

impl Fetch for Fetcher {
    fn fetch<'a>(&'a self, ask: Ask<'a>) -> BoxFuture<'a, Result<Answer, String>> {
        Box::pin(async move {
            let answered = timeout(TIME_MAX, self.answer(ask)).await;
            let answered =
                answered.unwrap_or_else(|_| Err(format!("no answer in {} s", TIME_MAX.as_secs())));
            answered.map_err(|why| format!("`{}` cannot be asked: {why}", ask.url))
        })
    }
}
