//! Appending, and giving numbers to what was appended.

use std::fmt;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use store::driver::{BoxFuture, Driver, Isolation, Transaction, Undo, Work};
use store::people::{self, AUDIT};
use store::table::{Order, Set, Test};
use store::{Prepared, StoreError};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};
use value::{Timestamp, Value};
use vault::{SecretError, Vault};

use crate::chain::{Chain, For};
use crate::entry::{Entry, Kept};

/// What the key is called that hashes are made with.
const KEY: &str = "audit";
/// Entries numbered in one transaction.
const NUMBERED_AT_ONCE: u32 = 500;
/// Of a position that waits, below its sign and a count of 16 bits.
const RANDOM_BITS: u32 = 47;
/// How long entries gather before they are numbered: a transaction that has appended one may not
/// have ended.
const GATHERED: Duration = Duration::from_millis(50);
/// How long entries wait whose server has not numbered them.
const EVERY: Duration = Duration::from_secs(10);

/// The audit log of a database.
pub struct Audit {
    pub(crate) driver: Arc<dyn Driver>,
    pub(crate) chain: Chain,
    insert: Prepared,
    /// Of what was appended here.
    count: AtomicU16,
    appended: Notify,
}

impl fmt::Debug for Audit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Audit")
            .field("is_keyed", &self.is_keyed())
            .finish_non_exhaustive()
    }
}

/// Why nothing can be written down or read.
#[derive(Debug)]
pub enum AuditError {
    /// The key that hashes are made with cannot be had.
    Key(SecretError),
    Store(StoreError),
}

