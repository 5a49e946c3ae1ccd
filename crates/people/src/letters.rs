//! What is written to people. How a letter is worded and how it travels is the [`Post`]'s.

use std::collections::BTreeMap;

/// One letter. The texts in it are secrets of whoever receives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    pub to: String,
    /// As in BCP 47; the contract's own unless known.
    pub language: Option<String>,
    pub kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Somebody signed up with this address.
    ConfirmSignUp {
        ticket: Secret,
    },
    /// Somebody signed up with this address, and it has an account.
    AlreadySignedUp,
    /// Somebody is to have an account.
    Invitation {
        ticket: Secret,
    },
    MagicLink {
        ticket: Secret,
    },
    ResetPassword {
        ticket: Secret,
    },
    /// Somebody wants to reset the password of an address that has no account.
    NoAccount,
    /// To the new address.
    ConfirmEmail {
        ticket: Secret,
    },
    /// To the old address.
    EmailChanged {
        to: String,
    },
    PasswordChanged,
    SecondFactorAdded,
    SecondFactorRemoved,
    AccountDeleted,
}

/// A ticket as it stands in a link. Its `Debug` shows nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

impl Kind {
    /// Names the templates.
    pub fn name(&self) -> &'static str {
        match self {
            Kind::ConfirmSignUp { .. } => "confirm_sign_up",
            Kind::AlreadySignedUp => "already_signed_up",
            Kind::Invitation { .. } => "invitation",
            Kind::MagicLink { .. } => "magic_link",
            Kind::ResetPassword { .. } => "reset_password",
            Kind::NoAccount => "no_account",
            Kind::ConfirmEmail { .. } => "confirm_email",
            Kind::EmailChanged { .. } => "email_changed",
            Kind::PasswordChanged => "password_changed",
            Kind::SecondFactorAdded => "second_factor_added",
            Kind::SecondFactorRemoved => "second_factor_removed",
            Kind::AccountDeleted => "account_deleted",
        }
    }

    /// Where its link leads on the hosted pages, with the ticket in the fragment's stead.
    pub fn path(&self) -> Option<(&'static str, &str)> {
        match self {
            Kind::ConfirmSignUp { ticket } => Some(("/account/confirm", &ticket.0)),
            Kind::Invitation { ticket } => Some(("/account/invitation", &ticket.0)),
            Kind::MagicLink { ticket } => Some(("/login/link", &ticket.0)),
            Kind::ResetPassword { ticket } => Some(("/account/reset", &ticket.0)),
            Kind::ConfirmEmail { ticket } => Some(("/account/email/confirm", &ticket.0)),
            _ => None,
        }
    }

    /// What else its template may say.
    pub fn values(&self) -> BTreeMap<&'static str, String> {
        match self {
            Kind::EmailChanged { to } => BTreeMap::from([("address", to.clone())]),
            _ => BTreeMap::new(),
        }
    }
}

/// Takes letters. Handing one over takes no time and tells nothing: whether it arrives must not
/// show in an answer.
pub trait Post: Send + Sync + std::fmt::Debug {
    fn send(&self, letter: Letter);
}
