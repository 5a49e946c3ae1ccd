//! The library: another model takes the place of the one being served.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use frontdesk::Error;
use serde_json::json;
use testkit::App;

fn notes(more: &str) -> String {
    format!(
        "frontdesk: 1\nname: notes\nresources:\n  Note:\n    fields:\n      text: string\n{more}    access: {{read: public, write: signed_in}}\n"
    )
}

#[test]
fn no_request_notices_that_the_contract_is_replaced() {
    let app = App::start(&notes(""));
    app.admin()
        .post("/v1/notes", &json!({"text": "a"}))
        .expect(201);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let asking: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(|| {
                    let mut asked = 0;
                    while !done.load(Ordering::Relaxed) {
                        assert_eq!(app.get("/v1/notes").expect(200).items()[0]["text"], "a");
                        asked += 1;
                    }
                    asked
                })
            })
            .collect();
        let mut fields = String::new();
        for number in 0..10 {
            fields.push_str(&format!("      more_{number}?: string\n"));
            app.swap(&notes(&fields)).unwrap();
            let note = &app.get("/v1/notes").items()[0];
            assert!(note.get(format!("more_{number}")).is_some(), "{note}");
        }
        done.store(true, Ordering::Relaxed);
        for thread in asking {
            assert!(thread.join().unwrap() > 0);
        }
    });
}

#[test]
fn what_cannot_be_served_changes_nothing() {
    let app = App::start(&notes("      extra?: string\n"));
    app.admin()
        .post("/v1/notes", &json!({"text": "a", "extra": "b"}))
        .expect(201);
    let broken = app.swap(&notes("      extra?: strin\n"));
    assert!(matches!(broken, Err(Error::Contract(_))), "{broken:?}");
    let vanished = app.swap(&notes(""));
    assert!(matches!(vanished, Err(Error::Refused(_))), "{vanished:?}");
    let removed = app.swap(&notes("").replace("  Note:\n", "  Note:\n    removed: [extra]\n"));
    assert!(matches!(removed, Err(Error::Pending(_))), "{removed:?}");
    assert_eq!(app.get("/v1/notes").items()[0]["extra"], "b");
}

#[test]
fn cursors_survive_a_restart() {
    let app = App::start(&notes(""));
    let admin = app.admin();
    for text in ["a", "b", "c"] {
        admin.post("/v1/notes", &json!({"text": text})).expect(201);
    }
    let cursor = app.get("/v1/notes?limit=1").json()["next_cursor"]
        .as_str()
        .unwrap()
        .to_owned();
    let again = app
        .wait(frontdesk::App::builder(app.folder()).open())
        .unwrap();
    let secret = app.wait(again.database().secret("cursor")).unwrap();
    assert_eq!(
        app.wait(app.inner().database().secret("cursor")).unwrap(),
        secret
    );
    app.swap(&notes("      more?: string\n")).unwrap();
    let next = app.get(&format!("/v1/notes?limit=1&cursor={cursor}"));
    assert_eq!(next.expect(200).items()[0]["text"], "b");
}

#[test]
fn the_bookstore_is_as_its_readme_says() {
    let app = App::example("bookstore");
    assert_eq!(app.get("/v1/books").expect(200).items().len(), 12);
    let book = app.get("/v1/books/42").expect(200).json();
    assert_eq!(book["title"], "Designing Data-Intensive Applications");
    assert_eq!(book["rating"], 4.5);
}
