//! The pages people come to: `/login` and `/account`, without scripts, in people's own language.
//!
//! ```text
//!  GET ─► Visit: whose browser, which language ─► a Sheet ─► web::pages
//!  POST ─► asked for by our page? with the form's token? ─► people ─► 303, or the form again with what is wrong
//! ```
//!
//! What is done is what the JSON endpoints do, by the same calls. A GET changes nothing, so that
//! programs that look at the links in letters use none of them up.

mod account;
mod back;
mod codes;
mod layout;
mod login;
mod newcomer;
mod texts;

use std::sync::Arc;

use call::{Code, Failure, Place};
use doorway::failure::Refusal;
use http::header::{
    ACCEPT_LANGUAGE, ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, SET_COOKIE, WWW_AUTHENTICATE,
};
use http::{HeaderValue, Method, StatusCode};
use identity::random::{Unguessable, hash_for};
use identity::sessions::Session;
use people::Account;
use web::cookies::Cookie;
use web::form::Form;
use web::origin::Origin;
use web::pages::Scripts;
use web::{Response, csrf};

pub use layout::{Logo, Look};

use crate::asked::{Asked, now};
use crate::{Door, seconds};
use layout::{Sheet, TOKEN, Trouble};
use texts::{Texts, filled};

/// Not compressed: what an attacker makes a page repeat beside its token would tell the token by
/// its length (the BREACH attack).
const PAGE_CACHING: HeaderValue = HeaderValue::from_static("no-store, no-transform");
/// Their URLs change with them.
const FILE_CACHING: HeaderValue = HeaderValue::from_static("public, max-age=604800");
/// A picture that is opened by itself may be a document with scripts.
const PICTURE_ALONE: HeaderValue =
    HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; sandbox");
/// Purpose of the hash that stands in forms.
const FORM: &str = "form";

/// The cookies of the pages, besides the session's.
pub struct Cookies {
    /// Of a browser nobody is signed in with: what its forms are bound to.
    visitor: Cookie,
    /// The ticket between two proofs.
    second: Cookie,
}

impl Cookies {
    pub fn new(origin: &Origin) -> Cookies {
        Cookies {
            visitor: Cookie::new("visitor", origin),
            second: Cookie::new("second", origin),
        }
    }
}

