//! Which passwords may be chosen: long ones that are not easy to guess (NIST SP 800-63B-4
//! §3.1.1.2). No digits, capitals or signs are asked for and none expires, since that makes
//! people choose `Summer2024!` and then `Summer2025!`.
//!
//! How hard a password is to guess is counted in characters that would have to be guessed one by
//! one. What guessers try first counts as [`PIECE`], however long it is: a known word, also with
//! `0` for `o` and the like, a run such as `aaaa`, `3456` or `qwertz`, a year, the person's own
//! name or address; and what has come before in the same password counts as [`AGAIN`]. So nobody gets by
//! with `Password123456789` or `summersummersummer`, and a phrase of four words is fine.

use std::fmt;

use zeroize::Zeroizing;

use super::Password;

/// No contract may ask for less (SP 800-63B-4: with a second factor).
pub const MIN_CHARS_FLOOR: usize = 8;
/// What a password must have that is no piece: as many characters as the shortest has.
const GUESSED_MIN: usize = MIN_CHARS_FLOOR;
/// A list of some hundred words, and where the run begins and ends, is two characters' worth.
const PIECE: usize = 2;
const AGAIN: usize = 1;
/// Shorter ones are as hard to guess as what they replace.
const RUN_MIN: usize = 3;
const WORD_MIN: usize = 4;
const AGAIN_MIN: usize = 3;
const YEAR: usize = 4;
/// What belongs to a person: their address, its parts, their name, the name of the site.
const OWN_WORDS_MAX: usize = 32;

const WORDS: &str = include_str!("common.txt");
/// Rows of keyboards, American, German and French; also read backwards.
const ROWS: [&str; 10] = [
    "1234567890",
    "qwertyuiop",
    "qwertzuiopü",
    "asdfghjklöä",
    "asdfghjkl;'",
    "zxcvbnm,./",
    "yxcvbnm,.-",
    "azertyuiop",
    "qsdfghjklm",
    "!\"§$%&/()=",
];

/// What the contract asks of passwords.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    min_chars: usize,
}

/// Why a password may not be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weakness {
    TooShort {
        min: usize,
    },
    /// It is made of what is tried first.
    Guessable,
}

impl Policy {
    /// Where a password is all it takes, 15 characters are right; never fewer than
    /// [`MIN_CHARS_FLOOR`] are allowed.
    pub fn new(min_chars: usize) -> Policy {
        Policy {
            min_chars: min_chars.clamp(MIN_CHARS_FLOOR, super::CHARS_MAX),
        }
    }

    pub fn min_chars(self) -> usize {
        self.min_chars
    }

    /// `own` is what is known of the person and the site: addresses, names.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(self, password: &Password, own: &[&str]) -> Result<(), Weakness> {
        let chars = Zeroizing::new(password.text().chars().collect::<Vec<char>>());
        if chars.len() < self.min_chars {
            return Err(Weakness::TooShort {
                min: self.min_chars,
            });
        }
        if guessed_one_by_one(&chars, &own_words(own)) < GUESSED_MIN {
            return Err(Weakness::Guessable);
        }
        Ok(())
    }
}

impl Weakness {
    /// Stable, for programs and translations.
    pub fn code(self) -> &'static str {
        match self {
            Weakness::TooShort { .. } => "too_short",
            Weakness::Guessable => "too_guessable",
        }
    }
}

impl fmt::Display for Weakness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Weakness::TooShort { min } => write!(
                f,
                "a password has at least {min} characters; a few words in a row make a good one"
            ),
            Weakness::Guessable => f.write_str(
                "this password is one of the first that would be tried: it is made of well-known \
                 words, of runs such as 1234 or of your name; a few words that do not belong \
                 together make a good one",
            ),
        }
    }
}

/// Whole and in parts: of `ann.miller@photos.example` also `ann`, `miller`, `photos`, `example`.
fn own_words(own: &[&str]) -> Vec<Vec<char>> {
    let lower = |text: &str| -> Vec<char> { text.chars().flat_map(char::to_lowercase).collect() };
    let parts = own
        .iter()
        .flat_map(|text| text.split(|c: char| !c.is_alphanumeric()));
    let sides = own.iter().flat_map(|text| text.split('@'));
    own.iter()
        .copied()
        .chain(sides)
        .chain(parts)
        .take(OWN_WORDS_MAX)
        .map(lower)
        .filter(|word| word.len() >= RUN_MIN && word.len() <= super::CHARS_MAX)
        .collect()
}

/// The cheapest way to put the password together.
fn guessed_one_by_one(chars: &[char], own: &[Vec<char>]) -> usize {
    let lower: Vec<char> = chars
        .iter()
        .map(|c| c.to_lowercase().next().unwrap_or(*c))
        .collect();
    let lower = Zeroizing::new(lower);
    let rows: Vec<Vec<char>> = ROWS
        .iter()
        .flat_map(|row| [row.chars().collect(), row.chars().rev().collect()])
        .collect();
    let words: Vec<Vec<char>> = WORDS.lines().map(|word| word.chars().collect()).collect();
    let words = || {
        let known = words.iter().filter(|word| word.len() >= WORD_MIN);
        known.chain(own)
    };
    let repeated = repeated(&lower);
    // What the first so many characters cost.
    let mut cost: Vec<usize> = (0..=lower.len()).collect();
    for start in 0..lower.len() {
        let so_far = cost[start];
        let rest = &lower[start..];
        let mut reach = |length: usize, price: usize| {
            let there = &mut cost[start + length];
            *there = (*there).min(so_far + price);
        };
        reach(1, 1);
        for length in RUN_MIN..=run(rest, &rows) {
            reach(length, PIECE);
        }
        for length in AGAIN_MIN..=repeated[start] {
            reach(length, AGAIN);
        }
        if rest.get(..YEAR).is_some_and(is_year) {
            reach(YEAR, PIECE);
        }
        for word in words().filter(|word| begins_with(rest, word)) {
            reach(word.len(), PIECE);
        }
    }
    cost[lower.len()]
}

