//! The signal by which a server tells its connections to end.

use std::sync::atomic::{AtomicU8, Ordering};

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

/// How urgently connections should end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    /// Not at all.
    Serve,
    /// After the requests that are running.
    Leave,
    /// Now.
    Cut,
}

pub(crate) struct Stop {
    level: AtomicU8,
    notify: Notify,
}

impl Stop {
    pub fn new() -> Stop {
        Stop {
            level: AtomicU8::new(Level::Serve as u8),
            notify: Notify::new(),
        }
    }

    /// Cheap enough to ask on every poll.
    pub fn level(&self) -> Level {
        match self.level.load(Ordering::Acquire) {
            0 => Level::Serve,
            1 => Level::Leave,
            _ => Level::Cut,
        }
    }

    pub fn raise(&self, level: Level) {
        self.level.store(level as u8, Ordering::Release);
        self.notify.notify_waiters();
    }

    /// Ready once connections should end.
    pub async fn raised(&self) {
        loop {
            let changed = self.changed();
            if self.level() != Level::Serve {
                return;
            }
            changed.await;
        }
    }

    /// Ready once the level has changed after this call.
    pub fn changed(&self) -> Notified<'_> {
        self.notify.notified()
    }
}
