//! Others that know people: issuers whose tokens are believed (`jwt`), and providers people sign
//! in with.

use diag::{Diagnostic, Diagnostics, Span};
use model::{Algorithm, Issuer, KeySet, Provider, ProviderKind};

use super::{Reading, bounded, claims, secrets, uris};
use crate::codes;
use crate::json;
use crate::read::{Entry, Item, Text};
use crate::yaml::Kind;

/// Each is asked for its keys again and again.
const ISSUERS_MAX: usize = 50;
/// More than fit on a page.
const PROVIDERS_MAX: usize = 50;

/// `auth.jwt`, one or a list.
pub fn issuers<'a>(
    auth: &Item<'a>,
    context: &Reading<'_, '_, 'a>,
    out: &mut Diagnostics,
) -> Vec<Issuer> {
    let Some(written) = auth.get("jwt") else {
        return vec![];
    };
    let one;
    let list = match written.is_map() {
        true => {
            one = [written];
            one.to_vec()
        }
        false => written.items().iter().collect(),
    };
    let mut seen: Vec<(&str, Span)> = vec![];
    bounded(
        &list,
        ISSUERS_MAX,
        "issuers in `jwt`",
        "keep those whose tokens come",
        out,
    )
    .iter()
    .filter_map(|item| {
        let text = item.text("issuer");
        again(text, &mut seen, out);
        let issuer = text.and_then(|text| uris::issuer(text, out));
        let jwks = item.entry("jwks").map(|_| keys(item, out));
        let claims = claims::of_tokens(item, context, out);
        Some(Issuer {
            issuer: issuer?,
            audience: one_or_more(item, "audience"),
            // Wrong ones have been told.
            jwks: jwks.flatten(),
            algorithms: algorithms(item),
            user: said(item, "user").unwrap_or_else(|| "sub".to_owned()),
            scopes: match item.get("scopes").and_then(Item::as_bool) {
                Some(_) => None,
                None => Some(said(item, "scopes").unwrap_or_else(|| "scope".to_owned())),
            },
            claims,
        })
    })
    .collect()
}

/// All of them, unless some are named.
fn algorithms(item: &Item<'_>) -> Vec<Algorithm> {
    let mut named: Vec<Algorithm> = vec![];
    for text in item.texts("algorithms") {
        let algorithm = Algorithm::named(text.as_str());
        named.extend(algorithm.filter(|algorithm| !named.contains(algorithm)));
    }
    match named.is_empty() {
        true => Algorithm::ALL.to_vec(),
        false => named,
    }
}

/// `auth.providers`
pub fn providers(auth: &Item<'_>, out: &mut Diagnostics) -> Vec<Provider> {
    let entries = auth.get("providers").map(Item::entries).unwrap_or_default();
    let mut seen: Vec<(&str, Span)> = vec![];
    bounded(
        entries,
        PROVIDERS_MAX,
        "providers",
        "keep those people have accounts with",
        out,
    )
    .iter()
    .filter_map(|entry| provider(entry, &mut seen, out))
    .collect()
}

fn provider<'a>(
    entry: &Entry<'a>,
    seen: &mut Vec<(&'a str, Span)>,
    out: &mut Diagnostics,
) -> Option<Provider> {
    let item = &entry.item;
    if !item.is_map() {
        return None;
    }
    let name = entry.name;
    let kind = kind(entry, seen, out);
    let secret = item.text("client_secret").map(|text| {
        let like = secrets::like(name, "SECRET");
        secrets::name(text, "client_secret", &like, out)
    });
    let id = item.text("client_id").and_then(|text| {
        secrets::setting(text, "client_id", &secrets::like(name, "CLIENT_ID"), out)
    });
    let mut scopes: Vec<String> = vec![];
    for text in item.texts("scopes") {
        let scope = text.as_str().trim();
        if scope.contains(char::is_whitespace) {
            out.push(
                Diagnostic::error(
                    codes::PROVIDER,
                    text.span(),
                    format!("`{scope}` is more than one scope"),
                )
                .label("one each")
                .help(format!(
                    "write `[{}]`",
                    scope.split_whitespace().collect::<Vec<_>>().join(", ")
                )),
            );
        } else if !scopes.iter().any(|known| known == scope) {
            scopes.push(scope.to_owned());
        }
    }
    let kind = kind?;
    if let ProviderKind::OpenId { .. } = kind {
        if item.entry("scopes").is_none() {
            scopes = ["openid", "email", "profile"].map(str::to_owned).to_vec();
        } else if !scopes.iter().any(|scope| scope == "openid") {
            // Without it there is no ID token (OpenID Connect Core, section 3.1.2.1).
            scopes.insert(0, "openid".to_owned());
        }
    }
    Some(Provider {
        name: name.to_owned(),
        title: match item.text("title") {
            Some(title) => title.as_str().trim().to_owned(),
            None => model::names::title(name),
        },
        kind,
        client_id: id?,
        client_secret: secret.flatten(),
        scopes,
    })
}

/// The keys of a provider that only speaks OAuth.
const ENDPOINTS: [&str; 3] = ["authorize", "token", "userinfo"];

