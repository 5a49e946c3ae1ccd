//! From PEM files to what rustls works with, with an error for whatever can be wrong with them.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{NoServerSessionStorage, ProducesTickets, WebPkiClientVerifier};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{Error, InconsistentKeys, RootCertStore, ServerConfig};
use x509_cert::Certificate as X509;
use x509_cert::der::Decode;

use super::{Files, TlsError};

/// Largest file. A chain is a few KiB, a bundle of many authorities some hundred.
const FILE_BYTES: u64 = 4 * 1024 * 1024;

/// What clients may choose from, our favourite first.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// The bytes of the files. Equal contents are one certificate.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Contents {
    certificate: Vec<u8>,
    key: Vec<u8>,
    client_ca: Option<Vec<u8>>,
}

impl Contents {
    pub fn read(files: &Files) -> Result<Contents, TlsError> {
        let client_ca = files.client_ca.as_deref().map(read);
        Ok(Contents {
            certificate: read(&files.certificate)?,
            key: read(&files.key)?,
            client_ca: client_ca.transpose()?,
        })
    }
}

/// The authorities alone, to see whether they can be used.
pub(super) fn check_authorities(file: &Path) -> Result<(), TlsError> {
    roots(&read(file)?, file).map(drop)
}

fn read(file: &Path) -> Result<Vec<u8>, TlsError> {
    let failed = |error: std::io::Error| {
        let mend = match error.kind() {
            std::io::ErrorKind::NotFound => "name a file that is there",
            std::io::ErrorKind::PermissionDenied => "let the user this server runs as read it",
            _ => "name a file that can be read",
        };
        wrong(file, format!("cannot be read: {error}"), mend)
    };
    let size = fs::metadata(file).map_err(failed)?.len();
    if size > FILE_BYTES {
        let what = format!("has {size} bytes, more than any such file");
        return Err(wrong(file, what, "name a PEM file"));
    }
    fs::read(file).map_err(failed)
}

pub(super) fn wrong(file: &Path, what: impl Into<String>, mend: &'static str) -> TlsError {
    TlsError {
        file: PathBuf::from(file),
        what: what.into(),
        mend,
    }
}

/// Makes configurations that have everything but their certificates in common.
#[derive(Clone)]
pub(super) struct Maker {
    provider: Arc<CryptoProvider>,
    /// Lets clients come back with a shorter handshake, also after the certificate was renewed.
    ticketer: Option<Arc<dyn ProducesTickets>>,
}

impl Maker {
    pub fn new() -> Maker {
        Maker {
            provider: Arc::new(aws_lc_rs::default_provider()),
            // Without randomness there would be no handshake either; without tickets they are longer.
            ticketer: aws_lc_rs::Ticketer::new().ok(),
        }
    }

    /// Everything in the files.
    pub fn config_of(
        &self,
        contents: &Contents,
        files: &Files,
    ) -> Result<Arc<ServerConfig>, TlsError> {
        let certified = self.certified(
            &contents.certificate,
            &files.certificate,
            &contents.key,
            &files.key,
        )?;
        let authorities = match (&contents.client_ca, &files.client_ca) {
            (Some(bytes), Some(file)) => Some((bytes.as_slice(), file.as_path())),
            _ => None,
        };
        self.config(certified, authorities, &PROTOCOLS)
            .map(Arc::new)
    }

    /// A certificate and the key that belongs to it.
    pub fn certified(
        &self,
        chain: &[u8],
        chain_file: &Path,
        key_bytes: &[u8],
        key_file: &Path,
    ) -> Result<CertifiedKey, TlsError> {
        let chain = certificates(chain, chain_file)?;
        let key = key(key_bytes, key_file)?;
        let expiry = chain.first().and_then(|first| expiry(first));
        let certified = CertifiedKey::from_der(chain, key, &self.provider)
            .map_err(|error| unusable(&error, chain_file, key_file))?;
        if let Some(expiry) = expiry.filter(|expiry| *expiry <= SystemTime::now()) {
            tracing::warn!(
                file = %chain_file.display(),
                since = httpdate::fmt_http_date(expiry),
                "the certificate has expired: clients will refuse it"
            );
        }
        Ok(certified)
    }

