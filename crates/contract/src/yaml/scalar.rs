//! What a bare word means: the core schema of YAML 1.2, and where YAML 1.1 differs.

use super::Kind;

/// What a bare (unquoted) word is.
#[derive(Debug, PartialEq)]
pub(crate) enum Plain {
    Is(Kind),
    IntOutOfRange,
    NotFinite,
}

/// Reads a bare word by the core schema: everything that is not null, a boolean or a number is
/// text. `yes`, `no`, `on` and `off` are text.
pub(crate) fn resolve(word: &str) -> Plain {
    let kind = match word {
        "" | "~" | "null" | "Null" | "NULL" => Kind::Null,
        "true" | "True" | "TRUE" => Kind::Bool(true),
        "false" | "False" | "FALSE" => Kind::Bool(false),
        ".nan" | ".NaN" | ".NAN" => return Plain::NotFinite,
        _ => {
            let unsigned = word.strip_prefix(['-', '+']).unwrap_or(word);
            if matches!(unsigned, ".inf" | ".Inf" | ".INF") {
                return Plain::NotFinite;
            }
            return number(word).unwrap_or_else(|| Plain::Is(Kind::String(word.to_owned())));
        }
    };
    Plain::Is(kind)
}

fn number(word: &str) -> Option<Plain> {
    let radix = [("0x", 16), ("0o", 8)];
    for (prefix, radix) in radix {
        if let Some(digits) = word.strip_prefix(prefix)
            && !digits.is_empty()
            && digits.chars().all(|c| c.is_digit(radix))
        {
            return Some(int(i64::from_str_radix(digits, radix).ok()));
        }
    }
    let digits = word.strip_prefix(['-', '+']).unwrap_or(word);
    if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) {
        return Some(int(word.parse().ok()));
    }
    if !is_float(digits) {
        return None;
    }
    let value: f64 = word.parse().ok()?;
    Some(if value.is_finite() {
        Plain::Is(Kind::Float(value))
    } else {
        Plain::NotFinite
    })
}

fn int(value: Option<i64>) -> Plain {
    value.map_or(Plain::IntOutOfRange, |value| Plain::Is(Kind::Int(value)))
}

/// `(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn is_float(word: &str) -> bool {
    let (mantissa, exponent) = match word.find(['e', 'E']) {
        Some(at) => (&word[..at], Some(&word[at + 1..])),
        None => (word, None),
    };
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    let mantissa = match mantissa.split_once('.') {
        Some((whole, part)) => digits(whole) && digits(part) && mantissa.len() > 1,
        None => digits(mantissa) && !mantissa.is_empty(),
    };
    let exponent = exponent.is_none_or(|exponent| {
        let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        !exponent.is_empty() && digits(exponent)
    });
    mantissa && exponent
}

/// Whether the digits begin with a zero that a number does not keep: `007`, `-01`.
pub(crate) fn leading_zero(word: &str) -> bool {
    let digits = word.strip_prefix(['-', '+']).unwrap_or(word);
    let bytes = digits.as_bytes();
    bytes.len() > 1 && bytes[0] == b'0' && bytes.iter().all(u8::is_ascii_digit)
}

/// Whether a bare word is text, and no number, `true` or `null`.
pub(crate) fn is_text(word: &str) -> bool {
    matches!(resolve(word), Plain::Is(Kind::String(_)))
}

/// Whether a bare word that is text here is something else to a YAML 1.1 parser.
///
/// Dates are text to us and timestamps there, and stay bare: every reader of a contract wants the
/// same characters from them.
pub(crate) fn differs_in_yaml_1_1(word: &str) -> bool {
    const WORDS: [&str; 12] = [
        "y", "Y", "n", "N", "yes", "Yes", "no", "No", "on", "On", "off", "Off",
    ];
    const SHOUTED: [&str; 5] = ["YES", "NO", "ON", "OFF", "="];
    if WORDS.contains(&word) || SHOUTED.contains(&word) {
        return true;
    }
    let digits = word.strip_prefix(['-', '+']).unwrap_or(word);
    let Some(first) = digits.bytes().next() else {
        return false;
    };
    if !first.is_ascii_digit() && first != b'.' {
        return false;
    }
    if !is_text(word) {
        return false;
    }
    let only = |set: &str, part: &str| part.chars().all(|c| set.contains(c));
    let underscored = digits.contains('_') && only("0123456789_.eE+-", digits);
    let radix = |prefix: &str, set: &str| {
        digits
            .strip_prefix(prefix)
            .is_some_and(|rest| !rest.is_empty() && only(set, rest))
    };
    let binary = radix("0b", "01_");
    // Signed or underscored hexadecimal is text in 1.2 only.
    let hexadecimal = radix("0x", "0123456789abcdefABCDEF_");
    let sexagesimal = digits.contains(':')
        && digits.split(':').enumerate().all(|(at, part)| {
            let part = part.split_once('.').map_or(part, |(whole, _)| whole);
            let short = at == 0 || part.len() <= 2;
            short && !part.is_empty() && only("0123456789_", part)
        });
    underscored || binary || hexadecimal || sexagesimal
}

