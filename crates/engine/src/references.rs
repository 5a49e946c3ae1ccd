//! Whether what a record refers to is there, while it is being written.

use call::{Code, Failure, FieldProblem, Place, Request};
use model::{Field, Model, Resource};
use store::driver::{StoreError, Transaction};
use value::{FieldId, Value};

use crate::Core;
use crate::read::Via;
use crate::statements::{Kind, ShapeKey};

impl Core {
    /// Of each relation of a record, in their order, whether it is null or leads to a record. `kept`:
    /// also to one that has been deleted and can be restored.
    pub async fn targets_there(
        &self,
        transaction: &mut dyn Transaction,
        resource: &Resource,
        row: &[Value],
        kept: bool,
    ) -> Result<Vec<Value>, Failure> {
        let ids: Vec<Value> = store::references::relation_fields(resource)
            .map(|field| row[usize::from(field.0)].clone())
            .collect();
        if ids.is_empty() {
            return Ok(vec![]);
        }
        let key = ShapeKey::new(Kind::Targets)
            .resource(resource.id)
            .number(u64::from(kept));
        let prepared = self.statements.get_or_make(key, || {
            store::references::targets(&self.model, self.driver.dialect(), resource.id, kept)
                .ok_or_else(|| Failure::internal("these records refer to nothing"))
        })?;
        let parameters = prepared.bind_args(&ids);
        let rows = self
            .rows(&mut Via::Inside(transaction), &prepared, &parameters)
            .await?;
        Ok(rows.into_iter().next().unwrap_or_default())
    }

    /// A refused reference, with the field it stands in.
    pub async fn missing_reference(
        &self,
        transaction: &mut dyn Transaction,
        resource: &Resource,
        row: &[Value],
    ) -> Failure {
        let there = self.targets_there(transaction, resource, row, false).await;
        let problems: Vec<FieldProblem> = store::references::relation_fields(resource)
            .zip(there.unwrap_or_default())
            .filter(|(_, there)| *there == Value::Bool(false))
            .map(|(field, _)| dangling(&self.model, resource.field(field), row))
            .collect();
        if problems.is_empty() {
            return self.trouble(&StoreError::ForeignKey);
        }
        Failure::with_problems(Code::UnknownReference, problems)
    }

    /// What is written must not point at what is deleted. The database holds references to rows,
    /// and a record that can be restored still has its row. To be asked when the row is written,
    /// which keeps the database from letting go of what it points at.
    pub async fn references_live(
        &self,
        transaction: &mut dyn Transaction,
        request: &Request,
        row: &[Value],
        changed: impl Fn(FieldId) -> bool,
    ) -> Result<(), Failure> {
        let resource = self.model.resource(request.resource);
        let soft: Vec<&Field> = store::references::soft_relations(&self.model, resource).collect();
        if !soft.iter().any(|field| changed(field.id)) {
            return Ok(());
        }
        let key = ShapeKey::new(Kind::DeletedTargets).resource(resource.id);
        let prepared = self.statements.get_or_make(key, || {
            store::references::deleted_targets(&self.model, self.driver.dialect(), resource.id)
                .ok_or_else(|| Failure::internal("these records refer to nothing that is kept"))
        })?;
        let ids: Vec<Value> = soft
            .iter()
            .map(|field| row[usize::from(field.id.0)].clone())
            .collect();
        let parameters = prepared.bind_args(&ids);
        let rows = self
            .rows(&mut Via::Inside(transaction), &prepared, &parameters)
            .await?;
        let deleted = rows.into_iter().next().unwrap_or_default();
        let problems: Vec<FieldProblem> = soft
            .iter()
            .zip(deleted)
            .filter(|(field, deleted)| changed(field.id) && *deleted == Value::Bool(true))
            .map(|(field, _)| dangling(&self.model, field, row))
            .collect();
        if problems.is_empty() {
            Ok(())
        } else {
            Err(Failure::with_problems(Code::UnknownReference, problems))
        }
    }
}

/// Says of a relation of this row that it leads to nothing.
fn dangling(model: &Model, field: &Field, row: &[Value]) -> FieldProblem {
    let target = field.relation().map_or_else(
        || "record".to_owned(),
        |(_, target)| model.resource(target).noun(),
    );
    FieldProblem {
        place: Place::Pointer(format!("/{}", field.name)),
        code: "unknown_reference",
        detail: format!(
            "there is no {target} `{}`",
            value::text::print(&field.shape.ty, &row[usize::from(field.id.0)])
        ),
    }
}
