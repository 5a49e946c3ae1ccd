//! The binary under test, and contracts to give it.

use std::fs;
use std::path::Path;

use store::Dialect;
use store::driver::{Cost, Driver, Statement, Storage};
use store_sqlite::{Options, SqliteDriver};
use tempfile::TempDir;
use testkit::{Output, Process};
use value::Value;

pub const BINARY: &str = env!("CARGO_BIN_EXE_frontdesk");

/// A contract of two resources, without mistakes and warnings.
pub const LIBRARY: &str = "\
frontdesk: 1
name: library
rules:
  staff: user.role == 'staff'
resources:
  Author:
    fields:
      name: {type: string, maxLength: 100, index: true}
    access: {read: public, write: staff}
  Book:
    id: integer
    fields:
      title: {type: string, maxLength: 100}
      author?: Author
      owner: {type: string, set: =user.id}
    rules: {mine: this.owner == user.id}
    access: {read: public, create: signed_in, update: mine, delete: mine || staff}
";

/// Whether records lie in the data folder, for tests that look there.
pub fn on_sqlite() -> bool {
    testdb::dialect() == Dialect::Sqlite
}

/// A folder with these files.
pub fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        write(folder.path(), path, text);
    }
    folder
}

/// A folder with this contract.
pub fn contract(text: &str) -> TempDir {
    folder(&[("frontdesk.yaml", text)])
}

pub fn write(folder: &Path, path: &str, text: &str) {
    let path = folder.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// Runs the binary in a folder until it ends.
#[track_caller]
pub fn run(folder: &Path, arguments: &[&str]) -> Output {
    testkit::run(BINARY, folder, arguments)
}

/// Starts `dev` in a folder.
#[track_caller]
pub fn dev(folder: &Path) -> Process {
    Process::start(BINARY, folder, &["dev", "--listen", "127.0.0.1:0"])
}

/// Starts `serve --migrate` in a folder.
#[track_caller]
pub fn serve(folder: &Path, more: &[&str]) -> Process {
    let mut arguments = vec!["serve", "--migrate", "--listen", "127.0.0.1:0"];
    arguments.extend(more);
    Process::start(BINARY, folder, &arguments)
}

/// What a statement counts in a folder's database, also while others have it open.
#[track_caller]
pub fn count_in(folder: &Path, sql: &'static str) -> u64 {
    match testkit::target(folder) {
        Some(target) => count_by(&testdb::open(target), sql),
        None => count(&folder.join(".frontdesk/frontdesk.db"), sql),
    }
}

/// The same in a SQLite file.
#[track_caller]
pub fn count(file: &Path, sql: &'static str) -> u64 {
    count_by(&SqliteDriver::open(file, Options::default()).unwrap(), sql)
}

#[track_caller]
fn count_by(driver: &dyn Driver, sql: &'static str) -> u64 {
    let statement = Statement {
        text: sql.into(),
        parameters: vec![],
        columns: vec![Storage::Int],
        cost: Cost::Long,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let rows = runtime.block_on(driver.query(&statement.into(), &[]));
    match rows.unwrap().cells.as_slice() {
        [Value::Int(count)] => u64::try_from(*count).unwrap(),
        other => panic!("{sql}: {other:?}"),
    }
}

/// Makes of the SQLite database in a folder what some release to come will have made.
#[track_caller]
pub fn newer_release(folder: &Path) {
    let file = folder.join(".frontdesk/frontdesk.db");
    let driver = SqliteDriver::open(&file, Options::default()).unwrap();
    let script = ["UPDATE \"frontdesk_migrations\" SET \"system\" = 1000000".to_owned()];
    let newer = frontdesk::store::people::TABLES.iter();
    let newer = newer.map(|table| format!("DROP TABLE \"{}\"", table.name));
    let script: Vec<String> = script.into_iter().chain(newer).collect();
    testdb::wait(driver.migrate(&script)).unwrap();
}

/// Adds to a folder's database a migration by some release to come.
#[track_caller]
pub fn newer_migration(folder: &Path) {
    let script = ["INSERT INTO \"frontdesk_migrations\" \
         SELECT \"id\" + 1, 1000000, 'in another form', \"steps\", \"at\" \
         FROM \"frontdesk_migrations\" ORDER BY \"id\" DESC LIMIT 1"
        .to_owned()];
    let driver: Box<dyn Driver> = match testkit::target(folder) {
        Some(target) => Box::new(testdb::open(target)),
        None => {
            let file = folder.join(".frontdesk/frontdesk.db");
            Box::new(SqliteDriver::open(&file, Options::default()).unwrap())
        }
    };
    testdb::wait(driver.migrate(&script)).unwrap();
}

/// Makes of the SQLite database in a folder what the release before keys had audiences had made.
#[track_caller]
pub fn older_release(folder: &Path) {
    let file = folder.join(".frontdesk/frontdesk.db");
    let driver = SqliteDriver::open(&file, Options::default()).unwrap();
    let mut script = vec![
        "DROP TABLE \"frontdesk_sequences\"".to_owned(),
        "DROP TABLE \"frontdesk_leases\"".to_owned(),
        "ALTER TABLE \"frontdesk_operations\" DROP COLUMN \"node\"".to_owned(),
        "ALTER TABLE \"frontdesk_operations\" DROP COLUMN \"kept\"".to_owned(),
        "ALTER TABLE \"frontdesk_operations\" DROP COLUMN \"rights\"".to_owned(),
        "ALTER TABLE \"frontdesk_answers\" DROP COLUMN \"operation\"".to_owned(),
        "ALTER TABLE \"frontdesk_keys\" DROP COLUMN \"audience\"".to_owned(),
        "CREATE INDEX \"frontdesk_feed__at\" ON \"frontdesk_feed\" (\"at\")".to_owned(),
        "UPDATE \"frontdesk_migrations\" SET \"system\" = 4".to_owned(),
    ];
    let people = store::people::TABLES.iter();
    script.extend(people.map(|table| format!("DROP TABLE \"{}\"", table.name)));
    testdb::wait(driver.migrate(&script)).unwrap();
}
