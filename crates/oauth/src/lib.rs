//! The door for apps: OAuth 2.1 and OpenID Connect, as an authorization server of other people's
//! apps and one's own.
//!
//! ```text
//!  /oauth2/authorize ─► who is signed in? ─► /login (another door) ─┐
//!        ▲                     └► allowed before? ─► /consent ─► code ─► back to the app
//!        └──────────────── continue=TICKET ─────────────────────────┘
//!  /oauth2/token         code, refresh token, device code, own credentials ─► tokens
//!  /oauth2/…             pushed requests, device codes, introspection, revocation, user info, logout
//!  /.well-known/…        what there is, and the keys
//! ```
//!
//! Parameters of the standards come in, questions to `identity` and `people` go out, and their
//! answers are spelled as the standards say. Who somebody is, whether a token is good and what a
//! family of tokens is, is decided there; what a scope lets somebody do, by the engine. Knows no
//! resource but the one that tokens are for.
//!
//! Where a request wants a person, it waits in a ticket: nothing that leads back into this server
//! or out of it is ever taken from a parameter, but for a redirect URI that was registered.
//!
//! Begin with [`Door`].

mod answer;
mod authenticate;
mod authorize;
mod code;
mod consent;
mod cors;
mod device;
mod introspect;
mod language;
mod logout;
mod metadata;
mod outside;
mod pages;
mod proof;
mod push;
mod refusal;
mod revoke;
mod scope;
mod signed_in;
mod token;
mod userinfo;
mod words;

use std::sync::Arc;

use audit::{Audit, Entry};
use doorway::trace::{Ids, Line, X_REQUEST_ID};
use http::{HeaderValue, Method, StatusCode};
use identity::client_assertion::Assertions;
use identity::clients::Clients;
use identity::denied::Denied;
use identity::dpop::Dpop;
use identity::families::Families;
use identity::grants::Grants;
use identity::guess::Guesses;
use identity::sessions::Sessions;
use identity::signing::Signing;
use identity::tokens::Tokens;
use model::Model;
use people::People;
use store::driver::Driver;
use value::Timestamp;
use web::cookies::Cookie;
use web::origin::Origin;
use web::{Request, Response};

use crate::refusal::Refused;

pub use authorize::Pending;
pub use outside::{Net, Outside};

/// Tells the time.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// What the door opens on.
pub struct Parts {
    pub model: Arc<Model>,
    /// `None` where the contract has no people: apps then act for themselves alone.
    pub people: Option<People>,
    pub driver: Arc<dyn Driver>,
    pub clients: Arc<Clients>,
    pub grants: Arc<Grants>,
    pub tokens: Arc<Tokens>,
    pub families: Arc<Families>,
    pub denied: Arc<Denied>,
    pub signing: Arc<Signing>,
    pub sessions: Arc<Sessions>,
    pub dpop: Arc<Dpop>,
    pub audit: Arc<Audit>,
    pub outside: Arc<dyn Outside>,
    pub lasting: Arc<Lasting>,
    /// Which pages are our own.
    pub origin: Origin,
    /// The cookie of a browser's session.
    pub cookie: Cookie,
    /// The path of the stylesheet of people's pages.
    pub stylesheet: Option<String>,
    /// Whether clients may show certificates here.
    pub certificates: bool,
    pub clock: Clock,
}

/// What stays when the contract changes.
pub struct Lasting {
    secrets: Guesses,
    /// Of codes that people type in.
    codes: Guesses,
    polls: device::Polls,
    origins: cors::Origins,
}

impl Lasting {
    pub fn new() -> Lasting {
        Lasting {
            secrets: Guesses::of_passwords(),
            codes: Guesses::of_codes(),
            polls: device::Polls::new(),
            origins: cors::Origins::new(),
        }
    }
}

impl Default for Lasting {
    fn default() -> Lasting {
        Lasting::new()
    }
}

/// The door.
pub struct Door {
    parts: Parts,
    assertions: Assertions,
    ids: Ids,
}

/// What is at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Authorize,
    Consent,
    Device,
    DeviceAuthorization,
    Introspect,
    KeySet,
    Logout,
    Metadata,
    Push,
    Resource,
    Revoke,
    Token,
    UserInfo,
}

