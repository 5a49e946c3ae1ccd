//! The first page: what this API is, what it has, and how to begin.

use maud::{Markup, html};
use model::{Action, Audience, DocsAccess, Idempotency, Model, Resource};
use serde_json::{Map, Value as Json};

use super::DOCS_PATH;
use super::layout::{page, prose};
use crate::access::{self, Opening};
use crate::{example, words};

/// The first page. `origin` is where the API is reached, such as `http://127.0.0.1:8080`; the
/// commands to try use it.
pub fn landing(model: &Model, audience: Audience, origin: &str) -> String {
    let documented = model.docs != DocsAccess::Off;
    let resources: Vec<&Resource> = access::resources(model, audience).collect();
    let commands = commands(model, audience, origin);
    page(
        model,
        &model.title,
        html! {
            section.hero {
                p.eyebrow { "REST API" @if !model.base.is_empty() { " · " code { (model.base) } } }
                h1 { (model.title) }
                @if let Some(description) = &model.description {
                    @for paragraph in description.split("\n\n") {
                        p.lead { (prose(paragraph)) }
                    }
                }
                @if documented {
                    p.actions {
                        a.button href=(DOCS_PATH) { "Open the reference" }
                        a.button.quiet href={ (model.base) "/openapi.json" } { "openapi.json" }
                        a.button.quiet href={ (model.base) "/openapi.yaml" } { "openapi.yaml" }
                    }
                }
            }
            @if !commands.is_empty() {
                section {
                    h2 { "Try it" }
                    pre.shell {
                        @for (place, Command { says, line }) in commands.iter().enumerate() {
                            @if place > 0 { "\n\n" }
                            span.comment { "# " (says) }
                            "\n" (line)
                        }
                    }
                }
            }
            section {
                h2 { "What is here" }
                @if resources.is_empty() {
                    p { "Nothing yet." }
                }
                div.cards {
                    @for resource in resources {
                        (card(model, resource, audience))
                    }
                }
            }
        },
    )
}

fn card(model: &Model, resource: &Resource, audience: Audience) -> Markup {
    let lists = resource
        .lists
        .iter()
        .filter(|list| model.resource(list.resource).audience <= audience)
        .filter(|list| !model.is_own_place(resource, list));
    let record = model.record_path(resource.id);
    html! {
        article.card {
            h3 {
                (words::heading(&resource.plural))
                @if resource.deprecated.is_some() { " " span.tag { "deprecated" } }
            }
            @if let Some(description) = &resource.description { p { (prose(description)) } }
            ul.paths {
                li { (template(&model.collection_path(resource.id))) }
                li { (template(&record)) }
                @for list in lists {
                    li { (template(&format!("{record}/{}", list.path()))) }
                }
            }
            dl.access {
                @for (actions, opening) in openings(resource) {
                    dt { (actions) }
                    dd data-open=(mark(opening)) { (who(opening)) }
                }
            }
        }
    }
}

/// A path with what is put into it set apart: `/v1/books/{id}`.
fn template(path: &str) -> Markup {
    html! {
        code {
            @for (at, piece) in path.split(['{', '}']).enumerate() {
                @if at % 2 == 0 { (piece) } @else { em { (piece) } }
            }
        }
    }
}

