//! JSON Schema's constraints: whether they go with the type, and whether anything fulfils them.

use std::cmp::Ordering;

use diag::{Diagnostic, Diagnostics, Sources, Span};
use model::{Constraints, TextFormat};
use value::{Decimal, Type, Value};

use super::pattern;
use crate::codes;
use crate::json::print;
use crate::read::Item;
use crate::yaml::Kind;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    Text,
    Number,
    List,
}

const WORDS: [(&str, Family); 11] = [
    ("minLength", Family::Text),
    ("maxLength", Family::Text),
    ("pattern", Family::Text),
    ("minimum", Family::Number),
    ("maximum", Family::Number),
    ("exclusiveMinimum", Family::Number),
    ("exclusiveMaximum", Family::Number),
    ("multipleOf", Family::Number),
    ("minItems", Family::List),
    ("maxItems", Family::List),
    ("uniqueItems", Family::List),
];

/// The words this module reads, for those to whom none of them applies.
pub fn words() -> impl Iterator<Item = &'static str> {
    WORDS.iter().map(|(word, _)| *word)
}

fn family(ty: &Type) -> Option<Family> {
    match ty {
        Type::Text => Some(Family::Text),
        Type::Int32 | Type::Int53 | Type::Int64 | Type::Float | Type::Decimal => {
            Some(Family::Number)
        }
        Type::List(_) => Some(Family::List),
        _ => None,
    }
}

/// Reads the constraints written in `item` for a value of type `ty`.
pub fn read(
    item: &Item<'_>,
    ty: &Type,
    format: Option<TextFormat>,
    sources: &Sources,
    out: &mut Diagnostics,
) -> Constraints {
    let mut reader = Reader {
        item,
        ty,
        format,
        sources,
        out,
    };
    reader.refuse_foreign();
    let mut found = Constraints {
        format,
        ..Constraints::default()
    };
    match family(ty) {
        Some(Family::Text) => reader.text(&mut found),
        Some(Family::Number) => reader.number(&mut found),
        Some(Family::List) => reader.list(&mut found),
        None => {}
    }
    found
}

struct Reader<'c, 'a> {
    item: &'c Item<'a>,
    ty: &'c Type,
    format: Option<TextFormat>,
    sources: &'c Sources,
    out: &'c mut Diagnostics,
}

impl Reader<'_, '_> {
    fn refuse_foreign(&mut self) {
        let own = family(self.ty);
        for entry in self.item.entries() {
            let Some((word, family)) = WORDS.iter().find(|(word, _)| *word == entry.name) else {
                continue;
            };
            if own == Some(*family) {
                continue;
            }
            let belongs = match family {
                Family::Text => "text",
                Family::Number => "numbers",
                Family::List => "lists",
            };
            let help = match (self.ty, *word) {
                (Type::Text, word) if self.format == Some(TextFormat::Duration) && *family == Family::Number => {
                    duration_bound(word)
                }
                (Type::Text, "minimum" | "minItems") => "for text write `minLength`".to_owned(),
                (Type::Text, "maximum" | "maxItems") => "for text write `maxLength`".to_owned(),
                (Type::List(_), "minLength" | "minimum") => "for lists write `minItems`".to_owned(),
                (Type::List(_), "maxLength" | "maximum") => "for lists write `maxItems`".to_owned(),
                (Type::Int32 | Type::Int53 | Type::Int64 | Type::Float | Type::Decimal, "minLength") => {
                    "for numbers write `minimum`".to_owned()
                }
                (Type::Int32 | Type::Int53 | Type::Int64 | Type::Float | Type::Decimal, "maxLength") => {
                    "for numbers write `maximum`".to_owned()
                }
                (Type::Money, _) => {
                    "money has no constraints of its own; write a check on the resource: `check: [{rule: this.NAME.amount > 0, message: …}]`"
                        .replace("NAME", "price")
                }
                (Type::Date | Type::Timestamp, "minimum" | "maximum") => {
                    "compare times in a check on the resource: `check: [{rule: this.ends_at > this.starts_at, message: …}]`"
                        .to_owned()
                }
                (Type::Enum(_), _) => "delete it: the words are all there is".to_owned(),
                _ => "delete it".to_owned(),
            };
            let name = match self.format {
                Some(TextFormat::Duration) => "duration".into(),
                _ => self.ty.name(),
            };
            self.out.push(
                Diagnostic::error(
                    codes::NOT_FOR_TYPE,
                    entry.key.span,
                    format!("`{word}` does not go with the type {name}"),
                )
                .label(format!("for {belongs}"))
                .help(help),
            );
        }
    }

