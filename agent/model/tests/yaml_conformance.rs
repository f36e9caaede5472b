//! Reads and prints what kustomize printed: the bytes must come back.

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    reason = "a test reads its cases and says what it skipped"
)]

use std::path::{Path, PathBuf};

use muster_model::{Budgets, yaml};

fn conformance() -> PathBuf {
    std::env::var_os("MUSTER_CONFORMANCE").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/conformance"),
        PathBuf::from,
    )
}

/// Every file below `root` for which `wanted` says yes, sorted.
fn files(root: &Path, wanted: &dyn Fn(&Path) -> bool) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![root.to_owned()];
    while let Some(folder) = open.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else {
            continue;
        };
        for path in entries.flatten().map(|entry| entry.path()) {
            if path.is_dir() {
                open.push(path);
            } else if wanted(&path) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn is_expected_build(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default();
    name == "expected.build.yaml"
        || path.components().any(|part| part.as_os_str() == "expected")
            && path.extension().is_some_and(|kind| kind == "yaml")
}

#[test]
fn what_kustomize_printed_is_printed_again() {
    let root = conformance().join("kustomize");
    if !root.is_dir() {
        println!("SKIPPED: no conformance data at {}", root.display());
        return;
    }
    let mut failed = Vec::new();
    let cases = files(&root, &is_expected_build);
    for path in &cases {
        let bytes = std::fs::read(path).expect("a readable file");
        match yaml::read(&bytes, &Budgets::default(), 0) {
            Ok(nodes) if yaml::write_documents(&nodes).as_bytes() == bytes => {}
            Ok(_) => failed.push(format!("{}: other bytes", path.display())),
            Err(error) => failed.push(format!("{}:{}: {error}", path.display(), error.line())),
        }
    }
    println!("{} files printed again", cases.len() - failed.len());
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
