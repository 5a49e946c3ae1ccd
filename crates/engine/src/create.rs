//! Creating a record.

use std::sync::Arc;

use call::{Change, Code, Failure, FieldProblem, Outcome, Place, RecordKey, Request};
use model::{Action, Resource};
use store::driver::{Dialect, Rows, Sole, StoreError, Transaction};
use store::write::Published;
use value::{FieldId, IdKind, Timestamp, Value};

use crate::Core;
use crate::access::{Residual, Verdict, holds_for, in_memory};
use crate::caller::Claims;
use crate::input::{Writer, conflicts_with_path};
use crate::read::{missing, not_found};
use crate::sequence::is_counted;
use crate::spot::Spot;
use crate::statements::{Kind, ShapeKey};
use crate::taken::Met;
use crate::validate;
use crate::write::{Asked, Stored, Terms, becoming, refuse_field};

/// A field and what is left of its write rule.
type FieldRule = (FieldId, Residual);

impl Core {
    /// Decides a create as far as that goes without its transaction.
    pub async fn create(self: &Arc<Self>, request: &Request) -> Result<Creating, Failure> {
        self.create_in(request, None).await
    }

    /// The same where the record around the new one has been found already: by which field the
    /// new one is in it, and its id.
    pub async fn create_in(
        self: &Arc<Self>,
        request: &Request,
        found: Option<(FieldId, Value)>,
    ) -> Result<Creating, Failure> {
        let resource = self.model.resource(request.resource);
        let terms = self.terms(request, Action::Create)?;
        let around = self.parent_of_target(resource, request);
        let mut preset = Vec::new();
        if let Some(found) = found {
            preset.push(found);
        } else if let Some(parent) = request.parent.as_ref().or(around.as_ref()) {
            preset.push(Box::pin(self.parent(request, parent)).await?);
        }
        let inside = preset.first().map(|(field, _)| *field);
        if resource.id_type.kind == IdKind::Text
            && let Some(RecordKey::Id(text)) = &request.target
        {
            let id = resource
                .id_type
                .parse(text)
                .map_err(|error| Failure::new(Code::NotFound, error.to_string()))?;
            preset.push((resource.id_field().id, id));
        }
        preset.extend(self.named_by_target(resource, request)?);
        let (row, field_rules) = self.new_row(request, &preset)?;
        // What the row itself decides is decided before the writer is bothered.
        let mut later = true;
        let counted = is_counted(resource);
        match &terms.allowed {
            Verdict::Open => later = false,
            Verdict::Closed => return Err(becoming(self.refused(request, &terms), &row)),
            Verdict::Rows(residual) => {
                if in_memory(&residual.expr) && !counted {
                    later = false;
                    let claims = Claims(&request.caller);
                    if !holds_for(&residual.expr, &claims, request.now, &row, Some(&row)) {
                        return Err(becoming(self.refused(request, &terms), &row));
                    }
                }
            }
        }
        if !counted {
            self.require_own_checks(request, &terms, &row)?;
        }
        Ok(Creating {
            row,
            terms,
            field_rules,
            ask_in_database: later,
            inside,
            version: 0,
            drawn: false,
        })
    }

    /// Decides a create that may be done in any case, of a record of which something is known.
    pub fn create_given(
        &self,
        request: &Request,
        terms: Terms,
        known: Vec<(FieldId, Value)>,
    ) -> Result<Creating, Failure> {
        let resource = self.model.resource(request.resource);
        // What nobody may write is known all the same.
        let (fixed, preset): (Vec<_>, Vec<_>) = known.into_iter().partition(|(field, _)| {
            let field = resource.field(*field);
            field.set.is_some() || field.read_only
        });
        let (mut row, field_rules) = self.new_row(request, &preset)?;
        for (field, value) in fixed {
            row[usize::from(field.0)] = value;
        }
        if !is_counted(resource) {
            self.require_own_checks(request, &terms, &row)?;
        }
        Ok(Creating {
            row,
            terms,
            field_rules,
            ask_in_database: false,
            inside: None,
            version: 0,
            drawn: false,
        })
    }

