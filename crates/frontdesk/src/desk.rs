//! Who signs in here: what identity and people need, put together.
//!
//! ```text
//!   Registry   what stays when the contract changes: who is denied, sessions, guesses, hashing
//!   Desk       what follows from one contract: keys that sign, tokens, families, people
//! ```
//!
//! Composes; decides nothing.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use accounts::pages::Logo;
use audit::{Action, Actor, Audit, Entry};
use doorway::{Accepted, Credentials};
use engine::Engine;
use http::HeaderValue;
use identity::clients::Clients;
use identity::denied::Denied;
use identity::dpop::Dpop;
use identity::families::{self, Families};
use identity::grants::Grants;
use identity::guess::Guesses;
use identity::jws::Algorithm;
use identity::password::{Cost, Hasher};
use identity::sessions::Sessions;
use identity::signing::{self, Signing};
use identity::tokens::{self, Tokens};
use identity::users::Users;
use identity::{Identity, Issued, Persons};
use model::{BasicFor, Model};
use people::{People, Post};
use store::{Driver, StoreError};
use value::Value;
use vault::{Secrets, Vault, sealed_key};
use web::cookies::Cookie;
use web::cors::Cors;
use web::origin::Origin;
use zeroize::Zeroizing;

use crate::clock::now;
use crate::error::Error;

/// How soon it is heard what other nodes deny.
const HEARD_EVERY: Duration = Duration::from_millis(500);
/// How often what is over is removed.
const SWEPT_EVERY: u32 = 7_200;
/// The name of what refresh tokens are made with.
const REFRESH_KEY: &str = "refresh tokens";
/// The name of the cookie that holds a browser's session.
const COOKIE: &str = "session";

/// Largest picture for the pages; it is kept in memory and sent to everybody who signs in.
const LOGO_BYTES_MAX: u64 = 1024 * 1024;

/// What stays when the contract changes.
pub struct Registry {
    driver: Arc<dyn Driver>,
    vault: Arc<Vault>,
    denied: Arc<Denied>,
    dpop: Arc<Dpop>,
    sessions: Arc<Sessions>,
    hasher: Arc<Hasher>,
    passwords: Arc<Guesses>,
    second_factors: Arc<Guesses>,
    letters: Arc<Guesses>,
    post: Arc<dyn Post>,
    audit: Arc<Audit>,
    /// What refresh tokens are made with. Kept, since they outlive a master key.
    refresh_key: Zeroizing<[u8; 32]>,
    /// Of the door for apps.
    apps: Arc<oauth::Lasting>,
}

/// Everything that follows from one contract with people or apps.
pub struct Desk {
    pub signing: Arc<Signing>,
    pub tokens: Arc<Tokens>,
    pub families: Arc<Families>,
    pub users: Option<Arc<Users>>,
    registry: Arc<Registry>,
}

impl Registry {
    /// # Errors
    /// When the database cannot be read, or no thread can be started.
    pub async fn open(
        driver: Arc<dyn Driver>,
        vault: Vault,
        post: Arc<dyn Post>,
        audit: Arc<Audit>,
    ) -> Result<Registry, Error> {
        let refresh_key = sealed_key(&*driver, &vault, REFRESH_KEY, now()).await;
        let refresh_key = refresh_key.map_err(|source| Error::Secret {
            name: REFRESH_KEY.to_owned(),
            source,
        })?;
        let denied = Denied::open(Arc::clone(&driver), now()).await;
        let denied = denied.map_err(|error| Error::Identity(error.to_string()))?;
        let hasher = Hasher::new(Cost::FLOOR);
        let hasher = hasher.map_err(|error| Error::Identity(error.to_string()))?;
        Ok(Registry {
            denied: Arc::new(denied),
            dpop: Arc::new(Dpop::new(&vault.derive("dpop nonces"))),
            sessions: Arc::new(Sessions::new(Arc::clone(&driver))),
            hasher: Arc::new(hasher),
            passwords: Arc::new(Guesses::of_passwords()),
            second_factors: Arc::new(Guesses::of_second_factors()),
            letters: Arc::new(Guesses::of_passwords()),
            post,
            audit,
            refresh_key,
            apps: Arc::new(oauth::Lasting::new()),
            driver,
            vault: Arc::new(vault),
        })
    }

