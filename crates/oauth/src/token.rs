//! The token endpoint (OAuth 2.1 §3.2): codes, refresh tokens, device codes and an app's own
//! credentials become access tokens, and what belongs to them.
//!
//! Each sign-in of a person is a family, whether or not the app is given a refresh token: the
//! person, the session and the grant end it, and with it the access tokens.

use call::Code as FailureCode;
use http::StatusCode;
use identity::clients::Client;
use identity::denied::Marks;
use identity::families::{Family, NewFamily, RefreshToken, Shown};
use identity::tokens::{Binding, CannotMint, NewAccess, NewIdToken};
use people::{Account, People};
use serde_json::json;
use value::Timestamp;
use web::form::Form;
use web::{Request, Response};

use crate::Door;
use crate::answer;
use crate::authenticate::binding;
use crate::authorize::REPEATABLE;
use crate::code::{Exchange, grant};
use crate::refusal::Refused;
use crate::scope::{self, Behalf, OFFLINE, OPENID_SCOPE};

/// RFC 8628 §3.4.
pub const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// A person's sign-in, as an app is told of it.
pub struct SignIn<'a> {
    pub client: &'a Client,
    pub account: &'a Account,
    pub family: &'a Family,
    pub refresh: Option<&'a RefreshToken>,
    pub scopes: Vec<String>,
    pub nonce: Option<&'a str>,
    pub binding: Binding,
}

impl Door {
    pub async fn token(&self, request: &mut Request, now: Timestamp) -> Result<Response, Refused> {
        let form = Form::read(request, &REPEATABLE).await?;
        let client = self.client(request, &form, now).await?;
        let proved = binding(&client, self.proved(request, None, now)?);
        match form.filled("grant_type") {
            Some("authorization_code") => self.by_code(&client, &form, proved, request, now).await,
            Some("refresh_token") => self.by_refresh(&client, &form, proved, now).await,
            Some("client_credentials") => self.by_itself(&client, &form, proved, now),
            Some(DEVICE_GRANT) => self.by_device(&client, &form, proved, request, now).await,
            Some(_) => Err(Refused::new(
                "unsupported_grant_type",
                "grant_type is none of those in the metadata",
            )),
            None => Err(Refused::new("invalid_request", "grant_type is missing")),
        }
    }

    async fn by_code(
        &self,
        client: &Client,
        form: &Form,
        proved: Binding,
        request: &Request,
        now: Timestamp,
    ) -> Result<Response, Refused> {
        let text = wanted(form, "code")?;
        // Before the code is used up: what follows can be mended and sent again.
        self.wanted_resource(form)?;
        let exchange = Exchange {
            client,
            redirect_uri: form.filled("redirect_uri"),
            verifier: form.filled("code_verifier"),
            jkt: proved.jkt.as_deref(),
        };
        let code = self.use_code(text, &exchange, now).await?;
        let account = self.account(&code.account).await?;
        let new = NewFamily {
            account: code.account,
            client: client.id.clone(),
            session: Some(code.session),
            scopes: Some(code.scopes.clone()),
            audience: vec![code.resource],
            methods: code.methods,
            authenticated_at: Some(Timestamp(code.authenticated_at)),
            ..self.new_family(client, &proved, request)
        };
        let id = uuid::Uuid::parse_str(&code.family).map_err(call::Failure::internal)?;
        let begun = self.parts.families.begin_as(id, new, now);
        let (family, token) = begun.await?;
        // Somebody may have come with the same code meanwhile.
        let marks = Marks {
            token: "",
            family: Some(&family.id),
            subject: &account.user,
            epoch: None,
            client: &client.id,
            issued_at: now,
        };
        if self.parts.denied.is_denied(&marks) {
            return Err(grant("the code was used twice"));
        }
        let gets = gets_refresh(client, &code.scopes);
        self.signed(
            SignIn {
                client,
                account: &account,
                family: &family,
                refresh: gets.then_some(&token),
                scopes: code.scopes,
                nonce: code.nonce.as_deref(),
                binding: proved,
            },
            now,
        )
    }

    async fn by_refresh(
        &self,
        client: &Client,
        form: &Form,
        proved: Binding,
        now: Timestamp,
    ) -> Result<Response, Refused> {
        let text = wanted(form, "refresh_token")?;
        self.wanted_resource(form)?;
        let families = &self.parts.families;
        if let Some(scope) = form.filled("scope")
            && let Some(family) = families.of_token(text).await?
            && family.client == client.id
        {
            // Before the token is used up.
            scope::narrowed(&family.scopes.unwrap_or_default(), Some(scope))?;
        }
        let shown = Shown {
            client: &client.id,
            proved: &proved,
        };
        let refreshed = match families.refresh(text, shown, now).await? {
            Ok(refreshed) => refreshed,
            Err(refused) => return Err(Refused::new("invalid_grant", refused.sentence())),
        };
        let family = refreshed.family;
        let account = self.account(&family.account).await?;
        // What the app may not have any more, it does not get again.
        let may = |scope: &String| client.may_have(scope);
        let held = family.scopes.clone().unwrap_or_default();
        let held: Vec<String> = held.into_iter().filter(may).collect();
        let scopes = match form.filled("scope") {
            Some(wanted) => {
                let wanted: Vec<&str> = wanted.split(' ').collect();
                let kept = held.iter().filter(|scope| wanted.contains(&scope.as_str()));
                kept.cloned().collect()
            }
            None => held,
        };
        self.signed(
            SignIn {
                client,
                account: &account,
                family: &family,
                refresh: Some(&refreshed.token),
                scopes,
                nonce: None,
                binding: proved,
            },
            now,
        )
    }

