//! What a deprecated resource says about itself on every answer, refusals included.
//!
//! `Deprecation` (RFC 9745) says since when, `Sunset` (RFC 8594) when it goes away, `Link` where
//! to read about it and what to use instead (`successor-version`, RFC 5829). A field says so in the
//! documents only: these header fields speak of the resource at the path.

use std::time::{Duration, UNIX_EPOCH};

use http::header::LINK;
use http::{HeaderMap, HeaderName, HeaderValue};
use model::{Deprecated, Model, Resource};
use value::{Date, ResourceId};

const DEPRECATION: HeaderName = HeaderName::from_static("deprecation");
const SUNSET: HeaderName = HeaderName::from_static("sunset");
const GUIDE: HeaderValue = HeaderValue::from_static("</docs>; rel=\"deprecation\"");

/// The header fields of every deprecated resource.
pub struct Deprecations {
    /// Indexed by resource.
    fields: Vec<Vec<(HeaderName, HeaderValue)>>,
    /// Paths of what is used instead; likewise.
    successors: Vec<Option<String>>,
}

impl Deprecations {
    /// `has_docs`: whether there is a page to point to.
    pub fn new(model: &Model, has_docs: bool) -> Deprecations {
        let resources = || model.resources.iter();
        let successors: Vec<Option<String>> = resources()
            .map(|resource| Some(model.collection_path(model.successor(resource)?.id)))
            .collect();
        let fields = |(resource, successor): (&Resource, &Option<String>)| {
            let deprecated = resource.deprecated.as_ref();
            let fields =
                deprecated.map(|deprecated| fields(deprecated, successor.as_deref(), has_docs));
            fields.unwrap_or_default()
        };
        Deprecations {
            fields: resources().zip(&successors).map(fields).collect(),
            successors,
        }
    }

    /// The path of what is used instead.
    pub fn successor(&self, resource: ResourceId) -> Option<&str> {
        self.successors[usize::from(resource.0)].as_deref()
    }

    pub fn mark(&self, resource: ResourceId, headers: &mut HeaderMap) {
        for (name, value) in &self.fields[usize::from(resource.0)] {
            headers.append(name, value.clone());
        }
    }
}

fn fields(
    deprecated: &Deprecated,
    successor: Option<&str>,
    has_docs: bool,
) -> Vec<(HeaderName, HeaderValue)> {
    let seconds = |day: &Option<String>| {
        let date = Date::parse(day.as_deref()?).ok()?;
        Some(date.midnight().millis() / 1_000)
    };
    let mut fields = Vec::new();
    if let Some(since) = seconds(&deprecated.since) {
        let value = HeaderValue::try_from(format!("@{since}"));
        fields.push((DEPRECATION, value.expect("digits are visible ASCII")));
    }
    // HTTP dates begin with the epoch; nothing was to go away before it.
    if let Some(sunset) = seconds(&deprecated.sunset).and_then(|at| u64::try_from(at).ok()) {
        let moment = UNIX_EPOCH + Duration::from_secs(sunset);
        fields.push((SUNSET, web::headers::date(moment)));
    }
    if has_docs {
        fields.push((LINK, GUIDE));
    }
    // A path with values in it leads nowhere as it is.
    if let Some(path) = successor.filter(|path| !path.contains('{')) {
        let link = HeaderValue::try_from(format!("<{path}>; rel=\"successor-version\""));
        fields.push((LINK, link.expect("paths of contracts are visible ASCII")));
    }
    fields
}
