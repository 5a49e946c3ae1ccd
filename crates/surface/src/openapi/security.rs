//! How callers say who they are, and which of those ways an operation takes.
//!
//! A contract without people or apps has keys alone. With them come access tokens, which an app
//! asks for by OAuth, and the session of a browser that has signed in.

use model::{Audience, BasicFor, Model};
use serde_json::{Map, Value as Json, json};

use crate::access;
use crate::words;

/// An API key.
const KEY: &str = "key";
/// An access token, however it was come by.
const TOKEN: &str = "token";
const OAUTH: &str = "oauth";
const OPENID: &str = "openid";
const SESSION: &str = "session";
const BASIC: &str = "basic";
const CERTIFICATE: &str = "certificate";

/// Where the server answers; below every base, like the documents.
const AUTHORIZE: &str = "/oauth2/authorize";
const TOKEN_URL: &str = "/oauth2/token";
const DISCOVERY: &str = "/.well-known/openid-configuration";
/// The cookie of a browser that has signed in.
const COOKIE: &str = "__Host-session";

/// Scopes that are about people, with what they give (OpenID Connect Core, sections 5.4 and 11).
const ABOUT_PEOPLE: [(&str, &str); 4] = [
    ("openid", "Know who you are"),
    ("profile", "See your profile"),
    ("email", "See your address"),
    ("offline_access", "Go on while you are away"),
];

/// The ways of a contract.
struct Ways {
    people: bool,
    /// Access tokens are made here.
    own_tokens: bool,
    /// Access tokens are taken, from here or from others.
    tokens: bool,
    passwords: bool,
    certificates: bool,
}

impl Ways {
    fn of(model: &Model) -> Ways {
        let auth = &model.auth;
        let people = auth.users.is_some();
        let own_tokens = people || !auth.clients.is_empty();
        Ways {
            people,
            own_tokens,
            tokens: own_tokens || !auth.issuers.is_empty(),
            passwords: people && auth.basic == BasicFor::People,
            certificates: !auth.services.is_empty(),
        }
    }
}

/// `securitySchemes`
pub fn schemes(model: &Model, audience: Audience) -> Json {
    let ways = Ways::of(model);
    let scheme = match model.auth.schemes.iter().find(|scheme| *scheme == "bearer") {
        None => model.auth.schemes.first().map_or("bearer", String::as_str),
        Some(bearer) => bearer,
    };
    let word = words::heading(scheme);
    let mut all = Map::new();
    let mut put = |name: &str, what: Json| all.insert(name.to_owned(), what);
    put(
        KEY,
        json!({
            "type": "http",
            "scheme": scheme,
            "description": format!("An API key: `Authorization: {word} KEY`."),
        }),
    );
    if ways.tokens {
        put(
            TOKEN,
            json!({
                "type": "http",
                "scheme": "bearer",
                "bearerFormat": "JWT",
                "description": "An access token: `Authorization: Bearer TOKEN`.",
            }),
        );
    }
    if ways.own_tokens {
        put(OAUTH, oauth(model, audience, &ways));
    }
    if ways.people {
        put(
            OPENID,
            json!({
                "type": "openIdConnect",
                "openIdConnectUrl": DISCOVERY,
                "description": "Signing in with OpenID Connect; everything else is in its metadata.",
            }),
        );
        put(
            SESSION,
            json!({
                "type": "apiKey",
                "in": "cookie",
                "name": COOKIE,
                "description": "The session of a browser that has signed in, for pages of the same origin.",
            }),
        );
    }
    if ways.passwords {
        put(
            BASIC,
            json!({
                "type": "http",
                "scheme": "basic",
                "description": "A person's address and password, or the id and secret of a key.",
            }),
        );
    }
    if ways.certificates {
        put(
            CERTIFICATE,
            json!({
                "type": "mutualTLS",
                "description": "The certificate of a program that the API knows.",
            }),
        );
    }
    Json::Object(all)
}

fn oauth(model: &Model, audience: Audience, ways: &Ways) -> Json {
    let own = scopes(model, audience);
    let mut flows = Map::new();
    if ways.people {
        let about = ABOUT_PEOPLE.map(|(scope, text)| (scope.to_owned(), json!(text)));
        let mut all = own.clone();
        all.extend(about);
        flows.insert(
            "authorizationCode".to_owned(),
            json!({
                "authorizationUrl": AUTHORIZE,
                "tokenUrl": TOKEN_URL,
                "refreshUrl": TOKEN_URL,
                "scopes": all,
            }),
        );
    }
    flows.insert(
        "clientCredentials".to_owned(),
        json!({"tokenUrl": TOKEN_URL, "scopes": own}),
    );
    json!({
        "type": "oauth2",
        "description": "An app asks for access (OAuth 2.1, with PKCE).",
        "flows": flows,
    })
}

/// The scopes of what the audience is told about, with what they allow.
fn scopes(model: &Model, audience: Audience) -> Map<String, Json> {
    let mut all: Vec<(String, String)> = vec![];
    for resource in access::resources(model, audience) {
        let nouns = resource.scope.replace('-', " ");
        for (scope, usual) in [
            (resource.read_scope(), format!("See {nouns}")),
            (resource.write_scope(), format!("Change {nouns}")),
        ] {
            let text = model.auth.scope_text(&scope).map_or(usual, str::to_owned);
            all.push((scope, text));
        }
    }
    all.sort_unstable();
    let told = all.into_iter().map(|(scope, text)| (scope, json!(text)));
    told.collect()
}

/// The ways in which an operation is called, each enough by itself. `scope`: what a credential
/// needs for it. `guests`: none is needed.
pub fn of(model: &Model, scope: Option<&str>, guests: bool) -> Json {
    let ways = Ways::of(model);
    let mut all: Vec<Json> = vec![];
    if guests {
        all.push(json!({}));
    }
    let needed: Vec<&str> = scope.into_iter().collect();
    for (name, is_way) in [
        (KEY, true),
        (TOKEN, ways.tokens),
        (OAUTH, ways.own_tokens),
        (OPENID, ways.people),
        (SESSION, ways.people),
        (BASIC, ways.passwords),
        (CERTIFICATE, ways.certificates),
    ] {
        // Only these two say scopes.
        let scopes = match name {
            OAUTH | OPENID => needed.as_slice(),
            _ => &[],
        };
        if is_way {
            all.push(json!({name: scopes}));
        }
    }
    Json::Array(all)
}
