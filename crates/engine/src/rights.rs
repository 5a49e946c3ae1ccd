//! Who a caller is, and what decides what they may see, as numbers that outlive the process.
//!
//! They are compared with what a database has kept, perhaps by another release. So every part is
//! spelled out here, behind the number of the spelling; nothing follows how a type of ours is
//! printed.

use std::net::IpAddr;

use call::{Caller, CallerKind, Scopes};
use model::{Action, Model, Rule};
use sha2::{Digest, Sha256};

/// Counts the ways in which this was ever spelled. Another spelling gets another number, so that
/// nothing of the one is taken for the other.
const SPELLING: &str = "1";

/// Whose a key or an operation is: the user's, with whatever credential; without a user the
/// credential's; a guest's by where they come from.
pub fn whose(caller: &Caller, origin: Option<IpAddr>) -> String {
    match (&caller.user_id, origin) {
        (Some(user), _) => format!("user:{user}"),
        (None, Some(origin)) if caller.is_guest() => format!("guest:{origin}"),
        (None, _) => caller.label(),
    }
}

/// What a caller may be shown, as far as the caller decides it.
pub fn of_caller(caller: &Caller) -> [u8; 16] {
    let kind = match caller.kind {
        CallerKind::Guest => "guest",
        CallerKind::Key { .. } => "key",
        CallerKind::Operator { .. } => "operator",
        CallerKind::User { .. } => "user",
        CallerKind::Client { .. } => "client",
        CallerKind::Service { .. } => "service",
    };
    let mut claims: Vec<_> = caller.claims.iter().collect();
    claims.sort_unstable();
    let claims = claims
        .into_iter()
        .flat_map(|(name, value)| ["claim", name, value]);
    let (all, only) = match &caller.scopes {
        Scopes::All => (Some("scopes"), [].as_slice()),
        Scopes::Only(scopes) => (None, scopes.as_slice()),
    };
    let scopes = only.iter().flat_map(|scope| ["scope", scope]).chain(all);
    let user = caller.user_id.iter().flat_map(|user| ["user", user]);
    digest(
        [SPELLING, kind, caller.audience.name()]
            .into_iter()
            .chain(user)
            .chain(claims)
            .chain(scopes),
    )
}

/// What anybody may be shown, as far as a contract decides it.
pub fn of_contract(model: &Model) -> [u8; 16] {
    let mut parts = vec![SPELLING.to_owned()];
    let printed = |rule: &Rule| expr::explain::print(&rule.condition, model);
    let resources = model.resources.iter();
    let named = resources.clone().flat_map(|resource| &resource.rules);
    for rule in model.rules.iter().chain(named) {
        let of = rule.resource.map(|id| model.resource(id).name.clone());
        let body = expr::explain::print(&rule.body, model);
        parts.extend(["rule".to_owned(), of.unwrap_or_default()]);
        parts.extend([rule.name.to_string(), body]);
    }
    for resource in resources {
        let name = resource.name.clone();
        parts.extend(["resource".to_owned(), name]);
        parts.push(resource.audience.name().to_owned());
        for action in Action::ALL {
            if let Some(rule) = resource.access.rule(action) {
                parts.extend([action.name().to_owned(), printed(rule)]);
            }
        }
        for field in &resource.fields {
            parts.extend(["field".to_owned(), field.name.clone()]);
            parts.push(field.audience.name().to_owned());
            parts.extend(field.read.as_ref().map(printed));
            parts.extend(field.write_only.then(|| "write only".to_owned()));
        }
    }
    digest(parts)
}

/// 128 bits are enough that nobody finds other parts with the same ones.
pub fn digest(parts: impl IntoIterator<Item = impl AsRef<[u8]>>) -> [u8; 16] {
    let mut hash = Sha256::new();
    for part in parts {
        let part = part.as_ref();
        // The length keeps what stands beside each other apart.
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    let mut half = [0; 16];
    half.copy_from_slice(&hash.finalize()[..16]);
    half
}
