//! A kustomization in, with files beside it: the build ends, with objects or a refusal.
//!
//! The input is several files, separated by a line `=== path`; the first is `kustomization.yaml`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use muster_kustomize::{Options, SourceOptions, build, explain, render};
use muster_model::{Budgets, MemoryTree, RepoPath};

fuzz_target!(|text: &str| {
    let mut tree = MemoryTree::new();
    let mut files = text.split("\n=== ");
    let first = files.next().unwrap_or_default();
    tree.insert(RepoPath::new("app/kustomization.yaml").expect("a plain path"), first.as_bytes());
    for file in files {
        let (path, content) = file.split_once('\n').unwrap_or((file, ""));
        if let Ok(path) = RepoPath::new(path)
            && !path.as_str().is_empty()
        {
            tree.insert(path, content.as_bytes());
        }
    }
    let app = RepoPath::new("app").expect("a plain path");
    let options = Options {
        budgets: Budgets {
            nodes: 20_000,
            alias_nodes: 5_000,
            ..Budgets::default()
        },
        ..Options::default()
    };
    let built = build(&tree, &app, &options);
    let explained = explain(&tree, &app, &options);
    assert_eq!(built.is_ok(), explained.is_ok(), "explaining changes the outcome");
    if let (Ok(built), Ok(explained)) = (&built, &explained) {
        assert!(built.nodes().iter().eq(explained.iter().map(|e| &e.object)));
        drop(built.to_yaml());
        drop(built.to_files());
    }
    drop(render(&tree, &app, &SourceOptions::default(), &options));
});
