//! Apps that are registered while the server runs.

use std::time::Duration;

use identity::clients::{ClientError, NewClient, NewProof};
use testdb::wait;

use crate::support::{Ask, World};

fn wish() -> NewClient {
    NewClient {
        title: "Frames".to_owned(),
        proof: NewProof::Secret,
        redirect_uris: vec!["https://frames.example/back".to_owned()],
        scopes: vec!["photos.read".to_owned()],
        post_logout_redirect_uris: vec![],
        backchannel_logout_uri: None,
        device: false,
        trusted: false,
    }
}

fn accepts(world: &World, id: &str, secret: &str) -> bool {
    let fields = [("grant_type", "client_credentials")];
    let ask = Ask::post("/oauth2/token", &fields).basic(id, secret);
    world.ask(ask).status == 200
}

#[test]
fn secrets_are_shown_once_and_replaced_without_a_gap() {
    let world = World::new();
    let created = wait(world.clients.create(wish(), &world.model, world.now()));
    let (app, first) = created.unwrap();
    let (id, first) = (app.client.id, first.unwrap());
    assert!(accepts(&world, &id, first.reveal()));
    assert!(!accepts(&world, &id, &first.reveal().to_uppercase()));
    let listed = wait(world.clients.list()).unwrap();
    assert_eq!(listed.len(), 1);
    assert!(!format!("{listed:?} {first:?}").contains(first.reveal()));

    let hour = Duration::from_secs(3600);
    let second = wait(world.clients.rotate(&id, hour, world.now())).unwrap();
    assert!(accepts(&world, &id, first.reveal()) && accepts(&world, &id, second.reveal()));
    world.pass(3601);
    assert!(!accepts(&world, &id, first.reveal()) && accepts(&world, &id, second.reveal()));
    // At once, where it was stolen.
    let third = wait(world.clients.rotate(&id, Duration::ZERO, world.now())).unwrap();
    assert!(!accepts(&world, &id, second.reveal()) && accepts(&world, &id, third.reveal()));

    wait(world.clients.disable(&id, world.now())).unwrap();
    assert!(!accepts(&world, &id, third.reveal()));
    for id in [&*id, "app_nothing", "printer"] {
        let refused = wait(world.clients.rotate(id, hour, world.now())).unwrap_err();
        assert!(matches!(refused, ClientError::Unknown), "{refused}");
        let refused = wait(world.clients.disable(id, world.now())).unwrap_err();
        assert!(matches!(refused, ClientError::Unknown), "{refused}");
    }
}

#[test]
fn pages_of_registered_apps_may_ask() {
    let world = World::new();
    wait(world.clients.create(wish(), &world.model, world.now())).unwrap();
    let ask = Ask::get("/.well-known/jwks.json").header("origin", "https://frames.example");
    let answer = world.ask(ask);
    assert_eq!(
        answer.header("access-control-allow-origin"),
        "https://frames.example"
    );
}

#[test]
fn only_what_makes_sense_is_registered() {
    let world = World::new();
    let uri = |uri: &str| vec![uri.to_owned()];
    let long = || "t".repeat(101);
    for (wish, why) in [
        (
            NewClient {
                title: " ".to_owned(),
                ..wish()
            },
            "title",
        ),
        (
            NewClient {
                title: long(),
                ..wish()
            },
            "title",
        ),
        (
            NewClient {
                redirect_uris: uri("http://frames.example/"),
                ..wish()
            },
            "not encrypted",
        ),
        (
            NewClient {
                redirect_uris: uri("https://*.example/"),
                ..wish()
            },
            "without `*`",
        ),
        (
            NewClient {
                redirect_uris: uri("com.example.app:/x"),
                ..wish()
            },
            "https://",
        ),
        (
            NewClient {
                post_logout_redirect_uris: uri("x"),
                ..wish()
            },
            "write all of it",
        ),
        (
            NewClient {
                scopes: uri("books.read"),
                ..wish()
            },
            "there is no scope `books.read`",
        ),
        (
            NewClient {
                proof: NewProof::Public,
                redirect_uris: vec![],
                ..wish()
            },
            "nobody can sign in",
        ),
    ] {
        let refused = wait(world.clients.create(wish, &world.model, world.now()));
        let refused = refused.unwrap_err().to_string();
        assert!(refused.contains(why), "{refused}");
    }
}
