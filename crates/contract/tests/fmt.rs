//! What formatted files look like.

use contract::fmt::format;

fn formatted(text: &str) -> String {
    let done = format(text).unwrap_or_else(|errors| panic!("{text:?}: {errors:#?}"));
    assert_eq!(
        format(&done).as_ref(),
        Ok(&done),
        "formatting twice changes {text:?}"
    );
    done
}

#[test]
fn small_things() {
    let check = |text: &str, expected: &str| assert_eq!(formatted(text), expected, "{text:?}");
    check("", "");
    check("\n\n", "");
    check("# c", "# c\n");
    check("\u{feff}a:   1   ", "a: 1\n");
    check("a : 1\r\nb: 2\r\n\r\n\r\n", "a: 1\nb: 2\n");
    check("a: 1\n\n\n\nb: 2\n\n", "a: 1\n\nb: 2\n");
    check("a:\n\n    b:\n        c: 1\n", "a:\n  b:\n    c: 1\n");
    check(
        "a:\n- b\n-   c\n-\n- - d\n  -  e\n",
        "a:\n  - b\n  - c\n  -\n  - - d\n    - e\n",
    );
    check(
        "-   a: 1\n    b: 2\n-\n  c: 3\n",
        "- a: 1\n  b: 2\n- c: 3\n",
    );
    check("a:\n    b\n", "a: b\n");
    check("a:\n  {b: 1}\n", "a: {b: 1}\n");
    check("---\n\na: 1\n...\n# end\n", "---\na: 1\n# end\n");
    check("--- # c\na: 1\n", "---  # c\na: 1\n");
    check("text\n  more\n", "text\n  more\n");
}

#[test]
fn brackets() {
    let check = |text: &str, expected: &str| assert_eq!(formatted(text), expected, "{text:?}");
    check("a: { b : 1,c: [ 1,2 , ] , }", "a: {b: 1, c: [1, 2]}\n");
    check(
        "a: {by: ip,   allow: 60/minute}",
        "a: {by: ip, allow: 60/minute}\n",
    );
    check("{\"a\":1,\"b\":[]}", "{\"a\": 1, \"b\": []}\n");
    check("a: {b: , c: ~}", "a: {b: null, c: ~}\n");
    check("a: [1,\n  2]\n", "a: [1, 2]\n");
    check("a: [\n ]\n", "a: []\n");
    check(
        "{\n\"a\": {\n\"b\": 'x'\n}\n}\n",
        "{\n  \"a\": {\n    \"b\": 'x'\n  }\n}\n",
    );
    let long = format!("a: [{}]\n", ["abcdefghi"; 12].join(", "));
    check(&long, &long);
}

#[test]
fn what_does_not_stand_on_one_line_needs_no_brackets() {
    let check = |text: &str, expected: &str| assert_eq!(formatted(text), expected, "{text:?}");
    check("a: [\n  1, 2 ]\nb: 1", "a:\n  - 1\n  - 2\nb: 1\n");
    check("a: [\n  1, 2, ]\n", "a:\n  - 1\n  - 2\n");
    check("- {\n  a: 1, b: {c: 2} }\n", "- a: 1\n  b: {c: 2}\n");
    check("a: [[\n 1], {b: 2}]\n", "a:\n  - - 1\n  - {b: 2}\n");
    let long = format!("a: [{}]\n", ["abcdefghi"; 12].join(",\n  "));
    check(&long, &format!("a:\n{}", "  - abcdefghi\n".repeat(12)));
    check(
        "fields: {title: string, # what it is called\n  price: {type: integer, # in cents\n    minimum: 0}}\naccess: {read: public}\n",
        "fields:\n  title: string  # what it is called\n  price:\n    type: integer  # in cents\n    minimum: 0\naccess: {read: public}\n",
    );
    check(
        "a: { # all\n  b: 1, # one\n\n  c: # two\n   [ 3 # three\n   , 4], # four\n  # five\n } # six\nd: 1\n",
        "a:  # all\n  b: 1  # one\n\n  c:  # two\n    - 3  # three\n    - 4  # four\n  # five\n  # six\nd: 1\n",
    );
    // A file in brackets may be JSON; so it stays.
    check(
        "{\"a\": [\n1\n], \"b\": {\"c\": null}}\n",
        "{\n  \"a\": [\n    1\n  ],\n  \"b\": {\"c\": null}\n}\n",
    );
    check("a: {\n # none\n }\n", "a: {\n    # none\n  }\n");
}

#[test]
fn words_need_no_quotes_as_keys() {
    let check = |text: &str, expected: &str| assert_eq!(formatted(text), expected, "{text:?}");
    check(
        "\"title\": 'x'\n'last_seen?': {\"type\":\"string\"}\n",
        "title: 'x'\nlast_seen?: {type: \"string\"}\n",
    );
    let kept =
        "'on': 1\n'true': 2\n'12': 3\n\"a b\": 4\n'': 5\n\"a\\n\": 6\n'null': 7\n'it''s': 8\n";
    check(kept, kept);
}

