//! Puts the model together from what the other stages found.

use std::sync::Arc;

use diag::Diagnostics;
use model::{
    AccessTest, Concurrency, DocsAccess, Field, FieldKind, Idempotency, Model, Resource, Rule,
};

use crate::access;
use crate::duration;
use crate::edges;
use crate::limits;
use crate::resolve::{Draft, FieldDraft, ResourceDraft};
use crate::rules::Rulebook;
use crate::sections::Sections;
use crate::tests;

/// Everything of the contract as a model. It may hold nonsense where errors were found, so it is
/// only handed out when there are none.
pub fn model<'a>(
    sections: &Sections<'_, 'a>,
    draft: &Draft<'_, 'a>,
    book: &Rulebook<'_, '_, 'a>,
    out: &mut Diagnostics,
) -> Model {
    let mut tests = vec![];
    let mut resources: Vec<Resource> = draft
        .resources
        .iter()
        .map(|resource| self::resource(resource, sections, book, &mut tests, out))
        .collect();
    let rules = book.shared();
    let auth = crate::auth::read(sections, draft, &resources, &rules, book.sources(), out);
    if let Some(users) = &auth.users {
        access::address(users, &mut resources, book);
    }
    let name = sections.text("name").map_or("", |name| name.as_str());
    let (types, type_members) = draft.types.iter().cloned().unzip();
    Model {
        name: name.to_owned(),
        title: edges::words(sections.text("title")).unwrap_or_else(|| model::names::title(name)),
        description: edges::words(sections.text("description")),
        base: draft.base.clone(),
        resources,
        rules,
        types,
        type_members,
        errors: edges::errors(sections, out),
        limits: limits::declared(sections, out),
        cors: edges::origins(sections, out),
        docs: match sections.text("docs").map(|docs| docs.as_str()) {
            Some("signed_in") => DocsAccess::SignedIn,
            Some("off") => DocsAccess::Off,
            _ => DocsAccess::Public,
        },
        auth,
        tests,
    }
}

fn resource<'a>(
    draft: &ResourceDraft<'_, 'a>,
    sections: &Sections<'_, 'a>,
    book: &Rulebook<'_, '_, 'a>,
    tests: &mut Vec<AccessTest>,
    out: &mut Diagnostics,
) -> Resource {
    let item = draft.item;
    let mut access = access::resource(draft, book, out);
    let soft_delete = item
        .text("soft_delete")
        .and_then(|text| duration::read(text, out));
    if item.entry("soft_delete").is_some() {
        // Who may delete may take it back.
        access.restore.clone_from(&access.delete);
    }
    let fields: Vec<Field> = draft
        .fields
        .iter()
        .map(|field| self::field(field, draft, book, out))
        .collect();
    let field_rules: Vec<&Rule> = fields
        .iter()
        .flat_map(|field| field.read.iter().chain(field.write.iter()))
        .collect();
    tests.extend(tests::read(
        draft,
        &access,
        &field_rules,
        book.people(),
        book.sources(),
        out,
    ));
    Resource {
        id: draft.id,
        name: draft.name().to_owned(),
        snake: draft.names.snake.clone(),
        path: draft.names.path.clone(),
        plural: draft.names.plural.clone(),
        id_type: Arc::clone(&draft.id_type),
        fields,
        lists: draft.lists.clone(),
        key: draft.path_key.clone(),
        within: draft.within,
        unique: draft.unique.clone(),
        index: draft.index.clone(),
        search: draft.search.clone(),
        rules: book.own(draft.id),
        access,
        scope: edges::scope(item, &draft.names.plural, out),
        checks: access::checks(draft, book, out),
        audience: crate::resolve::audience(item),
        concurrency: match item.text("concurrency").map(|word| word.as_str()) {
            Some("required") => Concurrency::Required,
            _ => Concurrency::Optional,
        },
        idempotency: match item.text("idempotency").map(|word| word.as_str()) {
            Some("required") => Idempotency::Required,
            _ => Idempotency::Optional,
        },
        list: edges::list_style(item, out),
        cache_seconds: edges::cache(item, out),
        soft_delete,
        limit: limits::named(item.text("limit"), sections, out),
        deprecated: draft.deprecated.clone(),
        was: draft.was.clone(),
        removed: draft.removed.clone(),
        description: edges::words(item.text("description")),
    }
}

fn field<'a>(
    draft: &FieldDraft<'_, 'a>,
    resource: &ResourceDraft<'_, 'a>,
    book: &Rulebook<'_, '_, 'a>,
    out: &mut Diagnostics,
) -> Field {
    let mut field = draft.field.clone();
    let Some(declared) = draft.declared else {
        return field;
    };
    let (read, write) = access::field(declared, resource, book, out);
    field.read = read;
    field.write = write;
    if draft.broken {
        access::formulas_without_type(declared, book, out);
        return field;
    }
    if let Some(set) = access::set(declared, &field, book, out) {
        field.set = Some(set);
    }
    if let Some(formula) = book.computed(resource.id, field.id) {
        access::computed(declared, &formula, book, out);
        field.kind = FieldKind::Computed(formula);
    }
    field
}
