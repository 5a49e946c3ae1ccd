//! Signing up: an account comes to be when its address is proved, not before.
//!
//! Until then there is a ticket that carries everything. Whether the address is free is not asked
//! of the answer: whoever reads that mailbox is told.

use std::time::Duration;

use call::{BoxFuture, Code, Failure, Outcome};
use engine::{Alongside, NewPerson};
use identity::text::Email;
use identity::tickets::{self, NewTicket, Purpose, Used};
use model::SignUp as Open;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use store::Dialect;
use store::driver::{StoreError, Transaction};
use value::{Timestamp, Value};

use crate::account::{self, By, NewAccount};
use crate::letters::{Kind, Secret};
use crate::noted::Statement;
use crate::sign_in::{SignedIn, method};
use crate::{From, People, email, may_try, trouble};

/// How long an address may take to be proved.
const LASTS: Duration = Duration::from_secs(24 * 60 * 60);

/// What somebody says who has no account.
#[derive(Clone)]
pub struct SignUp<'a> {
    pub email: &'a str,
    /// None: they will sign in by links that are mailed to them, or by a passkey.
    pub password: Option<&'a str>,
    /// Of their record.
    pub fields: Map<String, Json>,
}

/// What the ticket carries.
#[derive(Serialize, Deserialize)]
struct Waiting {
    email: String,
    password: Option<String>,
    fields: Map<String, Json>,
    language: Option<String>,
}

impl People {
    /// Takes a sign-up. The answer is the same whether or not the address has an account already.
    ///
    /// # Errors
    /// What is wrong with the input; [`Code::Forbidden`] where nobody can sign up;
    /// [`Code::RateLimited`].
    pub async fn sign_up(&self, wish: SignUp<'_>, from: &From<'_>) -> Result<(), Failure> {
        if self.users().sign_up == Open::Closed {
            let detail = "nobody can sign up here; ask for an invitation";
            return Err(Failure::new(Code::Forbidden, detail));
        }
        let email = email(wish.email)?;
        let password = match wish.password {
            Some(text) => Some(self.new_password(text, email.as_str(), "password")?),
            None => None,
        };
        let person = self.person(&email, &wish.fields, from.now);
        self.engine().check_person(person)?;
        // Each letter counts as a wrong try, so that nobody's mailbox is filled from here.
        may_try(&self.lasting().letters, Some(email.lookup()), from)?.wrong();
        let password = match &password {
            Some(password) => Some(self.lasting().hasher.hash(password).await?),
            None => None,
        };
        let known = account::find(self.driver(), By::Address(email.lookup())).await;
        let known = known.map_err(|error| trouble(&error))?;
        let waiting = Waiting {
            email: email.as_str().to_owned(),
            password,
            fields: wish.fields,
            language: from.language.map(str::to_owned),
        };
        let ticket = NewTicket {
            purpose: Purpose::SignUp,
            account: None,
            handle: None,
            payload: &waiting,
            lasts: LASTS,
        };
        // Also one that nobody will ever hold, so that both take the same time.
        let ticket = tickets::issue(self.driver(), ticket, from.now).await?;
        match known {
            None => {
                let ticket = Secret(ticket.reveal().to_owned());
                self.write_to(
                    email.as_str(),
                    from.language,
                    Kind::ConfirmSignUp { ticket },
                );
            }
            Some(known) => self.write(&known.account, Kind::AlreadySignedUp),
        }
        Ok(())
    }

    /// The address is proved: makes the account with its record, both or neither.
    ///
    /// # Errors
    /// [`Code::NotFound`] when the ticket is worth nothing; what the contract says of the record,
    /// such as that a name was taken meanwhile.
    pub async fn confirm_sign_up(
        &self,
        ticket: &str,
        from: &From<'_>,
    ) -> Result<SignedIn, Failure> {
        let purpose = Purpose::SignUp;
        let found = tickets::look::<Waiting>(self.driver(), purpose, ticket, from.now).await;
        let found = found
            .map_err(|error| trouble(&error))?
            .ok_or_else(worthless)?;
        let waiting = found.payload;
        let email = Email::read(&waiting.email).map_err(|_| worthless())?;
        let id = identity::random::id("acc");
        let adding = Adding {
            dialect: self.driver().dialect(),
            ticket: ticket.to_owned(),
            purpose,
            id: id.clone(),
            user: None,
            email: email.clone(),
            password: waiting.password,
            language: waiting.language,
            spelled: self.spells_ids(),
            now: from.now,
            entry: self.noted(audit::Action::SignUp, &id, Some(from))?,
        };
        self.add(adding, &waiting.fields, from.now).await?;
        self.signed_in(&id, vec![method::EMAIL.to_owned()], from)
            .await
    }

