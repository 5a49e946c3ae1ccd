//! Text to tree: what other languages would write is understood and explained.

use expr::Scope;
use expr::ast::{Ast, Kind};
use expr::parse;

use crate::support::{TASK, problems, shown};

#[test]
fn mistakes_are_explained() {
    for (text, expected) in [
            (
                "this.title = 'a'",
                "E0303 ‹=› a single `=` does not compare (=) → write `==`",
            ),
            (
                "this.title === 'a'",
                "E0303 ‹===› `===` is JavaScript (===) → write `==`",
            ),
            (
                "this.done and this.stars > 1 or not this.done",
                "E0303 ‹and› `and` is not an operator here (a word of another language) → write `&&`
E0303 ‹or› `or` is not an operator here (a word of another language) → write `||`
E0303 ‹not› `not` is not an operator here (a word of another language) → write `!` directly before the condition, such as `!signed_in` or `!(a || b)`",
            ),
            (
                "not this.done",
                "E0303 ‹not› `not` is not an operator here (a word of another language) → write `!` directly before the condition, such as `!signed_in` or `!(a || b)`",
            ),
            (
                "this.done & mine | late",
                "E0303 ‹&› a single `&` is not an operator (&) → write `&&`
E0303 ‹|› a single `|` is not an operator (|) → write `||`",
            ),
            (
                "this.title <> 'a'",
                "E0303 ‹<>› `<>` is SQL (<>) → write `!=`",
            ),
            (
                "this.due is not null",
                "E0303 ‹is not› `is not` is not an operator here (a word of another language) → write `!=`",
            ),
            (
                "this.due is null",
                "E0303 ‹is› `is` is not an operator here (a word of another language) → write `==`",
            ),
            (
                "this.title == “Milk”",
                "E0303 ‹“Milk”› typographic quotes do not make a string (these quotes are not ASCII) → write `'Milk'`",
            ),
            (
                "this.title == 'Milk",
                "E0301 ‹'Milk› this string has no end (opened here with ') → close it with '",
            ),
            (
                r#"this.title == "a\qb""#,
                r#"E0301 ‹\q› unknown escape in a string (not an escape) → write `\\` for a backslash, or begin the string with `r`: r'\d+'"#,
            ),
            (
                r#"this.title == 'a\u0000'"#,
                r#"E0301 ‹'a\u0000'› a string cannot contain the character U+0000 (contains U+0000) → leave it out"#,
            ),
            (
                "this.stars > 10m",
                "E0301 ‹10m› `10m` is not a number (not a number) → write `duration('10m')`",
            ),
            (
                "now - this.created_at > 10m",
                "E0301 ‹10m› `10m` is not a number (not a number) → write `duration('10m')`",
            ),
            (
                "this.tags[0] == 'a'",
                "E0304 ‹[› elements cannot be picked with `[…]` (not available) → ask about all elements: `x in this.tags` or `this.tags.exists(x, …)`",
            ),
            (
                "this['title'] == 'a'",
                "E0304 ‹[› elements cannot be picked with `[…]` (not available) → write `this.title`",
            ),
            (
                "{'a': 1}",
                "E0304 ‹{› objects cannot be written in an expression (`{` begins one) → name the field by itself, without braces, and compare it: `this.owner_id == user.id`",
            ),
            (
                "if this.done then true",
                "E0303 ‹if› `if` is a word of other languages (not available) → write `condition ? value : other_value`",
            ),
            (
                "this.stars < 1 < 2",
                "E0300 ‹< 1 <› comparisons cannot be chained (two comparisons without `&&` or `||`) → write `a < b && b < c`, or put one of them in parentheses",
            ),
            (
                "this.title like 'a%'",
                "E0300 ‹like› expected an operator, found `like` (not expected here) → write it as a method: `this.title.contains('text')`",
            ),
            (
                "this.title not in ['a']",
                "E0300 ‹not› expected an operator, found `not` (not expected here) → write `!(x in list)`",
            ),
            (
                "(this.done",
                "E0300 ‹(› this `(` is never closed (opened here) → add the missing `)`",
            ),
            (
                "this.done)",
                "E0300 ‹)› this `)` closes nothing (not expected here) → remove it",
            ),
            (
                "this.done &&",
                "E0300 ‹&&› nothing stands after `&&` (the right side is missing) → write what it is to be combined with",
            ),
            (
                "&& this.done",
                "E0300 ‹&&› expected a value or a name, found `&&` (not expected here) → write a value or a name such as `this.title` in front of `&&`, or remove it",
            ),
            (
                "this.",
                "E0300 ‹› a name is expected after `.` (no name) → write the name of a field, such as `this.title`",
            ),
            (
                "1 == 99999999999999999999",
                "E0301 ‹99999999999999999999› the number `99999999999999999999` is too large (too large) → integers have 64 bits",
            ),
            (
                "this.done; ",
                "E0300 ‹;› `;` has no meaning here (unexpected character) → an expression is a single condition; leave out the `;`",
            ),
            (
                "$this.done",
                "E0300 ‹$› `$` has no meaning here (unexpected character) → delete it: names are plain, as `this.title`, `user.role` and `input.count` are",
            ),
            (
                "this.title ?? 'a' == 'b'",
                "E0303 ‹??› there is no `??` (??) → write `x != null ? x : other`",
            ),
            (
                "// hello",
                "E0304 ‹// hello› an expression has no comments (`//` begins a comment elsewhere) → put the comment on a line of its own in the contract",
            ),
            (
                "",
                "E0300 ‹› the expression is empty (nothing here) → write a condition such as `signed_in` or `this.owner_id == user.id`",
            ),
            (
                "this.stars > 1 this.done",
                "E0300 ‹this› expected an operator, found `this` (not expected here) → join conditions with `&&` or `||`",
            ),
            (
                "this.done ? true",
                "E0300 ‹?› a `?` needs its `:` (the other value is missing) → write `condition ? value : other_value`",
            ),
    ] {
        assert_eq!(problems(text, &Scope::rule(Some(TASK))), expected, "{text}");
    }
}

