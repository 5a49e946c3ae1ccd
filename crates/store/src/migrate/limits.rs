//! What a field's values are held to beside their type: remembered with the tables, so that a
//! contract that asks for more is noticed before the server answers what its documents forbid.
//!
//! No column knows of these limits. [`tightened`] says which are stricter than before, and how
//! to find what breaks them, where SQL can.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use model::{Constraints, Shape, TextFormat};
use serde::{Deserialize, Serialize};
use value::{Decimal, Type, Value};

use super::ddl;
use crate::driver::{Dialect, Storage};
use crate::layout;
use crate::sql::literal;

/// The constraints of a field's shape. Numbers are kept as the contract prints them: the type
/// may widen, and they are read in the new one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Limits {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_length: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_length: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minimum: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maximum: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exclusive_minimum: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exclusive_maximum: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub multiple_of: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_items: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_items: Option<u32>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub unique_items: bool,
    /// Of a list's elements.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub items: Option<Box<Limits>>,
    /// Of an object's members; those without any are left out.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub members: BTreeMap<String, Limits>,
}

impl Limits {
    pub(super) fn of(shape: &Shape) -> Limits {
        let constraints = &shape.constraints;
        let print = |bound: &Option<Value>| {
            let bound = bound.as_ref()?;
            Some(value::text::print(&shape.ty, bound))
        };
        let some = |limits: Limits| (limits != Limits::default()).then_some(limits);
        let mut members = BTreeMap::new();
        if let (Some(shapes), Type::Object(object)) = (&shape.members, &shape.ty) {
            for (inner, member) in shapes.iter().zip(&object.members) {
                if let Some(limits) = some(Limits::of(inner)) {
                    members.insert(member.name.to_string(), limits);
                }
            }
        }
        Limits {
            min_length: constraints.min_length,
            max_length: constraints.max_length,
            pattern: constraints
                .pattern
                .as_ref()
                .map(|pattern| pattern.source.clone()),
            format: constraints.format.map(|format| {
                match format {
                    TextFormat::Email => "email",
                    TextFormat::Uri => "uri",
                    TextFormat::Duration => "duration",
                }
                .to_owned()
            }),
            minimum: print(&constraints.minimum),
            maximum: print(&constraints.maximum),
            exclusive_minimum: print(&constraints.exclusive_minimum),
            exclusive_maximum: print(&constraints.exclusive_maximum),
            multiple_of: print(&constraints.multiple_of),
            min_items: constraints.min_items,
            max_items: constraints.max_items,
            unique_items: constraints.unique_items,
            items: shape
                .items
                .as_ref()
                .and_then(|inner| some(Limits::of(inner)))
                .map(Box::new),
            members,
        }
    }
}

/// A limit that is stricter than before.
pub(super) struct Tightened {
    /// Which value it is about: `tags`, `tags[]`, `address.city`.
    pub place: String,
    /// As in the contract: `maxLength: 4`.
    pub now: String,
    /// The word that sets it: `maxLength`.
    pub word: &'static str,
    /// What was there before, if anything.
    pub before: Option<String>,
    /// True of values that break it; `None` where SQL cannot tell.
    pub broken: Option<String>,
}

/// The limits of `shape` that are stricter than `old`. `value` is the column, or what is made
/// of it, in the form that `shape` is stored in.
pub(super) fn tightened(
    name: &str,
    old: &Limits,
    shape: &Shape,
    value: String,
    dialect: Dialect,
) -> Vec<Tightened> {
    let mut found = Vec::new();
    let json = dialect == Dialect::Postgres && layout::storage(&shape.ty) == Storage::Json;
    let column = Place {
        called: name.to_owned(),
        value: if json {
            // Text in a column of its own type; only `jsonb` can be compared.
            format!("{value}::jsonb")
        } else {
            value
        },
        inside: false,
        depth: 0,
        dialect,
    };
    column.compare(old, shape, &|condition| condition, &mut found);
    found
}

