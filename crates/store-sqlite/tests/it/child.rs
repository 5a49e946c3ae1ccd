//! Other processes on the same file: this test binary, started again.

use std::io::{BufRead, BufReader, Lines, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use store::driver::Driver;
use store_sqlite::{Options, SqliteDriver};

use crate::support::{book, outcome, read, work};

const ROLE: &str = "STORE_SQLITE_TEST_ROLE";
const FILE: &str = "STORE_SQLITE_TEST_FILE";
const FIRST: &str = "STORE_SQLITE_TEST_FIRST";
const TASKS: i64 = 4;

/// Not a test but what a child does. Without its variables it does nothing.
#[test]
fn runs_as_a_child() {
    let (Ok(role), Ok(file)) = (std::env::var(ROLE), std::env::var(FILE)) else {
        return;
    };
    let first = std::env::var(FIRST).unwrap().parse().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    let full = role == "write until full";
    let options = Options {
        // Short, so that a crash may come anywhere in the life of the log; or not at all,
        // lest a log that starts over make room on the full disk.
        checkpoint_pages: if full { u32::MAX } else { 20 },
        log_pages_max: if full { u32::MAX } else { 60 },
        busy_time_max: Duration::from_secs(30),
        ..Options::default()
    };
    let driver = SqliteDriver::open(Path::new(&file), options).unwrap();
    let driver: &'static SqliteDriver = Box::leak(Box::new(driver));
    match role.as_str() {
        "write until killed" => runtime.block_on(write_on(driver, first, i64::MAX)),
        "write a hundred" => runtime.block_on(write_on(driver, first, 100 / TASKS)),
        "write until full" => runtime.block_on(write_until_full(driver, first)),
        other => panic!("no such role: {other}"),
    }
}

fn say(line: &str) {
    static OUT: Mutex<()> = Mutex::new(());
    let _one_at_a_time = OUT.lock().unwrap();
    let mut out = std::io::stdout();
    writeln!(out, "\n>{line}").unwrap();
    out.flush().unwrap();
}

async fn write_on(driver: &'static SqliteDriver, first: i64, each: i64) {
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            tokio::spawn(async move {
                for n in 0..each {
                    let id = first + n * TASKS + task;
                    driver.write(book(id)).await.unwrap();
                    say(&format!("ack {id}"));
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

async fn write_until_full(driver: &'static SqliteDriver, first: i64) {
    // A reader keeps the file open, so that the log is not cleared away in between.
    assert_eq!(read(driver, "SELECT count(*) FROM book", 1).await, [0]);
    let mut id = first;
    let failure = loop {
        let result = driver.write(book(id)).await;
        if result.is_err() {
            break outcome(result);
        }
        say(&format!("ack {id}"));
        id += 1;
    };
    say(&failure);
    // Reads go on, refusals too, and neither makes it ready again.
    read(driver, "SELECT count(*) FROM book", 1).await;
    let refused = work(|_| Err(store::driver::Undo::Refused));
    say(&outcome(driver.write(refused).await));
    say(if driver.ready().await.is_ok() {
        "ready"
    } else {
        "not ready"
    });
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
    say(if driver.ready().await.is_ok() {
        "ready"
    } else {
        "not ready"
    });
    for id in id..id + 50 {
        assert_eq!(outcome(driver.write(book(id)).await), "ok");
        say(&format!("ack {id}"));
    }
    say("done");
}

/// A child and what it says.
pub struct Running {
    pub child: Child,
    pub input: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
}

pub fn start(role: &str, file: &Path, first: i64) -> Running {
    start_with(
        Command::new(std::env::current_exe().unwrap()),
        role,
        file,
        first,
    )
}

/// `command` runs this binary, to which arguments are added.
pub fn start_with(mut command: Command, role: &str, file: &Path, first: i64) -> Running {
    let mut child = command
        .args([
            "--exact",
            "child::runs_as_a_child",
            "--nocapture",
            "--test-threads=1",
        ])
        .env(ROLE, role)
        .env(FILE, file)
        .env(FIRST, first.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let input = child.stdin.take().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    Running {
        child,
        input,
        lines,
    }
}

impl Running {
    /// The next thing it says, or `None` when it has ended.
    pub fn next(&mut self) -> Option<String> {
        loop {
            let line = self.lines.next()?.unwrap();
            if let Some(said) = line.strip_prefix('>') {
                return Some(said.to_owned());
            }
        }
    }
}

pub fn acknowledged(said: &str) -> Option<i64> {
    Some(said.strip_prefix("ack ")?.parse().unwrap())
}
