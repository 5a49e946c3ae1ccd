//! Reading: one record by its id, pages of lists, counts, included records.
//!
//! A [`Select`] says what a request of one shape reads; [`select`] makes its statement. Values
//! come later, so the statement serves every request of that shape.
//!
//! # Arguments of [`Prepared::bind`]
//! In this order, each as one whole [`Value`] of the field's type (money is one argument):
//! 1. the id, with [`Select::by_id`], or the values of the path, the outermost first, with
//!    [`Select::by_path`];
//! 2. the ids, with [`Select::ids`];
//! 3. the parent's id, with [`Select::parent`];
//! 4. the parents' ids, with [`Select::parents`];
//! 5. the values of the filters, in order: none for [`Operator::IsNull`], `n` for
//!    [`Operator::In`]`(n)`, one for the others;
//! 6. the same for the filters in [`Select::matching`], depth first;
//! 7. the folded words ([`crate::search::words`]);
//! 8. the cursor's values, with [`Select::seek`]: one per [`Select::sort_keys`], so the id too;
//! 9. the number of rows wanted, with [`Select::limit`] ([`Value::Int`]).
//!
//! Spare places of `ids`, `parents` and `In` may be filled with null.

use std::sync::Arc;

use expr::Expr;
use model::{Field, Model, Resource};
use value::{FieldId, ResourceId, Type, Value};

use crate::driver::Dialect;
use crate::lower::Unsupported;
use crate::prepared::Prepared;

mod cost;
mod page;
mod text;

/// Ids that one statement looks up at most.
pub const IDS_MAX: u16 = 500;

/// What to read.
#[derive(Clone, Debug, PartialEq)]
pub struct Select {
    pub resource: ResourceId,
    pub outputs: Vec<Output>,
    /// One record: `id = Arg`.
    pub by_id: bool,
    /// One record by the values in its path ([`Model::lineage`]).
    pub by_path: Option<ByPath>,
    /// Records by their ids, for included to-one relations.
    pub ids: Option<u16>,
    /// A nested list: this relation's field = Arg.
    pub parent: Option<FieldId>,
    /// The lists of so many parents at once, `limit` rows for each; ordered by the sort keys
    /// over all parents, so output the field to tell them apart.
    pub parents: Option<(FieldId, u16)>,
    /// Conditions about THIS, specialised for the caller. All must hold.
    pub restrict: Vec<Arc<Expr>>,
    /// All must hold.
    pub filters: Vec<Filter>,
    /// Must hold too: filters with OR and NOT.
    pub matching: Option<Where>,
    /// Folded words, each of which must occur in the search text.
    pub words: u16,
    /// Before the id, which is always the last key.
    pub sort: Vec<(FieldId, Direction)>,
    /// Continue after a cursor.
    pub seek: Option<Seek>,
    /// Takes the number of rows as an argument.
    pub limit: bool,
    /// Count the rows: the only output, and neither sort nor cursor nor limit matters.
    pub count: bool,
    /// Keep others from changing the row until the transaction ends (with `by_id` or `by_path`).
    /// SQLite has one writer, so there it says nothing.
    pub lock: bool,
    /// Only what has been deleted and not yet purged, instead of only what has not.
    pub deleted: bool,
}

/// What a path goes through.
#[derive(Clone, Debug, PartialEq)]
pub struct ByPath {
    /// What the caller may see of the records around it, the outermost first: a condition about
    /// THIS = that record, or `None` for all of them. One for each resource around.
    pub around: Vec<Option<Arc<Expr>>>,
}

/// One output of a row.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// A stored field, or a computed one whose formula asks nothing about the caller.
    Field(FieldId),
    /// The row's version, [`Value::Int`].
    Version,
    /// When it was deleted, [`Value::Timestamp`]; with [`Select::deleted`].
    DeletedAt,
    /// Whether a condition about THIS, specialised for the caller, holds.
    Holds(Arc<Expr>),
    /// The value of a formula about THIS, specialised for the caller.
    Formula(Arc<Expr>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Nulls first.
    Ascending,
    /// Nulls last.
    Descending,
}