/// A value in a record: a column, or something in a column's JSON.
struct Place {
    called: String,
    /// SQL that yields it: for SQLite as it is compared, for PostgreSQL inside of JSON as `jsonb`.
    value: String,
    inside: bool,
    /// How many lists it is in.
    depth: usize,
    dialect: Dialect,
}

/// A limit of one value that is stricter than before.
struct Stricter {
    word: &'static str,
    now: String,
    /// With its word, which may have been another.
    before: Option<String>,
    broken: Option<String>,
}

impl Place {
    /// `wrap` makes a condition on this value one on the record.
    fn compare(
        &self,
        old: &Limits,
        shape: &Shape,
        wrap: &dyn Fn(String) -> String,
        found: &mut Vec<Tightened>,
    ) {
        let new = Limits::of(shape);
        let stricter = [
            self.counts(old, &new),
            patterns(old, &new),
            self.ends(old, shape),
            self.steps(old, shape),
            self.uniqueness(old, shape),
        ];
        for limit in stricter.into_iter().flatten() {
            found.push(Tightened {
                place: self.called.clone(),
                now: format!("{}: {}", limit.word, limit.now),
                word: limit.word,
                before: limit.before,
                broken: limit.broken.map(wrap),
            });
        }
        let none = Limits::default();
        if let Some(inner) = &shape.items {
            let items = old.items.as_deref().unwrap_or(&none);
            let place = Place {
                called: format!("{}[]", self.called),
                value: format!("{}.value", self.element()),
                inside: true,
                depth: self.depth + 1,
                dialect: self.dialect,
            };
            let any = |condition| {
                wrap(format!(
                    "EXISTS (SELECT 1 FROM {} WHERE {condition})",
                    self.elements()
                ))
            };
            place.compare(items, inner, &any, found);
        }
        if let (Some(shapes), Type::Object(object)) = (&shape.members, &shape.ty) {
            for (inner, member) in shapes.iter().zip(&object.members) {
                let place = Place {
                    called: format!("{}.{}", self.called, member.name),
                    value: self.member(&member.name),
                    inside: true,
                    depth: self.depth,
                    dialect: self.dialect,
                };
                let members = old.members.get(&*member.name).unwrap_or(&none);
                place.compare(members, inner, wrap, found);
            }
        }
    }

    /// Of characters and of elements.
    fn counts(&self, old: &Limits, new: &Limits) -> Vec<Stricter> {
        let stricter = |word, now: u32, old: Option<u32>, broken: String| Stricter {
            word,
            now: now.to_string(),
            before: old.map(|old| format!("{word}: {old}")),
            broken: Some(broken),
        };
        let least = |word, new: Option<u32>, old: Option<u32>, measured: &str| {
            let least = new.filter(|least| old.unwrap_or(0) < *least)?;
            Some(stricter(word, least, old, format!("{measured} < {least}")))
        };
        let most = |word, new: Option<u32>, old: Option<u32>, measured: &str| {
            let most = new.filter(|most| old.is_none_or(|old| old > *most))?;
            Some(stricter(word, most, old, format!("{measured} > {most}")))
        };
        let (length, items) = (self.length(), self.items());
        let counts = [
            least("minLength", new.min_length, old.min_length, &length),
            most("maxLength", new.max_length, old.max_length, &length),
            least("minItems", new.min_items, old.min_items, &items),
            most("maxItems", new.max_items, old.max_items, &items),
        ];
        counts.into_iter().flatten().collect()
    }

    /// Of the range that a number is in.
    fn ends(&self, old: &Limits, shape: &Shape) -> Vec<Stricter> {
        let print = |bound: &Bound| value::text::print(&shape.ty, &bound.value);
        let stricter = |end| {
            let before = Bound::read(old, end, &shape.ty);
            let bound = Bound::of(&shape.constraints, end).filter(|bound| {
                before
                    .as_ref()
                    .is_none_or(|before| bound.is_stricter(before))
            })?;
            let broken = format!(
                "{} {} {}",
                self.number(),
                bound.breaking(),
                self.constant(&bound.value, &shape.ty)
            );
            Some(Stricter {
                word: bound.word(),
                now: print(&bound),
                before: before.map(|before| format!("{}: {}", before.word(), print(&before))),
                broken: Some(broken),
            })
        };
        [End::Lower, End::Upper]
            .into_iter()
            .filter_map(stricter)
            .collect()
    }

