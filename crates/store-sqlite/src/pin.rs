//! Spares each read two calls of the operating system.
//!
//! While a connection reads, it holds a lock on the state of the log that it sees: taken and given
//! back by calls that cost more than finding a row by its key. The connections of one process
//! share such a lock, so while there are readers, one connection holds it for all of them.
//!
//! What it holds cannot be copied back and the log cannot start over beneath it, so it lets go and
//! takes hold of the newest state again after each commit and each copy, and after a while in any
//! case: other processes commit too.

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use store::driver::{Cost, Statement, Storage, StoreError};

use crate::limit::TimeLimit;
use crate::session::{Command, File, Role, Session};

/// For so long other processes may find the log held that nobody needs any more.
pub(crate) const HELD_MAX: Duration = Duration::from_secs(1);

pub(crate) struct Pin {
    file: Arc<File>,
    /// Whether somebody has read since it was set down last.
    wanted: AtomicBool,
    holder: Mutex<Option<Holder>>,
    /// Any read: it takes the lock.
    look: Statement,
}

struct Holder {
    session: Session,
    holds: bool,
}

impl Pin {
    pub fn new(file: &Arc<File>) -> Pin {
        Pin {
            file: Arc::clone(file),
            wanted: AtomicBool::new(false),
            holder: Mutex::new(None),
            look: Statement {
                text: Cow::Borrowed("SELECT 1 FROM sqlite_schema LIMIT 1 -- driver"),
                parameters: Vec::new(),
                columns: vec![Storage::Int],
                cost: Cost::Short,
            },
        }
    }

    /// To be called with each read.
    pub fn is_of_use(&self) {
        // Looked at first: what all threads write to, all have to wait for.
        if !self.wanted.load(Relaxed) {
            self.wanted.store(true, Relaxed);
        }
    }

    /// Lets go, and takes hold of the newest state if there have been reads meanwhile. Should
    /// that fail, reads are slower and nothing else.
    pub fn renew(&self) {
        let wanted = self.wanted.swap(false, Relaxed);
        let mut holder = self.lock();
        let renewed = match holder.take() {
            Some(holder) => holder.renewed(wanted, &self.look),
            None if wanted => self.open().and_then(|new| new.renewed(true, &self.look)),
            None => return,
        };
        *holder = renewed.ok();
    }

    /// Lets go for good.
    pub fn close(&self) {
        *self.lock() = None;
    }

    fn open(&self) -> Result<Holder, StoreError> {
        let limit = Arc::new(TimeLimit::unlimited());
        Ok(Holder {
            session: Session::open(&self.file, Role::ShortReader, limit)?,
            holds: false,
        })
    }

    /// Who panicked under the lock has taken the holder out first.
    fn lock(&self) -> MutexGuard<'_, Option<Holder>> {
        self.holder.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Holder {
    fn renewed(mut self, hold: bool, look: &Statement) -> Result<Holder, StoreError> {
        if self.holds {
            self.session.command(Command::Commit)?;
            self.holds = false;
        }
        if hold {
            self.session.command(Command::BeginRead)?;
            self.session.query(look, &[])?;
            self.holds = true;
        }
        Ok(self)
    }
}
