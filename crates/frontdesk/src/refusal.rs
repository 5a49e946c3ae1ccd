//! What a 403 tells in development: which parts of the rule held for this caller and record.
//!
//! Looks at the record after the request has been refused; it decides nothing.

use std::fmt;
use std::sync::Arc;

use call::BoxFuture;
use expr::EvalError;
use expr::explain::Why;
use model::{Action, Model};
use rest::{Explain, Refused};
use store::driver::Driver;
use tokio::runtime::{Handle, RuntimeFlavor};

use crate::decision;

/// Explains refusals of one model.
pub(crate) struct Explainer {
    pub model: Arc<Model>,
    pub driver: Arc<dyn Driver>,
}

impl fmt::Debug for Explainer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Explainer")
            .field("name", &self.model.name)
            .finish_non_exhaustive()
    }
}

impl Explain for Explainer {
    fn explain<'a>(&'a self, refused: Refused<'a>) -> BoxFuture<'a, Vec<String>> {
        Box::pin(self.lines(refused))
    }
}

impl Explainer {
    async fn lines(&self, refused: Refused<'_>) -> Vec<String> {
        let resource = self.model.resource(refused.resource);
        let row = match refused.target {
            Some(key) => {
                let (driver, action) = (&*self.driver, refused.action);
                let found = decision::row_of(&self.model, driver, resource.id, action, key).await;
                found.ok().flatten()
            }
            None => None,
        };
        // Rules over relations read the database in the middle of being evaluated, which needs
        // another thread to go on meanwhile.
        let flavor = Handle::try_current().map(|handle| handle.runtime_flavor());
        if !matches!(flavor, Ok(RuntimeFlavor::MultiThread)) {
            return vec![];
        }
        let mut lines = vec![format!("caller: {}", decision::describe(refused.caller))];
        let why = decision::why(
            &self.model,
            &*self.driver,
            resource,
            refused.action,
            refused.rule,
            refused.caller,
            row.as_deref(),
        );
        let Some(why) = why else {
            return lines;
        };
        write(&why, 0, &mut lines);
        let changes = matches!(refused.action, Action::Update | Action::Replace);
        if why.held == Ok(true) && changes {
            lines
                .push("so it holds for the record as it is, but not as it would become".to_owned());
        }
        lines
    }
}

/// One line per part, indented, like `frontdesk explain`.
fn write(why: &Why, level: usize, lines: &mut Vec<String>) {
    let (held, note) = match &why.held {
        Ok(true) => ("yes", why.note.clone()),
        Ok(false) => ("no ", why.note.clone()),
        // There is no record yet, or none that was named.
        Err(EvalError::Internal(_)) => ("?  ", Some("depends on the record".to_owned())),
        Err(error) => ("?  ", Some(error.to_string())),
    };
    let mut line = format!("{:1$}{held} {2}", "", level * 2, why.text);
    if let Some(note) = note {
        line.push_str(&format!("   ({note})"));
    }
    lines.push(line);
    for part in &why.parts {
        write(part, level + 1, lines);
    }
}
