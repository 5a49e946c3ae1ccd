//! What all HTTP doors share: who asks, and how a refusal looks.
//!
//! From a request's head to what it shows of its sender ([`call::Presented`]), with the challenges
//! that go with refusals, and from a [`call::Failure`] to an RFC 9457 problem. Knows no resource,
//! no credential that is good or bad, and nothing of what a door offers.

pub mod credentials;
pub mod failure;
mod frame;
pub mod trace;

pub use credentials::{Accepted, Credentials, Sender};
pub use failure::Refusal;
pub use frame::Frame;
