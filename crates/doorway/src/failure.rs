//! From [`call::Failure`] to RFC 9457 problems: one table of statuses, one wording.
//!
//! `/problems/{code}` explains each code; [`kinds`] is what those pages are made from.

use call::{Code, Failure, FieldProblem, Place, Standings};
use http::header::{ALLOW, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use web::problem::{self, Kind, Problem, kit};
use web::quota;

use crate::credentials::Credentials;

/// When to come back if nobody said: soon, since such states pass or need people.
const RETRY_SECONDS: u32 = 1;

/// The one refusal that only HTTP knows and the kit cannot make, as it knows no methods.
pub const METHOD_NOT_ALLOWED: Kind = Kind {
    code: "method_not_allowed",
    status: StatusCode::METHOD_NOT_ALLOWED,
    title: "The method is not offered here",
    explanation: "The path exists, but not for this method. `Allow` lists the methods it has.",
};

/// Refusals of the kit that doors word as [`Code::Malformed`], so that clients meet one code
/// for one mistake in every style.
const WORDED_HERE: [Kind; 3] = [
    kit::INVALID_JSON,
    kit::INVALID_PRECONDITION,
    kit::INVALID_QUERY,
];

/// Every kind of problem that can come out of an HTTP door or the kit under it.
pub fn kinds() -> Vec<Kind> {
    let mut kinds: Vec<Kind> = Code::ALL.into_iter().map(kind).collect();
    kinds.push(METHOD_NOT_ALLOWED);
    for kind in kit::ALL {
        let known = kinds.iter().any(|other| other.code == kind.code);
        if !known && !WORDED_HERE.contains(kind) {
            kinds.push(*kind);
        }
    }
    kinds
}

/// How a code looks in HTTP.
fn kind(code: Code) -> Kind {
    Kind {
        code: code.name(),
        status: status(code),
        title: code.title(),
        explanation: code.explanation(),
    }
}

fn status(code: Code) -> StatusCode {
    match code {
        Code::Malformed | Code::CursorMismatch | Code::IdempotencyRequired => {
            StatusCode::BAD_REQUEST
        }
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::Forbidden | Code::InsufficientScope | Code::InsecureTransport => {
            StatusCode::FORBIDDEN
        }
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::Gone => StatusCode::GONE,
        Code::AlreadyExists
        | Code::UnknownReference
        | Code::StillReferenced
        | Code::Conflict
        | Code::IdempotencyInProgress => StatusCode::CONFLICT,
        Code::Stale => StatusCode::PRECONDITION_FAILED,
        Code::Invalid | Code::IdempotencyMismatch => StatusCode::UNPROCESSABLE_ENTITY,
        Code::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        Code::PreconditionRequired => StatusCode::PRECONDITION_REQUIRED,
        Code::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        Code::TimedOut | Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// What is answered beside the API, in its words, to a method that is not offered at a path.
pub fn method_not_allowed(method: &http::Method, allow: HeaderValue, path: &str) -> web::Response {
    not_offered(method, allow).instance(path).respond()
}

fn not_offered(method: &http::Method, allow: HeaderValue) -> Problem {
    let listed = allow.to_str().unwrap_or_default();
    let capitals = method.as_str().to_ascii_uppercase();
    let is_one = listed.split(", ").any(|known| known == capitals);
    let detail = match is_one {
        // RFC 9110 §9.1: case counts.
        true => format!("`{method}` is no method; write it in capitals: {capitals}."),
        false => format!("{method} is not offered here; the methods are {listed}."),
    };
    Problem::of(&METHOD_NOT_ALLOWED)
        .detail(detail)
        .header(ALLOW, allow)
}

/// Why a request is not carried out: in everybody's words, or in HTTP's.
#[derive(Debug)]
pub enum Refusal {
    Failure(Box<Failure>),
    Problem(Box<Problem>),
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Refusal {
        Refusal::Failure(Box::new(failure))
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Refusal {
        Refusal::Problem(Box::new(problem))
    }
}

impl Refusal {
    /// Somebody who used up one of these limits.
    pub fn rate_limited(failure: Failure, standings: &Standings) -> Refusal {
        let names: Vec<&str> = standings
            .iter()
            .filter(|standing| standing.used_up)
            .map(|standing| &*standing.limit)
            .collect();
        let wait = failure.retry_after_seconds.unwrap_or(RETRY_SECONDS);
        worded(failure)
            .type_(quota::QUOTA_EXCEEDED)
            .member(quota::VIOLATED_POLICIES, names)
            .header(RETRY_AFTER, HeaderValue::from(wait))
            .into()
    }

    /// What is not served any more, and the path of what is used instead.
    pub fn gone(failure: Failure, successor: Option<&str>) -> Refusal {
        let problem = worded(failure);
        match successor {
            Some(path) => problem.member("successor", path).into(),
            None => problem.into(),
        }
    }

    pub fn method_not_allowed(method: &http::Method, allow: HeaderValue) -> Refusal {
        not_offered(method, allow).into()
    }

    /// What really happened, for the log, and whether it needs somebody to look at it.
    pub fn cause(&self) -> Option<(&str, Code)> {
        match self {
            Refusal::Failure(failure) => Some((failure.cause.as_deref()?, failure.code)),
            Refusal::Problem(_) => None,
        }
    }

    /// The problem to send, with the header fields that belong to it.
    pub fn into_problem(self, credentials: &Credentials) -> Problem {
        let failure = match self {
            Refusal::Problem(problem) => return *problem,
            Refusal::Failure(failure) => *failure,
        };
        let challenge = match failure.code {
            Code::Unauthenticated => Some(credentials.challenge()),
            Code::InsufficientScope => Some(credentials.scope_challenge(failure.scope.as_deref())),
            _ => None,
        };
        let retry = match failure.code {
            Code::Unavailable | Code::TimedOut => {
                Some(failure.retry_after_seconds.unwrap_or(RETRY_SECONDS))
            }
            _ => failure.retry_after_seconds,
        };
        let mut problem = worded(failure);
        if let Some(challenge) = challenge {
            problem = problem.header(WWW_AUTHENTICATE, challenge);
        }
        if let Some(seconds) = retry {
            problem = problem.header(RETRY_AFTER, HeaderValue::from(seconds));
        }
        problem
    }

    /// The problem without what depends on the contract.
    pub fn problem(&self) -> Problem {
        match self {
            Refusal::Failure(failure) => worded((**failure).clone()),
            Refusal::Problem(problem) => (**problem).clone(),
        }
    }
}

/// What is said of a single parameter names it.
fn named(mut failure: Failure) -> Failure {
    if let [only] = failure.problems.as_slice()
        && let Place::Parameter(name) = &only.place
        && failure.detail == only.detail
        && !failure.detail.contains(&format!("`{name}"))
    {
        failure.detail = format!("`{name}`: {}", failure.detail);
    }
    failure
}

/// The problem without the header fields that depend on the contract.
pub fn worded(failure: Failure) -> Problem {
    let failure = named(failure);
    let mut problem = Problem::of(&kind(failure.code)).detail(sentence(failure.detail));
    for FieldProblem {
        place,
        code,
        detail,
    } in failure.problems
    {
        let place = match place {
            Place::Pointer(pointer) => problem::Place::Pointer(pointer),
            Place::Header(name) => problem::Place::Header(name.to_owned()),
            Place::Parameter(name) => problem::Place::Parameter(name),
        };
        problem = problem.fault(place, code, sentence(detail));
    }
    if let Some(rule) = failure.rule {
        problem = problem.member("rule", &*rule);
    }
    if let Some(scope) = failure.scope {
        problem = problem.member("scope", &*scope);
    }
    problem
}

/// Details come as clauses or as sentences; clients get sentences.
pub fn sentence(mut text: String) -> String {
    if let Some(first) = text.get_mut(0..1) {
        first.make_ascii_uppercase();
    }
    if text.ends_with(|last: char| last.is_alphanumeric() || matches!(last, '`' | '"' | ')' | ']'))
    {
        text.push('.');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(refusal: Refusal) -> (u16, Vec<String>, String) {
        let credentials = Credentials::new("bookstore", crate::Accepted::default());
        let response = refusal.into_problem(&credentials).respond();
        let fields = [WWW_AUTHENTICATE, RETRY_AFTER, ALLOW]
            .into_iter()
            .filter_map(|name| {
                let value = response.headers().get(&name)?;
                Some(format!("{name}: {}", value.to_str().unwrap()))
            });
        let body = String::from_utf8(response.body().bytes().unwrap().to_vec()).unwrap();
        (response.status().as_u16(), fields.collect(), body)
    }

    #[track_caller]
    fn check(failure: Failure, status: u16, fields: &[&str], expected: &str) {
        assert_eq!(
            body(failure.into()),
            (
                status,
                fields.iter().map(|field| (*field).to_owned()).collect(),
                expected.to_owned()
            )
        );
    }

    #[test]
    fn failures_become_problems() {
        check(
            Failure::new(Code::NotFound, "there is no such book"),
            404,
            &[],
            r#"{"type":"/problems/not_found","title":"Not found","status":404,"detail":"There is no such book.","code":"not_found"}"#,
        );
        check(
            Failure::with_problems(
                Code::Invalid,
                vec![
                    FieldProblem {
                        place: Place::Pointer("/title".into()),
                        code: "required",
                        detail: "title is required".into(),
                    },
                    FieldProblem {
                        place: Place::Header("If-Match"),
                        code: "invalid",
                        detail: "`x` is not a tag!".into(),
                    },
                ],
            ),
            422,
            &[],
            r#"{"type":"/problems/invalid","title":"The input is not valid","status":422,"detail":"2 faults; see `errors`.","code":"invalid","errors":[{"pointer":"/title","code":"required","detail":"Title is required."},{"header":"If-Match","code":"invalid","detail":"`x` is not a tag!"}]}"#,
        );
        check(
            Failure {
                rule: Some("staff || this.a == \"b\"".into()),
                cause: Some("never sent".into()),
                ..Failure::new(Code::Forbidden, "no")
            },
            403,
            &[],
            r#"{"type":"/problems/forbidden","title":"Not allowed","status":403,"detail":"No.","code":"forbidden","rule":"staff || this.a == \"b\""}"#,
        );
    }

    #[test]
    fn header_fields_go_with_their_codes() {
        let fields = |failure: Failure| body(failure.into()).1;
        assert_eq!(
            fields(Failure::new(Code::Unauthenticated, "")),
            [r#"www-authenticate: Bearer realm="bookstore""#]
        );
        let scope = Some("books.write".to_owned());
        assert_eq!(
            fields(Failure {
                scope: scope.map(Into::into),
                ..Failure::new(Code::InsufficientScope, "")
            }),
            [
                r#"www-authenticate: Bearer realm="bookstore", error="insufficient_scope", scope="books.write""#
            ]
        );
        assert_eq!(
            fields(Failure::new(Code::Unavailable, "")),
            ["retry-after: 1"]
        );
        let retry_after_seconds = Some(7);
        assert_eq!(
            fields(Failure {
                retry_after_seconds,
                ..Failure::new(Code::Unavailable, "")
            }),
            ["retry-after: 7"]
        );
        assert_eq!(fields(Failure::new(Code::Internal, "")), [""; 0]);
        let refusal = Refusal::method_not_allowed(
            &http::Method::PATCH,
            HeaderValue::from_static("GET, HEAD, OPTIONS"),
        );
        let (status, fields, body) = body(refusal);
        assert_eq!(
            (status, fields),
            (405, vec!["allow: GET, HEAD, OPTIONS".to_owned()])
        );
        assert!(body.contains("PATCH is not offered here"), "{body}");
    }

    #[test]
    fn every_kind_has_one_page() {
        let kinds = kinds();
        for (place, kind) in kinds.iter().enumerate() {
            assert!(kind.status.is_client_error() || kind.status.is_server_error());
            assert!(!kind.title.is_empty() && !kind.explanation.is_empty());
            assert!(
                kinds[..place].iter().all(|other| other.code != kind.code),
                "{}",
                kind.code
            );
        }
        for code in Code::ALL {
            assert!(kinds.iter().any(|kind| kind.code == code.name()));
        }
    }
}
