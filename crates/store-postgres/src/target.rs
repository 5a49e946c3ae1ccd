//! Where the database is: a `postgres://` URL, read, and shown without its password.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

/// Connections that one process may be told to open.
const POOL_MAX: usize = 1000;

/// A database on a server, and how to speak to it.
#[derive(Clone, PartialEq, Eq)]
pub struct Target {
    pub(crate) config: Config,
    pub(crate) verify: bool,
    pub(crate) root_certificates: Option<PathBuf>,
    /// A pooler shares server connections between transactions.
    pub(crate) shared_connections: bool,
    /// `pool=`: connections at most.
    pub(crate) pool: Option<usize>,
    shown: String,
}

/// What is wrong with a URL. Never says what is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetError(String);

impl fmt::Display for TargetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for TargetError {}

/// Without the password.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Target({})", self.shown)
    }
}

impl FromStr for Target {
    type Err = TargetError;

    /// `postgres://user:password@host:port/database?…` as libpq reads it, with
    /// `sslmode=disable|prefer|require|verify-full` (`prefer` if nothing is said; the name is
    /// only checked by `verify-full`), `sslrootcert=FILE`, `pool=N`, `pgbouncer=true`.
    fn from_str(url: &str) -> Result<Target, TargetError> {
        let wrong = |what: &str| TargetError(what.to_owned());
        let rest = url
            .strip_prefix("postgres://")
            .or_else(|| url.strip_prefix("postgresql://"))
            .ok_or_else(|| wrong("a database is given as postgres://USER@HOST/DATABASE"))?;
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let mut kept = Vec::new();
        let (mut ssl, mut verify) = (SslMode::Prefer, false);
        let mut root_certificates = None;
        let mut pool = None;
        let mut shared_connections = false;
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            match name {
                "sslmode" => {
                    (ssl, verify) = match value {
                        "disable" => (SslMode::Disable, false),
                        "prefer" => (SslMode::Prefer, false),
                        "require" => (SslMode::Require, false),
                        "verify-full" => (SslMode::Require, true),
                        _ => {
                            return Err(wrong(
                                "`sslmode` is one of disable, prefer, require, verify-full",
                            ));
                        }
                    };
                }
                "sslrootcert" => root_certificates = Some(PathBuf::from(decoded(value)?)),
                "pool" => {
                    let number = value.parse().ok();
                    let number = number.filter(|n| (1..=POOL_MAX).contains(n));
                    pool = Some(number.ok_or_else(|| {
                        TargetError(format!("`pool` is a number from 1 to {POOL_MAX}"))
                    })?);
                }
                "pgbouncer" => {
                    shared_connections = match value {
                        "true" => true,
                        "false" => false,
                        _ => return Err(wrong("`pgbouncer` is true or false")),
                    };
                }
                _ => kept.push(pair),
            }
        }
        if root_certificates.is_some() && !verify {
            return Err(wrong("`sslrootcert` needs `sslmode=verify-full`"));
        }
        let mut plain = format!("postgres://{place}");
        if !kept.is_empty() {
            plain = format!("{plain}?{}", kept.join("&"));
        }
        // What the parser says may quote what it read.
        let mut config: Config = plain.parse().map_err(|_| {
            wrong("the URL of the database cannot be read: postgres://USER:PASSWORD@HOST:PORT/DATABASE, with % escapes in the password")
        })?;
        if config.get_hosts().is_empty() {
            return Err(wrong("the URL of the database names no host"));
        }
        config.ssl_mode(ssl);
        if config.get_application_name().is_none() {
            config.application_name("frontdesk");
        }
        if config.get_tcp_user_timeout().is_none() {
            // A server that has vanished does not say so.
            config.tcp_user_timeout(Duration::from_secs(30));
        }
        config.keepalives_idle(Duration::from_secs(30));
        let shown = show(&config);
        Ok(Target {
            config,
            verify,
            root_certificates,
            shared_connections,
            pool,
            shown,
        })
    }
}

impl Target {
    /// The name of the database, where the URL has one.
    pub fn database(&self) -> Option<&str> {
        self.config.get_dbname()
    }

