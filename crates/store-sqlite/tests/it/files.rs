//! The file itself: who may see it, what if it is damaged or gone, what stays open.

use std::fs;
use std::sync::Arc;

use store::driver::{Cost, Driver, Storage, StoreError};
use store_sqlite::{Lock, Options, SqliteDriver};

use crate::support::{
    NONE, book, book_ids, fresh, gate, hand_over, long, outcome, reopen, statement, told,
};

#[cfg(unix)]
#[test]
fn file_and_folder_are_for_their_owner() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("a/b");
    let path = folder.join("data.db");
    let driver = reopen(&path);
    let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(dir.path().join("a")), 0o700);
    assert_eq!(mode(folder.clone()), 0o700);
    assert_eq!(mode(path.clone()), 0o600);
    assert_eq!(mode(folder.join("data.db-wal")), 0o600);
    drop(driver);
}

#[tokio::test]
async fn closing_leaves_no_log() {
    let fresh = fresh(Options::default()).await;
    fresh.driver.write(book(1)).await.unwrap();
    let all = long("SELECT id FROM book", 0, 1);
    fresh.driver.query(&all, &[]).await.unwrap();
    assert_eq!(book_ids(&fresh.driver).await, [1]);
    drop(fresh.driver);
    let mut left: Vec<_> = fs::read_dir(fresh.dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    left.sort();
    assert_eq!(left, ["data.db", "data.db-lock"]);
}

#[tokio::test]
async fn nobody_exchanges_a_file_that_is_in_use() {
    let fresh = fresh(Options::default()).await;
    let path = fresh.dir.path().join("data.db");
    assert!(Lock::exclusive(&path).unwrap().is_none());
    let second = reopen(&path);
    drop(fresh.driver);
    assert!(Lock::exclusive(&path).unwrap().is_none());
    drop(second);
    let exclusive = Lock::exclusive(&path).unwrap().unwrap();
    let refused = SqliteDriver::open(&path, Options::default()).err();
    assert!(matches!(refused, Some(StoreError::Unavailable { .. })));
    drop(exclusive);
    reopen(&path);
}

#[test]
fn what_is_no_database_is_told_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("notes.txt");
    let notes = "Not a database. ".repeat(1000);
    fs::write(&path, &notes).unwrap();
    assert_eq!(
        told(SqliteDriver::open(&path, Options::default())),
        "corrupt"
    );
    assert_eq!(fs::read_to_string(&path).unwrap(), notes, "and left alone");
    let folder = dir.path().join("folder");
    fs::create_dir(&folder).unwrap();
    assert_eq!(
        told(SqliteDriver::open(&folder, Options::default())),
        "unavailable"
    );
    let beneath_a_file = path.join("data.db");
    assert_eq!(
        told(SqliteDriver::open(&beneath_a_file, Options::default())),
        "unavailable"
    );
}

#[tokio::test]
async fn a_damaged_page_is_told() {
    let fresh = fresh(Options::default()).await;
    for id in 0..200 {
        fresh.driver.write(book(id)).await.unwrap();
    }
    drop(fresh.driver);
    let mut bytes = fs::read(&fresh.path).unwrap();
    assert_eq!(bytes.len() % 4096, 0);
    // All but the first page, which tells where the tables are.
    bytes[4096..].fill(0x5a);
    fs::write(&fresh.path, bytes).unwrap();
    let driver = reopen(&fresh.path);
    for cost in [Cost::Short, Cost::Long] {
        let all = statement(cost, "SELECT id FROM book", &[], &[Storage::Int]);
        assert_eq!(told(driver.query(&all, &[]).await), "corrupt");
    }
    assert_eq!(outcome(driver.write(book(1000)).await), "corrupt");
    assert_eq!(
        told(driver.ready().await),
        "ok",
        "the first page can still be written"
    );
}

#[tokio::test]
async fn a_file_that_is_gone_is_noticed_and_not_made_anew() {
    let fresh = fresh(Options::default()).await;
    fresh.driver.ready().await.unwrap();
    fs::rename(&fresh.path, fresh.dir.path().join("moved.db")).unwrap();
    assert_eq!(told(fresh.driver.ready().await), "unavailable");
    assert!(!fresh.path.exists());
    fs::rename(fresh.dir.path().join("moved.db"), &fresh.path).unwrap();
    fresh.driver.ready().await.unwrap();
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn drivers_leave_no_open_files_behind() {
    let dir = tempfile::tempdir().unwrap();
    let open_files = || {
        fs::read_dir("/proc/self/fd")
            .unwrap()
            .filter_map(|entry| fs::read_link(entry.unwrap().path()).ok())
            .filter(|target| target.starts_with(dir.path()))
            .count()
    };
    for n in 0..20 {
        let driver = Arc::new(reopen(&dir.path().join(format!("{n}.db"))));
        driver
            .migrate(&[crate::support::BOOKS.to_owned()])
            .await
            .unwrap();
        // Threads that end before the driver, and one that does not.
        let readers: Vec<_> = (0..4)
            .map(|_| {
                let driver = Arc::clone(&driver);
                std::thread::spawn(move || {
                    crate::support::now(driver.query(
                        &crate::support::short("SELECT count(*) FROM book", 0, 1),
                        &[],
                    ))
                })
            })
            .collect();
        for reader in readers {
            reader.join().unwrap().unwrap();
        }
        assert_eq!(book_ids(&driver).await, NONE);
        driver
            .query(&long("SELECT id FROM book", 0, 1), &[])
            .await
            .unwrap();
        assert!(open_files() > 0);
        drop(driver);
        assert_eq!(open_files(), 0);
    }
}

#[tokio::test]
async fn dropping_a_driver_ends_its_reads() {
    let fresh = fresh(Options::default()).await;
    let endless = long(crate::support::ENDLESS, 0, 1);
    let mut read = fresh.driver.query(&endless, &[]);
    hand_over(&mut read);
    drop(read);
    let (gate, holder) = gate(|_| Ok(()));
    let mut snapshot = fresh.driver.snapshot(Cost::Long, holder);
    hand_over(&mut snapshot);
    gate.entered.recv().unwrap();
    drop(snapshot);
    gate.open.send(()).unwrap();
    drop(fresh.driver);
    reopen(&fresh.path).ready().await.unwrap();
}
