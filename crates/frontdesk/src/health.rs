//! `/healthz` (the process answers) and `/readyz` (it can serve).
//!
//! Outside the contract's paths and without credentials, for whoever watches over the process.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use engine::{Engine, Tables};
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderValue, Method, StatusCode};
use store::StoreError;
use tokio::sync::Mutex;
use web::{Body, Response};

/// How long the database may take to say that it works.
const ANSWER_TIME: Duration = Duration::from_secs(2);
/// How long an answer of the database is believed, so that nobody can keep it busy by asking.
const BELIEVED: Duration = Duration::from_millis(250);

const ALIVE: &str = "/healthz";
const READY: &str = "/readyz";
const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, OPTIONS");

/// Whether this process should be sent requests.
pub struct Health {
    leaving: AtomicBool,
    last: Mutex<Option<(Instant, Result<(), String>)>>,
}

impl Health {
    pub(crate) fn new() -> Health {
        Health {
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
    pub async fn ready(&self, engine: &Engine) -> Result<(), String> {
        if self.leaving.load(Ordering::Acquire) {
            return Err("stopping".to_owned());
        }
        let mut last = self.last.lock().await;
        if let Some((at, result)) = &*last
            && at.elapsed() < BELIEVED
            && (result.is_err() || !engine.has_lost_its_tables())
        {
            return result.clone();
        }
        let result = match tokio::time::timeout(ANSWER_TIME, look(engine)).await {
            Ok(Ok(Tables::Ours)) => Ok(()),
            Ok(Ok(Tables::Renewed | Tables::Theirs)) => Err("migrated".to_owned()),
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

    /// Whether a request is for one of the two.
    pub(crate) fn is_asked(request: &web::Request) -> bool {
        matches!(request.path(), ALIVE | READY)
    }

    pub(crate) async fn respond(&self, request: &web::Request, engine: &Engine) -> Response {
        match *request.method() {
            Method::GET | Method::HEAD => {}
            Method::OPTIONS => {
                let mut response = Response::default();
                *response.status_mut() = StatusCode::NO_CONTENT;
                response.headers_mut().insert(ALLOW, METHODS);
                return response;
            }
            ref method => return rest::method_not_allowed(method, METHODS, request.path()),
        }
        let result = match request.path() {
            READY => self.ready(engine).await,
            _ => Ok(()),
        };
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
        response
    }
}

/// Whether the database works, and whose tables it has.
async fn look(engine: &Engine) -> Result<Tables, StoreError> {
    engine.driver().ready().await?;
    engine.look().await
}
