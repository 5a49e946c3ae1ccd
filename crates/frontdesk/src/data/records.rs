//! A stream of bytes, cut into records, and where in it one is.
//!
//! Knows where a record of NDJSON or CSV ends and nothing else of it. Keeps a digest of all
//! bytes so far: whoever comes back to a place can be sure that what lies before it is the same.

use std::io::{self, BufRead, Read};

use sha2::{Digest, Sha256};

use super::Format;

/// One record. More than any request may hold, and little enough to be held in memory many
/// times.
pub const RECORD_BYTES_MAX: usize = 16 << 20;
/// CR LF.
const END_BYTES_MAX: usize = 2;
/// Some programs begin UTF-8 files with it.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The end of a record.
#[derive(Clone)]
pub struct Place {
    pub bytes: u64,
    /// Lines before it.
    pub lines: u64,
    digest: Sha256,
}

impl Place {
    fn beginning() -> Place {
        Place {
            bytes: 0,
            lines: 0,
            digest: Sha256::new(),
        }
    }

    fn pass(&mut self, bytes: &[u8]) {
        self.digest.update(bytes);
        self.bytes += bytes.len() as u64;
    }

    /// Of everything before it, in hexadecimal.
    pub fn digest(&self) -> String {
        let digest = self.digest.clone().finalize();
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// A record as it stands in the file.
#[derive(Clone)]
pub struct Raw {
    /// The line it begins in, from 1.
    pub line: u64,
    /// Without what ends it. Cut off when it is longer than [`RECORD_BYTES_MAX`].
    pub bytes: Vec<u8>,
    pub too_long: bool,
    pub end: Place,
}

pub struct Records<R> {
    source: R,
    format: Format,
    place: Place,
}

impl<R: BufRead> Records<R> {
    pub fn new(source: R, format: Format) -> Records<R> {
        Records {
            source,
            format,
            place: Place::beginning(),
        }
    }

    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Goes on to a place further on. Whether what was passed over has this digest.
    pub fn skip_to(&mut self, bytes: u64, lines: u64, digest: &str) -> io::Result<bool> {
        while self.place.bytes < bytes {
            let found = self.source.fill_buf()?;
            if found.is_empty() {
                return Ok(false);
            }
            let left = usize::try_from(bytes - self.place.bytes).unwrap_or(usize::MAX);
            let take = found.len().min(left);
            self.place.pass(&found[..take]);
            self.source.consume(take);
        }
        self.place.lines = lines;
        Ok(self.place.bytes == bytes && self.place.digest() == digest)
    }

    /// The next record; empty lines are none. `None` at the end.
    pub fn next(&mut self) -> io::Result<Option<Raw>> {
        loop {
            let Some(mut raw) = self.next_line()? else {
                return Ok(None);
            };
            if raw.line == 1 && raw.bytes.starts_with(BYTE_ORDER_MARK) {
                raw.bytes.drain(..BYTE_ORDER_MARK.len());
            }
            if !raw.bytes.iter().all(u8::is_ascii_whitespace) {
                return Ok(Some(raw));
            }
        }
    }

    fn next_line(&mut self) -> io::Result<Option<Raw>> {
        let line = self.place.lines + 1;
        let mut bytes = Vec::new();
        let mut too_long = false;
        let mut scan = Scan::new(self.format);
        loop {
            let found = match self.source.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                found => found?,
            };
            if found.is_empty() {
                if !scan.began {
                    return Ok(None);
                }
                // The last line may lack its end.
                self.place.lines += 1;
                break;
            }
            let end = scan.find_end(found, &mut self.place.lines);
            let take = end.map_or(found.len(), |end| end + 1);
            self.place.pass(&found[..take]);
            // What ends it does not count.
            let room = (RECORD_BYTES_MAX + END_BYTES_MAX).saturating_sub(bytes.len());
            too_long |= take > room;
            bytes.extend_from_slice(&found[..take.min(room)]);
            self.source.consume(take);
            if end.is_some() {
                break;
            }
        }
        if bytes.last() == Some(&b'\n') {
            bytes.pop();
            if bytes.last() == Some(&b'\r') {
                bytes.pop();
            }
        }
        Ok(Some(Raw {
            line,
            bytes,
            too_long,
            end: self.place.clone(),
        }))
    }
}

/// Looks for the end of a record, piece by piece.
struct Scan {
    state: State,
    began: bool,
}

#[derive(Clone, Copy)]
enum State {
    /// NDJSON: every line is a record.
    Line,
    /// CSV, before the first character of a cell: a quote opens it only here.
    Cell,
    Plain,
    Quoted,
    /// After a quote within quotes: the end of the cell, or the first of two.
    Quote,
}

impl Scan {
    fn new(format: Format) -> Scan {
        let state = match format {
            Format::Ndjson => State::Line,
            Format::Csv => State::Cell,
        };
        Scan {
            state,
            began: false,
        }
    }

