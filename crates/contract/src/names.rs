//! Which names may be given, and which meet each other in another spelling.
//!
//! Speaks only of spelling: what a name refers to is resolved elsewhere.

mod letters;

use std::collections::HashMap;

use diag::{Diagnostic, Diagnostics, Span, Spanned};
use model::names::{camel, kebab, plural, snake};

use crate::codes;
use crate::form::Keys;
use crate::read::{Item, Text};

/// PostgreSQL cuts identifiers at 63 bytes; this leaves room for `_id` and for what index names
/// add.
pub const NAME_CHARS_MAX: usize = 50;

/// Fields every record has, or will have when a feature that is on its way is used.
const SYSTEM_FIELDS: [&str; 5] = ["id", "etag", "created_at", "updated_at", "deleted_at"];
/// Parameters of list requests: a field of this name cannot be filtered by.
pub const LIST_PARAMETERS: [&str; 10] = [
    "limit", "cursor", "sort", "fields", "include", "q", "total", "after", "snapshot", "dry_run",
];
/// Words the expression language reads otherwise, wherever they stand.
const EXPRESSION_WORDS: [&str; 4] = ["true", "false", "null", "in"];
/// Names that mean something in an expression by themselves.
const EXPRESSION_NAMES: [&str; 9] = [
    "this",
    "next",
    "row",
    "user",
    "input",
    "now",
    "public",
    "signed_in",
    "nobody",
];
/// Begins the names of the server's own tables.
const SYSTEM_PREFIX: &str = "frontdesk_";
/// Begins the names of tables that belong to the server or to a database.
const TABLE_PREFIXES: [(&str, &str); 3] = [
    (SYSTEM_PREFIX, "Frontdesk"),
    ("sqlite_", "Sqlite"),
    ("pg_", "Pg"),
];
/// First segments below any base that are kept for the styles and the long work to come, so that
/// no contract is in their way.
const PATHS: [&str; 3] = ["graphql", "live", "operations"];
/// First segments the server answers itself at the root, or will; they are in nobody's way below
/// a base. What has a dot, such as `openapi.json`, is no path of a resource anyway.
const ROOT_PATHS: [&str; 16] = [
    "docs", "assets", "problems", "healthz", "readyz", "livez", "metrics", "auth", "login",
    "account", "consent", "device", "oauth", "oauth2", "console", "soap",
];
/// What may follow a record's path besides its lists.
const RECORD_PATHS: [&str; 2] = ["restore", "history"];
/// Types every generated document has. GraphQL's scalars and ours, and the root types.
const DOCUMENT_TYPES: [&str; 24] = [
    "Query",
    "Mutation",
    "Subscription",
    "Node",
    "PageInfo",
    "Problem",
    "ValidationProblem",
    "FieldProblem",
    "String",
    "Int",
    "Float",
    "Boolean",
    "ID",
    "Date",
    "DateTime",
    "Money",
    "Decimal",
    "Long",
    "SafeInt",
    "UUID",
    "JSON",
    "Empty",
    "Upload",
    "Timestamp",
];
/// What other styles make of a resource `Book`: `BookConnection`, `CreateBookInput`, …
const DERIVED: [(&str, &str); 17] = [
    ("", "Connection"),
    ("", "Edge"),
    ("", "Filter"),
    ("", "Sort"),
    ("", "Patch"),
    ("", "Event"),
    ("", "Service"),
    ("Create", "Input"),
    ("Create", "Payload"),
    ("Update", "Payload"),
    ("Delete", "Payload"),
    ("Get", "Request"),
    ("Create", "Request"),
    ("Update", "Request"),
    ("Delete", "Request"),
    ("List", "Response"),
    ("List", "Request"),
];

