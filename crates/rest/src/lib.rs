//! The REST door: HTTP to [`call::Request`], and [`call::Outcome`] or [`call::Failure`] back.
//!
//! It decides nothing about the contract. What it judges is HTTP: paths, methods, media types,
//! the syntax of parameters and bodies, conditions on what is read.
//!
//! ```text
//!   head ─► mount: which path is it? ─► credentials: who asks? ─► entrance: may they, now?
//!        ─► request: parameters, conditions, body ─► engine ─► response: status, tag, JSON │ failure: a problem
//! ```
//!
//! Begin reading at [`Door::handle`](web::Handler::handle). Every refusal is a
//! `Refusal` until the last moment and becomes a problem in one place.

mod deprecation;
mod documents;
mod explain;
mod failure;
mod mount;
mod request;
mod response;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::SystemTime;

use call::{Authenticate, Caller, Code, Failure, FieldProblem, Outcome, Place, Standings};
use engine::{Admitted, Entrance, Visit};
use http::header::{ACCEPT, ALLOW, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Version};
use model::{Action, Audience};
use tracing::Instrument;
use value::ResourceId;
use web::cors::{Cors, OriginError};
use web::{Handler, Request, RequestBody, Response};

use deprecation::Deprecations;
pub use documents::{Document, Documents};
use doorway::trace::{self, Line};
use doorway::{Accepted, Credentials, Frame, Sender};
use explain::Asked;
pub use explain::{Explain, Refused};
use failure::Refusal;
pub use failure::{kinds as problem_kinds, method_not_allowed};
use mount::{Miss, Routes, Target};
use request::prefer::Prefer;
use response::Wish;
use response::kept::Clerk;
use response::stream::{Format, Stream};

/// What a door may be told beside the contract.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Largest body of POST, PUT and PATCH.
    pub body_bytes_max: usize,
    /// Whether pages on this machine may read answers whatever the contract says; for development.
    pub allow_localhost: bool,
    /// Who says in refusals how the rule turned out; for development.
    pub explain: Option<Arc<dyn Explain>>,
    /// What credentials are taken; what the contract says by itself, unless said.
    pub accepted: Option<Accepted>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            // 1 MiB: a record is a few KiB of fields; what is larger is a file.
            body_bytes_max: 1024 * 1024,
            allow_localhost: false,
            explain: None,
            accepted: None,
        }
    }
}

/// One contract over HTTP. Immutable: another contract is another door.
pub struct Door {
    entrance: Entrance,
    authenticate: Arc<dyn Authenticate>,
    documents: Documents,
    settings: Settings,
    routes: Routes,
    frame: Frame,
    deprecations: Deprecations,
}

/// What documents have.
const READ_ONLY: HeaderValue = HeaderValue::from_static("GET, HEAD, OPTIONS");

impl Door {
    /// # Errors
    /// When `cors:` of the contract names something that is no origin.
    pub fn new(
        entrance: Entrance,
        authenticate: Arc<dyn Authenticate>,
        documents: Documents,
        settings: Settings,
    ) -> Result<Door, OriginError> {
        let model = entrance.model();
        let origins = model.cors.iter().map(String::as_str);
        let accepted = settings.accepted.clone().unwrap_or_else(|| Accepted {
            schemes: model.auth.schemes.clone(),
            ..Accepted::default()
        });
        Ok(Door {
            routes: Routes::new(model),
            frame: Frame::new(
                Arc::new(Credentials::new(&model.name, accepted)),
                Cors::new(origins, settings.allow_localhost)?,
            ),
            deprecations: Deprecations::new(model, documents.contains("/docs")),
            entrance,
            authenticate,
            documents,
            settings,
        })
    }

