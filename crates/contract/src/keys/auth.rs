//! The keys below `auth:`.

use model::Password;

use crate::form::{Form, Key, Keys, Table};

use super::word;

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
        Key::later("clients"),
        Key::later("jwt"),
        Key::later("providers"),
        Key::later("mtls"),
        Key::later("theme"),
    ],
    habits: &[
        ("keys", "write `api_keys: true`"),
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
