//! A folder with a contract in it, and what compiling it gives.
//!
//! The one place that reads contract files from disk. Included files are only ever read from
//! inside the folder, whatever a pattern or a symbolic link says.

mod pattern;

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;

use contract::FILES_MAX;
use diag::{Diagnostic, Diagnostics, FileId, Severity, Sources, Span};
use model::Model;
use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::file_error::FileError;

/// The name of the main file of every contract.
pub const FILE: &str = "frontdesk.yaml";

/// What a compiler thread may use. The compiler's recursion is bounded by its limits on depth;
/// this is several times what a contract at those limits needs, and only touched pages cost.
const COMPILER_STACK_BYTES: usize = 16 << 20;
/// One file: the compiler takes no more of all files together.
const BYTES_MAX: u64 = 16 << 20;

/// A contract's folder.
#[derive(Clone, Debug)]
pub struct Project {
    /// As it was given, for messages.
    folder: PathBuf,
    /// The same without symbolic links: what is read must lie below it.
    root: PathBuf,
}

/// What compiling a project gives: a model unless there were errors, and all that was found.
#[derive(Debug)]
pub struct Compiled {
    pub sources: Sources,
    pub diagnostics: Diagnostics,
    pub model: Option<Model>,
    /// Folders in which a new or changed file may change the contract.
    pub folders: BTreeSet<PathBuf>,
}

impl Compiled {
    /// Stands for what is written, in all its files.
    pub fn digest(&self) -> String {
        let mut digest = Sha256::new();
        for (_, path, text) in self.sources.files() {
            for part in [path, text] {
                digest.update((part.len() as u64).to_be_bytes());
                digest.update(part.as_bytes());
            }
        }
        let digest = digest.finalize();
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl Project {
    /// A contract's folder, or its `frontdesk.yaml`.
    ///
    /// # Errors
    /// [`Error::NoContract`] when there is none.
    pub fn open(folder: impl Into<PathBuf>) -> Result<Project, Error> {
        let mut folder: PathBuf = folder.into();
        if folder.is_file() && folder.file_name().is_some_and(|name| name == FILE) {
            folder.pop();
        }
        if folder.as_os_str().is_empty() {
            folder.push(".");
        }
        let none = |help: &str| {
            let help = help.to_owned();
            Err(Error::NoContract {
                folder: folder.clone(),
                help,
            })
        };
        if !folder.exists() {
            return none("the folder does not exist");
        }
        if !folder.is_dir() {
            return none("give the folder that holds `frontdesk.yaml`");
        }
        if !folder.join(FILE).exists() {
            return if folder.join("frontdesk.yml").exists() {
                none("rename `frontdesk.yml` to `frontdesk.yaml`")
            } else {
                none("it has no `frontdesk.yaml`; `frontdesk init` makes one")
            };
        }
        let root =
            fs::canonicalize(&folder).map_err(|source| FileError::reading(&folder, source))?;
        Ok(Project { folder, root })
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Reads and compiles the contract. Mistakes in it are no errors of this function.
    ///
    /// # Errors
    /// When the main file cannot be read.
    pub fn compile(&self) -> Result<Compiled, Error> {
        let main = self.folder.join(FILE);
        let bytes = match read(&main) {
            Ok(bytes) => bytes,
            // It was there when the folder was opened.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(Error::NoContract {
                    folder: self.folder.clone(),
                    help: format!("its `{FILE}` has been deleted or moved; put it back"),
                });
            }
            Err(source) => return Err(FileError::reading(&main, source).into()),
        };
        let mut sources = Sources::new();
        let mut diagnostics = Diagnostics::new();
        let text = match text_of(bytes) {
            Ok(text) => text,
            Err((lossy, at)) => {
                let file = sources.add(self.shown(FILE), lossy);
                diagnostics.push(not_utf8(file, at));
                return Ok(Compiled {
                    sources,
                    diagnostics,
                    model: None,
                    folders: BTreeSet::from([self.folder.clone()]),
                });
            }
        };
        let file = sources.add(self.shown(FILE), text);
        let mut loader = Loader {
            project: self,
            folders: BTreeSet::from([self.folder.clone()]),
        };
        let model = thread::scope(|scope| {
            let compiler = thread::Builder::new()
                .name("compiler".to_owned())
                .stack_size(COMPILER_STACK_BYTES)
                .spawn_scoped(scope, || {
                    let mut load = |pattern: &str| loader.load(pattern);
                    contract::compile(file, &mut sources, &mut load, &mut diagnostics)
                })
                .map_err(|source| FileError::reading(&main, source))?;
            Ok::<_, Error>(
                compiler
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            )
        })?;
        Ok(Compiled {
            sources,
            diagnostics,
            model,
            folders: loader.folders,
        })
    }

