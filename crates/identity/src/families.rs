//! Refresh tokens: each descends from one sign-in or grant, and all that do are a family.
//!
//! ```text
//!  begin ─► T0 ─ refresh ─► T1 ─ refresh ─► T2 …       at each time one may be used
//!            └─ again within the grace ─► T1 again     its answer was lost
//!            └─ again after it ─► the family ends      two have it, and one of them stole it
//! ```
//!
//! 1. A token is followed by one statement that compares before it sets, so that of many who
//!    show the same token at once one moves the family on, and the others find that it was.
//! 2. What follows a token is computed from it ([`text`]), so those others get the very same
//!    successor, and nothing secret is stored: of the current and of the previous token the
//!    SHA-256.
//! 3. Only a token that was made here, by its mark, can end a family, and it ends no other.
//! 4. What has ended is denied in the same transaction: access tokens of the family are not
//!    accepted any more, here once it has ended, elsewhere within a second.
//!
//! Whose client it is that shows a token, and what it proves to hold, is told by who calls.

mod end;
mod rotate;
mod row;
mod text;

use std::sync::Arc;
use std::time::Duration;

use audit::{Action, Actor, Audit, Entry};
use store::Prepared;
use store::driver::{Driver, StoreError};
use store::people::FAMILIES;
use store::table::{Order, Test};
use value::{Timestamp, Value};

use self::rotate::Rotation;
use self::text::Maker;
use crate::denied::Denied;
use crate::tokens::Binding;

pub use end::{Ended, Which};
pub use row::{Family, NewFamily};
pub use text::{PREFIX, RefreshToken};

/// How long the answer to a token that was used already is given again: as long as a client that
/// got none tries again. Whoever stole a token has as long for using it unnoticed.
pub const GRACE: Duration = Duration::from_secs(30);
/// Families of a person that are listed and ended at once.
pub const FAMILIES_MAX: u32 = 1_000;

/// How long a family that has ended or expired is kept, for people who ask what was there.
const KEPT_FOR: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// How often a token is tried again whose family was moved on meanwhile. Twice is enough: it is
/// current, then previous, then older.
const ATTEMPTS: u32 = 4;

/// How long refresh tokens last.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Without being used.
    pub idle: Duration,
    /// However often they are used.
    pub absolute: Duration,
}

/// The families in a database.
pub struct Families {
    driver: Arc<dyn Driver>,
    denied: Arc<Denied>,
    maker: Maker,
    settings: Settings,
    audit: Option<Arc<Audit>>,
    find: Prepared,
    rotate: Prepared,
}

/// Who shows a token.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    pub client: &'a str,
    /// The key or certificate that was proved to be held along with the request.
    pub proved: &'a Binding,
}

/// What a token was exchanged for.
#[derive(Debug)]
pub struct Refreshed {
    pub family: Family,
    pub token: RefreshToken,
    /// Whether it was given before.
    pub repeated: bool,
}

/// Why a token was not exchanged. To clients all are `invalid_grant` (RFC 6749 §5.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefreshRefused {
    /// Not made here, or so old that nobody remembers it.
    Unknown,
    /// It was used before, and by somebody else: now its family has ended.
    Replayed {
        family: String,
        account: String,
    },
    /// Its family has ended before.
    Ended,
    Expired,
    /// Issued to another client.
    Client,
    /// Bound to another key or certificate.
    Binding,
}

impl RefreshRefused {
    /// A sentence for `error_description`.
    pub fn sentence(&self) -> &'static str {
        match self {
            RefreshRefused::Unknown => "the refresh token is unknown",
            RefreshRefused::Replayed { .. } => {
                "the refresh token was used before, so its sign-in has been ended"
            }
            RefreshRefused::Ended => "the sign-in of this refresh token has been ended",
            RefreshRefused::Expired => "the refresh token has expired",
            RefreshRefused::Client => "the refresh token was issued to another client",
            RefreshRefused::Binding => "the refresh token is bound to another key or certificate",
        }
    }
}

