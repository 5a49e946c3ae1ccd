//! Where an action happens: scope, access, validation, store, outcome.
//!
//! The engine knows no wire: no HTTP, no YAML, no vendor. Begin with [`Engine::handle`].

use std::sync::Arc;

use call::{Failure, Outcome, Request};
use model::Model;

/// One contract at work on one database.
pub struct Engine {
    model: Arc<Model>,
}

impl Engine {
    pub fn model(&self) -> &Arc<Model> {
        &self.model
    }

    /// Decides and does. Every door calls this and nothing else.
    pub async fn handle(&self, request: Request) -> Result<Outcome, Failure> {
        let _ = request;
        Err(Failure::internal("not wired up yet"))
    }
}