/// The names that mean something already, each list with what cannot be called so.
pub fn taken() -> Vec<(&'static str, Vec<&'static str>)> {
    let fields = [&SYSTEM_FIELDS[..], &EXPRESSION_WORDS].concat();
    let lists = [&fields[..], &RECORD_PATHS].concat();
    vec![
        ("a field", fields),
        ("a field with `index` or `unique`", LIST_PARAMETERS.into()),
        ("a list", lists),
        (
            "a rule",
            [&EXPRESSION_NAMES[..], &EXPRESSION_WORDS].concat(),
        ),
        ("a `path`", PATHS.into()),
        ("a `path` without a base", ROOT_PATHS.into()),
        ("a `path` within another resource", RECORD_PATHS.into()),
        ("a resource, a type", DOCUMENT_TYPES.into()),
    ]
}

pub fn is_slug(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name
            .split('_')
            .all(|part| !part.is_empty() && part.bytes().all(is_slug_byte))
}

fn is_slug_byte(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit()
}

pub fn is_type_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_uppercase())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// `play-lists`
pub fn is_path_word(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_lowercase())
        && word
            .split('-')
            .all(|part| !part.is_empty() && part.bytes().all(is_slug_byte))
}

/// The snake_case name somebody probably meant: `firstName`, `First Name` → `first_name`.
pub fn to_slug(name: &str) -> String {
    let mut ascii = String::with_capacity(name.len());
    for c in name.chars() {
        match letters::plain(c) {
            Some(letters) => ascii.push_str(letters),
            None if c.is_ascii_alphanumeric() => ascii.push(c),
            None => ascii.push('_'),
        }
    }
    let words = snake(&ascii);
    let words: Vec<&str> = words.split('_').filter(|word| !word.is_empty()).collect();
    let joined = words.join("_");
    joined
        .trim_start_matches(|c: char| c.is_ascii_digit() || c == '_')
        .to_owned()
}

/// A name for the contract made of any text, such as that of its folder; `None` if nothing of it
/// can stand in one.
pub fn slug(text: &str) -> Option<String> {
    let mut slug = to_slug(text);
    slug.truncate(NAME_CHARS_MAX);
    let slug = slug.trim_end_matches('_');
    is_slug(slug).then(|| slug.to_owned())
}

/// The PascalCase name somebody probably meant: `play_list`, `playList` → `PlayList`.
pub fn to_type_name(name: &str) -> String {
    let slug = to_slug(name);
    slug.split('_')
        .map(|word| {
            let mut word = word.to_owned();
            if let Some(first) = word.get_mut(0..1) {
                first.make_ascii_uppercase();
            }
            word
        })
        .collect()
}

/// Reports a name that is not spelled as names are in its place.
pub fn check_key(key: &Spanned<String>, keys: Keys, out: &mut Diagnostics) {
    let written = key.value.as_str();
    let name = match keys {
        Keys::FieldName => written.strip_suffix('?').unwrap_or(written),
        _ => written,
    };
    let (fine, code, kind, meant) = match keys {
        Keys::Free => return,
        Keys::Slug | Keys::FieldName => {
            (is_slug(name), codes::BAD_SLUG, "snake_case", to_slug(name))
        }
        Keys::TypeName => (
            is_type_name(name),
            codes::BAD_TYPE_NAME,
            "PascalCase",
            to_type_name(name),
        ),
    };
    if fine && name.len() > NAME_CHARS_MAX {
        out.push(
            Diagnostic::error(code, key.span, format!("`{name}` is too long for a name"))
                .label(format!("{} characters", name.len()))
                .help(format!(
                    "choose a name of at most {NAME_CHARS_MAX} characters"
                )),
        );
        return;
    }
    if fine {
        return;
    }
    let optional = if written.len() > name.len() { "?" } else { "" };
    let mut found = Diagnostic::error(
        code,
        key.span,
        format!("`{written}` is not a name in {kind}"),
    );
    let allowed = match keys {
        Keys::TypeName => "only A to Z, a to z and 0 to 9 may stand in it",
        _ => "only a to z, 0 to 9 and `_` may stand in it",
    };
    found = if name.starts_with('_') {
        found.label("names beginning with `_` belong to the system")
    } else if !name.is_ascii() {
        found.label(allowed)
    } else {
        found.label(match keys {
            Keys::TypeName => "a capital first, then letters and digits",
            _ => "lower-case words joined by `_`, a letter first",
        })
    };
    // Letters that no others stand for are lost on the way.
    let readable = name
        .chars()
        .all(|c| c.is_ascii() || letters::plain(c).is_some());
    found = if meant.is_empty() || !readable {
        let example = match keys {
            Keys::TypeName => "Book",
            _ => "first_name",
        };
        found.help(format!("choose a name like `{example}`: {allowed}"))
    } else if name.starts_with(|c: char| c.is_ascii_digit()) {
        found.help("put a word in front of the number")
    } else if let (Keys::TypeName, Some(one)) = (keys, one_of_many(name)) {
        found.help(format!(
            "write `{one}`: a resource is named after one record"
        ))
    } else {
        found.help(format!("write `{meant}{optional}`"))
    };
    out.push(found);
}

