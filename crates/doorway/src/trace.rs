//! The id of a request and its line in the log.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use call::Caller;
use http::header::HeaderName;
use http::request::Parts;
use http::{HeaderMap, HeaderValue};
use model::Audience;
use tracing::level_filters::LevelFilter;
use web::tls::Certificate;

pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Longest id that is taken over from a client or proxy; a UUID has 36 characters, and nobody
/// should fill our log.
const ID_BYTES_MAX: usize = 128;

/// Makes ids that no other request of this process has, and most likely none of another process.
#[derive(Debug)]
pub struct Ids {
    seed: u64,
    next: AtomicU64,
}

impl Default for Ids {
    fn default() -> Ids {
        Ids::new()
    }
}

impl Ids {
    pub fn new() -> Ids {
        // The standard library seeds its hashers from the system's randomness.
        let seed = RandomState::new().hash_one("request ids");
        Ids {
            seed,
            next: AtomicU64::new(0),
        }
    }

    /// The id a request came with, if it is a decent one, or a new one.
    pub fn of(&self, headers: &HeaderMap) -> HeaderValue {
        match headers.get(X_REQUEST_ID) {
            Some(id) if is_decent(id.as_bytes()) => id.clone(),
            _ => self.make(),
        }
    }

    fn make(&self) -> HeaderValue {
        let number = self
            .seed
            .wrapping_add(self.next.fetch_add(1, Ordering::Relaxed));
        // The finaliser of splitmix64: one to one, so different numbers stay different, and
        // neighbours do not look alike.
        let mixed = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let mixed = mixed ^ (mixed >> 31);
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = [0; 16];
        for (place, digit) in text.iter_mut().rev().enumerate() {
            // Masked to 16 values.
            *digit = DIGITS[(mixed >> (place * 4) & 0xf) as usize];
        }
        HeaderValue::from_bytes(&text).expect("hexadecimal digits")
    }
}

/// Short, and nothing that could mean something to a terminal or to whoever reads the log.
fn is_decent(id: &[u8]) -> bool {
    let decent = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:+/=~".contains(byte);
    (1..=ID_BYTES_MAX).contains(&id.len()) && id.iter().all(decent)
}

/// What the log says of one request; said when this is dropped, so that requests nobody waited for
/// are told as well.
pub struct Line<'a> {
    pub head: &'a Parts,
    pub id: &'a HeaderValue,
    /// Where the client is.
    pub from: IpAddr,
    /// Whether nobody could listen on the way.
    pub secure: bool,
    /// What the other end has shown of itself.
    pub certificate: Option<Arc<Certificate>>,
    /// What is there for whoever comes in where it came in.
    pub reach: Audience,
    pub started: Instant,
    /// Known once the credential has been looked at.
    pub caller: Option<Arc<Caller>>,
    /// Known once there is an answer.
    pub status: Option<u16>,
}

impl<'a> Line<'a> {
    /// A request that has come in just now. `private`: where only one's own services come in.
    pub fn new(
        head: &'a Parts,
        id: &'a HeaderValue,
        from: IpAddr,
        secure: bool,
        certificate: Option<Arc<Certificate>>,
        private: bool,
    ) -> Line<'a> {
        Line {
            head,
            id,
            from,
            secure,
            certificate,
            reach: if private {
                Audience::Private
            } else {
                Audience::Public
            },
            started: Instant::now(),
            caller: None,
            status: None,
        }
    }
}

impl Drop for Line<'_> {
    fn drop(&mut self) {
        // Whoever listens to less is asked once more, by the event itself.
        if LevelFilter::current() < LevelFilter::INFO {
            return;
        }
        let method = self.head.method.as_str();
        let path = self.head.uri.path();
        let caller = self.caller.as_ref().map(|caller| caller.label());
        let caller = caller.as_deref().unwrap_or("-");
        // Cannot truncate: half a million years.
        let us = self.started.elapsed().as_micros() as u64;
        let id = shown(self.id);
        let from = written(self.from);
        let from = from.as_str();
        match self.status {
            Some(status) => {
                let message = "answered";
                tracing::info!(message, method, path, status, caller, from, us, id);
            }
            None => {
                let message = "given up";
                tracing::info!(message, method, path, caller, from, us, id);
            }
        }
    }
}

/// As the address is displayed, without the detours of formatting.
fn written(address: IpAddr) -> String {
    let IpAddr::V4(address) = address else {
        return address.to_string();
    };
    let mut text = String::with_capacity("255.255.255.255".len());
    for (at, part) in address.octets().into_iter().enumerate() {
        if at > 0 {
            text.push('.');
        }
        text.push_str(itoa::Buffer::new().format(part));
    }
    text
}

/// An id as text; it is ASCII, as it was made or checked here.
pub fn shown(id: &HeaderValue) -> &str {
    id.to_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decent_ids_are_kept_and_others_replaced() {
        let ids = Ids::new();
        let long = "x".repeat(ID_BYTES_MAX + 1);
        for (sent, kept) in [
            ("0c7a4b6e-91f3-4f0e-8a53-0f8f2f6e5b1a", true),
            ("Root=1:a.b_c+d/e~", true),
            ("", false),
            ("a b", false),
            ("a\"b", false),
            ("a;b", false),
            (&long, false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(X_REQUEST_ID, HeaderValue::try_from(sent).unwrap());
            assert_eq!(ids.of(&headers) == sent, kept, "{sent:?}");
        }
    }

    #[test]
    fn addresses_are_written_as_they_are_displayed() {
        for address in ["127.0.0.1", "0.255.10.99", "::1", "2001:db8::7"] {
            assert_eq!(written(address.parse().unwrap()), address);
        }
    }

    #[test]
    fn made_ids_differ() {
        let ids = Ids::new();
        let mut made: Vec<_> = (0..1000).map(|_| ids.of(&HeaderMap::new())).collect();
        assert!(
            made.iter()
                .all(|id| id.len() == 16 && is_decent(id.as_bytes()))
        );
        made.sort_by(|one, other| one.as_bytes().cmp(other.as_bytes()));
        made.dedup();
        assert_eq!(made.len(), 1000);
        assert_ne!(Ids::new().make(), Ids::new().make());
    }
}
