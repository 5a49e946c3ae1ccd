//! Rate limits: `limits:` of the contract, `limit:` of a resource.

use diag::{Diagnostic, Diagnostics, suggest};
use model::{Limit, LimitBy};

use crate::codes;
use crate::read::{Text, names_of};
use crate::sections::Sections;

/// More limits than anybody tells apart; each costs a counter per caller.
const LIMITS_MAX: usize = 100;
/// A limit above this is none.
const ALLOW_MAX: u32 = 1_000_000_000;

const UNITS: [(&str, u32); 4] = [
    ("second", 1),
    ("minute", 60),
    ("hour", 3_600),
    ("day", 86_400),
];

/// All limits of the contract.
pub fn declared(sections: &Sections<'_, '_>, out: &mut Diagnostics) -> Vec<Limit> {
    if let Some((key, _)) = sections.limits.get(LIMITS_MAX) {
        out.push(
            Diagnostic::error(
                codes::TOO_MANY,
                key.span,
                format!("a contract has at most {LIMITS_MAX} limits"),
            )
            .label("one too many")
            .help("several resources can name one limit"),
        );
    }
    sections
        .limits
        .iter()
        .take(LIMITS_MAX)
        .filter_map(|(key, item)| {
            // Each is judged, whatever is wrong with the other.
            let allowed = item.text("allow").and_then(|text| allow(text, out));
            let by = match item.text("by")?.as_str() {
                "ip" => LimitBy::Ip,
                "user" => LimitBy::User,
                "key" => LimitBy::Key,
                _ => LimitBy::Everyone,
            };
            let (allow, window_seconds) = allowed?;
            let burst = item
                .get("burst")
                .and_then(|burst| burst.as_int())
                .and_then(|burst| u32::try_from(burst).ok());
            Some(Limit {
                name: key.value.clone(),
                by,
                allow,
                window_seconds,
                burst,
            })
        })
        .collect()
}

/// `60/minute`
fn allow(text: Text<'_>, out: &mut Diagnostics) -> Option<(u32, u32)> {
    let written = text.as_str();
    let (count, unit) = written
        .split_once('/')
        .or_else(|| written.split_once(" per "))
        .unwrap_or((written, ""));
    let (count, unit) = (count.trim(), unit.trim());
    let seconds = UNITS
        .iter()
        .find(|(name, _)| *name == unit)
        .map(|(_, seconds)| *seconds);
    let number = count
        .parse::<u32>()
        .ok()
        .filter(|number| (1..=ALLOW_MAX).contains(number));
    if let (Some(number), Some(seconds), false) = (number, seconds, written.contains(' ')) {
        return Some((number, seconds));
    }
    let found = Diagnostic::error(
        codes::ALLOW,
        text.span(),
        format!("`{written}` is not a number of requests per time"),
    );
    let unit_names = UNITS.map(|(name, _)| name);
    let found = match (number, seconds) {
        (Some(number), Some(_)) => found
            .label("not a number, `/` and a time")
            .help(format!("write `{number}/{unit}`")),
        (Some(number), None) => {
            let meant = match unit {
                "s" | "sec" | "secs" => Some("second"),
                "m" | "min" | "mins" => Some("minute"),
                "h" | "hr" | "hrs" => Some("hour"),
                "d" => Some("day"),
                other => suggest::nearest(other, unit_names),
            };
            let days = match unit {
                "week" | "weeks" | "w" => Some(7),
                "month" | "months" => Some(30),
                "year" | "years" | "y" => Some(365),
                _ => None,
            };
            let help = match (days, meant) {
                (Some(days), _) => format!(
                    "the longest time is a day: `{}/day` comes nearest",
                    number.div_ceil(days)
                ),
                (_, Some(meant)) => format!("write `{number}/{meant}`"),
                _ => format!(
                    "write how many in one of these times, as in `{number}/second` or `{number}/hour`"
                ),
            };
            found
                .label("the time is `second`, `minute`, `hour` or `day`")
                .help(help)
        }
        (None, Some(_)) => found
            .label(format!("the number is between 1 and {ALLOW_MAX}"))
            .help(format!("write for example `60/{unit}`")),
        (None, None) => found
            .label("a number, `/`, a time")
            .help("write for example `60/minute`"),
    };
    out.push(found);
    None
}

/// The limit a resource names.
pub fn named(
    text: Option<Text<'_>>,
    sections: &Sections<'_, '_>,
    out: &mut Diagnostics,
) -> Option<String> {
    let text = text?;
    let name = text.as_str();
    let known = || sections.limits.iter().map(|(key, _)| key.value.as_str());
    if known().any(|limit| limit == name) {
        return Some(name.to_owned());
    }
    if sections.torn.limits {
        return None;
    }
    let found = Diagnostic::error(
        codes::UNKNOWN_LIMIT,
        text.span(),
        format!("there is no limit `{name}`"),
    );
    let found = match suggest::nearest(name, known()) {
        Some(near) => found
            .label(format!("did you mean `{near}`?"))
            .help(format!("write `limit: {near}`")),
        None if sections.limits.is_empty() => found.label("no limits are declared").help(format!(
            "declare it at the top of the contract: `limits: {{{}: {{by: user, allow: 60/minute}}}}`",
            if crate::names::is_slug(name) { name } else { "search" }
        )),
        None => found
            .label("not under `limits`")
            .help(format!("the limits are {}", names_of(known()))),
    };
    out.push(found);
    None
}