    fn by_itself(
        &self,
        client: &Client,
        form: &Form,
        proved: Binding,
        now: Timestamp,
    ) -> Result<Response, Refused> {
        if client.is_public() {
            return Err(Refused::new(
                "unauthorized_client",
                "a client that proves nothing acts for people alone",
            ));
        }
        let model = &self.parts.model;
        let scopes = scope::granted(model, client, form.filled("scope"), Behalf::Itself)?;
        let is_dpop = proved.jkt.is_some();
        let new = NewAccess {
            subject: client.id.clone(),
            client: client.id.clone(),
            audience: vec![self.wanted_resource(form)?],
            scopes: Some(scopes.clone()),
            binding: Some(proved),
            ..NewAccess::default()
        };
        let minted = self.parts.tokens.mint(new, now).map_err(no_key)?;
        let body = json!({
            "access_token": minted.text,
            "token_type": token_type(is_dpop),
            "expires_in": self.parts.tokens.settings().access_life.as_secs(),
            "scope": scopes.join(" "),
        });
        Ok(answer::json(StatusCode::OK, &body))
    }

    /// What every family of an app begins with.
    pub fn new_family(&self, client: &Client, proved: &Binding, request: &Request) -> NewFamily {
        let agent = request.headers().get(http::header::USER_AGENT);
        NewFamily {
            // Others prove who they are each time (RFC 9449 §5).
            binding: client.is_public().then(|| proved.clone()),
            address: Some(request.client.to_string()),
            agent: agent
                .and_then(|agent| agent.to_str().ok())
                .map(|agent| agent.chars().take(300).collect()),
            ..NewFamily::default()
        }
    }

    pub fn people(&self) -> Result<&People, Refused> {
        self.parts.people.as_ref().ok_or_else(|| {
            Refused::new("unauthorized_client", "there are no people here to act for")
        })
    }

    /// The account that a family is of, if it may still sign in.
    pub async fn account(&self, id: &str) -> Result<Account, Refused> {
        self.people()?
            .account(id)
            .await
            .map_err(|failure| match failure.code {
                FailureCode::Unauthenticated => grant("the person has no account any more"),
                _ => failure.into(),
            })
    }

    /// Answers with the tokens of a sign-in.
    pub fn signed(&self, sign_in: SignIn<'_>, now: Timestamp) -> Result<Response, Refused> {
        let SignIn {
            client,
            account,
            family,
            refresh,
            scopes,
            nonce,
            binding,
        } = sign_in;
        let tokens = &self.parts.tokens;
        let is_dpop = binding.jkt.is_some();
        let new = NewAccess {
            subject: account.user.clone(),
            client: client.id.clone(),
            audience: family.audience.clone(),
            scopes: Some(scopes.clone()),
            authenticated_at: Some(family.authenticated_at),
            methods: family.methods.clone(),
            family: Some(family.id.clone()),
            epoch: Some(account.epoch),
            binding: Some(binding),
        };
        let access = tokens.mint(new, now).map_err(no_key)?;
        let mut body = json!({
            "access_token": access.text,
            "token_type": token_type(is_dpop),
            "expires_in": tokens.settings().access_life.as_secs(),
            "scope": scopes.join(" "),
        });
        if let Some(refresh) = refresh {
            body["refresh_token"] = refresh.reveal().into();
        }
        if scopes.iter().any(|scope| scope == OPENID_SCOPE) {
            let id_token = NewIdToken {
                subject: &account.user,
                client: &client.id,
                nonce,
                authenticated_at: Some(family.authenticated_at),
                methods: &family.methods,
                family: Some(&family.id),
                access_token: Some(&access.text),
                ..NewIdToken::default()
            };
            body["id_token"] = tokens.mint_id(id_token, now).map_err(no_key)?.into();
        }
        Ok(answer::json(StatusCode::OK, &body))
    }
}

/// A parameter that must be there.
pub fn wanted<'a>(form: &'a Form, name: &'static str) -> Result<&'a str, Refused> {
    form.filled(name)
        .ok_or_else(|| Refused::new("invalid_request", format!("{name} is missing")))
}

/// Who gets refresh tokens: apps that were allowed to keep access while the person is away, and
/// those for which somebody would have to sign in every quarter of an hour otherwise: one's own,
/// and those on people's own devices.
pub fn gets_refresh(client: &Client, scopes: &[String]) -> bool {
    client.trusted || client.is_native() || scopes.iter().any(|scope| scope == OFFLINE)
}

fn token_type(is_dpop: bool) -> &'static str {
    match is_dpop {
        true => "DPoP",
        false => "Bearer",
    }
}

fn no_key(_: CannotMint) -> Refused {
    call::Failure::internal(CannotMint).into()
}
