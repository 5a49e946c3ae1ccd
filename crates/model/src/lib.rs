//! The compiled, immutable contract.
//!
//! A [`Model`] is made once by `contract` and then only read: by the store for its tables,
//! by the engine for its rules, by the doors for their names, by `surface` for its documents.
//! Whatever is in it has been checked; nobody below re-checks. It knows no YAML, no SQL, no
//! HTTP, and holds no state.

pub mod access;
pub mod auth;
pub mod field;
pub mod names;
pub mod place;
pub mod resource;
mod spelling;

use std::sync::Arc;

use value::ResourceId;

pub use access::{Access, Action, Audience, Check, Rule};
pub use auth::{
    Algorithm, Auth, BasicFor, Certificate, ClaimProblem, Client, ClientProof, Issuer, KeySet,
    Mailbox, Password, Provider, ProviderKind, SecretName, Service, Sessions, Setting, SignUp,
    Theme, Tokens, Users,
};
pub use field::{
    Constraints, Deprecated, Field, FieldKind, Pattern, Shape, SystemField, TextFormat,
};
pub use resource::{Concurrency, Differs, Idempotency, ListRelation, ListStyle, Resource, Within};

/// One contract, compiled.
#[derive(Debug)]
pub struct Model {
    /// `name:` of the contract, a slug.
    pub name: String,
    /// For people: `title:`, or the name in title case.
    pub title: String,
    pub description: Option<String>,
    /// `base:` without a trailing slash: `/v1`, or empty for an unversioned API.
    pub base: String,
    /// Indexed by [`ResourceId`].
    pub resources: Vec<Resource>,
    /// Rules of the whole contract, by name.
    pub rules: Vec<Arc<expr::ir::RuleDef>>,
    /// Named object types, in the order of the file.
    pub types: Vec<Arc<value::ObjectType>>,
    /// Shapes of the members of the named types, parallel to `types`.
    pub type_members: Vec<Arc<Vec<Shape>>>,
    pub errors: Vec<DeclaredError>,
    pub limits: Vec<Limit>,
    /// Allowed browser origins; empty means CORS is off.
    pub cors: Vec<String>,
    pub docs: DocsAccess,
    pub auth: Auth,
    pub tests: Vec<AccessTest>,
}

/// A problem that operations may answer (`errors:`).
#[derive(Clone, Debug, PartialEq)]
pub struct DeclaredError {
    pub code: String,
    pub status: u16,
    pub title: String,
}

/// A rate limit (`limits:`).
#[derive(Clone, Debug, PartialEq)]
pub struct Limit {
    pub name: String,
    pub by: LimitBy,
    /// So many requests per window…
    pub allow: u32,
    pub window_seconds: u32,
    /// … and so many at once; as many as are allowed, unless said.
    pub burst: Option<u32>,
}

impl Limit {
    /// Applies to whoever has no credential.
    pub const GUESTS: &str = "guests";
    /// Applies to everybody else, and to guests where they have no limit of their own.
    pub const DEFAULT: &str = "default";
}

/// Who shares one count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitBy {
    Ip,
    User,
    Key,
    Everyone,
}

/// `docs:`: who sees the documents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DocsAccess {
    #[default]
    Public,
    SignedIn,
    Off,
}

/// One entry of `tests:`: as this caller, this action on this record is allowed or refused.
#[derive(Clone, Debug, PartialEq)]
pub struct AccessTest {
    pub name: Option<String>,
    pub resource: ResourceId,
    /// `None` is a guest.
    pub caller: Option<TestCaller>,
    pub action: Action,
    /// The record acted on (as stored), by field name; absent members take defaults.
    pub record: serde_json::Map<String, serde_json::Value>,
    /// What the request would change (create, update).
    pub input: serde_json::Map<String, serde_json::Value>,
    pub expect: Expectation,
    /// Line of the entry in its file, for messages.
    pub file: String,
    pub line: u32,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct TestCaller {
    pub id: Option<String>,
    pub claims: Vec<(String, String)>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Expectation {
    Allowed,
    /// The read rule hides the record: 404.
    Hidden,
    /// Refused, by this rule if named.
    Refused {
        rule: Option<String>,
    },
}

impl Model {
    pub fn resource(&self, id: ResourceId) -> &Resource {
        &self.resources[usize::from(id.0)]
    }

    pub fn resource_named(&self, name: &str) -> Option<&Resource> {
        self.resources.iter().find(|resource| resource.name == name)
    }

    /// The resource whose records are people, if there is one.
    pub fn users(&self) -> Option<&Resource> {
        let users = self.auth.users.as_ref()?;
        Some(self.resource(users.resource))
    }

    /// Every scope that a credential can have, in order: `books.read`, `books.write`.
    pub fn scopes(&self) -> Vec<String> {
        let mut all: Vec<String> = self
            .resources
            .iter()
            .flat_map(|resource| {
                [
                    format!("{}.read", resource.scope),
                    format!("{}.write", resource.scope),
                ]
            })
            .collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    pub fn limit(&self, name: &str) -> Option<&Limit> {
        self.limits.iter().find(|limit| limit.name == name)
    }

    /// Whether anybody's requests for a resource are counted.
    pub fn is_limited(&self, resource: &Resource) -> bool {
        let reserved = [Limit::GUESTS, Limit::DEFAULT];
        resource.limit.is_some() || reserved.iter().any(|name| self.limit(name).is_some())
    }
}
