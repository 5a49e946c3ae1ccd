//! A certificate that is asked for, and asked for again before it ends (RFC 8555), proven by a handshake
//! on the port it is for (RFC 8737), so that no second port has to be open.
//!
//! ```text
//!   due? ─► account ─► order ─► a proof per name ─► request signed by a new key ─► file
//!    ▲                            │ shown to whoever asks by `acme-tls/1`              │
//!    └──────────── two thirds of its life later, or after a growing pause ────────────┘
//! ```
//!
//! The certificate and its key are one file, replaced in one step; [`Tls`](super::Tls) takes it up like
//! any other. Knows nothing of who else might ask for the same name.

use std::collections::HashMap;
use std::fmt;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};
use std::{fs, io};

use instant_acme::{
    Account, AccountCredentials, AuthorizationStatus, ChallengeType, Identifier, NewAccount,
    NewOrder, Order, OrderStatus, RetryPolicy,
};
use rcgen::{CertificateParams, CustomExtension, DistinguishedName, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use sha2::{Digest, Sha256};
use tokio::time::{sleep, timeout};
use x509_cert::Certificate as X509;
use x509_cert::der::Decode;

use super::TlsError;
use super::certificate::Certificate;
use super::files::{Maker, wrong};

/// What the client of a proof asks for instead of HTTP.
pub(super) const PROTOCOL: &[u8] = b"acme-tls/1";

/// Key and certificate.
const FILE: &str = "certificate.pem";

/// For a whole order. Authorities look at several places, and let one wait for them.
const ORDER_TIME: Duration = Duration::from_secs(10 * 60);

/// For one step of it that is waited for.
const STEP_TIME: Duration = Duration::from_secs(3 * 60);

/// After a failure; doubled each time. Let's Encrypt takes five failures an hour.
const PAUSE: Duration = Duration::from_secs(2 * 60);
const PAUSE_MOST: Duration = Duration::from_secs(6 * 3600);

/// How often the clock is looked at while nothing is due: it may be set.
const LOOK: Duration = Duration::from_secs(3600);

/// Whom to ask for a certificate, and for what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acme {
    /// Names in lower case, without wildcards; at least one.
    pub domains: Vec<String>,
    /// Where the authority may write to.
    pub email: Option<String>,
    /// Where the authority describes itself, such as [`LETS_ENCRYPT`].
    pub directory: String,
    /// PEM: who has signed the authority's own certificate, if nobody this system trusts.
    pub directory_ca: Option<PathBuf>,
    /// Where account, key and certificate are kept, for the owner's eyes.
    pub folder: PathBuf,
}

pub const LETS_ENCRYPT: &str = "https://acme-v02.api.letsencrypt.org/directory";

/// What is shown to whoever wants to see that a name leads here, by name.
#[derive(Default)]
pub(super) struct Proofs(Mutex<HashMap<String, Arc<ServerConfig>>>);

impl Proofs {
    pub fn of(&self, name: &str) -> Option<Arc<ServerConfig>> {
        let proofs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        proofs.get(&name.to_ascii_lowercase()).cloned()
    }

    fn show(&self, name: String, config: Arc<ServerConfig>) {
        let mut proofs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        proofs.insert(name, config);
    }

    fn clear(&self) {
        let mut proofs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        proofs.clear();
    }
}

impl Acme {
    /// The file in which certificate and key are.
    pub(super) fn file(&self) -> PathBuf {
        self.folder.join(FILE)
    }

