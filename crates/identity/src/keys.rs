//! API keys: create, list, revoke, and turn into callers.
//!
//! A key is found by its SHA-256 and compared in constant time. Callers that were verified
//! are remembered for [`REMEMBERED_FOR`], so that a busy key costs the database one read a
//! second; a revocation, also one by another process, is effective after that at the latest,
//! and at once when it is done here. When a key was last used is noted beside the request, at
//! most once in [`NOTED_EVERY`].

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant, SystemTime};

use call::{Caller, CallerKind, Code, Failure, Proof, Scopes};
use model::Audience;
use store::Prepared;
use store::driver::{Driver, StoreError};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use value::{Timestamp, Value};

use crate::random::hex;
use crate::secret::{self, KeyText};

/// How long a verified key is believed without asking the database again.
pub const REMEMBERED_FOR: Duration = Duration::from_secs(1);
/// How fine the time of a key's last use is.
pub const NOTED_EVERY: Duration = Duration::from_secs(60);
/// Notes being written at once. What finds no place is noted when the key is looked up next.
const NOTES_MAX: usize = 4;
/// Keys remembered at once; beyond it all are forgotten and asked for again.
const REMEMBERED_MAX: usize = 10_000;
/// Characters of a key's name, which is for people.
const NAME_CHARS_MAX: usize = 100;
/// Scopes and claims of one key.
const SCOPES_MAX: usize = 100;

/// What a new key is to be.
#[derive(Clone, Debug, Default)]
pub struct NewKey {
    pub name: String,
    pub scopes: Vec<String>,
    /// `user.id` in rules.
    pub user: Option<String>,
    /// `user.NAME` in rules.
    pub claims: Vec<(String, String)>,
    pub admin: bool,
    /// Partners' keys and services' see what the contract keeps for them.
    pub audience: Audience,
    /// From when on it is refused; never, unless said.
    pub expires_at: Option<Timestamp>,
}

/// A key as its owner may see it again: everything but the secret.
#[derive(Clone, Debug, PartialEq)]
pub struct Key {
    pub id: String,
    pub name: String,
    pub scopes: Vec<String>,
    pub user: Option<String>,
    pub claims: Vec<(String, String)>,
    pub admin: bool,
    pub audience: Audience,
    pub created_at: Timestamp,
    pub expires_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
    /// To within [`NOTED_EVERY`].
    pub last_used_at: Option<Timestamp>,
}

/// The keys in a database.
pub struct Keys {
    driver: Arc<dyn Driver>,
    remembered: RwLock<Memory>,
    find: Prepared,
    notes: Arc<Semaphore>,
}

/// Callers that were verified, by the hash of their keys.
#[derive(Default)]
struct Memory {
    /// Each with the time until which it is believed.
    callers: HashMap<[u8; 32], (Arc<Caller>, Instant)>,
    /// How often all was forgotten. What was read before that is not to be remembered after it.
    forgotten: u64,
}

impl Memory {
    fn forget(&mut self) {
        self.callers.clear();
        self.forgotten = self.forgotten.wrapping_add(1);
    }
}

/// Why keys could not be made, listed or revoked.
#[derive(Debug)]
pub enum KeyError {
    /// What was wrong with the wish, in a sentence.
    Invalid(String),
    /// There is no such key, or it is revoked already.
    Unknown,
    NoRandomness,
    Store(StoreError),
}

