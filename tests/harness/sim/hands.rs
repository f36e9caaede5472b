//! What people, other tools and controllers do to the cluster.

use std::time::Duration;

use muster_model::ObjectId;
use serde_json::{Value, json};

use super::content::CONTESTED;
use super::step::Hand;
use super::world::{End, World, web};

/// A finalizer that nobody takes away.
pub(crate) const FINALIZER: &str = "example.com/never";
/// How long a workload does not become ready.
const STUCK_SECONDS: u64 = 90;

/// Does it.
pub(crate) fn lay_on(world: &mut World, hand: Hand) {
    match hand {
        Hand::Edit(choice) => with(world, choice, |world, id| {
            change(world, id, "kubectl-edit", 0)
        }),
        Hand::Fight(choice) => with(world, choice, |world, id| world.fight_over(id.clone())),
        Hand::Delete(choice) => with(world, choice, |world, id| {
            world.oracle().touched(id);
            world.around.cluster.delete(id);
        }),
        Hand::Scale(replicas) => scale(world, replicas),
        Hand::ClearFields(choice) => with(world, choice, |world, id| {
            world.oracle().touched(id);
            world.around.cluster.clear_managed_fields(id);
        }),
        Hand::Strip(choice) => with(world, choice, strip),
        Hand::CopyMarks(choice) => with(world, choice, copy_marks),
        Hand::Foreign(helm) => foreign(world, helm),
        Hand::Finalizer(choice) => with(world, choice, |world, id| {
            edit(world, id, "controller", |object| {
                object["metadata"]["finalizers"] = json!([FINALIZER]);
            });
        }),
        Hand::DeleteNamespace(stuck) => delete_namespace(world, stuck),
        Hand::DeleteDefinition => {
            let id = ObjectId::new(
                "apiextensions.k8s.io",
                "CustomResourceDefinition",
                "",
                "widgets.example.com",
            );
            world.oracle().touched(&id);
            world.oracle().unclear(Duration::from_secs(30));
            world.around.cluster.delete(&id);
        }
        Hand::Stick => {
            world.around.cluster.stick(&web(), true);
            world.end_in(STUCK_SECONDS, End::Stick);
        }
    }
}

/// One of the objects of ours that are not namespaces.
fn with(world: &mut World, choice: u8, act: impl FnOnce(&mut World, &ObjectId)) {
    let labelled = world.around.cluster.labelled();
    let objects: Vec<_> = labelled
        .into_iter()
        .filter(|id| id.kind() != "Namespace" && id.kind() != "CustomResourceDefinition")
        .collect();
    if let Some(id) = objects.get(usize::from(choice) % objects.len().max(1)) {
        act(world, id);
    }
}

fn edit(world: &World, id: &ObjectId, manager: &str, change: impl FnOnce(&mut Value)) {
    if world.around.cluster.get(id).is_some() {
        world.oracle().touched(id);
        world.around.cluster.edit(id, manager, change);
    }
}

/// Changes a field that Git sets, and adds one that it does not.
pub(crate) fn change(world: &World, id: &ObjectId, manager: &str, number: u128) {
    edit(world, id, manager, |object| {
        let field = ["data", "spec"]
            .into_iter()
            .find(|field| object[*field].is_object());
        let field = field.unwrap_or("spec");
        if object[field]["value"].is_string() {
            object[field]["value"] = json!(format!("drifted-{number}"));
        } else if object[field]["replicas"].is_number() {
            object[field]["replicas"] = json!(7);
        }
        object["metadata"]["annotations"]["example.com/note"] = json!(number.to_string());
    });
}

fn scale(world: &World, replicas: u8) {
    if world.around.cluster.get(&web()).is_some() {
        world.oracle().touched(&web());
        world.around.cluster.scale(&web(), u32::from(replicas));
    }
}

fn strip(world: &mut World, id: &ObjectId) {
    edit(world, id, "kubectl-label", |object| {
        if let Some(labels) = object["metadata"]["labels"].as_object_mut() {
            labels.clear();
        }
    });
}

/// An EndpointSlice controller, or its like, copies labels and annotations to an object of its own.
fn copy_marks(world: &mut World, id: &ObjectId) {
    let Some(live) = world.around.cluster.get(id) else {
        return;
    };
    let namespace = if id.namespace().is_empty() {
        "default"
    } else {
        id.namespace()
    };
    let copy = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {
            "name": format!("copy-of-{}", id.name()), "namespace": namespace,
            "labels": live["metadata"]["labels"], "annotations": live["metadata"]["annotations"],
        },
    });
    let made = world.around.cluster.create(&copy, "controller");
    world.oracle().touched(&made);
}

fn foreign(world: &World, helm: bool) {
    let id = ObjectId::new("", "ConfigMap", "shop", CONTESTED);
    if world.around.cluster.get(&id).is_some() {
        return;
    }
    let mut object = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": CONTESTED, "namespace": "shop"},
        "data": {"value": "theirs", "more": "theirs"},
    });
    if helm {
        object["metadata"]["labels"] = json!({"app.kubernetes.io/managed-by": "Helm"});
        object["metadata"]["annotations"] = json!({
            "meta.helm.sh/release-name": "r", "meta.helm.sh/release-namespace": "shop",
        });
    }
    let made = world
        .around
        .cluster
        .create(&object, if helm { "helm" } else { "kubectl-create" });
    world.oracle().touched(&made);
}

fn delete_namespace(world: &World, stuck: bool) {
    let id = ObjectId::new("", "Namespace", "", "shop");
    world.oracle().touched(&id);
    world.oracle().unclear(Duration::from_secs(60));
    world.around.cluster.stick_namespace("shop", stuck);
    world.around.cluster.delete(&id);
}