/// A text in quotes, in the style that needs the least: single quotes, unless it has some itself.
pub(crate) fn quoted(value: &str) -> String {
    let escapes = value.contains(['"', '\\']) || value.chars().any(char::is_control);
    if value.contains('\'') && !escapes {
        format!("\"{value}\"")
    } else {
        format!("'{}'", value.replace('\'', "''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bare_words_follow_the_core_schema() {
        let text = |word: &str| Plain::Is(Kind::String(word.to_owned()));
        let check = |word: &str, expected: Plain| assert_eq!(resolve(word), expected, "{word:?}");
        for word in ["", "~", "null", "Null", "NULL"] {
            check(word, Plain::Is(Kind::Null));
        }
        for word in ["true", "True", "TRUE"] {
            check(word, Plain::Is(Kind::Bool(true)));
        }
        check("false", Plain::Is(Kind::Bool(false)));
        for word in [
            "yes", "no", "on", "off", "y", "n", "tRUE", "nULL", "nil", "-", "+", ".",
        ] {
            check(word, text(word));
        }
        for (word, value) in [
            ("0", 0),
            ("-0", 0),
            ("+12", 12),
            ("007", 7),
            ("0x1F", 31),
            ("0o17", 15),
            ("9223372036854775807", i64::MAX),
            ("-9223372036854775808", i64::MIN),
        ] {
            check(word, Plain::Is(Kind::Int(value)));
        }
        for word in [
            "0b1", "1_000", "12:30", "-0x1F", "0x", "0o8", "0xG", "1e", "e1", "1.2.3", "1e1.0",
        ] {
            check(word, text(word));
        }
        for (word, value) in [
            ("1.5", 1.5),
            ("-.5", -0.5),
            ("1.", 1.0),
            ("1e3", 1e3),
            ("+1.5E-2", 0.015),
            ("0.10", 0.1),
        ] {
            check(word, Plain::Is(Kind::Float(value)));
        }
        for word in [
            "9223372036854775808",
            "-9223372036854775809",
            "0xFFFFFFFFFFFFFFFFF",
        ] {
            check(word, Plain::IntOutOfRange);
        }
        for word in [".inf", "-.Inf", "+.INF", ".nan", ".NaN", "1e999", "-1e999"] {
            check(word, Plain::NotFinite);
        }
        for word in [
            "inf",
            "nan",
            "infinity",
            "2026-11-01",
            "60/minute",
            "10m",
            "-.nan",
        ] {
            check(word, text(word));
        }
    }

    #[test]
    fn words_that_yaml_1_1_reads_differently() {
        let check = |word: &str, expected: bool| {
            assert_eq!(differs_in_yaml_1_1(word), expected, "{word:?}");
        };
        for word in [
            "yes",
            "No",
            "ON",
            "off",
            "y",
            "N",
            "=",
            "1_000",
            "-1_0",
            "0b101",
            "12:30",
            "1:30:59.5",
            "-0x1F",
            "0x1_F",
            "1_0.5",
        ] {
            check(word, true);
        }
        for word in [
            "",
            "yEs",
            "nope",
            "=x",
            "2026-11-01",
            "60/minute",
            "10m",
            "a_b",
            "_1",
            "12:345x",
            "v1.2",
            "1:2:",
            "127.0.0.1",
            "127.0.0.1:8080/x",
            "0b",
            "0x",
            // A number in both.
            "0x1F",
            "text",
            "..",
            "-",
        ] {
            check(word, false);
        }
    }

    #[test]
    fn quoting_takes_the_quieter_quotes() {
        assert_eq!(quoted("yes"), "'yes'");
        assert_eq!(quoted("a 'b'"), "\"a 'b'\"");
        assert_eq!(quoted(r#"a 'b' "c""#), r#"'a ''b'' "c"'"#);
        assert_eq!(quoted(r"it's \d"), r"'it''s \d'");
    }
}
