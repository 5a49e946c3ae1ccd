//! Letters on their way: each by a task of its own, tried again a little later when the server
//! says so or is not there.
//!
//! In memory: what has not been sent when the process ends is lost. Whoever waits for a letter
//! asks for another.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use lettre::AsyncTransport;
use lettre::transport::smtp::Error;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};

use crate::compose::Sender;
use crate::kind::Letter;
use crate::smtp::{CONNECTIONS_MAX, Smtp, SmtpError, Transport};

/// Letters at once, on their way or waiting to be tried again. More are refused, so that somebody
/// who asks for many cannot fill the memory.
pub const QUEUE_MAX: u32 = 1_000;
/// When a letter is tried again. Links in letters are good for about as long.
pub const RETRIES: [Duration; 5] = [
    Duration::from_secs(5),
    Duration::from_secs(30),
    Duration::from_secs(2 * 60),
    Duration::from_secs(10 * 60),
    Duration::from_secs(30 * 60),
];

/// Takes letters and sends them. Clones are the same.
#[derive(Clone)]
pub struct Outbox {
    shared: Arc<Shared>,
}

struct Shared {
    sender: Sender,
    transport: Transport,
    retries: Vec<Duration>,
    runtime: Handle,
    places: Arc<Semaphore>,
    connections: Semaphore,
}

impl fmt::Debug for Outbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbox")
            .field("sender", &self.shared.sender)
            .finish_non_exhaustive()
    }
}

impl Outbox {
    /// Sends in the runtime it is made in. A letter is tried once, and again after each of
    /// `retries`.
    ///
    /// # Errors
    /// When there can be no connection to such a server.
    pub fn new(smtp: &Smtp, sender: Sender, retries: &[Duration]) -> Result<Outbox, SmtpError> {
        let transport = smtp.transport(sender.domain())?;
        Ok(Outbox {
            shared: Arc::new(Shared {
                sender,
                transport,
                retries: retries.to_vec(),
                runtime: Handle::current(),
                places: Arc::new(Semaphore::new(QUEUE_MAX as usize)),
                connections: Semaphore::new(CONNECTIONS_MAX as usize),
            }),
        })
    }

    pub(crate) fn post(&self, letter: Letter) {
        let Ok(place) = Arc::clone(&self.shared.places).try_acquire_owned() else {
            let kind = letter.kind.name();
            tracing::error!(kind, "a letter is not sent: {QUEUE_MAX} others wait");
            return;
        };
        let shared = Arc::clone(&self.shared);
        self.shared
            .runtime
            .spawn(async move { shared.deliver(letter, place).await });
    }

    /// Waits until all letters are sent, or so long.
    pub async fn drain(&self, most: Duration) {
        let all = self.shared.places.acquire_many(QUEUE_MAX);
        if timeout(most, all).await.is_err() {
            let letters = QUEUE_MAX as usize - self.shared.places.available_permits();
            tracing::warn!(letters, "letters are lost that could not be sent in time");
        }
    }
}

impl Shared {
    async fn deliver(&self, letter: Letter, _place: OwnedSemaphorePermit) {
        let kind = letter.kind.name();
        let Some(composed) = self.sender.compose(&letter) else {
            tracing::error!(kind, "a letter goes to no address");
            return;
        };
        let mut retries = self.retries.iter();
        loop {
            let sent = {
                let _connection = self.connections.acquire().await;
                self.transport.send(composed.message.clone()).await
            };
            let Err(error) = sent else {
                tracing::debug!(kind, "sent a letter");
                return;
            };
            let error_text = told(&error);
            match retries.next() {
                Some(wait) if !error.is_permanent() => {
                    let wait_s = wait.as_secs();
                    tracing::warn!(kind, error = error_text, wait_s, "a letter is tried again");
                    sleep(*wait).await;
                }
                _ => {
                    tracing::error!(kind, error = error_text, "a letter is not sent");
                    return;
                }
            }
        }
    }
}

/// What the server says may hold the address, so only its code is told.
fn told(error: &Error) -> String {
    match error.status() {
        Some(code) => format!("the mail server answered {code}"),
        None => error.to_string(),
    }
}
