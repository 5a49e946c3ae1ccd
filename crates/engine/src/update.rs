//! Changing a record: PATCH in both forms, and PUT.

use std::sync::Arc;

use call::{Change, Code, Failure, FieldProblem, Outcome, Place, Request};
use json_patch::PatchOperation;
use model::{Action, Field, Resource};
use serde_json::{Map, Value as Json};
use store::driver::{StoreError, Transaction};
use value::{FieldId, Value};

use crate::Core;
use crate::access::Verdict;
use crate::input::{Draft, Writer, escape};
use crate::settle::One;
use crate::statements::{Kind, ShapeKey};
use crate::write::{Stored, Terms, refuse_field};

/// Operations of one JSON Patch; each may copy the whole document.
const PATCH_OPERATIONS_MAX: usize = 100;
/// Bytes that a patched document may grow to.
const PATCHED_BYTES_MAX: usize = 4 * 1024 * 1024;

impl Core {
    /// Decides a change as far as that goes without its transaction.
    pub async fn update(self: &Arc<Self>, request: &Request) -> Result<One, Failure> {
        let resource = self.model.resource(request.resource);
        if request.action == Action::Replace && request.precondition.absent {
            if resource.is_placed_by_clients() {
                return self.create(request).await.map(One::Create);
            }
            return Err(Failure::new(
                Code::Stale,
                format!(
                    "the server says where new {} are; create with POST",
                    resource.plural
                ),
            ));
        }
        let terms = self.terms(request, request.action)?;
        let place = self.target(resource, request)?;
        Ok(One::Update(Updating {
            place,
            terms,
            id: Value::Null,
        }))
    }
}

/// A change that has been decided.
pub struct Updating {
    place: crate::place::Place,
    terms: Terms,
    /// Known once the record has been found.
    id: Value,
}

