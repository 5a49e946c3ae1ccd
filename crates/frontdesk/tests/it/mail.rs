//! Letters to people: worded for the contract, kept in development, configured in production.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::Arc;

use frontdesk::Project;
use frontdesk::mail::Mailbox;
use frontdesk::people::{Kind, Letter, Post, Secret};
use frontdesk::post::{Carrier, Postman};
use serde_json::json;
use tempfile::TempDir;
use testkit::eventually;

use crate::support::{contract, dev, on_sqlite, run, serve, write};

const PEOPLE: &str = "\
frontdesk: 1
name: photos
auth: {users: User}
resources:
  User:
    fields:
      name?: {type: string, maxLength: 100}
    access: {read: signed_in}
";

fn secret() -> Secret {
    Secret("t1cket".to_owned())
}

#[test]
fn every_letter_that_people_can_get_is_written() {
    let place = contract(PEOPLE);
    let model = Project::open(place.path()).unwrap().compile().unwrap();
    let (model, _) = model.into_model().unwrap();
    let mailbox = Arc::new(Mailbox::default());
    let carrier = Carrier::Mailbox(Arc::clone(&mailbox));
    let postman = Postman::new(carrier, "https://photos.example/", place.path());
    postman.take_up(&model).unwrap();
    let with_link = [
        Kind::ConfirmSignUp { ticket: secret() },
        Kind::Invitation { ticket: secret() },
        Kind::MagicLink { ticket: secret() },
        Kind::ResetPassword { ticket: secret() },
        Kind::ConfirmEmail { ticket: secret() },
    ];
    let without = [
        Kind::AlreadySignedUp,
        Kind::NoAccount,
        Kind::EmailChanged {
            to: "new@example.com".to_owned(),
        },
        Kind::PasswordChanged,
        Kind::SecondFactorAdded,
        Kind::SecondFactorRemoved,
        Kind::AccountDeleted,
    ];
    for kind in with_link.into_iter().chain(without) {
        let path = kind.path().map(|(path, _)| path);
        let name = kind.name();
        postman.send(Letter {
            to: "ann@example.com".to_owned(),
            language: Some("de".to_owned()),
            kind,
        });
        let letters = mailbox.letters();
        let letter = &letters[0];
        assert_eq!(
            (letter.kind.name(), letter.to.as_str()),
            (name, "ann@example.com")
        );
        assert!(letter.subject.contains("Photos"), "{}", letter.subject);
        let expected = path.map(|path| format!("https://photos.example{path}?token=t1cket"));
        assert_eq!(letter.link, expected);
        if let Some(link) = expected {
            assert!(letter.text.contains(&link) && letter.html.contains(&link));
        }
    }
}

#[test]
fn development_shows_letters_to_this_machine_alone() {
    let place = contract(PEOPLE);
    let process = dev(place.path());
    let client = process.client();
    let page = client.get("/dev/mail").expect(200);
    assert!(
        page.text().contains("There are none yet."),
        "{}",
        page.text()
    );
    assert_eq!(
        client.get("/dev/mail.json").expect(200).json(),
        json!({"letters": []})
    );
    // A page of others that has its name point here.
    for path in ["/dev/mail", "/dev/mail.json"] {
        let rebound = client.request("GET", path).header("Host", "evil.example");
        rebound.send().expect(404);
    }
    client.post("/dev/mail", &json!({})).expect(404);

    let wish = json!({"email": "ann@example.com", "password": "seven blue umbrellas"});
    client.post("/auth/sign-up", &wish).expect(202);
    let letter = eventually("the letter", || {
        let letters = client.get("/dev/mail.json").expect(200).json();
        letters["letters"].get(0).cloned()
    });
    assert_eq!(
        (&letter["kind"], &letter["to"]),
        (&json!("confirm_sign_up"), &json!("ann@example.com"))
    );
    let link = letter["link"].as_str().unwrap();
    assert!(client.get("/dev/mail").expect(200).text().contains(link));
    let (_, token) = link.split_once("?token=").unwrap();
    let confirmed = client.post("/auth/sign-up/confirm", &json!({"token": token}));
    assert!(confirmed.expect(200).json()["access_token"].is_string());

    // Templates are looked at again when they change.
    write(
        place.path(),
        "mail/en/magic_link.txt",
        "Subject: x\n\nno link",
    );
    eventually("the mistake", || {
        process.said().contains("without {{link}}").then_some(())
    });
}

