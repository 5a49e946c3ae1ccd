//! Signing in: one proof, and a second one where the account asks for it.

use std::time::Duration;

use call::{Code, Failure};
use identity::password::{Password, Verdict};
use identity::random::Unguessable;
use identity::text::Email;
use identity::tickets::{self, NewTicket, Purpose, Used};
use serde::{Deserialize, Serialize};
use value::{Timestamp, Value};

use crate::account::{self, Account, By, Kept};
use crate::sign_up::worthless;
use crate::{From, People, may_try, trouble};

/// How long the second proof may take.
const SECOND_LASTS: Duration = Duration::from_secs(5 * 60);

/// Ways to prove who one is, as tokens say them: RFC 8176, and `email` for what was mailed.
pub mod method {
    pub const PASSWORD: &str = "pwd";
    pub const EMAIL: &str = "email";
    pub const CODE: &str = "otp";
    pub const RECOVERY: &str = "recovery";
    /// More than one of them.
    pub const SEVERAL: &str = "mfa";
}

/// Somebody who has proved who they are.
#[derive(Clone, Debug)]
pub struct SignedIn {
    pub account: Account,
    pub methods: Vec<String>,
    pub at: Timestamp,
}

/// How far a sign-in has come.
#[derive(Debug)]
pub enum SignIn {
    Done(Box<SignedIn>),
    Second(Second),
}

/// What is still to be proved.
#[derive(Debug)]
pub struct Second {
    /// Goes with the second proof.
    pub ticket: Unguessable,
    /// The ways there are, in the words of the API.
    pub methods: Vec<&'static str>,
}

#[derive(Serialize, Deserialize)]
struct Half {
    methods: Vec<String>,
}

impl People {
    /// Signs in by address and password. Who has no account and who has another password are
    /// answered alike, and after the same time.
    ///
    /// # Errors
    /// [`Code::Unauthenticated`] when they are wrong, [`Code::RateLimited`] after too many tries or
    /// when too many are at it.
    pub async fn sign_in(
        &self,
        email: &str,
        password: &str,
        from: &From<'_>,
    ) -> Result<SignIn, Failure> {
        let (Ok(email), Ok(password)) = (Email::read(email), Password::read(password)) else {
            return Err(wrong());
        };
        let attempt = may_try(&self.lasting().passwords, Some(email.lookup()), from)?;
        let found = account::find(self.driver(), By::Address(email.lookup())).await;
        let found = found.map_err(|error| trouble(&error))?;
        let stored = found.as_ref().and_then(|kept| kept.password.as_deref());
        let verdict = match self.lasting().hasher.verify(&password, stored).await {
            Ok(verdict) => verdict,
            Err(failure) => {
                attempt.undecided();
                return Err(failure);
            }
        };
        let known = found.as_ref().map(|kept| kept.account.id.clone());
        let kept = match (verdict, found) {
            (Verdict::Right | Verdict::RightButOld, Some(kept))
                if kept.account.disabled_at.is_none() && self.model().auth.password.is_some() =>
            {
                kept
            }
            _ => {
                let by = method::PASSWORD;
                self.note_failed_sign_in(known.as_deref(), by, from).await;
                return Err(wrong());
            }
        };
        attempt.right();
        if verdict == Verdict::RightButOld {
            self.rehash(&kept.account.id, &password).await;
        }
        self.one_proof(kept, method::PASSWORD, from).await
    }

    /// Goes on after one proof: done, or the second one is asked for.
    pub(crate) async fn one_proof(
        &self,
        kept: Kept,
        by: &str,
        from: &From<'_>,
    ) -> Result<SignIn, Failure> {
        let methods = vec![by.to_owned()];
        if !kept.account.has_totp() {
            let signed_in = self.signed_in(&kept.account.id, methods, from).await?;
            return Ok(SignIn::Done(Box::new(signed_in)));
        }
        let ticket = NewTicket {
            purpose: Purpose::SecondFactor,
            account: Some(&kept.account.id),
            handle: None,
            payload: &Half { methods },
            lasts: SECOND_LASTS,
        };
        let ticket = tickets::issue(self.driver(), ticket, from.now).await?;
        Ok(SignIn::Second(Second {
            ticket,
            methods: vec!["totp", "recovery_code"],
        }))
    }

