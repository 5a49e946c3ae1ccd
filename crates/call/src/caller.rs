//! Who asks.

use std::sync::Arc;

use expr::ir::Claim;
use model::Audience;

/// The caller of a request, as a credential proved it.
#[derive(Clone, Debug, PartialEq)]
pub struct Caller {
    pub kind: CallerKind,
    /// `user.id` in rules.
    pub user_id: Option<String>,
    /// `user.NAME` in rules, by name.
    pub claims: Vec<(String, String)>,
    /// Scopes of the credential, sorted.
    pub scopes: Vec<String>,
    pub audience: Audience,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallerKind {
    /// No credential.
    Guest,
    /// An API key, by its public id.
    Key { id: String },
    /// An administrator's key: rules and scopes do not apply, validation does.
    Operator { id: String },
}

impl Caller {
    pub fn guest() -> Self {
        Caller {
            kind: CallerKind::Guest,
            user_id: None,
            claims: Vec::new(),
            scopes: Vec::new(),
            audience: Audience::Public,
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
        self.scopes.iter().any(|held| held == scope)
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

    /// How the feed and the log name the caller. Never a secret.
    pub fn label(&self) -> String {
        match &self.kind {
            CallerKind::Guest => "guest".to_owned(),
            CallerKind::Key { id } => ["key:", id].concat(),
            CallerKind::Operator { id } => ["operator:", id].concat(),
        }
    }
}

pub type BoxFuture<'a, T> = std::pin::Pin<Box<dyn std::future::Future<Output = T> + Send + 'a>>;

/// Turns a credential into a caller. Implemented by identity, asked by every door.
pub trait Authenticate: Send + Sync {
    /// `credential` is what follows `Bearer ` (or the style's equivalent). An unknown,
    /// malformed or revoked one is [`Code::Unauthenticated`](crate::Code::Unauthenticated).
    fn authenticate<'a>(
        &'a self,
        credential: &'a str,
    ) -> BoxFuture<'a, Result<Arc<Caller>, crate::Failure>>;
}
