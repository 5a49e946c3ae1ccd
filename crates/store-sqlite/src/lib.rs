//! The embedded SQLite driver: one writer with group commit, readers that never wait.
