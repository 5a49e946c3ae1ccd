//! The mail server that letters are handed to, as a URL names it.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

use lettre::transport::smtp::PoolConfig;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, Tokio1Executor};
use percent_encoding::percent_decode_str;
use zeroize::Zeroizing;

/// How long the server may take for one step.
const STEP_TIME: Duration = Duration::from_secs(20);
/// Connections at once; also how many letters are on their way at once.
pub(crate) const CONNECTIONS_MAX: u32 = 4;

pub(crate) type Transport = AsyncSmtpTransport<Tokio1Executor>;

/// `smtp://USER:PASSWORD@HOST:587`, which has to offer STARTTLS unless it is on this machine, or
/// `smtps://…:465`, which speaks TLS from the beginning (RFC 8314). Shows no password.
#[derive(Clone, PartialEq, Eq)]
pub struct Smtp {
    is_tls: bool,
    host: String,
    port: u16,
    user: Option<String>,
    password: Option<Zeroizing<String>>,
}

/// Why there is no such mail server. Repeats nothing of the URL but its host.
#[derive(Debug)]
pub enum SmtpError {
    Scheme,
    Host,
    Port,
    /// A user without a password, or the other way round.
    Account,
    /// The system's certificates cannot be used.
    Tls(String),
}

impl fmt::Display for SmtpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SmtpError::Scheme => f.write_str(
                "a mail server is smtp://USER@HOST:587, or smtps://… where it speaks TLS at once",
            ),
            SmtpError::Host => f.write_str("the mail server's URL has no host"),
            SmtpError::Port => f.write_str("the mail server's port is a number up to 65535"),
            SmtpError::Account => {
                f.write_str("a mail server wants a user and a password, or neither")
            }
            SmtpError::Tls(why) => write!(f, "no TLS with the mail server: {why}"),
        }
    }
}

impl std::error::Error for SmtpError {}

impl FromStr for Smtp {
    type Err = SmtpError;

    fn from_str(text: &str) -> Result<Smtp, SmtpError> {
        let (scheme, rest) = text.split_once("://").ok_or(SmtpError::Scheme)?;
        let (is_tls, port) = match scheme {
            "smtp" => (false, 587),
            "smtps" => (true, 465),
            _ => return Err(SmtpError::Scheme),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (account, place) = match rest.rsplit_once('@') {
            Some((account, place)) => (Some(account), place),
            None => (None, rest),
        };
        let (host, port_text) = match place.strip_prefix('[') {
            Some(place) => {
                let (host, after) = place.split_once(']').ok_or(SmtpError::Host)?;
                (host, after.strip_prefix(':'))
            }
            None => match place.rsplit_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (place, None),
            },
        };
        let is_host = |c: char| c.is_ascii_alphanumeric() || ".-:".contains(c);
        if host.is_empty() || !host.chars().all(is_host) {
            return Err(SmtpError::Host);
        }
        let port = match port_text {
            Some(text) => text.parse().map_err(|_| SmtpError::Port)?,
            None => port,
        };
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let (user, password) = match account.map(|account| account.split_once(':')) {
            None => (None, None),
            Some(Some((user, password))) => {
                (Some(decoded(user)), Some(Zeroizing::new(decoded(password))))
            }
            Some(None) => (account.map(decoded), None),
        };
        Ok(Smtp {
            is_tls,
            host: host.to_owned(),
            port,
            user,
            password,
        })
    }
}

/// Without the password.
impl fmt::Display for Smtp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_tls { "smtps://" } else { "smtp://" })?;
        if let Some(user) = &self.user {
            write!(f, "{user}@")?;
        }
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

impl fmt::Debug for Smtp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Smtp({self})")
    }
}

impl Smtp {
    /// The same with a password that came another way.
    pub fn with_password(self, password: Zeroizing<String>) -> Smtp {
        Smtp {
            password: Some(password),
            ..self
        }
    }

    /// Nobody else can listen there.
    fn is_on_this_machine(&self) -> bool {
        let address: Result<IpAddr, _> = self.host.parse();
        address.map_or(self.host == "localhost", |address| address.is_loopback())
    }

    /// `domain` is what this side calls itself.
    pub(crate) fn transport(&self, domain: &str) -> Result<Transport, SmtpError> {
        let tls = match (self.is_tls, self.is_on_this_machine()) {
            (false, true) => Tls::None,
            (is_tls, _) => {
                let parameters = TlsParameters::new_rustls(self.host.clone());
                let parameters = parameters.map_err(|error| SmtpError::Tls(error.to_string()))?;
                match is_tls {
                    true => Tls::Wrapper(parameters),
                    false => Tls::Required(parameters),
                }
            }
        };
        let mut builder = Transport::builder_dangerous(&self.host)
            .port(self.port)
            .tls(tls)
            .timeout(Some(STEP_TIME))
            .hello_name(ClientId::Domain(domain.to_owned()))
            .pool_config(PoolConfig::new().max_size(CONNECTIONS_MAX));
        match (&self.user, &self.password) {
            (None, None) => {}
            (Some(user), Some(password)) => {
                builder = builder.credentials(Credentials::new(user.clone(), password.to_string()));
            }
            _ => return Err(SmtpError::Account),
        }
        Ok(builder.build())
    }
}
