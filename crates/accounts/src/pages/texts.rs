//! What the pages say, a table for each language. Another language is another file, named here.
//!
//! `{…}` is filled in where the text is used. A table that lacks a text does not compile.

mod de;
mod en;

/// The words of one language.
#[derive(Debug)]
pub struct Texts {
    /// As in `lang` (BCP 47).
    pub code: &'static str,
    pub sign_in: &'static str,
    pub sign_in_to: &'static str,
    pub email: &'static str,
    pub password: &'static str,
    pub new_password: &'static str,
    pub current_password: &'static str,
    pub password_hint: &'static str,
    pub forgotten: &'static str,
    pub by_link: &'static str,
    pub no_account: &'static str,
    pub have_account: &'static str,
    pub second_factor: &'static str,
    pub second_factor_why: &'static str,
    pub code_label: &'static str,
    pub code_hint: &'static str,
    pub go_on: &'static str,
    pub link_title: &'static str,
    pub link_why: &'static str,
    pub link_send: &'static str,
    pub link_use: &'static str,
    pub sign_up: &'static str,
    pub sign_up_closed: &'static str,
    pub sign_up_elsewhere: &'static str,
    pub choose: &'static str,
    pub confirm_title: &'static str,
    pub confirm_why: &'static str,
    pub confirm_do: &'static str,
    pub reset_title: &'static str,
    pub reset_why: &'static str,
    pub reset_send: &'static str,
    pub reset_do: &'static str,
    pub sent_title: &'static str,
    pub sent_why: &'static str,
    pub account: &'static str,
    pub signed_in_as: &'static str,
    pub back_to_account: &'static str,
    pub change_password: &'static str,
    pub set_password: &'static str,
    pub change_email: &'static str,
    pub change_email_why: &'static str,
    pub new_email: &'static str,
    pub confirm_email_why: &'static str,
    pub codes_title: &'static str,
    pub codes_on: &'static str,
    pub codes_off: &'static str,
    pub codes_begin: &'static str,
    pub codes_scan: &'static str,
    pub codes_picture: &'static str,
    pub codes_key: &'static str,
    pub codes_confirm: &'static str,
    pub codes_remove: &'static str,
    pub codes_remove_why: &'static str,
    pub codes_left: &'static str,
    pub codes_renew: &'static str,
    pub recovery_title: &'static str,
    pub recovery_why: &'static str,
    pub sessions_title: &'static str,
    pub sessions_why: &'static str,
    pub session_here: &'static str,
    pub session_app: &'static str,
    pub session_unknown: &'static str,
    pub session_used: &'static str,
    pub session_end: &'static str,
    pub sign_out: &'static str,
    pub sign_out_everywhere: &'static str,
    pub export: &'static str,
    pub delete_title: &'static str,
    pub delete_why: &'static str,
    pub delete_do: &'static str,
    pub done_password: &'static str,
    pub done_email: &'static str,
    pub done_codes_removed: &'static str,
    pub done_session: &'static str,
    pub done_reset: &'static str,
    pub done_deleted: &'static str,
    pub done_signed_out: &'static str,
    pub wrong_sign_in: &'static str,
    pub wrong_code: &'static str,
    pub wrong_password: &'static str,
    pub sign_in_again: &'static str,
    pub worthless: &'static str,
    pub taken: &'static str,
    pub codes_already: &'static str,
    pub see_fields: &'static str,
    pub too_many: &'static str,
    pub unavailable: &'static str,
    pub internal: &'static str,
    pub not_ours: &'static str,
    pub too_old: &'static str,
    pub unreadable: &'static str,
    pub in_the_clear: &'static str,
    pub nothing_here: &'static str,
    pub not_offered: &'static str,
    pub trouble: &'static str,
    /// What is wrong with a field, by its code. What is not here is told as the API tells it.
    pub faults: &'static [(&'static str, &'static str)],
}

/// The first is spoken with whoever speaks none of them.
pub static LANGUAGES: [&Texts; 2] = [&en::TEXTS, &de::TEXTS];

/// The texts for whoever prefers these languages: a tag, or `Accept-Language` (RFC 9110 §12.5.4),
/// of which the first that is spoken here counts; people's browsers list them by preference.
pub fn of(preferred: &str) -> &'static Texts {
    let tags = preferred.split(',').filter_map(|piece| {
        let tag = piece.split([';', '-', '_']).next()?.trim();
        let refused = piece.split(';').skip(1).any(|part| {
            let weight = part.trim().strip_prefix("q=");
            weight.and_then(|weight| weight.parse::<f32>().ok()) == Some(0.0)
        });
        (!refused).then_some(tag)
    });
    let mut known = tags.filter_map(|tag| {
        let mut all = LANGUAGES.iter();
        all.find(|texts| texts.code.eq_ignore_ascii_case(tag))
    });
    known.next().unwrap_or(&LANGUAGES[0])
}

impl Texts {
    pub fn fault(&self, code: &str) -> Option<&'static str> {
        let known = self.faults.iter().find(|(known, _)| *known == code);
        known.map(|(_, text)| *text)
    }
}

/// Puts a value where `{name}` stands.
pub fn filled(text: &str, name: &str, value: &str) -> String {
    text.replace(&format!("{{{name}}}"), value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_are_found_by_what_people_prefer() {
        for (preferred, expected) in [
            ("", "en"),
            ("de", "de"),
            ("de-CH, de;q=0.9, en;q=0.5", "de"),
            ("fr, DE;q=0.8, en;q=0.5", "de"),
            ("en-GB, de", "en"),
            ("de;q=0, en", "en"),
            ("xx, ;;;, q=", "en"),
        ] {
            assert_eq!(of(preferred).code, expected, "{preferred}");
        }
    }

    /// The placeholders of every text, by its name, as `Debug` shows the table.
    fn shape(texts: &Texts) -> Vec<(String, Vec<String>)> {
        let shown = format!("{texts:#?}");
        let lines = shown.lines().filter_map(|line| line.split_once(": \""));
        lines
            .map(|(name, text)| {
                assert_ne!(text, "\",", "{} says nothing", name.trim());
                let open = text.split('{').skip(1);
                let places = open.filter_map(|rest| rest.split_once('}'));
                let places = places.map(|(place, _)| place.to_owned()).collect();
                (name.trim().to_owned(), places)
            })
            .collect()
    }

    #[test]
    fn every_language_says_everything_with_the_same_places_to_fill() {
        let first = shape(LANGUAGES[0]);
        assert!(first.len() > 80, "{}", first.len());
        for texts in &LANGUAGES[1..] {
            assert_eq!(shape(texts), first, "{}", texts.code);
            let codes = |texts: &Texts| -> Vec<&str> {
                texts.faults.iter().map(|(code, _)| *code).collect()
            };
            assert_eq!(codes(texts), codes(LANGUAGES[0]), "{}", texts.code);
        }
    }
}
