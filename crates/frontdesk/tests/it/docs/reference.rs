//! `docs/reference.md` has every key of the language, and no other; its examples compile.

use std::collections::BTreeSet;

use frontdesk::contract::{Part, schema};
use serde_json::Value as Json;

use super::contracts::{compile, put_into};
use super::page::Page;

const PAGE: &str = "docs/reference.md";

/// One table of keys on the page.
struct Table<'p> {
    /// What the schema calls it.
    name: &'p str,
    /// Where its examples are put.
    path: &'p str,
    rows: Vec<Row<'p>>,
}

struct Row<'p> {
    key: &'p str,
    value: &'p str,
    unless: &'p str,
    example: &'p str,
}

/// What stands between backticks.
fn code(cell: &str) -> &str {
    cell.trim().trim_matches('`')
}

fn tables(text: &str) -> Vec<Table<'_>> {
    let mut tables: Vec<Table<'_>> = vec![];
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("<!-- keys: ") {
            let rest = rest.trim_end_matches("-->").trim();
            let (name, path) = rest.split_once(" in=").expect("keys: NAME in=PATH");
            tables.push(Table {
                name,
                path,
                rows: vec![],
            });
            continue;
        }
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").collect();
        if let ([key, value, unless, _, example], Some(table)) =
            (cells.as_slice(), tables.last_mut())
            && key.trim().starts_with('`')
        {
            table.rows.push(Row {
                key: code(key),
                value,
                unless,
                example: code(example),
            });
        }
    }
    tables
}

/// Every word that must be one of a few, wherever it is written in a schema.
fn words(schema: &Json, found: &mut Vec<String>) {
    match schema {
        Json::Object(members) => {
            for (name, value) in members {
                match (name.as_str(), value) {
                    ("enum", Json::Array(all)) => {
                        found.extend(
                            all.iter()
                                .filter_map(|word| word.as_str().map(str::to_owned)),
                        );
                    }
                    _ => words(value, found),
                }
            }
        }
        Json::Array(items) => items.iter().for_each(|item| words(item, found)),
        _ => {}
    }
}

#[test]
fn every_key_is_told_about() {
    let page = Page::read(PAGE);
    let tables = tables(&page.text);
    let schema = schema::json_schema(Part::Main);
    let mut defined: Vec<(&str, &Json)> = vec![("contract", &schema)];
    let definitions = schema["$defs"].as_object().unwrap();
    defined.extend(
        definitions
            .iter()
            .map(|(name, table)| (name.as_str(), table)),
    );
    let names: BTreeSet<&str> = defined.iter().map(|(name, _)| *name).collect();
    let told: BTreeSet<&str> = tables.iter().map(|table| table.name).collect();
    assert_eq!(told, names);
    for (name, object) in defined {
        let table = tables.iter().find(|table| table.name == name).unwrap();
        let keys = object["properties"].as_object().unwrap();
        let known: BTreeSet<&str> = keys.keys().map(String::as_str).collect();
        let told: BTreeSet<&str> = table.rows.iter().map(|row| row.key).collect();
        assert_eq!(told, known, "{name}");
        assert_eq!(told.len(), table.rows.len(), "{name} has a key twice");
        for row in &table.rows {
            let required = object["required"]
                .as_array()
                .is_some_and(|all| all.iter().any(|key| key == row.key));
            let is_told = row.unless.trim() == "required";
            assert_eq!(is_told, required, "{name}.{}: required?", row.key);
            let mut all = vec![];
            words(&keys[row.key], &mut all);
            for word in all {
                let said = row.value.contains(&format!("`{word}`"));
                assert!(said, "{name}.{} may be `{word}`", row.key);
            }
        }
    }
}

/// A table of words: each place with its words.
fn words_by_place<'p>(text: &'p str, mark: &str) -> Vec<(&'p str, Vec<&'p str>)> {
    let (_, table) = text.split_once(mark).expect("the table");
    let rows = table
        .trim_start()
        .lines()
        .take_while(|line| line.starts_with('|'))
        .skip(2);
    rows.map(|row| {
        let (place, words) = row.trim_matches('|').split_once(" | ").unwrap();
        (place.trim(), words.split(',').map(code).collect())
    })
    .collect()
}

