//! Which letters there are, and what their templates may say.

use std::fmt;

/// Longest value put into a letter. Some come from strangers.
const VALUE_CHARS_MAX: usize = 2_000;

macro_rules! kinds {
    ($($kind:ident = $name:literal says [$($value:literal),*],)*) => {
        /// What a letter is about.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Kind {
            $($kind,)*
        }

        impl Kind {
            pub const ALL: &[Kind] = &[$(Kind::$kind),*];

            /// Names the template.
            pub fn name(self) -> &'static str {
                match self {
                    $(Kind::$kind => $name,)*
                }
            }

            /// The values that its template may name. `site` may stand in all.
            pub fn values(self) -> &'static [&'static str] {
                match self {
                    $(Kind::$kind => &["site", $($value),*],)*
                }
            }

            /// Its template in a language, if there is one built in: English and German.
            pub(crate) fn built_in(self, language: &str) -> Option<&'static str> {
                match (self, language) {
                    $((Kind::$kind, "en") => {
                        Some(include_str!(concat!("../letters/en/", $name, ".txt")))
                    })*
                    $((Kind::$kind, "de") => {
                        Some(include_str!(concat!("../letters/de/", $name, ".txt")))
                    })*
                    _ => None,
                }
            }
        }
    };
}

kinds! {
    ConfirmSignUp = "confirm_sign_up" says ["link"],
    AlreadySignedUp = "already_signed_up" says [],
    Invitation = "invitation" says ["link"],
    MagicLink = "magic_link" says ["link"],
    ResetPassword = "reset_password" says ["link"],
    NoAccount = "no_account" says [],
    ConfirmEmail = "confirm_email" says ["link"],
    EmailChanged = "email_changed" says ["address"],
    PasswordChanged = "password_changed" says [],
    SecondFactorAdded = "second_factor_added" says [],
    SecondFactorRemoved = "second_factor_removed" says [],
    NewSignIn = "new_sign_in" says ["time", "place", "agent"],
    AccountDeleted = "account_deleted" says [],
}

impl Kind {
    pub fn named(name: &str) -> Option<Kind> {
        Kind::ALL.iter().copied().find(|kind| kind.name() == name)
    }
}

/// A letter, before it is worded. Values may be secrets of whoever receives it.
#[derive(Clone)]
pub struct Letter {
    pub kind: Kind,
    pub to: String,
    /// As in BCP 47, such as `de-AT`; English if there is no template in it.
    pub language: Option<String>,
    pub(crate) values: Vec<(&'static str, String)>,
}

impl Letter {
    pub fn new(kind: Kind, to: impl Into<String>) -> Letter {
        Letter {
            kind,
            to: to.into(),
            language: None,
            values: vec![],
        }
    }

    pub fn language(mut self, language: Option<String>) -> Letter {
        self.language = language;
        self
    }

    /// A value that the template may name; one line.
    pub fn value(mut self, name: &'static str, value: &str) -> Letter {
        let value = value
            .chars()
            .take(VALUE_CHARS_MAX)
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        self.values.push((name, value));
        self
    }

    pub(crate) fn find(&self, name: &str) -> &str {
        let found = self.values.iter().find(|(known, _)| *known == name);
        found.map_or("", |(_, value)| value)
    }
}

impl fmt::Debug for Letter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Letter")
            .field("kind", &self.kind)
            .field("language", &self.language)
            .finish_non_exhaustive()
    }
}
