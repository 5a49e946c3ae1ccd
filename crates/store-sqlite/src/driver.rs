//! [`SqliteDriver`]: puts readers and writer together behind the [`Driver`] interface.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

use store::driver::{
    BoxFuture, Cost, Dialect, Driver, Rows, Statement, Storage, StoreError, Undo, Work,
};
use value::Value;

use crate::error::unavailable;
use crate::limit::TimeLimit;
use crate::options::Options;
use crate::pin::Pin;
use crate::readers::Readers;
use crate::session::{File, Role, Session};
use crate::writer::Writer;

/// A SQLite database file, open. Dropping it waits until all writes handed over are
/// committed; several processes may have the same file open.
pub struct SqliteDriver {
    file: Arc<File>,
    readers: Readers,
    writer: Writer,
    look: Arc<Statement>,
}

impl SqliteDriver {
    /// Opens the file, making it and its folder if they are not there, for their owner
    /// alone.
    pub fn open(path: &Path, options: Options) -> Result<Self, StoreError> {
        let file = Arc::new(File::create(path, options)?);
        let session = Session::open(&file, Role::Writer, Arc::new(TimeLimit::unlimited()))?;
        let look = Arc::new(Statement {
            text: Cow::Borrowed("SELECT count(*) FROM sqlite_schema"),
            parameters: Vec::new(),
            columns: vec![Storage::Int],
            cost: Cost::Short,
        });
        // Tells at once if this is no database, or a damaged one.
        session.query(&look, &[])?;
        let pin = Arc::new(Pin::new(&file));
        let mut readers = Readers::start(&file, Arc::clone(&pin))?;
        match Writer::start(&file, session, pin) {
            Ok(writer) => Ok(SqliteDriver {
                file,
                readers,
                writer,
                look,
            }),
            Err(error) => {
                readers.stop();
                Err(error)
            }
        }
    }
}

impl Driver for SqliteDriver {
    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    fn query<'a>(
        &'a self,
        statement: &'a Arc<Statement>,
        parameters: &'a [Value],
    ) -> BoxFuture<'a, Result<Rows, StoreError>> {
        Box::pin(async move {
            if statement.cost == Cost::Short
                && let Some(result) = self.readers.query_here(statement, parameters)
            {
                return result;
            }
            self.readers.query_there(statement, parameters).await
        })
    }

    fn snapshot(&self, cost: Cost, mut work: Box<dyn Work>) -> BoxFuture<'_, Result<(), Undo>> {
        Box::pin(async move {
            if cost == Cost::Short
                && let Some(result) = self.readers.snapshot_here(work.as_mut())
            {
                return result;
            }
            self.readers.snapshot_there(work).await
        })
    }

    fn write(&self, work: Box<dyn Work>) -> BoxFuture<'_, Result<(), Undo>> {
        Box::pin(self.writer.write(work))
    }

    fn migrate<'a>(&'a self, script: &'a [String]) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(self.writer.migrate(script))
    }

    fn ready(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            if !self.file.is_in_place() {
                return Err(unavailable("the file has been moved or deleted"));
            }
            self.query(&self.look, &[]).await?;
            self.writer.ready().await
        })
    }
}

impl Drop for SqliteDriver {
    fn drop(&mut self) {
        // The writer's connection closes last: that one clears the log away.
        self.readers.stop();
        self.writer.stop();
    }
}
