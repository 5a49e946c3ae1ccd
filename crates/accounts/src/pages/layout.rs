//! What every page has around its contents, and the parts that forms are made of.

use http::HeaderValue;
use maud::{DOCTYPE, Markup, html};
use model::Theme;

use super::texts::Texts;

pub const STYLE_PATH: &str = "/account/style.css";
pub const LOGO_PATH: &str = "/account/logo";

/// The name of the hidden field that shows that a form is ours.
pub const TOKEN: &str = "form";

const STYLE: &str = include_str!("style.css");
/// Where a contract's theme says none.
const COLOR: [u8; 3] = [0x43, 0x38, 0xca];

/// A picture, as it lies in the contract's folder.
pub struct Logo {
    pub bytes: Vec<u8>,
    pub media_type: HeaderValue,
}

/// How the pages of one contract look.
pub struct Look {
    pub title: String,
    pub style: String,
    pub logo: Option<Logo>,
    /// With what changes when they do, so that browsers may keep them.
    style_url: String,
    logo_url: Option<String>,
}

impl Look {
    pub fn new(title: &str, theme: &Theme, logo: Option<Logo>) -> Look {
        let color @ [r, g, b] = theme.color.unwrap_or(COLOR);
        let ink = if is_light(color) { "#000" } else { "#fff" };
        let style =
            format!(":root {{ --accent: rgb({r} {g} {b}); --accent-ink: {ink}; }}\n{STYLE}");
        let version = |bytes: &str| {
            let mut hash = identity::random::hash_for("version", bytes);
            hash.truncate(16);
            hash
        };
        Look {
            title: title.to_owned(),
            style_url: format!("{STYLE_PATH}?v={}", version(&style)),
            logo_url: logo.as_ref().map(|logo| {
                let text = String::from_utf8_lossy(&logo.bytes);
                format!("{LOGO_PATH}?v={}", version(&text))
            }),
            style,
            logo,
        }
    }
}

/// Whether black is read more easily on it than white (WCAG 2.2, relative luminance: both have the
/// same contrast at 0.179).
fn is_light(color: [u8; 3]) -> bool {
    let linear = color.map(|channel| {
        let channel = f64::from(channel) / 255.0;
        match channel <= 0.04045 {
            true => channel / 12.92,
            false => ((channel + 0.055) / 1.055).powf(2.4),
        }
    });
    0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] > 0.179
}

/// One page without what is around it.
pub struct Sheet {
    pub heading: String,
    pub body: Markup,
}

impl Sheet {
    pub fn new(heading: impl Into<String>, body: Markup) -> Sheet {
        Sheet {
            heading: heading.into(),
            body,
        }
    }

    /// The whole document.
    pub fn document(&self, look: &Look, texts: &Texts) -> String {
        let markup = html! {
            (DOCTYPE)
            html lang=(texts.code) {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    meta name="robots" content="noindex";
                    title { (self.heading) " · " (look.title) }
                    link rel="stylesheet" href=(look.style_url);
                    link rel="icon" href=(look.logo_url.as_deref().unwrap_or("data:,"));
                }
                body {
                    header {
                        @if let Some(url) = &look.logo_url { img src=(url) alt="" height="40"; }
                        span { (look.title) }
                    }
                    main {
                        h1 { (self.heading) }
                        (self.body)
                    }
                }
            }
        };
        markup.into_string()
    }
}

/// What went wrong with what was sent, to be shown beside it.
#[derive(Debug, Default)]
pub struct Trouble {
    pub text: Option<String>,
    /// The name of a member of the body, and what is wrong with it.
    pub fields: Vec<(String, String)>,
}

impl Trouble {
    pub fn of(&self, name: &str) -> Option<&str> {
        let known = self.fields.iter().find(|(known, _)| known == name);
        known.map(|(_, text)| text.as_str())
    }

