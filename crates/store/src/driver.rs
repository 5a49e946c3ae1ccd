//! The narrow waist between SQL texts and a database: what a driver must do.
//!
//! A driver runs prepared [`Statement`]s with typed values and keeps these promises:
//!
//! 1. A write is acknowledged only when it is durable. Either all of a [`Work`] is, or none.
//! 2. Reads never wait for writers and see only committed data.
//! 3. Feed positions are in commit order: a reader who has seen position n never finds a
//!    new entry below n later.
//! 4. Nothing it is given can make it panic; every wait has a bound.

use std::borrow::Cow;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use value::Value;

pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Which SQL is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    Sqlite,
    Postgres,
}

/// How a value lies in a column. One [`value::Type`] has exactly one storage type;
/// money alone takes two columns (a decimal and a text).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Storage {
    /// SQLite: INTEGER 0/1. PostgreSQL: boolean.
    Bool,
    /// All integer types and integer ids. INTEGER / bigint.
    Int,
    /// REAL / double precision.
    Float,
    /// TEXT (compared by code point in both: PostgreSQL columns are COLLATE "C").
    Text,
    /// Millionths as INTEGER / numeric(18,6).
    Decimal,
    /// Days since 1970-01-01 as INTEGER / date.
    Date,
    /// Milliseconds since the epoch as INTEGER / timestamptz.
    Timestamp,
    /// 16 bytes as BLOB / uuid.
    Uuid,
    /// JSON text of lists, objects and `json` fields; read and bound as [`Value::Json`].
    /// TEXT / jsonb… as the dialect likes.
    Json,
}

/// How much a statement may read: decides where it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cost {
    /// One row by key, or a page along an index: short by construction.
    Short,
    /// May walk a table: must not hold up anybody else.
    Long,
}

/// A statement text, prepared once per connection and kept by its text.
#[derive(Debug)]
pub struct Statement {
    /// Parameters are written `?1`, `?2` for SQLite and `$1`, `$2` for PostgreSQL.
    pub text: Cow<'static, str>,
    /// Storage type of each parameter, in order.
    pub parameters: Vec<Storage>,
    /// Storage type of each result column, in order. Empty for statements without a result.
    pub columns: Vec<Storage>,
    pub cost: Cost,
}

/// A result, row after row in one allocation.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rows {
    pub width: usize,
    pub cells: Vec<Value>,
}

impl Rows {
    pub fn len(&self) -> usize {
        self.cells.len().checked_div(self.width).unwrap_or(0)
    }

    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = &[Value]> {
        self.cells.chunks_exact(self.width.max(1))
    }
}

/// Statements inside one snapshot or one transaction.
pub trait Transaction: Send {
    /// Runs a statement and returns all its rows.
    fn query<'a>(
        &'a mut self,
        statement: &'a Arc<Statement>,
        parameters: &'a [Value],
    ) -> BoxFuture<'a, Result<Rows, StoreError>>;

    /// Runs a statement and returns how many rows it changed.
    fn execute<'a>(
        &'a mut self,
        statement: &'a Arc<Statement>,
        parameters: &'a [Value],
    ) -> BoxFuture<'a, Result<u64, StoreError>>;

    /// Runs an INSERT of one row and returns the id that the database has counted for it. The
    /// statement returns the id itself where the database has no quicker way to tell.
    fn insert<'a>(
        &'a mut self,
        statement: &'a Arc<Statement>,
        parameters: &'a [Value],
    ) -> BoxFuture<'a, Result<Value, StoreError>> {
        Box::pin(async move {
            let mut rows = self.query(statement, parameters).await?;
            rows.cells.pop().ok_or_else(|| StoreError::Internal {
                reason: "an insert returned no id".to_owned(),
            })
        })
    }

    /// Runs a statement that will be taken, as far as anybody knows, and whose outcome is not
    /// needed to go on. A database that is a journey away is not waited for: if it refuses the
    /// statement nevertheless, the work is run again from its start and told in this place.
    fn execute_ahead<'a>(
        &'a mut self,
        statement: &'a Arc<Statement>,
        parameters: Vec<Value>,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move { self.execute(statement, &parameters).await.map(drop) })
    }
}

/// What to do inside one transaction. May be run again from the start when the database
/// asks for it (deadlock, serialisation failure), so it must not keep state between runs.
///
/// Inside `run` nothing may be awaited but the transaction itself: on SQLite the work runs
/// on the one writer thread, and everybody else's writes wait for it.
pub trait Work: Send {
    /// `Err` undoes everything this work did.
    fn run<'a>(&'a mut self, tx: &'a mut dyn Transaction) -> BoxFuture<'a, Result<(), Undo>>;

    /// What it may see of others that write at the same time.
    fn isolation(&self) -> Isolation {
        Isolation::Serial
    }

