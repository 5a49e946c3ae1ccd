//! A bounded queue between callers who never wait and threads that do.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

pub(crate) struct Queue<T> {
    state: Mutex<State<T>>,
    filled: Condvar,
    capacity: usize,
}

struct State<T> {
    items: VecDeque<T>,
    open: bool,
    /// Threads that wait for an item: waking nobody is a call of the operating system too.
    waiting: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rejected {
    Full,
    Closed,
}

impl<T> Queue<T> {
    pub fn new(capacity: usize) -> Self {
        Queue {
            state: Mutex::new(State {
                items: VecDeque::new(),
                open: true,
                waiting: 0,
            }),
            filled: Condvar::new(),
            capacity: capacity.max(1),
        }
    }

    pub fn push(&self, item: T) -> Result<(), Rejected> {
        self.push_within(item, self.capacity)
    }

    /// As if no more than `most` had room.
    pub fn push_within(&self, item: T, most: usize) -> Result<(), Rejected> {
        let mut state = self.lock();
        if !state.open {
            return Err(Rejected::Closed);
        }
        if state.items.len() >= self.capacity.min(most) {
            return Err(Rejected::Full);
        }
        state.items.push_back(item);
        let wanted = state.waiting > 0;
        drop(state);
        if wanted {
            self.filled.notify_one();
        }
        Ok(())
    }

    /// Waits for something and moves up to `max` items to the end of `into`. `false` when
    /// the queue is closed and nothing is left in it.
    pub fn take(&self, max: usize, into: &mut VecDeque<T>) -> bool {
        let mut state = self.lock();
        while state.items.is_empty() {
            if !state.open {
                return false;
            }
            state.waiting += 1;
            state = self
                .filled
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
            state.waiting -= 1;
        }
        let count = state.items.len().min(max.max(1));
        into.extend(state.items.drain(..count));
        true
    }

    /// Takes out what came last, so that no more than `most` are left.
    pub fn shed(&self, most: usize) -> VecDeque<T> {
        let mut state = self.lock();
        let most = most.min(state.items.len());
        state.items.split_off(most)
    }

    /// Lets nothing more in. What is in it can still be taken.
    pub fn close(&self) {
        self.lock().open = false;
        self.filled.notify_all();
    }

    /// Closes, and drops what is in it.
    pub fn discard(&self) {
        let mut state = self.lock();
        state.open = false;
        let items = std::mem::take(&mut state.items);
        drop(state);
        self.filled.notify_all();
        drop(items);
    }

    pub fn is_open(&self) -> bool {
        self.lock().open
    }

    /// No code that could panic runs under the lock, so a poisoned one is still whole.
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
