//! Passkeys: WebAuthn Level 3, both ceremonies, with nothing of HTTP or the database.
//!
//! ```text
//!  begin ─► options, for the browser      answer of the browser ─┐
//!        └► state, for a one-time ticket ────────────────────────┴─► finish ─► what to store
//! ```
//!
//! A passkey is both factors at once, something one has and the finger or PIN that unlocks it, so
//! user verification is always required. It is kept by the device together with the account it
//! is for (a discoverable credential), so that somebody can sign in without typing a name. Which
//! make a device is of nobody asks (no attestation).
//!
//! The library that checks signatures and all else knows more than is needed; this is what is
//! used of it.

use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use uuid::Uuid;
use webauthn_rs::prelude::{
    DiscoverableAuthentication, DiscoverableKey, Passkey as Key, PasskeyRegistration,
    PublicKeyCredential, RegisterPublicKeyCredential, Url, Webauthn, WebauthnBuilder,
    WebauthnError,
};
use webauthn_rs_proto::{AllowCredentials, ResidentKeyRequirement};

/// The longest answer of a browser that is read. Real ones have one or two KiB.
pub const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// Registers passkeys and checks them, for one site.
pub struct Passkeys {
    webauthn: Webauthn,
}

/// What begins a ceremony.
#[derive(Clone, Debug)]
pub struct Challenge {
    /// For `navigator.credentials.create` or `.get`: `{"publicKey": …}` with binary members in
    /// base64url, as `parseCreationOptionsFromJSON` and `parseRequestOptionsFromJSON` read them.
    pub options: Json,
    /// To be kept on the server until the answer comes, and for that one only.
    pub state: String,
}

/// A passkey as it is stored.
#[derive(Clone, Debug)]
pub struct Passkey {
    key: Key,
}

/// What the browser said when somebody wanted to sign in. Nothing of it is proved yet.
#[derive(Debug)]
pub struct Answer {
    said: PublicKeyCredential,
}

/// Whom a sign-in was begun for, and with which of their passkeys it may be finished.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// Its id, such as `acc_01h455vb4pex5vsknk084sn02q`.
    pub account: &'a str,
    pub passkeys: &'a [Passkey],
}

/// What a sign-in remembers of how it began.
#[derive(Serialize, Deserialize)]
struct SignIn {
    account: Option<Uuid>,
    ceremony: DiscoverableAuthentication,
}

/// Why there is no passkey, or it is not accepted.
#[derive(Debug)]
pub enum PasskeyError {
    /// The site cannot have passkeys; in a sentence, with what would mend it.
    Site(String),
    /// What the browser said is not what was asked for. The reason is for the log.
    Refused(String),
    /// The device has counted fewer uses than are known: there may be a copy of it.
    Cloned,
    /// What was stored cannot be read.
    Corrupt,
    Internal(String),
}

impl Passkeys {
    /// For the site at this origin, such as `https://photos.example`: passkeys belong to its
    /// host, and are of no use under another. `name` is shown to people.
    ///
    /// # Errors
    /// When browsers allow no passkeys there.
    pub fn new(origin: &str, name: &str) -> Result<Passkeys, PasskeyError> {
        let site = |why: &str| PasskeyError::Site(format!("no passkeys at {origin}: {why}"));
        let url = Url::parse(origin).map_err(|_| site("this is no URL"))?;
        let host = url
            .domain()
            .ok_or_else(|| site("they need a name such as photos.example, not an address"))?
            .to_owned();
        // W3C Secure Contexts §3.1.
        let on_this_machine = host == "localhost" || host.ends_with(".localhost");
        if url.scheme() != "https" && !on_this_machine {
            return Err(site("browsers offer them over https only"));
        }
        let webauthn = WebauthnBuilder::new(&host, &url)
            .and_then(|builder| builder.rp_name(name).build())
            .map_err(|error| site(&error.to_string()))?;
        Ok(Passkeys { webauthn })
    }

    /// Begins to give an account another passkey. `email` is how its owner tells it from others
    /// they have here; `has` are those it has already, lest one device be registered twice.
    ///
    /// # Errors
    /// [`PasskeyError::Internal`] only.
    pub fn begin_registration(
        &self,
        account: &str,
        email: &str,
        has: &[Passkey],
    ) -> Result<Challenge, PasskeyError> {
        let account = handle(account)?;
        let known = has.iter().map(|passkey| passkey.key.cred_id().clone());
        let (mut options, state) = self
            .webauthn
            .start_passkey_registration(account, email, email, Some(known.collect()))
            .map_err(internal)?;
        if let Some(selection) = &mut options.public_key.authenticator_selection {
            selection.resident_key = Some(ResidentKeyRequirement::Required);
            selection.require_resident_key = true;
        }
        Ok(Challenge {
            options: serde_json::to_value(&options).map_err(internal)?,
            state: serde_json::to_string(&state).map_err(internal)?,
        })
    }

    /// The passkey that the browser made.
    ///
    /// # Errors
    /// When it is not what was asked for.
    pub fn finish_registration(&self, state: &str, answer: &str) -> Result<Passkey, PasskeyError> {
        let state: PasskeyRegistration =
            serde_json::from_str(state).map_err(|_| PasskeyError::Corrupt)?;
        let said: RegisterPublicKeyCredential = read(answer)?;
        let finish = || self.webauthn.finish_passkey_registration(&said, &state);
        let key = quietly(finish).map_err(refused)?;
        Ok(Passkey { key })
    }

