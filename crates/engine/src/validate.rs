//! Constraints of values: lengths, ranges, patterns. Types have been read before.

use std::cmp::Ordering;

use call::FieldProblem;
use model::{Constraints, Shape, TextFormat};
use value::{Decimal, Value};

use crate::spot::Spot;

/// Faults reported for one request; the rest would only be noise.
pub const PROBLEMS_MAX: usize = 100;

/// Every constraint that `value` breaks.
pub fn check(shape: &Shape, value: &Value, spot: Spot<'_>, out: &mut Vec<FieldProblem>) {
    if out.len() >= PROBLEMS_MAX || value.is_null() {
        return;
    }
    let constraints = &shape.constraints;
    let mut fault = |code, detail: String| {
        out.push(FieldProblem {
            place: spot.place(),
            code,
            detail,
        });
    };
    match value {
        Value::Text(text) => text_faults(constraints, text, &mut fault),
        Value::Int(_)
        | Value::Float(_)
        | Value::Decimal(_)
        | Value::Date(_)
        | Value::Timestamp(_) => {
            range_faults(constraints, shape, value, &mut fault);
        }
        Value::List(items) => {
            list_faults(constraints, items, &mut fault);
            if let Some(inner) = &shape.items {
                for (index, item) in items.iter().enumerate() {
                    check(inner, item, spot.item(index), out);
                }
            }
        }
        Value::Object(members) => {
            if let (Some(shapes), value::Type::Object(object)) = (&shape.members, &shape.ty) {
                for ((inner, member), described) in shapes.iter().zip(members).zip(&object.members)
                {
                    check(inner, member, spot.member(&described.name), out);
                }
            }
        }
        _ => {}
    }
}

