//! Who sits at the browser that sent a request, and forms that only that browser can send.

use std::sync::Arc;
use std::time::Duration;

use call::{Code, Failure};
use hmac::{Hmac, KeyInit, Mac};
use http::HeaderMap;
use identity::sessions::Session;
use people::Account;
use sha2::Sha256;
use value::Timestamp;

use crate::Door;

/// Somebody who is signed in at a browser.
pub struct SignedIn {
    pub session: Arc<Session>,
    pub account: Account,
    /// What the cookie says.
    text: String,
}

impl Door {
    /// Who is signed in, if anybody is.
    pub async fn signed_in(
        &self,
        headers: &HeaderMap,
        now: Timestamp,
    ) -> Result<Option<SignedIn>, Failure> {
        let Some(people) = &self.parts.people else {
            return Ok(None);
        };
        let Some(text) = self.parts.cookie.read(headers) else {
            return Ok(None);
        };
        let idle = Duration::from_secs(self.parts.model.auth.sessions.idle.into());
        let Some(session) = self.parts.sessions.find(&text, idle, now).await? else {
            return Ok(None);
        };
        match people.account(&session.account).await {
            Ok(account) => Ok(Some(SignedIn {
                session,
                account,
                text: text.into_owned(),
            })),
            Err(gone) if gone.code == Code::Unauthenticated => Ok(None),
            Err(failure) => Err(failure),
        }
    }
}

impl SignedIn {
    /// What a form shows that was made for this browser and this purpose.
    pub fn form_token(&self, purpose: &str) -> String {
        use std::fmt::Write;
        let mut text = String::with_capacity(64);
        for byte in self.mac(purpose).finalize().into_bytes() {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
        }
        text
    }

    pub fn is_own_form(&self, purpose: &str, shown: &str) -> bool {
        use subtle::ConstantTimeEq;
        let expected = self.form_token(purpose);
        expected.as_bytes().ct_eq(shown.as_bytes()).into()
    }

    /// Keyed with the session's own secret, which nobody but the browser has.
    fn mac(&self, purpose: &str) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.text.as_bytes())
            .expect("a key of any length will do");
        mac.update(purpose.as_bytes());
        mac
    }
}