/// Whether a path is that of a page, or would be.
pub fn serves(path: &str) -> bool {
    ["/login", "/account"].iter().any(|root| {
        let rest = path.strip_prefix(root);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Page {
    Style,
    Logo,
    Login,
    SecondFactor,
    Link,
    SignUp,
    Confirm,
    Reset,
    Sent,
    ConfirmEmail,
    /// For whoever is signed in.
    Own(Own),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Own {
    Overview,
    Password,
    Email,
    Codes,
    Sessions,
    SignOut,
    Export,
    Delete,
}

impl Page {
    fn at(path: &str) -> Option<Page> {
        Some(match path {
            layout::STYLE_PATH => Page::Style,
            layout::LOGO_PATH => Page::Logo,
            "/login" => Page::Login,
            "/login/second-factor" => Page::SecondFactor,
            "/login/link" => Page::Link,
            "/account/sign-up" => Page::SignUp,
            "/account/confirm" => Page::Confirm,
            "/account/reset" => Page::Reset,
            "/account/sent" => Page::Sent,
            "/account/email/confirm" => Page::ConfirmEmail,
            "/account" => Page::Own(Own::Overview),
            "/account/password" => Page::Own(Own::Password),
            "/account/email" => Page::Own(Own::Email),
            "/account/codes" => Page::Own(Own::Codes),
            "/account/sessions" => Page::Own(Own::Sessions),
            "/account/sign-out" => Page::Own(Own::SignOut),
            "/account/export" => Page::Own(Own::Export),
            "/account/delete" => Page::Own(Own::Delete),
            _ => return None,
        })
    }

    fn allow(self) -> &'static str {
        match self {
            Page::Style | Page::Logo | Page::Sent | Page::Own(Own::Overview | Own::Export) => {
                "GET, HEAD"
            }
            Page::Own(Own::SignOut) => "POST",
            _ => "GET, HEAD, POST",
        }
    }
}

/// Somebody who is signed in with this browser.
struct Who {
    session: Arc<Session>,
    account: Account,
}

/// One look at a page.
struct Visit<'a> {
    texts: &'static Texts,
    look: &'a Look,
    /// Goes into every form, and comes back with it.
    token: String,
    /// `Set-Cookie` for a browser that was not here before.
    cookie: Option<HeaderValue>,
    who: Option<Who>,
    /// What follows the `?`.
    query: Form,
}

impl Visit<'_> {
    fn show(&self, status: StatusCode, sheet: &Sheet) -> Response {
        let document = sheet.document(self.look, self.texts);
        let mut response = web::pages::page(status, document, Scripts::None);
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, PAGE_CACHING);
        if let Some(cookie) = &self.cookie {
            headers.append(SET_COOKIE, cookie.clone());
        }
        response
    }

    fn ok(&self, sheet: &Sheet) -> Response {
        self.show(StatusCode::OK, sheet)
    }

    /// A page that says one thing.
    fn say(&self, status: StatusCode, text: &str) -> Response {
        let body = maud::html! { p role="alert" { (text) } };
        self.show(status, &Sheet::new(self.texts.trouble, body))
    }

    /// Where to go afterwards, if that is a place of ours.
    fn back<'f>(&'f self, form: Option<&'f Form>) -> Option<&'f str> {
        let said = form.unwrap_or(&self.query).filled("continue");
        said.filter(|path| back::is_ours(path))
    }
}

impl Door {
    /// Answers a request to a page. What goes wrong is told as a page, too.
    pub(crate) async fn visit(&self, asked: &mut Asked<'_>) -> Response {
        let visit = match self.begin_visit(asked).await {
            Ok(visit) => visit,
            Err(failure) => {
                let bare = self.bare(asked);
                return self.told(&bare, failure, asked, bare.texts.unavailable, |trouble| {
                    Sheet::new(bare.texts.trouble, trouble.alert())
                });
            }
        };
        let path = asked.head.uri.path();
        let Some(page) = Page::at(path) else {
            return visit.say(StatusCode::NOT_FOUND, visit.texts.nothing_here);
        };
        let method = &asked.head.method;
        let is_get = method == Method::GET || method == Method::HEAD;
        let mut allowed = page.allow().split(", ");
        if !allowed.any(|known| known == method.as_str()) {
            let status = StatusCode::METHOD_NOT_ALLOWED;
            let mut response = visit.say(status, visit.texts.not_offered);
            let allow = HeaderValue::from_static(page.allow());
            response.headers_mut().insert(ALLOW, allow);
            return response;
        }
        match page {
            Page::Style => return file(self.look.style.clone().into_bytes(), text_css()),
            Page::Logo => {
                return match &self.look.logo {
                    Some(logo) => file(logo.bytes.clone(), logo.media_type.clone()),
                    None => visit.say(StatusCode::NOT_FOUND, visit.texts.nothing_here),
                };
            }
            _ => {}
        }
        if !asked.line.secure {
            return visit.say(StatusCode::FORBIDDEN, visit.texts.in_the_clear);
        }
        let done = match is_get {
            true => self.look_at(page, &visit, asked).await,
            false => match self.read_form(&visit, asked).await {
                Ok(form) => self.act(page, &visit, &form, asked).await,
                Err(response) => Ok(*response),
            },
        };
        done.unwrap_or_else(|failure| {
            let texts = visit.texts;
            self.told(&visit, failure, asked, texts.worthless, |trouble| {
                Sheet::new(texts.trouble, trouble.alert())
            })
        })
    }

