//! The pages of this door. They need no scripts, and name nothing they have not been given.

use call::{Code, Failure};
use http::StatusCode;
use identity::clients::Client;
use maud::{DOCTYPE, Markup, html};
use model::Model;
use web::Response;
use web::pages::{Scripts, page};

use crate::Door;
use crate::language::Language;
use crate::metadata;
use crate::signed_in::SignedIn;
use crate::words::Words;

/// What somebody is asked to allow.
pub struct Asking<'a> {
    pub client: &'a Client,
    pub scopes: &'a [String],
    pub resource: &'a str,
    pub who: &'a SignedIn,
    /// Where the browser goes then.
    pub goes_to: Option<&'a str>,
}

/// What goes back with an answer to a form.
pub struct Hidden<'a> {
    pub action: &'static str,
    pub name: &'static str,
    pub value: &'a str,
    pub token: &'a str,
}

impl Door {
    fn framed(&self, language: Language, title: &str, main: &Markup) -> String {
        let site = self.site();
        html! {
            (DOCTYPE)
            html lang=(language.tag()) {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="robots" content="noindex";
                    title { (title) " – " (site) }
                    @if let Some(path) = &self.parts.stylesheet {
                        link rel="stylesheet" href=(path);
                    }
                }
                body {
                    main {
                        p.site { (site) }
                        h1 { (title) }
                        (main)
                    }
                }
            }
        }
        .into_string()
    }

    /// How people call this service.
    fn site(&self) -> &str {
        let model = &self.parts.model;
        model.auth.theme.title.as_deref().unwrap_or(&model.title)
    }

    /// A page that says one thing.
    pub fn notice(
        &self,
        status: StatusCode,
        language: Language,
        title: &str,
        text: &str,
    ) -> Response {
        let main = html! { p role="status" { (text) } };
        page(status, self.framed(language, title, &main), Scripts::None)
    }

    /// A page on which something ends that could not be done.
    pub fn dead_end(&self, status: StatusCode, language: Language, text: &str) -> Response {
        let main = html! { p role="alert" { (text) } };
        let title = Words::of(language).trouble_title;
        page(status, self.framed(language, title, &main), Scripts::None)
    }

    /// The same for what is not the person's fault.
    pub fn broken(&self, language: Language, failure: &Failure) -> Response {
        if let Some(cause) = &failure.cause {
            tracing::error!(%cause, "a page could not be made");
        }
        let words = Words::of(language);
        match failure.code {
            Code::RateLimited => {
                self.dead_end(StatusCode::TOO_MANY_REQUESTS, language, words.too_many)
            }
            Code::Unavailable | Code::TimedOut => {
                self.dead_end(StatusCode::SERVICE_UNAVAILABLE, language, words.broken)
            }
            _ => self.dead_end(StatusCode::INTERNAL_SERVER_ERROR, language, words.broken),
        }
    }

    /// Asks whether an app may.
    pub fn ask(&self, language: Language, asking: &Asking<'_>, hidden: &Hidden<'_>) -> Response {
        let words = Words::of(language);
        let (before, between, after) = words.allow_ask;
        let model = &self.parts.model;
        let on_device = hidden.action == metadata::DEVICE;
        let title = match on_device {
            true => words.device_title,
            false => words.allow_title,
        };
        let main = html! {
            p { (before) strong { (asking.client.title) } (between) strong { (self.site()) } (after) }
            @if on_device { p.warning role="alert" { (words.device_warning) } }
            @if asking.scopes.is_empty() {
                p { (words.nothing_more) }
            } @else {
                p id="may" { (words.may_then) }
                ul aria-labelledby="may" {
                    @for scope in asking.scopes {
                        li { (scope_text(model, words, scope)) " " small { code { (scope) } } }
                    }
                }
            }
            dl {
                dt { (words.signed_in_as) } dd { (asking.who.account.email) }
                dt { (words.data_of) } dd { (asking.resource) }
                @if let Some(place) = asking.goes_to {
                    dt { (words.back_to) } dd { (place) }
                }
            }
            p { small { (words.revoke_later) } }
            form method="post" action=(hidden.action) {
                input type="hidden" name=(hidden.name) value=(hidden.value);
                input type="hidden" name="token" value=(hidden.token);
                button.primary type="submit" name="decision" value="allow" { (words.allow) }
                " "
                button type="submit" name="decision" value="deny" { (words.deny) }
            }
        };
        page(
            StatusCode::OK,
            self.framed(language, title, &main),
            Scripts::None,
        )
    }

    /// Asks for the code that a device shows.
    pub fn ask_code(
        &self,
        language: Language,
        typed: &str,
        token: &str,
        is_wrong: bool,
    ) -> Response {
        let words = Words::of(language);
        let main = html! {
            @if is_wrong { p id="wrong" role="alert" { (words.device_wrong) } }
            form method="post" action=(metadata::DEVICE) {
                p { label for="user_code" { (words.device_ask) } }
                p {
                    input id="user_code" name="user_code" value=(typed) required autofocus
                        autocomplete="off" autocapitalize="characters" spellcheck="false"
                        maxlength="20" aria-label=(words.device_code)
                        aria-describedby=[is_wrong.then_some("wrong")];
                }
                input type="hidden" name="token" value=(token);
                button.primary type="submit" { (words.next) }
            }
        };
        let status = match is_wrong {
            true => StatusCode::BAD_REQUEST,
            false => StatusCode::OK,
        };
        let html = self.framed(language, words.device_title, &main);
        page(status, html, Scripts::None)
    }

    /// Asks whether somebody wants to sign out.
    pub fn ask_sign_out(
        &self,
        language: Language,
        who: &SignedIn,
        fields: &[(&str, &str)],
        token: &str,
    ) -> Response {
        let words = Words::of(language);
        let main = html! {
            p { (words.signed_in_as) " " strong { (who.account.email) } "." }
            p { (words.sign_out_ask) }
            form method="post" action=(metadata::LOGOUT) {
                @for (name, value) in fields {
                    input type="hidden" name=(name) value=(value);
                }
                input type="hidden" name="token" value=(token);
                button.primary type="submit" { (words.sign_out) }
            }
        };
        let html = self.framed(language, words.sign_out_title, &main);
        page(StatusCode::OK, html, Scripts::None)
    }
}

/// What a scope allows: in the contract's words, in ours for those of OpenID Connect, else by the
/// name of the resource.
fn scope_text(model: &Model, words: &Words, scope: &str) -> String {
    if let Some(text) = model.auth.scope_text(scope) {
        return text.to_owned();
    }
    match scope {
        "openid" => words.openid.to_owned(),
        "profile" => words.profile.to_owned(),
        "email" => words.email.to_owned(),
        "offline_access" => words.offline.to_owned(),
        _ => match scope.rsplit_once('.') {
            Some((thing, "read")) => format!("{}: {thing}", words.read),
            Some((thing, "write")) => format!("{}: {thing}", words.write),
            _ => scope.to_owned(),
        },
    }
}
