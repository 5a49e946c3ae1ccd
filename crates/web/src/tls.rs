//! HTTPS: the handshake, the certificate that is shown, and those that callers show.
//!
//! ```text
//!   connection ─► first byte ─► ClientHello ─► handshake ─► connection::serve
//!                  │ no TLS at all: told so in plain HTTP      (h2 or http/1.1)
//! ```
//!
//! TLS 1.2 and 1.3 by rustls on aws-lc-rs. Knows files and no settings: where they are named, and what
//! a caller's certificate is good for, is decided elsewhere. Begin at [`Tls::open`].

pub mod acme;
mod certificate;
mod files;
mod stream;

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use rustls::ServerConfig;
use rustls::server::{Acceptor, ClientHello};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::{MissedTickBehavior, interval};
use tokio_rustls::LazyConfigAcceptor;

pub use certificate::Certificate;
pub(crate) use stream::Stream;

use acme::{Acme, PROTOCOL, Proofs};
use files::{Contents, Maker, check_authorities};

/// For the whole handshake. 5 s: it is two round trips and a millisecond of work.
pub(crate) const HANDSHAKE_TIME: Duration = Duration::from_secs(5);

/// How often the files are looked at. They are a few KiB, and what renews them does so once in weeks.
const LOOK: Duration = Duration::from_secs(1);

/// Where a server's certificate is, and whose certificates callers may show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// PEM: the server's own certificate first, then those that lead to a root.
    pub certificate: PathBuf,
    /// PEM: its private key, not encrypted.
    pub key: PathBuf,
    /// PEM: whoever has signed callers' certificates. With it, callers are asked for one; they may
    /// show none.
    pub client_ca: Option<PathBuf>,
}

/// What makes connections secure. Clones share one certificate.
#[derive(Clone)]
pub struct Tls {
    inner: Arc<Inner>,
    strict: bool,
}

struct Inner {
    maker: Maker,
    files: Files,
    /// What was in them at first.
    opened: Result<Contents, TlsError>,
    /// Nothing before there is a first certificate.
    config: ArcSwapOption<ServerConfig>,
    /// Whoever writes the files, if that is us.
    acme: Option<Acme>,
    proofs: Proofs,
}

/// Why there can be no TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsError {
    pub file: PathBuf,
    /// What is wrong with it.
    pub what: String,
    /// How to mend it.
    pub mend: &'static str,
}

impl Tls {
    /// Reads the files. Blocks for as long as that takes.
    ///
    /// # Errors
    /// The file with which no server can be run, and what is wrong with it.
    pub fn open(files: Files) -> Result<Tls, TlsError> {
        let maker = Maker::new();
        let contents = Contents::read(&files)?;
        let config = maker.config_of(&contents, &files)?;
        Ok(Tls::new(maker, files, Ok(contents), Some(config), None))
    }

    /// With a certificate that is asked for, from [`Tls::keep_current`] on, and kept. There are no
    /// connections before there is one. `client_ca` as in [`Files`].
    ///
    /// # Errors
    /// When nothing can be kept in the folder, or the authorities cannot be used.
    pub fn ordered(acme: Acme, client_ca: Option<PathBuf>) -> Result<Tls, TlsError> {
        acme.prepare()?;
        if let Some(file) = &client_ca {
            check_authorities(file)?;
        }
        if let Some(file) = &acme.directory_ca {
            check_authorities(file)?;
        }
        let maker = Maker::new();
        let files = Files {
            certificate: acme.file(),
            key: acme.file(),
            client_ca,
        };
        let contents = Contents::read(&files);
        let kept = contents
            .as_ref()
            .ok()
            .and_then(|contents| maker.config_of(contents, &files).ok());
        Ok(Tls::new(maker, files, contents, kept, Some(acme)))
    }

    fn new(
        maker: Maker,
        files: Files,
        opened: Result<Contents, TlsError>,
        config: Option<Arc<ServerConfig>>,
        acme: Option<Acme>,
    ) -> Tls {
        Tls {
            inner: Arc::new(Inner {
                maker,
                files,
                opened,
                config: ArcSwapOption::new(config),
                acme,
                proofs: Proofs::default(),
            }),
            strict: false,
        }
    }

    /// Browsers that have been here once never come without TLS again, for a year: not to this port,
    /// and to no other of the same host (RFC 6797). For production.
    pub fn strict(self) -> Tls {
        Tls {
            strict: true,
            ..self
        }
    }

