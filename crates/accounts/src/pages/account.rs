//! What somebody who is signed in sees and changes of their account.

use call::{Code, Failure};
use http::header::{CONTENT_DISPOSITION, SET_COOKIE};
use http::{HeaderValue, StatusCode};
use identity::families::Ended;
use maud::{Markup, html};
use people::SignedIn;
use web::Response;
use web::form::Form;

use super::layout::{Input, Sheet, TOKEN, Trouble, button, hidden};
use super::texts::filled;
use super::{Own, Visit, Who, newcomer, to};
use crate::Door;
use crate::asked::{Asked, now};
use crate::json::respond;

const EXPORT_NAME: HeaderValue = HeaderValue::from_static("attachment; filename=\"account.json\"");

impl Door {
    pub(super) async fn look_at_own(
        &self,
        own: Own,
        who: &Who,
        visit: &Visit<'_>,
    ) -> Result<Response, Failure> {
        let none = &Trouble::default();
        Ok(match own {
            Own::Overview => visit.ok(&overview(who, visit)),
            Own::Password => visit.ok(&self.password_sheet(who, visit, none)),
            Own::Email => visit.ok(&email_sheet(who, visit, None, none)),
            Own::Codes => visit.ok(&self.codes_sheet(who, visit, none).await?),
            Own::Sessions => visit.ok(&self.sessions_sheet(who, visit).await?),
            Own::Delete => visit.ok(&delete_sheet(who, visit, none)),
            Own::Export => {
                let mut response = respond(StatusCode::OK, &self.export_of(&who.account).await?);
                let headers = response.headers_mut();
                headers.insert(CONTENT_DISPOSITION, EXPORT_NAME);
                web::headers::protect_page(headers, web::headers::NOTHING_RUNS);
                response
            }
            Own::SignOut => return Err(Failure::internal("signing out has no page")),
        })
    }

    pub(super) async fn act_on_own(
        &self,
        own: Own,
        who: &Who,
        visit: &Visit<'_>,
        form: &Form,
        asked: &Asked<'_>,
    ) -> Result<Response, Failure> {
        match own {
            Own::Password => self.post_password(who, visit, form, asked).await,
            Own::Email => self.post_email(who, visit, form, asked).await,
            Own::Codes => self.post_codes(who, visit, form, asked).await,
            Own::Sessions => {
                let id = form.field("id").unwrap_or_default();
                // One that is over already is as it should be.
                self.end_one(&who.account.id, id).await?;
                Ok(to("/account/sessions?done=session"))
            }
            Own::SignOut => self.post_sign_out(who, form).await,
            Own::Delete => self.post_delete(who, visit, form, asked).await,
            Own::Overview | Own::Export => Err(Failure::internal("nothing is sent to these pages")),
        }
    }

    /// Requires that whoever sits there is the person, and not somebody who found their browser: by
    /// their password where they have one, or else by having signed in just now.
    pub(super) async fn require_proof(
        &self,
        who: &Who,
        form: &Form,
        asked: &Asked<'_>,
    ) -> Result<(), Failure> {
        let has_password = who.account.has_password;
        let typed = form.field("current_password").unwrap_or_default();
        let typed = has_password.then_some(typed);
        let at = Some(who.session.authenticated_at);
        self.people
            .require_recent(&who.account.id, at, typed, &asked.from())
            .await
    }

    fn password_sheet(&self, who: &Who, visit: &Visit<'_>, trouble: &Trouble) -> Sheet {
        let texts = visit.texts;
        let heading = match who.account.has_password {
            true => texts.change_password,
            false => texts.set_password,
        };
        let body = html! {
            (trouble.alert())
            form method="post" action="/account/password" {
                (hidden(TOKEN, Some(&visit.token)))
                // For password managers, which would not know whose it is.
                input type="hidden" name="username" autocomplete="username" value=(who.account.email);
                (current_password(who, visit, ""))
                (self.password_input(visit, texts.new_password, trouble))
                (button(heading))
            }
            (to_account(visit))
        };
        Sheet::new(heading, body)
    }

    async fn post_password(
        &self,
        who: &Who,
        visit: &Visit<'_>,
        form: &Form,
        asked: &Asked<'_>,
    ) -> Result<Response, Failure> {
        let from = asked.from();
        let new = form.field("password").unwrap_or_default();
        let changed = match self.require_proof(who, form, asked).await {
            Ok(()) => {
                self.people
                    .change_password(&who.account.id, new, &from)
                    .await
            }
            Err(failure) => Err(failure),
        };
        match changed {
            Ok(account) => {
                // Everybody is signed out, this browser too; what it gets now is new.
                let signed_in = SignedIn {
                    account,
                    methods: who.session.methods.clone(),
                    at: from.now,
                };
                let way = Some("/account?done=password");
                self.let_in(&signed_in, way, asked).await
            }
            Err(failure) => Ok(self.told_own(who, visit, failure, asked, |trouble| {
                self.password_sheet(who, visit, trouble)
            })),
        }
    }

