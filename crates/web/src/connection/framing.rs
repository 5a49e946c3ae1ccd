//! Watches HTTP/1 bytes on their way in for messages whose length two programs could read differently.
//!
//! The parser behind us repairs some of these, for example by letting `Transfer-Encoding` win over
//! `Content-Length`, and leaves no trace. Where a proxy in front decides otherwise, the rest of the
//! message becomes a request that the proxy never saw. We therefore refuse what is ambiguous.
//!
//! The guard only looks: it follows heads, bodies and chunks just far enough to know where the next
//! head begins, keeps a bounded piece of one line, and never allocates. What it does not understand,
//! the parser refuses by itself.

/// The longest piece of a line that is kept when the line comes in several reads. Enough for the two
/// fields and the chunk sizes we look at.
const LINE_BYTES: usize = 128;

/// Why a message is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Refusal {
    BothLengths,
    RepeatedLength,
    BadLength,
    TransferCoding,
    BareLineFeed,
    Chunks,
}

impl Refusal {
    pub fn from_code(code: u8) -> Refusal {
        match code {
            0 => Refusal::BothLengths,
            1 => Refusal::RepeatedLength,
            2 => Refusal::BadLength,
            3 => Refusal::TransferCoding,
            4 => Refusal::BareLineFeed,
            _ => Refusal::Chunks,
        }
    }

    pub fn text(self) -> &'static str {
        match self {
            Refusal::BothLengths => {
                "The request has both Content-Length and Transfer-Encoding; send one of them."
            }
            Refusal::RepeatedLength => "The request has more than one Content-Length; send one.",
            Refusal::BadLength => "Content-Length must be one decimal number.",
            Refusal::TransferCoding => "The only transfer coding accepted is `chunked`, once.",
            Refusal::BareLineFeed => "Lines of the request head must end with CR LF.",
            Refusal::Chunks => {
                "The request before this one has a chunked body that is not well-formed."
            }
        }
    }
}

/// Follows the bytes of one connection.
#[derive(Debug)]
pub(crate) struct Guard {
    place: Place,
    /// The beginning of a line whose end has not come yet.
    line: [u8; LINE_BYTES],
    kept: usize,
    /// Bytes of that line so far, kept or not, and the last of them.
    seen: usize,
    last: u8,
    /// Heads whose end has been seen.
    heads: u32,
    head: Head,
}

/// What the current head has said so far about the length of its message.
#[derive(Debug, Default, Clone, Copy)]
struct Head {
    lengths: u32,
    length: Option<u64>,
    codings: u32,
    chunked: bool,
    bare: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Before a request line; empty lines are skipped, as the parser does.
    Start,
    Fields,
    Fixed {
        left: u64,
    },
    ChunkSize,
    Chunk {
        left: u64,
    },
    ChunkEnd,
    Trailers,
    /// After a refusal: the connection will be closed, nothing more to learn.
    Over,
}

impl Default for Guard {
    fn default() -> Guard {
        Guard {
            place: Place::Start,
            line: [0; LINE_BYTES],
            kept: 0,
            seen: 0,
            last: 0,
            heads: 0,
            head: Head::default(),
        }
    }
}

impl Guard {
    /// Looks at the next bytes. The first refusal comes with the number of the request it is about,
    /// counted from 1; after that the guard is silent.
    pub fn feed(&mut self, mut bytes: &[u8]) -> Option<(u32, Refusal)> {
        while !bytes.is_empty() {
            match self.place {
                Place::Over => return None,
                Place::Fixed { left } => {
                    let (rest, left) = skip(bytes, left);
                    bytes = rest;
                    self.place = if left == 0 {
                        Place::Start
                    } else {
                        Place::Fixed { left }
                    };
                }
                Place::Chunk { left } => {
                    let (rest, left) = skip(bytes, left);
                    bytes = rest;
                    self.place = if left == 0 {
                        Place::ChunkEnd
                    } else {
                        Place::Chunk { left }
                    };
                }
                _ => {
                    let Some(end) = memchr::memchr(b'\n', bytes) else {
                        self.keep(bytes);
                        return None;
                    };
                    let (line, rest) = (&bytes[..end], &bytes[end + 1..]);
                    bytes = rest;
                    let refusal = if self.seen == 0 {
                        self.line(line, line.len(), line.last() == Some(&b'\r'))
                    } else {
                        self.keep(line);
                        // A copy, since looking at a line changes the rest of the guard.
                        let whole = self.line;
                        let (kept, seen) = (self.kept, self.seen);
                        (self.kept, self.seen) = (0, 0);
                        self.line(&whole[..kept], seen, self.last == b'\r')
                    };
                    if let Some(refusal) = refusal {
                        self.place = Place::Over;
                        return Some((self.heads, refusal));
                    }
                }
            }
        }
        None
    }

