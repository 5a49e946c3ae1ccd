//! Changing a record: PATCH in both forms, and PUT.

use std::borrow::Cow;
use std::sync::Arc;

use call::{Change, Code, Failure, Outcome, Request};
use model::{Action, Field, FieldKind, Resource};
use store::driver::{StoreError, Transaction};
use store::select::{Output, Select};
use value::{FieldId, Value};

use crate::Core;
use crate::access::Verdict;
use crate::input::{Draft, Writer};
use crate::patch::{self, Patched};
use crate::place::Place;
use crate::read::Via;
use crate::settle::One;
use crate::statements::{Kind, ShapeKey};
use crate::taken::Met;
use crate::write::{Asked, Stored, Terms, becoming, refuse_field};

impl Core {
    /// Decides a change as far as that goes without its transaction.
    pub async fn update(self: &Arc<Self>, request: &Request) -> Result<One, Failure> {
        let resource = self.model.resource(request.resource);
        if request.action == Action::Replace
            && request.precondition.absent
            && resource.is_placed_by_clients()
        {
            return self.create(request).await.map(One::Create);
        }
        let terms = self.terms(request, request.action)?;
        let place = self.target(resource, request)?;
        Ok(One::Update(Updating {
            place,
            terms,
            met: None,
        }))
    }
}

/// Why there is nothing, for whoever may have wanted to create it here.
fn unplaced(core: &Core, resource: &Resource, request: &Request, failure: Failure) -> Failure {
    let wanted = request.action == Action::Replace && !request.precondition.names_state();
    let plan = core.plans.resource(resource.id);
    if !wanted || failure.code != Code::NotFound || plan.gate(Action::Create).is_none() {
        return failure;
    }
    let how = match resource.is_placed_by_clients() {
        true => "to create it here, send `If-None-Match: *`".to_owned(),
        false => format!(
            "the server says where new {} are: create with POST",
            resource.plural
        ),
    };
    let detail = format!("{}; {how}", failure.detail);
    Failure { detail, ..failure }
}

/// A change that has been decided.
pub struct Updating {
    place: Place,
    terms: Terms,
    /// What it was to become when a value of it was taken.
    met: Option<Met>,
}

impl Updating {
    pub fn met(&self) -> Option<Met> {
        self.met.clone()
    }
}

impl crate::work::Writing for Updating {
    type Done = Outcome;

    async fn write(
        &mut self,
        core: &Core,
        request: &Request,
        transaction: &mut dyn Transaction,
    ) -> Result<Outcome, Failure> {
        let resource = core.model.resource(request.resource);
        let terms = &self.terms;
        let before = core
            .current(transaction, request, terms, &self.place)
            .await
            .map_err(|failure| unplaced(core, resource, request, failure))?;
        // Law 3: the rule holds before and after the change, unless it names `next` itself.
        // One who may not change the record at all learns nothing from its preconditions or
        // its input; with `next` in the rule that can only be told afterwards.
        if !terms.names_next {
            core.require_allowed(transaction, request, terms, &before.row, None)
                .await?;
            core.precondition(request, &before)?;
        }
        let unseen = unseen(core, request, transaction, &before).await?;
        let seen = with_computed(core, request, transaction, &before, &unseen).await?;
        let mut draft = changed(core, request, &seen, &unseen)?;
        for field in computed(resource) {
            draft.row[usize::from(field.id.0)] = Value::Null;
        }
        if terms.names_next {
            let next = Some(draft.row.as_slice());
            core.require_allowed(transaction, request, terms, &before.row, next)
                .await
                .map_err(|failure| becoming(failure, &draft.row))?;
            core.precondition(request, &before)?;
        }
        field_rules(core, request, transaction, &before, &draft).await?;
        if draft.given.is_empty() {
            let record = core.answer(transaction, request, terms, &before).await?;
            return Ok(record.map_or(Outcome::Written, Outcome::Record));
        }
        core.require_own_checks(request, terms, &draft.row)?;
        let mut after = Stored {
            row: draft.row,
            version: before.version + 1,
        };
        let updated_at = resource.system_field(model::SystemField::UpdatedAt).id;
        after.row[usize::from(updated_at.0)] = Value::Timestamp(request.now);
        // Before the values meet those of others: a refusal must not tell what is taken.
        if let Verdict::Rows(residual) = &terms.allowed
            && !terms.names_next
            && !core
                .holds(transaction, request, residual, Asked::Unsaved(&after.row))
                .await?
        {
            return Err(becoming(core.refused(request, terms), &after.row));
        }
        let saved = save(
            core,
            request,
            transaction,
            resource,
            &before,
            &after,
            &draft.given,
        );
        if let Err(failure) = saved.await {
            if failure.code == Code::AlreadyExists {
                self.met = Some(Met::new(after.row, terms));
            }
            return Err(failure);
        }
        if !terms.names_next {
            core.require_allowed(transaction, request, terms, &after.row, None)
                .await
                .map_err(|failure| becoming(failure, &after.row))?;
        }
        core.related_checks(transaction, request, terms, &after.row)
            .await?;
        core.publish(
            transaction,
            request,
            Action::Update,
            Some(&before),
            Some(&after),
        )
        .await?;
        let record = core.answer(transaction, request, terms, &after).await?;
        let differs = |field: &Field| {
            let place = usize::from(field.id.0);
            before.row[place] != after.row[place]
        };
        if resource.key_fields().any(differs) {
            let key = core.key_of(resource, request, &after.row);
            return Ok(Outcome::Elsewhere { key, record });
        }
        Ok(record.map_or(Outcome::Written, Outcome::Record))
    }
}

