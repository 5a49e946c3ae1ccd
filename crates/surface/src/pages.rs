//! Pages for people who meet the API in a browser: the first one, and those that explain problems.
//!
//! Plain HTML that needs no script and loads nothing but the style sheet and the icon given here,
//! under the policy given here. Whoever serves them decides about paths that are not constants.

mod index;
mod landing;
mod layout;
mod problems;

pub use index::index;
pub use landing::landing;
pub use problems::{problem, problems};

/// Where the style sheet is served.
pub const STYLE_PATH: &str = "/assets/frontdesk.css";
pub const STYLE: &str = include_str!("pages/style.css");

/// Where the icon is served.
pub const ICON_PATH: &str = "/assets/frontdesk.svg";
pub const ICON: &str = include_str!("pages/icon.svg");

/// Where the page about a problem is served, with its code behind it.
pub const PROBLEMS_PATH: &str = "/problems";

/// The `type` of problems with a code: the page about it, unless a registered type says the same to
/// clients of every API.
pub fn problem_type(code: &str) -> String {
    /// draft-ietf-httpapi-ratelimit-headers-11 section 5.1.
    const QUOTA_EXCEEDED: &str = "https://iana.org/assignments/http-problem-types#quota-exceeded";
    if code == call::Code::RateLimited.name() {
        QUOTA_EXCEEDED.to_owned()
    } else {
        format!("{PROBLEMS_PATH}/{code}")
    }
}

/// Where the interactive reference is served.
pub const DOCS_PATH: &str = "/docs";

/// The Content-Security-Policy of these pages.
pub const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// What all problems with one code have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProblemKind<'a> {
    /// Stable; also the last segment of the page's path.
    pub code: &'a str,
    pub status: u16,
    pub title: &'a str,
    /// What it means and what to do. Text between backticks is code.
    pub explanation: &'a str,
}
