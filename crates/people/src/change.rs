//! What somebody who is signed in changes about their account: password, address; and signing out.

use std::time::Duration;

use call::{BoxFuture, Caller, Change, Code, Failure, Outcome, RecordKey, Request};
use engine::Alongside;
use identity::denied::What;
use identity::families::{Ended, Which};
use identity::password::{Password, Verdict};
use identity::text::Email;
use identity::tickets::{self, NewTicket, Purpose, Used};
use model::Action;
use serde::{Deserialize, Serialize};
use serde_json::Map;
use std::sync::Arc;
use store::driver::{StoreError, Transaction};
use store::{Dialect, Prepared};
use value::{Timestamp, Value};

use crate::account::{self, Account, By};
use crate::letters::{Kind, Secret};
use crate::noted::Statement;
use crate::sign_up::worthless;
use crate::{From, People, email, may_try, trouble};

/// How long a new address may take to be proved.
const EMAIL_LASTS: Duration = Duration::from_secs(60 * 60);
/// How recent a sign-in must be to change how one signs in without proving it again.
pub const RECENT: Duration = Duration::from_secs(10 * 60);

/// What the ticket for a new address carries.
#[derive(Serialize, Deserialize)]
struct NewAddress {
    email: String,
}

impl People {
    /// Requires that whoever wants to change how they sign in has proved who they are just now: by
    /// the sign-in itself, or by the password given with the request.
    ///
    /// # Errors
    /// [`Code::Forbidden`] when the sign-in is too old and no password was given,
    /// [`Code::Unauthenticated`] when it is wrong, [`Code::RateLimited`].
    pub async fn require_recent(
        &self,
        account: &str,
        authenticated_at: Option<Timestamp>,
        password: Option<&str>,
        from: &From<'_>,
    ) -> Result<(), Failure> {
        if let Some(text) = password {
            return self.require_password(account, text, from).await;
        }
        let recent = i64::try_from(RECENT.as_millis()).unwrap_or(0);
        if authenticated_at.is_some_and(|at| from.now.0.saturating_sub(at.0) <= recent) {
            return Ok(());
        }
        Err(Failure::new(
            Code::Forbidden,
            "you signed in too long ago for this: sign in again, or send your `password` with it",
        ))
    }

    async fn require_password(
        &self,
        account: &str,
        text: &str,
        from: &From<'_>,
    ) -> Result<(), Failure> {
        let kept = self.kept(account).await?;
        let email = Email::read(&kept.account.email).ok();
        let lookup = email.as_ref().map(Email::lookup);
        let attempt = may_try(&self.lasting().passwords, lookup, from)?;
        let wrong = || Failure::new(Code::Forbidden, "the password is wrong");
        let password = Password::read(text).map_err(|_| wrong())?;
        let verified = self
            .lasting()
            .hasher
            .verify(&password, kept.password.as_deref())
            .await;
        match verified {
            Ok(Verdict::Right | Verdict::RightButOld) => {
                attempt.right();
                Ok(())
            }
            Ok(Verdict::Wrong) => Err(wrong()),
            Err(failure) => {
                attempt.undecided();
                Err(failure)
            }
        }
    }

    /// Sets another password, and signs out everywhere; whoever asked signs in anew. Requires that
    /// they have proved who they are ([`People::require_recent`]).
    ///
    /// # Errors
    /// [`Code::Invalid`] for a password that may not be chosen.
    pub async fn change_password(
        &self,
        id: &str,
        password: &str,
        from: &From<'_>,
    ) -> Result<Account, Failure> {
        let account = self.account(id).await?;
        let password = self.new_password(password, &account.email, "new_password")?;
        let hash = self.lasting().hasher.hash(&password).await?;
        let mut change = self.password_change(id, hash, from.now);
        change.push(self.noted(audit::Action::PasswordChanged, id, Some(from))?);
        let changed = store::execute(self.driver(), change).await;
        changed.map_err(|error| trouble(&error))?;
        self.sign_out_everywhere(&account, Ended::Account, from.now)
            .await?;
        self.write(&account, Kind::PasswordChanged);
        self.account(id).await
    }

    /// The statements that set a password and let nothing live on that was issued before.
    pub(crate) fn password_change(
        &self,
        id: &str,
        hash: String,
        now: Timestamp,
    ) -> Vec<(Prepared, Vec<Value>)> {
        let dialect = self.driver().dialect();
        let at = Value::Timestamp(now);
        vec![
            account::setting(
                dialect,
                id,
                [("password", Value::Text(hash)), ("password_at", at)],
            ),
            account::next_epoch(dialect, id),
            tickets::void(dialect, Purpose::ResetPassword, id, now),
            tickets::void(dialect, Purpose::MagicLink, id, now),
            tickets::void(dialect, Purpose::SecondFactor, id, now),
        ]
    }

    /// Mails a link to another address that is to become the account's.
    ///
    /// # Errors
    /// [`Code::Invalid`] for what is no address, [`Code::RateLimited`].
    pub async fn request_email(
        &self,
        id: &str,
        address: &str,
        from: &From<'_>,
    ) -> Result<(), Failure> {
        let email = email(address)?;
        may_try(&self.lasting().letters, Some(email.lookup()), from)?.wrong();
        let known = account::find(self.driver(), By::Address(email.lookup())).await;
        let known = known.map_err(|error| trouble(&error))?;
        let payload = NewAddress {
            email: email.as_str().to_owned(),
        };
        let ticket = NewTicket {
            purpose: Purpose::ChangeEmail,
            account: Some(id),
            handle: None,
            payload: &payload,
            lasts: EMAIL_LASTS,
        };
        let ticket = tickets::issue(self.driver(), ticket, from.now).await?;
        match known {
            Some(other) if other.account.id != id => {
                self.write(&other.account, Kind::AlreadySignedUp);
            }
            _ => {
                let ticket = Secret(ticket.reveal().to_owned());
                self.write_to(email.as_str(), from.language, Kind::ConfirmEmail { ticket });
            }
        }
        Ok(())
    }

