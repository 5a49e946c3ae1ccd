//! Reads a contract and compiles it to a model, with every diagnostic.
