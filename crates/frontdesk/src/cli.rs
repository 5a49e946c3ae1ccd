//! The commands, one module each. What they share is here: how they end, and how errors are
//! told.
//!
//! Ends: 0 it went well, 1 the contract or the action is wrong, 2 the command was used wrongly.

mod asked;
mod audit;
mod backup;
mod check;
mod claims;
mod completions;
mod data;
mod dev;
mod doors;
mod explain;
mod export;
mod fmt;
mod init;
mod key;
mod migrate;
mod place;
mod secret;
mod serve;
mod test;
mod token;

use std::path::Path;
use std::process::ExitCode;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{Parser, Subcommand};
use frontdesk::audit::AuditError;
use frontdesk::seed::SeedError;
use frontdesk::store::StoreError;
use frontdesk::store::migrate::ApplyError;
use frontdesk::vault::{SecretError, VaultError};
use frontdesk::{Compiled, Error, FileError, Location, MasterKeyError, Project};

use self::asked::Asked;
use crate::config::{Config, Flags, Storage};
use crate::terminal::{self, tell, tell_error};

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default())
    .placeholder(AnsiColor::Cyan.on_default())
    .error(AnsiColor::Red.on_default().bold());

const EXAMPLE: &str = "\
Start here:
  frontdesk init notes     makes a folder with a contract of seven lines
  frontdesk dev notes      serves it, and again at every save

`frontdesk COMMAND --help` shows an example of each command.
Exit codes: 0 it went well, 1 the contract or the action is wrong, 2 wrong usage.";

/// One contract file, served as a correct, fast, documented API.
#[derive(Parser, Debug)]
#[command(name = "frontdesk", version, after_help = EXAMPLE, styles = STYLES, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    Init(init::Init),
    Dev(dev::Dev),
    Serve(serve::Serve),
    Check(check::Check),
    Fmt(fmt::Fmt),
    Explain(explain::Explain),
    Test(test::Test),
    Export(export::Export),
    Migrate(migrate::Migrate),
    Data(data::Data),
    Backup(backup::Backup),
    Restore(backup::Restore),
    Key(key::Key),
    Secret(secret::Secret),
    Token(token::Token),
    Audit(audit::Audit),
    Completions(completions::Completions),
}

impl Command {
    /// What it is about, for those whose errors advise another command.
    fn asked(&self) -> Asked {
        match self {
            Command::Dev(command) => command.asked(),
            Command::Serve(command) => command.asked(),
            Command::Migrate(command) => command.asked(),
            Command::Data(command) => command.asked(),
            Command::Backup(command) => command.asked(),
            Command::Restore(command) => command.asked(),
            Command::Key(command) => command.asked(),
            Command::Secret(command) => command.asked(),
            Command::Token(command) => command.asked(),
            Command::Audit(command) => command.asked(),
            _ => Asked::default(),
        }
    }
}

/// Why a command did not do what it was asked.
pub enum Trouble {
    /// Everything has been told already.
    Told,
    /// The command was used wrongly, and how to use it.
    Usage(String),
    Error(Box<Error>),
    /// What is wrong, and what to do about it.
    Wrong(String, Option<String>),
}

impl From<FileError> for Trouble {
    fn from(error: FileError) -> Trouble {
        let help = error.mend().to_owned();
        Trouble::Wrong(error.to_string(), Some(help))
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Trouble {
        Trouble::Error(Box::new(error))
    }
}

/// How a command ends.
pub type Done = Result<(), Trouble>;

pub fn run() -> ExitCode {
    let cli = Cli::parse();
    let asked = cli.command.asked();
    let done = match cli.command {
        Command::Init(command) => command.run(),
        Command::Dev(command) => command.run(),
        Command::Serve(command) => command.run(),
        Command::Check(command) => command.run(),
        Command::Fmt(command) => command.run(),
        Command::Explain(command) => command.run(),
        Command::Test(command) => command.run(),
        Command::Export(command) => command.run(),
        Command::Migrate(command) => command.run(),
        Command::Data(command) => command.run(),
        Command::Backup(command) => command.run(),
        Command::Restore(command) => command.run(),
        Command::Key(command) => command.run(),
        Command::Secret(command) => command.run(),
        Command::Token(command) => command.run(),
        Command::Audit(command) => command.run(),
        Command::Completions(command) => command.run(),
    };
    crate::log::flush();
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(Trouble::Told) => ExitCode::from(1),
        Err(Trouble::Wrong(what, help)) => {
            tell_error(what, help.as_deref());
            ExitCode::from(1)
        }
        Err(Trouble::Error(error)) => {
            explain_error(&error, &asked);
            ExitCode::from(1)
        }
        Err(Trouble::Usage(what)) => {
            tell_error(what, None);
            ExitCode::from(2)
        }
    }
}

