//! For tests: a database of its own for each, on SQLite or on the server that the environment
//! names.
//!
//! Tests run on SQLite. With `FRONTDESK_TEST_DATABASE=postgres://…` the same tests run on that
//! server, each in a database that is made for it and dropped after it;
//! `scripts/with-postgres COMMAND` sets it to a server that lasts as long as the command.

#![allow(
    clippy::unwrap_used,
    reason = "everything here is for tests, which may panic"
)]

use std::borrow::Cow;
use std::env;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::process::{self, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use store::driver::{Cost, Dialect, Driver, Rows, Statement, Storage};
use store_postgres::{PostgresDriver, Target};
use store_sqlite::{Durability, SqliteDriver};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use value::{Timestamp, Value};

/// The server that tests use, if not SQLite: a URL with the right to create databases.
pub const SERVER: &str = "FRONTDESK_TEST_DATABASE";

/// A pooler before that server, through which the databases that were made are used: a URL whose
/// database's name does not matter.
const POOLER: &str = "FRONTDESK_TEST_POOLER";

/// A database on the server, dropped with this.
pub struct OnServer {
    name: String,
    server: String,
    url: String,
}

impl OnServer {
    /// A new and empty one; nothing if tests run on SQLite.
    pub fn fresh() -> Option<OnServer> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let server = env::var(SERVER).ok().filter(|url| !url.is_empty())?;
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        if count == 0 {
            sweep(&server);
        }
        let name = format!(
            "frontdesk_test_{}_{count}_{}",
            process::id(),
            since.subsec_nanos()
        );
        on_server(&server, format!("CREATE DATABASE {name}"));
        let pooler = env::var(POOLER).ok().filter(|url| !url.is_empty());
        let url = with_database(pooler.as_ref().unwrap_or(&server), &name);
        Some(OnServer { name, server, url })
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn target(&self) -> Target {
        self.url.parse().unwrap()
    }

    /// With another parameter of the URL.
    pub fn target_with(&self, parameter: &str) -> Target {
        let joint = if self.url.contains('?') { '&' } else { '?' };
        format!("{}{joint}{parameter}", self.url).parse().unwrap()
    }
}

impl Drop for OnServer {
    fn drop(&mut self) {
        let (server, name) = (self.server.clone(), self.name.clone());
        // On a thread of its own: a runtime's thread may not wait for another runtime.
        let dropping = thread::spawn(move || {
            on_server(
                &server,
                format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"),
            );
        });
        if dropping.join().is_err() && !thread::panicking() {
            panic!("the test's database could not be dropped");
        }
    }
}

/// A database that is open, of whichever kind the tests run on.
pub struct Fresh {
    pub driver: Arc<dyn Driver>,
    pub folder: TempDir,
    // After the driver.
    _server: Option<OnServer>,
}

impl Fresh {
    pub fn new() -> Fresh {
        match OnServer::fresh() {
            Some(server) => Fresh {
                driver: Arc::new(open(server.target())),
                folder: tempfile::tempdir().unwrap(),
                _server: Some(server),
            },
            None => Fresh::sqlite(),
        }
    }

    /// With the tables of a contract, and with the server's own.
    pub fn of(contract: &str) -> Fresh {
        let mut sources = diag::Sources::new();
        let main = sources.add("frontdesk.yaml", contract.to_owned());
        let mut found = diag::Diagnostics::new();
        let model = contract::compile(main, &mut sources, &mut |_| Ok(vec![]), &mut found);
        let model = model.unwrap_or_else(|| panic!("{found:?}"));
        let fresh = Fresh::new();
        wait(store::migrate::bring(
            &*fresh.driver,
            &model,
            Timestamp(0),
            false,
        ))
        .unwrap();
        fresh
    }

    /// On SQLite, whatever the environment says.
    pub fn sqlite() -> Fresh {
        let folder = tempfile::tempdir().unwrap();
        // Tests need no power cut to be survived, and are many times faster so.
        let options = store_sqlite::Options {
            durability: Durability::Relaxed,
            ..store_sqlite::Options::default()
        };
        let driver = SqliteDriver::open(&folder.path().join("test.db"), options).unwrap();
        Fresh {
            driver: Arc::new(driver),
            folder,
            _server: None,
        }
    }
}

impl Default for Fresh {
    fn default() -> Fresh {
        Fresh::new()
    }
}

/// Stops or starts the server that `scripts/with-postgres` has made: `stop --mode fast`, `start`.
pub fn control(arguments: &[&str]) {
    use std::os::unix::fs::MetadataExt;
    use std::os::unix::process::CommandExt;
    let data = PathBuf::from(env::var_os("FRONTDESK_TEST_POSTGRES").unwrap());
    // It does not run as root.
    let owner = std::fs::metadata(&data).unwrap();
    let mut command = Command::new("pg_ctl");
    command.args(arguments).args(["--silent", "--wait"]);
    command.arg("--pgdata").arg(&data);
    command.current_dir("/").uid(owner.uid()).gid(owner.gid());
    command.stdout(Stdio::null()).stderr(Stdio::null());
    if arguments.first() != Some(&"stop") {
        command.arg("--log").arg(data.join("log"));
    }
    assert!(command.status().unwrap().success(), "pg_ctl {arguments:?}");
}

/// Whether tests run on SQLite.
pub fn dialect() -> Dialect {
    match env::var(SERVER) {
        Ok(url) if !url.is_empty() => Dialect::Postgres,
        _ => Dialect::Sqlite,
    }
}

/// Opens a database from wherever the caller stands.
pub fn open(target: Target) -> PostgresDriver {
    let options = store_postgres::Options::default();
    let opening = async move { PostgresDriver::open(target, options).await };
    // Not on the caller's thread, which may be that of a runtime.
    let opened = thread::spawn(move || runtime().block_on(opening)).join();
    opened.unwrap().unwrap()
}

/// Waits for a future on this thread, which must not be that of a runtime.
pub fn wait<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    // Where clocks and tasks are.
    let _entered = runtime().enter();
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(done) => return done,
            Poll::Pending => thread::park(),
        }
    }
}

