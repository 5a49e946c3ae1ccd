//! The authorization endpoint (OAuth 2.1 §4.1, OpenID Connect Core §3.1.2): what an app asks for
//! is checked, put into a ticket while its person signs in and decides, and answered at the app's
//! own address.

mod asked;

use std::time::Duration;

use call::Failure;
use http::StatusCode;
use identity::clients::{Client, is_native};
use identity::tickets::{self, NewTicket, Purpose, Ticket, Used};
use serde::{Deserialize, Serialize};
use value::Timestamp;
use web::form::Form;
use web::pages::see_other;
use web::{Request, Response};

use crate::Door;
use crate::answer::with_query;
use crate::language::Language;
use crate::metadata;
use crate::push::Pushed;
use crate::refusal::{Refused, trouble};
use crate::signed_in::SignedIn;
use crate::words::Words;

pub use asked::Asked;

/// How long somebody may take to sign in, also by a letter, and to decide.
const LASTS: Duration = Duration::from_secs(60 * 60);
/// RFC 8707 §2.
pub const REPEATABLE: [&str; 1] = ["resource"];

/// What waits for a person.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Waiting {
    Authorization(Box<Asked>),
    /// A device's user code.
    Device(String),
}

/// What a sign-in page may say of the request that waits for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// The app that sent the person here.
    pub client_title: Option<String>,
    /// Who is going to sign in, as the app believes.
    pub login_hint: Option<String>,
    /// The languages that the app asks for, the best first.
    pub ui_locales: Option<String>,
}

/// Where a browser goes on once its person has signed in.
fn resume(ticket: &str) -> String {
    with_query(metadata::AUTHORIZE, &[("continue", ticket)])
}

/// A ticket as it was issued, and when.
struct Held {
    text: String,
    since: Timestamp,
}

