//! Where the built binaries lie: beside the test's own.

use std::path::PathBuf;

/// The path of one of our binaries, built with the same profile as the running test.
///
/// # Panics
/// When it was not built: the layers above unit tests run after `cargo build --workspace`.
#[must_use]
pub fn binary(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("because a running program has a path");
    let path = test
        .ancestors()
        .nth(2)
        .expect("because tests lie in <profile>/deps")
        .join(name);
    assert!(
        path.is_file(),
        "{} is not built: run `cargo build --workspace` with the same profile first",
        path.display()
    );
    path
}
