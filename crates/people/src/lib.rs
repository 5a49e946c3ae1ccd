//! People and their accounts: signing up and in, proofs that are added and lost, leaving.
//!
//! ```text
//!  sign_up ─► letter ─► confirm ─► account + record ─┐
//!  sign_in ─► password, link, passkey ─► second factor ─► SignedIn ─► a session or tokens (the door's)
//!  signed in: change of password and address, second factors, what there is of me, leaving
//! ```
//!
//! What proves what is `identity`'s; what a record may hold is the engine's; how anything looks on
//! a wire is the doors'. Letters are handed to a [`Post`]. Here is the order in which things
//! happen, and that nobody can tell from an answer, or from how long it took, whether there is an
//! account with an address.
//!
//! Begin with [`People`].

pub mod account;
mod change;
mod leave;
mod letters;
mod link;
mod noted;
mod second_factor;
mod sign_in;
mod sign_up;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use audit::Audit;
use call::{Code, Failure};
use engine::Engine;
use identity::denied::Denied;
use identity::families::Families;
use identity::guess::{Attempt, Guesses, Permit};
use identity::password::{Hasher, NoPassword, Password, Policy, Weakness};
use identity::sessions::Sessions;
use identity::text::Email;
use identity::tokens::Tokens;
use model::{Model, Users};
use store::driver::{Driver, StoreError};
use value::Timestamp;
use vault::Vault;

pub use account::Account;
pub use letters::{Kind, Letter, Post, Secret};
pub use second_factor::{NewTotp, SecondFactors};
pub use sign_in::{Second, SignIn, SignedIn};
pub use sign_up::SignUp;

/// What stays when the contract changes.
pub struct Lasting {
    pub hasher: Arc<Hasher>,
    pub passwords: Arc<Guesses>,
    pub second_factors: Arc<Guesses>,
    /// Of letters that somebody may have sent to others.
    pub letters: Arc<Guesses>,
    pub sessions: Arc<Sessions>,
    pub vault: Arc<Vault>,
    pub post: Arc<dyn Post>,
    pub audit: Arc<Audit>,
    pub families: Arc<Families>,
    pub denied: Arc<Denied>,
    pub tokens: Arc<Tokens>,
}

/// The people of one contract. Clones are the same.
#[derive(Clone)]
pub struct People {
    inner: Arc<Inner>,
}

struct Inner {
    engine: Engine,
    users: Users,
    lasting: Arc<Lasting>,
}

/// Where somebody is who wants something, and when.
#[derive(Clone, Copy, Debug)]
pub struct From<'a> {
    pub address: IpAddr,
    /// What the browser or app says about itself.
    pub agent: Option<&'a str>,
    /// The language letters are to be in.
    pub language: Option<&'a str>,
    pub now: Timestamp,
}

impl People {
    /// `None` where the contract has no people.
    pub fn new(engine: Engine, lasting: Arc<Lasting>) -> Option<People> {
        let users = engine.model().auth.users.clone()?;
        Some(People {
            inner: Arc::new(Inner {
                engine,
                users,
                lasting,
            }),
        })
    }

    pub fn model(&self) -> &Arc<Model> {
        self.inner.engine.model()
    }

    pub fn users(&self) -> &Users {
        &self.inner.users
    }

    pub fn sessions(&self) -> &Sessions {
        &self.lasting().sessions
    }

    fn lasting(&self) -> &Lasting {
        &self.inner.lasting
    }

    fn engine(&self) -> &Engine {
        &self.inner.engine
    }

    fn driver(&self) -> &dyn Driver {
        &**self.inner.engine.driver()
    }

    /// How people here are called by a site: letters and authenticator apps show it.
    pub fn title(&self) -> &str {
        let model = self.model();
        model.auth.theme.title.as_deref().unwrap_or(&model.title)
    }

    /// A password that may be chosen here.
    fn new_password(
        &self,
        text: &str,
        email: &str,
        field: &'static str,
    ) -> Result<Password, Failure> {
        let Some(wanted) = self.model().auth.password else {
            return Err(Failure::new(Code::Forbidden, "passwords are not used here"));
        };
        let wrong = |code, detail: String| {
            let problem = call::FieldProblem {
                place: call::Place::Pointer(format!("/{field}")),
                code,
                detail,
            };
            Failure::with_problems(Code::Invalid, vec![problem])
        };
        let password = Password::read(text).map_err(|no| {
            let code = match no {
                NoPassword::TooLong => "too_long",
                NoPassword::ControlCharacter => "invalid_format",
            };
            wrong(code, no.to_string())
        })?;
        let policy = Policy::new(usize::try_from(wanted.min_length).unwrap_or(usize::MAX));
        let own = [email, self.title(), &self.model().name];
        policy
            .check(&password, &own)
            .map_err(|weak: Weakness| wrong(weak.code(), weak.to_string()))?;
        Ok(password)
    }
}

/// An address that somebody typed.
fn email(text: &str) -> Result<Email, Failure> {
    Email::read(text).map_err(|_| {
        let problem = call::FieldProblem {
            place: call::Place::Pointer("/email".to_owned()),
            code: "invalid_format",
            detail: "an e-mail address looks like `ann@example.com`".to_owned(),
        };
        Failure::with_problems(Code::Invalid, vec![problem])
    })
}

/// Whether somebody may try once more.
fn may_try<'a>(
    guesses: &'a Guesses,
    account: Option<&str>,
    from: &From<'_>,
) -> Result<Try<'a>, Failure> {
    let attempt = Attempt {
        account,
        peer: from.address,
        known_device: false,
    };
    let permit = guesses
        .may_try(&attempt, Instant::now())
        .map_err(|wait| Failure {
            retry_after_seconds: Some(wait.seconds),
            ..Failure::new(
                Code::RateLimited,
                format!("too many wrong tries; try again in {} s", wait.seconds),
            )
        })?;
    Ok(Try { guesses, permit })
}

/// A try that counts as wrong unless it is said to be otherwise.
struct Try<'a> {
    guesses: &'a Guesses,
    permit: Permit,
}

impl Try<'_> {
    fn right(self) {
        self.guesses.right(self.permit, Instant::now());
    }

    /// What it counts as anyway, said where nothing else follows.
    fn wrong(self) {}

    fn undecided(self) {
        self.guesses.undecided(self.permit, Instant::now());
    }
}

/// How a database in trouble is told of.
pub fn trouble(error: &StoreError) -> Failure {
    identity::in_trouble(error, "this cannot be done right now; try again")
}
