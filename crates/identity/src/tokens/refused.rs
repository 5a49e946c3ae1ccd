//! Why a token was not accepted.

/// Why a token was not accepted. What it says is for the one who sent it, and tells nothing of
/// anybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// No signed text in compact form, too long, or claims that are not what they should be.
    Malformed,
    /// It is not of the kind that is wanted here, such as an ID token for an access token.
    Type,
    /// Signed with no key that is known here.
    Key,
    Signature,
    Issuer,
    /// For another service.
    Audience,
    Expired,
    NotYet,
    /// It was taken back, or what it was issued for.
    Denied,
    /// It is bound to a key or certificate that was not shown.
    Binding,
    /// Whether it was taken back cannot be known at present. The others are for good; after this
    /// one the same token may be accepted.
    Unknowable,
}

impl Refused {
    /// A sentence for `error_description` (RFC 6750 §3: printable ASCII without quotes).
    pub fn sentence(self) -> &'static str {
        match self {
            Refused::Malformed => "the token is not well-formed",
            Refused::Type => "the token is not an access token",
            Refused::Key => "the token was not signed by this service",
            Refused::Signature => "the signature of the token does not hold",
            Refused::Issuer => "the token was issued by another service",
            Refused::Audience => "the token was issued for another service",
            Refused::Expired => "the token has expired",
            Refused::NotYet => "the token is not valid yet",
            Refused::Denied => "the token was revoked",
            Refused::Binding => "the token is bound to another key or certificate",
            Refused::Unknowable => "tokens cannot be checked right now; try again",
        }
    }
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.sentence())
    }
}

impl std::error::Error for Refused {}