impl Updating {
    pub fn id(&self) -> &Value {
        &self.id
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
            .await?;
        self.id = before.row[usize::from(resource.id_field().id.0)].clone();
        // Law 3: the rule holds before and after the change, unless it names `next` itself.
        // One who may not change the record at all learns nothing from its preconditions or
        // its input; with `next` in the rule that can only be told afterwards.
        if !terms.names_next {
            core.require_allowed(transaction, request, terms, &before.row, None)
                .await?;
            core.precondition(request, &before)?;
        }
        let unseen = unseen(core, request, transaction, &before).await?;
        let draft = changed(core, request, &before, &unseen)?;
        if terms.names_next {
            let next = Some(draft.row.as_slice());
            core.require_allowed(transaction, request, terms, &before.row, next)
                .await?;
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
                .holds_unsaved(transaction, request, residual, &after.row)
                .await?
        {
            return Err(core.refused(request, terms));
        }
        save(
            core,
            request,
            transaction,
            resource,
            &before,
            &after,
            &draft.given,
        )
        .await?;
        if !terms.names_next {
            core.require_allowed(transaction, request, terms, &after.row, None)
                .await?;
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
        Ok(record.map_or(Outcome::Written, Outcome::Record))
    }
}

/// The row as the request would have it.
fn changed(
    core: &Core,
    request: &Request,
    before: &Stored,
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
        Some(Change::Merge(body)) => writer.merge(&before.row, body),
        Some(Change::Whole(body)) => writer.replace(&before.row, body, &hidden),
        Some(Change::Patch(operations)) => {
            match patched(resource, &before.row, operations, &hidden)? {
                Patched::Members(body) => writer.set(&before.row, &body),
                Patched::Whole(body) => writer.replace(&before.row, &body, &hidden),
            }
        }
        Some(Change::Batch(_)) | None => {
            Err(Failure::new(Code::Malformed, "a change needs a body"))
        }
    }
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

/// What a JSON Patch comes to.
enum Patched {
    /// The members that it changes.
    Members(Map<String, Json>),
    /// Another document: it is taken as PUT takes one.
    Whole(Map<String, Json>),
}

/// The members that a JSON Patch changes, found by applying it to the record as JSON.
fn patched(
    resource: &Resource,
    row: &[Value],
    operations: &Json,
    hidden: &dyn Fn(&Field) -> bool,
) -> Result<Patched, Failure> {
    let malformed = |pointer: String, detail: String| {
        Failure::with_problems(
            Code::Malformed,
            vec![FieldProblem {
                place: Place::Pointer(pointer),
                code: "invalid_patch",
                detail,
            }],
        )
    };
    let patch: json_patch::Patch = serde_json::from_value(operations.clone()).map_err(|error| {
        malformed(
            String::new(),
            format!("not a JSON Patch (RFC 6902): {error}"),
        )
    })?;
    if patch.0.len() > PATCH_OPERATIONS_MAX {
        return Err(malformed(
            String::new(),
            format!(
                "{} operations; the most is {PATCH_OPERATIONS_MAX}",
                patch.0.len()
            ),
        ));
    }
    let mut original = Map::new();
    for field in resource
        .fields
        .iter()
        .filter(|field| field.is_stored() && !hidden(field))
    {
        let mut text = Vec::new();
        value::json::write(&field.shape.ty, &row[usize::from(field.id.0)], &mut text);
        let json = serde_json::from_slice(&text).map_err(Failure::internal)?;
        original.insert(field.name.clone(), json);
    }
    let mut document = Json::Object(original.clone());
    for (index, operation) in patch.0.iter().enumerate() {
        json_patch::patch(&mut document, std::slice::from_ref(operation)).map_err(|error| {
            // RFC 5789 §2.2: the patch is understood, but not for a record in this state.
            Failure::with_problems(
                Code::Conflict,
                vec![FieldProblem {
                    place: Place::Pointer(format!("/{index}")),
                    code: "patch_failed",
                    detail: format!("operation {index} does not apply: {}", error.kind),
                }],
            )
        })?;
        // `copy` can double the document with each operation.
        if size(&document) > PATCHED_BYTES_MAX {
            return Err(malformed(
                format!("/{index}"),
                "the patched record becomes too large".to_owned(),
            ));
        }
    }
    let Json::Object(document) = document else {
        return Err(malformed(
            String::new(),
            "the patch makes the record something else than an object".to_owned(),
        ));
    };
    if patch.0.iter().any(puts_another) {
        return Ok(Patched::Whole(document));
    }
    let mut body = Map::new();
    for (name, before) in &original {
        match document.get(name) {
            None => {
                body.insert(name.clone(), Json::Null);
            }
            Some(after) if after != before => {
                body.insert(name.clone(), after.clone());
            }
            Some(_) => {}
        }
    }
    for (name, after) in document {
        if !original.contains_key(&name) {
            let computed = resource
                .field_named(&name)
                .is_some_and(|field| !field.is_stored());
            if computed {
                return Err(Failure::with_problems(
                    Code::Invalid,
                    vec![FieldProblem {
                        place: Place::Pointer(format!("/{}", escape(&name))),
                        code: "read_only",
                        detail: format!("`{name}` is computed; it cannot be patched"),
                    }],
                ));
            }
            body.insert(name, after);
        }
    }
    Ok(Patched::Members(body))
}

/// Whether an operation puts something in the place of the whole document.
fn puts_another(operation: &PatchOperation) -> bool {
    match operation {
        PatchOperation::Add(_)
        | PatchOperation::Replace(_)
        | PatchOperation::Move(_)
        | PatchOperation::Copy(_) => operation.path().is_root(),
        PatchOperation::Remove(_) | PatchOperation::Test(_) => false,
    }
}

/// Bytes of the strings and a few for each value: close enough to stop growth.
fn size(json: &Json) -> usize {
    match json {
        Json::String(text) => text.len() + 2,
        Json::Array(items) => items.iter().map(size).sum::<usize>() + 2,
        Json::Object(members) => {
            members
                .iter()
                .map(|(name, value)| name.len() + 4 + size(value))
                .sum::<usize>()
                + 2
        }
        Json::Null | Json::Bool(_) | Json::Number(_) => 8,
    }
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
                .holds_unsaved(transaction, request, residual, &draft.row)
                .await?;
        }
        if !may {
            return Err(refuse_field(request, resource.field(*field), &gate.text));
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
    match transaction.execute(&prepared.statement, &parameters).await {
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
