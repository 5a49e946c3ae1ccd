//! Which language somebody is spoken to in.

use http::HeaderMap;
use http::header::ACCEPT_LANGUAGE;

/// The languages that pages are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    English,
    German,
}

/// Languages that a browser names and that are looked at.
const NAMED_MAX: usize = 20;

impl Language {
    pub fn tag(self) -> &'static str {
        match self {
            Language::English => "en",
            Language::German => "de",
        }
    }

    /// The first of `wished`, as an app asks for it (`ui_locales`), else what the browser likes
    /// best (RFC 9110 §12.5.4), else English.
    pub fn of(wished: Option<&str>, headers: &HeaderMap) -> Language {
        let named = |tag: &str| {
            let primary = tag.split('-').next().unwrap_or_default();
            [Language::English, Language::German]
                .into_iter()
                .find(|known| known.tag().eq_ignore_ascii_case(primary))
        };
        if let Some(found) = wished.and_then(|all| all.split(' ').find_map(named)) {
            return found;
        }
        let accepted = headers
            .get(ACCEPT_LANGUAGE)
            .and_then(|value| value.to_str().ok());
        let mut best: Option<(Language, u32)> = None;
        for item in accepted.unwrap_or_default().split(',').take(NAMED_MAX) {
            let (tag, quality) = item.split_once(";q=").unwrap_or((item, "1"));
            let quality = quality.trim().parse::<f32>().unwrap_or(0.0).clamp(0.0, 1.0);
            let quality = (quality * 1000.0) as u32;
            if let Some(language) = named(tag.trim())
                && quality > best.map_or(0, |(_, best)| best)
            {
                best = Some((language, quality));
            }
        }
        best.map_or(Language::English, |(language, _)| language)
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn the_app_is_asked_before_the_browser() {
        for (wished, accepted, expected) in [
            (None, "", Language::English),
            (None, "de-AT,de;q=0.9,en;q=0.8", Language::German),
            (None, "fr, en;q=0.5, de;q=0.7", Language::German),
            (None, "de;q=0, en;q=0.1", Language::English),
            (None, "nonsense;q=x,,;", Language::English),
            (Some("de"), "en", Language::German),
            (Some("fr en-GB de"), "de", Language::English),
            (Some("fr"), "de", Language::German),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_LANGUAGE, HeaderValue::from_static(accepted));
            assert_eq!(
                Language::of(wished, &headers),
                expected,
                "{wished:?} {accepted}"
            );
        }
    }
}