    /// Adds an account to the record that has its address, or to a new one.
    async fn add(
        &self,
        mut adding: Adding,
        fields: &Map<String, Json>,
        now: Timestamp,
    ) -> Result<(), Failure> {
        if let Some(user) = self.record_of(&adding.email, now).await? {
            adding.user = Some(user);
            let added = store::transact(self.driver(), move |transaction| {
                let adding = adding.clone();
                Box::pin(async move { adding.write(transaction).await })
            });
            return added.await.map_err(|error| taken(&error))?;
        }
        let person = self.person(&adding.email, fields, now);
        self.engine().add_person(person, Box::new(adding)).await?;
        Ok(())
    }

    fn person(&self, email: &Email, fields: &Map<String, Json>, now: Timestamp) -> NewPerson {
        let users = self.users();
        let address = |field| (field, Value::Text(email.as_str().to_owned()));
        NewPerson {
            resource: users.resource,
            fields: fields.clone(),
            known: users.email.map(address).into_iter().collect(),
            now,
        }
    }

    /// How an id of a record is written.
    fn spells_ids(&self) -> std::sync::Arc<value::IdType> {
        let resource = self.model().resource(self.users().resource);
        std::sync::Arc::clone(&resource.id_type)
    }
}

/// An account on its way into its transaction.
#[derive(Clone)]
struct Adding {
    dialect: Dialect,
    ticket: String,
    purpose: Purpose,
    id: String,
    /// The record, where there is one already.
    user: Option<String>,
    email: Email,
    password: Option<String>,
    language: Option<String>,
    spelled: std::sync::Arc<value::IdType>,
    now: Timestamp,
    /// For the audit log.
    entry: Statement,
}

impl Adding {
    /// Uses the ticket up and adds the account.
    async fn write(
        &self,
        transaction: &mut dyn Transaction,
    ) -> Result<Result<(), Failure>, StoreError> {
        let used = tickets::consume_in::<Waiting>(
            transaction,
            self.dialect,
            self.purpose,
            &self.ticket,
            self.now,
        );
        if !matches!(used.await?, Used::Now(_)) {
            return Ok(Err(worthless()));
        }
        let (insert, arguments) = account::insertion(
            self.dialect,
            &NewAccount {
                id: &self.id,
                user: self.user.as_deref().unwrap_or_default(),
                email: &self.email,
                password: self.password.as_deref(),
                language: self.language.as_deref(),
                verified: true,
                now: self.now,
            },
        );
        let parameters = insert.bind_args(&arguments);
        match transaction.execute(&insert.statement, &parameters).await {
            Ok(_) => {
                let (entry, arguments) = &self.entry;
                let parameters = entry.bind_args(arguments);
                transaction.execute(&entry.statement, &parameters).await?;
                Ok(Ok(()))
            }
            Err(error @ StoreError::Unique { .. }) => Ok(Err(taken(&error))),
            Err(error) => Err(error),
        }
    }
}

impl Alongside for Adding {
    fn write<'a>(
        &'a mut self,
        transaction: &'a mut dyn Transaction,
        outcome: &'a Outcome,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            let Outcome::Created { id, .. } = outcome else {
                return Err(Failure::internal("a person's record was not created"));
            };
            self.user = Some(self.spelled.to_text(id));
            let written = Adding::write(self, transaction).await;
            written.map_err(|error| trouble(&error))?
        })
    }
}

/// Who sees this has proved that the address is theirs, so there is nothing to hide.
fn taken(error: &StoreError) -> Failure {
    match error {
        StoreError::Unique { .. } => Failure::new(
            Code::Conflict,
            "there is an account with this address already; sign in",
        ),
        other => trouble(other),
    }
}

/// A link that was used, is too old, or never was.
pub(crate) fn worthless() -> Failure {
    Failure::new(
        Code::NotFound,
        "this link has been used or has expired; ask for another",
    )
}
