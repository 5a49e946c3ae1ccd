//! `auth:`: who people are, how callers prove it, and whom else is believed.
//!
//! Everything is as it will be used: names are resolved, defaults are in their places, lengths of
//! time are seconds. No secret is here, only the names under which secrets are found. What the
//! contract says is checked by `contract`; what a token or a certificate says is not known here.

use std::fmt;

use value::{FieldId, ResourceId};

use crate::Model;
use crate::access::Audience;

/// `auth:`, with its defaults.
#[derive(Clone, Debug, PartialEq)]
pub struct Auth {
    /// `users`: the resource whose records are people. `None`: there are no people, only keys,
    /// clients, services and tokens of others.
    pub users: Option<Users>,
    /// How people prove who they are by a password; `None`: by other means alone.
    pub password: Option<Password>,
    pub tokens: Tokens,
    pub sessions: Sessions,
    /// Whom mail comes from. `None`: no mail is sent, except in development.
    pub mail: Option<Mailbox>,
    pub theme: Theme,
    /// API keys are accepted. An operator's key always is.
    pub api_keys: bool,
    pub basic: BasicFor,
    /// What a scope means, in the contract's words, in the order of the file.
    pub scopes: Vec<(String, String)>,
    /// The words that may stand before a credential in `Authorization`, in lower case.
    pub schemes: Vec<String>,
    /// Apps that may ask for access, by their ids; others are registered while the server runs.
    pub clients: Vec<Client>,
    /// `jwt`: whose access tokens are believed besides our own. No two have the same issuer.
    pub issuers: Vec<Issuer>,
    /// Where else people can sign in. No two have the same issuer.
    pub providers: Vec<Provider>,
    /// `mtls`: the programs that are known by their certificates.
    pub services: Vec<Service>,
}

/// `auth.users`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Users {
    pub resource: ResourceId,
    /// The text field that holds a person's address too. Without one the account alone has it.
    pub email: Option<FieldId>,
    pub sign_up: SignUp,
    /// The fields of the person's record that rules and formulas read as `user.NAME`, in the
    /// order of the resource. The id is not among them: it is always known.
    pub claims: Vec<FieldId>,
}

/// Who can become one of the people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SignUp {
    /// Whoever has an address.
    #[default]
    Open,
    /// Whoever has been invited, or already has a record.
    Closed,
}

/// `auth.password`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Password {
    /// In characters.
    pub min_length: u32,
}

impl Default for Password {
    fn default() -> Password {
        Password {
            min_length: Password::MIN_LENGTH,
        }
    }
}

impl Password {
    /// What a password that is the only proof needs (NIST SP 800-63B-4, 3.1.1.2).
    pub const MIN_LENGTH: u32 = 15;
    /// What any password needs, were it one of two proofs (the same place).
    pub const MIN_LENGTH_LEAST: u32 = 8;
    /// Passwords of 64 characters must be possible (the same place), so no more can be asked for.
    pub const MIN_LENGTH_MOST: u32 = 64;
}

/// `auth.tokens`. Lengths of time are in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tokens {
    /// How long an access token is good for.
    pub access: u32,
    /// How long somebody stays signed in, however often the tokens are renewed.
    pub refresh: u32,
    /// How long a refresh token lies unused before it is no good.
    pub idle: u32,
    /// What access tokens are signed with.
    pub algorithm: Algorithm,
}

const MINUTE: u32 = 60;
const HOUR: u32 = 60 * MINUTE;
const DAY: u32 = 24 * HOUR;

impl Default for Tokens {
    fn default() -> Tokens {
        Tokens {
            access: 15 * MINUTE,
            refresh: 30 * DAY,
            idle: 14 * DAY,
            algorithm: Algorithm::default(),
        }
    }
}

impl Tokens {
    /// An access token is believed without asking the database, so it must end soon; shorter ones
    /// would be renewed all the time.
    pub const ACCESS: (u32, u32) = (MINUTE, HOUR);
    /// Nobody stays signed in for longer without signing in again.
    pub const REFRESH: (u32, u32) = (HOUR, 365 * DAY);
}

/// `auth.sessions`, those of browsers. In seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sessions {
    /// How long a session lies unused before it ends.
    pub idle: u32,
    /// When it ends, however much it is used.
    pub absolute: u32,
}

