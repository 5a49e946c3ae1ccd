//! The keys below `auth:`.

use model::Password;

use crate::form::{Form, Key, Keys, Table};

use super::{AUDIENCE, word};

const TIME: Form = Form::Word("a length of time like `30d`");

pub static AUTH: Table = Table {
    what: "`auth`",
    keys: &[
        Key::new(
            "users",
            Form::Either(&[Form::TypeName, Form::Table(&USERS)]),
            "The resource whose records are people. This alone lets people sign up and sign in.",
            "users: User",
        ),
        Key::new(
            "password",
            Form::Either(&[Form::Bool, Form::Table(&PASSWORD)]),
            "What a password must be; `false` for none at all.",
            "password: {min_length: 15}",
        ),
        Key::new(
            "tokens",
            Form::Table(&TOKENS),
            "How long tokens are good for, and what they are signed with.",
            "tokens: {access: 15m, refresh: 30d, idle: 14d, algorithm: ES256}",
        ),
        Key::new(
            "sessions",
            Form::Table(&SESSIONS),
            "How long browsers stay signed in.",
            "sessions: {idle: 4h, absolute: 30d}",
        ),
        Key::new(
            "mail",
            Form::Table(&MAIL),
            "Whom mail to people comes from.",
            "mail: {from: \"Photos <hello@photos.example>\"}",
        ),
        Key::new(
            "theme",
            Form::Table(&THEME),
            "How the pages for people look.",
            "theme: {color: \"#00aa77\", logo: logo.svg, title: Photos}",
        ),
        Key::new(
            "api_keys",
            Form::Bool,
            "API keys are accepted.",
            "api_keys: true",
        ),
        Key::new(
            "basic",
            Form::Either(&[Form::Choice(&[word("keys"), word("people")]), Form::False]),
            "Whose name and password `Authorization: Basic` may carry; `false` for nobody's.",
            "basic: keys",
        ),
        Key::new(
            "scopes",
            Form::Map {
                keys: Keys::Free,
                of: &Form::Text,
                min: 1,
                example: "books.write: Add and change books",
            },
            "What each scope allows, in words for the people who are asked to grant it.",
            "scopes: {books.write: Add and change books}",
        ),
        Key::new(
            "schemes",
            Form::List {
                of: &Form::Choice(&[word("bearer"), word("token")]),
                min: 1,
            },
            "The words that may stand before a credential in the Authorization header.",
            "schemes: [bearer, token]",
        ),
        Key::new(
            "clients",
            Form::Map {
                keys: Keys::Slug,
                of: &Form::Table(&CLIENT),
                min: 1,
                example: "printer: {secret: $PRINTER_SECRET, redirect_uris: [\"https://printer.example/back\"], scopes: [photos.read]}",
            },
            "Apps that may ask for access, by their ids.",
            "clients: {printer: {secret: $PRINTER_SECRET, redirect_uris: [\"https://printer.example/back\"], scopes: [photos.read]}}",
        ),
        Key::new(
            "jwt",
            Form::Either(&[
                Form::Table(&JWT),
                Form::List {
                    of: &Form::Table(&JWT),
                    min: 1,
                },
            ]),
            "Whose access tokens are believed besides the API's own.",
            "jwt: {issuer: \"https://id.example\", audience: shop}",
        ),
        Key::new(
            "providers",
            Form::Map {
                keys: Keys::Slug,
                of: &Form::Table(&PROVIDER),
                min: 1,
                example: "google: {issuer: \"https://accounts.google.com\", client_id: $GOOGLE_CLIENT_ID, client_secret: $GOOGLE_SECRET}",
            },
            "Where else people have an account they can sign in with.",
            "providers: {google: {issuer: \"https://accounts.google.com\", client_id: $GOOGLE_CLIENT_ID, client_secret: $GOOGLE_SECRET}}",
        ),
        Key::new(
            "mtls",
            Form::Map {
                keys: Keys::Slug,
                of: &Form::Table(&SERVICE),
                min: 1,
                example: "billing: {san: billing.internal, scopes: [users.read]}",
            },
            "Programs that are known by their certificates.",
            "mtls: {billing: {san: billing.internal, scopes: [users.read]}}",
        ),
    ],
    habits: &[
        ("keys", "write `api_keys: true`"),
        ("client", "write `clients:`"),
        ("apps", "write `clients:`"),
        (
            "oauth",
            "apps that may ask for access are `clients:`, where people have accounts already is `providers:`",
        ),
        (
            "oidc",
            "apps that may ask for access are `clients:`, where people have accounts already is `providers:`",
        ),
        ("issuer", "write `jwt: {issuer: …, audience: …}`"),
        ("issuers", "write `jwt:`"),
        ("social", "write `providers:`"),
        ("provider", "write `providers:`"),
        ("services", "write `mtls:`"),
        ("certificates", "write `mtls:`"),
        ("user", "write `users:`"),
        ("people", "write `users:`"),
        ("accounts", "write `users:`"),
        ("passwords", "write `password:`"),
        ("session", "write `sessions:`"),
        ("token", "write `tokens:`"),
        ("cookies", "write `sessions:`"),
        (
            "email",
            "the address that mail comes from is `mail: {from: …}`; the field that holds people's is `users: {resource: User, email: FIELD}`",
        ),
        (
            "sign_up",
            "write `users: {resource: User, sign_up: closed}`",
        ),
        ("signup", "write `users: {resource: User, sign_up: closed}`"),
    ],
};