/// What mends a database file that does not work, as far as that lies in the system.
pub const FILE_UNAVAILABLE: &str = "it needs the right to read and write the file and its folder, room on the disk, and nobody \
     who holds it";

/// What mends that something was sealed with a master key that is not here.
pub const OTHER_MASTER_KEY: &str = "give the master key that this database was used with: \
     FRONTDESK_MASTER_KEY, FRONTDESK_MASTER_KEY_OLD beside it if it has been replaced, or \
     `master.key` in the data folder";

/// Tells an error as fully as it can be told.
pub fn explain_error(error: &Error, asked: &Asked) {
    match error {
        Error::Contract(compiled) => {
            tell_diagnostics(compiled);
            tell_error(error, None);
        }
        Error::Refused(refusals) => {
            for refusal in refusals {
                tell_error(format!("{}: {}", refusal.resource, refusal.what), None);
                for mend in &refusal.mend {
                    tell(format!(
                        "  {}: {mend}",
                        terminal::styled(terminal::LINK, "help")
                    ));
                }
            }
        }
        Error::Pending(pending) => {
            tell(migrate::to_text(pending));
            let apply = asked.command_on_data("migrate apply");
            let help = match pending.loses_nothing() {
                true => format!("run `{apply}`, or start with `--migrate`"),
                false => format!("some of it loses data: `{apply} --allow-data-loss`"),
            };
            tell_error(error, Some(&help));
        }
        Error::Migration(ApplyError::Loses(steps)) => {
            tell_error("this would lose data, so nothing was changed", None);
            for step in steps {
                tell(format!("  {step}"));
            }
            let apply = asked.command_on_data("migrate apply");
            tell(format!(
                "  {}: if that is meant, `{apply} --allow-data-loss`",
                terminal::styled(terminal::LINK, "help")
            ));
        }
        Error::NoContract { .. } => tell_error(error, asked.naming()),
        Error::File(problem) => tell_error(error, Some(problem.mend())),
        Error::Tls(problem) => {
            tell_error(error, Some(problem.mend).filter(|mend| !mend.is_empty()))
        }
        Error::Seed(error) => tell_seed_error(error),
        Error::Database {
            location: Location::Folder(_),
            source: StoreError::Unavailable { .. },
        } => tell_error(error, Some(FILE_UNAVAILABLE)),
        Error::Listen { address, source } => {
            tell_error(error, help_listening(address, source).as_deref())
        }
        Error::MasterKey(MasterKeyError::None) => tell_error(
            error,
            Some(
                "servers that share a database need the same one: `frontdesk secret new-key` makes \
                 it; give it to each of them as FRONTDESK_MASTER_KEY, or as the file that \
                 FRONTDESK_MASTER_KEY_FILE names",
            ),
        ),
        Error::MasterKey(MasterKeyError::File(problem)) => tell_error(error, Some(problem.mend())),
        Error::NoSecret(_) => {
            let set = asked.command_by_flag("secret set NAME");
            let help = format!(
                "set the variable of that name, or NAME_FILE to a file that holds it, or keep it \
                 here: `{set}`"
            );
            tell_error(error, Some(&help));
        }
        Error::Audit(AuditError::Key(
            SecretError::Vault(VaultError::UnknownKey { .. }) | SecretError::NoMasterKey,
        ))
        | Error::Secret {
            source: SecretError::Vault(VaultError::UnknownKey { .. }) | SecretError::NoMasterKey,
            ..
        } => tell_error(error, Some(OTHER_MASTER_KEY)),
        Error::Served { .. } => tell_error(
            error,
            Some(
                "one process serves one data folder: stop that one, or name another with `--data`; \
                 a PostgreSQL database may have several",
            ),
        ),
        _ => tell_error(error, None),
    }
}

