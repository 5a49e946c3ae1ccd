//! The saved inputs of the fuzz targets, without the fuzzer: seeds, and everything that was once
//! found. `fuzz/README.md` says how more are looked for.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

#[path = "../../../fuzz/src/lib.rs"]
mod targets;

/// As much as the fuzzer's main thread has, debug builds being greedier.
const STACK_BYTES: usize = 8 << 20;

fn replay(name: &str) {
    let (_, run) = targets::TARGETS
        .iter()
        .find(|(target, _)| *target == name)
        .expect("a target");
    let inputs: Vec<PathBuf> = ["corpus", "regressions"]
        .iter()
        .flat_map(|kind| files(&fuzz().join(kind).join(name)))
        .collect();
    assert!(!inputs.is_empty(), "no inputs for {name}");
    let every = || {
        for input in &inputs {
            let bytes = fs::read(input).expect("a readable file");
            let done = catch_unwind(AssertUnwindSafe(|| run(&bytes)));
            assert!(done.is_ok(), "see above: {}", input.display());
        }
    };
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK_BYTES);
        let thread = thread.spawn_scoped(scope, every).expect("a thread");
        thread
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    });
}

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz")
}

/// The files of a folder, in the order of their names; none if there is no such folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return vec![];
    };
    let path = |entry: std::io::Result<fs::DirEntry>| entry.expect("a readable folder").path();
    let mut files: Vec<PathBuf> = entries.map(path).collect();
    files.sort();
    files
}

/// What is made of bytes is of use only if most of it compiles.
#[test]
fn generated_contracts_compile() {
    use targets::generate::{Choices, Contract};
    const TRIES: u32 = 100;
    let mut state = 1_u32;
    let mut byte = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    let compiled = (0..TRIES)
        .filter(|_| {
            let bytes: Vec<u8> = (0..120).map(|_| byte()).collect();
            let contract = Contract::of(&mut Choices::new(&bytes)).text();
            targets::contract_yaml::compile(&contract).model.is_some()
        })
        .count();
    assert!(compiled > 40, "{compiled} of {TRIES}");
}

macro_rules! targets {
    ($($name:ident),* $(,)?) => {
        $(
            #[test]
            fn $name() {
                replay(stringify!($name));
            }
        )*

        #[test]
        fn every_target_is_replayed_and_built() {
            let names: Vec<&str> = targets::TARGETS.iter().map(|(name, _)| *name).collect();
            assert_eq!(names, [$(stringify!($name)),*]);
            let manifest = fs::read_to_string(fuzz().join("Cargo.toml")).unwrap();
            let runner = fs::read_to_string(fuzz().join("run")).unwrap();
            for name in names {
                assert!(manifest.contains(&format!("path = \"targets/{name}.rs\"")), "{name}");
                assert!(runner.contains(&format!("[{name}]=")), "{name}");
                assert!(files(&fuzz().join("corpus").join(name)).len() >= 5, "{name} has no seeds");
            }
        }
    };
}

targets!(
    contract_yaml,
    rule,
    query,
    cursor,
    body,
    condition,
    headers,
    value,
    serve,
    migrate
);
