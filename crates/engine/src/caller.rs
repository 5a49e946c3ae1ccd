//! The caller as rules see it.

use std::borrow::Cow;

use call::Caller;
use expr::CallerValues;
use expr::ir::Claim;

/// Lends a [`Caller`] to the rule language.
pub struct Claims<'a>(pub &'a Caller);

impl CallerValues for Claims<'_> {
    fn signed_in(&self) -> bool {
        !self.0.is_guest()
    }

    fn claim(&self, claim: &Claim) -> Option<Cow<'_, str>> {
        self.0.claim(claim).map(Cow::Borrowed)
    }
}
