//! From what a request shows to who is calling: each kind of credential to those who know it.
//!
//! What a person may do follows from their record ([`Users`]), never from what a token says, so
//! that a record that changes is believed at once.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use call::{
    Authenticate, BoxFuture, Caller, CallerKind, ChallengeError, Code, Credential, Failure,
    Presented, Proof, Scopes, Unproven,
};
use model::{BasicFor, Service};
use value::Timestamp;

use crate::dpop::{self, Dpop, For};
use crate::keys::Keys;
use crate::secret;
use crate::sessions::Sessions;
use crate::tokens::{Access, Binding, Refused, Tokens};
use crate::users::Users;

/// Everybody who can say who somebody is.
pub struct Identity {
    pub keys: Arc<Keys>,
    pub basic: BasicFor,
    /// Programs that are known by their certificates.
    pub services: Vec<Service>,
    /// Where people or apps sign in here.
    pub issued: Option<Issued>,
}

/// What is needed to know what was issued here.
pub struct Issued {
    pub tokens: Arc<Tokens>,
    pub dpop: Arc<Dpop>,
    /// Where there are people.
    pub people: Option<Persons>,
    /// Where this API is reached, without a path: what proofs of possession name.
    pub origin: String,
}

/// People who are signed in.
pub struct Persons {
    pub users: Arc<Users>,
    pub sessions: Arc<Sessions>,
    /// How long a session may lie unused.
    pub idle: Duration,
}

impl Identity {
    async fn who(&self, presented: &Presented<'_>) -> Result<Arc<Caller>, Unproven> {
        if !presented.secure && presented.credential != Credential::None {
            return Err(Failure::in_the_clear().into());
        }
        match presented.credential {
            Credential::None => Ok(self.service(presented)),
            Credential::Bearer(text) if text.starts_with(secret::PREFIX) => self.key(text).await,
            // What is asked for often stands above; the others' futures are kept apart.
            Credential::Bearer(text) => Box::pin(self.token(text, presented, false)).await,
            Credential::Dpop(text) => Box::pin(self.token(text, presented, true)).await,
            Credential::Basic { user, password } => {
                Box::pin(self.name_and_password(user, password)).await
            }
            Credential::Session(text) => Box::pin(self.session(text)).await,
        }
    }

    async fn key(&self, text: &str) -> Result<Arc<Caller>, Unproven> {
        self.keys.verify(text).await.map_err(of_credential)
    }

    /// RFC 7617: a key as the name, as tools that know only names and passwords send it, or its id
    /// and itself.
    async fn name_and_password(&self, user: &str, password: &str) -> Result<Arc<Caller>, Unproven> {
        if self.basic == BasicFor::Nobody {
            return Err(Unproven::invalid("Basic is not accepted here"));
        }
        if user.starts_with(secret::PREFIX) && password.is_empty() {
            return self.key(user).await;
        }
        let whose = secret::KeyText::parse(password).map(|text| text.id());
        if whose.as_deref() == Some(user) {
            return self.key(password).await;
        }
        Err(Unproven::invalid(
            "Basic takes the id of a key and the key, or the key alone as the name",
        ))
    }

    /// Who is known by a certificate alone; a guest if nobody is.
    fn service(&self, presented: &Presented<'_>) -> Arc<Caller> {
        let known = presented.certificate.and_then(|shown| {
            let services = self.services.iter();
            services
                .into_iter()
                .find(|service| match &service.certificate {
                    model::Certificate::San(name) => shown.names.iter().any(|held| held == name),
                    model::Certificate::Subject(subject) => shown.subject == subject,
                })
        });
        let Some(service) = known else {
            return Arc::new(Caller::guest());
        };
        let mut scopes = service.scopes.clone();
        scopes.sort();
        Arc::new(Caller {
            kind: CallerKind::Service {
                name: service.name.clone(),
            },
            user_id: None,
            claims: service.claims.clone(),
            scopes: Scopes::Only(scopes),
            audience: service.audience,
            proof: Proof::default(),
        })
    }

    async fn token(
        &self,
        text: &str,
        presented: &Presented<'_>,
        with_proof: bool,
    ) -> Result<Arc<Caller>, Unproven> {
        let Some(issued) = &self.issued else {
            return Err(Unproven::invalid(
                "this is no API key, and tokens are not issued here",
            ));
        };
        let now = Timestamp::from(SystemTime::now());
        let proved = issued.proved(text, presented, with_proof, now)?;
        let verified = issued.tokens.verify(text, now).await;
        let access = verified.map_err(refused_as)?;
        let bound_to_key = access
            .binding
            .as_ref()
            .is_some_and(|bound| bound.jkt.is_some());
        if bound_to_key != with_proof {
            let detail = match bound_to_key {
                true => "the token is bound to a key: send it as `DPoP` with a proof",
                false => "the token is bound to no key: send it as `Bearer`",
            };
            return Err(Unproven::invalid(detail));
        }
        if access
            .binding
            .as_ref()
            .is_some_and(|bound| !bound.is_met_by(&proved))
        {
            return Err(Unproven::invalid(Refused::Binding.sentence()));
        }
        issued.caller(&access).await
    }

