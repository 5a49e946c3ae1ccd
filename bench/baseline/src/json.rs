//! A book as JSON, written straight into a text.

use std::fmt::Write as _;

/// One row of the table; times in milliseconds since 1970.
pub struct Book<'a> {
    pub id: i64,
    pub title: &'a str,
    pub price: i64,
    pub currency: &'a str,
    pub created_at: i64,
    pub updated_at: i64,
}

pub fn book(book: &Book<'_>, out: &mut String) {
    let _ = write!(out, "{{\"id\":{},\"title\":", book.id);
    text(book.title, out);
    let _ = write!(out, ",\"price\":{},\"currency\":", book.price);
    text(book.currency, out);
    out.push_str(",\"created_at\":");
    time(book.created_at, out);
    out.push_str(",\"updated_at\":");
    time(book.updated_at, out);
    out.push('}');
}

/// A page of `count` rows of which `last` is the id of the last.
pub fn end_of_page(count: u32, limit: u32, last: i64, out: &mut String) {
    if count == limit {
        let _ = write!(out, "],\"next_cursor\":\"{last}\"}}");
    } else {
        out.push_str("],\"next_cursor\":null}");
    }
}

/// RFC 3339 with milliseconds, by the civil-from-days algorithm.
fn time(ms: i64, out: &mut String) {
    let (days, rest) = (ms.div_euclid(86_400_000), ms.rem_euclid(86_400_000));
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let day = doy - (153 * mp + 2) / 5 + 1;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    let year = yoe + era * 400 + i64::from(month <= 2);
    let (s, ms) = (rest / 1000, rest % 1000);
    let _ = write!(
        out,
        "\"{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{ms:03}Z\"",
        s / 3600,
        s / 60 % 60,
        s % 60
    );
}

fn text(value: &str, out: &mut String) {
    out.push('"');
    for c in value.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if (c as u32) < 0x20 => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
}
