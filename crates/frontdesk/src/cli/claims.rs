//! What a command says about a caller, held against what the contract says people are.

use frontdesk::diag::suggest;
use frontdesk::model::{ClaimProblem, Model};

use super::{Done, Trouble};

/// Whether rules could read this of a caller: their id, and more by name.
pub fn check(model: &Model, user: Option<&str>, claims: &[(String, String)]) -> Done {
    let id = user.map(|id| ("id", id));
    let claims = claims
        .iter()
        .map(|(name, text)| (name.as_str(), text.as_str()));
    for (name, text) in id.into_iter().chain(claims) {
        let Err(problem) = model.check_claim(name, text) else {
            continue;
        };
        let people = model.users().map_or("", |people| &people.name);
        return Err(match problem {
            ClaimProblem::Unknown(known) => {
                let near = suggest::nearest(name, known.iter().map(String::as_str));
                let help = match near {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("known of callers are {}", known.join(", ")),
                };
                let what = format!("rules cannot read `user.{name}`: `{people}` has no such field");
                Trouble::Wrong(what, Some(help))
            }
            ClaimProblem::Unfit(why) => {
                let what = format!("`user.{name}` cannot be `{text}`: {why}");
                let help = format!("it is the field `{name}` of `{people}`");
                Trouble::Wrong(what, Some(help))
            }
        });
    }
    Ok(())
}
