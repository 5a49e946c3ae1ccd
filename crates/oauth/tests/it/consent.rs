//! The page on which people decide.

use testdb::wait;

use crate::support::{AUDIENCE, Ask, World, printer, request, with};

#[test]
fn the_page_says_who_asks_for_what_and_where_it_leads() {
    let world = World::new();
    let ann = world.person("ann");
    let all = printer("openid profile email offline_access photos.read");
    let first = world.authorize(Some(&ann), &all);
    let page = world.ask(Ask::get(&first.location()).at_browser(&ann));
    for text in [
        "<html lang=\"en\">",
        "Print shop",
        "https://print.example<",
        AUDIENCE,
        "ann@example.com",
        "See all of your photos",
        "Keep access while you are away",
        "See your e-mail address",
    ] {
        assert!(page.body.contains(text), "{text}: {}", page.body);
    }
    assert!(!page.body.contains("<script"));
    // Nobody else frames it, so nobody is led to press a button that they do not see.
    let policy = page.header("content-security-policy");
    assert!(policy.contains("frame-ancestors 'none'") && policy.contains("default-src 'none'"));
    assert!(
        !policy.contains("form-action"),
        "browsers would not go back to the app"
    );
    assert_eq!(page.header("cache-control"), "no-store");

    let german = Ask::get(&first.location()).at_browser(&ann);
    let german = world.ask(german.header("accept-language", "de-DE, en;q=0.5"));
    assert!(german.body.contains("<html lang=\"de\">") && german.body.contains("Erlauben"));
    let wished = with(&all, "ui_locales", Some("de"));
    let place = world.authorize(Some(&ann), &wished).location();
    assert!(
        world
            .ask(Ask::get(&place).at_browser(&ann))
            .body
            .contains("Ablehnen")
    );
}

#[test]
fn names_of_apps_are_text() {
    let world = World::new();
    let ann = world.person("ann");
    let fields = request("viewer", "https://viewer.example/back", "photos.read");
    let place = world.authorize(Some(&ann), &fields).location();
    let page = world.ask(Ask::get(&place).at_browser(&ann));
    assert!(page.body.contains("&lt;Viewer&gt;") && !page.body.contains("<Viewer>"));
}

#[test]
fn what_was_allowed_is_remembered_and_no_more_than_that() {
    let world = World::new();
    let (ann, bob) = (world.person("ann"), world.person("bob"));
    let asks = |who, fields: &[(&str, &str)]| {
        world
            .authorize(Some(who), fields)
            .location()
            .starts_with("/consent")
    };
    world.code(&ann, &printer("openid photos.read"));
    assert!(!asks(&ann, &printer("openid photos.read")));
    assert!(!asks(&ann, &printer("photos.read")), "less of it");
    assert!(asks(&ann, &printer("photos.read email")), "more than that");
    let viewer = request("viewer", "https://viewer.example/back", "photos.read");
    assert!(asks(&ann, &viewer), "another app");
    assert!(asks(&bob, &printer("photos.read")), "somebody else");
    let again = with(&printer("photos.read"), "prompt", Some("consent"));
    assert!(asks(&ann, &again), "the app wants it");
    let grants = wait(world.grants.list(&ann.account.id)).unwrap();
    assert_eq!(grants.len(), 1);
    assert_eq!(grants[0].scopes, ["openid", "photos.read"]);
}

#[test]
fn ones_own_apps_are_not_asked_about_and_those_on_devices_always() {
    let world = World::new();
    let ann = world.person("ann");
    let own = request("own", "https://photos.example/app", "openid photos.write");
    assert!(
        !world
            .authorize(Some(&ann), &own)
            .parameter("code")
            .is_empty()
    );
    let tool = request("tool", "http://127.0.0.1:5000/back", "photos.read");
    for _ in 0..2 {
        let answer = world.authorize(Some(&ann), &tool);
        assert!(answer.location().starts_with("/consent"));
        let page = world.ask(Ask::get(&answer.location()).at_browser(&ann));
        assert!(
            page.body.contains("a program on this device"),
            "{}",
            page.body
        );
        world.consent(&ann, &answer.location(), "allow");
    }
}

