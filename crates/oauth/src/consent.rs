//! The page on which people allow an app what it asks for, or do not.
//!
//! An answer counts only from a form that this server has made for this very sign-in and this
//! very request, sent by a page of its own; and once.

use call::Failure;
use http::StatusCode;
use identity::clients::{is_loopback, origin_of};
use identity::tickets::{self, Purpose, Used};
use value::Timestamp;
use web::form::Form;
use web::{Request, Response, csrf};

use crate::Door;
use crate::authorize::{Asked, Waiting};
use crate::language::Language;
use crate::metadata;
use crate::pages::{Asking, Hidden};
use crate::refusal::{Refused, trouble};
use crate::signed_in::SignedIn;
use crate::words::Words;

/// What the form of a request is made for.
fn purpose(ticket: &str) -> String {
    ["consent\n", ticket].concat()
}

/// A request that waits for whoever sits there.
struct Open {
    asked: Asked,
    who: SignedIn,
    client: identity::clients::Client,
}

/// Why there is nothing to decide.
enum Shut {
    /// It is answered, too old, or was never there.
    Over,
    /// The person has to sign in first, or anew.
    SignIn,
}

impl Door {
    pub async fn consent(&self, request: &mut Request, now: Timestamp) -> Response {
        let mut language = Language::of(None, request.headers());
        let query = request.uri().query().unwrap_or_default();
        let form = Form::parse(query.as_bytes(), &[]).unwrap_or_default();
        let Some(ticket) = form.filled("request") else {
            return self.over(language);
        };
        let open = match self.open(ticket, request, now).await {
            Ok(Ok(open)) => open,
            Ok(Err(Shut::Over)) => return self.over(language),
            Ok(Err(Shut::SignIn)) => return self.to_sign_in(ticket, language),
            Err(failure) => return self.broken(language, &failure),
        };
        let asked = &open.asked;
        language = Language::of(asked.ui_locales.as_deref(), request.headers());
        let own_machine =
            is_loopback(&asked.redirect_uri).then(|| Words::of(language).to_own_machine.to_owned());
        let goes_to = own_machine
            .or_else(|| origin_of(&asked.redirect_uri))
            .unwrap_or_else(|| asked.redirect_uri.clone());
        let asking = Asking {
            client: &open.client,
            scopes: &asked.scopes,
            resource: &asked.resource,
            who: &open.who,
            goes_to: Some(&goes_to),
        };
        let hidden = Hidden {
            action: metadata::CONSENT,
            name: "request",
            value: ticket,
            token: &open.who.form_token(&purpose(ticket)),
        };
        self.ask(language, &asking, &hidden)
    }

    pub async fn decide(&self, request: &mut Request, now: Timestamp) -> Response {
        let language = Language::of(None, request.headers());
        let words = Words::of(language);
        let foreign = || self.dead_end(StatusCode::FORBIDDEN, language, words.foreign_form);
        if csrf::check(request.method(), request.headers(), &self.parts.origin).is_err() {
            return foreign();
        }
        let form = match Form::read(request, &[]).await {
            Ok(form) => form,
            Err(error) => {
                return self.dead_end(StatusCode::BAD_REQUEST, language, &error.to_string());
            }
        };
        let (Some(ticket), Some(token)) = (form.filled("request"), form.filled("token")) else {
            return foreign();
        };
        let open = match self.open(ticket, request, now).await {
            Ok(Ok(open)) => open,
            Ok(Err(Shut::Over)) => return self.over(language),
            Ok(Err(Shut::SignIn)) => return self.to_sign_in(ticket, language),
            Err(failure) => return self.broken(language, &failure),
        };
        if !open.who.is_own_form(&purpose(ticket), token) {
            return foreign();
        }
        let allowed = match form.field("decision") {
            Some("allow") => true,
            Some("deny") => false,
            _ => return foreign(),
        };
        let decided = self.decided(ticket, open, allowed, language, now).await;
        decided.unwrap_or_else(|failure| self.broken(language, &failure))
    }

    async fn open(
        &self,
        ticket: &str,
        request: &Request,
        now: Timestamp,
    ) -> Result<Result<Open, Shut>, Failure> {
        let Some(found) = self.waiting(ticket, now).await? else {
            return Ok(Err(Shut::Over));
        };
        let Waiting::Authorization(asked) = found.payload else {
            return Ok(Err(Shut::Over));
        };
        let clients = &self.parts.clients;
        let client = clients.find(&self.parts.model.auth, &asked.client).await?;
        let Some(client) = client else {
            return Ok(Err(Shut::Over));
        };
        let who = self.signed_in(request.headers(), now).await?;
        match who.filter(|who| asked.is_met_by(who, found.created_at)) {
            Some(who) => Ok(Ok(Open {
                asked: *asked,
                who,
                client,
            })),
            None => Ok(Err(Shut::SignIn)),
        }
    }

    async fn decided(
        &self,
        ticket: &str,
        open: Open,
        allowed: bool,
        language: Language,
        now: Timestamp,
    ) -> Result<Response, Failure> {
        let purpose = Purpose::AuthorizationRequest;
        let used = tickets::consume::<Waiting>(self.driver(), purpose, ticket, now).await;
        if !matches!(used.map_err(trouble)?, Used::Now(_)) {
            return Ok(self.over(language));
        }
        let Open { asked, who, client } = open;
        if !allowed {
            let refused = Refused::new("access_denied", "the person did not allow it");
            return Ok(self.refuse(&asked, &refused, language));
        }
        let grants = &self.parts.grants;
        grants
            .allow(
                &who.account.id,
                &client.id,
                &asked.resource,
                &asked.scopes,
                now,
            )
            .await
            .map_err(trouble)?;
        self.give_code(&client, asked, &who, language, now).await
    }
}
