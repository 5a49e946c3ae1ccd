//! Which app is asking, and whether it has proved that (RFC 6749 §2.3, RFC 7523, RFC 8705 §2).

use std::borrow::Cow;
use std::time::Instant;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::AUTHORIZATION;
use identity::client_assertion::claimed_client;
use identity::clients::{CertificateProof, Client, Proof};
use identity::dpop::certificate_thumbprint;
use identity::guess::Attempt;
use identity::jws::Jwk;
use identity::tokens::Binding;
use model::KeySet;
use percent_encoding::percent_decode_str;
use subtle::ConstantTimeEq;
use value::Timestamp;
use web::Request;
use web::form::Form;

use crate::Door;
use crate::refusal::Refused;

/// RFC 7523 §2.2.
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// What an app shows of itself.
enum Shown<'a> {
    Nothing,
    /// As it was sent, and as it may have been meant.
    Secret {
        written: Cow<'a, str>,
        decoded: Option<String>,
    },
    Assertion(&'a str),
}

impl Door {
    /// The app that asks, once it has proved that it is the one.
    pub async fn client(
        &self,
        request: &Request,
        form: &Form,
        now: Timestamp,
    ) -> Result<Client, Refused> {
        let (id, shown) = shown(request, form)?;
        let found = self.parts.clients.find(&self.parts.model.auth, &id).await?;
        let Some(client) = found else {
            return Err(Refused::client("there is no such client"));
        };
        match (&client.proof, shown) {
            (Proof::Public, Shown::Nothing) => {}
            (Proof::Named(_) | Proof::Secrets(_), Shown::Secret { written, decoded }) => {
                self.secret(&client, &written, decoded.as_deref(), request, now)
                    .await?;
            }
            (Proof::Keys(keys), Shown::Assertion(text)) => {
                let keys = self.keys(keys).await?;
                let verified = self.assertions.verify(text, &client.id, &keys, now).await?;
                verified.map_err(|refused| Refused::client(refused.sentence()))?;
            }
            (Proof::Certificate(wanted), Shown::Nothing) => {
                if !shows(request, wanted) {
                    return Err(Refused::client(
                        "the connection shows another certificate than the client's, or none",
                    ));
                }
            }
            _ => {
                return Err(Refused::client(
                    "the client has to prove who it is in the way it was registered for",
                ));
            }
        }
        Ok(client)
    }

    /// The same where an app that can prove nothing has no business.
    pub async fn confidential_client(
        &self,
        request: &Request,
        form: &Form,
        now: Timestamp,
    ) -> Result<Client, Refused> {
        let client = self.client(request, form, now).await?;
        if client.is_public() {
            return Err(Refused::client(
                "a client that proves nothing is not told this",
            ));
        }
        Ok(client)
    }

    async fn secret(
        &self,
        client: &Client,
        written: &str,
        decoded: Option<&str>,
        request: &Request,
        now: Timestamp,
    ) -> Result<(), Refused> {
        let clients = &self.parts.clients;
        let mut right = clients.knows_secret(client, written, now).await?;
        if let Some(decoded) = decoded {
            right |= clients.knows_secret(client, decoded, now).await?;
        }
        // By address alone: whoever guesses elsewhere must not keep the app itself out, and a
        // secret is long enough that all addresses there are do not suffice.
        let attempt = Attempt {
            account: Some(&client.id),
            peer: request.client,
            known_device: true,
        };
        let guesses = &self.parts.lasting.secrets;
        // A right one is let in and taken back at once: of many that come together none waits
        // for another.
        let permit = guesses.may_try(&attempt, Instant::now());
        let permit = permit.map_err(|wait| Refused::wait(wait.seconds))?;
        match right {
            true => {
                guesses.right(permit, Instant::now());
                Ok(())
            }
            false => Err(Refused::client("the client secret is wrong")),
        }
    }

    async fn keys(&self, keys: &KeySet) -> Result<Vec<Jwk>, Refused> {
        match keys {
            KeySet::Inline(set) => {
                let all = set.get("keys").and_then(serde_json::Value::as_array);
                Ok(all.into_iter().flatten().filter_map(Jwk::read).collect())
            }
            KeySet::Url(url) => Ok(self.parts.outside.keys(url).await?),
        }
    }
}