fn kind<'a>(
    entry: &Entry<'a>,
    seen: &mut Vec<(&'a str, Span)>,
    out: &mut Diagnostics,
) -> Option<ProviderKind> {
    let item = &entry.item;
    let issuer = item.entry("issuer");
    let own: Vec<&Entry<'a>> = ENDPOINTS
        .into_iter()
        .chain(["subject", "email"])
        .filter_map(|key| item.entry(key))
        .collect();
    if let (Some(issuer), Some(other)) = (issuer, own.first()) {
        out.push(
            Diagnostic::error(
                codes::PROVIDER,
                other.key.span,
                format!("`issuer` and `{}` exclude each other", other.name),
            )
            .label("said by the issuer's metadata")
            .also(issuer.key.span, "it is asked here")
            .help(format!(
                "delete `{}`; a provider without OpenID Connect has no `issuer`, but `authorize`, `token` and `userinfo`",
                other.name
            )),
        );
        return None;
    }
    if issuer.is_some() {
        let text = item.text("issuer");
        again(text, seen, out);
        let issuer = uris::issuer(text?, out)?;
        return Some(ProviderKind::OpenId { issuer });
    }
    let missing: Vec<&str> = ENDPOINTS
        .into_iter()
        .filter(|key| item.entry(key).is_none())
        .collect();
    if !missing.is_empty() {
        if item.odd {
            return None;
        }
        let found = Diagnostic::error(
            codes::PROVIDER,
            entry.key.span,
            format!("nobody can sign in with `{}`", entry.name),
        );
        out.push(match own.is_empty() {
            true => found.label("without `issuer`").help(
                "add `issuer: https://…`; for a provider without OpenID Connect `authorize`, `token` and `userinfo`",
            ),
            false => found
                .label(format!("without {}", crate::read::names_of(missing)))
                .help("without OpenID Connect all three are needed: `authorize`, `token` and `userinfo`"),
        });
        return None;
    }
    let [authorize, token, userinfo] = ENDPOINTS.map(|key| {
        item.text(key)
            .and_then(|text| uris::address(text, "the provider", out))
    });
    Some(ProviderKind::OAuth {
        authorize: authorize?,
        token: token?,
        userinfo: userinfo?,
        subject: said(item, "subject").unwrap_or_else(|| "id".to_owned()),
        email: said(item, "email").unwrap_or_else(|| "email".to_owned()),
    })
}

/// Reports an issuer that another entry has already.
fn again<'a>(text: Option<Text<'a>>, seen: &mut Vec<(&'a str, Span)>, out: &mut Diagnostics) {
    let Some(text) = text else { return };
    // An issuer with a `/` at its end is another, but nobody has both.
    let bare = text.as_str().trim_end_matches('/');
    match seen.iter().find(|(known, _)| *known == bare) {
        Some((_, first)) => out.push(
            Diagnostic::error(codes::ISSUER_TWICE, text.span(), "the same issuer again")
                .label("again here")
                .also(*first, "first here")
                .help("keep one of them: nobody could tell whose tokens are whose"),
        ),
        None => seen.push((bare, text.span())),
    }
}

/// `jwks`: public keys, or where they are.
pub fn keys(item: &Item<'_>, out: &mut Diagnostics) -> Option<KeySet> {
    let jwks = item.get("jwks")?;
    if let Some(text) = jwks.as_text() {
        return uris::address(text, "the owner of the keys", out).map(KeySet::Url);
    }
    let wrong = |span: Span, message: &str, label: &str, help: &str| {
        Diagnostic::error(codes::KEY_SET, span, message.to_owned())
            .label(label.to_owned())
            .help(help.to_owned())
    };
    let list = jwks.entry("keys").map(|entry| &entry.item);
    let Some(Kind::List(keys)) = list.map(|list| &list.node.kind) else {
        out.push(wrong(
            jwks.span(),
            "this is not a set of keys",
            "without a list `keys`",
            "write `jwks: {keys: [{kty: EC, …}]}`, or the address where it is",
        ));
        return None;
    };
    for key in keys {
        let Some(members) = key.as_map() else {
            out.push(wrong(
                key.span,
                "this is not a key",
                "not a map",
                "a key is a map such as `{kty: EC, crv: P-256, x: …, y: …}`",
            ));
            return None;
        };
        // Of RSA and elliptic curves, and of secrets that are shared (RFC 7518, sections 6.2 to 6.4).
        let private = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];
        let secret = members
            .iter()
            .find(|entry| private.contains(&entry.key.value.as_str()));
        if let Some(secret) = secret {
            out.push(
                Diagnostic::error(
                    codes::SECRET,
                    secret.value.span,
                    "the private part of a key stands in plain text",
                )
                .label("everybody who sees the contract sees it")
                .help(format!(
                    "delete `{}`: only public keys are needed; this one is known now, so make another",
                    secret.key.value
                )),
            );
            return None;
        }
    }
    Some(KeySet::Inline(json::plain(jwks.node)))
}

/// A text, or a list of them.
fn one_or_more(item: &Item<'_>, key: &str) -> Vec<String> {
    match said(item, key) {
        Some(one) => vec![one],
        None => item
            .texts(key)
            .into_iter()
            .map(|text| text.as_str().trim().to_owned())
            .collect(),
    }
}

fn said(item: &Item<'_>, key: &str) -> Option<String> {
    Some(item.text(key)?.as_str().trim().to_owned())
}
