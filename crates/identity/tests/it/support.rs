//! A service's tokens on a database of its own, and a clock that stands still until it is moved.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use identity::denied::Denied;
use identity::jws::{Algorithm, Pair};
use identity::signing::{self, Signing};
use identity::tokens::{self, FIRST_PARTY, NewAccess, Tokens};
use testdb::{Fresh, wait};
use value::Timestamp;
use vault::{MasterKeys, Vault};

pub const ISSUER: &str = "https://photos.example";
pub const AUDIENCE: &str = "https://photos.example/api";
/// The 1st of January 2027.
pub const NOW: Timestamp = Timestamp(1_798_761_600_000);

pub const SECOND: i64 = 1_000;
pub const MINUTE: i64 = 60 * SECOND;
pub const HOUR: i64 = 60 * MINUTE;
pub const DAY: i64 = 24 * HOUR;

const CONTRACT: &str = "frontdesk: 1
name: photos
resources:
  User: {fields: {name: text}}
";

/// A database and what opens its secrets: what all nodes of a service share.
pub struct Service {
    pub fresh: Arc<Fresh>,
    pub vault: Vault,
    pub algorithms: Vec<Algorithm>,
}

/// One process of it.
pub struct Node {
    pub denied: Arc<Denied>,
    pub signing: Arc<Signing>,
    pub tokens: Tokens,
    // After what uses it.
    _fresh: Arc<Fresh>,
}

impl Service {
    pub fn new() -> Service {
        Service::signing_with(&[Algorithm::Es256])
    }

    pub fn signing_with(algorithms: &[Algorithm]) -> Service {
        let keys = MasterKeys::parse(&MasterKeys::generate().unwrap()).unwrap();
        Service {
            fresh: Arc::new(Fresh::of(CONTRACT)),
            vault: Vault::new(keys),
            algorithms: algorithms.to_vec(),
        }
    }

    pub fn node(&self, now: Timestamp) -> Node {
        wait(self.opened(now))
    }

    pub async fn opened(&self, now: Timestamp) -> Node {
        let driver = || Arc::clone(&self.fresh.driver);
        let denied = Arc::new(Denied::open(driver(), now).await.unwrap());
        let settings = signing::Settings {
            algorithms: self.algorithms.clone(),
        };
        let vault = self.vault.clone();
        let opened = Signing::open(driver(), vault, Arc::clone(&denied), settings, now).await;
        let signing = Arc::new(opened.unwrap());
        let lives = Duration::from_secs(15 * 60);
        Node {
            tokens: living(lives, &signing, &denied),
            denied,
            signing,
            _fresh: Arc::clone(&self.fresh),
        }
    }
}

fn living(access_life: Duration, signing: &Arc<Signing>, denied: &Arc<Denied>) -> Tokens {
    let settings = tokens::Settings {
        issuer: ISSUER.to_owned(),
        audience: AUDIENCE.to_owned(),
        access_life,
    };
    Tokens::new(Arc::clone(signing), Arc::clone(denied), settings)
}

impl Node {
    /// Under a contract that lets access tokens live so long.
    pub fn living(&self, access_life: Duration) -> Tokens {
        living(access_life, &self.signing, &self.denied)
    }

    /// What happens every second.
    pub fn tick(&self, now: Timestamp) {
        wait(self.denied.poll(now)).unwrap();
        wait(self.signing.tend(now)).unwrap();
    }

    pub fn mint(&self, new: NewAccess, now: Timestamp) -> String {
        self.tokens.mint(new, now).unwrap().text
    }

    pub fn verify(
        &self,
        text: &str,
        now: Timestamp,
    ) -> Result<Arc<tokens::Access>, tokens::Refused> {
        wait(self.tokens.verify(text, now))
    }
}

/// A person's own sign-in.
pub fn ann() -> NewAccess {
    NewAccess {
        subject: "user_ann".to_owned(),
        client: FIRST_PARTY.to_owned(),
        authenticated_at: Some(NOW),
        methods: vec!["pwd".to_owned()],
        family: Some("family-1".to_owned()),
        epoch: Some(3),
        ..NewAccess::default()
    }
}

pub fn at(milliseconds: i64) -> Timestamp {
    Timestamp(NOW.0 + milliseconds)
}

/// Signed with a pair, whatever the header says.
pub fn signed(pair: &Pair, header: &str, claims: &str) -> String {
    let head = URL_SAFE_NO_PAD.encode(header);
    let signed = [&*head, ".", &URL_SAFE_NO_PAD.encode(claims)].concat();
    let signature = URL_SAFE_NO_PAD.encode(pair.signature(signed.as_bytes()).unwrap());
    [&*signed, ".", &*signature].concat()
}
