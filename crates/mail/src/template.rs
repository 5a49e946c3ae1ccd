//! Templates: a subject, an empty line, paragraphs. `{{name}}` stands for a value; there is
//! nothing else to learn, and nothing a value could do.
//!
//! The HTML part follows from the text, unless a template of its own is given for it.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::kind::{Kind, Letter};

/// The language of letters to whoever has said none.
const FALLBACK: &str = "en";
const SUBJECT: &str = "Subject: ";
/// Bytes of a template.
const TEMPLATE_BYTES_MAX: u64 = 256 * 1024;
/// Languages in a folder of templates.
const LANGUAGES_MAX: usize = 200;

/// A text with places for values.
#[derive(Clone, Debug, PartialEq)]
struct Pattern(Vec<Piece>);

#[derive(Clone, Debug, PartialEq)]
enum Piece {
    Text(String),
    Value(String),
}

#[derive(Clone, Debug)]
struct Template {
    subject: Pattern,
    text: Pattern,
    html: Option<Pattern>,
}

/// The templates of every letter.
#[derive(Clone, Debug)]
pub struct Templates {
    all: BTreeMap<(&'static str, String), Template>,
}

/// A letter in words.
pub(crate) struct Worded {
    pub subject: String,
    pub text: String,
    pub html: String,
}

/// Why a folder's templates cannot be used.
#[derive(Debug)]
pub enum TemplateError {
    File {
        path: PathBuf,
        source: io::Error,
    },
    /// What is wrong with it, in a sentence.
    Wrong {
        path: PathBuf,
        what: String,
    },
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TemplateError::File { path, source } => {
                write!(f, "`{}` cannot be read: {source}", path.display())
            }
            TemplateError::Wrong { path, what } => write!(f, "`{}`: {what}", path.display()),
        }
    }
}

impl std::error::Error for TemplateError {}

impl Templates {
    /// Those that come along, in English and German.
    pub fn built_in() -> Templates {
        let mut all = BTreeMap::new();
        for kind in Kind::ALL {
            for language in ["en", "de"] {
                let text = kind.built_in(language).unwrap_or_default();
                let template = template(*kind, text, None);
                let template = template.expect("a test reads each that comes along");
                all.insert((kind.name(), language.to_owned()), template);
            }
        }
        Templates { all }
    }

    /// The same with those of a folder in their place: `LANGUAGE/KIND.txt`, and `LANGUAGE/KIND.html`
    /// beside it where the HTML is to be another. A folder that is not there holds none.
    ///
    /// # Errors
    /// When one cannot be read or names what there is not.
    pub fn with_folder(folder: &Path) -> Result<Templates, TemplateError> {
        let mut templates = Templates::built_in();
        for (language, place) in entries(folder)?.into_iter().take(LANGUAGES_MAX) {
            let is_language = !language.is_empty()
                && language.len() <= 8
                && language.bytes().all(|byte| byte.is_ascii_lowercase());
            if language.starts_with('.') || !place.is_dir() {
                continue;
            }
            if !is_language {
                let what = "folders of templates are called like languages: en, de, fr".to_owned();
                return Err(TemplateError::Wrong { path: place, what });
            }
            templates.add(&language, &place)?;
        }
        Ok(templates)
    }

    fn add(&mut self, language: &str, folder: &Path) -> Result<(), TemplateError> {
        for (name, path) in entries(folder)? {
            if name.starts_with('.') {
                continue;
            }
            let stem = name.strip_suffix(".txt").or(name.strip_suffix(".html"));
            let Some(kind) = stem.and_then(Kind::named) else {
                let names: Vec<&str> = Kind::ALL.iter().map(|kind| kind.name()).collect();
                let what = format!(
                    "there is no such letter; files are called LETTER.txt or LETTER.html, and the \
                     letters are {}",
                    names.join(", ")
                );
                return Err(TemplateError::Wrong { path, what });
            };
            let wrong = |what| TemplateError::Wrong {
                path: path.clone(),
                what,
            };
            let own = folder.join(format!("{}.txt", kind.name()));
            let text = match own.exists() {
                true => read(&own)?,
                false => match kind.built_in(language) {
                    Some(text) => text.to_owned(),
                    None => {
                        let text = format!("{}.txt has to stand beside it", kind.name());
                        return Err(wrong(text));
                    }
                },
            };
            let html = folder.join(format!("{}.html", kind.name()));
            let html = match html.exists() {
                true => Some(read(&html)?),
                false => None,
            };
            let template = template(kind, &text, html.as_deref()).map_err(wrong)?;
            self.all
                .insert((kind.name(), language.to_owned()), template);
        }
        Ok(())
    }

