//! Lines on their way to the standard error: gathered, and written many at a time by a thread
//! of its own, so that no request waits for whoever reads the log.

use std::io::{self, Write};
use std::mem;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// How long lines are gathered.
const GATHERED: Duration = Duration::from_millis(5);
/// Room that is not given back when nothing is written: for what comes in that time under load.
const SPARE_BYTES_MAX: usize = 256 << 10;
/// Bytes kept for a reader that does not read. Then lines are lost rather than requests.
const BYTES_MAX: usize = 4 << 20;

pub struct Buffer {
    state: Mutex<State>,
    filled: Condvar,
}

#[derive(Default)]
struct State {
    lines: Vec<u8>,
    lost: usize,
    /// Empty, with the room that lines took before.
    spare: Vec<u8>,
}

impl Buffer {
    /// A buffer with its thread, which lives as long as the process.
    pub fn start() -> Buffer {
        let spawned = thread::Builder::new().name("log".to_owned()).spawn(|| {
            loop {
                // Until the buffer is in its place, which is when this function returns.
                match super::BUFFER.get() {
                    Some(buffer) => buffer.write_on(),
                    None => thread::sleep(GATHERED),
                }
            }
        });
        if let Err(error) = spawned {
            crate::terminal::tell_warning(format!("the log is only written at the end: {error}"));
        }
        Buffer {
            state: Mutex::default(),
            filled: Condvar::new(),
        }
    }

    /// Waits for lines and writes them.
    fn write_on(&self) {
        let mut state = self.state();
        while state.lines.is_empty() {
            state = self
                .filled
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        drop(state);
        thread::sleep(GATHERED);
        self.flush();
    }

    /// Writes what there is.
    pub fn flush(&self) {
        // Taken before the lines, so that two who flush do not swap them.
        let mut out = io::stderr().lock();
        let (mut lines, lost) = {
            let mut state = self.state();
            let spare = mem::take(&mut state.spare);
            (
                mem::replace(&mut state.lines, spare),
                mem::take(&mut state.lost),
            )
        };
        // Nobody is left to be told that nobody can be told.
        let _ = out.write_all(&lines);
        if lost > 0 {
            let _ = writeln!(
                out,
                "{{\"level\":\"WARN\",\"message\":\"lines lost\",\"lines\":{lost}}}"
            );
        }
        if lines.capacity() <= SPARE_BYTES_MAX {
            lines.clear();
            self.state().spare = lines;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for &Buffer {
    /// Takes one whole line.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut state = self.state();
        if state.lines.len() + line.len() > BYTES_MAX {
            state.lost += 1;
            return Ok(line.len());
        }
        let was_empty = state.lines.is_empty();
        state.lines.extend_from_slice(line);
        drop(state);
        if was_empty {
            self.filled.notify_one();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
