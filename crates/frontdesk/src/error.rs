//! Why a contract could not be served, in words for whoever started it.

use std::fmt;
use std::io;
use std::path::PathBuf;

use audit::AuditError;
use store::StoreError;
use store::migrate::{ApplyError, Refusal};
use vault::SecretError;
use web::tls::TlsError;

use crate::database::{Location, Pending};
use crate::file_error::FileError;
use crate::master_key::MasterKeyError;
use crate::post::MailError;
use crate::project::Compiled;
use crate::seed::SeedError;

/// Everything that can go wrong between a folder and a running server.
#[derive(Debug)]
pub enum Error {
    /// There is no contract in this folder.
    NoContract {
        folder: PathBuf,
        /// What to do about it.
        help: String,
    },
    /// What people and apps sign in with cannot be opened, and why.
    Identity(String),
    /// A contract in which people or apps sign in needs a master key.
    NoVault,
    /// A file or folder cannot be read or written.
    File(FileError),
    /// The contract has mistakes; the diagnostics say which.
    Contract(Box<Compiled>),
    /// The database needs a migration that nobody has allowed.
    Pending(Box<Pending>),
    /// The tables cannot be brought to the contract without being told more.
    Refused(Vec<Refusal>),
    /// A migration was begun and did not go through; nothing has changed.
    Migration(ApplyError),
    /// The database there does not work.
    Database {
        location: Location,
        source: StoreError,
    },
    /// Another process serves this data folder.
    Served {
        folder: PathBuf,
        /// Who, as it has said.
        by: String,
    },
    /// Nobody can be listened to at this address.
    Listen {
        address: String,
        source: io::Error,
    },
    /// No HTTPS can be served with these files.
    Tls(TlsError),
    /// `cors:` names something that is no origin.
    Origin(String),
    Seed(SeedError),
    /// An API key could not be made or looked up.
    Key(identity::KeyError),
    /// There is no master key, or it cannot be read.
    MasterKey(MasterKeyError),
    /// The audit log cannot be written or read.
    Audit(AuditError),
    /// Letters to people cannot be written or sent.
    Mail(MailError),
    /// The contract names secrets that nobody has given.
    NoSecret(Vec<String>),
    /// A secret cannot be read, opened or kept.
    Secret {
        name: String,
        source: SecretError,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::NoContract { folder, help } => {
                write!(f, "there is no contract in `{}`: {help}", folder.display())
            }
            Error::Identity(why) => {
                write!(
                    f,
                    "what people and apps sign in with cannot be opened: {why}"
                )
            }
            Error::NoVault => f.write_str("there is no master key to seal with"),
            Error::File(error) => error.fmt(f),
            Error::Contract(compiled) => {
                let errors = compiled.error_count();
                let noun = if errors == 1 { "mistake" } else { "mistakes" };
                write!(f, "the contract has {errors} {noun}")
            }
            Error::Pending(pending) => {
                let steps = pending.plan.steps.len();
                let noun = if steps == 1 { "step" } else { "steps" };
                write!(f, "the database needs a migration of {steps} {noun} first")
            }
            Error::Refused(refusals) => {
                f.write_str("the tables cannot be brought to this contract")?;
                refusals
                    .iter()
                    .try_for_each(|refusal| write!(f, "\n{refusal}"))
            }
            Error::Migration(error) => write!(f, "the migration was not applied: {error}"),
            Error::Database { location, source } => write!(f, "`{location}`: {source}"),
            Error::Served { folder, by } => {
                let by = if by.is_empty() { "another process" } else { by };
                write!(f, "`{}` is already served by {by}", folder.display())
            }
            Error::Listen { address, source } => write!(f, "cannot listen on {address}: {source}"),
            Error::Tls(error) => write!(f, "`{}` {}", error.file.display(), error.what),
            Error::Origin(origin) => write!(f, "`{origin}` under `cors` is no origin"),
            Error::Seed(error) => error.fmt(f),
            Error::Key(error) => error.fmt(f),
            Error::MasterKey(error) => error.fmt(f),
            Error::Mail(error) => error.fmt(f),
            Error::Audit(error) => write!(f, "the audit log cannot be used: {error}"),
            Error::NoSecret(names) => {
                let names: Vec<String> = names.iter().map(|name| format!("`${name}`")).collect();
                let stand = if names.len() == 1 { "stands" } else { "stand" };
                write!(
                    f,
                    "the contract names {}, which {stand} for nothing here",
                    names.join(", ")
                )
            }
            Error::Secret { name, source } => {
                write!(f, "the secret `{name}` cannot be used: {source}")
            }
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::File(error) => error.source(),
            Error::Listen { source, .. } => Some(source),
            Error::Database { source, .. } => Some(source),
            Error::Migration(error) => Some(error),
            Error::Key(error) => Some(error),
            Error::MasterKey(error) => error.source(),
            Error::Secret { source, .. } => Some(source),
            Error::Audit(error) => Some(error),
            Error::Mail(error) => Some(error),
            _ => None,
        }
    }
}

impl From<FileError> for Error {
    fn from(error: FileError) -> Error {
        Error::File(error)
    }
}

impl From<MasterKeyError> for Error {
    fn from(error: MasterKeyError) -> Error {
        Error::MasterKey(error)
    }
}

impl From<AuditError> for Error {
    fn from(error: AuditError) -> Error {
        Error::Audit(error)
    }
}

impl From<MailError> for Error {
    fn from(error: MailError) -> Error {
        Error::Mail(error)
    }
}

impl From<SeedError> for Error {
    fn from(error: SeedError) -> Error {
        Error::Seed(error)
    }
}

impl From<identity::KeyError> for Error {
    fn from(error: identity::KeyError) -> Error {
        Error::Key(error)
    }
}
