//! Reading a request body within its limits of size, time and rate.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::HeaderValue;
use http::header::RETRY_AFTER;
use http_body::Body as _;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::time::{Instant, timeout_at};

use crate::connection::{Common, Pulse};
use crate::problem::{Problem, kit};
use crate::room::Share;

/// How much is set aside for a body before any of it has come. A client that announces 8 MiB and sends
/// nothing should not cost us 8 MiB.
const FIRST_BYTES: usize = 16 * 1024;

/// When to send a body again for which there was no room: most are answered within milliseconds.
const RETRY_S: &str = "1";

/// A request body. Nothing of it is read, nor asked for with `100 Continue`, before [`read`](Self::read).
pub struct RequestBody {
    rest: Rest,
}

/// What there is still to read.
enum Rest {
    Nothing,
    /// Boxed, because most requests have none and are moved about.
    Waiting(Box<Waiting>),
    There(Bytes),
}

/// A body that has not been read to its end.
struct Waiting {
    incoming: Incoming,
    coding: Option<HeaderValue>,
    common: Arc<Common>,
    pulse: Arc<Pulse>,
    /// What it takes of the memory for all bodies; given back when the request has been answered.
    share: Arc<Share>,
    since: Instant,
}

/// Why a body could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BodyError {
    /// More bytes than allowed.
    TooLarge { limit: usize },
    /// The bodies of all requests together take as much memory as they may.
    NoRoom,
    /// Later or slower than allowed.
    TooSlow,
    /// The body has a content coding, and we decode none.
    Encoded { coding: String },
    /// The connection ended, or the framing was wrong, before the body did.
    Broken,
}

impl RequestBody {
    /// The body of a request that has none.
    pub fn empty() -> RequestBody {
        RequestBody {
            rest: Rest::Nothing,
        }
    }

    pub(crate) fn new(
        incoming: Incoming,
        coding: Option<HeaderValue>,
        common: &Arc<Common>,
        pulse: &Arc<Pulse>,
        share: &Arc<Share>,
    ) -> RequestBody {
        let common = Arc::clone(common);
        let pulse = Arc::clone(pulse);
        let share = Arc::clone(share);
        RequestBody {
            rest: Rest::Waiting(Box::new(Waiting {
                incoming,
                coding,
                common,
                pulse,
                share,
                since: Instant::now(),
            })),
        }
    }

    /// Whether the request has no body, or it has been read.
    pub fn is_empty(&self) -> bool {
        matches!(self.rest, Rest::Nothing)
    }

    /// The whole body, if it has at most `most` bytes and comes in time. A second call gives nothing.
    pub async fn read(&mut self, most: usize) -> Result<Bytes, BodyError> {
        let bytes = match &mut self.rest {
            Rest::Nothing => return Ok(Bytes::new()),
            Rest::Waiting(waiting) => waiting.read(most).await?,
            Rest::There(bytes) if bytes.len() > most => {
                return Err(BodyError::TooLarge { limit: most });
            }
            Rest::There(bytes) => std::mem::take(bytes),
        };
        self.rest = Rest::Nothing;
        Ok(bytes)
    }
}

/// A body that is all there: for a door that is asked by a program instead of over a connection.
impl From<Bytes> for RequestBody {
    fn from(bytes: Bytes) -> RequestBody {
        let rest = if bytes.is_empty() {
            Rest::Nothing
        } else {
            Rest::There(bytes)
        };
        RequestBody { rest }
    }
}

