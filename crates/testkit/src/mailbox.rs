//! Letters that an app has written, for tests to open.

use std::sync::{Mutex, PoisonError};

use frontdesk::people::{Letter, Post};

/// Every letter, in the order they were written.
#[derive(Debug, Default)]
pub struct Mailbox {
    letters: Mutex<Vec<Letter>>,
}

impl Mailbox {
    /// All letters so far, as `to: kind`.
    pub fn list(&self) -> Vec<String> {
        let letters = self.letters.lock().unwrap_or_else(PoisonError::into_inner);
        letters
            .iter()
            .map(|letter| format!("{}: {}", letter.to, letter.kind.name()))
            .collect()
    }

    /// The ticket in the last letter to this address.
    ///
    /// # Panics
    /// If there is none.
    #[track_caller]
    pub fn ticket(&self, to: &str) -> String {
        let letters = self.letters.lock().unwrap_or_else(PoisonError::into_inner);
        let last = letters.iter().rev().find(|letter| letter.to == to);
        let link = last.and_then(|letter| letter.kind.path());
        let (_, ticket) = link.unwrap_or_else(|| panic!("no link for {to}: {letters:?}"));
        ticket.to_owned()
    }
}

impl Post for Mailbox {
    fn send(&self, letter: Letter) {
        let mut letters = self.letters.lock().unwrap_or_else(PoisonError::into_inner);
        letters.push(letter);
    }
}