    /// What the path of a PUT that creates says about the record's own key.
    fn named_by_target(
        &self,
        resource: &Resource,
        request: &Request,
    ) -> Result<Vec<(FieldId, Value)>, Failure> {
        let Some(RecordKey::Natural(texts)) = &request.target else {
            return Ok(vec![]);
        };
        let values = self
            .model
            .read_path(resource.id, texts)
            .ok_or_else(|| not_found(resource, request))?;
        let before = values.len() - resource.key_fields().count();
        let mut problems = Vec::new();
        let named: Vec<(FieldId, Value)> = resource
            .key_fields()
            .zip(values.into_iter().skip(before))
            .map(|(field, value)| {
                let spot = Spot::field(&field.name);
                validate::check(&field.shape, &value, spot, &mut problems);
                (field.id, value)
            })
            .collect();
        if problems.is_empty() {
            Ok(named)
        } else {
            Err(Failure::with_problems(Code::Invalid, problems))
        }
    }

    /// The input as a row, with its id unless the database counts it, and the write rules of its
    /// fields that only the database can decide.
    fn new_row(
        &self,
        request: &Request,
        preset: &[(FieldId, Value)],
    ) -> Result<(Vec<Value>, Vec<FieldRule>), Failure> {
        let resource = self.model.resource(request.resource);
        let Some(Change::Whole(body)) = &request.change else {
            return Err(Failure::new(
                Code::Malformed,
                "a create needs the whole record",
            ));
        };
        let writer = Writer {
            resource,
            caller: &request.caller,
            now: request.now,
            unseen: &[],
        };
        // What the server fills in is no more taken from the path than from the body.
        let (filled_in, preset): (Vec<_>, Vec<_>) =
            preset.iter().cloned().partition(|(field, _)| {
                let field = resource.field(*field);
                field.set.is_some() || field.read_only
            });
        let mut draft = writer.create(body, &preset)?;
        for (field, id) in &filled_in {
            if draft.row[usize::from(field.0)] != *id {
                let problem = conflicts_with_path(resource.field(*field), id);
                return Err(Failure::with_problems(Code::Invalid, vec![problem]));
            }
        }
        let id_field = resource.id_field().id;
        if let Some((_, id)) = preset.iter().find(|(field, _)| *field == id_field) {
            draft.row[usize::from(id_field.0)] = id.clone();
        }
        self.give_id(resource, &mut draft.row);
        let plan = self.plans.resource(resource.id);
        let counted = is_counted(resource);
        let mut later = Vec::new();
        for field in &draft.given {
            let Some(gate) = plan.field_write(*field) else {
                continue;
            };
            let may = match gate.ask(&request.caller, request.now) {
                Verdict::Open => true,
                Verdict::Closed => false,
                Verdict::Rows(residual) if in_memory(&residual.expr) && !counted => {
                    let (claims, row) = (Claims(&request.caller), &draft.row);
                    holds_for(&residual.expr, &claims, request.now, row, Some(row))
                }
                Verdict::Rows(residual) => {
                    later.push((*field, residual));
                    true
                }
            };
            if !may {
                let refused = refuse_field(request, resource.field(*field), &gate.text);
                return Err(becoming(refused, &draft.row));
            }
        }
        Ok((draft.row, later))
    }

    /// An id for a new row that has none yet, unless the database counts it or the client chose it.
    pub fn give_id(&self, resource: &Resource, row: &mut [Value]) {
        let id = &mut row[usize::from(resource.id_field().id.0)];
        if !id.is_null() {
            return;
        }
        match resource.id_type.kind {
            IdKind::TypeId | IdKind::Uuid => *id = Value::Uuid(uuid::Uuid::now_v7().into_bytes()),
            IdKind::Random => *id = Value::Uuid(uuid::Uuid::new_v4().into_bytes()),
            IdKind::Integer | IdKind::Text => {}
        }
    }
}

