//! "Did you mean …?": the known word nearest to an unknown one.

/// Longer words are compared with nobody: comparing costs length times length.
const WORD_CHARS_MAX: usize = 64;

/// The candidate a person most likely meant, or none when all are too far away.
///
/// A difference in case, `-`, `_` or a plural `s` alone always counts as near. Otherwise about one
/// slip per three characters is forgiven, where swapping two neighbours is one slip. Of equally
/// near candidates the first wins.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = folded(word);
    let length = word.chars().count();
    if length == 0 || length > WORD_CHARS_MAX {
        return None;
    }
    let mut best: Option<(usize, &'a str)> = None;
    for candidate in candidates {
        if candidate.len() > WORD_CHARS_MAX * 4 {
            continue;
        }
        let other = folded(candidate);
        let plural =
            word.strip_suffix('s') == Some(&other) || other.strip_suffix('s') == Some(&word);
        // A short word resembles everything: one slip in two letters is another word.
        let other_length = other.chars().count();
        let allowed = match length.max(other_length) {
            0..=2 => 0,
            3..=5 => 1,
            longer => longer / 3,
        };
        // What is so much longer or shorter needs no closer look.
        if length.abs_diff(other_length) > allowed && !plural {
            continue;
        }
        let distance = strsim::damerau_levenshtein(&word, &other);
        if (distance <= allowed || plural) && best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

fn folded(word: &str) -> String {
    word.chars()
        .filter(|c| !matches!(c, '-' | '_' | ' '))
        .flat_map(char::to_lowercase)
        .collect()
}
