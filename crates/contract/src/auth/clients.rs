//! `auth.clients`: apps that are known from the start.

use diag::{Diagnostic, Diagnostics, Span};
use model::{Client, ClientProof};

use super::{Reading, bounded, uris};
use crate::auth::secrets;
use crate::codes;
use crate::read::{Entry, Item};

/// Apps in a contract; more are registered while the server runs.
const CLIENTS_MAX: usize = 1_000;
/// Addresses of one app; all are compared at each sign-in.
const ADDRESSES_MAX: usize = 50;
/// Scopes of OpenID Connect (Core, sections 5.4 and 11), which every API with people has.
pub const OPENID: [&str; 4] = ["openid", "profile", "email", "offline_access"];

pub fn read<'a>(
    auth: &Item<'a>,
    context: &Reading<'_, '_, 'a>,
    out: &mut Diagnostics,
) -> Vec<Client> {
    let entries = auth.get("clients").map(Item::entries).unwrap_or_default();
    bounded(
        entries,
        CLIENTS_MAX,
        "apps in `clients`",
        "register the others while the server runs, with `frontdesk client create`",
        out,
    )
    .iter()
    .filter_map(|entry| client(entry, context, out))
    .collect()
}

fn client<'a>(
    entry: &Entry<'a>,
    context: &Reading<'_, '_, 'a>,
    out: &mut Diagnostics,
) -> Option<Client> {
    let item = &entry.item;
    if !item.is_map() {
        return None;
    }
    let proof = proof(entry, out);
    // Of one that does not say how it proves itself, any address may be meant.
    let public = matches!(proof, Some(ClientProof::Public) | None);
    let mut addresses = |key: &str| {
        let list = item.texts(key);
        let kept = bounded(
            &list,
            ADDRESSES_MAX,
            "addresses in one list",
            "name those that are used",
            out,
        );
        uris::redirects(kept, public, out)
    };
    let (redirect_uris, post_logout) = (
        addresses("redirect_uris"),
        addresses("post_logout_redirect_uris"),
    );
    let more: &[&str] = match context.has_people {
        true => &OPENID,
        false => &[],
    };
    needs_people(entry, context, out);
    if let (Some(ClientProof::Public), None, false) =
        (&proof, item.entry("redirect_uris"), item.flag("device"))
    {
        out.push(
            Diagnostic::error(
                codes::CLIENT,
                entry.key.span,
                format!("nobody can sign in with `{}`", entry.name),
            )
            .label("no way to come back")
            .help("add `redirect_uris: [https://…]`, or `device: true` for something without a browser"),
        );
    }
    Some(Client {
        id: entry.name.to_owned(),
        title: match item.text("title") {
            Some(title) => title.as_str().trim().to_owned(),
            None => model::names::title(entry.name),
        },
        redirect_uris,
        scopes: context.scopes.known(&item.texts("scopes"), more, out),
        post_logout_redirect_uris: post_logout,
        backchannel_logout_uri: item
            .text("backchannel_logout_uri")
            .and_then(|text| uris::address(text, "the app", out)),
        device: item.flag("device"),
        trusted: item.flag("trusted"),
        proof: proof?,
    })
}

/// The one way in which it proves that it is the one.
fn proof(entry: &Entry<'_>, out: &mut Diagnostics) -> Option<ClientProof> {
    let item = &entry.item;
    let ways: Vec<(&str, Span)> = ["secret", "public", "jwks"]
        .into_iter()
        .filter_map(|key| Some((key, item.entry(key)?)))
        .filter(|(key, entry)| *key != "public" || entry.item.as_bool() != Some(false))
        .map(|(key, entry)| (key, entry.key.span))
        .collect();
    match ways.as_slice() {
        [(key, _)] => match *key {
            "secret" => {
                let like = secrets::like(entry.name, "SECRET");
                let text = item.text("secret")?;
                secrets::name(text, "secret", &like, out).map(ClientProof::Secret)
            }
            "jwks" => super::outside::keys(item, out).map(ClientProof::Keys),
            _ => Some(ClientProof::Public),
        },
        [] if item.odd => None,
        [] => {
            out.push(
                Diagnostic::error(
                    codes::CLIENT,
                    entry.key.span,
                    format!("`{}` does not say how it proves that it is the one", entry.name),
                )
                .label("without `secret`, `jwks` or `public`")
                .help(format!(
                    "write `secret: ${}` for an app on a server, `public: true` for one on people's own devices or in a web page",
                    secrets::like(entry.name, "SECRET")
                )),
            );
            None
        }
        [(first, _), .., (last, span)] => {
            out.push(
                Diagnostic::error(
                    codes::CLIENT,
                    *span,
                    format!("`{first}` and `{last}` exclude each other"),
                )
                .label("another proof")
                .also(ways[0].1, "one is here")
                .help("keep one: `secret` or `jwks` for an app on a server, `public: true` for one that can keep no secret"),
            );
            None
        }
    }
}

/// What is done with people, where there are none.
fn needs_people(entry: &Entry<'_>, context: &Reading<'_, '_, '_>, out: &mut Diagnostics) {
    const ABOUT_PEOPLE: [&str; 5] = [
        "redirect_uris",
        "post_logout_redirect_uris",
        "backchannel_logout_uri",
        "device",
        "trusted",
    ];
    let about = entry.item.entries().iter();
    for entry in about.filter(|entry| ABOUT_PEOPLE.contains(&entry.name) && !context.has_people) {
        super::without_people(entry, out);
    }
}
