//! Settings of `dev` and `serve`, and where each value came from: a flag, the environment,
//! `frontdesk.toml`, or the default, in this order.

mod transport;

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use frontdesk::mail::Smtp;
use frontdesk::web::proxies::Proxies;
use frontdesk::{Durability, FileError, Location, MasterKey, Target};
use serde::Deserialize;
use toml::Spanned;
use zeroize::Zeroizing;

use crate::terminal::{QUIET, styled};

pub use transport::Transport;

/// The file beside the contract.
const FILE: &str = "frontdesk.toml";
const LISTEN: &str = "127.0.0.1:8080";
const DRAIN_SECONDS: u64 = 5;
/// Nobody waits longer for a load balancer.
const DRAIN_SECONDS_MAX: u64 = 3600;
const LOG: &str = "info";
const MASTER_KEY: &str = "FRONTDESK_MASTER_KEY";
const MASTER_KEY_OLD: &str = "FRONTDESK_MASTER_KEY_OLD";
const MASTER_KEY_FILE: &str = "FRONTDESK_MASTER_KEY_FILE";
const SMTP: &str = "FRONTDESK_SMTP";
const SMTP_PASSWORD: &str = "FRONTDESK_SMTP_PASSWORD";
const SMTP_PASSWORD_FILE: &str = "FRONTDESK_SMTP_PASSWORD_FILE";
/// The names of [`Durability`].
const FULL: &str = "full";
const RELAXED: &str = "relaxed";

/// Flags of every command that opens the database.
#[derive(Args, Clone, Debug, Default)]
pub struct Storage {
    /// Where data is kept [default: DIR/.frontdesk] [env: FRONTDESK_DATA]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,

    /// Keep records in PostgreSQL: postgres://USER:PASSWORD@HOST/NAME [env: FRONTDESK_DATABASE]
    #[arg(long, value_name = "URL")]
    pub database: Option<String>,
}

/// Flags shared by the commands that serve.
#[derive(Args, Debug, Default)]
pub struct Flags {
    /// Where to listen: ADDRESS:PORT, or a port of this machine [default: 127.0.0.1:8080]
    /// [env: FRONTDESK_LISTEN]
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<String>,

    /// Where one's own services may connect too: what the contract keeps private is there for
    /// whoever can [default: nowhere] [env: FRONTDESK_PRIVATE_LISTEN]
    #[arg(long, value_name = "ADDR")]
    pub private_listen: Option<String>,

    #[command(flatten)]
    pub storage: Storage,

    #[command(flatten)]
    pub transport: transport::TransportFlags,

    /// When a write to the file in the data folder is answered: `full`, once it is on the disk, or
    /// `relaxed`, so that a power cut may take back the last moments [default: full]
    /// [env: FRONTDESK_DURABILITY]
    #[arg(long, value_name = "HOW")]
    pub durability: Option<String>,

    /// Proxies whose word about the client is taken, where it is and whether it came by HTTPS:
    /// addresses and networks, with commas between them [default: none] [env: FRONTDESK_TRUSTED_PROXIES]
    #[arg(long, value_name = "LIST")]
    pub trusted_proxies: Option<String>,

    /// The server that takes letters to people: smtp://USER@HOST:587, or smtps://…
    /// [default: none] [env: FRONTDESK_SMTP, and FRONTDESK_SMTP_PASSWORD or its _FILE]
    #[arg(long, value_name = "URL")]
    pub smtp: Option<String>,

    /// Show the settings and where each came from, and do nothing else
    #[arg(long)]
    pub print_config: bool,
}

/// What a value came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    Flag(&'static str),
    Environment(&'static str),
    File,
    Default,
}

