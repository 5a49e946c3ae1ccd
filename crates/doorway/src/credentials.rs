//! Who asks: from a request's head to a [`Caller`], and the challenges that go with refusals
//! (RFC 9110 §11, RFC 6750, RFC 7617, RFC 9449, RFC 9728).
//!
//! Knows no credential; whether one is good is for [`Authenticate`] to say.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use call::{
    Authenticate, Caller, Certificate, ChallengeError, Code, Credential, Failure, FieldProblem,
    Place, Presented, Unproven,
};
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue};

use web::cookies::Cookie;
use web::origin::Origin;

use crate::failure::{Refusal, worded};

/// RFC 9449.
const DPOP: HeaderName = HeaderName::from_static("dpop");
const DPOP_NONCE: HeaderName = HeaderName::from_static("dpop-nonce");
/// What proofs may be signed with, as challenges say it.
const DPOP_ALGORITHMS: &str = "ES256 EdDSA RS256";

/// What credentials an API takes.
#[derive(Clone, Debug, Default)]
pub struct Accepted {
    /// The words before a key or token; the first one is recommended in challenges. `Bearer`,
    /// unless said.
    pub schemes: Vec<String>,
    /// Name and password as RFC 7617 has it.
    pub basic: bool,
    /// Tokens that are good only with a proof of possession.
    pub dpop: bool,
    /// The cookie that names a browser's session, and whose pages may use it.
    pub session: Option<(Cookie, Origin)>,
    /// Where it is described which authorization server to ask (RFC 9728 §5.1).
    pub resource_metadata: Option<String>,
}

/// How this contract wants to be asked.
#[derive(Debug)]
pub struct Credentials {
    /// In lower case.
    schemes: Vec<Box<str>>,
    accepted: Accepted,
    realm: Box<str>,
    /// `Bearer realm="bookstore"`
    challenge: Box<str>,
    guest: Arc<Caller>,
}

/// Who has sent a request, as far as the connection tells.
#[derive(Clone, Copy, Debug)]
pub struct Sender<'a> {
    pub address: IpAddr,
    /// Whether nobody on the way could read the request.
    pub secure: bool,
    pub certificate: Option<Certificate<'a>>,
}

impl<'a> Sender<'a> {
    /// As a request of the kit has it.
    pub fn new(
        address: IpAddr,
        secure: bool,
        certificate: Option<&'a web::tls::Certificate>,
    ) -> Sender<'a> {
        Sender {
            address,
            secure,
            certificate: certificate.map(|shown| Certificate {
                thumbprint: &shown.thumbprint,
                subject: &shown.subject,
                names: &shown.names,
            }),
        }
    }
}

