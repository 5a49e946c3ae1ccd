//! What a connection is doing, and until when it may.
//!
//! Written by the socket wrapper and the service, read by the driver. All fields are atomics only
//! because HTTP/2 answers on other tasks; none of them orders anything else, so `Relaxed` is enough.
//!
//! ```text
//!            first byte                 head complete
//!   Idle ──────────────────► Head ─────────────────────► Busy
//!    ▲   (HTTP/2 skips Head: Idle ──► Busy)                │
//!    └──────────── all answers written ────────────────────┘
//! ```
//! `Idle` and `Head` have a due time. `Busy` has none: there the handler's own limits count. Besides,
//! while the client does not take what we write, the stall has a due time that its reading extends.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64};
use std::time::Duration;

use tokio::time::Instant;

use super::Common;
use super::framing::Refusal;

/// "No due time", in milliseconds since [`Pulse::origin`].
const NEVER: u64 = u64::MAX;

/// How often a busy connection is looked at although nothing is due.
const ROUTINE: Duration = Duration::from_secs(60);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Idle,
    Head,
    Busy,
    Closing,
}

pub(crate) struct Pulse {
    common: Arc<Common>,
    origin: Instant,
    http2: AtomicBool,
    phase: AtomicU8,
    /// Until when the phase may last, without what `written` earns.
    due: AtomicU64,
    /// Since when the socket takes no more of ours.
    stalled: AtomicU64,
    /// Bytes the socket took since then.
    written: AtomicU64,
    /// HTTP/2: bytes of finished answers that cannot all be written yet, at most. Without this, the
    /// answers to a client's pings would count as its reading.
    owed: AtomicU64,
    /// HTTP/2: bytes of answers the socket took since the connection became idle.
    paid: AtomicU64,
    /// Requests whose answers are being made.
    running: AtomicU32,
    /// Requests given to the service so far; HTTP/1 only.
    heads: AtomicU32,
    /// Which request the framing guard refused (0: none), and why.
    refused: AtomicU32,
    refusal: AtomicU8,
    /// A request body was left unread, so there may be bytes on the way that nobody wants.
    unread: AtomicBool,
}

impl Pulse {
    pub fn new(common: Arc<Common>) -> Pulse {
        let head_time = common.limits.head_time;
        Pulse {
            common,
            origin: Instant::now(),
            http2: AtomicBool::new(false),
            // A fresh connection is expected to say something soon.
            phase: AtomicU8::new(Phase::Idle as u8),
            due: AtomicU64::new(millis(head_time)),
            stalled: AtomicU64::new(NEVER),
            written: AtomicU64::new(0),
            owed: AtomicU64::new(0),
            paid: AtomicU64::new(0),
            running: AtomicU32::new(0),
            heads: AtomicU32::new(0),
            refused: AtomicU32::new(0),
            refusal: AtomicU8::new(0),
            unread: AtomicBool::new(false),
        }
    }

    fn phase(&self) -> Phase {
        match self.phase.load(Relaxed) {
            0 => Phase::Idle,
            1 => Phase::Head,
            2 => Phase::Busy,
            _ => Phase::Closing,
        }
    }

    fn enter(&self, phase: Phase, time: Option<Duration>) {
        self.phase.store(phase as u8, Relaxed);
        let due = time.map_or(NEVER, |time| self.now().saturating_add(millis(time)));
        self.due.store(due, Relaxed);
    }

    fn now(&self) -> u64 {
        millis(self.origin.elapsed())
    }

    fn rest(&self) {
        let limits = &self.common.limits;
        let time = match self.common.crowded() {
            true => limits.idle_time.min(limits.head_time),
            false => limits.idle_time,
        };
        self.paid.store(0, Relaxed);
        self.enter(Phase::Idle, Some(time));
    }

    // What the socket saw.

    pub fn speaks_http2(&self) {
        self.http2.store(true, Relaxed);
        self.rest();
    }

    pub fn bytes_read(&self) {
        // On HTTP/2 any byte may come between requests, pings above all; they are no sign of work.
        if self.phase() == Phase::Idle && !self.http2.load(Relaxed) {
            self.enter(Phase::Head, None);
        }
    }

    pub fn bytes_written(&self, count: usize) {
        let count = count as u64;
        if self.stalled.load(Relaxed) != NEVER {
            self.written.fetch_add(count, Relaxed);
        }
        if self.http2.load(Relaxed) {
            // Only the connection's task takes from `owed`; others add, and may do so in between.
            let due = count.min(self.owed.load(Relaxed));
            self.owed.fetch_sub(due, Relaxed);
            if self.phase() == Phase::Idle {
                self.paid.fetch_add(due, Relaxed);
            }
        }
    }

    pub fn write_blocked(&self) {
        if self.stalled.load(Relaxed) == NEVER {
            self.written.store(0, Relaxed);
            self.stalled.store(self.now(), Relaxed);
        }
    }

    /// Everything we wanted to write is written.
    pub fn flushed(&self) {
        if self.stalled.load(Relaxed) != NEVER {
            self.stalled.store(NEVER, Relaxed);
        }
        if self.phase() == Phase::Busy && self.running.load(Relaxed) == 0 {
            self.rest();
        }
    }