    /// Begins to sign in whoever has a passkey for this site; or, where it is known who that
    /// must be, with one of theirs.
    ///
    /// # Errors
    /// [`PasskeyError::Internal`] only.
    pub fn begin_sign_in(&self, known: Option<Known<'_>>) -> Result<Challenge, PasskeyError> {
        let (mut options, ceremony) = self
            .webauthn
            .start_discoverable_authentication()
            .map_err(internal)?;
        // Whether passkeys are offered while a name is typed, or in a dialogue, the page decides.
        options.mediation = None;
        if let Some(known) = known {
            let allow = |passkey: &Passkey| AllowCredentials {
                type_: "public-key".to_owned(),
                id: passkey.key.cred_id().to_vec(),
                transports: None,
            };
            options.public_key.allow_credentials = known.passkeys.iter().map(allow).collect();
        }
        let state = SignIn {
            account: known.map(|known| handle(known.account)).transpose()?,
            ceremony,
        };
        Ok(Challenge {
            options: serde_json::to_value(&options).map_err(internal)?,
            state: serde_json::to_string(&state).map_err(internal)?,
        })
    }

    /// Checks that the answer was signed with this passkey, which `owner` has: look it up by
    /// [`Answer::passkey_id`]. If something about the passkey has changed with that, it is
    /// returned and to be stored, before anybody is signed in.
    ///
    /// # Errors
    /// When it is not so.
    pub fn finish_sign_in(
        &self,
        state: &str,
        answer: &Answer,
        owner: &str,
        passkey: &Passkey,
    ) -> Result<Option<Passkey>, PasskeyError> {
        let state: SignIn = serde_json::from_str(state).map_err(|_| PasskeyError::Corrupt)?;
        let owner = handle(owner)?;
        // WebAuthn §7.2 step 6: either it was known before whose it must be, or the device says
        // whose it is; and if both, they agree.
        let said_owner = answer.account();
        let same = match (state.account, said_owner) {
            (None, None) => false,
            (known, said) => known.unwrap_or(owner) == owner && said.unwrap_or(owner) == owner,
        };
        if !same {
            let why = "the passkey is not of the account that it should be of";
            return Err(PasskeyError::Refused(why.to_owned()));
        }
        let key = DiscoverableKey::from(&passkey.key);
        let finish = || {
            self.webauthn
                .finish_discoverable_authentication_v2(&answer.said, state.ceremony, key)
        };
        let result = quietly(finish).map_err(refused)?;
        let mut key = passkey.key.clone();
        let changed = key.update_credential(&result) == Some(true);
        Ok(changed.then_some(Passkey { key }))
    }
}

impl Passkey {
    /// As it was stored.
    ///
    /// # Errors
    /// [`PasskeyError::Corrupt`].
    pub fn parse(data: &str) -> Result<Passkey, PasskeyError> {
        let key = serde_json::from_str(data).map_err(|_| PasskeyError::Corrupt)?;
        Ok(Passkey { key })
    }

    /// To be stored, as JSON. There is nothing secret in it.
    ///
    /// # Errors
    /// [`PasskeyError::Internal`] only.
    pub fn data(&self) -> Result<String, PasskeyError> {
        serde_json::to_string(&self.key).map_err(internal)
    }

    /// The credential id in base64url. It is unique, also among accounts.
    pub fn id(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(self.key.cred_id())
    }
}

impl Answer {
    /// # Errors
    /// [`PasskeyError::Refused`] when it is no answer.
    pub fn read(answer: &str) -> Result<Answer, PasskeyError> {
        Ok(Answer {
            said: read(answer)?,
        })
    }

    /// Which passkey it claims to be of.
    pub fn passkey_id(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(self.said.get_credential_id())
    }

    /// Which account it claims to be of, if it says so.
    fn account(&self) -> Option<Uuid> {
        // What is no id of ours is none that could agree.
        let bytes = self.said.get_user_unique_id()?;
        Some(Uuid::from_slice(bytes).unwrap_or(Uuid::max()))
    }
}

/// What a device keeps with a passkey (WebAuthn §4, user handle): the account's id in its short
/// form, which says nothing about the person.
fn handle(account: &str) -> Result<Uuid, PasskeyError> {
    let (_, id) = value::id::decode_typeid(account)
        .map_err(|_| internal(format_args!("`{account}` is no id of an account")))?;
    Ok(Uuid::from_bytes(id))
}

fn read<T: for<'a> Deserialize<'a>>(answer: &str) -> Result<T, PasskeyError> {
    if answer.len() > ANSWER_BYTES_MAX {
        return Err(PasskeyError::Refused("the answer is too long".to_owned()));
    }
    serde_json::from_str(answer).map_err(|error| PasskeyError::Refused(error.to_string()))
}

/// Without what the library would log: it repeats as an error what any client may send.
fn quietly<T>(run: impl FnOnce() -> T) -> T {
    tracing::dispatcher::with_default(&tracing::Dispatch::none(), run)
}

fn internal(error: impl fmt::Display) -> PasskeyError {
    PasskeyError::Internal(error.to_string())
}

fn refused(error: WebauthnError) -> PasskeyError {
    match error {
        WebauthnError::CredentialPossibleCompromise => PasskeyError::Cloned,
        other => PasskeyError::Refused(other.to_string()),
    }
}

impl fmt::Display for PasskeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PasskeyError::Site(why) => f.write_str(why),
            PasskeyError::Refused(why) => write!(f, "the passkey is not accepted: {why}"),
            PasskeyError::Cloned => f.write_str(
                "the passkey is not accepted: its device has counted fewer uses than are known, \
                 so there may be a copy of it",
            ),
            PasskeyError::Corrupt => f.write_str("what is stored of a passkey cannot be read"),
            PasskeyError::Internal(why) => write!(f, "passkeys do not work: {why}"),
        }
    }
}

impl std::error::Error for PasskeyError {}

#[cfg(test)]
mod tests;
