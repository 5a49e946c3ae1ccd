//! What a 403 tells in development: which parts of the rule held for this caller and record, as it
//! is and as it would have become.
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

use crate::decision::{self, States};

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
        let action = match refused.action {
            // A write to what is not there creates it.
            Action::Update | Action::Replace if row.is_none() => Action::Create,
            action => action,
        };
        let why = |record: Option<States<'_>>| {
            decision::why(
                &self.model,
                &*self.driver,
                resource,
                action,
                refused.rule,
                refused.caller,
                record,
            )
        };
        let becoming = refused.becoming;
        let as_it_is = row.as_deref().or(becoming).map(|this| States {
            this,
            next: becoming.unwrap_or(this),
        });
        let Some(before) = why(as_it_is) else {
            return lines;
        };
        write(&before, 0, &mut lines);
        let changes = matches!(action, Action::Update | Action::Replace);
        if before.held == Ok(true) && changes {
            let what = "so it holds for the record as it is, but not as it would become";
            let next = becoming.map(States::of);
            match next.and_then(|next| why(Some(next))) {
                Some(after) => {
                    lines.push(format!("{what}:"));
                    write(&after, 0, &mut lines);
                }
                None => lines.push(what.to_owned()),
            }
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