#[test]
fn every_word_that_is_not_supported_yet_is_named() {
    let page = Page::read(PAGE);
    let contract = page
        .blocks
        .iter()
        .find(|block| block.is("contract"))
        .unwrap();
    let book = [("resources/book.yaml".to_owned(), String::new())];
    let mut known = schema::later();
    // What is no key and no choice.
    known.push(("a type".to_owned(), vec!["file"]));
    let known: BTreeSet<(&str, &str)> = known
        .iter()
        .flat_map(|(place, words)| words.iter().map(|word| (place.as_str(), *word)))
        .collect();
    for name in [PAGE, "README.md"] {
        let page = Page::read(name);
        let told: BTreeSet<(&str, &str)> = words_by_place(&page.text, "<!-- later -->\n")
            .into_iter()
            .flat_map(|(place, words)| words.into_iter().map(move |word| (place, word)))
            .collect();
        assert_eq!(told, known, "{name}");
    }
    for (place, word) in known {
        let (path, example) = match place {
            "the contract" => ("", format!("{word}: {{a: b}}")),
            "`styles`" => ("", format!("styles: [rest, {word}]")),
            "an error" => ("errors.seat_taken", format!("{word}: {{a: b}}")),
            "a resource" => ("resources.Book", format!("{word}: {{a: b}}")),
            "a field" => (
                "resources.Book.fields",
                format!("extra?: {{type: string, {word}: true}}"),
            ),
            "a type" => ("resources.Book.fields", format!("extra?: {word}")),
            other => panic!("{other} is a new place"),
        };
        let whole = put_into(&contract.text, path, &example);
        let whole = whole.unwrap_or_else(|| panic!("nothing is at `{path}`"));
        let (compiles, said) = compile(&whole, &book);
        assert!(!compiles, "{place}: {example}");
        let first = said.lines().next().unwrap_or_default();
        assert!(first.starts_with("error[E0002]"), "{said}");
        assert!(first.contains(&format!("`{word}`")), "{said}");
    }
}

/// A contract in which something is called so.
fn calling(place: &str, word: &str) -> String {
    let (mut base, mut top) = ("/v1", String::new());
    let (mut field, mut more) = (String::new(), String::new());
    match place {
        "a field" => field = format!(", '{word}?': string"),
        "a field with `index` or `unique`" => {
            field = format!(", '{word}?': {{type: string, index: true}}");
        }
        "a list" => more = format!("lists: {{'{word}': Author.book}}"),
        "a rule" => more = format!("rules: {{'{word}': user.role == 'x'}}"),
        "a `path`" => more = format!("path: {word}"),
        "a `path` without a base" => {
            base = "/";
            more = format!("path: {word}");
        }
        "a `path` within another resource" => more = format!("within: Author\n    path: {word}"),
        "a resource, a type" => top = format!("types: {{{word}: {{a: string}}}}\n"),
        "an error" => top = format!("errors: {{{word}: {{status: 409, title: No}}}}\n"),
        other => panic!("{other} is a new place"),
    }
    format!(
        "\
frontdesk: 1
name: shop
base: {base}
{top}resources:
  Author:
    fields: {{book?: Book}}
    access: {{read: public}}
  Book:
    fields: {{title: string, author: Author{field}}}
    access: {{read: public}}
    {more}
"
    )
}

#[test]
fn every_name_that_is_taken_is_named() {
    let check = |place: &str, word: &str, codes: &[&str]| {
        let (_, said) = compile(&calling(place, word), &[]);
        let errors: Vec<&str> = said.lines().filter(|l| l.starts_with("error")).collect();
        assert_eq!(errors.len(), 1, "{place}: {word}\n{said}");
        let named = codes.iter().any(|code| errors[0].contains(code)) && errors[0].contains(word);
        assert!(named, "{place}: {word}\n{said}");
    };
    let page = Page::read(PAGE);
    let told = words_by_place(&page.text, "<!-- taken -->\n");
    assert_eq!(told, frontdesk::contract::taken());
    for (place, words) in told {
        let (compiles, said) = compile(&calling(place, "Fine").replace("Fine", "fine"), &[]);
        assert!(compiles || place == "a resource, a type", "{place}: {said}");
        words
            .iter()
            .for_each(|word| check(place, word, &["E0202", "E0206"]));
    }
    for kind in rest::problem_kinds() {
        check("an error", kind.code, &["E0412"]);
    }
}

#[test]
fn every_example_compiles() {
    let page = Page::read(PAGE);
    let contract = page
        .blocks
        .iter()
        .find(|block| block.is("contract"))
        .unwrap();
    let book = [("resources/book.yaml".to_owned(), String::new())];
    for table in tables(&page.text) {
        for row in table.rows {
            let whole = put_into(&contract.text, table.path, row.example);
            let whole = whole.unwrap_or_else(|| panic!("nothing is at `{}`", table.path));
            let (compiles, said) = compile(&whole, &book);
            assert!(compiles, "{}: `{}`\n{said}", table.name, row.example);
            assert!(
                row.example.contains(row.key),
                "`{}` shows no `{}`",
                row.example,
                row.key
            );
        }
    }
}