/// `books` → `Book`; nothing where it cannot be told.
fn one_of_many(name: &str) -> Option<String> {
    let many = to_slug(name);
    let ends = [("ies", "y"), ("es", ""), ("s", "")];
    let one = ends.iter().find_map(|(end, instead)| {
        let one = format!("{}{instead}", many.strip_suffix(end)?);
        // A word that ends so by itself, such as `status` or `address`.
        let whole = one.len() < 3 || one.ends_with(['s', 'u', 'i']);
        (!whole && plural(&one) == many).then_some(one)
    })?;
    Some(to_type_name(&one))
}

/// Reports a field name that means something else already.
pub fn check_field_name(name: &str, span: Span, out: &mut Diagnostics) {
    let (why, help) = if SYSTEM_FIELDS.contains(&name) {
        let help = match name {
            "id" => "delete it: every record has one; `id:` beside `fields:` says how it is made",
            "created_at" | "updated_at" => "delete it: every record has one, and rules may use it",
            _ => "choose another name; the server adds this one where it is needed",
        };
        ("the server fills this in itself", help)
    } else if EXPRESSION_WORDS.contains(&name) {
        (
            "a word of the expression language",
            "choose another name; this one could not be used in rules",
        )
    } else if name.starts_with(SYSTEM_PREFIX) {
        (
            "belongs to the server",
            "names beginning with `frontdesk_` are the server's own; choose another",
        )
    } else {
        return;
    };
    out.push(reserved(name, span, why, help));
}

/// Reports a field that lists could not be filtered by, because its name is a parameter already.
pub fn check_queryable_name(name: &str, span: Span, out: &mut Diagnostics) {
    if LIST_PARAMETERS.contains(&name) {
        out.push(reserved(
            name,
            span,
            "a parameter of lists",
            &format!(
                "lists are filtered by `?field=value`, and `?{name}=` has a meaning already: choose another name, or leave out `index` and `unique`"
            ),
        ));
    }
}

/// Reports the name of a rule that means something else already.
pub fn check_rule_name(name: &str, span: Span, out: &mut Diagnostics) {
    if EXPRESSION_NAMES.contains(&name) || EXPRESSION_WORDS.contains(&name) {
        out.push(reserved(
            name,
            span,
            "has a meaning in every expression",
            "choose another name for the rule",
        ));
    }
}

/// Reports the name of a list that cannot be a path or means something else already.
pub fn check_list_name(name: &str, span: Span, out: &mut Diagnostics) {
    if RECORD_PATHS.contains(&name) {
        out.push(reserved(
            name,
            span,
            "a path of the server itself",
            "choose another name: lists are served below the record, as in /authors/{id}/books",
        ));
    } else {
        check_field_name(name, span, out);
    }
}

fn reserved(name: &str, span: Span, why: &str, help: &str) -> Diagnostic {
    Diagnostic::error(codes::RESERVED, span, format!("the name `{name}` is taken"))
        .label(why)
        .help(help)
}

