//! The nouns for a resource and its parts, in sentences.

use std::time::Duration;

/// `a play list`, `an author`
pub fn a(noun: &str) -> String {
    // Words that are spelled with a vowel and spoken without one.
    let like_you = ["uni", "use", "usa", "ut", "eu", "one"];
    let vowel = noun.starts_with(['a', 'e', 'i', 'o', 'u'])
        && !like_you.iter().any(|start| noun.starts_with(start));
    format!("{} {noun}", if vowel { "an" } else { "a" })
}

/// `Play lists`
pub fn heading(text: &str) -> String {
    model::names::title(text)
}

/// `play-lists` → `PlayLists`, as it stands inside the name of an operation or type.
pub fn pascal(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut upper = true;
    for c in name.chars() {
        if !c.is_ascii_alphanumeric() {
            upper = true;
        } else if upper {
            out.push(c.to_ascii_uppercase());
            upper = false;
        } else {
            out.push(c);
        }
    }
    out
}

/// `30 days`, `12 hours`: in the largest unit that it is a whole number of.
pub fn duration(length: Duration) -> String {
    let seconds = length.as_secs();
    let (count, unit) = [(86_400, "day"), (3_600, "hour"), (60, "minute")]
        .into_iter()
        .find(|(unit, _)| seconds >= *unit && seconds.is_multiple_of(*unit))
        .map_or((seconds, "second"), |(unit, word)| (seconds / unit, word));
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {unit}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nouns_are_spoken_well() {
        assert_eq!(a("author"), "an author");
        assert_eq!(a("play list"), "a play list");
        assert_eq!(a("user"), "a user");
        assert_eq!(a("umbrella"), "an umbrella");
        assert_eq!(pascal("play-lists"), "PlayLists");
        assert_eq!(pascal("books"), "Books");
        assert_eq!(heading("play-lists"), "Play lists");
    }
}