impl Origin {
    fn name(self) -> &'static str {
        match self {
            Origin::Flag(name) | Origin::Environment(name) => name,
            Origin::File => FILE,
            Origin::Default => "default",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting<T> {
    pub value: T,
    pub origin: Origin,
}

/// The settings in effect.
#[derive(Clone, Debug)]
pub struct Config {
    pub listen: Setting<String>,
    pub private_listen: Setting<Option<String>>,
    pub transport: Transport,
    pub data: Setting<PathBuf>,
    pub trusted_proxies: Setting<Proxies>,
    pub database: Setting<Option<Target>>,
    pub durability: Setting<Durability>,
    pub master_key: Setting<MasterKey>,
    pub smtp: Setting<Option<Smtp>>,
    pub drain: Setting<Duration>,
    pub log: Setting<String>,
}

/// The names in [`File`].
const NAMES: [&str; 18] = [
    "listen",
    "private_listen",
    "origin",
    "tls_cert",
    "tls_key",
    "tls_client_ca",
    "acme",
    "acme_email",
    "acme_directory",
    "acme_ca",
    "data",
    "trusted_proxies",
    "database",
    "durability",
    "master_key_file",
    "smtp",
    "drain",
    "log",
];

/// The value of a variable of the environment, if it has one.
type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// What may stand in `frontdesk.toml`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    listen: Option<String>,
    private_listen: Option<String>,
    origin: Option<String>,
    tls_cert: Option<PathBuf>,
    tls_key: Option<PathBuf>,
    tls_client_ca: Option<PathBuf>,
    acme: Option<Vec<String>>,
    acme_email: Option<String>,
    acme_directory: Option<String>,
    acme_ca: Option<PathBuf>,
    data: Option<PathBuf>,
    trusted_proxies: Option<Vec<String>>,
    database: Option<String>,
    durability: Option<String>,
    master_key_file: Option<PathBuf>,
    smtp: Option<String>,
    drain: Option<u64>,
    log: Option<String>,
}

impl Config {
    /// Puts the settings for a contract's folder together. `drain` is the flag of `serve`.
    ///
    /// # Errors
    /// A sentence about what cannot be read.
    pub fn resolve(folder: &Path, flags: &Flags, drain: Option<u64>) -> Result<Config, String> {
        let read = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
        Config::of(folder, flags, drain, &read)
    }

    fn of(
        folder: &Path,
        flags: &Flags,
        drain: Option<u64>,
        environment: Environment<'_>,
    ) -> Result<Config, String> {
        let file = read_file(&folder.join(FILE))?;
        let transport = Transport::of(folder, &flags.transport, &file, environment)?;
        let env_drain = environment("FRONTDESK_DRAIN")
            .map(|text| {
                let seconds = text.parse::<u64>();
                seconds.map_err(|_| format!("FRONTDESK_DRAIN is a number of seconds, not `{text}`"))
            })
            .transpose()?;
        let drain = pick(
            drain.map(|seconds| (seconds, "--drain")),
            env_drain.map(|seconds| (seconds, "FRONTDESK_DRAIN")),
            file.drain,
            || DRAIN_SECONDS,
        );
        if drain.value > DRAIN_SECONDS_MAX {
            return Err(format!(
                "draining takes at most {DRAIN_SECONDS_MAX} seconds"
            ));
        }
        let list = |text: String| text.split(',').map(str::to_owned).collect::<Vec<_>>();
        let proxies = pick(
            flags
                .trusted_proxies
                .clone()
                .map(|text| (list(text), "--trusted-proxies")),
            environment("FRONTDESK_TRUSTED_PROXIES")
                .map(|text| (list(text), "FRONTDESK_TRUSTED_PROXIES")),
            file.trusted_proxies,
            Vec::new,
        );
        let trusted_proxies = Setting {
            value: Proxies::new(proxies.value.iter().map(String::as_str))
                .map_err(|error| format!("trusted proxies: {error}"))?,
            origin: proxies.origin,
        };
        let database = pick(
            flags
                .storage
                .database
                .clone()
                .map(|url| (Some(url), "--database")),
            environment("FRONTDESK_DATABASE").map(|url| (Some(url), "FRONTDESK_DATABASE")),
            file.database.map(Some),
            || None,
        );
        let target = match &database.value {
            None => None,
            // What is wrong is told without the URL, which may hold a password.
            Some(url) => Some(
                url.parse::<Target>()
                    .map_err(|error| format!("{} ({})", error, database.origin.name()))?,
            ),
        };
        let durability = pick(
            flags
                .durability
                .clone()
                .map(|value| (value, "--durability")),
            environment("FRONTDESK_DURABILITY").map(|value| (value, "FRONTDESK_DURABILITY")),
            file.durability,
            || FULL.to_owned(),
        );
        let durability = Setting {
            value: durability_of(&durability, target.is_some())?,
            origin: durability.origin,
        };
        let master_key = master_key(
            environment,
            file.master_key_file.map(|path| folder.join(path)),
        )?;
        Ok(Config {
            transport,
            trusted_proxies,
            master_key,
            smtp: smtp(flags.smtp.clone(), environment, file.smtp)?,
            durability,
            database: Setting {
                value: target,
                origin: database.origin,
            },
            listen: pick(
                flags.listen.clone().map(|value| (value, "--listen")),
                environment("FRONTDESK_LISTEN").map(|value| (value, "FRONTDESK_LISTEN")),
                file.listen,
                || LISTEN.to_owned(),
            ),
            private_listen: pick(
                flags
                    .private_listen
                    .clone()
                    .map(|value| (Some(value), "--private-listen")),
                environment("FRONTDESK_PRIVATE_LISTEN")
                    .map(|value| (Some(value), "FRONTDESK_PRIVATE_LISTEN")),
                file.private_listen.map(Some),
                || None,
            ),
            data: pick(
                flags.storage.data.clone().map(|value| (value, "--data")),
                environment("FRONTDESK_DATA").map(|value| (value.into(), "FRONTDESK_DATA")),
                // A path in a file means the same wherever the program is started.
                file.data.map(|path| folder.join(path)),
                || folder.join(".frontdesk"),
            ),
            drain: Setting {
                value: Duration::from_secs(drain.value),
                origin: drain.origin,
            },
            log: pick(
                None,
                environment("FRONTDESK_LOG").map(|value| (value, "FRONTDESK_LOG")),
                file.log,
                || LOG.to_owned(),
            ),
        })
    }

