//! A server that ends in the middle of everything: killed, or asked to stop.
//!
//! ```text
//!  [load] many clients, each writes down what it sent and what it was told
//!     │                         kill, or SIGTERM
//!     ▼
//!  [ledger] what they wrote down, held against the feed, the tables and HTTP
//! ```
//!
//! What was acknowledged is there as it was acknowledged. What was not is there wholly or not at
//! all. What was refused is not there.

mod connection;
mod ledger;
mod load;

use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;
use testkit::{Process, eventually};

use self::ledger::Ledger;
use self::load::Load;
use crate::support::{BINARY, folder, serve};

/// Every kind of write can be refused and can touch what others write.
const CONTRACT: &str = "\
frontdesk: 1
name: crash
resources:
  Account:
    id: integer
    fields:
      name:   {type: string, maxLength: 40, unique: true}
      mark:   {type: string, maxLength: 40, index: true}
      amount: {type: integer, minimum: 0}
      text?:  {type: text, maxLength: 5000}
    lists: {lines: Line.account}
    search: [name, text]
    access: {read: public, write: public}
  Line:
    fields:
      account: Account
      mark:    {type: string, maxLength: 40}
      amount:  {type: integer, minimum: 0}
    access: {read: public, write: public}
";

const ROUNDS: u64 = 12;
/// A seed to go through again, as a failed run has told it.
const SEED: &str = "CRASH_SEED";

/// Random numbers that can be had again: SplitMix64.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Dice {
        Dice(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        let end = from.len() as u64;
        (end > 0).then(|| &from[usize::try_from(self.below(end)).unwrap()])
    }
}

/// Tells the seed if the test fails, wherever that happens.
pub struct Seed(pub u64);

impl Seed {
    pub fn draw() -> Seed {
        Seed(match std::env::var(SEED) {
            Ok(text) => text.parse().unwrap(),
            Err(_) => RandomState::new().hash_one(0),
        })
    }
}

impl Drop for Seed {
    #[expect(clippy::print_stderr, reason = "whoever reads the failure needs it")]
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("to draw the same again: {SEED}={}", self.0);
        }
    }
}

fn place() -> TempDir {
    // A line in the log for each of thousands of requests is of no use here.
    folder(&[
        ("frontdesk.yaml", CONTRACT),
        ("frontdesk.toml", "log = \"warn\"\n"),
    ])
}

/// Records that all clients change at once.
fn share(process: &Process) -> Vec<String> {
    let client = process.client();
    let made = (0..3).map(|number| {
        let name = format!("shared-{number}");
        let body = json!({"name": name, "mark": name, "amount": 0});
        client.post("/v1/accounts", &body).expect(201).json()["id"].to_string()
    });
    made.collect()
}

/// Starts a server and kills it before it can have got far.
fn stillborn(place: &Path, dice: &mut Dice) {
    let serve = ["serve", "--listen", "127.0.0.1:0"];
    let mut child = testkit::command(BINARY, place, &serve)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    thread::park_timeout(Duration::from_millis(dice.below(60)));
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn no_moment_is_a_bad_one_for_a_kill() {
    let seed = Seed::draw();
    let mut dice = Dice(seed.0);
    let place = place();
    let mut ledger = Ledger::new(place.path());
    let mut process = serve(place.path(), &[]);
    let shared = share(&process);
    for round in 0..ROUNDS {
        let clients = 8 + dice.below(9);
        let address = process.client().address();
        let mut load = Load::start(address, round, clients, dice.next(), &shared, &ledger);
        let enough = 1 + dice.below(500);
        eventually("acknowledgements", || {
            load.assert_alive();
            (load.acknowledged() >= enough).then_some(())
        });
        thread::park_timeout(Duration::from_micros(dice.below(4000)));
        process.signal("KILL");
        process.ended();
        ledger.take_in(load.deeds());

        // Mending the file may be interrupted as well, and done by another process.
        if dice.below(3) == 0 {
            stillborn(place.path(), &mut dice);
        }
        if dice.below(2) == 0 {
            ledger.check_file();
        }
        process = Process::start(BINARY, place.path(), &["serve", "--listen", "127.0.0.1:0"]);
        ledger.check_file();
        ledger.check_http(&process.client(), &mut dice);
    }
    assert!(ledger.acknowledged() > 300, "{}", ledger.acknowledged());
    process.signal("TERM");
    assert_eq!(process.ended().code(), Some(0), "{}", process.said());
    ledger.check_file();
}

#[test]
fn who_is_asked_to_stop_answers_what_was_begun() {
    let seed = Seed::draw();
    let mut dice = Dice(seed.0);
    let place = place();
    let mut ledger = Ledger::new(place.path());
    let mut shared = vec![];
    for (round, drain) in [(0, "0"), (1, "1"), (2, "0"), (3, "0")] {
        let mut process = serve(place.path(), &["--drain", drain]);
        if shared.is_empty() {
            shared = share(&process);
        }
        let address = process.client().address();
        let mut load = Load::start(address, round, 16, dice.next(), &shared, &ledger);
        let enough = 50 + dice.below(200);
        eventually("acknowledgements", || {
            load.assert_alive();
            (load.acknowledged() >= enough).then_some(())
        });
        process.signal("TERM");
        let before = load.acknowledged();
        if drain != "0" {
            // Load balancers have not noticed yet.
            eventually("answers while it stops", || {
                (load.acknowledged() > before).then_some(())
            });
        }
        // They end when nobody takes their connections any more.
        let deeds = load.deeds();
        assert_eq!(process.ended().code(), Some(0), "{}", process.said());
        assert!(!process.said().contains("cut"), "{}", process.said());
        for deed in &deeds {
            assert!(!deed.is_cut(), "half an answer: {deed:?}");
        }
        ledger.take_in(deeds);
        // Closed as it should be: nothing is left to be mended.
        let log = place.path().join(".frontdesk/frontdesk.db-wal");
        assert!(!fs::exists(log).unwrap());
        ledger.check_file();
        ledger.nothing_unanswered_was_done();
    }
    let process = serve(place.path(), &[]);
    ledger.check_http(&process.client(), &mut dice);
}
