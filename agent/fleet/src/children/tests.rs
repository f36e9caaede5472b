use muster_model::{Budgets, ClusterName, MemoryTree, RepoPath, yaml};

use super::*;
use crate::hub::load;
use crate::targets::targets;

const FLEET: &str = "
apiVersion: muster.dev/v1alpha1
kind: Fleet
metadata: {name: f}
spec:
  managementCluster: hub
  clusters: [{name: hub}, {name: east}]
  repositories: [{url: 'https://git.example.com/hub', self: true}]
  resources: [a.yaml]
";

const ARGO: &str = "
apiVersion: argoproj.io/v1alpha1
kind: AppProject
metadata: {name: p}
---
apiVersion: argoproj.io/v1alpha1
kind: AppProject
metadata: {name: other}
---
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: root, finalizers: [resources-finalizer.argocd.argoproj.io]}
spec:
  project: p
  source: {repoURL: 'https://git.example.com/hub', path: apps}
  destination: {server: 'https://kubernetes.default.svc', namespace: argocd}
";

fn setup(fleet: &str) -> (Hub, Application) {
    let tree = MemoryTree::of([("fleet.yaml", fleet), ("a.yaml", ARGO)]);
    let hub = load(&tree, &RepoPath::new("fleet.yaml").expect("plain")).expect("a hub");
    let cluster = ClusterName::new("hub").expect("a name");
    let mut found = targets(&hub, &cluster, &tree).expect("targets");
    (hub, found.applications.remove(0))
}

fn app(project: &str, destination: &str) -> Manifest {
    let text = format!(
        "{{apiVersion: argoproj.io/v1alpha1, kind: Application, metadata: {{name: child}}, spec: {{project: {project}, source: {{repoURL: 'https://git.example.com/hub', path: x}}, destination: {destination}}}}}"
    );
    object(&text)
}

fn object(text: &str) -> Manifest {
    let node = yaml::read(text.as_bytes(), &Budgets::default(), 0)
        .expect("YAML")
        .remove(0);
    Manifest::new(node).expect("an object")
}

#[test]
fn children_stay_in_the_parents_project() {
    let (hub, root) = setup(FLEET);
    let children = child_applications(&hub, &root, &[app("p", "{name: in-cluster}")]);
    assert_eq!(children.problems, []);
    assert_eq!(children.applications[0].parent, Some(root.key.clone()));
    assert_eq!(children.applications[0].depth, 1);
    let denied = child_applications(&hub, &root, &[app("other", "{name: hub}")]);
    assert_eq!(denied.problems[0].reason, Reason::ProjectDenied);
}

#[test]
fn a_child_for_another_cluster_is_read_there_when_its_parent_is_followed() {
    let (hub, root) = setup(FLEET);
    let elsewhere = child_applications(&hub, &root, &[app("p", "{name: east}")]);
    assert_eq!(elsewhere.problems, []);
    assert_eq!(elsewhere.applications[0].cluster.as_str(), "east");
    let generated = |name: &str, cluster: &str| {
        let mut parent = root.clone();
        parent.set = Some("set".to_owned());
        parent.key = muster_model::ApplicationKey::new(parent.key.project.as_str(), name);
        parent.cluster = ClusterName::new(cluster).expect("a name");
        parent
    };
    let by_hand = child_applications(&hub, &generated("g", "hub"), &[app("p", "{name: east}")]);
    assert_eq!(by_hand.problems, [], "it runs on the management cluster");
    let refused = child_applications(&hub, &generated("g", "east"), &[app("p", "{name: hub}")]);
    assert_eq!(refused.problems[0].reason, Reason::DestinationUnknown);
    let remedy = refused.problems[0].remedy.as_deref().unwrap_or_default();
    assert!(remedy.contains("spec.adminApplications"), "{remedy}");
    let (hub, _) = setup(&FLEET.replace("resources:", "adminApplications: [g]\n  resources:"));
    let listed = child_applications(&hub, &generated("g", "east"), &[app("p", "{name: hub}")]);
    assert_eq!(listed.problems, []);
}

#[test]
fn the_fleet_file_can_trust_a_parent_with_other_projects() {
    let (hub, root) =
        setup(&FLEET.replace("resources:", "adminApplications: [root]\n  resources:"));
    let children = child_applications(&hub, &root, &[app("other", "{name: hub}")]);
    assert_eq!(children.problems, []);
}

#[test]
fn projects_are_never_taken_from_rendered_objects_and_depth_is_bounded() {
    let (hub, mut root) = setup(FLEET);
    let project =
        object("{apiVersion: argoproj.io/v1alpha1, kind: AppProject, metadata: {name: p}}");
    let refused = child_applications(&hub, &root, &[project]);
    assert_eq!(refused.problems[0].reason, Reason::ReservedObject);
    root.depth = MAX_DEPTH;
    let deep = child_applications(&hub, &root, &[app("p", "{name: hub}")]);
    assert_eq!(deep.problems[0].reason, Reason::DepthLimit);
}
