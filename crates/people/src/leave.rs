//! What there is of somebody, for themselves, and leaving: the account and the record go together.

use call::{BoxFuture, Cell, Code, Failure, Filter, Operand, Operator, Outcome, Place, Request};
use engine::Alongside;
use identity::families::Ended;
use identity::text::Email;
use model::Action;
use serde_json::{Map, Value as Json};
use store::Prepared;
use store::driver::{StoreError, Transaction};
use store::people::{
    ACCOUNTS, FAMILIES, GRANTS, LOGINS, PASSKEYS, RECOVERY_CODES, SESSIONS, TICKETS,
};
use store::table::{Table, Test};
use value::{Timestamp, Value};

use crate::account::Account;
use crate::letters::Kind;
use crate::noted::Statement;
use crate::{From, People, trouble};

/// What belongs to an account and goes with it. Who did what stays written down.
static BELONGINGS: [&Table; 7] = [
    &PASSKEYS,
    &RECOVERY_CODES,
    &TICKETS,
    &SESSIONS,
    &FAMILIES,
    &GRANTS,
    &LOGINS,
];

impl People {
    /// The record of a person as JSON, all of it.
    ///
    /// # Errors
    /// [`Code::NotFound`] when there is none any more.
    pub async fn record(&self, account: &Account, now: Timestamp) -> Result<Json, Failure> {
        let request = self.system(Action::Get, &account.user, now);
        match self.engine().handle(request).await? {
            Outcome::Record(record) => Ok(Self::json(&record)),
            _ => Err(Failure::internal("a get gave no record")),
        }
    }

    fn json(record: &call::Record) -> Json {
        let mut members = Map::new();
        for (slot, cell) in record.view.slots.iter().zip(&record.cells) {
            if let Cell::Value(value) = cell {
                let text = value::json::to_json_text(&slot.ty, value);
                let json = serde_json::from_str(&text).unwrap_or(Json::Null);
                members.insert(slot.name.clone(), json);
            }
        }
        Json::Object(members)
    }

    /// Deletes an account with its record and all that belongs to it, or nothing of it.
    ///
    /// # Errors
    /// What keeps the record from being deleted, such as others that refer to it.
    pub async fn delete(&self, id: &str, from: &From<'_>) -> Result<(), Failure> {
        let account = self.account(id).await?;
        let dialect = self.driver().dialect();
        let mut statements: Vec<Prepared> = BELONGINGS
            .iter()
            .map(|table| table.delete(dialect, &[Test::Is("account")]))
            .collect();
        statements.push(ACCOUNTS.delete(dialect, &[Test::Is("id")]));
        let leaving = Leaving {
            statements,
            id: id.to_owned(),
            entry: self.noted(audit::Action::AccountDeleted, id, Some(from))?,
        };
        // First of all nothing that was issued is good any more: what follows cannot be undone.
        let request = self.system(Action::Delete, &account.user, from.now);
        let deleted = self
            .engine()
            .handle_alongside(request, Box::new(leaving.clone()))
            .await;
        match deleted {
            Ok(_) => {}
            // The record went before its account.
            Err(failure) if failure.code == Code::NotFound => {
                let done = store::transact(self.driver(), move |transaction| {
                    let mut leaving = leaving.clone();
                    Box::pin(async move { leaving.run(transaction).await.map(Ok::<(), Failure>) })
                });
                done.await.map_err(|error| trouble(&error))??;
            }
            Err(failure) => return Err(failure),
        }
        self.sign_out_everywhere(&account, Ended::Account, from.now)
            .await?;
        self.write(&account, Kind::AccountDeleted);
        Ok(())
    }

    /// The id of the record that has this address already, if the contract's users have one each.
    pub(crate) async fn record_of(
        &self,
        email: &Email,
        now: Timestamp,
    ) -> Result<Option<String>, Failure> {
        let users = self.users();
        let resource = self.model().resource(users.resource);
        let Some(field) = users.email.map(|field| resource.field(field)) else {
            return Ok(None);
        };
        if !field.unique {
            return Ok(None);
        }
        let caller = std::sync::Arc::new(call::Caller::operator("accounts"));
        let mut request = Request::new(users.resource, Action::List, caller, now);
        request.query.filters.push(Filter {
            relation: None,
            field: field.name.clone(),
            operator: Operator::Eq,
            operand: Operand::Text(email.as_str().to_owned()),
            place: Place::Parameter(field.name.clone()),
        });
        match self.engine().handle(request).await? {
            Outcome::Page(page) => Ok(page
                .items
                .first()
                .map(|record| resource.id_type.to_text(&record.id))),
            _ => Err(Failure::internal("a list gave no page")),
        }
    }
}

/// All that goes in one transaction.
#[derive(Clone)]
struct Leaving {
    /// Each takes the account's id.
    statements: Vec<Prepared>,
    id: String,
    /// For the audit log.
    entry: Statement,
}

impl Leaving {
    async fn run(&mut self, transaction: &mut dyn Transaction) -> Result<(), StoreError> {
        for statement in &self.statements {
            let parameters = statement.bind_args(&[Value::Text(self.id.clone())]);
            transaction
                .execute(&statement.statement, &parameters)
                .await?;
        }
        let (entry, arguments) = &self.entry;
        let parameters = entry.bind_args(arguments);
        transaction.execute(&entry.statement, &parameters).await?;
        Ok(())
    }
}

impl Alongside for Leaving {
    fn write<'a>(
        &'a mut self,
        transaction: &'a mut dyn Transaction,
        _: &'a Outcome,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move { self.run(transaction).await.map_err(|error| trouble(&error)) })
    }
}
