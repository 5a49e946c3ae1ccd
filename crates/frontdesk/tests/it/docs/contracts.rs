//! Contracts on the pages.

use frontdesk::contract;
use frontdesk::diag::{Diagnostics, Sources, render};

use super::compare::like;
use super::page::{Block, Page, pages, updating};

/// What is said about a contract, and whether it compiles.
pub fn compile(text: &str, files: &[(String, String)]) -> (bool, String) {
    let mut sources = Sources::new();
    let main = sources.add(frontdesk::FILE, text.to_owned());
    let mut load = |pattern: &str| {
        let (folder, end) = pattern.rsplit_once('*').unwrap_or((pattern, ""));
        let found = files
            .iter()
            .filter(|(path, _)| path.starts_with(folder) && path.ends_with(end));
        Ok(found.cloned().collect())
    };
    let mut found = Diagnostics::new();
    let model = contract::compile(main, &mut sources, &mut load, &mut found);
    (model.is_some(), render::text(&sources, &found, false))
}

/// The files that contracts of a page include.
pub fn files(page: &Page) -> Vec<(String, String)> {
    let files = page.blocks.iter().filter_map(|block| {
        let path = block.value("file")?;
        Some((path.to_owned(), block.text.clone()))
    });
    files.collect()
}

/// The page's last contract before a block.
pub fn base<'p>(page: &'p Page, block: &Block) -> &'p Block {
    let contracts = page.blocks.iter().filter(|base| base.is("contract"));
    contracts
        .take_while(|base| base.line < block.line)
        .last()
        .unwrap_or_else(|| panic!("{}: no contract above", page.place(block)))
}

/// The contract a `yaml` block stands for.
pub fn whole(page: &Page, block: &Block) -> String {
    match block.value("in") {
        None => block.text.clone(),
        Some(path) => put_into(&base(page, block).text, path, &block.text)
            .unwrap_or_else(|| panic!("{}: nothing is at `{path}`", page.place(block))),
    }
}

/// Puts keys into the map at a path like `resources.Book`, in place of those of the same name.
/// Contracts on pages are written in blocks, two spaces deeper at each level.
pub fn put_into(contract: &str, path: &str, part: &str) -> Option<String> {
    let mut lines: Vec<String> = contract.lines().map(str::to_owned).collect();
    let (mut from, mut to, mut indent) = (0, lines.len(), 0);
    for step in path
        .split('.')
        .filter(|step| !step.is_empty() && *step != "contract")
    {
        let at = find(&lines, from..to, indent, step)?;
        to = end_of(&lines, at, to, indent);
        from = at + 1;
        indent += 2;
    }
    let part: Vec<String> = part
        .lines()
        .map(|line| {
            if line.is_empty() {
                String::new()
            } else {
                format!("{:indent$}{line}", "")
            }
        })
        .collect();
    // A comment belongs to the key under it.
    let mut at = 0;
    while at < part.len() {
        let key_at = (at..part.len()).find(|at| key(&part[*at], indent).is_some())?;
        let end = end_of(&part, key_at, part.len(), indent);
        let name = key(&part[key_at], indent)?;
        let entry = part[at..end].to_vec();
        match find(&lines, from..to, indent, name) {
            Some(old) => {
                let old_end = end_of(&lines, old, to, indent);
                to = to - (old_end - old) + entry.len();
                lines.splice(old..old_end, entry);
            }
            None => {
                let added = entry.len();
                lines.splice(to..to, entry);
                to += added;
            }
        }
        at = end;
    }
    Some(lines.join("\n") + "\n")
}

fn find(
    lines: &[String],
    range: std::ops::Range<usize>,
    indent: usize,
    name: &str,
) -> Option<usize> {
    range
        .into_iter()
        .find(|at| key(&lines[*at], indent) == Some(name))
}

/// The key that a line begins at this depth, without its `?`.
fn key(line: &str, indent: usize) -> Option<&str> {
    let rest = line.strip_prefix(&" ".repeat(indent))?;
    if rest.starts_with([' ', '#', '-']) {
        return None;
    }
    let (name, _) = rest.split_once(':')?;
    Some(name.trim_end_matches('?'))
}

/// The line after what belongs to the key at `at`.
fn end_of(lines: &[String], at: usize, to: usize, indent: usize) -> usize {
    let deeper =
        |line: &String| line.trim().is_empty() || line.starts_with(&" ".repeat(indent + 1));
    let end = (at + 1..to)
        .find(|next| !deeper(&lines[*next]))
        .unwrap_or(to);
    // Empty lines at the end are not part of it.
    let full = (at..end).rev().find(|line| !lines[*line].trim().is_empty());
    full.map_or(end, |last| last + 1)
}

#[test]
fn contracts_compile_and_wrong_ones_are_told_so() {
    for mut page in pages() {
        let files = files(&page);
        let mut changes = vec![];
        for (at, block) in page.blocks.iter().enumerate() {
            if block.language != "yaml" || block.value("file").is_some() {
                continue;
            }
            let place = page.place(block);
            let (compiles, said) = compile(&whole(&page, block), &files);
            if !block.is("wrong") {
                assert!(compiles, "{place}:\n{said}");
                continue;
            }
            assert!(!compiles, "{place} compiles");
            let answer = page.blocks.get(at + 1).filter(|next| next.is("said"));
            let answer = answer.unwrap_or_else(|| panic!("{place}: what is said about it?"));
            if !like(&answer.text, &said) {
                assert!(
                    updating(),
                    "{place}: it is said\n{said}\nnot\n{}",
                    answer.text
                );
                changes.push((answer.clone(), said));
            }
        }
        for (block, text) in changes {
            page.change(&block, &text);
        }
        page.write();
    }
}

#[test]
fn parts_are_put_where_they_belong() {
    let contract = "a: 1\nresources:\n  Book:\n    fields: {x: string}\n    access:\n      read: public\n\n  Author:\n    fields: {y: string}\n";
    for (path, part, expected) in [
        (
            "",
            "b: 2",
            "a: 1\nresources:\n  Book:\n    fields: {x: string}\n    access:\n      read: public\n\n  Author:\n    fields: {y: string}\nb: 2\n",
        ),
        (
            "",
            "a: 2",
            "a: 2\nresources:\n  Book:\n    fields: {x: string}\n    access:\n      read: public\n\n  Author:\n    fields: {y: string}\n",
        ),
        (
            "resources.Book",
            "access: {read: nobody}\nid: integer",
            "a: 1\nresources:\n  Book:\n    fields: {x: string}\n    access: {read: nobody}\n    id: integer\n\n  Author:\n    fields: {y: string}\n",
        ),
    ] {
        assert_eq!(
            put_into(contract, path, part).unwrap(),
            expected,
            "{path} {part}"
        );
    }
    assert_eq!(put_into(contract, "resources.Review", "a: 1"), None);
}