    async fn look_at(
        &self,
        page: Page,
        visit: &Visit<'_>,
        asked: &Asked<'_>,
    ) -> Result<Response, Failure> {
        let none = &Trouble::default();
        Ok(match page {
            Page::Login => self.show_login(visit),
            Page::SecondFactor => self.show_second_factor(visit, asked),
            Page::Link => visit.ok(&login::link(visit, None, none)),
            Page::SignUp => visit.ok(&self.sign_up_sheet(visit, None, none)),
            Page::Confirm => visit.ok(&newcomer::confirm(visit, None, none)),
            Page::Reset => visit.ok(&self.reset_sheet(visit, None, none)),
            Page::Sent => visit.ok(&newcomer::sent(visit)),
            Page::ConfirmEmail => visit.ok(&account::confirm_email(visit, None, none)),
            Page::Own(own) => match &visit.who {
                Some(who) => self.look_at_own(own, who, visit).await?,
                None => to_login(asked.head.uri.path()),
            },
            Page::Style | Page::Logo => {
                return Err(Failure::internal("a file is no page"));
            }
        })
    }

    async fn act(
        &self,
        page: Page,
        visit: &Visit<'_>,
        form: &Form,
        asked: &Asked<'_>,
    ) -> Result<Response, Failure> {
        match page {
            Page::Login => self.post_login(visit, form, asked).await,
            Page::SecondFactor => self.post_second_factor(visit, form, asked).await,
            Page::Link => self.post_link(visit, form, asked).await,
            Page::SignUp => self.post_sign_up(visit, form, asked).await,
            Page::Confirm => self.post_confirm(visit, form, asked).await,
            Page::Reset => self.post_reset(visit, form, asked).await,
            Page::ConfirmEmail => self.post_confirm_email(visit, form, asked).await,
            Page::Own(own) => match &visit.who {
                Some(who) => self.act_on_own(own, who, visit, form, asked).await,
                None => Ok(to_login("/account")),
            },
            Page::Style | Page::Logo | Page::Sent => {
                Err(Failure::internal("nothing is sent to a file"))
            }
        }
    }

