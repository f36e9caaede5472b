//! Which kinds are served.

use muster_model::GroupKind;
use muster_model::kinds::Scope;
use serde_json::json;

use crate::fixture::{Bench, applied, eventually};

pub(crate) async fn built_in_kinds_are_known_with_plural_scope_and_versions(bench: Bench) {
    let discovery = bench.client().await.discover().await.expect("an answer");
    let deployment = &discovery.kinds[&GroupKind::new("apps", "Deployment")];
    assert_eq!(deployment.plural, "deployments");
    assert_eq!(deployment.scope, Scope::Namespaced);
    assert_eq!(deployment.versions, ["v1"]);
    assert!(
        ["get", "list", "watch", "patch", "delete"]
            .iter()
            .all(|verb| deployment.verbs.contains(*verb))
    );
    let namespace = &discovery.kinds[&GroupKind::new("", "Namespace")];
    assert_eq!(
        (namespace.plural.as_str(), namespace.scope),
        ("namespaces", Scope::Cluster)
    );
    assert_eq!(
        discovery.kinds[&GroupKind::new("autoscaling", "HorizontalPodAutoscaler")].versions[0],
        "v2"
    );
}

/// A CustomResourceDefinition of one namespaced kind.
pub(crate) fn define(bench: &Bench, group: &str, kind: &str) {
    let plural = format!("{}s", kind.to_lowercase());
    let body = json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{plural}.{group}")},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"plural": plural, "singular": kind.to_lowercase(), "kind": kind, "listKind": format!("{kind}List")},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {
                "type": "object",
                "properties": {"spec": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}},
            }}}],
        },
    });
    let answer = bench.create(
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
        &body,
    );
    assert_eq!(answer.status, 201, "{}", answer.body);
}

pub(crate) async fn a_new_kind_is_known_after_discovery_is_asked_again(bench: Bench) {
    let client = bench.client().await;
    let kind = GroupKind::new("new.example.com", "Widget");
    assert!(
        !client
            .discover()
            .await
            .expect("an answer")
            .kinds
            .contains_key(&kind)
    );
    define(&bench, "new.example.com", "Widget");
    eventually(async || {
        client
            .discover()
            .await
            .ok()?
            .kinds
            .contains_key(&kind)
            .then_some(())
    })
    .await;
    let body = bench.marked(&json!({
        "apiVersion": "new.example.com/v1",
        "kind": "Widget",
        "metadata": {"name": "w", "namespace": bench.namespace},
        "spec": {"size": 3},
    }));
    assert!(!applied(&client, &body).await.uid.is_empty());
}

pub(crate) async fn a_group_whose_server_is_down_is_named_and_the_others_stay(bench: Bench) {
    let client = bench.client().await;
    let body = json!({
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": "v1.down.example.com"},
        "spec": {
            "group": "down.example.com", "version": "v1", "groupPriorityMinimum": 100, "versionPriority": 100,
            "insecureSkipTLSVerify": true, "service": {"namespace": "default", "name": "nowhere"},
        },
    });
    assert_eq!(
        bench
            .create("/apis/apiregistration.k8s.io/v1/apiservices", &body)
            .status,
        201
    );
    let discovery = eventually(async || {
        let discovery = client.discover().await.ok()?;
        discovery
            .failed_groups
            .contains("down.example.com")
            .then_some(discovery)
    })
    .await;
    assert!(
        discovery
            .kinds
            .contains_key(&GroupKind::new("apps", "Deployment"))
    );
    assert_eq!(discovery.failed_groups.len(), 1);
}
