//! Whether what is shown and what there is are the same, but for what differs from run to run.

use serde_json::Value as Json;

/// What stands for anything.
pub const ANY: &str = "…";

/// Whether a text is what is shown, `…` standing for anything in its line, and alone on a line
/// for any lines.
pub fn like(shown: &str, found: &str) -> bool {
    let shown: Vec<&str> = shown.trim_end().lines().map(str::trim_end).collect();
    let found: Vec<&str> = found.trim_end().lines().map(str::trim_end).collect();
    lines_like(&shown, &found)
}

fn lines_like(shown: &[&str], found: &[&str]) -> bool {
    match shown.split_first() {
        None => found.is_empty(),
        Some((first, rest)) if first.trim() == ANY => {
            (0..=found.len()).any(|skipped| lines_like(rest, &found[skipped..]))
        }
        Some((first, rest)) => found
            .split_first()
            .is_some_and(|(line, others)| line_like(first, line) && lines_like(rest, others)),
    }
}

fn line_like(shown: &str, found: &str) -> bool {
    match shown.split_once(ANY) {
        None => shown == found,
        Some((before, after)) => found.strip_prefix(before).is_some_and(|rest| {
            rest.char_indices()
                .map(|(at, _)| at)
                .chain([rest.len()])
                .any(|at| line_like(after, &rest[at..]))
        }),
    }
}

/// What is called what: ids and cursors that were shown, and those that there are.
#[derive(Default)]
pub struct Names {
    known: Vec<(String, String)>,
}

impl Names {
    /// Puts what there is where something was shown.
    pub fn resolve(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (shown, found) in &self.known {
            text = text.replace(shown, found);
        }
        text
    }

    /// Whether two values are the same; learns from those that may differ.
    pub fn same(&mut self, shown: &Json, found: &Json) -> bool {
        match (shown, found) {
            (Json::String(shown), Json::String(found)) => self.same_text(shown, found),
            (Json::Array(shown), Json::Array(found)) => {
                shown.len() == found.len()
                    && shown
                        .iter()
                        .zip(found)
                        .all(|(shown, found)| self.same(shown, found))
            }
            (Json::Object(shown), Json::Object(found)) => {
                let mut found = found.iter();
                shown.len() == found.len()
                    && shown.iter().all(|(name, shown)| {
                        found.next().is_some_and(|(other, found)| {
                            name == other
                                && match (shown, found) {
                                    (Json::String(shown), Json::String(found))
                                        if name == "etag" =>
                                    {
                                        self.same_header(name, shown, found)
                                    }
                                    _ => self.same(shown, found),
                                }
                        })
                    })
            }
            _ => shown == found,
        }
    }

    fn same_text(&mut self, shown: &str, found: &str) -> bool {
        let kinds = (kind(shown), kind(found));
        match kinds {
            (Some(Kind::Time), Some(Kind::Time)) => return true,
            (Some(shown), Some(found)) if shown == found => {}
            _ => return like(&self.resolve(shown), found),
        }
        if let Some((_, known)) = self.known.iter().find(|(known, _)| known == shown) {
            return known == found;
        }
        self.known.push((shown.to_owned(), found.to_owned()));
        true
    }

    /// Whether the value of a header field is the same.
    pub fn same_header(&mut self, name: &str, shown: &str, found: &str) -> bool {
        if name.eq_ignore_ascii_case("etag") {
            let version = |tag: &str| {
                let tag = tag.trim_matches('"');
                tag.split_once('.').map(|(version, _)| version.to_owned())
            };
            if version(shown) != version(found) {
                return false;
            }
            let known = self.known.iter().any(|(known, _)| known == shown);
            if shown != found && !known {
                self.known.push((shown.to_owned(), found.to_owned()));
            }
            return true;
        }
        if like(&self.resolve(shown), found) {
            return true;
        }
        // What a `Location` leads to may be named there for the first time.
        let (Some((place, shown)), Some((there, found))) =
            (shown.rsplit_once('/'), found.rsplit_once('/'))
        else {
            return false;
        };
        let new = self.known.iter().all(|(known, _)| known != shown);
        let same = new && place == there && kind(shown).is_some() && kind(shown) == kind(found);
        if same {
            self.known.push((shown.to_owned(), found.to_owned()));
        }
        same
    }
}

