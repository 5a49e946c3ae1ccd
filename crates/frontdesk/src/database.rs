//! The database: where it is, opened, brought to a model, and what is kept in it beside records.
//!
//! Knows that it is SQLite or PostgreSQL; nobody above does.

use std::fmt;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use model::Model;
use store::migrate::{self, ApplyError, Plan, Refusal, Risk, Step};
use store::{Driver, StoreError};
use store_postgres::{PostgresDriver, Target};
use store_sqlite::{Durability, Options, Served, SqliteDriver};
use vault::{SecretError, Vault};

use crate::clock::now;
use crate::error::Error;
use crate::file_error::FileError;

/// The file in the data folder.
pub(crate) const FILE: &str = "frontdesk.db";

/// Where records are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// In a SQLite file in this folder.
    Folder(PathBuf),
    /// In a PostgreSQL database.
    Server(Box<Target>),
}

/// As it may be told to anybody: without the password.
impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Location::Folder(folder) => folder.join(FILE).display().fmt(f),
            Location::Server(target) => target.fmt(f),
        }
    }
}

/// The longest that one look at all records of a resource takes. While it lasts, the log of the
/// database cannot start over.
const BULK_TIME_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// A database, open.
#[derive(Clone)]
pub struct Database {
    driver: Arc<dyn Driver>,
    location: Location,
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Database").field(&self.location).finish()
    }
}

/// What has to be done to the tables before a contract can be served.
#[derive(Debug)]
pub struct Pending {
    pub plan: Plan,
    /// How many rows each step goes over, where it does.
    pub touched_rows: Vec<Option<i64>>,
    /// What in the data stands in the way.
    pub refusals: Vec<Refusal>,
    /// There are no tables at all yet.
    pub is_new: bool,
}

impl Pending {
    /// Whether every record that is there stays: an empty table can go.
    pub fn loses_nothing(&self) -> bool {
        self.losing().next().is_none()
    }

    /// The steps that lose something.
    pub fn losing(&self) -> impl Iterator<Item = &Step> {
        let steps = self.plan.steps.iter().zip(&self.touched_rows);
        steps
            .filter(|(step, rows)| self.risk(step, **rows) >= Risk::Loses)
            .map(|(step, _)| step)
    }

    /// What a step risks with the records that are there: `rows` of them are touched.
    pub fn risk(&self, step: &Step, rows: Option<i64>) -> Risk {
        match (step.risk, rows) {
            (Risk::Loses, Some(0)) => Risk::Safe,
            (risk, _) => risk,
        }
    }
}

impl Database {
    /// Opens the database in a data folder, making both if they are not there.
    ///
    /// # Errors
    /// When the folder cannot be made or the file is no database.
    pub fn open(folder: &Path) -> Result<Database, Error> {
        Database::open_with(folder, Options::default())
    }

    fn open_with(folder: &Path, options: Options) -> Result<Database, Error> {
        make_private(folder)?;
        let file = folder.join(FILE);
        if file.is_dir() {
            let source = io::Error::from(io::ErrorKind::IsADirectory);
            return Err(FileError::writing(&file, source).into());
        }
        let location = Location::Folder(folder.to_owned());
        match SqliteDriver::open(&file, options) {
            Ok(driver) => Ok(Database {
                driver: Arc::new(driver),
                location,
            }),
            Err(source) => Err(Error::Database { location, source }),
        }
    }

    /// Opens the database that is there, or makes it where that is a matter of a file. On a
    /// server it lasts as long as the runtime it was opened in.
    ///
    /// # Errors
    /// When the folder cannot be made, the file is no database, or the server cannot be reached.
    pub async fn connect(location: &Location) -> Result<Database, Error> {
        Database::connect_as(location, Durability::default()).await
    }

