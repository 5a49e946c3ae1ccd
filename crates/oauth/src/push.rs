//! Authorization requests that an app brings itself (RFC 9126), so that nobody on the way through
//! a browser can change them.

use std::time::Duration;

use http::StatusCode;
use identity::tickets::{self, NewTicket, Purpose};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use serde_json::json;
use value::Timestamp;
use web::form::Form;
use web::{Request, Response};

use crate::Door;
use crate::answer;
use crate::authorize::{Asked, REPEATABLE};
use crate::refusal::Refused;

/// Begins every `request_uri` of ours.
pub const URN: &str = "urn:ietf:params:oauth:request_uri:";
/// From the app through a browser and back here.
const LASTS: Duration = Duration::from_secs(90);
/// Bytes of a request, as it is kept. What is longer would not do in a URL either.
const BYTES_MAX: usize = 16 * 1024;

/// A request that was brought.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Pushed {
    pub client: String,
    fields: Vec<(String, String)>,
}

impl Pushed {
    pub fn form(&self) -> Option<Form> {
        let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let pairs = self.fields.iter();
        let pairs = pairs.map(|(name, value)| format!("{}={}", encoded(name), encoded(value)));
        let text = pairs.collect::<Vec<_>>().join("&");
        Form::parse(text.as_bytes(), &REPEATABLE).ok()
    }
}

impl Door {
    pub async fn push(&self, request: &mut Request, now: Timestamp) -> Result<Response, Refused> {
        let form = Form::read(request, &REPEATABLE).await?;
        let client = self.client(request, &form, now).await?;
        self.people()?;
        if form.filled("request_uri").is_some() {
            return Err(Refused::new(
                "invalid_request",
                "what is pushed cannot refer to something that was pushed",
            ));
        }
        Asked::read(self, &client, &form)?;
        let jkt = self.proved_key(request, None, now)?;
        if let (Some(jkt), Some(named)) = (&jkt, form.filled("dpop_jkt"))
            && jkt != named
        {
            return Err(Refused::new(
                "invalid_dpop_proof",
                "dpop_jkt is not the key of the DPoP proof",
            ));
        }
        let proofs = ["client_secret", "client_assertion", "client_assertion_type"];
        let fields = form.iter().filter(|(name, _)| !proofs.contains(name));
        let mut fields: Vec<(String, String)> = fields
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        if let Some(jkt) = jkt
            && form.filled("dpop_jkt").is_none()
        {
            // An empty one counts as left out, and twice it must not be there.
            fields.retain(|(name, _)| name != "dpop_jkt");
            fields.push(("dpop_jkt".to_owned(), jkt));
        }
        let bytes: usize = fields
            .iter()
            .map(|(name, value)| name.len() + value.len())
            .sum();
        if bytes > BYTES_MAX {
            return Err(Refused::new("invalid_request", "the request is too long"));
        }
        let pushed = Pushed {
            client: client.id,
            fields,
        };
        let ticket = NewTicket {
            purpose: Purpose::PushedRequest,
            account: None,
            handle: None,
            payload: &pushed,
            lasts: LASTS,
        };
        let ticket = tickets::issue(self.driver(), ticket, now).await?;
        let uri = [URN, ticket.reveal()].concat();
        let body = json!({
            "request_uri": uri,
            "expires_in": LASTS.as_secs(),
        });
        Ok(answer::json(StatusCode::CREATED, &body))
    }
}
