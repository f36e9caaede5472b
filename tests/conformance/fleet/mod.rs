//! Conformance of `agent/fleet`: generators and templates against Argo CD's tables, fleets against what they run.
//!
//! Cases are found by the format of the files, not by their names, so that further ones are run too.

mod applicationset;
mod fleets;

use std::path::{Path, PathBuf};

use muster_model::{Budgets, Node, yaml};

use crate::corpus::Corpus;

/// The corpora `applicationset` and `fleet`, one for each file and folder of the format.
pub(crate) fn corpora(root: &Path) -> Vec<Corpus> {
    let mut corpora = applicationset::corpora(&root.join("applicationset"));
    corpora.extend(fleets::corpora(&root.join("fleet")));
    corpora
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
