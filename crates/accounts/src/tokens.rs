//! What somebody who has signed in is given: tokens for a program, a session for a browser.

use call::{Code, Failure};
use doorway::failure::Refusal;
use http::header::SET_COOKIE;
use http::{HeaderName, HeaderValue, StatusCode};
use identity::dpop::{self, For};
use identity::families::{Ended, NewFamily, Shown, Which};
use identity::sessions::{Lasts, NewSession};
use identity::tokens::{Binding, FIRST_PARTY, NewAccess};
use people::{Account, SignedIn};
use serde_json::{Value as Json, json};
use web::Response;

use crate::asked::Asked;
use crate::json::{internal, respond};
use crate::{Door, seconds};

const DPOP: HeaderName = HeaderName::from_static("dpop");

impl Door {
    /// Tokens, or a session where a browser asks for one.
    pub(crate) async fn admit(
        &self,
        signed_in: SignedIn,
        session: bool,
        asked: &Asked<'_>,
    ) -> Result<Response, Refusal> {
        if session {
            let cookie = self.begin_session(&signed_in, asked).await?;
            let lasts = self.people.model().auth.sessions.absolute;
            let mut response = respond(StatusCode::OK, &json!({"expires_in": lasts}));
            response.headers_mut().append(SET_COOKIE, cookie);
            return Ok(response);
        }
        let SignedIn {
            account,
            methods,
            at,
        } = signed_in;
        let from = asked.from();
        let address = Some(from.address.to_string());
        let binding = self.proved(asked)?;
        let new = NewFamily {
            account: account.id.clone(),
            client: FIRST_PARTY.to_owned(),
            session: None,
            scopes: None,
            audience: vec![],
            binding: (!binding.is_empty()).then(|| binding.clone()),
            methods: methods.clone(),
            authenticated_at: Some(at),
            address,
            agent: from.agent.map(str::to_owned),
        };
        let begun = self.families.begin(new, from.now).await.map_err(internal)?;
        let access = NewAccess {
            subject: account.user.clone(),
            client: FIRST_PARTY.to_owned(),
            authenticated_at: Some(at),
            methods,
            family: Some(begun.0.id),
            epoch: Some(account.epoch),
            binding: Some(binding),
            ..NewAccess::default()
        };
        self.tokens_of(access, begun.1.reveal(), asked)
    }

    /// A session in place of the one the browser came with: `Set-Cookie`.
    pub(crate) async fn begin_session(
        &self,
        signed_in: &SignedIn,
        asked: &Asked<'_>,
    ) -> Result<HeaderValue, Failure> {
        let from = asked.from();
        let lasts = self.people.model().auth.sessions;
        let old = self.cookie.read(&asked.head.headers);
        let new = NewSession {
            account: &signed_in.account.id,
            user: &signed_in.account.user,
            methods: &signed_in.methods,
            authenticated_at: signed_in.at,
            client_address: Some(from.address.to_string()),
            agent: from.agent,
            lasts: Lasts {
                idle: seconds(lasts.idle),
                absolute: seconds(lasts.absolute),
            },
        };
        let sessions = self.people.sessions();
        let (_, text) = sessions.renew(old.as_deref(), new, from.now).await?;
        Ok(self
            .cookie
            .set(text.reveal(), Some(seconds(lasts.absolute))))
    }

    /// The next tokens for a refresh token of a first party.
    pub(crate) async fn refresh(&self, asked: &mut Asked<'_>) -> Result<Response, Refusal> {
        let mut fields = asked.body().await?;
        let text = fields.text("refresh_token");
        fields.done()?;
        let now = crate::asked::now();
        let proved = self.proved(asked)?;
        let shown = Shown {
            client: FIRST_PARTY,
            proved: &proved,
        };
        let refreshed = self
            .families
            .refresh(&text, shown, now)
            .await
            .map_err(internal)?;
        let refreshed =
            refreshed.map_err(|refused| Failure::new(Code::Unauthenticated, refused.sentence()))?;
        let account = self.people.account(&refreshed.family.account).await?;
        let family = refreshed.family;
        let access = NewAccess {
            subject: account.user.clone(),
            client: FIRST_PARTY.to_owned(),
            authenticated_at: Some(family.authenticated_at),
            methods: family.methods,
            family: Some(family.id),
            epoch: Some(account.epoch),
            binding: family.binding,
            ..NewAccess::default()
        };
        self.tokens_of(access, refreshed.token.reveal(), asked)
    }

    fn tokens_of(
        &self,
        access: NewAccess,
        refresh_token: String,
        asked: &Asked<'_>,
    ) -> Result<Response, Refusal> {
        let now = asked.from().now;
        let bound = access
            .binding
            .as_ref()
            .is_some_and(|bound| bound.jkt.is_some());
        let minted = self.tokens.mint(access, now).map_err(Failure::internal)?;
        let lives = self.people.model().auth.tokens.access;
        let body = json!({
            "access_token": minted.text,
            "token_type": if bound { "DPoP" } else { "Bearer" },
            "expires_in": lives,
            "refresh_token": refresh_token,
        });
        Ok(respond(StatusCode::OK, &body))
    }