/// Actions that the same rule opens, together.
fn openings(resource: &Resource) -> Vec<(String, Option<Opening<'_>>)> {
    let words = [
        (Action::List, "list"),
        (Action::Get, "read"),
        (Action::Create, "create"),
        (Action::Update, "change"),
        (Action::Replace, "replace"),
        (Action::Delete, "delete"),
        (Action::Restore, "restore"),
    ];
    let mut groups: Vec<(String, Option<&str>, Option<Opening<'_>>)> = Vec::new();
    let soft = resource.soft_delete.is_some();
    for (action, word) in words {
        if action == Action::Restore && !soft {
            continue;
        }
        let opening = access::of(resource, action);
        let rule = opening
            .and(resource.access.rule(action))
            .map(|rule| rule.text.as_str());
        match groups.iter_mut().find(|(_, known, _)| *known == rule) {
            Some((actions, _, _)) => {
                actions.push_str(", ");
                actions.push_str(word);
            }
            None => groups.push((words::heading(word), rule, opening)),
        }
    }
    groups
        .into_iter()
        .map(|(actions, _, opening)| (actions, opening))
        .collect()
}

fn who(opening: Option<Opening<'_>>) -> Markup {
    html! {
        @match opening {
            Some(Opening::Everybody) => { "everybody" },
            Some(Opening::Some(rule)) => { "everybody, where " code { (rule.text) } },
            Some(Opening::Callers(rule)) if rule.text == "signed_in" => { "with a key" },
            Some(Opening::Callers(rule)) => { "with a key, where " code { (rule.text) } },
            None => { "nobody" },
        }
    }
}

fn mark(opening: Option<Opening<'_>>) -> &'static str {
    match opening {
        Some(Opening::Everybody) => "all",
        Some(_) => "some",
        None => "none",
    }
}

/// One line to paste into a shell, and what it does.
struct Command {
    says: String,
    line: String,
}

fn commands(model: &Model, audience: Audience, origin: &str) -> Vec<Command> {
    let url = |resource: &Resource| format!("{origin}{}/{}", model.base, resource.path);
    let key = |opening: Opening<'_>| {
        if opening.takes_guests() {
            ""
        } else {
            " -H \"Authorization: Bearer $KEY\""
        }
    };
    let mut commands = Vec::new();
    // What is within other records cannot be asked without one of them.
    let outermost =
        || access::resources(model, audience).filter(|resource| resource.within.is_none());
    let listed =
        outermost().find_map(|resource| Some((resource, access::of(resource, Action::List)?)));
    if let Some((resource, opening)) = listed {
        commands.push(Command {
            says: format!("The first three {}", resource.nouns()),
            line: format!(
                "curl{} '{}?{}=3'",
                key(opening),
                url(resource),
                resource.list.limit
            ),
        });
    }
    let created = outermost().find_map(|resource| {
        Some((
            resource,
            access::of(resource, Action::Create)?,
            least_body(resource, audience)?,
        ))
    });
    if let Some((resource, opening, body)) = created {
        let with_key = if opening.takes_guests() {
            ""
        } else {
            ", with your key in $KEY"
        };
        // A quote would end the shell's string; JSON has another way to write it.
        let body = Json::Object(body).to_string().replace('\'', "\\u0027");
        let once = match resource.idempotency {
            Idempotency::Required => "  -H \"Idempotency-Key: $(date +%s)\" \\\n",
            Idempotency::Optional => "",
        };
        commands.push(Command {
            says: format!("A new {}{with_key}", resource.noun()),
            line: format!(
                "curl{} '{}' \\\n  -H 'Content-Type: application/json' \\\n{once}  -d '{body}'",
                key(opening),
                url(resource)
            ),
        });
    }
    if model.docs == DocsAccess::Public {
        commands.push(Command {
            says: "Everything there is, for your tools".to_owned(),
            line: format!("curl '{origin}{}/openapi.json'", model.base),
        });
    }
    commands
}

/// The least that a record can be created from, unless it takes another record to refer to.
fn least_body(resource: &Resource, audience: Audience) -> Option<Map<String, Json>> {
    let needed = access::fields(resource, audience).filter(|field| field.required_on_create());
    let members = needed.map(|field| match field.relation() {
        Some(_) => None,
        None => Some((field.name.clone(), example::of_new(field)?)),
    });
    let mut body: Map<String, Json> = members.collect::<Option<_>>()?;
    if resource.id_type.kind == value::IdKind::Text {
        let id = example::of_field(resource.id_field())?;
        body.insert("id".to_owned(), id);
    }
    Some(body)
}
