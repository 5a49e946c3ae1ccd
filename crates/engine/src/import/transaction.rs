//! One transaction of an import: its records, what waited for them, how far it has come.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use call::{Code, Failure, Request};
use model::{Action, Resource};
use store::Prepared;
use store::driver::{Dialect, Transaction};
use store::imports::{self, Waiting};
use value::{FieldId, IdKind, ResourceId, Value};

use super::{Import, ImportError, Imported, Placed, Progress, Row, operator};
use crate::Core;
use crate::create::{first_version, insert, put};
use crate::delete::take_away;
use crate::sequence::is_counted;
use crate::statements::{Kind, ShapeKey};
use crate::work::Writing;
use crate::write::{Stored, Terms};

/// Records that one call of [`Engine::release`](crate::Engine::release) writes at most: other writes wait for no more.
const RELEASED_AT_ONCE: usize = 1_000;

/// What one transaction of an import writes.
pub struct Importing {
    import: Import,
    /// What is asked of records of each resource.
    pub terms: Vec<(ResourceId, Request, Terms)>,
    rows: Vec<Placed>,
    /// Records that others may wait for.
    pub ready: VecDeque<String>,
    /// Whether what waits for a record follows it.
    pub cascade: bool,
    /// Whether references are looked at in the end only.
    pub defer: bool,
    pub progress: Option<Progress>,
    pub notes: Arc<Mutex<Notes>>,
}

/// What a transaction leaves behind even if it is undone.
#[derive(Default)]
pub struct Notes {
    /// The record that was being written.
    pub at: Option<(ResourceId, u64)>,
    /// What a dry run would have done.
    pub undone: Option<Imported>,
}

impl Importing {
    pub fn new(
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

    fn terms_of(&self, resource: ResourceId) -> Option<(&Request, &Terms)> {
        let mut all = self.terms.iter();
        let (_, request, terms) = all.find(|(known, ..)| *known == resource)?;
        Some((request, terms))
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
        let Some((request, terms)) = self.terms_of(placed.resource) else {
            return Err(Failure::internal("a record waits that nobody expects"));
        };
        self.note(Some((placed.resource, placed.row.line)));
        let resource = core.model.resource(placed.resource);
        let line = i64::try_from(placed.row.line).unwrap_or(i64::MAX);
        if !self.defer
            && let Some(target) = self
                .missing(core, transaction, resource, &placed.row)
                .await?
        {
            if placed.waited.as_ref() != Some(&target) {
                let waiting = Waiting {
                    resource: resource.name.clone(),
                    line,
                    own: own_key(resource, &placed.row.values),
                    target,
                    record: match placed.row.deleted_at {
                        None => store::json::write_record(resource, &placed.row.values),
                        Some(at) => store::json::write_deleted(resource, &placed.row.values, at),
                    },
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
        // What is not to be there is held against others when it is restored.
        if placed.row.deleted_at.is_some() || self.defer {
            put(core, request, transaction, &mut stored).await?;
        } else {
            insert(core, request, transaction, &mut stored).await?;
            core.related_checks(transaction, request, terms, &stored.row)
                .await?;
        }
        core.publish(transaction, request, Action::Create, None, Some(&stored))
            .await?;
        if let Some(at) = placed.row.deleted_at {
            take_away(core, request, transaction, &stored, at).await?;
            core.publish(transaction, request, Action::Delete, Some(&stored), None)
                .await?;
        }
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
        row: &Row,
    ) -> Result<Option<String>, Failure> {
        // What is deleted may refer to what is.
        let kept = row.deleted_at.is_some();
        let row = row.values.as_slice();
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
        let there = core.targets_there(transaction, resource, row, kept).await?;
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
            let Some((request, terms)) = self.terms_of(placed.resource) else {
                continue;
            };
            self.note(Some((placed.resource, placed.row.line)));
            let resource = core.model.resource(placed.resource);
            let row = &placed.row.values;
            let deleted = placed.row.deleted_at.is_some();
            let there = core
                .targets_there(transaction, resource, row, deleted)
                .await?;
            if there.contains(&Value::Bool(false)) {
                return Err(core.missing_reference(transaction, resource, row).await);
            }
            if !deleted {
                core.related_checks(transaction, request, terms, row)
                    .await?;
            }
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

    /// Writes what waits for records that are there now, and then what waited for that. What
    /// there was no room for is left.
    async fn follow(
        &self,
        core: &Core,
        transaction: &mut dyn Transaction,
        done: &mut Imported,
    ) -> Result<VecDeque<String>, Failure> {
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
                self.take_in(core, transaction, &placed, done).await?;
            }
            // If none could be written, what is waited for has gone again.
            if rows.len() == room && done.written > before {
                waited_for.push_back(target);
            }
            waited_for.append(&mut done.ready);
        }
        Ok(waited_for)
    }

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

impl Writing for Importing {
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
        done.ready = self.follow(core, transaction, &mut done).await?;
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
        if self.import.dry_run {
            let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
            notes.undone = Some(done);
            return Err(Failure::new(Code::Conflict, "this was only tried"));
        }
        Ok(done)
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
