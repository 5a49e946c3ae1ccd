//! Queued, sent, tried again, refused.

use std::time::{Duration, Instant};

use mail::{Kind, Letter, Mailer, Outbox, Sender, Smtp, Templates};
use zeroize::Zeroizing;

use crate::server::{Mail, MailServer};

pub fn sender() -> Sender {
    let name = Some("Photos".to_owned());
    Sender::new(
        name,
        "hello@photos.example",
        "Photos",
        Templates::built_in(),
    )
    .unwrap()
}

fn mailer(server: &MailServer, retries: &[Duration]) -> (Mailer, Outbox) {
    let smtp: Smtp = format!("smtp://{}", server.address).parse().unwrap();
    let outbox = Outbox::new(&smtp, sender(), retries).unwrap();
    (Mailer::Smtp(outbox.clone()), outbox)
}

fn letter(to: &str) -> Letter {
    Letter::new(Kind::MagicLink, to).value("link", "https://photos.example/login/link?t=x")
}

async fn sent(letter: Letter) -> Mail {
    let mut server = MailServer::start(&[]).await;
    let (mailer, _) = mailer(&server, &[]);
    mailer.send(letter);
    server.next().await
}

const SOON: [Duration; 2] = [Duration::from_millis(5), Duration::from_millis(5)];

#[tokio::test]
async fn a_letter_arrives_whole() {
    let mail = sent(letter("ann@example.com")).await;
    let commands = mail.commands.join("\n");
    assert!(commands.contains("EHLO photos.example"), "{commands}");
    assert!(
        commands.contains("MAIL FROM:<hello@photos.example>"),
        "{commands}"
    );
    assert!(commands.contains("RCPT TO:<ann@example.com>"), "{commands}");
    for expected in [
        "From: Photos <hello@photos.example>",
        "To: ann@example.com",
        "Subject: Sign in to Photos",
        "Auto-Submitted: auto-generated",
        "Message-ID: <",
        "@photos.example>",
        "Date: ",
        "multipart/alternative",
        "text/plain; charset=utf-8",
        "text/html; charset=utf-8",
        "https://photos.example/login/link?t=",
    ] {
        assert!(
            mail.data.contains(expected),
            "no {expected} in {}",
            mail.data
        );
    }
}

#[tokio::test]
async fn a_user_and_a_password_are_given() {
    let mut server = MailServer::start(&[]).await;
    let smtp: Smtp = format!("smtp://ann@{}", server.address).parse().unwrap();
    assert!(
        Outbox::new(&smtp, sender(), &[]).is_err(),
        "a user without a password"
    );
    let smtp = smtp.with_password(Zeroizing::new("s3cret".to_owned()));
    Mailer::Smtp(Outbox::new(&smtp, sender(), &[]).unwrap()).send(letter("ann@example.com"));
    let commands = server.next().await.commands.join("\n");
    // \0ann\0s3cret
    assert!(
        commands.contains("AUTH PLAIN AGFubgBzM2NyZXQ="),
        "{commands}"
    );
}

#[tokio::test]
async fn nothing_goes_in_the_clear_to_another_machine() {
    let mut server = MailServer::start(&[]).await;
    let port = server.address.port();
    // An address that is not known to be this machine's, at a server without STARTTLS; and a
    // server that is to speak TLS and does not.
    for url in [
        format!("smtp://0.0.0.0:{port}"),
        format!("smtps://127.0.0.1:{port}"),
    ] {
        let outbox = Outbox::new(&url.parse().unwrap(), sender(), &[]).unwrap();
        Mailer::Smtp(outbox.clone()).send(letter("ann@example.com"));
        outbox.drain(Duration::from_secs(60)).await;
        assert!(server.mails.try_recv().is_err(), "{url}");
    }
}

#[tokio::test]
async fn what_the_server_refuses_for_now_is_tried_again() {
    let mut server = MailServer::start(&["451 later", "452 later"]).await;
    let (mailer, _) = mailer(&server, &SOON);
    mailer.send(letter("ann@example.com"));
    assert!(server.next().await.data.contains("Sign in"));
}

#[tokio::test]
async fn what_the_server_refuses_for_good_is_not() {
    let mut server = MailServer::start(&["550 no such user"]).await;
    let (mailer, outbox) = mailer(&server, &SOON);
    mailer.send(letter("nobody@example.com"));
    outbox.drain(Duration::from_secs(60)).await;
    mailer.send(letter("ann@example.com"));
    // The first that arrives is the second.
    let mail = server.next().await;
    assert!(mail.data.contains("To: ann@example.com"), "{}", mail.data);
    assert!(server.mails.try_recv().is_err());
}

#[tokio::test]
async fn a_server_that_is_away_holds_nobody_up() {
    // Nobody listens at a port that has just been given back.
    let port = {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap().port()
    };
    let smtp: Smtp = format!("smtp://127.0.0.1:{port}").parse().unwrap();
    let outbox = Outbox::new(&smtp, sender(), &[Duration::from_secs(3_600)]).unwrap();
    let mailer = Mailer::Smtp(outbox.clone());
    let began = Instant::now();
    // More than there is room for.
    for number in 0..mail::QUEUE_MAX + 100 {
        mailer.send(letter(&format!("ann{number}@example.com")));
    }
    // None of them waits for the server, or the last would be away for hours.
    assert!(began.elapsed() < Duration::from_secs(60));
    outbox.drain(Duration::from_millis(10)).await;
}

#[tokio::test]
async fn nothing_a_letter_says_becomes_a_header_or_another_address() {
    let evil = "x\r\nBcc: all@example.com\r\n\r\n<script>alert(1)</script>";
    let letter = Letter::new(Kind::EmailChanged, "ann@example.com").value("address", evil);
    let mail = sent(letter).await;
    let (head, body) = mail.data.split_once("\n\n").unwrap();
    assert!(!head.contains("Bcc"), "{head}");
    assert!(!body.contains("\nBcc:"), "{body}");
    let rcpt = mail.commands.iter().filter(|line| line.starts_with("RCPT"));
    assert_eq!(rcpt.count(), 1, "{:?}", mail.commands);
    // An address that is none goes nowhere.
    let mut server = MailServer::start(&[]).await;
    let (mailer, outbox) = mailer(&server, &[]);
    for address in [
        "ann@example.com\r\nRCPT TO:<all@example.com>",
        "ann@example.com>\r\nDATA",
        "ann@example.com, all@example.com",
        "Ann <ann@example.com>",
        "",
    ] {
        mailer.send(Letter::new(Kind::NoAccount, address));
    }
    outbox.drain(Duration::from_secs(60)).await;
    assert!(server.mails.try_recv().is_err());
    // Neither does the site's own name.
    let site = "Photos\r\nBcc: all@example.com";
    let sender = Sender::new(
        Some(site.to_owned()),
        "a@b.example",
        site,
        Templates::built_in(),
    );
    let smtp: Smtp = format!("smtp://{}", server.address).parse().unwrap();
    let outbox = Outbox::new(&smtp, sender.unwrap(), &[]).unwrap();
    Mailer::Smtp(outbox).send(Letter::new(Kind::NoAccount, "ann@example.com"));
    let data = server.next().await.data;
    assert!(!data.contains("\nBcc:"), "{data}");
    let wrong = Sender::new(None, "a@b.example\r\nBcc: x", "x", Templates::built_in());
    assert!(wrong.is_err());
}
