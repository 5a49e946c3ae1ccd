//! The words for types in messages.

use std::borrow::Cow;

use crate::Type;
use crate::id::article;
use crate::text::choice;

impl Type {
    /// With its article, to follow "expected" or "must be": `a string`, `a book id`,
    /// `one of a, b, c`, `a list of strings`.
    pub fn describe(&self) -> String {
        match self {
            Type::Bool => "true or false".to_owned(),
            Type::Enum(values) => choice("one of", values.iter().map(|value| &**value)),
            Type::Int53 | Type::Int64 => "an integer".to_owned(),
            Type::Uuid => "a UUID".to_owned(),
            Type::Money => "money".to_owned(),
            Type::Json => "JSON".to_owned(),
            Type::List(item) => format!("a list of {}", item.plural()),
            Type::Object(object) => match &object.name {
                Some(name) => format!("{} {name} object", article(&name.to_lowercase())),
                None => "an object".to_owned(),
            },
            _ => {
                let name = self.name();
                format!("{} {name}", article(&name))
            }
        }
    }

    /// The bare name, as in "cannot compare string with integer". Integers of all sizes are
    /// told apart, enums are not.
    pub fn name(&self) -> Cow<'_, str> {
        Cow::Borrowed(match self {
            Type::Bool => "boolean",
            Type::Int32 => "integer",
            Type::Int53 => "int53",
            Type::Int64 => "int64",
            Type::Float => "number",
            Type::Text => "string",
            Type::Decimal => "decimal",
            Type::Money => "money",
            Type::Date => "date",
            Type::Timestamp => "date-time",
            Type::Duration => "duration",
            Type::Uuid => "uuid",
            Type::Id(id) => return Cow::Owned(id.words()),
            Type::Enum(_) => "enum",
            Type::List(item) => return Cow::Owned(format!("list of {}", item.plural())),
            Type::Object(object) => object.name.as_deref().unwrap_or("object"),
            Type::Json => "json",
        })
    }

    fn plural(&self) -> Cow<'_, str> {
        match self {
            Type::Int53 | Type::Int64 => Cow::Borrowed("integers"),
            Type::Uuid => Cow::Borrowed("UUIDs"),
            Type::Money => Cow::Borrowed("money"),
            Type::Json => Cow::Borrowed("JSON"),
            Type::Enum(values) => Cow::Owned(choice("any of", values.iter().map(|value| &**value))),
            Type::List(item) => Cow::Owned(format!("lists of {}", item.plural())),
            Type::Object(object) => match &object.name {
                Some(name) => Cow::Owned(format!("{name} objects")),
                None => Cow::Borrowed("objects"),
            },
            _ => Cow::Owned(format!("{}s", self.name())),
        }
    }
}
