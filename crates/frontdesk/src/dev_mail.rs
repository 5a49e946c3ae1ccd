//! `/dev/mail`: the letters that development keeps instead of sending them.
//!
//! Letters hold links that sign in, so they are for this machine alone: for connections from it
//! that ask for it by its own name, which pages of others cannot make a browser do.

use http::header::{CONTENT_TYPE, HOST};
use http::{HeaderValue, Method, StatusCode};
use mail::{Mailbox, Received};
use maud::{DOCTYPE, Markup, html};
use value::Timestamp;
use web::pages::{self, Scripts};
use web::{Body, Request, Response};

const PAGE: &str = "/dev/mail";
const JSON: &str = "/dev/mail.json";

/// Whether a request is for the letters, and may have them.
pub fn is_asked(request: &Request) -> bool {
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    let is_here = request.peer.ip().to_canonical().is_loopback();
    is_read && is_here && matches!(request.path(), PAGE | JSON) && names_this_machine(request)
}

fn names_this_machine(request: &Request) -> bool {
    let field = request.head.headers.get(HOST);
    let field = field.and_then(|host| host.to_str().ok());
    let authority = request.head.uri.authority().map(|known| known.as_str());
    let Some(host) = authority.or(field) else {
        return false;
    };
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => name,
        _ => host,
    };
    matches!(name, "localhost" | "127.0.0.1" | "[::1]")
}

pub fn respond(request: &Request, mailbox: &Mailbox) -> Response {
    let letters = mailbox.letters();
    if request.path() == PAGE {
        return pages::page(StatusCode::OK, page(&letters).into_string(), Scripts::None);
    }
    let letters: Vec<_> = letters.iter().map(to_json).collect();
    let json = serde_json::json!({"letters": letters});
    let mut response = Response::new(Body::from(json.to_string()));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    web::headers::no_store(headers);
    web::headers::protect_data(headers);
    response
}

fn to_json(letter: &Received) -> serde_json::Value {
    serde_json::json!({
        "number": letter.number,
        "at": Timestamp::from(letter.at).to_string(),
        "kind": letter.kind.name(),
        "to": letter.to,
        "subject": letter.subject,
        "text": letter.text,
        "html": letter.html,
        "link": letter.link,
    })
}

fn page(letters: &[Received]) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width";
                title { "Letters" }
            }
            body {
                h1 { "Letters" }
                p { "Kept here instead of being sent: the last hundred, newest first. Load the page again for new ones." }
                @if letters.is_empty() {
                    p { "There are none yet." }
                }
                @for letter in letters {
                    article {
                        h2 { (letter.subject) }
                        p { "To " (letter.to) ", " (Timestamp::from(letter.at).to_string()) ", " code { (letter.kind.name()) } }
                        pre { (letter.text) }
                        @if let Some(link) = &letter.link {
                            p { a href=(link) { "Follow its link" } }
                        }
                        hr;
                    }
                }
            }
        }
    }
}
