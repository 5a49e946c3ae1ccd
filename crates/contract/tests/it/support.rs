//! Compiles a contract from texts at hand.

use contract::compile;
use diag::{Diagnostics, Severity, Sources, render};
use model::Model;

pub struct Compiled {
    pub sources: Sources,
    pub found: Diagnostics,
    pub model: Option<Model>,
}

/// A main file and what its `include:` patterns stand for.
pub fn compile_files(main: &str, included: &[(&str, &str, &str)]) -> Compiled {
    let mut sources = Sources::new();
    let file = sources.add("frontdesk.yaml", main.to_owned());
    let mut found = Diagnostics::new();
    let mut load = |pattern: &str| {
        if pattern == "locked/*.yaml" {
            return Err("permission denied".to_owned());
        }
        if pattern.ends_with("frontdesk.yaml") {
            return Ok(vec![(pattern.to_owned(), main.to_owned())]);
        }
        Ok(included
            .iter()
            .filter(|(of, _, _)| *of == pattern)
            .map(|(_, path, text)| ((*path).to_owned(), (*text).to_owned()))
            .collect())
    };
    let model = compile(file, &mut sources, &mut load, &mut found);
    Compiled {
        sources,
        found,
        model,
    }
}

pub fn compile_one(main: &str) -> Compiled {
    compile_files(main, &[])
}

impl Compiled {
    pub fn rendered(&self) -> String {
        render::text(&self.sources, &self.found, false)
    }

    /// The model of a contract that has to be right.
    #[track_caller]
    pub fn model(self) -> Model {
        let rendered = self.rendered();
        self.model
            .unwrap_or_else(|| panic!("does not compile:\n{rendered}"))
    }

    pub fn codes(&self, severity: Severity) -> Vec<&'static str> {
        self.found
            .iter()
            .filter(|found| found.severity == severity)
            .map(|found| found.code)
            .collect()
    }
}

/// Whether it says what to write.
pub fn mendable(found: &diag::Diagnostic) -> bool {
    found
        .help
        .as_ref()
        .is_some_and(|help| !help.trim().is_empty())
}
