//! One request to this door, and what its body says.

use std::time::SystemTime;

use call::{Code, Failure, FieldProblem, Place};
use doorway::failure::Refusal;
use doorway::trace::Line;
use http::header::{ACCEPT_LANGUAGE, USER_AGENT};
use http::request::Parts;
use serde_json::{Map, Value as Json};
use value::Timestamp;
use web::RequestBody;
use web::form::{Form, FormError};

/// Of a body here: addresses, passwords, a person's own fields.
const BODY_BYTES_MAX: usize = 64 * 1024;

pub struct Asked<'a> {
    pub head: &'a Parts,
    pub body: &'a mut RequestBody,
    pub line: Line<'a>,
}

impl Asked<'_> {
    /// Where it comes from, for `people`.
    pub fn from(&self) -> people::From<'_> {
        let field = |name| {
            self.head
                .headers
                .get(name)
                .and_then(|value| value.to_str().ok())
        };
        people::From {
            address: self.line.from,
            agent: field(USER_AGENT),
            language: field(ACCEPT_LANGUAGE).and_then(first_language),
            now: now(),
        }
    }

    /// The body, a form that was filled in.
    pub async fn form(&mut self) -> Result<Form, FormError> {
        web::media::content_type(&self.head.headers, &[web::form::MEDIA_TYPE])
            .map_err(FormError::MediaType)?;
        let bytes = self.body.read(BODY_BYTES_MAX).await;
        Form::parse(&bytes.map_err(FormError::Body)?, &[])
    }

    /// The body, a JSON object. None at all is an empty one.
    pub async fn body(&mut self) -> Result<Fields, Refusal> {
        if self.body.is_empty() {
            return Ok(Fields::default());
        }
        web::media::content_type(&self.head.headers, &["application/json"])
            .map_err(web::Problem::from)?;
        let bytes = self
            .body
            .read(BODY_BYTES_MAX)
            .await
            .map_err(web::Problem::from)?;
        let unreadable = |error: web::json::JsonError| {
            let fault = FieldProblem {
                place: Place::Pointer(String::new()),
                code: "not_json",
                detail: error.to_string(),
            };
            Failure::with_problems(Code::Malformed, vec![fault])
        };
        match web::json::parse(&bytes).map_err(unreadable)? {
            Json::Object(members) => Ok(Fields {
                members,
                problems: vec![],
            }),
            _ => {
                let detail = "the body is a JSON object, such as {\"email\": \"ann@example.com\"}";
                Err(Failure::new(Code::Malformed, detail).into())
            }
        }
    }
}

/// The members of a body, each taken out as it is read, so that what is left over is told.
#[derive(Default)]
pub struct Fields {
    members: Map<String, Json>,
    problems: Vec<FieldProblem>,
}

impl Fields {
    /// A text that must be there; what is missing is told by [`Fields::done`].
    pub fn text(&mut self, name: &'static str) -> String {
        let text = self.text_or_none(name);
        if text.is_none()
            && self
                .problems
                .iter()
                .all(|problem| problem.place != pointer(name))
        {
            self.problem(name, "required", format!("`{name}` is required"));
        }
        text.unwrap_or_default()
    }

    pub fn text_or_none(&mut self, name: &'static str) -> Option<String> {
        match self.members.remove(name)? {
            Json::String(text) => Some(text),
            Json::Null => None,
            _ => {
                self.problem(name, "wrong_type", format!("`{name}` is a text"));
                None
            }
        }
    }

    pub fn flag(&mut self, name: &'static str) -> bool {
        match self.members.remove(name) {
            None | Some(Json::Null) => false,
            Some(Json::Bool(is)) => is,
            Some(_) => {
                self.problem(name, "wrong_type", format!("`{name}` is true or false"));
                false
            }
        }
    }

    /// Everything that was not read.
    pub fn rest(&mut self) -> Map<String, Json> {
        std::mem::take(&mut self.members)
    }

    /// # Errors
    /// What is wrong with the body, all of it.
    pub fn done(mut self) -> Result<(), Failure> {
        let unknown: Vec<String> = self.members.keys().cloned().collect();
        for name in unknown {
            self.problems.push(FieldProblem {
                place: Place::Pointer(format!("/{}", name.replace('~', "~0").replace('/', "~1"))),
                code: "unknown_field",
                detail: format!("`{name}` means nothing here"),
            });
        }
        match self.problems.is_empty() {
            true => Ok(()),
            false => Err(Failure::with_problems(Code::Invalid, self.problems)),
        }
    }

    fn problem(&mut self, name: &'static str, code: &'static str, detail: String) {
        self.problems.push(FieldProblem {
            place: pointer(name),
            code,
            detail,
        });
    }
}

fn pointer(name: &str) -> Place {
    Place::Pointer(format!("/{name}"))
}

pub fn now() -> Timestamp {
    Timestamp::from(SystemTime::now())
}

/// `de` of `de-CH, de;q=0.9, en;q=0.5`: what people mean most comes first in practice.
fn first_language(value: &str) -> Option<&str> {
    let first = value.split([',', ';']).next()?.trim();
    let plain = first
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    (plain && (2..=35).contains(&first.len())).then_some(first)
}
