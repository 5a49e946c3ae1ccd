//! The keys that sign tokens: made, published, changed and taken back.
//!
//! ```text
//!  Next ──────────► Current ─────────► Previous ─────────────► Retired
//!  published        signs              verifies, published     kept for a while, then deleted
//!  for a day        for 30 days        as long as tokens live
//!                        └─ revoke ─► Revoked: verifies nothing from then on
//! ```
//!
//! 1. What a key is at a time follows from the times in its row and from those of its
//!    successors ([`Stage`]); nothing has to happen at that time.
//! 2. Whichever node comes first makes the next key, in one transaction that has looked whether
//!    there is one: there are never two.
//! 3. A node that meets a key it does not know asks the database, at most once in
//!    [`ASKED_EVERY`]; one that has been taken back it hears of with all that is denied
//!    ([`crate::denied`]).
//!
//! Private parts are sealed by the vault and open only here.

mod change;
mod ring;

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use store::driver::{Driver, StoreError};
use store::people::SIGNING_KEYS;
use store::table::{Order, Test};
use tokio::sync::Mutex;
use value::Timestamp;
use vault::{Vault, VaultError};

use crate::denied::{Denied, What};
use crate::jws::{Algorithm, Pair};
use crate::tokens::LIFE_MAX;

pub use change::{Revoked, When};
pub use ring::{Key, Ring, Stage};

/// How long a key signs.
pub const ROTATED_EVERY: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// How long a key is published before it signs: longer than anybody keeps a key set.
pub const PUBLISHED_AHEAD: Duration = Duration::from_secs(24 * 60 * 60);
/// How long others may keep the key set.
pub const KEY_SET_MAX_AGE: Duration = Duration::from_secs(15 * 60);
/// How often the database is asked for a key that nobody knows.
pub const ASKED_EVERY: Duration = Duration::from_secs(1);

/// How often the keys are read again anyhow. New ones are published for a day before they sign.
const READ_EVERY: Duration = Duration::from_secs(30);
/// How long a key verifies after it has ceased to sign: as long as a token lives, and as much as
/// clocks may differ.
const KEPT_FOR: Duration = LIFE_MAX.saturating_add(Duration::from_secs(120));
/// Keys read at most. There are some three for each algorithm, and those of half a year.
const KEYS_MAX: u32 = 1_000;

/// What is signed here.
#[derive(Clone, Debug)]
pub struct Settings {
    /// With which algorithms; the first unless another is asked for.
    pub algorithms: Vec<Algorithm>,
}

/// The keys of this service.
pub struct Signing {
    driver: Arc<dyn Driver>,
    vault: Vault,
    denied: Arc<Denied>,
    settings: Settings,
    ring: RwLock<Arc<Ring>>,
    /// When the keys were last read.
    read: Mutex<Timestamp>,
}

/// Why keys could not be read or changed.
#[derive(Debug)]
pub enum SigningError {
    /// There is no such key, or it is revoked already.
    Unknown,
    /// The operating system gave no randomness, or a key was not made.
    NoKey,
    Sealed(VaultError),
    Store(StoreError),
}

