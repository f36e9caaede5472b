//! Builds an overlay from a tree in memory and prints what `kustomize build` would.
#![expect(
    clippy::print_stdout,
    clippy::disallowed_macros,
    reason = "an example prints"
)]

use muster_kustomize::{Failure, Options, build};
use muster_model::{MemoryTree, RepoPath};

fn main() -> Result<(), Failure> {
    let tree = MemoryTree::of([
        ("base/kustomization.yaml", "resources: [web.yaml]\n"),
        (
            "base/web.yaml",
            "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {ports: [{port: 80}]}\n",
        ),
        (
            "prod/kustomization.yaml",
            "namespace: prod\nnamePrefix: eu-\nresources: [../base]\n",
        ),
    ]);
    let dir = RepoPath::new("prod").expect("because it is a plain path");
    print!("{}", build(&tree, &dir, &Options::default())?.to_yaml());
    Ok(())
}
