//! All files of a contract as one.
//!
//! After this nobody knows files any more, only places.

use std::collections::HashMap;

use diag::{Diagnostic, Diagnostics, Sources, Spanned};

use crate::codes;
use crate::read::{Item, Text};

/// A declaration and its name.
pub type Named<'r, 'a> = (&'a Spanned<String>, &'r Item<'a>);

/// The contract's declarations, from all its files, in the order of the files.
pub struct Sections<'r, 'a> {
    pub main: &'r Item<'a>,
    pub limits: Vec<Named<'r, 'a>>,
    pub rules: Vec<Named<'r, 'a>>,
    pub errors: Vec<Named<'r, 'a>>,
    pub types: Vec<Named<'r, 'a>>,
    pub resources: Vec<Named<'r, 'a>>,
    pub torn: Torn,
}

/// Whether some part could not be read, so that a name which is not found may have stood there.
#[derive(Clone, Copy, Debug)]
pub struct Torn {
    /// Of a resource or a named type.
    pub things: bool,
    pub rules: bool,
    pub limits: bool,
}

impl<'r, 'a> Sections<'r, 'a> {
    pub fn collect(
        main: &'r Item<'a>,
        included: &'r [Item<'a>],
        torn: bool,
        sources: &Sources,
        out: &mut Diagnostics,
    ) -> Sections<'r, 'a> {
        let files: Vec<&'r Item<'a>> = std::iter::once(main).chain(included).collect();
        let mut section = |key: &str| {
            let mut seen: HashMap<&'a str, diag::Span> = HashMap::new();
            let mut all: Vec<Named<'r, 'a>> = vec![];
            let entries = files
                .iter()
                .filter_map(|file| file.get(key))
                .flat_map(Item::entries);
            for entry in entries {
                match seen.get(entry.name) {
                    Some(before) => out.push(
                        Diagnostic::error(
                            codes::TWICE,
                            entry.key.span,
                            format!("`{}` is already declared in another file", entry.name),
                        )
                        .label("again here")
                        .also(*before, format!("first in {}", sources.path(before.file)))
                        .help("keep one of them: all files together are one contract"),
                    ),
                    None => {
                        seen.insert(entry.name, entry.key.span);
                        all.push((entry.key, &entry.item));
                    }
                }
            }
            all
        };
        let (limits, rules, errors) = (section("limits"), section("rules"), section("errors"));
        let (types, resources) = (section("types"), section("resources"));
        let broken = |key: &str| {
            files
                .iter()
                .filter_map(|file| file.entry(key))
                .any(|entry| entry.item.is_broken() || entry.item.odd)
        };
        let torn = torn || files.iter().any(|file| file.is_broken() || file.node.torn);
        let torn = Torn {
            things: torn
                || files.iter().any(|file| file.odd)
                || broken("resources")
                || broken("types"),
            rules: torn || broken("rules"),
            limits: torn || broken("limits"),
        };
        Sections {
            main,
            limits,
            rules,
            errors,
            types,
            resources,
            torn,
        }
    }

    pub fn text(&self, key: &str) -> Option<Text<'a>> {
        self.main.text(key)
    }
}
