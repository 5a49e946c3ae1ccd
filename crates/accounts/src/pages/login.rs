//! Signing in: by password, by a link, with a second factor.

use std::time::Duration;

use call::Failure;
use http::HeaderValue;
use http::header::SET_COOKIE;
use maud::html;
use people::{SignIn, SignedIn};
use web::Response;
use web::form::Form;

use super::layout::{Input, Sheet, TOKEN, Trouble, button, hidden};
use super::texts::filled;
use super::{Visit, account, back, to};
use crate::Door;
use crate::asked::Asked;

/// How long the browser keeps the ticket between two proofs; it is good for no longer anyway.
const SECOND_LASTS: Duration = Duration::from_secs(5 * 60);
/// Where people go who have said nothing else.
const HOME: &str = "/account";

impl Door {
    pub(super) fn show_login(&self, visit: &Visit<'_>) -> Response {
        visit.ok(&self.login_sheet(visit, None, &Trouble::default()))
    }

    fn login_sheet(&self, visit: &Visit<'_>, form: Option<&Form>, trouble: &Trouble) -> Sheet {
        let texts = visit.texts;
        let way = visit.back(form);
        let typed = form
            .and_then(|form| form.field("email"))
            .unwrap_or_default();
        let model = self.people.model();
        if model.auth.password.is_none() {
            return link(visit, form, trouble);
        }
        let query = way.map(|way| format!("?continue={}", back::encoded(way)));
        let query = query.unwrap_or_default();
        let body = html! {
            (account::done(visit))
            (trouble.alert())
            form method="post" action="/login" {
                (hidden(TOKEN, Some(&visit.token)))
                (hidden("continue", way))
                (Input { value: typed, error: trouble.of("email"), first: typed.is_empty(),
                    ..Input::new("email", texts.email, "email", "username") }.markup())
                (Input { error: trouble.of("password"), first: !typed.is_empty(),
                    ..Input::new("password", texts.password, "password", "current-password") }.markup())
                (button(texts.sign_in))
            }
            ul.ways {
                li { a href="/account/reset" { (texts.forgotten) } }
                li { a href={ "/login/link" (query) } { (texts.by_link) } }
                @if self.people.users().sign_up == model::SignUp::Open {
                    li { a href="/account/sign-up" { (texts.no_account) } }
                }
            }
        };
        Sheet::new(filled(texts.sign_in_to, "title", &visit.look.title), body)
    }

    pub(super) async fn post_login(
        &self,
        visit: &Visit<'_>,
        form: &Form,
        asked: &Asked<'_>,
    ) -> Result<Response, Failure> {
        let field = |name| form.field(name).unwrap_or_default();
        let (email, password) = (field("email"), field("password"));
        match self.people.sign_in(email, password, &asked.from()).await {
            Ok(came) => self.come_in(came, visit.back(Some(form)), asked).await,
            Err(failure) => {
                let wrong = visit.texts.wrong_sign_in;
                Ok(self.told(visit, failure, asked, wrong, |trouble| {
                    self.login_sheet(visit, Some(form), trouble)
                }))
            }
        }
    }

    /// Done, or on to the second proof.
    async fn come_in(
        &self,
        came: SignIn,
        way: Option<&str>,
        asked: &Asked<'_>,
    ) -> Result<Response, Failure> {
        match came {
            SignIn::Done(signed_in) => self.let_in(&signed_in, way, asked).await,
            SignIn::Second(second) => {
                let way = way.map(|way| format!("?continue={}", back::encoded(way)));
                let way = way.unwrap_or_default();
                let mut response = to(&format!("/login/second-factor{way}"));
                // Not in the URL, which is kept in histories.
                let ticket = second.ticket.reveal();
                let cookie = self.cookies.second.set(ticket, Some(SECOND_LASTS));
                response.headers_mut().append(SET_COOKIE, cookie);
                Ok(response)
            }
        }
    }

    /// A new session, and on to where they wanted to go.
    pub(super) async fn let_in(
        &self,
        signed_in: &SignedIn,
        way: Option<&str>,
        asked: &Asked<'_>,
    ) -> Result<Response, Failure> {
        let session: HeaderValue = self.begin_session(signed_in, asked).await?;
        let mut response = to(way.unwrap_or(HOME));
        let headers = response.headers_mut();
        headers.append(SET_COOKIE, session);
        // Forms of whoever was here before are worth nothing from now on.
        headers.append(SET_COOKIE, self.cookies.visitor.clear());
        if self.cookies.second.read(&asked.head.headers).is_some() {
            headers.append(SET_COOKIE, self.cookies.second.clear());
        }
        Ok(response)
    }

