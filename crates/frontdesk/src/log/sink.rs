//! Gathers log lines and writes them together.
//!
//! A thread writes what has gathered every [`EVERY`]; whoever finds [`GATHERED_MAX`] bytes
//! waiting writes them itself, so that memory is bounded and nothing is dropped. What a killed
//! process loses is what its last moment said.

use std::io::{self, Write};
use std::sync::{Mutex, Once, PoisonError};
use std::thread;
use std::time::Duration;

/// Short enough that a person does not notice.
const EVERY: Duration = Duration::from_millis(50);
/// Some hundred lines; one write of this size costs little more than one of a line.
const GATHERED_MAX: usize = 64 * 1024;

static GATHERED: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// Where one event is written to.
pub struct Sink(());

impl Sink {
    /// Starts the thread with the first event.
    pub fn start() -> Sink {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| {
            let started = thread::Builder::new().name("log".to_owned()).spawn(|| {
                loop {
                    thread::sleep(EVERY);
                    flush();
                }
            });
            // Without the thread lines come late, when enough have gathered or at the end.
            drop(started);
        });
        Sink(())
    }
}

impl Write for Sink {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let full = {
            let mut gathered = GATHERED.lock().unwrap_or_else(PoisonError::into_inner);
            gathered.extend_from_slice(line);
            gathered.len() >= GATHERED_MAX
        };
        if full {
            flush();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes what has gathered. Lines stay whole and in order: the lock is held while they go.
pub fn flush() {
    let mut gathered = GATHERED.lock().unwrap_or_else(PoisonError::into_inner);
    if gathered.is_empty() {
        return;
    }
    // If nobody takes the log there is nobody to tell.
    let _ = io::stderr().write_all(&gathered);
    gathered.clear();
}
