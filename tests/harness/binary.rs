//! Where the built binaries lie: beside the running one, or beside the directory of the running test.

use std::path::PathBuf;

/// The path of one of our binaries, built with the same profile as the running program.
///
/// # Panics
/// When it was not built: the layers above unit tests run after `cargo build --workspace`.
#[must_use]
pub fn binary(name: &str) -> PathBuf {
    let running = std::env::current_exe().expect("because a running program has a path");
    // <profile>/demo, or <profile>/deps/e2e-0123456789abcdef.
    let places = running.ancestors().skip(1).take(2);
    let found = places.map(|dir| dir.join(name)).find(|path| path.is_file());
    assert!(
        found.is_some(),
        "{name} is not built near {}: run `cargo build --workspace` with the same profile first",
        running.display()
    );
    found.unwrap_or_default()
}