impl Default for Sessions {
    fn default() -> Sessions {
        Sessions {
            idle: 4 * HOUR,
            absolute: 30 * DAY,
        }
    }
}

impl Sessions {
    pub const IDLE: (u32, u32) = (MINUTE, 365 * DAY);
    pub const ABSOLUTE: (u32, u32) = (5 * MINUTE, 365 * DAY);
}

/// What tokens are signed with (RFC 7518, RFC 8037). There is no `none`, and nothing that whoever
/// checks a token could make one with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Algorithm {
    #[default]
    Es256,
    EdDsa,
    Rs256,
}

impl Algorithm {
    pub const ALL: [Algorithm; 3] = [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Rs256];

    /// As `alg` in a token's header, and in contracts.
    pub fn name(self) -> &'static str {
        match self {
            Algorithm::Es256 => "ES256",
            Algorithm::EdDsa => "EdDSA",
            Algorithm::Rs256 => "RS256",
        }
    }

    pub fn named(name: &str) -> Option<Algorithm> {
        Algorithm::ALL.into_iter().find(|one| one.name() == name)
    }
}

/// `Photos <hello@photos.example>`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mailbox {
    pub name: Option<String>,
    pub address: String,
}

/// `auth.theme`: how the pages for people look.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Theme {
    /// Red, green, blue.
    pub color: Option<[u8; 3]>,
    /// A picture in the contract's folder, as a relative path.
    pub logo: Option<String>,
    /// What the pages call the API, unless its own title.
    pub title: Option<String>,
}

/// `auth.basic`: whose name and password `Authorization: Basic` may carry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BasicFor {
    Nobody,
    /// Id and secret of a key or a client.
    #[default]
    Keys,
    /// Those, and a person's address and password.
    People,
}

/// `$NAME`: a secret that is found under this name when the server starts.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SecretName(String);

impl SecretName {
    /// Longest name; environments take far more.
    pub const CHARS_MAX: usize = 100;

    /// `NAME`, without the `$`: capitals, digits and `_`, a letter first.
    pub fn new(name: &str) -> Option<SecretName> {
        let byte = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_';
        let fine = name.starts_with(|c: char| c.is_ascii_uppercase())
            && name.len() <= SecretName::CHARS_MAX
            && name.bytes().all(byte);
        fine.then(|| SecretName(name.to_owned()))
    }

    /// Without the `$`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// As contracts write it: `$NAME`.
impl fmt::Display for SecretName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "${}", self.0)
    }
}

/// What is not secret, but may be another on every machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Setting {
    Written(String),
    Named(SecretName),
}

/// The public keys of somebody else (RFC 7517).
#[derive(Clone, Debug, PartialEq)]
pub enum KeySet {
    Inline(serde_json::Value),
    /// Where they are fetched.
    Url(String),
}

/// An app of somebody else's, or of one's own (RFC 6749, section 2).
#[derive(Clone, Debug, PartialEq)]
pub struct Client {
    /// `client_id`
    pub id: String,
    /// For the people who are asked.
    pub title: String,
    pub proof: ClientProof,
    /// Absolute URIs, compared exactly; of those at a loopback address with any port (RFC 8252,
    /// section 7.3).
    pub redirect_uris: Vec<String>,
    /// The scopes it may be given, in the order of the file.
    pub scopes: Vec<String>,
    pub post_logout_redirect_uris: Vec<String>,
    pub backchannel_logout_uri: Option<String>,
    /// It may sign people in who confirm a code on another device (RFC 8628).
    pub device: bool,
    /// One's own: people are not asked whether it may.
    pub trusted: bool,
}

/// How a client proves that it is the one.
#[derive(Clone, Debug, PartialEq)]
pub enum ClientProof {
    /// It cannot: it runs on people's own devices, and only PKCE keeps its codes.
    Public,
    Secret(SecretName),
    /// It signs with a key of its own (RFC 7523).
    Keys(KeySet),
}

/// Somebody else whose access tokens are believed.
#[derive(Clone, Debug, PartialEq)]
pub struct Issuer {
    /// `iss`, compared exactly.
    pub issuer: String,
    /// One of these must be in `aud`.
    pub audience: Vec<String>,
    /// `None`: where the issuer's metadata says.
    pub jwks: Option<KeySet>,
    /// What its tokens may be signed with.
    pub algorithms: Vec<Algorithm>,
    /// The claim that is `user.id`.
    pub user: String,
    /// The claim that lists the scopes. `None`: its tokens carry none, and what they may is
    /// decided by rules alone.
    pub scopes: Option<String>,
    /// `user.NAME`, and the claim it is read from.
    pub claims: Vec<(String, String)>,
}

