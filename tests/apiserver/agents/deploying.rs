//! `deploy/base`, rendered by our own engine, and an agent with exactly the rights it grants.

use std::path::{Path, PathBuf};

use muster_kustomize::Options;
use muster_model::{RepoPath, json};
use muster_tests::disk::DiskTree;
use muster_tests::testbed::{Cluster, Https};
use serde_json::{Value, json};

use super::Agents;
use super::server::apply;
use super::site::{Site, config_map, stateful_set};

/// The namespace that the base makes.
const HOME: &str = "muster-system";

pub(super) fn the_agent_works_with_the_rights_of_the_base(agents: &Agents) {
    let cluster = agents.cluster();
    for object in rendered("deploy/base") {
        apply(cluster, &object);
    }
    let token = token(cluster, HOME, "muster");
    let objects = [
        config_map("one", &json!({"colour": "blue"})),
        config_map("two", &json!({})),
        stateful_set("data"),
    ];
    let site = Site::with_home(cluster, HOME, &objects);
    let directory = tempfile::tempdir().expect("a temporary directory");
    let agent = site.start_as(&kubeconfig(cluster, directory.path(), &token));
    site.is_synced(&agent);
    site.heals(&agent, "one", "colour");
    site.withdraw(&objects[1..2]);
    site.waits(&agent, "pruning is permitted", || {
        !super::server::stays(cluster, &site.config_map("two"))
    });

    may_no_more(&user(cluster, &token), &site);

    // HAZARDS.md T-54: who can commit cannot make himself an administrator, whatever the project permits.
    site.deliver(&[json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": "escalation"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "mallory"}],
    })]);
    site.explains(&agent, "Forbidden", "rolebindings");
}

/// Somebody with a token.
pub(super) fn user(cluster: &Cluster, token: &str) -> Https {
    let port = cluster.url.rsplit(':').next();
    let port = port.and_then(|port| port.parse().ok()).expect("a port");
    Https::new(port, &cluster.ca, token)
}

/// Everything a directory renders to.
pub(super) fn rendered(directory: &str) -> Vec<Value> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let built = muster_kustomize::build(
        &DiskTree::new(root),
        &RepoPath::new(directory).expect("a path"),
        &Options::default(),
    );
    built
        .expect("it builds")
        .nodes()
        .iter()
        .map(json::to_value)
        .collect()
}

/// A token of a ServiceAccount.
pub(super) fn token(cluster: &Cluster, namespace: &str, name: &str) -> String {
    let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token");
    let request = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 3600}});
    let answer = cluster.create(&path, &request);
    assert_eq!(answer.status, 201, "{}", answer.body);
    answer.json()["status"]["token"]
        .as_str()
        .expect("a token")
        .to_owned()
}

/// The admin's kubeconfig with another token.
pub(super) fn kubeconfig(cluster: &Cluster, directory: &Path, token: &str) -> PathBuf {
    let text = std::fs::read_to_string(&cluster.kubeconfig_path).expect("a kubeconfig");
    let mut config: Value = serde_json::from_str(&text).expect("it is JSON");
    config["users"][0]["user"]["token"] = token.into();
    let path = directory.join("kubeconfig");
    std::fs::write(&path, config.to_string()).expect("written");
    path
}

/// What the agent does not do, it may not do.
fn may_no_more(agent: &Https, site: &Site<'_>) {
    let one = site.config_map("one");
    let all = format!("/api/v1/namespaces/{}/configmaps", site.name);
    let live = site.cluster.get(&one).body;
    for (method, path, body) in [
        ("PUT", one.as_str(), live.as_str()),
        ("DELETE", all.as_str(), ""),
    ] {
        let answer = agent
            .request(method, path, "application/json", body)
            .expect("an answer");
        assert_eq!(answer.status, 403, "{method} {path}: {}", answer.body);
    }
    for (verb, group, resource, permitted) in [
        ("patch", "apps", "deployments", true),
        ("delete", "", "configmaps", true),
        ("impersonate", "", "users", false),
        (
            "escalate",
            "rbac.authorization.k8s.io",
            "clusterroles",
            false,
        ),
        ("bind", "rbac.authorization.k8s.io", "clusterroles", false),
        ("approve", "certificates.k8s.io", "signers", false),
    ] {
        let spec =
            json!({"resourceAttributes": {"verb": verb, "group": group, "resource": resource}});
        let review = json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": spec});
        let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
        let answer = agent
            .request("POST", path, "application/json", &review.to_string())
            .expect("an answer");
        assert_eq!(
            answer.json()["status"]["allowed"],
            permitted,
            "{verb} {resource}: {}",
            answer.body
        );
    }
}
