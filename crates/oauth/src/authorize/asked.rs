//! What an app asks for when it sends its person here, checked.

use identity::clients::Client;
use serde::{Deserialize, Serialize};
use value::Timestamp;
use web::form::Form;

use crate::Door;
use crate::refusal::Refused;
use crate::scope::{self, Behalf};
use crate::signed_in::SignedIn;

/// Characters of what is only handed back. Apps keep a random text there, some a small state.
const ECHOED_CHARS_MAX: usize = 4_096;
/// Characters of what is shown or compared.
const HINT_CHARS_MAX: usize = 256;
/// Of the SHA-256 in base64url (RFC 7636 §4.2).
const CHALLENGE_CHARS: usize = 43;

/// A request that is fit to be answered.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Asked {
    pub client: String,
    pub redirect_uri: String,
    /// Whether the app named it, and so must name it again with its code (RFC 6749 §4.1.3).
    pub names_redirect: bool,
    pub scopes: Vec<String>,
    pub resource: String,
    pub state: Option<String>,
    pub nonce: Option<String>,
    pub challenge: String,
    /// Of the key that the code is bound to (RFC 9449 §10).
    pub jkt: Option<String>,
    /// `prompt=none`
    pub silent: bool,
    pub login: bool,
    pub consent: bool,
    /// In seconds.
    pub max_age: Option<u32>,
    pub login_hint: Option<String>,
    pub ui_locales: Option<String>,
}

/// Where an app gets its answer: at an address that was registered for it. One that has a single
/// address need not name it.
pub fn redirect(client: &Client, named: Option<&str>) -> Option<String> {
    match (named, client.redirect_uris.as_slice()) {
        (Some(uri), _) => client.accepts_redirect(uri).then(|| uri.to_owned()),
        (None, [only]) => Some(only.clone()),
        (None, _) => None,
    }
}

impl Asked {
    /// Reads a request of an app.
    pub fn read(door: &Door, client: &Client, form: &Form) -> Result<Asked, Refused> {
        let invalid = |why: &'static str| Refused::new("invalid_request", why);
        for (name, error) in [
            ("request", "request_not_supported"),
            ("registration", "registration_not_supported"),
        ] {
            if form.filled(name).is_some() {
                return Err(Refused::new(
                    error,
                    format!("{name} is not understood here"),
                ));
            }
        }
        let redirect_uri = redirect(client, form.filled("redirect_uri"))
            .ok_or_else(|| invalid("the redirect_uri is not registered for this client"))?;
        match form.filled("response_type") {
            Some("code") => {}
            None => return Err(invalid("response_type is missing")),
            Some(_) => {
                return Err(Refused::new(
                    "unsupported_response_type",
                    "response_type must be code",
                ));
            }
        }
        if form
            .filled("response_mode")
            .is_some_and(|mode| mode != "query")
        {
            return Err(invalid("response_mode must be query"));
        }
        let challenge = form
            .filled("code_challenge")
            .ok_or_else(|| invalid("code_challenge is missing: PKCE is required"))?;
        // Without it plain would be meant (RFC 7636 §4.3), which protects nothing.
        if form.filled("code_challenge_method") != Some("S256") {
            return Err(invalid("code_challenge_method must be S256"));
        }
        if challenge.len() != CHALLENGE_CHARS || !identity::random::may_be(challenge) {
            return Err(invalid(
                "code_challenge must be a SHA-256 in base64url without padding",
            ));
        }
        let prompt: Vec<&str> = form
            .filled("prompt")
            .map(|prompt| prompt.split(' ').filter(|one| !one.is_empty()).collect())
            .unwrap_or_default();
        let wants = |one: &str| prompt.contains(&one);
        let known = ["none", "login", "consent", "select_account"];
        if prompt.iter().any(|one| !known.contains(one)) {
            return Err(invalid("prompt has a value that is not understood"));
        }
        if wants("none") && prompt.len() > 1 {
            return Err(invalid("prompt=none allows no other value"));
        }
        let max_age = match form.filled("max_age") {
            None => None,
            Some(text) => Some(
                text.parse()
                    .map_err(|_| invalid("max_age must be a number of seconds"))?,
            ),
        };
        let short = |name: &'static str, most: usize| match form.filled(name) {
            Some(text) if text.chars().count() > most => Err(Refused::new(
                "invalid_request",
                format!("{name} is longer than {most} characters"),
            )),
            text => Ok(text.map(str::to_owned)),
        };
        let jkt = short("dpop_jkt", HINT_CHARS_MAX)?;
        Ok(Asked {
            client: client.id.clone(),
            redirect_uri,
            names_redirect: form.filled("redirect_uri").is_some(),
            scopes: scope::granted(
                &door.parts.model,
                client,
                form.filled("scope"),
                Behalf::Person,
            )?,
            resource: door.wanted_resource(form)?,
            state: short("state", ECHOED_CHARS_MAX)?,
            nonce: short("nonce", ECHOED_CHARS_MAX)?,
            challenge: challenge.to_owned(),
            jkt,
            silent: wants("none"),
            // There is one account in a browser at a time: another is chosen by signing in.
            login: wants("login") || wants("select_account"),
            consent: wants("consent"),
            max_age,
            login_hint: short("login_hint", HINT_CHARS_MAX)?,
            ui_locales: short("ui_locales", HINT_CHARS_MAX)?,
        })
    }

    /// Whether somebody has signed in as lately as the app wants it. `since`: when it asked.
    pub fn is_met_by(&self, who: &SignedIn, since: Timestamp) -> bool {
        let at = who.session.authenticated_at.0;
        let oldest = self
            .max_age
            .map(|age| since.0.saturating_sub(i64::from(age) * 1000));
        let young = oldest.is_none_or(|oldest| at >= oldest);
        young && (!self.login || at >= since.0)
    }
}

impl Door {
    /// The resource that tokens are wanted for (RFC 8707): there is one.
    pub fn wanted_resource(&self, form: &Form) -> Result<String, Refused> {
        let own = self.resource();
        let is_own = |named: &str| named.trim_end_matches('/') == own.trim_end_matches('/');
        match form
            .all("resource")
            .filter(|named| !named.is_empty())
            .all(is_own)
        {
            true => Ok(own.to_owned()),
            false => Err(Refused::new(
                "invalid_target",
                format!("tokens are given for {own} alone"),
            )),
        }
    }
}