    /// The same place for programs that are made with PostgreSQL's own library: the variables that
    /// it reads. The password is among them.
    pub fn libpq(&self) -> Vec<(&'static str, OsString)> {
        let config = &self.config;
        let joined = |parts: Vec<String>| OsString::from(parts.join(","));
        let host = |host: &Host| match host {
            Host::Tcp(name) => name.clone(),
            #[cfg(unix)]
            Host::Unix(path) => path.display().to_string(),
        };
        let hosts = config.get_hosts().iter().map(host).collect();
        let ports = config.get_ports().iter().map(u16::to_string).collect();
        let ssl = match config.get_ssl_mode() {
            SslMode::Disable => "disable",
            SslMode::Require if self.verify => "verify-full",
            SslMode::Require => "require",
            _ => "prefer",
        };
        let mut variables = vec![
            ("PGHOST", joined(hosts)),
            ("PGPORT", joined(ports)),
            ("PGSSLMODE", ssl.into()),
        ];
        variables.extend(config.get_user().map(|user| ("PGUSER", user.into())));
        variables.extend(config.get_dbname().map(|name| ("PGDATABASE", name.into())));
        variables.extend(
            config
                .get_options()
                .map(|options| ("PGOPTIONS", options.into())),
        );
        let roots = self.root_certificates.as_ref();
        variables.extend(roots.map(|file| ("PGSSLROOTCERT", file.into())));
        if let Some(password) = config.get_password() {
            let password = String::from_utf8_lossy(password).into_owned();
            variables.push(("PGPASSWORD", password.into()));
        }
        variables
    }
}

fn show(config: &Config) -> String {
    let mut shown = "postgres://".to_owned();
    if let Some(user) = config.get_user() {
        shown.push_str(user);
        shown.push('@');
    }
    for (at, host) in config.get_hosts().iter().enumerate() {
        if at > 0 {
            shown.push(',');
        }
        match host {
            Host::Tcp(name) if name.contains(':') => shown.push_str(&format!("[{name}]")),
            Host::Tcp(name) => shown.push_str(name),
            #[cfg(unix)]
            Host::Unix(path) => shown.push_str(&path.display().to_string()),
        }
        let port = config.get_ports().get(at).or(config.get_ports().first());
        if let Some(port) = port.filter(|port| **port != 5432) {
            shown.push_str(&format!(":{port}"));
        }
    }
    if let Some(database) = config.get_dbname() {
        shown.push('/');
        shown.push_str(database);
    }
    shown
}

fn decoded(text: &str) -> Result<String, TargetError> {
    let wrong = || TargetError("`sslrootcert` has a % that is no escape".to_owned());
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let digits = rest.get(..2).ok_or_else(wrong)?;
        let digits = std::str::from_utf8(digits).map_err(|_| wrong())?;
        bytes.push(u8::from_str_radix(digits, 16).map_err(|_| wrong())?);
        rest = &rest[2..];
    }
    String::from_utf8(bytes).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_shown_without_its_password() {
        for (url, shown) in [
            (
                "postgres://ann:s3cret@db.example/shop",
                "postgres://ann@db.example/shop",
            ),
            (
                "postgresql://ann:s3cret@db:6432/shop?sslmode=verify-full",
                "postgres://ann@db:6432/shop",
            ),
            (
                "postgres://ann@a,b:6432/shop?password=s3cret",
                "postgres://ann@a,b:6432/shop",
            ),
            (
                "postgres://%2Ftmp%2Fsocket/shop?pool=3&pgbouncer=true",
                "postgres:///tmp/socket/shop",
            ),
        ] {
            let target: Target = url.parse().unwrap();
            assert_eq!(target.to_string(), shown, "{url}");
            assert!(!format!("{target:?}").contains("s3cret"), "{url}");
        }
    }

    #[test]
    fn mistakes_are_told_without_what_was_written() {
        for (url, told) in [
            ("mysql://s3cret", "given as postgres://"),
            ("postgres:///shop", "names no host"),
            (
                "postgres://a:s3cret@h/d?sslmode=maybe",
                "`sslmode` is one of",
            ),
            ("postgres://a:s3cret@h/d?pool=0", "`pool` is a number"),
            ("postgres://a:s3cret@h/d?pgbouncer=yes", "true or false"),
            ("postgres://a:s3cret@h:port/d", "cannot be read"),
            ("postgres://a:s3cret@h/d?s3cret=1", "cannot be read"),
            (
                "postgres://a:s3cret@h/d?sslrootcert=x",
                "needs `sslmode=verify-full`",
            ),
            (
                "postgres://h/d?sslmode=verify-full&sslrootcert=%zz",
                "no escape",
            ),
        ] {
            let error = url.parse::<Target>().unwrap_err().to_string();
            assert!(error.contains(told), "{url}: {error}");
            assert!(!error.contains("s3cret"), "{url}: {error}");
        }
    }
}
