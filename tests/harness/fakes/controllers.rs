//! What a controller manager does, in one round: workloads become ready, custom kinds are served, deletes finish.

use muster_model::{GroupKind, ObjectId, json};
use serde_json::{Value, json};

use super::api_server::{ApiServer, finalizers, is_deleting, owner_uids};
use super::cluster::State;
use super::managed::{Owner, metadata_mut};
use super::served::served_by_crd;

const MANAGER: &str = "kube-controller-manager";

/// One round.
pub(super) fn reconcile(state: &mut State) {
    let stuck = state.stuck.clone();
    let api = &mut state.api;
    establish(api);
    for id in ids(api) {
        if !stuck.contains(&id) {
            make_ready(api, &id);
        }
    }
    collect_garbage(api);
    let kept = state.stuck_namespaces.clone();
    finish_namespaces(&mut state.api, &kept);
}

fn ids(api: &ApiServer) -> Vec<ObjectId> {
    api.objects().map(|(id, _)| id.clone()).collect()
}

/// Serves what CustomResourceDefinitions ask for.
fn establish(api: &mut ApiServer) {
    let crd = GroupKind::new("apiextensions.k8s.io", "CustomResourceDefinition");
    for id in ids(api).into_iter().filter(|id| id.group_kind() == crd) {
        let Some((kind, served)) = api
            .get(&id)
            .map(json::to_value)
            .as_ref()
            .and_then(served_by_crd)
        else {
            continue;
        };
        if api.serves(&kind) {
            continue;
        }
        if let Some(structural) = api.get(&id).map(json::to_value).and_then(structural_of) {
            api.define(kind.clone(), structural);
        }
        api.serve(kind, served);
        let condition = |kind: &str| json!({"type": kind, "status": "True"});
        let conditions = json!([condition("NamesAccepted"), condition("Established")]);
        write_status(api, &id, &json!({"conditions": conditions}));
    }
}

/// The schema of the first version that a definition lists.
fn structural_of(definition: Value) -> Option<Value> {
    let schema = &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
    schema["properties"].is_object().then(|| schema.clone())
}

fn write_status(api: &mut ApiServer, id: &ObjectId, status: &Value) {
    let owner = Owner::update(MANAGER, "status");
    let _gone = api.update(id, owner, |object| object["status"] = status.clone());
}

/// Writes the status a workload has once everything of it runs.
fn make_ready(api: &mut ApiServer, id: &ObjectId) {
    let Some(object) = api.get(id).map(json::to_value) else {
        return;
    };
    if let Some(status) = ready_status(id, &object)
        && object["status"] != status
    {
        write_status(api, id, &status);
    }
}

fn ready_status(id: &ObjectId, object: &Value) -> Option<Value> {
    let generation = &object["metadata"]["generation"];
    let replicas = &object["spec"]["replicas"];
    match (id.group(), id.kind()) {
        ("apps", "Deployment") => Some(json!({
            "observedGeneration": generation, "replicas": replicas, "updatedReplicas": replicas,
            "readyReplicas": replicas, "availableReplicas": replicas,
            "conditions": [
                {"type": "Available", "status": "True", "reason": "MinimumReplicasAvailable"},
                {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"},
            ],
        })),
        ("apps", "StatefulSet") => Some(json!({
            "observedGeneration": generation, "replicas": replicas, "updatedReplicas": replicas,
            "readyReplicas": replicas, "currentReplicas": replicas, "availableReplicas": replicas,
            "currentRevision": "r1", "updateRevision": "r1",
        })),
        ("apps", "DaemonSet") => Some(json!({
            "observedGeneration": generation, "desiredNumberScheduled": 1, "currentNumberScheduled": 1,
            "updatedNumberScheduled": 1, "numberAvailable": 1, "numberReady": 1,
        })),
        ("autoscaling", "HorizontalPodAutoscaler") => Some(json!({
            "desiredReplicas": 2, "currentReplicas": 2,
            "conditions": [
                {"type": "AbleToScale", "status": "True", "reason": "ReadyForNewScale"},
                {"type": "ScalingActive", "status": "True", "reason": "ValidMetricFound"},
            ],
        })),
        ("", "PersistentVolumeClaim") => Some(json!({"phase": "Bound"})),
        _ => None,
    }
}

/// Dependents follow their owners; an owner that waits for them goes after them.
fn collect_garbage(api: &mut ApiServer) {
    let uids: Vec<String> = api
        .objects()
        .filter_map(|(_, object)| object.str_at(&["metadata", "uid"]).map(ToOwned::to_owned))
        .collect();
    for id in ids(api) {
        let Some(object) = api.get(&id).cloned() else {
            continue;
        };
        let owned_by = owner_uids(&object);
        if !owned_by.is_empty()
            && !owned_by
                .iter()
                .any(|owner| uids.iter().any(|uid| uid == owner))
        {
            remove(api, &id);
        }
        if finalizers(&object).contains(&"foregroundDeletion") {
            finish_foreground(
                api,
                &id,
                object.str_at(&["metadata", "uid"]).unwrap_or_default(),
            );
        }
    }
}

fn finish_foreground(api: &mut ApiServer, id: &ObjectId, uid: &str) {
    for dependent in api.dependents(uid) {
        remove(api, &dependent);
    }
    let _gone = api.rewrite(id, |object| {
        let list = metadata_mut(object).and_then(|metadata| metadata.get_mut("finalizers"));
        if let Some(finalizers) = list.and_then(muster_model::Node::as_list_mut) {
            finalizers.retain(|name| name.as_str() != Some("foregroundDeletion"));
        }
    });
}

fn remove(api: &mut ApiServer, id: &ObjectId) {
    let _gone = api.delete(
        id,
        None,
        None,
        muster_model::effect::Propagation::Background,
    );
}

/// Namespaces that are being deleted lose their objects, then go themselves.
fn finish_namespaces(api: &mut ApiServer, stuck: &std::collections::BTreeSet<String>) {
    for (name, terminating) in api.namespaces() {
        if !terminating {
            continue;
        }
        let inside: Vec<_> = ids(api)
            .into_iter()
            .filter(|id| id.namespace() == name)
            .collect();
        for id in &inside {
            if api.get(id).is_some_and(|object| !is_deleting(object)) {
                remove(api, id);
            }
        }
        let id = ObjectId::new("", "Namespace", "", &*name);
        let kept = api.objects().any(|(id, _)| id.namespace() == name);
        let held = api
            .get(&id)
            .is_some_and(|object| !finalizers(object).is_empty());
        if !kept && !held && !stuck.contains(&name) {
            api.forget(&id);
        }
    }
}
