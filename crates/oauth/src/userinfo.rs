//! Who signed in, for the app they signed in to (OpenID Connect Core §5.3).

use std::sync::Arc;

use call::Code;
use http::header::{AUTHORIZATION, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use identity::dpop;
use identity::tokens::{Access, Refused as TokenRefused};
use people::Account;
use serde_json::{Map, Value as Json, json};
use value::Timestamp;
use web::{Request, Response};

use crate::Door;
use crate::answer;
use crate::metadata;
use crate::refusal::Refused;

/// The claims of the scope `profile` (OpenID Connect Core §5.4) that are texts: told where the
/// record has a field of that name.
pub const PROFILE: [&str; 13] = [
    "name",
    "given_name",
    "family_name",
    "middle_name",
    "nickname",
    "preferred_username",
    "profile",
    "picture",
    "website",
    "gender",
    "birthdate",
    "zoneinfo",
    "locale",
];

/// Why nothing is told (RFC 6750 §3.1).
enum NotTold {
    /// Nobody has said who they are.
    Nothing,
    Token(&'static str, String),
    Scope,
    Failure(call::Failure),
}

impl From<call::Failure> for NotTold {
    fn from(failure: call::Failure) -> NotTold {
        NotTold::Failure(failure)
    }
}

impl Door {
    pub async fn user_info(&self, request: &Request, now: Timestamp) -> Response {
        match self.told(request, now).await {
            Ok(claims) => answer::json(StatusCode::OK, &claims),
            Err(why) => self.not_told(why),
        }
    }

    async fn told(&self, request: &Request, now: Timestamp) -> Result<Json, NotTold> {
        let (access, account) = self.of_token(request, now).await?;
        let scopes = access.scopes();
        let has = |scope: &str| has(scopes.as_deref(), scope);
        let mut claims = Map::new();
        claims.insert("sub".to_owned(), json!(account.user));
        if has("email") {
            claims.insert("email".to_owned(), json!(account.email));
            let verified = account.verified_at.is_some();
            claims.insert("email_verified".to_owned(), json!(verified));
        }
        if has("profile")
            && let Some(people) = &self.parts.people
        {
            let record = people.record(&account, now).await?;
            for name in PROFILE {
                if let Some(text @ Json::String(_)) = record.get(name) {
                    claims.insert(name.to_owned(), text.clone());
                }
            }
        }
        Ok(Json::Object(claims))
    }

    /// What the token of a request says, and whose it is.
    async fn of_token(
        &self,
        request: &Request,
        now: Timestamp,
    ) -> Result<(Arc<Access>, Account), NotTold> {
        let invalid = |why: &str| NotTold::Token("invalid_token", why.to_owned());
        let mut sent = request.headers().get_all(AUTHORIZATION).iter();
        let value = sent.next().ok_or(NotTold::Nothing)?;
        let pair = value
            .to_str()
            .ok()
            .and_then(|text| text.trim_ascii().split_once(' '));
        let (scheme, text) = match (pair, sent.next()) {
            (Some((scheme, text)), None) => (scheme, text.trim_ascii()),
            _ => return Err(invalid("write Authorization: Bearer TOKEN")),
        };
        let is_dpop = scheme.eq_ignore_ascii_case("dpop");
        if !is_dpop && !scheme.eq_ignore_ascii_case("bearer") {
            return Err(invalid("write Authorization: Bearer TOKEN"));
        }
        let access = match self.parts.tokens.verify(text, now).await {
            Ok(access) => access,
            Err(TokenRefused::Unknowable) => {
                let detail = "tokens cannot be checked right now; try again";
                return Err(call::Failure::new(Code::Unavailable, detail).into());
            }
            Err(refused) => return Err(invalid(refused.sentence())),
        };
        let binding = access.binding.clone().unwrap_or_default();
        if is_dpop != binding.jkt.is_some() {
            return Err(invalid(match is_dpop {
                true => "the token is bound to no key: write Bearer before it",
                false => "the token is bound to a key: write DPoP before it, with a proof",
            }));
        }
        if !binding.is_empty() {
            let token = is_dpop.then_some(text);
            let proved = self.proved(request, token, now);
            let proved = proved.map_err(
                |Refused {
                     error, description, ..
                 }| { NotTold::Token(error, description) },
            )?;
            if !binding.is_met_by(&proved) {
                return Err(invalid("the token is bound to another key or certificate"));
            }
        }
        if !has(access.scopes().as_deref(), "openid") {
            return Err(NotTold::Scope);
        }
        let people = self.parts.people.as_ref();
        let (Some(people), Some(family)) = (people, &access.family) else {
            return Err(invalid("the token is nobody's"));
        };
        let found = self.parts.families.find(family).await;
        let found = found.map_err(crate::refusal::trouble)?;
        let family = found.ok_or_else(|| invalid("the sign-in of this token is over"))?;
        let account = people.account(&family.account).await;
        match account {
            Ok(account) => Ok((access, account)),
            Err(gone) if gone.code == Code::Unauthenticated => {
                Err(invalid("the person has no account any more"))
            }
            Err(failure) => Err(failure.into()),
        }
    }

    fn not_told(&self, why: NotTold) -> Response {
        let metadata = self.url(metadata::RESOURCE);
        let base = format!("realm=\"userinfo\", resource_metadata=\"{metadata}\"");
        let (status, error, challenge) = match why {
            NotTold::Failure(failure) => {
                let retry = failure.retry_after_seconds;
                let mut response = Refused::from(failure).respond();
                if let Some(seconds) = retry {
                    let seconds = HeaderValue::from(seconds);
                    response.headers_mut().insert(RETRY_AFTER, seconds);
                }
                return response;
            }
            NotTold::Nothing => (StatusCode::UNAUTHORIZED, None, format!("Bearer {base}")),
            NotTold::Token(error, why) => {
                let scheme = match error {
                    "invalid_token" => "Bearer".to_owned(),
                    _ => {
                        let all: Vec<&str> =
                            dpop::ALGORITHMS.iter().map(|one| one.name()).collect();
                        format!("DPoP algs=\"{}\",", all.join(" "))
                    }
                };
                let told = Refused::new(error, why).description;
                let challenge =
                    format!("{scheme} {base}, error=\"{error}\", error_description=\"{told}\"");
                (StatusCode::UNAUTHORIZED, Some(error), challenge)
            }
            NotTold::Scope => {
                let error = "insufficient_scope";
                let challenge = format!("Bearer {base}, error=\"{error}\", scope=\"openid\"");
                (StatusCode::FORBIDDEN, Some(error), challenge)
            }
        };
        let mut response = match error {
            Some(error) => answer::json(status, &json!({"error": error})),
            None => answer::bare(status),
        };
        if let Ok(challenge) = HeaderValue::try_from(challenge) {
            response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

/// Whether a token carries a scope. A person's own sign-in, with no app in between, carries all.
fn has(scopes: Option<&[String]>, scope: &str) -> bool {
    scopes.is_none_or(|scopes| scopes.iter().any(|held| held == scope))
}
