//! Takes the few files of Swagger UI that are needed out of the archive it ships in.
//!
//! The archive holds them deflated, which is what gzip wants too: they are given a gzip header and
//! trailer and never unpacked, neither here nor, for most clients, later.

use std::env;
use std::fs;
use std::path::Path;

/// Files of the archive, below its only folder, and what they are called here.
const WANTED: [(&str, &str); 4] = [
    ("dist/swagger-ui-bundle.js", "swagger-ui-bundle.js.gz"),
    ("dist/swagger-ui.css", "swagger-ui.css.gz"),
    ("LICENSE", "LICENSE.gz"),
    ("NOTICE", "NOTICE.gz"),
];

const STORED: u16 = 0;
const DEFLATED: u16 = 8;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let archive = utoipa_swagger_ui_vendored::SWAGGER_UI_VENDORED;
    let out = env::var("OUT_DIR").expect("cargo sets OUT_DIR for build scripts");
    for (name, as_file) in WANTED {
        let entry = find(archive, name)
            .unwrap_or_else(|| panic!("the Swagger UI archive has no `{name}` that can be read"));
        let path = Path::new(&out).join(as_file);
        fs::write(&path, entry.gzip())
            .unwrap_or_else(|error| panic!("cannot write {}: {error}", path.display()));
    }
}

/// One file in a zip archive.
struct Entry<'a> {
    method: u16,
    crc32: u32,
    size: u32,
    /// As it lies in the archive.
    data: &'a [u8],
}

impl Entry<'_> {
    /// The file as a gzip stream (RFC 1952).
    fn gzip(&self) -> Vec<u8> {
        let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 255];
        match self.method {
            DEFLATED => out.extend_from_slice(self.data),
            // A stored file becomes stored blocks (RFC 1951 section 3.2.4).
            _ => {
                let blocks = self.data.len().div_ceil(0xffff).max(1);
                for place in 0..blocks {
                    let start = place * 0xffff;
                    let part = &self.data[start..self.data.len().min(start + 0xffff)];
                    let length =
                        u16::try_from(part.len()).expect("at most 0xffff bytes were taken");
                    out.push(u8::from(place + 1 == blocks));
                    out.extend_from_slice(&length.to_le_bytes());
                    out.extend_from_slice(&(!length).to_le_bytes());
                    out.extend_from_slice(part);
                }
            }
        }
        out.extend_from_slice(&self.crc32.to_le_bytes());
        out.extend_from_slice(&self.size.to_le_bytes());
        out
    }
}

/// Looks a file up in the central directory of an archive (APPNOTE 4.3.12), whose only top folder
/// is named after a version.
fn find<'a>(archive: &'a [u8], wanted: &str) -> Option<Entry<'a>> {
    const END: [u8; 4] = *b"PK\x05\x06";
    let end = archive.windows(4).rposition(|bytes| bytes == END)?;
    let count = u16_at(archive, end + 10)?;
    let mut at = u32_at(archive, end + 16)? as usize;
    for _ in 0..count {
        let method = u16_at(archive, at + 10)?;
        let (crc32, packed, size) = (
            u32_at(archive, at + 16)?,
            u32_at(archive, at + 20)? as usize,
            u32_at(archive, at + 24)?,
        );
        let [name, extra, comment] =
            [28, 30, 32].map(|place| u16_at(archive, at + place).map(usize::from));
        let (name, extra, comment) = (name?, extra?, comment?);
        let local = u32_at(archive, at + 42)? as usize;
        let path = archive.get(at + 46..at + 46 + name)?;
        let below = path
            .iter()
            .position(|byte| *byte == b'/')
            .map(|slash| &path[slash + 1..]);
        if below == Some(wanted.as_bytes()) && matches!(method, STORED | DEFLATED) {
            let lengths = [26, 28].map(|place| u16_at(archive, local + place).map(usize::from));
            let start = local + 30 + lengths[0]? + lengths[1]?;
            let data = archive.get(start..start + packed)?;
            return Some(Entry {
                method,
                crc32,
                size,
                data,
            });
        }
        at += 46 + name + extra + comment;
    }
    None
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}
