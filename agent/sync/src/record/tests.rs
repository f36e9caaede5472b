//! Live objects as API servers send them.

use muster_model::{Health, yaml};

use super::*;

fn read(text: &str) -> Node {
    yaml::read(text.as_bytes(), &muster_model::Budgets::default(), 0)
        .expect("valid YAML")
        .remove(0)
}

const DEPLOYMENT: &str = r#"
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: shop
  uid: 6f3c
  resourceVersion: "42"
  generation: 3
  creationTimestamp: "2026-11-01T10:00:00Z"
  finalizers: [example.com/hold]
  labels:
    applyset.kubernetes.io/part-of: applyset-x-v1
    app.kubernetes.io/managed-by: Helm
  annotations:
    argocd.argoproj.io/sync-options: Prune=false
    argocd.argoproj.io/sync-wave: "2"
    muster.dev/applied: v1 0123456789abcdef shop/web Deployment.apps/shop/web
  ownerReferences:
  - {apiVersion: example.com/v1, kind: App, name: shop, uid: 1-2, controller: true}
  managedFields:
  - manager: muster.bookstore
    operation: Apply
    fieldsV1: {"f:spec": {"f:paused": {}}}
  - manager: kube-controller-manager
    operation: Update
    subresource: scale
    fieldsV1: {"f:spec": {"f:replicas": {}}}
  - manager: kube-controller-manager
    operation: Update
    subresource: status
    fieldsV1: {"f:status": {"f:replicas": {}}}
spec: {replicas: 1, paused: false}
status: {observedGeneration: 3, replicas: 1, updatedReplicas: 1, availableReplicas: 1}
"#;

#[test]
fn an_object_is_reduced_to_what_decisions_need() {
    let record = reduce(&read(DEPLOYMENT));
    assert_eq!((&*record.uid, &*record.resource_version), ("6f3c", "42"));
    assert_eq!((record.generation, record.wave), (3, 2));
    assert_eq!(
        record.created.map(|at| at.to_string()).as_deref(),
        Some("2026-11-01T10:00:00Z")
    );
    assert_eq!(record.finalizers, ["example.com/hold"]);
    assert_eq!(record.part_of.as_deref(), Some("applyset-x-v1"));
    let mark = record.applied.expect("a mark");
    assert_eq!(mark.object.to_string(), "Deployment.apps/shop/web");
    assert_eq!(record.claims, ["helm".to_owned()].into());
    assert_eq!(record.controller.as_deref(), Some("App/shop 1-2"));
    assert_eq!(record.sync_options.as_deref(), Some("Prune=false"));
    assert_eq!(
        record.health.map(|report| report.health),
        Some(Health::Healthy)
    );
    let kept: Vec<_> = record
        .managers
        .iter()
        .map(|entry| entry.fields.as_deref())
        .collect();
    assert_eq!(
        kept,
        [
            Some(r#"{"f:spec":{"f:paused":{}}}"#),
            Some(r#"{"f:spec":{"f:replicas":{}}}"#),
            None
        ]
    );
}

#[test]
fn health_counts_only_for_the_generation_that_was_observed() {
    let stale = read(&DEPLOYMENT.replace("observedGeneration: 3", "observedGeneration: 2"));
    let health = reduce(&stale).health.map(|report| report.health);
    assert_eq!(health, Some(Health::Progressing));
}

#[test]
fn metadata_alone_has_no_health_but_shows_what_is_being_deleted() {
    let metadata = "apiVersion: meta.k8s.io/v1\nkind: PartialObjectMetadata\nmetadata: {name: a}\n";
    assert_eq!(reduce(&read(metadata)).health, None);
    let going = metadata.replace(
        "name: a",
        "name: a, deletionTimestamp: \"2026-11-01T10:00:00Z\"",
    );
    assert!(reduce(&read(&going)).deleting);
}

#[test]
fn the_marks_of_other_tools_are_claims() {
    let claim = |metadata: &str| {
        let text = format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a, {metadata}}}\n");
        reduce(&read(&text)).claims.into_iter().collect::<Vec<_>>()
    };
    assert_eq!(
        claim("annotations: {argocd.argoproj.io/tracking-id: x}"),
        ["argocd"]
    );
    assert_eq!(
        claim("labels: {kustomize.toolkit.fluxcd.io/name: x}"),
        ["flux"]
    );
    assert_eq!(
        claim("annotations: {meta.helm.sh/release-name: x}"),
        ["helm"]
    );
    assert_eq!(
        claim("managedFields: [{manager: argocd-controller, operation: Apply}]"),
        ["argocd"]
    );
    assert_eq!(
        claim("labels: {app.kubernetes.io/instance: x}"),
        Vec::<String>::new()
    );
}

#[test]
fn autoscalers_name_what_they_scale() {
    let hpa = "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: h, namespace: shop}\nspec: {scaleTargetRef: {apiVersion: apps/v1, kind: StatefulSet, name: db}}\n";
    let target = reduce(&read(hpa)).scale_target.map(|id| id.to_string());
    assert_eq!(target.as_deref(), Some("StatefulSet.apps/shop/db"));
    let keda = "apiVersion: keda.sh/v1alpha1\nkind: ScaledObject\nmetadata: {name: h, namespace: shop}\nspec: {scaleTargetRef: {name: web}}\n";
    let target = reduce(&read(keda)).scale_target.map(|id| id.to_string());
    assert_eq!(target.as_deref(), Some("Deployment.apps/shop/web"));
}
