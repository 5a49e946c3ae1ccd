//! From one kind of value to another, where nothing can be lost.

use super::applied::{FieldShape, IdShape, Kind, MemberShape};
use crate::driver::Dialect;
use crate::sql::{literal, quoted};

/// How the values of a field get from one kind to another.
#[derive(Debug, Default)]
pub(super) struct Conversion {
    /// The new value from the old column; `None` if it stays as it lies.
    pub value: Option<String>,
    /// A condition on the old column that is true of values that do not fit, and what they are.
    pub misfit: Option<(String, &'static str)>,
    /// What is no longer read.
    pub loses: Option<String>,
}

/// The largest integer that a float holds with all its neighbours.
const FLOAT_EXACT_MAX: i64 = 1 << 53;
/// Digits before a decimal's point.
const DECIMAL_INTEGER_MAX: i64 = 999_999_999_999;

/// `None` when there is no way that loses nothing.
pub(super) fn convert(old: &FieldShape, new: &Kind, dialect: Dialect) -> Option<Conversion> {
    if old.kind == *new {
        return Some(Conversion::default());
    }
    let column = quoted(&old.name);
    let sqlite = dialect == Dialect::Sqlite;
    let outside = |max: i64, what| Some((format!("{column} NOT BETWEEN {} AND {max}", -max), what));
    Some(match (&old.kind, new) {
        (Kind::Int32, Kind::Int53 | Kind::Int64) | (Kind::Int53, Kind::Int64) => {
            Conversion::default()
        }
        (Kind::Int53 | Kind::Int64, Kind::Int32) => Conversion {
            misfit: Some((
                format!("{column} NOT BETWEEN {} AND {}", i32::MIN, i32::MAX),
                "needs more than 32 bits",
            )),
            ..Conversion::default()
        },
        (Kind::Int64, Kind::Int53) => Conversion {
            misfit: outside(value::json::INT53_MAX, "needs more than 53 bits"),
            ..Conversion::default()
        },
        (Kind::Int32 | Kind::Int53 | Kind::Int64, Kind::Float) => Conversion {
            value: Some(if sqlite {
                format!("CAST({column} AS REAL)")
            } else {
                format!("{column}::double precision")
            }),
            misfit: outside(FLOAT_EXACT_MAX, "is not exact as a number with a point"),
            ..Conversion::default()
        },
        (Kind::Int32 | Kind::Int53 | Kind::Int64, Kind::Decimal) => Conversion {
            value: Some(if sqlite {
                format!("{column} * 1000000")
            } else {
                format!("{column}::numeric(18,6)")
            }),
            misfit: outside(DECIMAL_INTEGER_MAX, "has more than 12 digits"),
            ..Conversion::default()
        },
        (Kind::Date, Kind::Timestamp) => Conversion {
            value: Some(if sqlite {
                format!("{column} * 86400000")
            } else {
                format!("{column}::timestamp AT TIME ZONE 'UTC'")
            }),
            ..Conversion::default()
        },
        (Kind::Enum(_) | Kind::Id(IdShape::Text), Kind::Text)
        | (Kind::Uuid, Kind::Id(IdShape::Uuid))
        | (Kind::Id(IdShape::Uuid), Kind::Uuid)
        | (Kind::Text, Kind::Id(IdShape::Text))
        | (Kind::Int32 | Kind::Int53 | Kind::Int64, Kind::Id(IdShape::Integer))
        | (Kind::Id(IdShape::Integer), Kind::Int64) => Conversion::default(),
        (Kind::Text, Kind::Enum(values)) => none_of(&column, values),
        (Kind::Enum(before), Kind::Enum(after)) => {
            if before.iter().all(|value| after.contains(value)) {
                Conversion::default()
            } else {
                none_of(&column, after)
            }
        }
        (Kind::List(_) | Kind::Object(_), _) => inside(&column, &old.kind, new)?,
        _ => return None,
    })
}

fn none_of(column: &str, values: &[String]) -> Conversion {
    let values: Vec<String> = values.iter().map(|value| literal(value)).collect();
    Conversion {
        misfit: Some((
            format!("{column} NOT IN ({})", values.join(", ")),
            "has a value that is not in the list",
        )),
        ..Conversion::default()
    }
}

/// Values stored as JSON stay as they are, so only what reads the same may change.
fn inside(column: &str, old: &Kind, new: &Kind) -> Option<Conversion> {
    match (old, new) {
        (old, new) if old == new => Some(Conversion::default()),
        (Kind::Int32, Kind::Int53 | Kind::Int64)
        | (Kind::Int53, Kind::Int64)
        | (Kind::Int32 | Kind::Int53 | Kind::Int64, Kind::Float)
        | (Kind::Enum(_), Kind::Text) => Some(Conversion::default()),
        (Kind::Enum(before), Kind::Enum(after))
            if before.iter().all(|value| after.contains(value)) =>
        {
            Some(Conversion::default())
        }
        (Kind::List(old), Kind::List(new)) => inside(column, old, new),
        (Kind::Object(old), Kind::Object(new)) => members(column, old, new),
        _ => None,
    }
}

fn members(column: &str, old: &[MemberShape], new: &[MemberShape]) -> Option<Conversion> {
    let mut all = Conversion::default();
    for member in new {
        match old.iter().find(|known| known.name == member.name) {
            Some(known) => {
                if known.nullable && !member.nullable {
                    return None;
                }
                let one = inside(column, &known.kind, &member.kind)?;
                all.loses = all.loses.or(one.loses);
                all.misfit = all.misfit.or(one.misfit);
            }
            None if member.nullable => {}
            None => {
                all.misfit = Some((
                    format!("{column} IS NOT NULL"),
                    "lacks a member that is now required",
                ));
            }
        }
    }
    let gone: Vec<&str> = old
        .iter()
        .filter(|known| !new.iter().any(|member| member.name == known.name))
        .map(|known| known.name.as_str())
        .collect();
    if !gone.is_empty() {
        all.loses = Some(gone.join(", "));
    }
    Some(all)
}
