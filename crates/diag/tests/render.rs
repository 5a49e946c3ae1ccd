//! What people and programs see.

use diag::{Diagnostic, Diagnostics, FileId, Sources, Span, render};
use proptest::prelude::*;

const SHOP: &str = "resources:\n  Book:\n    fields:\n      títle: strng\n      title: text\n";

fn shop() -> (Sources, FileId) {
    let mut sources = Sources::new();
    let file = sources.add("shop.yaml", SHOP.to_owned());
    (sources, file)
}

fn find(file: FileId, word: &str) -> Span {
    let start = SHOP.find(word).expect("the word is in the text");
    Span::new(file, start..start + word.len())
}

fn unknown_type(file: FileId) -> Diagnostic {
    Diagnostic::error("E0312", find(file, "strng"), "there is no type `strng`")
        .label("unknown type")
        .help("did you mean `string`?")
}

#[test]
fn text_looks_like_a_compilers() {
    let (sources, file) = shop();
    insta::assert_snapshot!(render::text(&sources, &unknown_type(file), false), @r#"
    error[E0312]: there is no type `strng`
     --> shop.yaml:4:14
      |
    4 |       títle: strng
      |              ^^^^^ unknown type
      |
      = help: did you mean `string`?
    "#);
}

#[test]
fn text_shows_every_place() {
    let (mut sources, file) = shop();
    let other = sources.add("more.yaml", "Book: {}\n".to_owned());
    let first = Diagnostic::warning("E0110", find(file, "title"), "this key is doubtful")
        .also(find(file, "Book"), "in this resource")
        .also(Span::new(other, 0..4), "and declared here")
        .note("law 14");
    let second = Diagnostic::error("E0199", Span::at(file, SHOP.len()), "something is missing");
    let both: Diagnostics = [second, first].into_iter().collect();
    insta::assert_snapshot!(render::text(&sources, &both, false), @r#"
    warning[E0110]: this key is doubtful
     --> shop.yaml:5:7
      |
    2 |   Book:
      |   ---- in this resource
    ...
    5 |       title: text
      |       ^^^^^
      |
     ::: more.yaml:1:1
      |
    1 | Book: {}
      | ---- and declared here
      |
      = note: law 14

    error[E0199]: something is missing
     --> shop.yaml:6:1
      |
    6 |
      | ^
    "#);
}

#[test]
fn colour_only_when_asked() {
    let (sources, file) = shop();
    assert!(!render::text(&sources, &unknown_type(file), false).contains('\x1b'));
    assert!(render::text(&sources, &unknown_type(file), true).contains("\x1b["));
}

#[test]
fn far_places_do_not_drag_the_whole_file_along() {
    let mut sources = Sources::new();
    let text = format!("first: 1\n{}last: 2\n", "filler: 0\n".repeat(20_000));
    let last = text.find("last").unwrap();
    let file = sources.add("big.yaml", text);
    let diagnostic = Diagnostic::error("E0110", Span::new(file, last..last + 4), "again")
        .also(Span::new(file, 0..5), "first here");
    let out = render::text(&sources, &diagnostic, false);
    assert!(
        out.contains("20002 | last: 2") && out.contains("first: 1"),
        "{out}"
    );
    assert!(out.lines().count() < 20, "{out}");
}

#[test]
fn an_endless_line_is_named_not_shown() {
    let mut sources = Sources::new();
    let file = sources.add("long.yaml", format!("a: 1\nb: {}", "x".repeat(1 << 20)));
    let diagnostic = Diagnostic::error("E0100", Span::new(file, 500_000..500_001), "odd");
    let out = render::text(&sources, &diagnostic, false);
    assert_eq!(out, "error[E0100]: odd\n--> long.yaml:2:499996\n");
}

#[test]
fn json_is_complete() {
    let (sources, file) = shop();
    let diagnostic = unknown_type(file).also(find(file, "Book"), "in this resource");
    let out = serde_json::to_string_pretty(&render::json(&sources, &diagnostic)).unwrap();
    insta::assert_snapshot!(out, @r#"
    [
      {
        "severity": "error",
        "code": "E0312",
        "message": "there is no type `strng`",
        "file": "shop.yaml",
        "line": 4,
        "column": 14,
        "end_line": 4,
        "end_column": 19,
        "help": "did you mean `string`?",
        "note": null,
        "labels": [
          {
            "message": "unknown type",
            "file": "shop.yaml",
            "line": 4,
            "column": 14,
            "end_line": 4,
            "end_column": 19
          },
          {
            "message": "in this resource",
            "file": "shop.yaml",
            "line": 2,
            "column": 3,
            "end_line": 2,
            "end_column": 7
          }
        ]
      }
    ]
    "#);
    assert_eq!(
        render::json(&sources, &Diagnostics::new()),
        serde_json::json!([])
    );
}

#[test]
fn github_escapes_what_would_end_a_command() {
    let mut sources = Sources::new();
    let file = sources.add("a,b:c.yaml", "x: 100%\n".to_owned());
    let diagnostic = Diagnostic::error("E0100", Span::new(file, 3..7), "100% wrong\r\n::set-env")
        .help("write 1, not 100%");
    insta::assert_snapshot!(render::github(&sources, &diagnostic), @"::error file=a%2Cb%3Ac.yaml,line=1,col=4,endLine=1,endColumn=8,title=E0100::100%25 wrong%0D%0A::set-env%0Ahelp: write 1, not 100%25");
    let warning = Diagnostic::warning("E0100", Span::new(file, 0..1), "hm");
    assert!(
        render::github(&sources, &warning).starts_with("::warning file=a%2Cb%3Ac.yaml,line=1,")
    );
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Spans from anywhere, texts with anything in them: every form still comes out.
    #[test]
    fn rendering_never_fails(
        text in "([ -~\t\r\nä€😀\u{200b}\u{7}]|\r\n){0,60}",
        spans in proptest::collection::vec((0u32..3, 0u32..80, 0u32..80), 1..5),
        colour in any::<bool>(),
    ) {
        let mut sources = Sources::new();
        sources.add("a.yaml", text.clone());
        sources.add("b.yaml", text);
        let mut spans = spans.into_iter().map(|(file, start, end)| Span { file: FileId(file), start, end });
        let mut diagnostic = Diagnostic::error("E0100", spans.next().expect("one at least"), "a\nb").label("here\n");
        for span in spans {
            diagnostic = diagnostic.also(span, "there");
        }
        prop_assert!(render::text(&sources, &diagnostic, colour).contains("E0100"));
        prop_assert!(render::json(&sources, &diagnostic).is_array());
        prop_assert_eq!(render::github(&sources, &diagnostic).lines().count(), 1);
    }
}
