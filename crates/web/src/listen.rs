//! Accepts connections, each into a task of its own, until it is told to stop.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};

use crate::connection::{self, Common, Far, Level, Stop, Words};
use crate::handler::Handler;
use crate::limits::Limits;
use crate::room::Room;
use crate::tls::{HANDSHAKE_TIME, Refused, Stream, Tls};

/// Connections the kernel keeps for us while we are busy. More than a burst of reconnecting clients.
const BACKLOG: u32 = 1024;

/// When the system has no descriptor or memory left for a connection: wait for others to end. Doubles
/// up to the second value.
const ACCEPT_PAUSE: Duration = Duration::from_millis(10);
const ACCEPT_PAUSE_MOST: Duration = Duration::from_secs(1);

/// A peer that vanished without a word is noticed after some 60 + 3 × 10 s of silence.
const PROBE_AFTER: Duration = Duration::from_secs(60);
const PROBE_EVERY: Duration = Duration::from_secs(10);
const PROBES: u32 = 3;

/// More than any system has descriptors for, and within what a semaphore counts on every platform.
const CONNECTIONS_MOST: u32 = 1 << 28;

/// After the last grace: tasks that were told to end now only have to be polled once.
const CUT_TIME: Duration = Duration::from_secs(1);

/// For telling a client that it has to speak TLS, and for reading what it has sent meanwhile.
const FAREWELL: Duration = Duration::from_secs(2);
const FAREWELL_BYTES: u64 = 64 * 1024;

/// Opens a listening socket that can be reopened at once after a restart.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Where connections come in, and what makes them secure.
#[derive(Debug)]
pub struct Listener {
    pub tcp: TcpListener,
    pub tls: Option<Tls>,
}

impl From<TcpListener> for Listener {
    fn from(tcp: TcpListener) -> Listener {
        Listener { tcp, tls: None }
    }
}

/// HTTP/1.1 and HTTP/2 on one port: as TLS has it, or, without TLS, with prior knowledge.
pub struct Server;

/// How a server came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stopped {
    /// Connections that had to be cut because their requests outlived the grace.
    pub cut: usize,
}

impl Server {
    /// Serves until `shutdown` is ready; then accepts no more, lets running requests finish for at most
    /// [`Limits::stop_grace`], and cuts the rest. Being unready before that is the caller's part.
    pub async fn run<H, F>(
        listener: impl Into<Listener>,
        handler: H,
        limits: Limits,
        shutdown: F,
    ) -> Stopped
    where
        H: Handler,
        F: Future<Output = ()>,
    {
        let Listener { tcp, tls } = listener.into();
        let most = u32::try_from(limits.connections)
            .unwrap_or(u32::MAX)
            .clamp(1, CONNECTIONS_MOST);
        let grace = limits.stop_grace;
        let slots = Arc::new(Semaphore::new(most as usize));
        let common = Arc::new(Common {
            room: Room::new(limits.bodies_bytes),
            limits,
            slots,
            stop: Stop::new(),
        });
        let handler = Arc::new(handler);

        let mut shutdown = pin!(shutdown);
        loop {
            let accepted = tokio::select! {
                biased;
                () = &mut shutdown => break,
                accepted = accept(&tcp, &common.slots) => accepted,
            };
            let Some((stream, peer, slot)) = accepted else {
                break;
            };
            let (handler, common) = (Arc::clone(&handler), Arc::clone(&common));
            let tls = tls.clone();
            tokio::spawn(async move {
                match tls {
                    None => {
                        let far = Far {
                            peer,
                            secured: false,
                            strict: false,
                            certificate: None,
                        };
                        connection::serve(Stream::Plain(stream), far, handler, common).await;
                    }
                    Some(tls) => secure(stream, peer, &tls, handler, common).await,
                }
                drop(slot);
            });
        }
        // Connections from now on are refused by the kernel instead of waiting for nobody.
        drop(tcp);

        common.stop.raise(Level::Leave);
        if timeout(grace, all_ended(&common.slots, most)).await.is_ok() {
            return Stopped { cut: 0 };
        }
        let cut = (most as usize).saturating_sub(common.slots.available_permits());
        tracing::warn!(connections = cut, "requests outlived the grace and are cut");
        common.stop.raise(Level::Cut);
        // A handler that never yields cannot be cut; it must not keep us either.
        let _ = timeout(CUT_TIME, all_ended(&common.slots, most)).await;
        Stopped { cut }
    }
}

/// Does the handshake in its time, and serves what comes of it.
async fn secure<H: Handler>(
    stream: TcpStream,
    peer: SocketAddr,
    tls: &Tls,
    handler: Arc<H>,
    common: Arc<Common>,
) {
    let shaken = tokio::select! {
        shaken = timeout(HANDSHAKE_TIME, tls.accept(stream)) => shaken,
        // There is no request that could still be answered.
        () = common.stop.raised() => return,
    };
    match shaken {
        Ok(Ok(accepted)) => {
            let far = Far {
                peer,
                secured: true,
                strict: tls.is_strict(),
                certificate: accepted.certificate,
            };
            connection::serve(accepted.stream, far, handler, common).await;
        }
        Ok(Err(Refused::Plain(mut stream))) => {
            tracing::debug!(%peer, "plain HTTP where TLS is spoken");
            let answer = Words::say_https(&*handler);
            let farewell = async {
                stream.write_all(&answer).await?;
                stream.shutdown().await?;
                // Closing with unread bytes would take the answer back.
                let mut rest = stream.take(FAREWELL_BYTES);
                tokio::io::copy(&mut rest, &mut tokio::io::sink()).await
            };
            // Nobody waits for this; when it is not taken soon, so be it.
            let _ = timeout(FAREWELL, farewell).await;
        }
        Ok(Err(Refused::Failed(error))) => tracing::debug!(%peer, %error, "no TLS handshake"),
        Err(_elapsed) => tracing::debug!(%peer, "TLS handshake too slow"),
    }
}

/// The next connection, with its place among those allowed. Errors of single connections and shortages
/// of the system are waited out: a server that stops accepting for good is worse than a slow one.
async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    // Fails only when the semaphore is closed, which nobody does.
    let slot = Arc::clone(slots).acquire_owned().await.ok()?;
    let mut pause = ACCEPT_PAUSE;
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                prepare(&stream);
                return Some((stream, peer, slot));
            }
            Err(error) if of_one_connection(&error) => {
                tracing::debug!(%error, "a connection ended before it was accepted");
            }
            Err(error) => {
                tracing::warn!(%error, pause_ms = pause.as_millis(), "cannot accept connections");
                sleep(pause).await;
                pause = (pause * 2).min(ACCEPT_PAUSE_MOST);
            }
        }
    }
}

fn of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted
    )
}

fn prepare(stream: &TcpStream) {
    let keepalive = TcpKeepalive::new()
        .with_time(PROBE_AFTER)
        .with_interval(PROBE_EVERY)
        .with_retries(PROBES);
    // Neither is worth refusing a connection for; both fail only when it is gone already.
    let _ = stream.set_nodelay(true);
    let _ = SockRef::from(stream).set_tcp_keepalive(&keepalive);
}

/// Ready when every place is free again, which only ended connections make them.
async fn all_ended(slots: &Semaphore, most: u32) {
    // Fails only when the semaphore is closed, which nobody does.
    let _ = slots.acquire_many(most).await;
}