#[test]
fn comments_stay_where_they_were() {
    let check = |text: &str, expected: &str| assert_eq!(formatted(text), expected, "{text:?}");
    check("a: 1 # x\n", "a: 1  # x\n");
    check(
        "a: 1      # x\nbcd: 2    # y\n",
        "a: 1      # x\nbcd: 2    # y\n",
    );
    check("a:     1  # x\n", "a: 1  # x\n");
    check("a: # x\n    b: 1\n", "a:  # x\n  b: 1\n");
    check("a: # x\n    b\n", "a:  # x\n  b\n");
    check("a:\n    # x\n    b\n", "a:\n  # x\n  b\n");
    check(
        "a:\n  # x\n\n  # y\n  b: 1\n",
        "a:\n  # x\n\n  # y\n  b: 1\n",
    );
    check(
        "- # x\n    a: 1\n    # y\n    b: 2\n# z\n- c\n",
        "-  # x\n  a: 1\n  # y\n  b: 2\n# z\n- c\n",
    );
    check(
        "a:\n    b:\n        c: 1\n        # of b\n    # of a\n# of all\nd: 1\n        # end\n",
        "a:\n  b:\n    c: 1\n    # of b\n  # of a\n# of all\nd: 1\n# end\n",
    );
}

#[test]
fn texts_over_several_lines() {
    let check = |text: &str, expected: &str| assert_eq!(formatted(text), expected, "{text:?}");
    check(
        "a:   |  # x\n      one\n        two   \n\n\n      three\n\n\nb: 1",
        "a: |  # x\n  one\n    two   \n\n\n  three\n\nb: 1\n",
    );
    check(
        "a: >-\n    one\n      two\n\n    three\n# x\n",
        "a: >-\n  one\n    two\n\n  three\n# x\n",
    );
    check("a: |+\n    one\n\n\nb: 1\n", "a: |+\n  one\n\n\nb: 1\n");
    check("a: |4\n      one\n    two\n", "a: |2\n    one\n  two\n");
    check("- |-\n      one\n", "- |-\n  one\n");
    check(
        "a: one\n        two  \n\n   three # x\n",
        "a: one\n  two\n\n  three  # x\n",
    );
    check(
        "a: \"one\\\n        two\\   \n   three\"\n",
        "a: \"one\\\n  two\\ \n  three\"\n",
    );
    check("a: |\n\n", "a: |\n");
}

#[test]
fn quotes_where_a_yaml_1_1_parser_would_stumble() {
    let check = |text: &str, expected: &str| assert_eq!(formatted(text), expected, "{text:?}");
    check(
        "a: yes\non: [no, 'off', \"y\"]\n",
        "a: 'yes'\n'on': ['no', 'off', \"y\"]\n",
    );
    check("{y: n}\n", "{'y': 'n'}\n");
    check(
        "a: 12:30\nb: 1_000\nc: =\n",
        "a: '12:30'\nb: '1_000'\nc: '='\n",
    );
    check(
        "a: true\nb: ~\nc: 007\nd: 2026-11-01\n",
        "a: true\nb: ~\nc: 007\nd: 2026-11-01\n",
    );
    check("a:   0x1F", "a: 0x1F\n");
    check(
        "a: '=x ? b : c'\nb: \"=x #1\"\n",
        "a: '=x ? b : c'\nb: \"=x #1\"\n",
    );
}

#[test]
fn a_text_with_errors_is_not_formatted() {
    for text in [
        "a: 1\na: 2\n",
        "a: *x\n",
        "a: =x ? b : c\n",
        "a: [1\n",
        "a: {v: =f(a, b)}\n",
        "a: ='x #1'\n",
    ] {
        let errors = format(text).expect_err("the text is wrong");
        assert!(errors.has_errors(), "{text:?}");
    }
}

#[test]
fn an_example() {
    let text = include_str!("yaml/versions.yaml");
    insta::assert_snapshot!(formatted(text), @r#"
    # goes on top of bookstore.yaml: the file always describes the newest version
    frontdesk: 1
    name: bookstore
    versions:
      v2: {since: 2026-11-01}
      v1:
        since: 2025-06-01
        deprecated: 2026-11-01                      # Deprecation: @1793491200
        sunset: 2027-11-01                          # Sunset: Mon, 01 Nov 2027 00:00:00 GMT, then 410
        guide: https://bookstore.example/docs/v1-to-v2
        changes:                                    # v1 is v2 except that...
          Book.price: {name: price_cents, type: integer, out: =this.price.minor(), in: "=money.minor(input.price_cents, 'EUR')"}
          Book.isbn: absent                         # v1 never had it: hidden, not accepted
          Book.blurb: {only: {type: string}, out: =this.title}     # v1 still promises it
          Review.stars: {optional: true, default: 3}               # v1 clients may leave it out
          User.role: {values: {staff: admin}}                      # v2 says staff, v1 says admin
          Author: {path: /writers}
    "#);
    for text in [
        include_str!("yaml/bookstore.yaml"),
        include_str!("yaml/cinema.yaml"),
        include_str!("yaml/todo.yaml"),
        include_str!("yaml/travel.yaml"),
    ] {
        let done = formatted(text);
        assert_eq!(
            done.lines().count(),
            text.lines().count(),
            "no line is broken or joined"
        );
    }
}
