//! The letters that come along, as the mailbox of development shows them.

use std::sync::Arc;

use mail::{Kind, Letter, Mailbox, Mailer, Received};

use crate::sending::sender;

fn received(letter: Letter) -> Received {
    let mailbox = Arc::new(Mailbox::default());
    Mailer::Mailbox(Arc::clone(&mailbox), Box::new(sender())).send(letter);
    mailbox.letters().remove(0)
}

/// With every value it may name.
fn full(kind: Kind) -> Letter {
    let mut letter = Letter::new(kind, "ann@example.com");
    for name in kind.values().iter().filter(|name| **name != "site") {
        letter = letter.value(name, &format!("https://value.example/{name}"));
    }
    letter
}

#[test]
fn every_letter_says_all_it_has_to_in_english_and_german() {
    for kind in Kind::ALL {
        let english = received(full(*kind));
        let german = received(full(*kind).language(Some("de-AT".to_owned())));
        assert_ne!(english.subject, german.subject, "{kind:?}");
        for letter in [&english, &german] {
            assert!(letter.subject.contains("Photos"), "{kind:?}");
            for name in kind.values().iter().filter(|name| **name != "site") {
                let value = format!("https://value.example/{name}");
                assert!(letter.text.contains(&value), "{kind:?}: {}", letter.text);
                assert!(letter.html.contains(&value), "{kind:?}: {}", letter.html);
            }
            assert!(!letter.text.contains("{{") && !letter.html.contains("{{"));
        }
        assert!(german.html.contains("lang=\"de\""));
        let has_link = kind.values().contains(&"link");
        assert_eq!(english.link.is_some(), has_link);
        assert_eq!(
            english
                .html
                .contains("<a href=\"https://value.example/link\">"),
            has_link
        );
        // Whoever speaks something else reads English.
        let other = received(full(*kind).language(Some("tlh".to_owned())));
        assert_eq!(other.subject, english.subject);
        assert_eq!(Kind::named(kind.name()), Some(*kind));
    }
}

#[test]
fn values_are_no_html() {
    let letter = Letter::new(Kind::EmailChanged, "ann@example.com")
        .value("address", "<img src=x onerror=alert(1)>&\"'\n");
    let letter = received(letter);
    assert!(!letter.html.contains("<img"), "{}", letter.html);
    assert!(
        letter
            .html
            .contains("&lt;img src=x onerror=alert(1)&gt;&amp;&quot;&#39;")
    );
    // A link that would run something is no link.
    let letter =
        Letter::new(Kind::MagicLink, "ann@example.com").value("link", "javascript:alert(1)");
    assert!(!received(letter).html.contains("href"));
}

#[test]
fn the_mailbox_keeps_the_last_letters() {
    let mailbox = Arc::new(Mailbox::default());
    let mailer = Mailer::Mailbox(Arc::clone(&mailbox), Box::new(sender()));
    for number in 0..105 {
        mailer.send(Letter::new(
            Kind::NoAccount,
            format!("ann{number}@example.com"),
        ));
    }
    let letters = mailbox.letters();
    assert_eq!(
        (letters.len(), letters[0].number, letters[99].number),
        (100, 105, 6)
    );
    assert_eq!(letters[0].to, "ann104@example.com");
}

#[test]
fn a_letter_is_not_shown_with_what_is_in_it() {
    let letter = Letter::new(Kind::MagicLink, "ann@example.com").value("link", "https://secret");
    let shown = format!("{letter:?}");
    assert!(
        !shown.contains("secret") && !shown.contains("ann"),
        "{shown}"
    );
}
