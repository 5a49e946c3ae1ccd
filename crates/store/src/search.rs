//! What `q` compares: words and fields, folded.

use model::Resource;
use value::Value;

/// Between the fields of a record's search text, so that no word matches across two.
pub const SEPARATOR: char = '\u{1f}';

/// Words of one search at most: each is looked for in every candidate's text.
pub const WORDS_MAX: usize = 16;

/// A text without what a search does not tell apart: case, and the two small sigmas.
pub fn fold(text: &str) -> String {
    // `to_lowercase` looks at where in the word a capital sigma stands; a part of a word
    // must fold as the whole does.
    text.to_lowercase().replace('ς', "σ")
}

/// The words of a search, folded, ready to be bound: at most [`WORDS_MAX`], none twice.
pub fn words(query: &str) -> Vec<String> {
    let mut words = Vec::new();
    for word in fold(query).split(|c: char| c.is_whitespace() || c.is_control()) {
        let new = !word.is_empty() && !words.iter().any(|known| known == word);
        if new && words.len() < WORDS_MAX {
            words.push(word.to_owned());
        }
    }
    words
}

/// The search text of a record (indexed by field), to be stored with it; `None` if the
/// resource declares no `search:`.
pub fn text(resource: &Resource, record: &[Value]) -> Option<String> {
    if resource.search.is_empty() {
        return None;
    }
    let mut all = String::new();
    for (at, field) in resource.search.iter().enumerate() {
        if at > 0 {
            all.push(SEPARATOR);
        }
        if let Some(Value::Text(text)) = record.get(usize::from(field.0)) {
            all.push_str(text);
        }
    }
    Some(fold(&all))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folding_a_part_gives_a_part_of_the_folded_whole() {
        for (part, whole) in [("ΣΑΣ", "ΣΑΣΑΝ"), ("straße", "STRAßE 7"), ("ÉCO", "école")]
        {
            assert!(fold(whole).contains(&fold(part)), "{part} in {whole}");
        }
    }

    #[test]
    fn words_are_folded_and_told_once() {
        assert_eq!(words("  Dune dune\tMESSIAH "), ["dune", "messiah"]);
        assert!(words(" \n").is_empty());
    }
}