    fn text(&mut self, found: &mut Constraints) {
        found.min_length = self.count("minLength");
        found.max_length = self.count("maxLength");
        self.compare_counts(
            ("minLength", found.min_length),
            ("maxLength", found.max_length),
        );
        if found.max_length == Some(0) {
            self.impossible(
                "maxLength",
                "with `maxLength: 0` nothing but the empty text would fit",
                "write the most characters a text may have, for example `maxLength: 200`",
            );
        }
        let Some(text) = self.item.text("pattern") else {
            return;
        };
        match pattern::compile(text.as_str()) {
            Ok(pattern) => found.pattern = Some(pattern),
            Err((message, help)) => self.out.push(
                Diagnostic::error(codes::PATTERN, text.span(), message)
                    .label("not a pattern we can use")
                    .help(help),
            ),
        }
    }

    fn list(&mut self, found: &mut Constraints) {
        found.min_items = self.count("minItems");
        found.max_items = self.count("maxItems");
        found.unique_items = self.item.flag("uniqueItems");
        self.compare_counts(("minItems", found.min_items), ("maxItems", found.max_items));
        if found.max_items == Some(0) {
            self.impossible(
                "maxItems",
                "with `maxItems: 0` nothing but the empty list would fit",
                "write the most entries the list may have, for example `maxItems: 20`",
            );
        }
    }

    fn number(&mut self, found: &mut Constraints) {
        found.minimum = self.bound("minimum");
        found.maximum = self.bound("maximum");
        found.exclusive_minimum = self.bound("exclusiveMinimum");
        found.exclusive_maximum = self.bound("exclusiveMaximum");
        found.multiple_of = self.bound("multipleOf");
        self.both("minimum", "exclusiveMinimum");
        self.both("maximum", "exclusiveMaximum");
        let lower = found
            .minimum
            .as_ref()
            .map(|value| ("minimum", value, false))
            .or(found
                .exclusive_minimum
                .as_ref()
                .map(|value| ("exclusiveMinimum", value, true)));
        let upper = found
            .maximum
            .as_ref()
            .map(|value| ("maximum", value, false))
            .or(found
                .exclusive_maximum
                .as_ref()
                .map(|value| ("exclusiveMaximum", value, true)));
        if let (Some((low, least, above)), Some((high, most, below))) = (lower, upper)
            && nothing_between(least, above, most, below)
        {
            let message = format!(
                "no number fulfils both `{low}: {}` and `{high}: {}`",
                print(least),
                print(most)
            );
            self.contradiction(low, high, message);
        }
        let negative = found.multiple_of.as_ref().is_some_and(|step| {
            let zero = match step {
                Value::Float(_) => Value::Float(0.0),
                Value::Decimal(_) => Value::Decimal(Decimal::ZERO),
                _ => Value::Int(0),
            };
            step.compare(&zero) != Some(Ordering::Greater)
        });
        if negative {
            found.multiple_of = None;
            self.impossible(
                "multipleOf",
                "`multipleOf` must be larger than 0",
                "write the step between the values, for example `multipleOf: 5`",
            );
        }
    }

    fn count(&mut self, key: &str) -> Option<u32> {
        let number = self.item.get(key)?.as_int()?;
        u32::try_from(number).ok()
    }

    fn compare_counts(&mut self, low: (&str, Option<u32>), high: (&str, Option<u32>)) {
        if let ((low, Some(least)), (high, Some(most))) = (low, high)
            && least > most
        {
            let message = format!("`{low}` is {least}, but `{high}` is {most}: nothing fits");
            self.contradiction(low, high, message);
        }
    }

    fn contradiction(&mut self, low: &str, high: &str, message: String) {
        let mut found = Diagnostic::error(codes::IMPOSSIBLE, self.span(low), message)
            .label("larger than the other end")
            .help("exchange the two numbers, or change one");
        if let Some(other) = self.item.entry(high) {
            found = found.also(other.item.span(), "the other end");
        }
        self.out.push(found);
    }

