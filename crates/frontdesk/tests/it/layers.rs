//! What ARCHITECTURE.md promises about the crates, asked of their manifests and sources: who may
//! know whom, who alone owns a vendor, and that every file says what it is for.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value as Json;

/// Crates that know neither a runtime nor files nor a clock nor randomness.
const PURE: [&str; 8] = [
    "value", "diag", "call", "expr", "model", "limit", "contract", "surface",
];

/// The workspace, as its manifests describe it.
struct Workspace {
    /// What each of our crates needs to run, by name. What only its tests need does not count:
    /// a test may look at a crate from any side.
    needs: BTreeMap<String, BTreeSet<String>>,
    folders: BTreeMap<String, PathBuf>,
}

impl Workspace {
    fn read() -> Workspace {
        let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
        let said = Command::new(cargo)
            .args(["metadata", "--format-version", "1", "--no-deps"])
            .args(["--offline", "--manifest-path"])
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
            .output()
            .unwrap();
        assert!(
            said.status.success(),
            "{}",
            String::from_utf8_lossy(&said.stderr)
        );
        let metadata: Json = serde_json::from_slice(&said.stdout).unwrap();
        let text = |json: &Json| json.as_str().unwrap().to_owned();
        let mut workspace = Workspace {
            needs: BTreeMap::new(),
            folders: BTreeMap::new(),
        };
        for package in metadata["packages"].as_array().unwrap() {
            let needs = package["dependencies"].as_array().unwrap().iter();
            let needs = needs
                .filter(|dependency| dependency["kind"] != "dev")
                .map(|dependency| text(&dependency["name"]));
            let name = text(&package["name"]);
            let manifest = PathBuf::from(text(&package["manifest_path"]));
            workspace.needs.insert(name.clone(), needs.collect());
            let folder = manifest.parent().unwrap().to_owned();
            workspace.folders.insert(name, folder);
        }
        assert!(workspace.needs.len() >= 15, "{:?}", workspace.needs.keys());
        workspace
    }

    /// How a crate comes to know another: the steps, or nothing.
    fn path(&self, from: &str, to: &str) -> Option<Vec<String>> {
        let mut open = vec![vec![from.to_owned()]];
        let mut seen = BTreeSet::new();
        while let Some(path) = open.pop() {
            let Some(needs) = path.last().and_then(|last| self.needs.get(last)) else {
                continue;
            };
            for next in needs {
                let longer: Vec<String> = path.iter().chain([next]).cloned().collect();
                if next == to {
                    return Some(longer);
                }
                if seen.insert(next) {
                    open.push(longer);
                }
            }
        }
        None
    }

    fn root(&self) -> &Path {
        let frontdesk = &self.folders["frontdesk"];
        frontdesk.ancestors().nth(2).unwrap()
    }
}

/// Nobody of these knows any of those, not even through others.
#[track_caller]
fn never(workspace: &Workspace, who: &[&str], whom: &[&str], why: &str) {
    let mut found = Vec::new();
    for from in who {
        assert!(workspace.needs.contains_key(*from), "no crate `{from}`");
        for to in whom {
            if let Some(path) = workspace.path(from, to) {
                found.push(format!("  {}", path.join(" → ")));
            }
        }
    }
    assert!(found.is_empty(), "{why}, but\n{}", found.join("\n"));
}

/// The same for what is written in the manifest itself; what lies behind others does not count.
#[track_caller]
fn never_itself(workspace: &Workspace, who: &str, whom: &[&str], why: &str) {
    let needs = &workspace.needs[who];
    let found: Vec<&&str> = whom.iter().filter(|whom| needs.contains(**whom)).collect();
    assert!(
        found.is_empty(),
        "{why}, but `{who}` depends on {found:?}: see crates/{who}/Cargo.toml"
    );
}

