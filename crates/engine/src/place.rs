//! Which record a request means: by its id, or by the values in its path.
//!
//! A path goes through the records around it (`within:`). Those must be there and readable like
//! any record, or there is nothing behind them; they are asked in the statement that finds the
//! record itself.

use call::{Code, Failure, NestedList, Parent, RecordKey, Request};
use model::{Action, Resource};
use store::select::{ByPath, Select};
use value::Value;

use crate::Core;
use crate::access::{Residual, Verdict, admit};
use crate::read::not_found;
use crate::statements::{Kind, ShapeKey};

/// How a record is found.
#[derive(Clone, Debug)]
pub enum Place {
    Id(Value),
    Path {
        /// Of the outermost record first.
        values: Vec<Value>,
        /// What the caller may see of the records around it, the outermost first.
        around: Vec<Option<Residual>>,
    },
}

impl Place {
    /// Begins the key of a statement that finds the record so.
    pub fn key(&self, kind: Kind) -> ShapeKey {
        let key = ShapeKey::new(kind);
        match self {
            Place::Id(_) => key.number(0),
            Place::Path { around, .. } => around
                .iter()
                .fold(key.number(1 + around.len() as u64), |key, residual| {
                    key.restricted_to(residual.as_ref())
                }),
        }
    }

    /// A select of this one record.
    pub fn select(&self, rest: Select) -> Select {
        match self {
            Place::Id(_) => Select {
                by_id: true,
                ..rest
            },
            Place::Path { around, .. } => Select {
                by_path: Some(ByPath {
                    around: around
                        .iter()
                        .map(|residual| Some(std::sync::Arc::clone(&residual.as_ref()?.expr)))
                        .collect(),
                }),
                ..rest
            },
        }
    }

    pub fn arguments(&self) -> &[Value] {
        match self {
            Place::Id(id) => std::slice::from_ref(id),
            Place::Path { values, .. } => values,
        }
    }
}

impl Core {
    /// Where the record is that a request names. What cannot be a key leads to no record.
    pub fn target(&self, resource: &Resource, request: &Request) -> Result<Place, Failure> {
        match &request.target {
            Some(RecordKey::Id(text)) => resource
                .id_type
                .parse(text)
                .map(Place::Id)
                .map_err(|error| Failure::new(Code::NotFound, error.to_string())),
            Some(RecordKey::Natural(texts)) if resource.has_own_path() => Ok(Place::Path {
                around: self.around(resource, request)?,
                values: self
                    .model
                    .read_path(resource.id, texts)
                    .ok_or_else(|| not_found(resource, request))?,
            }),
            Some(RecordKey::Natural(_)) | None => Err(not_found(resource, request)),
        }
    }

    /// What the caller may see of the records around those of a resource.
    fn around(
        &self,
        resource: &Resource,
        request: &Request,
    ) -> Result<Vec<Option<Residual>>, Failure> {
        let mut lineage = self.model.lineage(resource.id);
        lineage.pop();
        let caller = &request.caller;
        lineage
            .into_iter()
            .map(|outer| {
                if outer.audience > caller.served_audience() {
                    return Err(not_found(resource, request));
                }
                let gate = self.plans.resource(outer.id).gate(Action::Get);
                match admit(outer, gate, Action::Get, caller, request.now)? {
                    Verdict::Open => Ok(None),
                    Verdict::Rows(residual) => Ok(Some(residual)),
                    Verdict::Closed => Err(not_found(resource, request)),
                }
            })
            .collect()
    }

    /// The record around the one that a request names, which need not be there yet: what a
    /// collection's path would say.
    pub fn parent_of_target(&self, resource: &Resource, request: &Request) -> Option<Parent> {
        let within = resource.within?;
        let Some(RecordKey::Natural(texts)) = &request.target else {
            return None;
        };
        let own = resource.key_fields().count();
        let before = texts.get(..texts.len().checked_sub(own)?)?;
        Some(Parent {
            resource: within.resource,
            key: self.key(within.resource, before.to_vec()),
            list: NestedList::Within,
        })
    }

    /// What names a stored record from now on: its path, as far as the request tells what is
    /// around it.
    pub fn key_of(&self, resource: &Resource, request: &Request, row: &[Value]) -> RecordKey {
        let texts = |field: &model::Field| {
            value::text::print(&field.shape.ty, &row[usize::from(field.id.0)])
        };
        let by_id = || RecordKey::Id(texts(resource.id_field()));
        if !resource.has_own_path() {
            return by_id();
        }
        let around = self.parent_of_target(resource, request);
        let parent = request.parent.as_ref().or(around.as_ref());
        let mut path = match (&resource.within, parent) {
            (None, _) => vec![],
            (Some(_), Some(parent)) if parent.list == NestedList::Within => match &parent.key {
                RecordKey::Id(id) => vec![id.clone()],
                RecordKey::Natural(texts) => texts.clone(),
            },
            (Some(_), _) => return by_id(),
        };
        path.extend(resource.key_fields().map(texts));
        RecordKey::Natural(path)
    }

    /// The values of a path as the key of a record.
    fn key(&self, resource: value::ResourceId, mut texts: Vec<String>) -> RecordKey {
        match texts.pop() {
            Some(id) if texts.is_empty() && !self.model.resource(resource).has_own_path() => {
                RecordKey::Id(id)
            }
            last => {
                texts.extend(last);
                RecordKey::Natural(texts)
            }
        }
    }
}