    async fn respond(
        &self,
        head: &Parts,
        body: &mut RequestBody,
        line: &mut Line<'_>,
        standings: &mut Standings,
        about: &mut Option<ResourceId>,
    ) -> Result<Response, Refusal> {
        let model = self.entrance.model();
        let path = head.uri.path();
        if let Some(id) = self.routes.operation(path) {
            return Box::pin(self.operation(head, id, line, standings)).await;
        }
        let found = self.routes.find_for(model, &head.method, path);
        if found == Err(Miss::Unknown)
            && let Some(response) = self.respond_beside(head, line).await
        {
            return response;
        }
        // What a browser asks before a request is answered to all, and counts nothing: it comes
        // without a credential, and once for a request that counts.
        if let Ok(target) = &found
            && self.is_preflight(head, target)
        {
            return Ok(self.options(head, target));
        }
        if let Ok(target) = &found
            && target.audience(model) == Audience::Public
        {
            *about = Some(target.resource());
        }
        let (caller, admitted) = self
            .admit(head, found.as_ref().ok(), line, standings)
            .await?;
        let target = match found {
            Ok(target) => target,
            Err(Miss::Unknown) => return Err(self.not_found(path)),
            Err(Miss::Encoding) => {
                let detail = "The path has a `%` that does not stand for a character in UTF-8.";
                return Err(Failure::new(Code::Malformed, detail).into());
            }
        };
        // For whom it is not, there is nothing here: no list of its methods, no fault in a query.
        if target.audience(model) > caller.served_audience() {
            return Err(self.not_found(path));
        }
        *about = Some(target.resource());
        let entered = Entered {
            target,
            caller,
            admitted,
        };
        self.carry_out(head, body, line, standings, entered).await
    }

    /// Has a request carried out that may come in, and answers it.
    async fn carry_out(
        &self,
        head: &Parts,
        body: &mut RequestBody,
        line: &mut Line<'_>,
        standings: &mut Standings,
        entered: Entered<'_>,
    ) -> Result<Response, Refusal> {
        let Entered {
            target,
            caller,
            admitted,
        } = entered;
        let model = self.entrance.model();
        let method_refused = || Refusal::method_not_allowed(&head.method, target.allow(model));
        let Some(action) = target.action(&head.method) else {
            if head.method == Method::OPTIONS {
                return Ok(self.options(head, &target));
            }
            return Err(method_refused());
        };
        // What the contract opens to nobody is no part of this API, but for operators.
        if !target.offers(model, action) && !caller.is_operator() {
            return Err(method_refused());
        }
        let format = accept(head, action)?;
        let in_body = target.is_query(&head.method);
        let is_batch = target.is_batch();
        let most = self.settings.body_bytes_max;
        let request = request::read(head, body, most, model, target, action, caller).await?;
        let mut request = Box::new(request);
        let mut wish = match action.is_read() {
            true => Wish::default(),
            false => Wish {
                prefer: Prefer::read(&head.headers),
                dry_run: request.manner.dry_run,
                shared: None,
            },
        };
        self.instruct(&mut request, wish, line.from, head.uri.path());
        let resource = request.resource;
        // Which of the parts was refused by a rule is not known here.
        let explain = self.settings.explain.as_deref().filter(|_| !is_batch);
        let asked = explain.map(|explain| Asked::new(explain, &request));
        if action.is_read() {
            wish.shared = admitted.shared_seconds(&request);
        }
        let answered = match format {
            Format::Json => admitted
                .handle(request, standings)
                .await
                .map(Answered::Whole),
            _ => {
                let id = trace::shown(line.id).to_owned();
                // As large as it is, it would make every other answer's future large.
                Box::pin(stream(&admitted, *request, format, id))
                    .await
                    .map(Answered::Stream)
            }
        };
        let outcome = match answered {
            Ok(Answered::Whole(outcome)) => outcome,
            Ok(Answered::Stream(stream)) => {
                return Ok(response::streamed(stream, format, head, wish.shared));
            }
            Err(failure) => {
                let failure = match action {
                    Action::List if in_body => request::query::in_body(failure),
                    Action::List => {
                        let query = head.uri.query().unwrap_or_default();
                        failure::with_meant_parameters(
                            failure,
                            &model.resource(resource).list,
                            query,
                        )
                    }
                    _ => failure,
                };
                return Err(self.refusal(failure, asked, standings).await);
            }
        };
        response::write(outcome, head, model, model.resource(resource), wish)
    }