/// All of it, as the compiler tells all of a contract.
fn tell_seed_error(error: &SeedError) {
    for fault in &error.faults {
        tell_error(fault, None);
    }
    if error.more > 0 {
        tell(format!("and {} more", error.more));
    }
    tell(format!(
        "  {}: nothing was seeded; mend it and save",
        terminal::styled(terminal::LINK, "help")
    ));
}

fn help_listening(address: &str, error: &std::io::Error) -> Option<String> {
    use std::io::ErrorKind;
    match error.kind() {
        ErrorKind::AddrInUse => Some(format!(
            "another program uses it, perhaps another frontdesk: stop that one, or listen elsewhere: \
             `--listen {}`",
            free_address(address)
        )),
        ErrorKind::PermissionDenied => {
            Some("ports below 1024 are for the system; take a higher one".to_owned())
        }
        ErrorKind::AddrNotAvailable => Some("this machine does not have that address".to_owned()),
        _ => Some("addresses look like 127.0.0.1:8080 or [::1]:8080".to_owned()),
    }
}

/// The same address with the next port that is free.
fn free_address(address: &str) -> String {
    let (host, port) = address.rsplit_once(':').unwrap_or(("127.0.0.1", address));
    let port: u16 = port.parse().unwrap_or(8080);
    let host = if host.is_empty() { "127.0.0.1" } else { host };
    (port..port.saturating_add(100))
        .skip(1)
        .map(|port| format!("{host}:{port}"))
        .find(|address| std::net::TcpListener::bind(address).is_ok())
        .unwrap_or_else(|| format!("{host}:0"))
}

/// Shows what was found in a contract.
pub fn tell_diagnostics(compiled: &Compiled) {
    if compiled.diagnostics.is_empty() {
        return;
    }
    let text = frontdesk::diag::render::text(
        &compiled.sources,
        &compiled.diagnostics,
        terminal::is_colourful(),
    );
    tell(text);
    let dropped = compiled.diagnostics.dropped();
    if dropped > 0 {
        tell(format!("… and {dropped} more"));
    }
}

/// More warnings than this are only counted: they would bury what comes after them.
const WARNINGS_SHOWN_MAX: usize = 5;

/// Shows the warnings of a contract that is served, or says how to see them.
pub fn tell_warnings(compiled: &Compiled, asked: &Asked) {
    match compiled.warning_count() {
        0 => {}
        many if many <= WARNINGS_SHOWN_MAX => tell_diagnostics(compiled),
        many => terminal::tell_warning(format!(
            "the contract has {many}; `{}` shows them",
            asked.command("check")
        )),
    }
}

/// A runtime with a thread per processor.
pub fn runtime() -> Result<tokio::runtime::Runtime, Trouble> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    runtime.map_err(|error| Trouble::Wrong(format!("no threads: {error}"), None))
}

/// Where a contract's records are kept, as flags, environment and file say.
pub fn location(folder: &Path, storage: Storage) -> Result<Location, Trouble> {
    Ok(config(folder, storage)?.location())
}

/// All settings of a contract's folder, where those of serving are not given.
pub fn config(folder: &Path, storage: Storage) -> Result<Config, Trouble> {
    let flags = Flags {
        storage,
        ..Flags::default()
    };
    Config::resolve(folder, &flags, None).map_err(Trouble::Usage)
}

/// A contract's model, or its mistakes told.
pub fn model(folder: &Path) -> Result<frontdesk::model::Model, Trouble> {
    let (model, _) = Project::open(folder)?.compile()?.into_model()?;
    Ok(model)
}
