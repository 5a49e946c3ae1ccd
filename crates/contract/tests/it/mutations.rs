//! Contracts as they are while somebody types: nothing may panic, and every place must lie
//! inside its text.

use diag::render;
use proptest::prelude::*;

use crate::support::{Compiled, compile_files, compile_one, mendable};

const CONTRACTS: [&str; 5] = [
    include_str!("../ok/notes.yaml"),
    include_str!("../ok/bookstore.yaml"),
    include_str!("../ok/todo.yaml"),
    include_str!("../ok/everything.yaml"),
    include_str!("../ok/relations.yaml"),
];

/// Words that mean something somewhere, and so something else elsewhere.
const WORDS: [&str; 44] = [
    "public",
    "this",
    "next",
    "user.id",
    "=",
    "=now",
    "null",
    "true",
    "12",
    "-1",
    "1.5",
    "''",
    "[]",
    "{}",
    "[a, b]",
    "{a: b}",
    "string",
    "money",
    "json",
    "array",
    "object",
    "Book",
    "Item",
    "Item.category",
    "enum",
    "items",
    "properties",
    "value",
    "set",
    "access",
    "fields",
    "rules",
    "was",
    "removed",
    "id",
    "created_at",
    "?",
    ":",
    "  ",
    "\n",
    "|",
    "&a",
    "999999999999999999999",
    "\u{0}",
];

#[derive(Clone, Debug)]
enum Edit {
    /// Take out so many characters.
    Delete(usize),
    /// Put a word there.
    Insert(&'static str),
    /// Put a word in place of the one that is there.
    Replace(&'static str),
    /// Move a line to another place.
    Move(usize),
    Character(char),
}

fn edit() -> impl Strategy<Value = (f64, Edit)> {
    let word = || proptest::sample::select(&WORDS[..]);
    let edit = prop_oneof![
        (1..40_usize).prop_map(Edit::Delete),
        word().prop_map(Edit::Insert),
        word().prop_map(Edit::Replace),
        word().prop_map(Edit::Replace),
        (0..60_usize).prop_map(Edit::Move),
        any::<char>().prop_map(Edit::Character),
    ];
    (0.0..1.0, edit)
}

fn apply(text: &str, at: f64, edit: &Edit) -> String {
    let at = (text.len() as f64 * at) as usize;
    let at = (0..=at.min(text.len()))
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(0);
    let (head, tail) = text.split_at(at);
    match edit {
        Edit::Delete(count) => {
            let rest: String = tail.chars().skip(*count).collect();
            format!("{head}{rest}")
        }
        Edit::Insert(word) => format!("{head}{word}{tail}"),
        Edit::Replace(word) => {
            let start = head
                .rfind(|c: char| !c.is_alphanumeric() && c != '_')
                .map_or(0, |at| {
                    at + head[at..].chars().next().map_or(1, char::len_utf8)
                });
            let end = tail
                .find(|c: char| !c.is_alphanumeric() && c != '_')
                .unwrap_or(tail.len());
            format!("{}{word}{}", &head[..start], &tail[end..])
        }
        Edit::Move(to) => {
            let mut lines: Vec<&str> = text.lines().collect();
            if lines.is_empty() {
                return String::new();
            }
            let from = head.lines().count().min(lines.len()).saturating_sub(1);
            let line = lines.remove(from);
            lines.insert((*to).min(lines.len()), line);
            lines.join("\n")
        }
        Edit::Character(c) => format!("{head}{c}{tail}"),
    }
}

fn holds_together(compiled: &Compiled) -> Result<(), TestCaseError> {
    prop_assert_eq!(compiled.model.is_none(), compiled.found.has_errors());
    for found in &compiled.found {
        let places = found.secondary.iter().chain([&found.primary]);
        for label in places {
            let text = compiled.sources.text(label.span.file);
            prop_assert!(label.span.end as usize <= text.len(), "{:?}", found);
            prop_assert!(text.get(label.span.range()).is_some(), "{:?}", found);
        }
        prop_assert!(!found.message.is_empty(), "{:?}", found);
        prop_assert!(mendable(found), "{:?}", found);
        prop_assert!(!found.message.contains(char::is_control), "{:?}", found);
        prop_assert!(
            contract::codes::explain(found.code).is_some(),
            "{:?}",
            found.code
        );
    }
    render::text(&compiled.sources, &compiled.found, false);
    if let Some(model) = &compiled.model {
        contract::who::who(model).to_text();
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn a_contract_being_edited_never_panics(
        base in proptest::sample::select(&CONTRACTS[..]),
        edits in proptest::collection::vec(edit(), 1..5),
    ) {
        let mut text = base.to_owned();
        for (at, edit) in &edits {
            text = apply(&text, *at, edit);
        }
        holds_together(&compile_one(&text))?;
    }

    #[test]
    fn parts_of_contracts_may_be_included_anywhere(
        main in proptest::sample::select(&CONTRACTS[..]),
        part in proptest::sample::select(&CONTRACTS[..]),
        edits in proptest::collection::vec(edit(), 0..3),
    ) {
        let mut text = part.to_owned();
        for (at, edit) in &edits {
            text = apply(&text, *at, edit);
        }
        let main = format!("{main}\ninclude: [a.yaml]\n");
        holds_together(&compile_files(&main, &[("a.yaml", "a.yaml", &text)]))?;
    }

    #[test]
    fn any_text_at_all_never_panics(text in "\\PC{0,200}") {
        holds_together(&compile_one(&text))?;
    }

    #[test]
    fn any_expression_at_all_never_panics(text in "[a-z.()&|!=<>'\" 0-9\\[\\]?:,+*/-]{0,60}") {
        let quoted = text.replace('\'', "''");
        let contract = format!(
            "frontdesk: 1\nname: shop\nresources:\n  Book:\n    fields: {{a: string, b?: integer, c: {{type: number, value: '={quoted}'}}}}\n    rules: {{r: '{quoted}'}}\n    access: {{read: '{quoted}', write: r}}\n"
        );
        holds_together(&compile_one(&contract))?;
    }
}