    /// Says in the request how the write is to be carried out, and who writes its answer down if it
    /// is kept.
    fn instruct(&self, request: &mut call::Request, wish: Wish, from: IpAddr, path: &str) {
        request.manner.later = wish.prefer.later;
        request.manner.wait_seconds = wish.prefer.wait_seconds;
        if request.manner.key.is_none() && !request.manner.later {
            return;
        }
        request.manner.origin = Some(from);
        request.manner.scribe = Some(Arc::new(Clerk {
            model: Arc::clone(self.entrance.model()),
            resource: request.resource,
            credentials: Arc::clone(&self.frame.credentials),
            path: path.to_owned(),
            wish,
        }));
    }

    /// What is said of a failure beside what the engine knows of it.
    async fn refusal(
        &self,
        failure: Failure,
        asked: Option<Asked<'_>>,
        standings: &Standings,
    ) -> Refusal {
        if failure.code == Code::RateLimited {
            return Refusal::rate_limited(failure, standings);
        }
        if let Some(gone) = failure.gone {
            let successor = self.deprecations.successor(gone);
            return Refusal::gone(failure, successor);
        }
        let explained = match asked {
            Some(asked) => asked.explained(&failure).await,
            None => None,
        };
        explained.map_or_else(|| failure.into(), Refusal::from)
    }

    /// A write that went on after its request.
    async fn operation(
        &self,
        head: &Parts,
        id: &str,
        line: &mut Line<'_>,
        standings: &mut Standings,
    ) -> Result<Response, Refusal> {
        let preflight = self
            .frame
            .cors
            .preflight(&head.method, &head.headers, READ_ONLY);
        if preflight.is_some() {
            return Ok(self.allowing(head, READ_ONLY));
        }
        let (caller, admitted) = self.admit(head, None, line, standings).await?;
        match head.method {
            Method::GET | Method::HEAD => {}
            Method::OPTIONS => return Ok(self.allowing(head, READ_ONLY)),
            _ => return Err(Refusal::method_not_allowed(&head.method, READ_ONLY)),
        }
        accept(head, Action::Get)?;
        if let Some(query) = head.uri.query() {
            request::parameters::of_nothing(query)?;
        }
        let now = SystemTime::now().into();
        let operation = admitted.operation(&caller, line.from, id, now).await?;
        response::operation::write(&operation, head, &self.frame.credentials)
    }

    /// Finds out who asks and counts it. A credential that is not accepted counts as a guest's
    /// request, and what is not for a caller like a path that leads nowhere.
    async fn admit(
        &self,
        head: &Parts,
        target: Option<&Target<'_>>,
        line: &mut Line<'_>,
        standings: &mut Standings,
    ) -> Result<(Arc<Caller>, Admitted<'_>), Refusal> {
        let (caller, refused) = match self.caller(head, line).await {
            Ok(caller) => (caller, None),
            Err(refusal) => (self.frame.credentials.guest(), Some(refusal)),
        };
        let served = caller.served_audience();
        let target = target.filter(|target| target.audience(self.entrance.model()) <= served);
        let (admitted, standing) = self.entrance.admit(&Visit {
            caller: &caller,
            address: line.from,
            resource: target.map(Target::resource),
        });
        *standings = standing;
        let admitted = admitted.map_err(|failure| Refusal::rate_limited(failure, standings))?;
        match refused {
            None => Ok((caller, admitted)),
            Some(refusal) => Err(refusal),
        }
    }

    /// What is not the API itself and counts nothing: documents, if the path leads to one.
    async fn respond_beside(
        &self,
        head: &Parts,
        line: &mut Line<'_>,
    ) -> Option<Result<Response, Refusal>> {
        let path = head.uri.path();
        let Some(editions) = self.documents.find(path) else {
            // `OPTIONS *` asks about the server as a whole.
            return (head.method == Method::OPTIONS && path == "*").then(|| Ok(no_content()));
        };
        let response = match head.method {
            Method::GET | Method::HEAD => {
                let caller = if editions.is_public() {
                    Ok(self.frame.credentials.guest())
                } else {
                    self.caller(head, line).await
                };
                caller.and_then(|caller| editions.respond(head, &caller))
            }
            Method::OPTIONS => Ok(self.allowing(head, READ_ONLY)),
            _ => Err(Refusal::method_not_allowed(&head.method, READ_ONLY)),
        };
        Some(response)
    }

