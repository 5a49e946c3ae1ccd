//! Ending families, and denying what was issued to them, in one transaction.

use std::sync::Arc;

use store::Prepared;
use store::driver::{Dialect, StoreError, Transaction};
use store::people::FAMILIES;
use store::table::{Order, Set, Test};
use value::{Timestamp, Value};

use super::{FAMILIES_MAX, Families};
use crate::denied::What;
use crate::tokens::outlived;

/// Why a family has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The person signed out, here or everywhere.
    SignedOut,
    /// The person ended it from elsewhere, or took an app's permission back.
    Revoked,
    /// The client gave its token back (RFC 7009).
    Returned,
    /// A token of it was used twice.
    Replayed,
    /// What the person proves who they are with has changed, or the account has gone.
    Account,
    /// An administrator ended it.
    Operator,
}

impl Ended {
    pub fn name(self) -> &'static str {
        match self {
            Ended::SignedOut => "signed_out",
            Ended::Revoked => "revoked",
            Ended::Returned => "returned",
            Ended::Replayed => "replayed",
            Ended::Account => "account",
            Ended::Operator => "operator",
        }
    }
}

/// Which families to end.
#[derive(Clone, Copy, Debug)]
pub enum Which<'a> {
    One(&'a str),
    /// All of a person.
    Account(&'a str),
    /// All of a person but one: everywhere else.
    Others {
        account: &'a str,
        but: &'a str,
    },
    /// All that a person allowed an app.
    Grant {
        account: &'a str,
        client: &'a str,
    },
    /// All that were begun in a browser's session.
    Session(&'a str),
    /// All of an app, for whomever. Many may remain after one call: it is to be repeated until
    /// nothing has ended.
    Client(&'a str),
}

/// What an ending works on.
struct Ending {
    dialect: Dialect,
    tests: Vec<Test>,
    arguments: Vec<Value>,
    but: Option<String>,
    why: Ended,
    note: Option<(Prepared, Vec<Value>)>,
    now: Timestamp,
}

impl Families {
    /// Ends families that have not ended: their refresh tokens are good for nothing from now on,
    /// and so are access tokens, here once this returns and elsewhere within a second. Which, and
    /// at most [`FAMILIES_MAX`] at once.
    ///
    /// # Errors
    /// When the database cannot be written. Nothing has ended then.
    pub async fn end(
        &self,
        which: Which<'_>,
        why: Ended,
        now: Timestamp,
    ) -> Result<Vec<String>, StoreError> {
        self.end_noted(which, why, None, now).await
    }

    /// The same, with what is written down along with it if anything has ended.
    pub(super) async fn end_noted(
        &self,
        which: Which<'_>,
        why: Ended,
        note: Option<(Prepared, Vec<Value>)>,
        now: Timestamp,
    ) -> Result<Vec<String>, StoreError> {
        let until = outlived(now);
        let dialect = self.driver.dialect();
        let ending = Arc::new(Ending::new(dialect, which, why, note, now));
        let ended: Result<Vec<String>, ()> = store::transact(&*self.driver, move |tx| {
            let ending = Arc::clone(&ending);
            Box::pin(async move { ending.run(tx).await.map(Ok) })
        })
        .await?;
        let ended = ended.unwrap_or_default();
        for id in &ended {
            self.denied.note(&What::Family(id.clone()), until, now);
        }
        Ok(ended)
    }
}

impl Ending {
    fn new(
        dialect: Dialect,
        which: Which<'_>,
        why: Ended,
        note: Option<(Prepared, Vec<Value>)>,
        now: Timestamp,
    ) -> Ending {
        let (wanted, but): (Vec<(&'static str, &str)>, _) = match which {
            Which::One(id) => (vec![("id", id)], None),
            Which::Account(account) => (vec![("account", account)], None),
            Which::Others { account, but } => (vec![("account", account)], Some(but.to_owned())),
            Which::Grant { account, client } => {
                (vec![("account", account), ("client", client)], None)
            }
            Which::Session(session) => (vec![("session", session)], None),
            Which::Client(client) => (vec![("client", client)], None),
        };
        let mut tests: Vec<Test> = wanted.iter().map(|(name, _)| Test::Is(name)).collect();
        tests.push(Test::IsNull("ended_at"));
        let texts = wanted
            .iter()
            .map(|(_, text)| Value::Text((*text).to_owned()));
        Ending {
            dialect,
            tests,
            arguments: texts.collect(),
            but,
            why,
            note,
            now,
        }
    }

    async fn run(&self, tx: &mut dyn Transaction) -> Result<Vec<String>, StoreError> {
        let order = Order::Ascending("id");
        let list = FAMILIES.list(self.dialect, &self.tests, order, FAMILIES_MAX);
        let rows = tx
            .query(&list.statement, &list.bind_args(&self.arguments))
            .await?;
        let end = FAMILIES.update(
            self.dialect,
            &[Set::To("ended_at"), Set::To("why")],
            &[Test::Is("id")],
        );
        let mut ended = Vec::with_capacity(rows.len());
        for row in FAMILIES.rows(&rows) {
            let id = row.text("id")?;
            if self.but.as_ref() == Some(&id) {
                continue;
            }
            let arguments = [
                Value::Timestamp(self.now),
                Value::Text(self.why.name().to_owned()),
                Value::Text(id.clone()),
            ];
            tx.execute(&end.statement, &end.bind_args(&arguments))
                .await?;
            let what = What::Family(id.clone());
            let (denial, row) = what.insertion(self.dialect, outlived(self.now), self.now);
            tx.execute(&denial.statement, &denial.bind_args(&row))
                .await?;
            ended.push(id);
        }
        if let Some((note, arguments)) = self.note.as_ref().filter(|_| !ended.is_empty()) {
            tx.execute(&note.statement, &note.bind_args(arguments))
                .await?;
        }
        Ok(ended)
    }
}
