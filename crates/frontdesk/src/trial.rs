//! Keys for trying things out in development: one for the administrator, one with every scope
//! that acts like any caller.
//!
//! Made once and kept in the data folder, for its owner's eyes only, so that they stay the same
//! over restarts. The database holds no more of them than of any other key.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use call::{Caller, CallerKind, Scopes};
use identity::NewKey;
use identity::secret::KeyText;
use model::Model;
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::clock::now;
use crate::database::make_private;
use crate::error::Error;
use crate::file_error::FileError;

/// Beside the database.
const FILE: &str = "dev-keys.json";
/// `user.id` of both.
pub const USER: &str = "dev";

/// The texts of the keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrialKeys {
    /// May do everything.
    pub admin: String,
    /// Has every scope; the rules apply to it.
    pub api: String,
}

/// Every scope that there is in a contract, sorted.
pub fn scopes(model: &Model) -> Vec<String> {
    let resources = model.resources.iter();
    let mut scopes: Vec<String> = resources
        .flat_map(|resource| [resource.read_scope(), resource.write_scope()])
        .collect();
    scopes.sort();
    scopes.dedup();
    scopes
}

/// The caller that the second key stands for.
pub fn caller(model: &Model) -> Caller {
    Caller {
        kind: CallerKind::Key {
            id: "dev".to_owned(),
        },
        user_id: Some(USER.to_owned()),
        scopes: Scopes::Only(scopes(model)),
        ..Caller::guest()
    }
}

/// The keys for trying: those of last time if they still work and have all scopes, or new ones.
///
/// # Errors
/// When they can be neither made nor kept.
pub async fn keys(app: &App) -> Result<TrialKeys, Error> {
    let path = app.data().join(FILE);
    let known = read(&path);
    let wanted = scopes(&app.model());
    let (mut admin, mut api) = (None, None);
    if let Some(known) = &known {
        let works = async |text: &str| app.keys().verify(text).await.ok();
        admin = works(&known.admin)
            .await
            .filter(|caller| caller.is_operator());
        api = works(&known.api)
            .await
            .filter(|caller| !caller.is_operator());
        if api
            .as_ref()
            .is_some_and(|caller| caller.scopes != Scopes::Only(wanted.clone()))
        {
            // It lacks what the contract has gained, so it makes way for another.
            if let Some(text) = KeyText::parse(&known.api) {
                drop(app.keys().revoke(&text.id(), now()).await);
            }
            api = None;
        }
    }
    if let (Some(known), Some(_), Some(_)) = (&known, &admin, &api) {
        return Ok(known.clone());
    }
    let make = async |wish: NewKey| -> Result<String, Error> {
        let (_, text) = app.keys().create(wish, now()).await?;
        Ok(text.reveal().to_owned())
    };
    let keep = |is_good: bool, text: fn(&TrialKeys) -> &String| {
        known
            .as_ref()
            .filter(|_| is_good)
            .map(|known| text(known).clone())
    };
    let admin = match keep(admin.is_some(), |keys| &keys.admin) {
        Some(text) => text,
        None => {
            make(NewKey {
                name: "dev admin".to_owned(),
                user: Some(USER.to_owned()),
                admin: true,
                ..NewKey::default()
            })
            .await?
        }
    };
    let api = match keep(api.is_some(), |keys| &keys.api) {
        Some(text) => text,
        None => {
            let user = Some(USER.to_owned());
            make(NewKey {
                name: "dev".to_owned(),
                scopes: wanted,
                user,
                ..NewKey::default()
            })
            .await?
        }
    };
    let keys = TrialKeys { admin, api };
    make_private(app.data())?;
    write(&path, &keys).map_err(|source| FileError::writing(&path, source))?;
    Ok(keys)
}

/// The ids of those keys of an earlier `dev` on the same data that still open something, and the
/// file that has them as text: to be told where others than their owner are served.
pub async fn still_good(app: &App) -> Option<(Vec<String>, PathBuf)> {
    let path = app.data().join(FILE);
    let known = read(&path)?;
    let mut good = vec![];
    for text in [&known.admin, &known.api] {
        if app.keys().verify(text).await.is_ok() {
            good.extend(KeyText::parse(text).map(|text| text.id()));
        }
    }
    (!good.is_empty()).then_some((good, path))
}

fn read(path: &Path) -> Option<TrialKeys> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

/// Written beside and put in place, so that the file is whole or not there.
fn write(path: &PathBuf, keys: &TrialKeys) -> io::Result<()> {
    let beside = path.with_extension("new");
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    // One left behind by somebody else would keep its own permissions.
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = options.open(&beside)?;
    file.write_all(&serde_json::to_vec_pretty(keys)?)?;
    drop(file);
    fs::rename(beside, path)
}