/// The tree as nested lists, each node with the text it was written in.
fn tree(ast: &Ast, text: &str) -> String {
    let all = |parts: &[Ast]| {
        parts
            .iter()
            .map(|part| tree(part, text))
            .collect::<Vec<_>>()
            .join(" ")
    };
    let here = &text[ast.range()];
    match &ast.kind {
        Kind::Null | Kind::Bool(_) | Kind::Int(_) | Kind::Name(_) => here.to_owned(),
        Kind::Float(number) => format!("{number:?}"),
        Kind::Text(inner) => format!("{inner:?}"),
        Kind::List(parts) => format!("[{}]", all(parts)),
        Kind::Member { of, name } => format!("({} .{})", tree(of, text), name.text),
        Kind::Call {
            of: Some(of),
            name,
            arguments,
        } => {
            format!("({} .{}! {})", tree(of, text), name.text, all(arguments))
        }
        Kind::Call {
            of: None,
            name,
            arguments,
        } => format!("({}! {})", name.text, all(arguments)),
        Kind::Not(inner) => format!("(not {})", tree(inner, text)),
        Kind::Neg(inner) => format!("(neg {})", tree(inner, text)),
        Kind::And(parts) => format!("(and {})", all(parts)),
        Kind::Or(parts) => format!("(or {})", all(parts)),
        Kind::Binary { op, left, right } => {
            format!(
                "({} {} {})",
                op.symbol(),
                tree(left, text),
                tree(right, text)
            )
        }
        Kind::If(parts) => format!("(if {})", all(&parts[..])),
    }
}

fn parses(text: &str) -> String {
    let (ast, problems) = parse(text);
    assert_eq!(problems, [], "{text}");
    tree(&ast.expect("a tree"), text)
}

