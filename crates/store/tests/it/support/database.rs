//! A SQLite file with a model's tables, and the few words to use it with.

use std::borrow::Cow;
use std::future::Future;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use model::Model;
use store::driver::{BoxFuture, Cost, Statement, Storage, Transaction, Undo};
use store::{Dialect, Driver, Prepared, StoreError, Work, layout, migrate, search, write};
use store_sqlite::{Durability, Options, SqliteDriver};
use value::{IdKind, Timestamp, Value};

pub struct Database {
    pub driver: SqliteDriver,
    _folder: tempfile::TempDir,
}

/// The time of everything in tests.
pub const NOW: Timestamp = Timestamp(1_800_000_000_000);

impl Database {
    pub fn empty() -> Database {
        let folder = tempfile::tempdir().unwrap();
        let driver = open(&folder.path().join("test.db"));
        Database {
            driver,
            _folder: folder,
        }
    }

    pub fn of(model: &Model) -> Database {
        let database = Database::empty();
        database.bring(model).unwrap();
        database
    }

    pub fn bring(&self, model: &Model) -> Result<bool, migrate::ApplyError> {
        wait(migrate::bring(&self.driver, model, NOW, false))
    }

    /// Inserts a record, given by the names of its fields; others are null, the id of an
    /// integer resource counted, times [`NOW`].
    pub fn insert(&self, model: &Model, resource: &str, fields: &[(&str, Value)]) -> Value {
        self.try_insert(model, resource, fields).unwrap()
    }

    pub fn try_insert(
        &self,
        model: &Model,
        resource: &str,
        fields: &[(&str, Value)],
    ) -> Result<Value, StoreError> {
        let resource = model.resource_named(resource).unwrap();
        let mut record = vec![Value::Null; resource.fields.len()];
        for field in resource.fields.iter().filter(|field| field.is_system()) {
            record[usize::from(field.id.0)] = Value::Timestamp(NOW);
        }
        record[0] = Value::Null;
        for (name, value) in fields {
            let field = resource
                .field_named(name)
                .unwrap_or_else(|| panic!("no field {name}"));
            record[usize::from(field.id.0)] = value.clone();
        }
        let mut args: Vec<Value> = layout::stored_fields(resource)
            .map(|field| record[usize::from(field.id.0)].clone())
            .collect();
        args.push(Value::Int(1));
        args.extend(search::text(resource, &record).map(Value::Text));
        let insert = write::insert(model, Dialect::Sqlite, resource.id);
        let parameters = insert.bind_args(&args);
        if resource.id_type.kind == IdKind::Integer {
            let rows = self.change_query(&insert, parameters)?;
            return Ok(rows[0].clone());
        }
        self.change(&insert, parameters)?;
        Ok(record[0].clone())
    }

    /// Runs a writing statement: how many rows it changed.
    pub fn change(&self, prepared: &Prepared, parameters: Vec<Value>) -> Result<u64, StoreError> {
        let changed = Arc::new(std::sync::Mutex::new(0));
        let work = Change {
            statement: Arc::clone(&prepared.statement),
            parameters,
            changed: Arc::clone(&changed),
            rows: None,
        };
        self.run(work)?;
        Ok(*changed.lock().unwrap())
    }

    /// Runs a writing statement that returns something: all cells.
    pub fn change_query(
        &self,
        prepared: &Prepared,
        parameters: Vec<Value>,
    ) -> Result<Vec<Value>, StoreError> {
        let rows = Arc::new(std::sync::Mutex::new(vec![]));
        let work = Change {
            statement: Arc::clone(&prepared.statement),
            parameters,
            changed: Arc::default(),
            rows: Some(Arc::clone(&rows)),
        };
        self.run(work)?;
        let rows = rows.lock().unwrap().clone();
        Ok(rows)
    }

    fn run(&self, work: Change) -> Result<(), StoreError> {
        match wait(self.driver.write(Box::new(work))) {
            Ok(()) => Ok(()),
            Err(Undo::Store(error)) => Err(error),
            Err(Undo::Refused) => unreachable!("this work never refuses"),
        }
    }

    pub fn query(&self, prepared: &Prepared, args: &[Value]) -> Vec<Vec<Value>> {
        self.query_bound(prepared, &prepared.bind_args(args))
    }

    pub fn query_bound(&self, prepared: &Prepared, parameters: &[Value]) -> Vec<Vec<Value>> {
        let rows = wait(self.driver.query(&prepared.statement, parameters))
            .unwrap_or_else(|error| panic!("{error}\n{}", prepared.statement.text));
        prepared.records(rows).unwrap()
    }

    /// Runs SQL as it stands: one text column.
    pub fn texts(&self, sql: &str) -> Vec<String> {
        let statement = Arc::new(Statement {
            text: Cow::Owned(sql.to_owned()),
            parameters: vec![],
            columns: vec![Storage::Text],
            cost: Cost::Long,
        });
        let rows =
            wait(self.driver.query(&statement, &[])).unwrap_or_else(|e| panic!("{e}\n{sql}"));
        rows.cells
            .into_iter()
            .map(|cell| match cell {
                Value::Text(text) => text,
                other => panic!("{other:?}"),
            })
            .collect()
    }

    /// SQLite's plan for a statement, a line for each step.
    pub fn plan(&self, prepared: &Prepared) -> String {
        let statement = Arc::new(Statement {
            text: Cow::Owned(format!("EXPLAIN QUERY PLAN {}", prepared.statement.text)),
            parameters: prepared.statement.parameters.clone(),
            columns: vec![Storage::Int, Storage::Int, Storage::Int, Storage::Text],
            cost: Cost::Long,
        });
        // In the writer, because a reader does not even explain what writes.
        let rows = Arc::new(std::sync::Mutex::new(vec![]));
        let work = Change {
            parameters: vec![Value::Null; statement.parameters.len()],
            statement,
            changed: Arc::default(),
            rows: Some(Arc::clone(&rows)),
        };
        self.run(work)
            .unwrap_or_else(|error| panic!("{error}\n{}", prepared.statement.text));
        let cells = rows.lock().unwrap();
        let lines: Vec<String> = cells
            .chunks(4)
            .map(|row| match &row[3] {
                Value::Text(text) => text.clone(),
                other => panic!("{other:?}"),
            })
            .collect();
        lines.join("\n")
    }
}

pub fn open(path: &Path) -> SqliteDriver {
    // Tests need no power cut to be survived, and are many times faster so.
    let options = Options {
        durability: Durability::Relaxed,
        ..Options::default()
    };
    SqliteDriver::open(path, options).unwrap()
}

struct Change {
    statement: Arc<Statement>,
    parameters: Vec<Value>,
    changed: Arc<std::sync::Mutex<u64>>,
    rows: Option<Arc<std::sync::Mutex<Vec<Value>>>>,
}

impl Work for Change {
    fn run<'a>(&'a mut self, tx: &'a mut dyn Transaction) -> BoxFuture<'a, Result<(), Undo>> {
        Box::pin(async move {
            match &self.rows {
                Some(rows) => {
                    let found = tx.query(&self.statement, &self.parameters).await?;
                    *rows.lock().unwrap() = found.cells;
                }
                None => {
                    let changed = tx.execute(&self.statement, &self.parameters).await?;
                    *self.changed.lock().unwrap() = changed;
                }
            }
            Ok(())
        })
    }
}

/// Waits for a future on this thread.
pub fn wait<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(std::thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(done) => return done,
            Poll::Pending => std::thread::park(),
        }
    }
}
