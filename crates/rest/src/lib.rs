//! The REST door: HTTP to [`call::Request`], and [`call::Outcome`] or [`call::Failure`] back.
//!
//! It decides nothing about the contract. What it judges is HTTP: paths, methods, media types,
//! the syntax of parameters and bodies, conditions on what is read.
//!
//! ```text
//!   head ─► mount: which path is it? ─► credentials: who asks? ─► request: parameters,
//!           conditions, body ─► engine ─► response: status, tag, JSON │ failure: a problem
//! ```
//!
//! Begin reading at [`Door::handle`](web::Handler::handle). Every refusal is a
//! [`Refusal`] until the last moment and becomes a problem in one place.

mod credentials;
mod documents;
mod explain;
mod failure;
mod mount;
mod request;
mod response;
mod trace;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use call::{Authenticate, Caller, Code, Failure, FieldProblem, Outcome, Place};
use engine::Engine;
use http::header::{ACCEPT, ALLOW};
use http::request::Parts;
use http::{HeaderValue, Method, StatusCode, Version};
use model::{Action, Audience};
use tracing::Instrument;
use web::cors::{Cors, OriginError};
use web::{Handler, Request, RequestBody, Response};

use credentials::Credentials;
pub use documents::{Document, Documents};
use explain::Asked;
pub use explain::{Explain, Refused};
use failure::Refusal;
pub use failure::kinds as problem_kinds;
use mount::{Miss, Routes, Target};
use response::kept::Clerk;
use response::stream::{Format, Stream};
use trace::{Ids, Line, X_REQUEST_ID};

/// What a door may be told beside the contract.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Largest body of POST, PUT and PATCH.
    pub body_bytes_max: usize,
    /// Whether pages on this machine may read answers whatever the contract says; for development.
    pub allow_localhost: bool,
    /// Who says in refusals how the rule turned out; for development.
    pub explain: Option<Arc<dyn Explain>>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            // 1 MiB: a record is a few KiB of fields; what is larger is a file.
            body_bytes_max: 1024 * 1024,
            allow_localhost: false,
            explain: None,
        }
    }
}

/// One contract over HTTP. Immutable: another contract is another door.
pub struct Door {
    engine: Engine,
    authenticate: Arc<dyn Authenticate>,
    documents: Documents,
    settings: Settings,
    routes: Routes,
    credentials: Arc<Credentials>,
    cors: Cors,
    ids: Ids,
}

/// What documents have.
const READ_ONLY: HeaderValue = HeaderValue::from_static("GET, HEAD, OPTIONS");

impl Door {
    /// # Errors
    /// When `cors:` of the contract names something that is no origin.
    pub fn new(
        engine: Engine,
        authenticate: Arc<dyn Authenticate>,
        documents: Documents,
        settings: Settings,
    ) -> Result<Door, OriginError> {
        let model = engine.model();
        let origins = model.cors.iter().map(String::as_str);
        Ok(Door {
            routes: Routes::new(model),
            credentials: Arc::new(Credentials::new(&model.name, &model.auth_schemes)),
            cors: Cors::new(origins, settings.allow_localhost)?,
            ids: Ids::new(),
            engine,
            authenticate,
            documents,
            settings,
        })
    }

