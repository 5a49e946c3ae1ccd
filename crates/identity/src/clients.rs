//! Apps that may ask for access (RFC 6749 §2): those of the contract, and those that were
//! registered beside it.
//!
//! A registered app's secret is 256 random bits, shown once and kept as a hash; it may have
//! several, so that a new one can be put in place before the old one ends. A contract's app has
//! the secret that its name stands for. Knows no protocol: how a secret was sent, and what an app
//! asks for, is for who calls.

mod registered;
mod uris;

use std::sync::Arc;
use std::time::Duration;

use call::Failure;
use model::{Auth, ClientProof, KeySet, Model, SecretName};
use sha2::{Digest, Sha256};
use store::driver::{Driver, StoreError};
use store::people::CLIENTS;
use store::table::{self, Order, Set, Test};
use subtle::ConstantTimeEq;
use value::{Timestamp, Value};
use vault::Secrets;
use zeroize::Zeroizing;

use crate::random::{self, Unguessable};
use crate::tokens::FIRST_PARTY;

pub use registered::{KeptSecret, NewClient, NewProof, Registered};
pub use uris::{is_loopback, is_native, origin_of};

/// Scopes of OpenID Connect (Core §5.4, §11), which any app of an API with people may have.
pub const OPENID: [&str; 4] = ["openid", "profile", "email", "offline_access"];
/// Apps that are registered beside the contract's.
pub const REGISTERED_MAX: u32 = 10_000;
/// Secrets an app has at once: one in use, one that replaces it, one that was forgotten.
pub const SECRETS_MAX: usize = 3;

/// Begins every secret, so that scanners know one when they see it.
const SECRET_PREFIX: &str = "fds_";
const PURPOSE: &str = "client_secret";

/// An app, wherever it was made known.
#[derive(Clone, Debug, PartialEq)]
pub struct Client {
    pub id: String,
    /// For the people who are asked.
    pub title: String,
    pub proof: Proof,
    pub redirect_uris: Vec<String>,
    pub scopes: Vec<String>,
    pub post_logout_redirect_uris: Vec<String>,
    pub backchannel_logout_uri: Option<String>,
    /// RFC 8628.
    pub device: bool,
    /// People are not asked whether it may.
    pub trusted: bool,
}

/// How an app proves that it is the one.
#[derive(Clone, Debug, PartialEq)]
pub enum Proof {
    /// It cannot.
    Public,
    /// By the secret of this name.
    Named(SecretName),
    /// By one of the secrets that these are kept of.
    Secrets(Vec<KeptSecret>),
    /// By a signature (RFC 7523).
    Keys(KeySet),
    /// By the certificate of its connection (RFC 8705 §2).
    Certificate(CertificateProof),
}

/// What the certificate of an app must be.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CertificateProof {
    /// Its distinguished name (RFC 4514), from an authority that is trusted for it.
    Subject(String),
    /// One of its alternative names.
    San(String),
    /// Itself: the SHA-256 of its DER form in base64url, as in `x5t#S256`.
    Thumbprint(String),
}

impl Client {
    /// Whether it cannot prove who it is.
    pub fn is_public(&self) -> bool {
        self.proof == Proof::Public
    }

    /// Whether people may be sent back there: an address as it was registered, to the letter. Of
    /// one on the person's own machine the port may be any (RFC 8252 §7.3).
    pub fn accepts_redirect(&self, uri: &str) -> bool {
        let mut known = self.redirect_uris.iter();
        known.any(|known| known == uri || uris::is_same_loopback(known, uri))
    }

    pub fn accepts_post_logout(&self, uri: &str) -> bool {
        let mut known = self.post_logout_redirect_uris.iter();
        known.any(|known| known == uri)
    }

    /// Whether it may ask for this.
    pub fn may_have(&self, scope: &str) -> bool {
        self.scopes.iter().any(|held| held == scope)
    }

    /// Whether it runs on people's own devices (RFC 8252): it comes back to an address there.
    pub fn is_native(&self) -> bool {
        self.is_public() && self.redirect_uris.iter().any(|uri| is_native(uri))
    }
}