impl Waiting {
    async fn read(&mut self, most: usize) -> Result<Bytes, BodyError> {
        if let Some(coding) = &self.coding
            && !coding.as_bytes().eq_ignore_ascii_case(b"identity")
        {
            let coding = String::from_utf8_lossy(coding.as_bytes()).into_owned();
            return Err(BodyError::Encoded { coding });
        }
        let limit = most.min(self.common.limits.body_bytes);
        let announced = self.incoming.size_hint().lower();
        if announced > limit as u64 {
            return Err(BodyError::TooLarge { limit });
        }
        // Cannot truncate: `announced` is at most `limit`, a usize.
        let announced = announced as usize;
        // Only what has come takes room; but what cannot come in at all need not be sent.
        if !self.share.has_room(announced) {
            return Err(BodyError::NoRoom);
        }

        // Most bodies come in one piece, which then needs no copy.
        let mut first = Bytes::new();
        let mut whole = BytesMut::new();
        let mut length = 0;
        loop {
            let frame = match timeout_at(self.due(length), self.incoming.frame()).await {
                Err(_elapsed) => return Err(BodyError::TooSlow),
                Ok(None) => break,
                Ok(Some(Err(_))) => return Err(BodyError::Broken),
                Ok(Some(Ok(frame))) => frame,
            };
            // Trailers are read over: nothing in this kit gives them a meaning.
            let Ok(data) = frame.into_data() else {
                continue;
            };
            length += data.len();
            if length > limit {
                return Err(BodyError::TooLarge { limit });
            }
            if !self.share.grow(data.len()) {
                return Err(BodyError::NoRoom);
            }
            if first.is_empty() {
                first = data;
            } else {
                if whole.is_empty() {
                    whole.reserve(announced.min(FIRST_BYTES).max(length));
                    whole.extend_from_slice(&first);
                }
                whole.extend_from_slice(&data);
            }
        }
        Ok(if whole.is_empty() {
            first
        } else {
            whole.freeze()
        })
    }

    /// Until when the next piece must have come.
    fn due(&self, length: usize) -> Instant {
        let limits = &self.common.limits;
        let earned = Duration::from_secs(length as u64 / u64::from(limits.body_rate.max(1)));
        self.since
            + limits
                .body_time
                .min(limits.body_grace.saturating_add(earned))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if !self.incoming.is_end_stream() {
            self.pulse.leave_unread();
        }
    }
}

impl fmt::Debug for RequestBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_empty() {
            "RequestBody(empty)"
        } else {
            "RequestBody(unread)"
        })
    }
}

impl From<BodyError> for Problem {
    fn from(error: BodyError) -> Problem {
        match error {
            BodyError::TooLarge { limit } => Problem::of(&kit::BODY_TOO_LARGE)
                .detail(format!("The request body may have at most {limit} bytes.")),
            BodyError::NoRoom => Problem::of(&kit::OVERLOADED)
                .detail(
                    "Too many requests with large bodies are on their way; nothing was changed. Send it again.",
                )
                .header(RETRY_AFTER, HeaderValue::from_static(RETRY_S)),
            BodyError::TooSlow => Problem::of(&kit::BODY_TOO_SLOW)
                .detail("The request body did not arrive in time; send it again on a better line."),
            BodyError::Encoded { coding } => Problem::of(&kit::BODY_ENCODED)
                .detail(format!(
                    "The request body is encoded as `{coding}`; send it without Content-Encoding."
                ))
                .header(
                    http::header::ACCEPT_ENCODING,
                    HeaderValue::from_static("identity"),
                ),
            BodyError::Broken => Problem::of(&kit::BODY_BROKEN)
                .detail("The request body ended early or its framing is wrong."),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    /// What is all there is read without waiting.
    fn read(body: &mut RequestBody, most: usize) -> Result<Bytes, BodyError> {
        let mut context = Context::from_waker(Waker::noop());
        match pin!(body.read(most)).poll(&mut context) {
            Poll::Ready(read) => read,
            Poll::Pending => panic!("nothing to wait for"),
        }
    }

    #[test]
    fn bytes_at_hand_are_a_body_like_any_other() {
        let mut body = RequestBody::from(Bytes::from_static(b"{}"));
        assert!(!body.is_empty());
        assert_eq!(read(&mut body, 1), Err(BodyError::TooLarge { limit: 1 }));
        assert_eq!(read(&mut body, 2), Ok(Bytes::from_static(b"{}")));
        assert!(body.is_empty());
        assert_eq!(read(&mut body, 0), Ok(Bytes::new()));
        assert!(RequestBody::from(Bytes::new()).is_empty());
    }
}
