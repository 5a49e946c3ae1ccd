//! Where the master key comes from: given, or from a file, which is made in the data folder when
//! the first secret has to be sealed.
//!
//! Servers that share a database must have the same master key, so none is made for one of
//! several unasked.

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use vault::{KEY_FILE_BYTES_MAX, MasterKeys, MasterKeysError, Vault};
use zeroize::Zeroizing;

use crate::database::make_private;
use crate::file_error::FileError;

/// The file in the data folder.
const FILE: &str = "master.key";

/// Where the master key is.
#[derive(Clone, Debug, Default)]
pub enum MasterKey {
    /// In the file `master.key` of the data folder.
    #[default]
    InData,
    /// In this file, one key a line: the first seals, the others still open.
    File(PathBuf),
    /// In the environment, say.
    Given(Vault),
}

/// What is to be done if the data folder holds none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// Go on without one: nothing has to be sealed.
    Fine,
    /// Make one.
    Make,
    /// [`MasterKeyError::None`].
    Refuse,
}

/// Why there is no master key.
#[derive(Debug)]
pub enum MasterKeyError {
    /// Nobody has said which, and none may be made.
    None,
    /// What was given holds none.
    Wrong {
        /// Where it was given.
        place: String,
        source: MasterKeysError,
    },
    File(FileError),
}

impl fmt::Display for MasterKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MasterKeyError::None => f.write_str(
                "secrets have to be sealed here, and there is no master key to seal them with",
            ),
            MasterKeyError::Wrong { place, source } => write!(f, "{place}: {source}"),
            MasterKeyError::File(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for MasterKeyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            MasterKeyError::None => None,
            MasterKeyError::Wrong { source, .. } => Some(source),
            MasterKeyError::File(error) => error.source(),
        }
    }
}

impl From<FileError> for MasterKeyError {
    fn from(error: FileError) -> MasterKeyError {
        MasterKeyError::File(error)
    }
}

impl MasterKey {
    /// As the environment gives it: the current key, and older ones with commas between them.
    ///
    /// # Errors
    /// When they are none.
    pub fn given(current: &str, older: Option<&str>) -> Result<MasterKey, MasterKeyError> {
        let text = Zeroizing::new(format!("{current}\n{}", older.unwrap_or_default()));
        parse(&text, "the master key that was given").map(MasterKey::Given)
    }

    /// The vault that seals with it.
    ///
    /// # Errors
    /// When it cannot be read or made, or may not be.
    pub fn vault(&self, data: &Path, missing: Missing) -> Result<Option<Vault>, MasterKeyError> {
        let file = match self {
            MasterKey::Given(vault) => return Ok(Some(vault.clone())),
            MasterKey::File(file) => return read(file).map(Some),
            MasterKey::InData => data.join(FILE),
        };
        match (read(&file), missing) {
            (Err(MasterKeyError::File(error)), _) if error.is_absence() => {}
            (found, _) => return found.map(Some),
        }
        match missing {
            Missing::Fine => Ok(None),
            Missing::Refuse => Err(MasterKeyError::None),
            Missing::Make => {
                make_private(data)?;
                make(&file)?;
                read(&file).map(Some)
            }
        }
    }
}

fn read(path: &Path) -> Result<Vault, MasterKeyError> {
    let failed = |source| FileError::reading(path, source);
    let file = File::open(path).map_err(failed)?;
    tell_if_exposed(&file, path);
    let mut text = Zeroizing::new(String::with_capacity(KEY_FILE_BYTES_MAX as usize));
    let mut file = file.take(KEY_FILE_BYTES_MAX);
    file.read_to_string(&mut text).map_err(failed)?;
    parse(&text, &format!("`{}`", path.display()))
}

fn parse(text: &str, place: &str) -> Result<Vault, MasterKeyError> {
    let keys = MasterKeys::parse(text).map_err(|source| MasterKeyError::Wrong {
        place: place.to_owned(),
        source,
    })?;
    Ok(Vault::new(keys))
}

