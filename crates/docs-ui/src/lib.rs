//! The interactive reference under `/docs`, complete in the binary.
//!
//! Swagger UI, which ships in a crate, with a header, a theme and a start-up script of our own.
//! It works without any network but the API's own, and under a policy that allows no inline
//! script. It knows nothing of what it shows: that comes from the OpenAPI document's URL.

use std::borrow::Cow;
use std::io::Read;

use maud::{DOCTYPE, html};

/// Where the reference is served; its files lie below.
pub const PATH: &str = "/docs";

/// The Content-Security-Policy of the page. Swagger UI's style sheet has its icons as `data:` URLs.
pub const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// One file of the reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asset {
    /// Where it is served: `/docs/…`.
    pub path: &'static str,
    pub media_type: &'static str,
    /// What is sent with `Content-Encoding` when there is an `encoding`, else the file itself.
    pub bytes: &'static [u8],
    /// `gzip`, or nothing.
    pub encoding: Option<&'static str>,
}

/// Every file, besides the page itself.
pub const ASSETS: [Asset; 6] = [
    packed(
        "/docs/swagger-ui-bundle.js",
        "text/javascript",
        include_bytes!(concat!(env!("OUT_DIR"), "/swagger-ui-bundle.js.gz")),
    ),
    packed(
        "/docs/swagger-ui.css",
        "text/css",
        include_bytes!(concat!(env!("OUT_DIR"), "/swagger-ui.css.gz")),
    ),
    // Swagger UI's licence goes where it goes.
    packed(
        "/docs/swagger-ui.LICENSE.txt",
        "text/plain",
        include_bytes!(concat!(env!("OUT_DIR"), "/LICENSE.gz")),
    ),
    packed(
        "/docs/swagger-ui.NOTICE.txt",
        "text/plain",
        include_bytes!(concat!(env!("OUT_DIR"), "/NOTICE.gz")),
    ),
    plain(
        "/docs/docs.js",
        "text/javascript",
        include_bytes!("../assets/docs.js"),
    ),
    plain(
        "/docs/docs.css",
        "text/css",
        include_bytes!("../assets/docs.css"),
    ),
];

const fn packed(path: &'static str, media_type: &'static str, bytes: &'static [u8]) -> Asset {
    Asset {
        path,
        media_type,
        bytes,
        encoding: Some("gzip"),
    }
}

const fn plain(path: &'static str, media_type: &'static str, bytes: &'static [u8]) -> Asset {
    Asset {
        path,
        media_type,
        bytes,
        encoding: None,
    }
}

/// The file at a path.
pub fn asset(path: &str) -> Option<Asset> {
    ASSETS.into_iter().find(|asset| asset.path == path)
}

impl Asset {
    /// The file itself, for whoever does not take it packed.
    pub fn contents(&self) -> Cow<'static, [u8]> {
        if self.encoding.is_none() {
            return Cow::Borrowed(self.bytes);
        }
        let mut contents = Vec::new();
        flate2::read::GzDecoder::new(self.bytes)
            .read_to_end(&mut contents)
            .expect("the files were packed when this crate was built, and a test unpacks them all");
        Cow::Owned(contents)
    }

    /// A strong tag for the bytes as they are sent, with its quotes.
    pub fn etag(&self) -> String {
        // FNV-1a: nobody makes these files collide on purpose, they are ours.
        let hash = self
            .bytes
            .iter()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
                (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
            });
        format!("\"{hash:016x}\"")
    }
}

/// The page that shows the document at `openapi_url`. `title` is the API's.
pub fn page(title: &str, openapi_url: &str) -> String {
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " – Reference" }
                link rel="icon" type="image/svg+xml" href="/assets/frontdesk.svg";
                link rel="stylesheet" href="/docs/swagger-ui.css";
                link rel="stylesheet" href="/docs/docs.css";
                script src="/docs/swagger-ui-bundle.js" defer {}
                script src="/docs/docs.js" defer {}
            }
            body {
                header.bar {
                    a.home href="/" {
                        img src="/assets/frontdesk.svg" alt="" width="28" height="28";
                        span { (title) }
                    }
                    nav {
                        a href="/docs" aria-current="page" { "Reference" }
                        a href=(openapi_url) { "OpenAPI" }
                        a href="/problems" { "Problems" }
                    }
                }
                main #reference data-openapi=(openapi_url) {
                    p.waiting { "Reading the description …" }
                    noscript {
                        p.waiting { "This page needs scripts. Without them, " a href=(openapi_url) { "the description" } " can be read as it is." }
                    }
                }
            }
        }
    };
    markup.into_string()
}