    /// Where records are kept.
    pub fn location(&self) -> Location {
        match &self.database.value {
            Some(target) => Location::Server(Box::new(target.clone())),
            None => Location::Folder(self.data.value.clone()),
        }
    }

    /// The settings as they could stand in `frontdesk.toml`, each with its origin.
    pub fn to_text(&self) -> String {
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        let mut lines = vec![
            (
                format!("listen = {}", quoted(&self.listen.value)),
                self.listen.origin,
            ),
            (
                format!("data = {}", quoted(&self.data.value.to_string_lossy())),
                self.data.origin,
            ),
            (
                format!(
                    "trusted_proxies = [{}]",
                    self.trusted_proxies
                        .value
                        .networks()
                        .map(|network| quoted(&network))
                        .collect::<Vec<_>>()
                        .join(", ")
                ),
                self.trusted_proxies.origin,
            ),
            (
                format!("drain = {}", self.drain.value.as_secs()),
                self.drain.origin,
            ),
            (
                format!("log = {}", quoted(&self.log.value)),
                self.log.origin,
            ),
        ];
        if let Some(target) = &self.database.value {
            // After the data folder, which then holds less.
            let line = format!("database = {}", quoted(&target.to_string()));
            lines.insert(2, (line, self.database.origin));
        } else {
            let name = match self.durability.value {
                Durability::Full => FULL,
                Durability::Relaxed => RELAXED,
            };
            let line = format!("durability = {}", quoted(name));
            lines.insert(2, (line, self.durability.origin));
        }
        if let Some(smtp) = &self.smtp.value {
            let line = format!("smtp = {}", quoted(&smtp.to_string()));
            lines.insert(lines.len() - 2, (line, self.smtp.origin));
        }
        match &self.master_key.value {
            MasterKey::InData => {}
            MasterKey::File(path) => {
                let line = format!("master_key_file = {}", quoted(&path.to_string_lossy()));
                lines.insert(lines.len() - 2, (line, self.master_key.origin));
            }
            MasterKey::Given(_) => {
                let line = "# the master key is given".to_owned();
                lines.insert(lines.len() - 2, (line, self.master_key.origin));
            }
        }
        lines.splice(1..1, self.transport.lines());
        if let Some(address) = &self.private_listen.value {
            let line = format!("private_listen = {}", quoted(address));
            lines.insert(1, (line, self.private_listen.origin));
        }
        let width = lines
            .iter()
            .map(|(line, _)| line.chars().count())
            .max()
            .unwrap_or(0);
        let lines = lines.iter().map(|(line, origin)| {
            let origin = origin.name();
            format!("{line:width$}  {}", styled(QUIET, format!("# {origin}")))
        });
        lines.collect::<Vec<_>>().join("\n")
    }
}

/// The master key itself, or the file it is in. No flag holds it: others see those.
fn master_key(
    environment: &dyn Fn(&str) -> Option<String>,
    file: Option<PathBuf>,
) -> Result<Setting<MasterKey>, String> {
    let path = environment(MASTER_KEY_FILE);
    let Some(key) = environment(MASTER_KEY) else {
        if environment(MASTER_KEY_OLD).is_some() {
            return Err(format!(
                "{MASTER_KEY_OLD} is for keys that {MASTER_KEY} has replaced, which is not set; in \
                 a file the current key stands first"
            ));
        }
        let path = path.map(|path| (MasterKey::File(path.into()), MASTER_KEY_FILE));
        return Ok(pick(
            None,
            path,
            file.map(MasterKey::File),
            MasterKey::default,
        ));
    };
    if path.is_some() {
        return Err(format!(
            "{MASTER_KEY} and {MASTER_KEY_FILE} are both set; keep one of them"
        ));
    }
    let given = MasterKey::given(&key, environment(MASTER_KEY_OLD).as_deref());
    Ok(Setting {
        value: given.map_err(|error| format!("{MASTER_KEY}: {error}"))?,
        origin: Origin::Environment(MASTER_KEY),
    })
}

/// The mail server, with the password that stands beside its URL.
fn smtp(
    flag: Option<String>,
    environment: &dyn Fn(&str) -> Option<String>,
    file: Option<String>,
) -> Result<Setting<Option<Smtp>>, String> {
    let url = pick(
        flag.map(|url| (Some(url), "--smtp")),
        environment(SMTP).map(|url| (Some(url), SMTP)),
        file.map(Some),
        || None,
    );
    let origin = url.origin;
    let Some(url) = url.value else {
        return Ok(Setting {
            value: None,
            origin,
        });
    };
    // What is wrong is told without the URL, which may hold a password.
    let smtp = url.parse::<Smtp>();
    let mut smtp = smtp.map_err(|error| format!("{error} ({})", origin.name()))?;
    let password = match environment(SMTP_PASSWORD) {
        Some(password) => Some(password),
        None => environment(SMTP_PASSWORD_FILE)
            .map(|path| {
                let path = PathBuf::from(path);
                fs::read_to_string(&path).map_err(|error| {
                    let error = FileError::reading(&path, error);
                    format!("{SMTP_PASSWORD_FILE}: {error}")
                })
            })
            .transpose()?,
    };
    if let Some(password) = password {
        let password = Zeroizing::new(password);
        smtp = smtp.with_password(Zeroizing::new(
            password.trim_end_matches(['\r', '\n']).to_owned(),
        ));
    }
    Ok(Setting {
        value: Some(smtp),
        origin,
    })
}

/// What is asked of a file, if there is one.
fn durability_of(asked: &Setting<String>, is_on_server: bool) -> Result<Durability, String> {
    let origin = asked.origin.name();
    match asked.value.as_str() {
        FULL => Ok(Durability::Full),
        RELAXED if is_on_server => Err(format!(
            "with a database on a server its own `synchronous_commit` says when a write is done; \
             leave `durability` out ({origin})"
        )),
        RELAXED => Ok(Durability::Relaxed),
        other => Err(format!(
            "durability is `{FULL}` or `{RELAXED}`, not `{other}` ({origin})"
        )),
    }
}

fn pick<T>(
    flag: Option<(T, &'static str)>,
    environment: Option<(T, &'static str)>,
    file: Option<T>,
    default: impl FnOnce() -> T,
) -> Setting<T> {
    if let Some((value, name)) = flag {
        return Setting {
            value,
            origin: Origin::Flag(name),
        };
    }
    if let Some((value, name)) = environment {
        return Setting {
            value,
            origin: Origin::Environment(name),
        };
    }
    match file {
        Some(value) => Setting {
            value,
            origin: Origin::File,
        },
        None => Setting {
            value: default(),
            origin: Origin::Default,
        },
    }
}

fn read_file(path: &Path) -> Result<File, String> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(File::default()),
        Err(error) => {
            let error = FileError::reading(path, error);
            return Err(format!("{error}; {}", error.mend()));
        }
    };
    let told = |at: usize, what: &str| {
        let before = &text.as_bytes()[..at.min(text.len())];
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        format!("{}:{line}: {what}", path.display())
    };
    let mistake = |error: toml::de::Error| {
        let at = error.span().map_or(0, |span| span.start);
        told(at, error.message())
    };
    let names: BTreeMap<Spanned<String>, toml::Value> = toml::from_str(&text).map_err(mistake)?;
    let unknown = names
        .keys()
        .filter(|name| !NAMES.contains(&name.get_ref().as_str()));
    let unknown: Vec<String> = unknown
        .map(|name| {
            let written = name.get_ref();
            let help = match diag::suggest::nearest(written, NAMES) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("the settings are {}", NAMES.join(", ")),
            };
            let what = format!("there is no setting `{written}`; {help}");
            told(name.span().start, &what)
        })
        .collect();
    if !unknown.is_empty() {
        return Err(unknown.join("\n"));
    }
    toml::from_str(&text).map_err(mistake)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(
        file: Option<&str>,
        environment: &[(&str, &str)],
        flags: &Flags,
    ) -> Result<Config, String> {
        let folder = tempfile::tempdir().unwrap();
        if let Some(text) = file {
            fs::write(folder.path().join(FILE), text).unwrap();
        }
        let read = |name: &str| {
            let found = environment.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        Config::of(folder.path(), flags, None, &read)
    }

    #[test]
    fn flags_win_over_the_environment_over_the_file_over_the_default() {
        let file = Some("listen = \"file:1\"\nlog = \"debug\"\ndrain = 7\n");
        let environment = [("FRONTDESK_LISTEN", "env:1"), ("FRONTDESK_LOG", "warn")];
        let flags = Flags {
            listen: Some("flag:1".to_owned()),
            ..Flags::default()
        };
        let config = resolve(file, &environment, &flags).unwrap();
        assert_eq!(config.listen.value, "flag:1");
        assert_eq!(config.listen.origin, Origin::Flag("--listen"));
        assert_eq!(config.log.value, "warn");
        assert_eq!(config.log.origin, Origin::Environment("FRONTDESK_LOG"));
        assert_eq!(config.drain.value, Duration::from_secs(7));
        assert_eq!(config.drain.origin, Origin::File);
        assert!(config.data.value.ends_with(".frontdesk"));
        assert_eq!(config.data.origin, Origin::Default);

        let config = resolve(file, &environment, &Flags::default()).unwrap();
        assert_eq!(config.durability.value, Durability::Full);
        let relaxed = resolve(Some("durability = \"relaxed\""), &[], &Flags::default());
        assert_eq!(relaxed.unwrap().durability.value, Durability::Relaxed);
        assert_eq!(config.listen.value, "env:1");
        let config = resolve(file, &[], &Flags::default()).unwrap();
        assert_eq!(config.listen.value, "file:1");
        let config = resolve(None, &[], &Flags::default()).unwrap();
        assert_eq!(config.listen.value, LISTEN);
    }

    #[test]
    fn a_password_is_never_shown() {
        let url = "postgres://ann:s3cret@db.example/shop";
        let config = resolve(None, &[("FRONTDESK_DATABASE", url)], &Flags::default()).unwrap();
        let shown = config.to_text();
        assert!(shown.contains("postgres://ann@db.example/shop"), "{shown}");
        assert!(!format!("{shown}{config:?}").contains("s3cret"));
        let wrong = resolve(
            Some("database = \"postgres://ann:s3cret@db:x/\""),
            &[],
            &Flags::default(),
        );
        let wrong = wrong.unwrap_err();
        assert!(
            wrong.contains("frontdesk.toml") && !wrong.contains("s3cret"),
            "{wrong}"
        );
    }

    #[test]
    fn the_password_of_the_mail_server_comes_another_way_and_is_never_shown() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        fs::write(&path, "s3cret\n").unwrap();
        let path = path.to_str().unwrap();
        let whole: Smtp = "smtp://ann:s3cret@mail.example".parse().unwrap();
        let flags = Flags::default();
        for environment in [
            &[("FRONTDESK_SMTP_PASSWORD", "s3cret")][..],
            &[("FRONTDESK_SMTP_PASSWORD_FILE", path)],
            &[("FRONTDESK_SMTP", "smtp://ann:s3cret@mail.example")],
        ] {
            let file = Some("smtp = \"smtp://ann@mail.example\"");
            let config = resolve(file, environment, &flags).unwrap();
            assert_eq!(config.smtp.value.as_ref(), Some(&whole));
            let shown = format!("{}{config:?}", config.to_text());
            assert!(shown.contains("smtp://ann@mail.example:587"), "{shown}");
            assert!(!shown.contains("s3cret"), "{shown}");
        }
        let wrong = resolve(Some("smtp = \"ann:s3cret@mail\""), &[], &flags).unwrap_err();
        assert!(
            wrong.contains("frontdesk.toml") && !wrong.contains("s3cret"),
            "{wrong}"
        );
    }

