//! Types: from a word or a map of JSON Schema's words to a [`Shape`].

use std::collections::HashMap;
use std::sync::Arc;

use diag::{Diagnostic, Diagnostics, Sources, Span, suggest};
use model::{Constraints, Shape, TextFormat};
use value::{IdType, Member, ObjectType, ResourceId, Type};

use super::constraints;
use super::resource_id;
use crate::codes;
use crate::json;
use crate::names::{Taken, check_field_name, is_type_name};
use crate::read::{Item, Text, names_of};
use crate::sections::{Named, Sections};

/// Objects within objects, named types spelled out. Deeper ones are documents: use `json`.
const DEPTH_MAX: usize = 12;
/// Members of one object.
const MEMBERS_MAX: usize = 500;
/// Longer enums are data and belong into a resource.
const ENUM_MAX: usize = 1_000;

/// The one-word types, for suggestions and lists.
const WORDS: [&str; 18] = [
    "string",
    "text",
    "integer",
    "number",
    "boolean",
    "date",
    "date-time",
    "money",
    "decimal",
    "uuid",
    "json",
    "email",
    "uri",
    "duration",
    "int53",
    "int64",
    "array",
    "object",
];

/// Whether the word is one of the language's own types.
pub fn is_type_word(word: &str) -> bool {
    WORDS.contains(&word)
}

/// Types of other languages and databases, and what they are called here.
const FOREIGN: &[(&str, &str)] = &[
    ("int", "write `integer`"),
    ("int32", "write `integer`"),
    ("long", "write `int64`, or `int53` for a plain JSON number"),
    (
        "bigint",
        "write `int64`, or `int53` for a plain JSON number",
    ),
    ("smallint", "write `integer`"),
    (
        "serial",
        "write `integer`; ids are made by `id: integer` beside `fields:`",
    ),
    (
        "float",
        "write `number`, or `decimal` where every digit counts",
    ),
    (
        "double",
        "write `number`, or `decimal` where every digit counts",
    ),
    (
        "real",
        "write `number`, or `decimal` where every digit counts",
    ),
    ("numeric", "write `decimal`"),
    ("bool", "write `boolean`"),
    ("str", "write `string`"),
    ("varchar", "write `string`, with `maxLength`"),
    ("char", "write `string`, with `maxLength`"),
    ("datetime", "write `date-time`"),
    ("timestamp", "write `date-time`"),
    ("timestamptz", "write `date-time`"),
    (
        "time",
        "there is no time of day; write `date-time`, or `string` with a `pattern`",
    ),
    ("interval", "write `duration`"),
    ("url", "write `uri`"),
    ("guid", "write `uuid`"),
    ("jsonb", "write `json`"),
    ("any", "write `json`"),
    ("map", "write `object` with `properties`, or `json`"),
    ("dict", "write `object` with `properties`, or `json`"),
    ("list", "write `{type: array, items: string}`"),
    ("enum", "write `{enum: [one, two]}`"),
    (
        "currency",
        "write `money`, which has its currency with it; for a bare code, `string` with a `pattern`",
    ),
    (
        "id",
        "write the name of the resource the id belongs to; the record's own `id` is always there",
    ),
    ("ref", "write the name of the resource"),
    ("relation", "write the name of the resource"),
    ("null", "put a `?` behind the field's name"),
    ("binary", "there are no binary fields; write `string`"),
    ("bytes", "there are no binary fields; write `string`"),
    ("blob", "there are no binary fields; write `string`"),
    (
        "image",
        "files are not supported yet; write `uri` for a link",
    ),
    (
        "upload",
        "files are not supported yet; write `uri` for a link",
    ),
    ("password", "passwords are never fields"),
    ("slug", "write `{type: string, pattern: '^[a-z0-9-]+$'}`"),
    ("phone", "write `string`, with a `pattern`"),
    ("ip", "write `string`, with a `pattern`"),
    ("inet", "write `string`, with a `pattern`"),
    ("citext", "write `string`"),
    ("markdown", "write `text`"),
    ("html", "write `text`"),
    ("tinyint", "write `integer`"),
    ("uint", "write `integer`, with `minimum: 0`"),
    ("charfield", "write `string`, with `maxLength`"),
    ("textfield", "write `text`"),
    ("integerfield", "write `integer`"),
    ("booleanfield", "write `boolean`"),
    ("datetimefield", "write `date-time`"),
    ("datefield", "write `date`"),
    ("decimalfield", "write `decimal`"),
    ("foreignkey", "write the name of the resource"),
    ("belongs_to", "write the name of the resource"),
    ("references", "write the name of the resource"),
    (
        "manytomanyfield",
        "make a resource of its own for it, with a relation to each side",
    ),
    (
        "has_many",
        "write `lists: {books: Book.author}` beside `fields:`: the records whose relation points here",
    ),
];

