//! From what a request shows to who is calling: each kind of credential to those who know it.

use std::sync::Arc;

use call::{Authenticate, BoxFuture, Caller, Code, Credential, Failure, Presented, Unproven};

use crate::keys::Keys;

/// Everybody who can say who somebody is.
pub struct Identity {
    keys: Arc<Keys>,
}

impl Identity {
    pub fn new(keys: Arc<Keys>) -> Identity {
        Identity { keys }
    }

    async fn who(&self, presented: &Presented<'_>) -> Result<Arc<Caller>, Unproven> {
        if !presented.secure && presented.credential != Credential::None {
            return Err(Failure::in_the_clear().into());
        }
        match presented.credential {
            Credential::None => Ok(Arc::new(Caller::guest())),
            Credential::Bearer(text) => self.keys.verify(text).await.map_err(of_credential),
            Credential::Dpop(_) | Credential::Basic { .. } | Credential::Session(_) => Err(
                Unproven::invalid("this kind of credential is not accepted here"),
            ),
        }
    }
}

/// Only what says that nobody is known is the credential's fault.
fn of_credential(failure: Failure) -> Unproven {
    match failure.code {
        Code::Unauthenticated => Unproven::invalid(failure.detail),
        _ => failure.into(),
    }
}

impl Authenticate for Identity {
    fn authenticate<'a>(
        &'a self,
        presented: &'a Presented<'a>,
    ) -> BoxFuture<'a, Result<Arc<Caller>, Unproven>> {
        Box::pin(self.who(presented))
    }
}
