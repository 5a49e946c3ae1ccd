//! Tokens that an app gives back (RFC 7009).

use audit::{Action, Actor, Entry};
use http::StatusCode;
use identity::denied::What;
use identity::families::{Ended, Which};
use identity::tokens::outlived;
use value::Timestamp;
use web::form::Form;
use web::{Request, Response};

use crate::Door;
use crate::answer;
use crate::refusal::Refused;
use crate::token::wanted;

impl Door {
    pub async fn revoke(&self, request: &mut Request, now: Timestamp) -> Result<Response, Refused> {
        let form = Form::read(request, &[]).await?;
        let client = self.client(request, &form, now).await?;
        let text = wanted(&form, "token")?;
        let foreign = || {
            Refused::new(
                "unauthorized_client",
                "the token was issued to another client",
            )
        };
        // One that is unknown is as good as revoked (RFC 7009 §2.2).
        if text.starts_with(identity::families::PREFIX) {
            if let Some(family) = self.parts.families.of_token(text).await? {
                if family.client != client.id {
                    return Err(foreign());
                }
                let which = Which::One(&family.id);
                self.parts.families.end(which, Ended::Returned, now).await?;
                let entry = returned(&client.id, now).detail("family", family.id.as_str());
                self.note(entry.subject(&family.account)).await;
            }
        } else if let Ok(access) = self.parts.tokens.read(text, now).await {
            if access.client != client.id {
                return Err(foreign());
            }
            let what = What::Token(access.id.clone());
            let until = outlived(now);
            self.parts.denied.deny(what, until, now).await?;
            let entry = returned(&client.id, now).detail("token", access.id.as_str());
            self.note(entry.subject(&access.subject)).await;
        }
        Ok(answer::bare(StatusCode::OK))
    }
}

fn returned(client: &str, now: Timestamp) -> Entry {
    let actor = Actor::Client(client.to_owned());
    Entry::new(now, Action::TokenRevoked, &actor).client(client)
}
