//! Holds a tree against the tables of the language and keeps what fits.
//!
//! What comes out is a tree of [`Item`]s of which every value has the form its key demands; what
//! had another has been reported and is [`Item::is_broken`], so that later stages can tell "not
//! there" from "there, but wrong" and stay silent about the latter. Names are not resolved here.

mod habits;
mod indent;
mod schema_words;

pub use self::habits::without_dollar;

use diag::{Diagnostic, Diagnostics, Sources, Span, Spanned, suggest};

use crate::codes;
use crate::form::{Choice, Form, Key, Keys, Table, all_of};
use crate::keys::{LANGUAGE, MANY};
use crate::names;
use crate::yaml::{self, Kind, Node, quoted};

/// A value that has the form its place demands, or is broken.
#[derive(Debug)]
pub struct Item<'a> {
    pub node: &'a Node,
    data: Data<'a>,
    /// A key was not understood, or some of it could not be read: what seems missing may be there.
    /// Of a whole file: only if a resource is among it, so that its name is missing elsewhere.
    pub odd: bool,
}

#[derive(Debug)]
enum Data<'a> {
    Broken,
    Leaf,
    List(Vec<Item<'a>>),
    Map(Vec<Entry<'a>>),
}

/// One key of a map with its value.
#[derive(Debug)]
pub struct Entry<'a> {
    /// The key that is meant. (Of a misspelt one that is plain enough: the right spelling.)
    pub name: &'a str,
    /// As it was written.
    pub key: &'a Spanned<String>,
    pub item: Item<'a>,
}

/// Text in the contract that knows its place.
#[derive(Clone, Copy, Debug)]
pub struct Text<'a> {
    node: &'a Node,
    value: &'a str,
}

impl<'a> Text<'a> {
    pub fn as_str(self) -> &'a str {
        self.value
    }

    pub fn span(self) -> Span {
        self.node.span
    }

    /// Where bytes `range` of the text stand in the file.
    pub fn part(self, sources: &Sources, range: std::ops::Range<usize>) -> Span {
        self.node
            .value_span(sources.text(self.node.span.file), range)
    }
}

impl<'a> Item<'a> {
    pub fn is_broken(&self) -> bool {
        matches!(self.data, Data::Broken)
    }

    pub fn span(&self) -> Span {
        self.node.span
    }

    pub fn as_text(&self) -> Option<Text<'a>> {
        match (&self.data, &self.node.kind) {
            (Data::Leaf, Kind::String(value)) => Some(Text {
                node: self.node,
                value,
            }),
            _ => None,
        }
    }

    pub fn as_bool(&self) -> Option<bool> {
        match (&self.data, &self.node.kind) {
            (Data::Leaf, Kind::Bool(value)) => Some(*value),
            _ => None,
        }
    }

    pub fn as_int(&self) -> Option<i64> {
        match (&self.data, &self.node.kind) {
            (Data::Leaf, Kind::Int(value)) => Some(*value),
            _ => None,
        }
    }

    pub fn items(&self) -> &[Item<'a>] {
        match &self.data {
            Data::List(items) => items,
            _ => &[],
        }
    }

    pub fn entries(&self) -> &[Entry<'a>] {
        match &self.data {
            Data::Map(entries) => entries,
            _ => &[],
        }
    }

    pub fn is_map(&self) -> bool {
        matches!(self.data, Data::Map(_))
    }

    /// The entry with this key, whether broken or not.
    pub fn entry(&self, key: &str) -> Option<&Entry<'a>> {
        self.entries().iter().find(|entry| entry.name == key)
    }

    /// The value of this key, unless it is broken.
    pub fn get(&self, key: &str) -> Option<&Item<'a>> {
        self.entry(key)
            .map(|entry| &entry.item)
            .filter(|item| !item.is_broken())
    }

    pub fn text(&self, key: &str) -> Option<Text<'a>> {
        self.get(key)?.as_text()
    }

    /// `key: true`.
    pub fn flag(&self, key: &str) -> bool {
        self.get(key).and_then(Item::as_bool) == Some(true)
    }

    /// The texts in the list behind this key.
    pub fn texts(&self, key: &str) -> Vec<Text<'a>> {
        self.get(key)
            .map(|list| list.items().iter().filter_map(Item::as_text).collect())
            .unwrap_or_default()
    }
}

/// What is being read, for messages.
struct Place {
    /// `` `search` ``, or `an entry of …`.
    subject: String,
    /// How it may be written; empty when there is nothing typical.
    example: String,
    /// The key it belongs to, where a value that is missing can be shown.
    key: Option<Span>,
    /// It cannot be left out, so deleting it is no advice.
    required: bool,
}

/// Which part of the contract a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Main,
    Included,
}