    /// The same, where a file's writes are done when this says. On a server that is the server's
    /// own setting.
    ///
    /// # Errors
    /// When the folder cannot be made, the file is no database, or the server cannot be reached.
    pub async fn connect_as(
        location: &Location,
        durability: Durability,
    ) -> Result<Database, Error> {
        let sqlite = Options {
            durability,
            ..Options::default()
        };
        Database::connect_with(location, sqlite, store_postgres::Options::default()).await
    }

    /// The same for work that goes over whole tables, by a process that does nothing else.
    ///
    /// # Errors
    /// When the folder cannot be made, the file is no database, or the server cannot be reached.
    pub async fn connect_for_bulk(location: &Location) -> Result<Database, Error> {
        let sqlite = Options {
            long_time_max: BULK_TIME_MAX,
            ..Options::default()
        };
        let postgres = store_postgres::Options {
            long_time_max: BULK_TIME_MAX,
            ..store_postgres::Options::default()
        };
        Database::connect_with(location, sqlite, postgres).await
    }

    async fn connect_with(
        location: &Location,
        sqlite: Options,
        postgres: store_postgres::Options,
    ) -> Result<Database, Error> {
        let target = match location {
            Location::Folder(folder) => return Database::open_with(folder, sqlite),
            Location::Server(target) => Target::clone(target),
        };
        match PostgresDriver::open(target, postgres).await {
            Ok(driver) => Ok(Database {
                driver: Arc::new(driver),
                location: location.clone(),
            }),
            Err(source) => Err(Error::Database {
                location: location.clone(),
                source,
            }),
        }
    }

