//! `auth.theme`: how the pages for people look.

use diag::{Diagnostic, Diagnostics};
use model::Theme;

use crate::codes;
use crate::read::{Item, Text};

/// What browsers show and is no script: the end of a picture's name.
const PICTURES: [&str; 5] = [".svg", ".png", ".webp", ".jpg", ".jpeg"];

pub fn read(auth: &Item<'_>, out: &mut Diagnostics) -> Theme {
    let Some(item) = auth.get("theme") else {
        return Theme::default();
    };
    Theme {
        color: item.text("color").and_then(|text| color(text, out)),
        logo: item.text("logo").and_then(|text| logo(text, out)),
        title: item
            .text("title")
            .map(|title| title.as_str().trim().to_owned()),
    }
}

/// `#0a7` or `#00aa77`.
fn color(text: Text<'_>, out: &mut Diagnostics) -> Option<[u8; 3]> {
    let digits: Option<Vec<u8>> = text.as_str().trim().strip_prefix('#').and_then(|hex| {
        let digit = |c: char| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        hex.chars().map(digit).collect()
    });
    match digits.as_deref() {
        Some([r, g, b]) => Some([r * 17, g * 17, b * 17]),
        Some([r, s, g, h, b, c]) => Some([r * 16 + s, g * 16 + h, b * 16 + c]),
        _ => {
            out.push(
                Diagnostic::error(
                    codes::THEME,
                    text.span(),
                    format!("`{}` is not a colour", text.as_str()),
                )
                .label("`#` and three or six digits")
                .help("write red, green and blue in quotes, for example `color: \"#00aa77\"`"),
            );
            None
        }
    }
}

/// A picture in the contract's folder.
fn logo(text: Text<'_>, out: &mut Diagnostics) -> Option<String> {
    let path = text.as_str().trim();
    let lower = path.to_ascii_lowercase();
    let outside = path.starts_with(['/', '~']) || path.contains(['\\', ':']);
    let step = |step: &str| step.is_empty() || step == "." || step == "..";
    let (label, help) = if path.contains("://") {
        (
            "on another server",
            "put the picture into the contract's folder: the pages for people load nothing from elsewhere",
        )
    } else if outside || path.split('/').any(step) {
        (
            "not in the contract's folder",
            "write the path from the contract's folder, for example `logo: logo.svg`",
        )
    } else if !PICTURES.iter().any(|end| lower.ends_with(end)) {
        (
            "not a picture",
            "write the name of an SVG, PNG, WebP or JPEG, for example `logo: logo.svg`",
        )
    } else {
        return Some(path.to_owned());
    };
    out.push(
        Diagnostic::error(codes::THEME, text.span(), "this cannot be the logo")
            .label(label)
            .help(help),
    );
    None
}