/// What a type turned out to be.
pub enum Found {
    Shape(Box<Shape>),
    Relation(ResourceId),
}

/// Where a type stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Field,
    Object,
    List,
}

pub struct Shapes<'s, 'r, 'a> {
    resources: HashMap<&'s str, ResourceId>,
    /// Indexed by [`ResourceId`].
    all: &'s [Named<'r, 'a>],
    types: &'s [Named<'r, 'a>],
    type_at: HashMap<&'s str, usize>,
    states: Vec<State>,
    id_types: &'s [Arc<IdType>],
    pub sources: &'s Sources,
    pub out: &'s mut Diagnostics,
    torn: bool,
}

#[derive(Clone)]
enum State {
    Untouched,
    Begun,
    Done(Arc<ObjectType>, Arc<Vec<Shape>>),
    Broken,
}

/// What the word for a type means, before formats and members.
enum Base {
    Plain(Type),
    Text(Option<TextFormat>),
    Integer,
    Enum,
    Array,
    Object,
    Named(usize),
    Relation(ResourceId),
}

impl<'s, 'r, 'a> Shapes<'s, 'r, 'a> {
    pub fn new(
        sections: &Sections<'r, 'a>,
        resources: &'s [Named<'r, 'a>],
        types: &'s [Named<'r, 'a>],
        id_types: &'s [Arc<IdType>],
        sources: &'s Sources,
        out: &'s mut Diagnostics,
    ) -> Shapes<'s, 'r, 'a> {
        let resource_at = |(at, (key, _)): (usize, &Named<'r, 'a>)| -> (&'s str, ResourceId) {
            (key.value.as_str(), resource_id(at))
        };
        Shapes {
            resources: resources.iter().enumerate().map(resource_at).collect(),
            all: resources,
            types,
            type_at: types
                .iter()
                .enumerate()
                .map(|(at, (key, _))| (key.value.as_str(), at))
                .collect(),
            states: vec![State::Untouched; types.len()],
            id_types,
            sources,
            out,
            torn: sections.torn.things,
        }
    }

    /// Every named type, in order. Broken ones stand for themselves as empty objects, which no
    /// model will hold.
    pub fn named(&mut self) -> Vec<(Arc<ObjectType>, Arc<Vec<Shape>>)> {
        (0..self.types.len())
            .map(|at| {
                self.named_type(at, self.types[at].0.span, 0)
                    .unwrap_or_else(|| {
                        let empty = ObjectType {
                            name: Some(self.types[at].0.value.as_str().into()),
                            members: vec![],
                        };
                        (Arc::new(empty), Arc::default())
                    })
            })
            .collect()
    }

    /// The id type of a resource.
    pub fn id_type(&self, resource: ResourceId) -> &Arc<IdType> {
        &self.id_types[usize::from(resource.0)]
    }

    /// The type a field, member or list entry declares; `None` when it is wrong, which has been
    /// reported. `name` is what it is called in messages.
    pub fn shape(
        &mut self,
        item: &Item<'a>,
        name: &str,
        place: Place,
        depth: usize,
    ) -> Option<Found> {
        if item.is_broken() {
            return None;
        }
        if depth > DEPTH_MAX {
            self.out.push(
                Diagnostic::error(
                    codes::NESTING,
                    item.span(),
                    format!("`{name}` is nested more than {DEPTH_MAX} levels deep"),
                )
                .label("too deep")
                .help("use `json` for deep documents, or make the inner part a resource"),
            );
            return None;
        }
        if let Some(word) = item.as_text() {
            let base = self.word(word, place)?;
            return self.finish(base, None, item, name, place, depth);
        }
        let base = self
            .base(item, name, place)
            .and_then(|base| self.with_format(base, item.text("format"), item));
        let Some((base, format)) = base else {
            self.inside(item, name, depth);
            return None;
        };
        self.finish(base, format, item, name, place, depth)
    }

    /// What stands inside a type that is itself wrong, for its own mistakes.
    fn inside(&mut self, item: &Item<'a>, name: &str, depth: usize) {
        self.words(item);
        if let Some(items) = item.get("items") {
            self.shape(items, name, Place::List, depth + 1);
        }
        if let Some(properties) = item.get("properties") {
            self.members(properties, None, depth);
        }
    }

    fn finish(
        &mut self,
        base: Base,
        format: Option<TextFormat>,
        item: &Item<'a>,
        name: &str,
        place: Place,
        depth: usize,
    ) -> Option<Found> {
        let format = match base {
            Base::Text(own) => own.or(format),
            _ => format,
        };
        // What is in it may be wrong; constraints are judged all the same.
        let mut whole = true;
        let (ty, items, members) = match base {
            Base::Relation(target) => {
                return self.relation(target, item, name, place);
            }
            Base::Plain(ty) => (ty, None, None),
            Base::Text(_) => (Type::Text, None, None),
            Base::Integer => (Type::Int32, None, None),
            Base::Enum => {
                let (words, fine) = self.words(item);
                whole = fine;
                (Type::Enum(words), None, None)
            }
            Base::Array => {
                let of = self.items(item, name, place, depth);
                whole = of.is_some();
                let ty = of.as_ref().map_or(Type::Json, |of| of.ty.clone());
                (Type::List(Arc::new(ty)), of, None)
            }
            Base::Object | Base::Named(_) => {
                let made = match base {
                    Base::Named(at) => self.named_type(at, item.span(), depth),
                    _ => self.properties(item, name, depth),
                };
                whole = made.is_some();
                let (object, members) = made.unwrap_or_else(nothing_inside);
                (Type::Object(object), None, Some(members))
            }
        };
        let constraints = if item.is_map() {
            constraints::read(item, &ty, format, self.sources, self.out)
        } else {
            Constraints {
                format,
                ..Constraints::default()
            }
        };
        self.misplaced(item, &ty);
        let known = whole || matches!(&ty, Type::Enum(words) if !words.is_empty());
        if !known {
            return None;
        }
        let shape = Shape {
            ty,
            nullable: false,
            constraints,
            items: items.map(Arc::new),
            members,
            default: None,
            description: item
                .text("description")
                .map(|text| text.as_str().to_owned()),
        };
        if !whole {
            // What is held against the words as they are meant.
            if let Some(default) = item.get("default").filter(|_| place != Place::List) {
                self.default(default, &shape);
            }
            self.examples(item, &shape);
            return None;
        }
        Some(Found::Shape(Box::new(shape)))
    }

    /// Words that only go with other types.
    fn misplaced(&mut self, item: &Item<'a>, ty: &Type) {
        let wrong: [(&str, bool, &str); 3] = [
            (
                "items",
                matches!(ty, Type::List(_)),
                "only a list has items: write `type: array`",
            ),
            (
                "properties",
                matches!(ty, Type::Object(_))
                    && item.text("type").is_none_or(|t| t.as_str() == "object"),
                "only an object has properties: write `type: object`",
            ),
            (
                "enum",
                matches!(ty, Type::Enum(_)),
                "an enum is a `string`: delete `type`",
            ),
        ];
        for (key, fits, help) in wrong {
            if let Some(entry) = item.entry(key).filter(|_| !fits) {
                self.out.push(
                    Diagnostic::error(
                        codes::NOT_FOR_TYPE,
                        entry.key.span,
                        format!("`{key}` does not go with the type {}", ty.name()),
                    )
                    .label("another type's word")
                    .help(help),
                );
            }
        }
    }

    /// The base type of the long form.
    fn base(&mut self, item: &Item<'a>, name: &str, place: Place) -> Option<Base> {
        match item.entry("type") {
            Some(entry) => {
                let base = self.word(entry.item.as_text()?, place)?;
                let is_enum = matches!(base, Base::Text(None)) && item.entry("enum").is_some();
                Some(if is_enum { Base::Enum } else { base })
            }
            None if item.entry("enum").is_some() => Some(Base::Enum),
            None if item.entry("items").is_some() => Some(Base::Array),
            None if item.entry("properties").is_some() => Some(Base::Object),
            None => match item.entry("format").map(|entry| entry.item.as_text()) {
                Some(Some(format)) if matches!(format.as_str(), "int53" | "int64") => {
                    Some(Base::Integer)
                }
                Some(Some(_)) => Some(Base::Text(None)),
                Some(None) => None,
                None if item.odd => None,
                None => {
                    self.out.push(
                        Diagnostic::error(
                            codes::NO_TYPE,
                            crate::read::head(self.sources, item.span()),
                            format!("`{name}` has no type"),
                        )
                        .label("what does it hold?")
                        .help("add a type, for example `type: string`"),
                    );
                    None
                }
            },
        }
    }

    /// What one word for a type means.
    fn word(&mut self, word: Text<'a>, place: Place) -> Option<Base> {
        let name = word.as_str();
        let base = match name {
            "string" | "text" => Base::Text(None),
            "email" => Base::Text(Some(TextFormat::Email)),
            "uri" => Base::Text(Some(TextFormat::Uri)),
            "duration" => Base::Text(Some(TextFormat::Duration)),
            "integer" => Base::Integer,
            "int53" => Base::Plain(Type::Int53),
            "int64" => Base::Plain(Type::Int64),
            "number" => Base::Plain(Type::Float),
            "boolean" => Base::Plain(Type::Bool),
            "date" => Base::Plain(Type::Date),
            "date-time" => Base::Plain(Type::Timestamp),
            "money" => Base::Plain(Type::Money),
            "decimal" => Base::Plain(Type::Decimal),
            "uuid" => Base::Plain(Type::Uuid),
            "json" => Base::Plain(Type::Json),
            "array" => Base::Array,
            "object" => Base::Object,
            "file" => {
                self.out.push(
                    Diagnostic::error(
                        codes::NOT_YET,
                        word.span(),
                        "the type `file` is not supported yet",
                    )
                    .label("not in this version")
                    .help("store a link to the file instead: `uri`"),
                );
                return None;
            }
            _ => match (self.type_at.get(name), self.resources.get(name)) {
                (Some(at), _) => Base::Named(*at),
                (None, Some(resource)) => Base::Relation(*resource),
                (None, None) => {
                    self.unknown(word, place);
                    return None;
                }
            },
        };
        Some(base)
    }

    fn unknown(&mut self, word: Text<'a>, place: Place) {
        let name = word.as_str();
        let found = Diagnostic::error(
            codes::UNKNOWN_TYPE,
            word.span(),
            format!("unknown type `{name}`"),
        );
        // Some of the contract could not be read: the name may have stood there.
        let may_be_lost = self.torn && is_type_name(name);
        let foreign = FOREIGN
            .iter()
            .find(|(foreign, _)| foreign.eq_ignore_ascii_case(name))
            .filter(|_| !may_be_lost);
        if let Some((_, advice)) = foreign {
            self.out.push(found.label("not a type").help(*advice));
            return;
        }
        let optional = name.strip_suffix('?').or_else(|| {
            let inside = name
                .strip_prefix("Optional[")
                .or_else(|| name.strip_prefix("Maybe["))?;
            inside.strip_suffix(']')
        });
        if let Some(bare) = optional {
            let bare = own_word(bare).unwrap_or(bare);
            self.out.push(
                found
                    .label("the `?` stands at the wrong place")
                    .help(format!(
                        "write `name?: {bare}`: it belongs behind the field's name"
                    )),
            );
            return;
        }
        let bracketed = name.strip_suffix("[]").or_else(|| {
            name.strip_prefix('[')
                .and_then(|rest| rest.strip_suffix(']'))
        });
        if let Some(of) = bracketed {
            let help = match self.resources.contains_key(of) {
                true => format!(
                    "the records of `{of}` are listed through a relation on their side: give `{of}` a field with this resource as its type, and write `lists:` beside `fields:` here"
                ),
                false => format!(
                    "write `{{type: array, items: {}}}`",
                    own_word(of).unwrap_or(of)
                ),
            };
            self.out
                .push(found.label("lists have a long form").help(help));
            return;
        }
        if let Some(advice) = one_of_words(name) {
            self.out
                .push(found.label("the words of an enum").help(advice));
            return;
        }
        let first = name.split([' ', ',', '(', '!']).next().unwrap_or_default();
        let known = own_word(first).or_else(|| {
            let declared = self.type_at.contains_key(first) || self.resources.contains_key(first);
            declared.then_some(first)
        });
        if first != name
            && let Some(known) = known
        {
            let help = match said_besides(&name[first.len()..]) {
                Some(more) if more.is_empty() => format!("write `{known}`"),
                Some(more) => format!(
                    "what is said besides the type needs the long form: `{{type: {known}, {more}}}`"
                ),
                None => format!(
                    "what is said besides the type needs the long form: `{{type: {known}, …}}`"
                ),
            };
            self.out.push(found.label("a type and more").help(help));
            return;
        }
        if may_be_lost {
            return;
        }
        let mut known: Vec<&str> = WORDS.to_vec();
        known.extend(self.type_at.keys());
        if place == Place::Field {
            known.extend(self.resources.keys());
        }
        known.sort_unstable();
        self.out.push(match suggest::nearest(name, known) {
            Some(near) => found
                .label(format!("did you mean `{near}`?"))
                .help(format!("write `{near}`")),
            None => found
                .label("neither a type, nor a resource or named type of this contract")
                .help(format!(
                    "the types are {}; others are declared under `resources:` or `types:`",
                    names_of(WORDS)
                )),
        });
    }

    /// Narrows a type by `format:`.
    fn with_format(
        &mut self,
        base: Base,
        format: Option<Text<'a>>,
        item: &Item<'a>,
    ) -> Option<(Base, Option<TextFormat>)> {
        let Some(format) = format else {
            // A format that is broken leaves the type uncertain, but what was said about it is
            // enough: go on without.
            return Some((base, None));
        };
        let word = format.as_str();
        let plain = |ty: Type| Some((Base::Plain(ty), None));
        match (&base, word) {
            (Base::Text(None), "email") => Some((base, Some(TextFormat::Email))),
            (Base::Text(None), "uri") => Some((base, Some(TextFormat::Uri))),
            (Base::Text(None), "duration") => Some((base, Some(TextFormat::Duration))),
            (Base::Text(None), "uuid") => plain(Type::Uuid),
            (Base::Text(None), "date") => plain(Type::Date),
            (Base::Text(None), "date-time") => plain(Type::Timestamp),
            (Base::Integer, "int53") => plain(Type::Int53),
            (Base::Integer, "int64") => plain(Type::Int64),
            _ => {
                let ty = item.text("type").map_or("enum", |text| text.as_str());
                let needs = if matches!(word, "int53" | "int64") {
                    "integer"
                } else {
                    "string"
                };
                let help = if ty == word {
                    "delete `format`: the type says it already".to_owned()
                } else if matches!(base, Base::Enum) {
                    "delete `format`: the words of an enum have no format".to_owned()
                } else {
                    format!("write `type: {needs}`, or delete `format`")
                };
                self.out.push(
                    Diagnostic::error(
                        codes::FORMAT,
                        format.span(),
                        format!("format `{word}` does not go with the type `{ty}`"),
                    )
                    .label(format!("a format of `{needs}`"))
                    .help(help),
                );
                None
            }
        }
    }

    fn relation(
        &mut self,
        target: ResourceId,
        item: &Item<'a>,
        name: &str,
        place: Place,
    ) -> Option<Found> {
        let span = item
            .entry("type")
            .map_or(item.span(), |entry| entry.item.span());
        let resource = &self.id_type(target).resource_name;
        let (message, help) = match place {
            Place::Field => return self.only_relation(target, item, name),
            Place::Object => (
                format!("`{name}` is a relation inside an object"),
                format!("make it a field of the resource: `{name}: {resource}`"),
            ),
            Place::List => (
                format!("`{name}` is a list of `{resource}` records"),
                format!(
                    "records are listed through a relation on their side: give `{resource}` a relation back here and write `lists:`, or, if many belong to many, make a resource of its own with a relation to each"
                ),
            ),
        };
        self.out.push(
            Diagnostic::error(codes::NESTING, span, message)
                .label("a resource")
                .help(help),
        );
        None
    }

    fn only_relation(&mut self, target: ResourceId, item: &Item<'a>, name: &str) -> Option<Found> {
        const NOT_FOR_RELATIONS: [&str; 17] = [
            "enum",
            "format",
            "minLength",
            "maxLength",
            "pattern",
            "minimum",
            "maximum",
            "exclusiveMinimum",
            "exclusiveMaximum",
            "multipleOf",
            "items",
            "minItems",
            "maxItems",
            "uniqueItems",
            "properties",
            "default",
            "value",
        ];
        for entry in item.entries() {
            if NOT_FOR_RELATIONS.contains(&entry.name) {
                let help = match entry.name {
                    "default" => "to fill it in on create, use a formula: `set: =user.id`",
                    "value" => "a relation is stored; compute a plain value instead",
                    _ => "delete it: the value is always the id of a record",
                };
                self.out.push(
                    Diagnostic::error(
                        codes::RELATION,
                        entry.key.span,
                        format!("`{}` does not go with a relation", entry.name),
                    )
                    .label(format!("`{name}` holds the id of a record"))
                    .help(help),
                );
            }
        }
        let (_, resource) = self.all[usize::from(target.0)];
        (!super::ids::unknown(resource)).then_some(Found::Relation(target))
    }

    /// The words as they are or as they are meant, and whether all of them are right.
    fn words(&mut self, item: &Item<'a>) -> (Arc<[Box<str>]>, bool) {
        let Some(list) = item.get("enum") else {
            return (Arc::default(), false);
        };
        let mut words: Vec<Box<str>> = Vec::with_capacity(list.items().len());
        let mut meant_words: Vec<Box<str>> = vec![];
        let mut broken = false;
        // What the words are meant to be is not known of all.
        let mut lost = false;
        if let Some(extra) = list.items().get(ENUM_MAX) {
            self.out.push(
                Diagnostic::error(
                    codes::TOO_MANY,
                    extra.span(),
                    format!("an enum has at most {ENUM_MAX} words"),
                )
                .label("one too many")
                .help("make a resource of them, and a relation"),
            );
            return (Arc::default(), false);
        }
        for word in list.items() {
            let Some(text) = word.as_text() else {
                (broken, lost) = (true, true);
                continue;
            };
            let name = text.as_str();
            let (label, help) = if !crate::names::is_slug(name) {
                let meant = crate::names::to_slug(name);
                lost |= !crate::names::is_slug(&meant);
                meant_words.push(meant.as_str().into());
                (
                    "not in snake_case",
                    if meant.is_empty() || !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
                        "write a word: a lower-case letter, then letters, digits and `_`".to_owned()
                    } else {
                        format!(
                            "write `{meant}`; other API styles write it in capitals. For values that must be spelled otherwise use `type: string` with a `pattern`"
                        )
                    },
                )
            } else if name == "unspecified" {
                (
                    "taken",
                    "gRPC needs this word for \"not said\"; choose another, such as `unknown`"
                        .to_owned(),
                )
            } else if words.iter().any(|known| **known == *name) {
                ("again", "delete it: each word stands once".to_owned())
            } else {
                words.push(name.into());
                continue;
            };
            broken = true;
            self.out.push(
                Diagnostic::error(
                    codes::ENUM,
                    text.span(),
                    format!("`{name}` cannot be a word of this enum"),
                )
                .label(label)
                .help(help),
            );
        }
        let fine = !broken && !words.is_empty();
        words.extend(meant_words);
        if lost || (!fine && list.node.torn_inside()) {
            words.clear();
        }
        (words.into(), fine)
    }

    fn items(&mut self, item: &Item<'a>, name: &str, place: Place, depth: usize) -> Option<Shape> {
        if place == Place::List {
            let span = item.span();
            self.out.push(
                Diagnostic::error(
                    codes::NESTING,
                    crate::read::head(self.sources, span),
                    format!("`{name}` is a list of lists"),
                )
                .label("a list inside a list")
                .help("put the inner list into an object: `items: {type: object, properties: {values: {type: array, items: …}}}`"),
            );
            return None;
        }
        let Some(entry) = item.entry("items") else {
            let span = item
                .entry("type")
                .map_or(item.span(), |entry| entry.item.span());
            self.out.push(
                Diagnostic::error(codes::NO_TYPE, span, format!("`{name}` is a list of what?"))
                    .label("no `items`")
                    .help("add what it holds: `{type: array, items: string}`"),
            );
            return None;
        };
        for key in ["default", "description"] {
            if let Some(extra) = entry.item.entry(key) {
                self.out.push(
                    Diagnostic::error(
                        codes::NOT_INSIDE,
                        extra.key.span,
                        format!("the entries of a list have no `{key}`"),
                    )
                    .label("belongs to the list")
                    .help(format!("move `{key}` beside `items`")),
                );
            }
        }
        match self.shape(&entry.item, name, Place::List, depth + 1)? {
            Found::Shape(shape) => Some(*shape),
            Found::Relation(_) => None,
        }
    }

    fn properties(
        &mut self,
        item: &Item<'a>,
        name: &str,
        depth: usize,
    ) -> Option<(Arc<ObjectType>, Arc<Vec<Shape>>)> {
        let Some(entry) = item.entry("properties") else {
            let span = item
                .entry("type")
                .map_or(item.span(), |entry| entry.item.span());
            self.out.push(
                Diagnostic::error(
                    codes::NO_TYPE,
                    span,
                    format!("`{name}` is an object of what?"),
                )
                .label("no `properties`")
                .help(
                    "add its members, `properties: {street: string}`, or use `json` for open ones",
                ),
            );
            return None;
        };
        if entry.item.is_broken() {
            return None;
        }
        self.members(&entry.item, None, depth)
    }

    fn named_type(
        &mut self,
        at: usize,
        used: Span,
        depth: usize,
    ) -> Option<(Arc<ObjectType>, Arc<Vec<Shape>>)> {
        let (key, item) = self.types[at];
        match self.states[at].clone() {
            State::Done(object, members) => Some((object, members)),
            State::Broken => None,
            State::Begun => {
                self.out.push(
                    Diagnostic::error(
                        codes::RECURSIVE_TYPE,
                        used,
                        format!("the type `{}` contains itself", key.value),
                    )
                    .label("back to where it began")
                    .also(key.span, "the type")
                    .help("for trees, make it a resource with a relation to itself: `parent?: Category`"),
                );
                None
            }
            State::Untouched => {
                self.states[at] = State::Begun;
                let made = if item.is_broken() {
                    None
                } else {
                    // Nobody can say what fits an object of which members are lost.
                    self.members(item, Some(&key.value), depth)
                        .filter(|_| !item.node.torn_inside())
                };
                self.states[at] = match &made {
                    Some((object, members)) => State::Done(Arc::clone(object), Arc::clone(members)),
                    None => State::Broken,
                };
                made
            }
        }
    }

    fn members(
        &mut self,
        item: &Item<'a>,
        name: Option<&str>,
        depth: usize,
    ) -> Option<(Arc<ObjectType>, Arc<Vec<Shape>>)> {
        let mut taken = Taken::new("this object");
        let mut members = vec![];
        let mut shapes = vec![];
        let mut broken = false;
        if let Some(extra) = item.entries().get(MEMBERS_MAX) {
            self.out.push(
                Diagnostic::error(
                    codes::TOO_MANY,
                    extra.key.span,
                    format!("an object has at most {MEMBERS_MAX} members"),
                )
                .label("one too many")
                .help("put what belongs together into objects of their own, or use `json`"),
            );
            return None;
        }
        for entry in item.entries() {
            let (member, nullable) = without_mark(entry.name);
            if taken.claim(member, "a member", entry.key.span, self.out) {
                taken.claim_spellings(member, entry.key.span, self.out);
            } else {
                broken = true;
            }
            let Some(Found::Shape(shape)) =
                self.shape(&entry.item, member, Place::Object, depth + 1)
            else {
                broken = true;
                continue;
            };
            let mut shape = *shape;
            shape.nullable = nullable;
            if let Some(default) = entry.item.get("default") {
                shape.default = self.default(default, &shape);
            }
            members.push(Member {
                name: member.into(),
                ty: shape.ty.clone(),
                nullable: nullable || shape.default.is_some(),
            });
            shapes.push(shape);
        }
        if broken {
            return None;
        }
        let object = ObjectType {
            name: name.map(Into::into),
            members,
        };
        Some((Arc::new(object), Arc::new(shapes)))
    }

    /// A `default:`; `None` when it is wrong, which has been reported.
    pub fn default(&mut self, item: &Item<'a>, shape: &Shape) -> Option<value::Value> {
        if item.node.kind == crate::yaml::Kind::Null {
            self.out.push(
                Diagnostic::error(
                    codes::DEFAULT,
                    item.span(),
                    "a default is a value, not null",
                )
                .label("nothing")
                .help("put a `?` behind the field's name: then it is null when it is left out"),
            );
            return None;
        }
        let text = item.as_text().map(Text::as_str);
        if let Some(formula) = text.filter(|text| text.starts_with('=')) {
            self.out.push(
                Diagnostic::error(
                    codes::DEFAULT,
                    item.span(),
                    "a default is a fixed value, not a formula",
                )
                .label("a formula")
                .help(format!(
                    "formulas are for `set`, on create, and `value`, when read: write `set: {formula}`"
                )),
            );
            return None;
        }
        let source = self.sources.text(item.span().file);
        match json::literal(item.node, shape, source) {
            Ok(value) => {
                let formula = item
                    .as_text()
                    .filter(|_| shape.ty == Type::Text)
                    .and_then(|text| {
                        super::formula::advice(text, item.node.source(source), "default")
                    });
                if let Some(help) = formula {
                    self.out.push(
                        Diagnostic::error(
                            codes::DEFAULT,
                            item.span(),
                            "a default is a fixed value: records would hold these very words",
                        )
                        .label("a formula?")
                        .help(help),
                    );
                }
                Some(value)
            }
            Err(misfits) => {
                for misfit in misfits {
                    let help = match (text, &shape.ty) {
                        (Some("now" | "now()" | "CURRENT_TIMESTAMP"), Type::Timestamp) => {
                            "to fill in the time of creation write `set: =now`".to_owned()
                        }
                        (
                            Some("now" | "now()" | "today" | "today()" | "CURRENT_DATE"),
                            Type::Date,
                        ) => "to fill in the day of creation write `set: =date(now)`".to_owned(),
                        _ if misfit.of_type => "change the default, or the constraint".to_owned(),
                        _ => misfit.advice(self.sources),
                    };
                    self.out.push(
                        Diagnostic::error(
                            codes::DEFAULT,
                            misfit.span,
                            format!("the default does not fit: {}", misfit.why),
                        )
                        .label("not a value of this field")
                        .help(help),
                    );
                }
                None
            }
        }
    }

    /// Holds `examples:` against the shape.
    pub fn examples(&mut self, item: &Item<'a>, shape: &Shape) -> Vec<serde_json::Value> {
        let Some(list) = item.get("examples") else {
            return vec![];
        };
        let mut examples = vec![];
        for example in list.items() {
            let null = example.node.kind == crate::yaml::Kind::Null;
            if null && shape.nullable {
                examples.push(serde_json::Value::Null);
                continue;
            }
            let source = self.sources.text(example.span().file);
            match json::literal(example.node, shape, source) {
                Ok(value) => {
                    let text = value::json::to_json_text(&shape.ty, &value);
                    examples.push(
                        serde_json::from_str(&text).unwrap_or_else(|_| json::plain(example.node)),
                    );
                }
                Err(misfits) => {
                    for misfit in misfits {
                        self.out.push(
                            Diagnostic::error(
                                codes::EXAMPLE,
                                misfit.span,
                                format!("the example does not fit: {}", misfit.why),
                            )
                            .label("not a value of this field")
                            .help(misfit.advice(self.sources)),
                        );
                    }
                }
            }
        }
        examples
    }

    /// Reports names of fields that are reserved.
    pub fn check_name(&mut self, name: &str, span: Span) {
        check_field_name(name, span, self.out);
    }
}