    /// Whether a request line has begun and not ended.
    pub fn is_in_request_line(&self) -> bool {
        self.place == Place::Start && self.seen > 0
    }

    fn keep(&mut self, piece: &[u8]) {
        let room = LINE_BYTES - self.kept;
        let taken = piece.len().min(room);
        self.line[self.kept..self.kept + taken].copy_from_slice(&piece[..taken]);
        self.kept += taken;
        self.seen += piece.len();
        self.last = piece.last().copied().unwrap_or(self.last);
    }

    /// One whole line without its line feed. `line` may be cut short; `length` is its true length.
    fn line(&mut self, line: &[u8], length: usize, proper: bool) -> Option<Refusal> {
        let empty = length == usize::from(proper);
        // When the carriage return is in what we have, take it off.
        let text = match proper && line.len() == length {
            true => &line[..length - 1],
            false => line,
        };
        match self.place {
            Place::Start => {
                if !empty {
                    self.head = Head {
                        bare: !proper,
                        ..Head::default()
                    };
                    self.place = Place::Fields;
                }
                None
            }
            Place::Fields => {
                self.head.bare |= !proper;
                if !empty {
                    self.head.field(text, length);
                    return None;
                }
                self.heads = self.heads.saturating_add(1);
                match self.head.verdict() {
                    Err(refusal) => Some(refusal),
                    Ok(next) => {
                        self.place = next;
                        None
                    }
                }
            }
            Place::ChunkSize => match chunk_size(text) {
                Some(0) if proper => {
                    self.place = Place::Trailers;
                    None
                }
                Some(left) if proper => {
                    self.place = Place::Chunk { left };
                    None
                }
                // It concerns the next request: this one's body the parser cannot read either.
                _ => self.lost(),
            },
            Place::ChunkEnd if empty && proper => {
                self.place = Place::ChunkSize;
                None
            }
            Place::ChunkEnd => self.lost(),
            Place::Trailers if empty => {
                self.place = Place::Start;
                None
            }
            Place::Trailers => None,
            // Not made of lines; `feed` never comes here with them.
            Place::Fixed { .. } | Place::Chunk { .. } | Place::Over => None,
        }
    }

    /// Where the next head begins is unknown, so whatever comes next is refused.
    fn lost(&mut self) -> Option<Refusal> {
        self.heads = self.heads.saturating_add(1);
        Some(Refusal::Chunks)
    }
}

impl Head {
    fn field(&mut self, line: &[u8], length: usize) {
        // Nearly every field is dismissed by its first letter.
        if !matches!(line.first(), Some(b'c' | b'C' | b't' | b'T')) {
            return;
        }
        let Some(colon) = memchr::memchr(b':', line) else {
            return;
        };
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        if name.eq_ignore_ascii_case(b"content-length") {
            self.lengths += 1;
            // A value that was cut is no number we would accept anyway.
            self.length = if length <= LINE_BYTES {
                decimal(value)
            } else {
                None
            };
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            self.codings += 1;
            self.chunked = value.eq_ignore_ascii_case(b"chunked");
        }
    }

    fn verdict(&self) -> Result<Place, Refusal> {
        if self.bare {
            return Err(Refusal::BareLineFeed);
        }
        match (self.lengths, self.codings) {
            (0, 0) => Ok(Place::Start),
            (0, 1) if self.chunked => Ok(Place::ChunkSize),
            (0, _) => Err(Refusal::TransferCoding),
            (1, 0) => match self.length {
                Some(0) => Ok(Place::Start),
                Some(left) => Ok(Place::Fixed { left }),
                None => Err(Refusal::BadLength),
            },
            (_, 0) => Err(Refusal::RepeatedLength),
            (_, _) => Err(Refusal::BothLengths),
        }
    }
}

fn skip(bytes: &[u8], left: u64) -> (&[u8], u64) {
    let count = usize::try_from(left).map_or(bytes.len(), |left| left.min(bytes.len()));
    (&bytes[count..], left - count as u64)
}

fn decimal(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0_u64, |number, byte| match byte {
        b'0'..=b'9' => number.checked_mul(10)?.checked_add(u64::from(byte - b'0')),
        _ => None,
    })
}

