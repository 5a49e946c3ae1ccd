//! What may be used once: links in mails, authorization codes, requests that were pushed, device
//! codes, the state of a sign-in that is half done.
//!
//! A ticket is a text of 256 random bits, kept as a hash with what it is for and what it carries.
//! Using it is a compare-and-set, so that of many who come with the same ticket one is first.
//! Knows nothing of what any of them means.

use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use store::driver::{Driver, StoreError, Transaction};
use store::people::TICKETS;
use store::table::{self, Set, Test, or_null};
use store::{Dialect, Prepared};
use value::{Timestamp, Value};

use crate::random::{self, Unguessable};

/// What a ticket is for. A ticket for one thing is no ticket for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// An account that is to be, once its address is proved.
    SignUp,
    /// An account that somebody was invited to.
    Invitation,
    ResetPassword,
    MagicLink,
    ChangeEmail,
    /// A sign-in that lacks its second factor.
    SecondFactor,
    /// One-time codes that are not confirmed yet.
    TotpSetup,
    PasskeyRegistration,
    PasskeySignIn,
    /// What an app asked for, while the person signs in and decides.
    AuthorizationRequest,
    AuthorizationCode,
    /// RFC 9126.
    PushedRequest,
    /// RFC 8628.
    DeviceCode,
    /// A sign-in that goes on at another provider.
    ProviderState,
    /// The `jti` of an assertion, which is good once.
    Assertion,
}

impl Purpose {
    pub fn name(self) -> &'static str {
        match self {
            Purpose::SignUp => "sign_up",
            Purpose::Invitation => "invitation",
            Purpose::ResetPassword => "reset_password",
            Purpose::MagicLink => "magic_link",
            Purpose::ChangeEmail => "change_email",
            Purpose::SecondFactor => "second_factor",
            Purpose::TotpSetup => "totp_setup",
            Purpose::PasskeyRegistration => "passkey_registration",
            Purpose::PasskeySignIn => "passkey_sign_in",
            Purpose::AuthorizationRequest => "authorization_request",
            Purpose::AuthorizationCode => "authorization_code",
            Purpose::PushedRequest => "pushed_request",
            Purpose::DeviceCode => "device_code",
            Purpose::ProviderState => "provider_state",
            Purpose::Assertion => "assertion",
        }
    }
}

/// What a ticket carries that carries nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nothing {}

/// A ticket that is to be issued.
#[derive(Clone, Copy, Debug)]
pub struct NewTicket<'a, T> {
    pub purpose: Purpose,
    pub account: Option<&'a str>,
    /// By what else it is found, unique among those of its purpose: a device's user code.
    pub handle: Option<&'a str>,
    pub payload: &'a T,
    pub lasts: Duration,
}

/// A ticket as it was issued.
#[derive(Clone, Debug, PartialEq)]
pub struct Ticket<T> {
    /// Names it to the database.
    pub hash: String,
    pub account: Option<String>,
    pub payload: T,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    pub used_at: Option<Timestamp>,
}

/// What became of using a ticket.
#[derive(Clone, Debug, PartialEq)]
pub enum Used<T> {
    /// It was good, and is not any more.
    Now(Ticket<T>),
    /// It was used before. For some that means that it was stolen.
    Before(Ticket<T>),
    /// There is none, or it has expired.
    Not,
}

/// Why a ticket could not be issued.
#[derive(Debug)]
pub enum TicketError {
    NoRandomness,
    Store(StoreError),
}

impl From<StoreError> for TicketError {
    fn from(error: StoreError) -> Self {
        TicketError::Store(error)
    }
}

impl From<TicketError> for call::Failure {
    fn from(error: TicketError) -> Self {
        match error {
            TicketError::NoRandomness => {
                call::Failure::internal("the operating system gave no random bytes")
            }
            TicketError::Store(error) => crate::trouble(&error),
        }
    }
}