/// The keys an included file may have.
pub const INCLUDABLE: [&str; 5] = ["resources", "types", "rules", "limits", "errors"];

/// Reads a whole file.
pub fn read<'a>(node: &'a Node, part: Part, sources: &Sources, out: &mut Diagnostics) -> Item<'a> {
    let mut reader = Reader {
        sources,
        out,
        part,
        lost: false,
    };
    let mut file = reader.file(node);
    file.odd = reader.lost || node.torn;
    file
}

struct Reader<'r> {
    sources: &'r Sources,
    out: &'r mut Diagnostics,
    part: Part,
    /// A resource stands where none can.
    lost: bool,
}

impl Reader<'_> {
    fn file<'a>(&mut self, node: &'a Node) -> Item<'a> {
        let table = &crate::keys::CONTRACT;
        match &node.kind {
            Kind::Map(_) => self.table(node, table, Span::at(node.span.file, 0)),
            _ if node.torn => broken(node),
            Kind::Null if self.part == Part::Included => Item {
                node,
                data: Data::Map(vec![]),
                odd: false,
            },
            Kind::Null => {
                let start = Span::at(node.span.file, 0);
                self.out.push(
                    Diagnostic::error(codes::MISSING_KEY, start, "the contract is empty")
                        .label("nothing here")
                        .help(SMALLEST),
                );
                broken(node)
            }
            other => {
                self.out.push(
                    Diagnostic::error(
                        codes::WRONG_KIND,
                        node.span,
                        format!("a contract is a map of `key: value`, not {}", other.noun()),
                    )
                    .label(format!("this is {}", other.noun()))
                    .help(SMALLEST),
                );
                broken(node)
            }
        }
    }

    fn value<'a>(&mut self, node: &'a Node, form: &'static Form, place: &Place) -> Item<'a> {
        if is_lost(node) {
            return broken(node);
        }
        if matches!(node.kind, Kind::Null) && !matches!(form, Form::Any) {
            return self.nothing(node, place);
        }
        match form {
            Form::Any if node.torn_inside() => broken(node),
            Form::Any => leaf(node),
            Form::Text | Form::Word(_) => self.said(node, form, place),
            Form::Secret => self.secret(node, form, place),
            Form::Condition => self.condition(node, place),
            Form::Formula => self.formula(node, place),
            Form::Slug => self.name(node, place, Keys::Slug),
            Form::TypeName => self.name(node, place, Keys::TypeName),
            Form::Day => self.day(node, place),
            Form::Bool => match &node.kind {
                Kind::Bool(_) => leaf(node),
                _ => self.mismatch(node, form, place),
            },
            Form::False => match &node.kind {
                Kind::Bool(false) => leaf(node),
                _ => self.mismatch(node, form, place),
            },
            Form::Number => match &node.kind {
                Kind::Int(_) | Kind::Float(_) => leaf(node),
                _ => self.mismatch(node, form, place),
            },
            Form::Whole { min, max } => self.whole(node, form, (*min, *max), place),
            Form::Version => self.version(node, form, place),
            Form::Choice(words) => self.choice(node, words, form, place),
            Form::List { of, min } => self.list(node, form, of, *min, place),
            Form::Map {
                keys,
                of,
                min,
                example,
            } => self.map(node, form, (*keys, of, *min, example), place),
            Form::Table(table) => match &node.kind {
                Kind::Map(_) => match self.bare_members(node, table, place) {
                    Some(item) => item,
                    None => self.table(node, table, place.key.unwrap_or(node.span)),
                },
                _ => self.mismatch(node, form, place),
            },
            whole @ Form::Either(forms) => {
                match forms.iter().find(|form| suits(form, &node.kind)) {
                    Some(Form::Choice(words)) => self.choice(node, words, whole, place),
                    Some(Form::False) if node.kind != Kind::Bool(false) => {
                        self.mismatch(node, whole, place)
                    }
                    Some(form) => self.value(node, form, place),
                    None => self.mismatch(node, form, place),
                }
            }
        }
    }

    fn table<'a>(&mut self, node: &'a Node, table: &'static Table, owner: Span) -> Item<'a> {
        let Kind::Map(written) = &node.kind else {
            return broken(node);
        };
        let written: Vec<&'a yaml::Entry> = written.iter().collect();
        self.table_of(node, &written, table, owner)
    }

    /// Reads these entries, which are those of `node` unless the indentation is wrong.
    fn table_of<'a>(
        &mut self,
        node: &'a Node,
        written: &[&'a yaml::Entry],
        table: &'static Table,
        owner: Span,
    ) -> Item<'a> {
        let mut entries: Vec<Entry<'a>> = Vec::with_capacity(written.len());
        let mut unknown = false;
        // Required keys that unknown ones are told to be.
        let mut meant: Vec<&'static str> = vec![];
        let beside = match node.torn {
            // `fields:` itself may be what could not be read.
            true => vec![],
            false => indent::type_like(written, table),
        };
        entries.extend(self.fields_beside(node, &beside));
        let mut at = 0;
        while let Some(entry) = written.get(at) {
            at += 1;
            let name = entry.key.value.as_str();
            if beside.iter().any(|field| std::ptr::eq(*field, *entry)) {
                continue;
            }
            if table.key(name).is_none() && self.lost_resource(entry, Some(table)) {
                unknown = true;
                meant.push("resources");
                continue;
            }
            let key = match table.key(name) {
                Some(key) if key.later => {
                    self.later(entry.key.span, &format!("`{name}`"));
                    continue;
                }
                Some(key) => key,
                // Read on as if the right key had been written: what depends on it would
                // otherwise be reported as missing.
                None => match self.unknown(entry, table) {
                    Some(key) if written.iter().all(|entry| entry.key.value != key.name) => key,
                    _ => {
                        unknown = true;
                        meant.extend(habits::names(name, table));
                        continue;
                    }
                },
            };
            if std::ptr::eq(table, &crate::keys::CONTRACT)
                && self.part == Part::Included
                && !self.includable(&entry.key)
            {
                continue;
            }
            let place = Place {
                subject: format!("`{name}`"),
                example: key.example.to_owned(),
                key: Some(entry.key.span),
                required: key.required,
            };
            let strays = match entry.value.kind {
                Kind::Null if !entry.value.torn => {
                    indent::strays(&written[at..], &key.form, |name| {
                        table.key(name).is_some() || suggest::nearest(name, table.names()).is_some()
                    })
                }
                _ => vec![],
            };
            let item = if schema_words::is_bound_of_text(key, written) {
                // That there is one at all is the mistake, whatever it says.
                broken(&entry.value)
            } else if strays.is_empty() {
                self.value(&entry.value, &key.form, &place)
            } else {
                at += strays.len();
                self.adopt(entry, &strays, &key.form)
            };
            entries.push(Entry {
                name: key.name,
                key: &entry.key,
                item,
            });
        }
        let whole_file = std::ptr::eq(table, &crate::keys::CONTRACT);
        let excused = node.torn || (whole_file && self.part == Part::Included);
        for key in table.keys.iter().filter(|key| key.required) {
            let told = excused || meant.contains(&key.name);
            if entries.iter().all(|entry| entry.name != key.name) && !told {
                self.missing(table, key, owner, whole_file);
            }
        }
        Item {
            node,
            data: Data::Map(entries),
            odd: unknown || node.torn,
        }
    }

    /// Reports a key that the table does not have; the key that was meant, if it is plain.
    fn unknown(&mut self, entry: &yaml::Entry, table: &'static Table) -> Option<&'static Key> {
        let key = &entry.key;
        let name = key.value.as_str();
        let found = Diagnostic::error(
            codes::UNKNOWN_KEY,
            key.span,
            format!("unknown key `{name}` in {}", table.what),
        );
        let advice = match table.key("type") {
            _ if name.starts_with("x-") => Some(
                "there are no keys of one's own: put it into `description:` or a comment, `# …`"
                    .to_owned(),
            ),
            Some(_) => schema_words::reference(entry)
                .or_else(|| schema_words::about_null(entry).map(str::to_owned)),
            None => None,
        };
        if let Some(advice) = advice {
            self.out
                .push(found.label("not a key of the language").help(advice));
            return None;
        }
        if let Some(advice) = habits::advice(name, table) {
            self.out
                .push(found.label("not a key of the language").help(advice));
            return habits::meant(advice, table)
                .filter(|key| is_meant_for(&key.form, &entry.value.kind));
        }
        if let Some(near) = suggest::nearest(name, table.names()) {
            self.out.push(
                found
                    .label(format!("did you mean `{near}`?"))
                    .help(format!("write `{near}:`")),
            );
            return table.key(near);
        }
        if std::ptr::eq(table, &crate::keys::MEMBER) && crate::keys::FIELD.key(name).is_some() {
            self.out.push(
                Diagnostic::error(
                    codes::NOT_INSIDE,
                    key.span,
                    format!("`{name}` works on the fields of a resource, not inside an object"),
                )
                .label("inside an object")
                .help("put it on the field that holds the object, or make this a field of the resource"),
            );
            return None;
        }
        let allowed: Vec<String> = table.names().map(|name| format!("`{name}`")).collect();
        let allowed = match allowed.len() {
            1 => format!("the only key here is {}", allowed[0]),
            _ => format!("the keys here are {}", all_of(&allowed)),
        };
        let found = match habits::elsewhere(name, table) {
            Some(home) => found
                .label(format!("belongs in {home}"))
                .help(format!("move `{name}` into {home}; {allowed}")),
            None => found.label("not a key of the language").help(allowed),
        };
        self.out.push(found);
        None
    }

    fn includable(&mut self, key: &Spanned<String>) -> bool {
        let name = key.value.as_str();
        if INCLUDABLE.contains(&name) || name == "frontdesk" {
            return true;
        }
        let (code, message) = if name == "include" {
            (
                codes::INCLUDE_NESTED,
                "an included file cannot include others".to_owned(),
            )
        } else {
            (
                codes::MAIN_ONLY,
                format!("`{name}` belongs in the main file"),
            )
        };
        let words: Vec<String> = INCLUDABLE.iter().map(|key| format!("`{key}`")).collect();
        let what = match name {
            "include" => "delete it; what the main file does not include yet is added there",
            _ => "move it to the main file",
        };
        self.out.push(
            Diagnostic::error(code, key.span, message)
                .label("this file is included")
                .help(format!("{what}; included files hold {}", all_of(&words))),
        );
        false
    }

    fn missing(&mut self, table: &Table, key: &Key, owner: Span, whole_file: bool) {
        let message = format!("{} needs `{}`", table.what, key.name);
        let help = if whole_file && key.name == "frontdesk" {
            "begin the file with the line `frontdesk: 1`".to_owned()
        } else {
            format!("add it, for example `{}`", key.example)
        };
        self.out.push(
            Diagnostic::error(codes::MISSING_KEY, owner, message)
                .label(format!("without `{}`", key.name))
                .help(help),
        );
    }

    fn map<'a>(
        &mut self,
        node: &'a Node,
        form: &'static Form,
        (keys, of, min, example): (Keys, &'static Form, usize, &'static str),
        place: &Place,
    ) -> Item<'a> {
        let Kind::Map(written) = &node.kind else {
            return self.mismatch(node, form, place);
        };
        if written.len() < min && !node.torn {
            return self.empty(node, place);
        }
        if keys == Keys::FieldName {
            if let Some(members) = schema_words::long_form(written) {
                self.out.push(
                    Diagnostic::error(
                        codes::WRONG_KIND,
                        place.key.unwrap_or(node.span),
                        format!("{} lists its members directly", place.subject),
                    )
                    .label("without `type` and `properties`")
                    .help(schema_words::members_directly(
                        written,
                        key_of(&place.subject),
                    )),
                );
                return self.map(members, form, (keys, of, min, example), place);
            }
            if std::ptr::eq(form, &crate::keys::MEMBERS) && schema_words::is_no_object(written) {
                return self.mismatch(node, form, place);
            }
        }
        let written: Vec<&'a yaml::Entry> = written.iter().collect();
        self.map_of(node, &written, (keys, of, example))
    }

    /// As [`Reader::table_of`].
    fn map_of<'a>(
        &mut self,
        node: &'a Node,
        written: &[&'a yaml::Entry],
        (keys, of, example): (Keys, &'static Form, &'static str),
    ) -> Item<'a> {
        let mut entries = Vec::with_capacity(written.len());
        let mut at = 0;
        while let Some(entry) = written.get(at) {
            at += 1;
            if keys == Keys::FieldName && self.lost_resource(entry, None) {
                continue;
            }
            if let Some(advice) =
                schema_words::about_members(entry).filter(|_| keys == Keys::FieldName)
            {
                let name = &entry.key.value;
                self.out.push(
                    Diagnostic::error(
                        codes::UNKNOWN_KEY,
                        entry.key.span,
                        format!("`{name}` is no member"),
                    )
                    .label("a word of JSON Schema")
                    .help(advice),
                );
                continue;
            }
            names::check_key(&entry.key, keys, self.out);
            let example = match example.split_once(": ") {
                Some((_, rest)) => format!("{}: {rest}", entry.key.value),
                None => example.to_owned(),
            };
            let place = Place {
                subject: format!("`{}`", entry.key.value),
                example,
                key: Some(entry.key.span),
                required: false,
            };
            let strays = match (&entry.value.kind, keys) {
                (Kind::Null, Keys::TypeName) if !entry.value.torn => {
                    indent::strays(&written[at..], of, names::is_type_name)
                }
                _ => vec![],
            };
            let item = if strays.is_empty() {
                self.value(&entry.value, of, &place)
            } else {
                at += strays.len();
                self.adopt(entry, &strays, of)
            };
            entries.push(Entry {
                name: &entry.key.value,
                key: &entry.key,
                item,
            });
        }
        Item {
            node,
            data: Data::Map(entries),
            odd: node.torn,
        }
    }

    fn list<'a>(
        &mut self,
        node: &'a Node,
        form: &'static Form,
        of: &'static Form,
        min: usize,
        place: &Place,
    ) -> Item<'a> {
        let Kind::List(written) = &node.kind else {
            return self.mismatch(node, form, place);
        };
        if written.len() < min && !node.torn {
            return self.empty(node, place);
        }
        if let Some(names) = bare_names(written, of) {
            let key = key_of(&place.subject).trim_matches('`');
            let help = match names.as_slice() {
                [only] => one_field(key, only),
                several => format!(
                    "for all of them together write `{key}: [[{}]]`; for each alone write `{key}: true` at the field",
                    several.join(", ")
                ),
            };
            self.out.push(
                Diagnostic::error(
                    codes::WRONG_KIND,
                    node.span,
                    format!("{} is a list of lists of fields", place.subject),
                )
                .label("only one list")
                .help(help),
            );
            return broken(node);
        }
        let entry = Place {
            subject: if place.subject.starts_with('`') {
                format!("an entry of {}", place.subject)
            } else {
                place.subject.clone()
            },
            example: place.example.clone(),
            key: None,
            required: false,
        };
        let items = written
            .iter()
            .map(|node| self.value(node, of, &entry))
            .collect();
        Item {
            node,
            data: Data::List(items),
            odd: node.torn,
        }
    }

    fn said<'a>(&mut self, node: &'a Node, form: &'static Form, place: &Place) -> Item<'a> {
        match &node.kind {
            Kind::String(text) if text.trim().is_empty() => self.empty(node, place),
            Kind::String(_) => leaf(node),
            _ => self.mismatch(node, form, place),
        }
    }

    /// What is no name may be the secret itself, so it is not shown.
    fn secret<'a>(&mut self, node: &'a Node, form: &'static Form, place: &Place) -> Item<'a> {
        if matches!(node.kind, Kind::String(_)) || node.torn {
            return self.said(node, form, place);
        }
        self.out.push(
            Diagnostic::error(
                codes::SECRET,
                node.span,
                format!("{} must be {}", place.subject, form.describe()),
            )
            .label("not a name")
            .help(format!("write it like this: `{}`", place.example)),
        );
        broken(node)
    }

    fn condition<'a>(&mut self, node: &'a Node, place: &Place) -> Item<'a> {
        let (code, message, label, help) = match &node.kind {
            Kind::String(text) if text.trim().is_empty() => return self.empty(node, place),
            Kind::String(text) if text.starts_with('=') => {
                self.out.push(
                    Diagnostic::error(
                        codes::EQUALS,
                        node.span,
                        format!("{} is a condition and needs no `=`", place.subject),
                    )
                    .label("conditions are always expressions")
                    .help(format!(
                        "write `{}`",
                        text.trim_start_matches('=').trim_start()
                    )),
                );
                // What it says is judged all the same.
                return leaf(node);
            }
            Kind::String(_) => return leaf(node),
            Kind::Bool(known) => (
                codes::WRONG_KIND,
                format!("{} is a condition, not `{known}`", place.subject),
                "not a condition".to_owned(),
                if *known {
                    "write `public` for everybody, or `signed_in` for everybody who said who they are"
                        .to_owned()
                } else {
                    "write `nobody`".to_owned()
                },
            ),
            _ if node.torn => return broken(node),
            other => (
                codes::WRONG_KIND,
                format!("{} must be a condition, not {}", place.subject, other.noun()),
                format!("this is {}", other.noun()),
                match other {
                    Kind::List(_) => "join conditions with `||` (or) and `&&` (and): `mine || staff`"
                        .to_owned(),
                    Kind::Map(_) => "write an expression, for example `user.role == 'staff'`; put it in quotes if it contains braces or `: `"
                        .to_owned(),
                    _ => format!("write a condition, for example `{}`", place.example),
                },
            ),
        };
        self.out.push(
            Diagnostic::error(code, node.span, message)
                .label(label)
                .help(help),
        );
        broken(node)
    }

    fn formula<'a>(&mut self, node: &'a Node, place: &Place) -> Item<'a> {
        match &node.kind {
            Kind::String(text) if text.trim_start_matches('=').trim().is_empty() => {
                self.empty(node, place)
            }
            Kind::String(text) if text.starts_with('=') => leaf(node),
            Kind::String(text) => {
                let bare = habits::without_dollar(text);
                let formula = quoted(&format!("={}", bare.unwrap_or(text)));
                self.out.push(
                    Diagnostic::error(
                        codes::NO_EQUALS,
                        node.span,
                        format!("{} is a formula and begins with `=`", place.subject),
                    )
                    .label("no `=` in front")
                    .help(format!("write {formula}")),
                );
                if bare.is_some() {
                    return broken(node);
                }
                // What it says is judged all the same.
                leaf(node)
            }
            _ => self.mismatch(node, &Form::Formula, place),
        }
    }

    fn name<'a>(&mut self, node: &'a Node, place: &Place, keys: Keys) -> Item<'a> {
        match &node.kind {
            Kind::String(text) => {
                let name = Spanned::new(text.clone(), node.span);
                names::check_key(&name, keys, self.out);
                leaf(node)
            }
            _ => self.mismatch(node, &Form::Slug, place),
        }
    }

    fn day<'a>(&mut self, node: &'a Node, place: &Place) -> Item<'a> {
        match &node.kind {
            Kind::String(text) => match value::Date::parse(text) {
                Ok(_) => leaf(node),
                Err(error) => {
                    self.out.push(
                        Diagnostic::error(
                            codes::DAY,
                            node.span,
                            format!("{} is not a day: {error}", place.subject),
                        )
                        .label("not a day")
                        .help(format!("for example `{}`", place.example)),
                    );
                    broken(node)
                }
            },
            _ => self.mismatch(node, &Form::Day, place),
        }
    }

    fn whole<'a>(
        &mut self,
        node: &'a Node,
        form: &'static Form,
        (min, max): (i64, i64),
        place: &Place,
    ) -> Item<'a> {
        match &node.kind {
            Kind::Int(number) if (min..=max).contains(number) => leaf(node),
            Kind::Int(_) => {
                self.out.push(
                    Diagnostic::error(
                        codes::OUT_OF_RANGE,
                        node.span,
                        match max {
                            MANY => format!("{} must be at least {min}", place.subject),
                            _ => format!("{} must be between {min} and {max}", place.subject),
                        },
                    )
                    .label("out of range")
                    .help(match max {
                        MANY => format!("write {min} or more"),
                        _ => format!("write a whole number from {min} to {max}"),
                    }),
                );
                broken(node)
            }
            _ => self.mismatch(node, form, place),
        }
    }

    fn version<'a>(&mut self, node: &'a Node, form: &Form, place: &Place) -> Item<'a> {
        match &node.kind {
            Kind::Int(LANGUAGE) => leaf(node),
            Kind::Int(_) | Kind::Float(_) => {
                self.out.push(
                    Diagnostic::error(
                        codes::LANGUAGE,
                        node.span,
                        format!(
                            "this server understands version {LANGUAGE} of the contract language"
                        ),
                    )
                    .label("another version")
                    .help(
                        "write `frontdesk: 1`; it is the version of the language, not of your API",
                    ),
                );
                broken(node)
            }
            _ => self.mismatch(node, form, place),
        }
    }

    /// `whole` is the form of the place, of which the words may be a part.
    fn choice<'a>(
        &mut self,
        node: &'a Node,
        words: &'static [Choice],
        whole: &Form,
        place: &Place,
    ) -> Item<'a> {
        let source = node.source(self.sources.text(node.span.file));
        let text = match &node.kind {
            Kind::String(text) => text.as_str(),
            Kind::Bool(_) | Kind::Int(_) | Kind::Float(_) => source,
            _ => return self.mismatch(node, whole, place),
        };
        match words.iter().find(|choice| choice.word == text) {
            Some(choice) if choice.later => {
                self.later(
                    node.span,
                    &format!("`{text}` in {}", key_of(&place.subject)),
                );
                broken(node)
            }
            Some(_) => leaf(node),
            None => {
                let mut known = words
                    .iter()
                    .filter(|choice| !choice.later)
                    .map(|choice| choice.word);
                let label = match suggest::nearest(text, known.clone()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None if text == "false" && known.any(|word| word == "off") => {
                        "did you mean `off`?".to_owned()
                    }
                    None => "not one of the words".to_owned(),
                };
                self.out.push(
                    Diagnostic::error(
                        codes::UNKNOWN_WORD,
                        node.span,
                        format!("{} cannot be `{text}`", place.subject),
                    )
                    .label(label)
                    .help(match whole {
                        Form::Either(forms) => format!(
                            "it must be {}, or written like `{}`",
                            forms
                                .iter()
                                .find(|form| matches!(form, Form::Choice(_)))
                                .map_or_else(String::new, Form::describe),
                            place.example
                        ),
                        words => match schema_words::format(text) {
                            _ if place.example.starts_with("algorithm") => {
                                habits::algorithm(text, &words.describe())
                            }
                            Some(instead) if place.example.starts_with("format") => {
                                instead.to_owned()
                            }
                            _ if place.example.starts_with("format") => format!(
                                "it must be {}; for other forms of text write a `pattern`",
                                words.describe()
                            ),
                            _ => format!("it must be {}", words.describe()),
                        },
                    }),
                );
                broken(node)
            }
        }
    }

    fn mismatch<'a>(&mut self, node: &'a Node, form: &Form, place: &Place) -> Item<'a> {
        if node.torn {
            return broken(node);
        }
        let source = node.source(self.sources.text(node.span.file));
        if std::ptr::eq(form, &crate::keys::MEMBERS) {
            let subject = key_of(&place.subject);
            self.out.push(
                Diagnostic::error(
                    codes::WRONG_KIND,
                    head(self.sources, node.span),
                    format!("{subject} must be a map of its members"),
                )
                .label("not the members of an object")
                .help(schema_words::named_type(node, source, subject)),
            );
            return broken(node);
        }
        let help = match (&node.kind, form) {
            (Kind::List(items), Form::Either(_)) if is_field(form) => list_advice(items),
            (Kind::Bool(_), Form::Either(_)) if is_field(form) => {
                format!("write its type: `{{type: boolean, default: {source}}}`")
            }
            (Kind::Int(_), Form::Either(_)) if is_field(form) => {
                format!("write its type: `{{type: integer, default: {source}}}`")
            }
            (Kind::Float(_), Form::Either(_)) if is_field(form) => {
                format!("write its type: `{{type: number, default: {source}}}`")
            }
            (Kind::String(_), Form::Either(_)) if place.example.starts_with("deprecated") => {
                format!("write `deprecated: {{why: {source}}}`")
            }
            (Kind::String(name), Form::List { .. })
                if ["`index`", "`unique`"].contains(&key_of(&place.subject)) =>
            {
                one_field(key_of(&place.subject).trim_matches('`'), name)
            }
            (Kind::Map(_), Form::Bool) if place.example.starts_with("unique") => {
                "what is unique together stands beside `fields:`: `unique: [[author, code]]`".to_owned()
            }
            (Kind::Int(_), Form::Text) if place.example.starts_with("expect") => {
                "write `allowed`, `hidden` (404), `refused` (403) or `refused by RULE`".to_owned()
            }
            (Kind::Int(_) | Kind::Float(_) | Kind::Map(_), Form::Text)
                if key_of(&place.subject) == "`limit`" =>
            {
                "write the name of a limit, and declare it at the top: `limits: {search: {by: user, allow: 100/minute}}`"
                    .to_owned()
            }
            (Kind::Int(_) | Kind::Float(_) | Kind::Bool(_), Form::Text) => {
                format!("if it is meant as text, put it in quotes: {}", quoted(source))
            }
            (Kind::Bool(_), Form::Word(_)) if place.example.starts_with("enum") => {
                "for true and false write `type: boolean`".to_owned()
            }
            (Kind::Int(_) | Kind::Float(_), Form::Word(_)) if place.example.starts_with("enum") => {
                "an enum has words; for numbers write `type: integer` with `minimum` and `maximum`"
                    .to_owned()
            }
            (Kind::String(word), Form::Bool)
                if ["yes", "on", "y"].contains(&word.to_ascii_lowercase().as_str()) =>
            {
                "write `true`".to_owned()
            }
            (Kind::String(word), Form::Bool)
                if ["no", "off", "n"].contains(&word.to_ascii_lowercase().as_str()) =>
            {
                "write `false`".to_owned()
            }
            (Kind::String(word), Form::Whole { .. } | Form::Number | Form::Version)
                if word.parse::<f64>().is_ok() =>
            {
                format!("write the number without quotes: {word}")
            }
            (Kind::List(_), Form::Word(_)) if place.example.starts_with("type") => {
                "a field has one type; that it may be null is said by a `?` behind its name: `title?: string`"
                    .to_owned()
            }
            _ if place.example.is_empty() => String::new(),
            _ => format!("write it like this: `{}`", place.example),
        };
        let mut found = Diagnostic::error(
            codes::WRONG_KIND,
            head(self.sources, node.span),
            format!(
                "{} must be {}, not {}",
                place.subject,
                form.describe(),
                node.kind.noun()
            ),
        )
        .label(format!("this is {}", node.kind.noun()));
        if !help.is_empty() {
            found = found.help(help);
        }
        self.out.push(found);
        broken(node)
    }

    fn nothing<'a>(&mut self, node: &'a Node, place: &Place) -> Item<'a> {
        let span = match place.key {
            Some(key) if node.span.is_empty() => key,
            _ => node.span,
        };
        let mut found = Diagnostic::error(
            codes::NO_VALUE,
            span,
            format!("{} has no value", place.subject),
        )
        .label("nothing behind it");
        if !place.example.is_empty() {
            let otherwise = if place.required { "" } else { ", or delete it" };
            found = found.help(format!(
                "give it one, like `{}`{otherwise}; lines that belong to it are indented further",
                place.example
            ));
        }
        self.out.push(found);
        broken(node)
    }

    fn empty<'a>(&mut self, node: &'a Node, place: &Place) -> Item<'a> {
        self.out.push(
            Diagnostic::error(
                codes::EMPTY,
                node.span,
                format!("{} is empty", place.subject),
            )
            .label("nothing in it")
            .help(format!(
                "put something in, for example `{}`{}",
                place.example,
                if place.required { "" } else { ", or delete it" }
            )),
        );
        broken(node)
    }

    fn later(&mut self, span: Span, what: &str) {
        self.out.push(
            Diagnostic::error(
                codes::NOT_YET,
                span,
                format!("{what} is not supported yet"),
            )
            .label("not in this version")
            .help("delete it; it is refused rather than ignored, so that the API keeps every promise"),
        );
    }
}

