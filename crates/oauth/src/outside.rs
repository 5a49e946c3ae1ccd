//! What this door wants of other servers: the keys that apps publish, and to tell them that
//! somebody has signed out. That nobody can make this server ask one inside its own network is
//! for the [`Fetch`] to see to.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use call::{BoxFuture, Code, Failure};
use identity::jws::Jwk;
use identity::outside::{Ask, Fetch};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

/// How long keys of an app are believed. One that changes its keys waits no longer for that.
const REMEMBERED_FOR: Duration = Duration::from_secs(60);
/// Key sets remembered at once; beyond it all are forgotten.
const REMEMBERED_MAX: usize = 1_000;
/// Keys of one app.
const KEYS_MAX: usize = 100;
/// Apps that are being told at once. Who finds no place is not told, as an app that does not
/// listen must not keep this server busy.
const TOLD_AT_ONCE: usize = 64;

/// Asks other servers.
pub trait Outside: Send + Sync {
    /// The keys that an app publishes there.
    fn keys<'a>(&'a self, url: &'a str) -> BoxFuture<'a, Result<Vec<Jwk>, Failure>>;

    /// Tells an app that somebody has signed out, with a logout token (OpenID Connect Back-Channel
    /// Logout §2.5). Nobody waits for it.
    fn signed_out(&self, url: String, logout_token: String);
}

/// Asks them over the net.
pub struct Net {
    fetch: Arc<dyn Fetch>,
    known: RwLock<HashMap<String, (Vec<Jwk>, Instant)>>,
    places: Arc<Semaphore>,
}

impl Net {
    pub fn new(fetch: Arc<dyn Fetch>) -> Net {
        Net {
            fetch,
            known: RwLock::default(),
            places: Arc::new(Semaphore::new(TOLD_AT_ONCE)),
        }
    }

    async fn read(&self, url: &str) -> Result<Vec<Jwk>, String> {
        let headers = [("accept", "application/jwk-set+json, application/json")];
        let ask = Ask {
            url,
            headers: &headers,
            form: None,
        };
        let answer = self.fetch.fetch(ask).await?;
        if answer.status != 200 {
            return Err(format!("it answered {}", answer.status));
        }
        let set: serde_json::Value = serde_json::from_slice(&answer.body)
            .map_err(|error| format!("that is no key set: {error}"))?;
        let keys = set.get("keys").and_then(serde_json::Value::as_array);
        let keys = keys.ok_or("that is no key set: there is no `keys`")?;
        Ok(keys.iter().take(KEYS_MAX).filter_map(Jwk::read).collect())
    }
}

impl Outside for Net {
    fn keys<'a>(&'a self, url: &'a str) -> BoxFuture<'a, Result<Vec<Jwk>, Failure>> {
        Box::pin(async move {
            let now = Instant::now();
            {
                let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
                if let Some((keys, read)) = known.get(url)
                    && now.saturating_duration_since(*read) < REMEMBERED_FOR
                {
                    return Ok(keys.clone());
                }
            }
            let keys = self.read(url).await.map_err(|why| Failure {
                cause: Some(format!("{url}: {why}").into()),
                retry_after_seconds: Some(1),
                ..Failure::new(Code::Unavailable, "the keys of the client cannot be read")
            })?;
            let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
            if known.len() >= REMEMBERED_MAX {
                known.clear();
            }
            known.insert(url.to_owned(), (keys.clone(), now));
            Ok(keys)
        })
    }

    fn signed_out(&self, url: String, logout_token: String) {
        let (Ok(place), Ok(runtime)) = (
            Arc::clone(&self.places).try_acquire_owned(),
            Handle::try_current(),
        ) else {
            tracing::warn!(
                url,
                "an app is not told of a sign-out: too many are being told"
            );
            return;
        };
        let fetch = Arc::clone(&self.fetch);
        runtime.spawn(async move {
            // A token is base64url and dots: there is nothing to encode.
            let form = ["logout_token=", &logout_token].concat();
            let ask = Ask {
                url: &url,
                headers: &[],
                form: Some(&form),
            };
            match fetch.fetch(ask).await {
                Ok(answer) if (200..300).contains(&answer.status) => {}
                Ok(answer) => {
                    let status = answer.status;
                    tracing::warn!(url, status, "an app did not take a sign-out");
                }
                Err(error) => tracing::warn!(url, error, "an app is not told of a sign-out"),
            }
            drop(place);
        });
    }
}
