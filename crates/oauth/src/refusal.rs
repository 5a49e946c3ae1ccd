//! Refusals in the words of RFC 6749 §5.2, and of those that came after it.

use std::borrow::Cow;

use call::{Code, Failure};
use http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderName, HeaderValue, StatusCode};
use identity::tickets::TicketError;
use serde_json::json;
use store::StoreError;
use web::Response;
use web::form::FormError;

use crate::answer;

const DPOP_NONCE: HeaderName = HeaderName::from_static("dpop-nonce");

/// Why an app does not get what it asked for.
#[derive(Debug)]
pub struct Refused {
    pub error: &'static str,
    pub description: String,
    status: StatusCode,
    retry_after: Option<u32>,
    challenge: Option<HeaderValue>,
    nonce: Option<String>,
}

impl Refused {
    /// `description`: a clause for the developer of the app.
    pub fn new(error: &'static str, description: impl Into<Cow<'static, str>>) -> Refused {
        Refused {
            error,
            description: visible(&description.into()),
            status: StatusCode::BAD_REQUEST,
            retry_after: None,
            challenge: None,
            nonce: None,
        }
    }

    /// The app has not proved who it is.
    pub fn client(description: impl Into<Cow<'static, str>>) -> Refused {
        let challenge = HeaderValue::from_static("Basic realm=\"oauth\", charset=\"UTF-8\"");
        Refused {
            status: StatusCode::UNAUTHORIZED,
            // RFC 6749 §5.2 wants it of those that tried Basic, RFC 9110 §15.5.2 of all.
            challenge: Some(challenge),
            ..Refused::new("invalid_client", description)
        }
    }

    pub fn wait(seconds: u32) -> Refused {
        Refused {
            status: StatusCode::TOO_MANY_REQUESTS,
            retry_after: Some(seconds),
            ..Refused::new(
                "temporarily_unavailable",
                format!("too many wrong tries; try again in {seconds} s"),
            )
        }
    }

    pub fn with_nonce(mut self, nonce: String) -> Refused {
        self.nonce = Some(nonce);
        self
    }

    pub fn respond(self) -> Response {
        let body = json!({"error": self.error, "error_description": self.description});
        let mut response = answer::json(self.status, &body);
        let headers = response.headers_mut();
        if let Some(challenge) = self.challenge {
            headers.insert(WWW_AUTHENTICATE, challenge);
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(nonce) = self
            .nonce
            .and_then(|nonce| HeaderValue::try_from(nonce).ok())
        {
            headers.insert(DPOP_NONCE, nonce);
        }
        response
    }
}

/// What may stand in an `error_description` (RFC 6749 §5.2).
fn visible(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '"' | '\\' => '\'',
            ' '..='~' => c,
            _ => '?',
        })
        .collect()
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Refused {
        if let Some(cause) = &failure.cause {
            tracing::error!(%cause, "an app could not be answered");
        }
        let refused = |error, status| Refused {
            status,
            retry_after: failure.retry_after_seconds,
            ..Refused::new(error, failure.detail.clone())
        };
        match failure.code {
            Code::Unavailable | Code::TimedOut => {
                refused("temporarily_unavailable", StatusCode::SERVICE_UNAVAILABLE)
            }
            Code::RateLimited => refused("temporarily_unavailable", StatusCode::TOO_MANY_REQUESTS),
            Code::Internal => refused("server_error", StatusCode::INTERNAL_SERVER_ERROR),
            _ => refused("invalid_grant", StatusCode::BAD_REQUEST),
        }
    }
}

/// How a database in trouble is told of.
pub fn trouble(error: StoreError) -> Failure {
    TicketError::Store(error).into()
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Refused {
        trouble(error).into()
    }
}

impl From<TicketError> for Refused {
    fn from(error: TicketError) -> Refused {
        Failure::from(error).into()
    }
}

impl From<FormError> for Refused {
    fn from(error: FormError) -> Refused {
        Refused::new("invalid_request", error.to_string())
    }
}
