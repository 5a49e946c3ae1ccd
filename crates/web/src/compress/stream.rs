//! A body that is compressed while it is sent.

use std::io::{self, Write};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use brotli::CompressorWriter;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http_body::Frame;

use super::{BROTLI_QUALITY, BROTLI_WINDOW, GZIP_LEVEL};
use crate::media::Coding;
use crate::response::{Body, BoxError};

/// What the brotli encoder gathers before it gives something away.
const BROTLI_BUFFER: usize = 16 * 1024;

/// Gives away what comes out of an encoder when its inside has given away what goes in.
pub(super) struct Coded {
    plain: Body,
    /// Nothing after the end.
    encoder: Option<Encoder>,
}

enum Encoder {
    Gzip(GzEncoder<Vec<u8>>),
    Brotli(Box<CompressorWriter<Vec<u8>>>),
}

impl Coded {
    /// The body in this coding.
    pub fn wrap(coding: Coding, plain: Body) -> Body {
        let encoder = match coding {
            Coding::Identity => return plain,
            Coding::Gzip => Encoder::Gzip(GzEncoder::new(Vec::new(), Compression::new(GZIP_LEVEL))),
            Coding::Brotli => Encoder::Brotli(Box::new(CompressorWriter::new(
                Vec::new(),
                BROTLI_BUFFER,
                BROTLI_QUALITY,
                BROTLI_WINDOW,
            ))),
        };
        Body::stream(Coded {
            plain,
            encoder: Some(encoder),
        })
    }
}

impl Encoder {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Encoder::Gzip(encoder) => encoder.write_all(bytes),
            Encoder::Brotli(encoder) => encoder.write_all(bytes),
        }
    }

    /// What has come out so far.
    fn take(&mut self) -> Vec<u8> {
        std::mem::take(match self {
            Encoder::Gzip(encoder) => encoder.get_mut(),
            Encoder::Brotli(encoder) => encoder.get_mut(),
        })
    }

    fn finish(self) -> io::Result<Vec<u8>> {
        match self {
            Encoder::Gzip(encoder) => encoder.finish(),
            Encoder::Brotli(encoder) => Ok(encoder.into_inner()),
        }
    }
}

impl http_body::Body for Coded {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        loop {
            let Some(encoder) = &mut this.encoder else {
                return Poll::Ready(None);
            };
            let frame = ready!(Pin::new(&mut this.plain).poll_frame(context));
            let out = match frame {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(bytes) => match encoder.write(&bytes) {
                        Ok(()) => encoder.take(),
                        Err(error) => return Poll::Ready(Some(Err(error.into()))),
                    },
                    // Trailers mean nothing to anybody here.
                    Err(_) => continue,
                },
                Some(Err(error)) => {
                    this.encoder = None;
                    return Poll::Ready(Some(Err(error)));
                }
                None => match this.encoder.take().map(Encoder::finish) {
                    Some(Ok(rest)) => rest,
                    Some(Err(error)) => return Poll::Ready(Some(Err(error.into()))),
                    None => return Poll::Ready(None),
                },
            };
            if !out.is_empty() {
                return Poll::Ready(Some(Ok(Frame::data(out.into()))));
            }
        }
    }
}
