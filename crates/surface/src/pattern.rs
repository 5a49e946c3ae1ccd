//! What can be told about a `pattern` without a text to try it on.

use regex_syntax::hir::{Class, Hir, HirKind, Look};

/// Longest text that is made up; patterns with huge repetitions need no example.
const CHARACTERS_MAX: usize = 200;

/// Texts that a pattern was meant to match, the plainest first. They are guesses: word
/// boundaries and the like are not looked at, so try them on the pattern.
pub fn samples(source: &str) -> Vec<String> {
    /// How often to repeat what may be repeated; Fibonacci covers lengths well enough.
    const REPEATS: [u32; 7] = [1, 0, 2, 3, 5, 8, 13];
    let Ok(hir) = regex_syntax::parse(source) else {
        return Vec::new();
    };
    let sample = |repeats| {
        let mut out = String::new();
        write(&hir, repeats, &mut out)?;
        Some(out)
    };
    REPEATS.into_iter().filter_map(sample).collect()
}

/// Whether a text with U+0000 in it can match. Says yes when in doubt.
pub fn allows_nul(source: &str) -> bool {
    let Ok(hir) = regex_syntax::parse(source) else {
        return true;
    };
    let properties = hir.properties();
    let whole = properties.look_set_prefix().contains(Look::Start)
        && properties.look_set_suffix().contains(Look::End);
    !whole || has_nul(&hir)
}

fn write(hir: &Hir, repeats: u32, out: &mut String) -> Option<()> {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => out.push_str(std::str::from_utf8(&literal.0).ok()?),
        HirKind::Class(class) => out.push(member(class)?),
        HirKind::Repetition(repetition) => {
            let most = repetition.max.unwrap_or(u32::MAX);
            for _ in 0..repeats.clamp(repetition.min, most) {
                write(&repetition.sub, repeats, out)?;
                if out.len() > CHARACTERS_MAX {
                    return None;
                }
            }
        }
        HirKind::Capture(capture) => write(&capture.sub, repeats, out)?,
        HirKind::Concat(parts) => {
            for part in parts {
                write(part, repeats, out)?;
            }
        }
        HirKind::Alternation(parts) => write(parts.first()?, repeats, out)?,
    }
    (out.len() <= CHARACTERS_MAX).then_some(())
}

/// A character of a class that is good to look at, if there is one.
fn member(class: &Class) -> Option<char> {
    const GOOD: [char; 6] = ['a', 'A', '0', '-', '_', ' '];
    match class {
        Class::Unicode(class) => {
            let has = |c: &char| {
                class
                    .ranges()
                    .iter()
                    .any(|range| (range.start()..=range.end()).contains(c))
            };
            GOOD.into_iter()
                .find(has)
                .or_else(|| Some(class.ranges().first()?.start()))
        }
        Class::Bytes(class) => {
            let first = class.ranges().first()?.start();
            first.is_ascii().then_some(char::from(first))
        }
    }
}

fn has_nul(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => false,
        HirKind::Literal(literal) => literal.0.contains(&0),
        HirKind::Class(Class::Unicode(class)) => class
            .ranges()
            .first()
            .is_some_and(|range| range.start() == '\0'),
        HirKind::Class(Class::Bytes(class)) => class
            .ranges()
            .first()
            .is_some_and(|range| range.start() == 0),
        HirKind::Repetition(repetition) => has_nul(&repetition.sub),
        HirKind::Capture(capture) => has_nul(&capture.sub),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().any(has_nul),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_match_their_pattern() {
        for source in [
            "^97[89][0-9]{10}$",
            "^[A-Z]{3}$",
            "^(red|green)-[0-9]+$",
            "^[a-z][a-z0-9-]{2,30}$",
            "x",
            "^$",
            "^[^/]+/[^/]+$",
            "^é{3}$",
        ] {
            let regex = regex::Regex::new(source).unwrap();
            let samples = samples(source);
            assert!(
                samples.iter().any(|sample| regex.is_match(sample)),
                "{source}: {samples:?}"
            );
        }
        assert!(samples("^a{150}{150}$").is_empty());
        assert!(samples("(").is_empty());
    }

    #[test]
    fn nul_is_excluded_by_whole_patterns_of_other_characters() {
        assert!(!allows_nul("^97[89][0-9]{10}$"));
        assert!(!allows_nul("^(red|green)$"));
        assert!(allows_nul("[0-9]"));
        assert!(allows_nul("^[^/]+$"));
        assert!(allows_nul("^a|b$"));
        assert!(allows_nul("^.*$"));
        assert!(allows_nul("("));
    }
}
