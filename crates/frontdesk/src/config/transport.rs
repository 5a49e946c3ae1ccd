//! Settings about how callers come here: where from outside, and with which certificate.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use clap::Args;
use frontdesk::web::origin::{Origin, OriginError};
use frontdesk::web::tls::acme::{Acme, LETS_ENCRYPT};
use frontdesk::web::tls::{Files, Tls, TlsError};

use super::{Environment, File, Setting, pick};

/// In the data folder.
const ACME_FOLDER: &str = "acme";

/// Flags of the commands that serve.
#[derive(Args, Clone, Debug, Default)]
pub struct TransportFlags {
    /// Where the API is reached from outside, such as https://api.example [default: where it
    /// listens] [env: FRONTDESK_ORIGIN]
    #[arg(long, value_name = "URL")]
    pub origin: Option<String>,

    /// Serve HTTPS with this certificate: PEM, those that lead to a root behind it [env:
    /// FRONTDESK_TLS_CERT]
    #[arg(long, value_name = "FILE")]
    pub tls_cert: Option<PathBuf>,

    /// The certificate's private key: PEM [env: FRONTDESK_TLS_KEY]
    #[arg(long, value_name = "FILE")]
    pub tls_key: Option<PathBuf>,

    /// Ask callers for a certificate, and take those that one of these has signed: PEM [env:
    /// FRONTDESK_TLS_CLIENT_CA]
    #[arg(long, value_name = "FILE")]
    pub tls_client_ca: Option<PathBuf>,

    /// Serve HTTPS with a certificate for these names, commas between them, asked for at Let's
    /// Encrypt, whose terms you agree to, and renewed [env: FRONTDESK_ACME]
    #[arg(long, value_name = "DOMAINS")]
    pub acme: Option<String>,

    /// Where that authority may write to [env: FRONTDESK_ACME_EMAIL]
    #[arg(long, value_name = "ADDRESS")]
    pub acme_email: Option<String>,

    /// Ask another authority (RFC 8555) [env: FRONTDESK_ACME_DIRECTORY]
    #[arg(long, value_name = "URL")]
    pub acme_directory: Option<String>,

    /// Who has signed that authority's own certificate, if nobody this system trusts: PEM [env:
    /// FRONTDESK_ACME_CA]
    #[arg(long, value_name = "FILE")]
    pub acme_ca: Option<PathBuf>,
}

/// How callers come here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transport {
    pub origin: Setting<Option<Origin>>,
    pub certificate: Setting<Option<PathBuf>>,
    pub key: Setting<Option<PathBuf>>,
    pub client_ca: Setting<Option<PathBuf>>,
    /// Names to ask for a certificate for; none: nobody is asked.
    pub acme: Setting<Vec<String>>,
    pub acme_email: Setting<Option<String>>,
    pub acme_directory: Setting<Option<String>>,
    pub acme_ca: Setting<Option<PathBuf>>,
}

impl Transport {
    pub(super) fn of(
        folder: &Path,
        flags: &TransportFlags,
        file: &File,
        environment: Environment<'_>,
    ) -> Result<Transport, String> {
        let text = |flag: &Option<String>, name, variable, written: &Option<String>| {
            pick(
                flag.clone().map(|text| (Some(text), name)),
                environment(variable).map(|text| (Some(text), variable)),
                written.clone().map(Some),
                || None,
            )
        };
        let origin = text(&flags.origin, "--origin", "FRONTDESK_ORIGIN", &file.origin);
        let parsed = origin.value.as_deref().map(str::parse).transpose();
        let named = |error: OriginError| format!("{error} ({})", origin.origin.name());
        let origin = Setting {
            value: parsed.map_err(named)?,
            origin: origin.origin,
        };
        let path = |flag: &Option<PathBuf>, name, variable, written: &Option<PathBuf>| {
            pick(
                flag.clone().map(|path| (Some(path), name)),
                environment(variable).map(|path| (Some(path.into()), variable)),
                // A path in a file means the same wherever the program is started.
                written.as_ref().map(|path| Some(folder.join(path))),
                || None,
            )
        };
        let list = |text: String| text.split(',').map(str::to_owned).collect();
        let acme = pick(
            flags.acme.clone().map(|names| (list(names), "--acme")),
            environment("FRONTDESK_ACME").map(|names| (list(names), "FRONTDESK_ACME")),
            file.acme.clone(),
            Vec::new,
        );
        let transport = Transport {
            origin,
            acme: Setting {
                value: domains(&acme)?,
                origin: acme.origin,
            },
            acme_email: text(
                &flags.acme_email,
                "--acme-email",
                "FRONTDESK_ACME_EMAIL",
                &file.acme_email,
            ),
            acme_directory: text(
                &flags.acme_directory,
                "--acme-directory",
                "FRONTDESK_ACME_DIRECTORY",
                &file.acme_directory,
            ),
            acme_ca: path(
                &flags.acme_ca,
                "--acme-ca",
                "FRONTDESK_ACME_CA",
                &file.acme_ca,
            ),
            certificate: path(
                &flags.tls_cert,
                "--tls-cert",
                "FRONTDESK_TLS_CERT",
                &file.tls_cert,
            ),
            key: path(
                &flags.tls_key,
                "--tls-key",
                "FRONTDESK_TLS_KEY",
                &file.tls_key,
            ),
            client_ca: path(
                &flags.tls_client_ca,
                "--tls-client-ca",
                "FRONTDESK_TLS_CLIENT_CA",
                &file.tls_client_ca,
            ),
        };
        let alone = |setting: &Setting<Option<PathBuf>>, other: &str| {
            let name = setting.origin.name();
            Err(format!(
                "a certificate and its key go together: name {other} too ({name})"
            ))
        };
        let asks = !transport.acme.value.is_empty();
        if let Some(url) = &transport.acme_directory.value
            && !url.starts_with("https://")
        {
            let name = transport.acme_directory.origin.name();
            return Err(format!(
                "an authority is asked by `https://`, not at `{url}` ({name})"
            ));
        }
        match (&transport.certificate.value, &transport.key.value) {
            (Some(_), _) | (_, Some(_)) if asks => Err(format!(
                "a certificate is named or asked for, not both: leave `--tls-cert` and `--tls-key` out, \
                 or `--acme` ({})",
                transport.acme.origin.name()
            )),
            (Some(_), None) => alone(&transport.certificate, "the key with `--tls-key`"),
            (None, Some(_)) => alone(&transport.key, "the certificate with `--tls-cert`"),
            (None, None) if transport.client_ca.value.is_some() && !asks => {
                let name = transport.client_ca.origin.name();
                Err(format!(
                    "callers can show a certificate only where HTTPS is served: name our own with \
                     `--tls-cert` and `--tls-key`, or ask for one with `--acme` ({name})"
                ))
            }
            _ => Ok(transport),
        }
    }

