//! The picture of the first run shows what is said.