/// A new ticket and the statement that keeps it, for whoever issues it in a transaction.
///
/// # Errors
/// When there is no randomness, or its payload cannot be written.
pub fn prepare<T: Serialize>(
    dialect: Dialect,
    new: NewTicket<'_, T>,
    now: Timestamp,
) -> Result<(Unguessable, Prepared, Vec<Value>), TicketError> {
    let text = Unguessable::generate().map_err(|_| TicketError::NoRandomness)?;
    let lasts = i64::try_from(new.lasts.as_millis()).unwrap_or(i64::MAX);
    let own = |text: &str| Value::Text(text.to_owned());
    let row = TICKETS.row([
        ("hash", Value::Text(hash(new.purpose, text.reveal()))),
        ("purpose", own(new.purpose.name())),
        ("account", or_null(new.account, own)),
        ("handle", or_null(new.handle, own)),
        ("payload", table::json(new.payload)?),
        ("created_at", Value::Timestamp(now)),
        (
            "expires_at",
            Value::Timestamp(Timestamp(now.0.saturating_add(lasts))),
        ),
    ]);
    Ok((text, TICKETS.insert(dialect), row))
}

/// Issues a ticket.
///
/// # Errors
/// When it cannot be made or kept; a handle that is taken is [`StoreError::Unique`].
pub async fn issue<T: Serialize>(
    driver: &dyn Driver,
    new: NewTicket<'_, T>,
    now: Timestamp,
) -> Result<Unguessable, TicketError> {
    let (text, statement, row) = prepare(driver.dialect(), new, now)?;
    store::execute(driver, vec![(statement, row)]).await?;
    Ok(text)
}

/// Looks at a ticket without using it.
///
/// # Errors
/// When the database cannot be asked.
pub async fn look<T: DeserializeOwned>(
    driver: &dyn Driver,
    purpose: Purpose,
    text: &str,
    now: Timestamp,
) -> Result<Option<Ticket<T>>, StoreError> {
    if !random::may_be(text) {
        return Ok(None);
    }
    let find = by_hash(driver.dialect());
    let parameters = find.bind_args(&key(purpose, text));
    let rows = driver.query(&find.statement, &parameters).await?;
    let found = TICKETS
        .rows(&rows)
        .next()
        .map(|row| read(&row))
        .transpose()?;
    Ok(found.filter(|ticket: &Ticket<T>| ticket.used_at.is_none() && ticket.expires_at > now))
}

/// Looks for a ticket by what else it is found by.
///
/// # Errors
/// When the database cannot be asked.
pub async fn by_handle<T: DeserializeOwned>(
    driver: &dyn Driver,
    purpose: Purpose,
    handle: &str,
    now: Timestamp,
) -> Result<Option<Ticket<T>>, StoreError> {
    let find = TICKETS.find(driver.dialect(), &[Test::Is("purpose"), Test::Is("handle")]);
    let parameters = find.bind_args(&[
        Value::Text(purpose.name().to_owned()),
        Value::Text(handle.to_owned()),
    ]);
    let rows = driver.query(&find.statement, &parameters).await?;
    let found = TICKETS
        .rows(&rows)
        .next()
        .map(|row| read(&row))
        .transpose()?;
    Ok(found.filter(|ticket: &Ticket<T>| ticket.used_at.is_none() && ticket.expires_at > now))
}

/// Settles what a ticket carries that was found by its handle, once: it is found by that no more.
/// Whether it was there to be settled.
///
/// # Errors
/// When the database cannot be written.
pub async fn settle<T: Serialize>(
    driver: &dyn Driver,
    purpose: Purpose,
    handle: &str,
    payload: &T,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let set = [Set::To("payload"), Set::Null("handle")];
    let tests = [
        Test::Is("purpose"),
        Test::Is("handle"),
        Test::IsNull("used_at"),
        Test::Above("expires_at"),
    ];
    let settle = TICKETS.update(driver.dialect(), &set, &tests);
    let arguments = vec![
        table::json(payload)?,
        Value::Text(purpose.name().to_owned()),
        Value::Text(handle.to_owned()),
        Value::Timestamp(now),
    ];
    Ok(store::execute(driver, vec![(settle, arguments)]).await? > 0)
}