/// The version that a new record begins with.
///
/// Where another record may come to the same path after this one has gone, what was read of the one
/// must not match the other (`If-Match`), so the versions of the two must not meet: they begin with
/// the time, in microseconds. The last three digits are chance, as time is told in milliseconds, and
/// two nodes may not agree on it.
pub fn first_version(resource: &Resource, now: Timestamp) -> i64 {
    if resource.key.is_empty() && resource.id_type.kind != IdKind::Text {
        // Ids that the server gives are given once.
        return 1;
    }
    let chance = i64::try_from(uuid::Uuid::new_v4().as_u128() % 1_000).unwrap_or_default();
    now.millis()
        .saturating_mul(1_000)
        .saturating_add(chance)
        .max(1)
}

/// Whether something may still be counted for an earlier record with the id of a new one: that one
/// was deleted softly, and has gone for good without anybody looking at each.
fn begins_anew(core: &Core, resource: &Resource) -> bool {
    resource.id_type.kind == IdKind::Text
        && resource.soft_delete.is_some()
        && core.plans.resource(resource.id).is_counted_for
}

/// Puts the row into its table; an id that the database counted goes into `stored`.
pub async fn insert(
    core: &Core,
    request: &Request,
    transaction: &mut dyn Transaction,
    stored: &mut Stored,
) -> Result<(), Failure> {
    put(core, request, transaction, stored).await?;
    core.references_live(transaction, request, &stored.row, |_| true)
        .await
}

/// The same of a record that is not to be there: it may refer to others that are not.
pub async fn put(
    core: &Core,
    request: &Request,
    transaction: &mut dyn Transaction,
    stored: &mut Stored,
) -> Result<(), Failure> {
    let resource = core.model.resource(request.resource);
    let key = ShapeKey::new(Kind::Insert).resource(resource.id);
    let prepared = core.statements.get_or_make(key, || {
        Ok(store::write::insert(
            &core.model,
            core.driver.dialect(),
            resource.id,
        ))
    })?;
    let mut arguments: Vec<Value> = store::layout::stored_fields(resource)
        .map(|field| stored.row[usize::from(field.id.0)].clone())
        .collect();
    arguments.push(Value::Int(stored.version));
    arguments.extend(store::search::text(resource, &stored.row).map(Value::Text));
    let inserted = loop {
        let parameters = core.bind(&prepared, &arguments, request);
        let id = &mut stored.row[usize::from(resource.id_field().id.0)];
        let inserted = if id.is_null() {
            transaction
                .insert(&prepared.statement, &parameters)
                .await
                .map(|counted| *id = counted)
        } else {
            // An id that is there already need not be waited for.
            transaction
                .execute_ahead(&prepared.statement, parameters)
                .await
        };
        match &inserted {
            Err(error)
                if core
                    .make_room(request, transaction, error, &stored.row)
                    .await? => {}
            _ => break inserted,
        }
    };
    match inserted {
        Ok(()) => {}
        Err(StoreError::ForeignKey) => {
            return Err(core
                .missing_reference(transaction, resource, &stored.row)
                .await);
        }
        Err(error) => return Err(core.trouble(&error)),
    }
    Ok(())
}

/// A create that has been decided.
pub struct Creating {
    row: Vec<Value>,
    terms: Terms,
    /// Write rules of fields that look at other records, or at a number that is still to come.
    field_rules: Vec<FieldRule>,
    /// The same of the record's own rule.
    ask_in_database: bool,
    /// The field that says what is around it, if its path does.
    inside: Option<FieldId>,
    /// What it begins with as a sole statement.
    version: i64,
    /// The id has been counted before, so that it need not be done any more.
    drawn: bool,
}

