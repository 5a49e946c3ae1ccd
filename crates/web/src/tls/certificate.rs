//! Whom a verified certificate names.
//!
//! Read with `x509-cert` of RustCrypto: no unsafe code, kept with the rest of that family, and in the
//! tree anyway. What a name is good for is not known here.

use std::fmt::Write;

use sha2::{Digest, Sha256};
use x509_cert::Certificate as X509;
use x509_cert::der::Decode;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

/// A certificate that a caller has shown. Its signatures, its dates and that it is for clients were
/// checked in the handshake, and that the caller has its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    pub der: Box<[u8]>,
    /// SHA-256 of `der`: RFC 8705's `x5t#S256` before it is written as text.
    pub thumbprint: [u8; 32],
    /// The subject's distinguished name as RFC 4514 writes it, such as `CN=billing,O=Photos`.
    pub subject: String,
    /// Alternative names: hosts in lower case, URIs and e-mail addresses as they are written. None can
    /// be taken for one of another kind: only URIs have a `:`, and only addresses else an `@`.
    pub names: Vec<String>,
}

impl Certificate {
    /// Nothing when it is not as RFC 5280 has it.
    pub fn read(der: &[u8]) -> Option<Certificate> {
        let read = X509::from_der(der).ok()?;
        let body = &read.tbs_certificate;
        let mut subject = String::new();
        write!(subject, "{}", body.subject).ok()?;
        let mut certificate = Certificate {
            der: der.into(),
            thumbprint: Sha256::digest(der).into(),
            subject,
            names: vec![],
        };
        // An error when there are two of it.
        let names = body.get::<SubjectAltName>().ok()?;
        for name in names.into_iter().flat_map(|(_, names)| names.0) {
            let name = match &name {
                GeneralName::DnsName(name) => host(name.as_str()),
                GeneralName::UniformResourceIdentifier(uri) => {
                    let uri = uri.as_str();
                    uri.contains(':').then(|| uri.to_owned())
                }
                GeneralName::Rfc822Name(mail) => {
                    let mail = mail.as_str();
                    (mail.contains('@') && !mail.contains(':')).then(|| mail.to_owned())
                }
                // Nothing that a contract could name.
                _ => None,
            };
            certificate.names.extend(name);
        }
        Some(certificate)
    }
}

fn host(name: &str) -> Option<String> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._*".contains(&byte);
    let plain = !name.is_empty() && name.bytes().all(is_plain);
    plain.then(|| name.to_ascii_lowercase())
}