/// The row as the request would have it.
fn changed(
    core: &Core,
    request: &Request,
    before: &[Value],
    unseen: &[FieldId],
) -> Result<Draft, Failure> {
    let resource = core.model.resource(request.resource);
    let writer = Writer {
        resource,
        caller: &request.caller,
        now: request.now,
        unseen,
    };
    let hidden = |field: &Field| hidden_from(core, request, resource, field);
    match &request.change {
        Some(Change::Merge(body)) => writer.merge(before, body),
        Some(Change::Whole(body)) => writer.replace(before, body, &hidden),
        Some(Change::Patch(operations)) => {
            match patch::apply(resource, before, operations, &hidden)? {
                Patched::Members(body) => writer.set(before, &body),
                Patched::Whole(body) => writer.replace(before, &body, &hidden),
            }
        }
        Some(Change::Batch(_)) | None => {
            Err(Failure::new(Code::Malformed, "a change needs a body"))
        }
    }
}

fn computed(resource: &Resource) -> impl Iterator<Item = &Field> {
    resource
        .fields
        .iter()
        .filter(|field| matches!(field.kind, FieldKind::Computed(_)))
}

/// The row, with what the request says of computed fields that its caller sees: it is compared
/// with what is so (part 2 #16), and computed only if it is spoken of.
async fn with_computed<'a>(
    core: &Core,
    request: &Request,
    transaction: &mut dyn Transaction,
    before: &'a Stored,
    unseen: &[FieldId],
) -> Result<Cow<'a, [Value]>, Failure> {
    let resource = core.model.resource(request.resource);
    let spoken_of = |field: &&Field| {
        let said = match &request.change {
            Some(Change::Merge(body) | Change::Whole(body)) => body.contains_key(&field.name),
            Some(Change::Patch(operations)) => patch::speaks_of(operations, &field.name),
            Some(Change::Batch(_)) | None => false,
        };
        said && !unseen.contains(&field.id) && field.audience <= request.caller.served_audience()
    };
    let fields: Vec<FieldId> = computed(resource)
        .filter(spoken_of)
        .map(|field| field.id)
        .collect();
    if fields.is_empty() {
        return Ok(Cow::Borrowed(&before.row));
    }
    let key = ShapeKey::new(Kind::Computed)
        .resource(resource.id)
        .numbers(fields.iter().map(|field| u64::from(field.0)));
    let prepared = core.statements.get_or_make(key, || {
        core.select(&Select {
            outputs: fields.iter().map(|field| Output::Field(*field)).collect(),
            by_id: true,
            ..Select::new(resource.id)
        })
    })?;
    let mut row = before.row.clone();
    let id = row[usize::from(resource.id_field().id.0)].clone();
    let parameters = core.bind(&prepared, &[id], request);
    let rows = core
        .rows(&mut Via::Inside(transaction), &prepared, &parameters)
        .await?;
    let values = rows
        .into_iter()
        .next()
        .ok_or_else(|| Failure::internal("a record is gone within its transaction"))?;
    for (field, value) in fields.iter().zip(values) {
        row[usize::from(field.0)] = value;
    }
    Ok(Cow::Owned(row))
}

