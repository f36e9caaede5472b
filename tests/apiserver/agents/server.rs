//! What tests arrange and look at in an API server: objects of any kind, by their manifests.

use muster_tests::testbed::Cluster;
use serde_json::{Value, json};

/// Where an object is served.
pub(super) fn path_of(cluster: &Cluster, object: &Value) -> String {
    let text = |pointer: &str| {
        object
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let version = text("/apiVersion");
    let base = if version.contains('/') {
        format!("/apis/{version}")
    } else {
        format!("/api/{version}")
    };
    let served = cluster.get(&base).json();
    let resource = served["resources"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|resource| {
            resource["kind"] == object["kind"]
                && !resource["name"].as_str().unwrap_or_default().contains('/')
        });
    let resource = resource.expect("the kind is served");
    let plural = resource["name"].as_str().expect("a resource has a name");
    let name = text("/metadata/name");
    if resource["namespaced"] == json!(true) {
        return format!(
            "{base}/namespaces/{}/{plural}/{name}",
            text("/metadata/namespace")
        );
    }
    format!("{base}/{plural}/{name}")
}

/// Applies an object as an administrator does by hand.
pub(super) fn apply(cluster: &Cluster, object: &Value) {
    let path = format!(
        "{}?fieldManager=administrator&force=true",
        path_of(cluster, object)
    );
    let answer = cluster.request(
        "PATCH",
        &path,
        "application/apply-patch+yaml",
        &object.to_string(),
    );
    assert!(
        matches!(answer.status, 200 | 201),
        "{path}: {}",
        answer.body
    );
}

/// Makes a namespace; one that is there already will do.
pub(super) fn add_namespace(cluster: &Cluster, name: &str) {
    let body = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
    let answer = cluster.create("/api/v1/namespaces", &body);
    assert!(matches!(answer.status, 201 | 409), "{}", answer.body);
}

/// Changes an object as somebody with `kubectl edit` does.
pub(super) fn edit(cluster: &Cluster, path: &str, change: &Value) {
    let path = format!("{path}?fieldManager=kubectl-edit");
    let answer = cluster.request(
        "PATCH",
        &path,
        "application/merge-patch+json",
        &change.to_string(),
    );
    assert_eq!(answer.status, 200, "{}", answer.body);
}

/// Whether an object is there, and nobody has asked for its deletion.
pub(super) fn stays(cluster: &Cluster, path: &str) -> bool {
    let answer = cluster.get(path);
    answer.status == 200 && answer.json()["metadata"]["deletionTimestamp"].is_null()
}
