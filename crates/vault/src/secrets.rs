//! What `$NAME` in a contract stands for: the environment's variable of that name, the file that
//! `NAME_FILE` names, or what is kept in the database, sealed. In this order.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use store::driver::{Driver, StoreError};
use store::people::SEALED;
use store::table::{Order, Set, Test};
use value::{Timestamp, Value};
use zeroize::Zeroizing;

use crate::place::Place;
use crate::sealed::{Vault, VaultError};

/// Bytes of a secret: a private key with its chain of certificates fits many times.
pub const SECRET_BYTES_MAX: usize = 64 * 1024;
/// Characters of a secret's name.
const NAME_CHARS_MAX: usize = 100;
/// Secrets listed at once, which is all there should ever be.
const LISTED_MAX: u32 = 10_000;
/// Ends the name of the variable that names a file.
const FILE_SUFFIX: &str = "_FILE";
/// Begins the names of the server's own variables.
const RESERVED: &str = "FRONTDESK_";

/// Reads a variable of the environment.
pub type Environment = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// A secret in memory, which is cleared after.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// As it was written in a file or given by hand: the end of its last line is not part of it.
    ///
    /// # Errors
    /// When it is empty, too long, or no text.
    pub fn of(bytes: Zeroizing<Vec<u8>>) -> Result<Secret, SecretError> {
        let text = std::str::from_utf8(&bytes).map_err(|_| SecretError::NoText)?;
        let text = text.strip_suffix('\n').unwrap_or(text);
        let text = text.strip_suffix('\r').unwrap_or(text);
        match text.len() {
            0 => Err(SecretError::Empty),
            1..=SECRET_BYTES_MAX => Ok(Secret(Zeroizing::new(text.to_owned()))),
            _ => Err(SecretError::TooLong),
        }
    }

    /// The secret itself, for whoever has to use it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// What may be told of a secret that is kept here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    pub name: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// Why there is no secret to give or keep.
#[derive(Debug)]
pub enum SecretError {
    Name(SecretNameError),
    Empty,
    TooLong,
    NoText,
    /// The file that a variable names cannot be read.
    File {
        variable: String,
        path: PathBuf,
        source: io::Error,
    },
    /// It is kept sealed, and there is no master key.
    NoMasterKey,
    Vault(VaultError),
    Store(StoreError),
}

/// A name that no secret can have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretNameError {
    name: String,
}

