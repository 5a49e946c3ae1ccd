//! Statements that a connection has prepared, each once for its text; the one not used for longest
//! goes when there are too many.

use std::collections::HashMap;

use store::driver::{Statement, Storage};

use crate::error::{Failed, internal};

pub(crate) struct Statements {
    known: HashMap<Box<str>, Known>,
    most: usize,
    /// Counts uses, to know which was not used for longest.
    uses: u64,
}

struct Known {
    prepared: tokio_postgres::Statement,
    /// The same text may be asked of other types.
    parameters: Vec<Storage>,
    used: u64,
}

impl Statements {
    pub fn new(most: usize) -> Statements {
        Statements {
            known: HashMap::new(),
            most: most.max(1),
            uses: 0,
        }
    }

    pub fn clear(&mut self) {
        self.known.clear();
    }

    pub fn knows(&self, statement: &Statement) -> bool {
        let known = self.known.get(&*statement.text);
        known.is_some_and(|known| known.parameters == statement.parameters)
    }

    pub fn known(&mut self, statement: &Statement) -> Option<tokio_postgres::Statement> {
        self.uses += 1;
        let known = self.known.get_mut(&*statement.text)?;
        if known.parameters != statement.parameters {
            return None;
        }
        known.used = self.uses;
        Some(known.prepared.clone())
    }

    /// Keeps what has been prepared, unless it is not what the statement says.
    pub fn keep(
        &mut self,
        statement: &Statement,
        prepared: tokio_postgres::Statement,
    ) -> Result<tokio_postgres::Statement, Failed> {
        if prepared.columns().len() != statement.columns.len() {
            return Err(Failed::of(internal(format!(
                "a statement gives {} columns and declares {}",
                prepared.columns().len(),
                statement.columns.len()
            ))));
        }
        if self.known.len() >= self.most {
            let oldest = self.known.iter().min_by_key(|(_, known)| known.used);
            // Dropping it closes it on the server.
            if let Some(text) = oldest.map(|(text, _)| text.clone()) {
                self.known.remove(&text);
            }
        }
        let known = Known {
            prepared: prepared.clone(),
            parameters: statement.parameters.clone(),
            used: self.uses,
        };
        self.known.insert(Box::from(&*statement.text), known);
        Ok(prepared)
    }
}
