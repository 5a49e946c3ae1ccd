//! What README says one needs is what the build asks for.

use std::fs;

use super::page::root;

#[test]
fn the_compiler_that_is_needed_is_named() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let wanted = format!("Rust {} or newer", env!("CARGO_PKG_RUST_VERSION"));
    assert!(readme.contains(&wanted), "README does not say: {wanted}");
}
