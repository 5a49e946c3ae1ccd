//! HTTPS: the handshake, the certificate that is shown, and those that callers show.
//!
//! ```text
//!   connection ─► first byte ─► ClientHello ─► handshake ─► connection::serve
//!                  │ no TLS at all: told so in plain HTTP      (h2 or http/1.1)
//! ```
//!
//! TLS 1.2 and 1.3 by rustls on aws-lc-rs. Knows files and no settings: where they are named, and what
//! a caller's certificate is good for, is decided elsewhere. Begin at [`Tls::open`].

mod certificate;
mod files;
mod stream;

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use tokio::net::TcpStream;
use tokio::time::{MissedTickBehavior, interval};
use tokio_rustls::LazyConfigAcceptor;

pub use certificate::Certificate;
pub(crate) use stream::Stream;

use files::{Contents, Maker};

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
    opened: Contents,
    config: ArcSwap<ServerConfig>,
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
        let config = maker.config(&contents, &files)?;
        Ok(Tls {
            inner: Arc::new(Inner {
                maker,
                files,
                opened: contents,
                config: ArcSwap::new(config),
            }),
            strict: false,
        })
    }

    /// Browsers that have been here once never come without TLS again, for a year: not to this port,
    /// and to no other of the same host (RFC 6797). For production.
    pub fn strict(self) -> Tls {
        Tls {
            strict: true,
            ..self
        }
    }

    /// Takes up what is changed in the files, for as long as it is polled. What cannot be used is told
    /// in the log once, and everything stays as it was.
    pub async fn keep_current(&self) {
        let mut used = Ok(self.inner.opened.clone());
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
            Ok(contents) => inner.maker.config(contents, &inner.files),
            Err(error) => Err(error.clone()),
        };
        match made {
            Ok(config) => {
                inner.config.store(config);
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
        let start = LazyConfigAcceptor::new(rustls::server::Acceptor::default(), stream).await?;
        let config = self.inner.config.load_full();
        let stream = start.into_stream(config).await?;
        let shown = stream.get_ref().1.peer_certificates();
        let certificate = match shown.and_then(<[_]>::first) {
            Some(der) => Some(Arc::new(Certificate::read(der).ok_or_else(|| {
                io::Error::new(
                    io::ErrorKind::InvalidData,
                    "the caller's certificate names nobody that can be understood",
                )
            })?)),
            None => None,
        };
        Ok(Accepted {
            stream: Stream::Secure(Box::new(stream)),
            certificate,
        })
    }
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
