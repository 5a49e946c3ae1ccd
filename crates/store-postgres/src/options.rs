//! Every bound of a [`PostgresDriver`](crate::PostgresDriver), and why it is what it is.

use std::thread;
use std::time::Duration;

#[derive(Clone, Debug)]
pub struct Options {
    /// Connections at most, and one more to see whether the server is there. PostgreSQL works
    /// best with few; they are opened when needed, and many nodes share what the server allows in
    /// all (100 by default). A quarter is shared by short reads; of the others writes hold three
    /// quarters at most.
    pub connections_max: usize,
    /// Of these, how many long reads may hold, so that short ones always find one.
    pub long_reads_max: usize,
    /// Requests of each kind that may wait for a connection.
    pub waiting_max: usize,
    /// How long one may wait for a connection.
    pub wait_max: Duration,
    /// How long connecting may take.
    pub connect_max: Duration,
    /// A connection is given up after this long, so that load follows servers that come.
    pub lifetime_max: Duration,
    /// Prepared statements kept per connection, on the server a few dozen KiB each.
    pub statements_max: usize,

    /// Server time of a short read.
    pub short_time_max: Duration,
    /// Server time of a long read.
    pub long_time_max: Duration,
    /// Server time of one statement of a write.
    pub write_time_max: Duration,
    /// Time of a write as a whole, and of a snapshot, however many statements it has: below the
    /// 30 s in which a request must be answered.
    pub transaction_time_max: Duration,
    /// How long a statement of a write may wait for a lock that another write holds.
    pub lock_time_max: Duration,
    /// Beyond what the server allows a statement itself: then nobody answers any more.
    pub silence_max: Duration,

    /// How often a write is run when the server asks for it to be run again.
    pub attempts_max: u32,
    /// No write is begun anew after this long.
    pub attempts_time_max: Duration,

    /// Server time of one statement of a migration, which may have to rewrite large tables.
    pub migration_time_max: Duration,
    /// How long a migration may wait for a lock: behind it everybody waits.
    pub migration_lock_time_max: Duration,
    /// How often a migration tries to get its locks.
    pub migration_attempts_max: u32,

    /// Memory one result may take. Whoever needs more has to read in pages.
    pub result_bytes_max: usize,
}

impl Default for Options {
    fn default() -> Self {
        let processors = thread::available_parallelism().map_or(1, usize::from);
        let connections_max = (4 * processors).clamp(12, 32);
        Options {
            connections_max,
            long_reads_max: connections_max / 2,
            waiting_max: 4096,
            wait_max: Duration::from_secs(5),
            connect_max: Duration::from_secs(5),
            lifetime_max: Duration::from_secs(30 * 60),
            statements_max: 512,
            short_time_max: Duration::from_secs(5),
            long_time_max: Duration::from_secs(5),
            write_time_max: Duration::from_secs(5),
            transaction_time_max: Duration::from_secs(20),
            lock_time_max: Duration::from_secs(2),
            silence_max: Duration::from_secs(5),
            attempts_max: 20,
            attempts_time_max: Duration::from_secs(5),
            migration_time_max: Duration::from_secs(60 * 60),
            migration_lock_time_max: Duration::from_secs(2),
            migration_attempts_max: 15,
            result_bytes_max: 64 << 20,
        }
    }
}
