use std::time::Duration;

use identity::denied::{Denied, What};
use identity::tokens::{NewAccess, Refused, outlived};
use testdb::wait;
use value::Timestamp;

use crate::support::{DAY, HOUR, MINUTE, NOW, SECOND, Service, ann, at};

fn text(text: &str) -> String {
    text.to_owned()
}

/// Denied on one node: refused there at once, on the other after its next poll, and on one that
/// starts later.
#[track_caller]
fn check(new: NewAccess, what: What, denied: bool) {
    let service = Service::new();
    let (here, there) = (service.node(NOW), service.node(NOW));
    let token = here.tokens.mint(new, NOW).unwrap();
    // As an earlier request has left it in the cache.
    for node in [&here, &there] {
        assert!(node.verify(&token.text, NOW).is_ok());
    }
    let what = match what {
        What::Token(_) => What::Token(token.id.clone()),
        other => other,
    };
    let expected = denied.then_some(Refused::Denied);
    let now = at(SECOND);
    wait(here.denied.deny(what, outlived(now), now)).unwrap();
    assert_eq!(here.verify(&token.text, now).err(), expected, "here");
    there.tick(now);
    assert_eq!(there.verify(&token.text, now).err(), expected, "there");
    let later = service.node(now);
    assert_eq!(later.verify(&token.text, now).err(), expected, "later");
    // Another's is none of this.
    let other = NewAccess {
        subject: text("user_bob"),
        client: text("scanner"),
        family: Some(text("family-2")),
        epoch: Some(0),
        ..ann()
    };
    let other = here.mint(other, NOW);
    assert!(here.verify(&other, now).is_ok());
}

#[test]
fn whatever_a_token_says_of_itself_can_be_denied() {
    let account = |epoch| What::Account {
        subject: text("user_ann"),
        epoch,
    };
    let grant = |client| What::Grant {
        subject: text("user_ann"),
        client: text(client),
    };
    let app = || NewAccess {
        client: text("printer"),
        ..ann()
    };
    check(ann(), What::Token(text("")), true);
    check(ann(), What::Family(text("family-1")), true);
    check(ann(), What::Family(text("family-3")), false);
    check(ann(), account(4), true);
    check(ann(), account(3), false);
    check(app(), grant("printer"), true);
    check(app(), grant("scanner"), false);
    // Without an epoch nobody knows whether it is older.
    let nameless = NewAccess {
        epoch: None,
        ..ann()
    };
    check(nameless, account(1), true);
}

#[test]
fn an_app_that_is_allowed_again_is_let_in_at_once() {
    let service = Service::new();
    let node = service.node(NOW);
    let app = || NewAccess {
        client: text("printer"),
        ..ann()
    };
    let before = node.mint(app(), NOW);
    let what = What::Grant {
        subject: text("user_ann"),
        client: text("printer"),
    };
    wait(node.denied.deny(what, at(HOUR), NOW)).unwrap();
    let after = node.mint(app(), at(1));
    assert_eq!(node.verify(&before, at(1)).err(), Some(Refused::Denied));
    assert!(node.verify(&after, at(1)).is_ok());
}

#[test]
fn a_node_that_hears_nothing_accepts_nothing() {
    let service = Service::new();
    let node = service.node(NOW);
    let token = node.mint(ann(), NOW);
    assert!(node.verify(&token, at(10 * SECOND)).is_ok());
    let silent = at(10 * SECOND + 1);
    assert_eq!(node.verify(&token, silent).err(), Some(Refused::Unknowable));
    node.tick(silent);
    assert!(node.verify(&token, silent).is_ok());
}

/// A contract that lets tokens live shorter than before does not let denied ones out.
#[test]
fn a_denial_lasts_as_long_as_any_token_may_live() {
    let service = Service::new();
    let node = service.node(NOW);
    let long = node.living(Duration::from_secs(2 * 60 * 60));
    let minted = long.mint(ann(), NOW).unwrap();
    assert_eq!(minted.expires_at, at(HOUR));
    let what = What::Family(text("family-1"));
    wait(node.denied.deny(what, outlived(NOW), NOW)).unwrap();
    for minute in 0..=60 {
        let now = at(minute * MINUTE);
        node.tick(now);
        let later = service.node(now);
        for node in [&node, &later] {
            let refused = node.verify(&minted.text, now).err();
            assert_eq!(refused, Some(Refused::Denied), "after {minute} minutes");
        }
    }
}

#[test]
fn what_has_expired_is_thrown_away() {
    let service = Service::new();
    let rows = || {
        let all = store::people::DENIED.find(service.fresh.driver.dialect(), &[]);
        let rows = service.fresh.driver.query(&all.statement, &[]);
        wait(rows).unwrap().len()
    };
    let node = service.node(NOW);
    for number in 0..5 {
        let what = What::Token(format!("token-{number}"));
        wait(node.denied.deny(what, at(number * MINUTE), NOW)).unwrap();
    }
    assert_eq!(rows(), 5);
    node.tick(at(3 * MINUTE));
    // Kept a minute longer than needed, as clocks differ.
    assert_eq!(rows(), 2);
    node.tick(at(DAY));
    assert_eq!(rows(), 0);
}

/// On PostgreSQL positions become visible in the order of commits: one that was open while later
/// ones were read must not be passed over.
#[test]
fn an_entry_that_was_committed_late_is_heard_all_the_same() {
    let service = Service::new();
    let node = service.node(NOW);
    let driver = &service.fresh.driver;
    let deny = |position: i64| {
        let what = What::Token(format!("token-{position}"));
        let (mut insertion, mut row) = what.insertion(driver.dialect(), at(HOUR), NOW);
        let statement = std::sync::Arc::get_mut(&mut insertion.statement).unwrap();
        // As if the database had given it this position a while ago.
        let text = statement
            .text
            .replace("(\"kind\"", "(\"position\", \"kind\"");
        let text = text.replace("VALUES (", &format!("VALUES ({position}, "));
        statement.text = text.into();
        row.truncate(5);
        wait(store::execute(&**driver, vec![(insertion, row)])).unwrap();
    };
    let is_denied = |node: &Denied, position: i64| {
        let token = format!("token-{position}");
        node.is_denied(&identity::denied::Marks {
            token: &token,
            family: None,
            subject: "",
            epoch: None,
            client: "",
            issued_at: Timestamp(0),
        })
    };
    deny(7);
    node.tick(NOW);
    assert!(is_denied(&node.denied, 7));
    if driver.dialect() == store::Dialect::Postgres {
        deny(5);
        node.tick(at(20 * SECOND));
        assert!(is_denied(&node.denied, 5));
        node.tick(at(2 * MINUTE));
    }
    deny(9);
    node.tick(at(2 * MINUTE));
    assert!(is_denied(&node.denied, 9));
}
