//! What a path stands for, and which methods it has.

use std::borrow::Cow;

use call::RecordKey;
use http::{HeaderValue, Method};
use model::{Action, Audience, Model};
use value::ResourceId;

/// What a path stands for.
#[derive(Debug, PartialEq)]
pub enum Target<'a> {
    /// `/books`
    Collection { resource: ResourceId },
    /// `/books/{id}`
    Record {
        resource: ResourceId,
        key: Key<'a>,
        audience: Audience,
    },
    /// `/authors/{id}/books`
    List {
        resource: ResourceId,
        parent: ResourceId,
        key: Key<'a>,
        /// The name of the list; none for what has its place there (`within:`).
        name: Option<&'a str>,
        adds: bool,
        audience: Audience,
    },
    /// `/books/query`, `/authors/{id}/books/query`: a list that is asked by a body, for those
    /// who cannot send QUERY.
    Query(Box<Target<'a>>),
    /// `/books/batch`, `/repos/{owner}/{name}/issues/batch`: many writes at once, where the
    /// records have their place.
    Batch(Box<Target<'a>>),
    /// `/books/{id}/restore`
    Restore {
        resource: ResourceId,
        key: Key<'a>,
        audience: Audience,
    },
}

/// What names a record, decoded.
#[derive(Debug, PartialEq)]
pub enum Key<'a> {
    Id(Cow<'a, str>),
    Values(Vec<String>),
}

/// The methods of each kind of target, in the order in which `Allow` names them.
const COLLECTION: &[(Method, Action)] = &[
    (Method::GET, Action::List),
    (Method::HEAD, Action::List),
    (Method::QUERY, Action::List),
    (Method::POST, Action::Create),
];
const LIST: &[(Method, Action)] = &[
    (Method::GET, Action::List),
    (Method::HEAD, Action::List),
    (Method::QUERY, Action::List),
];
const RECORD: &[(Method, Action)] = &[
    (Method::GET, Action::Get),
    (Method::HEAD, Action::Get),
    (Method::PUT, Action::Replace),
    (Method::PATCH, Action::Update),
    (Method::DELETE, Action::Delete),
];
const QUERY: &[(Method, Action)] = &[(Method::POST, Action::List)];
/// Of all the actions in it, the one that such a path is known for.
const BATCH: &[(Method, Action)] = &[(Method::POST, Action::Create)];
const RESTORE: &[(Method, Action)] = &[(Method::POST, Action::Restore)];

/// What a batch is made of.
const BATCHED: [Action; 3] = [Action::Create, Action::Update, Action::Delete];

impl Key<'_> {
    pub fn into_record_key(self) -> RecordKey {
        match self {
            Key::Id(id) => RecordKey::Id(id.into_owned()),
            Key::Values(values) => RecordKey::Natural(values),
        }
    }
}

impl Target<'_> {
    /// The resource that the path's records are of.
    pub fn resource(&self) -> ResourceId {
        match self {
            Target::Collection { resource }
            | Target::Record { resource, .. }
            | Target::Restore { resource, .. }
            | Target::List { resource, .. } => *resource,
            Target::Query(list) | Target::Batch(list) => list.resource(),
        }
    }

    /// For whom it is there: for those who are served all of its records.
    pub fn audience(&self, model: &Model) -> Audience {
        match self {
            Target::Collection { resource } => model.resource(*resource).audience,
            Target::Record { audience, .. }
            | Target::List { audience, .. }
            | Target::Restore { audience, .. } => *audience,
            Target::Query(list) | Target::Batch(list) => list.audience(model),
        }
    }

    pub fn is_batch(&self) -> bool {
        matches!(self, Target::Batch(_))
    }

    pub fn is_record(&self) -> bool {
        matches!(self, Target::Record { .. })
    }

    /// Whether a method's body is the query of a list.
    pub fn is_query(&self, method: &Method) -> bool {
        match self {
            Target::Query(_) => method == Method::POST,
            Target::Collection { .. } | Target::List { .. } => method == Method::QUERY,
            Target::Record { .. } | Target::Restore { .. } | Target::Batch(_) => false,
        }
    }

    /// What a method asks for here. OPTIONS asks for nothing and is not among them.
    pub fn action(&self, method: &Method) -> Option<Action> {
        let mut methods = self.methods().iter();
        let (_, action) = methods.find(|(known, _)| known == method)?;
        Some(*action)
    }

    fn methods(&self) -> &'static [(Method, Action)] {
        match self {
            Target::Collection { .. } | Target::List { adds: true, .. } => COLLECTION,
            Target::List { adds: false, .. } => LIST,
            Target::Record { .. } => RECORD,
            Target::Query(_) => QUERY,
            Target::Batch(_) => BATCH,
            Target::Restore { .. } => RESTORE,
        }
    }

    /// Whether the contract opens this action to anybody but operators. A resource that it
    /// opens for nothing at all is closed, not without methods.
    pub fn offers(&self, model: &Model, action: Action) -> bool {
        let access = &model.resource(self.resource()).access;
        let opened = |action: &Action| access.rule(*action).is_some();
        if self.is_batch() && BATCHED.iter().any(opened) {
            return true;
        }
        opened(&action) || !Action::ALL.iter().any(opened)
    }

    /// The value of `Allow`: the methods that are offered here.
    pub fn allow(&self, model: &Model) -> HeaderValue {
        let mut allow = String::with_capacity(48);
        for (method, action) in self.methods() {
            if self.offers(model, *action) {
                allow.push_str(method.as_str());
                allow.push_str(", ");
            }
        }
        allow.push_str("OPTIONS");
        HeaderValue::try_from(allow).expect("names of methods are ASCII")
    }
}