    /// Makes the folder, for the owner alone.
    pub(super) fn prepare(&self) -> Result<(), TlsError> {
        let made = fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.folder);
        made.map_err(|error| {
            let mend = "the server keeps its certificate there: let it write";
            wrong(&self.folder, format!("cannot be made: {error}"), mend)
        })
    }

    /// Sees to it that there is a certificate, for as long as this is polled.
    pub(super) async fn keep(&self, maker: &Maker, proofs: &Proofs) {
        let mut failures = 0;
        loop {
            let wait = self.due_in();
            if !wait.is_zero() {
                sleep(wait.min(LOOK)).await;
                continue;
            }
            let ordered = timeout(ORDER_TIME, self.order(maker, proofs)).await;
            proofs.clear();
            let domains = self.domains.join(", ");
            match ordered.unwrap_or_else(|_| Err(Failed::new("it took too long"))) {
                // What is due again at once would be asked for without end.
                Ok(()) if self.due_in().is_zero() => {
                    tracing::error!(domains, "the authority's certificate is due already");
                }
                Ok(()) => {
                    tracing::info!(domains, "certificate received");
                    failures = 0;
                    continue;
                }
                Err(error) => tracing::error!(domains, %error, "no certificate received"),
            }
            sleep(pause(failures)).await;
            failures += 1;
        }
    }

    /// How long the certificate that is there is left alone.
    fn due_in(&self) -> Duration {
        let due = fs::read(self.file())
            .ok()
            .and_then(|pem| due_at(&pem, &self.domains));
        due.and_then(|due| due.duration_since(SystemTime::now()).ok())
            .unwrap_or_default()
    }

    async fn order(&self, maker: &Maker, proofs: &Proofs) -> Result<(), Failed> {
        let account = self.account().await?;
        let names: Vec<Identifier> = self.domains.iter().cloned().map(Identifier::Dns).collect();
        let mut order = account.new_order(&NewOrder::new(&names)).await?;
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let mut authorization = authorization?;
            if authorization.status == AuthorizationStatus::Valid {
                continue;
            }
            let mut challenge = authorization
                .challenge(ChallengeType::TlsAlpn01)
                .ok_or_else(|| Failed::new("the authority asks for another proof than ours"))?;
            let name = challenge.identifier().to_string();
            let digest = challenge.key_authorization().digest();
            let config = proof(maker, &name, digest.as_ref())?;
            proofs.show(name, config);
            challenge.set_ready().await?;
        }
        let patience = RetryPolicy::new().timeout(STEP_TIME);
        if order.poll_ready(&patience).await? != OrderStatus::Ready {
            return Err(refusal(&mut order).await);
        }
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(self.domains.clone())?;
        params.distinguished_name = DistinguishedName::new();
        let request = params.serialize_request(&key)?;
        order.finalize_csr(request.der()).await?;
        let chain = order.poll_certificate(&patience).await?;
        let pem = format!("{}{chain}", key.serialize_pem());
        maker
            .certified(pem.as_bytes(), &self.file(), pem.as_bytes(), &self.file())
            .map_err(|error| Failed(error.what))?;
        Ok(keep_private(&self.file(), pem.as_bytes())?)
    }

    /// Our account there; made at the first time, which agrees to the authority's terms.
    async fn account(&self) -> Result<Account, Failed> {
        // The client takes what the process has, and would panic if that were not clear. When another
        // has been chosen already, so be it.
        let _ = aws_lc_rs::default_provider().install_default();
        let builder = match &self.directory_ca {
            Some(root) => Account::builder_with_root(root)?,
            None => Account::builder()?,
        };
        // Each authority has its own.
        let print = Sha256::digest(self.directory.as_bytes());
        let print: String = print
            .iter()
            .take(8)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let file = self.folder.join(format!("account-{print}.json"));
        match fs::read(&file) {
            Ok(kept) => {
                let credentials: AccountCredentials = serde_json::from_slice(&kept)?;
                return Ok(builder.from_credentials(credentials).await?);
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
        let contact = self.email.as_ref().map(|email| format!("mailto:{email}"));
        let contact: Vec<&str> = contact.iter().map(String::as_str).collect();
        let wish = NewAccount {
            contact: &contact,
            terms_of_service_agreed: true,
            only_return_existing: false,
        };
        let (account, credentials) = builder.create(&wish, self.directory.clone(), None).await?;
        keep_private(&file, &serde_json::to_vec(&credentials)?)?;
        Ok(account)
    }
}

/// What proves that a name leads here (RFC 8737 §3): a certificate of our own for it that holds the digest.
fn proof(maker: &Maker, name: &str, digest: &[u8]) -> Result<Arc<ServerConfig>, Failed> {
    if digest.len() != 32 {
        return Err(Failed::new("the proof is no SHA-256"));
    }
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new([name.to_owned()])?;
    params.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
    let certificate = params.self_signed(&key)?.der().clone();
    let key = PrivatePkcs8KeyDer::from(key.serialize_der());
    let shown = maker.shown(certificate, key.into());
    let config = shown.and_then(|shown| maker.config(shown, None, &[PROTOCOL]));
    Ok(Arc::new(config.map_err(|error| Failed(error.what))?))
}

/// What the authority says of the names it could not be shown.
async fn refusal(order: &mut Order) -> Failed {
    let mut told = Vec::new();
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let Ok(mut authorization) = authorization else {
            continue;
        };
        let Ok(state) = authorization.refresh().await else {
            continue;
        };
        let errors = state.challenges.iter().filter_map(|one| one.error.as_ref());
        told.extend(errors.map(|error| format!("{}: {error}", state.identifier())));
    }
    Failed(match told.as_slice() {
        [] => "the authority was not shown that the names lead here".to_owned(),
        told => told.join("; "),
    })
}

