//! Killed at any moment: what was acknowledged is there, and nothing is there by half.

use std::path::Path;

use store::driver::{Cost, Driver, Storage};
use store_sqlite::Options;
use value::Value;

use crate::child::{acknowledged, start};
use crate::support::{book_ids, fresh, read, reopen, statement};

const ROUNDS: i64 = 15;

async fn check_whole(path: &Path, acknowledged: &[i64]) {
    let driver = reopen(path);
    let books = book_ids(&driver).await;
    for id in acknowledged {
        assert!(
            books.binary_search(id).is_ok(),
            "{id} was acknowledged and is not there"
        );
    }
    let mut in_feed = read(&driver, "SELECT book FROM feed ORDER BY position", 1).await;
    in_feed.sort_unstable();
    assert_eq!(in_feed, books, "a book and its feed entry are one write");
    let check = statement(Cost::Long, "PRAGMA integrity_check", &[], &[Storage::Text]);
    let found = driver.query(&check, &[]).await.unwrap();
    assert_eq!(found.cells, [Value::Text("ok".to_owned())]);
}

#[tokio::test]
async fn no_acknowledged_write_is_lost() {
    let fresh = fresh(Options::default()).await;
    drop(fresh.driver);
    let mut acks = Vec::new();
    // Not random, but without any rhythm in common with commits and checkpoints.
    let mut seed = 12345_u32;
    for round in 0..ROUNDS {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let moment = acks.len() + 1 + (seed >> 25) as usize;
        let mut running = start("write until killed", &fresh.path, round * 1_000_000);
        while acks.len() < moment {
            acks.extend(acknowledged(&running.next().expect("it writes on")));
        }
        running.child.kill().unwrap();
        // What it said before it ended counts too.
        while let Some(said) = running.next() {
            acks.extend(acknowledged(&said));
        }
        running.child.wait().unwrap();
        check_whole(&fresh.path, &acks).await;
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_full_disk_refuses_writes_until_there_is_room_again() {
    use std::io::Write;
    use std::process::Command;

    let fresh = fresh(Options::default()).await;
    drop(fresh.driver);
    // A limit on the size of files stands for a full disk, and can be lifted from outside.
    let mut limited = Command::new("sh");
    limited.args(["-c", "trap '' XFSZ; ulimit -S -f 200; exec \"$0\" \"$@\""]);
    limited.arg(std::env::current_exe().unwrap());
    let mut running = crate::child::start_with(limited, "write until full", &fresh.path, 0);
    let mut acks = Vec::new();
    let failure = loop {
        let said = running.next().expect("it tells of the failure");
        match acknowledged(&said) {
            Some(id) => acks.push(id),
            None => break said,
        }
    };
    assert_eq!(failure, "unavailable");
    assert_eq!(running.next().as_deref(), Some("refused"));
    assert_eq!(running.next().as_deref(), Some("not ready"));
    let lifted = Command::new("prlimit")
        .args([
            "--fsize=unlimited",
            "--pid",
            &running.child.id().to_string(),
        ])
        .status()
        .unwrap();
    assert!(lifted.success());
    writeln!(running.input, "there is room").unwrap();
    assert_eq!(running.next().as_deref(), Some("ready"));
    loop {
        let said = running.next().expect("it tells when it is done");
        match acknowledged(&said) {
            Some(id) => acks.push(id),
            None => break assert_eq!(said, "done"),
        }
    }
    assert!(running.child.wait().unwrap().success());
    assert!(acks.len() > 50);
    check_whole(&fresh.path, &acks).await;
}