/// `enum(open, closed)` and `open | closed`, as other languages write a choice of words.
fn one_of_words(name: &str) -> Option<String> {
    let inside = name.strip_prefix("enum").map(|rest| {
        rest.trim()
            .trim_matches(['(', ')', '[', ']', '<', '>', ':'])
    });
    let parts: Vec<&str> = match inside {
        Some(inside) => inside.split(['|', ',']).collect(),
        None if name.contains('|') => name.split('|').collect(),
        None => return None,
    };
    let words: Vec<&str> = parts
        .into_iter()
        .map(|word| word.trim().trim_matches(['\'', '"']))
        .filter(|word| !word.is_empty())
        .collect();
    match words[..] {
        [of, "null"] | ["null", of] => Some(format!(
            "that it may be null is said by a `?` behind the field's name: `name?: {of}`"
        )),
        [] => None,
        _ => Some(format!("write `{{enum: [{}]}}`", words.join(", "))),
    }
}

/// The language's own word for a type that is written as other languages write it: `String`,
/// `Int`, `DateTime`.
fn own_word(name: &str) -> Option<&'static str> {
    let name = name.trim_start_matches(':');
    let same = |word: &&&str| word.eq_ignore_ascii_case(name);
    WORDS.iter().find(same).copied().or_else(|| {
        let (_, advice) = FOREIGN
            .iter()
            .find(|(foreign, _)| foreign.eq_ignore_ascii_case(name))?;
        let word = advice.strip_prefix("write `")?.split('`').next()?;
        WORDS.iter().find(|known| **known == word).copied()
    })
}