    #[test]
    fn the_master_key_is_given_or_in_a_file_and_never_shown() {
        let key = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
        let flags = Flags::default();
        let file = Some("master_key_file = \"../keys\"");
        let config = resolve(file, &[("FRONTDESK_MASTER_KEY", key)], &flags).unwrap();
        assert!(matches!(config.master_key.value, MasterKey::Given(_)));
        let shown = format!("{}{config:?}", config.to_text());
        assert!(shown.contains("FRONTDESK_MASTER_KEY"), "{shown}");
        assert!(!shown.contains(&key[..10]), "{shown}");
        let config = resolve(file, &[("FRONTDESK_MASTER_KEY_FILE", "/k")], &flags).unwrap();
        assert!(config.to_text().contains("master_key_file = \"/k\""));
        let config = resolve(file, &[], &flags).unwrap();
        assert!(
            matches!(config.master_key.value, MasterKey::File(path) if path.ends_with("../keys"))
        );
        for (environment, expected) in [
            (
                &[("FRONTDESK_MASTER_KEY", "hunter2")][..],
                "32 bytes in base64",
            ),
            (&[("FRONTDESK_MASTER_KEY_OLD", key)], "which is not set"),
            (
                &[
                    ("FRONTDESK_MASTER_KEY", key),
                    ("FRONTDESK_MASTER_KEY_FILE", "/k"),
                ],
                "keep one of them",
            ),
        ] {
            let error = resolve(None, environment, &flags).unwrap_err();
            assert!(
                error.contains(expected) && !error.contains("hunter2"),
                "{error}"
            );
        }
    }

