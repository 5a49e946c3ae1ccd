//! Taking whole records in: seeds and imports.
//!
//! They are validated like any create, but may bring their own ids and times, and no access
//! rule is asked: whoever imports is the operator. All records of one call are one
//! transaction.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use call::{Caller, CallerKind, Code, Failure, Request};
use model::{Action, SystemField};
use serde_json::{Map, Value as Json};
use store::driver::Transaction;
use value::{FieldId, ResourceId, Timestamp, Value};

use crate::Core;
use crate::Engine;
use crate::access::Verdict;
use crate::create::insert;
use crate::input::Writer;
use crate::validate;
use crate::write::{Stored, Terms};

/// Why an import was refused: nothing of it is there.
#[derive(Debug)]
pub struct ImportError {
    /// Which record, from 0.
    pub record: usize,
    pub failure: Failure,
}

impl Engine {
    /// Adds the records, all or none. Members `id` and `created_at` are taken as given.
    ///
    /// # Errors
    /// The first record that is refused, and why.
    pub async fn import(
        &self,
        resource: ResourceId,
        records: Vec<Map<String, Json>>,
        now: Timestamp,
    ) -> Result<usize, ImportError> {
        let count = records.len();
        let operator = Caller {
            kind: CallerKind::Operator {
                id: "import".to_owned(),
            },
            audience: model::Audience::Private,
            ..Caller::guest()
        };
        let request = Request::new(resource, Action::Create, Arc::new(operator), now);
        let refused = |record: usize| move |failure| ImportError { record, failure };
        let terms = self
            .core
            .terms(&request, Verdict::Open)
            .map_err(refused(0))?;
        let mut rows = Vec::with_capacity(count);
        for (record, body) in records.into_iter().enumerate() {
            let row = self.core.imported_row(&request, body);
            let row = row.map_err(refused(record))?;
            let problems = self.core.own_checks(&request, &terms, &row);
            if !problems.is_empty() {
                let failure = Failure::with_problems(Code::Invalid, problems);
                return Err(refused(record)(failure));
            }
            rows.push(row);
        }
        let at = Arc::new(AtomicUsize::new(0));
        let importing = Importing {
            rows,
            terms,
            at: Arc::clone(&at),
        };
        match self.core.in_transaction(request, importing).await {
            Ok(()) => Ok(count),
            Err(failure) => Err(ImportError {
                record: at.load(Ordering::Relaxed),
                failure,
            }),
        }
    }
}

impl Core {
    fn imported_row(
        &self,
        request: &Request,
        mut body: Map<String, Json>,
    ) -> Result<Vec<Value>, Failure> {
        let resource = self.model.resource(request.resource);
        let mut given: Vec<(FieldId, Value)> = Vec::new();
        for field in &resource.fields {
            let own = matches!(
                field.kind,
                model::FieldKind::System(SystemField::Id | SystemField::CreatedAt)
            ) || field.read_only && field.is_stored();
            if own
                && let Some(json) = body
                    .shift_remove(&field.name)
                    .filter(|json| !json.is_null())
            {
                let value = value::json::read(&field.shape.ty, &json)
                    .map_err(|mismatches| crate::input::mismatched(field, mismatches))?;
                let mut problems = Vec::new();
                let pointer = format!("/{}", field.name);
                validate::check(&field.shape, &value, &pointer, &mut problems);
                if !problems.is_empty() {
                    return Err(Failure::with_problems(Code::Invalid, problems));
                }
                given.push((field.id, value));
            }
        }
        let writer = Writer {
            resource,
            caller: &request.caller,
            now: request.now,
            unseen: &[],
        };
        let mut row = writer.create(&body, &given)?.row;
        self.give_id(resource, &mut row);
        for (field, value) in given {
            row[usize::from(field.0)] = value;
        }
        Ok(row)
    }
}

struct Importing {
    rows: Vec<Vec<Value>>,
    terms: Terms,
    /// The record that is being written, for whoever asks why it failed.
    at: Arc<AtomicUsize>,
}

impl crate::work::Writing for Importing {
    type Done = ();

    async fn write(
        &mut self,
        core: &Core,
        request: &Request,
        transaction: &mut dyn Transaction,
    ) -> Result<(), Failure> {
        for (record, row) in self.rows.iter().enumerate() {
            self.at.store(record, Ordering::Relaxed);
            let mut stored = Stored {
                row: row.clone(),
                version: 1,
            };
            insert(core, request, transaction, &mut stored).await?;
            core.related_checks(transaction, request, &self.terms, &stored.row)
                .await?;
            core.publish(transaction, request, Action::Create, None, Some(&stored))
                .await?;
        }
        Ok(())
    }
}
