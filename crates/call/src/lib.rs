//! The vocabulary of one request: who asks, for what, and how it ends.