/// What an empty file is answered with.
const SMALLEST: &str = "begin with the smallest contract:
frontdesk: 1
name: notes
resources:
  Note:
    fields:
      text: string
    access: {read: public, write: signed_in}";

/// Whether nothing is left of a value that could not be read.
fn is_lost(node: &Node) -> bool {
    node.torn && !matches!(node.kind, Kind::List(_) | Kind::Map(_))
}

fn leaf(node: &Node) -> Item<'_> {
    Item {
        node,
        data: Data::Leaf,
        odd: false,
    }
}

fn broken(node: &Node) -> Item<'_> {
    Item {
        node,
        data: Data::Broken,
        odd: false,
    }
}

/// Whether a value of this kind can only be meant as this form.
fn suits(form: &Form, kind: &Kind) -> bool {
    match form {
        Form::Table(_) | Form::Map { .. } => matches!(kind, Kind::Map(_)),
        Form::List { .. } => matches!(kind, Kind::List(_)),
        Form::Bool | Form::False => matches!(kind, Kind::Bool(_)),
        form if is_text(form) => matches!(kind, Kind::String(_)),
        _ => false,
    }
}

/// Whether a value under another key may be one of this form.
fn is_meant_for(form: &Form, kind: &Kind) -> bool {
    match form {
        Form::Table(_) | Form::Map { .. } => matches!(kind, Kind::Map(_)),
        Form::List { .. } => matches!(kind, Kind::List(_)),
        Form::Either(forms) => forms.iter().any(|form| is_meant_for(form, kind)),
        Form::Bool | Form::False => matches!(kind, Kind::Bool(_)),
        Form::Number | Form::Whole { .. } => matches!(kind, Kind::Int(_) | Kind::Float(_)),
        Form::Any => true,
        _ => matches!(kind, Kind::String(_)),
    }
}