impl std::fmt::Display for KeyError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            KeyError::Invalid(why) => f.write_str(why),
            KeyError::Unknown => f.write_str("there is no such key, or it is revoked already"),
            KeyError::NoRandomness => f.write_str("the operating system gave no random bytes"),
            KeyError::Store(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for KeyError {}

impl From<StoreError> for KeyError {
    fn from(error: StoreError) -> Self {
        KeyError::Store(error)
    }
}

impl Keys {
    pub fn new(driver: Arc<dyn Driver>) -> Keys {
        let find = store::keys::find(driver.dialect());
        Keys {
            driver,
            remembered: RwLock::default(),
            find,
            notes: Arc::new(Semaphore::new(NOTES_MAX)),
        }
    }

    /// Makes a key. Its text is given out here and never again.
    ///
    /// # Errors
    /// When the wish is not sensible or the database cannot keep it.
    pub async fn create(&self, wish: NewKey, now: Timestamp) -> Result<(Key, KeyText), KeyError> {
        check(&wish, now)?;
        let text = KeyText::generate(&uuid::Uuid::now_v7().into_bytes())
            .map_err(|_| KeyError::NoRandomness)?;
        let mut scopes = wish.scopes;
        scopes.sort();
        scopes.dedup();
        let stored = store::keys::Key {
            id: text.id(),
            name: wish.name,
            hash: hex(&text.hash()),
            scopes: serde_json::json!(scopes).to_string(),
            user: wish.user,
            claims: serde_json::Value::Object(
                wish.claims
                    .into_iter()
                    .map(|(name, value)| (name, value.into()))
                    .collect(),
            )
            .to_string(),
            admin: wish.admin,
            audience: wish.audience.name().to_owned(),
            created_at: now,
            expires_at: wish.expires_at,
            revoked_at: None,
            last_used_at: None,
        };
        let key = Key::of(&stored)?;
        self.execute(store::keys::insert(self.driver.dialect()), stored.args())
            .await?;
        Ok((key, text))
    }

    /// All keys, the newest first, revoked ones too.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn list(&self) -> Result<Vec<Key>, KeyError> {
        let list = store::keys::list(self.driver.dialect());
        let rows = self
            .driver
            .query(&list.statement, &list.bind_args(&[]))
            .await?;
        store::keys::keys(&rows)?
            .iter()
            .map(|stored| Ok(Key::of(stored)?))
            .collect()
    }

    /// Ends a key for good.
    ///
    /// # Errors
    /// [`KeyError::Unknown`] when there is nothing to end.
    pub async fn revoke(&self, id: &str, now: Timestamp) -> Result<(), KeyError> {
        let revoke = store::keys::revoke(self.driver.dialect());
        let arguments = vec![Value::Timestamp(now), Value::Text(id.to_owned())];
        let ended = self.execute(revoke, arguments).await?;
        self.remembered
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .forget();
        if ended == 0 {
            Err(KeyError::Unknown)
        } else {
            Ok(())
        }
    }

    /// Runs one statement in a transaction of its own; how many rows it changed.
    async fn execute(&self, prepared: Prepared, arguments: Vec<Value>) -> Result<u64, KeyError> {
        Ok(store::execute(&*self.driver, vec![(prepared, arguments)]).await?)
    }

    /// Notes that a key is being used, if that was not noted lately; nobody waits for it, and a
    /// note that cannot be written now is written when the key is looked up next.
    fn note_use(&self, key: &store::keys::Key, now: Timestamp) {
        let old = Timestamp(now.0.saturating_sub(NOTED_EVERY.as_millis() as i64));
        if key.last_used_at.is_some_and(|used| used > old) {
            return;
        }
        let (Ok(place), Ok(runtime)) = (
            Arc::clone(&self.notes).try_acquire_owned(),
            Handle::try_current(),
        ) else {
            return;
        };
        let driver = Arc::clone(&self.driver);
        let arguments = vec![
            Value::Timestamp(now),
            Value::Text(key.id.clone()),
            Value::Timestamp(old),
        ];
        runtime.spawn(async move {
            let touch = store::keys::touch(driver.dialect());
            if let Err(error) = store::execute(&*driver, vec![(touch, arguments)]).await {
                tracing::debug!(%error, "the use of a key is not noted");
            }
            drop(place);
        });
    }

    /// Whose key this is.
    ///
    /// # Errors
    /// [`Code::Unauthenticated`] when it is nobody's, [`Code::Unavailable`] when that cannot be told.
    pub async fn verify(&self, credential: &str) -> Result<Arc<Caller>, Failure> {
        let hash = secret::hash(credential);
        // Before the database is asked: what is revoked meanwhile must not be believed longer.
        let asked = Instant::now();
        let forgotten = {
            let memory = self
                .remembered
                .read()
                .unwrap_or_else(PoisonError::into_inner);
            match memory.callers.get(&hash) {
                Some((caller, until)) if asked < *until => return Ok(Arc::clone(caller)),
                _ => memory.forgotten,
            }
        };
        // Apart, as all of a future is moved with it, and this is seldom needed.
        Box::pin(self.look_up(credential, hash, asked, forgotten)).await
    }

    async fn look_up(
        &self,
        credential: &str,
        hash: [u8; 32],
        asked: Instant,
        forgotten: u64,
    ) -> Result<Arc<Caller>, Failure> {
        let text = KeyText::parse(credential).ok_or_else(unknown_key)?;
        let parameters = self.find.bind_args(&[Value::Text(hex(&hash))]);
        let rows = self
            .driver
            .query(&self.find.statement, &parameters)
            .await
            .map_err(unavailable)?;
        let found = store::keys::keys(&rows).map_err(Failure::internal)?;
        let stored = found
            .iter()
            .find(|stored| unhex(&stored.hash).is_some_and(|hash| text.matches(&hash)))
            .filter(|stored| stored.revoked_at.is_none())
            .ok_or_else(unknown_key)?;
        let now = Timestamp::from(SystemTime::now());
        let mut until = asked + REMEMBERED_FOR;
        if let Some(expires) = stored.expires_at {
            let left = u64::try_from(expires.0.saturating_sub(now.0)).unwrap_or(0);
            if left == 0 {
                let detail = format!("the key expired at {expires}; ask for a new one");
                return Err(Failure::new(Code::Unauthenticated, detail));
            }
            until = until.min(Instant::now() + Duration::from_millis(left).min(REMEMBERED_FOR));
        }
        self.note_use(stored, now);
        let caller = Arc::new(Key::of(stored).map_err(Failure::internal)?.caller());
        let mut memory = self
            .remembered
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        // A key may have been revoked here after it was read.
        if memory.forgotten == forgotten {
            if memory.callers.len() >= REMEMBERED_MAX {
                memory.callers.clear();
            }
            memory.callers.insert(hash, (Arc::clone(&caller), until));
        }
        Ok(caller)
    }
}

