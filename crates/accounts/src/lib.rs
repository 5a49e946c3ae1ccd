//! The door for people: JSON under `/auth` for apps of one's own.
//!
//! ```text
//!  POST /auth/sign-up ─► a letter ─► POST /auth/sign-up/confirm ─► tokens
//!  POST /auth/login ──────► tokens │ a second proof ─► POST /auth/login/second-factor ─► tokens
//!  POST /auth/refresh, /auth/logout
//!  GET  /auth/me …          whoever shows a token or a session
//! ```
//!
//! People themselves come to the pages under `/login` and `/account` ([`pages`]).
//!
//! It reads and writes; what is right is for `people` and `identity` to say. Tokens go to programs;
//! a browser of the same site may ask for a session instead (`"session": true`), which is a cookie.

mod asked;
mod json;
pub mod pages;
mod tokens;

use std::sync::Arc;
use std::time::Duration;

use call::{Authenticate, Caller, CallerKind, Code, Failure};
use doorway::failure::Refusal;
use doorway::trace::Line;
use doorway::{Credentials, Frame, Sender};
use http::header::{ALLOW, CACHE_CONTROL};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use identity::dpop::Dpop;
use identity::families::Families;
use identity::tokens::Tokens;
use people::People;
use web::cookies::Cookie;
use web::cors::Cors;
use web::origin::Origin;
use web::{Handler, Request, Response};

use asked::Asked;

/// What the door needs.
pub struct Parts {
    pub people: People,
    pub families: Arc<Families>,
    pub tokens: Arc<Tokens>,
    pub dpop: Arc<Dpop>,
    pub authenticate: Arc<dyn Authenticate>,
    pub credentials: Arc<Credentials>,
    pub cors: Cors,
    /// Where the API is reached.
    pub origin: Origin,
    /// Of a browser's session.
    pub cookie: Cookie,
    /// The picture on the pages, if the contract's theme has one.
    pub logo: Option<pages::Logo>,
}

/// The door of one contract.
pub struct Door {
    people: People,
    families: Arc<Families>,
    tokens: Arc<Tokens>,
    dpop: Arc<Dpop>,
    authenticate: Arc<dyn Authenticate>,
    frame: Frame,
    origin: Origin,
    cookie: Cookie,
    look: pages::Look,
    cookies: pages::Cookies,
}

/// Nothing here is for anybody else, now or later.
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

impl Door {
    pub fn new(parts: Parts) -> Door {
        let theme = &parts.people.model().auth.theme;
        let look = pages::Look::new(parts.people.title(), theme, parts.logo);
        Door {
            look,
            cookies: pages::Cookies::new(&parts.origin),
            people: parts.people,
            families: parts.families,
            tokens: parts.tokens,
            dpop: parts.dpop,
            authenticate: parts.authenticate,
            frame: Frame::new(parts.credentials, parts.cors),
            origin: parts.origin,
            cookie: parts.cookie,
        }
    }

    /// Whether a path is this door's.
    pub fn serves(path: &str) -> bool {
        let api = path.strip_prefix("/auth");
        api.is_some_and(|rest| rest.starts_with('/')) || pages::serves(path)
    }

    async fn respond(&self, asked: &mut Asked<'_>) -> Result<Response, Refusal> {
        let path = asked.head.uri.path();
        let Some(route) = json::route(path) else {
            return Err(Failure::new(Code::NotFound, "There is nothing at this path.").into());
        };
        let method = &asked.head.method;
        let allow = route.allow();
        if *method == Method::OPTIONS {
            let cors = &self.frame.cors;
            let preflight = cors.preflight(method, &asked.head.headers, allow.clone());
            let mut response = preflight.unwrap_or_else(|| status(StatusCode::NO_CONTENT));
            response.headers_mut().insert(ALLOW, allow);
            return Ok(response);
        }
        let Some(action) = route.action(method) else {
            return Err(Refusal::method_not_allowed(method, allow));
        };
        self.perform(action, asked).await
    }

    /// Who is asking, by a token or a session.
    async fn caller(&self, asked: &mut Asked<'_>) -> Result<Arc<Caller>, Refusal> {
        let line = &asked.line;
        let certificate = line.certificate.clone();
        let sender = Sender::new(line.from, line.secure, certificate.as_deref());
        let credentials = &self.frame.credentials;
        let caller = credentials
            .caller(asked.head, sender, &*self.authenticate)
            .await?;
        asked.line.caller = Some(Arc::clone(&caller));
        Ok(caller)
    }

    /// The person who is asking, themselves: no app in between, whatever it was allowed.
    async fn person(&self, asked: &mut Asked<'_>) -> Result<Person, Refusal> {
        let caller = self.caller(asked).await?;
        let CallerKind::User { id } = &caller.kind else {
            return Err(match caller.is_guest() {
                true => Failure::new(Code::Unauthenticated, "sign in first").into(),
                false => {
                    Failure::new(Code::Forbidden, "this is for people who have signed in").into()
                }
            });
        };
        if caller.proof.client.is_some() {
            let detail = "an app cannot do this for you; do it where you sign in yourself";
            return Err(Failure::new(Code::Forbidden, detail).into());
        }
        let account = self.people.account_of(id).await?;
        Ok(Person { caller, account })
    }
}

/// Somebody who is signed in.
struct Person {
    caller: Arc<Caller>,
    account: people::Account,
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
        let line = Line::new(&head, &id, client, secure, certificate, private);
        let mut asked = Asked {
            head: &head,
            body: &mut body,
            line,
        };
        let response = match pages::serves(head.uri.path()) {
            true => Ok(self.visit(&mut asked).await),
            false => self.respond(&mut asked).await,
        };
        let mut response = match response {
            Ok(response) => response,
            Err(refusal) => self.frame.refuse(refusal, &head, &id, false),
        };
        let headers = response.headers_mut();
        headers.entry(CACHE_CONTROL).or_insert(NO_STORE);
        self.frame.close(&mut response, &mut asked.line);
        response
    }

    fn complete(&self, headers: &HeaderMap, response: &mut Response) {
        self.frame.complete(headers, response);
    }
}

fn status(status: StatusCode) -> Response {
    let mut response = Response::default();
    *response.status_mut() = status;
    response
}

/// Seconds as a length of time.
fn seconds(seconds: u32) -> Duration {
    Duration::from_secs(u64::from(seconds))
}
