//! What the YAML reader understands, refuses, and says.

use contract::yaml::{self, Kind, Node};
use diag::{Diagnostics, FileId, Severity, Sources};
use proptest::prelude::*;

fn read(text: &str) -> (Option<Node>, Diagnostics) {
    let mut out = Diagnostics::new();
    let tree = yaml::parse(FileId(0), text, &mut out);
    (tree, out)
}

fn tree(text: &str) -> Node {
    let (tree, out) = read(text);
    assert!(out.is_empty(), "{text:?}: {out:#?}");
    tree.unwrap_or_else(|| panic!("{text:?} has no tree"))
}

fn json(node: &Node) -> serde_json::Value {
    use serde_json::Value;
    match &node.kind {
        Kind::Null => Value::Null,
        Kind::Bool(value) => (*value).into(),
        Kind::Int(value) => (*value).into(),
        Kind::Float(value) => (*value).into(),
        Kind::String(value) => value.as_str().into(),
        Kind::List(items) => items.iter().map(json).collect(),
        Kind::Map(entries) => entries
            .iter()
            .map(|entry| (entry.key.value.clone(), json(&entry.value)))
            .collect(),
    }
}

/// Every key and value with its source, in order.
fn places(node: &Node, text: &str, out: &mut Vec<String>) {
    out.push(node.source(text).to_owned());
    match &node.kind {
        Kind::List(items) => items.iter().for_each(|item| places(item, text, out)),
        Kind::Map(entries) => {
            for entry in entries {
                out.push(format!("{}:", &text[entry.key.span.range()]));
                places(&entry.value, text, out);
            }
        }
        _ => {}
    }
}

