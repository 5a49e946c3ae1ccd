//! What is not accepted any more although it has not expired: single tokens, families of them,
//! apps of a person, all that a person had before, keys.
//!
//! ```text
//!  deny ─► here at once ─► table ◄─ poll (every second, each node) ─► there within a second
//! ```
//!
//! All of it is held in memory, as access tokens are checked without a database, and goes once
//! everything it denies has expired: so it is as large as what was revoked within one token's
//! life.
//!
//! A node that has not heard from the others for [`SILENCE_MAX`] does not know what they have
//! denied. It accepts no token until it does ([`Denied::hears`]): its callers are told to try
//! again, as they are when it cannot reach its data, which is when this happens.
//!
//! Knows no token's form; what is put in is a text and is compared.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use store::Prepared;
use store::driver::{Dialect, Driver, StoreError};
use store::people::DENIED;
use store::table::{Order, Row, Test, or_null};
use tokio::sync::Mutex;
use value::{Timestamp, Value};

/// How often each node asks what others have denied.
pub const POLL_EVERY: Duration = Duration::from_secs(1);
/// After so long without an answer a node accepts no token: longer than a database restarts or
/// fails over, and a small part of what a token lives.
pub const SILENCE_MAX: Duration = Duration::from_secs(10);

/// How often what has expired is thrown away.
const SWEEP_EVERY: Duration = Duration::from_secs(60);
/// Rows read at once.
const PAGE: u32 = 1_000;
/// How long a position may stay open on PostgreSQL, where entries become visible when they are
/// committed and not in the order of their positions: longer than a transaction may last there.
const OPEN_MAX: Duration = Duration::from_secs(60);
/// How long an entry outlives what it denies: as much as clocks may differ.
const KEPT_AFTER: Duration = Duration::from_secs(60);

/// What to deny.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// One token, by its `jti`.
    Token(String),
    /// All of one sign-in or grant, by their `sid`.
    Family(String),
    /// All of a person (by `sub`) that were issued under a lower epoch than this.
    Account { subject: String, epoch: i64 },
    /// All that an app was given for a person (by `sub`) until now.
    Grant { subject: String, client: String },
    /// All that were signed by a key.
    Key(String),
}

/// What a token says of itself, as far as something may be denied by it.
#[derive(Clone, Copy, Debug)]
pub struct Marks<'a> {
    pub token: &'a str,
    pub family: Option<&'a str>,
    pub subject: &'a str,
    pub epoch: Option<i64>,
    pub client: &'a str,
    pub issued_at: Timestamp,
}

/// Everything that is denied now.
pub struct Denied {
    driver: Arc<dyn Driver>,
    state: RwLock<State>,
    /// How often something was added: what was checked under the same number is still accepted.
    version: AtomicU64,
    /// When the others were last heard, in milliseconds.
    heard: AtomicI64,
    polling: Mutex<Polled>,
    after: Prepared,
}

#[derive(Default)]
struct State {
    tokens: HashMap<String, Timestamp>,
    families: HashMap<String, Timestamp>,
    keys: HashMap<String, Timestamp>,
    /// Each with what is denied below it.
    accounts: HashMap<String, (i64, Timestamp)>,
    /// Each with when it was denied.
    grants: HashMap<String, (Timestamp, Timestamp)>,
}

/// How far the table was read.
struct Polled {
    /// All positions up to it are known.
    settled: i64,
    /// The highest position there was at each of the last polls, the oldest first.
    seen: std::collections::VecDeque<(Timestamp, i64)>,
    swept: Timestamp,
}

