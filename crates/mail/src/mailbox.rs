//! In development: letters are kept in memory to be looked at, and nobody is written to.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use crate::compose::Sender;
use crate::kind::{Kind, Letter};

/// Letters kept; older ones go.
const KEPT_MAX: usize = 100;

/// What would have been sent.
#[derive(Clone, Debug)]
pub struct Received {
    /// 1, 2, 3 …
    pub number: u64,
    pub at: SystemTime,
    pub kind: Kind,
    pub to: String,
    pub subject: String,
    pub text: String,
    pub html: String,
    /// What the letter wants to be followed.
    pub link: Option<String>,
}

/// The last letters.
#[derive(Debug, Default)]
pub struct Mailbox {
    kept: Mutex<VecDeque<Received>>,
}

impl Mailbox {
    pub(crate) fn put(&self, sender: &Sender, letter: &Letter) {
        let kind = letter.kind;
        let Some(composed) = sender.compose(letter) else {
            tracing::error!(kind = kind.name(), "a letter goes to no address");
            return;
        };
        let link = Some(letter.find("link")).filter(|link| !link.is_empty());
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let number = kept.back().map_or(0, |last| last.number) + 1;
        if kept.len() == KEPT_MAX {
            kept.pop_front();
        }
        kept.push_back(Received {
            number,
            at: SystemTime::now(),
            kind,
            to: letter.to.clone(),
            subject: composed.subject,
            text: composed.text,
            html: composed.html,
            link: link.map(str::to_owned),
        });
    }

    /// The last letters, newest first.
    pub fn letters(&self) -> Vec<Received> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().rev().cloned().collect()
    }
}
