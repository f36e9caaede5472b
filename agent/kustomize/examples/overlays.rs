//! Builds a hundred overlays of one base with one cache, asks which of them another commit leaves as they are, and says
//! where a field comes from.
#![expect(
    clippy::print_stdout,
    clippy::disallowed_macros,
    reason = "an example prints"
)]

use std::sync::Arc;

use muster_kustomize::{Cache, Failure, Options, build, explain, is_current};
use muster_model::{MemoryTree, RepoPath};

const OVERLAYS: usize = 100;

fn path(text: &str) -> RepoPath {
    RepoPath::new(text).expect("because it is a plain path")
}

fn overlay(number: usize) -> RepoPath {
    path(&format!("overlays/{number:03}"))
}

fn repository() -> MemoryTree {
    let mut tree = MemoryTree::of([
        ("base/kustomization.yaml", "resources: [web.yaml]\n"),
        (
            "base/web.yaml",
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {replicas: 1}\n",
        ),
    ]);
    for number in 0..OVERLAYS {
        let text = format!(
            "nameSuffix: -of-{number:03}\nresources: [../../base]\nreplicas: [{{name: web, count: {number}}}]\n"
        );
        let file = overlay(number).child("kustomization.yaml");
        tree.insert(file, text.into_bytes());
    }
    tree
}

fn main() -> Result<(), Failure> {
    let tree = repository();
    let cache = Arc::new(Cache::new());
    let options = Options {
        cache: Some(Arc::clone(&cache)),
        ..Options::default()
    };
    let all: Vec<_> = (0..OVERLAYS)
        .map(|number| build(&tree, &overlay(number), &options))
        .collect::<Result<_, _>>()?;
    println!("{OVERLAYS} overlays built, {} files parsed", cache.len());

    // Another commit: one overlay changes. Nothing is parsed to find out which builds still hold.
    let mut next = tree.clone();
    let changed = overlay(7).child("kustomization.yaml");
    next.insert(changed, *b"resources: [../../base]\n");
    let stale = all
        .iter()
        .filter(|built| !is_current(built.inputs(), &next))
        .count();
    println!("{stale} of them is another one in the next commit");

    let explained = explain(&tree, &overlay(7), &options)?;
    for field in explained.iter().flat_map(|object| &object.fields) {
        println!("{} by {} in {}", field.path, field.step, field.at);
    }
    Ok(())
}
