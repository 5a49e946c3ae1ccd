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

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use call::{Caller, CallerKind, Code, Failure, Request};
use model::{Action, Resource};
use serde_json::{Map, Value as Json};
use store::Prepared;
use store::driver::{Dialect, Transaction};
use store::imports::{self, Waiting};
use value::{FieldId, IdKind, ResourceId, Timestamp, Value};

use crate::Core;
use crate::Engine;
use crate::create::{first_version, insert};
use crate::input::Writer;
use crate::sequence::is_counted;
use crate::statements::{Kind, ShapeKey};
use crate::validate;
use crate::write::{Stored, Terms};

/// Records that one call of [`Engine::release`] writes at most: other writes wait for no more.
const RELEASED_AT_ONCE: usize = 1_000;

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
        let prepare = |(line, body)| {
            let terms = terms.as_ref().map_err(Clone::clone)?;
            let values = self.core.imported_row(&request, body)?;
            if is_counted(self.core.model.resource(resource)) {
                // Its numbers come later, and with them its checks.
                return Ok(Row { line, values });
            }
            self.core.require_own_checks(&request, terms, &values)?;
            Ok(Row { line, values })
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
    let operator = Caller {
        kind: CallerKind::Operator {
            id: "import".to_owned(),
        },
        audience: model::Audience::Private,
        ..Caller::guest()
    };
    Request::new(resource, Action::Create, Arc::new(operator), now)
}