/// Some platforms hand files in with wide rights, so it is no reason not to start.
#[cfg(unix)]
fn tell_if_exposed(file: &File, path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let mode = file
        .metadata()
        .map_or(0, |about| about.permissions().mode());
    if mode & 0o077 != 0 {
        let file = path.display();
        tracing::warn!(%file, "others on this machine may read the master key: `chmod 600` it");
    }
}

#[cfg(not(unix))]
fn tell_if_exposed(_: &File, _: &Path) {}

/// Makes a file with a new key, unless another process is faster; then it is that one's. Nobody
/// ever sees a part of it.
fn make(path: &Path) -> Result<(), MasterKeyError> {
    let key = MasterKeys::generate().map_err(|source| MasterKeyError::Wrong {
        place: format!("`{}`", path.display()),
        source,
    })?;
    let failed = |source| MasterKeyError::File(FileError::writing(path, source));
    let folder = path.parent().unwrap_or(Path::new("."));
    // Which its owner alone may read.
    let mut draft = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    write(draft.as_file_mut(), &key).map_err(failed)?;
    match draft.persist_noclobber(path) {
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
        Err(error) => return Err(failed(error.error)),
        Ok(_) => {}
    }
    // What is sealed from now on must not outlive the name of the key.
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(failed)?;
    let file = path.display();
    tracing::info!(%file, "made a master key: keep a copy of it apart from backups");
    Ok(())
}

fn write(file: &mut File, key: &str) -> io::Result<()> {
    file.write_all(
        b"# Opens what frontdesk has sealed in its database. Keep a copy apart from backups.\n",
    )?;
    file.write_all(key.as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_key_is_made_once_and_only_when_it_may_be() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let find = |missing| MasterKey::InData.vault(&data, missing);
        assert!(find(Missing::Fine).unwrap().is_none());
        assert!(!data.exists());
        assert!(matches!(find(Missing::Refuse), Err(MasterKeyError::None)));
        let made = find(Missing::Make).unwrap().unwrap();
        for missing in [Missing::Fine, Missing::Make, Missing::Refuse] {
            let found = find(missing).unwrap().unwrap();
            assert_eq!(found.key_id(), made.key_id());
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let about = fs::metadata(data.join(FILE)).unwrap();
            assert_eq!(about.permissions().mode() & 0o777, 0o600);
        }
        // Nothing else is left.
        assert_eq!(fs::read_dir(&data).unwrap().count(), 1);
    }

    #[test]
    fn of_many_that_make_one_at_once_one_is_made() {
        let folder = tempfile::tempdir().unwrap();
        let ids: Vec<String> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(|| {
                        let found = MasterKey::InData.vault(folder.path(), Missing::Make);
                        found.unwrap().unwrap().key_id().to_owned()
                    })
                })
                .collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect()
        });
        assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    }

    #[test]
    fn a_wrong_key_is_told_with_its_place_and_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(FILE);
        fs::write(&file, "hunter2hunter2").unwrap();
        let error = MasterKey::InData
            .vault(folder.path(), Missing::Make)
            .unwrap_err();
        let told = error.to_string();
        assert!(
            told.contains(FILE) && told.contains("32 bytes in base64"),
            "{told}"
        );
        assert!(!told.contains("hunter2"), "{told}");
        assert_eq!(fs::read_to_string(&file).unwrap(), "hunter2hunter2");
        let named = MasterKey::File(folder.path().join("missing"));
        let error = named.vault(folder.path(), Missing::Make).unwrap_err();
        assert!(error.to_string().contains("missing"), "{error}");
    }

    #[test]
    fn older_keys_are_given_beside_the_current_one() {
        let [new, old] = [0, 1].map(|_| MasterKeys::generate().unwrap());
        let vault = |key: MasterKey| key.vault(Path::new("/nowhere"), Missing::Refuse);
        let old_vault = vault(MasterKey::given(&old, None).unwrap())
            .unwrap()
            .unwrap();
        let both = vault(MasterKey::given(&new, Some(&old)).unwrap())
            .unwrap()
            .unwrap();
        let sealed = old_vault.seal("a", b"x").unwrap();
        assert_eq!(&both.open("a", &sealed).unwrap()[..], b"x");
        assert_ne!(both.key_id(), old_vault.key_id());
        assert!(MasterKey::given("", None).is_err());
    }
}
