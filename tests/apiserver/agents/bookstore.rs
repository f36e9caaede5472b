//! The public Bookstore on three clusters, from its own Argo CD files.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use muster_model::{RepoPath, json};
use muster_tests::binary;
use muster_tests::disk::DiskTree;
use muster_tests::git_server::GitServer;
use muster_tests::testbed::Cluster;
use serde_json::Value;

use super::Agents;
use super::server::{add_namespace, path_of};
use super::site::Agent;

/// Environment, and how many objects its overlay renders to.
const OVERLAYS: [(&str, usize); 3] = [("dev", 45), ("staging", 49), ("prod", 48)];
/// Three first applies on a busy runner.
const PATIENCE: Duration = Duration::from_secs(150);
/// The namespace of the agents.
const HOME: &str = "muster-system";

const FLEET: &str = r#"apiVersion: muster.dev/v1alpha1
kind: Fleet
metadata: {name: bookstore}
spec:
  managementCluster: dev
  clusters:
    - {name: dev, labels: {bookstore.example.com/fleet: "true", env: dev}}
    - {name: staging, labels: {bookstore.example.com/fleet: "true", env: staging}}
    - {name: prod, labels: {bookstore.example.com/fleet: "true", env: prod}}
  repositories:
    - {url: "https://github.com/your-org/bookstore.git", self: true}
  resources:
    - examples/bookstore/argocd/00-appproject.yaml
    - examples/bookstore/multicluster/10-applicationset-cluster-generator.yaml
"#;

#[expect(clippy::print_stdout, reason = "says that it is skipped")]
pub(super) fn three_clusters_run_their_overlays(agents: &Agents) {
    let Some(input) = input() else {
        println!(
            "SKIPPED: the Bookstore of the conformance data is not there; MUSTER_CONFORMANCE names it"
        );
        return;
    };
    let directory = tempfile::Builder::new()
        .prefix("muster-bookstore-")
        .tempdir()
        .expect("a temporary directory");
    let server = GitServer::start(directory.path());
    let hub = server.create("bookstore");
    let mut files = vec![("fleet.yaml".to_owned(), FLEET.as_bytes().to_vec())];
    collect(&input, "", &mut files);
    let files: Vec<_> = files
        .iter()
        .map(|(path, data)| (path.as_str(), data.as_slice()))
        .collect();
    hub.commit_files("main", &files);

    let clusters = clusters(agents);
    let running: Vec<Agent> = clusters
        .iter()
        .map(|cluster| start(directory.path(), cluster, hub.url()))
        .collect();
    let begun = Instant::now();
    while !OVERLAYS
        .iter()
        .all(|overlay| is_synced(&said(directory.path(), hub.url()), overlay))
    {
        let logs: Vec<String> = running.iter().map(Agent::log).collect();
        let said = said(directory.path(), hub.url());
        assert!(
            begun.elapsed() < PATIENCE,
            "synced in time; the fleet says {said:#}\nthe agents' logs:\n{}",
            logs.join("\n")
        );
        std::thread::sleep(Duration::from_millis(500));
    }
    for (cluster, (overlay, count)) in clusters.iter().zip(OVERLAYS) {
        let objects = rendered(&input, overlay);
        assert_eq!(objects.len(), count, "{overlay}");
        for object in &objects {
            let path = path_of(cluster, object);
            let live = cluster.get(&path).json();
            assert!(
                live["metadata"]["labels"]["applyset.kubernetes.io/part-of"].is_string(),
                "{overlay}: {path}"
            );
        }
    }
}

/// The tree of the public repository, when it is there.
fn input() -> Option<PathBuf> {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/conformance");
    let root = std::env::var_os("MUSTER_CONFORMANCE").map_or_else(|| default.into(), PathBuf::from);
    Some(root.join("kustomize/trees/bookstore/input")).filter(|path| path.is_dir())
}

/// Every file below a directory, with its path.
fn collect(directory: &Path, above: &str, files: &mut Vec<(String, Vec<u8>)>) {
    for entry in std::fs::read_dir(directory).expect("a directory").flatten() {
        let path = format!("{above}{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            collect(&entry.path(), &format!("{path}/"), files);
        } else {
            files.push((path, std::fs::read(entry.path()).expect("a file")));
        }
    }
}

/// Three API servers, started side by side.
fn clusters(agents: &Agents) -> Vec<Cluster> {
    let testbed = &agents.plane.testbed;
    let clusters: Vec<Cluster> = std::thread::scope(|scope| {
        let starting: Vec<_> = OVERLAYS
            .iter()
            .map(|(name, _)| scope.spawn(|| testbed.cluster(name)))
            .collect();
        let started = starting
            .into_iter()
            .map(|starting| starting.join().expect("no panic"));
        started
            .map(|cluster| cluster.expect("the API server starts"))
            .collect()
    });
    for cluster in &clusters {
        add_namespace(cluster, HOME);
    }
    clusters
}

fn start(directory: &Path, cluster: &Cluster, hub: &str) -> Agent {
    let kubeconfig = cluster.kubeconfig_path.display().to_string();
    let arguments = [
        "--cluster",
        &cluster.name,
        "--repo",
        hub,
        "--kubeconfig",
        &kubeconfig,
        "--namespace",
        HOME,
    ];
    let arguments: Vec<String> = arguments.iter().map(|text| (*text).to_owned()).collect();
    Agent::start(&directory.join(&cluster.name), &arguments)
}

/// What `muster status` prints for machines.
fn said(directory: &Path, hub: &str) -> Value {
    let output = std::process::Command::new(binary("muster"))
        .args(["status", "--repo", hub, "--output", "json"])
        .env("XDG_CACHE_HOME", directory.join("cache"))
        .output()
        .expect("muster runs");
    serde_json::from_slice(&output.stdout).unwrap_or_default()
}

fn is_synced(fleet: &Value, (name, count): &(&str, usize)) -> bool {
    let status = &fleet["clusters"][name]["status"];
    let application = &status["applications"][format!("bookstore/bookstore-{name}")];
    application["sync"] == "Synced"
        && application["objects"] == *count
        && application["inSync"] == *count
        && problems_of_the_fleet(status) == ["spec.roles"]
        && application["problems"].is_null()
}

/// The fields that problems of the cluster as a whole name: the AppProject has `roles`, which only an Argo CD server has a
/// use for, and which are reported.
fn problems_of_the_fleet(status: &Value) -> Vec<&str> {
    let problems = status["problems"].as_array().into_iter().flatten();
    problems
        .map(|problem| problem["field"].as_str().unwrap_or_default())
        .collect()
}

/// The objects of an overlay.
fn rendered(input: &Path, overlay: &str) -> Vec<Value> {
    let directory =
        RepoPath::new(&format!("examples/bookstore/kustomize/overlays/{overlay}")).expect("a path");
    let built = muster_kustomize::build(
        &DiskTree::new(input),
        &directory,
        &muster_kustomize::Options::default(),
    );
    built
        .expect("the overlay builds")
        .nodes()
        .iter()
        .map(json::to_value)
        .collect()
}