/// The names of one resource as its documents spell them, and who has them.
#[derive(Debug)]
pub struct Taken<'a> {
    /// Whose names they are: `this resource`.
    of: &'static str,
    own: HashMap<&'a str, (&'static str, Span)>,
    /// By camelCase spelling.
    camel: HashMap<String, (String, Span)>,
}

impl<'a> Taken<'a> {
    pub fn new(of: &'static str) -> Taken<'a> {
        Taken {
            of,
            own: HashMap::new(),
            camel: HashMap::new(),
        }
    }

    /// Claims a name of `this`; reports whom it belongs to already.
    pub fn claim(
        &mut self,
        name: &'a str,
        kind: &'static str,
        span: Span,
        out: &mut Diagnostics,
    ) -> bool {
        if let Some((other, before)) = self.own.get(name) {
            let mut found = Diagnostic::error(
                codes::TAKEN,
                span,
                format!("`{name}` is already the name of {other} of {}", self.of),
            )
            .label(format!("{kind} of the same name"))
            .also(*before, format!("{other} `{name}`"))
            .help(format!(
                "rename one of them, so that `{name}` means one thing"
            ));
            if let Some(relation) = name
                .strip_suffix("_id")
                .filter(|r| self.own.contains_key(r))
            {
                found = found.help(format!(
                    "delete `{name}`: the relation `{relation}` brings its `{name}` along"
                ));
            }
            out.push(found);
            return false;
        }
        self.own.insert(name, (kind, span));
        true
    }

    /// Claims the spellings of a name that clients see.
    pub fn claim_spellings(&mut self, name: &str, span: Span, out: &mut Diagnostics) {
        let spelled = camel(name);
        match self.camel.get(&spelled) {
            Some((other, before)) if other != name => {
                out.push(
                    Diagnostic::error(
                        codes::STYLE_COLLISION,
                        span,
                        format!("`{other}` and `{name}` are both `{spelled}` in camelCase"),
                    )
                    .label(format!("also `{spelled}`"))
                    .also(*before, format!("`{spelled}`"))
                    .help("rename one of them, so that every API style can tell them apart"),
                );
            }
            Some(_) => {}
            None => {
                self.camel.insert(spelled, (name.to_owned(), span));
            }
        }
    }
}

/// How a resource is called everywhere.
#[derive(Debug)]
pub struct ResourceNames {
    pub snake: String,
    /// The segment of its paths. Others have the same, within other records.
    pub path: String,
    /// Its plural, kebab-case like the path, which it is unless another is called so.
    pub plural: String,
}

/// The names of all resources; reports those that cannot be or that meet.
pub fn resources(
    declared: &[(&Spanned<String>, &Item<'_>)],
    types: &[&Spanned<String>],
    root: bool,
    out: &mut Diagnostics,
) -> Vec<ResourceNames> {
    let mut claims = Claims {
        out,
        documents: HashMap::new(),
        words: HashMap::new(),
        paths: HashMap::new(),
        root,
    };
    let mut all = Vec::with_capacity(declared.len());
    let plurals = Plurals::new(declared);
    for (key, item) in declared {
        all.push(claims.resource(key, item.text("path"), is_within(item), &plurals));
    }
    for key in types {
        claims.document_type(key);
    }
    for (key, _) in declared {
        claims.derived(key);
    }
    all
}

/// What several are called where the path's word is another's name too, which may be within
/// other records: `/issues/{id}/comments`, `/gists/{id}/comments`. The word is the name of whose
/// plural it is, or else of the first in the file.
struct Plurals<'a> {
    /// By the path's word: who is called so, and whether it is within other records.
    holders: HashMap<String, (&'a str, bool)>,
}

impl<'a> Plurals<'a> {
    fn new(declared: &[(&'a Spanned<String>, &Item<'_>)]) -> Plurals<'a> {
        let mut holders = HashMap::with_capacity(declared.len());
        for (key, item) in declared {
            let own = own_plural(&key.value);
            let holder = (key.value.as_str(), is_within(item));
            match item.text("path") {
                Some(path) if path_word(path) != own => {
                    holders.entry(path_word(path).to_owned()).or_insert(holder);
                }
                _ => {
                    holders.insert(own, holder);
                }
            }
        }
        Plurals { holders }
    }

    /// Another plural than the path's word, if somebody else is called so.
    fn beside(&self, name: &str, word: &str, within: bool) -> Option<String> {
        let (holder, holder_within) = self.holders.get(word)?;
        // Where both begin a path, they cannot both be served.
        (*holder != name && (within || *holder_within)).then(|| own_plural(name))
    }
}

fn own_plural(name: &str) -> String {
    kebab(&plural(&snake(name)))
}

fn is_within(resource: &Item<'_>) -> bool {
    resource.entry("within").is_some()
}

/// The path's word without the slashes people add.
fn path_word(path: Text<'_>) -> &str {
    path.as_str().trim_matches('/')
}

struct Claims<'o> {
    out: &'o mut Diagnostics,
    /// Names of types in documents: resources and named types.
    documents: HashMap<String, Span>,
    /// Snake-case words, one and many: tables, GraphQL fields, methods.
    words: HashMap<String, (String, Span)>,
    paths: HashMap<String, (String, Span)>,
    /// Whether resources stand at the root of the server.
    root: bool,
}

impl Claims<'_> {
    fn resource(
        &mut self,
        key: &Spanned<String>,
        path: Option<Text<'_>>,
        within: bool,
        plurals: &Plurals<'_>,
    ) -> ResourceNames {
        let name = &key.value;
        let one = snake(name);
        self.document_type(key);
        let prefix = TABLE_PREFIXES
            .iter()
            .find(|(prefix, _)| one.starts_with(prefix));
        if let Some((prefix, written)) = prefix {
            self.out.push(reserved(
                name,
                key.span,
                &format!("tables beginning with `{prefix}` belong to the server or the database"),
                &format!("choose a name that does not begin with `{written}`"),
            ));
        }
        let word = match path {
            Some(path) => self.path(path),
            None => own_plural(name),
        };
        let at = path.map_or(key.span, Text::span);
        self.check_path(name, &word, at, path.is_some(), within);
        let beside = plurals.beside(name, &word, within);
        let plural = beside.unwrap_or_else(|| word.clone());
        let many = plural.replace('-', "_");
        let word_taken = self.word(key, &one);
        if many == one {
            self.out.push(
                Diagnostic::error(
                    codes::RESOURCE_COLLISION,
                    at,
                    format!("one `{name}` and several are both called `{one}`"),
                )
                .label("the plural is the same word")
                .help(format!(
                    "give it a plural of its own, for example `path: {}-list`",
                    kebab(&one)
                )),
            );
        } else if !word_taken {
            self.word(&Spanned::new(name.clone(), at), &many);
        }
        ResourceNames {
            snake: one,
            path: word,
            plural,
        }
    }

