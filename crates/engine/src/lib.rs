//! Where an action happens: scope, access, validation, store, outcome.