impl Families {
    /// `key` is this service's own and stays the same as long as its refresh tokens are to be
    /// good.
    pub fn new(
        driver: Arc<dyn Driver>,
        denied: Arc<Denied>,
        key: &[u8; 32],
        settings: Settings,
    ) -> Families {
        let dialect = driver.dialect();
        Families {
            denied,
            maker: Maker::new(key),
            settings,
            audit: None,
            find: FAMILIES.find(dialect, &[Test::Is("id")]),
            rotate: rotate::statement(dialect),
            driver,
        }
    }

    /// With families that end by a replay written down.
    pub fn audited(self, audit: Arc<Audit>) -> Families {
        Families {
            audit: Some(audit),
            ..self
        }
    }

    /// Begins a family. Its first token is given out here and never again.
    ///
    /// # Errors
    /// When the database cannot keep it, or there is no randomness.
    pub async fn begin(
        &self,
        new: NewFamily,
        now: Timestamp,
    ) -> Result<(Family, RefreshToken), StoreError> {
        self.begin_as(new_id(now)?, new, now).await
    }

    /// The same under an id that was given out before, by [`new_id`]: what leads to the family
    /// can name it before there is one.
    ///
    /// # Errors
    /// When the database cannot keep it, or there is one of this id, or there is no randomness.
    pub async fn begin_as(
        &self,
        id: uuid::Uuid,
        new: NewFamily,
        now: Timestamp,
    ) -> Result<(Family, RefreshToken), StoreError> {
        let token = self.maker.first(id).map_err(no_randomness)?;
        let expires_at = later(now, self.settings.absolute);
        let family = Family::new(
            new,
            id.to_string(),
            self.idle(now, expires_at),
            expires_at,
            now,
        );
        let row = family.row(&token.hash())?;
        let insert = FAMILIES.insert(self.driver.dialect());
        store::execute(&*self.driver, vec![(insert, row)]).await?;
        Ok((family, token))
    }

    /// Exchanges a token for the one that follows it.
    ///
    /// # Errors
    /// When the database cannot read or write. Inside: when the token is not accepted.
    pub async fn refresh(
        &self,
        text: &str,
        shown: Shown<'_>,
        now: Timestamp,
    ) -> Result<Result<Refreshed, RefreshRefused>, StoreError> {
        let Some(token) = self.maker.read(text) else {
            return Ok(Err(RefreshRefused::Unknown));
        };
        let (hash, next) = (token.hash(), self.maker.after(&token));
        let next_hash = next.hash();
        for _ in 0..ATTEMPTS {
            let Some((family, current, previous)) = self.read(&token.family()).await? else {
                return Ok(Err(RefreshRefused::Unknown));
            };
            if let Err(refused) = family.accepts(shown, now) {
                return Ok(Err(refused));
            }
            let done = |family, repeated| {
                Ok(Ok(Refreshed {
                    family,
                    token: self.maker.after(&token),
                    repeated,
                }))
            };
            if current == hash {
                let idle_until = self.idle(now, family.expires_at);
                let rotation = Rotation {
                    id: &family.id,
                    from: &hash,
                    to: &next_hash,
                    idle_until,
                    now,
                };
                if rotation.run(&*self.driver, &self.rotate).await? {
                    let family = Family {
                        rotated_at: now,
                        idle_until,
                        ..family
                    };
                    return done(family, false);
                }
                // Somebody else was faster: look again.
            } else if previous.as_ref() == Some(&hash)
                && current == next_hash
                && now < later(family.rotated_at, GRACE)
            {
                return done(family, true);
            } else {
                return self.replayed(family, now).await.map(Err);
            }
        }
        Err(StoreError::Overloaded)
    }

    /// Ends the family of a token that somebody used before.
    async fn replayed(&self, family: Family, now: Timestamp) -> Result<RefreshRefused, StoreError> {
        let entry = Entry::new(now, Action::FamilyRevoked, &Actor::Unknown)
            .subject(&family.account)
            .client(&family.client)
            .detail("family", family.id.as_str());
        let audit = self.audit.as_ref();
        let noted = audit.map(|audit| audit.insertion(&entry)).transpose()?;
        self.end_noted(Which::One(&family.id), Ended::Replayed, noted, now)
            .await?;
        tracing::warn!(
            family = family.id,
            account = family.account,
            client = family.client,
            "a refresh token was used twice; its sign-in has been ended"
        );
        Ok(RefreshRefused::Replayed {
            family: family.id,
            account: family.account,
        })
    }