    async fn respond(
        &self,
        head: &Parts,
        body: &mut RequestBody,
        peer: IpAddr,
        line: &mut Line<'_>,
    ) -> Result<Response, Refusal> {
        let path = head.uri.path();
        let target = match self
            .routes
            .find_for(self.engine.model(), &head.method, path)
        {
            Ok(target) => target,
            Err(Miss::Unknown) => return self.respond_beside(head, line).await,
            Err(Miss::Encoding) => {
                let detail = "The path has a `%` that does not stand for a character in UTF-8.";
                return Err(Failure::new(Code::Malformed, detail).into());
            }
        };
        // For whom it is not, there is nothing here: no list of its methods, no fault in a query.
        // Only what a browser asks before a request is answered to all, since it comes without
        // a credential.
        let audience = target.audience(self.engine.model());
        let mut known = None;
        if audience > Audience::Public && !self.is_preflight(head, &target) {
            let caller = self.caller(head, line).await?;
            if audience > caller.served_audience() {
                return Err(self.not_found(path));
            }
            known = Some(caller);
        }
        let Some(action) = target.action(&head.method) else {
            if head.method == Method::OPTIONS {
                return Ok(self.options(head, &target));
            }
            let allow = target.allow(self.engine.model());
            return Err(Refusal::method_not_allowed(&head.method, allow));
        };
        // What the contract opens to nobody is no part of this API, but for operators.
        if !target.offers(self.engine.model(), action) {
            let caller = match known {
                Some(caller) => caller,
                None => self.caller(head, line).await?,
            };
            if !caller.is_operator() {
                let allow = target.allow(self.engine.model());
                return Err(Refusal::method_not_allowed(&head.method, allow));
            }
            known = Some(caller);
        }
        let format = accept(head, action)?;
        let caller = match known {
            Some(caller) => caller,
            None => self.caller(head, line).await?,
        };
        let in_body = target.is_query(&head.method);
        let most = self.settings.body_bytes_max;
        let mut request = request::read(head, body, most, target, action, caller).await?;
        if request.manner.key.is_some() {
            request.manner.origin = Some(peer);
            request.manner.scribe = Some(Arc::new(Clerk {
                model: Arc::clone(self.engine.model()),
                resource: request.resource,
                credentials: Arc::clone(&self.credentials),
                path: path.to_owned(),
            }));
        }
        let resource = request.resource;
        let explain = self.settings.explain.as_deref();
        let asked = explain.map(|explain| Asked::new(explain, &request));
        let answered = match format {
            Format::Json => self.engine.handle(request).await.map(Answered::Whole),
            _ => {
                let id = trace::shown(line.id).to_owned();
                self.stream(request, format, id).await.map(Answered::Stream)
            }
        };
        let outcome = match answered {
            Ok(Answered::Whole(outcome)) => outcome,
            Ok(Answered::Stream(stream)) => return Ok(response::streamed(stream, format, head)),
            Err(failure) => {
                let failure = match action {
                    Action::List if in_body => request::query::in_body(failure),
                    Action::List => failure::with_meant_parameters(failure),
                    _ => failure,
                };
                let explained = match asked {
                    Some(asked) => asked.explained(&failure).await,
                    None => None,
                };
                return Err(explained.map_or_else(|| failure.into(), Refusal::from));
            }
        };
        let model = self.engine.model();
        response::write(outcome, head, model, model.resource(resource))
    }

    async fn stream(
        &self,
        request: call::Request,
        format: Format,
        id: String,
    ) -> Result<Stream, Failure> {
        if request.query.total {
            let fault = FieldProblem {
                place: Place::Parameter("total".to_owned()),
                code: "not_here",
                detail: "this format has no place for a total; ask for JSON, with `limit=1`"
                    .to_owned(),
            };
            return Err(Failure::with_problems(Code::Malformed, vec![fault]));
        }
        let records = self.engine.stream(request).await?;
        Stream::begin(records, format, id).await
    }

    /// What is not the API itself: documents, or nothing.
    async fn respond_beside(&self, head: &Parts, line: &mut Line<'_>) -> Result<Response, Refusal> {
        let path = head.uri.path();
        let Some(editions) = self.documents.find(path) else {
            // `OPTIONS *` asks about the server as a whole.
            if head.method == Method::OPTIONS && path == "*" {
                return Ok(no_content());
            }
            return Err(self.not_found(path));
        };
        match head.method {
            Method::GET | Method::HEAD => {
                let caller = if editions.is_public() {
                    self.credentials.guest()
                } else {
                    self.caller(head, line).await?
                };
                editions.respond(head, &caller)
            }
            Method::OPTIONS => Ok(self.allowing(head, READ_ONLY)),
            _ => Err(Refusal::method_not_allowed(&head.method, READ_ONLY)),
        }
    }

    async fn caller(&self, head: &Parts, line: &mut Line<'_>) -> Result<Arc<Caller>, Refusal> {
        let caller = self
            .credentials
            .caller(&head.headers, &*self.authenticate)
            .await?;
        line.caller = Some(Arc::clone(&caller));
        Ok(caller)
    }

