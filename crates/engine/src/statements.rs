//! Statement texts made so far, so that a request of a known shape prepares nothing.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use call::Failure;
use store::Prepared;

/// Statements kept per engine. A contract uses a few per resource; beyond it (endless
/// variations of filters) a statement is made for its request alone.
const STATEMENTS_MAX: usize = 8192;

#[derive(Default)]
pub struct Statements {
    known: RwLock<HashMap<Box<[u8]>, Arc<Prepared>>>,
}

/// Spells the shape of a statement. `None` as soon as a part cannot be named.
pub struct ShapeKey(Option<Vec<u8>>);

impl ShapeKey {
    /// `kind` tells statements of different make apart.
    pub fn new(kind: u8) -> ShapeKey {
        let mut bytes = Vec::with_capacity(64);
        bytes.push(kind);
        ShapeKey(Some(bytes))
    }

    pub fn number(mut self, number: u64) -> ShapeKey {
        if let Some(bytes) = &mut self.0 {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        self
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