#[test]
fn who_denies_gives_nothing_and_is_asked_again() {
    let world = World::new();
    let ann = world.person("ann");
    let place = world
        .authorize(Some(&ann), &printer("photos.read"))
        .location();
    world
        .consent(&ann, &place, "deny")
        .is_sent_back("access_denied");
    assert!(wait(world.grants.list(&ann.account.id)).unwrap().is_empty());
    let place = world
        .authorize(Some(&ann), &printer("photos.read"))
        .location();
    assert!(place.starts_with("/consent"));
}

/// An answer counts once, from the browser that was asked, sent by a page of ours.
#[test]
fn only_the_form_that_was_shown_counts() {
    let world = World::new();
    let (ann, eve) = (world.person("ann"), world.person("eve"));
    let place = world
        .authorize(Some(&ann), &printer("photos.read"))
        .location();
    let page = world.ask(Ask::get(&place).at_browser(&ann));
    let (request, token) = (page.input("request"), page.input("token"));
    let other = world
        .authorize(Some(&ann), &printer("photos.read"))
        .location();
    let other = world.ask(Ask::get(&other).at_browser(&ann));
    let evil = world.ask(Ask::get(&place).at_browser(&eve)).input("token");
    let fields = |token: &str, decision: &str| {
        vec![
            ("request".to_owned(), request.clone()),
            ("token".to_owned(), token.to_owned()),
            ("decision".to_owned(), decision.to_owned()),
        ]
    };
    let post = |fields: Vec<(String, String)>| {
        let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (&**n, &**v)).collect();
        Ask::post("/consent", &fields)
    };
    let good = || post(fields(&token, "allow"));
    for (why, ask) in [
        ("no page says whose", good().at_browser(&ann)),
        (
            "another site's page",
            good()
                .at_browser(&ann)
                .header("sec-fetch-site", "cross-site"),
        ),
        (
            "a neighbour's page",
            good()
                .at_browser(&ann)
                .header("sec-fetch-site", "same-site"),
        ),
        (
            "another origin",
            good()
                .at_browser(&ann)
                .header("origin", "https://evil.example"),
        ),
        (
            "no token",
            post(fields("", "allow")).at_browser(&ann).own_page(),
        ),
        (
            "another request's token",
            post(fields(&other.input("token"), "allow"))
                .at_browser(&ann)
                .own_page(),
        ),
        (
            "another person's token",
            post(fields(&evil, "allow")).at_browser(&ann).own_page(),
        ),
        (
            "neither",
            post(fields(&token, "perhaps")).at_browser(&ann).own_page(),
        ),
    ] {
        assert_eq!(world.ask(ask).status, 403, "{why}");
    }
    let stranger = world.ask(good().own_page());
    assert!(
        stranger.location().starts_with("/login"),
        "nobody is signed in"
    );
    assert!(wait(world.grants.list(&ann.account.id)).unwrap().is_empty());

    let allowed = world.ask(good().at_browser(&ann).own_page());
    assert!(!allowed.parameter("code").is_empty());
    let twice = world.ask(good().at_browser(&ann).own_page());
    assert_eq!(twice.status, 400, "{}", twice.body);
}

#[test]
fn nothing_is_given_by_looking_at_the_page() {
    let world = World::new();
    let ann = world.person("ann");
    let place = world
        .authorize(Some(&ann), &printer("photos.read"))
        .location();
    let target = format!("{place}&decision=allow&token=x");
    assert_eq!(world.ask(Ask::get(&target).at_browser(&ann)).status, 200);
    assert_eq!(world.ask(Ask::get("/consent").at_browser(&ann)).status, 400);
    assert_eq!(
        world
            .ask(Ask::get("/consent?request=x").at_browser(&ann))
            .status,
        400
    );
    assert!(wait(world.grants.list(&ann.account.id)).unwrap().is_empty());
}