#[test]
fn production_hands_letters_to_the_mail_server() {
    let place = with_sender();
    let key = run(place.path(), &["secret", "new-key"]).expect(0).stdout;
    write(place.path(), "key", &key);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let settings = format!("master_key_file = \"key\"\nsmtp = \"smtp://{address}\"\n");
    write(place.path(), "frontdesk.toml", &settings);
    let process = serve(place.path(), &[]);
    let client = process.client();
    let wish = json!({"email": "ann@example.com", "password": "seven blue umbrellas"});
    // The mail server does not answer yet, and nobody waits for it.
    client.post("/auth/sign-up", &wish).expect(202);
    let letter = receive(&listener);
    assert!(letter.contains("RCPT TO:<ann@example.com>"), "{letter}");
    assert!(letter.contains("From: hello@photos.example"), "{letter}");
    assert!(letter.contains("/account/confirm?token"), "{letter}");
    let said = process.said();
    assert!(
        !said.contains("ann@example.com") && !said.contains("token"),
        "{said}"
    );
}

/// Everything the next client says, as a mail server.
fn receive(listener: &TcpListener) -> String {
    let (stream, _) = listener.accept().unwrap();
    let mut answers = stream.try_clone().unwrap();
    let mut said = String::new();
    let mut in_letter = false;
    answers.write_all(b"220 mail.test\r\n").unwrap();
    for line in BufReader::new(stream).lines() {
        let line = line.unwrap();
        said.push_str(&line);
        said.push('\n');
        let answer = match line.as_str() {
            "." => {
                answers.write_all(b"250 taken\r\n").unwrap();
                return said;
            }
            _ if in_letter => continue,
            "DATA" => {
                in_letter = true;
                "354 go on\r\n"
            }
            _ => "250 fine\r\n",
        };
        answers.write_all(answer.as_bytes()).unwrap();
    }
    said
}

fn with_sender() -> TempDir {
    contract(&PEOPLE.replace(
        "users: User",
        "users: User, mail: {from: hello@photos.example}",
    ))
}

#[test]
fn production_says_what_is_missing() {
    let place = contract(PEOPLE);
    let folder = place.path();
    if on_sqlite() {
        let process = serve(folder, &[]);
        process.wait_for("no mail server is configured");
        process.client().get("/dev/mail").expect(404);
    }
    let serve = |smtp: &str| {
        let arguments = [
            "serve",
            "--migrate",
            "--listen",
            "127.0.0.1:0",
            "--smtp",
            smtp,
        ];
        run(folder, &arguments)
    };
    let refused = serve("smtp://mail.example").expect(1).stderr;
    assert!(refused.contains("hello@photos.example"), "{refused}");
    let text = PEOPLE.replace(
        "users: User",
        "users: User, mail: {from: hello@photos.example}",
    );
    write(folder, "frontdesk.yaml", &text);
    let refused = serve("smtp://ann@mail.example").expect(1).stderr;
    assert!(
        refused.contains("a user and a password, or neither"),
        "{refused}"
    );
    let refused = serve("ann:s3cret@mail.example").expect(2).stderr;
    assert!(
        refused.contains("--smtp") && !refused.contains("s3cret"),
        "{refused}"
    );
    write(folder, "mail/fr/magic_lnk.txt", "Subject: x\n\n{{link}}");
    let refused = serve("smtp://mail.example").expect(1).stderr;
    assert!(refused.contains("magic_lnk.txt"), "{refused}");
}