impl Key {
    fn of(stored: &store::keys::Key) -> Result<Key, StoreError> {
        let corrupt = |what: &str| StoreError::Corrupt {
            reason: format!(
                "the {what} of key {} are not what they should be",
                stored.id
            ),
        };
        let scopes = serde_json::from_str(&stored.scopes).map_err(|_| corrupt("scopes"))?;
        let claims: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(&stored.claims).map_err(|_| corrupt("claims"))?;
        let claims = claims
            .into_iter()
            .map(|(name, value)| match value {
                serde_json::Value::String(text) => (name, text),
                other => (name, other.to_string()),
            })
            .collect();
        let audience = Audience::named(&stored.audience).ok_or_else(|| corrupt("audience"))?;
        Ok(Key {
            id: stored.id.clone(),
            name: stored.name.clone(),
            scopes,
            user: stored.user.clone(),
            claims,
            admin: stored.admin,
            audience,
            created_at: stored.created_at,
            expires_at: stored.expires_at,
            revoked_at: stored.revoked_at,
            last_used_at: stored.last_used_at,
        })
    }

    fn caller(self) -> Caller {
        Caller {
            kind: if self.admin {
                CallerKind::Operator { id: self.id }
            } else {
                CallerKind::Key { id: self.id }
            },
            user_id: self.user,
            claims: self.claims,
            scopes: Scopes::Only(self.scopes),
            audience: self.audience,
            proof: Proof {
                expires_at: self.expires_at,
                ..Proof::default()
            },
        }
    }
}

fn check(wish: &NewKey, now: Timestamp) -> Result<(), KeyError> {
    let invalid = |why: String| Err(KeyError::Invalid(why));
    if let Some(expires) = wish.expires_at
        && expires <= now
    {
        return invalid(format!(
            "a key that expires at {expires} could never be used"
        ));
    }
    if wish.name.trim().is_empty() || wish.name.chars().count() > NAME_CHARS_MAX {
        return invalid(format!("a key's name has 1 to {NAME_CHARS_MAX} characters"));
    }
    if wish.scopes.len() > SCOPES_MAX || wish.claims.len() > SCOPES_MAX {
        return invalid(format!(
            "a key has at most {SCOPES_MAX} scopes and as many claims"
        ));
    }
    // RFC 6749 §3.3: what may stand in a scope, and so in `WWW-Authenticate`.
    let scope_ok = |scope: &String| {
        !scope.is_empty()
            && scope
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\')
    };
    if let Some(scope) = wish.scopes.iter().find(|scope| !scope_ok(scope)) {
        return invalid(format!(
            "`{scope}` is no scope; scopes look like `books.write`"
        ));
    }
    let claim_ok = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_lowercase())
            && name
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    };
    if let Some((name, _)) = wish.claims.iter().find(|(name, _)| !claim_ok(name)) {
        return invalid(format!(
            "`{name}` cannot be read as `user.{name}` in rules; claims look like `role`"
        ));
    }
    if wish.claims.iter().any(|(name, _)| name == "id") {
        return invalid("`user.id` is set by `--user`, not by a claim".to_owned());
    }
    Ok(())
}

fn unknown_key() -> Failure {
    Failure::new(Code::Unauthenticated, "the key is unknown or revoked")
}

fn unavailable(error: StoreError) -> Failure {
    Failure {
        retry_after_seconds: Some(1),
        cause: Some(error.to_string().into()),
        ..Failure::new(
            Code::Unavailable,
            "keys cannot be checked right now; try again",
        )
    }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    let nibble = |digit: u8| char::from(digit).to_digit(16).map(|value| value as u8);
    digits
        .chunks(2)
        .map(|pair| match pair {
            [high, low] => Some(nibble(*high)? << 4 | nibble(*low)?),
            _ => None,
        })
        .collect()
}
