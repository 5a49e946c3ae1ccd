//! Letters to people: from what `people` wants to say, to what `mail` sends, for the contract that
//! is being served.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use mail::{
    Kind, Letter, Mailbox, Mailer, Outbox, RETRIES, Sender, Smtp, SmtpError, TemplateError,
    Templates, WrongSender,
};
use model::Model;
use people::Post;

/// The folder beside the contract that templates of one's own lie in.
pub const FOLDER: &str = "mail";
/// How long letters may take that are still to be sent when the server stops.
const LAST_LETTERS: Duration = Duration::from_secs(5);
/// Whom letters come from in development if the contract does not say: nobody gets them.
const NOBODY: &str = "no-reply@localhost";

/// Who takes letters away.
#[derive(Clone, Debug)]
pub enum Carrier {
    Smtp(Smtp),
    /// Kept to be looked at.
    Mailbox(Arc<Mailbox>),
    Nobody,
}

/// Why no letters can be written or sent.
#[derive(Debug)]
pub enum MailError {
    /// The contract does not say whom they come from.
    NoSender,
    Sender(WrongSender),
    Templates(TemplateError),
    Smtp(SmtpError),
}

impl fmt::Display for MailError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MailError::NoSender => f.write_str(
                "the contract does not say whom letters to people come from: add `mail: {from: \
                 \"Photos <hello@photos.example>\"}` to `auth`",
            ),
            MailError::Sender(error) => error.fmt(f),
            MailError::Templates(error) => error.fmt(f),
            MailError::Smtp(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for MailError {}

/// Words letters as the contract wants them and hands them to a carrier.
#[derive(Debug)]
pub struct Postman {
    carrier: Carrier,
    /// Where links lead.
    origin: String,
    /// The contract's.
    folder: PathBuf,
    mailer: ArcSwap<Mailer>,
}

impl Postman {
    /// For a contract's folder. [`Postman::take_up`] says for which contract.
    pub fn new(carrier: Carrier, origin: &str, folder: &Path) -> Postman {
        Postman {
            carrier,
            origin: origin.trim_end_matches('/').to_owned(),
            folder: folder.to_owned(),
            mailer: ArcSwap::from_pointee(Mailer::Nowhere),
        }
    }

    /// Writes letters for this contract from now on. Where nobody signs in, there are none.
    ///
    /// # Errors
    /// When templates have mistakes, or no mail can be sent. Then everything is as it was.
    pub fn take_up(&self, model: &Model) -> Result<(), MailError> {
        let mailer = match (&model.auth.users, &self.carrier) {
            (None, _) | (_, Carrier::Nobody) => Mailer::Nowhere,
            (Some(_), Carrier::Mailbox(mailbox)) => {
                let sender = Box::new(self.sender(model, Some(NOBODY))?);
                Mailer::Mailbox(Arc::clone(mailbox), sender)
            }
            (Some(_), Carrier::Smtp(smtp)) => {
                let sender = self.sender(model, None)?;
                let outbox = Outbox::new(smtp, sender, &RETRIES).map_err(MailError::Smtp)?;
                Mailer::Smtp(outbox)
            }
        };
        self.mailer.store(Arc::new(mailer));
        Ok(())
    }

    fn sender(&self, model: &Model, otherwise: Option<&str>) -> Result<Sender, MailError> {
        let templates = Templates::with_folder(&self.folder.join(FOLDER));
        let templates = templates.map_err(MailError::Templates)?;
        let site = model.auth.theme.title.as_deref().unwrap_or(&model.title);
        let (name, address) = match (&model.auth.mail, otherwise) {
            (Some(from), _) => (from.name.clone(), from.address.as_str()),
            (None, Some(address)) => (None, address),
            (None, None) => return Err(MailError::NoSender),
        };
        Sender::new(name, address, site, templates).map_err(MailError::Sender)
    }

    /// Waits a little for letters that are on their way.
    pub async fn finish(&self) {
        let mailer = self.mailer.load_full();
        mailer.drain(LAST_LETTERS).await;
    }
}

impl Post for Postman {
    fn send(&self, letter: people::Letter) {
        let Some(kind) = Kind::named(letter.kind.name()) else {
            tracing::error!(kind = letter.kind.name(), "there is no such letter");
            return;
        };
        let mut written = Letter::new(kind, letter.to).language(letter.language);
        if let Some((path, ticket)) = letter.kind.path() {
            written = written.value("link", &format!("{}{path}?token={ticket}", self.origin));
        }
        for (name, value) in letter.kind.values() {
            written = written.value(name, &value);
        }
        self.mailer.load().send(written);
    }
}
