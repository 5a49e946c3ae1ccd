//! Taking whole records in: seeds and imports.
//!
//! They are validated like any create, but may bring their own ids and times, and no access
//! rule is asked: whoever imports is the operator. The caller brings them in batches; each is one
//! transaction, in which it also notes how far it has come.
//!
//! ```text
//!  prepare ─► import ─┬─► its table, the feed
//!                     └─► waiting, if it refers to a record that comes later
//!  release: what waits and need not ─► its table, the feed, and what waited for that …
//!  close:   records that refer to each other in a circle, all at once
//! ```

mod transaction;

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError};

use call::{Caller, Code, Failure, FieldProblem, Place, Request};
use model::Action;
use serde_json::{Map, Value as Json};
use store::imports::Waiting;
use value::{FieldId, ResourceId, Timestamp, Type, Value};

use crate::Core;
use crate::Engine;
use crate::input::Writer;
use crate::sequence::is_counted;
use crate::spot::Spot;
use crate::validate;

use transaction::Importing;

/// What says, of a record that comes in or goes out, when it was deleted. No field is called so.
pub const DELETED_AT: &str = "deleted_at";

/// An import while it goes on.
#[derive(Clone, Debug)]
pub struct Import {
    /// What it is called in the database.
    pub name: String,
    /// References to records of these may lead to records that come later.
    pub expects: Vec<ResourceId>,
    /// Undo everything in the end: only to see whether it could be done.
    pub dry_run: bool,
    pub now: Timestamp,
}

/// How far an import has come once a transaction is there.
#[derive(Clone, Debug)]
pub struct Progress {
    /// A text of the importer's own making.
    pub state: String,
    pub finished: bool,
}

/// A record that has been validated as far as its own values decide.
#[derive(Clone, Debug)]
pub struct Row {
    pub line: u64,
    /// Indexed by field.
    pub values: Vec<Value>,
    /// It comes in as one that was deleted then and can be restored.
    pub deleted_at: Option<Timestamp>,
}

/// What became of a batch.
#[derive(Clone, Debug, Default)]
pub struct Imported {
    pub written: usize,
    /// Records that wait now.
    pub waiting: usize,
    /// Records that others may have waited for.
    pub ready: VecDeque<String>,
}

/// Why a batch was refused: nothing of it is there.
#[derive(Debug)]
pub struct ImportError {
    /// The record it is about, by the line it begins in; none if it is about the whole batch.
    pub record: Option<(ResourceId, u64)>,
    pub failure: Box<Failure>,
}

/// Records of one batch.
struct Placed {
    resource: ResourceId,
    row: Row,
    /// What it waits for, if it lies among those that wait.
    waited: Option<String>,
}

impl Engine {
    /// Takes a few whole records in, all or none; they count as lines, from 1.
    ///
    /// # Errors
    /// The first record that is refused, and why.
    pub async fn take_in(
        &self,
        resource: ResourceId,
        records: Vec<Map<String, Json>>,
        now: Timestamp,
    ) -> Result<usize, ImportError> {
        let import = Import {
            name: String::new(),
            expects: vec![],
            dry_run: false,
            now,
        };
        let mut rows = Vec::with_capacity(records.len());
        for (line, prepared) in (1..).zip(self.prepare(resource, (1..).zip(records), now)) {
            rows.push(prepared.map_err(|failure| ImportError {
                record: Some((resource, line)),
                failure: Box::new(failure),
            })?);
        }
        let imported = self.import(&import, resource, rows, None).await?;
        Ok(imported.written)
    }

    /// Reads and validates records as far as their own values decide. `id`, times and whatever
    /// else the server fills in are taken as given.
    pub fn prepare(
        &self,
        resource: ResourceId,
        records: impl IntoIterator<Item = (u64, Map<String, Json>)>,
        now: Timestamp,
    ) -> Vec<Result<Row, Failure>> {
        let request = operator(resource, now);
        let terms = self.core.terms(&request, Action::Create);
        let prepare = |(line, mut body): (u64, Map<String, Json>)| {
            let terms = terms.as_ref().map_err(Clone::clone)?;
            let deleted_at = self.core.deleted_at(resource, &mut body)?;
            let values = self.core.imported_row(&request, body)?;
            // Numbers come later, and with them the checks.
            if !is_counted(self.core.model.resource(resource)) {
                self.core.require_own_checks(&request, terms, &values)?;
            }
            Ok(Row {
                line,
                values,
                deleted_at,
            })
        };
        records.into_iter().map(prepare).collect()
    }

    /// Writes records, all or none, and notes how far the import has come.
    ///
    /// # Errors
    /// The first record that is refused, and why.
    pub async fn import(
        &self,
        import: &Import,
        resource: ResourceId,
        rows: Vec<Row>,
        progress: Option<Progress>,
    ) -> Result<Imported, ImportError> {
        let placed = |row| Placed {
            resource,
            row,
            waited: None,
        };
        let rows = rows.into_iter().map(placed).collect();
        let mut importing = Importing::new(&self.core, import, &[resource], rows)?;
        importing.progress = progress;
        self.core.run_import(importing).await
    }

    /// Writes records that wait, as far as what they refer to is there, and then those that
    /// waited for one of them or for one in `ready`. To be called again with the `ready` it
    /// returns, until that is empty.
    ///
    /// # Errors
    /// The first record that is refused, and why.
    pub async fn release(
        &self,
        import: &Import,
        waiting: &[Waiting],
        ready: VecDeque<String>,
    ) -> Result<Imported, ImportError> {
        let rows = self.core.waited(waiting)?;
        let mut importing = Importing::new(&self.core, import, &import.expects, rows)?;
        importing.ready = ready;
        importing.cascade = true;
        self.core.run_import(importing).await
    }

