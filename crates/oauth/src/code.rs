//! Authorization codes: given to an app's address for its person, good once and for a minute.
//!
//! A code names the family that it leads to before there is one, so that when somebody comes with
//! it a second time, what it gave is ended (OAuth 2.1 §4.1.3), whoever was first.

use std::time::Duration;

use audit::{Action, Actor, Entry};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use call::Failure;
use identity::clients::Client;
use identity::denied::What;
use identity::families::{self, Ended, Which};
use identity::tickets::{self, NewTicket, Purpose, Used};
use identity::tokens::outlived;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use value::Timestamp;
use web::Response;

use crate::Door;
use crate::authorize::Asked;
use crate::language::Language;
use crate::refusal::{Refused, trouble};
use crate::signed_in::SignedIn;

/// As long as a browser needs to carry it there.
const LASTS: Duration = Duration::from_secs(60);
/// Characters of a verifier (RFC 7636 §4.1).
const VERIFIER_CHARS: std::ops::RangeInclusive<usize> = 43..=128;

/// What a code stands for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Code {
    pub client: String,
    /// If the app has named it.
    redirect_uri: Option<String>,
    challenge: String,
    jkt: Option<String>,
    pub scopes: Vec<String>,
    pub resource: String,
    pub nonce: Option<String>,
    pub account: String,
    pub session: String,
    pub methods: Vec<String>,
    /// In milliseconds.
    pub authenticated_at: i64,
    /// Its id is a UUID.
    pub family: String,
}

/// What an app shows along with a code.
pub struct Exchange<'a> {
    pub client: &'a Client,
    pub redirect_uri: Option<&'a str>,
    pub verifier: Option<&'a str>,
    pub jkt: Option<&'a str>,
}

impl Door {
    /// Sends somebody back to an app with a code.
    pub async fn give_code(
        &self,
        client: &Client,
        asked: Asked,
        who: &SignedIn,
        language: Language,
        now: Timestamp,
    ) -> Result<Response, Failure> {
        let code = Code {
            client: client.id.clone(),
            redirect_uri: asked.names_redirect.then(|| asked.redirect_uri.clone()),
            challenge: asked.challenge,
            jkt: asked.jkt,
            scopes: asked.scopes,
            resource: asked.resource,
            nonce: asked.nonce,
            account: who.account.id.clone(),
            session: who.session.id.clone(),
            methods: who.session.methods.clone(),
            authenticated_at: who.session.authenticated_at.0,
            family: families::new_id(now).map_err(trouble)?.to_string(),
        };
        let ticket = NewTicket {
            purpose: Purpose::AuthorizationCode,
            account: Some(&who.account.id),
            handle: None,
            payload: &code,
            lasts: LASTS,
        };
        let text = tickets::issue(self.driver(), ticket, now).await?;
        let answer = [("code", text.reveal())];
        Ok(self.back(
            &asked.redirect_uri,
            &answer,
            asked.state.as_deref(),
            language,
        ))
    }

    /// Uses a code up.
    pub async fn use_code(
        &self,
        text: &str,
        exchange: &Exchange<'_>,
        now: Timestamp,
    ) -> Result<Code, Refused> {
        let purpose = Purpose::AuthorizationCode;
        let used = tickets::consume::<Code>(self.driver(), purpose, text, now).await?;
        match used {
            // Whoever has it with a wrong verifier is not to try another.
            Used::Now(ticket) => {
                exchange.fits(&ticket.payload)?;
                Ok(ticket.payload)
            }
            Used::Before(ticket) => {
                self.replayed(&ticket.payload, now).await?;
                Err(grant(
                    "the code was used before; what it gave has been ended",
                ))
            }
            Used::Not => Err(grant("the code is unknown or has expired")),
        }
    }

    /// Two have the same code, and one of them stole it.
    async fn replayed(&self, code: &Code, now: Timestamp) -> Result<(), Refused> {
        let family = &code.family;
        tracing::warn!(
            family,
            client = code.client,
            account = code.account,
            "an authorization code was used twice; what it gave has been ended"
        );
        // Also where the first is being answered just now, and there is no family yet.
        let until = outlived(now);
        let denied = &self.parts.denied;
        denied
            .deny(What::Family(family.clone()), until, now)
            .await?;
        let which = Which::One(family);
        self.parts.families.end(which, Ended::Replayed, now).await?;
        let entry = Entry::new(now, Action::FamilyRevoked, &Actor::Unknown)
            .subject(&code.account)
            .client(&code.client)
            .detail("family", family.as_str());
        self.note(entry).await;
        Ok(())
    }
}

impl Exchange<'_> {
    fn fits(&self, code: &Code) -> Result<(), Refused> {
        if code.client != self.client.id {
            return Err(grant("the code was issued to another client"));
        }
        if let Some(named) = &code.redirect_uri
            && self.redirect_uri.is_some_and(|again| again != named)
        {
            return Err(grant("redirect_uri is another than the one before"));
        }
        if code.redirect_uri.is_none() && self.redirect_uri.is_some() {
            let known = |uri: &&str| self.client.accepts_redirect(uri);
            if self.redirect_uri.filter(known).is_none() {
                return Err(grant("redirect_uri is another than the one before"));
            }
        }
        let verifier = self.verifier.ok_or_else(|| {
            Refused::new(
                "invalid_request",
                "code_verifier is missing: PKCE is required",
            )
        })?;
        let is_unreserved = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
        if !VERIFIER_CHARS.contains(&verifier.len()) || !verifier.bytes().all(is_unreserved) {
            return Err(grant(
                "code_verifier has not 43 to 128 unreserved characters",
            ));
        }
        let hash = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier));
        let fits: bool = hash.as_bytes().ct_eq(code.challenge.as_bytes()).into();
        if !fits {
            return Err(grant("code_verifier does not fit the code_challenge"));
        }
        match &code.jkt {
            Some(jkt) if self.jkt != Some(jkt) => {
                Err(grant("the code is bound to another DPoP key"))
            }
            _ => Ok(()),
        }
    }
}

/// `invalid_grant`
pub fn grant(why: &'static str) -> Refused {
    Refused::new("invalid_grant", why)
}