/// Exactly these crates depend on a vendor's.
#[track_caller]
fn owners(workspace: &Workspace, vendor: &str, expected: &[&str], why: &str) {
    let found: Vec<&String> = workspace
        .needs
        .iter()
        .filter(|(_, needs)| needs.contains(vendor))
        .map(|(name, _)| name)
        .collect();
    assert_eq!(found, expected, "{why}: who depends on `{vendor}`?");
}

#[test]
fn dependencies_point_downwards() {
    let workspace = Workspace::read();
    never(
        &workspace,
        &["engine"],
        &[
            "rest",
            "web",
            "store-sqlite",
            "store-postgres",
            "contract",
            "identity",
            "surface",
            "docs-ui",
            "frontdesk",
            "rusqlite",
            "hyper",
            "http",
        ],
        "the engine decides for all doors and databases alike, so it knows no wire, no vendor \
         and not how a contract is written",
    );
    never_itself(
        &workspace,
        "rest",
        &[
            "store",
            "store-sqlite",
            "store-postgres",
            "identity",
            "contract",
            "surface",
            "expr",
            "frontdesk",
        ],
        "a door decides nothing: it reaches the store only through the engine, and callers only \
         through `call::Authenticate`",
    );
    never(
        &workspace,
        &PURE,
        &[
            "tokio",
            "rusqlite",
            "getrandom",
            "hyper",
            "hyper-util",
            "http",
            "notify",
            "tempfile",
            "socket2",
            "mimalloc",
            "store",
            "store-sqlite",
            "store-postgres",
            "engine",
            "web",
            "rest",
            "identity",
            "frontdesk",
        ],
        "the vocabulary and the compiler are functions of what they are given: no runtime, \
         files, clock or randomness",
    );
    never(
        &workspace,
        &["store"],
        &[
            "store-sqlite",
            "store-postgres",
            "rusqlite",
            "tokio",
            "engine",
            "contract",
            "web",
        ],
        "the store owns every SQL text and knows no database client",
    );
    for driver in ["store-sqlite", "store-postgres"] {
        never_itself(
            &workspace,
            driver,
            &["model", "expr", "call", "engine", "contract", "web"],
            "a driver executes statements and knows no model and no rule",
        );
    }
    never(
        &workspace,
        &["web"],
        &[
            "rest", "engine", "store", "model", "call", "contract", "expr", "value", "surface",
            "identity",
        ],
        "the HTTP kit knows HTTP and no contract",
    );
    never(
        &workspace,
        &["identity"],
        &[
            "web",
            "rest",
            "http",
            "hyper",
            "engine",
            "store-sqlite",
            "store-postgres",
            "contract",
        ],
        "identity turns credentials into callers for every door alike",
    );
    never(
        &workspace,
        &["fetch"],
        &["web", "engine", "rest", "contract"],
        "who asks others over the net serves nobody",
    );
    never_itself(
        &workspace,
        "oauth",
        &["engine", "rest", "contract", "hyper", "expr", "vault"],
        "the door for apps asks identity and people, and decides nothing about resources",
    );
    never(
        &workspace,
        &["vault"],
        &[
            "identity",
            "engine",
            "web",
            "call",
            "contract",
            "store-sqlite",
            "store-postgres",
            "tokio",
        ],
        "the vault seals and opens for whoever asks, and waits for nothing but the store",
    );
    never(
        &workspace,
        &["mail"],
        &[
            "identity", "people", "engine", "web", "call", "contract", "model", "store", "http",
            "hyper",
        ],
        "mail sends what it is given, and knows neither accounts nor HTTP",
    );
    never(
        &workspace,
        &["audit"],
        &[
            "identity",
            "engine",
            "web",
            "call",
            "contract",
            "store-sqlite",
            "store-postgres",
        ],
        "whoever does something writes it down, the engine too some day",
    );
}