    /// What follows from a contract.
    ///
    /// # Errors
    /// When the keys that sign cannot be read or made.
    pub async fn desk(
        self: &Arc<Self>,
        model: &Arc<Model>,
        origin: &Origin,
    ) -> Result<Desk, Error> {
        let auth = &model.auth;
        let access_life = seconds(auth.tokens.access);
        let wanted = signing::Settings {
            algorithms: vec![algorithm(auth.tokens.algorithm)],
        };
        let (driver, denied) = (Arc::clone(&self.driver), Arc::clone(&self.denied));
        let vault = Vault::clone(&self.vault);
        let signing = Signing::open(driver, vault, denied, wanted, now()).await;
        let signing = signing.map_err(|error| Error::Identity(error.to_string()))?;
        let signing = Arc::new(signing);
        let settings = tokens::Settings {
            issuer: origin.as_str().to_owned(),
            audience: origin.as_str().to_owned(),
            access_life,
        };
        let tokens = Tokens::new(Arc::clone(&signing), Arc::clone(&self.denied), settings);
        let lasts = families::Settings {
            idle: seconds(auth.tokens.idle),
            absolute: seconds(auth.tokens.refresh),
        };
        let (driver, denied) = (Arc::clone(&self.driver), Arc::clone(&self.denied));
        let families = Families::new(driver, denied, &self.refresh_key, lasts)
            .audited(Arc::clone(&self.audit));
        let users = auth.users.as_ref().map(|users| {
            let found = Users::new(Arc::clone(model), Arc::clone(&self.driver), users);
            found.map_err(|unsupported| Error::Identity(unsupported.what.to_owned()))
        });
        Ok(Desk {
            signing,
            tokens: Arc::new(tokens),
            families: Arc::new(families),
            users: users.transpose()?.map(Arc::new),
            registry: Arc::clone(self),
        })
    }

    /// Hears what other nodes deny, looks after the keys that sign, and removes what is over, until
    /// it is dropped. `desk` is asked each time, since contracts are reloaded.
    pub async fn tend(self: Arc<Self>, desk: impl Fn() -> Option<Arc<Desk>>) {
        let mut rounds = tokio::time::interval(HEARD_EVERY);
        rounds.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut round: u32 = 0;
        loop {
            rounds.tick().await;
            round = round.wrapping_add(1);
            if let Err(error) = self.denied.poll(now()).await {
                tracing::warn!(%error, "what other nodes deny is not heard");
            }
            let Some(desk) = desk() else { continue };
            // It asks the database seldom, and at once when a key was taken back.
            match desk.signing.tend(now()).await {
                Ok(false) => {}
                Ok(true) => self.note_key().await,
                Err(error) => {
                    tracing::warn!(%error, "the keys that sign tokens are not looked after");
                }
            }
            if round % SWEPT_EVERY == 1
                && let Err(error) = self.sweep(&desk).await
            {
                tracing::warn!(%error, "what is over stays for now");
            }
        }
    }

    /// Notes that another key was made.
    async fn note_key(&self) {
        let entry = Entry::new(now(), Action::SigningKeyRotated, &Actor::Server);
        if let Err(error) = self.audit.append(&entry).await {
            tracing::warn!(%error, "another key that signs tokens is not in the audit log");
        }
    }

    async fn sweep(&self, desk: &Desk) -> Result<(), StoreError> {
        let at = vec![Value::Timestamp(now())];
        let tickets = identity::tickets::sweep(self.driver.dialect());
        let over = vec![(tickets, at.clone()), (self.sessions.sweep(), at)];
        store::execute(&*self.driver, over).await?;
        desk.families.sweep(now()).await
    }
}

impl Desk {
    /// Who knows what was issued here.
    pub fn issued(&self, model: &Model, origin: &Origin) -> Issued {
        let persons = self.users.as_ref().map(|users| Persons {
            users: Arc::clone(users),
            sessions: Arc::clone(&self.registry.sessions),
            idle: seconds(model.auth.sessions.idle),
        });
        Issued {
            tokens: Arc::clone(&self.tokens),
            dpop: Arc::clone(&self.registry.dpop),
            people: persons,
            origin: origin.as_str().to_owned(),
        }
    }

    /// The people of an engine's contract, if it has any.
    pub fn people(&self, engine: &Engine) -> Option<People> {
        let registry = &self.registry;
        let lasting = people::Lasting {
            hasher: Arc::clone(&registry.hasher),
            passwords: Arc::clone(&registry.passwords),
            second_factors: Arc::clone(&registry.second_factors),
            letters: Arc::clone(&registry.letters),
            sessions: Arc::clone(&registry.sessions),
            vault: Arc::clone(&registry.vault),
            post: Arc::clone(&registry.post),
            audit: Arc::clone(&registry.audit),
            families: Arc::clone(&self.families),
            denied: Arc::clone(&registry.denied),
            tokens: Arc::clone(&self.tokens),
        };
        People::new(engine.clone(), Arc::new(lasting))
    }