    /// What is wrong, in the words of pages that ask for the password once more.
    pub(super) fn told_own(
        &self,
        who: &Who,
        visit: &Visit<'_>,
        failure: Failure,
        asked: &Asked<'_>,
        sheet: impl FnOnce(&Trouble) -> Sheet,
    ) -> Response {
        let wrong = match (failure.code, who.account.has_password) {
            (Code::Conflict, _) => visit.texts.codes_already,
            (_, true) => visit.texts.wrong_password,
            (_, false) => visit.texts.sign_in_again,
        };
        self.told(visit, failure, asked, wrong, sheet)
    }

    async fn post_email(
        &self,
        who: &Who,
        visit: &Visit<'_>,
        form: &Form,
        asked: &Asked<'_>,
    ) -> Result<Response, Failure> {
        let new = form.field("email").unwrap_or_default();
        let from = asked.from();
        let requested = match self.require_proof(who, form, asked).await {
            Ok(()) => self.people.request_email(&who.account.id, new, &from).await,
            Err(failure) => Err(failure),
        };
        match requested {
            Ok(()) => Ok(to("/account/sent")),
            Err(failure) => Ok(self.told_own(who, visit, failure, asked, |trouble| {
                email_sheet(who, visit, Some(form), trouble)
            })),
        }
    }

    pub(super) async fn post_confirm_email(
        &self,
        visit: &Visit<'_>,
        form: &Form,
        asked: &Asked<'_>,
    ) -> Result<Response, Failure> {
        let ticket = form.field("token").unwrap_or_default();
        match self.people.confirm_email(ticket, &asked.from()).await {
            Ok(_) if visit.who.is_some() => Ok(to("/account?done=email")),
            Ok(_) => Ok(to("/login?done=email")),
            Err(failure) => {
                let wrong = visit.texts.taken;
                Ok(self.told(visit, failure, asked, wrong, |trouble| {
                    confirm_email(visit, Some(form), trouble)
                }))
            }
        }
    }

    async fn sessions_sheet(&self, who: &Who, visit: &Visit<'_>) -> Result<Sheet, Failure> {
        let texts = visit.texts;
        let current = who.session.id.as_str();
        let items = self.sessions_of(&who.account.id, Some(current)).await?;
        let body = html! {
            (done(visit))
            p { (texts.sessions_why) }
            ul.list {
                @for item in &items {
                    @let text = |name: &str| item[name].as_str().unwrap_or_default();
                    @let used = filled(texts.session_used, "when", text("last_used_at"));
                    li {
                        p {
                            @match item["agent"].as_str() {
                                Some(agent) => (agent),
                                None => (texts.session_unknown),
                            }
                            @if item["current"] == true { " (" (texts.session_here) ")" }
                            @if text("kind") == "app" { " (" (texts.session_app) ")" }
                        }
                        p { (filled(&used, "address", text("address"))) }
                        @if item["current"] != true {
                            form method="post" action="/account/sessions" {
                                (hidden(TOKEN, Some(&visit.token)))
                                (hidden("id", Some(text("id"))))
                                button.quiet type="submit" { (texts.session_end) }
                            }
                        }
                    }
                }
            }
            section { (sign_out(visit, true)) }
            (to_account(visit))
        };
        Ok(Sheet::new(texts.sessions_title, body))
    }

    async fn post_sign_out(&self, who: &Who, form: &Form) -> Result<Response, Failure> {
        if form.filled("everywhere").is_some() {
            self.people
                .sign_out_everywhere(&who.account, Ended::SignedOut, now())
                .await?;
        } else {
            self.end_one(&who.account.id, &who.session.id).await?;
        }
        Ok(self.out("/login?done=signed_out"))
    }

    fn out(&self, path: &str) -> Response {
        let mut response = to(path);
        let headers = response.headers_mut();
        headers.append(SET_COOKIE, self.cookie.clear());
        response
    }

