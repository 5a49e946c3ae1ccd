//! The endpoints under `/auth`: what each takes and gives, as JSON.

use call::{Code, Failure};
use doorway::failure::Refusal;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, StatusCode};
use people::{SignIn, SignUp};
use serde_json::{Value as Json, json};
use store::StoreError;
use web::Response;

use crate::asked::{Asked, now};
use crate::{Door, status};

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// What is done at a path with a method.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Action<'a> {
    SignUp,
    ConfirmSignUp,
    LogIn,
    SecondFactor,
    Refresh,
    LogOut,
    MailLink,
    UseLink,
    MailReset,
    ConfirmReset,
    ChangePassword,
    RequestEmail,
    ConfirmEmail,
    BeginTotp,
    ConfirmTotp,
    RemoveTotp,
    RecoveryCodes,
    Sessions,
    EndSession(&'a str),
    Me,
    Export,
    Delete,
}

/// A path, with what each of its methods does.
pub struct Route<'a> {
    methods: [Option<(Method, Action<'a>)>; 2],
}

impl<'a> Route<'a> {
    fn one(method: Method, action: Action<'a>) -> Route<'a> {
        Route {
            methods: [Some((method, action)), None],
        }
    }

    fn two(one: (Method, Action<'a>), other: (Method, Action<'a>)) -> Route<'a> {
        Route {
            methods: [Some(one), Some(other)],
        }
    }

    pub fn action(&self, method: &Method) -> Option<Action<'a>> {
        // What a HEAD is told is what a GET would be.
        let method = if *method == Method::HEAD {
            &Method::GET
        } else {
            method
        };
        let mut known = self.methods.iter().flatten();
        known
            .find(|(known, _)| known == method)
            .map(|(_, action)| *action)
    }

    pub fn allow(&self) -> HeaderValue {
        let mut names: Vec<&str> = Vec::new();
        for (method, _) in self.methods.iter().flatten() {
            names.push(method.as_str());
            if *method == Method::GET {
                names.push("HEAD");
            }
        }
        names.push("OPTIONS");
        HeaderValue::try_from(names.join(", ")).expect("names of methods are tokens")
    }
}

/// What is at a path.
pub fn route(path: &str) -> Option<Route<'_>> {
    let post = |action| Some(Route::one(Method::POST, action));
    let get = |action| Some(Route::one(Method::GET, action));
    match path.strip_prefix("/auth/")? {
        "sign-up" => post(Action::SignUp),
        "sign-up/confirm" => post(Action::ConfirmSignUp),
        "login" => post(Action::LogIn),
        "login/second-factor" => post(Action::SecondFactor),
        "refresh" => post(Action::Refresh),
        "logout" => post(Action::LogOut),
        "magic-link" => post(Action::MailLink),
        "magic-link/confirm" => post(Action::UseLink),
        "reset" => post(Action::MailReset),
        "reset/confirm" => post(Action::ConfirmReset),
        "password" => post(Action::ChangePassword),
        "email" => post(Action::RequestEmail),
        "email/confirm" => post(Action::ConfirmEmail),
        "totp" => Some(Route::two(
            (Method::POST, Action::BeginTotp),
            (Method::DELETE, Action::RemoveTotp),
        )),
        "totp/confirm" => post(Action::ConfirmTotp),
        "recovery-codes" => post(Action::RecoveryCodes),
        "sessions" => get(Action::Sessions),
        "me" => Some(Route::two(
            (Method::GET, Action::Me),
            (Method::DELETE, Action::Delete),
        )),
        "export" => get(Action::Export),
        rest => {
            let id = rest.strip_prefix("sessions/")?;
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
            if id.is_empty() || !id.bytes().all(plain) {
                return None;
            }
            Some(Route::one(Method::DELETE, Action::EndSession(id)))
        }
    }
}