impl What {
    fn kind(&self) -> &'static str {
        match self {
            What::Token(_) => "token",
            What::Family(_) => "family",
            What::Account { .. } => "account",
            What::Grant { .. } => "grant",
            What::Key(_) => "key",
        }
    }

    fn subject(&self) -> String {
        match self {
            What::Token(subject) | What::Family(subject) | What::Key(subject) => subject.clone(),
            What::Account { subject, .. } => subject.clone(),
            What::Grant { subject, client } => pair(subject, client),
        }
    }

    /// The statement that writes it down with its arguments, for transactions that deny something
    /// along with what else they do. After them: [`Denied::note`].
    pub fn insertion(
        &self,
        dialect: Dialect,
        until: Timestamp,
        now: Timestamp,
    ) -> (Prepared, Vec<Value>) {
        let epoch = match self {
            What::Account { epoch, .. } => Some(*epoch),
            _ => None,
        };
        let row = DENIED.row([
            ("kind", Value::Text(self.kind().to_owned())),
            ("subject", Value::Text(self.subject())),
            ("epoch", or_null(epoch, Value::Int)),
            ("at", Value::Timestamp(now)),
            ("until", Value::Timestamp(until)),
        ]);
        (DENIED.insert(dialect), row)
    }
}

/// Neither ids nor names of apps have a line break.
fn pair(subject: &str, client: &str) -> String {
    [subject, "\n", client].concat()
}

impl Denied {
    /// With all that is denied in this database.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn open(driver: Arc<dyn Driver>, now: Timestamp) -> Result<Denied, StoreError> {
        let order = Order::Ascending("position");
        let after = DENIED.list(driver.dialect(), &[Test::Above("position")], order, PAGE);
        let denied = Denied {
            driver,
            state: RwLock::default(),
            version: AtomicU64::new(0),
            heard: AtomicI64::new(i64::MIN),
            polling: Mutex::new(Polled {
                settled: 0,
                seen: std::collections::VecDeque::new(),
                swept: now,
            }),
            after,
        };
        denied.poll(now).await?;
        Ok(denied)
    }

    /// Denies something: here once this returns, everywhere within a second. `until` is when the
    /// last of what it denies expires.
    ///
    /// # Errors
    /// When it could not be written down. Then it is denied here, and elsewhere perhaps not.
    pub async fn deny(
        &self,
        what: What,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.note(&what, until, now);
        let insertion = what.insertion(self.driver.dialect(), until, now);
        store::execute(&*self.driver, vec![insertion]).await?;
        Ok(())
    }

    /// Denies here what has been written down by [`What::insertion`].
    pub fn note(&self, what: &What, until: Timestamp, now: Timestamp) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        if state.add(what, until, now) {
            self.version.fetch_add(1, Ordering::Release);
        }
    }

    /// Grows with everything that is denied.
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// Whether the others were heard lately enough to accept anything.
    pub fn hears(&self, now: Timestamp) -> bool {
        now.0.saturating_sub(self.heard.load(Ordering::Acquire)) <= SILENCE_MAX.as_millis() as i64
    }

    pub fn is_denied(&self, marks: &Marks<'_>) -> bool {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        let family = |family: &str| state.families.contains_key(family);
        let account = |below: &(i64, Timestamp)| marks.epoch.is_none_or(|epoch| epoch < below.0);
        let grant = |denied: &(Timestamp, Timestamp)| marks.issued_at <= denied.0;
        state.tokens.contains_key(marks.token)
            || marks.family.is_some_and(family)
            || state.accounts.get(marks.subject).is_some_and(account)
            || (!state.grants.is_empty()
                && state
                    .grants
                    .get(&pair(marks.subject, marks.client))
                    .is_some_and(grant))
    }

    pub fn is_key_denied(&self, kid: &str) -> bool {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        state.keys.contains_key(kid)
    }

    /// Reads what others have denied since, and throws away what has expired. To be called every
    /// [`POLL_EVERY`] while tokens are accepted.
    ///
    /// # Errors
    /// When the database cannot be read. Nothing is forgotten then.
    pub async fn poll(&self, now: Timestamp) -> Result<(), StoreError> {
        let mut polled = self.polling.lock().await;
        let mut position = polled.settled;
        loop {
            let parameters = self.after.bind_args(&[Value::Int(position)]);
            let rows = self
                .driver
                .query(&self.after.statement, &parameters)
                .await?;
            let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
            for row in DENIED.rows(&rows) {
                position = row.int("position")?;
                let until = row.time("until")?;
                if let Some(what) = read(&row)?
                    && until > now
                    && state.add(&what, until, row.time("at")?)
                {
                    self.version.fetch_add(1, Ordering::Release);
                }
            }
            if rows.len() < PAGE as usize {
                break;
            }
        }
        polled.advance(self.driver.dialect(), position, now);
        self.heard.store(now.0, Ordering::Release);
        if past(polled.swept, SWEEP_EVERY) <= now {
            polled.swept = now;
            drop(polled);
            self.sweep(now).await?;
        }
        Ok(())
    }

    async fn sweep(&self, now: Timestamp) -> Result<(), StoreError> {
        self.state
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .sweep(now);
        let old = Timestamp(now.0.saturating_sub(KEPT_AFTER.as_millis() as i64));
        let delete = DENIED.delete(self.driver.dialect(), &[Test::AtMost("until")]);
        let arguments = vec![Value::Timestamp(old)];
        store::execute(&*self.driver, vec![(delete, arguments)]).await?;
        Ok(())
    }
}

