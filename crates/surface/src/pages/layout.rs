//! What every page has around its contents.

use maud::{DOCTYPE, Markup, html};
use model::{DocsAccess, Model};

use super::{DOCS_PATH, ICON_PATH, PROBLEMS_PATH, STYLE_PATH};

/// A whole page.
pub fn page(model: &Model, title: &str, contents: Markup) -> String {
    let documented = model.docs != DocsAccess::Off;
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                link rel="icon" type="image/svg+xml" href=(ICON_PATH);
                link rel="stylesheet" href=(STYLE_PATH);
            }
            body {
                header.bar {
                    a.home href="/" {
                        img src=(ICON_PATH) alt="" width="28" height="28";
                        span { (model.title) }
                    }
                    nav {
                        @if documented {
                            a href=(DOCS_PATH) { "Reference" }
                            a href={ (model.base) "/openapi.json" } { "OpenAPI" }
                        }
                        a href=(PROBLEMS_PATH) { "Problems" }
                    }
                }
                main { (contents) }
                footer { "Served by frontdesk" }
            }
        }
    };
    markup.into_string()
}

/// Text in which what stands between backticks is code.
pub fn prose(text: &str) -> Markup {
    html! {
        @for (place, part) in text.split('`').enumerate() {
            @if place % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}