fn text_faults(
    constraints: &Constraints,
    text: &str,
    fault: &mut impl FnMut(&'static str, String),
) {
    if constraints.min_length.is_some() || constraints.max_length.is_some() {
        let length = text.chars().count();
        if let Some(least) = constraints
            .min_length
            .filter(|least| length < *least as usize)
        {
            let detail = if least == 1 {
                "must not be empty".to_owned()
            } else {
                format!("has {length} characters; the fewest is {least}")
            };
            fault("too_short", detail);
        }
        if let Some(most) = constraints
            .max_length
            .filter(|most| length > *most as usize)
        {
            fault(
                "too_long",
                format!("has {length} characters; the most is {most}"),
            );
        }
    }
    if constraints.path_segment && matches!(text, "." | "..") {
        fault("not_in_a_path", format!("`{text}` cannot stand in a path"));
    }
    if let Some(pattern) = &constraints.pattern
        && !pattern.regex.is_match(text)
    {
        fault(
            "pattern_mismatch",
            format!("does not match the pattern `{}`", pattern.source),
        );
    }
    match constraints.format {
        Some(TextFormat::Email) if !value::email::is_email(text) => {
            fault(
                "invalid_format",
                "is not an e-mail address like `ann@example.com`".to_owned(),
            );
        }
        Some(TextFormat::Uri) if !is_uri(text) => {
            fault(
                "invalid_format",
                "is not an absolute URI like `https://example.com/`".to_owned(),
            );
        }
        Some(TextFormat::Duration) if !value::time::is_iso_duration(text) => {
            fault(
                "invalid_format",
                "is not an ISO 8601 duration like `P3D` or `PT1H30M`, in whole numbers".to_owned(),
            );
        }
        _ => {}
    }
}

fn range_faults(
    constraints: &Constraints,
    shape: &Shape,
    value: &Value,
    fault: &mut impl FnMut(&'static str, String),
) {
    let print = |bound: &Value| value::text::print(&shape.ty, bound);
    let is = |bound: &Value, wanted: &[Ordering]| {
        value
            .compare(bound)
            .is_some_and(|order| wanted.contains(&order))
    };
    if let Some(bound) = &constraints.minimum
        && is(bound, &[Ordering::Less])
    {
        fault("too_small", format!("must be at least {}", print(bound)));
    }
    if let Some(bound) = &constraints.exclusive_minimum
        && is(bound, &[Ordering::Less, Ordering::Equal])
    {
        fault("too_small", format!("must be more than {}", print(bound)));
    }
    if let Some(bound) = &constraints.maximum
        && is(bound, &[Ordering::Greater])
    {
        fault("too_large", format!("must be at most {}", print(bound)));
    }
    if let Some(bound) = &constraints.exclusive_maximum
        && is(bound, &[Ordering::Greater, Ordering::Equal])
    {
        fault("too_large", format!("must be less than {}", print(bound)));
    }
    if let Some(step) = &constraints.multiple_of
        && !is_multiple(value, step)
    {
        fault(
            "not_a_multiple",
            format!("must be a multiple of {}", print(step)),
        );
    }
}

fn is_multiple(value: &Value, step: &Value) -> bool {
    match (value, step) {
        (Value::Int(value), Value::Int(step)) => *step != 0 && value % step == 0,
        (Value::Decimal(value), Value::Decimal(step)) => {
            *step != Decimal::ZERO && value.millionths() % step.millionths() == 0
        }
        // Binary floats rarely divide evenly; what rounds to a whole number of steps within
        // the precision of a double is one.
        (Value::Float(value), Value::Float(step)) => {
            let quotient = value / step;
            (quotient - quotient.round()).abs() <= quotient.abs().max(1.0) * f64::EPSILON
        }
        _ => true,
    }
}

fn list_faults(
    constraints: &Constraints,
    items: &[Value],
    fault: &mut impl FnMut(&'static str, String),
) {
    if let Some(least) = constraints
        .min_items
        .filter(|least| items.len() < *least as usize)
    {
        fault(
            "too_few_items",
            format!("has {} items; the fewest is {least}", items.len()),
        );
    }
    if let Some(most) = constraints
        .max_items
        .filter(|most| items.len() > *most as usize)
    {
        fault(
            "too_many_items",
            format!("has {} items; the most is {most}", items.len()),
        );
    }
    if constraints.unique_items {
        let twice = items
            .iter()
            .enumerate()
            // Nulls stand where something of the wrong type was.
            .find(|(index, item)| !item.is_null() && items[..*index].contains(item));
        if let Some((index, _)) = twice {
            fault(
                "duplicate_item",
                format!("item {index} repeats an earlier one; items must differ"),
            );
        }
    }
}

/// RFC 3986 `scheme:` followed by characters that may stand in a URI, percent signs paired.
fn is_uri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else {
        return false;
    };
    let scheme_ok = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    let bytes = rest.as_bytes();
    let rest_ok = !bytes.is_empty()
        && bytes.iter().enumerate().all(|(at, byte)| match byte {
            b'%' => bytes
                .get(at + 1..at + 3)
                .is_some_and(|two| two.iter().all(u8::is_ascii_hexdigit)),
            byte => byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=".contains(byte),
        });
    scheme_ok && rest_ok && rest.matches('#').count() <= 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absolute_uris() {
        for good in [
            "https://example.com/",
            "urn:isbn:123",
            "mailto:a@b.c",
            "http://x/%20?a=b#c",
        ] {
            assert!(is_uri(good), "{good}");
        }
        for bad in [
            "",
            "example.com",
            "/path",
            "https://a b",
            "http://x/%2",
            "1http://x",
            "http://x#a#b",
            "x:",
        ] {
            assert!(!is_uri(bad), "{bad}");
        }
    }

    #[test]
    fn multiples_of_floats_forgive_binary_fractions() {
        assert!(is_multiple(&Value::Float(0.3), &Value::Float(0.1)));
        assert!(!is_multiple(&Value::Float(0.35), &Value::Float(0.1)));
        assert!(is_multiple(&Value::Int(12), &Value::Int(4)));
        assert!(!is_multiple(&Value::Int(13), &Value::Int(4)));
    }
}