    /// Where in these bytes the record ends: at a line feed. Counts the lines.
    fn find_end(&mut self, bytes: &[u8], lines: &mut u64) -> Option<usize> {
        self.began |= !bytes.is_empty();
        for (at, byte) in bytes.iter().enumerate() {
            *lines += u64::from(*byte == b'\n');
            self.state = match (self.state, byte) {
                (State::Line | State::Cell | State::Plain | State::Quote, b'\n') => {
                    return Some(at);
                }
                (State::Line, _) => State::Line,
                (State::Cell | State::Plain | State::Quote, b',') => State::Cell,
                (State::Cell | State::Quote, b'"') => State::Quoted,
                (State::Cell | State::Plain | State::Quote, _) => State::Plain,
                (State::Quoted, b'"') => State::Quote,
                (State::Quoted, _) => State::Quoted,
            };
        }
        None
    }
}

/// Reads a stream in large pieces.
pub fn buffered(source: impl Read) -> impl BufRead {
    io::BufReader::with_capacity(256 << 10, source)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(format: Format, text: &str, expected: &[(u64, &str)]) {
        // However it comes in pieces.
        for piece in [1, 2, 3, 64] {
            let source = io::BufReader::with_capacity(piece, text.as_bytes());
            let mut records = Records::new(source, format);
            let mut found = Vec::new();
            while let Some(raw) = records.next().unwrap() {
                found.push((raw.line, String::from_utf8(raw.bytes).unwrap()));
            }
            let found: Vec<(u64, &str)> =
                found.iter().map(|(line, text)| (*line, &**text)).collect();
            assert_eq!(found, expected, "{text:?} in pieces of {piece}");
            assert_eq!(records.place().bytes, text.len() as u64);
        }
    }

    #[test]
    fn records_are_found_with_their_lines() {
        check(Format::Ndjson, "", &[]);
        check(Format::Ndjson, "\n\r\n", &[]);
        check(
            Format::Ndjson,
            "{}\n\n  {}\r\n{}",
            &[(1, "{}"), (3, "  {}"), (4, "{}")],
        );
        check(Format::Ndjson, "\u{feff}{}\n", &[(1, "{}")]);
        check(Format::Csv, "a,b\r\n1,2\r\n", &[(1, "a,b"), (2, "1,2")]);
        check(
            Format::Csv,
            "a\n\"x\ny\"\n\"z\"",
            &[(1, "a"), (2, "\"x\ny\""), (4, "\"z\"")],
        );
        check(
            Format::Csv,
            "\"a\"\"\n\",b\nc\n",
            &[(1, "\"a\"\"\n\",b"), (3, "c")],
        );
        // A quote inside a cell opens nothing: the next line is its own.
        check(Format::Csv, "a\"b\nc\n", &[(1, "a\"b"), (2, "c")]);
        check(Format::Csv, "\"a\nb", &[(1, "\"a\nb")]);
    }

    #[test]
    fn a_place_is_found_again_only_in_the_same_file() {
        let text = "{\"a\":1}\n{\"a\":2}\n";
        let mut records = Records::new(text.as_bytes(), Format::Ndjson);
        let place = records.next().unwrap().unwrap().end;
        for (again, expected) in [
            (text, true),
            ("{\"a\":3}\n{\"a\":2}\n", false),
            ("{}", false),
        ] {
            let mut records = Records::new(again.as_bytes(), Format::Ndjson);
            let same = records
                .skip_to(place.bytes, place.lines, &place.digest())
                .unwrap();
            assert_eq!(same, expected, "{again}");
            if same {
                assert_eq!(records.next().unwrap().unwrap().line, 2);
            }
        }
    }

    #[test]
    fn huge_records_are_cut_off() {
        let text = format!("{}\n{{}}\n", "x".repeat(RECORD_BYTES_MAX + 100));
        let mut records = Records::new(buffered(text.as_bytes()), Format::Ndjson);
        let huge = records.next().unwrap().unwrap();
        assert!(huge.too_long && huge.bytes.len() <= RECORD_BYTES_MAX + 2);
        assert_eq!(records.next().unwrap().unwrap().line, 2);
    }
}