/// Where people have an account already.
#[derive(Clone, Debug, PartialEq)]
pub struct Provider {
    /// In paths: `google`.
    pub name: String,
    /// `Google`, on the button.
    pub title: String,
    pub kind: ProviderKind,
    pub client_id: Setting,
    /// `None` where it knows the app by PKCE alone.
    pub client_secret: Option<SecretName>,
    pub scopes: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProviderKind {
    /// OpenID Connect: the rest is in its metadata.
    OpenId { issuer: String },
    /// OAuth alone: who it was is asked at `userinfo`.
    OAuth {
        authorize: String,
        token: String,
        userinfo: String,
        /// The member of the answer that names the account, and never changes.
        subject: String,
        /// The member that holds the address.
        email: String,
    },
}

/// A program that is known by its certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    pub name: String,
    pub certificate: Certificate,
    pub scopes: Vec<String>,
    /// `user.NAME` of it.
    pub claims: Vec<(String, String)>,
    pub audience: Audience,
}

/// What a certificate must say, besides being signed by an authority that is trusted for it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Certificate {
    /// A DNS name or URI among its subject alternative names, compared exactly.
    San(String),
    /// Its subject's distinguished name (RFC 4514).
    Subject(String),
}

impl Default for Auth {
    /// What a contract without `auth:` says.
    fn default() -> Auth {
        Auth {
            users: None,
            password: Some(Password::default()),
            tokens: Tokens::default(),
            sessions: Sessions::default(),
            mail: None,
            theme: Theme::default(),
            api_keys: true,
            basic: BasicFor::default(),
            scopes: vec![],
            schemes: vec!["bearer".to_owned()],
            clients: vec![],
            issuers: vec![],
            providers: vec![],
            services: vec![],
        }
    }
}

impl Auth {
    pub fn client(&self, id: &str) -> Option<&Client> {
        self.clients.iter().find(|client| client.id == id)
    }

    pub fn provider(&self, name: &str) -> Option<&Provider> {
        self.providers.iter().find(|provider| provider.name == name)
    }

    /// The contract's words for a scope.
    pub fn scope_text(&self, scope: &str) -> Option<&str> {
        let (_, text) = self.scopes.iter().find(|(known, _)| known == scope)?;
        Some(text)
    }

    /// Every secret the contract names, each once, in order.
    pub fn secrets(&self) -> Vec<&SecretName> {
        let clients = self
            .clients
            .iter()
            .filter_map(|client| match &client.proof {
                ClientProof::Secret(name) => Some(name),
                ClientProof::Public | ClientProof::Keys(_) => None,
            });
        let providers = self.providers.iter().flat_map(|provider| {
            let id = match &provider.client_id {
                Setting::Named(name) => Some(name),
                Setting::Written(_) => None,
            };
            provider.client_secret.iter().chain(id)
        });
        let mut all: Vec<&SecretName> = clients.chain(providers).collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}

/// What is wrong with a claim that somebody is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClaimProblem {
    /// People have no such field, or none that rules can read. With those that they can.
    Unknown(Vec<String>),
    /// It is no value of the field, for this reason.
    Unfit(String),
}

impl Model {
    /// Whether rules could read a claim that a key, a test or a certificate gives somebody: with
    /// `users` it is a value of a field of the person's record, `id` included. `name` is as after
    /// `user.`, `text` as it would stand in a URL.
    pub fn check_claim(&self, name: &str, text: &str) -> Result<(), ClaimProblem> {
        let Some(people) = self.users() else {
            return Ok(());
        };
        let known = || people.fields.iter().filter(|field| field.can_be_claim());
        let Some(field) = known().find(|field| field.name == name) else {
            let names = known().map(|field| field.name.clone());
            return Err(ClaimProblem::Unknown(names.collect()));
        };
        match value::text::parse(&field.shape.ty, text) {
            Ok(_) => Ok(()),
            Err(mismatch) => Err(ClaimProblem::Unfit(mismatch.detail)),
        }
    }
}
