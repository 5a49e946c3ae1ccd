//! From the wire to [`call::Request`]: methods, parameters, preconditions and bodies.
//!
//! Only syntax is judged here. Whether a field exists, may be filtered by or may hold a value is
//! the engine's question.

pub mod batch;
pub mod body;
pub mod idempotency;
pub mod parameters;
pub mod patch;
pub mod precondition;
pub mod prefer;
pub mod query;

use std::sync::Arc;
use std::time::SystemTime;

use call::{Caller, NestedList, Parent, Precondition, Query, Request, ViewRequest};
use http::request::Parts;
use model::{Action, Model};
use web::RequestBody;

use crate::failure::Refusal;
use crate::mount::Target;

/// Reads everything a request says about its action, the body last.
pub async fn read(
    head: &Parts,
    body: &mut RequestBody,
    body_bytes_max: usize,
    model: &Model,
    target: Target<'_>,
    action: Action,
    caller: Arc<Caller>,
) -> Result<Request, Refusal> {
    let in_body = target.is_query(&head.method);
    let is_batch = target.is_batch();
    let mut dry_run = false;
    let (mut query, mut view) = match head.uri.query() {
        None => (Query::default(), ViewRequest::default()),
        // All of it stands in the body then, so that nothing is said twice.
        Some(query) if in_body => {
            parameters::of_nothing(query)?;
            (Query::default(), ViewRequest::default())
        }
        Some(query) if action == Action::List => {
            parameters::of_list(query, &model.resource(target.resource()).list)?
        }
        Some(query) if action.is_read() => (Query::default(), parameters::of_record(query)?),
        Some(query) => {
            let view;
            (view, dry_run) = parameters::of_write(query, action, is_batch)?;
            (Query::default(), view)
        }
    };
    let precondition = match action {
        // Conditions on reads are about what is sent, and looked at when that is known.
        Action::List | Action::Get => Precondition::default(),
        _ => precondition::read(&head.headers, action)?,
    };
    let change = if in_body {
        (query, view) = query::read(&head.headers, body, body_bytes_max).await?;
        None
    } else if is_batch {
        let names = batch::Names::new(model, &target);
        Some(batch::read(&head.headers, body, body_bytes_max, &names).await?)
    } else {
        body::read(&head.headers, body, body_bytes_max, action).await?
    };
    let resource = target.resource();
    let target = match target {
        Target::Query(list) | Target::Batch(list) => *list,
        target => target,
    };
    let (id, parent) = match target {
        Target::Query(_) | Target::Batch(_) | Target::Collection { .. } => (None, None),
        Target::Record { key, .. } | Target::Restore { key, .. } => {
            (Some(key.into_record_key()), None)
        }
        Target::List {
            parent, key, name, ..
        } => (
            None,
            Some(Parent {
                resource: parent,
                key: key.into_record_key(),
                list: name.map_or(NestedList::Within, |name| {
                    NestedList::Named(name.to_owned())
                }),
            }),
        ),
    };
    let mut request = Request {
        target: id,
        parent,
        change,
        query,
        view,
        precondition,
        ..Request::new(resource, action, caller, SystemTime::now().into())
    };
    if !action.is_read() {
        request.manner.key = idempotency::read(head, &request)?;
        request.manner.dry_run = dry_run;
    }
    Ok(request)
}