impl Door {
    pub(crate) async fn perform(
        &self,
        action: Action<'_>,
        asked: &mut Asked<'_>,
    ) -> Result<Response, Refusal> {
        if !asked.line.secure {
            return Err(Failure::in_the_clear().into());
        }
        match action {
            Action::SignUp => self.sign_up(asked).await,
            Action::ConfirmSignUp => self.confirm_sign_up(asked).await,
            Action::LogIn => self.log_in(asked).await,
            Action::SecondFactor => self.second_factor(asked).await,
            Action::Refresh => self.refresh(asked).await,
            Action::LogOut => self.log_out(asked).await,
            Action::MailLink => self.mail_link(asked).await,
            Action::UseLink => self.use_link(asked).await,
            Action::MailReset => self.mail_reset(asked).await,
            Action::ConfirmReset => self.confirm_reset(asked).await,
            Action::ChangePassword => self.change_password(asked).await,
            Action::RequestEmail => self.request_email(asked).await,
            Action::ConfirmEmail => self.confirm_email(asked).await,
            Action::BeginTotp => self.begin_totp(asked).await,
            Action::ConfirmTotp => self.confirm_totp(asked).await,
            Action::RemoveTotp => self.remove_totp(asked).await,
            Action::RecoveryCodes => self.recovery_codes(asked).await,
            Action::Sessions => self.sessions(asked).await,
            Action::EndSession(id) => self.end_session(id, asked).await,
            Action::Me => self.me(asked).await,
            Action::Export => self.export(asked).await,
            Action::Delete => self.delete(asked).await,
        }
    }

    async fn sign_up(&self, asked: &mut Asked<'_>) -> Result<Response, Refusal> {
        let mut body = asked.body().await?;
        let email = body.text("email");
        let password = body.text_or_none("password");
        let fields = body.rest();
        body.done()?;
        let wish = SignUp {
            email: &email,
            password: password.as_deref(),
            fields,
        };
        self.people.sign_up(wish, &asked.from()).await?;
        Ok(mailed())
    }

    async fn confirm_sign_up(&self, asked: &mut Asked<'_>) -> Result<Response, Refusal> {
        let mut body = asked.body().await?;
        let (ticket, session) = (body.text("token"), body.flag("session"));
        body.done()?;
        let signed_in = self.people.confirm_sign_up(&ticket, &asked.from()).await?;
        self.admit(signed_in, session, asked).await
    }

    async fn log_in(&self, asked: &mut Asked<'_>) -> Result<Response, Refusal> {
        let mut body = asked.body().await?;
        let (email, password) = (body.text("email"), body.text("password"));
        let session = body.flag("session");
        body.done()?;
        let came = self
            .people
            .sign_in(&email, &password, &asked.from())
            .await?;
        self.go_on(came, session, asked).await
    }

    /// Done, or asks for the second proof.
    async fn go_on(
        &self,
        came: SignIn,
        session: bool,
        asked: &Asked<'_>,
    ) -> Result<Response, Refusal> {
        match came {
            SignIn::Done(signed_in) => self.admit(*signed_in, session, asked).await,
            SignIn::Second(second) => {
                let failure = Failure::new(
                    Code::Unauthenticated,
                    "one more proof is needed: send a code with this `token` to \
                     `/auth/login/second-factor`",
                );
                let problem = doorway::failure::worded(failure)
                    .member("second_factor", second.methods)
                    .member("token", second.ticket.reveal())
                    .header(
                        http::header::WWW_AUTHENTICATE,
                        self.frame.credentials.challenge(),
                    );
                Err(problem.into())
            }
        }
    }

    async fn second_factor(&self, asked: &mut Asked<'_>) -> Result<Response, Refusal> {
        let mut body = asked.body().await?;
        let (ticket, code) = (body.text("token"), body.text("code"));
        let session = body.flag("session");
        body.done()?;
        let signed_in = self
            .people
            .second_proof(&ticket, &code, &asked.from())
            .await?;
        self.admit(signed_in, session, asked).await
    }

