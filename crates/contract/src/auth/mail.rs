//! Whom mail comes from.

use diag::{Diagnostic, Diagnostics};
use model::Mailbox;

use crate::codes;
use crate::read::Item;

/// Longest address (RFC 5321, section 4.5.3.1.3, without the angle brackets).
const ADDRESS_BYTES_MAX: usize = 254;

/// `auth.mail`
pub fn read(auth: &Item<'_>, out: &mut Diagnostics) -> Option<Mailbox> {
    let from = auth.get("mail")?.text("from")?;
    match mailbox(from.as_str()) {
        Ok(mailbox) => Some(mailbox),
        Err(label) => {
            out.push(
                Diagnostic::error(codes::MAILBOX, from.span(), "mail cannot come from here")
                    .label(label)
                    .help("write `\"Photos <hello@photos.example>\"`, or the address alone"),
            );
            None
        }
    }
}

/// `Photos <hello@photos.example>` or `hello@photos.example`.
fn mailbox(written: &str) -> Result<Mailbox, &'static str> {
    let written = written.trim();
    if written.contains(char::is_control) {
        return Err("one line, without control characters");
    }
    let (name, address) = match written.split_once('<') {
        Some((name, rest)) => match rest.strip_suffix('>') {
            Some(address) => (name.trim().trim_matches('"').trim(), address.trim()),
            None => return Err("nothing closes the `<`"),
        },
        None => ("", written),
    };
    let Some((local, host)) = address.rsplit_once('@') else {
        return Err("no address");
    };
    let local_byte = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&b);
    let label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    let fine = !local.is_empty()
        && local.split('.').all(|part| !part.is_empty())
        && local.bytes().all(local_byte)
        && host.split('.').all(label)
        && address.len() <= ADDRESS_BYTES_MAX;
    if !fine || name.contains(['<', '>']) {
        return Err("not an address");
    }
    Ok(Mailbox {
        name: (!name.is_empty()).then(|| name.to_owned()),
        address: address.to_owned(),
    })
}