/// The size in front of a chunk; extensions after it are passed over.
fn chunk_size(line: &[u8]) -> Option<u64> {
    let digits = line.split(|byte| *byte == b';').next()?.trim_ascii();
    if digits.is_empty() || digits.len() > 16 {
        return None;
    }
    digits.iter().try_fold(0_u64, |size, byte| {
        let digit = char::from(*byte).to_digit(16)?;
        Some((size << 4) | u64::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Feeds all at once and byte by byte; both must say the same.
    fn check(input: &str) -> Option<(u32, Refusal)> {
        let whole = Guard::default().feed(input.as_bytes());
        let mut guard = Guard::default();
        let single = input.as_bytes().chunks(1).find_map(|byte| guard.feed(byte));
        assert_eq!(whole, single, "{input:?}");
        whole
    }

    fn post(fields: &str) -> String {
        format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n")
    }

    #[test]
    fn clear_messages_pass() {
        for input in [
            "",
            "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
            &post("Content-Length: 5\r\n"),
            &post("content-length:\t0 \r\n"),
            &post("Transfer-Encoding: chunked\r\n"),
            &post("Transfer-Encoding: Chunked\r\nTrailer: X\r\n"),
            &post("X-Content-Length: 5\r\nCookie: Content-Length: 7\r\nContent-Length: 1\r\n"),
        ] {
            assert_eq!(check(input), None, "{input:?}");
        }
    }

    #[test]
    fn unclear_messages_are_refused() {
        for (fields, refusal) in [
            (
                "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
                Refusal::BothLengths,
            ),
            (
                "TRANSFER-ENCODING: chunked\r\ncontent-length: 5\r\n",
                Refusal::BothLengths,
            ),
            (
                "Content-Length: 5\r\nContent-Length: 5\r\n",
                Refusal::RepeatedLength,
            ),
            (
                "Content-Length: 5\r\nContent-Length: 6\r\n",
                Refusal::RepeatedLength,
            ),
            ("Content-Length: 5, 5\r\n", Refusal::BadLength),
            ("Content-Length: +5\r\n", Refusal::BadLength),
            ("Content-Length: 0x5\r\n", Refusal::BadLength),
            ("Content-Length: \r\n", Refusal::BadLength),
            (
                "Content-Length: 99999999999999999999999\r\n",
                Refusal::BadLength,
            ),
            (
                "Transfer-Encoding: gzip, chunked\r\n",
                Refusal::TransferCoding,
            ),
            (
                "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
                Refusal::TransferCoding,
            ),
            ("Transfer-Encoding: identity\r\n", Refusal::TransferCoding),
            ("Content-Length: 5\n", Refusal::BareLineFeed),
        ] {
            assert_eq!(check(&post(fields)), Some((1, refusal)), "{fields:?}");
        }
    }

    #[test]
    fn a_long_field_keeps_its_meaning_when_it_is_cut() {
        let spaces = " ".repeat(300);
        let fields = format!("Content-Length:{spaces}5\r\n");
        assert_eq!(check(&post(&fields)), Some((1, Refusal::BadLength)));
        let fields = format!("X-Long: {spaces}5\r\nContent-Length: 1\r\n");
        assert_eq!(check(&post(&fields)), None);
    }

    #[test]
    fn the_head_after_a_body_is_found() {
        let second = post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n");
        for (fields, body) in [
            ("", ""),
            ("Content-Length: 3\r\n", "a\n\n"),
            (
                "Transfer-Encoding: chunked\r\n",
                "3\r\na\nb\r\nA;x=y\r\n0123456789\r\n0\r\nX: y\r\n\r\n",
            ),
            ("Transfer-Encoding: chunked\r\n", "0\r\n\r\n"),
        ] {
            let input = format!("{}{body}{second}", post(fields));
            assert_eq!(check(&input), Some((2, Refusal::BothLengths)), "{input:?}");
        }
    }

    #[test]
    fn after_a_broken_chunk_nothing_is_trusted() {
        let first = post("Transfer-Encoding: chunked\r\n");
        for body in [
            "x\r\n",
            "3\nabc\r\n",
            "3\r\nabcd\r\n",
            "\r\n",
            "11111111111111111\r\n",
        ] {
            let input = format!("{first}{body}");
            assert_eq!(check(&input), Some((2, Refusal::Chunks)), "{body:?}");
        }
    }

    proptest! {
        /// Where the network cuts the bytes must not matter.
        #[test]
        fn cuts_do_not_matter(
            parts in proptest::collection::vec(prop_oneof![
                Just("POST / HTTP/1.1\r\n"), Just("Content-Length: 4\r\n"), Just("\r\n"), Just("\n"),
                Just("Transfer-Encoding: chunked\r\n"), Just("4\r\n"), Just("abcd"), Just("0\r\n"),
                Just("X: y\r\n"), Just("t"), Just(":"), Just("\r"),
            ], 0..24),
            sizes in proptest::collection::vec(1_usize..9, 1..8),
        ) {
            let input = parts.concat();
            let whole = check(&input);
            let mut guard = Guard::default();
            let mut rest = input.as_bytes();
            let mut found = None;
            for size in sizes.iter().cycle() {
                if rest.is_empty() || found.is_some() { break }
                let (now, later) = rest.split_at((*size).min(rest.len()));
                found = guard.feed(now);
                rest = later;
            }
            prop_assert_eq!(whole, found);
        }

        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let mut guard = Guard::default();
            for piece in bytes.chunks(7) {
                guard.feed(piece);
            }
        }
    }
}
