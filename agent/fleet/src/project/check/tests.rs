use muster_model::kinds::Scopes;
use muster_model::{Budgets, ClusterName, Manifest, MemoryTree, Problem, Reason, RepoPath, yaml};

use super::*;
use crate::application::Application;
use crate::decode::Decoder;
use crate::hub::{Hub, load};
use crate::targets::targets;

/// The Application `web` of project `p` on `east`, checked whole: the Application, then its object.
fn checked(spec: &str, application: &str, object: &str) -> Vec<Problem> {
    let fleet = "apiVersion: muster.dev/v1alpha1\nkind: Fleet\nmetadata: {name: f}\nspec: {clusters: [{name: east, project: p}, {name: west, server: 'https://west.example.com'}], repositories: [{url: 'https://git.example.com/hub', self: true}], resources: [a.yaml]}\n";
    let argo = format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: AppProject\nmetadata: {{name: p}}\nspec: {spec}\n---\napiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: web}}\nspec: {{project: p, source: {{repoURL: 'https://git.example.com/hub', path: x}}, {application}}}\n"
    );
    let tree = MemoryTree::of([("fleet.yaml", fleet), ("a.yaml", &argo)]);
    let hub: Hub = load(&tree, &RepoPath::new("fleet.yaml").expect("plain")).expect("a hub");
    let all = ["east", "west"].map(|name| ClusterName::new(name).expect("a name"));
    let found: Vec<Application> = all
        .iter()
        .flat_map(|cluster| targets(&hub, cluster, &tree).expect("targets").applications)
        .collect();
    let project = &hub.projects["p"];
    let scoped = Scoped::of(&hub.fleet, &found[0]);
    let mut problems = check_application(project, &found[0], scoped)
        .err()
        .unwrap_or_default();
    if !object.is_empty() {
        let node = yaml::read(object.as_bytes(), &Budgets::default(), 0)
            .expect("YAML")
            .remove(0);
        let objects = [Manifest::new(node).expect("an object")];
        problems.extend(check_objects(
            project,
            &found[0],
            &objects,
            &Scopes::builtin(),
        ));
    }
    problems
}

const OPEN: &str = "sourceRepos: ['*'], destinations: [{server: '*', namespace: '*'}]";
const HERE: &str = "destination: {name: east, namespace: shop}";

fn message(problems: &[Problem]) -> String {
    problems.iter().map(|p| format!("{p}\n")).collect()
}

#[test]
fn an_application_is_checked_by_source_destination_and_namespace() {
    assert_eq!(checked(&format!("{{{OPEN}}}"), HERE, ""), []);
    let none = message(&checked("{}", HERE, ""));
    assert!(
        none.contains("does not permit the repository")
            && none.contains("does not permit the destination"),
        "{none}"
    );
    assert!(none.contains("a.yaml:6"), "{none}");
    let elsewhere = "{sourceRepos: ['*'], destinations: [{server: '*', namespace: other}]}";
    assert_eq!(checked(elsewhere, HERE, "").len(), 1);
    let by_name = "{sourceRepos: ['*'], destinations: [{name: east, namespace: shop}]}";
    assert_eq!(checked(by_name, HERE, ""), []);
    let by_server = "{sourceRepos: ['*'], destinations: [{server: 'https://kubernetes.default.svc', namespace: shop}]}";
    assert_eq!(
        checked(by_server, HERE, ""),
        [],
        "each cluster applies to itself from inside"
    );
}

#[test]
fn only_clusters_of_the_project_where_it_asks_for_them() {
    let scoped = format!("{{{OPEN}, permitOnlyProjectScopedClusters: true}}");
    assert_eq!(checked(&scoped, HERE, ""), []);
    let west = checked(&scoped, "destination: {name: west, namespace: shop}", "");
    assert!(
        message(&west).contains("permits only its own clusters"),
        "{west:?}"
    );
}

#[test]
fn every_object_lies_in_a_permitted_namespace_and_kind() {
    let spec = "{sourceRepos: ['*'], destinations: [{server: '*', namespace: shop}]}";
    let object =
        |kind: &str, more: &str| format!("{{apiVersion: {kind}, metadata: {{name: x{more}}}}}");
    let denied =
        |spec: &str, kind: &str, more: &str| message(&checked(spec, HERE, &object(kind, more)));
    assert_eq!(denied(spec, "v1, kind: ConfigMap", ", namespace: shop"), "");
    let outside = denied(spec, "v1, kind: ConfigMap", ", namespace: kube-system");
    assert!(
        outside.contains("does not permit the namespace `kube-system`"),
        "{outside}"
    );
    // HAZARDS.md T-54: what gives rights, or answers for the API server, is cluster-scoped and never permitted by itself.
    for kind in [
        "rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding",
        "admissionregistration.k8s.io/v1, kind: ValidatingWebhookConfiguration",
        "admissionregistration.k8s.io/v1, kind: MutatingWebhookConfiguration",
        "apiregistration.k8s.io/v1, kind: APIService",
        "apiextensions.k8s.io/v1, kind: CustomResourceDefinition",
    ] {
        let refused = denied(spec, kind, "");
        assert!(
            refused.contains("clusterResourceWhitelist"),
            "{kind}: {refused}"
        );
    }
    let binding = "rbac.authorization.k8s.io/v1, kind: RoleBinding";
    let guarded = spec.replace(
        "{sourceRepos",
        "{namespaceResourceBlacklist: [{group: rbac.authorization.k8s.io, kind: '*'}], sourceRepos",
    );
    assert!(denied(&guarded, binding, ", namespace: shop").contains("namespaceResourceBlacklist"));
    let unknown = denied(spec, "example.com/v1, kind: Widget", ", namespace: shop");
    assert!(unknown.contains("[ScopeUnknown]"), "{unknown}");
}

#[test]
fn every_field_that_is_not_built_refuses_the_project_by_name() {
    for field in [
        "signatureKeys",
        "sourceIntegrity",
        "syncWindows",
        "sourceNamespaces",
        "orphanedResources",
    ] {
        let text = format!("metadata: {{name: p}}\nspec:\n  {field}: {{x: y}}\n");
        let node = yaml::read(text.as_bytes(), &Budgets::default(), 0)
            .expect("YAML")
            .remove(0);
        let mut decoder = Decoder::new("p.yaml", Reason::InvalidField);
        Project::read(&mut decoder, &node);
        let found = message(&decoder.into_problems().0);
        assert!(
            found.contains(&format!("p.yaml:3: `{field}` is not supported")),
            "{found}"
        );
    }
    for pattern in [
        "sourceRepos: ['!*']",
        "destinations: [{server: '!*'}]",
        "destinations: [{server: '*', namespace: '['}]",
    ] {
        let text = format!("metadata: {{name: p}}\nspec: {{{pattern}}}\n");
        let node = yaml::read(text.as_bytes(), &Budgets::default(), 0)
            .expect("YAML")
            .remove(0);
        let mut decoder = Decoder::new("p.yaml", Reason::InvalidField);
        Project::read(&mut decoder, &node);
        assert!(!decoder.into_problems().0.is_empty(), "{pattern}");
    }
}
