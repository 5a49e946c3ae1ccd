//! Resources: kinds of records.

use std::sync::Arc;
use std::time::Duration;

use expr::ir::RuleDef;
use value::{FieldId, IdType, ResourceId};

use crate::access::{Access, Action, Audience, Check, Rule};
use crate::field::{Deprecated, Field, SystemField};

/// A kind of record.
#[derive(Debug)]
pub struct Resource {
    pub id: ResourceId,
    /// `Book`
    pub name: String,
    /// Table, feed and message name: `book`, `play_list`.
    pub snake: String,
    /// Last segment of the collection's path, plural kebab-case: `books`, `play-lists`. Unique
    /// among what is within the same resource.
    pub path: String,
    /// What several are called, unique in the contract: its path, or `gist-comments` where
    /// `comments` means others, elsewhere.
    pub plural: String,
    pub id_type: Arc<IdType>,
    /// `id`, then the contract's fields in its order, then `created_at`, `updated_at`.
    /// Indexed by [`FieldId`].
    pub fields: Vec<Field>,
    pub lists: Vec<ListRelation>,
    /// `key:`, the fields whose values stand in its path instead of the id. Mostly none.
    pub key: Vec<FieldId>,
    /// `within:`, the record whose path begins this one's.
    pub within: Option<Within>,
    /// Unique over several fields (single ones are on the field).
    pub unique: Vec<Vec<FieldId>>,
    /// Indexes over several fields, in order.
    pub index: Vec<Vec<FieldId>>,
    /// Text fields that `q` looks through.
    pub search: Vec<FieldId>,
    pub rules: Vec<Arc<RuleDef>>,
    pub access: Access,
    /// Scopes are `{scope}.read` and `{scope}.write`. By default the plural.
    pub scope: String,
    pub checks: Vec<Check>,
    pub audience: Audience,
    pub concurrency: Concurrency,
    pub idempotency: Idempotency,
    /// How its lists are answered.
    pub list: ListStyle,
    /// `cache:`: for how long answers that are the same for everybody may be used again.
    pub cache_seconds: Option<u32>,
    /// `soft_delete:`: how long a deleted record can be restored. `None` deletes at once.
    pub soft_delete: Option<Duration>,
    /// Name of a limit of the contract.
    pub limit: Option<String>,
    pub deprecated: Option<Deprecated>,
    /// `was:`: the resource's name before.
    pub was: Option<String>,
    /// `removed:`: fields whose data may go.
    pub removed: Vec<String>,
    pub description: Option<String>,
}

/// The many side of a relation: `lists: {books: Book.author}`.
#[derive(Clone, Debug, PartialEq)]
pub struct ListRelation {
    /// `away_games`: its name in `include`, `fields` and rules.
    pub name: String,
    pub resource: ResourceId,
    /// The field of that resource that holds our id (`author_id`).
    pub field: FieldId,
}

impl ListRelation {
    /// `away-games`: the segment behind the record's path. Different names have different
    /// segments, as names have no `-`.
    pub fn path(&self) -> String {
        crate::names::kebab(&self.name)
    }
}

/// `within: Repo`: the path of the record that `field` points to is in front of this one's, and
/// the field cannot change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Within {
    pub resource: ResourceId,
    pub field: FieldId,
}

/// `list:`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListStyle {
    /// A bare array instead of an envelope.
    pub bare: bool,
    /// What the parameter for the size of a page is called.
    pub limit: String,
}

impl Default for ListStyle {
    fn default() -> ListStyle {
        ListStyle {
            bare: false,
            limit: "limit".to_owned(),
        }
    }
}

/// Why a read of a resource is not answered alike to everybody.
#[derive(Clone, Copy, Debug)]
pub enum Differs<'a> {
    /// Not everybody is served the resource.
    Audience,
    /// The rule, or that there is none.
    Rule(Option<&'a Rule>),
    /// This field is not shown to everybody.
    Field(&'a Field),
}

/// `concurrency:`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Concurrency {
    #[default]
    Optional,
    /// A change needs `If-Match`, or is answered 428.
    Required,
}

/// `idempotency:`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Idempotency {
    #[default]
    Optional,
    /// POST and PATCH need `Idempotency-Key`, or are answered 400.
    Required,
}

impl Resource {
    /// What one of its records is called in a sentence: `play list`.
    pub fn noun(&self) -> String {
        self.snake.replace('_', " ")
    }

    /// What several of them are called: `play lists`.
    pub fn nouns(&self) -> String {
        self.plural.replace('-', " ")
    }

    pub fn field(&self, id: FieldId) -> &Field {
        &self.fields[usize::from(id.0)]
    }

    /// By its name in JSON (`author_id`, not `author`).
    pub fn field_named(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// The field behind a to-one relation's name (`author`).
    pub fn relation_named(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| {
            field
                .relation()
                .is_some_and(|(relation, _)| relation == name)
        })
    }

    /// Whether more than the id stands in its path.
    pub fn has_own_path(&self) -> bool {
        !self.key.is_empty() || self.within.is_some()
    }

    /// The fields whose values close its path: its key, or the id.
    pub fn key_fields(&self) -> impl Iterator<Item = &Field> {
        let id = self.key.is_empty().then(|| self.id_field());
        id.into_iter()
            .chain(self.key.iter().map(|field| self.field(*field)))
    }

    /// Whether clients say where a new record is: they choose all that its path ends with.
    pub fn is_placed_by_clients(&self) -> bool {
        self.key_fields().all(|field| !field.read_only)
    }

    /// Whether clients may change what a record's path ends with.
    pub fn can_be_moved(&self) -> bool {
        self.key_fields()
            .any(|field| !field.is_system() && !field.read_only && !field.immutable)
    }

    pub fn list_named(&self, name: &str) -> Option<&ListRelation> {
        self.lists.iter().find(|list| list.name == name)
    }

    pub fn id_field(&self) -> &Field {
        self.system_field(SystemField::Id)
    }

    pub fn system_field(&self, which: SystemField) -> &Field {
        self.fields
            .iter()
            .find(|field| matches!(field.kind, crate::FieldKind::System(found) if found == which))
            .expect("every resource is compiled with its system fields")
    }

    /// What makes answers to a read differ by caller; nothing if the contract opens it, and all
    /// that is in it, literally to everybody.
    pub fn differs(&self, action: Action) -> Option<Differs<'_>> {
        if self.audience != Audience::Public {
            return Some(Differs::Audience);
        }
        let rule = self.access.rule(action);
        // Nobody can call a rule of their own so.
        let literally =
            |rule: &Rule| rule.text == "public" || rule.condition.as_const_bool() == Some(true);
        if !rule.is_some_and(literally) {
            return Some(Differs::Rule(rule));
        }
        let mut fields = self.fields.iter().filter(|field| !field.write_only);
        fields
            .find(|field| field.read.is_some() || field.audience != Audience::Public)
            .map(Differs::Field)
    }

    pub fn read_scope(&self) -> String {
        format!("{}.read", self.scope)
    }

    pub fn write_scope(&self) -> String {
        format!("{}.write", self.scope)
    }
}