    #[test]
    fn what_is_set_is_shown() {
        let file = "tls_cert = \"a.pem\"\ntls_key = \"a.key\"\norigin = \"https://API.example/\"";
        let config = resolve(Some(file), &[], &Flags::default()).unwrap();
        let shown = config.to_text();
        let names: Vec<&str> = shown
            .lines()
            .filter_map(|line| Some(line.split_once(" = ")?.0))
            .collect();
        assert_eq!(names[..4], ["listen", "origin", "tls_cert", "tls_key"]);
        assert!(
            shown.contains("origin = \"https://api.example\""),
            "{shown}"
        );
        let key = config.transport.key.value.unwrap();
        assert!(key.is_absolute() && key.ends_with("a.key"));
        let config = resolve(None, &[], &Flags::default()).unwrap();
        let shown = config.to_text();
        assert!(!shown.contains("tls") && !shown.contains("acme"), "{shown}");
        assert_eq!(config.transport.origin(), None);
    }

    #[test]
    fn names_are_asked_for_and_say_where_the_api_is() {
        let environment = [("FRONTDESK_ACME", "API.example, www.example")];
        let config = resolve(None, &environment, &Flags::default()).unwrap();
        let shown = config.to_text();
        let expected = "acme = [\"api.example\", \"www.example\"]";
        assert!(shown.contains(expected), "{shown}");
        let origin = config.transport.origin().unwrap();
        assert_eq!(origin.as_str(), "https://api.example");
        for (said, expected) in [
            ("acme = [\"*.example\"]", "not for `*.example`"),
            ("acme = [\"192.0.2.1\"]", "not for `192.0.2.1`"),
            ("acme = [\"[::1]\"]", "not for `[::1]`"),
            ("acme = [\"a.example:443\"]", "not for `a.example:443`"),
            (
                "acme = [\"a.example\", \"\"]",
                "not for `` (frontdesk.toml)",
            ),
            (
                "acme = [\"a.example\"]\ntls_cert = \"x\"\ntls_key = \"y\"",
                "named or asked for, not both",
            ),
            (
                "acme_directory = \"http://a.example/\"",
                "asked by `https://`",
            ),
        ] {
            let error = resolve(Some(said), &[], &Flags::default()).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn paths_in_the_file_start_at_the_file() {
        let config = resolve(Some("data = \"../data\""), &[], &Flags::default()).unwrap();
        assert!(config.data.value.ends_with("../data"));
        assert!(config.data.value.is_absolute());
    }

    #[test]
    fn mistakes_are_told_with_their_place() {
        for (file, environment, expected) in [
            (Some("\nlisten = 1"), None, "frontdesk.toml:2: invalid type"),
            (
                Some("\nlisten = \":1\"\nliste = \"x\""),
                None,
                "frontdesk.toml:3: there is no setting `liste`; did you mean `listen`?",
            ),
            (
                Some("[tls]\ncert = \"x\""),
                None,
                "frontdesk.toml:1: there is no setting `tls`; the settings are listen, private_listen, ",
            ),
            (
                Some("lock = 1\nlgo = 2"),
                None,
                ":2: there is no setting `lgo`; did you mean `log`?",
            ),
            (Some("listen = "), None, "frontdesk.toml:1:"),
            (
                Some("tls_cert = \"x\""),
                None,
                "name the key with `--tls-key` too (frontdesk.toml)",
            ),
            (
                None,
                Some(("FRONTDESK_TLS_KEY", "x")),
                "name the certificate with `--tls-cert` too (FRONTDESK_TLS_KEY)",
            ),
            (
                Some("tls_client_ca = \"x\""),
                None,
                "only where HTTPS is served",
            ),
            (
                None,
                Some(("FRONTDESK_ORIGIN", "api.example")),
                "write scheme and host",
            ),
            (
                None,
                Some(("FRONTDESK_DRAIN", "soon")),
                "a number of seconds, not `soon`",
            ),
            (Some("drain = 999999"), None, "at most 3600 seconds"),
            (
                Some("durability = \"none\""),
                None,
                "`full` or `relaxed`, not `none` (frontdesk.toml)",
            ),
            (
                Some("database = \"postgres://db/shop\""),
                Some(("FRONTDESK_DURABILITY", "relaxed")),
                "its own `synchronous_commit`",
            ),
            (
                Some("trusted_proxies = [\"10.0.0.0/8\", \"proxy\"]"),
                None,
                "`proxy` is neither an address nor a network",
            ),
        ] {
            let environment: Vec<_> = environment.into_iter().collect();
            let error = resolve(file, &environment, &Flags::default()).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }
}