    /// The path's word as the contract gives it.
    fn path(&mut self, path: Text<'_>) -> String {
        let written = path.as_str();
        let word = path_word(path);
        if is_path_word(word) && word == written {
            return word.to_owned();
        }
        let mut found = Diagnostic::error(
            codes::BAD_PATH,
            path.span(),
            format!("`{written}` is not a path of one word"),
        );
        if is_path_word(word) {
            found = found
                .label("the slash is added by itself")
                .help(format!("write `path: {word}`"));
        } else if let Some((front, last)) = word.rsplit_once('/') {
            let help = match is_path_word(last) {
                true => format!(
                    "write `path: {last}`; what stands in front of all resources is `base: /{front}` at the top"
                ),
                false => "a resource has a path of one word; what stands in front of all of them is `base:`".to_owned(),
            };
            found = found.label("more than one word").help(help);
        } else {
            found = found
                .label("lower-case words joined by `-`, a letter first")
                .help(format!("write `path: {}`", kebab(&to_slug(word))));
        }
        self.out.push(found);
        kebab(&to_slug(word))
    }

    fn check_path(&mut self, name: &str, word: &str, at: Span, written: bool, within: bool) {
        let is_taken = if within {
            RECORD_PATHS.contains(&word)
        } else {
            PATHS.contains(&word) || self.root && ROOT_PATHS.contains(&word)
        };
        if is_taken {
            let help = if written {
                "choose another word".to_owned()
            } else {
                format!("give the resource another path, for example `path: {word}-list`")
            };
            self.out.push(
                Diagnostic::error(
                    codes::BAD_PATH,
                    at,
                    if within {
                        format!("`/{word}` behind a record's path is the server's own")
                    } else {
                        format!("the path `/{word}` is the server's own")
                    },
                )
                .label(format!("`{name}` would be served there"))
                .help(help),
            );
        }
        // Within other records, it is told when those are known.
        if within {
            return;
        }
        match self.paths.get(word) {
            Some((other, before)) => {
                self.out.push(
                    Diagnostic::error(
                        codes::RESOURCE_COLLISION,
                        at,
                        format!("`{other}` and `{name}` have the same path `/{word}`"),
                    )
                    .label(format!("also `/{word}`"))
                    .also(*before, format!("`/{word}`"))
                    .help("give one of them another `path:`"),
                );
            }
            None => {
                self.paths.insert(word.to_owned(), (name.to_owned(), at));
            }
        }
    }

