//! A compiled model as the names that rules may use.

use std::sync::Arc;

use expr::ir::RuleDef;
use expr::schema::{Property, Schema, Unresolved};
use model::{FieldKind, Model};
use value::ResourceId;

pub struct ModelNames<'m>(pub &'m Model);

impl Schema for ModelNames<'_> {
    fn property(&self, resource: ResourceId, name: &str) -> Result<Property, Unresolved> {
        let resource = self.0.resource(resource);
        if let Some(field) = resource.field_named(name) {
            let (ty, nullable) = (field.shape.ty.clone(), field.shape.nullable);
            return Ok(match &field.kind {
                FieldKind::Computed(formula) => Property::Computed {
                    ty,
                    nullable,
                    formula: Arc::clone(formula),
                },
                _ => Property::Field {
                    id: field.id,
                    ty,
                    nullable,
                },
            });
        }
        if let Some(field) = resource.relation_named(name)
            && let Some((_, target)) = field.relation()
        {
            return Ok(Property::Relation {
                via: field.id,
                target,
                nullable: field.shape.nullable,
            });
        }
        if let Some(list) = resource.list_named(name) {
            return Ok(Property::List {
                resource: list.resource,
                field: list.field,
            });
        }
        let rule = resource.rules.iter().find(|rule| *rule.name == *name);
        rule.map(|rule| Property::Rule(Arc::clone(rule)))
            .ok_or(Unresolved::Unknown)
    }

    fn rule(&self, resource: Option<ResourceId>, name: &str) -> Result<Arc<RuleDef>, Unresolved> {
        let own = resource.map_or(&[][..], |id| &self.0.resource(id).rules);
        own.iter()
            .chain(&self.0.rules)
            .chain(&expr::builtin_rules())
            .find(|rule| *rule.name == *name)
            .cloned()
            .ok_or(Unresolved::Unknown)
    }

    fn property_names(&self, resource: ResourceId) -> Vec<String> {
        let resource = self.0.resource(resource);
        let fields = resource.fields.iter().map(|field| field.name.clone());
        let relations = resource
            .fields
            .iter()
            .filter_map(|field| Some(field.relation()?.0.to_owned()));
        let lists = resource.lists.iter().map(|list| list.name.clone());
        let rules = resource.rules.iter().map(|rule| rule.name.to_string());
        fields.chain(relations).chain(lists).chain(rules).collect()
    }

    fn rule_names(&self, resource: Option<ResourceId>) -> Vec<String> {
        let own = resource.map_or(&[][..], |id| &self.0.resource(id).rules);
        own.iter()
            .chain(&self.0.rules)
            .map(|rule| rule.name.to_string())
            .collect()
    }

    fn resource_name(&self, resource: ResourceId) -> &str {
        &self.0.resource(resource).name
    }
}