    async fn caller(&self, head: &Parts, line: &mut Line<'_>) -> Result<Arc<Caller>, Refusal> {
        let shown = line.certificate.clone();
        let sender = Sender::new(line.from, line.secure, shown.as_deref());
        let caller = self
            .frame
            .credentials
            .caller(head, sender, &*self.authenticate)
            .await?
            .reaching(line.reach);
        line.caller = Some(Arc::clone(&caller));
        Ok(caller)
    }

    fn options(&self, head: &Parts, target: &Target<'_>) -> Response {
        let mut response = self.allowing(head, target.allow(self.entrance.model()));
        if let Target::Restore { .. } = target {
            return response;
        }
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
            .frame
            .cors
            .preflight(&head.method, &head.headers, allow.clone());
        let mut response = preflight.unwrap_or_else(no_content);
        response.headers_mut().insert(ALLOW, allow);
        response
    }

    fn is_preflight(&self, head: &Parts, target: &Target<'_>) -> bool {
        // Every request comes by here, and the list of methods is only for this one.
        head.method == Method::OPTIONS && {
            let allow = target.allow(self.entrance.model());
            let preflight = self
                .frame
                .cors
                .preflight(&head.method, &head.headers, allow);
            preflight.is_some()
        }
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

    /// Turns a refusal into its answer.
    fn refuse(&self, refusal: Refusal, head: &Parts, id: &HeaderValue) -> Response {
        let only_dialects = web::media::only_dialects(&head.headers);
        let mut response = self.frame.refuse(refusal, head, id, only_dialects);
        if only_dialects {
            let json = request::body::JSON_TYPE;
            response.headers_mut().insert(CONTENT_TYPE, json);
        }
        response
    }
}

impl Handler for Door {
    async fn handle(&self, request: Request) -> Response {
        let Request {
            head,
            mut body,
            client,
            secure,
            certificate,
            private,
            ..
        } = request;
        let id = self.frame.id(&head.headers);
        let mut line = Line::new(&head, &id, client, secure, certificate, private);

        let span = tracing::debug_span!("request", id = trace::shown(&id));
        let mut standings = Standings::new();
        let mut about = None;
        let result = self
            .respond(&head, &mut body, &mut line, &mut standings, &mut about)
            .instrument(span)
            .await;
        let mut response = match result {
            Ok(response) => response,
            Err(refusal) => self.refuse(refusal, &head, &id),
        };
        response::standing(&standings, response.headers_mut());
        if let Some(resource) = about {
            self.deprecations.mark(resource, response.headers_mut());
        }
        self.frame.close(&mut response, &mut line);
        response
    }

    fn complete(&self, headers: &HeaderMap, response: &mut Response) {
        self.frame.complete(headers, response);
    }
}

/// A request that has been counted, to a path that is there for its caller.
struct Entered<'a> {
    target: Target<'a>,
    caller: Arc<Caller>,
    admitted: Admitted<'a>,
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
    let named = &Format::NAMED[..offered.len().min(Format::NAMED.len())];
    // What nearly everybody sends, without taking it apart.
    let usual = |value: &HeaderValue| matches!(value.as_bytes(), b"*/*" | b"application/json");
    let mut values = head.headers.get_all(ACCEPT).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(Format::Json),
        (Some(value), None) if usual(value) => Ok(Format::Json),
        _ => match web::media::accept(&head.headers, offered) {
            Ok(place) => Ok(Format::of(place)),
            Err(_) => {
                let offered = named.to_vec();
                Err(web::Problem::from(web::media::NotAcceptable { offered }).into())
            }
        },
    }
}

async fn stream(
    admitted: &Admitted<'_>,
    request: call::Request,
    format: Format,
    id: String,
) -> Result<Stream, Failure> {
    if request.query.total {
        let fault = FieldProblem {
            place: Place::Parameter("total".to_owned()),
            code: "not_here",
            detail: "this format has no place for a total; ask for JSON, with `limit=1`".to_owned(),
        };
        return Err(Failure::with_problems(Code::Malformed, vec![fault]));
    }
    let records = admitted.stream(request).await?;
    Stream::begin(records, format, id).await
}

fn no_content() -> Response {
    let mut response = Response::default();
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}
