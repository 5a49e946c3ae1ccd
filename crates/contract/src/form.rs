//! What the language is made of: which keys stand where, and what each may hold.
//!
//! The tables themselves are in [`crate::keys`]. Two readers share them: `read` holds a contract
//! against them, `schema` turns them into a JSON Schema for editors. So neither can know a key
//! the other does not. Meaning (which resource a name is) is none of this module's business.

/// What may stand in one place.
#[derive(Debug)]
pub enum Form {
    /// Any value at all, null included.
    Any,
    /// Text; `true` and `12` are not.
    Text,
    /// Text that is one word of a known kind, for which [`Form::describe`] has these words.
    Word(&'static str),
    /// The name of a secret, `$NAME`.
    Secret,
    Bool,
    /// `false`, for "none" beside another form.
    False,
    /// A whole number.
    Whole {
        min: i64,
        max: i64,
    },
    Number,
    /// The number of the language version, [`crate::keys::LANGUAGE`].
    Version,
    /// One of these words.
    Choice(&'static [Choice]),
    /// `snake_case`
    Slug,
    /// `PascalCase`
    TypeName,
    /// `YYYY-MM-DD`
    Day,
    /// An expression that is true or false.
    Condition,
    /// `=` and an expression.
    Formula,
    List {
        of: &'static Form,
        min: usize,
    },
    /// Names of one's own, each with a value of the same form.
    Map {
        keys: Keys,
        of: &'static Form,
        min: usize,
        /// An entry as it may be written.
        example: &'static str,
    },
    /// Fixed keys.
    Table(&'static Table),
    /// Forms that differ in kind (a word or a map), so that the kind tells which is meant.
    Either(&'static [Form]),
}

/// How the names of a [`Form::Map`] are spelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keys {
    /// `snake_case`
    Slug,
    /// `PascalCase`
    TypeName,
    /// `snake_case`, perhaps with `?` behind.
    FieldName,
    /// Anything.
    Free,
}

/// One word of a [`Form::Choice`].
#[derive(Debug)]
pub struct Choice {
    pub word: &'static str,
    /// Part of the language, but not of this version of the server.
    pub later: bool,
}

/// A map with fixed keys.
#[derive(Debug)]
pub struct Table {
    /// With its article: `a resource`.
    pub what: &'static str,
    pub keys: &'static [Key],
    /// Words people write here out of habit, and what to write instead.
    pub habits: &'static [(&'static str, &'static str)],
}

#[derive(Debug)]
pub struct Key {
    pub name: &'static str,
    pub form: Form,
    /// One sentence for editors and documentation.
    pub doc: &'static str,
    /// The key as it may be written, for the help of a diagnostic.
    pub example: &'static str,
    pub required: bool,
    /// Part of the language, but not of this version of the server.
    pub later: bool,
}

impl Key {
    pub const fn new(
        name: &'static str,
        form: Form,
        doc: &'static str,
        example: &'static str,
    ) -> Key {
        Key {
            name,
            form,
            doc,
            example,
            required: false,
            later: false,
        }
    }

    pub const fn required(self) -> Key {
        Key {
            required: true,
            ..self
        }
    }

    /// A key that is refused as not supported yet.
    pub const fn later(name: &'static str) -> Key {
        Key {
            name,
            form: Form::Any,
            doc: "",
            example: "",
            required: false,
            later: true,
        }
    }
}

impl Table {
    pub fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }

    /// The keys this version understands.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.keys
            .iter()
            .filter(|key| !key.later)
            .map(|key| key.name)
    }
}

impl Form {
    /// With its article, for "must be …".
    pub fn describe(&self) -> String {
        match self {
            Form::Any => "a value".to_owned(),
            Form::Text => "text".to_owned(),
            Form::Word(what) => (*what).to_owned(),
            Form::Secret => "the name of a secret like `$PRINTER_SECRET`".to_owned(),
            Form::Bool => "`true` or `false`".to_owned(),
            Form::False => "`false`".to_owned(),
            Form::Whole { .. } => "a whole number".to_owned(),
            Form::Number => "a number".to_owned(),
            Form::Version => format!("the number {}", crate::keys::LANGUAGE),
            Form::Choice(words) => {
                let words: Vec<String> = words
                    .iter()
                    .filter(|choice| !choice.later)
                    .map(|choice| format!("`{}`", choice.word))
                    .collect();
                one_of(&words)
            }
            Form::Slug => "a name in snake_case".to_owned(),
            Form::TypeName => "a name in PascalCase".to_owned(),
            Form::Day => "a day like 2026-11-22".to_owned(),
            Form::Condition => "a condition".to_owned(),
            Form::Formula => "a formula".to_owned(),
            Form::List { .. } => "a list".to_owned(),
            Form::Map { .. } | Form::Table(_) => "a map of `key: value`".to_owned(),
            Form::Either(forms) => {
                let forms: Vec<String> = forms.iter().map(Form::describe).collect();
                forms.join(", or ")
            }
        }
    }
}

/// `a`, `a or b`, `a, b or c`.
pub fn one_of(words: &[String]) -> String {
    enumerate(words, "or")
}

/// `a`, `a and b`, `a, b and c`.
pub fn all_of(words: &[String]) -> String {
    enumerate(words, "and")
}

fn enumerate(words: &[String], last: &str) -> String {
    match words {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., end] => format!("{} {last} {end}", first.join(", ")),
    }
}