    /// Above the form; read out at once.
    pub fn alert(&self) -> Markup {
        html! { @if let Some(text) = &self.text { p.alert role="alert" { (text) } } }
    }
}

/// One labelled input.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    pub name: &'a str,
    pub label: &'a str,
    /// `type` of the element.
    pub kind: &'a str,
    /// What was typed; of a password never.
    pub value: &'a str,
    pub autocomplete: &'a str,
    pub hint: Option<&'a str>,
    pub error: Option<&'a str>,
    pub required: bool,
    /// Where typing begins.
    pub first: bool,
    /// Before its id, where a page has two of the same name.
    pub within: &'a str,
}

impl<'a> Input<'a> {
    pub fn new(name: &'a str, label: &'a str, kind: &'a str, autocomplete: &'a str) -> Input<'a> {
        Input {
            name,
            label,
            kind,
            value: "",
            autocomplete,
            hint: None,
            error: None,
            required: true,
            first: false,
            within: "",
        }
    }

    pub fn markup(&self) -> Markup {
        let Input { name, kind, .. } = *self;
        let value = (!self.value.is_empty() && kind != "password").then_some(self.value);
        self.around(html! {
            input id=(self.id()) name=(name) type=(kind) value=[value] required[self.required]
                autocomplete=(self.autocomplete) autofocus[self.first]
                aria-invalid=[self.error.map(|_| "true")] aria-describedby=[self.described()]
                inputmode=[(self.autocomplete == "one-time-code").then_some("text")]
                autocapitalize=[(kind == "email").then_some("none")];
        })
    }

    /// Choices in place of free text.
    pub fn choices<'c>(&self, none: &str, words: impl Iterator<Item = &'c str>) -> Markup {
        self.around(html! {
            select id=(self.id()) name=(self.name) required[self.required]
                aria-invalid=[self.error.map(|_| "true")] aria-describedby=[self.described()] {
                option value="" { (none) }
                @for word in words {
                    option value=(word) selected[word == self.value] { (word) }
                }
            }
        })
    }

    pub fn checkbox(&self) -> Markup {
        html! {
            div.field.check {
                input id=(self.id()) name=(self.name) type="checkbox" value="true"
                    checked[self.value == "true"] aria-invalid=[self.error.map(|_| "true")]
                    aria-describedby=[self.described()];
                label for=(self.id()) { (self.label) }
                (self.notes())
            }
        }
    }

    fn id(&self) -> String {
        format!("{}{}", self.within, self.name.replace('.', "-"))
    }

    fn around(&self, input: Markup) -> Markup {
        html! {
            div.field {
                label for=(self.id()) { (self.label) }
                (input)
                (self.notes())
            }
        }
    }

    fn notes(&self) -> Markup {
        let id = self.id();
        html! {
            @if let Some(hint) = self.hint { p.hint id={ (id) "-hint" } { (hint) } }
            @if let Some(error) = self.error { p.error id={ (id) "-error" } { (error) } }
        }
    }

    /// The ids of what is said about it.
    fn described(&self) -> Option<String> {
        let id = self.id();
        let hint = self.hint.map(|_| format!("{id}-hint"));
        let error = self.error.map(|_| format!("{id}-error"));
        let all: Vec<String> = error.into_iter().chain(hint).collect();
        (!all.is_empty()).then(|| all.join(" "))
    }
}

/// Something that goes along unseen.
pub fn hidden(name: &str, value: Option<&str>) -> Markup {
    html! { @if let Some(value) = value { input type="hidden" name=(name) value=(value); } }
}

pub fn button(text: &str) -> Markup {
    html! { button type="submit" { (text) } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_on_a_button_can_be_read() {
        for (color, light) in [
            ([255, 255, 255], true),
            ([0, 0, 0], false),
            ([0, 170, 119], true),
            (COLOR, false),
            ([255, 221, 0], true),
        ] {
            assert_eq!(is_light(color), light, "{color:?}");
        }
    }
}
