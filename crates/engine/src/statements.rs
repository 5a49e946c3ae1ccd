//! Statement texts made so far, so that a request of a known shape prepares nothing.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use call::Failure;
use store::Prepared;
use value::{FieldId, ResourceId};

use crate::access::Residual;

/// Statements kept per engine. A contract uses a few per resource; beyond it (endless
/// variations of filters) a statement is made for its request alone.
const STATEMENTS_MAX: usize = 8192;

#[derive(Default)]
pub struct Statements {
    known: RwLock<HashMap<Box<[u8]>, Arc<Prepared>>>,
}

/// What a statement does, as far as the engine keeps it. Statements of one kind are told apart by
/// what follows in their keys, which is made in one place for each kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    AppendToFeed,
    BeginOperation,
    ClaimKey,
    Computed,
    Current,
    Delete,
    DeletedTargets,
    DrawIds,
    EndOperation,
    Exists,
    Export,
    Fetch,
    FindAnswer,
    FindOperation,
    FollowNumber,
    ForgetNumbers,
    Holds,
    HoldsUnsaved,
    ImportArrived,
    ImportDeferred,
    ImportProgress,
    ImportWait,
    ImportWaiting,
    IncludeMany,
    IncludeOne,
    Insert,
    InsertPublished,
    InsertPublishedOnce,
    IsReferred,
    KeepAnswer,
    NextNumber,
    Page,
    ReleaseKey,
    Restore,
    Targets,
    Total,
    Update,
}

/// Spells the shape of a statement. `None` as soon as a part cannot be named.
pub struct ShapeKey(Option<Vec<u8>>);

impl ShapeKey {
    pub fn new(kind: Kind) -> ShapeKey {
        let mut bytes = Vec::with_capacity(64);
        bytes.push(kind as u8);
        ShapeKey(Some(bytes))
    }

    pub fn number(mut self, number: u64) -> ShapeKey {
        if let Some(bytes) = &mut self.0 {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        self
    }

    /// Numbers of which there may be any number: what follows them is never taken for one.
    pub fn numbers(self, numbers: impl ExactSizeIterator<Item = u64>) -> ShapeKey {
        let counted = self.number(numbers.len() as u64);
        numbers.fold(counted, ShapeKey::number)
    }

    pub fn resource(self, resource: ResourceId) -> ShapeKey {
        self.number(u64::from(resource.0))
    }

    pub fn field(self, field: FieldId) -> ShapeKey {
        self.number(u64::from(field.0))
    }

    /// The id of a residual or view; without one the statement is not kept.
    pub fn id(mut self, id: Option<u64>) -> ShapeKey {
        match id {
            Some(id) => self.number(id),
            None => {
                self.0 = None;
                self
            }
        }
    }

    /// The rows that a statement is restricted to. No residual has the id 0.
    pub fn restricted_to(self, residual: Option<&Residual>) -> ShapeKey {
        match residual {
            None => self.number(0),
            Some(residual) => self.id(residual.id),
        }
    }
}

impl Statements {
    pub fn get_or_make(
        &self,
        key: ShapeKey,
        make: impl FnOnce() -> Result<Prepared, Failure>,
    ) -> Result<Arc<Prepared>, Failure> {
        let Some(key) = key.0 else {
            return make().map(Arc::new);
        };
        let known = self
            .known
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(key.as_slice())
            .cloned();
        if let Some(prepared) = known {
            return Ok(prepared);
        }
        let prepared = Arc::new(make()?);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() < STATEMENTS_MAX {
            known.insert(key.into(), Arc::clone(&prepared));
        }
        Ok(prepared)
    }
}
