//! A commit elsewhere in the repository costs no parse: what a render read is recorded, with its ids.

use std::cell::Cell;
use std::sync::Arc;

use muster_kustomize::{Options, SourceOptions, is_current, render};
use muster_model::tree::{Entry, TreeError};
use muster_model::{BlobId, MemoryTree, RepoPath, Tree};

/// Counts the blobs that are read: nothing is parsed that was not read.
struct Counting<'t> {
    tree: &'t MemoryTree,
    blobs: Cell<usize>,
}

impl Tree for Counting<'_> {
    fn entry(&self, path: &RepoPath) -> Result<Option<Entry>, TreeError> {
        self.tree.entry(path)
    }

    fn list(&self, path: &RepoPath) -> Result<Vec<(String, Entry)>, TreeError> {
        self.tree.list(path)
    }

    fn blob(&self, id: &BlobId) -> Result<Arc<[u8]>, TreeError> {
        self.blobs.set(self.blobs.get() + 1);
        self.tree.blob(id)
    }
}

fn path(text: &str) -> RepoPath {
    RepoPath::new(text).expect("a plain path")
}

fn repository() -> MemoryTree {
    MemoryTree::of([
        ("base/kustomization.yaml", "resources: [a.yaml]\n"),
        (
            "base/a.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n",
        ),
        (
            "app/kustomization.yaml",
            "resources: [../base]\nnamePrefix: p-\n",
        ),
        ("other/kustomization.yaml", "resources: [b.yaml]\n"),
        ("other/b.yaml", "kind: Broken\n"),
    ])
}

/// What rendering `app` reads.
fn inputs(tree: &MemoryTree) -> Vec<(RepoPath, BlobId)> {
    render(
        tree,
        &path("app"),
        &SourceOptions::default(),
        &Options::default(),
    )
    .expect("it renders")
    .inputs()
    .to_vec()
}

#[test]
fn a_commit_elsewhere_costs_no_parse() {
    let mut tree = repository();
    let read = inputs(&tree);
    tree.insert(path("other/b.yaml"), b"kind: Else\n".as_slice());
    tree.insert(path("base/README.md"), b"new".as_slice());
    tree.remove(&path("other/kustomization.yaml"));
    let counting = Counting {
        tree: &tree,
        blobs: Cell::new(0),
    };
    assert!(is_current(&read, &counting));
    assert_eq!(counting.blobs.get(), 0);
}

#[test]
fn a_commit_to_what_was_read_is_noticed() {
    let read = inputs(&repository());
    let changed = |change: &dyn Fn(&mut MemoryTree)| {
        let mut tree = repository();
        change(&mut tree);
        !is_current(&read, &tree)
    };
    assert!(changed(
        &|t| t.insert(path("base/a.yaml"), b"kind: Else\n".as_slice())
    ));
    assert!(changed(&|t| {
        assert!(t.remove(&path("base/kustomization.yaml")));
    }));
    // A second kustomization beside the first is an error, so looking for it is part of the render.
    assert!(changed(&|t| t.insert(
        path("base/kustomization.yml"),
        b"resources: []\n".as_slice()
    )));
    assert!(changed(
        &|t| t.insert(path("app/.argocd-source.yaml"), b"{}".as_slice())
    ));
}
