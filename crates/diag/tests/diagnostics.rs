//! Spans, collections and suggestions.

use diag::{Diagnostic, Diagnostics, FileId, Sources, Span, Spanned, suggest};

#[test]
fn positions_count_lines_and_characters_from_one() {
    let mut sources = Sources::new();
    let file = sources.add("a.yaml", "ä: 1\r\nb: é\n".to_owned());
    let check = |at: usize, expected: (usize, usize)| {
        assert_eq!(
            sources.line_column(Span::at(file, at)),
            expected,
            "at byte {at}"
        );
    };
    check(0, (1, 1));
    check(1, (1, 1)); // inside the two bytes of `ä`
    check(2, (1, 2));
    check(7, (2, 1));
    check(10, (2, 4));
    check(12, (2, 5));
    check(13, (3, 1));
    check(9_999, (3, 1));
    assert_eq!(sources.end_line_column(Span::new(file, 0..10)), (2, 4));
    assert_eq!(sources.slice(Span::new(file, 0..2)), "ä");
}

#[test]
fn an_unknown_file_is_empty_and_harmless() {
    let sources = Sources::new();
    let nowhere = Span::new(FileId(7), 3..9);
    assert_eq!(sources.path(nowhere.file), "");
    assert_eq!(sources.text(nowhere.file), "");
    assert_eq!(sources.slice(nowhere), "");
    assert_eq!(sources.line_column(nowhere), (1, 1));
}

#[test]
fn spans_join_and_shrink() {
    let a = Span::new(FileId(0), 10..20);
    assert_eq!(
        a.join(Span::new(FileId(0), 4..12)),
        Span::new(FileId(0), 4..20)
    );
    assert_eq!(
        a.join(Span::new(FileId(1), 0..90)),
        a,
        "another file cannot be joined"
    );
    assert_eq!(a.sub(2..4), Span::new(FileId(0), 12..14));
    assert_eq!(
        a.sub(8..99),
        Span::new(FileId(0), 18..20),
        "never leaves the span"
    );
    assert_eq!(a.sub(99..100), Span::new(FileId(0), 20..20));
    let backwards = std::ops::Range { start: 5, end: 2 };
    assert_eq!(a.sub(backwards), Span::new(FileId(0), 15..15));
    assert_eq!(
        (a.len(), a.is_empty(), Span::at(FileId(0), 3).is_empty()),
        (10, false, true)
    );
    assert_eq!(Spanned::new(2, a).map(|n| n + 1), Spanned::new(3, a));
}

#[test]
fn collections_are_sorted_without_repetitions() {
    let at = |file, start| Span::new(FileId(file), start..start + 1);
    let mut found = Diagnostics::new();
    found.push(Diagnostic::warning("W1", at(1, 0), "second file"));
    assert!(!found.has_errors(), "a warning is not an error");
    found.push(Diagnostic::error("E3", at(0, 9), "later"));
    found.push(Diagnostic::error("E1", at(0, 4), "found first at 4"));
    found.push(Diagnostic::error("E2", at(0, 4), "found second at 4"));
    found.push(Diagnostic::error("E1", at(0, 4), "found first at 4"));
    assert!(found.has_errors());
    let codes: Vec<_> = found.iter().map(|diagnostic| diagnostic.code).collect();
    assert_eq!(codes, ["E1", "E2", "E3", "W1"]);
}

#[test]
fn a_full_collection_still_knows_about_errors() {
    let mut found = Diagnostics::new();
    for at in 0..1_500 {
        found.push(Diagnostic::warning("W1", Span::at(FileId(0), at), "again"));
    }
    found.push(Diagnostic::error("E1", Span::at(FileId(0), 0), "the error"));
    assert_eq!(
        (found.len(), found.dropped(), found.has_errors()),
        (1_000, 501, true)
    );
}

#[test]
fn suggestions_are_near_or_absent() {
    let words = [
        "fields",
        "lists",
        "access",
        "soft_delete",
        "maxLength",
        "id",
        "on",
        "read",
    ];
    let check = |word: &str, expected: Option<&str>| {
        assert_eq!(suggest::nearest(word, words), expected, "for {word:?}");
    };
    check("feilds", Some("fields"));
    check("field", Some("fields"));
    check("acess", Some("access"));
    check("softDelete", Some("soft_delete"));
    check("max_length", Some("maxLength"));
    check("MAXLENGTH", Some("maxLength"));
    check("raed", Some("read"));
    check("ids", Some("id"));
    check("ix", None);
    check("banana", None);
    check("", None);
    check(&"x".repeat(10_000), None);
    assert_eq!(suggest::nearest("ab", []), None);
    assert_eq!(
        suggest::nearest("rode", ["rodes", "roder"]),
        Some("rodes"),
        "the first of equals"
    );
}
