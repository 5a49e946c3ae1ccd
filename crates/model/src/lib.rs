//! The compiled, immutable contract.
