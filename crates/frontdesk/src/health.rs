//! `/healthz` (the process answers) and `/readyz` (it can serve).
//!
//! Outside the contract's paths and without credentials, for whoever watches over the process.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderValue, Method, StatusCode};
use store::Driver;
use tokio::sync::Mutex;
use web::{Body, Response};

/// How long the database may take to say that it works.
const ANSWER_TIME: Duration = Duration::from_secs(2);
/// How long an answer of the database is believed, so that nobody can keep it busy by asking.
const BELIEVED: Duration = Duration::from_millis(250);

/// Whether this process should be sent requests.
pub struct Health {
    driver: Arc<dyn Driver>,
    leaving: AtomicBool,
    last: Mutex<Option<(Instant, Result<(), String>)>>,
}

impl Health {
    pub(crate) fn new(driver: Arc<dyn Driver>) -> Health {
        Health {
            driver,
            leaving: AtomicBool::new(false),
            last: Mutex::default(),
        }
    }

    /// From now on nobody new should come: the process is about to stop.
    pub fn leave(&self) {
        self.leaving.store(true, Ordering::Release);
    }

    /// Why requests should go elsewhere, if they should.
    ///
    /// # Errors
    /// The reason, in a few words.
    pub async fn ready(&self) -> Result<(), String> {
        if self.leaving.load(Ordering::Acquire) {
            return Err("stopping".to_owned());
        }
        let mut last = self.last.lock().await;
        if let Some((at, result)) = &*last
            && at.elapsed() < BELIEVED
        {
            return result.clone();
        }
        let result = match tokio::time::timeout(ANSWER_TIME, self.driver.ready()).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => {
                tracing::warn!(%error, "the database is not ready");
                Err("database".to_owned())
            }
            Err(_) => {
                tracing::warn!("the database does not answer");
                Err("database".to_owned())
            }
        };
        *last = Some((Instant::now(), result.clone()));
        result
    }

    /// The answer, if the path is one of the two.
    pub(crate) async fn respond(&self, request: &web::Request) -> Option<Response> {
        let check = match request.path() {
            "/healthz" => false,
            "/readyz" => true,
            _ => return None,
        };
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let mut response = Response::default();
            *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
            response
                .headers_mut()
                .insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return Some(response);
        }
        let result = if check { self.ready().await } else { Ok(()) };
        let (status, body) = match result {
            Ok(()) => (StatusCode::OK, r#"{"status":"ok"}"#.to_owned()),
            Err(why) => {
                let body = serde_json::json!({"status": "unavailable", "reason": why});
                (StatusCode::SERVICE_UNAVAILABLE, body.to_string())
            }
        };
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        web::headers::no_store(headers);
        web::headers::protect_data(headers);
        Some(response)
    }
}