    fn steps(&self, old: &Limits, shape: &Shape) -> Vec<Stricter> {
        let Some(step) = &shape.constraints.multiple_of else {
            return vec![];
        };
        let before = old.multiple_of.as_ref();
        let before = before.and_then(|text| value::text::parse(&shape.ty, text).ok());
        if before
            .as_ref()
            .is_some_and(|before| divides(step, before) == Some(true))
        {
            return vec![];
        }
        // Whether a float is a multiple is a question of rounding, which SQL has no word for.
        let broken = (shape.ty != Type::Float).then(|| {
            format!(
                "{} % {} <> 0",
                self.number(),
                self.constant(step, &shape.ty)
            )
        });
        let print = |step: &Value| value::text::print(&shape.ty, step);
        vec![Stricter {
            word: "multipleOf",
            now: print(step),
            before: before.map(|before| format!("multipleOf: {}", print(&before))),
            broken,
        }]
    }

    fn uniqueness(&self, old: &Limits, shape: &Shape) -> Vec<Stricter> {
        if !shape.constraints.unique_items || old.unique_items {
            return vec![];
        }
        let repeated = format!(
            "EXISTS (SELECT 1 FROM {} GROUP BY {1}.value HAVING COUNT(*) > 1)",
            self.elements(),
            self.element()
        );
        // Equal JSON can be written in many ways.
        let plain = !matches!(&shape.ty, Type::List(item) if **item == Type::Json);
        vec![Stricter {
            word: "uniqueItems",
            now: "true".to_owned(),
            before: None,
            broken: plain.then_some(repeated),
        }]
    }

    fn sqlite(&self) -> bool {
        self.dialect == Dialect::Sqlite
    }

    /// In characters.
    fn length(&self) -> String {
        let value = &self.value;
        match (self.sqlite(), self.inside) {
            (true, _) => format!("length({value})"),
            (false, false) => format!("char_length({value})"),
            (false, true) => format!("char_length({value} #>> '{{}}')"),
        }
    }

    fn number(&self) -> String {
        if self.sqlite() || !self.inside {
            self.value.clone()
        } else {
            format!("({} #>> '{{}}')::numeric", self.value)
        }
    }

    /// A number as it lies in this place: in JSON as SQLite has it in columns.
    fn constant(&self, value: &Value, ty: &Type) -> String {
        let dialect = if self.inside {
            Dialect::Sqlite
        } else {
            self.dialect
        };
        ddl::constants(value, ty, dialect).concat()
    }

    fn items(&self) -> String {
        if self.sqlite() {
            format!("json_array_length({})", self.value)
        } else {
            format!("jsonb_array_length({})", self.list())
        }
    }

    /// The elements of this list, each a row with a `value`.
    fn elements(&self) -> String {
        let element = self.element();
        if self.sqlite() {
            format!("json_each({}) AS {element}", self.value)
        } else {
            format!("jsonb_array_elements({}) AS {element}(value)", self.list())
        }
    }

    fn element(&self) -> String {
        format!("e{}", self.depth)
    }

    /// PostgreSQL refuses to count what is in a JSON null.
    fn list(&self) -> String {
        if self.inside {
            format!("NULLIF({}, 'null')", self.value)
        } else {
            self.value.clone()
        }
    }

    fn member(&self, name: &str) -> String {
        if self.sqlite() {
            let path = literal(&format!("$.\"{name}\""));
            format!("json_extract({}, {path})", self.value)
        } else {
            format!("({} -> {})", self.value, literal(name))
        }
    }
}

