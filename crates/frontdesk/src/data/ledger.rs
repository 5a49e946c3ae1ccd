//! How far imports have come, as the database keeps it.
//!
//! Positions after records are written by the engine, in the transaction of those records; here
//! is what happens before and between.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use store::imports::{self, Waiting};
use store::{Driver, Prepared, StoreError};
use value::{Timestamp, Value};

/// For so long it is known that an import has ended: whoever repeats it by mistake is told.
const FINISHED_KEPT_MS: i64 = 7 * 24 * 60 * 60 * 1000;

/// How far an import has come.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// The place in the file.
    pub bytes: u64,
    pub lines: u64,
    /// Of the file up to there.
    pub digest: String,
    pub written: u64,
    pub refused: u64,
    /// Length of the file of refused records.
    pub rejects_bytes: u64,
}

/// One import in the database.
#[derive(Clone)]
pub struct Ledger {
    driver: Arc<dyn Driver>,
    name: String,
}

impl Ledger {
    pub fn new(driver: Arc<dyn Driver>, name: String) -> Ledger {
        Ledger { driver, name }
    }

    /// How far it has come, and whether that is its end. `None` if it has never begun.
    pub async fn find(&self) -> Result<Option<(State, bool)>, StoreError> {
        let find = imports::find(self.driver.dialect());
        let args = find.bind_args(&[Value::Text(self.name.clone())]);
        let rows = self.driver.query(&find.statement, &args).await?;
        match rows.cells.as_slice() {
            [] => Ok(None),
            [Value::Text(state), Value::Bool(finished)] => {
                let state = serde_json::from_str(state).map_err(|error| StoreError::Corrupt {
                    reason: format!("the place of an import cannot be read: {error}"),
                })?;
                Ok(Some((state, *finished)))
            }
            _ => Err(StoreError::Corrupt {
                reason: "the table of imports holds something else".to_owned(),
            }),
        }
    }

    /// Whether it has come exactly this far, as far as the database answers.
    pub async fn has(&self, state: &str) -> bool {
        match self.find().await {
            Ok(Some((known, _))) => known.to_text() == state,
            _ => false,
        }
    }

    /// Forgets how far it had come, and imports that ended long ago.
    pub async fn begin(&self, now: Timestamp) -> Result<(), StoreError> {
        let dialect = self.driver.dialect();
        let old = Timestamp(now.0.saturating_sub(FINISHED_KEPT_MS));
        let changes = vec![
            (
                imports::forget_waiting(dialect),
                vec![Value::Text(self.name.clone())],
            ),
            (
                imports::forget(dialect),
                vec![Value::Text(self.name.clone())],
            ),
            (
                imports::forget_finished(dialect),
                vec![Value::Timestamp(old)],
            ),
        ];
        store::execute(&*self.driver, changes).await.map(drop)
    }

    /// A record waits no longer, because it was refused.
    pub async fn give_up(
        &self,
        waiting: &Waiting,
        state: &State,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let dialect = self.driver.dialect();
        let arrived = vec![
            Value::Text(self.name.clone()),
            Value::Text(waiting.resource.clone()),
            Value::Int(waiting.line),
        ];
        let changes = vec![
            (imports::arrived(dialect), arrived),
            (
                imports::keep(dialect),
                imports::keep_args(&self.name, &state.to_text(), false, now),
            ),
        ];
        store::execute(&*self.driver, changes).await.map(drop)
    }

    /// How many records wait.
    pub async fn waiting(&self) -> Result<u64, StoreError> {
        let count = imports::count(self.driver.dialect());
        let args = count.bind_args(&[Value::Text(self.name.clone())]);
        let rows = self.driver.query(&count.statement, &args).await?;
        match rows.cells.first() {
            Some(Value::Int(count)) => Ok(u64::try_from(*count).unwrap_or_default()),
            _ => Ok(0),
        }
    }

    /// Records that wait, after one of them.
    pub async fn page(
        &self,
        after: Option<&Waiting>,
        most: i64,
    ) -> Result<Vec<Waiting>, StoreError> {
        let (resource, line) = match after {
            Some(after) => (after.resource.clone(), after.line),
            None => (String::new(), 0),
        };
        let args = [Value::Text(resource), Value::Int(line), Value::Int(most)];
        self.select(imports::page, &args).await
    }

    /// The record that waits from one line.
    pub async fn one(&self, resource: &str, line: i64) -> Result<Option<Waiting>, StoreError> {
        let before = [
            Value::Text(resource.to_owned()),
            Value::Int(line.saturating_sub(1)),
            Value::Int(1),
        ];
        let found = self.select(imports::page, &before).await?;
        Ok(found
            .into_iter()
            .find(|waiting| waiting.resource == resource && waiting.line == line))
    }

    /// Records that wait for none of those that wait too.
    pub async fn stranded(&self, most: i64) -> Result<Vec<Waiting>, StoreError> {
        self.select(imports::stranded, &[Value::Int(most)]).await
    }

    async fn select(
        &self,
        statement: fn(store::Dialect) -> Prepared,
        args: &[Value],
    ) -> Result<Vec<Waiting>, StoreError> {
        let prepared = statement(self.driver.dialect());
        let mut all = vec![Value::Text(self.name.clone())];
        all.extend_from_slice(args);
        let args = prepared.bind_args(&all);
        imports::waiting(self.driver.query(&prepared.statement, &args).await?)
    }
}

impl State {
    pub fn to_text(&self) -> String {
        serde_json::to_string(self).expect("numbers and texts can be written as JSON")
    }
}
