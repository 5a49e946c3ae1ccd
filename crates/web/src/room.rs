//! The memory that all request bodies share: many callers who each send the largest body slowly
//! take no more than is set aside for everybody.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::connection::Common;

/// What is still free, in bytes.
pub(crate) struct Room(AtomicUsize);

/// What one request takes of it; given back when dropped.
pub(crate) struct Share {
    common: Arc<Common>,
    taken: AtomicUsize,
}

impl Room {
    pub fn new(bytes: usize) -> Room {
        Room(AtomicUsize::new(bytes))
    }

    fn take(&self, bytes: usize) -> bool {
        let less = |free: usize| free.checked_sub(bytes);
        self.0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less)
            .is_ok()
    }

    fn give_back(&self, bytes: usize) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }

    fn free(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Share {
    /// Of what the connections of one listener have; nothing yet.
    pub fn of(common: &Arc<Common>) -> Share {
        Share {
            common: Arc::clone(common),
            taken: AtomicUsize::new(0),
        }
    }

    /// Whether so much would find room now.
    pub fn has_room(&self, bytes: usize) -> bool {
        bytes <= self.common.room.free()
    }

    /// Takes so much more; nothing if there is not enough.
    pub fn grow(&self, bytes: usize) -> bool {
        let has_room = self.common.room.take(bytes);
        if has_room {
            self.taken.fetch_add(bytes, Ordering::Relaxed);
        }
        has_room
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.common.room.give_back(*self.taken.get_mut());
    }
}