/// What tokens of a client are bound to besides a key that it proves to hold.
pub fn binding(client: &Client, proved: Binding) -> Binding {
    Binding {
        // An app that is known by its certificate has its tokens bound to it (RFC 8705 §3).
        certificate: match client.proof {
            Proof::Certificate(_) => proved.certificate,
            _ => None,
        },
        jkt: proved.jkt,
    }
}

fn shows(request: &Request, wanted: &CertificateProof) -> bool {
    let Some(shown) = &request.certificate else {
        return false;
    };
    let alike = |one: &str, other: &str| -> bool { one.as_bytes().ct_eq(other.as_bytes()).into() };
    match wanted {
        CertificateProof::Subject(subject) => alike(subject, &shown.subject),
        CertificateProof::San(name) => shown.names.iter().any(|shown| alike(name, shown)),
        CertificateProof::Thumbprint(thumbprint) => {
            alike(thumbprint, &certificate_thumbprint(&shown.thumbprint))
        }
    }
}

/// Which app it says to be, and what it shows for that: in one way, not in two.
fn shown<'a>(request: &'a Request, form: &'a Form) -> Result<(String, Shown<'a>), Refused> {
    let named = form.filled("client_id");
    let secret = form.filled("client_secret");
    let assertion = form.filled("client_assertion");
    let basic = basic(request)?;
    let ways = [secret.is_some(), assertion.is_some(), basic.is_some()];
    if ways.into_iter().filter(|way| *way).count() > 1 {
        return Err(Refused::new(
            "invalid_request",
            "the client proves who it is in more than one way",
        ));
    }
    let (id, shown) = if let Some((id, written)) = basic {
        let decoded = Some(decoded(&written)).filter(|decoded| *decoded != written);
        let shown = match written.is_empty() {
            true => Shown::Nothing,
            false => Shown::Secret {
                written: written.into(),
                decoded,
            },
        };
        (decoded_id(&id, named), shown)
    } else if let Some(assertion) = assertion {
        if form.filled("client_assertion_type") != Some(ASSERTION_TYPE) {
            return Err(Refused::client(format!(
                "client_assertion_type must be {ASSERTION_TYPE}"
            )));
        }
        let claimed = claimed_client(assertion);
        let claimed = claimed.ok_or_else(|| Refused::client("the assertion is not well-formed"))?;
        (claimed, Shown::Assertion(assertion))
    } else {
        let id = named.ok_or_else(|| Refused::client("there is no client_id"))?;
        let shown = secret.map_or(Shown::Nothing, |secret| Shown::Secret {
            written: secret.into(),
            decoded: None,
        });
        (id.to_owned(), shown)
    };
    match named {
        Some(named) if named != id => Err(Refused::client("two clients are named")),
        _ => Ok((id, shown)),
    }
}

/// Name and secret of `Authorization: Basic`.
fn basic(request: &Request) -> Result<Option<(String, String)>, Refused> {
    let mut sent = request.headers().get_all(AUTHORIZATION).iter();
    let Some(value) = sent.next() else {
        return Ok(None);
    };
    let unreadable = || Refused::client("write Authorization: Basic CLIENT_ID:SECRET in base64");
    if sent.next().is_some() {
        return Err(unreadable());
    }
    let (scheme, rest) = value
        .to_str()
        .ok()
        .and_then(|text| text.trim_ascii().split_once(' '))
        .ok_or_else(unreadable)?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(unreadable());
    }
    let decoded = STANDARD.decode(rest.trim_ascii()).ok();
    let pair = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
    let pair = pair.ok_or_else(unreadable)?;
    let (id, secret) = pair.split_once(':').ok_or_else(unreadable)?;
    Ok(Some((id.to_owned(), secret.to_owned())))
}

/// RFC 6749 §2.3.1 wants both encoded as in a form, and most clients do not.
fn decoded(text: &str) -> String {
    let spaced = text.replace('+', " ");
    let decoded = percent_decode_str(&spaced).decode_utf8();
    decoded.map_or_else(|_| text.to_owned(), Cow::into_owned)
}

/// Ids have no character that two spellings could share, but an encoded one may come.
fn decoded_id(id: &str, named: Option<&str>) -> String {
    match named == Some(id) {
        true => id.to_owned(),
        false => decoded(id),
    }
}