#[test]
fn values() {
    let check = |text: &str, expected: &str| {
        let expected: serde_json::Value = serde_json::from_str(expected).unwrap();
        assert_eq!(json(&tree(text)), expected, "{text:?}");
    };
    check("", "null");
    check("# only a comment\n", "null");
    check("---\n", "null");
    check("\u{feff}a: 1", r#"{"a": 1}"#);
    check("---\na: 1\n...\n", r#"{"a": 1}"#);
    check(
        "a: yes\nb: on\nc: ~\nd:\ne: 1.50\nf: 0x1f",
        r#"{"a":"yes","b":"on","c":null,"d":null,"e":1.5,"f":31}"#,
    );
    check(
        "a: 'true'\nb: \"1\"\nc: ''",
        r#"{"a": "true", "b": "1", "c": ""}"#,
    );
    check(
        "a:\n- 1\n- b: 2\n  c: 3\n-\n- - x\nd: []",
        r#"{"a":[1,{"b":2,"c":3},null,["x"]],"d":[]}"#,
    );
    check(
        "{a: {b: [1, 'x, y']}, c: , \"d\":1}",
        r#"{"a":{"b":[1,"x, y"]},"c":null,"d":1}"#,
    );
    check(
        "a: |\n  x\n   y\n\nb: >-\n  x\n  y\n",
        r#"{"a":"x\n y\n","b":"x y"}"#,
    );
    check("a: one\n  two\n\n  three\n", r#"{"a":"one two\nthree"}"#);
    check(
        "a: this.x == 'y' && !z  # why\n",
        r#"{"a":"this.x == 'y' && !z"}"#,
    );
    check(
        "a: x:y\nb: http://z\nc: a#b\nd: =x.y('z')",
        r#"{"a":"x:y","b":"http://z","c":"a#b","d":"=x.y('z')"}"#,
    );
    check(
        "a: 1\t\t# tabs before a comment\n\t\nb: 2",
        r#"{"a":1,"b":2}"#,
    );
    check("'<<': 1\n'1': 2\n\"\": 3", r#"{"<<":1,"1":2,"":3}"#);
    check(
        "a: \"\\u00e9\\n\\\n  b\"\r\nc: d\r\n",
        r#"{"a":"é\nb","c":"d"}"#,
    );
}

#[test]
fn everything_knows_its_place() {
    let text = "# ä\nfields:   # ö\n  'na\u{fc}me' : {type: \"a\\\"b\"  , max: 1.50 }   # x\n  list:\n  - one # two\n  - - [a , 'b' ] # y\n    - c\n  -\n  - k: |+ # header\n      body\n\n    e:\n  text: >\n    folded\n    more\n\n# end\n";
    let mut out = Vec::new();
    places(&tree(text), text, &mut out);
    let flat = "a:\n- [b]\n- - c\n";
    assert_eq!(
        tree(flat).entry("a").unwrap().value.source(flat),
        "- [b]\n- - c"
    );
    let trailing = "a: {b: [1, ] , # c\n }  # d";
    assert_eq!(
        tree(trailing).entry("a").unwrap().value.source(trailing),
        "{b: [1, ] , # c\n }"
    );
    insta::assert_snapshot!(out.join("\n=======\n"), @r#"
    fields:   # ö
      'naüme' : {type: "a\"b"  , max: 1.50 }   # x
      list:
      - one # two
      - - [a , 'b' ] # y
        - c
      -
      - k: |+ # header
          body

        e:
      text: >
        folded
        more
    =======
    fields:
    =======
    'naüme' : {type: "a\"b"  , max: 1.50 }   # x
      list:
      - one # two
      - - [a , 'b' ] # y
        - c
      -
      - k: |+ # header
          body

        e:
      text: >
        folded
        more
    =======
    'naüme':
    =======
    {type: "a\"b"  , max: 1.50 }
    =======
    type:
    =======
    "a\"b"
    =======
    max:
    =======
    1.50
    =======
    list:
    =======
    - one # two
      - - [a , 'b' ] # y
        - c
      -
      - k: |+ # header
          body

        e:
    =======
    one
    =======
    - [a , 'b' ] # y
        - c
    =======
    [a , 'b' ]
    =======
    a
    =======
    'b'
    =======
    c
    =======

    =======
    k: |+ # header
          body

        e:
    =======
    k:
    =======
    |+ # header
          body
    =======
    e:
    =======

    =======
    text:
    =======
    >
        folded
        more
    "#);
}

#[test]
fn places_inside_values() {
    let check = |text: &str, part: &str, expected: &str| {
        let root = tree(text);
        let value = &root.entry("v").unwrap().value;
        let string = value.as_str().unwrap_or_else(|| value.source(text));
        let start = string
            .find(part)
            .unwrap_or_else(|| panic!("{part:?} is in {string:?}"));
        let span = value.value_span(text, start..start + part.len());
        assert_eq!(&text[span.range()], expected, "{part:?} in {text:?}");
    };
    check("v: this.stätus == 'x'  # c", "stätus", "stätus");
    check("v: this.stätus == 'x'", "== 'x'", "== 'x'");
    check("v: 'a == b'", "== b", "== b");
    check("v: 'a == ''b'' && c'", "'b' && c", "''b'' && c");
    check("v: \"a == \\\"b\\\" && \\u00e9c\"", "éc", "\\u00e9c");
    check("v: \"a == \\\"b\\\" && c\"", "\"b\"", "\\\"b\\\"");
    check("v: \"a\\\n   b\\tc\"", "b\tc", "b\\tc");
    check("v: one ||\n   two &&\n   three", "two", "two");
    check(
        "v: one ||\n   two &&\n   three",
        "two && three",
        "two &&\n   three",
    );
    check(
        "v: |\n  one ||\n    two\n  three\n",
        "two\nthree",
        "two\n  three",
    );
    check("v: >-\n  one ||\n  two\n", "|| two", "||\n  two");
    check("v: 12.50", ".50", ".50");
}

#[test]
fn places_at_the_edges_of_values() {
    let check = |text: &str, range: std::ops::Range<usize>, expected: (usize, usize)| {
        let root = tree(text);
        let span = root.entry("v").unwrap().value.value_span(text, range);
        assert_eq!(
            (span.start as usize, span.end as usize),
            expected,
            "{text:?}"
        );
    };
    check("v: abc", 3..3, (6, 6));
    check("v: 'abc'", 0..0, (4, 4));
    check("v: 'abc'", 3..3, (7, 7));
    check("v: 'a''c'", 1..1, (5, 5));
    check("v: 'a''c'", 3..3, (8, 8));
    check("v: 'a''c'", 99..120, (8, 8));
    check("v: >\n  a\n  b\n", 2..3, (11, 12));
    check("v: >\n  a\n  b\n", 3..4, (12, 12));
    check("v: [a, b]", 0..1, (3, 9));
    check("v:", 0..1, (2, 2));
}

/// What a tree holds, with `…` for what could not be read.
fn left(node: &Node) -> String {
    let torn = node.torn.then(|| "…".to_owned());
    match &node.kind {
        Kind::List(items) => {
            let items: Vec<String> = items.iter().map(left).chain(torn).collect();
            format!("[{}]", items.join(", "))
        }
        Kind::Map(entries) => {
            let entry =
                |entry: &yaml::Entry| format!("{}: {}", entry.key.value, left(&entry.value));
            let entries: Vec<String> = entries.iter().map(entry).chain(torn).collect();
            format!("{{{}}}", entries.join(", "))
        }
        _ => torn.unwrap_or_else(|| json(node).to_string()),
    }
}

/// One line per text: its problems, each with code, place, message and help.
fn problems(texts: &[&str]) -> String {
    let mut report = String::new();
    for text in texts {
        let (tree, out) = read(text);
        let mut sources = Sources::new();
        sources.add("x", (*text).to_owned());
        report += &match &tree {
            Some(tree) => format!("{text:?} leaves {}\n", left(tree)),
            None => format!("{text:?} leaves nothing\n"),
        };
        assert!(
            out.has_errors() || tree.is_some(),
            "{text:?} failed silently"
        );
        assert!(!out.is_empty(), "{text:?} has no problem");
        for found in &out {
            let span = found.primary.span;
            let (line, column) = sources.line_column(span);
            let kind = if found.severity == Severity::Warning {
                "warning "
            } else {
                ""
            };
            let source = sources.slice(span).replace('\r', "CR");
            let (code, message) = (found.code, &found.message);
            report += &format!("  {kind}{code} {line}:{column} `{source}` {message}\n");
            for label in std::iter::once(&found.primary).chain(&found.secondary) {
                if !label.text.is_empty() {
                    let (line, column) = sources.line_column(label.span);
                    let source = sources.slice(label.span);
                    report += &format!("    {line}:{column} `{source}` {}\n", label.text);
                }
            }
            for (name, text) in [("help", &found.help), ("note", &found.note)] {
                if let Some(text) = text {
                    report += &format!("    {name}: {text}\n");
                }
            }
        }
    }
    report
}

#[test]
fn what_yaml_can_and_the_language_refuses() {
    insta::assert_snapshot!(problems(&[
        "a: 1\nb: 2\n'a': 3\n",
        "{a: 1, a: {b: 1, b: 2}}",
        "a: &x 1\nb: *x\n",
        "a: &x\n  c: 1\n",
        "a: !!str 1\n",
        "a: !x\n  b: 1\n",
        "a: !this.done\n",
        "rules: {a: !this.done && b, c: d}\n",
        "a:\n  <<: {b: 1}\n",
        "a: 1\n---\nb: 2\n",
        "a: 1\n...\nb: 2\n",
        "%YAML 1.1\n---\na: 1\n",
        "404: x\ntrue: y\n~: z\n1.5: w\n",
        "? a\n: b\n",
        "[a, b]: c\n",
        "{a: 1}: c\n",
        ": a\n",
        "a: {b, c: 1}\n",
        "a: {b:1}\n",
        "a: [b: 1]\n",
        "a: 9223372036854775808\n",
        "a: [.nan, -.inf, 1e999]\n",
        "a: 007\n",
        "a:  \tb\n",
        "-\tx\n",
        "a: {b: 1,\tc: 2}\n",
        "a: \u{1}b\n",
        "a: 1\rb: 2\n",
        "a: \u{a0}b\n",
    ]), @r#"
    "a: 1\nb: 2\n'a': 3\n" leaves {a: 1, b: 2}
      E0110 3:1 `'a'` the key `a` stands twice in this map
        3:1 `'a'` again here
        1:1 `a` first here
        help: remove one of them, or join their values
    "{a: 1, a: {b: 1, b: 2}}" leaves {a: 1}
      E0110 1:8 `a` the key `a` stands twice in this map
        1:8 `a` again here
        1:2 `a` first here
        help: remove one of them, or join their values
      E0110 1:18 `b` the key `b` stands twice in this map
        1:18 `b` again here
        1:12 `b` first here
        help: remove one of them, or join their values
    "a: &x 1\nb: *x\n" leaves {a: 1, b: …}
      E0111 1:4 `&x 1` a value that begins with `&` is an anchor to YAML
        1:4 `&x 1` anchors are not part of the language
        help: remove the anchor; if this is text, put it into quotes: '&x 1'
      E0112 2:4 `*x` a value that begins with `*` is an alias to YAML
        2:4 `*x` aliases are not part of the language
        help: write the value out; if this is text, put it into quotes: '*x'
    "a: &x\n  c: 1\n" leaves {a: {c: 1}}
      E0111 1:4 `&x` a value that begins with `&` is an anchor to YAML
        1:4 `&x` anchors are not part of the language
        help: remove the anchor; if this is text, put it into quotes: '&x'
    "a: !!str 1\n" leaves {a: …}
      E0113 1:4 `!!str 1` a value that begins with `!` is a tag to YAML
        1:4 `!!str 1` tags are not part of the language
        help: if `!` means "not", put the whole value into quotes: '!!str 1'; otherwise remove the tag
    "a: !x\n  b: 1\n" leaves {a: {b: 1, …}}
      E0113 1:4 `!x` a value that begins with `!` is a tag to YAML
        1:4 `!x` tags are not part of the language
        help: if `!` means "not", put the whole value into quotes: '!x'; otherwise remove the tag
    "a: !this.done\n" leaves {a: …}
      E0113 1:4 `!this.done` a value that begins with `!` is a tag to YAML
        1:4 `!this.done` tags are not part of the language
        help: if `!` means "not", put the whole value into quotes: '!this.done'; otherwise remove the tag
    "rules: {a: !this.done && b, c: d}\n" leaves {rules: {a: …, c: "d"}}
      E0113 1:12 `!this.done && b` a value that begins with `!` is a tag to YAML
        1:12 `!this.done && b` tags are not part of the language
        help: if `!` means "not", put the whole value into quotes: '!this.done && b'; otherwise remove the tag
    "a:\n  <<: {b: 1}\n" leaves {a: {…}}
      E0114 2:3 `<<` merge keys are not part of the language
        help: write the keys out; what several resources share can be a rule or a type
    "a: 1\n---\nb: 2\n" leaves {a: 1, b: 2}
      E0115 2:1 `---` a second document begins here
        help: one file holds one document: move this one to a file of its own
    "a: 1\n...\nb: 2\n" leaves {a: 1, b: 2}
      E0115 3:1 `b: 2` a second document begins here
        help: one file holds one document: move this one to a file of its own
    "%YAML 1.1\n---\na: 1\n" leaves {a: 1}
      E0116 1:1 `%YAML 1.1` directives are not part of the language
        help: remove this line; every file is YAML 1.2 and has no tags
    "404: x\ntrue: y\n~: z\n1.5: w\n" leaves {404: "x", true: "y", ~: "z", 1.5: "w"}
      E0117 1:1 `404` the key `404` is a number, not text
        help: put it into quotes: '404'
      E0117 2:1 `true` the key `true` is true or false, not text
        help: put it into quotes: 'true'
      E0117 3:1 `~` the key `~` is null, not text
        help: put it into quotes: '~'
      E0117 4:1 `1.5` the key `1.5` is a number, not text
        help: put it into quotes: '1.5'
    "? a\n: b\n" leaves {a: "b"}
      E0118 1:1 `?` a key must be one word or a quoted text
        help: write `key: value`; put the key into quotes if it holds brackets or `?`
    "[a, b]: c\n" leaves …
      E0118 1:1 `[` a key must be one word or a quoted text
        help: write `key: value`; put the key into quotes if it holds brackets or `?`
    "{a: 1}: c\n" leaves …
      E0118 1:1 `{` a key must be one word or a quoted text
        help: write `key: value`; put the key into quotes if it holds brackets or `?`
    ": a\n" leaves {…}
      E0119 1:1 `:` there is no key before this `:`
        help: write the key, or remove the line
    "a: {b, c: 1}\n" leaves {a: {c: 1, …}}
      E0120 1:5 `b` `b` has no value
        help: write `b: …`; or `[b]` if this is meant to be a list
    "a: {b:1}\n" leaves {a: {…}}
      E0101 1:6 `:` a space is missing after this `:`
        1:6 `:` needs a space behind it
        help: put a space behind the colon
        note: without the space YAML takes key, colon and value for one word
    "a: [b: 1]\n" leaves {a: […]}
      E0121 1:5 `` a list holds a `key: value` without brackets
        help: write `[{key: value}]`; or put the item into quotes if it is text
    "a: 9223372036854775808\n" leaves {a: …}
      E0123 1:4 `9223372036854775808` `9223372036854775808` is too large for a whole number
        1:4 `9223372036854775808` whole numbers have 64 bits
        help: write '9223372036854775808' if it is text
    "a: [.nan, -.inf, 1e999]\n" leaves {a: […, …, …]}
      E0124 1:5 `.nan` `.nan` is not a finite number
        help: JSON has no such number; write '.nan' if it is text
      E0124 1:11 `-.inf` `-.inf` is not a finite number
        help: JSON has no such number; write '-.inf' if it is text
      E0124 1:18 `1e999` `1e999` is not a finite number
        help: JSON has no such number; write '1e999' if it is text
    "a: 007\n" leaves {a: 7}
      warning E0125 1:4 `007` `007` is a number: the zeros in front are not kept
        help: write '007' if they matter
        note: YAML 1.1 would even read it as octal
    "a:  \tb\n" leaves {a: "b"}
      E0108 1:5 `	` a tab cannot stand here
        help: put a space here
    "-\tx\n" leaves ["x"]
      E0108 1:2 `	` a tab cannot stand here
        help: put a space here
    "a: {b: 1,\tc: 2}\n" leaves {a: {b: 1, c: 2}}
      E0108 1:10 `	` a tab cannot stand here
        help: put a space here
    "a: \u{1}b\n" leaves {a: "b"}
      E0133 1:4 `` the character U+0001 cannot stand in a file
        help: remove it; inside double quotes it can be written as an escape
    "a: 1\rb: 2\n" leaves {a: 1, b: 2}
      E0133 1:5 `CR` a carriage return without a line feed
        help: save the file with line feeds as line ends
    "a: \u{a0}b\n" leaves {a: " b"}
      E0133 1:4 ` ` this value begins with U+00A0, which only looks like a space
        help: replace it by a space
    "#);
}

#[test]
fn slips_of_beginners() {
    insta::assert_snapshot!(problems(&[
        // A space forgotten.
        "a: 1\nname:book\nb: 1\n",
        "name:book\nb: 1\n",
        "a:\n  b:1\n  c: 2\n",
        "a:\n  - b:1\n    c: 2\n",
        "a: {b:[1]}\n",
        // A colon forgotten.
        "a\nb: 1\n",
        "a: 1\nb\nc: 2\n",
        "a:\n  b  # why\n  c: 1\n",
        // A dash forgotten.
        "a:\n  - b\n  c\n",
        "a:\n  - b: 1\n  c: 2\n",
        // Lines of other languages.
        "// why\na: 1\n",
        "a:\n  // why\n  - {b: 1}\n",
        "```\na: 1\n```\n",
        "<<<<<<< a\na: 1\n=======\na: 2\n>>>>>>> b\nc: 3\n",
        // Another white space.
        "a:\n  b: 1\n\u{a0}\u{a0}c: 2\n\u{a0} d: 3\n",
        // Brackets of two kinds.
        "a: [1, 2}\nb: 3\n",
        "a: {b: [1, 2}\nc: 3\n",
        "a: {b: [1, c: 2}\nd: 3\n",
        // Indentation.
        "a:\n  b:\n    c:\n      d: 1\n   e:\n      f: 2\n",
        "a:\n  b: 1\n   c: 2\n",
        "a:\n    b: 1\n  c: 2\n",
        "a:\n  b:\n      c: 1\n    d: 1\n",
        "  a: 1\nb: 2\n",
        "a: 1\n b: 2\n",
        "a:\n  - x\n b: 1\n",
        "a: 1\n- b\n",
        "- a\nb: 1\n",
        "a: - b\n",
        "a: b # x\n  c: 1\n",
        "a: |\n  x\n y\n",
        // First characters.
        "a: *.example.com\n",
        "a: * 5  # x\n",
        "a: & y\n",
        "a: @x y\n",
        "a: [`x`, b]\n",
        "a: %x\n",
        "%x: 1\n",
        "a: !x!y b\n",
        "a: >= 5\n",
        "a: |x\n",
        "a: ,b\n",
        "a: {b: > 5, c: 1}\n",
        // Colons, commas, comments and brackets in values.
        "a: =x ? b : c  # why\n",
        "a: b: c\n",
        "a: {v: =x ? b : c, w: 1}\n",
        "a: {v: =avg(r, r.stars), w: 1}\n",
        "a: [=avg(r, r.stars), w]\n",
        "a: {read: this.list.exists(m, m.ok)}\n",
        "a: {read: role in ['a'], b: 1}\n",
        "a: ='x #1' + y\n",
        "a: 'x' in y  # why\n",
        "a: \"x\": y\n",
        "a: [x] == y\n",
        "a: {id}/x\n",
        "a: 'it's fine'\n",
        "a: x #y\n  z\n",
        "a: 'x'#y\n",
        // Quotes and brackets.
        "a: 'x\nb: 1\n",
        "a: \"x\n  b: y\n",
        "a:\n  b: 'it''s\n  c: 'x'\n",
        "a: 'x\n  b: y' z\n",
        "a: [1, 2\nb: 3\n",
        "a: {x: 1\n",
        "a: [1, 2",
        "a: {b: 1]\n",
        "a: ]\n",
        "a: [\n  'x',\n]\n",
        "a: {b: {c: 1}\nd: 2\n",
        "a: [b, , c]\n",
        "a: ['b' 'c']\n",
        "a: \"\\d+\"\n",
        "a: \"ok \\u12\"\n",
        // Tabs.
        "a:\n\tb: 1\n",
        "a:\n  b: 1\n\tc: 2\n",
        "a:\tb\n",
        "a: |\n\tx\n",
        // A byte order mark in the middle, after joining files.
        "a: 1\n\u{feff}b: 2\n",
    ]), @r#"
    "a: 1\nname:book\nb: 1\n" leaves {a: 1, name: "book", b: 1}
      E0101 2:5 `:` a space is missing after this `:`
        2:5 `:` needs a space behind it
        help: put a space behind the colon
        note: without the space YAML takes key, colon and value for one word
    "name:book\nb: 1\n" leaves {name: "book", b: 1}
      E0101 1:5 `:` a space is missing after this `:`
        1:5 `:` needs a space behind it
        help: put a space behind the colon
        note: without the space YAML takes key, colon and value for one word
    "a:\n  b:1\n  c: 2\n" leaves {a: {b: 1, c: 2}}
      E0101 2:4 `:` a space is missing after this `:`
        2:4 `:` needs a space behind it
        help: put a space behind the colon
        note: without the space YAML takes key, colon and value for one word
    "a:\n  - b:1\n    c: 2\n" leaves {a: [{b: 1, c: 2}]}
      E0101 2:6 `:` a space is missing after this `:`
        2:6 `:` needs a space behind it
        help: put a space behind the colon
        note: without the space YAML takes key, colon and value for one word
    "a: {b:[1]}\n" leaves {a: {b: [1]}}
      E0101 1:6 `:` a space is missing after this `:`
        1:6 `:` needs a space behind it
        help: put a space behind the colon
        note: without the space YAML takes key, colon and value for one word
    "a\nb: 1\n" leaves {b: 1, …}
      E0109 1:1 `a` a `:` is missing behind this key
        help: write `a: …`
    "a: 1\nb\nc: 2\n" leaves {a: 1, c: 2, …}
      E0109 2:1 `b` a `:` is missing behind this key
        help: write `b: …`
    "a:\n  b  # why\n  c: 1\n" leaves {a: {c: 1, …}}
      E0109 2:3 `b` a `:` is missing behind this key
        help: write `b: …`
    "a:\n  - b\n  c\n" leaves {a: ["b", …], …}
      E0102 3:3 `c` this line stands among the items of a list
        2:3 `- b` an item beside it
        help: write `- c` if it is an item, too
    "a:\n  - b: 1\n  c: 2\n" leaves {a: [{b: 1}, …], …}
      E0102 3:3 `c: 2` a key stands among the items of a list
        2:3 `- b: 1` on the same level as this
        help: indent it under the item it belongs to; or write `- ` before it if it is an item, too
    "// why\na: 1\n" leaves {a: 1, …}
      E0100 1:1 `// why` this is no comment in YAML
        help: a comment begins with `#`
    "a:\n  // why\n  - {b: 1}\n" leaves {a: [{b: 1}, …]}
      E0100 2:3 `// why` this is no comment in YAML
        help: a comment begins with `#`
    "```\na: 1\n```\n" leaves {a: 1, …}
      E0100 1:1 ````` this line is not part of the contract
        help: remove it; it marks code in other texts
      E0100 3:1 ````` this line is not part of the contract
        help: remove it; it marks code in other texts
    "<<<<<<< a\na: 1\n=======\na: 2\n>>>>>>> b\nc: 3\n" leaves {a: …, c: 3, …}
      E0100 1:1 `<<<<<<< a` this marks a conflict between two versions of the file
        help: keep what is right of both, and remove the lines that mark them
      E0100 3:1 `=======` this marks a conflict between two versions of the file
        help: keep what is right of both, and remove the lines that mark them
      E0100 5:1 `>>>>>>> b` this marks a conflict between two versions of the file
        help: keep what is right of both, and remove the lines that mark them
    "a:\n  b: 1\n\u{a0}\u{a0}c: 2\n\u{a0} d: 3\n" leaves {a: {b: 1, c: 2, d: 3}}
      E0133 3:1 ` ` this is U+00A0, which only looks like a space
        help: indent with plain spaces; such a character often comes along from a web page
        note: one more line is indented by such a character
    "a: [1, 2}\nb: 3\n" leaves {a: [1, 2], b: 3}
      E0105 1:9 `}` `}` cannot close a `[`
        1:4 `[` opened here
        help: write `]`
    "a: {b: [1, 2}\nc: 3\n" leaves {a: …, c: 3}
      E0105 1:8 `[` this `[` is not closed
        1:8 `[` opened here
        1:13 `}` this is for the `{` before it
        help: add `]` where it ends
    "a: {b: [1, c: 2}\nd: 3\n" leaves {a: …, d: 3}
      E0105 1:8 `[` this `[` is not closed
        1:8 `[` opened here
        1:16 `}` this is for the `{` before it
        help: add `]` where it ends
    "a:\n  b:\n    c:\n      d: 1\n   e:\n      f: 2\n" leaves {a: {b: {c: {d: 1}, e: {f: 2}}}}
      E0102 5:4 `e:` this line fits no level above it
        4:7 `d: 1` the line before it
        help: indent it by 4 spaces, so that it fits what it holds
    "a:\n  b: 1\n   c: 2\n" leaves {a: {b: 1, c: 2}}
      E0102 3:4 `c: 2` this line is indented too deep
        2:3 `b: 1` this key has a value already
        help: line it up with the key it belongs beside
    "a:\n    b: 1\n  c: 2\n" leaves {a: {b: 1, …}, …}
      E0102 3:3 `c: 2` this line fits no level above it
        2:5 `b: 1` the line before it
        help: indent it by 0 or 4 spaces, like the level it belongs to
    "a:\n  b:\n      c: 1\n    d: 1\n" leaves {a: {b: {c: 1, …}, …}}
      E0102 4:5 `d: 1` this line fits no level above it
        3:7 `c: 1` the line before it
        help: indent it by 0, 2 or 6 spaces, like the level it belongs to
    "  a: 1\nb: 2\n" leaves {a: 1, …}
      E0102 2:1 `b: 2` this line fits no level above it
        1:3 `a: 1` the line before it
        help: the lines above stand at column 2: indent it by as many spaces
    "a: 1\n b: 2\n" leaves {a: 1, b: 2}
      E0102 2:2 `b: 2` this line is indented too deep
        1:1 `a: 1` this key has a value already
        help: line it up with the key it belongs beside
    "a:\n  - x\n b: 1\n" leaves {a: ["x", …], …}
      E0102 3:2 `b: 1` this line fits no level above it
        2:3 `- x` the line before it
        help: indent it by 0 or 2 spaces, like the level it belongs to
    "a: 1\n- b\n" leaves {a: 1, …}
      E0102 2:1 `- b` a list item stands among the keys of a map
        1:1 `a: 1` on the same level as this
        help: indent it under the key it belongs to
    "- a\nb: 1\n" leaves ["a", …]
      E0102 2:1 `b: 1` a key stands among the items of a list
        1:1 `- a` on the same level as this
        help: indent it under the item it belongs to; or write `- ` before it if it is an item, too
    "a: - b\n" leaves {a: …}
      E0100 1:4 `-` a list cannot begin behind its key
        help: put `- …` on the next line, indented; or write `[…]`
    "a: b # x\n  c: 1\n" leaves {a: …, …}
      E0102 2:3 `c: 1` the value above has ended with its comment
        2:3 `c: 1` yet this line is indented as if it went on
        1:6 `#` the comment
        help: indent this line like the key it belongs beside; or put the value into quotes
    "a: |\n  x\n y\n" leaves {a: …, …}
      E0102 3:2 `y` this line fits no level above it
        2:3 `x` the line before it
        help: indent it by 0 or 2 spaces, like the level it belongs to
    "a: *.example.com\n" leaves {a: …}
      E0112 1:4 `*.example.com` a value that begins with `*` is an alias to YAML
        1:4 `*.example.com` aliases are not part of the language
        help: write the value out; if this is text, put it into quotes: '*.example.com'
    "a: * 5  # x\n" leaves {a: …}
      E0112 1:4 `* 5` a value that begins with `*` is an alias to YAML
        1:4 `* 5` aliases are not part of the language
        help: write the value out; if this is text, put it into quotes: '* 5'
    "a: & y\n" leaves {a: …}
      E0111 1:4 `& y` a value that begins with `&` is an anchor to YAML
        1:4 `& y` anchors are not part of the language
        help: remove the anchor; if this is text, put it into quotes: '& y'
    "a: @x y\n" leaves {a: …}
      E0103 1:4 `@x y` a value cannot begin with `@`
        help: put the value into quotes: '@x y'
    "a: [`x`, b]\n" leaves {a: ["b", …]}
      E0103 1:5 ``x`` a value cannot begin with ```
        help: put the value into quotes: '`x`'
    "a: %x\n" leaves {a: …}
      E0103 1:4 `%x` a value cannot begin with `%`
        help: put the value into quotes: '%x'
    "%x: 1\n" leaves …
      E0116 1:1 `%x: 1` a line that begins with `%` is a directive to YAML
        help: remove it; put the key into quotes if it is one
    "a: !x!y b\n" leaves {a: …}
      E0113 1:4 `!x!y b` a value that begins with `!` is a tag to YAML
        1:4 `!x!y b` tags are not part of the language
        help: if `!` means "not", put the whole value into quotes: '!x!y b'; otherwise remove the tag
    "a: >= 5\n" leaves {a: …}
      E0103 1:4 `>= 5` `>` at the beginning of a value announces a block of text
        help: put the value into quotes: '>= 5'
    "a: |x\n" leaves {a: …}
      E0103 1:4 `|x` `|` at the beginning of a value announces a block of text
        help: put the value into quotes: '|x'
    "a: ,b\n" leaves {a: …}
      E0103 1:4 `,b` a value cannot begin with `,`
        help: put the value into quotes: ',b'
    "a: {b: > 5, c: 1}\n" leaves {a: {b: …, c: 1}}
      E0103 1:8 `> 5` `>` at the beginning of a value announces a block of text
        help: put the value into quotes: '> 5'
    "a: =x ? b : c  # why\n" leaves {a: …}
      E0103 1:11 `:` this `:` makes YAML take the value for another key
        1:4 `=x ? b ` the value begins here
        help: put the value into quotes: '=x ? b : c'
    "a: b: c\n" leaves {a: …}
      E0103 1:5 `:` this `:` makes YAML take the value for another key
        1:4 `b` the value begins here
        help: for a key and its value write `{b: c}`, or put them on a line of their own, indented; for a text put it into quotes: 'b: c'
    "a: {v: =x ? b : c, w: 1}\n" leaves {a: {v: …, w: 1, …}}
      E0103 1:15 `:` this `:` makes YAML take the value for another key
        1:8 `=x ? b ` the value begins here
        help: put the value into quotes: '=x ? b : c'
    "a: {v: =avg(r, r.stars), w: 1}\n" leaves {a: …}
      E0103 1:8 `=avg(r` this value is cut in two by a comma
        1:8 `=avg(r` ends at the comma, with a parenthesis open
        1:14 `,` this comma
        help: inside `{…}` and `[…]` put a value with commas into quotes
    "a: [=avg(r, r.stars), w]\n" leaves {a: …}
      E0103 1:5 `=avg(r` this value is cut in two by a comma
        1:5 `=avg(r` ends at the comma, with a parenthesis open
        1:11 `,` this comma
        help: inside `{…}` and `[…]` put a value with commas into quotes
    "a: {read: this.list.exists(m, m.ok)}\n" leaves {a: …}
      E0103 1:11 `this.list.exists(m` this value is cut in two by a comma
        1:11 `this.list.exists(m` ends at the comma, with a parenthesis open
        1:29 `,` this comma
        help: inside `{…}` and `[…]` put a value with commas into quotes
    "a: {read: role in ['a'], b: 1}\n" leaves {a: {read: …, b: 1, …}}
      E0103 1:19 `[` a bare value inside brackets cannot hold `[`
        help: put the value into quotes: "role in ['a']"; or a comma before the `[`
    "a: ='x #1' + y\n" leaves {a: …}
      E0122 1:4 `='x` this formula is cut short by a comment
        1:8 `#1' + y` from here on it is a comment
        help: put the formula into quotes: "='x #1' + y"
    "a: 'x' in y  # why\n" leaves {a: …}
      E0106 1:8 `in y` there is more text behind a closing quote
        1:4 `'x'` the quoted text
        help: put the whole value into quotes: "'x' in y"
    "a: \"x\": y\n" leaves {a: …}
      E0103 1:7 `:` this `:` makes YAML take the value for another key
        1:4 `"x"` the value begins here
        help: put the value into quotes: '"x": y'
    "a: [x] == y\n" leaves {a: …}
      E0106 1:8 `== y` there is more text behind a closing bracket
        1:4 `[x]` taken for a list or map
        help: put the whole value into quotes: '[x] == y'
    "a: {id}/x\n" leaves {a: …}
      E0106 1:8 `/x` there is more text behind a closing bracket
        1:4 `{id}` taken for a list or map
        help: put the whole value into quotes: '{id}/x'
    "a: 'it's fine'\n" leaves {a: …}
      E0106 1:8 `s fine'` there is more text behind a closing quote
        1:4 `'it'` the quoted text
        help: inside single quotes write '' for an apostrophe
    "a: x #y\n  z\n" leaves {a: …, …}
      E0102 2:3 `z` the value above has ended with its comment
        2:3 `z` yet this line is indented as if it went on
        1:6 `#` the comment
        help: indent this line like the key it belongs beside; or put the value into quotes
    "a: 'x'#y\n" leaves {a: …}
      E0100 1:7 `#` a comment needs a space before its `#`
        help: put a space here; or quotes around the value if `#` belongs to it
    "a: 'x\nb: 1\n" leaves {a: …, b: 1}
      E0104 1:4 `'x` this `'` is not closed on its line
        1:4 `'x` the quoted text begins here
        help: add the closing `'`; text over several lines can stand under `key: |`
    "a: \"x\n  b: y\n" leaves {a: …}
      E0104 1:4 `"x` this `"` is not closed on its line
        1:4 `"x` the quoted text begins here
        help: add the closing `"`; text over several lines can stand under `key: |`
        note: line 2 has not been checked because of this
    "a:\n  b: 'it''s\n  c: 'x'\n" leaves {a: {b: …, c: "x"}}
      E0104 2:6 `'it''s` this `'` is not closed on its line
        2:6 `'it''s` the quoted text begins here
        help: inside single quotes write '' for an apostrophe
    "a: 'x\n  b: y' z\n" leaves {a: …}
      E0104 1:4 `'x` this `'` is not closed on its line
        1:4 `'x` the quoted text begins here
        2:7 `'` taken for the closing quote
        help: add the closing `'`; text over several lines can stand under `key: |`
        note: line 2 has not been checked because of this
    "a: [1, 2\nb: 3\n" leaves {a: …, b: 3}
      E0105 1:4 `[` this `[` is not closed
        1:4 `[` opened here
        2:2 `` not possible inside the brackets
        help: add `]` where it ends
    "a: {x: 1\n" leaves {a: …}
      E0105 1:4 `{` this `{` is not closed
        1:4 `{` opened here
        help: add `}` where it ends
    "a: [1, 2" leaves {a: …}
      E0105 1:4 `[` this `[` is not closed
        1:4 `[` opened here
        help: add `]` where it ends
    "a: {b: 1]\n" leaves {a: {b: 1}}
      E0105 1:9 `]` `]` cannot close a `{`
        1:4 `{` opened here
        help: write `}`
    "a: ]\n" leaves {a: …}
      E0105 1:4 `]` this bracket closes nothing
        help: remove it; or put the value into quotes if it belongs to a text
    "a: [\n  'x',\n]\n" leaves {a: ["x"]}
      E0102 3:1 `]` a line inside brackets stands too far left
        1:4 `[` the bracket
        help: indent it (also a closing bracket) deeper than the line that holds the opening one
    "a: {b: {c: 1}\nd: 2\n" leaves {a: …, d: 2}
      E0105 1:4 `{` this `{` is not closed
        1:4 `{` opened here
        2:1 `` not possible inside the brackets
        help: add `}` where it ends
    "a: [b, , c]\n" leaves {a: ["b", "c"]}
      E0100 1:8 `,` nothing stands before this comma
        help: remove the comma, or write the value before it
    "a: ['b' 'c']\n" leaves {a: ["b", "c"]}
      E0106 1:9 `'c'` there is more text behind a closing quote
        1:5 `'b'` the quoted text
        help: separate the items by commas
    "a: \"\\d+\"\n" leaves {a: …}
      E0107 1:5 `\d` this escape means nothing inside double quotes
        help: use single quotes, where a backslash is a backslash; or write `\\`
    "a: \"ok \\u12\"\n" leaves {a: …}
      E0107 1:8 `\u` this escape means nothing inside double quotes
        help: use single quotes, where a backslash is a backslash; or write `\\`
    "a:\n\tb: 1\n" leaves {a: {b: 1}}
      E0108 2:1 `	` a tab cannot stand here
        help: indent with spaces, two for each level
    "a:\n  b: 1\n\tc: 2\n" leaves {a: {b: 1, …}, …}
      E0108 3:1 `	` a tab cannot stand here
        help: indent with spaces, two for each level
    "a:\tb\n" leaves {a: "b"}
      E0108 1:3 `	` a tab cannot stand here
        help: put a space here
    "a: |\n\tx\n" leaves {a: "x\n"}
      E0108 2:1 `	` a tab cannot stand here
        help: indent with spaces, two for each level
    "a: 1\n\u{feff}b: 2\n" leaves {a: 1, b: 2}
      E0133 2:1 `﻿` the character U+FEFF cannot stand in a file
        help: remove it; inside double quotes it can be written as an escape
    "#);
}

#[test]
fn limits() {
    let code = |text: &str| {
        let (tree, out) = read(text);
        assert!(tree.is_none() && out.len() == 1);
        out.iter().next().unwrap().code
    };
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    tree(&nested(yaml::DEPTH_MAX));
    assert_eq!(code(&nested(yaml::DEPTH_MAX + 1)), "E0131");
    assert_eq!(code(&"- ".repeat(yaml::DEPTH_MAX + 1)), "E0131");
    assert_eq!(code(&"[".repeat(yaml::BYTES_MAX)), "E0131", "and quickly");
    assert_eq!(code(&" ".repeat(yaml::BYTES_MAX + 1)), "E0130");
    assert_eq!(code(&"- 1\n".repeat(yaml::NODES_MAX)), "E0132");
    assert_eq!(
        tree(&"- 1\n".repeat(yaml::NODES_MAX - 1))
            .as_list()
            .unwrap()
            .len(),
        499_999
    );
}

#[test]
fn the_examples_are_read() {
    for name in ["bookstore", "cinema", "todo", "travel", "versions"] {
        let text = example(name);
        let root = tree(&text);
        assert_eq!(
            root.entry("frontdesk").map(|entry| &entry.value.kind),
            Some(&Kind::Int(1))
        );
    }
}

fn example(name: &str) -> String {
    let path = format!("{}/tests/yaml/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).expect("the example is part of the repository")
}

/// Every span lies in the text, on character boundaries, and inside its parent's.
fn check_places(node: &Node, text: &str) {
    let range = node.span.range();
    assert!(
        range.end <= text.len() && text.get(range.clone()).is_some(),
        "{node:?}"
    );
    let within = |inner: std::ops::Range<usize>| {
        assert!(
            range.start <= inner.start && inner.end <= range.end,
            "{inner:?} in {node:?}"
        );
    };
    match &node.kind {
        Kind::List(items) => {
            for item in items {
                within(item.span.range());
                check_places(item, text);
            }
        }
        Kind::Map(entries) => {
            for entry in entries {
                within(entry.key.span.range());
                within(entry.value.span.range());
                check_places(&entry.value, text);
            }
        }
        Kind::String(value) => {
            for at in 0..=value.len().min(40) {
                let span = node.value_span(text, at..at + 3);
                within(span.range());
                assert!(text.get(span.range()).is_some(), "{at} in {node:?}");
            }
        }
        _ => {}
    }
}

fn check_anything(text: &str) {
    let (tree, out) = read(text);
    assert!(tree.is_some() || out.has_errors(), "no tree and no error");
    if let Some(tree) = &tree {
        // What stands under the second of two equal keys is not within the first.
        if out.iter().all(|found| found.code != "E0110") {
            check_places(tree, text);
        }
        assert!(
            !tree.torn_inside() || out.has_errors(),
            "torn without a word"
        );
    }
    for found in &out {
        for label in std::iter::once(&found.primary).chain(&found.secondary) {
            assert!(text.get(label.span.range()).is_some(), "{found:?}");
        }
    }
}

/// Pieces that mean something to YAML, so that random texts reach deep into the reader.
fn soup() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        8 => prop::sample::select(vec![
            "\n", "\n  ", "\n    ", "\n\t", " ", ": ", ":", "- ", "? ", ", ", ",", "[", "]", "{", "}",
            "'", "\"", "\\", "#", " # c", "&a ", "*a", "!t ", "|", ">-\n", "|+2\n", "---\n", "...\n",
            "<<: ", "%YAML 1.2\n", "\r\n", "\u{feff}", "~", "@", "`", "''", "\\u00e9", "(", ")", "=",
            "\n   ", "\n\u{a0} ", "\n// c", "\n```", "\n=======\n", "\n<<<<<<< x\n",
        ]),
        4 => prop::sample::select(vec!["a", "bc", "1", "true", "null", "ä", "😀", "a: 1", "- x", "k:v", "007"]),
        1 => any::<char>().prop_map(|c| -> &'static str { if c.is_ascii() { "z" } else { "\u{a0}" } }),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_survived(text in ".{0,200}") {
        check_anything(&text);
    }

    #[test]
    fn any_soup_of_yaml_is_survived(text in soup()) {
        check_anything(&text);
    }

    #[test]
    fn a_damaged_contract_is_survived(
        name in prop::sample::select(vec!["bookstore", "cinema", "travel"]),
        cuts in prop::collection::vec((any::<prop::sample::Index>(), 0usize..8, soup()), 1..4),
    ) {
        let mut text = example(name);
        for (at, len, inserted) in cuts {
            let start = text.floor_char_boundary(at.index(text.len()));
            let end = text.ceil_char_boundary((start + len).min(text.len()));
            text.replace_range(start..end, &inserted);
        }
        check_anything(&text);
    }
}
