//! Lines that stand too far to the left or to the right, which YAML reads as something else.
//!
//! One wrong indentation moves a whole block, and every line of it would be reported for itself,
//! with advice that makes things worse. Here the block is recognised, reported once, and read as
//! if it stood where it belongs, so that mistakes inside it are found in the same run.

use diag::{Diagnostic, suggest};

use super::{Item, Place, Reader, habits, names_of};
use crate::codes;
use crate::form::{Form, Keys, Table};
use crate::keys::{CONTRACT, FIELD, MEMBER, RESOURCE};
use crate::names::{is_slug, is_type_name};
use crate::resolve::is_type_word;
use crate::yaml::{Entry, Kind, Node};

/// The entries right behind an empty one that belong below it.
pub(super) fn strays<'a>(
    rest: &[&'a Entry],
    form: &'static Form,
    known_here: impl Fn(&str) -> bool,
) -> Vec<&'a Entry> {
    let Some(inner) = holder(form) else {
        return vec![];
    };
    rest.iter()
        .take_while(|entry| !known_here(&entry.key.value) && belongs(entry, inner))
        .copied()
        .collect()
}

/// The part of a form that has keys.
fn holder(form: &'static Form) -> Option<&'static Form> {
    match form {
        Form::Table(_) | Form::Map { .. } => Some(form),
        Form::Either(forms) => forms.iter().find_map(holder),
        _ => None,
    }
}

fn belongs(entry: &Entry, form: &Form) -> bool {
    let name = entry.key.value.as_str();
    match form {
        Form::Table(table) => table.names().any(|known| known == name),
        Form::Map { keys, .. } => {
            entry.value.kind != Kind::Null
                && match keys {
                    Keys::TypeName => is_type_name(name),
                    Keys::FieldName => is_slug(name.trim_end_matches('?')),
                    Keys::Slug => is_slug(name),
                    Keys::Free => false,
                }
        }
        _ => false,
    }
}

/// The entries of a resource without `fields:` that can only be fields.
pub(super) fn type_like<'a>(written: &[&'a Entry], table: &'static Table) -> Vec<&'a Entry> {
    let here = |entry: &&&Entry| {
        let name = entry.key.value.as_str();
        is_slug(name.trim_end_matches('?'))
            && table.key(name).is_none()
            && habits::advice(name, table).is_none()
            && suggest::nearest(name, table.names()).is_none()
    };
    let is_type = |entry: &&&Entry| match &entry.value.kind {
        Kind::String(word) => is_type_word(word) || is_type_name(word),
        Kind::Map(_) => ["type", "enum"]
            .iter()
            .any(|word| entry.value.entry(word).is_some()),
        _ => false,
    };
    let fields = |entry: &&Entry| {
        let name = entry.key.value.as_str();
        name == "fields" || suggest::nearest(name, ["fields"]).is_some() || name == "properties"
    };
    if !std::ptr::eq(table, &RESOURCE) || written.iter().any(fields) {
        return vec![];
    }
    written
        .iter()
        .filter(here)
        .filter(is_type)
        .copied()
        .collect()
}

/// A map that can only be a resource.
fn is_resource(entry: &Entry) -> bool {
    is_type_name(&entry.key.value)
        && entry.value.as_map().is_some_and(|entries| {
            entries
                .iter()
                .any(|entry| matches!(entry.key.value.as_str(), "fields" | "access"))
        })
}

