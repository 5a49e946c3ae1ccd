//! A database with a model's tables, and the few words to use it with.

use std::borrow::Cow;
use std::sync::Arc;

use model::Model;
use store::driver::{BoxFuture, Cost, Statement, Storage, Transaction, Undo};
use store::{Dialect, Driver, Prepared, StoreError, Work, layout, migrate, search, write};
use testdb::Fresh;
use value::{IdKind, Timestamp, Value};

pub struct Database {
    pub driver: Arc<dyn Driver>,
    _fresh: Fresh,
}

/// The time of everything in tests.
pub const NOW: Timestamp = Timestamp(1_800_000_000_000);

impl Database {
    pub fn empty() -> Database {
        let fresh = Fresh::new();
        Database {
            driver: Arc::clone(&fresh.driver),
            _fresh: fresh,
        }
    }

    /// For what is about SQLite alone.
    pub fn on_sqlite(model: &Model) -> Database {
        let fresh = Fresh::sqlite();
        let database = Database {
            driver: Arc::clone(&fresh.driver),
            _fresh: fresh,
        };
        database.bring(model).unwrap();
        database
    }

    pub fn of(model: &Model) -> Database {
        let database = Database::empty();
        database.bring(model).unwrap();
        database
    }

    pub fn bring(&self, model: &Model) -> Result<bool, migrate::ApplyError> {
        wait(migrate::bring(&*self.driver, model, NOW, false))
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
        let insert = write::insert(model, testdb::dialect(), resource.id);
        let parameters = insert.bind_args(&args);
        if resource.id_type.kind == IdKind::Integer {
            return self.change_as(Way::Insert, &insert.statement, parameters);
        }
        self.change(&insert, parameters)?;
        Ok(record[0].clone())
    }

    /// Runs a writing statement: how many rows it changed.
    pub fn change(&self, prepared: &Prepared, parameters: Vec<Value>) -> Result<u64, StoreError> {
        match self.change_as(Way::Execute, &prepared.statement, parameters)? {
            Value::Int(changed) => Ok(u64::try_from(changed).unwrap()),
            other => panic!("{other:?}"),
        }
    }

    fn change_as(
        &self,
        way: Way,
        statement: &Arc<Statement>,
        parameters: Vec<Value>,
    ) -> Result<Value, StoreError> {
        let outcome = Arc::default();
        let work = Change {
            way,
            statement: Arc::clone(statement),
            parameters,
            outcome: Arc::clone(&outcome),
        };
        match wait(self.driver.write(Box::new(work))) {
            Ok(()) => Ok(outcome.lock().unwrap().take().unwrap()),
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

    /// Columns, indexes and references, as the database itself describes them.
    pub fn schema(&self) -> Vec<String> {
        let described: &[&str] = match testdb::dialect() {
            Dialect::Sqlite => &[
                "SELECT name FROM sqlite_schema WHERE type = 'index' AND name NOT LIKE 'sqlite_%' ORDER BY 1",
                "SELECT m.name || '.' || p.name || ' ' || p.type || ' ' || p.\"notnull\" || ' ' || p.pk
                FROM sqlite_schema AS m, pragma_table_info(m.name) AS p WHERE m.type = 'table' ORDER BY 1",
                "SELECT m.name || '.' || p.\"from\" || ' -> ' || p.\"table\" || ' ' || p.on_delete
                FROM sqlite_schema AS m, pragma_foreign_key_list(m.name) AS p WHERE m.type = 'table' ORDER BY 1",
            ],
            Dialect::Postgres => &[
                "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1",
                "SELECT concat_ws(' ', table_name, column_name, data_type, numeric_precision, \
                 collation_name, is_nullable, is_identity, CASE WHEN column_name = '_search' THEN column_default END) \
                 FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1",
                "SELECT concat_ws(' ', conrelid::regclass, conname, pg_get_constraintdef(oid)) \
                 FROM pg_constraint WHERE connamespace = 'public'::regnamespace ORDER BY 1",
            ],
        };
        described.iter().flat_map(|sql| self.texts(sql)).collect()
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
        let parameters = vec![Value::Null; statement.parameters.len()];
        let cells = match self.change_as(Way::Query, &statement, parameters) {
            Ok(Value::List(cells)) => cells,
            other => panic!("{other:?}\n{}", prepared.statement.text),
        };
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

/// How a writing statement is run, and what comes of it.
enum Way {
    /// How many rows it changed.
    Execute,
    /// The id that was counted.
    Insert,
    /// All cells.
    Query,
}

struct Change {
    way: Way,
    statement: Arc<Statement>,
    parameters: Vec<Value>,
    outcome: Arc<std::sync::Mutex<Option<Value>>>,
}

impl Work for Change {
    fn run<'a>(&'a mut self, tx: &'a mut dyn Transaction) -> BoxFuture<'a, Result<(), Undo>> {
        Box::pin(async move {
            let (statement, parameters) = (&self.statement, &self.parameters);
            let outcome = match self.way {
                Way::Execute => {
                    let changed = tx.execute(statement, parameters).await?;
                    Value::Int(i64::try_from(changed).unwrap())
                }
                Way::Insert => tx.insert(statement, parameters).await?,
                Way::Query => Value::List(tx.query(statement, parameters).await?.cells),
            };
            *self.outcome.lock().unwrap() = Some(outcome);
            Ok(())
        })
    }
}

pub use testdb::wait;
