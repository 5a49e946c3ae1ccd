//! `auth.mtls`: programs that are known by their certificates.

use diag::{Diagnostic, Diagnostics, Span};
use model::{Certificate, Service};

use super::{Reading, bounded, claims};
use crate::codes;
use crate::read::{Entry, Item};

/// Each certificate is looked for among all of them.
const SERVICES_MAX: usize = 1_000;

pub fn read<'a>(
    auth: &Item<'a>,
    context: &Reading<'_, '_, 'a>,
    out: &mut Diagnostics,
) -> Vec<Service> {
    let entries = auth.get("mtls").map(Item::entries).unwrap_or_default();
    let mut seen: Vec<(Certificate, Span)> = vec![];
    bounded(
        entries,
        SERVICES_MAX,
        "services in `mtls`",
        "several programs can share one name in their certificates",
        out,
    )
    .iter()
    .filter_map(|entry| {
        let item = &entry.item;
        if !item.is_map() {
            return None;
        }
        let certificate = certificate(entry, &mut seen, out);
        let scopes = context.scopes.known(&item.texts("scopes"), &[], out);
        let claims = claims::written(item.get("claims"), context, out);
        Some(Service {
            name: entry.name.to_owned(),
            certificate: certificate?,
            scopes,
            claims,
            audience: crate::resolve::audience(item),
        })
    })
    .collect()
}

/// What its certificate must say.
fn certificate(
    entry: &Entry<'_>,
    seen: &mut Vec<(Certificate, Span)>,
    out: &mut Diagnostics,
) -> Option<Certificate> {
    let item = &entry.item;
    let wrong = |span: Span, message: String, label: &'static str, help: &'static str| {
        Diagnostic::error(codes::CERTIFICATE, span, message)
            .label(label)
            .help(help)
    };
    let ways = (item.entry("san"), item.entry("subject"));
    let (text, certificate) = match ways {
        (Some(_), Some(subject)) => {
            out.push(wrong(
                subject.key.span,
                "`san` and `subject` exclude each other".to_owned(),
                "another name",
                "keep `san`: it is what certificates are told apart by today",
            ));
            return None;
        }
        (Some(_), None) => {
            let text = item.text("san")?;
            (text, Certificate::San(text.as_str().trim().to_owned()))
        }
        (None, Some(_)) => {
            let text = item.text("subject")?;
            (text, Certificate::Subject(text.as_str().trim().to_owned()))
        }
        (None, None) => {
            if !item.odd {
                out.push(wrong(
                    entry.key.span,
                    format!(
                        "nothing tells which certificate is that of `{}`",
                        entry.name
                    ),
                    "without `san` or `subject`",
                    "add `san: billing.internal`, the name that stands in its certificate",
                ));
            }
            return None;
        }
    };
    let (label, help) = match &certificate {
        Certificate::San(name) if name.contains('*') => (
            "a pattern",
            "names are compared exactly: write the one that stands in the certificate",
        ),
        Certificate::San(name) if name.contains(char::is_whitespace) => (
            "not a name",
            "write one DNS name or URI, such as `billing.internal` or `spiffe://shop/billing`",
        ),
        Certificate::Subject(name) if !name.contains('=') => (
            "not a subject",
            "write the distinguished name as in `CN=billing,O=Shop`; a host is `san: billing.internal`",
        ),
        _ => ("", ""),
    };
    if !label.is_empty() {
        out.push(wrong(
            text.span(),
            "no certificate says this".to_owned(),
            label,
            help,
        ));
        return None;
    }
    if let Some((_, first)) = seen.iter().find(|(known, _)| *known == certificate) {
        out.push(
            wrong(
                text.span(),
                "two services with one certificate".to_owned(),
                "again here",
                "give each a certificate of its own, or make one service of them",
            )
            .also(*first, "first here"),
        );
        return None;
    }
    seen.push((certificate.clone(), text.span()));
    Some(certificate)
}