#[test]
fn every_vendor_has_one_owner() {
    let workspace = Workspace::read();
    for (vendor, crate_name, why) in [
        (
            "rusqlite",
            "store-sqlite",
            "another database is another driver",
        ),
        (
            "tokio-postgres",
            "store-postgres",
            "another database is another driver",
        ),
        (
            "saphyr-parser",
            "contract",
            "what YAML is allowed to be is decided once",
        ),
        (
            "lettre",
            "mail",
            "how letters travel is nobody else's matter",
        ),
        ("clap", "frontdesk", "only the binary has a command line"),
        ("hyper", "web", "limits on HTTP are kept in one place"),
        (
            "instant-acme",
            "web",
            "a certificate is asked for where it is served",
        ),
        (
            "argon2",
            "identity",
            "passwords are hashed on the threads that are kept for it",
        ),
        (
            "webauthn-rs",
            "identity",
            "what a passkey proves is decided in one place",
        ),
    ] {
        owners(&workspace, vendor, &[crate_name], why);
    }
    owners(
        &workspace,
        "tokio-rustls",
        &["fetch", "web"],
        "what secures callers' connections is decided in one place, and what secures ours in another",
    );
}

#[test]
fn what_is_for_tests_stays_out_of_the_product() {
    let workspace = Workspace::read();
    let of_tests = [
        "testkit",
        "testdb",
        "testca",
        "proptest",
        "insta",
        "jsonschema",
        "jiff",
    ];
    for (name, needs) in workspace
        .needs
        .iter()
        .filter(|(name, _)| !["testkit", "testdb", "testca"].contains(&name.as_str()))
    {
        for test_only in of_tests {
            assert!(
                !needs.contains(test_only),
                "`{test_only}` is for tests: move it to the dev-dependencies of `{name}`"
            );
        }
    }
}

/// A manifest cannot forbid the standard library.
#[test]
fn the_vocabulary_touches_no_world() {
    let workspace = Workspace::read();
    let world = [
        "std::fs",
        "std::env",
        // Addresses are data; these are not.
        "TcpStream",
        "TcpListener",
        "UdpSocket",
        "ToSocketAddrs",
        "std::process",
        "std::thread",
        "SystemTime::now",
        ".elapsed()",
        "Instant",
    ];
    for name in PURE {
        for file in rust_files(&workspace.folders[name].join("src")) {
            // Tests of the compiler read the examples.
            if file.ends_with("tests.rs") {
                continue;
            }
            let text = fs::read_to_string(&file).unwrap();
            let product = text.split("#[cfg(test)]").next().unwrap_or_default();
            for word in world {
                assert!(
                    !product.contains(word),
                    "`{name}` is given what it needs and asks no system, but {} says `{word}`",
                    file.display()
                );
            }
        }
    }
}

#[test]
fn every_file_says_what_it_is_for() {
    let workspace = Workspace::read();
    let mut silent = Vec::new();
    let mut count = 0;
    for folder in workspace.folders.values() {
        for file in rust_files(&folder.join("src")) {
            count += 1;
            if !fs::read_to_string(&file).unwrap().starts_with("//!") {
                silent.push(file);
            }
        }
    }
    assert!(count > 150, "only {count} files were found");
    assert!(
        silent.is_empty(),
        "begin these with `//!`, what they are for and what they must not know: {silent:#?}"
    );
}

#[test]
fn nothing_is_left_undone() {
    let workspace = Workspace::read();
    // Put together here, lest this file find itself.
    let undone = [
        concat!("to", "do!("),
        concat!("unimple", "mented!("),
        concat!("#[ig", "nore"),
    ];
    let files: Vec<PathBuf> = ["crates", "examples", "tests", "fuzz"]
        .iter()
        .map(|folder| workspace.root().join(folder))
        .filter(|folder| folder.is_dir())
        .flat_map(|folder| rust_files(&folder))
        .collect();
    assert!(files.len() > 200, "only {} files were found", files.len());
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        for word in undone {
            assert!(
                !text.contains(word),
                "{} holds `{word}`: finish it, or assert what it does wrong with a FIXME",
                file.display()
            );
        }
    }
}

/// All Rust files in a folder and those below it, except what was built there.
fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            if name != "target" && name != "node_modules" && !name.starts_with('.') {
                found.extend(rust_files(&path));
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}