    /// What tokens are to be bound to: a key, if the request proves to hold one.
    fn proved(&self, asked: &Asked<'_>) -> Result<Binding, Refusal> {
        let Some(proof) = asked
            .head
            .headers
            .get(DPOP)
            .and_then(|value| value.to_str().ok())
        else {
            return Ok(Binding::default());
        };
        let url = format!("{}{}", self.origin.as_str(), asked.head.uri.path());
        let wanted = For {
            method: asked.head.method.as_str(),
            url: &url,
            token: None,
            nonce: false,
        };
        let proof = self.dpop.verify(proof, wanted, asked.from().now);
        let proof: dpop::Proof =
            proof.map_err(|refused| Failure::new(Code::Unauthenticated, refused.sentence()))?;
        Ok(proof.binding())
    }

    /// Ends what a request came with, or everything there is of the account.
    pub(crate) async fn log_out(&self, asked: &mut Asked<'_>) -> Result<Response, Refusal> {
        let mut fields = asked.body().await?;
        let everywhere = fields.flag("everywhere");
        let refresh_token = fields.text_or_none("refresh_token");
        fields.done()?;
        let now = crate::asked::now();
        let mut response = crate::status(StatusCode::NO_CONTENT);
        // An app that holds only its refresh token may give that back.
        if let Some(text) = refresh_token.filter(|_| !everywhere) {
            if let Some(family) = self.families.of_token(&text).await.map_err(internal)? {
                let ended = self
                    .families
                    .end(Which::One(&family.id), Ended::SignedOut, now);
                ended.await.map_err(internal)?;
            }
            return Ok(response);
        }
        let person = self.person(asked).await?;
        let account: &Account = &person.account;
        let proof = &person.caller.proof;
        if everywhere {
            self.people
                .sign_out_everywhere(account, Ended::SignedOut, now)
                .await?;
        } else if let Some(session) = &proof.session {
            match proof.token {
                Some(_) => {
                    let ended = self
                        .families
                        .end(Which::One(session), Ended::SignedOut, now);
                    ended.await.map_err(internal)?;
                }
                None => {
                    self.people
                        .sessions()
                        .end(&account.id, session, now)
                        .await?;
                }
            }
        }
        if self.cookie.read(&asked.head.headers).is_some() {
            response
                .headers_mut()
                .append(SET_COOKIE, self.cookie.clear());
        }
        Ok(response)
    }

    /// A session of one's own that is ended from elsewhere.
    pub(crate) async fn end_session(
        &self,
        id: &str,
        asked: &mut Asked<'_>,
    ) -> Result<Response, Refusal> {
        let person = self.person(asked).await?;
        match self.end_one(&person.account.id, id).await? {
            true => Ok(crate::status(StatusCode::NO_CONTENT)),
            false => Err(Failure::new(Code::NotFound, "there is no such session").into()),
        }
    }

    /// Ends a session of an account, a browser's or an app's; whether there was one.
    pub(crate) async fn end_one(&self, account: &str, id: &str) -> Result<bool, Failure> {
        let now = crate::asked::now();
        let mut ended = self.people.sessions().end(account, id, now).await?;
        let family = self.families.find(id).await.map_err(internal)?;
        if family.is_some_and(|family| family.account == account) {
            let done = self.families.end(Which::One(id), Ended::Revoked, now).await;
            ended |= !done.map_err(internal)?.is_empty();
        }
        Ok(ended)
    }

    pub(crate) async fn sessions(&self, asked: &mut Asked<'_>) -> Result<Response, Refusal> {
        let person = self.person(asked).await?;
        let current = person.caller.proof.session.as_deref();
        let items = self.sessions_of(&person.account.id, current).await?;
        Ok(respond(StatusCode::OK, &json!({"items": items})))
    }

    /// Where one is signed in: browsers, and apps of one's own.
    pub(crate) async fn sessions_of(
        &self,
        account: &str,
        current: Option<&str>,
    ) -> Result<Vec<Json>, Failure> {
        let now = crate::asked::now();
        let mut items = Vec::new();
        for session in self.people.sessions().list(account, now).await? {
            items.push(json!({
                "id": session.id,
                "kind": "browser",
                "current": current == Some(&session.id),
                "agent": session.agent,
                "address": session.client_address,
                "created_at": session.created_at.to_string(),
                "last_used_at": session.seen_at.to_string(),
                "expires_at": session.expires_at.to_string(),
            }));
        }
        for family in self.families.list(account, now).await.map_err(internal)? {
            if family.client != FIRST_PARTY {
                continue;
            }
            items.push(json!({
                "id": family.id,
                "kind": "app",
                "current": current == Some(&family.id),
                "agent": family.agent,
                "address": family.address,
                "created_at": family.created_at.to_string(),
                "last_used_at": family.rotated_at.to_string(),
                "expires_at": family.expires_at.to_string(),
            }));
        }
        Ok(items)
    }
}