/// When this certificate is to be replaced: two thirds into its life. Nothing if it is not for these
/// names, or none at all.
fn due_at(pem: &[u8], domains: &[String]) -> Option<SystemTime> {
    let der = CertificateDer::pem_slice_iter(pem).next()?.ok()?;
    let names = Certificate::read(&der)?.names;
    if !domains.iter().all(|domain| names.contains(domain)) {
        return None;
    }
    let validity = X509::from_der(&der).ok()?.tbs_certificate.validity;
    let (from, to) = (
        validity.not_before.to_system_time(),
        validity.not_after.to_system_time(),
    );
    let life = to.duration_since(from).ok()?;
    from.checked_add(life / 3 * 2)
}

/// Before the next try, after so many failures.
fn pause(failures: u32) -> Duration {
    let doubled = 1_u32.checked_shl(failures).unwrap_or(u32::MAX);
    PAUSE.saturating_mul(doubled).min(PAUSE_MOST)
}

/// Replaces a file in one step; only its owner may read it.
fn keep_private(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = file.with_extension("new");
    // What is left of an earlier try may have other rights.
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut new = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&beside)?;
    new.write_all(bytes)?;
    new.sync_all()?;
    fs::rename(&beside, file)
}

/// Why there is no certificate yet.
#[derive(Debug)]
struct Failed(String);

impl Failed {
    fn new(text: &str) -> Failed {
        Failed(text.to_owned())
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

macro_rules! failed_from {
    ($($error:ty),*) => {
        $(impl From<$error> for Failed {
            fn from(error: $error) -> Failed {
                Failed(told(&error))
            }
        })*
    };
}
failed_from!(
    instant_acme::Error,
    rcgen::Error,
    io::Error,
    serde_json::Error
);

/// An error with its causes: those of HTTP clients say nothing themselves.
fn told(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_end_growing() {
        let minutes = [0, 1, 2, 3, 7, 8, 31, 32, u32::MAX].map(|n| pause(n).as_secs() / 60);
        assert_eq!(minutes, [2, 4, 8, 16, 256, 360, 360, 360, 360]);
        // What Let's Encrypt takes.
        let mut at = Duration::ZERO;
        let tries = (0..)
            .take_while(|n| {
                at += pause(*n);
                at <= Duration::from_secs(3600)
            })
            .count();
        assert_eq!(1 + tries, 5);
    }

    #[test]
    fn a_certificate_is_due_two_thirds_into_its_life() {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(["api.example".to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(2026, 1, 1);
        params.not_after = rcgen::date_time_ymd(2026, 4, 1);
        let pem = key.serialize_pem() + &params.self_signed(&key).unwrap().pem();
        let domains = |names: &[&str]| {
            names
                .iter()
                .map(|name| (*name).to_owned())
                .collect::<Vec<_>>()
        };
        let due = due_at(pem.as_bytes(), &domains(&["api.example"])).unwrap();
        let expected = SystemTime::from(rcgen::date_time_ymd(2026, 3, 2));
        assert_eq!(due, expected);
        assert_eq!(
            due_at(pem.as_bytes(), &domains(&["api.example", "b.example"])),
            None
        );
        assert_eq!(due_at(b"", &domains(&["api.example"])), None);
    }
}
