//! The form for GitHub Actions: one workflow command per line, which GitHub turns into a mark on
//! the line of a pull request.

use std::fmt::Write;

use crate::{Diagnostic, Sources};

/// `::error file=…,line=…,col=…,endLine=…,endColumn=…,title=E0312::message`, one line each. Help
/// and note follow the message inside the command.
pub fn github(sources: &Sources, diagnostics: &(impl AsRef<[Diagnostic]> + ?Sized)) -> String {
    let mut out = String::new();
    for diagnostic in diagnostics.as_ref() {
        let span = diagnostic.primary.span;
        let (line, column) = sources.line_column(span);
        let (end_line, end_column) = sources.end_line_column(span);
        let mut message = diagnostic.message.clone();
        if !diagnostic.primary.text.is_empty() {
            message.push('\n');
            message.push_str(&diagnostic.primary.text);
        }
        for (name, text) in [("help", &diagnostic.help), ("note", &diagnostic.note)] {
            if let Some(text) = text {
                message.push('\n');
                message.push_str(name);
                message.push_str(": ");
                message.push_str(text);
            }
        }
        writeln!(
            out,
            "::{} file={},line={line},col={column},endLine={end_line},endColumn={end_column},title={}::{}",
            diagnostic.severity.as_str(),
            property(sources.path(span.file)),
            property(diagnostic.code),
            data(&message),
        )
        .expect("writing to a String cannot fail");
    }
    out
}

fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// A property ends at `,` and the properties end at `::`, so those are escaped too.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
