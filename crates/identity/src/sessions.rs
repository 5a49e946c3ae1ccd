//! Browsers that are signed in: a random text in a cookie, and a row that says whose it is.
//!
//! A session ends when it lies unused ([`Lasts::idle`]), when it is too old, and when somebody
//! ends it; on this node at once, on others after [`REMEMBERED_FOR`]. Whoever proves more than
//! before gets another text ([`Sessions::renew`]), so that one that was planted is worth nothing.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use call::Failure;
use store::Prepared;
use store::driver::{Driver, StoreError};
use store::people::SESSIONS;
use store::table::{self, Order, Row, Set, Test, or_null};
use value::{Timestamp, Value};

use crate::random::{self, Unguessable};

/// How long a session is believed without asking the database again.
pub const REMEMBERED_FOR: Duration = Duration::from_secs(1);
/// How fine the time of a session's last use is. Whether it is idle is told by it.
pub const SEEN_EVERY: Duration = Duration::from_secs(60);
/// Sessions remembered at once; beyond it all are forgotten and asked for again.
const REMEMBERED_MAX: usize = 10_000;
/// Sessions that a person is shown.
const LISTED_MAX: u32 = 100;
/// Of what a browser says about itself.
const AGENT_CHARS_MAX: usize = 300;
const PURPOSE: &str = "session";

/// How long sessions last.
#[derive(Clone, Copy, Debug)]
pub struct Lasts {
    pub idle: Duration,
    pub absolute: Duration,
}

/// Somebody who has just proved who they are.
#[derive(Clone, Debug)]
pub struct NewSession<'a> {
    pub account: &'a str,
    /// The id of their record.
    pub user: &'a str,
    /// How, in the words of RFC 8176.
    pub methods: &'a [String],
    pub authenticated_at: Timestamp,
    pub client_address: Option<String>,
    pub agent: Option<&'a str>,
    pub lasts: Lasts,
}

/// A session as its owner may see it.
#[derive(Clone, Debug, PartialEq)]
pub struct Session {
    pub id: String,
    pub account: String,
    pub user: String,
    pub methods: Vec<String>,
    pub authenticated_at: Timestamp,
    pub client_address: Option<String>,
    pub agent: Option<String>,
    pub created_at: Timestamp,
    /// To within [`SEEN_EVERY`].
    pub seen_at: Timestamp,
    pub expires_at: Timestamp,
}

/// The sessions in a database.
pub struct Sessions {
    driver: Arc<dyn Driver>,
    remembered: RwLock<Memory>,
    find: Prepared,
}

#[derive(Default)]
struct Memory {
    by_hash: HashMap<String, (Arc<Session>, Instant)>,
    /// How often all was forgotten. What was read before that is not remembered after it.
    forgotten: u64,
}

impl Sessions {
    pub fn new(driver: Arc<dyn Driver>) -> Sessions {
        let tests = [Test::Is("hash"), Test::IsNull("ended_at")];
        let find = SESSIONS.find(driver.dialect(), &tests);
        Sessions {
            driver,
            remembered: RwLock::default(),
            find,
        }
    }

    /// Begins a session; the text is for its cookie.
    ///
    /// # Errors
    /// When it cannot be made or kept.
    pub async fn begin(
        &self,
        new: NewSession<'_>,
        now: Timestamp,
    ) -> Result<(Session, Unguessable), Failure> {
        let text = Unguessable::generate().map_err(Failure::internal)?;
        let session = Session {
            id: random::id("ses"),
            account: new.account.to_owned(),
            user: new.user.to_owned(),
            methods: new.methods.to_vec(),
            authenticated_at: new.authenticated_at,
            client_address: new.client_address,
            agent: new
                .agent
                .map(|agent| agent.chars().take(AGENT_CHARS_MAX).collect()),
            created_at: now,
            seen_at: now,
            expires_at: after(now, new.lasts.absolute),
        };
        let row = SESSIONS.row([
            ("id", Value::Text(session.id.clone())),
            (
                "hash",
                Value::Text(random::hash_for(PURPOSE, text.reveal())),
            ),
            ("account", Value::Text(session.account.clone())),
            ("user", Value::Text(session.user.clone())),
            (
                "methods",
                table::json(&session.methods).map_err(|error| crate::trouble(&error))?,
            ),
            (
                "authenticated_at",
                Value::Timestamp(session.authenticated_at),
            ),
            (
                "client_address",
                or_null(session.client_address.clone(), Value::Text),
            ),
            ("agent", or_null(session.agent.clone(), Value::Text)),
            ("created_at", Value::Timestamp(now)),
            ("seen_at", Value::Timestamp(now)),
            ("expires_at", Value::Timestamp(session.expires_at)),
        ]);
        self.execute(SESSIONS.insert(self.driver.dialect()), row)
            .await?;
        Ok((session, text))
    }