    fn options(&self, head: &Parts, target: &Target<'_>) -> Response {
        let mut response = self.allowing(head, target.allow(self.engine.model()));
        let headers = response.headers_mut();
        let json = request::body::JSON_TYPE;
        if target.is_record() {
            headers.insert(request::body::ACCEPT_PATCH, request::body::PATCH_TYPES);
        } else {
            headers.insert(request::body::ACCEPT_POST, json.clone());
        }
        if target.is_query(&Method::QUERY) {
            headers.insert(request::query::ACCEPT_QUERY, json);
        }
        response
    }

    /// The answer to OPTIONS, which may be a browser's question before a request from elsewhere.
    fn allowing(&self, head: &Parts, allow: HeaderValue) -> Response {
        let preflight = self
            .cors
            .preflight(&head.method, &head.headers, allow.clone());
        let mut response = preflight.unwrap_or_else(no_content);
        response.headers_mut().insert(ALLOW, allow);
        response
    }

    fn is_preflight(&self, head: &Parts, target: &Target<'_>) -> bool {
        let preflight = self.cors.preflight(
            &head.method,
            &head.headers,
            target.allow(self.engine.model()),
        );
        preflight.is_some()
    }

    fn not_found(&self, path: &str) -> Refusal {
        let trimmed = path.trim_end_matches('/');
        let meant = self
            .routes
            .suggest(path)
            .or_else(|| self.documents.contains(trimmed).then(|| trimmed.to_owned()));
        let mut detail = "There is nothing at this path.".to_owned();
        if let Some(meant) = meant {
            detail.push_str(&format!(" Did you mean `{meant}`?"));
        }
        if self.documents.contains("/docs") {
            detail.push_str(" `/docs` describes the API.");
        }
        Failure::new(Code::NotFound, detail).into()
    }

    /// Turns a refusal into its answer, and tells the log what the client must not know.
    fn refuse(&self, refusal: Refusal, head: &Parts, id: &HeaderValue) -> Response {
        if let Some((cause, code)) = refusal.cause() {
            let id = trace::shown(id);
            if code == Code::Internal {
                tracing::error!(id, cause, "a request failed");
            } else {
                tracing::warn!(id, cause, "a request was refused");
            }
        }
        refusal
            .into_problem(&self.credentials)
            .instance(head.uri.path())
            .respond()
    }
}

impl Handler for Door {
    async fn handle(&self, request: Request) -> Response {
        let started = Instant::now();
        let Request {
            head,
            mut body,
            peer,
        } = request;
        let id = self.ids.of(&head.headers);
        let mut line = Line {
            head: &head,
            id: &id,
            started,
            caller: None,
            status: None,
        };

        let span = tracing::debug_span!("request", id = trace::shown(&id));
        let result = self
            .respond(&head, &mut body, peer.ip(), &mut line)
            .instrument(span)
            .await;
        let mut response = match result {
            Ok(response) => response,
            Err(refusal) => self.refuse(refusal, &head, &id),
        };
        web::compress::compress(&head.headers, &mut response);
        self.cors.mark(&head.headers, &mut response);
        response.headers_mut().insert(X_REQUEST_ID, id.clone());
        line.status = Some(response.status().as_u16());
        response
    }
}

/// What the engine answers with.
enum Answered {
    Whole(Outcome),
    Stream(Stream),
}

/// What the client takes: JSON everywhere, and more formats for lists.
fn accept(head: &Parts, action: Action) -> Result<Format, Refusal> {
    // HTTP/1.0 cannot tell a whole body of unknown length from one that was cut.
    let offered: &[&'static str] = if action == Action::List && head.version > Version::HTTP_10 {
        &Format::OFFERED
    } else {
        &Format::OFFERED[..1]
    };
    // What nearly everybody sends, without taking it apart.
    let usual = |value: &HeaderValue| matches!(value.as_bytes(), b"*/*" | b"application/json");
    let mut values = head.headers.get_all(ACCEPT).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(Format::Json),
        (Some(value), None) if usual(value) => Ok(Format::Json),
        _ => match web::media::accept(&head.headers, offered) {
            Ok(place) => Ok(Format::of(place)),
            Err(error) => Err(web::Problem::from(error).into()),
        },
    }
}

fn no_content() -> Response {
    let mut response = Response::default();
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}
