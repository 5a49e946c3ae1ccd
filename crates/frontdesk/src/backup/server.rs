//! Backups of a PostgreSQL database, by PostgreSQL's own `pg_dump` and `pg_restore`.
//!
//! ```text
//!  backup:   pg_dump beside FILE ─► pg_restore reads all of it ─► make it durable ─► rename to FILE
//!  restore:  no tables there ─► pg_restore reads all of the file ─► pg_restore, one transaction
//! ```
//!
//! A dump is one picture of the database and keeps nobody from writing. The password reaches the
//! programs by their environment, never by their arguments, which everybody on the machine can read.

use std::io;
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use store_postgres::{PostgresDriver, Target};
use tokio::process::Command;

use super::{BackupError, Checked, Kind, failed, fingerprint};
use crate::data::Watch;
use crate::files::{self, Part};

const DUMP: &str = "pg_dump";
const RESTORE: &str = "pg_restore";

/// How often the size of a growing file is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Characters of a program's complaint that are told.
const COMPLAINT_MAX: usize = 2000;

/// Writes a copy of a database to a file, while others read and write it.
///
/// # Errors
/// See [`BackupError`]. Then there is no file, or the one that was there before.
pub async fn backup(
    target: &Target,
    to: &Path,
    force: bool,
    watch: &dyn Watch,
) -> Result<Checked, BackupError> {
    if !force && files::is_taken(to) {
        return Err(BackupError::Exists(to.to_owned()));
    }
    let contract = look_at(target).await?;
    let contract = contract.ok_or_else(|| BackupError::Empty(target.to_string()))?;
    let part = Part::create(to).map_err(failed(to))?;
    let mut dump = command(DUMP, target);
    dump.args(["--format=custom", "--file"]).arg(part.path());
    let ended = run(DUMP, &mut dump);
    tokio::pin!(ended);
    let mut look = tokio::time::interval(LOOK_EVERY);
    loop {
        tokio::select! {
            ended = &mut ended => break ended.map(drop)?,
            _ = look.tick() => {
                let written = part.path().metadata().map_or(0, |file| file.len());
                watch.at(written, None, 0);
            }
        }
    }
    read_through(part.path()).await?;
    let bytes = part.path().metadata().map_err(failed(part.path()))?.len();
    part.put_in_place(to).map_err(failed(to))?;
    Ok(Checked { bytes, contract })
}

/// Puts a backup into a database that has no tables of frontdesk: what is in use, or may be wanted
/// again, stays as it is.
///
/// # Errors
/// See [`BackupError`]. Then the database holds what it held.
pub async fn restore(file: &Path, target: &Target) -> Result<Checked, BackupError> {
    let bytes = files::check_is_file(file)?.len();
    Kind::Folder.refuse(file)?;
    if look_at(target).await?.is_some() {
        return Err(BackupError::Taken(target.to_string()));
    }
    read_through(file).await?;
    let mut restore = command(RESTORE, target);
    if let Some(name) = target.database() {
        // What makes the program write into a database and not to its output.
        restore.arg("--dbname").arg(name);
    }
    restore
        .args(["--single-transaction", "--exit-on-error", "--no-owner"])
        .args(["--no-privileges", "--"])
        .arg(file);
    run(RESTORE, &mut restore).await?;
    // As a server will find it.
    let contract = look_at(target).await?;
    let contract = contract.ok_or_else(|| BackupError::Foreign(file.to_owned()))?;
    Ok(Checked { bytes, contract })
}

/// The fingerprint of the contract that a database was made for, if it is one of frontdesk's.
async fn look_at(target: &Target) -> Result<Option<String>, BackupError> {
    let wrong = |source| BackupError::Server {
        target: target.to_string(),
        source,
    };
    let options = store_postgres::Options::default();
    let driver = PostgresDriver::open(target.clone(), options)
        .await
        .map_err(wrong)?;
    fingerprint(&driver).await.map_err(wrong)
}

/// Reads every block of a dump, and that it is one of frontdesk's.
async fn read_through(file: &Path) -> Result<(), BackupError> {
    let mut list = Command::new(RESTORE);
    list.arg("--list").arg("--").arg(file);
    let listed = run(RESTORE, &mut list).await?;
    if !String::from_utf8_lossy(&listed).contains(&format!(" {} ", store::migrate::TABLE)) {
        return Err(BackupError::Foreign(file.to_owned()));
    }
    let mut read = Command::new(RESTORE);
    read.arg("--file=/dev/null").arg("--").arg(file);
    run(RESTORE, &mut read).await.map(drop)
}

fn command(program: &str, target: &Target) -> Command {
    let mut command = Command::new(program);
    command.arg("--no-password").envs(target.libpq());
    command
}

/// Runs a program to its end. What it wrote.
async fn run(program: &'static str, command: &mut Command) -> Result<Vec<u8>, BackupError> {
    let ended = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .output()
        .await;
    let Output {
        status,
        stdout,
        stderr,
    } = ended.map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => BackupError::NoProgram(program),
        _ => BackupError::Program {
            program,
            complaint: source.to_string(),
        },
    })?;
    if status.success() {
        return Ok(stdout);
    }
    let complaint = String::from_utf8_lossy(&stderr);
    let complaint = complaint.trim();
    let end = complaint.char_indices().nth(COMPLAINT_MAX);
    Err(BackupError::Program {
        program,
        complaint: complaint[..end.map_or(complaint.len(), |(end, _)| end)].to_owned(),
    })
}