impl fmt::Display for SecretNameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` cannot be the name of a secret: names look like PRINTER_SECRET, with at most \
             {NAME_CHARS_MAX} characters, begin with a letter, and not with {RESERVED}",
            self.name
        )
    }
}

impl std::error::Error for SecretNameError {}

impl fmt::Display for SecretError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SecretError::Name(error) => error.fmt(f),
            SecretError::Empty => f.write_str("a secret has at least one character"),
            SecretError::TooLong => write!(f, "a secret has at most {SECRET_BYTES_MAX} bytes"),
            SecretError::NoText => f.write_str("a secret is text in UTF-8"),
            SecretError::File {
                variable,
                path,
                source,
            } => write!(
                f,
                "{}, which {variable} names, cannot be read: {source}",
                path.display()
            ),
            SecretError::NoMasterKey => {
                f.write_str("it is kept sealed, and there is no master key to open it")
            }
            SecretError::Vault(error) => error.fmt(f),
            SecretError::Store(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for SecretError {}

impl From<StoreError> for SecretError {
    fn from(error: StoreError) -> SecretError {
        SecretError::Store(error)
    }
}

impl From<VaultError> for SecretError {
    fn from(error: VaultError) -> SecretError {
        SecretError::Vault(error)
    }
}

/// Whether a secret can be called so: a variable of the environment could be.
///
/// # Errors
/// When not.
pub fn check_name(name: &str) -> Result<(), SecretNameError> {
    let begins = name.starts_with(|c: char| c.is_ascii_uppercase());
    let goes_on = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    let is_fine = begins
        && name.chars().all(goes_on)
        && name.len() <= NAME_CHARS_MAX
        && !name.starts_with(RESERVED);
    match is_fine {
        true => Ok(()),
        false => Err(SecretNameError {
            name: name.chars().take(NAME_CHARS_MAX).collect(),
        }),
    }
}

/// The secrets there are.
#[derive(Clone)]
pub struct Secrets {
    driver: Arc<dyn Driver>,
    vault: Option<Vault>,
    environment: Environment,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secrets")
            .field("vault", &self.vault)
            .finish_non_exhaustive()
    }
}

impl Secrets {
    /// Those of a database and of this process's environment. Without a vault none are kept in
    /// the database.
    pub fn new(driver: Arc<dyn Driver>, vault: Option<Vault>) -> Secrets {
        let environment = |name: &str| std::env::var(name).ok();
        Secrets {
            driver,
            vault,
            environment: Arc::new(environment),
        }
    }

    /// With another environment than this process's.
    pub fn with_environment(self, environment: Environment) -> Secrets {
        Secrets {
            environment,
            ..self
        }
    }

    /// What a name stands for; `None` if for nothing. An empty variable is none.
    ///
    /// # Errors
    /// When it stands for something that cannot be read: nothing else is taken instead.
    pub async fn resolve(&self, name: &str) -> Result<Option<Secret>, SecretError> {
        check_name(name).map_err(SecretError::Name)?;
        let variable = |name: &str| (self.environment)(name).filter(|value| !value.is_empty());
        if let Some(text) = variable(name) {
            return Secret::of(Zeroizing::new(text.into_bytes())).map(Some);
        }
        let file = format!("{name}{FILE_SUFFIX}");
        if let Some(path) = variable(&file) {
            let bytes = read(Path::new(&path)).map_err(|source| SecretError::File {
                variable: file,
                path: path.into(),
                source,
            })?;
            return Secret::of(bytes).map(Some);
        }
        self.find(name).await
    }

    async fn find(&self, name: &str) -> Result<Option<Secret>, SecretError> {
        let find = SEALED.find(self.driver.dialect(), &[Test::Is("name")]);
        let arguments = find.bind_args(&[Value::Text(name.to_owned())]);
        let rows = self.driver.query(&find.statement, &arguments).await?;
        let Some(row) = SEALED.rows(&rows).next() else {
            return Ok(None);
        };
        let vault = self.vault.as_ref().ok_or(SecretError::NoMasterKey)?;
        let opened = Place::SECRET.open(vault, name, &row.text("value")?)?;
        Secret::of(opened).map(Some)
    }

    /// Keeps a secret, in place of one of that name.
    ///
    /// # Errors
    /// When the name cannot be one, there is no master key, or the database cannot keep it.
    pub async fn set(
        &self,
        name: &str,
        secret: &Secret,
        now: Timestamp,
    ) -> Result<(), SecretError> {
        check_name(name).map_err(SecretError::Name)?;
        let vault = self.vault.as_ref().ok_or(SecretError::NoMasterKey)?;
        let sealed = Place::SECRET.seal(vault, name, secret.reveal().as_bytes())?;
        let dialect = self.driver.dialect();
        let sets = [Set::To("value"), Set::To("updated_at")];
        let update = SEALED.update(dialect, &sets, &[Test::Is("name")]);
        let update_arguments = vec![
            Value::Text(sealed.clone()),
            Value::Timestamp(now),
            Value::Text(name.to_owned()),
        ];
        let insert = SEALED.insert_new(dialect);
        let row = SEALED.row([
            ("name", Value::Text(name.to_owned())),
            ("value", Value::Text(sealed)),
            ("created_at", Value::Timestamp(now)),
            ("updated_at", Value::Timestamp(now)),
        ]);
        // First what there may be: what has just been put in is not changed again.
        let statements = vec![(update, update_arguments), (insert, row)];
        store::execute(&*self.driver, statements).await?;
        Ok(())
    }

    /// Forgets a secret. Whether there was one.
    ///
    /// # Errors
    /// When the name cannot be one, or the database cannot or does not answer.
    pub async fn remove(&self, name: &str) -> Result<bool, SecretError> {
        check_name(name).map_err(SecretError::Name)?;
        let delete = SEALED.delete(self.driver.dialect(), &[Test::Is("name")]);
        let arguments = vec![Value::Text(name.to_owned())];
        let removed = store::execute(&*self.driver, vec![(delete, arguments)]).await?;
        Ok(removed > 0)
    }

    /// Which secrets are kept here.
    ///
    /// # Errors
    /// When the database cannot or does not answer.
    pub async fn list(&self) -> Result<Vec<Kept>, SecretError> {
        let list = SEALED.list(
            self.driver.dialect(),
            &[],
            Order::Ascending("name"),
            LISTED_MAX,
        );
        let rows = self
            .driver
            .query(&list.statement, &list.bind_args(&[]))
            .await?;
        let mut kept = Vec::with_capacity(rows.len());
        for row in SEALED.rows(&rows) {
            let name = row.text("name")?;
            // The server's own keys lie there, too.
            if check_name(&name).is_ok() {
                kept.push(Kept {
                    name,
                    created_at: row.time("created_at")?,
                    updated_at: row.time("updated_at")?,
                });
            }
        }
        Ok(kept)
    }
}

/// No more of a file than shows that it is too long.
fn read(path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    // In its final place: a buffer that grows leaves copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(SECRET_BYTES_MAX + 4));
    let most = SECRET_BYTES_MAX as u64 + 3;
    File::open(path)?.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}
