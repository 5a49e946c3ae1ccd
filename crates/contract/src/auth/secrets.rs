//! `$NAME`: secrets are named in a contract, never written.

use diag::{Diagnostic, Diagnostics};
use model::{SecretName, Setting};

use crate::codes;
use crate::read::Text;

/// A secret. Says nothing of what stands there instead of its name: it may be the secret.
pub fn name(text: Text<'_>, key: &str, like: &str, out: &mut Diagnostics) -> Option<SecretName> {
    let written = text.as_str().trim();
    let found = match written.strip_prefix('$') {
        Some(name) => match SecretName::new(braces(name)) {
            Some(secret) if name == braces(name) => return Some(secret),
            Some(secret) => Diagnostic::error(
                codes::SECRET_NAME,
                text.span(),
                "the name of a secret needs no braces",
            )
            .label("a template")
            .help(format!("write `{key}: {secret}`")),
            None => Diagnostic::error(
                codes::SECRET_NAME,
                text.span(),
                "this is not the name of a secret",
            )
            .label("capitals, digits and `_`, a letter first")
            .help(format!("write for example `{key}: ${like}`")),
        },
        None => Diagnostic::error(
            codes::SECRET,
            text.span(),
            format!("`{key}` is a secret, and stands in plain text"),
        )
        .label("everybody who sees the contract sees it")
        .help(format!(
            "write `{key}: ${like}`, and give its value in the environment, in the file that `{like}_FILE` names there, or with `frontdesk secret`; if this was the real one, it is known now: make another"
        )),
    };
    out.push(found);
    None
}

/// What may be written, or be named like a secret.
pub fn setting(text: Text<'_>, key: &str, like: &str, out: &mut Diagnostics) -> Option<Setting> {
    match text.as_str().trim().starts_with('$') {
        true => name(text, key, like, out).map(Setting::Named),
        false => Some(Setting::Written(text.as_str().trim().to_owned())),
    }
}

/// `printer` → `PRINTER_SECRET`
pub fn like(owner: &str, end: &str) -> String {
    let whole = format!("{}_{end}", owner.to_ascii_uppercase());
    match SecretName::new(&whole) {
        Some(_) => whole,
        None => format!("MY_{end}"),
    }
}

/// `${NAME}` and `${{ NAME }}` as shells and build systems have them.
fn braces(name: &str) -> &str {
    name.trim_matches(|c| matches!(c, '{' | '}' | ' '))
}
