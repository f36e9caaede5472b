//! The scripts of the contract.

use serde_json::{Value, json};

use super::Act::{
    Adopt, Apply, ApplyAs, Clear, Create, Delete, DeleteStale, Patch, PatchStatus, Probe, Release,
};
use super::compare;
use crate::fixture::Bench;

const OTHER: &str = "kubectl-edit";
const FORMER: &str = "kubectl-client-side-apply";

/// A custom kind with every way to merge, defaults, and a field that is not declared.
pub(super) fn gadgets() -> Value {
    let ports = json!({
        "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["port", "protocol"],
        "items": {
            "type": "object", "required": ["port"],
            "properties": {
                "port": {"type": "integer"}, "protocol": {"type": "string", "default": "TCP"}, "note": {"type": "string"},
            },
        },
    });
    let spec = json!({
        "type": "object",
        "properties": {
            "size": {"type": "integer", "default": 3},
            "name": {"type": "string"},
            "tags": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
            "args": {"type": "array", "x-kubernetes-list-type": "atomic", "items": {"type": "string"}},
            "limits": {"type": "object", "x-kubernetes-map-type": "atomic", "additionalProperties": {"type": "string"}},
            "labels": {"type": "object", "additionalProperties": {"type": "string"}},
            "nested": {
                "type": "object",
                "properties": {"a": {"type": "string"}, "b": {"type": "string", "default": "x"}},
            },
            "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
            "ports": ports,
        },
    });
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "gadgets.contract.example.com"},
        "spec": {
            "group": "contract.example.com", "scope": "Namespaced",
            "names": {"kind": "Gadget", "plural": "gadgets", "singular": "gadget", "listKind": "GadgetList"},
            "versions": [{
                "name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {
                    "type": "object", "properties": {"spec": spec, "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}},
                }},
            }],
        },
    })
}

fn gadget(spec: Value) -> Value {
    json!({
        "apiVersion": "contract.example.com/v1", "kind": "Gadget", "metadata": {"name": "g"}, "spec": spec,
    })
}

pub(super) fn config(data: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": data})
}

pub(super) fn labelled(data: Value, labels: Value) -> Value {
    let mut object = config(data);
    object["metadata"]["labels"] = labels;
    object
}

fn secret(data: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": data})
}

fn deployment(spec: Value, containers: Value) -> Value {
    let mut object = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"},
        "spec": {
            "selector": {"matchLabels": {"app": "d"}},
            "template": {"metadata": {"labels": {"app": "d"}}, "spec": {"containers": containers}},
        },
    });
    for (key, value) in spec.as_object().expect("a mapping") {
        object["spec"][key] = value.clone();
    }
    object
}

fn container(extra: Value) -> Value {
    let mut container = json!({"name": "app", "image": "registry.example.com/app:1"});
    for (key, value) in extra.as_object().expect("a mapping") {
        container[key] = value.clone();
    }
    container
}

fn service(ports: Value) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"},
        "spec": {"selector": {"app": "d"}, "ports": ports},
    })
}

pub(crate) async fn fields_come_change_and_go(bench: Bench) {
    let script = vec![
        Apply(config(json!({"a": "1", "b": "1"})), true),
        Apply(config(json!({"a": "1", "b": "1"})), true),
        Apply(config(json!({"a": "2"})), true),
        Apply(config(json!({})), true),
        Delete("ConfigMap", "c"),
        Delete("ConfigMap", "c"),
    ];
    compare(bench, script).await;
}

pub(crate) async fn others_change_what_is_ours(bench: Bench) {
    let script = vec![
        Apply(config(json!({"a": "1", "b": "1"})), true),
        Patch(
            "ConfigMap",
            "c",
            OTHER,
            json!({"data": {"a": "x", "more": "y"}}),
        ),
        Apply(config(json!({"a": "1", "b": "1"})), false),
        Apply(config(json!({"a": "1", "b": "1"})), true),
        Patch("ConfigMap", "c", OTHER, json!({"data": {"b": null}})),
        Apply(config(json!({"a": "1", "b": "1"})), true),
        Patch("ConfigMap", "c", OTHER, json!({"data": null})),
        Patch(
            "ConfigMap",
            "c",
            OTHER,
            json!({"metadata": {"labels": null}}),
        ),
        Apply(config(json!({"a": "1"})), true),
    ];
    compare(bench, script).await;
}

