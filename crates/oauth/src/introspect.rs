//! What a token is, for servers that are shown one (RFC 7662).
//!
//! Any app that proves who it is may ask about an access token: whoever can show it has it anyway.
//! About a refresh token only the app may ask that it was given to.

use http::StatusCode;
use identity::tokens::Refused as TokenRefused;
use serde_json::json;
use value::Timestamp;
use web::form::Form;
use web::{Request, Response};

use crate::Door;
use crate::answer;
use crate::refusal::Refused;
use crate::token::wanted;

impl Door {
    pub async fn introspect(
        &self,
        request: &mut Request,
        now: Timestamp,
    ) -> Result<Response, Refused> {
        let form = Form::read(request, &[]).await?;
        let client = self.confidential_client(request, &form, now).await?;
        let text = wanted(&form, "token")?;
        let seconds = |at: Timestamp| at.0.div_euclid(1000);
        let issuer = &self.parts.tokens.settings().issuer;
        if text.starts_with(identity::families::PREFIX) {
            let family = self.parts.families.of_token(text).await?;
            let good = family.filter(|family| {
                family.client == client.id
                    && family.ended_at.is_none()
                    && family.idle_until > now
                    && family.expires_at > now
            });
            let Some(family) = good else {
                return Ok(inactive());
            };
            // Of a person who is gone nothing is good.
            let Ok(account) = self.account(&family.account).await else {
                return Ok(inactive());
            };
            let body = json!({
                "active": true,
                "iss": issuer,
                "sub": account.user,
                "client_id": family.client,
                "scope": family.scopes.unwrap_or_default().join(" "),
                "exp": seconds(family.idle_until),
                "iat": seconds(family.rotated_at),
                "sid": family.id,
                "token_type": "refresh_token",
            });
            return Ok(answer::json(StatusCode::OK, &body));
        }
        let access = match self.parts.tokens.read(text, now).await {
            Ok(access) => access,
            Err(TokenRefused::Unknowable) => {
                let detail = "tokens cannot be checked right now; try again";
                return Err(call::Failure::new(call::Code::Unavailable, detail).into());
            }
            Err(_) => return Ok(inactive()),
        };
        let mut body = serde_json::to_value(&*access)
            .map_err(|error| Refused::from(call::Failure::internal(error)))?;
        body["active"] = true.into();
        let is_dpop = access
            .binding
            .as_ref()
            .is_some_and(|held| held.jkt.is_some());
        body["token_type"] = match is_dpop {
            true => "DPoP".into(),
            false => "Bearer".into(),
        };
        if let Some(members) = body.as_object_mut() {
            // Ours alone.
            members.remove("epoch");
        }
        Ok(answer::json(StatusCode::OK, &body))
    }
}

/// Whatever the reason (RFC 7662 §2.2).
fn inactive() -> Response {
    answer::json(StatusCode::OK, &json!({"active": false}))
}
