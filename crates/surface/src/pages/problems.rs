//! Pages about problems: where `type` in a refusal leads.

use maud::html;
use model::Model;
use serde_json::json;

use super::layout::{page, prose};
use super::{PROBLEMS_PATH, ProblemKind, problem_type};

/// The page about one kind of problem.
pub fn problem(model: &Model, kind: &ProblemKind<'_>) -> String {
    let example = json!({
        "type": problem_type(kind.code),
        "title": kind.title,
        "status": kind.status,
        "code": kind.code,
    });
    let example =
        serde_json::to_string_pretty(&example).expect("JSON values can always be written");
    let title = format!("{} – {}", kind.title, model.title);
    page(
        model,
        &title,
        html! {
            p.crumbs { a href=(PROBLEMS_PATH) { "Problems" } " / " (kind.code) }
            section.problem {
                p.status data-kind=(family(kind.status)) { (kind.status) }
                h1 { (kind.title) }
                p.lead { (prose(kind.explanation)) }
            }
            section {
                h2 { "How it looks" }
                p { "Beside these members, " code { "detail" } " says what was wrong this time, and "
                    code { "errors" } " names every place, where there are several. Programs go by "
                    code { "code" } ", which never changes." }
                pre { code { (example) } }
            }
        },
    )
}

/// The page that lists all kinds.
pub fn problems(model: &Model, kinds: &[ProblemKind<'_>]) -> String {
    let mut kinds: Vec<&ProblemKind<'_>> = kinds.iter().collect();
    kinds.sort_by_key(|kind| (kind.status, kind.code));
    let title = format!("Problems – {}", model.title);
    page(
        model,
        &title,
        html! {
            section.hero.small {
                h1 { "Problems" }
                p.lead {
                    "Why a request may not be carried out. Every refusal is a problem detail (RFC 9457) whose "
                    code { "type" } " leads to one of these pages."
                }
            }
            section {
                ul.kinds {
                    @for kind in kinds {
                        li {
                            a href={ (PROBLEMS_PATH) "/" (kind.code) } {
                                span.status data-kind=(family(kind.status)) { (kind.status) }
                                span.name { strong { (kind.title) } code { (kind.code) } }
                            }
                        }
                    }
                }
            }
        },
    )
}

/// Whose move it is: the client's, or the server's.
fn family(status: u16) -> &'static str {
    if status >= 500 { "server" } else { "client" }
}