    /// Words a letter in its language, or in English.
    pub(crate) fn word(&self, letter: &Letter, site: &str) -> Worded {
        let language = letter.language.as_deref().unwrap_or(FALLBACK);
        let primary = language.split(['-', '_']).next().unwrap_or(FALLBACK);
        let find = |language: &str| {
            let language = language.to_ascii_lowercase();
            self.all.get(&(letter.kind.name(), language))
        };
        let template = find(primary).or_else(|| find(FALLBACK));
        let template = template.expect("every letter has a template in English");
        let value = |name: &str| match name {
            "site" => site,
            name => letter.find(name),
        };
        let text = template.text.fill(&|name| value(name).to_owned());
        let html = match &template.html {
            Some(html) => html.fill(&|name| escaped(value(name))),
            None => html_of(&text, primary),
        };
        Worded {
            subject: template.subject.fill(&|name| value(name).to_owned()),
            text,
            html,
        }
    }
}

fn template(kind: Kind, text: &str, html: Option<&str>) -> Result<Template, String> {
    let text = text.replace("\r\n", "\n");
    let (head, body) = text.split_once("\n\n").unwrap_or((&text, ""));
    let subject = head
        .strip_prefix(SUBJECT)
        .filter(|subject| !subject.contains('\n') && !subject.trim().is_empty())
        .ok_or_else(|| format!("it begins with one line `{SUBJECT}…` and an empty line"))?;
    let read = |text: &str| Pattern::read(text, kind.values());
    let template = Template {
        subject: read(subject)?,
        text: read(body.trim())?,
        html: html.map(read).transpose()?,
    };
    if kind.values().contains(&"link") {
        let parts = std::iter::once(&template.text).chain(&template.html);
        if parts.into_iter().any(|part| !part.names("link")) {
            return Err("without {{link}} nobody can do what it is about".to_owned());
        }
    }
    Ok(template)
}

impl Pattern {
    fn read(text: &str, known: &[&str]) -> Result<Pattern, String> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let Some((name, after)) = after.split_once("}}") else {
                return Err("a {{ has no }} after it".to_owned());
            };
            let name = name.trim();
            if !known.contains(&name) {
                let known: Vec<String> = known.iter().map(|one| format!("{{{{{one}}}}}")).collect();
                return Err(format!(
                    "{{{{{name}}}}} stands for nothing here; there are {}",
                    known.join(", ")
                ));
            }
            pieces.push(Piece::Text(before.to_owned()));
            pieces.push(Piece::Value(name.to_owned()));
            rest = after;
        }
        pieces.push(Piece::Text(rest.to_owned()));
        Ok(Pattern(pieces))
    }

    fn fill(&self, value: &dyn Fn(&str) -> String) -> String {
        let pieces = self.0.iter().map(|piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Value(name) => value(name),
        });
        pieces.collect()
    }

    fn names(&self, name: &str) -> bool {
        let named = |piece: &Piece| matches!(piece, Piece::Value(known) if known == name);
        self.0.iter().any(named)
    }
}

/// Paragraphs as paragraphs, and what is a link alone as a link.
fn html_of(text: &str, language: &str) -> String {
    let language = match language.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        true => language,
        false => FALLBACK,
    };
    let mut html = format!(
        "<!doctype html>\n<html lang=\"{language}\"><head><meta charset=\"utf-8\"></head>\
         <body style=\"font: 16px/1.5 sans-serif; max-width: 36em; margin: 2em auto\">\n"
    );
    for paragraph in text.split("\n\n").map(str::trim) {
        let escaped = escaped(paragraph);
        let is_link = (paragraph.starts_with("https://") || paragraph.starts_with("http://"))
            && !paragraph.contains(char::is_whitespace);
        html.push_str(&match is_link {
            true => format!("<p><a href=\"{escaped}\">{escaped}</a></p>\n"),
            false => format!("<p>{}</p>\n", escaped.replace('\n', "<br>")),
        });
    }
    html.push_str("</body></html>\n");
    html
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

fn entries(folder: &Path) -> Result<Vec<(String, PathBuf)>, TemplateError> {
    let failed = |source| TemplateError::File {
        path: folder.to_owned(),
        source,
    };
    let listed = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(vec![]),
        listed => listed.map_err(failed)?,
    };
    let mut found = Vec::new();
    for entry in listed {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        found.push((name, entry.path()));
    }
    found.sort();
    Ok(found)
}

fn read(path: &Path) -> Result<String, TemplateError> {
    let mut text = String::new();
    let opened = fs::File::open(path);
    let read = opened.and_then(|file| file.take(TEMPLATE_BYTES_MAX + 1).read_to_string(&mut text));
    let read = read.map_err(|source| TemplateError::File {
        path: path.to_owned(),
        source,
    })?;
    if read as u64 > TEMPLATE_BYTES_MAX {
        let what = format!("it is longer than {} KiB", TEMPLATE_BYTES_MAX / 1024);
        return Err(TemplateError::Wrong {
            path: path.to_owned(),
            what,
        });
    }
    Ok(text)
}