    /// The family that a token is of, if it is the current or the previous one, for who asks what
    /// a token is (RFC 7662) or ends it (RFC 7009). It is not used by that.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn of_token(&self, text: &str) -> Result<Option<Family>, StoreError> {
        let Some(token) = self.maker.read(text) else {
            return Ok(None);
        };
        let hash = token.hash();
        let found = self.read(&token.family()).await?;
        Ok(found
            .filter(|(_, current, previous)| *current == hash || previous.as_ref() == Some(&hash))
            .map(|(family, ..)| family))
    }

    /// # Errors
    /// When the database cannot be read.
    pub async fn find(&self, id: &str) -> Result<Option<Family>, StoreError> {
        Ok(self.read(id).await?.map(|(family, ..)| family))
    }

    /// A person's sign-ins and allowed apps that are good now, the newest first; at most
    /// [`FAMILIES_MAX`].
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn list(&self, account: &str, now: Timestamp) -> Result<Vec<Family>, StoreError> {
        let tests = [
            Test::Is("account"),
            Test::IsNull("ended_at"),
            Test::Above("idle_until"),
        ];
        let order = Order::Descending("created_at");
        let list = FAMILIES.list(self.driver.dialect(), &tests, order, FAMILIES_MAX);
        let arguments = [Value::Text(account.to_owned()), Value::Timestamp(now)];
        let rows = self
            .driver
            .query(&list.statement, &list.bind_args(&arguments))
            .await?;
        FAMILIES.rows(&rows).map(|row| Family::read(&row)).collect()
    }

    /// Deletes what has been over for long.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn sweep(&self, now: Timestamp) -> Result<(), StoreError> {
        let old = Value::Timestamp(earlier(now, KEPT_FOR));
        let delete = |column| {
            let delete = FAMILIES.delete(self.driver.dialect(), &[Test::AtMost(column)]);
            (delete, vec![old.clone()])
        };
        // Those that have ended expire, too.
        store::execute(&*self.driver, vec![delete("expires_at")]).await?;
        Ok(())
    }

    /// A family with the hashes of its current and its previous token.
    async fn read(&self, id: &str) -> Result<Option<(Family, String, Option<String>)>, StoreError> {
        let parameters = self.find.bind_args(&[Value::Text(id.to_owned())]);
        let rows = self.driver.query(&self.find.statement, &parameters).await?;
        let Some(row) = FAMILIES.rows(&rows).next() else {
            return Ok(None);
        };
        let hashes = (row.text("hash")?, row.text_or_null("previous")?);
        Ok(Some((Family::read(&row)?, hashes.0, hashes.1)))
    }

    fn idle(&self, now: Timestamp, expires_at: Timestamp) -> Timestamp {
        later(now, self.settings.idle).min(expires_at)
    }
}

/// An id for a family that is to begin.
///
/// # Errors
/// When there is no randomness.
pub fn new_id(now: Timestamp) -> Result<uuid::Uuid, StoreError> {
    let mut random = [0; 10];
    getrandom::fill(&mut random).map_err(no_randomness)?;
    let millis = u64::try_from(now.0).unwrap_or(0);
    Ok(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
}

fn no_randomness(error: getrandom::Error) -> StoreError {
    StoreError::Internal {
        reason: format!("the operating system gave no random bytes: {error}"),
    }
}

fn later(time: Timestamp, by: Duration) -> Timestamp {
    Timestamp(time.0.saturating_add(millis(by)).min(Timestamp::MAX.0))
}

fn earlier(time: Timestamp, by: Duration) -> Timestamp {
    Timestamp(time.0.saturating_sub(millis(by)).max(Timestamp::MIN.0))
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
