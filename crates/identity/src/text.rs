//! E-mail addresses as people type them: one spelling to write to, one to look them up by.

use std::fmt;

use unicode_normalization::UnicodeNormalization;
use value::email::{EMAIL_BYTES_MAX, is_email};

/// An address that can be written to.
///
/// Two that look alike may be one account ([`Email::lookup`]) and still be two mailboxes, as the
/// part before the `@` is its owner's business (RFC 5321 §2.4). So mail goes to the address that
/// the account has, never to the one that somebody typed into a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Email {
    text: String,
    lookup: String,
}

/// A text is no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoEmail;

impl Email {
    /// Spaces around it are dropped, characters are composed (NFC), and the domain is spelled as
    /// it is in the DNS, so that `Bücher.example` and `xn--bcher-kva.example` are one.
    ///
    /// # Errors
    /// When it is no address, or longer than mail systems carry.
    pub fn read(text: &str) -> Result<Email, NoEmail> {
        let typed = text.trim();
        // Composing never makes a text three times shorter (UAX #15).
        if typed.len() > 3 * EMAIL_BYTES_MAX {
            return Err(NoEmail);
        }
        let typed: String = typed.nfc().collect();
        let (local, domain) = typed.rsplit_once('@').ok_or(NoEmail)?;
        let domain = idna::domain_to_ascii(domain).map_err(|_| NoEmail)?;
        let text = format!("{local}@{domain}");
        if text.len() > EMAIL_BYTES_MAX || !is_email(&text) {
            return Err(NoEmail);
        }
        let lookup = format!("{}@{domain}", lower(local));
        Ok(Email { text, lookup })
    }

    /// To write to and to show.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// To compare and to look up by: `Ann@Example.com` and `ann@example.com` are one account.
    pub fn lookup(&self) -> &str {
        &self.lookup
    }

    /// The part after the `@`, as it is in the DNS.
    pub fn domain(&self) -> &str {
        self.text.rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

/// In lower case, but no other letter becomes an ASCII one: `İ` is not `i`, and whoever has one
/// mailbox must not be taken for whoever has the other.
fn lower(local: &str) -> String {
    let mut lower = String::with_capacity(local.len());
    for c in local.chars() {
        if c.is_ascii() || !c.to_lowercase().any(|small| small.is_ascii()) {
            lower.extend(c.to_lowercase());
        } else {
            lower.push(c);
        }
    }
    lower
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Display for NoEmail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("this is no e-mail address; one looks like ann@example.com")
    }
}

impl std::error::Error for NoEmail {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(typed: &str, text: &str, lookup: &str) {
        let email = Email::read(typed).unwrap();
        assert_eq!((email.as_str(), email.lookup()), (text, lookup));
    }

    #[test]
    fn one_account_however_it_is_typed() {
        check("ann@example.com", "ann@example.com", "ann@example.com");
        check(
            "  Ann.Miller+x@Example.COM\n",
            "Ann.Miller+x@example.com",
            "ann.miller+x@example.com",
        );
        check(
            "u\u{308}@BÜCHER.example",
            "ü@xn--bcher-kva.example",
            "ü@xn--bcher-kva.example",
        );
        check("Ü@x.example", "Ü@x.example", "ü@x.example");
        check(
            "a@xn--bcher-kva.example",
            "a@xn--bcher-kva.example",
            "a@xn--bcher-kva.example",
        );
        check("x@localhost", "x@localhost", "x@localhost");
    }

    #[test]
    fn letters_that_only_look_alike_are_not_one_account() {
        let lookup = |text: &str| Email::read(text).unwrap().lookup().to_owned();
        for other in ["İnes@x.example", "ınes@x.example", "іnes@x.example"] {
            assert_ne!(lookup(other), lookup("ines@x.example"), "{other}");
        }
        assert_ne!(lookup("boſs@x.example"), lookup("boss@x.example"));
        // This one is the same letter by Unicode's own rules, and so it is written to, too.
        check("mi\u{212a}e@x.example", "miKe@x.example", "mike@x.example");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for bad in [
            "",
            "ann",
            "@example.com",
            "ann@",
            "ann@example..com",
            "ann@exa mple.com",
            "ann@[127.0.0.1]",
            "\"ann\"@example.com",
            "ann@example.com, bob@example.com",
            "ann@example.com\r\nBcc: bob@example.com",
            "ann@xn--a.example",
            "ann@example.com.",
            "ann@\u{2024}com",
        ] {
            assert_eq!(Email::read(bad), Err(NoEmail), "{bad:?}");
        }
        let longest = format!(
            "a@{}.{}.{}.{}",
            "b".repeat(63),
            "c".repeat(63),
            "d".repeat(63),
            "e".repeat(60)
        );
        assert_eq!(longest.len(), EMAIL_BYTES_MAX);
        assert!(Email::read(&longest).is_ok());
        assert_eq!(Email::read(&format!("{longest}e")), Err(NoEmail));
        assert_eq!(Email::read(&"a@".repeat(1 << 16)), Err(NoEmail));
    }

    proptest! {
        #[test]
        fn what_was_read_reads_as_itself(text in "\\PC{0,20}@\\PC{1,20}|[a-zA-Zéß.+-]{1,9}@[a-zA-Zéß.-]{1,9}") {
            if let Ok(email) = Email::read(&text) {
                prop_assert_eq!(&Email::read(email.as_str()).unwrap(), &email);
                let lookup = Email::read(email.lookup()).unwrap();
                prop_assert_eq!(lookup.lookup(), email.lookup());
                prop_assert!(is_email(email.as_str()));
                prop_assert!(email.domain().is_ascii());
            }
        }
    }
}
