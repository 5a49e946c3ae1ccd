//! The pages and their fenced blocks.

use std::env;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// One page of the documentation.
pub struct Page {
    /// From the root of the repository.
    pub path: String,
    pub text: String,
    pub blocks: Vec<Block>,
    /// What is to be written in place of what.
    changes: Vec<(Range<usize>, String)>,
}

/// What stands between two fences.
#[derive(Clone, Debug)]
pub struct Block {
    pub language: String,
    /// The words behind the language.
    pub marks: Vec<String>,
    pub text: String,
    /// Of the first line of the text.
    pub line: usize,
    at: Range<usize>,
}

impl Block {
    pub fn is(&self, mark: &str) -> bool {
        self.marks.iter().any(|known| known == mark)
    }

    /// The value of `name=value`.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.marks
            .iter()
            .find_map(|mark| mark.strip_prefix(name)?.strip_prefix('='))
    }
}

pub fn root() -> PathBuf {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    crates.parent().unwrap().to_owned()
}

/// Whether pages are to be written instead of judged.
pub fn updating() -> bool {
    env::var_os("UPDATE_DOCS").is_some()
}

/// README, everything in `docs/`, and what is said about each example.
pub fn pages() -> Vec<Page> {
    let mut paths = vec!["README.md".to_owned()];
    for entry in fs::read_dir(root().join("examples")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        paths.push(format!("examples/{name}/README.md"));
    }
    for entry in fs::read_dir(root().join("docs")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name.ends_with(".md") {
            paths.push(format!("docs/{name}"));
        }
    }
    paths.sort();
    paths.into_iter().map(Page::read).collect()
}

impl Page {
    pub fn read(path: impl Into<String>) -> Page {
        let path = path.into();
        let text = fs::read_to_string(root().join(&path)).unwrap();
        let blocks = blocks(&text, &path);
        Page {
            path,
            text,
            blocks,
            changes: vec![],
        }
    }

    /// `docs/rest.md:12`
    pub fn place(&self, block: &Block) -> String {
        format!("{}:{}", self.path, block.line)
    }

    /// Notes that a block should say something else.
    pub fn change(&mut self, block: &Block, text: &str) {
        let mut text = text.trim_end().to_owned();
        text.push('\n');
        self.changes.push((block.at.clone(), text));
    }

    /// Writes what has been noted.
    pub fn write(mut self) {
        if self.changes.is_empty() {
            return;
        }
        self.changes.sort_by_key(|(at, _)| at.start);
        for (at, text) in self.changes.iter().rev() {
            self.text.replace_range(at.clone(), text);
        }
        fs::write(root().join(&self.path), &self.text).unwrap();
    }
}

fn blocks(text: &str, path: &str) -> Vec<Block> {
    let mut blocks = vec![];
    let mut open: Option<Block> = None;
    let mut offset = 0;
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let end = offset + line.len();
        let fence = line.trim_end().strip_prefix("```");
        match (&mut open, fence) {
            (None, Some(info)) => {
                let mut words = info.split_whitespace().map(str::to_owned);
                open = Some(Block {
                    language: words.next().unwrap_or_default(),
                    marks: words.collect(),
                    text: String::new(),
                    line: number + 2,
                    at: end..end,
                });
            }
            (Some(_), Some("")) => blocks.extend(open.take()),
            (Some(block), _) => {
                block.text.push_str(line);
                block.at.end = end;
            }
            (None, None) => {}
        }
        offset = end;
    }
    assert!(open.is_none(), "{path}: a block is not closed");
    blocks
}

/// Languages in which nothing is claimed that could be tried.
const UNTRIED: [&str; 7] = ["text", "json", "nginx", "ini", "toml", "rust", "js"];

#[test]
fn every_block_says_what_is_done_with_it() {
    let known: [(&str, &[&str]); 5] = [
        ("yaml", &["contract", "serve", "in=", "file=", "wrong"]),
        (
            "sh",
            &[
                "keys", "example=", "run", "by-hand", "exit=", "serves", "reloads",
            ],
        ),
        ("http", &[]),
        ("text", &["said", "output"]),
        ("json", &["output"]),
    ];
    for page in pages() {
        for block in &page.blocks {
            let place = page.place(block);
            let marks = known
                .iter()
                .find(|(language, _)| *language == block.language);
            let Some((language, marks)) = marks else {
                assert!(
                    UNTRIED.contains(&block.language.as_str()),
                    "{place}: what is `{}`?",
                    block.language
                );
                continue;
            };
            for mark in &block.marks {
                let is_known = marks.iter().any(|known| {
                    mark == known || (known.ends_with('=') && mark.starts_with(known))
                });
                assert!(is_known, "{place}: unknown mark `{mark}`");
            }
            let is_marked =
                !block.marks.is_empty() || matches!(*language, "http" | "text" | "json");
            assert!(is_marked, "{place}: say what is to be done with this block");
        }
    }
}
