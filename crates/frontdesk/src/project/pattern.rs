//! File patterns: `*` and `?` inside a name, `**` for any number of folders.
//!
//! Knows folders and names, not what is in the files.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;

/// Folders below each other that `**` goes into: deeper ones are not a contract's.
const DEPTH_MAX: usize = 16;
/// Entries looked at for one pattern, so that `**` at the wrong place ends.
const ENTRIES_MAX: usize = 100_000;

/// The files below `root` that match, as sorted paths with `/`. Hidden files and folders only
/// match a pattern that names them. `visited` is told every folder that was looked into.
pub fn find(
    root: &Path,
    pattern: &str,
    visited: &mut dyn FnMut(&Path),
) -> io::Result<BTreeSet<String>> {
    let pattern = pattern.strip_prefix("./").unwrap_or(pattern);
    let segments: Vec<&str> = pattern
        .split('/')
        .filter(|segment| !matches!(*segment, "" | "."))
        .collect();
    let mut search = Search {
        visited,
        found: BTreeSet::new(),
        entries: 0,
    };
    search.folder(root, "", &segments, 0)?;
    Ok(search.found)
}

struct Search<'v> {
    visited: &'v mut dyn FnMut(&Path),
    found: BTreeSet<String>,
    entries: usize,
}

impl Search<'_> {
    fn folder(
        &mut self,
        folder: &Path,
        inside: &str,
        segments: &[&str],
        depth: usize,
    ) -> io::Result<()> {
        let Some((first, rest)) = segments.split_first() else {
            return Ok(());
        };
        if depth > DEPTH_MAX {
            return Ok(());
        }
        if *first == "**" {
            // No folder at all, or one more.
            self.folder(folder, inside, rest, depth)?;
        }
        (self.visited)(folder);
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            self.entries += 1;
            if self.entries > ENTRIES_MAX {
                let message = format!("more than {ENTRIES_MAX} files would have to be looked at");
                return Err(io::Error::other(message));
            }
            let name = entry.file_name();
            // What is not UTF-8 cannot be named in a contract.
            let Some(name) = name.to_str() else { continue };
            if name.starts_with('.') && !first.starts_with('.') {
                continue;
            }
            let path = format!("{inside}{name}");
            let real = fs::metadata(entry.path());
            // A dangling link is no file.
            let Ok(real) = real else { continue };
            if *first == "**" {
                // Links to folders are not followed here: they may lead in circles.
                if real.is_dir() && !entry.file_type()?.is_symlink() {
                    self.folder(&entry.path(), &format!("{path}/"), segments, depth + 1)?;
                }
            } else if matches(first, name) {
                if rest.is_empty() && real.is_file() {
                    self.found.insert(path);
                } else if !rest.is_empty() && real.is_dir() {
                    self.folder(&entry.path(), &format!("{path}/"), rest, depth + 1)?;
                }
            }
        }
        Ok(())
    }
}

/// Whether a name matches a pattern of `*`, `?` and plain characters.
fn matches(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    let (mut p, mut n) = (0, 0);
    // Where the last `*` stood, and up to where it has been tried.
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(wanted) if *wanted == '?' || *wanted == name[n] => {
                p += 1;
                n += 1;
            }
            _ => match star {
                Some((at, tried)) => {
                    star = Some((at, tried + 1));
                    p = at + 1;
                    n = tried + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|rest| *rest == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_match_patterns() {
        for (pattern, name, expected) in [
            ("a.yaml", "a.yaml", true),
            ("*.yaml", "a.yaml", true),
            ("*.yaml", ".yaml", true),
            ("*.yaml", "a.yml", false),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "aXbYbZ", false),
            ("?.yaml", "é.yaml", true),
            ("?.yaml", ".yaml", false),
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
            ("*****a", "bbbba", true),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn files_are_found_below_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for file in [
            "a.yaml",
            "b.txt",
            "x/c.yaml",
            "x/y/d.yaml",
            ".hidden/e.yaml",
            "x/.f.yaml",
        ] {
            let path = root.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        for (pattern, expected) in [
            ("*.yaml", "a.yaml"),
            ("./a.yaml", "a.yaml"),
            ("x/*.yaml", "x/c.yaml"),
            ("*/*.yaml", "x/c.yaml"),
            ("**/*.yaml", "a.yaml x/c.yaml x/y/d.yaml"),
            ("x/**/*.yaml", "x/c.yaml x/y/d.yaml"),
            (".hidden/*", ".hidden/e.yaml"),
            ("**", ""),
            ("nothing/*.yaml", ""),
            ("x", ""),
            ("", ""),
        ] {
            let found = find(root, pattern, &mut |_| {}).unwrap();
            let found: Vec<String> = found.into_iter().collect();
            assert_eq!(found.join(" "), expected, "{pattern}");
        }
    }
}