/// A credential off the wire. Basic's is decoded, so it is not always lent.
enum Shown<'a> {
    None,
    Bearer(&'a str),
    Dpop(&'a str),
    Basic(String),
    Session(Cow<'a, str>),
}

impl Credentials {
    pub fn new(realm: &str, accepted: Accepted) -> Credentials {
        let schemes: Vec<Box<str>> = match accepted.schemes.as_slice() {
            [] => vec!["bearer".into()],
            some => some
                .iter()
                .map(|scheme| scheme.to_ascii_lowercase().into())
                .collect(),
        };
        let realm: Box<str> = quotable(realm).into();
        let mut challenge = format!("{} realm=\"{realm}\"", capitalised(&schemes[0]));
        if let Some(url) = &accepted.resource_metadata {
            challenge.push_str(&format!(", resource_metadata=\"{}\"", quotable(url)));
        }
        Credentials {
            schemes,
            accepted,
            realm,
            challenge: challenge.into(),
            guest: Arc::new(Caller::guest()),
        }
    }

    /// Everybody who says nothing.
    pub fn guest(&self) -> Arc<Caller> {
        Arc::clone(&self.guest)
    }

    /// Who sent a request with this head.
    ///
    /// A credential that is not accepted is refused even where none is needed: its sender would
    /// be told less than expected, and not know why.
    ///
    /// # Errors
    /// 401 with a challenge, 400 for fields that cannot be read, 503 where nobody can be asked.
    pub async fn caller(
        &self,
        head: &Parts,
        sender: Sender<'_>,
        authenticate: &dyn Authenticate,
    ) -> Result<Arc<Caller>, Refusal> {
        let shown = self.shown(&head.headers)?;
        let (decoded, session);
        let credential = match shown {
            Shown::None if sender.certificate.is_none() => return Ok(self.guest()),
            Shown::None => Credential::None,
            Shown::Bearer(token) => Credential::Bearer(token),
            Shown::Dpop(token) => Credential::Dpop(token),
            Shown::Session(id) => {
                self.require_own_page(head)?;
                session = id;
                Credential::Session(&session)
            }
            Shown::Basic(pair) => {
                decoded = pair;
                let (user, password) = decoded
                    .split_once(':')
                    .ok_or_else(|| self.unreadable("Basic is `NAME:PASSWORD` in base64."))?;
                Credential::Basic { user, password }
            }
        };
        let presented = Presented {
            credential,
            certificate: sender.certificate,
            dpop: sole(&head.headers, &DPOP, "DPoP")?,
            method: head.method.as_str(),
            path: head.uri.path(),
            address: sender.address,
            secure: sender.secure,
        };
        match authenticate.authenticate(&presented).await {
            Ok(caller) => Ok(caller),
            Err(unproven) => Err(self.refuse(unproven)),
        }
    }

    fn shown<'a>(&self, headers: &'a HeaderMap) -> Result<Shown<'a>, Refusal> {
        let Some(text) = sole(headers, &AUTHORIZATION, "Authorization")? else {
            return Ok(self.session(headers));
        };
        let text = text.trim_ascii();
        let (scheme, rest) = text.split_once(' ').unwrap_or((text, ""));
        let credential = rest.trim_ascii_start();
        let is = |known: &str| known.eq_ignore_ascii_case(scheme);
        // RFC 9110's token68.
        let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
        let well_formed = !credential.is_empty() && credential.bytes().all(is_token);
        let readable = |shown| match well_formed {
            true => Ok(shown),
            false => {
                Err(self.unreadable("The credential is empty or has characters that none has."))
            }
        };
        if self.schemes.iter().any(|known| is(known)) {
            return readable(Shown::Bearer(credential));
        }
        if self.accepted.dpop && is("dpop") {
            return readable(Shown::Dpop(credential));
        }
        if self.accepted.basic && is("basic") {
            let decoded = STANDARD.decode(credential).ok();
            let pair = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
            return pair
                .map(Shown::Basic)
                .ok_or_else(|| self.unreadable("Basic is `NAME:PASSWORD` in base64."));
        }
        let example = capitalised(&self.schemes[0]);
        Err(self.unreadable(&format!(
            "Write `Authorization: {example} KEY`; other schemes are not accepted here."
        )))
    }

    /// A browser's session, if its cookie is there.
    fn session<'a>(&self, headers: &'a HeaderMap) -> Shown<'a> {
        let cookie = self.accepted.session.as_ref();
        match cookie.and_then(|(cookie, _)| cookie.read(headers)) {
            Some(value) if !value.is_empty() => Shown::Session(value),
            _ => Shown::None,
        }
    }

    /// A cookie comes along whoever makes a browser ask, so what changes something by its right must
    /// have been asked for by a page of our own.
    fn require_own_page(&self, head: &Parts) -> Result<(), Refusal> {
        let Some((_, origin)) = &self.accepted.session else {
            return Ok(());
        };
        web::csrf::check(&head.method, &head.headers, origin).map_err(|_| {
            let detail = "a page of another site asked for this, or nobody says which one did";
            Failure::new(Code::Forbidden, detail).into()
        })
    }

    /// Nobody said who they are.
    pub fn challenge(&self) -> HeaderValue {
        header(&self.challenge)
    }

    /// The credential does not carry far enough.
    pub fn scope_challenge(&self, scope: Option<&str>) -> HeaderValue {
        let mut text = format!("{}, error=\"insufficient_scope\"", self.challenge);
        if let Some(scope) = scope {
            text.push_str(&format!(", scope=\"{}\"", quotable(scope)));
        }
        header(&text)
    }

    fn unreadable(&self, detail: &str) -> Refusal {
        self.refuse(Unproven::invalid(detail))
    }

    /// There is a credential, and it is not accepted.
    pub fn refuse(&self, unproven: Unproven) -> Refusal {
        let Unproven {
            failure,
            error,
            dpop_nonce,
        } = unproven;
        let failure = *failure;
        if failure.code != Code::Unauthenticated {
            return failure.into();
        }
        let about = |error: &str| {
            let detail = quotable(&failure.detail);
            format!("error=\"{error}\", error_description=\"{detail}\"")
        };
        let challenge: Cow<'_, str> = match (error, error.name()) {
            (ChallengeError::InvalidDpopProof | ChallengeError::UseDpopNonce, Some(name)) => {
                let realm = &self.realm;
                format!(
                    "DPoP realm=\"{realm}\", algs=\"{DPOP_ALGORITHMS}\", {}",
                    about(name)
                )
                .into()
            }
            (_, Some(name)) => format!("{}, {}", self.challenge, about(name)).into(),
            (_, None) => (&*self.challenge).into(),
        };
        let challenge = header(&challenge);
        let mut problem = worded(failure).header(WWW_AUTHENTICATE, challenge);
        if let Some(nonce) = dpop_nonce.and_then(|nonce| HeaderValue::try_from(nonce).ok()) {
            problem = problem.header(DPOP_NONCE, nonce);
        }
        problem.into()
    }
}

/// A field that is there once or not at all.
fn sole<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
    spelled: &'static str,
) -> Result<Option<&'a str>, Refusal> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        let fault = FieldProblem {
            place: Place::Header(spelled),
            code: "repeated",
            detail: format!("`{spelled}` is there more than once; send one."),
        };
        return Err(Failure::with_problems(Code::Malformed, vec![fault]).into());
    }
    // What is no text is no credential either.
    Ok(Some(value.to_str().unwrap_or_default()))
}