    /// The whole of it as one statement, if it is no more than that: then a database may commit
    /// it together with others of the kind and calls [`Work::done`]. If anything comes in between,
    /// nothing has been done, and it is run instead.
    fn sole(&mut self) -> Option<Sole> {
        None
    }

    /// What its sole statement gave, once it is durable.
    fn done(&mut self, rows: Rows) {
        let _ = rows;
    }
}

/// A statement that is all of a [`Work`].
#[derive(Clone, Debug)]
pub struct Sole {
    pub statement: Arc<Statement>,
    pub parameters: Vec<Value>,
}

/// What a writing [`Work`] sees of others that run at the same time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Isolation {
    /// Nothing: as if all were run one after the other. Whoever decides by what it reads needs
    /// this.
    #[default]
    Serial,
    /// Each statement sees what was committed before it began. For works that take a lock
    /// first and then want to know what there is; with one writer there is no difference.
    Latest,
}

/// Why a work is to be undone.
#[derive(Debug)]
pub enum Undo {
    /// The work decided so and keeps its reason itself.
    Refused,
    Store(StoreError),
}

impl From<StoreError> for Undo {
    fn from(error: StoreError) -> Self {
        Undo::Store(error)
    }
}

/// A database.
pub trait Driver: Send + Sync {
    fn dialect(&self) -> Dialect;

    /// One statement in a snapshot of its own.
    fn query<'a>(
        &'a self,
        statement: &'a Arc<Statement>,
        parameters: &'a [Value],
    ) -> BoxFuture<'a, Result<Rows, StoreError>>;

    /// Several reading statements in one snapshot. `cost` is that of the dearest one: short
    /// work may run where it stands, long work must not hold up anybody else.
    /// What the work finds it leaves in a place it shares with its maker.
    fn snapshot(&self, cost: Cost, work: Box<dyn Work>) -> BoxFuture<'_, Result<(), Undo>>;

    /// One transaction. Returns after it is durable (or undone). A work whose caller has gone
    /// (dropped the future) before its turn is not begun, so that what is given up under load is
    /// not done later on. Once begun, it is brought to its end, also without its caller.
    fn write(&self, work: Box<dyn Work>) -> BoxFuture<'_, Result<(), Undo>>;

    /// Runs a script of DDL in one transaction, with foreign keys checked at its end rather
    /// than per statement, so that tables can be rebuilt. For migrations only.
    fn migrate<'a>(&'a self, script: &'a [String]) -> BoxFuture<'a, Result<(), StoreError>>;

    /// Answers whether the database can be read and written now.
    fn ready(&self) -> BoxFuture<'_, Result<(), StoreError>>;
}

/// What a database can refuse. Constraints are told by name, so that the engine can say
/// which field was meant.
#[derive(Clone, Debug)]
pub enum StoreError {
    /// A unique index or primary key; `name` is the index's, or `TABLE.column` of the key.
    Unique { name: String },
    /// A foreign key. SQLite does not say which; the engine looks.
    ForeignKey,
    /// A statement ran longer than it may.
    TimedOut { after: Duration },
    /// A result takes more memory than it may.
    TooLarge { most_bytes: usize },
    /// Too much is waiting already. Try again later.
    Overloaded,
    /// Disk full, I/O error, connection lost, locked by another process. Nothing was changed.
    Unavailable { reason: String },
    /// The connection was lost while a write was being committed: nobody knows whether it was.
    InDoubt { reason: String },
    /// A newer release has brought the tables to a form that this one does not know.
    Newer,
    /// The file or schema is not what it should be.
    Corrupt { reason: String },
    /// Our own mistake: a statement the database does not accept.
    Internal { reason: String },
}

impl std::fmt::Display for StoreError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            StoreError::Unique { name } => write!(f, "a unique value is taken ({name})"),
            StoreError::ForeignKey => f.write_str("a reference points to no record"),
            StoreError::TimedOut { after } => {
                write!(f, "the statement ran longer than {} ms", after.as_millis())
            }
            StoreError::TooLarge { most_bytes } => {
                write!(f, "the result is larger than {} MiB", most_bytes >> 20)
            }
            StoreError::Overloaded => f.write_str("too many requests wait for the database"),
            StoreError::Unavailable { reason } => {
                write!(f, "the database is unavailable: {reason}")
            }
            StoreError::InDoubt { reason } => {
                write!(f, "whether the write was committed is not known: {reason}")
            }
            StoreError::Newer => f.write_str(
                "the database belongs to a newer frontdesk than this one; run that one, or \
                 restore a backup from before it",
            ),
            StoreError::Corrupt { reason } => write!(f, "the database is damaged: {reason}"),
            StoreError::Internal { reason } => {
                write!(f, "the database refused a statement: {reason}")
            }
        }
    }
}

impl std::error::Error for StoreError {}