    /// Claims a snake_case word; whether another resource has it already.
    fn word(&mut self, key: &Spanned<String>, word: &str) -> bool {
        match self.words.get(word) {
            Some((other, before)) if *other != key.value => {
                // Equal paths have been reported as such.
                let same_path = self
                    .paths
                    .get(&kebab(word))
                    .is_some_and(|(owner, _)| owner == other)
                    && word != snake(&key.value)
                    && word != snake(other);
                if !same_path {
                    self.out.push(
                        Diagnostic::error(
                            codes::RESOURCE_COLLISION,
                            key.span,
                            format!("`{other}` and `{}` are both called `{word}`", key.value),
                        )
                        .label(format!("also `{word}`"))
                        .also(*before, format!("`{word}`"))
                        .help(
                            "rename one of them, or give one another `path:`, which is its plural",
                        ),
                    );
                }
                true
            }
            Some(_) => false,
            None => {
                self.words
                    .insert(word.to_owned(), (key.value.clone(), key.span));
                false
            }
        }
    }

    fn document_type(&mut self, key: &Spanned<String>) {
        let name = &key.value;
        if DOCUMENT_TYPES.contains(&name.as_str()) {
            self.out.push(reserved(
                name,
                key.span,
                "a type that every API document has",
                &match name.as_str() {
                    "String" | "Boolean" | "Date" | "Money" | "Decimal" => format!(
                        "fields can have the type `{}`: delete this one, or choose another name",
                        name.to_ascii_lowercase()
                    ),
                    "DateTime" | "Timestamp" => {
                        "fields can have the type `date-time`: delete this one, or choose another name".to_owned()
                    }
                    _ => "choose another name".to_owned(),
                },
            ));
            return;
        }
        if let Some(before) = self.documents.insert(name.clone(), key.span) {
            self.out.push(
                Diagnostic::error(
                    codes::RESOURCE_COLLISION,
                    key.span,
                    format!("`{name}` is a resource and a type"),
                )
                .label("a type of the same name")
                .also(before, "the resource")
                .help("rename one of them"),
            );
        }
    }

    fn derived(&mut self, key: &Spanned<String>) {
        for (front, back) in DERIVED {
            let name = format!("{front}{}{back}", key.value);
            if let Some(other) = self.documents.get(&name) {
                self.out.push(
                    Diagnostic::error(
                        codes::STYLE_COLLISION,
                        *other,
                        format!("`{name}` is also made of `{}` in API documents", key.value),
                    )
                    .label("two types of one name")
                    .also(key.span, format!("brings `{name}` along"))
                    .help("choose another name"),
                );
            }
        }
    }
}
