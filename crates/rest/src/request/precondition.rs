//! `If-Match` and `If-None-Match` on writes.
//!
//! A condition that cannot be honoured is refused, never ignored: whoever sent it relies on it.

use call::{Code, Failure, FieldProblem, Place, Precondition};
use http::HeaderMap;
use http::header::{IF_MATCH, IF_UNMODIFIED_SINCE};
use model::Action;
use web::conditional::{ConditionError, Tags};

use crate::failure::Refusal;

/// What the client believes the record's state to be.
pub fn read(headers: &HeaderMap, action: Action) -> Result<Precondition, Refusal> {
    let mut precondition = Precondition::default();
    // RFC 9110 §13.1.4 has servers without dates pass over it, and whoever sent it would overwrite
    // what they have not seen. Beside `If-Match` nobody looks at it.
    if headers.contains_key(IF_UNMODIFIED_SINCE) && !headers.contains_key(IF_MATCH) {
        return Err(refuse(
            "If-Unmodified-Since",
            "Records have no date of modification to compare with; send their ETag in `If-Match`.",
        ));
    }
    match web::conditional::if_match(headers).map_err(unreadable)? {
        None => {}
        Some(_) if action == Action::Create => {
            return Err(refuse(
                "If-Match",
                "A new record has no earlier state that `If-Match` could name; leave it out.",
            ));
        }
        Some(_) if action == Action::Restore => {
            return Err(refuse(
                "If-Match",
                "A deleted record has no state that `If-Match` could name; leave it out.",
            ));
        }
        Some(Tags::Any) => precondition.exists = true,
        Some(tags) => {
            let versions = tags.versions().unwrap_or_default();
            let versions = versions
                .into_iter()
                .filter_map(|version| i64::try_from(version).ok());
            precondition.versions = Some(versions.collect());
        }
    }
    match web::conditional::if_none_match(headers).map_err(unreadable)? {
        None => {}
        Some(_) if action == Action::Restore => {
            return Err(refuse(
                "If-None-Match",
                "What is restored is deleted anyway; leave `If-None-Match` out.",
            ));
        }
        Some(Tags::Any) => precondition.absent = true,
        Some(Tags::List(_)) => {
            return Err(refuse(
                "If-None-Match",
                "On a write `If-None-Match` can only be `*`: the record must not exist yet.",
            ));
        }
    }
    Ok(precondition)
}

/// A condition that is not in the form RFC 9110 gives it.
pub fn unreadable(error: ConditionError) -> Refusal {
    refuse(error.name(), &error.to_string())
}

fn refuse(field: &'static str, detail: &str) -> Refusal {
    let place = Place::Header(field);
    let fault = FieldProblem {
        place,
        code: "invalid",
        detail: detail.to_owned(),
    };
    Failure::with_problems(Code::Malformed, vec![fault]).into()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[track_caller]
    fn check(action: Action, fields: &[(&str, &str)], expected: Result<Precondition, &str>) {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            let name = http::HeaderName::try_from(*name).unwrap();
            headers.append(name, HeaderValue::try_from(*value).unwrap());
        }
        let found = read(&headers, action).map_err(|refusal| {
            let problem = refusal.problem();
            assert_eq!(
                (problem.status().as_u16(), problem.code()),
                (400, "malformed")
            );
            match &problem.faults()[0].place {
                web::problem::Place::Header(name) => name.clone(),
                other => panic!("{other:?}"),
            }
        });
        assert_eq!(found, expected.map_err(str::to_owned), "{fields:?}");
    }

    fn versions(versions: &[i64]) -> Result<Precondition, &'static str> {
        Ok(Precondition {
            versions: Some(versions.to_vec()),
            ..Precondition::default()
        })
    }

    #[test]
    fn conditions_on_writes() {
        let none = Precondition::default;
        check(Action::Update, &[], Ok(none()));
        check(
            Action::Update,
            &[("if-match", "*")],
            Ok(Precondition {
                exists: true,
                ..none()
            }),
        );
        check(
            Action::Update,
            &[("if-match", "\"12.a8f3\"")],
            versions(&[12]),
        );
        check(
            Action::Delete,
            &[("if-match", "\"12.a8f3-br\", \"3.0\"")],
            versions(&[12, 3]),
        );
        check(
            Action::Replace,
            &[("if-match", "W/\"12.a\", \"foreign\"")],
            versions(&[]),
        );
        // A list without elements accepts none.
        check(Action::Update, &[("if-match", "")], versions(&[]));
        check(
            Action::Replace,
            &[("if-match", "\"18446744073709551615.a\"")],
            versions(&[]),
        );
        check(
            Action::Replace,
            &[("if-none-match", "*")],
            Ok(Precondition {
                absent: true,
                ..none()
            }),
        );
        check(
            Action::Create,
            &[("if-none-match", "*")],
            Ok(Precondition {
                absent: true,
                ..none()
            }),
        );
    }

    #[test]
    fn what_cannot_be_honoured_is_refused() {
        check(Action::Update, &[("if-match", "12")], Err("If-Match"));
        check(
            Action::Update,
            &[("if-none-match", "\"12.a\"")],
            Err("If-None-Match"),
        );
        check(
            Action::Update,
            &[("if-none-match", "x")],
            Err("If-None-Match"),
        );
        check(Action::Create, &[("if-match", "*")], Err("If-Match"));
        let date = ("if-unmodified-since", "Sun, 22 Nov 2026 08:00:00 GMT");
        check(Action::Update, &[date], Err("If-Unmodified-Since"));
        check(Action::Delete, &[date], Err("If-Unmodified-Since"));
        check(
            Action::Update,
            &[date, ("if-match", "\"3.a\"")],
            versions(&[3]),
        );
    }
}
