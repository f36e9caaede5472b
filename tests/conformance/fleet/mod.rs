//! Conformance of `agent/fleet`: generators and templates against Argo CD's tables, fleets against what they run.
//!
//! Cases are found by the format of the files, not by their names, so that further ones are run too.

mod applicationset;
mod fleets;

use std::path::{Path, PathBuf};

use libtest_mimic::Trial;
use muster_model::{Budgets, Node, yaml};

/// Where the conformance data lies: `MUSTER_CONFORMANCE`, else beside the repository.
pub(crate) fn root() -> PathBuf {
    let beside = || {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
        let repository = manifest
            .ancestors()
            .find(|dir| dir.join("Cargo.lock").is_file())
            .unwrap_or(manifest);
        repository.join("../shared/conformance")
    };
    std::env::var_os("MUSTER_CONFORMANCE").map_or_else(beside, PathBuf::from)
}

/// Every case of the corpora `applicationset` and `fleet`.
pub(crate) fn trials() -> Vec<Trial> {
    let root = root();
    let mut trials = applicationset::trials(&root.join("applicationset"));
    trials.extend(fleets::trials(&root.join("fleet")));
    trials
}

/// The documents of a YAML file.
fn documents(path: &Path) -> Result<Vec<Node>, String> {
    let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
    yaml::read(&bytes, &Budgets::default(), 0).map_err(|error| format!("{error}"))
}

/// Every file below a directory, sorted.
fn files_below(dir: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(dir) else {
        return Vec::new();
    };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    let below = |path: PathBuf| {
        if path.is_dir() {
            files_below(&path)
        } else {
            vec![path]
        }
    };
    paths.into_iter().flat_map(below).collect()
}