    /// What HTTPS is served with, if it is; what is asked for is kept in the data folder.
    pub fn tls(&self, data: &Path) -> Result<Option<Tls>, TlsError> {
        if let Some(files) = self.files() {
            return Tls::open(files).map(Some);
        }
        if self.acme.value.is_empty() {
            return Ok(None);
        }
        let acme = Acme {
            domains: self.acme.value.clone(),
            email: self.acme_email.value.clone(),
            directory: self
                .acme_directory
                .value
                .clone()
                .unwrap_or_else(|| LETS_ENCRYPT.to_owned()),
            directory_ca: self.acme_ca.value.clone(),
            folder: data.join(ACME_FOLDER),
        };
        Tls::ordered(acme, self.client_ca.value.clone()).map(Some)
    }

    /// Where the API is reached from outside, as far as that was said.
    pub fn origin(&self) -> Option<Origin> {
        let named = || {
            let url = format!("https://{}", self.acme.value.first()?);
            Some(url.parse().expect("domains have been looked at"))
        };
        self.origin.value.clone().or_else(named)
    }

    /// Where our own certificate and its key are.
    fn files(&self) -> Option<Files> {
        Some(Files {
            certificate: self.certificate.value.clone()?,
            key: self.key.value.clone()?,
            client_ca: self.client_ca.value.clone(),
        })
    }

    /// What is set, as it could stand in `frontdesk.toml`, with where it came from.
    pub(super) fn lines(&self) -> Vec<(String, super::Origin)> {
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        let origin = self.origin.value.as_ref().map(|origin| {
            let line = format!("origin = {}", quoted(origin.as_str()));
            (line, self.origin.origin)
        });
        let paths = [
            ("tls_cert", &self.certificate),
            ("tls_key", &self.key),
            ("tls_client_ca", &self.client_ca),
            ("acme_ca", &self.acme_ca),
        ];
        let paths = paths.into_iter().filter_map(|(name, setting)| {
            let path = setting.value.as_ref()?.to_string_lossy();
            Some((format!("{name} = {}", quoted(&path)), setting.origin))
        });
        let acme = (!self.acme.value.is_empty()).then(|| {
            let names: Vec<String> = self.acme.value.iter().map(|name| quoted(name)).collect();
            (format!("acme = [{}]", names.join(", ")), self.acme.origin)
        });
        let texts = [
            ("acme_email", &self.acme_email),
            ("acme_directory", &self.acme_directory),
        ];
        let texts = texts.into_iter().filter_map(|(name, setting)| {
            let text = setting.value.as_ref()?;
            Some((format!("{name} = {}", quoted(text)), setting.origin))
        });
        origin
            .into_iter()
            .chain(paths)
            .chain(acme)
            .chain(texts)
            .collect()
    }
}

/// The names, each one that an authority can look at: a host of DNS, no address and no wildcard.
fn domains(said: &Setting<Vec<String>>) -> Result<Vec<String>, String> {
    let read = |text: &String| {
        let name = text.trim().to_ascii_lowercase();
        let origin: Option<Origin> = format!("https://{name}").parse().ok();
        let is_host = origin.is_some_and(|origin| origin.host() == name);
        if is_host && name.parse::<IpAddr>().is_err() && !name.starts_with('[') {
            return Ok(name);
        }
        Err(format!(
            "a certificate is asked for by names such as `api.example`, without `*`, not for `{text}` ({})",
            said.origin.name()
        ))
    };
    said.value.iter().map(read).collect()
}
