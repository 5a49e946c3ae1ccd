//! Which writes with a key run in this process: of two with the same one, the second is told so at
//! once. What runs elsewhere, the database tells.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use call::{Code, Failure};

use super::{RETRY_AFTER_SECONDS, in_progress};

/// Writes with a key that run or wait in one process. More than the writes that may wait for
/// the database, so that this is never what runs out first.
const RUNNING_MAX: usize = 16_384;

/// The writes with a key that run in this process, by what they are kept under.
#[derive(Debug, Default)]
pub struct Running(Mutex<Turns>);

#[derive(Debug, Default)]
struct Turns {
    /// The number of the turn that has this place.
    taken: HashMap<[u8; 16], u64>,
    next: u64,
}

/// Held while a write with a key runs, and by its work, which runs on without its caller.
pub struct Turn {
    running: Arc<Running>,
    id: [u8; 16],
    number: u64,
}

impl Running {
    pub fn enter(self: &Arc<Self>, id: [u8; 16]) -> Result<Arc<Turn>, Failure> {
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if turns.taken.len() >= RUNNING_MAX {
            return Err(Failure {
                retry_after_seconds: Some(RETRY_AFTER_SECONDS),
                ..Failure::new(Code::Unavailable, "too many writes run at once; try again")
            });
        }
        if turns.taken.contains_key(&id) {
            return Err(in_progress());
        }
        let number = turns.next;
        turns.next = number.wrapping_add(1);
        turns.taken.insert(id, number);
        Ok(Arc::new(Turn {
            running: Arc::clone(self),
            id,
            number,
        }))
    }
}

impl Turn {
    /// Makes room for the next with the same key. The work may be dropped a moment after its
    /// answer is there, when that one has entered already.
    pub fn end(&self) {
        let turns = self.running.0.lock();
        let mut turns = turns.unwrap_or_else(PoisonError::into_inner);
        if turns.taken.get(&self.id) == Some(&self.number) {
            turns.taken.remove(&self.id);
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.end();
    }
}