impl std::fmt::Display for SigningError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            SigningError::Unknown => {
                f.write_str("there is no such signing key, or it is revoked already")
            }
            SigningError::NoKey => f.write_str("no signing key could be made"),
            SigningError::Sealed(error) => {
                write!(f, "the keys that sign tokens cannot be opened: {error}")
            }
            SigningError::Store(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for SigningError {}

impl From<StoreError> for SigningError {
    fn from(error: StoreError) -> Self {
        SigningError::Store(error)
    }
}

impl From<VaultError> for SigningError {
    fn from(error: VaultError) -> Self {
        SigningError::Sealed(error)
    }
}

impl Signing {
    /// The keys in this database; makes those that are missing.
    ///
    /// # Errors
    /// When the database cannot be read or written, or its keys cannot be opened.
    pub async fn open(
        driver: Arc<dyn Driver>,
        vault: Vault,
        denied: Arc<Denied>,
        settings: Settings,
        now: Timestamp,
    ) -> Result<Signing, SigningError> {
        let signing = Signing {
            driver,
            vault,
            denied,
            settings,
            ring: RwLock::new(Arc::new(Ring::default())),
            read: Mutex::new(now),
        };
        signing.read_again(now).await?;
        signing.make_missing(now).await?;
        Ok(signing)
    }

    /// What it was opened with.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// All keys, as they are known here now.
    pub fn ring(&self) -> Arc<Ring> {
        Arc::clone(&self.ring.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The key that signs with this algorithm now. None for the moment between another node's
    /// taking it back and [`Signing::tend`].
    pub fn current(&self, algorithm: Algorithm, now: Timestamp) -> Option<Arc<Key>> {
        let current = self.ring().current(algorithm, now).cloned();
        current.filter(|key| !self.denied.is_key_denied(&key.kid))
    }

    /// The key of this id if what it has signed is still accepted. One that is not known here is
    /// asked for in the database.
    ///
    /// # Errors
    /// When the database had to be asked and did not answer.
    pub async fn find(&self, kid: &str, now: Timestamp) -> Result<Option<Arc<Key>>, SigningError> {
        if self.ring().get(kid).is_none() {
            self.ask(now).await?;
        }
        Ok(self.accepted(kid, now))
    }

    /// [`Signing::find`] among the keys that are known here.
    pub fn accepted(&self, kid: &str, now: Timestamp) -> Option<Arc<Key>> {
        let found = self.ring().accepted(kid, now).cloned();
        found.filter(|_| !self.denied.is_key_denied(kid))
    }

    /// The key set that others verify with (RFC 7517 §5), to be kept for [`KEY_SET_MAX_AGE`].
    pub fn key_set(&self, now: Timestamp) -> String {
        self.ring().key_set(now)
    }

    /// All keys with what they are now, the newest first.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn list(&self, now: Timestamp) -> Result<Vec<(Arc<Key>, Stage)>, SigningError> {
        self.read_again(now).await?;
        let ring = self.ring();
        let mut keys: Vec<_> = ring
            .keys()
            .iter()
            .map(|key| (Arc::clone(key), ring.stage(key, now)))
            .collect();
        keys.reverse();
        Ok(keys)
    }

    /// Makes the next keys in time and hears of those that others have made or taken back. To be
    /// called every second or so; it asks the database seldom. Whether this node made a key.
    ///
    /// # Errors
    /// When the database cannot be read or written. Keys that are known go on signing.
    pub async fn tend(&self, now: Timestamp) -> Result<bool, SigningError> {
        let last = *self.read.lock().await;
        let taken_back =
            |key: &Arc<Key>| key.revoked_at.is_none() && self.denied.is_key_denied(&key.kid);
        if since(last, now) >= READ_EVERY || self.ring().keys().iter().any(taken_back) {
            self.read_again(now).await?;
        }
        self.make_missing(now).await
    }

    /// Reads the keys for somebody who asks for one that is not known here.
    async fn ask(&self, now: Timestamp) -> Result<(), SigningError> {
        // Others who ask meanwhile wait for the one answer.
        let mut read = self.read.lock().await;
        if since(*read, now) >= ASKED_EVERY {
            self.read_into(&mut read, now).await?;
        }
        Ok(())
    }

    async fn read_again(&self, now: Timestamp) -> Result<(), SigningError> {
        let mut read = self.read.lock().await;
        self.read_into(&mut read, now).await
    }

    async fn read_into(&self, read: &mut Timestamp, now: Timestamp) -> Result<(), SigningError> {
        // Before the answer is there: who fails does not ask at once again.
        *read = now;
        let order = Order::Ascending("signs_at");
        let list = SIGNING_KEYS.list(self.driver.dialect(), &[], order, KEYS_MAX);
        let rows = self
            .driver
            .query(&list.statement, &list.bind_args(&[]))
            .await?;
        let ring = self.ring().renewed(&rows, &self.vault, now)?;
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(ring);
        Ok(())
    }

    /// Makes what is due. Whether anything was.
    async fn make_missing(&self, now: Timestamp) -> Result<bool, SigningError> {
        let mut made = false;
        for algorithm in &self.settings.algorithms {
            if self.ring().due(*algorithm, now).is_some() {
                made |= self.make_next(*algorithm, now).await?;
            }
        }
        if made {
            self.read_again(now).await?;
        }
        Ok(made)
    }

    /// Lets the next key sign before its time.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn rotate(
        &self,
        algorithm: Algorithm,
        when: When,
        now: Timestamp,
    ) -> Result<(), SigningError> {
        self.bring_forward(algorithm, when, now).await?;
        self.read_again(now).await
    }

    /// Takes a key back: nothing that it has signed is accepted from now on, here once this
    /// returns and elsewhere within a second. If it was the one that signs, the next one takes its
    /// place at once.
    ///
    /// # Errors
    /// [`SigningError::Unknown`] when there is nothing to take back.
    pub async fn revoke(&self, kid: &str, now: Timestamp) -> Result<Revoked, SigningError> {
        self.read_again(now).await?;
        let revoked = self.take_back(kid, now).await?;
        let until = later(now, KEPT_FOR);
        self.denied.note(&What::Key(kid.to_owned()), until, now);
        self.read_again(now).await?;
        Ok(revoked)
    }

    /// A new pair with its sealed private part, made where it holds up nobody.
    async fn fresh(&self, algorithm: Algorithm) -> Result<Fresh, SigningError> {
        let made = tokio::task::spawn_blocking(move || Pair::generate(algorithm)).await;
        let (pair, pkcs8) = made.ok().flatten().ok_or(SigningError::NoKey)?;
        let public = pair.public();
        let kid = public.thumbprint();
        let private = vault::Place::SIGNING_KEY.seal(&self.vault, &kid, &pkcs8)?;
        Ok(Fresh {
            kid,
            algorithm,
            public: public.canonical(),
            private,
        })
    }
}

/// A key that is in no row yet.
#[derive(Clone)]
struct Fresh {
    kid: String,
    algorithm: Algorithm,
    public: String,
    private: String,
}

/// The rows of one algorithm's keys. Argument: its name.
fn of_algorithm(dialect: store::Dialect) -> store::Prepared {
    SIGNING_KEYS.find(dialect, &[Test::Is("algorithm")])
}

fn since(earlier: Timestamp, now: Timestamp) -> Duration {
    Duration::from_millis(u64::try_from(now.0.saturating_sub(earlier.0)).unwrap_or(0))
}

fn later(time: Timestamp, by: Duration) -> Timestamp {
    let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
    Timestamp(time.0.saturating_add(by).min(Timestamp::MAX.0))
}
