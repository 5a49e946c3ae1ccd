//! `backup` and `restore`: the whole database as one file.

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use frontdesk::Location;
use frontdesk::backup::{self, BackupError};
use serde_json::json;

use super::{Done, Trouble, location, runtime};
use crate::config::Storage;
use crate::progress::{Progress, Unit};
use crate::terminal::{GOOD, QUIET, say, styled, tell};

const EXAMPLE: &str = "\
Example:
  frontdesk backup backups/monday.db
  frontdesk backup /mnt/nightly.db --data /var/lib/bookstore --force --json

Works while a server runs on the same data and keeps nobody from writing. The copy is looked at
from end to end before it gets its name. With records in PostgreSQL, use pg_dump.";

const RESTORE_EXAMPLE: &str = "\
Example:
  frontdesk restore backups/monday.db
  frontdesk restore /mnt/nightly.db --data /var/lib/bookstore --force

Stop the server first. The database that was there stays beside the new one.";

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
}

#[derive(Args, Debug)]
struct Place {
    /// The contract's folder
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,

    #[command(flatten)]
    storage: Storage,

    /// A summary as JSON on the standard output
    #[arg(long)]
    json: bool,
}

impl Place {
    /// The data folder.
    fn data(&self) -> Result<PathBuf, Trouble> {
        match location(&self.dir, self.storage.clone())? {
            Location::Folder(data) => Ok(data),
            Location::Server(target) => Err(Trouble::Wrong(
                format!("records are kept in {target}: a server has its own means for this"),
                Some(
                    "`pg_dump --format=custom --file FILE URL` copies it while it is used, \
                     `pg_restore --clean --dbname URL FILE` puts it back"
                        .to_owned(),
                ),
            )),
        }
    }
}

impl Backup {
    pub fn run(self) -> Done {
        let data = self.place.data()?;
        if !data.join(frontdesk::backup::DATABASE).exists() {
            let what = format!("there is no database in `{}`", data.display());
            return Err(Trouble::Wrong(what, None));
        }
        let progress = Progress::new(Unit::Bytes);
        let began = Instant::now();
        let copied = backup::backup(&data, &self.file, self.force, &progress);
        let copied = runtime()?.block_on(copied);
        progress.clear();
        let copied = copied.map_err(|error| trouble(&error, "--force writes over it"))?;
        match self.place.json {
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
    pub fn run(self) -> Done {
        let data = self.place.data()?;
        let progress = Progress::new(Unit::Bytes);
        let began = Instant::now();
        let restored = backup::restore(&self.file, &data, self.force, &progress);
        let restored = runtime()?.block_on(restored);
        progress.clear();
        let help = "--force takes its place; it is kept aside";
        let restored = restored.map_err(|error| trouble(&error, help))?;
        if self.place.json {
            say(json!({
                "ok": true,
                "data": shown(&data),
                "before": restored.before.as_deref().map(shown),
                "bytes": restored.checked.bytes,
                "contract": restored.checked.contract,
                "seconds": super::data::rounded(began.elapsed().as_secs_f64()),
            }));
            return Ok(());
        }
        say(format!(
            "{} {} restored into {}",
            styled(GOOD, "✓"),
            indicatif::HumanBytes(restored.checked.bytes),
            data.display()
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

fn trouble(error: &BackupError, if_exists: &str) -> Trouble {
    let help = match error {
        BackupError::Exists(_) => Some(if_exists),
        BackupError::InUse(_) => Some("stop it first"),
        _ => None,
    };
    Trouble::Wrong(error.to_string(), help.map(str::to_owned))
}
