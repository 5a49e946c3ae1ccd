//! What has reached the day on which the contract lets it go (`sunset:`).
//!
//! It is gone for whoever comes in by a door. Its records are still there, for programs that hold the
//! engine itself: exports, imports, tests of rules.

use call::{Code, Failure, Request};
use model::{Model, Resource};
use value::Timestamp;

/// Refuses what is about a resource that is gone, or inside a record of one.
///
/// # Errors
/// [`Code::Gone`].
pub fn pass(model: &Model, request: &Request) -> Result<(), Failure> {
    let served = request.caller.served_audience();
    let of_parent = request.parent.iter().map(|parent| parent.resource);
    for resource in [request.resource].into_iter().chain(of_parent) {
        let mut at = Some(model.resource(resource));
        while let Some(resource) = at {
            // What is not for this caller is not there, and was not.
            if resource.audience <= served {
                not_gone(model, resource, request.now)?;
            }
            at = resource
                .within
                .map(|within| model.resource(within.resource));
        }
    }
    Ok(())
}

fn not_gone(model: &Model, resource: &Resource, now: Timestamp) -> Result<(), Failure> {
    let Some(deprecated) = &resource.deprecated else {
        return Ok(());
    };
    if deprecated.gone_at().is_none_or(|gone| now < gone) {
        return Ok(());
    }
    let since = deprecated.sunset.as_deref().unwrap_or_default();
    let mut detail = format!("{} are not served since {since}", resource.path);
    if let Some(successor) = model.successor(resource) {
        detail.push_str(&format!("; use `{}`", successor.name));
    }
    if let Some(why) = &deprecated.why {
        detail.push_str(&format!(": {why}"));
    }
    Err(Failure {
        gone: Some(resource.id),
        ..Failure::new(Code::Gone, detail)
    })
}