    fn impossible(&mut self, key: &str, message: &str, help: &str) {
        self.out.push(
            Diagnostic::error(codes::IMPOSSIBLE, self.span(key), message)
                .label("nothing useful fits")
                .help(help),
        );
    }

    fn both(&mut self, inclusive: &str, exclusive: &str) {
        if let (Some(_), Some(second)) = (self.item.entry(inclusive), self.item.entry(exclusive)) {
            self.out.push(
                Diagnostic::error(
                    codes::CONTRADICTION,
                    second.key.span,
                    format!("`{inclusive}` and `{exclusive}` on the same field"),
                )
                .label("one of them is enough")
                .help("delete one of them"),
            );
        }
    }

    fn span(&self, key: &str) -> Span {
        self.item
            .entry(key)
            .map_or(self.item.span(), |entry| entry.item.span())
    }

    /// A number in the field's own type.
    fn bound(&mut self, key: &str) -> Option<Value> {
        let item = self.item.get(key)?;
        let ty = self.ty;
        let source = item.node.source(self.sources.text(item.span().file));
        let value = match (&item.node.kind, ty) {
            (Kind::Int(number), Type::Float) => Some(Value::Float(*number as f64)),
            (Kind::Float(number), Type::Float) => Some(Value::Float(*number)),
            (Kind::Int(number), Type::Decimal) => Decimal::from_int(*number).map(Value::Decimal),
            (Kind::Float(number), Type::Decimal) => Decimal::parse(source)
                .or_else(|_| Decimal::parse(&number.to_string()))
                .ok()
                .map(Value::Decimal),
            (Kind::Int(number), _) => Some(Value::Int(*number)),
            (Kind::Float(number), _) => {
                self.out.push(
                    Diagnostic::error(
                        codes::NOT_FOR_TYPE,
                        item.span(),
                        format!("`{key}` of an integer must be a whole number"),
                    )
                    .label("not a whole number")
                    .help(format!(
                        "write `{key}: {}`, or make the field a `number` or `decimal`",
                        number.round()
                    )),
                );
                return None;
            }
            _ => None,
        };
        let (min, max, help) = match ty {
            Type::Int32 => (
                i64::from(i32::MIN),
                i64::from(i32::MAX),
                "an `integer` has 32 bits; for larger numbers write `type: int53`",
            ),
            Type::Int53 => (
                -value::json::INT53_MAX,
                value::json::INT53_MAX,
                "for larger numbers write `type: int64`",
            ),
            _ => (
                i64::MIN,
                i64::MAX,
                "a decimal has at most 12 digits before the point and 6 after it",
            ),
        };
        let fits = match &value {
            Some(Value::Int(number)) => (min..=max).contains(number),
            other => other.is_some(),
        };
        if !fits {
            self.out.push(
                Diagnostic::error(
                    codes::IMPOSSIBLE,
                    item.span(),
                    format!("`{key}` lies outside what the type {} can hold", ty.name()),
                )
                .label("no value gets there")
                .help(help),
            );
            return None;
        }
        value
    }
}

/// What to do about bounds of a text that says how long something takes.
fn duration_bound(word: &str) -> String {
    let bound = match word {
        "minimum" | "exclusiveMinimum" => ", minimum: 60",
        "maximum" | "exclusiveMaximum" => ", maximum: 3600",
        _ => "",
    };
    format!(
        "delete it: a `duration` is text, which is not compared; lengths that are compared are stored as numbers, of seconds for example: `took_seconds: {{type: integer{bound}}}`"
    )
}

fn nothing_between(least: &Value, above: bool, most: &Value, below: bool) -> bool {
    // Whole numbers have neighbours, so that 1 < x < 2 is empty too.
    if let (Value::Int(least), Value::Int(most)) = (least, most) {
        let least = least.saturating_add(i64::from(above));
        let most = most.saturating_sub(i64::from(below));
        return least > most;
    }
    match least.compare(most) {
        Some(Ordering::Greater) => true,
        Some(Ordering::Equal) => above || below,
        _ => false,
    }
}