/// A comparison of a field with arguments.
///
/// Null is a value like any other for `Eq`, `Ne` and `IsNull`: what is null is not equal to
/// `a`. It is neither less nor greater, contains nothing and is in no list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operator {
    Eq,
    Ne,
    Lt,
    Lte,
    Gt,
    Gte,
    /// One of so many arguments; null arguments match nothing.
    In(u16),
    /// Text: has the argument in it, as it is.
    Contains,
    StartsWith,
    IsNull(bool),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Filter {
    /// `author.name`: the relation's field (`author_id`) to go through. What is hidden or null
    /// there matches nothing.
    pub via: Option<FieldId>,
    /// Of the resource itself, or of the relation's target.
    pub field: FieldId,
    pub operator: Operator,
    /// What the caller may see of the target: a condition about THIS = the target.
    pub via_restrict: Option<Arc<Expr>>,
}

/// Filters with OR and NOT.
#[derive(Clone, Debug, PartialEq)]
pub enum Where {
    Filter(Filter),
    All(Vec<Where>),
    Any(Vec<Where>),
    Not(Box<Where>),
}

/// Which values of the cursor are null: with nulls a page continues in another way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Seek {
    nulls: u32,
}

impl Seek {
    /// For these values of a cursor, one per sort key.
    pub fn after(cursor: &[Value]) -> Seek {
        let nulls = cursor
            .iter()
            .take(SORT_KEYS_MAX)
            .enumerate()
            .filter(|(_, value)| value.is_null())
            .fold(0, |nulls, (at, _)| nulls | 1 << at);
        Seek { nulls }
    }

    pub(crate) fn is_null(self, key: usize) -> bool {
        key < SORT_KEYS_MAX && self.nulls & (1 << key) != 0
    }
}

/// Sort keys of one list, its id included.
pub const SORT_KEYS_MAX: usize = 32;

impl Select {
    /// Every record, nothing of it: to be filled in.
    pub fn new(resource: ResourceId) -> Select {
        Select {
            resource,
            outputs: vec![],
            by_id: false,
            by_path: None,
            ids: None,
            parent: None,
            parents: None,
            restrict: vec![],
            filters: vec![],
            matching: None,
            words: 0,
            sort: vec![],
            seek: None,
            limit: false,
            count: false,
            lock: false,
            deleted: false,
        }
    }

    /// All stored fields of a record in their order, then its version.
    pub fn whole_row(model: &Model, resource: ResourceId) -> Select {
        let mut outputs: Vec<Output> = crate::layout::stored_fields(model.resource(resource))
            .map(|field| Output::Field(field.id))
            .collect();
        outputs.push(Output::Version);
        Select {
            outputs,
            ..Select::new(resource)
        }
    }

    /// The keys that order the rows: those asked for, each once, then the id in the last one's
    /// direction, so that an index over (field, id) serves both ways.
    pub fn sort_keys(&self, model: &Model) -> Vec<(FieldId, Direction)> {
        let id = model.resource(self.resource).id_field().id;
        let mut keys: Vec<(FieldId, Direction)> = Vec::new();
        for key in &self.sort {
            if !keys.iter().any(|(field, _)| *field == key.0) {
                keys.push(*key);
            }
            if key.0 == id {
                // Nothing after the id can matter.
                return keys;
            }
        }
        let last = keys
            .last()
            .map_or(Direction::Ascending, |(_, direction)| *direction);
        keys.push((id, last));
        keys
    }
}

impl Select {
    /// At most one record, found by an index.
    pub(crate) fn is_one(&self) -> bool {
        self.by_id || self.by_path.is_some()
    }
}

/// The statement for a shape.
///
/// # Errors
/// When it asks for what has no SQL: a condition that only memory can decide, a computed field
/// in a filter, more than a statement may hold.
pub fn select(model: &Model, dialect: Dialect, shape: &Select) -> Result<Prepared, Unsupported> {
    text::write(model, dialect, shape)
}

/// The type of a stored field's value, as an argument or output.
fn field_type(resource: &Resource, field: FieldId) -> Result<(&Field, &Type), Unsupported> {
    let field = resource
        .fields
        .get(usize::from(field.0))
        .ok_or(Unsupported {
            what: "a field that the resource does not have",
        })?;
    if !field.is_stored() {
        return Err(Unsupported {
            what: "a computed field where only stored ones can stand",
        });
    }
    Ok((field, &field.shape.ty))
}