pub(crate) async fn two_appliers_share_and_conflict(bench: Bench) {
    let script = vec![
        Apply(config(json!({"a": "1", "b": "1"})), true),
        ApplyAs(config(json!({"a": "1"})), "other"),
        Apply(config(json!({"b": "1"})), true),
        Apply(config(json!({"a": "2", "b": "1"})), false),
        Apply(config(json!({"a": "2", "b": "1"})), true),
        ApplyAs(config(json!({"b": "3"})), "other"),
        ApplyAs(config(json!({})), "other"),
    ];
    compare(bench, script).await;
}

pub(crate) async fn what_a_client_made_is_adopted(bench: Bench) {
    let script = vec![
        Create(
            labelled(json!({"a": "1", "gone": "x"}), json!({"l": "1"})),
            FORMER,
        ),
        Probe("ConfigMap", &["c", "absent"]),
        Apply(config(json!({"a": "1"})), false),
        Adopt("ConfigMap", "c", &[FORMER]),
        Apply(config(json!({"a": "1"})), true),
        Release("ConfigMap", "c"),
        Apply(config(json!({"a": "2"})), true),
    ];
    compare(bench, script).await;
}

pub(crate) async fn cleared_managed_fields_are_tracked_anew(bench: Bench) {
    let script = vec![
        Apply(config(json!({"a": "1"})), true),
        Clear("ConfigMap", "c"),
        Patch("ConfigMap", "c", OTHER, json!({"data": {"b": "1"}})),
        Apply(config(json!({"a": "1"})), true),
        Adopt("ConfigMap", "c", &["before-first-apply"]),
        Apply(config(json!({"a": "1"})), true),
    ];
    compare(bench, script).await;
}

pub(crate) async fn deletes_are_bound_and_finalizers_hold(bench: Bench) {
    let finalizers = json!({"metadata": {"finalizers": ["example.com/wait"]}});
    let none = json!({"metadata": {"finalizers": null}});
    let script = vec![
        Apply(config(json!({"a": "1"})), true),
        DeleteStale("ConfigMap", "c"),
        Patch("ConfigMap", "c", OTHER, finalizers.clone()),
        Delete("ConfigMap", "c"),
        Delete("ConfigMap", "c"),
        Apply(config(json!({"a": "2"})), true),
        Patch("ConfigMap", "c", OTHER, none.clone()),
        Apply(deployment(json!({}), json!([container(json!({}))])), true),
        Patch("Deployment", "d", OTHER, finalizers),
        Delete("Deployment", "d"),
        Patch("Deployment", "d", OTHER, none),
    ];
    compare(bench, script).await;
}

pub(crate) async fn a_secret_has_its_type_and_data(bench: Bench) {
    let script = vec![
        Apply(secret(json!({"k": "djE="})), true),
        Patch(
            "Secret",
            "s",
            OTHER,
            json!({"stringData": {"k": "v2", "l": "v"}}),
        ),
        Apply(secret(json!({"k": "djE="})), true),
        Apply(secret(json!({"m": "djM="})), true),
    ];
    compare(bench, script).await;
}

pub(crate) async fn a_workload_has_defaults_that_nobody_owns(bench: Bench) {
    let ports = json!({"ports": [{"containerPort": 80}], "env": [{"name": "A", "value": "1"}], "args": ["x"]});
    let more = json!({"name": "side", "image": "side"});
    let script = vec![
        Apply(
            deployment(json!({"replicas": 2}), json!([container(ports.clone())])),
            true,
        ),
        Patch(
            "Deployment",
            "d",
            OTHER,
            json!({"spec": {"replicas": 5, "paused": true}}),
        ),
        Apply(
            deployment(
                json!({"replicas": 2}),
                json!([container(ports.clone()), more]),
            ),
            true,
        ),
        Apply(
            deployment(json!({}), json!([container(json!({"args": ["y"]}))])),
            true,
        ),
        PatchStatus(
            "Deployment",
            "d",
            json!({"observedGeneration": 1, "replicas": 1}),
        ),
        Apply(
            deployment(json!({}), json!([container(json!({"args": ["y"]}))])),
            true,
        ),
        Apply(
            deployment(
                json!({"strategy": {"type": "Recreate"}}),
                json!([container(json!({}))]),
            ),
            true,
        ),
        Create(
            json!({
                "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "e"},
                "spec": deployment(json!({}), json!([container(ports)]))["spec"],
            }),
            FORMER,
        ),
    ];
    compare(bench, script).await;
}

