//! Mail servers as URLs name them.

use mail::Smtp;

#[test]
fn servers_are_named_by_urls_and_shown_without_passwords() {
    for (url, shown) in [
        ("smtp://mail.example", "smtp://mail.example:587"),
        ("smtps://mail.example/", "smtps://mail.example:465"),
        (
            "smtp://ann:s3cret@mail.example:2525",
            "smtp://ann@mail.example:2525",
        ),
        (
            "smtp://ann%40b.example:s3c%3Aret%40@[::1]:25",
            "smtp://ann@b.example@[::1]:25",
        ),
        ("smtp://127.0.0.1:25", "smtp://127.0.0.1:25"),
    ] {
        let smtp: Smtp = url.parse().unwrap();
        assert_eq!(smtp.to_string(), shown);
        let debug = format!("{smtp:?}");
        assert!(!debug.contains("s3c"), "{debug}");
    }
    for (url, expected) in [
        ("mail.example", "smtp://USER@HOST:587"),
        ("http://mail.example", "smtp://USER@HOST:587"),
        ("smtp://", "no host"),
        ("smtp://ann:s3cret@", "no host"),
        ("smtp://a b", "no host"),
        ("smtp://mail.example:70000", "number up to 65535"),
        ("smtp://[::1", "no host"),
    ] {
        let error = url.parse::<Smtp>().unwrap_err().to_string();
        assert!(
            error.contains(expected) && !error.contains("s3cret"),
            "{url}: {error}"
        );
    }
}
