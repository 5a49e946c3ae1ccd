//! The one place where this crate reads the clock.

use std::time::SystemTime;

use value::Timestamp;

/// Now, in milliseconds.
pub fn now() -> Timestamp {
    SystemTime::now().into()
}