/// Fields of this very row that the caller does not see.
async fn unseen(
    core: &Core,
    request: &Request,
    transaction: &mut dyn Transaction,
    before: &Stored,
) -> Result<Vec<FieldId>, Failure> {
    let resource = core.model.resource(request.resource);
    let plan = core.plans.resource(resource.id);
    let mut unseen = Vec::new();
    for field in &resource.fields {
        let seen = match plan.field_read(field.id) {
            _ if field.write_only => false,
            None => true,
            Some(gate) => {
                let verdict = gate.ask(&request.caller, request.now);
                core.verdict_holds(transaction, request, &verdict, &before.row, None)
                    .await?
            }
        };
        if !seen {
            unseen.push(field.id);
        }
    }
    Ok(unseen)
}

/// Fields that this caller does not see on every row: they are no part of the document that a
/// PUT or JSON Patch speaks of.
fn hidden_from(core: &Core, request: &Request, resource: &Resource, field: &Field) -> bool {
    field.write_only
        || field.audience > request.caller.served_audience()
        || core
            .plans
            .resource(resource.id)
            .field_read(field.id)
            .is_some_and(|gate| !matches!(gate.ask(&request.caller, request.now), Verdict::Open))
}

/// Write rules of the fields that change. Like the record's own they hold before and after,
/// unless they name `next` themselves (law 3).
async fn field_rules(
    core: &Core,
    request: &Request,
    transaction: &mut dyn Transaction,
    before: &Stored,
    draft: &Draft,
) -> Result<(), Failure> {
    let resource = core.model.resource(request.resource);
    let plan = core.plans.resource(resource.id);
    for field in &draft.given {
        let Some(gate) = plan.field_write(*field) else {
            continue;
        };
        let verdict = gate.ask(&request.caller, request.now);
        let next = gate.names_next.then_some(draft.row.as_slice());
        let mut may = core
            .verdict_holds(transaction, request, &verdict, &before.row, next)
            .await?;
        if let Verdict::Rows(residual) = &verdict
            && may
            && !gate.names_next
        {
            may = core
                .holds(transaction, request, residual, Asked::Unsaved(&draft.row))
                .await?;
        }
        if !may {
            let refused = refuse_field(request, resource.field(*field), &gate.text);
            return Err(becoming(refused, &draft.row));
        }
    }
    Ok(())
}

async fn save(
    core: &Core,
    request: &Request,
    transaction: &mut dyn Transaction,
    resource: &Resource,
    before: &Stored,
    after: &Stored,
    given: &[FieldId],
) -> Result<(), Failure> {
    let key = ShapeKey::new(Kind::Update)
        .resource(resource.id)
        .numbers(given.iter().map(|field| u64::from(field.0)));
    let prepared = core.statements.get_or_make(key, || {
        Ok(store::write::update(
            &core.model,
            core.driver.dialect(),
            resource.id,
            given,
        ))
    })?;
    let value_of = |field: FieldId| after.row[usize::from(field.0)].clone();
    let mut arguments: Vec<Value> = given.iter().map(|field| value_of(*field)).collect();
    if store::write::changes_search(resource, given) {
        arguments.extend(store::search::text(resource, &after.row).map(Value::Text));
    }
    arguments.push(value_of(
        resource.system_field(model::SystemField::UpdatedAt).id,
    ));
    arguments.push(value_of(resource.id_field().id));
    arguments.push(Value::Int(before.version));
    let parameters = core.bind(&prepared, &arguments, request);
    let saved = loop {
        let saved = transaction.execute(&prepared.statement, &parameters).await;
        match &saved {
            Err(error)
                if core
                    .make_room(request, transaction, error, &after.row)
                    .await? => {}
            _ => break saved,
        }
    };
    match saved {
        Ok(1) => {}
        Ok(_) => {
            return Err(Failure::new(
                Code::Stale,
                "the record was changed at the same time; read it again",
            ));
        }
        Err(StoreError::ForeignKey) => {
            return Err(core
                .missing_reference(transaction, resource, &after.row)
                .await);
        }
        Err(error) => return Err(core.trouble(&error)),
    }
    core.references_live(transaction, request, &after.row, |field| {
        given.contains(&field)
    })
    .await
}
