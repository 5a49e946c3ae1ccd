//! `auth:`: who people are, and how callers prove who they are.
//!
//! Reads what the keys hold and says what is wrong with it. Which resource people are is settled
//! before any rule is read ([`users::resource`]), because rules speak of the `user`; the rest
//! needs the finished resources.

mod claims;
mod clients;
mod mail;
mod outside;
mod scopes;
mod secrets;
mod services;
mod theme;
mod times;
mod uris;
pub mod users;

pub use claims::asked;

use std::sync::Arc;

use diag::{Diagnostic, Diagnostics, Sources, Span};
use expr::ir::RuleDef;
use model::{Auth, BasicFor, Password, Resource};

use crate::codes;
use crate::read::{Entry, Item, Text};
use crate::resolve::{Draft, ResourceDraft};
use crate::sections::Sections;

use scopes::Scopes;

/// The section as a whole. `rules`: those of the contract.
pub fn read<'a>(
    sections: &Sections<'_, 'a>,
    draft: &Draft<'_, 'a>,
    resources: &[Resource],
    rules: &[Arc<RuleDef>],
    sources: &Sources,
    out: &mut Diagnostics,
) -> Auth {
    let Some(auth) = sections.main.get("auth") else {
        return Auth::default();
    };
    needs_people(auth, out);
    api_keys(auth, out);
    let context = Reading {
        scopes: Scopes::of(sections, resources),
        people: draft.users.map(|id| &draft.resources[usize::from(id.0)]),
        has_people: auth.entry("users").is_some() || auth.odd,
        sources,
    };
    let claims = |users: &model::Users| claims::read(users, resources, rules);
    let users = users::read(auth, draft, out).map(|users| model::Users {
        claims: claims(&users),
        ..users
    });
    Auth {
        users,
        password: password(auth),
        tokens: times::tokens(auth, out),
        sessions: times::sessions(auth, out),
        mail: mail::read(auth, out),
        api_keys: auth.get("api_keys").and_then(Item::as_bool) != Some(false),
        basic: basic(auth),
        scopes: scopes::texts(auth, &context.scopes, out),
        schemes: schemes(auth),
        theme: theme::read(auth, out),
        clients: clients::read(auth, &context, out),
        issuers: outside::issuers(auth, &context, out),
        providers: outside::providers(auth, out),
        services: services::read(auth, &context, out),
    }
}

/// What the parts of the section are held against.
struct Reading<'c, 'r, 'a> {
    scopes: Scopes,
    /// The resource whose records are people.
    people: Option<&'c ResourceDraft<'r, 'a>>,
    /// There are people, or there were to be some.
    has_people: bool,
    sources: &'c Sources,
}

/// As many of a list as the server is built for.
fn bounded<'l, T: Place>(
    all: &'l [T],
    max: usize,
    what: &str,
    help: &str,
    out: &mut Diagnostics,
) -> &'l [T] {
    if let Some(extra) = all.get(max) {
        out.push(
            Diagnostic::error(
                codes::TOO_MANY,
                extra.place(),
                format!("a contract has at most {max} {what}"),
            )
            .label("one too many")
            .help(help),
        );
    }
    &all[..all.len().min(max)]
}

/// Something in the contract.
trait Place {
    fn place(&self) -> Span;
}

impl Place for Entry<'_> {
    fn place(&self) -> Span {
        self.key.span
    }
}

impl Place for &Item<'_> {
    fn place(&self) -> Span {
        self.span()
    }
}

impl Place for Text<'_> {
    fn place(&self) -> Span {
        self.span()
    }
}

/// The keys that are about people, and would do nothing without any.
const ABOUT_PEOPLE: [&str; 5] = ["password", "sessions", "mail", "theme", "providers"];

fn needs_people(auth: &Item<'_>, out: &mut Diagnostics) {
    if auth.entry("users").is_some() || auth.odd {
        return;
    }
    let people = |entry: &&Entry<'_>| {
        let basic = || {
            let text = entry.item.as_text();
            entry.name == "basic" && text.is_some_and(|text| text.as_str() == "people")
        };
        ABOUT_PEOPLE.contains(&entry.name) || basic()
    };
    for entry in auth.entries().iter().filter(people) {
        without_people(entry, out);
    }
}

fn without_people(entry: &Entry<'_>, out: &mut Diagnostics) {
    out.push(
        Diagnostic::error(
            codes::USERS,
            entry.key.span,
            format!("`{}` is about people, and there are none", entry.name),
        )
        .label("without effect")
        .help("say which resource they are: `users: User`"),
    );
}

/// `api_keys: false` would leave nobody who could say who they are.
fn api_keys(auth: &Item<'_>, out: &mut Diagnostics) {
    if let Some(item) = auth.get("api_keys")
        && item.as_bool() == Some(false)
    {
        out.push(
            Diagnostic::error(
                codes::NOT_YET,
                item.span(),
                "an API without API keys is not supported yet",
            )
            .label("not in this version")
            .help("write `api_keys: true`; who is given no key has none"),
        );
    }
}

/// `false` is none, and none is what was meant by nothing else.
fn password(auth: &Item<'_>) -> Option<Password> {
    let Some(item) = auth.get("password") else {
        return Some(Password::default());
    };
    if item.as_bool() == Some(false) {
        return None;
    }
    let least = item.get("min_length").and_then(Item::as_int);
    Some(Password {
        min_length: least
            .and_then(|least| u32::try_from(least).ok())
            .unwrap_or(Password::MIN_LENGTH),
    })
}

fn basic(auth: &Item<'_>) -> BasicFor {
    let Some(item) = auth.get("basic") else {
        return BasicFor::default();
    };
    match item.as_text().map(|text| text.as_str()) {
        Some("people") => BasicFor::People,
        Some(_) => BasicFor::Keys,
        None => BasicFor::Nobody,
    }
}

/// `bearer` unless said otherwise.
fn schemes(auth: &Item<'_>) -> Vec<String> {
    let mut schemes: Vec<String> = auth
        .texts("schemes")
        .into_iter()
        .map(|text| text.as_str().to_owned())
        .collect();
    schemes.dedup();
    if schemes.is_empty() {
        schemes.push("bearer".to_owned());
    }
    schemes
}