/// What differs from run to run.
#[derive(PartialEq, Eq)]
enum Kind {
    Time,
    Cursor,
    /// With its prefix.
    Id(String),
    Uuid,
}

fn kind(text: &str) -> Option<Kind> {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if text.starts_with("c_") {
        return Some(Kind::Cursor);
    }
    if let Some((day, time)) = text.split_once('T')
        && day.split('-').all(digits)
        && time.ends_with('Z')
    {
        return Some(Kind::Time);
    }
    if text.len() == 36 && text.split('-').count() == 5 {
        return Some(Kind::Uuid);
    }
    let (prefix, rest) = text.rsplit_once('_')?;
    let is_id = rest.len() == 26 && rest.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_id.then(|| Kind::Id(prefix.to_owned()))
}

/// JSON as it is good to read: what fits into a line is one.
pub fn pretty(json: &Json) -> String {
    let mut text = String::new();
    write(json, 0, &mut text);
    text
}

fn write(json: &Json, depth: usize, out: &mut String) {
    const WIDTH: usize = 96;
    let line = one_line(json);
    if depth * 2 + line.chars().count() <= WIDTH {
        return out.push_str(&line);
    }
    let indent = "  ".repeat(depth + 1);
    let mut list = |open: char, close: char, parts: Vec<(String, &Json)>| {
        out.push(open);
        for (at, (name, part)) in parts.iter().enumerate() {
            out.push_str(if at > 0 { ",\n" } else { "\n" });
            out.push_str(&indent);
            out.push_str(name);
            write(part, depth + 1, out);
        }
        out.push('\n');
        out.push_str(&"  ".repeat(depth));
        out.push(close);
    };
    match json {
        Json::Array(items) => {
            list(
                '[',
                ']',
                items.iter().map(|item| (String::new(), item)).collect(),
            );
        }
        Json::Object(members) => {
            let name = |name: &String| format!("{}: ", Json::from(name.as_str()));
            list(
                '{',
                '}',
                members
                    .iter()
                    .map(|(key, value)| (name(key), value))
                    .collect(),
            );
        }
        _ => out.push_str(&line),
    }
}

fn one_line(json: &Json) -> String {
    match json {
        Json::Array(items) => {
            let items: Vec<String> = items.iter().map(one_line).collect();
            format!("[{}]", items.join(", "))
        }
        Json::Object(members) => {
            let members: Vec<String> = members
                .iter()
                .map(|(name, value)| format!("{}: {}", Json::from(name.as_str()), one_line(value)))
                .collect();
            format!("{{{}}}", members.join(", "))
        }
        other => other.to_string(),
    }
}

#[test]
fn alike_is_what_differs_only_where_it_may() {
    for (shown, found, expected) in [
        ("a", "a", true),
        ("a", "b", false),
        ("a…", "abc", true),
        ("a…c", "abc", true),
        ("a…c", "abcd", false),
        ("a\n…\nd", "a\nb\nc\nd", true),
        ("a\n…", "a", true),
        ("…", "", true),
        ("a…b", "a\nb", false),
    ] {
        assert_eq!(like(shown, found), expected, "{shown:?} {found:?}");
    }
    let json = |text: &str| serde_json::from_str::<Json>(text).unwrap();
    let mut names = Names::default();
    let id = "note_01h455vb4pex5vsknk084sn02q";
    let other = "note_01m82zvb82eevsy9mh2790g9zc";
    assert!(names.same(
        &json(&format!("[\"{id}\"]")),
        &json(&format!("[\"{other}\"]"))
    ));
    assert_eq!(
        names.resolve(&format!("/v1/notes/{id}")),
        format!("/v1/notes/{other}")
    );
    assert!(!names.same(&json(&format!("[\"{id}\"]")), &json(&format!("[\"{id}\"]"))));
    assert!(!names.same(&json(r#"{"a": 1, "b": 2}"#), &json(r#"{"b": 2, "a": 1}"#)));
    assert!(names.same(
        &json(r#""2026-11-22T10:00:00.000Z""#),
        &json(r#""2027-01-02T03:04:05.678Z""#)
    ));
    assert!(!names.same(&json(r#""2026-11-22""#), &json(r#""2026-11-23""#)));
    assert!(names.same_header("ETag", "\"1.a\"", "\"1.b\""));
    assert!(!names.same_header("ETag", "\"1.a\"", "\"2.a\""));
}
