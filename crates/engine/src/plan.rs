//! What the engine prepares of a model once, so that requests only ask.

use std::sync::Arc;

use call::{Caller, Code, Failure};
use model::{Action, Field, Model, Resource};
use value::{FieldId, ResourceId, Timestamp};

use crate::access::{Gate, Verdict};

/// Gates of one resource, parallel to the model.
#[derive(Debug)]
pub struct ResourcePlan {
    gates: [Option<Arc<Gate>>; Action::ALL.len()],
    /// Read rules of fields, indexed by [`FieldId`].
    field_read: Vec<Option<Arc<Gate>>>,
    field_write: Vec<Option<Arc<Gate>>>,
    /// `check:`, in order.
    pub checks: Vec<Gate>,
    /// Some field has a read rule, so views differ by caller.
    pub has_field_rules: bool,
    /// Fields of other records are counted for each record (`sequence:`).
    pub is_counted_for: bool,
    /// Some relation leads to such records.
    pub is_pointed_at: bool,
}

impl ResourcePlan {
    pub fn new(resource: &Resource) -> ResourcePlan {
        let field_gates = |rule: fn(&model::Field) -> Option<&model::Rule>| {
            resource
                .fields
                .iter()
                .map(|field| rule(field).map(|rule| Arc::new(Gate::new(rule))))
                .collect()
        };
        let field_read: Vec<Option<Arc<Gate>>> = field_gates(|field| field.read.as_ref());
        ResourcePlan {
            gates: Action::ALL.map(|action| {
                resource
                    .access
                    .rule(action)
                    .map(|rule| Arc::new(Gate::new(rule)))
            }),
            is_counted_for: false,
            is_pointed_at: false,
            has_field_rules: field_read.iter().any(Option::is_some),
            field_read,
            field_write: field_gates(|field| field.write.as_ref()),
            checks: resource
                .checks
                .iter()
                .map(|check| Gate::of_condition(check.message.clone(), &check.condition))
                .collect(),
        }
    }

    pub fn gate(&self, action: Action) -> Option<&Gate> {
        let index = Action::ALL.iter().position(|known| *known == action)?;
        self.gates[index].as_deref()
    }

    pub fn field_read(&self, field: FieldId) -> Option<&Gate> {
        self.field_read[usize::from(field.0)].as_deref()
    }

    /// Filtering, sorting or listing by what one may not read would tell it bit by bit.
    ///
    /// # Errors
    /// Unless the caller reads the field on every record.
    pub fn may_ask_about(
        &self,
        field: &Field,
        caller: &Caller,
        now: Timestamp,
    ) -> Result<(), Failure> {
        let Some(gate) = self.field_read(field.id) else {
            return Ok(());
        };
        if matches!(gate.ask(caller, now), Verdict::Open) {
            return Ok(());
        }
        let code = if caller.is_guest() {
            Code::Unauthenticated
        } else {
            Code::Forbidden
        };
        Err(Failure {
            rule: Some(gate.text.as_str().into()),
            ..Failure::new(
                code,
                format!(
                    "you may not filter, sort or list by `{}`: its rule `{}` does not let you \
                     read it",
                    field.name, gate.text
                ),
            )
        })
    }

    pub fn field_write(&self, field: FieldId) -> Option<&Gate> {
        self.field_write[usize::from(field.0)].as_deref()
    }
}

/// Plans of all resources.
#[derive(Debug)]
pub struct Plans(Vec<ResourcePlan>);

impl Plans {
    pub fn new(model: &Model) -> Plans {
        let mut plans: Vec<ResourcePlan> = model.resources.iter().map(ResourcePlan::new).collect();
        for resource in &model.resources {
            for (_, target) in resource.fields.iter().filter_map(Field::relation) {
                plans[usize::from(target.0)].is_pointed_at = true;
            }
            let counted_by = resource.fields.iter().filter_map(|field| field.sequence);
            for (_, target) in counted_by.filter_map(|by| resource.field(by).relation()) {
                plans[usize::from(target.0)].is_counted_for = true;
            }
        }
        Plans(plans)
    }

    pub fn resource(&self, id: ResourceId) -> &ResourcePlan {
        &self.0[usize::from(id.0)]
    }
}
