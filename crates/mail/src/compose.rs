//! A letter as a message (RFC 5322): from the site, to one address, as text and as HTML.

use std::fmt;

use lettre::Message;
use lettre::address::Address;
use lettre::message::header::{Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};

use crate::kind::Letter;
use crate::template::Templates;

/// Whom letters come from, and how they are worded.
#[derive(Clone, Debug)]
pub struct Sender {
    from: Mailbox,
    /// What people know the API as.
    site: String,
    templates: Templates,
}

/// An address that no letter can come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrongSender(String);

impl fmt::Display for WrongSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no mail can come from `{}`", self.0)
    }
}

impl std::error::Error for WrongSender {}

/// A letter that can be sent or shown.
pub(crate) struct Composed {
    pub message: Message,
    pub subject: String,
    pub text: String,
    pub html: String,
}

impl Sender {
    /// # Errors
    /// When the address is none.
    pub fn new(
        name: Option<String>,
        address: &str,
        site: &str,
        templates: Templates,
    ) -> Result<Sender, WrongSender> {
        let one_line = |text: &str| text.split(char::is_control).collect::<Vec<_>>().join(" ");
        let parsed: Result<Address, _> = address.parse();
        let address = parsed.map_err(|_| WrongSender(one_line(address)))?;
        Ok(Sender {
            from: Mailbox::new(name.as_deref().map(one_line), address),
            site: one_line(site),
            templates,
        })
    }

    /// Where letters come from, as this side calls itself to a mail server.
    pub(crate) fn domain(&self) -> &str {
        self.from.email.domain()
    }

    /// `None` if the address it goes to is none.
    pub(crate) fn compose(&self, letter: &Letter) -> Option<Composed> {
        let to: Address = letter.to.parse().ok()?;
        let worded = self.templates.word(letter, &self.site);
        let id = format!("<{}@{}>", uuid::Uuid::new_v4(), self.from.email.domain());
        let message = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(worded.subject.clone())
            .message_id(Some(id))
            .header(AutoSubmitted)
            .multipart(MultiPart::alternative_plain_html(
                worded.text.clone(),
                worded.html.clone(),
            ))
            .ok()?;
        Some(Composed {
            message,
            subject: worded.subject,
            text: worded.text,
            html: worded.html,
        })
    }
}

/// Nobody's absence is to be answered to (RFC 3834, section 5).
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(AutoSubmitted)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}
