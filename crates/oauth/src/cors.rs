//! Which apps' pages may ask from a browser: those of addresses that apps are registered with.
//!
//! No cookie counts where this is used, so it protects nobody who is signed in; it only keeps
//! pages that are nobody's from asking at all.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use identity::clients::{Client, origin_of};
use web::cors::Cors;

use crate::Door;

/// How long the origins of registered apps are believed.
const REMEMBERED_FOR: Duration = Duration::from_secs(10);

/// The origins of registered apps, as they were last read.
pub struct Origins {
    known: RwLock<Option<(Arc<Vec<String>>, Instant)>>,
}

impl Origins {
    pub fn new() -> Origins {
        Origins {
            known: RwLock::new(None),
        }
    }
}

impl Door {
    pub async fn cors(&self) -> Cors {
        let contract = self.parts.model.auth.clients.iter().map(Client::from);
        let mut all: Vec<String> = contract.flat_map(|client| origins(&client)).collect();
        all.extend(self.registered().await.iter().cloned());
        all.sort_unstable();
        all.dedup();
        // Each was made of an address that was checked; should one not do, none is let in.
        Cors::new(all.iter().map(String::as_str), false).unwrap_or_default()
    }

    async fn registered(&self) -> Arc<Vec<String>> {
        let known = &self.parts.lasting.origins.known;
        let now = Instant::now();
        let last = known.read().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((origins, read)) = &last
            && now.saturating_duration_since(*read) < REMEMBERED_FOR
        {
            return Arc::clone(origins);
        }
        let read = match self.parts.clients.list().await {
            Ok(all) => {
                let enabled = all.iter().filter(|one| one.disabled_at.is_none());
                Arc::new(enabled.flat_map(|one| origins(&one.client)).collect())
            }
            Err(error) => {
                tracing::warn!(%error, "the origins of registered apps cannot be read");
                last.map(|(origins, _)| origins).unwrap_or_default()
            }
        };
        let mut known = known.write().unwrap_or_else(PoisonError::into_inner);
        *known = Some((Arc::clone(&read), now));
        read
    }
}

fn origins(client: &Client) -> Vec<String> {
    let uris = client.redirect_uris.iter();
    uris.filter_map(|uri| origin_of(uri)).collect()
}