/// What stands behind a type in other languages, as keys: `@unique`, `@default(now())`, `= false`.
/// Empty where nothing need be said, `None` where nobody can tell.
fn said_besides(more: &str) -> Option<String> {
    let more = more.trim();
    if more == "!" || more.starts_with("with") || (more.starts_with('(') && more.ends_with(')')) {
        // A field is required anyway; precisions and time zones are the types' own.
        return (!more.contains('@')).then(String::new);
    }
    if more.contains("now()") {
        return Some("set: =now".to_owned());
    }
    if more.contains("unique") {
        return Some("unique: true".to_owned());
    }
    let default = more.strip_prefix('=').map(str::trim).or_else(|| {
        more.strip_prefix("@default(")
            .and_then(|rest| rest.strip_suffix(')'))
    })?;
    let plain = !default.is_empty()
        && default
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'));
    plain.then(|| format!("default: {default}"))
}

/// Stands for an object that is itself wrong.
fn nothing_inside() -> (Arc<ObjectType>, Arc<Vec<Shape>>) {
    let empty = ObjectType {
        name: None,
        members: vec![],
    };
    (Arc::new(empty), Arc::default())
}

/// `name?` → (`name`, true).
pub fn without_mark(name: &str) -> (&str, bool) {
    match name.strip_suffix('?') {
        Some(bare) => (bare, true),
        None => (name, false),
    }
}
