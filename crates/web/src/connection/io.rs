//! The socket as hyper sees it, and what can be learned from watching it.
//!
//! Detects the protocol, tells the [`Pulse`] what moves, feeds the framing guard, and closes so that
//! the client can still read our last words.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

use super::framing::Guard;
use super::pulse::Pulse;
use super::words::Words;

/// What an HTTP/2 client sends first.
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// How long and how much we still read from a client after we said all we had to say. Closing with
/// unread bytes makes the kernel send a reset, which would destroy an answer that is on its way.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 1024 * 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    Http1,
    Http2,
}

pub(crate) struct Io<S> {
    stream: S,
    pulse: Arc<Pulse>,
    /// Bytes read while sniffing: `start[given..filled]` are still to be given to hyper.
    start: [u8; PREFACE.len()],
    filled: usize,
    given: usize,
    /// HTTP/1 only.
    guard: Option<Guard>,
    ended: bool,
    closing: Closing,
    /// HTTP/1 only.
    words: Option<Words>,
    /// All that was to be written is: what comes next begins a message.
    flushed: bool,
    /// Our own words, of which `said` bytes are written.
    own: Vec<u8>,
    said: usize,
}

enum Closing {
    No,
    Shutdown { linger: bool },
    Linger { left: usize },
    Done,
}

impl<S: AsyncRead + Unpin> Io<S> {
    pub fn new(stream: S, pulse: Arc<Pulse>) -> Io<S> {
        Io {
            stream,
            pulse,
            start: [0; PREFACE.len()],
            filled: 0,
            given: 0,
            guard: None,
            ended: false,
            closing: Closing::No,
            words: None,
            flushed: true,
            own: Vec::new(),
            said: 0,
        }
    }

    /// How to word refusals that the parser gives by itself.
    pub fn word(&mut self, words: Words) {
        self.words = Some(words);
    }

    /// Reads until it is clear which protocol this is; nothing if the client is gone before.
    pub async fn sniff(&mut self) -> Option<Version> {
        let version = loop {
            let count = self
                .stream
                .read(&mut self.start[self.filled..])
                .await
                .ok()?;
            if count == 0 {
                return None;
            }
            self.pulse.bytes_read();
            self.filled += count;
            if self.start[..self.filled] != PREFACE[..self.filled] {
                break Version::Http1;
            }
            if self.filled == PREFACE.len() {
                break Version::Http2;
            }
        };
        match version {
            Version::Http1 => {
                let mut guard = Guard::default();
                if let Some((nth, refusal)) = guard.feed(&self.start[..self.filled]) {
                    self.pulse.refuse(nth, refusal);
                }
                self.guard = Some(guard);
            }
            Version::Http2 => self.pulse.speaks_http2(),
        }
        Some(version)
    }

    /// Reads and forgets what still comes, up to a bound; `left` is what remains of it.
    fn poll_linger(&mut self, cx: &mut Context<'_>, left: &mut usize) -> Poll<()> {
        let mut scrap = [0_u8; 4096];
        while *left > 0 {
            let mut buffer = ReadBuf::new(&mut scrap);
            let read = ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer));
            if read.is_err() || buffer.filled().is_empty() {
                break;
            }
            *left = left.saturating_sub(buffer.filled().len());
        }
        Poll::Ready(())
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Io<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.given < this.filled {
            let count = buffer.remaining().min(this.filled - this.given);
            buffer.put_slice(&this.start[this.given..this.given + count]);
            this.given += count;
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut this.stream).poll_read(cx, buffer))?;
        let read = &buffer.filled()[before..];
        if read.is_empty() {
            this.ended = true;
            return Poll::Ready(Ok(()));
        }
        this.pulse.bytes_read();
        if let Some(guard) = &mut this.guard
            && let Some((nth, refusal)) = guard.feed(read)
        {
            this.pulse.refuse(nth, refusal);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> Io<S> {
    /// Takes over when these bytes are a refusal by the parser itself.
    fn takes_over(&mut self, bytes: &[u8]) -> bool {
        let Some(words) = &self.words else {
            return false;
        };
        if !self.flushed || self.pulse.answering() {
            return false;
        }
        let in_line = self.guard.as_ref().is_some_and(Guard::is_in_request_line);
        match words.instead(bytes, in_line) {
            Some(own) => {
                (self.own, self.said) = (own, 0);
                true
            }
            None => false,
        }
    }

    /// Writes what we have to say ourselves.
    fn poll_say(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.said < self.own.len() {
            let written = Pin::new(&mut self.stream).poll_write(cx, &self.own[self.said..]);
            let count = ready!(self.wrote(written))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.said += count;
        }
        Poll::Ready(Ok(()))
    }

    fn wrote(&mut self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match &written {
            Poll::Ready(Ok(count)) => {
                self.flushed = false;
                self.pulse.bytes_written(*count);
            }
            Poll::Ready(Err(_)) => {}
            Poll::Pending => self.pulse.write_blocked(),
        }
        written
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Io<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.takes_over(bytes) {
            return Poll::Ready(Ok(bytes.len()));
        }
        ready!(this.poll_say(cx))?;
        let written = Pin::new(&mut this.stream).poll_write(cx, bytes);
        this.wrote(written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if let [only] = parts
            && this.takes_over(only)
        {
            return Poll::Ready(Ok(only.len()));
        }
        ready!(this.poll_say(cx))?;
        let written = Pin::new(&mut this.stream).poll_write_vectored(cx, parts);
        this.wrote(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// hyper flushes when it has nothing left to write.
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_say(cx))?;
        let flushed = Pin::new(&mut this.stream).poll_flush(cx);
        if flushed.is_pending() {
            // TLS takes bytes that the socket has no room for.
            this.pulse.write_blocked();
        }
        ready!(flushed)?;
        this.flushed = true;
        this.pulse.flushed();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            match this.closing {
                Closing::No => {
                    ready!(this.poll_say(cx))?;
                    let unread = this.pulse.closing(LINGER);
                    let linger = unread && !this.ended && this.guard.is_some();
                    this.closing = Closing::Shutdown { linger };
                }
                Closing::Shutdown { linger } => {
                    ready!(Pin::new(&mut this.stream).poll_shutdown(cx))?;
                    this.closing = match linger {
                        true => Closing::Linger { left: LINGER_BYTES },
                        false => Closing::Done,
                    };
                }
                Closing::Linger { mut left } => {
                    let lingered = this.poll_linger(cx, &mut left);
                    this.closing = Closing::Linger { left };
                    ready!(lingered);
                    this.closing = Closing::Done;
                }
                Closing::Done => return Poll::Ready(Ok(())),
            }
        }
    }
}