    async fn session(&self, text: &str) -> Result<Arc<Caller>, Unproven> {
        let over = || Unproven::invalid("the session is over; sign in again");
        let persons = self
            .issued
            .as_ref()
            .and_then(|issued| issued.people.as_ref());
        let persons = persons.ok_or_else(over)?;
        let now = Timestamp::from(SystemTime::now());
        let found = persons.sessions.find(text, persons.idle, now).await?;
        let session = found.ok_or_else(over)?;
        let claims = persons
            .users
            .claims(&session.user)
            .await?
            .ok_or_else(over)?;
        Ok(Arc::new(Caller {
            kind: CallerKind::User {
                id: session.user.clone(),
            },
            user_id: Some(session.user.clone()),
            claims: claims.to_vec(),
            scopes: Scopes::All,
            audience: model::Audience::Public,
            proof: Proof {
                authenticated_at: Some(session.authenticated_at),
                methods: session.methods.clone(),
                client: None,
                session: Some(session.id.clone()),
                token: None,
                expires_at: Some(session.expires_at),
            },
        }))
    }
}

impl Issued {
    /// What was proved to be held along with a request.
    fn proved(
        &self,
        token: &str,
        presented: &Presented<'_>,
        with_proof: bool,
        now: Timestamp,
    ) -> Result<Binding, Unproven> {
        let shown = presented.certificate.map(|shown| shown.thumbprint);
        let mut proved = Binding {
            jkt: None,
            certificate: shown.map(dpop::certificate_thumbprint),
        };
        if with_proof {
            let unproven = |detail: &str| Unproven {
                error: ChallengeError::InvalidDpopProof,
                ..Unproven::invalid(detail)
            };
            let proof = presented
                .dpop
                .ok_or_else(|| unproven("a proof of possession is missing: send it in `DPoP`"))?;
            let url = format!("{}{}", self.origin, presented.path);
            let wanted = For {
                method: presented.method,
                url: &url,
                token: Some(token),
                nonce: false,
            };
            let verified = self.dpop.verify(proof, wanted, now);
            proved.jkt = Some(
                verified
                    .map_err(|refused| unproven(refused.sentence()))?
                    .jkt,
            );
        }
        Ok(proved)
    }

    async fn caller(&self, access: &Access) -> Result<Arc<Caller>, Unproven> {
        let scopes = match access.scopes() {
            None if access.is_first_party() => Scopes::All,
            None => Scopes::none(),
            Some(mut scopes) => {
                scopes.sort();
                Scopes::Only(scopes)
            }
        };
        let proof = Proof {
            authenticated_at: access.authenticated_at(),
            methods: access.methods.clone(),
            client: (!access.is_first_party()).then(|| access.client.clone()),
            session: access.family.clone(),
            token: Some(access.id.clone()),
            expires_at: Some(access.expires_at()),
        };
        let mut caller = Caller {
            kind: CallerKind::Client {
                id: access.client.clone(),
            },
            scopes,
            proof,
            ..Caller::guest()
        };
        // RFC 9068 §2.2: an app that acts for nobody is its own subject.
        if access.subject != access.client {
            let gone = || Unproven::invalid("the account of this token is gone");
            let persons = self.people.as_ref().ok_or_else(gone)?;
            let claims = persons
                .users
                .claims(&access.subject)
                .await?
                .ok_or_else(gone)?;
            caller.kind = CallerKind::User {
                id: access.subject.clone(),
            };
            caller.user_id = Some(access.subject.clone());
            caller.claims = claims.to_vec();
        }
        Ok(Arc::new(caller))
    }
}

/// Only what says that nobody is known is the credential's fault.
fn of_credential(failure: Failure) -> Unproven {
    match failure.code {
        Code::Unauthenticated => Unproven::invalid(failure.detail),
        _ => failure.into(),
    }
}

fn refused_as(refused: Refused) -> Unproven {
    match refused {
        Refused::Unknowable => Failure {
            retry_after_seconds: Some(1),
            ..Failure::new(Code::Unavailable, refused.sentence())
        }
        .into(),
        refused => Unproven::invalid(refused.sentence()),
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
