//! What can be chosen about a database file, and why the defaults are what they are.

use std::thread;
use std::time::Duration;

/// When a write counts as done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// Once it is on the disk: it survives a power cut.
    #[default]
    Full,
    /// Once the operating system has it: it survives the end of the process, but a power
    /// cut may take the last moments away. The file stays whole either way.
    Relaxed,
}

/// Every bound of a [`SqliteDriver`](crate::SqliteDriver). A zero where at least one is
/// needed counts as one.
#[derive(Clone, Debug)]
pub struct Options {
    pub durability: Durability,

    /// Writes that may wait for the writer. At 20,000 a second this is a fifth of a second
    /// of work; whoever comes after is better told so at once.
    pub queue_max: usize,
    /// Writes in one transaction. Beyond some hundreds the commit is no longer what costs.
    pub batch_max: usize,
    /// A batch takes no further write in once it has run this long, so that quick writes
    /// do not wait long for the answer when slow ones are among them.
    pub batch_time_max: Duration,
    /// SQLite time of one write. All other writes wait meanwhile.
    pub write_time_max: Duration,
    /// SQLite time of one migration, which may have to rebuild large tables.
    pub migration_time_max: Duration,

    /// Connections for short reads: as many as there are threads that call at the same
    /// time. More callers than that are not refused, their reads run as long ones.
    pub short_readers: usize,
    /// SQLite time of a short read, which holds up everything else on its thread. One that
    /// takes longer was not short and is run again as a long one.
    pub short_time_max: Duration,
    /// Threads for long reads. Few, since they compete with everybody for the processor.
    pub long_readers: usize,
    /// SQLite time of a long read. While it runs, the write-ahead log cannot start over.
    pub long_time_max: Duration,
    /// Who would have to wait longer than this for a thread, going by how long reads have taken
    /// of late, is told so at once.
    pub long_wait_expected_max: Duration,
    /// How long a long read may wait for a thread, whatever was expected. Nobody waits much
    /// longer for an answer.
    pub long_wait_max: Duration,
    /// Long reads that may wait for a thread, however quick they are.
    pub long_queue_max: usize,
    /// Memory one result may take. Whoever needs more has to read in pages.
    pub result_bytes_max: usize,

    /// How long to wait for another process that is writing to the same file.
    pub busy_time_max: Duration,
    /// Prepared statements kept per connection, a few KiB each: enough for the reads and
    /// writes of some hundred resources.
    pub statements_max: usize,
    /// Page cache of the writer: the inner pages of the indexes it keeps changing.
    pub writer_cache_bytes: u32,
    /// Page cache of each reader: filled by what is read only, and emptied by every commit. A
    /// page that is not in it is copied from the operating system's cache.
    pub reader_cache_bytes: u32,
    /// How much of the file readers see through a memory map instead of copying pages. None:
    /// on a file that only is read a map saves a tenth, but each commit takes it away again,
    /// and reads beside writes took twice as long with it. Also, a disk error under a map
    /// ends the process.
    pub mmap_bytes: u64,
    /// Pages (4 KiB) of write-ahead log after which they are written back to the file. A
    /// longer log makes reads and the start after a crash slower.
    pub checkpoint_pages: u32,
    /// Pages of write-ahead log after which the writer itself takes care that it starts
    /// over: under steady writing the log would otherwise grow without end.
    pub log_pages_max: u32,
}

impl Default for Options {
    fn default() -> Self {
        let processors = thread::available_parallelism().map_or(1, usize::from);
        Options {
            durability: Durability::Full,
            queue_max: 4096,
            batch_max: 512,
            batch_time_max: Duration::from_millis(25),
            write_time_max: Duration::from_secs(5),
            migration_time_max: Duration::from_secs(60 * 60),
            // Twice the processors: runtimes have a thread each, and tests or a second
            // runtime may come on top.
            short_readers: (2 * processors).clamp(4, 64),
            short_time_max: Duration::from_millis(50),
            long_readers: processors.clamp(2, 4),
            long_time_max: Duration::from_secs(5),
            long_wait_expected_max: Duration::from_secs(1),
            long_wait_max: Duration::from_secs(5),
            long_queue_max: 256,
            result_bytes_max: 64 << 20,
            busy_time_max: Duration::from_secs(2),
            statements_max: 512,
            writer_cache_bytes: 16 << 20,
            reader_cache_bytes: 16 << 20,
            mmap_bytes: 0,
            checkpoint_pages: 1000,
            log_pages_max: 16_000,
        }
    }
}
