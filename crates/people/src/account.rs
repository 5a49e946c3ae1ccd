//! Accounts as they are kept: found, made, changed.

use identity::text::Email;
use store::driver::{Driver, StoreError};
use store::people::ACCOUNTS;
use store::table::{Row, Set, Test, or_null};
use store::{Dialect, Prepared};
use value::{Timestamp, Value};

/// Somebody who can sign in.
#[derive(Clone, Debug, PartialEq)]
pub struct Account {
    pub id: String,
    /// The id of their record, as the API writes it.
    pub user: String,
    /// To write to.
    pub email: String,
    pub verified_at: Option<Timestamp>,
    pub has_password: bool,
    pub password_at: Option<Timestamp>,
    /// Since when one-time codes are asked for.
    pub totp_at: Option<Timestamp>,
    pub epoch: i64,
    pub language: Option<String>,
    pub created_at: Timestamp,
    pub signed_in_at: Option<Timestamp>,
    pub disabled_at: Option<Timestamp>,
}

/// The same with what its owner never sees again.
pub(crate) struct Kept {
    pub account: Account,
    /// A PHC string.
    pub password: Option<String>,
    /// Sealed.
    pub totp: Option<String>,
    pub totp_step: Option<i64>,
}

impl Account {
    /// Whether one-time codes are asked for.
    pub fn has_totp(&self) -> bool {
        self.totp_at.is_some()
    }
}

/// By what an account is found.
#[derive(Clone, Copy, Debug)]
pub(crate) enum By<'a> {
    Id(&'a str),
    /// As it is looked up ([`Email::lookup`]).
    Address(&'a str),
    User(&'a str),
}

pub(crate) async fn find(driver: &dyn Driver, by: By<'_>) -> Result<Option<Kept>, StoreError> {
    let (column, text) = match by {
        By::Id(id) => ("id", id),
        By::Address(address) => ("address", address),
        By::User(user) => ("user", user),
    };
    let find = ACCOUNTS.find(driver.dialect(), &[Test::Is(column)]);
    let parameters = find.bind_args(&[Value::Text(text.to_owned())]);
    let rows = driver.query(&find.statement, &parameters).await?;
    ACCOUNTS
        .rows(&rows)
        .next()
        .map(|row| read(&row))
        .transpose()
}

/// What a new account begins with.
pub(crate) struct NewAccount<'a> {
    pub id: &'a str,
    pub user: &'a str,
    pub email: &'a Email,
    pub password: Option<&'a str>,
    pub language: Option<&'a str>,
    pub verified: bool,
    pub now: Timestamp,
}

/// The statement that adds an account.
pub(crate) fn insertion(dialect: Dialect, new: &NewAccount<'_>) -> (Prepared, Vec<Value>) {
    let text = |text: &str| Value::Text(text.to_owned());
    let now = Value::Timestamp(new.now);
    let row = ACCOUNTS.row([
        ("id", text(new.id)),
        ("user", text(new.user)),
        ("email", text(new.email.as_str())),
        ("address", text(new.email.lookup())),
        (
            "verified_at",
            or_null(new.verified.then_some(now.clone()), |at| at),
        ),
        ("password", or_null(new.password, text)),
        ("password_at", or_null(new.password, |_| now.clone())),
        ("epoch", Value::Int(1)),
        ("language", or_null(new.language, text)),
        ("created_at", now.clone()),
    ]);
    (ACCOUNTS.insert(dialect), row)
}

/// The statement that sets columns of an account.
pub(crate) fn setting<const N: usize>(
    dialect: Dialect,
    id: &str,
    values: [(&'static str, Value); N],
) -> (Prepared, Vec<Value>) {
    let set = values.each_ref().map(|(name, _)| Set::To(name));
    let mut arguments: Vec<Value> = values.into_iter().map(|(_, value)| value).collect();
    arguments.push(Value::Text(id.to_owned()));
    (ACCOUNTS.update(dialect, &set, &[Test::Is("id")]), arguments)
}

/// The statement that makes everything that was issued to an account worthless.
pub(crate) fn next_epoch(dialect: Dialect, id: &str) -> (Prepared, Vec<Value>) {
    let raise = ACCOUNTS.update(dialect, &[Set::Increment("epoch")], &[Test::Is("id")]);
    (raise, vec![Value::Text(id.to_owned())])
}

fn read(row: &Row<'_>) -> Result<Kept, StoreError> {
    let password = row.text_or_null("password")?;
    Ok(Kept {
        account: Account {
            id: row.text("id")?,
            user: row.text("user")?,
            email: row.text("email")?,
            verified_at: row.time_or_null("verified_at")?,
            has_password: password.is_some(),
            password_at: row.time_or_null("password_at")?,
            totp_at: row.time_or_null("totp_at")?,
            epoch: row.int("epoch")?,
            language: row.text_or_null("language")?,
            created_at: row.time("created_at")?,
            signed_in_at: row.time_or_null("signed_in_at")?,
            disabled_at: row.time_or_null("disabled_at")?,
        },
        password,
        totp: row.text_or_null("totp")?,
        totp_step: row.int_or_null("totp_step")?,
    })
}