    /// Whose cookie this is, if the session still lasts.
    ///
    /// # Errors
    /// When that cannot be told.
    pub async fn find(
        &self,
        text: &str,
        idle: Duration,
        now: Timestamp,
    ) -> Result<Option<Arc<Session>>, Failure> {
        if !random::may_be(text) {
            return Ok(None);
        }
        let hash = random::hash_for(PURPOSE, text);
        // Before the database is asked: what is ended meanwhile must not be believed longer.
        let asked = Instant::now();
        let lasts = |session: &Session| {
            session.expires_at > now && after(session.seen_at, idle + SEEN_EVERY) > now
        };
        let forgotten = {
            let memory = self
                .remembered
                .read()
                .unwrap_or_else(PoisonError::into_inner);
            match memory.by_hash.get(&hash) {
                Some((session, until)) if asked < *until => {
                    return Ok(Some(Arc::clone(session)).filter(|session| lasts(session)));
                }
                _ => memory.forgotten,
            }
        };
        let parameters = self.find.bind_args(&[Value::Text(hash.clone())]);
        let rows = self.driver.query(&self.find.statement, &parameters).await;
        let rows = rows.map_err(|error| crate::trouble(&error))?;
        let read = SESSIONS
            .rows(&rows)
            .next()
            .map(|row| read(&row))
            .transpose();
        let found = read.map_err(|error| crate::trouble(&error))?;
        let Some(mut session) = found.filter(lasts) else {
            return Ok(None);
        };
        if after(session.seen_at, SEEN_EVERY) <= now {
            let tests = [Test::Is("id"), Test::AtMost("seen_at")];
            let touch = SESSIONS.update(self.driver.dialect(), &[Set::To("seen_at")], &tests);
            let arguments = vec![
                Value::Timestamp(now),
                Value::Text(session.id.clone()),
                Value::Timestamp(session.seen_at),
            ];
            self.execute(touch, arguments).await?;
            session.seen_at = now;
        }
        let session = Arc::new(session);
        let mut memory = self
            .remembered
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        if memory.forgotten == forgotten {
            if memory.by_hash.len() >= REMEMBERED_MAX {
                memory.by_hash.clear();
            }
            memory
                .by_hash
                .insert(hash, (Arc::clone(&session), asked + REMEMBERED_FOR));
        }
        Ok(Some(session))
    }

    /// Another text for a browser that has proved more than before; the old one is worth nothing
    /// from now on.
    ///
    /// # Errors
    /// When the one cannot be begun or the other not ended; then both are as they were, or the old
    /// one has ended.
    pub async fn renew(
        &self,
        old: Option<&str>,
        new: NewSession<'_>,
        now: Timestamp,
    ) -> Result<(Session, Unguessable), Failure> {
        if let Some(text) = old.filter(|text| random::may_be(text)) {
            let tests = [Test::Is("hash"), Test::IsNull("ended_at")];
            let end = SESSIONS.update(self.driver.dialect(), &[Set::To("ended_at")], &tests);
            let hash = Value::Text(random::hash_for(PURPOSE, text));
            self.execute(end, vec![Value::Timestamp(now), hash]).await?;
            self.forget();
        }
        self.begin(new, now).await
    }

    /// Ends one session of an account. Whether there was one.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn end(&self, account: &str, id: &str, now: Timestamp) -> Result<bool, Failure> {
        let tests = [
            Test::Is("account"),
            Test::Is("id"),
            Test::IsNull("ended_at"),
        ];
        let end = SESSIONS.update(self.driver.dialect(), &[Set::To("ended_at")], &tests);
        let arguments = vec![
            Value::Timestamp(now),
            Value::Text(account.to_owned()),
            Value::Text(id.to_owned()),
        ];
        let ended = self.execute(end, arguments).await?;
        self.forget();
        Ok(ended > 0)
    }

    /// Ends all sessions of an account.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn end_all(&self, account: &str, now: Timestamp) -> Result<(), Failure> {
        let tests = [Test::Is("account"), Test::IsNull("ended_at")];
        let end = SESSIONS.update(self.driver.dialect(), &[Set::To("ended_at")], &tests);
        let arguments = vec![Value::Timestamp(now), Value::Text(account.to_owned())];
        self.execute(end, arguments).await?;
        self.forget();
        Ok(())
    }

    /// The sessions of an account that last, the newest first.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn list(&self, account: &str, now: Timestamp) -> Result<Vec<Session>, Failure> {
        let tests = [
            Test::Is("account"),
            Test::IsNull("ended_at"),
            Test::Above("expires_at"),
        ];
        let order = Order::Descending("created_at");
        let list = SESSIONS.list(self.driver.dialect(), &tests, order, LISTED_MAX);
        let parameters = list.bind_args(&[Value::Text(account.to_owned()), Value::Timestamp(now)]);
        let rows = self.driver.query(&list.statement, &parameters).await;
        let rows = rows.map_err(|error| crate::trouble(&error))?;
        let read: Result<Vec<Session>, StoreError> =
            SESSIONS.rows(&rows).map(|row| read(&row)).collect();
        read.map_err(|error| crate::trouble(&error))
    }

    /// The statement that removes what is long over. Argument: until when.
    pub fn sweep(&self) -> Prepared {
        SESSIONS.delete(self.driver.dialect(), &[Test::AtMost("expires_at")])
    }

    fn forget(&self) {
        let mut memory = self
            .remembered
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        memory.by_hash.clear();
        memory.forgotten = memory.forgotten.wrapping_add(1);
    }

    async fn execute(&self, prepared: Prepared, arguments: Vec<Value>) -> Result<u64, Failure> {
        let executed = store::execute(&*self.driver, vec![(prepared, arguments)]).await;
        executed.map_err(|error| crate::trouble(&error))
    }
}

fn after(at: Timestamp, lasts: Duration) -> Timestamp {
    let lasts = i64::try_from(lasts.as_millis()).unwrap_or(i64::MAX);
    Timestamp(at.0.saturating_add(lasts))
}

fn read(row: &Row<'_>) -> Result<Session, StoreError> {
    Ok(Session {
        id: row.text("id")?,
        account: row.text("account")?,
        user: row.text("user")?,
        methods: row.json("methods")?,
        authenticated_at: row.time("authenticated_at")?,
        client_address: row.text_or_null("client_address")?,
        agent: row.text_or_null("agent")?,
        created_at: row.time("created_at")?,
        seen_at: row.time("seen_at")?,
        expires_at: row.time("expires_at")?,
    })
}