/// How many of the first characters are one run: the same, the next or the one before each
/// time, or along a row of keys.
fn run(chars: &[char], rows: &[Vec<char>]) -> usize {
    let steps = [-1i64, 0, 1].into_iter().map(|step| {
        let follows =
            |pair: &&[char]| i64::from(u32::from(pair[1])) - i64::from(u32::from(pair[0])) == step;
        chars.windows(2).take_while(follows).count() + 1
    });
    let keys = rows.iter().map(|row| {
        let from = row.iter().position(|key| Some(key) == chars.first());
        let from = from.unwrap_or(row.len());
        let same = row[from..]
            .iter()
            .zip(chars)
            .take_while(|(key, c)| key == c);
        same.count()
    });
    steps.chain(keys).max().unwrap_or(0)
}

/// Whether it begins with the word, also where signs and digits stand for letters.
fn begins_with(chars: &[char], word: &[char]) -> bool {
    let stands_for = |c: char, letter: char| match letter {
        'a' => "@4".contains(c),
        'b' => c == '8',
        'e' => "3€".contains(c),
        'g' => c == '9',
        'i' => "1!|".contains(c),
        'l' => "1|".contains(c),
        'o' => c == '0',
        's' => "5$".contains(c),
        't' => "7+".contains(c),
        _ => false,
    };
    word.len() <= chars.len()
        && word
            .iter()
            .zip(chars)
            .all(|(letter, c)| letter == c || stands_for(*c, *letter))
}

/// `1900` to `2099`.
fn is_year(chars: &[char]) -> bool {
    matches!(chars, ['1', '9', rest @ ..] | ['2', '0', rest @ ..]
        if rest.iter().all(char::is_ascii_digit))
}

/// For each place, how much of what begins there began before it, too.
fn repeated(chars: &[char]) -> Vec<usize> {
    let mut longest = vec![0; chars.len()];
    // How far the texts that begin at `early` and at `late` are the same.
    let mut next_row = vec![0; chars.len() + 1];
    for early in (0..chars.len()).rev() {
        let mut row = vec![0; chars.len() + 1];
        for late in early + 1..chars.len() {
            if chars[early] == chars[late] {
                row[late] = next_row[late + 1] + 1;
                longest[late] = longest[late].max(row[late]);
            }
        }
        next_row = row;
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::password::CHARS_MAX;

    const OWN: [&str; 3] = ["ann.miller@photos.example", "Ann Müller", "Photo Prints"];

    #[track_caller]
    fn check(min: usize, text: &str, expected: Result<(), Weakness>) {
        let password = Password::read(text).unwrap();
        assert_eq!(Policy::new(min).check(&password, &OWN), expected, "{text}");
    }

    #[test]
    fn what_is_tried_first_is_refused() {
        for text in [
            "passwordpassword",
            "Password12345678",
            "P@ssw0rd!P@ssw0rd!",
            "pa55word2024",
            "1q2w3e4r5t6z",
            "qwertyuiopasdfgh",
            "QWERTZUIOPASDFGHJ",
            "aaaaaaaaaaaaaaaaaaaa",
            "abcdefghijklmnop",
            "zyxwvutsrqponmlk",
            "123456789012345",
            "98765432109876",
            "abcabcabcabcabcabc",
            "miller19841985",
            "summersummersummer",
            "Summer2024!",
            "iloveyou1234567",
            "letmeinletmein12",
            "administrator123",
            "correcthorsebatterystaple",
            "ann.miller@photos.example",
            "annmiller12345",
            "PhotoPrints2024",
            "photosphotosphotos",
            "müllermüller",
            "                    ",
            "tr0ub4tr0ub4tr0ub4",
            "00000000111111112222",
        ] {
            check(8, text, Err(Weakness::Guessable));
        }
    }

    #[test]
    fn what_has_to_be_guessed_is_fine() {
        for text in [
            "three small wooden boats",
            "dragonmonkeysunshineprincess",
            "tr0ub4dr",
            "kX9#vQ2m",
            "mylongpassword12",
            "vier bunte Züge fahren",
            "красная лодка плывет",
            "我喜欢在雨天喝热茶",
            "ann likes her boat",
        ] {
            check(8, text, Ok(()));
        }
    }

    #[test]
    fn its_length_is_counted_in_characters() {
        check(15, "kX9#vQ2mpL7!wz", Err(Weakness::TooShort { min: 15 }));
        check(15, "kX9#vQ2mpL7!wzü", Ok(()));
        check(0, "kX9#vQ2", Err(Weakness::TooShort { min: 8 }));
        assert_eq!(Policy::new(usize::MAX).min_chars(), CHARS_MAX);
    }

    #[test]
    fn the_longest_are_judged_too() {
        for unit in ["a", "ab", "password", "1@", "qwertzuiopü", "ß", "İ"] {
            let text: String = unit.chars().cycle().take(CHARS_MAX).collect();
            check(8, &text, Err(Weakness::Guessable));
        }
        let spread: String = (0..CHARS_MAX as u32)
            .map(|n| char::from_u32(0x4e00 + n * n % 9973).unwrap())
            .collect();
        check(8, &spread, Ok(()));
    }

    #[test]
    fn the_list_is_as_it_is_compared() {
        let words: Vec<&str> = WORDS.lines().collect();
        assert!(words.len() > 400);
        assert!(words.is_sorted());
        for word in words {
            assert!(
                word.chars()
                    .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
            );
        }
    }
}