    /// The new address is proved: it becomes the account's, and the record's.
    ///
    /// # Errors
    /// [`Code::NotFound`] when the link is worth nothing, [`Code::Conflict`] when another account
    /// has the address.
    pub async fn confirm_email(&self, ticket: &str, from: &From<'_>) -> Result<Account, Failure> {
        let purpose = Purpose::ChangeEmail;
        let found = tickets::look::<NewAddress>(self.driver(), purpose, ticket, from.now).await;
        let found = found
            .map_err(|error| trouble(&error))?
            .ok_or_else(worthless)?;
        let id = found.account.ok_or_else(worthless)?;
        let account = self.account(&id).await.map_err(|_| worthless())?;
        let email = Email::read(&found.payload.email).map_err(|_| worthless())?;
        let moving = Moving {
            dialect: self.driver().dialect(),
            ticket: ticket.to_owned(),
            id: id.clone(),
            email: email.clone(),
            now: from.now,
            entry: self.noted(audit::Action::EmailChanged, &id, Some(from))?,
        };
        let users = self.users();
        match users.email {
            Some(field) => {
                let resource = self.model().resource(users.resource);
                let mut fields = Map::new();
                fields.insert(resource.field(field).name.clone(), email.as_str().into());
                let mut request = self.system(Action::Update, &account.user, from.now);
                request.change = Some(Change::Merge(fields));
                self.engine()
                    .handle_alongside(request, Box::new(moving))
                    .await?;
            }
            None => {
                let moved = store::transact(self.driver(), move |transaction| {
                    let moving = moving.clone();
                    Box::pin(async move { moving.write(transaction).await })
                });
                moved.await.map_err(|error| trouble(&error))??;
            }
        }
        let to = email.as_str().to_owned();
        self.write(&account, Kind::EmailChanged { to });
        self.account(&id).await
    }

    /// Ends all sessions and tokens of an account.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn sign_out_everywhere(
        &self,
        account: &Account,
        why: Ended,
        now: Timestamp,
    ) -> Result<(), Failure> {
        let lasting = self.lasting();
        self.sessions().end_all(&account.id, now).await?;
        let raise = account::next_epoch(self.driver().dialect(), &account.id);
        let raised = store::execute(self.driver(), vec![raise]).await;
        raised.map_err(|error| trouble(&error))?;
        let ended = lasting
            .families
            .end(Which::Account(&account.id), why, now)
            .await;
        ended.map_err(|error| trouble(&error))?;
        // Access tokens without a family, too.
        let kept = account::find(self.driver(), By::Id(&account.id)).await;
        let kept = kept.map_err(|error| trouble(&error))?;
        let what = What::Account {
            subject: account.user.clone(),
            epoch: kept.map_or(i64::MAX, |kept| kept.account.epoch),
        };
        let denied = lasting
            .denied
            .deny(what, identity::tokens::outlived(now), now)
            .await;
        denied.map_err(|error| trouble(&error))
    }

    /// A request of the server itself about somebody's record.
    pub(crate) fn system(&self, action: Action, user: &str, now: Timestamp) -> Request {
        let caller = Arc::new(Caller::operator("accounts"));
        let mut request = Request::new(self.users().resource, action, caller, now);
        request.target = Some(RecordKey::Id(user.to_owned()));
        request.precondition.exists = true;
        request
    }
}

/// An address on its way into its transaction.
#[derive(Clone)]
struct Moving {
    dialect: Dialect,
    ticket: String,
    id: String,
    email: Email,
    now: Timestamp,
    /// For the audit log.
    entry: Statement,
}

impl Moving {
    async fn write(
        &self,
        transaction: &mut dyn Transaction,
    ) -> Result<Result<(), Failure>, StoreError> {
        let purpose = Purpose::ChangeEmail;
        let (dialect, now) = (self.dialect, self.now);
        let used =
            tickets::consume_in::<NewAddress>(transaction, dialect, purpose, &self.ticket, now);
        if !matches!(used.await?, Used::Now(_)) {
            return Ok(Err(worthless()));
        }
        let (set, arguments) = account::setting(
            dialect,
            &self.id,
            [
                ("email", Value::Text(self.email.as_str().to_owned())),
                ("address", Value::Text(self.email.lookup().to_owned())),
                ("verified_at", Value::Timestamp(now)),
            ],
        );
        let parameters = set.bind_args(&arguments);
        match transaction.execute(&set.statement, &parameters).await {
            Ok(_) => {
                let (entry, arguments) = &self.entry;
                let parameters = entry.bind_args(arguments);
                transaction.execute(&entry.statement, &parameters).await?;
                Ok(Ok(()))
            }
            Err(StoreError::Unique { .. }) => Ok(Err(Failure::new(
                Code::Conflict,
                "another account has this address",
            ))),
            Err(error) => Err(error),
        }
    }
}

impl Alongside for Moving {
    fn write<'a>(
        &'a mut self,
        transaction: &'a mut dyn Transaction,
        _: &'a Outcome,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            let written = Moving::write(self, transaction).await;
            written.map_err(|error| trouble(&error))?
        })
    }
}