    /// A path inside the folder as messages name it: one that can be opened from where the
    /// program was started.
    fn shown(&self, inside: &str) -> String {
        let path = self.folder.join(inside);
        let path = path.strip_prefix(".").unwrap_or(&path);
        path.to_string_lossy().replace('\\', "/")
    }
}

impl Compiled {
    /// The model and its warnings.
    ///
    /// # Errors
    /// [`Error::Contract`] when the contract has mistakes.
    pub fn into_model(mut self) -> Result<(Model, Compiled), Error> {
        match self.model.take() {
            Some(model) if !self.diagnostics.has_errors() => Ok((model, self)),
            _ => Err(Error::Contract(Box::new(self))),
        }
    }

    pub fn error_count(&self) -> usize {
        let is_error = |found: &&diag::Diagnostic| found.severity == Severity::Error;
        self.diagnostics.iter().filter(is_error).count()
    }

    pub fn warning_count(&self) -> usize {
        self.diagnostics.len() - self.error_count()
    }

    /// Whether the same texts were read.
    pub fn is_of_the_same_text(&self, other: &Compiled) -> bool {
        let texts = |compiled: &Compiled| -> Vec<(String, String)> {
            let files = compiled.sources.files();
            files
                .map(|(_, path, text)| (path.to_owned(), text.to_owned()))
                .collect()
        };
        texts(self) == texts(other)
    }
}

/// Finds the files that a pattern of `include:` stands for.
struct Loader<'p> {
    project: &'p Project,
    folders: BTreeSet<PathBuf>,
}

impl Loader<'_> {
    fn load(&mut self, pattern: &str) -> Result<Vec<(String, String)>, String> {
        let found = pattern::find(&self.project.root, pattern, &mut |folder| {
            let inside = folder.strip_prefix(&self.project.root).unwrap_or(folder);
            self.folders.insert(self.project.folder.join(inside));
        })
        .map_err(|error| error.to_string())?;
        if found.len() > FILES_MAX {
            return Err(format!(
                "{} files match; the most is {FILES_MAX}",
                found.len()
            ));
        }
        let mut files = Vec::with_capacity(found.len());
        for inside in found {
            let path = self.project.root.join(&inside);
            let shown = self.project.shown(&inside);
            let real = fs::canonicalize(&path).map_err(|error| format!("`{shown}`: {error}"))?;
            if !real.starts_with(&self.project.root) {
                return Err(format!(
                    "`{shown}` is a link that leads out of the contract's folder"
                ));
            }
            let bytes = read(&real).map_err(|error| format!("`{shown}`: {error}"))?;
            let text = text_of(bytes).map_err(|(lossy, at)| {
                let line = lossy[..at].matches('\n').count() + 1;
                format!("`{shown}`: line {line} is not UTF-8")
            })?;
            files.push((shown, text));
        }
        Ok(files)
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let bytes = fs::metadata(path)?.len();
    if bytes > BYTES_MAX {
        let message = format!("{bytes} bytes are too many for a contract");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    fs::read(path)
}

/// The text, or as much of it as is text, and where it first is none.
fn text_of(bytes: Vec<u8>) -> Result<String, (String, usize)> {
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        (String::from_utf8_lossy(error.as_bytes()).into_owned(), at)
    })
}

fn not_utf8(file: FileId, at: usize) -> Diagnostic {
    // What is no text is shown as the character that stands for it.
    let end = at + char::REPLACEMENT_CHARACTER.len_utf8();
    Diagnostic::error(
        contract::yaml::codes::NOT_UTF8,
        Span::new(file, at..end),
        "the file is not UTF-8",
    )
    .label("the first bytes that are no text")
    .help("save the file as UTF-8, without changing its words")
    .note("nothing else of it has been checked")
}
