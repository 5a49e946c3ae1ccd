//! Whole lists beside everything else: how many are read at once, and that they take turns.
//!
//! A list that is read to its end is work for seconds, in pieces that are there as soon as they are
//! asked for. Left alone, a few dozen such lists would fill the runtime's threads one after the
//! other while everybody else waits. So only some threads compute pieces at a time, in the order
//! of asking, and between two pieces of a list everybody else has a turn.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::thread;

use call::{Code, Failure};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Whole lists that are read at once in one process. One that nobody takes keeps a piece, the
/// connection's buffers and its place until the connection is cut, so this bounds tens of MiB.
pub const STREAMS_MAX: usize = 64;
/// Seconds after which a place is likely to be free.
const RETRY_AFTER_SECONDS: u32 = 1;

pub struct Pace {
    places: Arc<Semaphore>,
    turns: Semaphore,
}

impl Default for Pace {
    fn default() -> Pace {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        Pace {
            places: Arc::new(Semaphore::new(STREAMS_MAX)),
            // One thread is left for everybody else, where there are several.
            turns: Semaphore::new(threads.saturating_sub(1).max(1)),
        }
    }
}

impl Pace {
    /// A place for one more list, until it is dropped.
    pub fn enter(&self) -> Result<OwnedSemaphorePermit, Failure> {
        let place = Arc::clone(&self.places).try_acquire_owned();
        place.map_err(|_| Failure {
            retry_after_seconds: Some(RETRY_AFTER_SECONDS),
            ..Failure::new(
                Code::Unavailable,
                format!("{STREAMS_MAX} whole lists are being read already; try again"),
            )
        })
    }

    /// Does something that may keep its thread busy, when its turn has come. What it waits for, it
    /// waits for without the turn.
    pub async fn in_turn<F: Future>(&self, work: F) -> F::Output {
        let mut work = pin!(work);
        tokio::task::yield_now().await;
        loop {
            let turn = self.turns.acquire().await;
            let polled = poll_fn(|context| Poll::Ready(work.as_mut().poll(context))).await;
            drop(turn);
            if let Poll::Ready(done) = polled {
                return done;
            }
            // Woken when there is something to go on with.
            let mut waited = false;
            poll_fn(|_| match std::mem::replace(&mut waited, true) {
                true => Poll::Ready(()),
                false => Poll::Pending,
            })
            .await;
        }
    }
}
