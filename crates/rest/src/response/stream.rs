//! Whole lists as they are read: NDJSON and CSV, a piece at a time.
//!
//! The next piece is asked for when the client has taken the one before, so memory does not grow
//! with the list, and a client that goes away ends it. What fails on the way cuts the connection:
//! an answer that ends well is whole.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use call::{BoxFuture, Cell, Failure, Record, Slot, View};
use engine::{PIECE_MAX, Records};
use http::HeaderValue;
use http_body::Frame;
use value::csv;
use web::BoxError;

use super::body;

/// What lists can be written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Json,
    /// One record per line.
    Ndjson,
    /// RFC 4180.
    Csv(Header),
}

/// Whether CSV begins with the names of its columns (RFC 4180 section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Header {
    Present,
    Absent,
}

impl Format {
    /// The media types, best first; the first is what nobody has to ask for.
    pub const NAMED: [&str; 3] = [web::media::JSON, "application/x-ndjson", "text/csv"];

    /// The same with what their parameters may be, and two more names in use for NDJSON.
    pub const OFFERED: [&str; 6] = [
        web::media::JSON,
        "application/x-ndjson",
        "text/csv;charset=utf-8;header=present",
        "text/csv;charset=utf-8;header=absent",
        "application/ndjson",
        "application/jsonl",
    ];

    /// Of those offered.
    pub fn of(place: usize) -> Format {
        match place {
            1 | 4 | 5 => Format::Ndjson,
            2 => Format::Csv(Header::Present),
            3 => Format::Csv(Header::Absent),
            _ => Format::Json,
        }
    }

    pub fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Format::Json => "application/json",
            Format::Ndjson => "application/x-ndjson",
            Format::Csv(Header::Present) => "text/csv; charset=utf-8; header=present",
            Format::Csv(Header::Absent) => "text/csv; charset=utf-8; header=absent",
        })
    }
}

/// Records of the first piece, when nothing is known of their size.
const FIRST_RECORDS: u32 = 50;

/// Bytes of a piece to aim at: enough to make statements few, and nothing beside what a
/// connection buffers anyway.
const PIECE_BYTES: usize = 128 * 1024;

/// What is read, with the reader.
type Piece = (Box<Records>, Result<Vec<Record>, Failure>);

/// The body of an answer.
pub struct Stream {
    format: Format,
    state: State,
    /// Records of the next piece.
    most: u32,
    /// Names the request in the log.
    id: String,
}

enum State {
    /// Written, to be sent; then more is read.
    Ready(Bytes, Box<Records>),
    Reading(BoxFuture<'static, Piece>),
    Ended,
}

impl Stream {
    /// Reads the first piece, so that what refuses at once is an answer of its own.
    pub async fn begin(
        mut records: Records,
        format: Format,
        id: String,
    ) -> Result<Stream, Failure> {
        let first = records.next(FIRST_RECORDS).await?;
        let mut out = Vec::new();
        if format == Format::Csv(Header::Present) {
            head(records.view(), "", &mut out);
            end_row(&mut out);
        }
        let mut stream = Stream {
            format,
            state: State::Ended,
            most: FIRST_RECORDS,
            id,
        };
        stream.write(&first, &mut out);
        stream.state = State::Ready(out.into(), Box::new(records));
        Ok(stream)
    }

    fn write(&mut self, records: &[Record], out: &mut Vec<u8>) {
        let before = out.len();
        for record in records {
            match self.format {
                Format::Csv(_) => {
                    row(record, out);
                    end_row(out);
                }
                Format::Json | Format::Ndjson => {
                    body::write_record(record, out);
                    out.push(b'\n');
                }
            }
        }
        if !records.is_empty() {
            let each = ((out.len() - before) / records.len()).max(1);
            let fitting = u32::try_from(PIECE_BYTES / each).unwrap_or(u32::MAX);
            self.most = fitting.clamp(1, PIECE_MAX);
        }
    }

    fn read(&self, mut records: Box<Records>) -> State {
        let most = self.most;
        State::Reading(Box::pin(async move {
            let piece = records.next(most).await;
            (records, piece)
        }))
    }
}

impl http_body::Body for Stream {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        loop {
            match std::mem::replace(&mut self.state, State::Ended) {
                State::Ended => return Poll::Ready(None),
                State::Ready(bytes, records) => {
                    if !records.is_ended() {
                        self.state = self.read(records);
                    }
                    if !bytes.is_empty() {
                        return Poll::Ready(Some(Ok(Frame::data(bytes))));
                    }
                }
                State::Reading(mut piece) => {
                    let Poll::Ready((records, piece)) = piece.as_mut().poll(context) else {
                        self.state = State::Reading(piece);
                        return Poll::Pending;
                    };
                    match piece {
                        Ok(piece) => {
                            let mut out = Vec::with_capacity(PIECE_BYTES);
                            self.write(&piece, &mut out);
                            self.state = State::Ready(out.into(), records);
                        }
                        Err(failure) => {
                            let cause = failure.cause.as_deref().unwrap_or(&failure.detail);
                            tracing::warn!(id = self.id, cause, "a list was cut short");
                            return Poll::Ready(Some(Err(failure.detail.into())));
                        }
                    }
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.state, State::Ended)
    }
}

/// The names of the columns; those of an included record have its name before them.
fn head(view: &View, before: &str, out: &mut Vec<u8>) {
    for (place, slot) in view.slots.iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        let name = format!("{before}{}", slot.name);
        match &slot.inner {
            Some(inner) => head(inner, &format!("{name}."), out),
            None => {
                for (at, column) in csv::columns(&name, &slot.ty).iter().enumerate() {
                    if at > 0 {
                        out.push(b',');
                    }
                    csv::write_text(column, out);
                }
            }
        }
    }
}

fn row(record: &Record, out: &mut Vec<u8>) {
    for (place, (slot, cell)) in record.view.slots.iter().zip(&record.cells).enumerate() {
        if place > 0 {
            out.push(b',');
        }
        match cell {
            Cell::Value(value) => csv::write(&slot.ty, value, out),
            Cell::One(Some(record)) => row(record, out),
            Cell::One(None) | Cell::Hidden => {
                out.extend(std::iter::repeat_n(b',', width(slot).saturating_sub(1)));
            }
            Cell::Many(page) => {
                let mut json = Vec::new();
                body::write_page(page, &mut json);
                csv::write_text(&String::from_utf8_lossy(&json), out);
            }
        }
    }
}

/// Columns of a slot.
fn width(slot: &Slot) -> usize {
    match &slot.inner {
        Some(inner) => inner.slots.iter().map(width).sum::<usize>().max(1),
        None => csv::columns(&slot.name, &slot.ty).len(),
    }
}

fn end_row(out: &mut Vec<u8>) {
    out.extend_from_slice(csv::END);
}
