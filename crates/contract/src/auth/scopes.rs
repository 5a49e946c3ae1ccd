//! Scopes: what each allows, in words, and whether one exists.

use diag::{Diagnostic, Diagnostics, suggest};
use model::Resource;

use crate::codes;
use crate::read::{Item, Text, names_of};
use crate::sections::Sections;

/// The scopes of a contract.
pub struct Scopes {
    all: Vec<String>,
    /// Of a resource that could not be read wholly, nobody knows the scope.
    torn: bool,
}

impl Scopes {
    pub fn of(sections: &Sections<'_, '_>, resources: &[Resource]) -> Scopes {
        let mut all: Vec<String> = resources
            .iter()
            .flat_map(|resource| [".read", ".write"].map(|end| format!("{}{end}", resource.scope)))
            .collect();
        all.sort_unstable();
        all.dedup();
        let torn = sections.torn.things
            || sections.resources.iter().any(|(_, resource)| {
                resource.is_broken()
                    || resource.node.torn
                    || resource
                        .entry("scope")
                        .is_some_and(|scope| scope.item.is_broken())
            });
        Scopes { all, torn }
    }

    /// What is wrong with a name that is none of them, but for its place. `more`: scopes that
    /// are there besides.
    fn unknown(&self, name: &str, more: &[&str]) -> Option<(String, Option<&str>, String)> {
        let known = || {
            self.all
                .iter()
                .map(String::as_str)
                .chain(more.iter().copied())
        };
        if self.torn || known().any(|scope| scope == name) {
            return None;
        }
        /// More would bury the one that was meant.
        const LISTED_MAX: usize = 20;
        let near = self.all.iter().map(String::as_str);
        Some((
            format!("there is no scope `{name}`"),
            suggest::nearest(name, near),
            format!("the scopes are {}", names_of(known().take(LISTED_MAX))),
        ))
    }

    /// The scopes in a list that exist.
    pub fn known(&self, list: &[Text<'_>], more: &[&str], out: &mut Diagnostics) -> Vec<String> {
        let mut found: Vec<String> = vec![];
        for text in list {
            let name = text.as_str();
            if let Some((message, near, listed)) = self.unknown(name, more) {
                let told = Diagnostic::error(codes::SCOPE, text.span(), message);
                out.push(match near {
                    Some(near) => told
                        .label(format!("did you mean `{near}`?"))
                        .help(format!("write `{near}`")),
                    None => told.label("no resource has it").help(listed),
                });
            } else if !found.iter().any(|known| known == name) {
                found.push(name.to_owned());
            }
        }
        found
    }
}

/// `auth.scopes`: texts for scopes that exist.
pub fn texts(auth: &Item<'_>, scopes: &Scopes, out: &mut Diagnostics) -> Vec<(String, String)> {
    let mut texts = vec![];
    for entry in auth.get("scopes").map(Item::entries).unwrap_or_default() {
        if let Some((message, near, listed)) = scopes.unknown(entry.name, &[]) {
            let found = Diagnostic::error(codes::SCOPE, entry.key.span, message);
            out.push(match near {
                Some(near) => found
                    .label(format!("did you mean `{near}`?"))
                    .help(format!("write `{near}:`")),
                None => found.label("no resource has it").help(listed),
            });
        }
        if let Some(text) = entry.item.as_text() {
            texts.push((entry.name.to_owned(), text.as_str().trim().to_owned()));
        }
    }
    texts
}