impl Reader<'_> {
    /// Reads the entries beside an empty one as if they stood below it.
    pub(super) fn adopt<'a>(
        &mut self,
        empty: &'a Entry,
        strays: &[&'a Entry],
        form: &'static Form,
    ) -> Item<'a> {
        let name = &empty.key.value;
        let all = names_of(strays.iter().map(|entry| entry.key.value.as_str()));
        if let Some(first) = strays.first() {
            self.out.push(
                Diagnostic::error(
                    codes::NO_VALUE,
                    first.key.span,
                    format!("`{name}` has nothing below it: {all} should be indented further"),
                )
                .label(format!("stands beside `{name}`"))
                .also(empty.key.span, "nothing below it")
                .help(format!(
                    "indent this below `{name}`: two spaces more than `{name}` itself"
                )),
            );
        }
        match holder(form) {
            Some(Form::Table(table)) => self.table_of(&empty.value, strays, table, empty.key.span),
            Some(Form::Map {
                keys, of, example, ..
            }) => self.map_of(&empty.value, strays, (*keys, of, example)),
            _ => super::broken(&empty.value),
        }
    }

    /// The fields of a resource that stand directly in it; `fields:` is missing.
    pub(super) fn fields_beside<'a>(
        &mut self,
        node: &'a Node,
        strays: &[&'a Entry],
    ) -> Option<super::Entry<'a>> {
        let first = strays.first()?;
        let fields = RESOURCE.key("fields")?;
        let all = names_of(strays.iter().map(|entry| entry.key.value.as_str()));
        self.out.push(
            Diagnostic::error(
                codes::MISSING_KEY,
                first.key.span,
                format!("the fields of a resource stand under `fields:`, not beside it: {all}"),
            )
            .label("not under `fields:`")
            .help(format!(
                "write a line `fields:` and put {all} below it, indented further"
            )),
        );
        let Some(Form::Map {
            keys, of, example, ..
        }) = holder(&fields.form)
        else {
            return None;
        };
        Some(super::Entry {
            name: fields.name,
            key: &first.key,
            item: self.map_of(node, strays, (*keys, of, example)),
        })
    }

    /// A resource inside another, or beside `resources:`. It is read for its own mistakes; its
    /// name is lost to the rest of the contract.
    pub(super) fn lost_resource(&mut self, entry: &Entry, table: Option<&Table>) -> bool {
        if !is_resource(entry) {
            return false;
        }
        let name = &entry.key.value;
        let at_top = table.is_some_and(|table| std::ptr::eq(table, &CONTRACT));
        let in_resource = table.is_none_or(|table| std::ptr::eq(table, &RESOURCE));
        let (label, help) = if at_top {
            (
                "beside `resources:`",
                format!("indent `{name}`, with all its lines, below `resources:`"),
            )
        } else if in_resource {
            (
                "inside another resource",
                format!("move `{name}`, with all its lines, to the left: beside that resource"),
            )
        } else {
            return false;
        };
        self.out.push(
            Diagnostic::error(
                codes::UNKNOWN_KEY,
                entry.key.span,
                format!("resources stand directly under `resources:`, and `{name}` does not"),
            )
            .label(label)
            .help(help),
        );
        self.lost = true;
        self.table(&entry.value, &RESOURCE, entry.key.span);
        true
    }

    /// `address: {street: string}`: an object whose members stand where its own words should.
    pub(super) fn bare_members<'a>(
        &mut self,
        node: &'a Node,
        table: &'static Table,
        place: &Place,
    ) -> Option<Item<'a>> {
        let field = std::ptr::eq(table, &FIELD) || std::ptr::eq(table, &MEMBER);
        let entries = node.as_map().filter(|_| field && !node.torn)?;
        let plain = |entry: &Entry| {
            let name = entry.key.value.as_str();
            FIELD.key(name).is_none()
                && habits::advice(name, table).is_none()
                && is_slug(name.trim_end_matches('?'))
                && matches!(entry.value.kind, Kind::String(_) | Kind::Map(_))
        };
        let misspelt = |entry: &Entry| suggest::nearest(&entry.key.value, table.names()).is_some();
        let first = entries.first()?;
        if !entries.iter().all(plain) || entries.iter().all(misspelt) {
            return None;
        }
        let shown = match &first.value.kind {
            Kind::String(word) => word.as_str(),
            _ => "…",
        };
        self.out.push(
            Diagnostic::error(
                codes::UNKNOWN_KEY,
                first.key.span,
                format!(
                    "{} is an object, and the members of an object stand under `properties:`",
                    place.subject
                ),
            )
            .label("not under `properties:`")
            .help(format!(
                "write `{}: {{properties: {{{}: {shown}}}}}`, each member with its type",
                place.subject.trim_matches('`'),
                first.key.value
            )),
        );
        let members = table.key("properties")?;
        if let Some(Form::Map {
            keys, of, example, ..
        }) = holder(&members.form)
        {
            let written: Vec<&Entry> = entries.iter().collect();
            self.map_of(node, &written, (*keys, of, example));
        }
        Some(super::broken(node))
    }
}
