//! What people have allowed to apps: remembered, shown, taken back.
//!
//! One entry for each person, app and resource; it grows with what is allowed later. Taking it
//! back is the entry's end; what the app holds by it is ended by who calls, along with it
//! ([`Grants::revoke`] says how).

use std::sync::Arc;

use audit::{Action, Actor, Audit, Entry};
use store::driver::{Driver, StoreError};
use store::people::GRANTS;
use store::table::{self, Order, Row, Set, Test};
use value::{Timestamp, Value};

use crate::denied::{Denied, What};
use crate::families::{Ended, Families, Which};
use crate::random;
use crate::tokens::outlived;

/// Apps that a person is shown.
const LISTED_MAX: u32 = 1_000;

/// What somebody has allowed an app.
#[derive(Clone, Debug, PartialEq)]
pub struct Grant {
    pub id: String,
    pub account: String,
    pub client: String,
    /// Where (RFC 8707).
    pub resource: String,
    /// Sorted.
    pub scopes: Vec<String>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// The grants in a database.
pub struct Grants {
    driver: Arc<dyn Driver>,
    audit: Option<Arc<Audit>>,
}

const KEY: [Test; 3] = [
    Test::Is("account"),
    Test::Is("client"),
    Test::Is("resource"),
];

impl Grant {
    /// Whether all of these were allowed.
    pub fn covers(&self, scopes: &[String]) -> bool {
        scopes.iter().all(|scope| self.scopes.contains(scope))
    }

    fn read(row: &Row<'_>) -> Result<Grant, StoreError> {
        Ok(Grant {
            id: row.text("id")?,
            account: row.text("account")?,
            client: row.text("client")?,
            resource: row.text("resource")?,
            scopes: row.json("scopes")?,
            created_at: row.time("created_at")?,
            updated_at: row.time("updated_at")?,
        })
    }
}

impl Grants {
    pub fn new(driver: Arc<dyn Driver>) -> Grants {
        Grants {
            driver,
            audit: None,
        }
    }

    /// With what is allowed and taken back written down.
    pub fn audited(self, audit: Arc<Audit>) -> Grants {
        Grants {
            audit: Some(audit),
            ..self
        }
    }

    /// # Errors
    /// When the database cannot be read.
    pub async fn find(
        &self,
        account: &str,
        client: &str,
        resource: &str,
    ) -> Result<Option<Grant>, StoreError> {
        let find = GRANTS.find(self.driver.dialect(), &KEY);
        let key = [account, client, resource].map(|text| Value::Text(text.to_owned()));
        let rows = self
            .driver
            .query(&find.statement, &find.bind_args(&key))
            .await?;
        GRANTS
            .rows(&rows)
            .next()
            .map(|row| Grant::read(&row))
            .transpose()
    }

    /// Remembers that somebody has allowed this, along with what they allowed before.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn allow(
        &self,
        account: &str,
        client: &str,
        resource: &str,
        scopes: &[String],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let dialect = self.driver.dialect();
        let key = [account, client, resource].map(|text| Value::Text(text.to_owned()));
        let entry = Entry::new(
            now,
            Action::ConsentGranted,
            &Actor::Account(account.to_owned()),
        )
        .client(client)
        .detail("resource", resource)
        .detail("scopes", scopes.join(" "));
        let audit = self.audit.as_ref();
        let noted = audit.map(|audit| audit.insertion(&entry)).transpose()?;
        let scopes = scopes.to_vec();
        let id = random::id("grant");
        let allowed: Result<(), std::convert::Infallible> =
            store::transact(&*self.driver, move |tx| {
                let (key, mut scopes, id) = (key.clone(), scopes.clone(), id.clone());
                let noted = noted.clone();
                Box::pin(async move {
                    let find = GRANTS.find(dialect, &KEY);
                    let rows = tx.query(&find.statement, &find.bind_args(&key)).await?;
                    let known = GRANTS
                        .rows(&rows)
                        .next()
                        .map(|row| Grant::read(&row))
                        .transpose()?;
                    scopes.extend(known.iter().flat_map(|known| known.scopes.clone()));
                    scopes.sort_unstable();
                    scopes.dedup();
                    let (statement, arguments) = match known {
                        Some(known) => (
                            GRANTS.update(
                                dialect,
                                &[Set::To("scopes"), Set::To("updated_at")],
                                &[Test::Is("id")],
                            ),
                            vec![
                                table::json(&scopes)?,
                                Value::Timestamp(now),
                                Value::Text(known.id),
                            ],
                        ),
                        None => {
                            let [account, client, resource] = key;
                            let row = GRANTS.row([
                                ("id", Value::Text(id)),
                                ("account", account),
                                ("client", client),
                                ("resource", resource),
                                ("scopes", table::json(&scopes)?),
                                ("created_at", Value::Timestamp(now)),
                                ("updated_at", Value::Timestamp(now)),
                            ]);
                            (GRANTS.insert(dialect), row)
                        }
                    };
                    for (statement, arguments) in [(statement, arguments)].into_iter().chain(noted)
                    {
                        tx.execute(&statement.statement, &statement.bind_args(&arguments))
                            .await?;
                    }
                    Ok(Ok(()))
                })
            })
            .await?;
        match allowed {
            Ok(()) => Ok(()),
            Err(never) => match never {},
        }
    }

    /// What somebody has allowed, the newest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn list(&self, account: &str) -> Result<Vec<Grant>, StoreError> {
        let order = Order::Descending("created_at");
        let tests = [Test::Is("account")];
        let list = GRANTS.list(self.driver.dialect(), &tests, order, LISTED_MAX);
        let key = [Value::Text(account.to_owned())];
        let rows = self
            .driver
            .query(&list.statement, &list.bind_args(&key))
            .await?;
        GRANTS.rows(&rows).map(|row| Grant::read(&row)).collect()
    }

    /// Takes back all that somebody has allowed an app, with everything it holds by that: here
    /// once this returns, elsewhere within a second. `subject`: the person in access tokens.
    /// Whether there was anything.
    ///
    /// # Errors
    /// When the database cannot be written. What was ended until then stays so.
    pub async fn revoke(
        &self,
        account: &str,
        subject: &str,
        client: &str,
        ending: Ending<'_>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        // First what lets it ask again, last what only hastens the end.
        let tests = [Test::Is("account"), Test::Is("client")];
        let delete = GRANTS.delete(self.driver.dialect(), &tests);
        let key = [account, client].map(|text| Value::Text(text.to_owned()));
        let entry = Entry::new(
            now,
            Action::ConsentRevoked,
            &Actor::Account(account.to_owned()),
        )
        .client(client);
        let mut statements = vec![];
        if let Some(audit) = &self.audit {
            statements.push(audit.insertion(&entry)?);
        }
        // The last says how many rows it changed.
        statements.push((delete, key.to_vec()));
        let deleted = store::execute(&*self.driver, statements).await?;
        let which = Which::Grant { account, client };
        let ended = ending.families.end(which, Ended::Revoked, now).await?;
        let what = What::Grant {
            subject: subject.to_owned(),
            client: client.to_owned(),
        };
        ending.denied.deny(what, outlived(now), now).await?;
        Ok(deleted > 0 || !ended.is_empty())
    }
}

/// What ends along with a grant.
#[derive(Clone, Copy)]
pub struct Ending<'a> {
    pub families: &'a Families,
    pub denied: &'a Denied,
}