/// Uses a ticket up.
///
/// # Errors
/// When the database cannot be asked.
pub async fn consume<T: DeserializeOwned + Send + 'static>(
    driver: &dyn Driver,
    purpose: Purpose,
    text: &str,
    now: Timestamp,
) -> Result<Used<T>, StoreError> {
    let dialect = driver.dialect();
    let text = text.to_owned();
    let used = store::transact(driver, move |transaction| {
        let text = text.clone();
        Box::pin(async move {
            let used = consume_in(transaction, dialect, purpose, &text, now).await?;
            Ok(Ok::<_, std::convert::Infallible>(used))
        })
    });
    match used.await? {
        Ok(used) => Ok(used),
        Err(never) => match never {},
    }
}

/// The same as part of a transaction.
///
/// # Errors
/// When the database cannot be asked.
pub async fn consume_in<T: DeserializeOwned>(
    transaction: &mut dyn Transaction,
    dialect: Dialect,
    purpose: Purpose,
    text: &str,
    now: Timestamp,
) -> Result<Used<T>, StoreError> {
    if !random::may_be(text) {
        return Ok(Used::Not);
    }
    let find = by_hash(dialect);
    let parameters = find.bind_args(&key(purpose, text));
    let rows = transaction.query(&find.statement, &parameters).await?;
    let Some(row) = TICKETS.rows(&rows).next() else {
        return Ok(Used::Not);
    };
    let ticket: Ticket<T> = read(&row)?;
    if ticket.expires_at <= now {
        return Ok(Used::Not);
    }
    let tests = [Test::Is("hash"), Test::IsNull("used_at")];
    let consume = TICKETS.update(dialect, &[Set::To("used_at")], &tests);
    let arguments = [Value::Timestamp(now), Value::Text(ticket.hash.clone())];
    let parameters = consume.bind_args(&arguments);
    match transaction.execute(&consume.statement, &parameters).await? {
        0 => Ok(Used::Before(ticket)),
        _ => Ok(Used::Now(ticket)),
    }
}

/// The statement that makes all tickets for one thing of an account useless.
pub fn void(
    dialect: Dialect,
    purpose: Purpose,
    account: &str,
    now: Timestamp,
) -> (Prepared, Vec<Value>) {
    let tests = [
        Test::Is("purpose"),
        Test::Is("account"),
        Test::IsNull("used_at"),
    ];
    let arguments = vec![
        Value::Timestamp(now),
        Value::Text(purpose.name().to_owned()),
        Value::Text(account.to_owned()),
    ];
    (
        TICKETS.update(dialect, &[Set::To("used_at")], &tests),
        arguments,
    )
}

/// The statement that removes what has expired. Argument: until when.
pub fn sweep(dialect: Dialect) -> Prepared {
    TICKETS.delete(dialect, &[Test::AtMost("expires_at")])
}

fn hash(purpose: Purpose, text: &str) -> String {
    random::hash_for(purpose.name(), text)
}

fn by_hash(dialect: Dialect) -> Prepared {
    TICKETS.find(dialect, &[Test::Is("hash"), Test::Is("purpose")])
}

fn key(purpose: Purpose, text: &str) -> [Value; 2] {
    [
        Value::Text(hash(purpose, text)),
        Value::Text(purpose.name().to_owned()),
    ]
}

fn read<T: DeserializeOwned>(row: &table::Row<'_>) -> Result<Ticket<T>, StoreError> {
    Ok(Ticket {
        hash: row.text("hash")?,
        account: row.text_or_null("account")?,
        payload: row.json("payload")?,
        created_at: row.time("created_at")?,
        expires_at: row.time("expires_at")?,
        used_at: row.time_or_null("used_at")?,
    })
}