    pub(super) fn show_second_factor(&self, visit: &Visit<'_>, asked: &Asked<'_>) -> Response {
        match self.cookies.second.read(&asked.head.headers) {
            Some(_) => visit.ok(&second_factor(visit, None, &Trouble::default())),
            None => to("/login"),
        }
    }

    pub(super) async fn post_second_factor(
        &self,
        visit: &Visit<'_>,
        form: &Form,
        asked: &Asked<'_>,
    ) -> Result<Response, Failure> {
        let Some(ticket) = self.cookies.second.read(&asked.head.headers) else {
            return Ok(to("/login"));
        };
        let code = form.field("code").unwrap_or_default();
        let from = asked.from();
        match self.people.second_proof(&ticket, code, &from).await {
            Ok(signed_in) => {
                let way = visit.back(Some(form));
                self.let_in(&signed_in, way, asked).await
            }
            Err(failure) => {
                let wrong = visit.texts.wrong_code;
                Ok(self.told(visit, failure, asked, wrong, |trouble| {
                    second_factor(visit, Some(form), trouble)
                }))
            }
        }
    }

    /// Asks for a link, or uses one.
    pub(super) async fn post_link(
        &self,
        visit: &Visit<'_>,
        form: &Form,
        asked: &Asked<'_>,
    ) -> Result<Response, Failure> {
        let way = visit.back(Some(form));
        let done = match form.filled("token") {
            Some(ticket) => {
                let used = self.people.use_magic_link(ticket, &asked.from()).await;
                match used {
                    Ok(came) => return self.come_in(came, way, asked).await,
                    Err(failure) => Err(failure),
                }
            }
            None => {
                let email = form.field("email").unwrap_or_default();
                self.people.mail_magic_link(email, &asked.from()).await
            }
        };
        match done {
            Ok(()) => Ok(to("/account/sent")),
            Err(failure) => {
                let wrong = visit.texts.worthless;
                Ok(self.told(visit, failure, asked, wrong, |trouble| {
                    link(visit, Some(form), trouble)
                }))
            }
        }
    }
}

/// Asks for a letter, or, with the ticket of one, for a press on a button: programs that look at
/// links follow them and press nothing.
pub fn link(visit: &Visit<'_>, form: Option<&Form>, trouble: &Trouble) -> Sheet {
    let texts = visit.texts;
    // A ticket that was refused is not tried again.
    let ticket = visit.query.filled("token").filter(|_| form.is_none());
    let way = visit.back(form);
    let typed = form
        .and_then(|form| form.field("email"))
        .unwrap_or_default();
    let body = html! {
        (trouble.alert())
        @if ticket.is_none() { p { (texts.link_why) } } @else { p { (texts.link_use) } }
        form method="post" action="/login/link" {
            (hidden(TOKEN, Some(&visit.token)))
            (hidden("continue", way))
            (hidden("token", ticket))
            @if ticket.is_some() {
                (button(texts.sign_in))
            } @else {
                (Input { value: typed, error: trouble.of("email"), first: true,
                    ..Input::new("email", texts.email, "email", "username") }.markup())
                (button(texts.link_send))
            }
        }
        ul.ways { li { a href="/login" { (texts.sign_in) } } }
    };
    Sheet::new(texts.link_title, body)
}

fn second_factor(visit: &Visit<'_>, form: Option<&Form>, trouble: &Trouble) -> Sheet {
    let texts = visit.texts;
    let body = html! {
        (trouble.alert())
        p { (texts.second_factor_why) }
        form method="post" action="/login/second-factor" {
            (hidden(TOKEN, Some(&visit.token)))
            (hidden("continue", visit.back(form)))
            (Input { hint: Some(texts.code_hint), error: trouble.of("code"), first: true,
                ..Input::new("code", texts.code_label, "text", "one-time-code") }.markup())
            (button(texts.go_on))
        }
        ul.ways { li { a href="/login" { (texts.sign_in) } } }
    };
    Sheet::new(texts.second_factor, body)
}
