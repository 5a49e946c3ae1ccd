//! What the names in a contract refer to: types, relations, lists, keys.
//!
//! Everything here is resolved before the first expression is looked at, so that expressions
//! find every property of every resource. Something wrong is reported once, where it stands,
//! and marked broken, so that whoever refers to it stays silent.

mod constraints;
mod fields;
mod formula;
mod history;
mod ids;
mod keys;
mod lists;
mod paths;
mod pattern;
mod shapes;

use std::collections::HashMap;
use std::sync::Arc;

use diag::{Diagnostic, Diagnostics, Sources, Span, Spanned};
use model::{Deprecated, Field, ListRelation, Shape, Within};
use value::{FieldId, IdType, ObjectType, ResourceId};

use crate::codes;
use crate::names::{self, ResourceNames};
use crate::read::{Item, Text};
use crate::sections::{Named, Sections};

pub use fields::audience;
pub use keys::{stored as stored_field, warn as warn_of_indexes};
pub use shapes::is_type_word;

/// Ten times the largest contract measured; ids of resources are 16 bits.
pub const RESOURCES_MAX: usize = 5_000;
/// Databases stop at one to two thousand columns; people long before.
pub const FIELDS_MAX: usize = 500;
/// Named object types of a contract.
pub const TYPES_MAX: usize = 5_000;

/// The contract with its names resolved, expressions still as text.
pub struct Draft<'r, 'a> {
    /// Indexed by [`ResourceId`].
    pub resources: Vec<ResourceDraft<'r, 'a>>,
    pub types: Vec<(Arc<ObjectType>, Arc<Vec<Shape>>)>,
    pub base: String,
    /// The resource whose records are people.
    pub users: Option<ResourceId>,
}

/// A resource with its names resolved.
pub struct ResourceDraft<'r, 'a> {
    pub id: ResourceId,
    pub key: &'a Spanned<String>,
    pub item: &'r Item<'a>,
    pub names: ResourceNames,
    pub id_type: Arc<IdType>,
    /// Indexed by [`FieldId`]: `id`, the contract's own, `created_at`, `updated_at`.
    pub fields: Vec<FieldDraft<'r, 'a>>,
    pub lists: Vec<ListRelation>,
    /// `key:`
    pub path_key: Vec<FieldId>,
    pub within: Option<Within>,
    pub unique: Vec<Vec<FieldId>>,
    pub index: Vec<Vec<FieldId>>,
    pub search: Vec<FieldId>,
    pub deprecated: Option<Deprecated>,
    pub was: Option<String>,
    pub removed: Vec<String>,
    /// What `this.name` means.
    pub properties: HashMap<String, Property>,
    /// Some of it could not be read, so a name that is not found may have stood there.
    pub torn: bool,
}

/// A field with its type resolved.
pub struct FieldDraft<'r, 'a> {
    /// Complete but for its expressions.
    pub field: Field,
    /// `None` for system fields.
    pub declared: Option<Declared<'r, 'a>>,
    pub broken: bool,
}

/// Where a field is declared.
#[derive(Clone, Copy)]
pub struct Declared<'r, 'a> {
    /// The name in the contract: `author` of the field `author_id`.
    pub name: &'a str,
    pub span: Span,
    pub item: &'r Item<'a>,
}

/// What a name after `this.` stands for.
#[derive(Clone, Copy, Debug)]
pub enum Property {
    Field(FieldId),
    /// The record whose id is in the field.
    Relation(FieldId),
    Computed(FieldId),
    /// Index into [`ResourceDraft::lists`].
    List(usize),
    /// Index into the resource's `rules:`.
    Rule(usize),
    /// Declared, but wrong.
    Broken,
}

impl<'a> ResourceDraft<'_, 'a> {
    pub fn name(&self) -> &'a str {
        &self.key.value
    }

    pub fn field(&self, id: FieldId) -> &FieldDraft<'_, 'a> {
        &self.fields[usize::from(id.0)]
    }

    /// A stored field by the contract's name or by that of its column: `author`, `author_id`.
    pub fn stored(&self, name: &str) -> Lookup {
        match self.properties.get(name) {
            Some(Property::Field(id) | Property::Relation(id)) => Lookup::Found(*id),
            Some(Property::Computed(_)) => Lookup::Computed,
            Some(Property::Broken) => Lookup::Broken,
            Some(Property::List(_) | Property::Rule(_)) | None if self.torn => Lookup::Broken,
            Some(Property::List(_)) => Lookup::Other("a list"),
            Some(Property::Rule(_)) => Lookup::Other("a rule"),
            None => Lookup::Unknown,
        }
    }

    /// The contract's names of its fields, for "did you mean".
    pub fn field_names(&self) -> impl Iterator<Item = &str> {
        self.fields
            .iter()
            .map(|field| field.declared.map_or(field.field.name.as_str(), |d| d.name))
    }
}