    /// Writes records that wait for each other, all at once.
    ///
    /// # Errors
    /// The first record that is refused, and why.
    pub async fn close(
        &self,
        import: &Import,
        circle: &[Waiting],
    ) -> Result<Imported, ImportError> {
        let rows = self.core.waited(circle)?;
        let mut importing = Importing::new(&self.core, import, &import.expects, rows)?;
        importing.defer = true;
        self.core.run_import(importing).await
    }
}

/// A request of whoever imports.
pub fn operator(resource: ResourceId, now: Timestamp) -> Request {
    let operator = Caller::operator("import");
    Request::new(resource, Action::Create, Arc::new(operator), now)
}

impl Core {
    /// When a record was deleted, of a resource whose records can be restored. Others have no such
    /// member.
    fn deleted_at(
        &self,
        resource: ResourceId,
        body: &mut Map<String, Json>,
    ) -> Result<Option<Timestamp>, Failure> {
        if self.model.resource(resource).soft_delete.is_none() {
            return Ok(None);
        }
        match body.shift_remove(DELETED_AT) {
            None | Some(Json::Null) => Ok(None),
            Some(json) => match value::json::read(&Type::Timestamp, &json) {
                Ok(Value::Timestamp(at)) => Ok(Some(at)),
                Ok(_) | Err(_) => {
                    let problem = FieldProblem {
                        place: Place::Pointer(format!("/{DELETED_AT}")),
                        code: "wrong_type",
                        detail: "is a time, such as 2026-11-22T10:00:00.000Z".to_owned(),
                    };
                    Err(Failure::with_problems(Code::Invalid, vec![problem]))
                }
            },
        }
    }

    fn imported_row(
        &self,
        request: &Request,
        mut body: Map<String, Json>,
    ) -> Result<Vec<Value>, Failure> {
        let resource = self.model.resource(request.resource);
        let mut given: Vec<(FieldId, Value)> = Vec::new();
        let mut problems = Vec::new();
        for field in &resource.fields {
            let filled_in = field.is_system() || field.read_only || field.set.is_some();
            if !filled_in || !field.is_stored() {
                continue;
            }
            let Some(json) = body.shift_remove(&field.name) else {
                continue;
            };
            if json.is_null() {
                // What cannot be null was not given.
                if field.shape.nullable {
                    given.push((field.id, Value::Null));
                }
                continue;
            }
            match value::json::read(&field.shape.ty, &json) {
                Ok(value) => {
                    let spot = Spot::field(&field.name);
                    validate::check(&field.shape, &value, spot, &mut problems);
                    given.push((field.id, value));
                }
                Err(mismatches) => {
                    problems.extend(crate::input::mismatched(field, mismatches).problems);
                }
            }
        }
        let writer = Writer {
            resource,
            caller: &request.caller,
            now: request.now,
            unseen: &[],
        };
        let drafted = writer.create(&body, &given);
        if !problems.is_empty() {
            problems.extend(
                drafted
                    .err()
                    .into_iter()
                    .flat_map(|failure| failure.problems),
            );
            return Err(Failure::with_problems(Code::Invalid, problems));
        }
        let mut row = drafted?.row;
        self.give_id(resource, &mut row);
        for (field, value) in given {
            row[usize::from(field.0)] = value;
        }
        Ok(row)
    }

    /// Records that wait, as rows.
    fn waited(&self, waiting: &[Waiting]) -> Result<Vec<Placed>, ImportError> {
        waiting
            .iter()
            .map(|waiting| self.one_waited(waiting))
            .collect()
    }

    fn one_waited(&self, waiting: &Waiting) -> Result<Placed, ImportError> {
        let corrupt = |failure| ImportError {
            record: None,
            failure: Box::new(failure),
        };
        let resource = self
            .model
            .resource_named(&waiting.resource)
            .ok_or_else(|| {
                corrupt(Failure::internal(format!(
                    "a record of `{}` waits, which the contract does not have",
                    waiting.resource
                )))
            })?;
        let values = store::json::read_record(resource, &waiting.record)
            .map_err(|error| corrupt(self.trouble(&error)))?;
        let deleted_at = store::json::read_deleted_at(&waiting.record)
            .map_err(|error| corrupt(self.trouble(&error)))?;
        Ok(Placed {
            resource: resource.id,
            row: Row {
                line: u64::try_from(waiting.line).unwrap_or_default(),
                values,
                deleted_at,
            },
            waited: Some(waiting.target.clone()),
        })
    }

    async fn run_import(self: &Arc<Self>, importing: Importing) -> Result<Imported, ImportError> {
        let notes = Arc::clone(&importing.notes);
        let Some((_, request, _)) = importing.terms.first() else {
            return Ok(Imported::default());
        };
        let request = request.clone();
        let done = self.in_transaction(request.into(), importing).await;
        let mut notes = notes.lock().unwrap_or_else(PoisonError::into_inner);
        match (done, notes.undone.take()) {
            (_, Some(done)) | (Ok(done), None) => Ok(done),
            (Err(failure), None) => Err(ImportError {
                record: notes.at.filter(|_| failure.code != Code::Unavailable),
                failure: Box::new(failure),
            }),
        }
    }
}