    /// The second proof: a one-time code, or one of the recovery codes.
    ///
    /// # Errors
    /// [`Code::Unauthenticated`] when the code is wrong, [`Code::NotFound`] when the first proof was
    /// too long ago, [`Code::RateLimited`].
    pub async fn second_proof(
        &self,
        ticket: &str,
        code: &str,
        from: &From<'_>,
    ) -> Result<SignedIn, Failure> {
        let purpose = Purpose::SecondFactor;
        let found = tickets::look::<Half>(self.driver(), purpose, ticket, from.now).await;
        let found = found
            .map_err(|error| trouble(&error))?
            .ok_or_else(worthless)?;
        let account = found.account.ok_or_else(worthless)?;
        let by = match self.prove_second(&account, code, from).await {
            Err(failure) if failure.code == Code::Unauthenticated => {
                let by = method::SEVERAL;
                self.note_failed_sign_in(Some(&account), by, from).await;
                return Err(failure);
            }
            proved => proved?,
        };
        let used = tickets::consume::<Half>(self.driver(), purpose, ticket, from.now).await;
        let Used::Now(half) = used.map_err(|error| trouble(&error))? else {
            return Err(worthless());
        };
        let mut methods = half.payload.methods;
        methods.extend([by.to_owned(), method::SEVERAL.to_owned()]);
        self.signed_in(&account, methods, from).await
    }

    /// Notes that somebody has signed in.
    pub(crate) async fn signed_in(
        &self,
        account: &str,
        methods: Vec<String>,
        from: &From<'_>,
    ) -> Result<SignedIn, Failure> {
        let time = account::setting(
            self.driver().dialect(),
            account,
            [("signed_in_at", Value::Timestamp(from.now))],
        );
        let entry = self.noted_with(audit::Action::SignIn, account, Some(from), |entry| {
            entry.detail("methods", methods.clone())
        })?;
        let noted = store::execute(self.driver(), vec![time, entry]).await;
        noted.map_err(|error| trouble(&error))?;
        let account = self.account(account).await?;
        Ok(SignedIn {
            account,
            methods,
            at: from.now,
        })
    }

    /// An account that is there and not disabled.
    ///
    /// # Errors
    /// [`Code::Unauthenticated`] when it is not.
    pub async fn account(&self, id: &str) -> Result<Account, Failure> {
        Ok(self.kept(id).await?.account)
    }

    /// The account of the person with this record.
    ///
    /// # Errors
    /// [`Code::Unauthenticated`] when there is none, or none any more.
    pub async fn account_of(&self, user: &str) -> Result<Account, Failure> {
        let found = account::find(self.driver(), By::User(user)).await;
        let found = found.map_err(|error| trouble(&error))?;
        let account = found.map(|kept| kept.account);
        account
            .filter(|account| account.disabled_at.is_none())
            .ok_or_else(|| Failure::new(Code::Unauthenticated, "there is no such account any more"))
    }

    pub(crate) async fn kept(&self, id: &str) -> Result<Kept, Failure> {
        let found = account::find(self.driver(), By::Id(id)).await;
        let found = found.map_err(|error| trouble(&error))?;
        found
            .filter(|kept| kept.account.disabled_at.is_none())
            .ok_or_else(|| Failure::new(Code::Unauthenticated, "there is no such account any more"))
    }

    /// Stores a password as it is stored today. It is not worth a failure.
    async fn rehash(&self, account: &str, password: &Password) {
        let Ok(hash) = self.lasting().hasher.hash(password).await else {
            return;
        };
        let (set, arguments) = account::setting(
            self.driver().dialect(),
            account,
            [("password", Value::Text(hash))],
        );
        if let Err(error) = store::execute(self.driver(), vec![(set, arguments)]).await {
            tracing::debug!(%error, "a password is not stored anew");
        }
    }
}

fn wrong() -> Failure {
    Failure::new(
        Code::Unauthenticated,
        "the address or the password is wrong",
    )
}
