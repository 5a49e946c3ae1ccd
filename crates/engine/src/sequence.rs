//! Counting: what `sequence:` gives a new record, in the transaction of its write.

use call::{Code, Failure, Request};
use model::{Field, Resource};
use store::driver::Transaction;
use value::{Type, Value};

use crate::Core;
use crate::read::Via;
use crate::statements::{Kind, ShapeKey};

impl Core {
    /// Gives a new row its numbers. Those that it brings along (an import) are followed.
    pub async fn count(
        &self,
        transaction: &mut dyn Transaction,
        request: &Request,
        row: &mut [Value],
    ) -> Result<(), Failure> {
        let resource = self.model.resource(request.resource);
        for field in &resource.fields {
            let Some(by) = field.sequence else { continue };
            let parent = row[usize::from(by.0)].clone();
            let slot = &mut row[usize::from(field.id.0)];
            if slot.is_null() {
                *slot = self
                    .next_number(transaction, request, resource, field, parent)
                    .await?;
            } else {
                let key = ShapeKey::new(Kind::FollowNumber)
                    .resource(resource.id)
                    .field(field.id);
                let prepared = self.statements.get_or_make(key, || {
                    let dialect = self.driver.dialect();
                    Ok(store::sequence::follow(
                        &self.model,
                        dialect,
                        resource.id,
                        field.id,
                    ))
                })?;
                let parameters = self.bind(&prepared, &[parent, slot.clone()], request);
                transaction
                    .execute(&prepared.statement, &parameters)
                    .await
                    .map_err(|error| self.trouble(&error))?;
            }
        }
        Ok(())
    }

    async fn next_number(
        &self,
        transaction: &mut dyn Transaction,
        request: &Request,
        resource: &Resource,
        field: &Field,
        parent: Value,
    ) -> Result<Value, Failure> {
        let key = ShapeKey::new(Kind::NextNumber)
            .resource(resource.id)
            .field(field.id);
        let prepared = self.statements.get_or_make(key, || {
            let dialect = self.driver.dialect();
            Ok(store::sequence::next(
                &self.model,
                dialect,
                resource.id,
                field.id,
            ))
        })?;
        let parameters = self.bind(&prepared, &[parent], request);
        let rows = self
            .rows(&mut Via::Inside(transaction), &prepared, &parameters)
            .await?;
        let Some(Value::Int(number)) = rows
            .into_iter()
            .next()
            .and_then(|row| row.into_iter().next())
        else {
            return Err(Failure::internal("a counter answered no number"));
        };
        let most = match field.shape.ty {
            Type::Int32 => i64::from(i32::MAX),
            Type::Int53 => value::json::INT53_MAX,
            _ => i64::MAX,
        };
        if number > most {
            return Err(Failure::new(
                Code::Conflict,
                format!("`{}` has come to its last number, {most}", field.name),
            ));
        }
        Ok(Value::Int(number))
    }

    /// Forgets what was counted for a record that is deleted.
    pub async fn forget_counted(
        &self,
        transaction: &mut dyn Transaction,
        request: &Request,
        id: &Value,
    ) -> Result<(), Failure> {
        let resource = self.model.resource(request.resource);
        if !self.plans.resource(resource.id).is_counted_for {
            return Ok(());
        }
        let key = ShapeKey::new(Kind::ForgetNumbers).resource(resource.id);
        let prepared = self.statements.get_or_make(key, || {
            store::sequence::forget(&self.model, self.driver.dialect(), resource.id)
                .ok_or_else(|| Failure::internal("nothing is counted for these records"))
        })?;
        let parameters = self.bind(&prepared, std::slice::from_ref(id), request);
        transaction
            .execute(&prepared.statement, &parameters)
            .await
            .map_err(|error| self.trouble(&error))?;
        Ok(())
    }
}

/// Whether the server counts something of each record.
pub fn is_counted(resource: &Resource) -> bool {
    resource.fields.iter().any(|field| field.sequence.is_some())
}