#[test]
fn operators_bind_as_in_cel() {
    for (text, expected) in [
        ("a || b && c || d", "(or a (and b c) d)"),
        ("a && b && c && d", "(and a b c d)"),
        ("a && (b && c)", "(and a (and b c))"),
        ("a == b && c != d", "(and (== a b) (!= c d))"),
        ("a + b * c - d % e", "(- (+ a (* b c)) (% d e))"),
        ("a - b - c", "(- (- a b) c)"),
        ("-a + -1 - -(2)", "(- (+ (neg a) -1) (neg (2)))"),
        ("!a.b || !!c", "(or (not (a .b)) (not (not c)))"),
        ("a ? b : c ? d : e", "(if a b (if c d e))"),
        ("(a ? b : c) ? d : e", "(if (if a b c) d e)"),
        ("a < b == (c < d)", "error"),
        ("x in [1, 2,] && y", "(and (in x [1 2]) y)"),
        ("a.b.c(d, e).f()", "((((a .b) .c! d e) .f! )"),
        ("size(a) > 0x1F", "(> (size! a) 0x1F)"),
        ("1.5e3 == .5", "(== 1500.0 0.5)"),
        ("-9223372036854775808 == a", "(== -9223372036854775808 a)"),
    ] {
        match expected {
            "error" => assert!(!parse(text).1.is_empty(), "{text}"),
            expected => assert_eq!(parses(text), expected.replace("((((a", "(((a"), "{text}"),
        }
    }
}

#[test]
fn strings_are_unescaped() {
    for (text, expected) in [
        (r"'a\'b'", r#""a'b""#),
        (r#""a'b\"c""#, r#""a'b\"c""#),
        (r"'\\\n\t\x41\u00e4\U0001F600\101'", r#""\\\n\tAä😀A""#),
        (r"r'\d+'", r#""\\d+""#),
        ("'Zähne'", r#""Zähne""#),
        ("''", r#""""#),
    ] {
        assert_eq!(parses(text), expected, "{text}");
    }
    for text in [
        r"'\ud800'",
        r"'\x4'",
        r"'\U00110000'",
        r"'\8'",
        r"'\",
        "'a\nb'",
        "b'a'",
        "'''a'''",
    ] {
        let (ast, problems) = parse(text);
        assert!(ast.is_none() && problems.len() == 1, "{text}: {problems:?}");
        let _ = shown(text, &problems);
    }
}

#[test]
fn every_node_knows_its_place() {
    let text = "  a.b( c ) == ( d + 1 )  ";
    let (ast, _) = parse(text);
    let ast = ast.expect("a tree");
    assert_eq!(&text[ast.range()], "a.b( c ) == ( d + 1 )");
    let Kind::Binary { left, right, .. } = &ast.kind else {
        panic!("{ast:?}")
    };
    assert_eq!(&text[left.range()], "a.b( c )");
    assert_eq!(&text[right.range()], "( d + 1 )");
}

#[test]
fn size_and_nesting_are_bounded() {
    let limits = [
        ("(".repeat(4_000), "this is nested more than 48 levels deep"),
        ("!".repeat(4_000), "this is nested more than 48 levels deep"),
        ("-".repeat(4_000), "this is nested more than 48 levels deep"),
        ("[".repeat(4_000), "this is nested more than 48 levels deep"),
        (
            "f(".repeat(3_000),
            "this is nested more than 48 levels deep",
        ),
        (
            format!("a{}", ".b".repeat(60)),
            "this is nested more than 48 levels deep",
        ),
        (
            format!("1{}", " + 1".repeat(60)),
            "this is nested more than 48 levels deep",
        ),
        ("a?".repeat(60), "this is nested more than 48 levels deep"),
        (
            format!("[{}]", "1,".repeat(2_100)),
            "an expression has at most 2000 parts",
        ),
        (
            " ".repeat(8_193),
            "an expression has at most 8192 bytes; this has 8193",
        ),
    ];
    for (text, expected) in limits {
        let (ast, problems) = parse(&text);
        assert!(ast.is_none());
        assert_eq!(problems[0].message, expected, "{}", &text[..20]);
    }
    // Wide is not deep.
    assert!(parse(&vec!["a"; 900].join(" && ")).0.is_some());
    assert!(
        parse(&format!("{}a{}", "(".repeat(47), ")".repeat(47)))
            .0
            .is_some()
    );
}
