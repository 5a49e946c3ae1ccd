//! Contracts that are right but for one thing that is no YAML: it alone is reported.
//!
//! Each line of each contract is spoilt in each of many ways. Whatever is said must be about
//! YAML: a key that seems missing or a name that seems unknown only because the fault tore it out
//! would send people after mistakes they did not make.

use std::fs;
use std::path::Path;

use diag::Severity;

use crate::support::compile_one;

/// A line in parts: what stands before the value, and the value.
struct Line<'t> {
    indent: &'t str,
    key: &'t str,
    value: &'t str,
}

impl<'t> Line<'t> {
    fn of(line: &'t str) -> Line<'t> {
        let content = line.trim_start();
        let indent = &line[..line.len() - content.len()];
        let (key, value) = match content.split_once(": ") {
            Some((key, value)) => (key, value.trim_start()),
            None => (content.trim_end_matches(':'), ""),
        };
        Line { indent, key, value }
    }
}

type Spoil = fn(&Line<'_>) -> String;

const WAYS: [(&str, Spoil); 40] = [
    ("tab", |l| format!("\t{}: {}", l.key, l.value)),
    ("tab behind spaces", |l| {
        format!("{}\t{}: {}", l.indent, l.key, l.value)
    }),
    ("no space", |l| format!("{}{}:{}", l.indent, l.key, l.value)),
    ("no colon", |l| format!("{}{} {}", l.indent, l.key, l.value)),
    ("no colon and no value", |l| {
        format!("{}{}", l.indent, l.key)
    }),
    ("at sign", |l| {
        format!("{}{}: @{}", l.indent, l.key, l.value)
    }),
    ("percent", |l| {
        format!("{}{}: %{}", l.indent, l.key, l.value)
    }),
    ("percent line", |l| format!("%{}: {}", l.key, l.value)),
    ("single quote", |l| {
        format!("{}{}: '{}", l.indent, l.key, l.value)
    }),
    ("double quote", |l| {
        format!("{}{}: \"{}", l.indent, l.key, l.value)
    }),
    ("list opened", |l| {
        format!("{}{}: [{}", l.indent, l.key, l.value)
    }),
    ("map opened", |l| {
        format!("{}{}: {{{}", l.indent, l.key, l.value)
    }),
    ("closed too often", |l| {
        format!("{}{}: {}]", l.indent, l.key, l.value)
    }),
    ("not closed", |l| {
        format!(
            "{}{}: {}",
            l.indent,
            l.key,
            l.value.trim_end_matches([']', '}', '\''])
        )
    }),
    ("not opened", |l| {
        format!(
            "{}{}: {}",
            l.indent,
            l.key,
            l.value.trim_start_matches(['[', '{', '\''])
        )
    }),
    ("closed wrongly", |l| {
        format!("{}{}: {}", l.indent, l.key, l.value.replacen('}', "]", 1))
    }),
    ("no comma", |l| {
        format!("{}{}: {}", l.indent, l.key, l.value.replacen(", ", " ", 1))
    }),
    ("two commas", |l| {
        format!(
            "{}{}: {}",
            l.indent,
            l.key,
            l.value.replacen(", ", ", , ", 1)
        )
    }),
    ("another colon", |l| {
        format!("{}{}: {}: x", l.indent, l.key, l.value)
    }),
    ("too deep", |l| {
        format!("{} {}: {}", l.indent, l.key, l.value)
    }),
    ("not deep enough", |l| {
        format!(
            "{}{}: {}",
            &l.indent[l.indent.len().min(1)..],
            l.key,
            l.value
        )
    }),
    ("escape", |l| {
        format!("{}{}: \"\\d{}\"", l.indent, l.key, l.value.replace('"', ""))
    }),
    ("alias", |l| format!("{}{}: *{}", l.indent, l.key, l.value)),
    ("tag", |l| format!("{}{}: !{}", l.indent, l.key, l.value)),
    ("behind a quote", |l| {
        format!("{}{}: 'a' {}", l.indent, l.key, l.value)
    }),
    ("behind a bracket", |l| {
        format!("{}{}: [a] {}", l.indent, l.key, l.value)
    }),
    ("control character", |l| {
        format!("{}{}: \u{1}{}", l.indent, l.key, l.value)
    }),
    ("control character in the key", |l| {
        format!("{}\u{1}{}: {}", l.indent, l.key, l.value)
    }),
    ("document", |l| {
        format!("{}{}: {}\n---", l.indent, l.key, l.value)
    }),
    ("word below", |l| {
        format!("{}{}: {}\n{}oops", l.indent, l.key, l.value, l.indent)
    }),
    ("item below", |l| {
        format!("{}{}: {}\n{}- oops", l.indent, l.key, l.value, l.indent)
    }),
    ("block of text", |l| {
        format!("{}{}: |{}", l.indent, l.key, l.value)
    }),
    ("complex key", |l| {
        format!("{}[{}]: {}", l.indent, l.key, l.value)
    }),
    ("another bracket closes", |l| {
        format!("{}{}: {}", l.indent, l.key, l.value.replacen(']', "}", 1))
    }),
    ("inner bracket not closed", |l| {
        format!("{}{}: {}", l.indent, l.key, l.value.replacen(']', "", 1))
    }),
    ("space from a web page", |l| {
        let indent = l.indent.replacen(' ', "\u{a0}", 1);
        format!("{indent}{}: {}", l.key, l.value)
    }),
    ("another space from a web page", |l| {
        format!("\u{a0}{}{}: {}", l.indent, l.key, l.value)
    }),
    ("comment of other languages", |l| {
        format!("{0}// why\n{0}{1}: {2}", l.indent, l.key, l.value)
    }),
    ("conflict", |l| {
        format!("<<<<<<< HEAD\n{}{}: {}\n=======", l.indent, l.key, l.value)
    }),
    ("merge key", |l| format!("{}<<: {}", l.indent, l.value)),
];

fn contracts() -> Vec<(String, String)> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = [here.join("tests/ok"), here.join("../../examples/bookstore")];
    let mut all: Vec<(String, String)> = folders
        .iter()
        .flat_map(|folder| fs::read_dir(folder).expect("a folder"))
        .map(|entry| entry.expect("readable").path())
        .filter(|path| path.extension().is_some_and(|end| end == "yaml"))
        .map(|path| {
            let text = fs::read_to_string(&path).expect("text");
            (path.display().to_string(), text)
        })
        .collect();
    all.sort();
    all
}

/// What each way makes of each line of a contract: where, how, and the text.
fn spoilt(text: &str) -> impl Iterator<Item = (usize, &'static str, String)> {
    let lines: Vec<&str> = text.lines().collect();
    (0..lines.len())
        .flat_map(|at| {
            let ways = WAYS.into_iter().enumerate();
            // Every line and every way, in a fifth of the time.
            ways.filter(move |(number, _)| (at + number).is_multiple_of(5))
                .map(move |(_, (way, spoil))| (at, way, spoil))
        })
        .filter_map(move |(at, way, spoil)| {
            let line = lines[at];
            if line.trim().is_empty() || line.trim().starts_with('#') {
                return None;
            }
            // What would be below something else then is a second mistake.
            let held = Line::of(line);
            let holds = !held.value.is_empty() && !held.value.starts_with(['#', '|']);
            let moves = match way {
                "item below" | "word below" => !holds || held.key.starts_with('-'),
                "behind a bracket" | "behind a quote" => held.value.starts_with('|'),
                "percent line" | "complex key" | "merge key" => held.key.starts_with('-'),
                _ => false,
            };
            let mut whole: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
            whole[at] = spoil(&held);
            (!moves).then(|| (at + 1, way, whole.join("\n")))
        })
}

#[test]
fn a_fault_in_a_right_contract_is_all_that_is_said() {
    let mut wrong = vec![];
    let mut tried = 0;
    for (name, text) in contracts() {
        for (at, way, spoilt) in spoilt(&text) {
            let compiled = compile_one(&spoilt);
            let codes = compiled.codes(Severity::Error);
            // Some ways make sense on some lines.
            if !codes.iter().any(|code| code.starts_with("E01")) {
                continue;
            }
            tried += 1;
            // A line may be wrong twice after it was spoilt, but not thrice.
            if codes.iter().any(|code| !code.starts_with("E01")) || codes.len() > 2 {
                wrong.push(format!("{name}:{at} {way}\n{}", compiled.rendered()));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {tried} say more:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(tried > 1_800, "{tried}");
}

/// A resource to be spoilt, between others that are wrong.
const BETWEEN: &str = "\
frontdesk: 1
name: shop
colour: red
rules:
  odd: user.role ==
resources:
  First:
    fields: {name: strng, size: {type: integer, minimum: low}}
    rules: {mine: this.owner == user.id}
    access: {raed: public}
  Middle:
    description: Stands between them.
    id: integer
    fields:
      title: {type: string, maxLength: 200}
      price: {type: integer, minimum: 0}
      parent?: Middle
      owner: {type: string, set: =user.id}
      size:
        type: integer
        default: 3
    lists: {children: Middle.parent}
    unique: [[title, price]]
    rules:
      own: this.owner == user.id
    access: {read: public, create: signed_in, update: own}
  Last:
    fields: {name: {type: string, maxLenght: 3}}
    search: name
    access: {read: this.nme == 'x'}
";

#[test]
fn mistakes_around_a_fault_are_said_too() {
    let said = |text: &str| -> Vec<String> {
        let compiled = compile_one(text);
        let errors = compiled.found.iter();
        errors
            .map(|found| format!("{}: {}", found.code, found.message))
            .collect()
    };
    let all = said(BETWEEN);
    assert_eq!(all.len(), 9, "{all:#?}");
    let middle = BETWEEN
        .lines()
        .position(|line| line == "  Middle:")
        .unwrap();
    let last = BETWEEN.lines().position(|line| line == "  Last:").unwrap();
    let mut wrong = vec![];
    let mut tried = 0;
    for (at, way, spoilt) in spoilt(BETWEEN) {
        if at <= middle + 1 || last < at {
            continue;
        }
        let now = said(&spoilt);
        let missing: Vec<&String> = all.iter().filter(|one| !now.contains(one)).collect();
        tried += 1;
        if !missing.is_empty() {
            wrong.push(format!("{at} {way}: {missing:#?}\n{now:#?}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {tried} say less:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(tried > 100, "{tried}");
}
