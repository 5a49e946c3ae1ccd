use model::Audience;
use surface::pages::{self, ProblemKind};

use crate::support::{bookstore, everything, model};

const ORIGIN: &str = "http://127.0.0.1:8080";

/// The page's text, a line for each part.
fn text(html: &str) -> String {
    let mut out = String::new();
    for part in html.split('<') {
        let (tag, text) = part.split_once('>').unwrap_or(("", part));
        out.push(
            if ["/p", "/li", "/h1", "/h2", "/h3", "/dd", "/header"].contains(&tag) {
                '\n'
            } else {
                ' '
            },
        );
        out.push_str(text);
    }
    let out = out
        .replace("&quot;", "\"")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&");
    let lines = out
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    lines
        .filter(|line| !line.is_empty())
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn the_first_page_of_the_bookstore() {
    let html = pages::landing(bookstore(), Audience::Public, ORIGIN);
    insta::assert_snapshot!("landing", text(&html));
}

#[test]
fn the_first_page_shows_what_its_audience_is_served() {
    let public = pages::landing(everything(), Audience::Public, ORIGIN);
    let private = pages::landing(everything(), Audience::Private, ORIGIN);
    assert!(!public.contains("/v2/ledgers") && private.contains("/v2/ledgers"));
    // Orders cannot be deleted by anybody.
    assert!(text(&public).contains("nobody"), "{}", text(&public));
    assert!(
        text(&public).contains("curl 'http://127.0.0.1:8080/v2/parts'")
            || text(&public).contains("/v2/customers'")
    );
}

#[test]
fn the_commands_of_the_first_page_speak_as_the_contract_does() {
    let model = model(
        "frontdesk: 1
name: till
resources:
  Coin:
    list: {limit: per_page}
    fields: {name: {type: string, unique: true, examples: [yen, euro]}}
    access: {read: public, write: public}
",
    );
    let said = text(&pages::landing(&model, Audience::Public, ORIGIN));
    assert!(said.contains("/v1/coins?per_page=3'"), "{said}");
    // The first of the examples is there already.
    assert!(said.contains(r#"-d '{"name":"euro"}'"#), "{said}");
}

#[test]
fn without_documents_nothing_leads_to_them() {
    let model = model(
        "frontdesk: 1
name: closed
title: <b>Closed</b> & co
description: 'Has `code` and <script>.'
docs: off
resources:
  Note:
    fields: {text: string}
    access: {read: user.id == 'x'}
",
    );
    let html = pages::landing(&model, Audience::Public, ORIGIN);
    assert!(
        !html.contains("/docs") && !html.contains("openapi"),
        "{html}"
    );
    assert!(
        html.contains("&lt;b&gt;Closed&lt;/b&gt; &amp; co"),
        "{html}"
    );
    assert!(
        html.contains("Has <code>code</code> and &lt;script&gt;."),
        "{html}"
    );
    assert!(
        html.contains("-H &quot;Authorization: Bearer $KEY&quot;"),
        "{html}"
    );
}

fn kinds() -> Vec<ProblemKind<'static>> {
    let kind = |code, status, title| ProblemKind {
        code,
        status,
        title,
        explanation: "Send `If-Match`.",
    };
    vec![
        kind("internal", 500, "Oh"),
        kind("stale", 412, "Changed"),
        kind("invalid", 422, "Not valid"),
    ]
}

#[test]
fn problems_have_a_page_each_and_a_list() {
    let list = pages::problems(bookstore(), &kinds());
    let order: Vec<usize> = ["stale", "invalid", "internal"]
        .map(|code| list.find(&format!("\"/problems/{code}\"")).unwrap())
        .into();
    assert!(order.is_sorted(), "{order:?}");
    let one = pages::problem(bookstore(), &kinds()[1]);
    for part in [
        "412",
        "Changed",
        "Send <code>If-Match</code>.",
        "&quot;type&quot;: &quot;/problems/stale&quot;",
    ] {
        assert!(one.contains(part), "{part}: {one}");
    }
    let limited = ProblemKind {
        code: "rate_limited",
        ..kinds()[0]
    };
    let page = pages::problem(bookstore(), &limited);
    assert!(page.contains("http-problem-types#quota-exceeded"), "{page}");
}

#[test]
fn pages_load_nothing_that_their_policy_forbids() {
    let all = [
        pages::landing(bookstore(), Audience::Public, ORIGIN),
        pages::problems(bookstore(), &kinds()),
        pages::problem(bookstore(), &kinds()[0]),
    ];
    for html in all {
        assert!(!html.contains("<script") && !html.contains("style=") && !html.contains("<style"));
        assert!(!html.contains("onclick"));
        for (place, _) in html
            .match_indices("src=\"")
            .chain(html.match_indices("rel=\"stylesheet\" href=\""))
        {
            let url = html[place..]
                .split('"')
                .find(|part| part.starts_with('/'))
                .unwrap();
            assert!(
                [pages::STYLE_PATH, pages::ICON_PATH].contains(&url),
                "{url}"
            );
        }
        assert!(html.starts_with("<!DOCTYPE html>"));
    }
    assert!(!pages::STYLE.contains("url(") && !pages::STYLE.contains("@import"));
}