    async fn mail_link(&self, asked: &mut Asked<'_>) -> Result<Response, Refusal> {
        let mut body = asked.body().await?;
        let email = body.text("email");
        body.done()?;
        self.people.mail_magic_link(&email, &asked.from()).await?;
        Ok(mailed())
    }

    async fn use_link(&self, asked: &mut Asked<'_>) -> Result<Response, Refusal> {
        let mut body = asked.body().await?;
        let (ticket, session) = (body.text("token"), body.flag("session"));
        body.done()?;
        let came = self.people.use_magic_link(&ticket, &asked.from()).await?;
        self.go_on(came, session, asked).await
    }

    async fn mail_reset(&self, asked: &mut Asked<'_>) -> Result<Response, Refusal> {
        let mut body = asked.body().await?;
        let email = body.text("email");
        body.done()?;
        self.people.mail_reset(&email, &asked.from()).await?;
        Ok(mailed())
    }

    async fn confirm_reset(&self, asked: &mut Asked<'_>) -> Result<Response, Refusal> {
        let mut body = asked.body().await?;
        let (ticket, password) = (body.text("token"), body.text("password"));
        body.done()?;
        let from = asked.from();
        self.people
            .reset_password(&ticket, &password, &from)
            .await?;
        Ok(status(StatusCode::NO_CONTENT))
    }

    async fn change_password(&self, asked: &mut Asked<'_>) -> Result<Response, Refusal> {
        let person = self.person(asked).await?;
        let mut body = asked.body().await?;
        let (password, new) = (body.text("password"), body.text("new_password"));
        let session = body.flag("session");
        body.done()?;
        let from = asked.from();
        let (id, at) = (&person.account.id, person.caller.proof.authenticated_at);
        self.people
            .require_recent(id, at, Some(&password), &from)
            .await?;
        let account = self.people.change_password(id, &new, &from).await?;
        // Everybody is signed out, whoever asked too; what they get now is new.
        let signed_in = people::SignedIn {
            account,
            methods: person.caller.proof.methods.clone(),
            at: from.now,
        };
        self.admit(signed_in, session, asked).await
    }

    async fn request_email(&self, asked: &mut Asked<'_>) -> Result<Response, Refusal> {
        let person = self.person(asked).await?;
        let mut body = asked.body().await?;
        let (email, password) = (body.text("email"), body.text_or_none("password"));
        body.done()?;
        let from = asked.from();
        let (id, at) = (&person.account.id, person.caller.proof.authenticated_at);
        self.people
            .require_recent(id, at, password.as_deref(), &from)
            .await?;
        self.people.request_email(id, &email, &from).await?;
        Ok(mailed())
    }

    async fn confirm_email(&self, asked: &mut Asked<'_>) -> Result<Response, Refusal> {
        let mut body = asked.body().await?;
        let ticket = body.text("token");
        body.done()?;
        self.people.confirm_email(&ticket, &asked.from()).await?;
        Ok(status(StatusCode::NO_CONTENT))
    }

    async fn begin_totp(&self, asked: &mut Asked<'_>) -> Result<Response, Refusal> {
        let person = self.sure_person(asked).await?;
        let new = self.people.begin_totp(&person.account.id, now()).await?;
        let body = json!({
            "token": new.ticket,
            "secret": *new.secret,
            "uri": *new.uri,
            "qr_svg": new.qr_svg.as_deref(),
        });
        Ok(respond(StatusCode::OK, &body))
    }

    async fn confirm_totp(&self, asked: &mut Asked<'_>) -> Result<Response, Refusal> {
        let person = self.person(asked).await?;
        let mut body = asked.body().await?;
        let (ticket, code) = (body.text("token"), body.text("code"));
        body.done()?;
        let id = &person.account.id;
        let codes = self
            .people
            .confirm_totp(id, &ticket, &code, &asked.from())
            .await?;
        let codes: Vec<&str> = codes.iter().map(|code| code.as_str()).collect();
        Ok(respond(StatusCode::OK, &json!({"recovery_codes": codes})))
    }