impl Door {
    /// What waits for the sign-in that a ticket leads to.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn pending(&self, ticket: &str, now: Timestamp) -> Result<Option<Pending>, Failure> {
        let Some(ticket) = self.waiting(ticket, now).await? else {
            return Ok(None);
        };
        Ok(Some(match ticket.payload {
            Waiting::Device(_) => Pending {
                client_title: None,
                login_hint: None,
                ui_locales: None,
            },
            Waiting::Authorization(asked) => {
                let clients = &self.parts.clients;
                let client = clients.find(&self.parts.model.auth, &asked.client).await?;
                Pending {
                    client_title: client.map(|client| client.title),
                    login_hint: asked.login_hint,
                    ui_locales: asked.ui_locales,
                }
            }
        }))
    }

    pub(crate) async fn waiting(
        &self,
        ticket: &str,
        now: Timestamp,
    ) -> Result<Option<Ticket<Waiting>>, Failure> {
        let purpose = Purpose::AuthorizationRequest;
        let found = tickets::look(self.driver(), purpose, ticket, now).await;
        found.map_err(trouble)
    }

    pub(crate) async fn wait(&self, waiting: &Waiting, now: Timestamp) -> Result<String, Failure> {
        let ticket = NewTicket {
            purpose: Purpose::AuthorizationRequest,
            account: None,
            handle: None,
            payload: waiting,
            lasts: LASTS,
        };
        let ticket = tickets::issue(self.driver(), ticket, now).await?;
        Ok(ticket.reveal().to_owned())
    }

    /// Sends somebody to sign in; they come back with the ticket.
    pub(crate) fn to_sign_in(&self, ticket: &str, language: Language) -> Response {
        let back = resume(ticket);
        see_other(&with_query("/login", &[("continue", &back)]))
            .unwrap_or_else(|| self.over(language))
    }

    pub(crate) fn over(&self, language: Language) -> Response {
        self.dead_end(StatusCode::BAD_REQUEST, language, Words::of(language).over)
    }

    pub(crate) async fn authorize(&self, request: &mut Request, now: Timestamp) -> Response {
        let form = match *request.method() == http::Method::POST {
            true => Form::read(request, &REPEATABLE).await,
            false => {
                let query = request.uri().query().unwrap_or_default();
                Form::parse(query.as_bytes(), &REPEATABLE)
            }
        };
        let headers = request.headers();
        let form = match form {
            Ok(form) => form,
            Err(error) => {
                let language = Language::of(None, headers);
                return self.dead_end(StatusCode::BAD_REQUEST, language, &error.to_string());
            }
        };
        let language = Language::of(form.filled("ui_locales"), headers);
        let words = Words::of(language);
        if self.parts.people.is_none() {
            return self.dead_end(StatusCode::NOT_FOUND, language, words.no_people);
        }
        let answered = match form.filled("continue") {
            Some(ticket) => self.resumed(ticket, request, now).await,
            None => self.begun(&form, request, now).await,
        };
        answered.unwrap_or_else(|failure| self.broken(language, &failure))
    }

    /// A request that an app sends its person with.
    async fn begun(
        &self,
        form: &Form,
        request: &Request,
        now: Timestamp,
    ) -> Result<Response, Failure> {
        let language = Language::of(form.filled("ui_locales"), request.headers());
        let words = Words::of(language);
        let refused = |text| Ok(self.dead_end(StatusCode::BAD_REQUEST, language, text));
        let Some(id) = form.filled("client_id") else {
            return refused(words.unknown_client);
        };
        let clients = &self.parts.clients;
        let Some(client) = clients.find(&self.parts.model.auth, id).await? else {
            return refused(words.unknown_client);
        };
        let pushed;
        let form = match form.filled("request_uri") {
            None => form,
            Some(uri) => {
                // RFC 9126 §4: nothing else counts then.
                let Some(found) = self.pushed(uri, &client, now).await? else {
                    return refused(words.over);
                };
                pushed = found;
                &pushed
            }
        };
        // From here on it is known where to complain.
        let Some(redirect) = asked::redirect(&client, form.filled("redirect_uri")) else {
            return refused(words.unknown_redirect);
        };
        let state = form.filled("state");
        match Asked::read(self, &client, form) {
            Ok(asked) => self.proceed(client, asked, None, request, now).await,
            Err(refused) => Ok(self.back_with(&redirect, state, &refused, language)),
        }
    }

    /// A request whose person has signed in meanwhile.
    async fn resumed(
        &self,
        ticket: &str,
        request: &Request,
        now: Timestamp,
    ) -> Result<Response, Failure> {
        let language = Language::of(None, request.headers());
        let Some(found) = self.waiting(ticket, now).await? else {
            return Ok(self.over(language));
        };
        let asked = match found.payload {
            Waiting::Authorization(asked) => *asked,
            Waiting::Device(code) => {
                let place = with_query(metadata::DEVICE, &[("user_code", &code)]);
                return Ok(see_other(&place).unwrap_or_else(|| self.over(language)));
            }
        };
        let clients = &self.parts.clients;
        let Some(client) = clients.find(&self.parts.model.auth, &asked.client).await? else {
            return Ok(self.over(language));
        };
        let held = Held {
            text: ticket.to_owned(),
            since: found.created_at,
        };
        self.proceed(client, asked, Some(held), request, now).await
    }

    async fn proceed(
        &self,
        client: Client,
        asked: Asked,
        held: Option<Held>,
        request: &Request,
        now: Timestamp,
    ) -> Result<Response, Failure> {
        let language = Language::of(asked.ui_locales.as_deref(), request.headers());
        let since = held.as_ref().map_or(now, |held| held.since);
        let who = self.signed_in(request.headers(), now).await?;
        let who = who.filter(|who| asked.is_met_by(who, since));
        let waits = match &who {
            None if asked.silent => {
                let refused = Refused::new("login_required", "nobody is signed in");
                return Ok(self.refuse(&asked, &refused, language));
            }
            None => None,
            Some(who) => {
                if !self.must_ask(&client, &asked, who).await? {
                    return self.allowed(&client, asked, held, who, language, now).await;
                }
                if asked.silent {
                    let refused =
                        Refused::new("consent_required", "the person has to be asked first");
                    return Ok(self.refuse(&asked, &refused, language));
                }
                Some(())
            }
        };
        let ticket = match held {
            Some(held) => held.text,
            None => {
                let waiting = Waiting::Authorization(Box::new(asked));
                self.wait(&waiting, now).await?
            }
        };
        match waits {
            None => Ok(self.to_sign_in(&ticket, language)),
            Some(()) => {
                let place = with_query(metadata::CONSENT, &[("request", &ticket)]);
                Ok(see_other(&place).unwrap_or_else(|| self.over(language)))
            }
        }
    }

    /// Whether the person has to be asked.
    async fn must_ask(
        &self,
        client: &Client,
        asked: &Asked,
        who: &SignedIn,
    ) -> Result<bool, Failure> {
        if asked.consent {
            return Ok(true);
        }
        if client.trusted {
            return Ok(false);
        }
        // Any program on the person's device can take such an address (RFC 8252 §8.6).
        if is_native(&asked.redirect_uri) {
            return Ok(true);
        }
        let grants = &self.parts.grants;
        let known = grants
            .find(&who.account.id, &client.id, &asked.resource)
            .await
            .map_err(trouble)?;
        Ok(!known.is_some_and(|known| known.covers(&asked.scopes)))
    }

    /// Nobody has to be asked any more.
    async fn allowed(
        &self,
        client: &Client,
        asked: Asked,
        held: Option<Held>,
        who: &SignedIn,
        language: Language,
        now: Timestamp,
    ) -> Result<Response, Failure> {
        if let Some(held) = held {
            let purpose = Purpose::AuthorizationRequest;
            let used = tickets::consume::<Waiting>(self.driver(), purpose, &held.text, now).await;
            if !matches!(used.map_err(trouble)?, Used::Now(_)) {
                return Ok(self.over(language));
            }
        }
        self.give_code(client, asked, who, language, now).await
    }

    /// Tells an app what it does not get.
    pub(crate) fn refuse(&self, asked: &Asked, refused: &Refused, language: Language) -> Response {
        self.back_with(
            &asked.redirect_uri,
            asked.state.as_deref(),
            refused,
            language,
        )
    }

    fn back_with(
        &self,
        redirect: &str,
        state: Option<&str>,
        refused: &Refused,
        language: Language,
    ) -> Response {
        let answer = [
            ("error", refused.error),
            ("error_description", &*refused.description),
        ];
        self.back(redirect, &answer, state, language)
    }

    /// Sends somebody back to an app, which can tell who sent them (RFC 9207).
    pub(crate) fn back(
        &self,
        redirect: &str,
        answer: &[(&str, &str)],
        state: Option<&str>,
        language: Language,
    ) -> Response {
        let mut parameters = answer.to_vec();
        parameters.extend(state.map(|state| ("state", state)));
        parameters.push(("iss", &self.parts.tokens.settings().issuer));
        see_other(&with_query(redirect, &parameters)).unwrap_or_else(|| self.over(language))
    }

    /// The request behind a `request_uri`, which is used up by that.
    async fn pushed(
        &self,
        uri: &str,
        client: &Client,
        now: Timestamp,
    ) -> Result<Option<Form>, Failure> {
        let Some(ticket) = uri.strip_prefix(crate::push::URN) else {
            return Ok(None);
        };
        let purpose = Purpose::PushedRequest;
        let used = tickets::consume::<Pushed>(self.driver(), purpose, ticket, now).await;
        let Used::Now(ticket) = used.map_err(trouble)? else {
            return Ok(None);
        };
        match ticket.payload.client == client.id {
            true => Ok(ticket.payload.form()),
            false => Ok(None),
        }
    }
}
