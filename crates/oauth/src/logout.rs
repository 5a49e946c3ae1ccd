//! Signing out where an app asks for it (OpenID Connect RP-Initiated Logout), and telling the
//! others (Back-Channel Logout).
//!
//! An app that shows the ID token of this very sign-in need not have its person asked. Whoever
//! shows less, or another's, has.

use audit::{Action, Actor, Entry};
use call::Failure;
use http::StatusCode;
use http::header::SET_COOKIE;
use identity::clients::Client;
use identity::families::{Ended, Which};
use people::Account;
use value::Timestamp;
use web::form::Form;
use web::pages::see_other;
use web::{Request, Response, csrf};

use crate::Door;
use crate::answer::with_query;
use crate::language::Language;
use crate::refusal::trouble;
use crate::signed_in::SignedIn;
use crate::words::Words;

/// What the form is made for.
const PURPOSE: &str = "logout";
/// What is handed from the question to the answer.
const KEPT: [&str; 4] = [
    "client_id",
    "post_logout_redirect_uri",
    "state",
    "ui_locales",
];

/// What an app wants.
struct Wish {
    /// The client that is known by its hint, or says who it is.
    client: Option<Client>,
    /// The family whose ID token was shown.
    family: Option<String>,
}

impl Door {
    pub async fn logout(&self, request: &mut Request, now: Timestamp) -> Response {
        let is_post = *request.method() == http::Method::POST;
        let form = match is_post {
            true => Form::read(request, &[]).await,
            false => {
                let query = request.uri().query().unwrap_or_default();
                Form::parse(query.as_bytes(), &[])
            }
        };
        let form = match form {
            Ok(form) => form,
            Err(error) => {
                let language = Language::of(None, request.headers());
                return self.dead_end(StatusCode::BAD_REQUEST, language, &error.to_string());
            }
        };
        let language = Language::of(form.filled("ui_locales"), request.headers());
        let answered = self.asked_to_end(&form, request, language, now).await;
        answered.unwrap_or_else(|failure| self.broken(language, &failure))
    }

    async fn asked_to_end(
        &self,
        form: &Form,
        request: &Request,
        language: Language,
        now: Timestamp,
    ) -> Result<Response, Failure> {
        let wish = self.wish_to_end(form, now).await?;
        let Some(who) = self.signed_in(request.headers(), now).await? else {
            return Ok(self.ended(form, &wish, language));
        };
        let hinted = match &wish.family {
            Some(family) => {
                let family = self.parts.families.find(family).await.map_err(trouble)?;
                family.is_some_and(|family| family.session.as_ref() == Some(&who.session.id))
            }
            None => false,
        };
        // A page of ours has asked: only then the form has its token.
        let confirmed = form
            .filled("token")
            .is_some_and(|token| who.is_own_form(PURPOSE, token))
            && csrf::check(request.method(), request.headers(), &self.parts.origin).is_ok();
        if !hinted && !confirmed {
            let fields: Vec<(&str, &str)> = KEPT
                .into_iter()
                .filter_map(|name| Some((name, form.filled(name)?)))
                .collect();
            let token = who.form_token(PURPOSE);
            return Ok(self.ask_sign_out(language, &who, &fields, &token));
        }
        self.sign_out(&who, now).await?;
        let mut response = self.ended(form, &wish, language);
        let forget = self.parts.cookie.clear();
        response.headers_mut().append(SET_COOKIE, forget);
        Ok(response)
    }

    async fn wish_to_end(&self, form: &Form, now: Timestamp) -> Result<Wish, Failure> {
        let hint = match form.filled("id_token_hint") {
            Some(text) => self.parts.tokens.read_id_hint(text, now).await.ok(),
            None => None,
        };
        let named = form.filled("client_id");
        let id = match (&hint, named) {
            // The two must agree (RP-Initiated Logout §2).
            (Some(hint), Some(named)) if hint.client != named => None,
            (Some(hint), _) => Some(hint.client.as_str()),
            (None, named) => named,
        };
        let client = match id {
            Some(id) => self.parts.clients.find(&self.parts.model.auth, id).await?,
            None => None,
        };
        let agrees = client.is_some();
        Ok(Wish {
            client,
            family: hint.filter(|_| agrees).and_then(|hint| hint.sid),
        })
    }

    async fn sign_out(&self, who: &SignedIn, now: Timestamp) -> Result<(), Failure> {
        self.end_session(&who.account, &who.session.id, now).await
    }

    /// Ends a browser's session with all that apps hold by it, and tells those that want to know.
    ///
    /// # Errors
    /// When the database cannot be written. What has ended until then stays so.
    pub async fn end_session(
        &self,
        account: &Account,
        session: &str,
        now: Timestamp,
    ) -> Result<(), Failure> {
        let families = &self.parts.families;
        let theirs = families.list(&account.id, now).await.map_err(trouble)?;
        self.parts.sessions.end(&account.id, session, now).await?;
        let which = Which::Session(session);
        let ended = families.end(which, Ended::SignedOut, now).await;
        let ended = ended.map_err(trouble)?;
        let actor = Actor::Account(account.id.clone());
        let entry = Entry::new(now, Action::SignOut, &actor).subject(&account.id);
        self.note(entry.detail("session", session)).await;
        for family in theirs.iter().filter(|family| ended.contains(&family.id)) {
            self.tell(account, &family.client, &family.id, now).await?;
        }
        Ok(())
    }

    /// Tells an app that its person has signed out, if it wants to know.
    async fn tell(
        &self,
        account: &Account,
        client: &str,
        family: &str,
        now: Timestamp,
    ) -> Result<(), Failure> {
        let clients = &self.parts.clients;
        let client = clients.find(&self.parts.model.auth, client).await?;
        let Some(client) = client else {
            return Ok(());
        };
        let Some(uri) = client.backchannel_logout_uri else {
            return Ok(());
        };
        let tokens = &self.parts.tokens;
        let subject = Some(account.user.as_str());
        match tokens.mint_logout(&client.id, subject, Some(family), None, now) {
            Ok(token) => self.parts.outside.signed_out(uri, token),
            Err(error) => tracing::error!(%error, "an app is not told of a sign-out"),
        }
        Ok(())
    }

    /// Where somebody goes who is signed out: back to the app, if it is known and has registered
    /// the address.
    fn ended(&self, form: &Form, wish: &Wish, language: Language) -> Response {
        let words = Words::of(language);
        let back = form.filled("post_logout_redirect_uri").filter(|uri| {
            let client = wish.client.as_ref();
            client.is_some_and(|client| client.accepts_post_logout(uri))
        });
        let state = form.filled("state").map(|state| ("state", state));
        let sent = back.and_then(|uri| {
            let parameters: Vec<(&str, &str)> = state.into_iter().collect();
            see_other(&with_query(uri, &parameters))
        });
        sent.unwrap_or_else(|| {
            self.notice(
                StatusCode::OK,
                language,
                words.sign_out_title,
                words.signed_out,
            )
        })
    }
}