    async fn remove_totp(&self, asked: &mut Asked<'_>) -> Result<Response, Refusal> {
        let person = self.sure_person(asked).await?;
        self.people.remove_totp(&person.account.id).await?;
        Ok(status(StatusCode::NO_CONTENT))
    }

    async fn recovery_codes(&self, asked: &mut Asked<'_>) -> Result<Response, Refusal> {
        let person = self.sure_person(asked).await?;
        let codes = self
            .people
            .renew_recovery_codes(&person.account.id, now())
            .await?;
        let codes: Vec<&str> = codes.iter().map(|code| code.as_str()).collect();
        Ok(respond(StatusCode::OK, &json!({"recovery_codes": codes})))
    }

    async fn me(&self, asked: &mut Asked<'_>) -> Result<Response, Refusal> {
        let person = self.person(asked).await?;
        let factors = self.people.second_factors(&person.account.id).await?;
        let account = &person.account;
        let body = json!({
            "id": account.user,
            "email": account.email,
            "email_verified": account.verified_at.is_some(),
            "has_password": account.has_password,
            "second_factor": factors.totp,
            "recovery_codes": factors.recovery_codes,
            "created_at": account.created_at.to_string(),
            "record": self.people.record(account, now()).await?,
        });
        Ok(respond(StatusCode::OK, &body))
    }

    async fn export(&self, asked: &mut Asked<'_>) -> Result<Response, Refusal> {
        let person = self.person(asked).await?;
        Ok(respond(
            StatusCode::OK,
            &self.export_of(&person.account).await?,
        ))
    }

    /// All that is known of somebody.
    pub(crate) async fn export_of(&self, account: &people::Account) -> Result<Json, Failure> {
        let now = now();
        let sessions = self.people.sessions().list(&account.id, now).await?;
        let sessions: Vec<Json> = sessions
            .iter()
            .map(|session| {
                json!({
                    "created_at": session.created_at.to_string(),
                    "last_used_at": session.seen_at.to_string(),
                    "address": session.client_address,
                    "agent": session.agent,
                })
            })
            .collect();
        Ok(json!({
            "account": {
                "email": account.email,
                "email_verified_at": account.verified_at.map(|at| at.to_string()),
                "language": account.language,
                "created_at": account.created_at.to_string(),
                "signed_in_at": account.signed_in_at.map(|at| at.to_string()),
            },
            "record": self.people.record(account, now).await?,
            "sessions": sessions,
        }))
    }

    async fn delete(&self, asked: &mut Asked<'_>) -> Result<Response, Refusal> {
        let person = self.sure_person(asked).await?;
        self.people
            .delete(&person.account.id, &asked.from())
            .await?;
        let mut response = status(StatusCode::NO_CONTENT);
        if self.cookie.read(&asked.head.headers).is_some() {
            let clear = self.cookie.clear();
            response
                .headers_mut()
                .append(http::header::SET_COOKIE, clear);
        }
        Ok(response)
    }

    /// Somebody who has proved who they are just now, or does so with this request.
    async fn sure_person(&self, asked: &mut Asked<'_>) -> Result<crate::Person, Refusal> {
        let person = self.person(asked).await?;
        let mut body = asked.body().await?;
        let password = body.text_or_none("password");
        body.done()?;
        let from = asked.from();
        let (id, at) = (&person.account.id, person.caller.proof.authenticated_at);
        self.people
            .require_recent(id, at, password.as_deref(), &from)
            .await?;
        Ok(person)
    }
}

/// A letter may be on its way; whether one is does not show.
fn mailed() -> Response {
    respond(
        StatusCode::ACCEPTED,
        &json!({"detail": "If the address is right, a letter is on its way to it."}),
    )
}

pub fn respond(code: StatusCode, body: &Json) -> Response {
    let mut response = Response::new(web::Body::from(body.to_string()));
    *response.status_mut() = code;
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    response
}

pub fn internal(error: StoreError) -> Failure {
    people::trouble(&error)
}