/// `bearer` → `Bearer`: schemes are compared without case and written with it.
fn capitalised(scheme: &str) -> String {
    let mut text = scheme.to_owned();
    if let Some(first) = text.get_mut(0..1) {
        first.make_ascii_uppercase();
    }
    text
}

/// What may stand in a quoted parameter by RFC 6750 section 3.
fn quotable(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '"' | '\\' | '`' => '\'',
            ' '..='~' => c,
            _ => '?',
        })
        .collect()
}

fn header(text: &str) -> HeaderValue {
    HeaderValue::try_from(text).expect("schemes are tokens and the rest was made of visible ASCII")
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use call::{BoxFuture, CallerKind};

    use super::*;

    /// Knows one key.
    struct One;

    impl Authenticate for One {
        fn authenticate<'a>(
            &'a self,
            presented: &'a Presented<'a>,
        ) -> BoxFuture<'a, Result<Arc<Caller>, Unproven>> {
            Box::pin(async move {
                match presented.credential {
                    Credential::Bearer("good")
                    | Credential::Basic {
                        password: "good", ..
                    } => {
                        let kind = CallerKind::Key {
                            id: "k1".to_owned(),
                        };
                        Ok(Arc::new(Caller {
                            kind,
                            ..Caller::guest()
                        }))
                    }
                    Credential::Bearer("away") => Err(Failure::new(Code::Unavailable, "").into()),
                    Credential::Dpop(_) => Err(Unproven {
                        error: ChallengeError::UseDpopNonce,
                        dpop_nonce: Some("n1".to_owned()),
                        ..Unproven::invalid("sign the nonce, too")
                    }),
                    _ => Err(Unproven::invalid("no key is called \"\\é\"")),
                }
            })
        }
    }

    #[track_caller]
    fn check(schemes: &[&str], values: &[&'static str], expected: &str) {
        let schemes: Vec<String> = schemes.iter().map(|scheme| (*scheme).to_owned()).collect();
        let accepted = Accepted {
            basic: schemes.contains(&"basic".to_owned()),
            dpop: schemes.contains(&"dpop".to_owned()),
            schemes: schemes
                .into_iter()
                .filter(|one| one != "basic" && one != "dpop")
                .collect(),
            ..Accepted::default()
        };
        let credentials = Credentials::new("book\"store", accepted);
        let mut head = http::Request::new(()).into_parts().0;
        for value in values {
            head.headers
                .append(AUTHORIZATION, HeaderValue::from_static(value));
        }
        let sender = Sender {
            address: IpAddr::from([127, 0, 0, 1]),
            secure: true,
            certificate: None,
        };
        let future = pin!(credentials.caller(&head, sender, &One));
        let Poll::Ready(result) = future.poll(&mut Context::from_waker(Waker::noop())) else {
            panic!("nothing here waits");
        };
        let found = match result {
            Ok(caller) => caller.label(),
            Err(refusal) => {
                let response = refusal.into_problem(&credentials).respond();
                let challenge = response.headers().get(WWW_AUTHENTICATE);
                let challenge = challenge.map_or("", |value| value.to_str().unwrap());
                format!("{} {challenge}", response.status().as_u16())
            }
        };
        assert_eq!(found, expected, "{values:?}");
    }

    #[test]
    fn callers_are_known_by_their_credential() {
        check(&[], &[], "guest");
        check(&[], &["Bearer good"], "key:k1");
        check(&["bearer"], &["bEARER   good "], "key:k1");
        check(&["bearer", "token"], &["Token good"], "key:k1");
        check(&["basic"], &["Basic a2V5Omdvb2Q="], "key:k1");
    }

    #[test]
    fn other_credentials_are_refused_with_a_challenge() {
        let challenge = r#"Bearer realm="book'store", error="invalid_token", error_description="#;
        check(
            &[],
            &["Bearer bad"],
            &format!(r#"401 {challenge}"no key is called ''?'""#),
        );
        for value in ["Basic Z29vZA==", "good", "", "Bearergood"] {
            check(
                &[],
                &[value],
                &format!(
                    r#"401 {challenge}"Write 'Authorization: Bearer KEY'; other schemes are not accepted here.""#
                ),
            );
        }
        for value in [
            "Bearer",
            "Bearer ",
            "Bearer a b",
            "Bearer a,b",
            "Bearer \"good\"",
        ] {
            check(
                &[],
                &[value],
                &format!(
                    r#"401 {challenge}"The credential is empty or has characters that none has.""#
                ),
            );
        }
        let challenge =
            r#"DPoP realm="book'store", algs="ES256 EdDSA RS256", error="use_dpop_nonce""#;
        let described = r#"error_description="sign the nonce, too""#;
        check(
            &["dpop"],
            &["DPoP x"],
            &format!("401 {challenge}, {described}"),
        );
        check(&[], &["Bearer good", "Bearer good"], "400 ");
        check(&[], &["Bearer away"], "503 ");
    }
}
