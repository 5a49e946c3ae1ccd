//! What people do is written into the audit log, in the transaction in which it is done.

use std::time::SystemTime;

use audit::{Action, Actor, Entry, Outcome};
use call::Failure;
use store::Prepared;
use value::{Timestamp, Value};

use crate::{From, People, trouble};

/// A statement with its arguments.
pub(crate) type Statement = (Prepared, Vec<Value>);

impl People {
    /// That somebody has done something to their account, as a statement of its transaction.
    pub(crate) fn noted(
        &self,
        action: Action,
        account: &str,
        from: Option<&From<'_>>,
    ) -> Result<Statement, Failure> {
        self.noted_with(action, account, from, |entry| entry)
    }

    /// The same, with more about it.
    pub(crate) fn noted_with(
        &self,
        action: Action,
        account: &str,
        from: Option<&From<'_>>,
        more: impl FnOnce(Entry) -> Entry,
    ) -> Result<Statement, Failure> {
        let actor = Actor::Account(account.to_owned());
        let entry = more(entry(action, &actor, from).subject(account));
        let statement = self.lasting().audit.insertion(&entry);
        statement.map_err(|error| trouble(&error))
    }

    /// Somebody tried to sign in and did not prove who they are. Written whether there is such an
    /// account or not, so that it takes the same time; that it cannot be is no reason to answer
    /// otherwise.
    pub(crate) async fn note_failed_sign_in(
        &self,
        account: Option<&str>,
        by: &str,
        from: &From<'_>,
    ) {
        let mut entry = entry(Action::SignInFailed, &Actor::Unknown, Some(from))
            .outcome(Outcome::Refused)
            .detail("method", by);
        if let Some(account) = account {
            entry = entry.subject(account);
        }
        let noted = async {
            let statement = self.lasting().audit.insertion(&entry)?;
            store::execute(self.driver(), vec![statement]).await
        };
        if let Err(error) = noted.await {
            tracing::warn!(%error, "a sign-in that failed is not in the audit log");
        }
    }
}

fn entry(action: Action, actor: &Actor, from: Option<&From<'_>>) -> Entry {
    let now = from.map_or_else(|| Timestamp::from(SystemTime::now()), |from| from.now);
    let entry = Entry::new(now, action, actor);
    let Some(from) = from else { return entry };
    let entry = entry.client_address(from.address);
    match from.agent {
        Some(agent) => entry.detail("agent", agent),
        None => entry,
    }
}
