//! Scopes as apps ask for them (RFC 6749 §3.3).
//!
//! What an app may not have is left out of what it gets, and it is told what it got; one that
//! asked for something and gets nothing of it is refused.

use identity::clients::{Client, OPENID};
use model::Model;

use crate::refusal::Refused;

pub const OPENID_SCOPE: &str = "openid";
pub const OFFLINE: &str = "offline_access";

/// For whom an app asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behalf {
    Person,
    Itself,
}

/// What an app is to get.
pub fn granted(
    model: &Model,
    client: &Client,
    wanted: Option<&str>,
    behalf: Behalf,
) -> Result<Vec<String>, Refused> {
    let exists = |scope: &str| match OPENID.contains(&scope) {
        true => behalf == Behalf::Person,
        false => model.scopes().iter().any(|known| known == scope),
    };
    let may = |scope: &str| client.may_have(scope) && exists(scope);
    let Some(wanted) = wanted else {
        // All it was registered for, but for what tells who somebody is: that is asked for.
        let all = client
            .scopes
            .iter()
            .filter(|scope| !OPENID.contains(&scope.as_str()));
        return Ok(all.filter(|scope| may(scope)).cloned().collect());
    };
    let mut given: Vec<String> = vec![];
    for scope in split(wanted)? {
        if may(scope) && !given.iter().any(|known| known == scope) {
            given.push(scope.to_owned());
        }
    }
    if given.is_empty() {
        return Err(Refused::new(
            "invalid_scope",
            "this app may have none of these scopes",
        ));
    }
    Ok(given)
}

/// A part of what was granted before (RFC 6749 §6).
pub fn narrowed(held: &[String], wanted: Option<&str>) -> Result<Vec<String>, Refused> {
    let Some(wanted) = wanted else {
        return Ok(held.to_vec());
    };
    let wanted = split(wanted)?;
    if let Some(more) = wanted
        .iter()
        .find(|scope| !held.iter().any(|held| held == *scope))
    {
        return Err(Refused::new(
            "invalid_scope",
            format!("the scope {more} was not granted"),
        ));
    }
    let kept = held.iter().filter(|scope| wanted.contains(&scope.as_str()));
    Ok(kept.cloned().collect())
}

fn split(text: &str) -> Result<Vec<&str>, Refused> {
    let is_token = |scope: &&str| {
        scope
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\')
    };
    let all: Vec<&str> = text.split(' ').filter(|scope| !scope.is_empty()).collect();
    match all.iter().all(is_token) {
        true => Ok(all),
        false => Err(Refused::new(
            "invalid_scope",
            "scopes are separated by single spaces and have visible characters alone",
        )),
    }
}