impl From<&model::Client> for Client {
    fn from(client: &model::Client) -> Client {
        Client {
            id: client.id.clone(),
            title: client.title.clone(),
            proof: match &client.proof {
                ClientProof::Public => Proof::Public,
                ClientProof::Secret(name) => Proof::Named(name.clone()),
                ClientProof::Keys(keys) => Proof::Keys(keys.clone()),
            },
            redirect_uris: client.redirect_uris.clone(),
            scopes: client.scopes.clone(),
            post_logout_redirect_uris: client.post_logout_redirect_uris.clone(),
            backchannel_logout_uri: client.backchannel_logout_uri.clone(),
            device: client.device,
            trusted: client.trusted,
        }
    }
}

/// The secret of an app, to be shown once. Its `Debug` shows nothing.
#[derive(Clone)]
pub struct ClientSecret(Zeroizing<String>);

impl ClientSecret {
    fn generate() -> Result<ClientSecret, ClientError> {
        let random = Unguessable::generate().map_err(|_| ClientError::NoRandomness)?;
        let text = [SECRET_PREFIX, random.reveal()].concat();
        Ok(ClientSecret(Zeroizing::new(text)))
    }

    pub fn reveal(&self) -> &str {
        &self.0
    }

    fn hash(&self) -> String {
        random::hash_for(PURPOSE, &self.0)
    }
}

impl std::fmt::Debug for ClientSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ClientSecret")
    }
}

/// Why apps could not be registered, listed or changed.
#[derive(Debug)]
pub enum ClientError {
    /// What was wrong with the wish, in a sentence.
    Invalid(String),
    /// There is no such app beside the contract's, or it is disabled already.
    Unknown,
    /// It has no secret to be replaced.
    NoSecret,
    NoRandomness,
    Store(StoreError),
}