    /// Takes up what is changed in the files, and asks for a certificate where that is our part, for
    /// as long as it is polled. What cannot be used is told
    /// in the log once, and everything stays as it was.
    pub async fn keep_current(&self) {
        let inner = &self.inner;
        let ordering = async {
            if let Some(acme) = &inner.acme {
                acme.keep(&inner.maker, &inner.proofs).await;
            }
        };
        tokio::join!(ordering, self.follow());
    }

    async fn follow(&self) {
        let mut used = self.inner.opened.clone();
        // Certificate and key are two files: a change counts once nothing has moved for one look.
        let mut seen = None;
        let mut ticks = interval(LOOK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let found = self.look().await;
            if found == used {
                seen = None;
            } else if seen.as_ref() == Some(&found) {
                self.take_up(&found);
                used = found;
                seen = None;
            } else {
                seen = Some(found);
            }
        }
    }

    async fn look(&self) -> Result<Contents, TlsError> {
        let files = self.inner.files.clone();
        let read = tokio::task::spawn_blocking(move || Contents::read(&files)).await;
        read.unwrap_or_else(|_| {
            Err(TlsError {
                file: self.inner.files.certificate.clone(),
                what: "could not be looked at".to_owned(),
                mend: "",
            })
        })
    }

    fn take_up(&self, found: &Result<Contents, TlsError>) {
        let inner = &self.inner;
        let made = match found {
            Ok(contents) => inner.maker.config_of(contents, &inner.files),
            Err(error) => Err(error.clone()),
        };
        match made {
            Ok(config) => {
                inner.config.store(Some(config));
                tracing::info!(file = %inner.files.certificate.display(), "certificate renewed");
            }
            Err(error) => {
                tracing::error!(%error, "the certificate stays as it was");
            }
        }
    }

    /// Whether answers tell browsers never to come without TLS.
    pub(crate) fn is_strict(&self) -> bool {
        self.strict
    }

    /// Does the handshake. Who calls it bounds its time.
    pub(crate) async fn accept(&self, stream: TcpStream) -> Result<Accepted, Refused> {
        let mut first = [0];
        // What speaks TLS says nothing that a letter begins (RFC 8446 §5.1).
        if stream.peek(&mut first).await? == 1 && first[0].is_ascii_alphabetic() {
            return Err(Refused::Plain(stream));
        }
        let start = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
        if let Some(name) = to_be_proven(&start.client_hello()) {
            let config = self.inner.proofs.of(&name);
            let config = config.ok_or_else(|| failed("nothing is to be proven of this name"))?;
            // The handshake was the whole proof.
            start.into_stream(config).await?.shutdown().await?;
            return Err(failed("a proof was given").into());
        }
        let config = self.inner.config.load_full();
        let config = config.ok_or_else(|| failed("there is no certificate yet"))?;
        let stream = start.into_stream(config).await?;
        let shown = stream.get_ref().1.peer_certificates();
        let certificate = match shown.and_then(<[_]>::first) {
            Some(der) => Some(Arc::new(
                Certificate::read(der).ok_or_else(|| failed("the caller's certificate is odd"))?,
            )),
            None => None,
        };
        Ok(Accepted {
            stream: Stream::Secure(Box::new(stream)),
            certificate,
        })
    }
}

/// The name that somebody wants to see proven to lead here, if that is what they have come for.
fn to_be_proven(hello: &ClientHello<'_>) -> Option<String> {
    let asked = hello.alpn()?.any(|name| name == PROTOCOL);
    asked.then(|| hello.server_name().unwrap_or_default().to_owned())
}

fn failed(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

/// A connection after its handshake.
pub(crate) struct Accepted {
    pub stream: Stream,
    /// What the caller has shown, and we have verified.
    pub certificate: Option<Arc<Certificate>>,
}

/// Why there is no connection.
pub(crate) enum Refused {
    /// Somebody speaks plain HTTP, most likely.
    Plain(TcpStream),
    Failed(io::Error),
}

impl From<io::Error> for Refused {
    fn from(error: io::Error) -> Refused {
        Refused::Failed(error)
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("files", &self.inner.files)
            .field("strict", &self.strict)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` {}", self.file.display(), self.what)?;
        if !self.mend.is_empty() {
            write!(f, "; {}", self.mend)?;
        }
        Ok(())
    }
}

impl std::error::Error for TlsError {}