pub static USERS: Table = Table {
    what: "`users`",
    keys: &[
        Key::new(
            "resource",
            Form::TypeName,
            "The resource whose records are people.",
            "resource: User",
        )
        .required(),
        Key::new(
            "sign_up",
            Form::Choice(&[word("open"), word("closed")]),
            "Whether anybody can become one of them.",
            "sign_up: open",
        ),
        Key::new(
            "email",
            Form::Slug,
            "The field that holds a person's address: `email`, if there is one, unless said otherwise.",
            "email: address",
        ),
    ],
    habits: &[
        ("signup", "write `sign_up:`"),
        ("signUp", "write `sign_up:`"),
        ("registration", "write `sign_up:`"),
        ("login", "write `email:`"),
        (
            "username",
            "people sign in with their address; the field that holds it is `email: FIELD`",
        ),
        (
            "password",
            "write `auth: {password: {min_length: 15}}`; no field holds a password",
        ),
    ],
};

pub static PASSWORD: Table = Table {
    what: "`password`",
    keys: &[Key::new(
        "min_length",
        Form::Whole {
            min: Password::MIN_LENGTH_LEAST as i64,
            max: Password::MIN_LENGTH_MOST as i64,
        },
        "How many characters it has at least.",
        "min_length: 15",
    )],
    habits: &[
        ("minLength", "write `min_length:`"),
        ("length", "write `min_length:`"),
        ("pattern", RULES_OF_PASSWORDS),
        ("digits", RULES_OF_PASSWORDS),
        ("symbols", RULES_OF_PASSWORDS),
        ("uppercase", RULES_OF_PASSWORDS),
        ("max_age", RULES_OF_PASSWORDS),
        ("expires", RULES_OF_PASSWORDS),
    ],
};

const RULES_OF_PASSWORDS: &str = "delete it: length is what makes a password hard to guess; rules about its characters and age make people choose worse ones";

pub static TOKENS: Table = Table {
    what: "`tokens`",
    keys: &[
        Key::new(
            "access",
            TIME,
            "How long an access token is good for.",
            "access: 15m",
        ),
        Key::new(
            "refresh",
            TIME,
            "How long somebody stays signed in, however often tokens are renewed.",
            "refresh: 30d",
        ),
        Key::new(
            "idle",
            TIME,
            "How long a refresh token may lie unused.",
            "idle: 14d",
        ),
        Key::new(
            "algorithm",
            ALGORITHM,
            "What access tokens are signed with.",
            "algorithm: ES256",
        ),
    ],
    habits: &[
        ("access_token", "write `access:`"),
        ("refresh_token", "write `refresh:`"),
        ("expires_in", "write `access:`"),
        ("alg", "write `algorithm:`"),
        (
            "secret",
            "delete it: tokens are signed with keys that the server makes and changes by itself",
        ),
    ],
};

const ALGORITHM: Form = Form::Choice(&[word("ES256"), word("EdDSA"), word("RS256")]);

pub static SESSIONS: Table = Table {
    what: "`sessions`",
    keys: &[
        Key::new(
            "idle",
            TIME,
            "How long a browser stays signed in without being used.",
            "idle: 4h",
        ),
        Key::new(
            "absolute",
            TIME,
            "How long it stays signed in at most.",
            "absolute: 30d",
        ),
    ],
    habits: &[
        ("max_age", "write `absolute:`"),
        ("timeout", "write `idle:`"),
        ("expires", "write `absolute:`"),
    ],
};

pub static MAIL: Table = Table {
    what: "`mail`",
    keys: &[Key::new(
        "from",
        Form::Text,
        "Whom mail comes from: an address, or a name and an address.",
        "from: \"Photos <hello@photos.example>\"",
    )
    .required()],
    habits: &[
        ("sender", "write `from:`"),
        ("smtp", SMTP),
        ("host", SMTP),
        ("server", SMTP),
        ("password", SMTP),
        ("user", SMTP),
        ("port", SMTP),
    ],
};