impl Creating {
    /// Whether no other record has a say, before or after.
    fn asks_nobody(&self, core: &Core, request: &Request) -> bool {
        let resource = core.model.resource(request.resource);
        let id = &self.row[usize::from(resource.id_field().id.0)];
        // An id that is counted and yet given moves the counter on.
        let gives_counted =
            resource.id_type.kind == IdKind::Integer && !id.is_null() && !self.drawn;
        let asks = self.ask_in_database
            || begins_anew(core, resource)
            || !self.field_rules.is_empty()
            || is_counted(resource)
            || gives_counted
            || self.terms.asks_others()
            || store::references::soft_relations(&core.model, resource)
                .next()
                .is_some();
        !asks
    }

    fn published(&self, request: &Request) -> Published<'_> {
        Published {
            row: &self.row,
            version: self.version,
            at: request.now,
            caller: request.caller.label(),
        }
    }

    fn outcome(&self, core: &Core, request: &Request, stored: &Stored) -> Outcome {
        let resource = core.model.resource(request.resource);
        Outcome::Created {
            key: core.key_of(resource, request, &stored.row),
            id: stored.row[0].clone(),
            record: core.plain_answer(request, &self.terms, stored),
        }
    }

    /// Whether all of it, its answer with it, can be one statement that is committed with others.
    pub fn gathers(&self, core: &Core, request: &Request) -> bool {
        core.driver.dialect() == Dialect::Postgres && self.asks_nobody(core, request)
    }

    /// Gives it an id that the database has counted, as its answer is to tell it. Whether it has one.
    pub async fn draw_id(&mut self, core: &Core, request: &Request) -> Result<bool, Failure> {
        let resource = core.model.resource(request.resource);
        let dialect = core.driver.dialect();
        if self.id_slot(resource).is_null() && store::write::draws(resource, dialect) {
            let key = ShapeKey::new(Kind::DrawIds).resource(resource.id);
            let drawing = core
                .statements
                .get_or_make(key, || Ok(store::write::draw(resource, dialect)))?;
            let parameters = core.bind(&drawing, &[Value::Int(1)], request);
            let drawn = core.driver.query(&drawing.statement, &parameters).await;
            let drawn = drawn.map_err(|error| core.trouble(&error))?;
            if let Some(id) = drawn.cells.into_iter().next() {
                *self.id_slot(resource) = id;
                self.drawn = true;
            }
        }
        Ok(!self.id_slot(resource).is_null())
    }

    /// All of it as one statement, with its answer, once it has an id.
    pub fn sole_once(
        &mut self,
        core: &Core,
        request: &Request,
        keep: impl FnOnce(&Outcome) -> Vec<Value>,
    ) -> Option<Sole> {
        let resource = core.model.resource(request.resource);
        let key = ShapeKey::new(Kind::InsertPublishedOnce).resource(resource.id);
        let prepared = core.statements.get_or_make(key, || {
            store::write::insert_published_once(&core.model, core.driver.dialect(), resource.id)
                .ok_or_else(|| Failure::internal("one writer has no use for it"))
        });
        let prepared = prepared.ok()?;
        self.version = first_version(resource, request.now);
        let stored = Stored {
            row: self.row.clone(),
            version: self.version,
        };
        let mut arguments = keep(&self.outcome(core, request, &stored));
        arguments.extend(self.published(request).args(resource));
        Some(Sole {
            parameters: core.bind(&prepared, &arguments, request),
            statement: Arc::clone(&prepared.statement),
        })
    }

    /// Where the record's id goes.
    pub fn id_slot(&mut self, resource: &Resource) -> &mut Value {
        &mut self.row[usize::from(resource.id_field().id.0)]
    }

    /// What it is to be, for whoever asks what stands in its way.
    pub fn met(&self) -> Met {
        Met::new(self.row.clone(), &self.terms)
    }

    /// The record around this one was there when it was looked for, and has been deleted since:
    /// then there is nothing at the path, as if it had gone before.
    fn around_gone(&self, core: &Core, request: &Request, failure: Failure) -> Failure {
        let resource = core.model.resource(request.resource);
        let around = core.parent_of_target(resource, request);
        let (Some(parent), Some(field)) =
            (request.parent.as_ref().or(around.as_ref()), self.inside)
        else {
            return failure;
        };
        let pointer = format!("/{}", resource.field(field).name);
        let is_it = |problem: &FieldProblem| problem.place == Place::Pointer(pointer.clone());
        if failure.code == Code::UnknownReference && failure.problems.iter().any(is_it) {
            missing(core.model.resource(parent.resource), Some(&parent.key))
        } else {
            failure
        }
    }
}

