//! Collects the files of a contract. Touches no disk: whoever compiles brings a way to load.

use std::collections::HashMap;

use diag::{Diagnostic, Diagnostics, FileId, Sources, Span};

use crate::codes;
use crate::yaml::{self, Kind, Node};

/// One file per resource of the largest contract anybody should write, and then some.
pub const FILES_MAX: usize = 1_000;
/// All included text together: far beyond any contract, and far below what hurts.
pub const BYTES_MAX: usize = 16 << 20;
/// A pattern is a path: longer ones are mistakes.
const PATTERN_BYTES_MAX: usize = 1_000;

/// Finds the files a pattern stands for: paths relative to the contract's folder, and texts.
pub type Load<'l> = dyn FnMut(&str) -> Result<Vec<(String, String)>, String> + 'l;

/// The trees of all files.
pub struct Files {
    pub main: Node,
    pub included: Vec<Node>,
    /// A file is missing, or may be: it may have declared anything.
    pub torn: bool,
}

/// The trees of the main file and of every file it includes. `None` means that nothing can be
/// said about the contract.
pub fn collect(
    main: FileId,
    sources: &mut Sources,
    load: &mut Load<'_>,
    out: &mut Diagnostics,
) -> Option<Files> {
    let tree = yaml::parse(main, sources.text(main), out)?;
    let mut torn = tree
        .entry("include")
        .is_some_and(|entry| entry.value.torn_inside());
    let mut included = vec![];
    // With the entry that brought it; nothing brought the main file.
    let mut seen: HashMap<String, Option<Span>> =
        HashMap::from([(plain(sources.path(main)).to_owned(), None)]);
    let mut bytes = 0;
    for (pattern, span) in patterns(&tree) {
        if let Some(found) = refuse(&pattern, span) {
            out.push(found);
            torn = true;
            continue;
        }
        let files = match load(&pattern) {
            Ok(files) => files,
            Err(why) => {
                out.push(
                    Diagnostic::error(
                        codes::INCLUDE_UNREADABLE,
                        span,
                        format!("`{pattern}` cannot be read: {why}"),
                    )
                    .label("included here")
                    .help("make it a text file that may be read, or leave it out of `include`"),
                );
                torn = true;
                continue;
            }
        };
        if files.is_empty() {
            torn = true;
            out.push(
                Diagnostic::error(
                    codes::INCLUDE_NOTHING,
                    span,
                    format!("no file matches `{pattern}`"),
                )
                .label("nothing there")
                .help("patterns are relative to the contract's folder, like `resources/*.yaml`"),
            );
        }
        let mut news = files.is_empty();
        let mut known = None;
        for (path, text) in files {
            match seen.get(plain(&path)) {
                Some(before) => {
                    known = known.or(Some((path, *before)));
                    continue;
                }
                None => {
                    news = true;
                    seen.insert(plain(&path).to_owned(), Some(span));
                }
            }
            bytes += text.len();
            if included.len() >= FILES_MAX || bytes > BYTES_MAX {
                out.push(
                    Diagnostic::error(codes::TOO_MANY, span, "too many files are included")
                        .label(format!("`{path}` is one too many"))
                        .help(format!(
                            "a contract has at most {FILES_MAX} files and {} MiB",
                            BYTES_MAX >> 20
                        )),
                );
                return Some(Files {
                    main: tree,
                    included,
                    torn: true,
                });
            }
            let file = sources.add(path, text);
            match yaml::parse(file, sources.text(file), out) {
                Some(tree) => included.push(tree),
                None => torn = true,
            }
        }
        if let (Some((path, before)), false) = (known, news) {
            out.push(again(&pattern, span, &path, before));
        }
    }
    Some(Files {
        main: tree,
        included,
        torn,
    })
}

/// An entry whose files are all part of the contract already. `before`: the entry that brought
/// `path`; `None` for the main file.
fn again(pattern: &str, span: Span, path: &str, before: Option<Span>) -> Diagnostic {
    let found = |message: String| Diagnostic::error(codes::INCLUDE_AGAIN, span, message);
    match before {
        None if pattern.contains('*') => found(format!("no other file matches `{pattern}`"))
            .label(format!("only `{path}`, which includes"))
            .help("delete it, or write where the other files are, like `resources/*.yaml`"),
        None => found("the contract includes itself".to_owned())
            .label("this very file")
            .help("delete it: the file that includes the others is part of the contract anyway"),
        Some(before) => found(format!("`{path}` is included already"))
            .label("again here")
            .also(before, "first here")
            .help("delete one of them, or write the file that was meant"),
    }
}

/// The entries of `include:` that are text; what else stands there is reported when the whole
/// file is read.
fn patterns(tree: &Node) -> Vec<(String, Span)> {
    let Some(list) = tree
        .entry("include")
        .and_then(|entry| entry.value.as_list())
    else {
        return vec![];
    };
    list.iter()
        .filter_map(|node| match &node.kind {
            Kind::String(pattern) if !pattern.trim().is_empty() => {
                Some((pattern.clone(), node.span))
            }
            _ => None,
        })
        .take(FILES_MAX)
        .collect()
}

fn plain(path: &str) -> &str {
    path.strip_prefix("./").unwrap_or(path)
}

fn refuse(pattern: &str, span: Span) -> Option<Diagnostic> {
    let (label, help) = if pattern.len() > PATTERN_BYTES_MAX {
        (
            "too long",
            "a pattern is a short path like `resources/*.yaml`".to_owned(),
        )
    } else if pattern.contains('\\') {
        (
            "a backslash",
            format!("write `/`: {}", pattern.replace('\\', "/")),
        )
    } else if pattern.contains("://") {
        (
            "an address",
            "copy the file into the contract's folder".to_owned(),
        )
    } else if pattern.starts_with(['/', '~']) || pattern.get(1..2) == Some(":") {
        (
            "an absolute path",
            "write the path relative to the contract's folder".to_owned(),
        )
    } else if pattern.split('/').any(|part| part == "..") {
        (
            "leaves the folder",
            "move the file into the contract's folder".to_owned(),
        )
    } else {
        return None;
    };
    Some(
        Diagnostic::error(
            codes::INCLUDE_OUTSIDE,
            span,
            "what is included must lie in the contract's folder",
        )
        .label(label)
        .help(help),
    )
}