    /// Whether there are tables already; looks without making anything.
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub async fn exists(location: &Location) -> Result<bool, Error> {
        if let Location::Folder(folder) = location {
            let file = folder.join(FILE);
            match fs::metadata(&file) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
                Err(error) => return Err(FileError::reading(&file, error).into()),
                Ok(_) => {}
            }
        }
        let database = Database::connect(location).await?;
        let applied = migrate::applied(&*database.driver).await;
        Ok(applied.map_err(|error| database.failed(error))?.is_some())
    }

    pub fn driver(&self) -> &Arc<dyn Driver> {
        &self.driver
    }

    pub fn location(&self) -> &Location {
        &self.location
    }

    /// What the tables lack for this model; nothing if they fit.
    ///
    /// # Errors
    /// [`Error::Refused`] when there is no way without being told more.
    pub async fn pending(&self, model: &Model) -> Result<Option<Pending>, Error> {
        let driver = &*self.driver;
        let failed = |error| self.failed(error);
        let applied = migrate::applied(driver).await.map_err(failed)?;
        let plan =
            migrate::plan(applied.as_ref(), model, driver.dialect()).map_err(Error::Refused)?;
        if plan.is_empty() {
            return Ok(None);
        }
        let (touched_rows, refusals) = match applied {
            // There is nothing to count in tables that do not exist.
            None => (vec![None; plan.steps.len()], vec![]),
            Some(_) => (
                migrate::touched_rows(driver, &plan).await.map_err(failed)?,
                migrate::check(driver, &plan).await.map_err(failed)?,
            ),
        };
        Ok(Some(Pending {
            plan,
            touched_rows,
            refusals,
            is_new: applied.is_none(),
        }))
    }

    /// Writes down what a model allows whose tables are there, so that a contract that allows
    /// less is noticed. To be called before records are written.
    ///
    /// # Errors
    /// When the database cannot keep it.
    pub async fn note(&self, model: &Model) -> Result<(), Error> {
        let driver = &*self.driver;
        let failed = |error| self.failed(error);
        let applied = migrate::applied(driver).await.map_err(failed)?;
        let plan =
            migrate::plan(applied.as_ref(), model, driver.dialect()).map_err(Error::Refused)?;
        migrate::note(driver, &plan).await.map_err(failed)
    }

    /// Whether frontdesk's own tables were made by an older release and not migrated since.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn is_of_older_release(&self) -> Result<bool, Error> {
        let applied = migrate::applied(&*self.driver).await;
        let applied = applied.map_err(|error| self.failed(error))?;
        Ok(applied.is_some_and(|applied| applied.is_of_older_release()))
    }

    /// How often the tables have been changed since they were made, if they are those of a model.
    ///
    /// # Errors
    /// When the database does not answer, or another process has just brought the tables to another
    /// contract.
    pub async fn migrations(&self, model: &Model) -> Result<u64, Error> {
        let applied = migrate::applied(&*self.driver).await;
        let applied = applied.map_err(|error| self.failed(error))?;
        match migrate::plan(applied.as_ref(), model, self.driver.dialect()) {
            Ok(plan) if plan.is_empty() => Ok(applied.map_or(0, |applied| applied.times())),
            _ => Err(Error::Migration(ApplyError::Overtaken)),
        }
    }

    /// Applies what is pending, in one transaction.
    ///
    /// # Errors
    /// When the data does not fit, or would be lost and may not be. Nothing has changed then.
    pub async fn apply(&self, pending: &Pending, allow_data_loss: bool) -> Result<(), Error> {
        let allowed = allow_data_loss || pending.loses_nothing();
        let done = migrate::apply(&*self.driver, &pending.plan, now(), allowed).await;
        done.map_err(|error| match error {
            ApplyError::Store(error) => self.failed(error),
            ApplyError::Refused(refusals) => Error::Refused(refusals),
            ApplyError::Loses(_) => {
                let steps = pending.losing().map(|step| step.what.clone());
                Error::Migration(ApplyError::Loses(steps.collect()))
            }
            ApplyError::Overtaken => Error::Migration(ApplyError::Overtaken),
        })
    }

    /// Makes this process the only one that serves a data folder, as long as the claim is there. On
    /// a server there may be others.
    ///
    /// # Errors
    /// [`Error::Served`] if another one does.
    pub(crate) fn claim(&self, address: SocketAddr) -> Result<Option<Served>, Error> {
        let Location::Folder(folder) = &self.location else {
            return Ok(None);
        };
        let who = format!("process {} on http://{address}", std::process::id());
        let file = folder.join(FILE);
        let claimed =
            Served::claim(&file, &who).map_err(|source| FileError::writing(&file, source))?;
        claimed.map(Some).map_err(|by| Error::Served {
            folder: folder.clone(),
            by,
        })
    }

    /// Says that this process is the one that serves a data folder: what another has left running
    /// is not waited for. On a server there may be others.
    pub(crate) async fn take_over(&self) {
        if matches!(self.location, Location::Server(_)) {
            return;
        }
        let statement = store::leases::end_all(self.driver.dialect());
        if let Err(error) = store::execute(&*self.driver, vec![(statement, vec![])]).await {
            // They end by themselves, a little later.
            tracing::warn!(?error, "what was left running is not known yet");
        }
    }

    /// A key of 32 random bytes that is made when it is first asked for and then stays, sealed
    /// where there is a vault.
    ///
    /// # Errors
    /// When the database cannot keep it, it cannot be opened, or there is no randomness.
    pub async fn key(&self, name: &str, vault: Option<&Vault>) -> Result<[u8; 32], Error> {
        match vault::kept_key(&*self.driver, vault, name, now()).await {
            Ok(key) => Ok(*key),
            Err(SecretError::Store(error)) => Err(self.failed(error)),
            Err(source) => Err(Error::Secret {
                name: name.to_owned(),
                source,
            }),
        }
    }

    fn failed(&self, source: StoreError) -> Error {
        Error::Database {
            location: self.location.clone(),
            source,
        }
    }
}

/// Makes a folder that only its owner can look into, unless it exists.
pub(crate) fn make_private(folder: &Path) -> Result<(), FileError> {
    if folder.is_dir() {
        return Ok(());
    }
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    let made = builder.create(folder);
    made.map_err(|source| FileError::making_folder(folder, source))
}