    async fn post_delete(
        &self,
        who: &Who,
        visit: &Visit<'_>,
        form: &Form,
        asked: &Asked<'_>,
    ) -> Result<Response, Failure> {
        let deleted = match self.require_proof(who, form, asked).await {
            Ok(()) => self.people.delete(&who.account.id, &asked.from()).await,
            Err(failure) => Err(failure),
        };
        match deleted {
            Ok(()) => Ok(self.out("/login?done=deleted")),
            Err(failure) => Ok(self.told_own(who, visit, failure, asked, |trouble| {
                delete_sheet(who, visit, trouble)
            })),
        }
    }
}

fn overview(who: &Who, visit: &Visit<'_>) -> Sheet {
    let texts = visit.texts;
    let password = match who.account.has_password {
        true => texts.change_password,
        false => texts.set_password,
    };
    let body = html! {
        (done(visit))
        p { (filled(texts.signed_in_as, "email", &who.account.email)) }
        nav aria-label=(texts.account) {
            ul.ways {
                li { a href="/account/password" { (password) } }
                li { a href="/account/email" { (texts.change_email) } }
                li { a href="/account/codes" { (texts.codes_title) } }
                li { a href="/account/sessions" { (texts.sessions_title) } }
                li { a href="/account/export" download { (texts.export) } }
                li { a href="/account/delete" { (texts.delete_title) } }
            }
        }
        section { (sign_out(visit, false)) }
    };
    Sheet::new(texts.account, body)
}

fn sign_out(visit: &Visit<'_>, everywhere: bool) -> Markup {
    let texts = visit.texts;
    let text = match everywhere {
        true => texts.sign_out_everywhere,
        false => texts.sign_out,
    };
    html! {
        form method="post" action="/account/sign-out" {
            (hidden(TOKEN, Some(&visit.token)))
            (hidden("everywhere", everywhere.then_some("true")))
            button.quiet type="submit" { (text) }
        }
    }
}

fn email_sheet(who: &Who, visit: &Visit<'_>, form: Option<&Form>, trouble: &Trouble) -> Sheet {
    let texts = visit.texts;
    let typed = form
        .and_then(|form| form.field("email"))
        .unwrap_or_default();
    let body = html! {
        (trouble.alert())
        p { (texts.change_email_why) }
        form method="post" action="/account/email" {
            (hidden(TOKEN, Some(&visit.token)))
            (Input { value: typed, error: trouble.of("email"), first: true,
                ..Input::new("email", texts.new_email, "email", "email") }.markup())
            (current_password(who, visit, ""))
            (button(texts.change_email))
        }
        (to_account(visit))
    };
    Sheet::new(texts.change_email, body)
}

/// Asks for a press on a button.
pub fn confirm_email(visit: &Visit<'_>, form: Option<&Form>, trouble: &Trouble) -> Sheet {
    let texts = visit.texts;
    let ticket = visit.query.filled("token").filter(|_| form.is_none());
    let body = html! {
        (trouble.alert())
        @if let Some(ticket) = ticket {
            (newcomer::press(visit, texts.confirm_email_why, "/account/email/confirm", ticket))
        } @else if trouble.text.is_none() {
            p.alert { (texts.worthless) }
        }
        (to_account(visit))
    };
    Sheet::new(texts.change_email, body)
}

fn delete_sheet(who: &Who, visit: &Visit<'_>, trouble: &Trouble) -> Sheet {
    let texts = visit.texts;
    let body = html! {
        (trouble.alert())
        p { (texts.delete_why) }
        form method="post" action="/account/delete" {
            (hidden(TOKEN, Some(&visit.token)))
            (current_password(who, visit, ""))
            (button(texts.delete_do))
        }
        (to_account(visit))
    };
    Sheet::new(texts.delete_title, body)
}

/// For who has one; others must have signed in just now.
pub fn current_password(who: &Who, visit: &Visit<'_>, within: &str) -> Markup {
    let label = visit.texts.current_password;
    let kind = "current-password";
    html! {
        @if who.account.has_password {
            (Input { within, ..Input::new("current_password", label, "password", kind) }.markup())
        }
    }
}

pub fn to_account(visit: &Visit<'_>) -> Markup {
    html! { ul.ways { li { a href="/account" { (visit.texts.back_to_account) } } } }
}

/// What was done just now, after the redirect that follows it.
pub fn done(visit: &Visit<'_>) -> Markup {
    let texts = visit.texts;
    let text = match visit.query.filled("done") {
        Some("password") => texts.done_password,
        Some("email") => texts.done_email,
        Some("codes_removed") => texts.done_codes_removed,
        Some("session") => texts.done_session,
        Some("reset") => texts.done_reset,
        Some("deleted") => texts.done_deleted,
        Some("signed_out") => texts.done_signed_out,
        _ => return html! {},
    };
    html! { p.done role="status" { (text) } }
}
