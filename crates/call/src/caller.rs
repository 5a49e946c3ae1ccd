//! Who asks.

use std::sync::Arc;

use expr::ir::Claim;
use model::Audience;
use value::Timestamp;

/// The caller of a request, as a credential proved it.
#[derive(Clone, Debug, PartialEq)]
pub struct Caller {
    pub kind: CallerKind,
    /// `user.id` in rules.
    pub user_id: Option<String>,
    /// `user.NAME` in rules, by name.
    pub claims: Vec<(String, String)>,
    /// What the credential carries.
    pub scopes: Scopes,
    pub audience: Audience,
    pub proof: Proof,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallerKind {
    /// No credential.
    Guest,
    /// An API key, by its public id.
    Key { id: String },
    /// An administrator's key: rules and scopes do not apply, validation does.
    Operator { id: String },
    /// A person who has signed in, by the id of their record.
    User { id: String },
    /// An app that acts for itself (RFC 6749 §4.4), by its id.
    Client { id: String },
    /// A service that is known by its certificate, by its name in the contract.
    Service { name: String },
}

/// How far a credential carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scopes {
    /// As far as the caller may go: people who signed in themselves, with no app in between.
    All,
    /// These alone, sorted.
    Only(Vec<String>),
}

/// How and when a caller proved who they are; empty where that is not known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proof {
    /// When the person last proved who they are (`auth_time`).
    pub authenticated_at: Option<Timestamp>,
    /// How, in the words of RFC 8176 (`amr`).
    pub methods: Vec<String>,
    /// The app in between.
    pub client: Option<String>,
    /// The session, or the family of tokens, that this belongs to.
    pub session: Option<String>,
    /// The token itself (`jti`).
    pub token: Option<String>,
    /// Until when it is good.
    pub expires_at: Option<Timestamp>,
}

impl Scopes {
    pub fn none() -> Scopes {
        Scopes::Only(vec![])
    }

    pub fn contains(&self, scope: &str) -> bool {
        match self {
            Scopes::All => true,
            Scopes::Only(held) => held.iter().any(|held| held == scope),
        }
    }
}

impl Caller {
    pub fn guest() -> Self {
        Caller {
            kind: CallerKind::Guest,
            user_id: None,
            claims: Vec::new(),
            scopes: Scopes::none(),
            audience: Audience::Public,
            proof: Proof::default(),
        }
    }

    /// Somebody of the house, for whom rules and scopes do not apply: an administrator, or a part
    /// of the server itself, by its name.
    pub fn operator(id: impl Into<String>) -> Self {
        Caller {
            kind: CallerKind::Operator { id: id.into() },
            audience: Audience::Private,
            ..Caller::guest()
        }
    }

    pub fn is_guest(&self) -> bool {
        self.kind == CallerKind::Guest
    }

    pub fn is_operator(&self) -> bool {
        matches!(self.kind, CallerKind::Operator { .. })
    }

    /// An operator is served everything there is.
    pub fn served_audience(&self) -> Audience {
        if self.is_operator() {
            Audience::Private
        } else {
            self.audience
        }
    }

    /// The same caller where more is served than a credential gives: what is for this audience
    /// is there too, as far as rules and scopes allow.
    pub fn reaching(self: Arc<Self>, audience: Audience) -> Arc<Caller> {
        if self.audience >= audience {
            return self;
        }
        Arc::new(Caller {
            audience,
            ..Caller::clone(&self)
        })
    }

    pub fn has_scope(&self, scope: &str) -> bool {
        self.scopes.contains(scope)
    }

    pub fn claim(&self, claim: &Claim) -> Option<&str> {
        match claim {
            Claim::Id => self.user_id.as_deref(),
            Claim::Named(name) => {
                let (_, value) = self.claims.iter().find(|(held, _)| **held == **name)?;
                Some(value)
            }
        }
    }

    /// Which credential it is, or whose, where there is no user: what limits and the log tell
    /// callers apart by. None for guests.
    pub fn principal(&self) -> Option<&str> {
        match &self.kind {
            CallerKind::Guest => None,
            CallerKind::Key { id }
            | CallerKind::Operator { id }
            | CallerKind::User { id }
            | CallerKind::Client { id } => Some(id),
            CallerKind::Service { name } => Some(name),
        }
    }

    /// How the feed and the log name the caller. Never a secret.
    pub fn label(&self) -> String {
        match &self.kind {
            CallerKind::Guest => "guest".to_owned(),
            CallerKind::Key { id } => ["key:", id].concat(),
            CallerKind::Operator { id } => ["operator:", id].concat(),
            CallerKind::User { id } => ["user:", id].concat(),
            CallerKind::Client { id } => ["client:", id].concat(),
            CallerKind::Service { name } => ["service:", name].concat(),
        }
    }
}