    /// A certificate that was made here for one purpose. It may hold what rustls does not know, and
    /// would refuse.
    pub fn shown(
        &self,
        certificate: CertificateDer<'static>,
        key: PrivateKeyDer<'static>,
    ) -> Result<CertifiedKey, TlsError> {
        let here = Path::new("a proof");
        let key = self.provider.key_provider.load_private_key(key);
        let key = key.map_err(|error| unusable(&error, here, here))?;
        Ok(CertifiedKey::new(vec![certificate], key))
    }

    /// What is shown and spoken, and whose certificates are taken, if callers are asked for one.
    pub fn config(
        &self,
        certified: CertifiedKey,
        authorities: Option<(&[u8], &Path)>,
        protocols: &[&[u8]],
    ) -> Result<ServerConfig, TlsError> {
        let builder = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()
            .expect("the provider has suites of both versions");
        let builder = match authorities {
            Some((bytes, file)) => {
                let roots = Arc::new(roots(bytes, file)?);
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(&self.provider))
                        .allow_unauthenticated()
                        .build()
                        .map_err(|error| {
                            wrong(file, format!("cannot be used: {error}"), CA_MEND)
                        })?;
                builder.with_client_cert_verifier(verifier)
            }
            None => builder.with_no_client_auth(),
        };
        let mut config = builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
        config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        if authorities.is_some() {
            // Whoever comes back with a ticket shows no certificate again, so one that has expired,
            // or whose authority was taken out of the file, would go on being good.
            config.session_storage = Arc::new(NoServerSessionStorage {});
            config.send_tls13_tickets = 0;
        } else if let Some(ticketer) = &self.ticketer {
            config.ticketer = Arc::clone(ticketer);
        }
        Ok(config)
    }
}

const CHAIN_MEND: &str =
    "it is PEM: the server's certificate first, then those that lead to a root";
const KEY_MEND: &str = "it is PEM: `-----BEGIN PRIVATE KEY-----` and so on";
const CA_MEND: &str = "it is PEM: the certificates of those who sign callers' certificates";

fn certificates(bytes: &[u8], file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(bytes).collect();
    let chain = read.map_err(|error| wrong(file, format!("is not PEM: {error}"), CHAIN_MEND))?;
    if chain.is_empty() {
        let mend = match has_key(bytes) {
            true => "it holds a private key: have the two files been exchanged?",
            false => CHAIN_MEND,
        };
        return Err(wrong(file, "holds no certificate", mend));
    }
    Ok(chain)
}

fn key(bytes: &[u8], file: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_slice(bytes).map_err(|error| {
        let contains = |text: &str| memchr::memmem::find(bytes, text.as_bytes()).is_some();
        if contains("ENCRYPTED") {
            let mend = "decrypt it: `openssl pkey -in FILE -out NEW`";
            return wrong(file, "holds a key that is encrypted", mend);
        }
        if contains("BEGIN CERTIFICATE") && !has_key(bytes) {
            let mend = "it holds a certificate: have the two files been exchanged?";
            return wrong(file, "holds no private key", mend);
        }
        wrong(file, format!("holds no private key: {error}"), KEY_MEND)
    })
}

fn has_key(bytes: &[u8]) -> bool {
    memchr::memmem::find(bytes, b"PRIVATE KEY-----").is_some()
}

fn roots(bytes: &[u8], file: &Path) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(bytes) {
        let failed = |error: String| wrong(file, error, CA_MEND);
        let certificate = certificate.map_err(|error| failed(format!("is not PEM: {error}")))?;
        roots
            .add(certificate)
            .map_err(|error| failed(format!("holds a certificate that cannot be used: {error}")))?;
    }
    if roots.is_empty() {
        return Err(wrong(file, "holds no certificate", CA_MEND));
    }
    Ok(roots)
}

fn unusable(error: &Error, chain: &Path, key: &Path) -> TlsError {
    match error {
        Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => wrong(
            key,
            format!(
                "is not the key of the first certificate in `{}`",
                chain.display()
            ),
            "name the key the certificate was made for; the server's own certificate comes first \
             in its file",
        ),
        Error::InvalidCertificate(_) => wrong(
            chain,
            format!("holds a certificate that cannot be used: {error}"),
            CHAIN_MEND,
        ),
        _ => wrong(key, format!("cannot be used: {error}"), KEY_MEND),
    }
}

/// When a certificate ends; nothing if that cannot be read.
fn expiry(der: &CertificateDer<'_>) -> Option<SystemTime> {
    let read = X509::from_der(der).ok()?;
    Some(read.tbs_certificate.validity.not_after.to_system_time())
}
