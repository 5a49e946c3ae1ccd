//! The real binary, started and watched.

use std::collections::BTreeMap;
use std::env;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use frontdesk::Target;
use testdb::OnServer;

use crate::client::Client;
use crate::{PATIENCE, eventually};

/// Where the binary of this build is: `FRONTDESK_BIN`, or beside the test that runs.
///
/// # Panics
/// When it has not been built: `cargo build -p frontdesk` first.
pub fn binary() -> PathBuf {
    if let Some(path) = env::var_os("FRONTDESK_BIN") {
        return path.into();
    }
    let test = env::current_exe().unwrap();
    let path = test
        .ancestors()
        .nth(2)
        .unwrap()
        .join(format!("frontdesk{}", env::consts::EXE_SUFFIX));
    assert!(
        path.exists(),
        "`{}` is missing: run `cargo build -p frontdesk`",
        path.display()
    );
    path
}

/// What a command that ends by itself has said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Output {
    /// Itself, if it ended with this code.
    ///
    /// # Panics
    /// With everything it said if not.
    #[track_caller]
    pub fn expect(self, code: i32) -> Output {
        assert!(
            self.code == code,
            "expected {code}, got {}\n--- stdout\n{}\n--- stderr\n{}",
            self.code,
            self.stdout,
            self.stderr
        );
        self
    }
}

/// Runs the binary in a folder until it ends.
#[track_caller]
pub fn run(binary: impl AsRef<Path>, folder: &Path, arguments: &[&str]) -> Output {
    let output = command(binary, folder, arguments).output().unwrap();
    Output {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// The binary in a folder, for those who want to start it in their own way: with the database
/// that tests run on and without what else is set around them.
pub fn command(binary: impl AsRef<Path>, folder: &Path, arguments: &[&str]) -> Command {
    let binary = binary.as_ref();
    let mut command = Command::new(binary);
    command
        .current_dir(folder)
        .args(arguments)
        .stdin(Stdio::null());
    // What is set where the tests run must not change what they see.
    for (name, _) in env::vars_os() {
        if name.to_string_lossy().starts_with("FRONTDESK_") {
            command.env_remove(name);
        }
    }
    if let Some(url) = database(place(folder, arguments)) {
        command.env("FRONTDESK_DATABASE", url);
    }
    command
}

/// The PostgreSQL database of the processes that run in a folder, without `--data`; nothing if
/// tests run on SQLite. It lasts as long as the test's process.
pub fn target(folder: &Path) -> Option<Target> {
    database(place(folder, &[])).map(|url| url.parse().unwrap())
}

/// Where a process would keep its data: one place, one database.
fn place(folder: &Path, arguments: &[&str]) -> PathBuf {
    let folder = folder.canonicalize().unwrap();
    let mut arguments = arguments
        .iter()
        .skip_while(|word| **word != "--data")
        .skip(1);
    arguments
        .next()
        .map_or(folder.clone(), |data| folder.join(data))
}

fn database(place: PathBuf) -> Option<String> {
    static MADE: Mutex<BTreeMap<PathBuf, OnServer>> = Mutex::new(BTreeMap::new());
    let mut made = MADE.lock().unwrap();
    if let Some(known) = made.get(&place) {
        return Some(known.url().to_owned());
    }
    let fresh = OnServer::fresh()?;
    let url = fresh.url().to_owned();
    made.insert(place, fresh);
    Some(url)
}

/// A server process. Killed when dropped.
pub struct Process {
    child: Child,
    address: SocketAddr,
    said: Arc<Mutex<String>>,
}

impl Process {
    /// Starts the binary in a folder and waits until it says where it listens.
    ///
    /// # Panics
    /// When it does not come up.
    #[track_caller]
    pub fn start(binary: impl AsRef<Path>, folder: &Path, arguments: &[&str]) -> Process {
        let mut child = command(binary, folder, arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let said = Arc::new(Mutex::new(String::new()));
        listen(child.stdout.take().unwrap(), Arc::clone(&said));
        listen(child.stderr.take().unwrap(), Arc::clone(&said));
        let found = eventually("the address", || {
            let text = said.lock().unwrap().clone();
            if let Some(address) = address(&text) {
                return Some(Ok(address));
            }
            child.try_wait().unwrap().map(|status| Err((status, text)))
        });
        match found {
            Ok(address) => Process {
                child,
                address,
                said,
            },
            Err((status, text)) => panic!("ended with {status}:\n{text}"),
        }
    }

    /// A client without credentials.
    pub fn client(&self) -> Client {
        Client::guest(self.address)
    }

    /// Everything said so far, on both outputs.
    pub fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    /// Waits until it has said this.
    #[track_caller]
    pub fn wait_for(&self, text: &str) {
        self.wait_until(text, |said| said.contains(text).then_some(()));
    }

    /// Waits until something is found in what it has said.
    ///
    /// # Panics
    /// With what it said instead.
    #[track_caller]
    pub fn wait_until<T>(&self, what: &str, find: impl Fn(&str) -> Option<T>) -> T {
        let deadline = std::time::Instant::now() + PATIENCE;
        loop {
            let said = self.said();
            if let Some(found) = find(&said) {
                return found;
            }
            assert!(
                std::time::Instant::now() < deadline,
                "no {what} in:\n{said}"
            );
            thread::park_timeout(std::time::Duration::from_millis(5));
        }
    }

    /// Sends a signal by its name: `TERM`, `INT`.
    pub fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        // The shell's own word for it: not every system has a program called `kill`.
        let sent = Command::new("sh")
            .args(["-c", "kill -s \"$0\" \"$1\"", name, &id])
            .status()
            .unwrap();
        assert!(sent.success(), "no signal {name} to {id}");
    }

    /// Waits until it has ended.
    pub fn ended(&mut self) -> ExitStatus {
        eventually("the end", || self.child.try_wait().unwrap())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn listen(stream: impl Read + Send + 'static, said: Arc<Mutex<String>>) {
    thread::spawn(move || {
        for line in BufReader::new(stream).lines() {
            let Ok(line) = line else { return };
            let mut said = said.lock().unwrap();
            said.push_str(&line);
            said.push('\n');
        }
    });
}

/// The first `http://ADDRESS` or `https://ADDRESS` in a text.
fn address(text: &str) -> Option<SocketAddr> {
    let begin = |scheme: &str| Some(text.find(scheme)? + scheme.len());
    let (plain, secure) = (begin("http://"), begin("https://"));
    let begin = plain.into_iter().chain(secure).min()?;
    let rest = &text[begin..];
    let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || ".:[]".contains(c)))?;
    rest[..end].parse().ok()
}
