//! The one place where this crate reads the clock.

use std::time::SystemTime;

use value::Timestamp;

/// Now, in milliseconds.
pub fn now() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    let millis = i64::try_from(since.as_millis()).unwrap_or(i64::MAX);
    Timestamp::from_millis(millis).unwrap_or(Timestamp(0))
}
