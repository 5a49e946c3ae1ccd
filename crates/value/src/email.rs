//! What counts as an e-mail address, wherever one is asked for.

/// The longest address that mail systems carry (RFC 5321 §4.5.3.1.3, less its brackets).
pub const EMAIL_BYTES_MAX: usize = 254;

/// One `@`, something before it, a domain of dot-separated labels after it: what every mail
/// system accepts, without quoting and comments.
pub fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else {
        return false;
    };
    let local_ok = !local.is_empty()
        && local.len() <= 64
        && !local.starts_with('.')
        && !local.ends_with('.')
        && !local.contains("..")
        && local
            .chars()
            .all(|c| !c.is_control() && !c.is_whitespace() && !"@\"(),:;<>[\\]".contains(c));
    let label_ok = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_alphanumeric() || c == '-')
    };
    local_ok && domain.len() <= 253 && domain.split('.').all(label_ok)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn email_addresses() {
        for good in [
            "ann@example.com",
            "a.b+c@mail.example",
            "x@localhost",
            "ü@bücher.example",
        ] {
            assert!(is_email(good), "{good}");
        }
        for bad in [
            "",
            "ann",
            "@example.com",
            "ann@",
            "a b@example.com",
            ".a@example.com",
            "a..b@x.y",
            "a@-x.y",
            "a@x..y",
        ] {
            assert!(!is_email(bad), "{bad}");
        }
    }
}
