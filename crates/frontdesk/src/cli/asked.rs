//! Commands that messages advise, as they must be typed: with the folder and the data that the
//! command was given, quoted for a shell.

use std::path::{Path, PathBuf};

use crate::config::Storage;

/// What a command was asked about.
#[derive(Clone, Debug)]
pub struct Asked {
    dir: PathBuf,
    storage: Storage,
    /// Whether this command is told the folder with `--dir`; others have it as an argument.
    by_flag: bool,
}

impl Default for Asked {
    fn default() -> Asked {
        Asked::about(Path::new("."), &Storage::default())
    }
}

impl Asked {
    pub fn about(dir: &Path, storage: &Storage) -> Asked {
        Asked {
            dir: dir.to_owned(),
            storage: storage.clone(),
            by_flag: false,
        }
    }

    /// The same for a command that is told the folder with `--dir`.
    pub fn by_flag(dir: &Path, storage: &Storage) -> Asked {
        Asked {
            by_flag: true,
            ..Asked::about(dir, storage)
        }
    }

    /// How to name the contract's folder, for whoever has not.
    pub fn naming(&self) -> Option<&'static str> {
        let is_unnamed = self.by_flag && self.dir == Path::new(".");
        is_unnamed.then_some("or name the contract's folder: `--dir DIR`")
    }

    /// Why there may be no data where it was looked for, if there is not even a contract.
    pub fn naming_data(&self) -> Option<String> {
        let lacks_contract = self.by_flag && !self.dir.join(frontdesk::FILE).exists();
        lacks_contract.then(|| {
            format!(
                "there is no contract in `{}` either: name its folder with `--dir DIR`, or that of \
                 the data with `--data DIR`",
                self.dir.display()
            )
        })
    }

    /// `frontdesk COMMAND` for the same contract.
    pub fn command(&self, command: &str) -> String {
        let mut typed = format!("frontdesk {command}");
        if self.dir != Path::new(".") {
            typed.push(' ');
            typed.push_str(&word(&self.dir.to_string_lossy()));
        }
        typed
    }

    /// The same for the same data, too. What comes from the environment or a file is found again.
    pub fn command_on_data(&self, command: &str) -> String {
        self.on_data(self.command(command))
    }

    /// `frontdesk COMMAND --dir DIR`, for the same data.
    pub fn command_by_flag(&self, command: &str) -> String {
        let mut typed = format!("frontdesk {command}");
        if self.dir != Path::new(".") {
            typed.push_str(&format!(" --dir {}", word(&self.dir.to_string_lossy())));
        }
        self.on_data(typed)
    }

    fn on_data(&self, mut typed: String) -> String {
        if let Some(data) = &self.storage.data {
            typed.push_str(&format!(" --data {}", word(&data.to_string_lossy())));
        }
        if let Some(url) = &self.storage.database {
            typed.push_str(&format!(" --database {}", word(&without_password(url))));
        }
        typed
    }
}

/// Messages go into logs.
fn without_password(url: &str) -> String {
    let secret = url.split_once("://").and_then(|(scheme, rest)| {
        let (account, place) = rest.rsplit_once('@')?;
        let (user, _) = account.split_once(':')?;
        Some(format!("{scheme}://{user}:PASSWORD@{place}"))
    });
    secret.unwrap_or_else(|| url.to_owned())
}

/// One word of a command line.
pub fn word(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+=,".contains(c);
    let text = match text.starts_with('-') {
        // A path, not a flag.
        true => format!("./{text}"),
        false => text.to_owned(),
    };
    match !text.is_empty() && text.chars().all(is_plain) {
        true => text,
        false => format!("'{}'", text.replace('\'', "'\\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_can_be_typed_as_they_stand() {
        let check = |dir: &str, data: Option<&str>, url: Option<&str>, typed: &str| {
            let storage = Storage {
                data: data.map(PathBuf::from),
                database: url.map(str::to_owned),
            };
            let asked = Asked::about(Path::new(dir), &storage);
            assert_eq!(asked.command_on_data("migrate apply"), typed);
            // Another kind of command differs in how it is told the folder, and in nothing else.
            let folder = typed.strip_prefix("frontdesk migrate apply").unwrap();
            let by_flag = match dir {
                "." => format!("frontdesk key list{folder}"),
                _ => format!("frontdesk key list --dir{folder}"),
            };
            assert_eq!(asked.command_by_flag("key list"), by_flag);
        };
        check(".", None, None, "frontdesk migrate apply");
        check("shop", None, None, "frontdesk migrate apply shop");
        check("My App", None, None, "frontdesk migrate apply 'My App'");
        check("it's", None, None, r"frontdesk migrate apply 'it'\''s'");
        check("-x", None, None, "frontdesk migrate apply ./-x");
        check(
            "shop",
            Some("/var/my data"),
            None,
            "frontdesk migrate apply shop --data '/var/my data'",
        );
        check(
            ".",
            None,
            Some("postgres://ann:secret@db/shop?sslmode=require"),
            "frontdesk migrate apply --database 'postgres://ann:PASSWORD@db/shop?sslmode=require'",
        );
    }
}