impl Core {
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
                    let pointer = format!("/{}", field.name);
                    validate::check(&field.shape, &value, &pointer, &mut problems);
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
        Ok(Placed {
            resource: resource.id,
            row: Row {
                line: u64::try_from(waiting.line).unwrap_or_default(),
                values,
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
        let done = self.in_transaction(request, importing).await;
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

struct Importing {
    import: Import,
    /// What is asked of records of each resource.
    terms: Vec<(ResourceId, Request, Terms)>,
    rows: Vec<Placed>,
    ready: VecDeque<String>,
    /// Whether what waits for a record follows it.
    cascade: bool,
    /// Whether references are looked at in the end only.
    defer: bool,
    progress: Option<Progress>,
    notes: Arc<Mutex<Notes>>,
}

/// What a transaction leaves behind even if it is undone.
#[derive(Default)]
struct Notes {
    /// The record that was being written.
    at: Option<(ResourceId, u64)>,
    /// What a dry run would have done.
    undone: Option<Imported>,
}

impl Importing {
    fn new(
        core: &Core,
        import: &Import,
        resources: &[ResourceId],
        rows: Vec<Placed>,
    ) -> Result<Importing, ImportError> {
        let terms = resources.iter().map(|resource| {
            let request = operator(*resource, import.now);
            let terms = core.terms(&request, Action::Create)?;
            Ok((*resource, request, terms))
        });
        let terms = terms
            .collect::<Result<_, _>>()
            .map_err(|failure| ImportError {
                record: None,
                failure: Box::new(failure),
            })?;
        Ok(Importing {
            import: import.clone(),
            terms,
            rows,
            ready: VecDeque::new(),
            cascade: false,
            defer: false,
            progress: None,
            notes: Arc::default(),
        })
    }

    fn note(&self, record: Option<(ResourceId, u64)>) {
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        notes.at = record;
    }

    /// Writes one record, or makes it wait.
    async fn take_in(
        &self,
        core: &Core,
        transaction: &mut dyn Transaction,
        placed: &Placed,
        done: &mut Imported,
    ) -> Result<(), Failure> {
        let known = self
            .terms
            .iter()
            .find(|(known, ..)| *known == placed.resource);
        let Some((_, request, terms)) = known else {
            return Err(Failure::internal("a record waits that nobody expects"));
        };
        self.note(Some((placed.resource, placed.row.line)));
        let resource = core.model.resource(placed.resource);
        let line = i64::try_from(placed.row.line).unwrap_or(i64::MAX);
        if !self.defer
            && let Some(target) = self
                .missing(core, transaction, resource, &placed.row.values)
                .await?
        {
            if placed.waited.as_ref() != Some(&target) {
                let waiting = Waiting {
                    resource: resource.name.clone(),
                    line,
                    own: own_key(resource, &placed.row.values),
                    target,
                    record: store::json::write_record(resource, &placed.row.values),
                };
                let wait = self.statement(core, Kind::ImportWait, imports::wait)?;
                core.change(transaction, &wait, &waiting.args(&self.import.name))
                    .await?;
            }
            done.waiting += 1;
            return Ok(());
        }
        let mut stored = Stored {
            row: placed.row.values.clone(),
            version: first_version(resource, request.now),
        };
        core.count(transaction, request, &mut stored.row).await?;
        if is_counted(resource) {
            core.require_own_checks(request, terms, &stored.row)?;
        }
        insert(core, request, transaction, &mut stored).await?;
        if !self.defer {
            core.related_checks(transaction, request, terms, &stored.row)
                .await?;
        }
        core.publish(transaction, request, Action::Create, None, Some(&stored))
            .await?;
        if placed.waited.is_some() {
            let arrived = self.statement(core, Kind::ImportArrived, imports::arrived)?;
            let args = [
                Value::Text(self.import.name.clone()),
                Value::Text(resource.name.clone()),
                Value::Int(line),
            ];
            core.change(transaction, &arrived, &args).await?;
        }
        if self.cascade {
            done.ready.push_back(own_key(resource, &stored.row));
        }
        done.written += 1;
        Ok(())
    }

    /// The first record that this one refers to, that is not there and may still come.
    async fn missing(
        &self,
        core: &Core,
        transaction: &mut dyn Transaction,
        resource: &Resource,
        row: &[Value],
    ) -> Result<Option<String>, Failure> {
        let refers = |field: &model::Field| {
            let (_, target) = field.relation()?;
            let value = &row[usize::from(field.id.0)];
            let itself =
                target == resource.id && *value == row[usize::from(resource.id_field().id.0)];
            let counts = self.import.expects.contains(&target) && !value.is_null() && !itself;
            counts.then(|| (core.model.resource(target), value))
        };
        if !resource.fields.iter().any(|field| refers(field).is_some()) {
            return Ok(None);
        }
        let fields: Vec<FieldId> = store::references::relation_fields(resource).collect();
        let there = core.targets_there(transaction, resource, row).await?;
        let missing = fields.iter().zip(there).find_map(|(field, there)| {
            let field = resource.field(*field);
            let (target, id) = refers(field)?;
            (there == Value::Bool(false))
                .then(|| imports::key(&target.name, &target.id_type.to_text(id)))
        });
        Ok(missing)
    }

    /// What could not be asked while records that refer to each other were being written.
    async fn check_deferred(
        &self,
        core: &Core,
        transaction: &mut dyn Transaction,
    ) -> Result<(), Failure> {
        for placed in &self.rows {
            let known = self
                .terms
                .iter()
                .find(|(known, ..)| *known == placed.resource);
            let Some((_, request, terms)) = known else {
                continue;
            };
            self.note(Some((placed.resource, placed.row.line)));
            let resource = core.model.resource(placed.resource);
            let there = core
                .targets_there(transaction, resource, &placed.row.values)
                .await?;
            if there.contains(&Value::Bool(false)) {
                return Err(core
                    .missing_reference(transaction, resource, &placed.row.values)
                    .await);
            }
            core.related_checks(transaction, request, terms, &placed.row.values)
                .await?;
        }
        Ok(())
    }

    fn statement(
        &self,
        core: &Core,
        kind: Kind,
        make: fn(Dialect) -> Prepared,
    ) -> Result<Arc<Prepared>, Failure> {
        core.statements
            .get_or_make(ShapeKey::new(kind), || Ok(make(core.driver.dialect())))
    }
}

impl crate::work::Writing for Importing {
    type Done = Imported;

    async fn write(
        &mut self,
        core: &Core,
        _: &Request,
        transaction: &mut dyn Transaction,
    ) -> Result<Imported, Failure> {
        let mut done = Imported::default();
        if self.defer {
            let defer = self.statement(core, Kind::ImportDeferred, store::references::defer)?;
            core.change(transaction, &defer, &[]).await?;
        }
        for placed in &self.rows {
            self.take_in(core, transaction, placed, &mut done).await?;
        }
        if self.defer {
            self.check_deferred(core, transaction).await?;
        }
        let mut waited_for = self.ready.clone();
        waited_for.append(&mut done.ready);
        // Depth first, so that little is remembered.
        while let Some(target) = waited_for.pop_back() {
            let room = RELEASED_AT_ONCE.saturating_sub(done.written + done.waiting);
            if room == 0 {
                waited_for.push_back(target);
                break;
            }
            self.note(None);
            let find = self.statement(core, Kind::ImportWaiting, imports::waiting_for)?;
            let args = [
                Value::Text(self.import.name.clone()),
                Value::Text(target.clone()),
                Value::Int(i64::try_from(room).unwrap_or(i64::MAX)),
            ];
            let rows = transaction
                .query(&find.statement, &find.bind_args(&args))
                .await
                .and_then(imports::waiting)
                .map_err(|error| core.trouble(&error))?;
            let before = done.written;
            for waiting in &rows {
                let placed = core.one_waited(waiting).map_err(|error| *error.failure)?;
                self.take_in(core, transaction, &placed, &mut done).await?;
            }
            // If none could be written, what is waited for has gone again.
            if rows.len() == room && done.written > before {
                waited_for.push_back(target);
            }
            waited_for.append(&mut done.ready);
        }
        self.note(None);
        for (resource, ..) in &self.terms {
            self.count_on(core, transaction, *resource).await?;
        }
        if let Some(progress) = &self.progress {
            let keep = self.statement(core, Kind::ImportProgress, imports::keep)?;
            let args = imports::keep_args(
                &self.import.name,
                &progress.state,
                progress.finished,
                self.import.now,
            );
            core.change(transaction, &keep, &args).await?;
        }
        done.ready = waited_for;
        if self.import.dry_run {
            let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
            notes.undone = Some(done);
            return Err(Failure::new(Code::Conflict, "this was only tried"));
        }
        Ok(done)
    }
}

impl Importing {
    /// Lets the database count on from the ids that were given.
    async fn count_on(
        &self,
        core: &Core,
        transaction: &mut dyn Transaction,
        resource: ResourceId,
    ) -> Result<(), Failure> {
        let described = core.model.resource(resource);
        let id = usize::from(described.id_field().id.0);
        let given = self
            .rows
            .iter()
            .filter(|placed| placed.resource == resource);
        let highest = given.filter_map(|placed| match placed.row.values[id] {
            Value::Int(id) => Some(id),
            _ => None,
        });
        let Some(highest) = highest
            .max()
            .filter(|_| described.id_type.kind == IdKind::Integer)
        else {
            return Ok(());
        };
        let count_on = store::write::count_on(&core.model, core.driver.dialect(), resource);
        let Some(count_on) = count_on else {
            return Ok(());
        };
        transaction
            .query(
                &count_on.statement,
                &count_on.bind_args(&[Value::Int(highest)]),
            )
            .await
            .map_err(|error| core.trouble(&error))?;
        Ok(())
    }
}

impl Core {
    async fn change(
        &self,
        transaction: &mut dyn Transaction,
        statement: &Prepared,
        args: &[Value],
    ) -> Result<(), Failure> {
        transaction
            .execute(&statement.statement, &statement.bind_args(args))
            .await
            .map(drop)
            .map_err(|error| self.trouble(&error))
    }
}

fn own_key(resource: &Resource, row: &[Value]) -> String {
    let id = &row[usize::from(resource.id_field().id.0)];
    imports::key(&resource.name, &resource.id_type.to_text(id))
}
