//! What a contract says about its surroundings: errors of its own, scopes, origins.

use diag::{Diagnostic, Diagnostics};
use model::{DeclaredError, ListStyle};

use crate::codes;
use crate::duration;
use crate::names::LIST_PARAMETERS;
use crate::read::{Item, Text};
use crate::sections::Sections;

/// Codes the server answers by itself, or will: a declared error must be told apart from these.
const SERVER_CODES: [&str; 43] = [
    "malformed",
    "cursor_mismatch",
    "unauthenticated",
    "forbidden",
    "insufficient_scope",
    "not_found",
    "gone",
    "already_exists",
    "unknown_reference",
    "still_referenced",
    "conflict",
    "stale",
    "precondition_required",
    "idempotency_required",
    "idempotency_mismatch",
    "idempotency_in_progress",
    "invalid",
    "rate_limited",
    "timed_out",
    "unavailable",
    "internal",
    "method_not_allowed",
    "ambiguous_framing",
    "transfer_coding_unsupported",
    "invalid_host",
    "malformed_http",
    "head_too_slow",
    "invalid_header_name",
    "header_fields_too_large",
    "url_too_long",
    "connect_not_supported",
    "body_too_large",
    "overloaded",
    "body_too_slow",
    "content_encoding_unsupported",
    "body_incomplete",
    "not_acceptable",
    "unsupported_media_type",
    "invalid_form",
    "cross_site",
    "insecure_transport",
    "https_expected",
    "upstream_timeout",
];
/// Origins are compared with every browser request.
const ORIGINS_MAX: usize = 100;
/// Errors of one contract.
const ERRORS_MAX: usize = 1_000;

/// `list:`
pub fn list_style(resource: &Item<'_>, out: &mut Diagnostics) -> ListStyle {
    let mut style = ListStyle::default();
    let Some(list) = resource.get("list") else {
        return style;
    };
    style.bare = list
        .text("shape")
        .is_some_and(|shape| shape.as_str() == "array");
    if let Some(limit) = list.text("limit") {
        if limit.as_str() != ListStyle::default().limit && LIST_PARAMETERS.contains(&limit.as_str())
        {
            out.push(
                Diagnostic::error(
                    codes::RESERVED,
                    limit.span(),
                    format!("the name `{}` is taken", limit.as_str()),
                )
                .label("lists have this parameter")
                .help("choose another, such as `per_page`"),
            );
        }
        style.limit = limit.as_str().to_owned();
    }
    style
}

/// `cache:`
pub fn cache(resource: &Item<'_>, out: &mut Diagnostics) -> Option<u32> {
    let time = duration::read(resource.text("cache")?, out)?;
    // A hundred years, the longest that can be written, fit.
    u32::try_from(time.as_secs()).ok()
}

/// `errors:`
pub fn errors(sections: &Sections<'_, '_>, out: &mut Diagnostics) -> Vec<DeclaredError> {
    if let Some((key, _)) = sections.errors.get(ERRORS_MAX) {
        out.push(
            Diagnostic::error(
                codes::TOO_MANY,
                key.span,
                format!("a contract has at most {ERRORS_MAX} errors"),
            )
            .label("one too many")
            .help("keep those that clients must tell apart"),
        );
    }
    let mut found = vec![];
    for (key, item) in sections.errors.iter().take(ERRORS_MAX) {
        if SERVER_CODES.contains(&key.value.as_str()) {
            out.push(
                Diagnostic::error(
                    codes::ERROR_CODE,
                    key.span,
                    format!("the server answers `{}` by itself", key.value),
                )
                .label("taken")
                .help("name it after what happened in your API, for example `seat_taken`"),
            );
        }
        let status = item
            .get("status")
            .and_then(Item::as_int)
            .and_then(|status| u16::try_from(status).ok());
        if let (Some(status), Some(title)) = (status, item.text("title")) {
            found.push(DeclaredError {
                code: key.value.clone(),
                status,
                title: title.as_str().trim().to_owned(),
            });
        }
    }
    found
}