/// Of what SQL cannot read: texts are looked at by whoever writes them next.
fn patterns(old: &Limits, new: &Limits) -> Vec<Stricter> {
    let words = [
        ("pattern", &new.pattern, &old.pattern),
        ("format", &new.format, &old.format),
    ];
    let stricter = |(word, now, before): (&'static str, &Option<String>, &Option<String>)| {
        let now = now.as_ref().filter(|_| now != before)?;
        Some(Stricter {
            word,
            now: now.clone(),
            before: before.as_ref().map(|before| format!("{word}: {before}")),
            broken: None,
        })
    };
    words.into_iter().filter_map(stricter).collect()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Lower,
    Upper,
}

/// One end of a range.
struct Bound {
    end: End,
    value: Value,
    exclusive: bool,
}

impl Bound {
    fn of(constraints: &Constraints, end: End) -> Option<Bound> {
        let (inclusive, exclusive) = match end {
            End::Lower => (&constraints.minimum, &constraints.exclusive_minimum),
            End::Upper => (&constraints.maximum, &constraints.exclusive_maximum),
        };
        Bound::pick(end, inclusive.clone(), exclusive.clone())
    }

    /// What was remembered, in the type of now.
    fn read(limits: &Limits, end: End, ty: &Type) -> Option<Bound> {
        let (inclusive, exclusive) = match end {
            End::Lower => (&limits.minimum, &limits.exclusive_minimum),
            End::Upper => (&limits.maximum, &limits.exclusive_maximum),
        };
        let read = |text: &Option<String>| value::text::parse(ty, text.as_ref()?).ok();
        Bound::pick(end, read(inclusive), read(exclusive))
    }

    /// A contract has at most one of the two.
    fn pick(end: End, inclusive: Option<Value>, exclusive: Option<Value>) -> Option<Bound> {
        let is_exclusive = inclusive.is_none();
        Some(Bound {
            end,
            value: inclusive.or(exclusive)?,
            exclusive: is_exclusive,
        })
    }

    fn is_stricter(&self, before: &Bound) -> bool {
        let ((now, now_without), (then, then_without)) = (self.closed(), before.closed());
        match (now.compare(&then), self.end) {
            (Some(Ordering::Greater), End::Lower) | (Some(Ordering::Less), End::Upper) => true,
            (Some(Ordering::Equal), _) => now_without && !then_without,
            (Some(_), _) => false,
            (None, _) => true,
        }
    }

    /// Among integers, more than 0 is at least 1.
    fn closed(&self) -> (Value, bool) {
        if let (Value::Int(number), true) = (&self.value, self.exclusive) {
            let next = match self.end {
                End::Lower => number.checked_add(1),
                End::Upper => number.checked_sub(1),
            };
            if let Some(next) = next {
                return (Value::Int(next), false);
            }
        }
        (self.value.clone(), self.exclusive)
    }

    fn word(&self) -> &'static str {
        match (self.end, self.exclusive) {
            (End::Lower, false) => "minimum",
            (End::Lower, true) => "exclusiveMinimum",
            (End::Upper, false) => "maximum",
            (End::Upper, true) => "exclusiveMaximum",
        }
    }

    /// How a value compares to it that is out of range.
    fn breaking(&self) -> &'static str {
        match (self.end, self.exclusive) {
            (End::Lower, false) => "<",
            (End::Lower, true) => "<=",
            (End::Upper, false) => ">",
            (End::Upper, true) => ">=",
        }
    }
}

/// Whether every multiple of `number` is one of `step`.
fn divides(step: &Value, number: &Value) -> Option<bool> {
    match (step, number) {
        (Value::Int(step), Value::Int(number)) => Some(number.checked_rem(*step)? == 0),
        (Value::Decimal(step), Value::Decimal(number)) if *step != Decimal::ZERO => {
            Some(number.millionths() % step.millionths() == 0)
        }
        _ => Some(step == number),
    }
}