impl fmt::Display for AuditError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AuditError::Key(error) => write!(f, "the key of the audit log: {error}"),
            AuditError::Store(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for AuditError {}

impl From<StoreError> for AuditError {
    fn from(error: StoreError) -> AuditError {
        AuditError::Store(error)
    }
}

impl Audit {
    /// That of a database. With a vault, hashes are made with a key that is sealed in it; once
    /// they are, nobody goes on without.
    ///
    /// # Errors
    /// When the key cannot be opened or kept, or the database does not answer.
    pub async fn open(
        driver: Arc<dyn Driver>,
        vault: Option<&Vault>,
        now: Timestamp,
    ) -> Result<Audit, AuditError> {
        let has_key = vault::has_sealed_key(&*driver, KEY).await?;
        let open = Audit::with(Arc::clone(&driver), Chain::Open);
        let Some(vault) = vault else {
            return match has_key {
                true => Err(AuditError::Key(SecretError::NoMasterKey)),
                false => Ok(open),
            };
        };
        if !has_key {
            // What waits was put there without a key, and cannot be told from what is forged
            // once there is one.
            open.settle().await?;
        }
        let key = vault::sealed_key(&*driver, vault, KEY, now).await;
        let key = key.map_err(AuditError::Key)?;
        Ok(Audit::with(driver, Chain::Keyed(key)))
    }

    fn with(driver: Arc<dyn Driver>, chain: Chain) -> Audit {
        let insert = AUDIT.insert(driver.dialect());
        Audit {
            driver,
            chain,
            insert,
            count: AtomicU16::new(0),
            appended: Notify::new(),
        }
    }

    /// Whether who has the database alone cannot make hashes.
    pub fn is_keyed(&self) -> bool {
        matches!(self.chain, Chain::Keyed(_))
    }

    /// Writes an entry down in the transaction of the act: there is the one exactly if there is
    /// the other. It gets its number a moment after.
    ///
    /// # Errors
    /// When the database does not take it.
    pub async fn append_in(
        &self,
        transaction: &mut dyn Transaction,
        entry: &Entry,
    ) -> Result<(), StoreError> {
        let (insert, arguments) = self.insertion(entry)?;
        let parameters = insert.bind_args(&arguments);
        transaction
            .execute_ahead(&insert.statement, parameters)
            .await
    }

    /// The same as a statement with its arguments, for acts that are statements (see
    /// [`store::execute`]).
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn insertion(&self, entry: &Entry) -> Result<(Prepared, Vec<Value>), StoreError> {
        let arguments = self.waiting(entry)?;
        self.appended.notify_one();
        Ok((self.insert.clone(), arguments))
    }

    /// Writes an entry down by itself, and numbers it.
    ///
    /// # Errors
    /// When the database does not take it.
    pub async fn append(&self, entry: &Entry) -> Result<(), AuditError> {
        store::execute(&*self.driver, vec![self.insertion(entry)?]).await?;
        if let Err(error) = self.settle().await {
            // It is there, and whoever looks next numbers it.
            tracing::warn!(%error, "an entry of the audit log waits for its number");
        }
        Ok(())
    }

    /// The row of an entry that waits.
    fn waiting(&self, entry: &Entry) -> Result<Vec<Value>, StoreError> {
        let mut bytes = [0; 8];
        getrandom::fill(&mut bytes).map_err(|_| StoreError::Internal {
            reason: "the operating system gave no random bytes".to_owned(),
        })?;
        // Below zero, where no two are ever alike; of those of one millisecond, in order.
        let count = i64::from(self.count.fetch_add(1, Ordering::Relaxed));
        let random = i64::from_be_bytes(bytes) & ((1 << RANDOM_BITS) - 1);
        let position = i64::MIN | count << RANDOM_BITS | random;
        let kept = entry.kept(position);
        let hash = self.chain.hash(For::Waiting, &kept);
        Ok(entry.row(position, kept.detail, hash))
    }

    /// Numbers what waits and chains it to what is there. Returns how many entries it were.
    ///
    /// # Errors
    /// When the database cannot or does not answer.
    pub async fn settle(&self) -> Result<u64, StoreError> {
        let mut all = 0;
        loop {
            let waiting = self.waits().await?;
            if !waiting.iter().any(|entry| self.chain.takes(entry)) {
                return Ok(all);
            }
            let place = Arc::new(Mutex::new(0));
            let work = Settle {
                chain: self.chain.clone(),
                statements: Statements::of(&*self.driver),
                settled: Arc::clone(&place),
            };
            match self.driver.write(Box::new(work)).await {
                Ok(()) => {}
                Err(Undo::Store(error)) => return Err(error),
                Err(Undo::Refused) => return Ok(all),
            }
            let settled = *place.lock().unwrap_or_else(PoisonError::into_inner);
            all += settled;
            if settled == 0 {
                // Others have been faster.
                return Ok(all);
            }
        }
    }

    /// What waits for its number, as far as one look goes.
    pub(crate) async fn waits(&self) -> Result<Vec<Kept>, StoreError> {
        let list = waiting(&*self.driver);
        let arguments = list.bind_args(&[Value::Int(0)]);
        let rows = self.driver.query(&list.statement, &arguments).await?;
        AUDIT.rows(&rows).map(|row| Kept::of(&row)).collect()
    }

    /// Numbers what is appended until it is dropped, soon after.
    pub async fn keep(&self) {
        loop {
            if let Err(error) = self.settle().await {
                tracing::warn!(%error, "entries of the audit log wait for their numbers");
            }
            if timeout(EVERY, self.appended.notified()).await.is_ok() {
                sleep(GATHERED).await;
            }
        }
    }
}

fn waiting(driver: &dyn Driver) -> Prepared {
    AUDIT.list(
        driver.dialect(),
        &[Test::AtMost("position")],
        Order::Ascending("at"),
        NUMBERED_AT_ONCE,
    )
}

/// The statements of a [`Settle`].
struct Statements {
    /// So that one goes after the other; one writer needs none.
    lock: Option<Prepared>,
    last: Prepared,
    waiting: Prepared,
    number: Prepared,
}

impl Statements {
    fn of(driver: &dyn Driver) -> Statements {
        let dialect = driver.dialect();
        let chained = &[Test::Above("position")];
        Statements {
            lock: people::lock_audit(dialect),
            last: AUDIT.list(dialect, chained, Order::Descending("position"), 1),
            waiting: waiting(driver),
            number: AUDIT.update(
                dialect,
                &[Set::To("position"), Set::To("hash")],
                &[Test::Is("position")],
            ),
        }
    }
}

/// Numbers what waits.
struct Settle {
    chain: Chain,
    statements: Statements,
    /// How many it were.
    settled: Arc<Mutex<u64>>,
}

impl Work for Settle {
    fn run<'a>(&'a mut self, tx: &'a mut dyn Transaction) -> BoxFuture<'a, Result<(), Undo>> {
        Box::pin(async move {
            let Statements {
                lock,
                last,
                waiting,
                number,
            } = &self.statements;
            if let Some(lock) = lock {
                tx.query(&lock.statement, &[]).await?;
            }
            let zero = [Value::Int(0)];
            let rows = tx.query(&last.statement, &last.bind_args(&zero)).await?;
            let last = AUDIT.rows(&rows).next().map(|row| Kept::of(&row));
            let last = last.transpose()?;
            let (mut position, mut before) = match last {
                Some(last) => (last.position, after(&last)),
                None => (0, String::new()),
            };
            let rows = tx
                .query(&waiting.statement, &waiting.bind_args(&zero))
                .await?;
            let mut settled = 0;
            for row in AUDIT.rows(&rows) {
                let mut entry = Kept::of(&row)?;
                if !self.chain.takes(&entry) {
                    continue;
                }
                let old = entry.position;
                position += 1;
                entry.position = position;
                let hash = self.chain.hash(For::After(&before), &entry);
                let arguments = [
                    Value::Int(position),
                    Value::Text(hash.clone()),
                    Value::Int(old),
                ];
                tx.execute(&number.statement, &number.bind_args(&arguments))
                    .await?;
                before = hash;
                settled += 1;
            }
            *self.settled.lock().unwrap_or_else(PoisonError::into_inner) = settled;
            Ok(())
        })
    }

    /// It takes a lock first, and then wants to know what there is.
    fn isolation(&self) -> Isolation {
        Isolation::Latest
    }
}

/// The hash that the next entry follows: an anchor stands for the last of those it replaced.
pub(crate) fn after(entry: &Kept) -> String {
    crate::prune::anchored(entry).unwrap_or_else(|| entry.hash.clone())
}