/// Lasts as long as the process: connections live in it.
fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap()
    })
}

/// Drops what processes have left behind that were killed, or whose last database was still in
/// use when they ended.
fn sweep(server: &str) {
    let names = "SELECT datname::text FROM pg_database WHERE datname LIKE 'frontdesk\\_test\\_%'";
    for name in ask(server, names.to_owned(), vec![Storage::Text]).cells {
        let Value::Text(name) = name else { continue };
        let process = name.split('_').nth(2).unwrap_or_default();
        // Elsewhere than on Linux nobody can be asked; the next server is a new one.
        let is_over =
            Path::new("/proc/self").exists() && !Path::new("/proc").join(process).exists();
        if is_over {
            on_server(
                server,
                format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"),
            );
        }
    }
}

/// Runs one command outside of transactions.
fn on_server(server: &str, command: String) {
    ask(server, command, vec![]);
}

fn ask(server: &str, command: String, columns: Vec<Storage>) -> Rows {
    let target: Target = server.parse().unwrap();
    let statement = Arc::new(Statement {
        text: Cow::Owned(command),
        parameters: vec![],
        columns,
        cost: Cost::Long,
    });
    let options = store_postgres::Options {
        // Other tests may be making theirs, which takes turns.
        long_time_max: Duration::from_secs(60),
        ..store_postgres::Options::default()
    };
    let run = async move {
        let driver = PostgresDriver::open(target, options).await.unwrap();
        driver.query(&statement, &[]).await.unwrap()
    };
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.unwrap().block_on(run)
    })
    .join()
    .unwrap()
}

fn with_database(server: &str, name: &str) -> String {
    let (place, query) = match server.split_once('?') {
        Some((place, query)) => (place, format!("?{query}")),
        None => (server, String::new()),
    };
    let (scheme, rest) = place.split_once("://").unwrap();
    let host = rest.split('/').next().unwrap();
    format!("{scheme}://{host}/{name}{query}")
}
