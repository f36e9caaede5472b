//! The public Bookstore's Argo CD files, unmodified: only a fleet file is added.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    clippy::print_stdout,
    reason = "the test reads the public files from where they lie and says what it skipped"
)]

use std::path::{Path, PathBuf};

use muster_fleet::hub::{Hub, load};
use muster_fleet::placement::assign;
use muster_fleet::project::{Scoped, check_application};
use muster_fleet::targets::{Targets, targets};
use muster_model::kinds::Scopes;
use muster_model::{Budgets, ClusterName, Manifest, MemoryTree, Node, RepoPath, Tree as _, yaml};

const FLEET: &str = r#"
apiVersion: muster.dev/v1alpha1
kind: Fleet
metadata: {name: bookstore}
spec:
  managementCluster: dev
  clusters:
    - {name: dev, labels: {bookstore.example.com/fleet: "true", env: dev}}
    - {name: staging, labels: {bookstore.example.com/fleet: "true", env: staging}}
    - {name: prod, labels: {bookstore.example.com/fleet: "true", env: prod}}
    - {name: lab, labels: {env: dev}}
  repositories:
    - {url: https://github.com/your-org/bookstore.git, self: true}
  resources:
    - examples/bookstore/argocd/00-appproject.yaml
    - examples/bookstore/multicluster/SET
"#;

fn input() -> PathBuf {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/conformance");
    let root = std::env::var_os("MUSTER_CONFORMANCE").map_or_else(beside, PathBuf::from);
    root.join("kustomize/trees/bookstore/input")
}

fn fill(tree: &mut MemoryTree, root: &Path, dir: &Path) {
    for entry in std::fs::read_dir(dir).expect("a directory").flatten() {
        let path = entry.path();
        if path.is_dir() {
            fill(tree, root, &path);
        } else {
            let name = path.strip_prefix(root).expect("below the root");
            let name = RepoPath::new(&name.to_string_lossy()).expect("a plain path");
            tree.insert(name, std::fs::read(&path).expect("a file"));
        }
    }
}

/// The Bookstore with one of its ApplicationSets; `None` when the data is not there.
fn bookstore(set: &str) -> Option<(Hub, MemoryTree)> {
    let root = input();
    if !root.is_dir() {
        println!("SKIPPED: no conformance data in {}", root.display());
        return None;
    }
    let mut tree = MemoryTree::new();
    fill(&mut tree, &root, &root);
    let path = RepoPath::new("fleet.yaml").expect("a plain path");
    tree.insert(path.clone(), FLEET.replace("SET", set).into_bytes());
    Some((load(&tree, &path).expect("a hub"), tree))
}

fn run(hub: &Hub, tree: &MemoryTree, cluster: &str) -> Targets {
    let cluster = ClusterName::new(cluster).expect("a name");
    targets(hub, &cluster, tree).expect("targets")
}

fn rows(targets: &Targets) -> Vec<String> {
    assert_eq!(targets.problems, []);
    targets
        .applications
        .iter()
        .map(|a| {
            format!(
                "{} {} {}",
                a.key, a.sources[0].path, a.destination.namespace
            )
        })
        .collect()
}

#[test]
fn the_cluster_generator_gives_each_cluster_its_overlay() {
    let Some((hub, tree)) = bookstore("10-applicationset-cluster-generator.yaml") else {
        return;
    };
    for env in ["dev", "staging", "prod"] {
        let found = run(&hub, &tree, env);
        let overlay = format!("examples/bookstore/kustomize/overlays/{env}");
        assert_eq!(
            rows(&found),
            [format!("bookstore/bookstore-{env} {overlay} bookstore")]
        );
        let application = &found.applications[0];
        // Each cluster applies to itself, which is what the project permits.
        let project = &hub.projects["bookstore"];
        assert_eq!(
            check_application(project, application, Scoped::of(&hub.fleet, application)),
            Ok(())
        );
        assert!(
            application
                .sync_policy
                .automated
                .is_some_and(|a| a.prune && a.self_heal)
        );
    }
    assert_eq!(rows(&run(&hub, &tree, "lab")), [""; 0]);
}

#[test]
fn the_matrix_generator_reads_the_overlays_from_the_tree() {
    let Some((hub, tree)) = bookstore("20-applicationset-matrix-generator.yaml") else {
        return;
    };
    let row = |env: &str| {
        format!(
            "bookstore/bookstore-prod-{env} examples/bookstore/kustomize/overlays/{env} bookstore"
        )
    };
    assert_eq!(
        rows(&run(&hub, &tree, "prod")),
        ["dev", "prod", "staging"].map(row)
    );
}

/// The book's own Karmada policy, unmodified, with its two member clusters: two thirds of the catalog here, one there,
/// and the Service on both.
#[test]
fn the_karmada_policy_places_the_catalog_on_both_members() {
    let root = input();
    if !root.is_dir() {
        println!("SKIPPED: no conformance data");
        return;
    }
    let fleet = "apiVersion: muster.dev/v1alpha1\nkind: Fleet\nmetadata: {name: bookstore}\nspec:\n  clusters: [{name: member-east}, {name: member-west}]\n  placements:\n    - source: examples/bookstore/raw-manifests\n      policies: examples/bookstore/multicluster/30-karmada-propagationpolicy.yaml\n";
    let mut tree = MemoryTree::new();
    fill(&mut tree, &root, &root);
    tree.insert(
        RepoPath::new("fleet.yaml").expect("plain"),
        fleet.as_bytes(),
    );
    let hub = load(&tree, &RepoPath::new("fleet.yaml").expect("plain")).expect("a hub");
    let templates = ["10-catalog-deploy.yaml", "40-services.yaml"].map(|name| {
        let path =
            RepoPath::new(&format!("examples/bookstore/raw-manifests/{name}")).expect("plain");
        let entry = tree.entry(&path).expect("memory").expect("it is there");
        let bytes = tree.blob(&entry.id).expect("memory");
        yaml::read(&bytes, &Budgets::default(), 0).expect("YAML")
    });
    let templates: Vec<Manifest> = templates
        .into_iter()
        .flatten()
        .filter_map(|node| Manifest::new(node).ok())
        .collect();
    let placement = hub.placements.values().next().expect("one");
    let assignment = assign(&hub, placement, &templates, &Scopes::builtin());
    assert_eq!(assignment.problems, []);
    assert_eq!(assignment.warnings, []);
    let got: Vec<String> = hub
        .fleet
        .clusters
        .iter()
        .flat_map(|cluster| {
            let placed = assignment.on(cluster);
            placed
                .into_iter()
                .flat_map(|placed| placed.objects.expect("objects"))
        })
        .map(|object| {
            let replicas = object.body().at_path(&["spec", "replicas"]);
            format!("{} {:?}", object.id(), replicas.and_then(Node::as_int))
        })
        .collect();
    assert_eq!(
        got,
        [
            "Deployment.apps/bookstore/catalog Some(2)",
            "Service/bookstore/catalog None",
            "Deployment.apps/bookstore/catalog Some(1)",
            "Service/bookstore/catalog None",
        ]
    );
}
