//! Letters to people: worded from templates, queued, and sent over SMTP or, in development, kept
//! to be looked at.
//!
//! ```text
//!  Letter ─► Mailer::send ─► queue ─► worded (Templates) ─► sent, and again a little later
//!            returns at once           by a task of its own
//! ```
//!
//! [`Mailer::send`] takes the same time whatever becomes of a letter: neither an answer nor its
//! time must tell whether somebody has an account. What cannot be sent is logged, without the
//! address.
//!
//! Knows no HTTP, no accounts and no links but the text it is given.

mod compose;
mod kind;
mod mailbox;
mod queue;
mod smtp;
mod template;

use std::sync::Arc;
use std::time::Duration;

pub use compose::{Sender, WrongSender};
pub use kind::{Kind, Letter};
pub use mailbox::{Mailbox, Received};
pub use queue::{Outbox, QUEUE_MAX, RETRIES};
pub use smtp::{Smtp, SmtpError};
pub use template::{TemplateError, Templates};

/// Where letters go. Clones are the same.
#[derive(Clone, Debug)]
pub enum Mailer {
    Smtp(Outbox),
    /// In development: nobody is written to.
    Mailbox(Arc<Mailbox>, Box<Sender>),
    /// Nowhere is said, so nothing can be sent.
    Nowhere,
}

impl Mailer {
    /// Hands a letter over. Whether it can be sent is told in the log alone.
    pub fn send(&self, letter: Letter) {
        match self {
            Mailer::Smtp(outbox) => outbox.post(letter),
            Mailer::Mailbox(mailbox, sender) => mailbox.put(sender, &letter),
            Mailer::Nowhere => {
                let kind = letter.kind.name();
                tracing::error!(kind, "a letter is not sent: no mail server is configured");
            }
        }
    }

    /// Waits until what was handed over is sent, or so long.
    pub async fn drain(&self, most: Duration) {
        if let Mailer::Smtp(outbox) = self {
            outbox.drain(most).await;
        }
    }
}