impl std::fmt::Display for ClientError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ClientError::Invalid(why) => f.write_str(why),
            ClientError::Unknown => f.write_str(
                "there is no such registered app, or it is disabled already; those of the contract are changed there",
            ),
            ClientError::NoSecret => {
                f.write_str("the app proves who it is by other means than a secret")
            }
            ClientError::NoRandomness => f.write_str("the operating system gave no random bytes"),
            ClientError::Store(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ClientError {}

impl From<StoreError> for ClientError {
    fn from(error: StoreError) -> Self {
        ClientError::Store(error)
    }
}

/// The apps of a contract and of a database.
pub struct Clients {
    driver: Arc<dyn Driver>,
    secrets: Secrets,
}

impl Clients {
    pub fn new(driver: Arc<dyn Driver>, secrets: Secrets) -> Clients {
        Clients { driver, secrets }
    }

    /// The app of this id, if it is not disabled.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn find(&self, auth: &Auth, id: &str) -> Result<Option<Client>, Failure> {
        // What people hold without an app in between is nobody's to ask for.
        if id == FIRST_PARTY {
            return Ok(None);
        }
        if let Some(client) = auth.client(id) {
            return Ok(Some(client.into()));
        }
        if !id.starts_with(registered::PREFIX) {
            return Ok(None);
        }
        let found = self.registered(id).await;
        let found = found.map_err(|error| crate::trouble(&error))?;
        Ok(found
            .filter(|registered| registered.disabled_at.is_none())
            .map(|registered| registered.client))
    }

    /// Whether this is a secret of the app. Takes as long for any other text.
    ///
    /// # Errors
    /// When that cannot be told.
    pub async fn knows_secret(
        &self,
        client: &Client,
        shown: &str,
        now: Timestamp,
    ) -> Result<bool, Failure> {
        match &client.proof {
            Proof::Named(name) => {
                let secret = self.secrets.resolve(name.as_str()).await;
                let secret = secret.map_err(Failure::internal)?;
                let Some(secret) = secret else {
                    return Err(Failure::internal(format!("there is no secret {name}")));
                };
                let digest = |text: &str| Sha256::digest(text.as_bytes());
                Ok(digest(secret.reveal()).ct_eq(&digest(shown)).into())
            }
            Proof::Secrets(kept) => {
                let hash = random::hash_for(PURPOSE, shown);
                let is_it = |secret: &KeptSecret| {
                    let alike: bool = secret.hash.as_bytes().ct_eq(hash.as_bytes()).into();
                    alike && secret.until.is_none_or(|until| until > now.0)
                };
                // All of them, so that nothing tells which one it was.
                Ok(kept.iter().filter(|secret| is_it(secret)).count() > 0)
            }
            Proof::Public | Proof::Keys(_) | Proof::Certificate(_) => Ok(false),
        }
    }

    /// Registers an app. Its secret, if it has one, is given out here and never again.
    ///
    /// # Errors
    /// When the wish is not sensible or the database cannot keep it.
    pub async fn create(
        &self,
        wish: NewClient,
        model: &Model,
        now: Timestamp,
    ) -> Result<(Registered, Option<ClientSecret>), ClientError> {
        wish.check(model)?;
        let secret = match wish.proof {
            registered::NewProof::Secret => Some(ClientSecret::generate()?),
            _ => None,
        };
        let kept = secret.iter().map(|secret| KeptSecret::new(secret, now));
        let registered = wish.registered(kept.collect(), now);
        let insert = CLIENTS.insert(self.driver.dialect());
        store::execute(&*self.driver, vec![(insert, registered.row()?)]).await?;
        Ok((registered, secret))
    }

    /// The apps that were registered, the newest first, disabled ones too.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn list(&self) -> Result<Vec<Registered>, StoreError> {
        let order = Order::Descending("created_at");
        let list = CLIENTS.list(self.driver.dialect(), &[], order, REGISTERED_MAX);
        let rows = self
            .driver
            .query(&list.statement, &list.bind_args(&[]))
            .await?;
        CLIENTS
            .rows(&rows)
            .map(|row| Registered::read(&row))
            .collect()
    }

    /// A registered app, also when it is disabled.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn registered(&self, id: &str) -> Result<Option<Registered>, StoreError> {
        let find = CLIENTS.find(self.driver.dialect(), &[Test::Is("id")]);
        let parameters = find.bind_args(&[Value::Text(id.to_owned())]);
        let rows = self.driver.query(&find.statement, &parameters).await?;
        CLIENTS
            .rows(&rows)
            .next()
            .map(|row| Registered::read(&row))
            .transpose()
    }

    /// Gives an app another secret. The ones it has are good for so long still.
    ///
    /// # Errors
    /// When there is no such app, or it has no secret.
    pub async fn rotate(
        &self,
        id: &str,
        old_last: Duration,
        now: Timestamp,
    ) -> Result<ClientSecret, ClientError> {
        let secret = ClientSecret::generate()?;
        let (id, new) = (id.to_owned(), KeptSecret::new(&secret, now));
        let lasts = i64::try_from(old_last.as_millis()).unwrap_or(i64::MAX);
        let until = now.0.saturating_add(lasts);
        let dialect = self.driver.dialect();
        let rotated = store::transact(&*self.driver, move |tx| {
            let (id, new) = (id.clone(), new.clone());
            Box::pin(async move {
                let find = CLIENTS.find(dialect, &[Test::Is("id"), Test::IsNull("disabled_at")]);
                let key = [Value::Text(id.clone())];
                let rows = tx.query(&find.statement, &find.bind_args(&key)).await?;
                let Some(row) = CLIENTS.rows(&rows).next() else {
                    return Ok(Err(ClientError::Unknown));
                };
                let Proof::Secrets(kept) = Registered::read(&row)?.client.proof else {
                    return Ok(Err(ClientError::NoSecret));
                };
                let kept = registered::rotated(kept, new, until, now);
                let set = CLIENTS.update(dialect, &[Set::To("secrets")], &[Test::Is("id")]);
                let arguments = [table::json(&kept)?, Value::Text(id)];
                tx.execute(&set.statement, &set.bind_args(&arguments))
                    .await?;
                Ok(Ok(()))
            })
        });
        rotated.await??;
        Ok(secret)
    }

    /// Lets an app ask for nothing any more. What it was given before is ended with
    /// [`crate::families::Families::end`] and [`crate::denied::What::Grant`].
    ///
    /// # Errors
    /// [`ClientError::Unknown`] when there is nothing to disable.
    pub async fn disable(&self, id: &str, now: Timestamp) -> Result<(), ClientError> {
        let tests = [Test::Is("id"), Test::IsNull("disabled_at")];
        let disable = CLIENTS.update(self.driver.dialect(), &[Set::To("disabled_at")], &tests);
        let arguments = vec![Value::Timestamp(now), Value::Text(id.to_owned())];
        match store::execute(&*self.driver, vec![(disable, arguments)]).await? {
            0 => Err(ClientError::Unknown),
            _ => Ok(()),
        }
    }
}
