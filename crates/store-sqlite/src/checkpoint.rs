//! Keeps the write-ahead log short, as far as possible beside the writer, and what is held of it
//! for reads the newest.
//!
//! ```text
//!  pages of log
//!  log_pages_max ─ ─ ─ the writer copies the little that is left itself, between two
//!                      batches; only then can the log start over
//!  checkpoint_pages ─  a thread of its own copies while writing goes on, and again each
//!                      time the log has grown by as much
//! ```

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use crate::limit::TimeLimit;
use crate::pin::{HELD_MAX, Pin};
use crate::session::{File, Role, Session};

/// The writer's view of the log.
pub(crate) struct LogKeeper {
    nudges: SyncSender<()>,
    thread: JoinHandle<()>,
    pin: Arc<Pin>,
    checkpoint_pages: u32,
    log_pages_max: u32,
    /// Length at the last look, to notice when the log has started over.
    pages: u32,
    nudge_at: u32,
    force_at: u32,
}

impl LogKeeper {
    pub fn start(file: &Arc<File>, pin: Arc<Pin>) -> std::io::Result<LogKeeper> {
        // One nudge that waits stands for all that come while it does.
        let (nudges, nudged) = sync_channel(1);
        let thread = thread::Builder::new()
            .name("sqlite-checkpoint".to_owned())
            .spawn({
                let (file, pin) = (Arc::clone(file), Arc::clone(&pin));
                move || serve(&file, &pin, &nudged)
            })?;
        let checkpoint_pages = file.options.checkpoint_pages.max(1);
        let log_pages_max = file.options.log_pages_max.max(1);
        Ok(LogKeeper {
            nudges,
            thread,
            pin,
            checkpoint_pages,
            log_pages_max,
            pages: 0,
            nudge_at: checkpoint_pages,
            force_at: log_pages_max,
        })
    }

    /// To be called by the writer between two batches.
    pub fn committed(&mut self, session: Option<&Session>) {
        self.pin.renew();
        if let Some(session) = session
            && self.keep_short(session)
        {
            self.pin.renew();
        }
    }

    /// Whether it has copied.
    fn keep_short(&mut self, session: &Session) -> bool {
        let pages = session.log_pages();
        if pages < self.pages {
            self.nudge_at = self.checkpoint_pages;
            self.force_at = self.log_pages_max;
        }
        self.pages = pages;
        if pages >= self.force_at {
            // While a long read needs the log, it cannot start over: try again later.
            self.force_at = pages.saturating_add(self.checkpoint_pages);
            // What fails now stays in the log. Should it never work, the disk is full or
            // broken, and writes say so.
            let _ = session.checkpoint();
            return true;
        }
        if pages >= self.nudge_at {
            self.nudge_at = pages.saturating_add(self.checkpoint_pages);
            let _ = self.nudges.try_send(());
        }
        false
    }

    pub fn stop(self, session: Option<&Session>) {
        drop(self.nudges);
        let _ = self.thread.join();
        self.pin.close();
        if let Some(session) = session {
            // A courtesy to the next start; the data is as safe in the log.
            let _ = session.checkpoint();
        }
    }
}

fn serve(file: &File, pin: &Pin, nudged: &Receiver<()>) {
    let mut session = None;
    loop {
        match nudged.recv_timeout(HELD_MAX) {
            Ok(()) => {}
            Err(RecvTimeoutError::Timeout) => {
                pin.renew();
                continue;
            }
            Err(RecvTimeoutError::Disconnected) => return,
        }
        let limit = || Arc::new(TimeLimit::unlimited());
        session = session.or_else(|| Session::open(file, Role::Checkpointer, limit()).ok());
        // As above: tried again at the next nudge.
        if session
            .as_ref()
            .is_some_and(|session| session.checkpoint().is_err())
        {
            session = None;
        }
        pin.renew();
    }
}
