//! What rules know of the person who is calling: the fields of their record that the contract
//! reads as `user.NAME`.
//!
//! It is read from the record, never from a token, so that a role that is taken away is gone. A
//! record is believed for [`REMEMBERED_FOR`], and not a moment longer on the node that changes it.
//! A person whose record is gone is nobody.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use call::Failure;
use model::{Model, Users as InContract};
use store::driver::Driver;
use store::select::{self, Output, Select};
use store::{Prepared, Unsupported};
use value::{Type, Value};

/// How long a record is believed without asking the database again.
pub const REMEMBERED_FOR: Duration = Duration::from_secs(1);
/// Records remembered at once; beyond it all are forgotten and asked for again.
const REMEMBERED_MAX: usize = 10_000;

/// `user.NAME` for each name that rules read and the record has a value for, as texts.
pub type Claims = Vec<(String, String)>;

/// The records of a contract's users.
pub struct Users {
    model: Arc<Model>,
    driver: Arc<dyn Driver>,
    find: Prepared,
    /// Whose they are, and which of their fields rules read.
    users: InContract,
    remembered: RwLock<Memory>,
}

#[derive(Default)]
struct Memory {
    by_id: HashMap<String, (Option<Arc<Claims>>, Instant)>,
    forgotten: u64,
}

impl Users {
    /// # Errors
    /// Never for a model that the contract compiler has made.
    pub fn new(
        model: Arc<Model>,
        driver: Arc<dyn Driver>,
        users: &InContract,
    ) -> Result<Users, Unsupported> {
        let resource = model.resource(users.resource);
        let mut outputs = vec![Output::Field(resource.id_field().id)];
        outputs.extend(users.claims.iter().copied().map(Output::Field));
        let shape = Select {
            outputs,
            by_id: true,
            ..Select::new(resource.id)
        };
        let find = select::select(&model, driver.dialect(), &shape)?;
        Ok(Users {
            find,
            users: users.clone(),
            remembered: RwLock::default(),
            model,
            driver,
        })
    }

    /// What is known of the person with this id; `None` if there is no such record (any more).
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn claims(&self, id: &str) -> Result<Option<Arc<Claims>>, Failure> {
        let asked = Instant::now();
        let forgotten = {
            let memory = self
                .remembered
                .read()
                .unwrap_or_else(PoisonError::into_inner);
            match memory.by_id.get(id) {
                Some((claims, until)) if asked < *until => return Ok(claims.clone()),
                _ => memory.forgotten,
            }
        };
        let claims = self.read(id).await?.map(Arc::new);
        let mut memory = self
            .remembered
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        if memory.forgotten == forgotten {
            if memory.by_id.len() >= REMEMBERED_MAX {
                memory.by_id.clear();
            }
            memory
                .by_id
                .insert(id.to_owned(), (claims.clone(), asked + REMEMBERED_FOR));
        }
        Ok(claims)
    }

    /// Believes nothing that was read until now: a record has changed.
    pub fn forget(&self) {
        let mut memory = self
            .remembered
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        memory.by_id.clear();
        memory.forgotten = memory.forgotten.wrapping_add(1);
    }

    async fn read(&self, id: &str) -> Result<Option<Claims>, Failure> {
        let resource = self.model.resource(self.users.resource);
        let Ok(key) = resource.id_type.parse(id) else {
            return Ok(None);
        };
        let parameters = self.find.bind_args(&[key]);
        let rows = self.driver.query(&self.find.statement, &parameters).await;
        let rows = rows.map_err(|error| crate::trouble(&error))?;
        let records = self
            .find
            .records(rows)
            .map_err(|error| crate::trouble(&error))?;
        let Some(record) = records.into_iter().next() else {
            return Ok(None);
        };
        let named = self.users.claims.iter().zip(record.iter().skip(1));
        let claims = named
            .filter(|(_, value)| !value.is_null())
            .map(|(field, value)| {
                let field = resource.field(*field);
                (field.name.clone(), spelled(&field.shape.ty, value))
            });
        Ok(Some(claims.collect()))
    }
}

/// A value as rules read claims: plain text, lists as JSON.
fn spelled(ty: &Type, value: &Value) -> String {
    match ty {
        Type::List(_) => value::json::to_json_text(ty, value),
        ty => value::text::print(ty, value),
    }
}