/// What an entry says; nothing if it is of a kind that a newer release has brought.
fn read(row: &Row<'_>) -> Result<Option<What>, StoreError> {
    let subject = row.text("subject")?;
    Ok(match row.text("kind")?.as_str() {
        "token" => Some(What::Token(subject)),
        "family" => Some(What::Family(subject)),
        "account" => {
            let epoch = row.int("epoch")?;
            Some(What::Account { subject, epoch })
        }
        "grant" => subject
            .split_once('\n')
            .map(|(subject, client)| What::Grant {
                subject: subject.to_owned(),
                client: client.to_owned(),
            }),
        "key" => Some(What::Key(subject)),
        _ => None,
    })
}

impl State {
    /// Whether anything changed.
    fn add(&mut self, what: &What, until: Timestamp, at: Timestamp) -> bool {
        let until = past(until, KEPT_AFTER);
        match what {
            What::Token(id) => longer(&mut self.tokens, id, until),
            What::Family(id) => longer(&mut self.families, id, until),
            What::Key(id) => longer(&mut self.keys, id, until),
            What::Account { subject, epoch } => {
                highest(&mut self.accounts, subject, (*epoch, until))
            }
            What::Grant { subject, client } => {
                highest(&mut self.grants, &pair(subject, client), (at, until))
            }
        }
    }

    fn sweep(&mut self, now: Timestamp) {
        for set in [&mut self.tokens, &mut self.families, &mut self.keys] {
            set.retain(|_, until| *until > now);
        }
        self.accounts.retain(|_, (_, until)| *until > now);
        self.grants.retain(|_, (_, until)| *until > now);
    }
}

fn longer(set: &mut HashMap<String, Timestamp>, id: &str, until: Timestamp) -> bool {
    match set.get_mut(id) {
        Some(known) if *known >= until => false,
        Some(known) => {
            *known = until;
            true
        }
        None => {
            set.insert(id.to_owned(), until);
            true
        }
    }
}

fn highest<T: Copy + Ord>(
    set: &mut HashMap<String, (T, Timestamp)>,
    id: &str,
    (below, until): (T, Timestamp),
) -> bool {
    match set.get_mut(id) {
        Some(known) => {
            let both = (known.0.max(below), known.1.max(until));
            let changed = *known != both;
            *known = both;
            changed
        }
        None => {
            set.insert(id.to_owned(), (below, until));
            true
        }
    }
}

impl Polled {
    /// After all from `settled` up to `position` was read.
    fn advance(&mut self, dialect: Dialect, position: i64, now: Timestamp) {
        if dialect == Dialect::Sqlite {
            // One writer: what is committed later has a higher position.
            self.settled = position;
            return;
        }
        // A position below this one may still be open.
        if self.seen.back().is_none_or(|(_, last)| *last < position) {
            self.seen.push_back((now, position));
        }
        while let Some((at, position)) = self.seen.front()
            && past(*at, OPEN_MAX) <= now
        {
            self.settled = *position;
            self.seen.pop_front();
        }
    }
}

fn past(time: Timestamp, by: Duration) -> Timestamp {
    let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
    Timestamp(time.0.saturating_add(by).min(Timestamp::MAX.0))
}
