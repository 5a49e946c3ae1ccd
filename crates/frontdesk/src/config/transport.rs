//! Settings about how callers come here: where from outside, and with which certificate.

use std::path::{Path, PathBuf};

use clap::Args;
use frontdesk::web;
use frontdesk::web::tls::Files;

use super::{Environment, File, Setting, pick};

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
}

/// How callers come here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transport {
    pub origin: Setting<Option<web::origin::Origin>>,
    pub certificate: Setting<Option<PathBuf>>,
    pub key: Setting<Option<PathBuf>>,
    pub client_ca: Setting<Option<PathBuf>>,
}

impl Transport {
    pub(super) fn of(
        folder: &Path,
        flags: &TransportFlags,
        file: &File,
        environment: Environment<'_>,
    ) -> Result<Transport, String> {
        let origin = pick(
            flags.origin.clone().map(|url| (Some(url), "--origin")),
            environment("FRONTDESK_ORIGIN").map(|url| (Some(url), "FRONTDESK_ORIGIN")),
            file.origin.clone().map(Some),
            || None,
        );
        let parsed = origin.value.as_deref().map(str::parse).transpose();
        let named = |error: web::origin::OriginError| format!("{error} ({})", origin.origin.name());
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
        let transport = Transport {
            origin,
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
        match (&transport.certificate.value, &transport.key.value) {
            (Some(_), None) => alone(&transport.certificate, "the key with `--tls-key`"),
            (None, Some(_)) => alone(&transport.key, "the certificate with `--tls-cert`"),
            (None, None) if transport.client_ca.value.is_some() => {
                let name = transport.client_ca.origin.name();
                Err(format!(
                    "callers can show a certificate only where HTTPS is served: name our own with \
                     `--tls-cert` and `--tls-key` ({name})"
                ))
            }
            _ => Ok(transport),
        }
    }

    /// What to serve HTTPS with, if so.
    pub fn files(&self) -> Option<Files> {
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
        ];
        let paths = paths.into_iter().filter_map(|(name, setting)| {
            let path = setting.value.as_ref()?.to_string_lossy();
            Some((format!("{name} = {}", quoted(&path)), setting.origin))
        });
        origin.into_iter().chain(paths).collect()
    }
}