const SMTP: &str = "delete it: through which server mail leaves is said when this one is started";

const SCOPES: Form = Form::List {
    of: &Form::Text,
    min: 1,
};
const ADDRESSES: Form = Form::List {
    of: &Form::Word("an address like `https://app.example/back`"),
    min: 1,
};
const ADDRESS: Form = Form::Word("an address like `https://id.example`");
const SECRET: Form = Form::Secret;
const KEY_SET: Form = Form::Either(&[
    ADDRESS,
    Form::Map {
        keys: Keys::Free,
        of: &Form::Any,
        min: 1,
        example: "keys: [{kty: EC, crv: P-256, x: …, y: …}]",
    },
]);

pub static THEME: Table = Table {
    what: "`theme`",
    keys: &[
        Key::new(
            "color",
            Form::Word("a colour like `#00aa77`"),
            "The colour of buttons and links.",
            "color: \"#00aa77\"",
        ),
        Key::new(
            "logo",
            Form::Word("a picture in the contract's folder"),
            "A picture in the contract's folder.",
            "logo: logo.svg",
        ),
        Key::new(
            "title",
            Form::Text,
            "What the pages call the API; its own title unless said otherwise.",
            "title: Photos",
        ),
    ],
    habits: &[
        ("colour", "write `color:`"),
        ("accent", "write `color:`"),
        ("name", "write `title:`"),
        ("icon", "write `logo:`"),
        (
            "css",
            "delete it: pages are as strict as can be about what they load; their colour is `color:`",
        ),
    ],
};

pub static CLIENT: Table = Table {
    what: "an app",
    keys: &[
        Key::new(
            "title",
            Form::Text,
            "What people who are asked see. By default made of its id.",
            "title: Print shop",
        ),
        Key::new(
            "scopes",
            SCOPES,
            "What it may be given.",
            "scopes: [photos.read]",
        )
        .required(),
        Key::new(
            "secret",
            SECRET,
            "The name of the secret by which it proves that it is the one.",
            "secret: $PRINTER_SECRET",
        ),
        Key::new(
            "public",
            Form::Bool,
            "It runs where it can keep no secret: on people's devices, in a web page.",
            "public: true",
        ),
        Key::new(
            "jwks",
            KEY_SET,
            "The public keys it signs with, or where they are.",
            "jwks: https://printer.example/jwks.json",
        ),
        Key::new(
            "redirect_uris",
            ADDRESSES,
            "Where people are sent back to, exactly.",
            "redirect_uris: [\"https://printer.example/back\"]",
        ),
        Key::new(
            "post_logout_redirect_uris",
            ADDRESSES,
            "Where people are sent after signing out.",
            "post_logout_redirect_uris: [\"https://printer.example/bye\"]",
        ),
        Key::new(
            "backchannel_logout_uri",
            ADDRESS,
            "Where the app is told that somebody has signed out.",
            "backchannel_logout_uri: https://printer.example/signed-out",
        ),
        Key::new(
            "device",
            Form::Bool,
            "People may sign in to it by confirming a code on another device.",
            "device: true",
        ),
        Key::new(
            "trusted",
            Form::Bool,
            "It is one's own: people are not asked whether it may.",
            "trusted: true",
        ),
    ],
    habits: &[
        ("name", "write `title:`"),
        (
            "client_id",
            "delete it: the app's name in `clients` is its id",
        ),
        ("id", "delete it: the app's name in `clients` is its id"),
        ("client_secret", "write `secret:`"),
        ("redirect_uri", "write `redirect_uris:`"),
        ("redirects", "write `redirect_uris:`"),
        ("callback", "write `redirect_uris:`"),
        ("callbacks", "write `redirect_uris:`"),
        ("scope", "write `scopes:`"),
        ("grants", GRANTS),
        ("grant_types", GRANTS),
        ("response_types", GRANTS),
        (
            "pkce",
            "delete it: every app proves with PKCE that its codes are its own",
        ),
        ("jwks_uri", "write `jwks:`"),
    ],
};

const GRANTS: &str = "delete it: what an app can do follows from `redirect_uris`, `device` and how it proves that it is the one";

