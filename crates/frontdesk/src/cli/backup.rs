//! `backup` and `restore`: the whole database as one file.

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use frontdesk::audit::{Action, Entry};
use frontdesk::backup::{self, BackupError, Kind, Restored};
use frontdesk::store::StoreError;
use frontdesk::{Location, now};
use serde_json::json;

use super::asked::Asked;
use super::place::Place;
use super::{Done, FILE_UNAVAILABLE, Trouble, audit, runtime};
use crate::progress::{Progress, Unit};
use crate::terminal::{GOOD, QUIET, say, styled, tell};

const EXAMPLE: &str = "\
Example:
  frontdesk backup backups/monday.db
  frontdesk backup /mnt/nightly.db --data /var/lib/bookstore --force --json
  frontdesk backup monday.dump --database postgres://ann@db.example/shop

Works while a server runs on the same data and keeps nobody from writing. The copy is looked at
from end to end before it gets its name. With records in PostgreSQL it is made by pg_dump, which
must be installed.";

const RESTORE_EXAMPLE: &str = "\
Example:
  frontdesk restore backups/monday.db
  frontdesk restore /mnt/nightly.db --data /var/lib/bookstore --force
  frontdesk restore monday.dump --database postgres://ann@db.example/shop_again

Stop the server first. The database that was there stays beside the new one. PostgreSQL is given
an empty database, into which pg_restore writes.";

/// Copy the database into one file, also while a server runs
#[derive(Args, Debug)]
#[command(after_help = EXAMPLE)]
pub struct Backup {
    /// The file to write
    file: PathBuf,

    /// Also if there is such a file already
    #[arg(long)]
    force: bool,

    #[command(flatten)]
    place: Place,

    /// A summary as JSON on the standard output
    #[arg(long)]
    json: bool,
}

/// Put a backup in the place of the database
#[derive(Args, Debug)]
#[command(after_help = RESTORE_EXAMPLE)]
pub struct Restore {
    /// A file that `backup` wrote
    file: PathBuf,

    /// Also if there is a database; it is kept aside
    #[arg(long)]
    force: bool,

    #[command(flatten)]
    place: Place,

    /// A summary as JSON on the standard output
    #[arg(long)]
    json: bool,
}

fn no_database_help(place: &Place) -> String {
    let named = place.asked().naming_data();
    named.unwrap_or_else(|| "`--data DIR` names the folder it is in".to_owned())
}

impl Backup {
    pub fn asked(&self) -> Asked {
        self.place.asked()
    }

    pub fn run(self) -> Done {
        let location = self.place.location()?;
        if let Location::Folder(data) = &location
            && !data.join(backup::DATABASE).exists()
        {
            let what = format!("there is no database in `{}`", data.display());
            return Err(Trouble::Wrong(what, Some(no_database_help(&self.place))));
        }
        let progress = Progress::new(Unit::Bytes);
        let began = Instant::now();
        let runtime = runtime()?;
        let copied = runtime.block_on(async {
            match &location {
                Location::Folder(data) => {
                    backup::backup(data, &self.file, self.force, &progress).await
                }
                Location::Server(target) => {
                    backup::server::backup(target, &self.file, self.force, &progress).await
                }
            }
        });
        progress.clear();
        let copied = copied.map_err(trouble("--force writes over it"))?;
        let entry = Entry::new(now(), Action::BackupMade, &audit::operator())
            .detail("file", shown(&self.file));
        runtime.block_on(audit::note(&self.place, &location, &entry))?;
        match self.json {
            true => say(json!({
                "ok": true,
                "file": shown(&self.file),
                "bytes": copied.bytes,
                "contract": copied.contract,
                "seconds": super::data::rounded(began.elapsed().as_secs_f64()),
            })),
            false => say(format!(
                "{} {} in {}, and it is whole",
                styled(GOOD, "✓"),
                indicatif::HumanBytes(copied.bytes),
                self.file.display()
            )),
        }
        Ok(())
    }
}

impl Restore {
    pub fn asked(&self) -> Asked {
        self.place.asked()
    }

    pub fn run(self) -> Done {
        let location = self.place.location()?;
        let progress = Progress::new(Unit::Bytes);
        let began = Instant::now();
        let runtime = runtime()?;
        let restored =
            runtime.block_on(async {
                match &location {
                    Location::Folder(data) => {
                        backup::restore(&self.file, data, self.force, &progress).await
                    }
                    Location::Server(target) => backup::server::restore(&self.file, target)
                        .await
                        .map(|checked| Restored {
                            checked,
                            before: None,
                        }),
                }
            });
        progress.clear();
        let help = "--force takes its place; it is kept aside";
        let restored = restored.map_err(trouble(help))?;
        let entry = Entry::new(now(), Action::BackupRestored, &audit::operator())
            .detail("file", shown(&self.file));
        runtime.block_on(audit::note(&self.place, &location, &entry))?;
        let place = match &location {
            Location::Folder(data) => shown(data),
            Location::Server(target) => target.to_string(),
        };
        if self.json {
            say(json!({
                "ok": true,
                "data": place,
                "before": restored.before.as_deref().map(shown),
                "bytes": restored.checked.bytes,
                "contract": restored.checked.contract,
                "seconds": super::data::rounded(began.elapsed().as_secs_f64()),
            }));
            return Ok(());
        }
        say(format!(
            "{} {} restored into {place}",
            styled(GOOD, "✓"),
            indicatif::HumanBytes(restored.checked.bytes),
        ));
        if let Some(before) = &restored.before {
            let kept = format!("what was there is in {}", before.display());
            tell(styled(QUIET, kept));
        }
        Ok(())
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

fn trouble(if_exists: &str) -> impl Fn(BackupError) -> Trouble {
    move |error| {
        let help = match &error {
            BackupError::Exists(_) => Some(if_exists),
            BackupError::InUse(_) => Some("stop it first"),
            BackupError::Taken(_) => Some(
                "make an empty database, restore into that, and let the server use it: what was \
                 there stays as it was",
            ),
            BackupError::OtherKind(_, Kind::Server) => {
                Some("name the database to restore it into: `--database postgres://…`")
            }
            BackupError::OtherKind(_, Kind::Folder) => Some(
                "restore it without `--database`; `frontdesk data export` and `data import` bring \
                 records from one to the other",
            ),
            BackupError::NoProgram(_) => Some(
                "install PostgreSQL's client programs, of the server's version or a later one \
                 (Debian: apt-get install postgresql-client)",
            ),
            BackupError::File(error) => Some(error.mend()),
            BackupError::Copy { .. } => Some(
                "the copy needs room and the right to write where it goes, and the right to read \
                 what is copied",
            ),
            BackupError::Database {
                source: StoreError::Unavailable { .. },
                ..
            } => Some(FILE_UNAVAILABLE),
            _ => None,
        };
        Trouble::Wrong(error.to_string(), help.map(str::to_owned))
    }
}
