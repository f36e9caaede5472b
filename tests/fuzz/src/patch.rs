//! A patch on an object: strategic merge in every mode ends, and so do `patches` of both kinds.
//!
//! The input is the object and the patch, separated by a line `===`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use muster_kustomize::{Direction, Inference, Options, build, strategic_merge};
use muster_model::{Budgets, MemoryTree, Node, RepoPath, yaml};

fuzz_target!(|text: &str| {
    let Some((object, patch)) = text.split_once("\n===\n") else {
        return;
    };
    merge(object, patch);
    let kustomization = "resources: [object.yaml]\npatches:\n- path: patch.yaml\n- path: patch.yaml\n  target: {kind: .*}\n";
    let tree = MemoryTree::of([
        ("app/kustomization.yaml", kustomization),
        ("app/object.yaml", object),
        ("app/patch.yaml", patch),
    ]);
    let app = RepoPath::new("app").expect("a plain path");
    drop(build(&tree, &app, &Options::default()));
});

fn merge(object: &str, patch: &str) {
    let read = |text: &str| -> Option<Node> {
        yaml::read(text.as_bytes(), &Budgets::default(), 0).ok()?.into_iter().next()
    };
    let (Some(object), Some(patch)) = (read(object), read(patch)) else {
        return;
    };
    for direction in [Direction::Append, Direction::Prepend] {
        for inference in [Inference::Off, Inference::ByName] {
            drop(strategic_merge(object.clone(), patch.clone(), direction, inference));
        }
    }
}