impl crate::work::Writing for Creating {
    type Done = Outcome;

    async fn write(
        &mut self,
        core: &Core,
        request: &Request,
        transaction: &mut dyn Transaction,
    ) -> Result<Outcome, Failure> {
        let resource = core.model.resource(request.resource);
        let terms = &self.terms;
        let mut stored = Stored {
            row: self.row.clone(),
            version: first_version(resource, request.now),
        };
        core.count(transaction, request, &mut stored.row).await?;
        // Who may not do this learns nothing from what the database would say of the values, so
        // the rules are asked before the row is there, and again when it is.
        if let Verdict::Rows(residual) = &terms.allowed
            && self.ask_in_database
            && !core
                .holds(transaction, request, residual, Asked::Unsaved(&stored.row))
                .await?
        {
            return Err(becoming(core.refused(request, terms), &stored.row));
        }
        for (field, residual) in &self.field_rules {
            if !core
                .holds(transaction, request, residual, Asked::Unsaved(&stored.row))
                .await?
            {
                let gate = core.plans.resource(resource.id).field_write(*field);
                let rule = gate.map_or("nobody", |gate| gate.text.as_str());
                let refused = refuse_field(request, resource.field(*field), rule);
                return Err(becoming(refused, &stored.row));
            }
        }
        if is_counted(resource) {
            core.require_own_checks(request, terms, &stored.row)?;
        }
        insert(core, request, transaction, &mut stored)
            .await
            .map_err(|failure| self.around_gone(core, request, failure))?;
        if begins_anew(core, resource) {
            core.forget_counted(transaction, request, &stored.row[0])
                .await?;
        }
        if self.ask_in_database {
            let next = terms.names_next.then_some(stored.row.as_slice());
            core.require_allowed(transaction, request, terms, &stored.row, next)
                .await
                .map_err(|failure| becoming(failure, &stored.row))?;
        }
        core.related_checks(transaction, request, terms, &stored.row)
            .await?;
        core.publish(transaction, request, Action::Create, None, Some(&stored))
            .await?;
        let record = core.answer(transaction, request, terms, &stored).await?;
        let id = stored.row[0].clone();
        Ok(Outcome::Created {
            key: core.key_of(resource, request, &stored.row),
            id,
            record,
        })
    }

    /// Where no other record has a say before or after.
    fn sole(&mut self, core: &Core, request: &Request) -> Option<Sole> {
        let resource = core.model.resource(request.resource);
        if self.drawn || !self.asks_nobody(core, request) {
            return None;
        }
        let key = ShapeKey::new(Kind::InsertPublished).resource(resource.id);
        let prepared = core.statements.get_or_make(key, || {
            store::write::insert_published(&core.model, core.driver.dialect(), resource.id)
                .ok_or_else(|| Failure::internal("one writer has no use for it"))
        });
        let prepared = prepared.ok()?;
        self.version = first_version(resource, request.now);
        let arguments = self.published(request).args(resource);
        Some(Sole {
            parameters: core.bind(&prepared, &arguments, request),
            statement: Arc::clone(&prepared.statement),
        })
    }

    fn written(&mut self, core: &Core, request: &Request, rows: Rows) -> Result<Outcome, Failure> {
        let resource = core.model.resource(request.resource);
        let mut stored = Stored {
            row: self.row.clone(),
            version: self.version,
        };
        if let Some(id) = rows.cells.into_iter().next() {
            stored.row[usize::from(resource.id_field().id.0)] = id;
        }
        Ok(self.outcome(core, request, &stored))
    }
}