/// `scope:` of a resource; its plural unless said otherwise.
pub fn scope(item: &Item<'_>, plural: &str, out: &mut Diagnostics) -> String {
    let Some(text) = item.text("scope") else {
        return plural.to_owned();
    };
    let written = text.as_str();
    let word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_');
    let is_scope = |scope: &str| {
        scope.starts_with(|c: char| c.is_ascii_lowercase()) && scope.bytes().all(word)
    };
    if is_scope(written) {
        return written.to_owned();
    }
    let bare = [".read", ".write"]
        .into_iter()
        .find_map(|end| written.strip_suffix(end))
        .filter(|bare| is_scope(bare));
    let found = Diagnostic::error(
        codes::SCOPE,
        text.span(),
        format!("`{written}` cannot be a scope"),
    );
    out.push(match bare {
        Some(bare) => found
            .label("`.read` and `.write` come by themselves")
            .help(format!("write `scope: {bare}`")),
        None => found
            .label("lower-case letters, digits, `-` and `_`")
            .help(format!(
                "write one word, for example `scope: {}`",
                crate::names::to_slug(written)
            )),
    });
    bare.unwrap_or(plural).to_owned()
}

/// `cors:`
pub fn origins(sections: &Sections<'_, '_>, out: &mut Diagnostics) -> Vec<String> {
    let mut origins: Vec<String> = vec![];
    let written = sections.main.texts("cors");
    if let Some(extra) = written.get(ORIGINS_MAX) {
        out.push(
            Diagnostic::error(
                codes::TOO_MANY,
                extra.span(),
                format!("`cors` has at most {ORIGINS_MAX} origins"),
            )
            .label("one too many")
            .help("keep the pages that call the API from a browser; programs need no entry"),
        );
    }
    for text in written.into_iter().take(ORIGINS_MAX) {
        match origin(text.as_str()) {
            Ok(()) => origins.push(text.as_str().to_owned()),
            Err((label, help)) => out.push(
                Diagnostic::error(
                    codes::ORIGIN,
                    text.span(),
                    format!("`{}` is not an origin", text.as_str()),
                )
                .label(label)
                .help(help),
            ),
        }
    }
    origins
}

/// `https://app.example`, `http://localhost:3000`; or what is wrong with it and how to mend all
/// of it.
fn origin(written: &str) -> Result<(), (&'static str, String)> {
    if written == "*" {
        return Err((
            "every page there is",
            "name the pages that may call the API, like `https://app.example`".to_owned(),
        ));
    }
    if written.contains('*') {
        return Err((
            "a pattern",
            "origins are compared as text: name each one".to_owned(),
        ));
    }
    let (scheme, rest) = match written.split_once("://") {
        Some((scheme, rest)) => (Some(scheme), rest),
        None => (None, written.trim_start_matches('/')),
    };
    let lower_scheme = scheme.map(str::to_ascii_lowercase);
    let right_scheme = match lower_scheme.as_deref() {
        Some("http") => "http",
        _ => "https",
    };
    let (authority, path) = match rest.split_once('/') {
        Some((authority, path)) => (authority, Some(path)),
        None => (rest, None),
    };
    let named = authority.rsplit('@').next().unwrap_or_default();
    let (host, port) = match named.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (named, None),
    };
    let fine = |host: &str| {
        let byte = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.[]:".contains(&b);
        !host.is_empty() && host.bytes().all(byte)
    };
    let usual = matches!(
        (right_scheme, port),
        ("https", Some("443")) | ("http", Some("80"))
    );
    let bad_port = port.is_some_and(|port| port.parse::<u16>().is_err());
    let right_host = host.to_ascii_lowercase();
    let mended = match port {
        _ if !fine(&right_host) => "https://app.example".to_owned(),
        Some(_) if bad_port => format!("{right_scheme}://{right_host}:3000"),
        Some(port) if !usual => format!("{right_scheme}://{right_host}:{port}"),
        _ => format!("{right_scheme}://{right_host}"),
    };
    let (label, why) = match scheme {
        None => ("no scheme", ""),
        Some(written) if written != right_scheme => ("not a scheme of web pages", ""),
        _ if path.is_some() => ("more than an origin", "browsers send no path: "),
        _ if authority != named || !fine(host) => (
            "not a host",
            "browsers send hosts in lower case, without names or passwords: ",
        ),
        _ if usual => ("the usual port", "browsers leave it out: "),
        _ if bad_port => ("not a port", ""),
        _ => return Ok(()),
    };
    Err((label, format!("{why}write `{mended}`")))
}

/// A text for people, without the line break that block texts end with.
pub fn words(text: Option<Text<'_>>) -> Option<String> {
    text.map(|text| text.as_str().trim_end().to_owned())
}