    /// The door for an engine's apps.
    ///
    /// # Errors
    /// When nobody can be asked over the net.
    pub fn apps(&self, engine: &Engine, origin: &Origin) -> Result<oauth::Door, Error> {
        let (registry, model) = (&self.registry, engine.model());
        let named = model.auth.clients.iter().flat_map(addresses);
        let fetcher = fetch::Fetcher::new(fetch::Named::of(named)).map_err(Error::Identity)?;
        let secrets = Secrets::new(
            Arc::clone(&registry.driver),
            Some(Vault::clone(&registry.vault)),
        );
        let clients = Clients::new(Arc::clone(&registry.driver), secrets);
        let grants = Grants::new(Arc::clone(&registry.driver)).audited(Arc::clone(&registry.audit));
        Ok(oauth::Door::new(oauth::Parts {
            model: Arc::clone(model),
            people: self.people(engine),
            driver: Arc::clone(&registry.driver),
            clients: Arc::new(clients),
            grants: Arc::new(grants),
            tokens: Arc::clone(&self.tokens),
            families: Arc::clone(&self.families),
            denied: Arc::clone(&registry.denied),
            signing: Arc::clone(&self.signing),
            sessions: Arc::clone(&registry.sessions),
            dpop: Arc::clone(&registry.dpop),
            audit: Arc::clone(&registry.audit),
            outside: Arc::new(oauth::Net::new(Arc::new(fetcher))),
            lasting: Arc::clone(&registry.apps),
            origin: origin.clone(),
            cookie: Cookie::new(COOKIE, origin),
            stylesheet: None,
            certificates: false,
            clock: Arc::new(now),
        }))
    }

    /// The door for an engine's people, if there are any.
    pub fn door(
        &self,
        engine: &Engine,
        authenticate: Arc<Identity>,
        credentials: Arc<Credentials>,
        cors: Cors,
        origin: &Origin,
        logo: Option<Logo>,
    ) -> Option<accounts::Door> {
        Some(accounts::Door::new(accounts::Parts {
            people: self.people(engine)?,
            families: Arc::clone(&self.families),
            tokens: Arc::clone(&self.tokens),
            dpop: Arc::clone(&self.registry.dpop),
            authenticate,
            credentials,
            cors,
            origin: origin.clone(),
            cookie: Cookie::new(COOKIE, origin),
            logo,
        }))
    }
}

/// Where a contract says an app may be asked.
fn addresses(client: &model::Client) -> impl Iterator<Item = &str> {
    let keys = match &client.proof {
        model::ClientProof::Keys(model::KeySet::Url(url)) => Some(url.as_str()),
        _ => None,
    };
    keys.into_iter()
        .chain(client.backchannel_logout_uri.as_deref())
}

/// The picture that a contract's theme names. One that cannot be read is missed by nobody but its
/// maker, who is told.
pub fn logo(model: &Model, folder: &Path) -> Option<Logo> {
    let name = model.auth.theme.logo.as_deref()?;
    let path = folder.join(name);
    let bytes = match std::fs::metadata(&path) {
        Ok(about) if about.len() > LOGO_BYTES_MAX => {
            tracing::warn!(name, "the logo is not shown: it is larger than 1 MiB");
            return None;
        }
        Ok(_) => std::fs::read(&path),
        Err(error) => Err(error),
    };
    let bytes = match bytes {
        Ok(bytes) => bytes,
        Err(error) => {
            tracing::warn!(name, %error, "the logo is not shown");
            return None;
        }
    };
    let end = path.extension()?.to_str()?.to_ascii_lowercase();
    let media_type = match end.as_str() {
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "webp" => "image/webp",
        "jpg" | "jpeg" => "image/jpeg",
        _ => return None,
    };
    Some(Logo {
        bytes,
        media_type: HeaderValue::from_static(media_type),
    })
}

/// What a contract's API takes as credentials.
pub fn accepted(model: &Model, origin: &Origin) -> Accepted {
    let auth = &model.auth;
    let has_people = auth.users.is_some();
    Accepted {
        schemes: auth.schemes.clone(),
        basic: auth.basic != BasicFor::Nobody,
        dpop: has_people || !auth.clients.is_empty(),
        session: has_people.then(|| (Cookie::new(COOKIE, origin), origin.clone())),
        resource_metadata: is_needed(model)
            .then(|| format!("{}/.well-known/oauth-protected-resource", origin.as_str())),
    }
}

/// Says which words of a contract nothing follows from yet.
pub fn warn_of_unserved(model: &Model) {
    let auth = &model.auth;
    for (is_there, word) in [
        (!auth.providers.is_empty(), "auth.providers"),
        (!auth.issuers.is_empty(), "auth.jwt"),
        (auth.basic == BasicFor::People, "auth.basic: people"),
    ] {
        if is_there {
            tracing::warn!(word, "this is not served yet: nobody comes in by it");
        }
    }
}

/// Whether anybody signs in with this contract, so that tokens are issued.
pub fn is_needed(model: &Model) -> bool {
    model.auth.users.is_some() || !model.auth.clients.is_empty()
}

/// What a contract names is among what is understood.
fn algorithm(named: model::Algorithm) -> Algorithm {
    match named {
        model::Algorithm::Es256 => Algorithm::Es256,
        model::Algorithm::EdDsa => Algorithm::EdDsa,
        model::Algorithm::Rs256 => Algorithm::Rs256,
    }
}

fn seconds(seconds: u32) -> Duration {
    Duration::from_secs(u64::from(seconds))
}
