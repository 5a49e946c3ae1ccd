//! What an expression may ask about the caller, and how a claim becomes a value.

use std::borrow::Cow;

use value::{Type, Value};

use crate::ir::Claim;

/// The caller of the request, as far as expressions see them.
pub trait CallerValues {
    fn signed_in(&self) -> bool;
    /// The claim as plain text, as it would stand in a URL. A list of texts is a JSON array.
    /// Only asked when [`CallerValues::signed_in`].
    fn claim(&self, claim: &Claim) -> Option<Cow<'_, str>>;
}

/// Nobody: not signed in, no claims.
#[derive(Clone, Copy, Debug, Default)]
pub struct Guest;

impl CallerValues for Guest {
    fn signed_in(&self) -> bool {
        false
    }

    fn claim(&self, _: &Claim) -> Option<Cow<'_, str>> {
        None
    }
}

/// The claim as a value of `ty`, or `None` when it is missing in the sense of law 2: the caller
/// is a guest, does not have it, or it cannot be read as `ty`.
///
/// Everything that puts a claim somewhere (evaluation, SQL parameters) must read it here, so
/// that all agree on what is missing.
pub fn read_claim(caller: &dyn CallerValues, claim: &Claim, ty: &Type) -> Option<Value> {
    if !caller.signed_in() {
        return None;
    }
    let text = caller.claim(claim)?;
    match ty {
        Type::List(item) if text.trim_start().starts_with('[') => {
            value::json::from_json_text(&Type::List(item.clone()), &text).ok()
        }
        // A single role where a list is looked in: a list of one.
        Type::List(item) => Some(Value::List(vec![value::text::parse(item, &text).ok()?])),
        ty => value::text::parse(ty, &text).ok(),
    }
}