    /// The framing guard found a head, the `nth` of this connection, that must not be served.
    pub fn refuse(&self, nth: u32, refusal: Refusal) {
        self.refusal.store(refusal as u8, Relaxed);
        self.refused.store(nth, Relaxed);
    }

    /// Our side is closing. True when the other may still be sending what nobody will read.
    pub fn closing(&self, time: Duration) -> bool {
        let unread = self.unread.load(Relaxed) || self.phase() == Phase::Head;
        self.enter(Phase::Closing, Some(time));
        unread
    }

    // What the requests tell.

    pub fn leave_unread(&self) {
        self.unread.store(true, Relaxed);
    }

    fn begin(&self) {
        self.running.fetch_add(1, Relaxed);
        self.enter(Phase::Busy, None);
        if !self.http2.load(Relaxed) {
            self.heads.fetch_add(1, Relaxed);
        }
    }

    // What the driver asks.

    /// To be called when nothing moves for the moment. Most heads are complete by then, so that only
    /// the others cost a look at the clock.
    pub fn settle(&self) {
        if self.phase() == Phase::Head && self.due.load(Relaxed) == NEVER {
            self.enter(Phase::Head, Some(self.common.limits.head_time));
        }
    }

    /// When the time of what is going on is up, in milliseconds of this connection's life.
    pub fn due(&self) -> u64 {
        let due = self.due.load(Relaxed);
        let stalled = self.stalled.load(Relaxed);
        if stalled != NEVER {
            let grace = millis(self.common.limits.write_grace);
            return stalled
                .saturating_add(grace)
                .saturating_add(self.earned(&self.written));
        }
        match self.phase() {
            // What HTTP/2 still writes after the handlers ended is large and slow, not idle.
            Phase::Idle => due.saturating_add(self.earned(&self.paid)),
            _ => due,
        }
    }

    /// The time, in milliseconds, that the client has earned by reading so many bytes.
    fn earned(&self, bytes: &AtomicU64) -> u64 {
        match bytes.load(Relaxed) {
            0 => 0,
            bytes => bytes.saturating_mul(1000) / u64::from(self.common.limits.write_rate.max(1)),
        }
    }

    /// When to look again, or nothing when the time is up.
    pub fn judge(&self) -> Option<u64> {
        if self.phase() == Phase::Busy
            && self.running.load(Relaxed) == 0
            && self.stalled.load(Relaxed) == NEVER
        {
            // The last answer ended without a flush that could have told.
            self.rest();
        }
        let now = self.now();
        match self.due() {
            NEVER => Some(now.saturating_add(millis(ROUTINE))),
            due => (now < due).then_some(due),
        }
    }

    /// A time of this connection's life as others count it.
    pub fn instant(&self, time: u64) -> Instant {
        let instant = self.origin.checked_add(Duration::from_millis(time));
        // A limit of more time than the clock can count is looked at from time to time.
        instant.unwrap_or_else(|| Instant::now() + ROUTINE)
    }

    /// Whether the end can be announced: HTTP/2 says which requests it has still seen.
    pub fn may_leave_politely(&self) -> bool {
        self.http2.load(Relaxed) && self.stalled.load(Relaxed) == NEVER
    }

    /// Gives the current phase this long from now, and says when that ends.
    pub fn allow(&self, time: Duration) -> u64 {
        self.enter(self.phase(), Some(time));
        self.now().saturating_add(millis(time))
    }

    /// Gives a connection that does nothing no more than this from now.
    pub fn hurry(&self, time: Duration) {
        if self.phase() == Phase::Idle && self.due() > self.now().saturating_add(millis(time)) {
            self.enter(Phase::Idle, Some(time));
        }
    }

    /// Whether a handler is at work on an answer, or one is being streamed.
    pub fn answering(&self) -> bool {
        self.running.load(Relaxed) > 0
    }

    /// Whether a request has begun to arrive and is not complete.
    pub fn head_begun(&self) -> bool {
        self.phase() == Phase::Head
    }
}

/// Held while an answer is being made, and while it is being streamed.
pub(crate) struct Ticket {
    pulse: Arc<Pulse>,
}

impl Ticket {
    pub fn new(pulse: &Arc<Pulse>) -> Ticket {
        pulse.begin();
        Ticket {
            pulse: Arc::clone(pulse),
        }
    }

    pub fn pulse(&self) -> &Arc<Pulse> {
        &self.pulse
    }

    /// A whole answer of this length has been handed over.
    pub fn owes(&self, length: usize) {
        if self.pulse.http2.load(Relaxed) {
            self.pulse.owed.fetch_add(length as u64, Relaxed);
        }
    }

    /// Why the newest request must not be served, if so.
    pub fn refusal(&self) -> Option<Refusal> {
        let refused = self.pulse.refused.load(Relaxed);
        if refused == 0 || self.pulse.heads.load(Relaxed) < refused {
            return None;
        }
        Some(Refusal::from_code(self.pulse.refusal.load(Relaxed)))
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.pulse.running.fetch_sub(1, Relaxed);
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(NEVER - 1)
}
