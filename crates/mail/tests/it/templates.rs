//! Templates of one's own.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use mail::{Kind, Letter, Mailbox, Mailer, Received, Sender, TemplateError, Templates};

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn received(folder: &Path, language: &str) -> Received {
    let templates = Templates::with_folder(folder).unwrap();
    let sender = Sender::new(None, "a@b.example", "Fotos & mehr", templates).unwrap();
    let mailbox = Arc::new(Mailbox::default());
    let letter = Letter::new(Kind::MagicLink, "ann@example.com")
        .language(Some(language.to_owned()))
        .value("link", "https://b.example/?a=1&b=2");
    Mailer::Mailbox(Arc::clone(&mailbox), Box::new(sender)).send(letter);
    mailbox.letters().remove(0)
}

#[test]
fn ones_own_take_the_place_of_those_that_come_along() {
    let text = "Subject: Salut {{ site }}\r\n\r\nVoilà:\r\n\r\n{{link}}\r\n";
    let html = "<h1>{{site}}</h1><a href=\"{{link}}\">Aller</a>";
    let folder = folder(&[
        ("fr/magic_link.txt", text),
        ("fr/magic_link.html", html),
        ("en/magic_link.html", "<b>{{link}}</b>"),
        (".git/config", "no template"),
        ("README.md", "no template"),
    ]);
    let french = received(folder.path(), "fr-CA");
    assert_eq!(french.subject, "Salut Fotos & mehr");
    assert_eq!(french.text, "Voilà:\n\nhttps://b.example/?a=1&b=2");
    assert_eq!(
        french.html,
        "<h1>Fotos &amp; mehr</h1><a href=\"https://b.example/?a=1&amp;b=2\">Aller</a>"
    );
    // The HTML alone can be another.
    let english = received(folder.path(), "en");
    assert!(english.text.contains("Follow the link"), "{}", english.text);
    assert_eq!(english.html, "<b>https://b.example/?a=1&amp;b=2</b>");
    let german = received(folder.path(), "de");
    assert!(german.text.contains("Mit diesem Link"), "{}", german.text);
}

#[test]
fn mistakes_are_told_with_their_file() {
    let good = "Subject: x\n\n{{link}}";
    for (path, text, expected) in [
        (
            "en/magic_link.txt",
            "Hello",
            "begins with one line `Subject: …`",
        ),
        (
            "en/magic_link.txt",
            "Subject: \n\n{{link}}",
            "begins with one line",
        ),
        (
            "en/magic_link.txt",
            "Subject: a\nBcc: b\n\n{{link}}",
            "begins with one line",
        ),
        (
            "en/magic_link.txt",
            "Subject: x\n\nno link",
            "without {{link}}",
        ),
        (
            "en/magic_link.txt",
            "Subject: x\n\n{{lnk}}",
            "{{lnk}} stands for nothing here",
        ),
        ("en/magic_link.txt", "Subject: x\n\n{{link", "has no }}"),
        ("en/magic_link.html", "<p>no link", "without {{link}}"),
        ("en/magic_lnk.txt", good, "there is no such letter"),
        (
            "fr/magic_link.html",
            "{{link}}",
            "magic_link.txt has to stand beside it",
        ),
        ("English/magic_link.txt", good, "called like languages"),
    ] {
        let folder = folder(&[(path, text)]);
        let error = Templates::with_folder(folder.path()).unwrap_err();
        assert!(matches!(error, TemplateError::Wrong { .. }));
        let told = error.to_string();
        assert!(told.contains(expected), "{told}");
        assert!(told.contains(path.split('/').next().unwrap()), "{told}");
    }
    let nowhere = Path::new("/nowhere/mail");
    assert!(Templates::with_folder(nowhere).is_ok());
}