pub static JWT: Table = Table {
    what: "an issuer",
    keys: &[
        Key::new(
            "issuer",
            ADDRESS,
            "Who makes the tokens: their `iss`, exactly.",
            "issuer: https://id.example",
        )
        .required(),
        Key::new(
            "audience",
            Form::Either(&[Form::Text, SCOPES]),
            "Whom the tokens are for: one of these is in their `aud`.",
            "audience: shop",
        )
        .required(),
        Key::new(
            "jwks",
            KEY_SET,
            "The issuer's public keys, or where they are: where its metadata says, unless said otherwise.",
            "jwks: https://id.example/jwks.json",
        ),
        Key::new(
            "algorithms",
            Form::List {
                of: &ALGORITHM,
                min: 1,
            },
            "What the tokens may be signed with.",
            "algorithms: [ES256]",
        ),
        Key::new(
            "user",
            Form::Text,
            "The claim that is `user.id`.",
            "user: sub",
        ),
        Key::new(
            "scopes",
            Form::Either(&[Form::Text, Form::False]),
            "The claim that lists the scopes; `false` for tokens without.",
            "scopes: scope",
        ),
        Key::new(
            "claims",
            Form::Map {
                keys: Keys::Slug,
                of: &Form::Text,
                min: 1,
                example: "role: role",
            },
            "What rules know as `user.NAME`, and the claim it is read from.",
            "claims: {role: role}",
        ),
    ],
    habits: &[
        ("iss", "write `issuer:`"),
        ("aud", "write `audience:`"),
        ("jwks_uri", "write `jwks:`"),
        ("keys", "write `jwks:`"),
        ("algorithm", "write `algorithms:`"),
        (
            "secret",
            "delete it: tokens are checked with the issuer's public keys, `jwks:`",
        ),
        ("subject", "write `user:`"),
        ("scope", "write `scopes:`"),
        ("roles", "write `claims: {role: …}`"),
    ],
};

pub static PROVIDER: Table = Table {
    what: "a provider",
    keys: &[
        Key::new(
            "title",
            Form::Text,
            "What the button says. By default made of its name.",
            "title: Google",
        ),
        Key::new(
            "issuer",
            ADDRESS,
            "Who it is, if it speaks OpenID Connect. The rest is in its metadata.",
            "issuer: https://accounts.google.com",
        ),
        Key::new(
            "authorize",
            ADDRESS,
            "Where people are sent, if it speaks OAuth only.",
            "authorize: https://github.com/login/oauth/authorize",
        ),
        Key::new(
            "token",
            ADDRESS,
            "Where its code becomes a token, if it speaks OAuth only.",
            "token: https://github.com/login/oauth/access_token",
        ),
        Key::new(
            "userinfo",
            ADDRESS,
            "Where it says who it was, if it speaks OAuth only.",
            "userinfo: https://api.github.com/user",
        ),
        Key::new(
            "subject",
            Form::Text,
            "What of that names the account for ever.",
            "subject: id",
        ),
        Key::new(
            "email",
            Form::Text,
            "What of that is the address.",
            "email: email",
        ),
        Key::new(
            "client_id",
            Form::Text,
            "The id it knows this API by; it may be named like a secret.",
            "client_id: $GOOGLE_CLIENT_ID",
        )
        .required(),
        Key::new(
            "client_secret",
            SECRET,
            "The name of the secret it knows this API by.",
            "client_secret: $GOOGLE_SECRET",
        ),
        Key::new(
            "scopes",
            SCOPES,
            "What it is asked for.",
            "scopes: [openid, email, profile]",
        ),
    ],
    habits: &[
        ("name", "write `title:`"),
        ("id", "write `client_id:`"),
        ("secret", "write `client_secret:`"),
        ("scope", "write `scopes:`"),
        ("discovery", "write `issuer:`"),
        ("url", "write `issuer:`"),
        ("authorization_endpoint", "write `authorize:`"),
        ("token_endpoint", "write `token:`"),
        ("userinfo_endpoint", "write `userinfo:`"),
        (
            "redirect_uri",
            "delete it: people come back to this API, at an address it tells the provider",
        ),
    ],
};

pub static SERVICE: Table = Table {
    what: "a service",
    keys: &[
        Key::new(
            "san",
            Form::Text,
            "The DNS name or URI in its certificate (a subject alternative name).",
            "san: billing.internal",
        ),
        Key::new(
            "subject",
            Form::Text,
            "The distinguished name of its certificate's subject.",
            "subject: \"CN=billing,O=Shop\"",
        ),
        Key::new("scopes", SCOPES, "What it may do.", "scopes: [users.read]").required(),
        Key::new(
            "claims",
            super::VALUES,
            "What rules know of it as `user.NAME`.",
            "claims: {role: staff}",
        ),
        AUDIENCE,
    ],
    habits: &[
        ("cn", "write `subject: \"CN=…\"`; a host is `san:`"),
        ("dns", "write `san:`"),
        ("uri", "write `san:`"),
        ("name", "write `san:`"),
        ("scope", "write `scopes:`"),
        (
            "ca",
            "delete it: which authorities are believed is said when the server is started",
        ),
    ],
};