impl Place {
    fn of(path: &str) -> Option<Place> {
        Some(match path {
            metadata::AUTHORIZE => Place::Authorize,
            metadata::CONSENT => Place::Consent,
            metadata::DEVICE => Place::Device,
            metadata::DEVICE_AUTHORIZATION => Place::DeviceAuthorization,
            metadata::INTROSPECT => Place::Introspect,
            metadata::KEY_SET => Place::KeySet,
            metadata::LOGOUT => Place::Logout,
            metadata::OAUTH | metadata::OPENID => Place::Metadata,
            metadata::PUSH => Place::Push,
            metadata::REVOKE => Place::Revoke,
            metadata::TOKEN => Place::Token,
            metadata::USER_INFO => Place::UserInfo,
            // RFC 9728 §3.1: a resource's own path comes after it.
            path if path
                .strip_prefix(metadata::RESOURCE)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) =>
            {
                Place::Resource
            }
            _ => return None,
        })
    }

    fn allow(self) -> &'static str {
        match self {
            Place::Authorize | Place::Consent | Place::Device | Place::Logout | Place::UserInfo => {
                "GET, HEAD, POST"
            }
            Place::KeySet | Place::Metadata | Place::Resource => "GET, HEAD",
            Place::DeviceAuthorization
            | Place::Introspect
            | Place::Push
            | Place::Revoke
            | Place::Token => "POST",
        }
    }

    /// Whether pages of apps may ask from a browser. Never where a cookie counts.
    fn is_for_pages(self) -> bool {
        matches!(
            self,
            Place::KeySet
                | Place::Metadata
                | Place::Push
                | Place::Resource
                | Place::Revoke
                | Place::Token
                | Place::UserInfo
        )
    }

    /// Whether what is sent there must not be read by others.
    fn is_secret(self) -> bool {
        !matches!(self, Place::KeySet | Place::Metadata | Place::Resource)
    }
}

impl Door {
    pub fn new(parts: Parts) -> Door {
        let issuer = parts.tokens.settings().issuer.clone();
        Door {
            assertions: Assertions::new(Arc::clone(&parts.driver), issuer),
            ids: Ids::new(),
            parts,
        }
    }

    /// Whether a path is this door's.
    pub fn serves(path: &str) -> bool {
        Place::of(path).is_some()
    }

    /// Answers a request to a path of this door.
    pub async fn handle(&self, mut request: Request) -> Response {
        let id = self.ids.of(request.headers());
        // Its own, as the body is read while the line is open.
        let head = request.head.clone();
        let (secure, private) = (request.secure, request.private);
        let certificate = request.certificate.clone();
        let mut line = Line::new(&head, &id, request.client, secure, certificate, private);
        let mut response = Box::pin(self.answer(&mut request)).await;
        response.headers_mut().insert(X_REQUEST_ID, id.clone());
        line.status = Some(response.status().as_u16());
        response
    }

    async fn answer(&self, request: &mut Request) -> Response {
        let Some(place) = Place::of(request.path()) else {
            return answer::bare(StatusCode::NOT_FOUND);
        };
        let allow = HeaderValue::from_static(place.allow());
        let cors = match place.is_for_pages() {
            true => Some(self.cors().await),
            false => None,
        };
        if let Some(cors) = &cors
            && let Some(response) =
                cors.preflight(request.method(), request.headers(), allow.clone())
        {
            return response;
        }
        let offered = place.allow().split(", ");
        let mut response = if !offered.into_iter().any(|one| request.method() == one) {
            doorway::failure::method_not_allowed(request.method(), allow, request.path())
        } else if place.is_secret() && !request.secure {
            let detail = "this is only spoken over HTTPS";
            Refused::new("invalid_request", detail).respond()
        } else {
            self.at(place, request).await
        };
        if let Some(cors) = &cors {
            cors.mark(request.headers(), &mut response);
        }
        response
    }

    async fn at(&self, place: Place, request: &mut Request) -> Response {
        let now = (self.parts.clock)();
        let is_post = request.method() == Method::POST;
        let answered = match place {
            Place::Authorize => return self.authorize(request, now).await,
            Place::Consent if is_post => return self.decide(request, now).await,
            Place::Consent => return self.consent(request, now).await,
            Place::Device if is_post => return self.device_decided(request, now).await,
            Place::Device => return self.device_page(request, now).await,
            Place::Logout => return self.logout(request, now).await,
            Place::KeySet => return self.key_set(now),
            Place::Metadata => return self.metadata(),
            Place::Resource => return self.resource_metadata(request.path()),
            Place::UserInfo => return self.user_info(request, now).await,
            Place::DeviceAuthorization => self.device_authorization(request, now).await,
            Place::Introspect => self.introspect(request, now).await,
            Place::Push => self.push(request, now).await,
            Place::Revoke => self.revoke(request, now).await,
            Place::Token => self.token(request, now).await,
        };
        answered.unwrap_or_else(Refused::respond)
    }

    /// A place of this server as others know it.
    fn url(&self, path: &str) -> String {
        [self.issuer(), path].concat()
    }

    fn issuer(&self) -> &str {
        self.parts.tokens.settings().issuer.trim_end_matches('/')
    }

    /// What tokens are for.
    fn resource(&self) -> &str {
        &self.parts.tokens.settings().audience
    }

    /// Writes down what has been done. Undoing it would help nobody.
    async fn note(&self, entry: Entry) {
        if let Err(error) = self.parts.audit.append(&entry).await {
            tracing::error!(%error, "an entry of the audit log is lost");
        }
    }

    fn driver(&self) -> &dyn Driver {
        &*self.parts.driver
    }
}