/// What a name in a place for fields stands for.
pub enum Lookup {
    Found(FieldId),
    Computed,
    Other(&'static str),
    Broken,
    Unknown,
}

/// Resolves all names of the contract.
pub fn resolve<'r, 'a>(
    sections: &Sections<'r, 'a>,
    sources: &Sources,
    out: &mut Diagnostics,
) -> Draft<'r, 'a> {
    let resources = bounded(&sections.resources, RESOURCES_MAX, "resources", out);
    let types = bounded(&sections.types, TYPES_MAX, "types", out);
    let base = base(sections.text("base"), out);
    let type_keys: Vec<&Spanned<String>> = types.iter().map(|(key, _)| *key).collect();
    let names = names::resources(resources, &type_keys, base.is_empty(), out);
    let id_types = ids::resolve(resources, &names, out);

    let mut shapes = shapes::Shapes::new(sections, resources, types, &id_types, sources, out);
    let named = shapes.named();
    let mut drafts: Vec<ResourceDraft<'r, 'a>> = resources
        .iter()
        .zip(names)
        .zip(&id_types)
        .enumerate()
        .map(|(at, (((key, item), names), id_type))| {
            let (fields, torn) = fields::resolve(item, id_type, &mut shapes);
            ResourceDraft {
                id: resource_id(at),
                key,
                item,
                names,
                id_type: Arc::clone(id_type),
                fields,
                lists: vec![],
                path_key: vec![],
                within: None,
                unique: vec![],
                index: vec![],
                search: vec![],
                deprecated: None,
                was: None,
                removed: vec![],
                properties: HashMap::new(),
                torn,
            }
        })
        .collect();
    for draft in &mut drafts {
        fields::name(draft, out);
    }
    lists::resolve(&mut drafts, sections.torn.things, out);
    for draft in &mut drafts {
        keys::resolve(draft, out);
    }
    paths::resolve(&mut drafts, sections.torn.things, out);
    history::resolve(&mut drafts, sections.torn.things, out);
    let users = crate::auth::users::resource(sections, &drafts, out);
    Draft {
        resources: drafts,
        types: named,
        base,
        users,
    }
}

/// The id of the resource at this place in the contract.
pub fn resource_id(at: usize) -> ResourceId {
    ResourceId(u16::try_from(at).expect("resources are bounded far below 2^16"))
}

/// The id of the field at this place in its resource.
pub fn field_id(at: usize) -> FieldId {
    FieldId(u16::try_from(at).expect("fields are bounded far below 2^16"))
}

fn bounded<'s, 'r, 'a>(
    all: &'s [Named<'r, 'a>],
    max: usize,
    what: &str,
    out: &mut Diagnostics,
) -> &'s [Named<'r, 'a>] {
    if let Some((key, _)) = all.get(max) {
        out.push(
            Diagnostic::error(
                codes::TOO_MANY,
                key.span,
                format!("a contract has at most {max} {what}"),
            )
            .label("one too many")
            .help("split it into several APIs"),
        );
    }
    &all[..all.len().min(max)]
}

/// `base:` without a slash at its end.
fn base(written: Option<Text<'_>>, out: &mut Diagnostics) -> String {
    let Some(text) = written else {
        return "/v1".to_owned();
    };
    let base = text.as_str();
    if base == "/" {
        return String::new();
    }
    let is_word = |word: &str| {
        !word.is_empty()
            && word
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
            && !word.chars().all(|c| c == '.')
    };
    let words = base.trim_matches('/');
    if words.split('/').all(is_word) {
        let right = format!("/{words}");
        if right != base {
            out.push(
                Diagnostic::error(
                    codes::BAD_BASE,
                    text.span(),
                    "`base` begins with `/` and does not end with one",
                )
                .label("not a base path")
                .help(format!("write `base: {right}`")),
            );
        }
        return right;
    }
    let mut found = Diagnostic::error(
        codes::BAD_BASE,
        text.span(),
        format!("`{base}` cannot be the path in front of everything"),
    )
    .label("not a base path");
    found = if base.contains("://") {
        found.help("only the path is written, like `/v1`; where the server listens is said when it is started")
    } else if base.contains('$') {
        found.help("a contract has no variables: write the path itself, like `/v1`")
    } else if base.contains('{') {
        found.help("the base has no parameters; write fixed words, like `/v1`")
    } else {
        found.help("write words of letters, digits, `-`, `_` and `.`, like `/v1` or `/shop/v1`")
    };
    out.push(found);
    "/v1".to_owned()
}