    /// Whose browser it is, and what it speaks.
    async fn begin_visit(&self, asked: &Asked<'_>) -> Result<Visit<'_>, Failure> {
        let mut visit = self.bare(asked);
        let headers = &asked.head.headers;
        if let Some(text) = self.cookie.read(headers) {
            let idle = seconds(self.people.model().auth.sessions.idle);
            let found = self.people.sessions().find(&text, idle, now()).await?;
            if let Some(session) = found {
                match self.people.account(&session.account).await {
                    Ok(account) => {
                        if let Some(language) = &account.language {
                            visit.texts = texts::of(language);
                        }
                        visit.token = hash_for(FORM, &text);
                        visit.who = Some(Who { session, account });
                        return Ok(visit);
                    }
                    Err(failure) if failure.code == Code::Unauthenticated => {}
                    Err(failure) => return Err(failure),
                }
            }
        }
        match self.cookies.visitor.read(headers) {
            Some(text) if identity::random::may_be(&text) => visit.token = hash_for(FORM, &text),
            _ => {
                let text = Unguessable::generate().map_err(Failure::internal)?;
                visit.token = hash_for(FORM, text.reveal());
                visit.cookie = Some(self.cookies.visitor.set(text.reveal(), None));
            }
        }
        Ok(visit)
    }

    fn bare(&self, asked: &Asked<'_>) -> Visit<'_> {
        let header = asked.head.headers.get(ACCEPT_LANGUAGE);
        let preferred = header.and_then(|value| value.to_str().ok());
        let query = asked.head.uri.query().unwrap_or_default();
        Visit {
            texts: texts::of(preferred.unwrap_or_default()),
            look: &self.look,
            token: String::new(),
            cookie: None,
            who: None,
            // What cannot be read asks for nothing.
            query: Form::parse(query.as_bytes(), &[]).unwrap_or_default(),
        }
    }

    /// What was sent, if one of our pages did it.
    async fn read_form(
        &self,
        visit: &Visit<'_>,
        asked: &mut Asked<'_>,
    ) -> Result<Form, Box<Response>> {
        let refuse = |status, text| Box::new(visit.say(status, text));
        let head = asked.head;
        csrf::check(&head.method, &head.headers, &self.origin)
            .map_err(|_| refuse(StatusCode::FORBIDDEN, visit.texts.not_ours))?;
        let form = asked.form().await.map_err(|error| {
            let status = web::Problem::from(error).respond().status();
            refuse(status, visit.texts.unreadable)
        })?;
        let token = form.field(TOKEN).unwrap_or_default();
        match visit.cookie.is_none() && same(token, &visit.token) {
            true => Ok(form),
            false => Err(refuse(StatusCode::FORBIDDEN, visit.texts.too_old)),
        }
    }

    /// The page again, with what is wrong. `wrong` is what a proof that does not hold is called here.
    fn told(
        &self,
        visit: &Visit<'_>,
        failure: Failure,
        asked: &Asked<'_>,
        wrong: &str,
        sheet: impl FnOnce(&Trouble) -> Sheet,
    ) -> Response {
        let texts = visit.texts;
        let fields = failure.problems.iter().map(|problem| {
            let name = match &problem.place {
                Place::Pointer(pointer) => pointer.trim_start_matches('/').to_owned(),
                Place::Parameter(name) => name.clone(),
                Place::Header(name) => (*name).to_owned(),
            };
            let known = texts.fault(problem.code).map(str::to_owned);
            let said = || doorway::failure::sentence(problem.detail.clone());
            (name, known.unwrap_or_else(said))
        });
        let fields: Vec<(String, String)> = fields.collect();
        let text = match failure.code {
            Code::Unauthenticated | Code::Forbidden => wrong.to_owned(),
            Code::NotFound => texts.worthless.to_owned(),
            Code::RateLimited => {
                let seconds = failure.retry_after_seconds.unwrap_or(1).to_string();
                filled(texts.too_many, "seconds", &seconds)
            }
            Code::Unavailable | Code::TimedOut => texts.unavailable.to_owned(),
            Code::Internal => texts.internal.to_owned(),
            Code::Conflict | Code::AlreadyExists => wrong.to_owned(),
            _ if !fields.is_empty() => texts.see_fields.to_owned(),
            _ => doorway::failure::sentence(failure.detail.clone()),
        };
        // Logged and numbered as everywhere else.
        let refused = self
            .frame
            .refuse(Refusal::from(failure), asked.head, asked.line.id, false);
        let trouble = Trouble {
            text: Some(text),
            fields,
        };
        let mut response = visit.show(refused.status(), &sheet(&trouble));
        for name in [RETRY_AFTER, WWW_AUTHENTICATE] {
            if let Some(value) = refused.headers().get(&name) {
                response.headers_mut().insert(name, value.clone());
            }
        }
        response
    }
}

/// To sign in and then to come back.
fn to_login(path: &str) -> Response {
    to(&format!("/login?continue={}", back::encoded(path)))
}

/// After something was done (post, redirect, get).
fn to(path: &str) -> Response {
    web::pages::see_other(path).unwrap_or_else(|| {
        let mut response = Response::default();
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        response
    })
}

fn file(bytes: Vec<u8>, media_type: HeaderValue) -> Response {
    let mut response = Response::new(bytes.into());
    let headers = response.headers_mut();
    web::headers::protect_page(headers, PICTURE_ALONE);
    headers.insert(CONTENT_TYPE, media_type);
    headers.insert(CACHE_CONTROL, FILE_CACHING);
    response
}

fn text_css() -> HeaderValue {
    HeaderValue::from_static("text/css; charset=utf-8")
}

/// Compares in a time that does not tell where they differ.
fn same(one: &str, other: &str) -> bool {
    let pairs = one.bytes().zip(other.bytes());
    one.len() == other.len() && pairs.fold(0, |sum, (a, b)| sum | (a ^ b)) == 0
}