pub(crate) async fn an_immutable_field_is_refused(bench: Bench) {
    let mut other = deployment(json!({}), json!([container(json!({}))]));
    other["spec"]["selector"]["matchLabels"]["app"] = json!("x");
    other["spec"]["template"]["metadata"]["labels"]["app"] = json!("x");
    let mut frozen = config(json!({"a": "1"}));
    frozen["immutable"] = json!(true);
    let mut changed = frozen.clone();
    changed["data"]["a"] = json!("2");
    let mut typed = secret(json!({}));
    typed["type"] = json!("example.com/other");
    let script = vec![
        Apply(deployment(json!({}), json!([container(json!({}))])), true),
        Apply(other, true),
        Apply(frozen, true),
        Apply(changed, true),
        Apply(secret(json!({})), true),
        Apply(typed, true),
    ];
    compare(bench, script).await;
}

pub(crate) async fn a_service_keeps_its_ports_by_key(bench: Bench) {
    let script = vec![
        Apply(service(json!([{"port": 80, "name": "a"}])), true),
        Apply(
            service(
                json!([{"port": 80, "name": "a", "targetPort": 8080}, {"port": 81, "name": "b"}]),
            ),
            true,
        ),
        Apply(service(json!([{"port": 81, "name": "b"}])), true),
        Patch(
            "Service",
            "s",
            OTHER,
            json!({"spec": {"selector": {"app": "x"}}}),
        ),
        Apply(service(json!([{"port": 81, "name": "b"}])), true),
    ];
    compare(bench, script).await;
}

pub(crate) async fn a_service_keeps_its_address(bench: Bench) {
    let script = vec![
        Create(service(json!([{"port": 80}])), FORMER),
        Clear("Service", "s"),
        Apply(service(json!([{"port": 80}])), true),
        // Ours now, the address too; and the next apply does not say it.
        Adopt("Service", "s", &["before-first-apply"]),
        Apply(service(json!([{"port": 80}])), true),
        Apply(service(json!([{"port": 81}])), true),
    ];
    compare(bench, script).await;
}

pub(crate) async fn custom_lists_merge_as_their_definition_says(bench: Bench) {
    let script = vec![
        Apply(
            gadget(json!({
                "ports": [{"port": 80, "protocol": "TCP", "note": "n"}], "tags": ["a", "b"], "args": ["x", "y"], "limits": {"cpu": "1"},
                "labels": {"l": "1"},
            })),
            true,
        ),
        ApplyAs(
            gadget(json!({
                "ports": [{"port": 81, "protocol": "TCP"}], "tags": ["b", "c"], "labels": {"m": "1"},
            })),
            "other",
        ),
        Apply(
            gadget(json!({
                "ports": [{"port": 82, "protocol": "UDP"}], "tags": ["a"], "args": ["x"], "limits": {"memory": "1"},
            })),
            true,
        ),
        Patch(
            "Gadget",
            "g",
            OTHER,
            json!({"spec": {"args": ["x", "z"], "limits": {"more": "1"}}}),
        ),
        Apply(gadget(json!({"args": ["x"]})), false),
        Apply(gadget(json!({"args": ["x"]})), true),
    ];
    compare(bench, script).await;
}

pub(crate) async fn custom_fields_are_defaulted(bench: Bench) {
    let script = vec![
        Apply(
            gadget(json!({"nested": {"a": "1"}, "free": {"any": {"thing": [1, 2]}}})),
            true,
        ),
        Apply(
            gadget(json!({"nested": {"a": "1", "b": "y"}, "size": 4})),
            true,
        ),
        Apply(gadget(json!({"name": "n"})), true),
        Patch(
            "Gadget",
            "g",
            OTHER,
            json!({"spec": {"nested": {"a": "2"}, "unknown": "x"}}),
        ),
        Apply(gadget(json!({"name": "n", "nested": {"a": "1"}})), true),
    ];
    compare(bench, script).await;
}

pub(crate) async fn a_custom_field_that_is_not_declared(bench: Bench) {
    let script = vec![
        Apply(gadget(json!({"name": "n", "unknown": "x"})), true),
        Create(
            json!({
                "apiVersion": "contract.example.com/v1", "kind": "Gadget", "metadata": {"name": "h"},
                "spec": {"unknown": "x", "nested": {"a": "1", "c": "2"}},
            }),
            FORMER,
        ),
    ];
    compare(bench, script).await;
}
