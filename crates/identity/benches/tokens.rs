//! What tokens cost: signing one, verifying one that was and was not seen before, and exchanging a
//! refresh token with all that comes with it.
//!
//! `cargo bench -p identity`; with `FRONTDESK_TEST_DATABASE=postgres://…` on that server. Times are
//! those of the processor, of all threads of this process, where the system tells them (Linux), and
//! else those on the wall. Refreshes are durable.

#![expect(clippy::print_stdout, reason = "the result is the point")]
#![expect(
    clippy::unwrap_used,
    reason = "a measurement that cannot go on should stop where it is"
)]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use futures_util::future::join_all;
use identity::denied::Denied;
use identity::families::{Families, NewFamily, Settings, Shown};
use identity::jws::Algorithm;
use identity::signing::{self, Signing};
use identity::tokens::{self, Binding, FIRST_PARTY, NewAccess, Tokens};
use store::{Dialect, Driver};
use store_sqlite::SqliteDriver;
use testdb::{Fresh, wait};
use value::Timestamp;
use vault::{MasterKeys, Vault};

const CONTRACT: &str = "frontdesk: 1
name: photos
resources:
  User: {fields: {name: text}}
";

/// Tokens of each kind.
const TOKENS: u32 = 2_000;
/// People who refresh at once, each after the other.
const PEOPLE: usize = 256;
/// How often each does.
const ROUNDS: i64 = 60;

fn main() {
    let fresh = Fresh::of(CONTRACT);
    let driver: Arc<dyn Driver> = match fresh.driver.dialect() {
        // As a server opens it, and not as tests do.
        Dialect::Sqlite => {
            let file = fresh.folder.path().join("test.db");
            Arc::new(SqliteDriver::open(&file, store_sqlite::Options::default()).unwrap())
        }
        Dialect::Postgres => Arc::clone(&fresh.driver),
    };
    let vault = Vault::new(MasterKeys::parse(&MasterKeys::generate().unwrap()).unwrap());
    for algorithm in [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Rs256] {
        let tokens = service(&driver, &vault, algorithm);
        let name = algorithm.name();
        let now = now();
        let mut texts = Vec::new();
        measure(&format!("{name}: sign"), TOKENS, || {
            texts.push(tokens.mint(person(), now).unwrap().text);
        });
        let mut unseen = texts.iter();
        measure(&format!("{name}: verify"), TOKENS, || {
            let text = unseen.next().unwrap();
            black_box(wait(tokens.verify(text, now)).unwrap());
        });
        let mut seen = texts.iter().cycle();
        measure(
            &format!("{name}: verify one that was seen"),
            100 * TOKENS,
            || {
                let text = seen.next().unwrap();
                black_box(wait(tokens.verify(text, now)).unwrap());
            },
        );
    }
    refreshes(&driver, &vault);
}

fn service(driver: &Arc<dyn Driver>, vault: &Vault, algorithm: Algorithm) -> Tokens {
    let denied = Arc::new(wait(Denied::open(Arc::clone(driver), now())).unwrap());
    let settings = signing::Settings {
        algorithms: vec![algorithm],
    };
    let opened = Signing::open(
        Arc::clone(driver),
        vault.clone(),
        Arc::clone(&denied),
        settings,
        now(),
    );
    let signing = Arc::new(wait(opened).unwrap());
    let settings = tokens::Settings {
        issuer: "https://photos.example".to_owned(),
        audience: "https://photos.example".to_owned(),
        access_life: Duration::from_secs(900),
    };
    Tokens::new(signing, denied, settings)
}

fn person() -> NewAccess {
    NewAccess {
        subject: "user_01h455vb4pex5vsknk084sn02q".to_owned(),
        client: FIRST_PARTY.to_owned(),
        authenticated_at: Some(now()),
        methods: vec!["pwd".to_owned()],
        family: Some("018fd3a5-0000-7000-8000-000000000000".to_owned()),
        epoch: Some(1),
        ..NewAccess::default()
    }
}

/// A refresh token read, its family found, moved on and committed, an access token signed.
fn refreshes(driver: &Arc<dyn Driver>, vault: &Vault) {
    let tokens = service(driver, vault, Algorithm::Es256);
    let denied = Arc::new(wait(Denied::open(Arc::clone(driver), now())).unwrap());
    let lasts = Settings {
        idle: Duration::from_secs(3_600),
        absolute: Duration::from_secs(86_400),
    };
    let families = Families::new(Arc::clone(driver), denied, &[1; 32], lasts);
    let begun = (0..PEOPLE).map(|person| {
        let new = NewFamily {
            account: format!("acc_{person}"),
            client: FIRST_PARTY.to_owned(),
            audience: vec!["https://photos.example".to_owned()],
            methods: vec!["pwd".to_owned()],
            ..NewFamily::default()
        };
        families.begin(new, now())
    });
    let begun: Vec<String> = wait(join_all(begun))
        .into_iter()
        .map(|begun| begun.unwrap().1.reveal())
        .collect();
    let proved = Binding::default();
    let shown = Shown {
        client: FIRST_PARTY,
        proved: &proved,
    };
    let (start, used) = (Instant::now(), Processor::now());
    let people = begun.into_iter().map(async |mut token| {
        for _ in 0..ROUNDS {
            let refreshed = families.refresh(&token, shown, now()).await;
            token = refreshed.unwrap().unwrap().token.reveal();
            black_box(tokens.mint(person(), now()).unwrap());
        }
    });
    wait(join_all(people));
    let count = PEOPLE as f64 * ROUNDS as f64;
    let micros = used.elapsed().as_secs_f64() * 1e6 / count;
    println!(
        "refresh, {PEOPLE} at once: {:.0} a second on the wall, {micros:.1} µs of a processor: {:.0} a \
         second and core",
        count / start.elapsed().as_secs_f64(),
        1e6 / micros
    );
}

fn measure(what: &str, count: u32, mut act: impl FnMut()) {
    let used = Processor::now();
    for _ in 0..count {
        act();
    }
    let micros = used.elapsed().as_secs_f64() * 1e6 / f64::from(count);
    println!("{what}: {micros:.2} µs");
}

fn now() -> Timestamp {
    Timestamp::from(SystemTime::now())
}

/// The time this process has had processors, or the time on the wall.
enum Processor {
    Used(Duration),
    Wall(Instant),
}

impl Processor {
    fn now() -> Processor {
        used().map_or_else(|| Processor::Wall(Instant::now()), Processor::Used)
    }

    fn elapsed(&self) -> Duration {
        match self {
            Processor::Used(then) => used().unwrap_or_default().saturating_sub(*then),
            Processor::Wall(then) => then.elapsed(),
        }
    }
}

/// Of all its threads.
fn used() -> Option<Duration> {
    let mut nanos = 0;
    for thread in std::fs::read_dir("/proc/self/task").ok()? {
        let told = std::fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
        nanos += told.split(' ').next()?.parse::<u64>().ok()?;
    }
    Some(Duration::from_nanos(nanos))
}
