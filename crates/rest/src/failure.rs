//! What this door knows better about a refusal than the engine does.

use call::{Failure, Place};
use model::ListStyle;

pub use doorway::failure::{Refusal, kinds, method_not_allowed, sentence, worded};

use crate::request::parameters;

/// Adds what the engine cannot know to its refusal of a list: `limt=5` looks like a filter to it,
/// and it knows fields only.
pub fn with_meant_parameters(mut failure: Failure, style: &ListStyle, query: &str) -> Failure {
    for fault in &mut failure.problems {
        if let Place::Parameter(name) = &fault.place
            && fault.code == "unknown_parameter"
            && let Some(meant) = parameters::nearest_of_lists(name, style)
        {
            fault.detail = format!("{} Did you mean `{meant}`?", sentence(fault.detail.clone()));
            if meant == "cursor" {
                fault.detail.push_str(match style.bare {
                    false => " It takes the `next_cursor` of the page before.",
                    // RFC 8288: a bare list has no other place for it.
                    true => {
                        " The URL of the page after this one is in this one's `Link`, with \
                         `rel=\"next\"`."
                    }
                });
            }
        }
        if let Place::Parameter(name) = &fault.place
            && fault.code == "invalid_format"
            && has_plus(query, name)
        {
            fault.detail = format!(
                "{} In a URL `+` is a space: write `%2B` for a plus.",
                sentence(fault.detail.clone())
            );
        }
    }
    if let [only] = failure.problems.as_slice() {
        failure.detail.clone_from(&only.detail);
    }
    failure
}

/// Whether a parameter's value was sent with a `+`, such as the one of a time's offset.
fn has_plus(query: &str, name: &str) -> bool {
    let mut pieces = query.split('&').filter_map(|piece| piece.split_once('='));
    pieces.any(|(key, value)| {
        value.contains('+') && web::query::decode_segment(key).as_deref() == Some(name)
    })
}

#[cfg(test)]
mod tests {
    use call::{Code, FieldProblem};

    use super::*;

    #[test]
    fn misspelled_parameters_are_recognised() {
        let failure = |name: &str| {
            let fault = FieldProblem {
                place: Place::Parameter(name.into()),
                code: "unknown_parameter",
                detail: "a book has no such field".into(),
            };
            with_meant_parameters(
                Failure::with_problems(Code::Malformed, vec![fault]),
                &ListStyle::default(),
                "",
            )
        };
        let meant = failure("limt");
        assert_eq!(
            meant.detail,
            "A book has no such field. Did you mean `limit`?"
        );
        assert_eq!(meant.detail, meant.problems[0].detail);
        assert_eq!(failure("colour").detail, "a book has no such field");
    }
}
