//! Who asks: from `Authorization` to a [`Caller`], and the challenges that go with refusals
//! (RFC 6750).
//!
//! Knows no keys; whether a credential is good is for [`Authenticate`] to say.

use std::sync::Arc;

use call::{Authenticate, Caller, Code, Failure, FieldProblem, Place};
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue};

use crate::failure::{Refusal, worded};

/// How this contract wants to be asked.
#[derive(Debug)]
pub struct Credentials {
    /// In lower case; the first one is recommended in challenges.
    schemes: Vec<Box<str>>,
    /// `Bearer realm="bookstore"`
    challenge: Box<str>,
    guest: Arc<Caller>,
}

impl Credentials {
    pub fn new(realm: &str, schemes: &[String]) -> Credentials {
        let schemes: Vec<Box<str>> = match schemes {
            [] => vec!["bearer".into()],
            some => some
                .iter()
                .map(|scheme| scheme.to_ascii_lowercase().into())
                .collect(),
        };
        let challenge =
            format!("{} realm=\"{}\"", capitalised(&schemes[0]), quotable(realm)).into();
        Credentials {
            schemes,
            challenge,
            guest: Arc::new(Caller::guest()),
        }
    }

    /// Everybody who says nothing.
    pub fn guest(&self) -> Arc<Caller> {
        Arc::clone(&self.guest)
    }

    /// Who sent a request with these header fields.
    ///
    /// A credential that is not accepted is refused even where none is needed: its sender would
    /// be told less than expected, and not know why.
    pub async fn caller(
        &self,
        headers: &HeaderMap,
        authenticate: &dyn Authenticate,
    ) -> Result<Arc<Caller>, Refusal> {
        let Some(value) = headers.get(AUTHORIZATION) else {
            return Ok(self.guest());
        };
        if headers.get_all(AUTHORIZATION).iter().nth(1).is_some() {
            let fault = FieldProblem {
                place: Place::Header("Authorization"),
                code: "repeated",
                detail: "`Authorization` is there more than once; send one.".to_owned(),
            };
            return Err(Failure::with_problems(Code::Malformed, vec![fault]).into());
        }
        let credential = self
            .credential(value)
            .map_err(|detail| self.refuse(&detail))?;
        match authenticate.authenticate(credential).await {
            Ok(caller) => Ok(caller),
            Err(failure) if failure.code == Code::Unauthenticated => {
                Err(self.refuse(&failure.detail))
            }
            Err(failure) => Err(failure.into()),
        }
    }

    /// What follows the scheme.
    fn credential<'a>(&self, value: &'a HeaderValue) -> Result<&'a str, String> {
        let text = value.to_str().unwrap_or_default().trim_ascii();
        let (scheme, rest) = text.split_once(' ').unwrap_or((text, ""));
        if !self
            .schemes
            .iter()
            .any(|known| known.eq_ignore_ascii_case(scheme))
        {
            let example = capitalised(&self.schemes[0]);
            return Err(format!(
                "Write `Authorization: {example} KEY`; other schemes are not accepted here."
            ));
        }
        let credential = rest.trim_ascii_start();
        // RFC 9110's token68.
        let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
        if credential.is_empty() || !credential.bytes().all(is_token) {
            return Err("The credential is empty or has characters that none has.".to_owned());
        }
        Ok(credential)
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

    /// There is a credential, and it is not accepted.
    fn refuse(&self, detail: &str) -> Refusal {
        let challenge = format!(
            "{}, error=\"invalid_token\", error_description=\"{}\"",
            self.challenge,
            quotable(detail)
        );
        let failure = Failure::new(Code::Unauthenticated, detail);
        worded(failure)
            .header(WWW_AUTHENTICATE, header(&challenge))
            .into()
    }
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
            credential: &'a str,
        ) -> BoxFuture<'a, Result<Arc<Caller>, Failure>> {
            Box::pin(async move {
                match credential {
                    "good" => {
                        let kind = CallerKind::Key {
                            id: "k1".to_owned(),
                        };
                        Ok(Arc::new(Caller {
                            kind,
                            ..Caller::guest()
                        }))
                    }
                    "away" => Err(Failure::new(Code::Unavailable, "")),
                    _ => Err(Failure::new(
                        Code::Unauthenticated,
                        "no key is called \"\\é\"",
                    )),
                }
            })
        }
    }

    #[track_caller]
    fn check(schemes: &[&str], values: &[&'static str], expected: &str) {
        let schemes: Vec<String> = schemes.iter().map(|scheme| (*scheme).to_owned()).collect();
        let credentials = Credentials::new("book\"store", &schemes);
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, HeaderValue::from_static(value));
        }
        let future = pin!(credentials.caller(&headers, &One));
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
        check(&[], &["Bearer good", "Bearer good"], "400 ");
        check(&[], &["Bearer away"], "503 ");
    }
}
