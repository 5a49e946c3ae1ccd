//! How long tokens and sessions last.

use diag::{Diagnostic, Diagnostics};
use model::{Algorithm, Sessions, Tokens};

use crate::codes;
use crate::duration;
use crate::read::{Item, Text};

/// `auth.tokens`
pub fn tokens(auth: &Item<'_>, out: &mut Diagnostics) -> Tokens {
    let usual = Tokens::default();
    let Some(item) = auth.get("tokens") else {
        return usual;
    };
    let access = within(item, "access", Tokens::ACCESS, out);
    let refresh = within(item, "refresh", Tokens::REFRESH, out);
    let idle = within(item, "idle", Tokens::REFRESH, out);
    let (refresh, idle) = inside(
        item,
        ["refresh", "idle"],
        (refresh, idle),
        (usual.refresh, usual.idle),
        out,
    );
    Tokens {
        access: access.unwrap_or(usual.access),
        refresh,
        idle,
        algorithm: item
            .text("algorithm")
            .and_then(|word| Algorithm::named(word.as_str()))
            .unwrap_or_default(),
    }
}

/// `auth.sessions`
pub fn sessions(auth: &Item<'_>, out: &mut Diagnostics) -> Sessions {
    let usual = Sessions::default();
    let Some(item) = auth.get("sessions") else {
        return usual;
    };
    let absolute = within(item, "absolute", Sessions::ABSOLUTE, out);
    let idle = within(item, "idle", Sessions::IDLE, out);
    let (absolute, idle) = inside(
        item,
        ["absolute", "idle"],
        (absolute, idle),
        (usual.absolute, usual.idle),
        out,
    );
    Sessions { idle, absolute }
}

/// A length of time that is neither too short nor too long.
fn within(
    item: &Item<'_>,
    key: &str,
    (least, most): (u32, u32),
    out: &mut Diagnostics,
) -> Option<u32> {
    let text = item.text(key)?;
    let seconds = duration::read(text, out)?.as_secs();
    let (message, nearest) = match seconds {
        _ if seconds < u64::from(least) => (format!("`{key}` is too short"), least),
        _ if seconds > u64::from(most) => (format!("`{key}` is too long"), most),
        _ => return u32::try_from(seconds).ok(),
    };
    out.push(
        Diagnostic::error(codes::LIFETIME, text.span(), message)
            .label(format!(
                "between {} and {}",
                duration::print(least),
                duration::print(most)
            ))
            .help(format!(
                "write for example `{key}: {}`",
                duration::print(nearest)
            )),
    );
    None
}

/// The whole and the part of it that may pass unused. What is not written gives way to what is.
fn inside(
    item: &Item<'_>,
    [whole_key, part_key]: [&str; 2],
    (whole, part): (Option<u32>, Option<u32>),
    usual: (u32, u32),
    out: &mut Diagnostics,
) -> (u32, u32) {
    let written = |key: &str| item.text(key).map(Text::span);
    match (whole, part) {
        (Some(whole), Some(part)) if part > whole => {
            if let (Some(here), Some(there)) = (written(part_key), written(whole_key)) {
                out.push(
                    Diagnostic::error(
                        codes::LIFETIME,
                        here,
                        format!("`{part_key}` is longer than `{whole_key}`"),
                    )
                    .label("never reached")
                    .also(there, "it ends here at the latest")
                    .help(format!(
                        "write `{part_key}: {}` or less",
                        duration::print(whole)
                    )),
                );
            }
            (whole, whole)
        }
        (whole, Some(part)) => (whole.unwrap_or(usual.0.max(part)), part),
        (whole, None) => {
            let whole = whole.unwrap_or(usual.0);
            (whole, usual.1.min(whole))
        }
    }
}