/// The names in `[title, code]`, where lists of names are to stand.
fn bare_names<'a>(written: &'a [Node], of: &Form) -> Option<Vec<&'a str>> {
    match of {
        Form::List { of: Form::Text, .. } => written.iter().map(Node::as_str).collect(),
        _ => None,
    }
}

/// What to write instead of `index: title` beside `fields:`.
fn one_field(key: &str, name: &str) -> String {
    format!("for one field write `{key}: true` at the field `{name}`")
}

/// Where the type of a field stands.
fn is_field(form: &Form) -> bool {
    let field = |form: &Form| matches!(form, Form::Table(table) if std::ptr::eq(*table, &crate::keys::FIELD) || std::ptr::eq(*table, &crate::keys::MEMBER));
    matches!(form, Form::Either(forms) if forms.iter().any(field))
}

/// What to write instead of `tags: [string]`, which other languages have.
fn list_advice(items: &[Node]) -> String {
    match items {
        [Node {
            kind: Kind::String(of),
            ..
        }] if names::is_type_name(of) => format!(
            "if `{of}` is under `types:`, write `{{type: array, items: {of}}}`; the records of a resource are listed through a relation: give `{of}` a field with this resource as its type, and write `lists:` beside `fields:` here"
        ),
        [Node {
            kind: Kind::String(of),
            ..
        }] => format!("write `{{type: array, items: {of}}}`"),
        _ => "a list of values is `{type: array, items: string}`; words to choose from are `{enum: [one, two]}`".to_owned(),
    }
}

fn is_text(form: &Form) -> bool {
    matches!(
        form,
        Form::Text | Form::Word(_) | Form::Secret | Form::Choice(_) | Form::Slug | Form::TypeName
    )
}

/// `an entry of X` → `X`
fn key_of(subject: &str) -> &str {
    subject.trim_start_matches("an entry of ")
}

/// The first line of a span: a block of many lines underlined whole hides its message.
pub fn head(sources: &Sources, span: Span) -> Span {
    let text = sources.slice(span);
    match text.find('\n') {
        Some(end) => span.sub(0..text[..end].trim_end().len()),
        None => span,
    }
}

/// "`a`, `b` and `c`" of names.
pub fn names_of<'n>(names: impl IntoIterator<Item = &'n str>) -> String {
    let names: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    all_of(&names)
}
