//! `init`: a folder with a contract in it.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use frontdesk::{FILE, FileError};

use super::asked::Asked;
use super::{Done, Trouble};
use crate::config::Storage;
use crate::terminal::{GOOD, LINK, QUIET, say, styled};

const EXAMPLE: &str = "\
Example:
  frontdesk init notes
  frontdesk init shop --template bookstore";

/// Make a folder with a contract in it
#[derive(Args, Debug)]
#[command(after_help = EXAMPLE)]
pub struct Init {
    /// The folder, which may exist but holds no contract yet
    #[arg(default_value = ".")]
    dir: PathBuf,

    /// What to begin with
    #[arg(long, value_enum, default_value_t = Template::Notes)]
    template: Template,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Template {
    /// One resource in seven lines
    Notes,
    /// Books, authors and reviews, with rules and access tests
    Bookstore,
}

type File = (&'static str, &'static str);

const NOTES: &[File] = &[
    (
        FILE,
        "\
frontdesk: 1
name: notes
limits: {guests: {by: ip, allow: 60/minute}}
resources:
  Note:
    fields: {text: string}
    access: {read: public, write: public}
",
    ),
    (
        "README.md",
        "`frontdesk dev` in this folder serves `frontdesk.yaml`; edit it and save to see it change.\n",
    ),
    (
        "seed/notes.ndjson",
        "{\"text\": \"Everything in frontdesk.yaml is served\"}\n{\"text\": \"Add a field and save\"}\n",
    ),
    (".gitignore", ".frontdesk/\n"),
];

macro_rules! bookstore {
    ($path:literal) => {
        (
            $path,
            include_str!(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/../../examples/bookstore/",
                $path
            )),
        )
    };
}

const BOOKSTORE: &[File] = &[
    bookstore!("frontdesk.yaml"),
    bookstore!("README.md"),
    bookstore!("seed/authors.ndjson"),
    bookstore!("seed/books.ndjson"),
    bookstore!("seed/reviews.ndjson"),
    (".gitignore", ".frontdesk/\n"),
];

impl Init {
    pub fn run(self) -> Done {
        let files = match self.template {
            Template::Notes => NOTES,
            Template::Bookstore => BOOKSTORE,
        };
        if self.dir.join(FILE).exists() {
            let what = format!("`{}` holds a contract already", self.dir.display());
            let help = "give another folder, or delete its frontdesk.yaml first".to_owned();
            return Err(Trouble::Wrong(what, Some(help)));
        }
        for (path, text) in files {
            let to = self.dir.join(path);
            // What is there already is somebody's work.
            if !to.exists() {
                match (self.template, *path) {
                    (Template::Notes, FILE) => {
                        let name = format!("name: {}\n", self.name());
                        write(&to, &text.replacen("name: notes\n", &name, 1))?;
                    }
                    _ => write(&to, text)?,
                }
                say(format!(
                    "{} {}",
                    styled(GOOD, "made"),
                    styled(QUIET, to.display())
                ));
            }
        }
        let dev = Asked::about(&self.dir, &Storage::default()).command("dev");
        say(format!("\nNow serve it:\n  {}", styled(LINK, dev)));
        Ok(())
    }

    /// The API is called like its folder, as names are spelled in a contract.
    fn name(&self) -> String {
        let folder = fs::canonicalize(&self.dir).unwrap_or_else(|_| self.dir.clone());
        let folder = folder.file_name().unwrap_or_default().to_string_lossy();
        frontdesk::contract::slug(&folder).unwrap_or_else(|| "notes".to_owned())
    }
}

fn write(path: &Path, text: &str) -> Done {
    if let Some(folder) = path.parent() {
        let made = fs::create_dir_all(folder);
        made.map_err(|error| FileError::making_folder(folder, error))?;
    }
    let written = fs::write(path, text);
    Ok(written.map_err(|error| FileError::writing(path, error))?)
}
