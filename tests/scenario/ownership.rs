//! Objects of others: left alone until somebody says so; objects that change their Application.

use muster_model::Reason;
use muster_tests::fakes::Faults;
use serde_json::{Value, json};

use crate::hub::{Hub, config_map};
use crate::world::{World, id_of};

const CONFIG: &str = "ConfigMap/shop/config";

/// A cluster where the shop's ConfigMap already exists, with one field more.
fn with_existing(extra: Value, manager: &str) -> World {
    let world = World::new();
    world.cluster.create(
        &json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}),
        "kubectl-create",
    );
    let mut object = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "data": {"value": "old", "more": "x"},
        "metadata": {"name": "config", "namespace": "shop"},
    });
    if let Value::Object(extra) = extra {
        for (key, value) in extra {
            object["metadata"][key] = value;
        }
    }
    world.cluster.create(&object, manager);
    world
}

/// An unclaimed object is adopted, and its former manager's fields leave with Git (HAZARDS.md T-83).
#[test]
fn t_83_an_unclaimed_object_is_adopted() {
    let world = with_existing(Value::Null, "kubectl-client-side-apply");
    let first = Hub::shop().file(
        "apps/shop/config.yaml",
        &config_map("config", "a").replace("data: {", "data: {more: x, "),
    );
    let commit_id = world.commit(&first);
    world.settle();
    world.assert_at("shop", &commit_id);
    let commit_id = world.commit(&Hub::shop());
    world.live(&Faults::none(), async |life| {
        life.settle().await;
        life.assert_still().await;
    });
    world.assert_at("shop", &commit_id);
    assert_eq!(world.live_object(CONFIG)["data"], json!({"value": "a"}));
    world.assert_deletes(&[]);
}

/// HAZARDS.md T-57.
#[test]
fn t_57_an_object_of_helm_is_not_touched_until_the_application_adopts() {
    let world = with_existing(
        json!({"labels": {"app.kubernetes.io/managed-by": "Helm"}, "annotations": {"meta.helm.sh/release-name": "shop"}}),
        "helm",
    );
    world.commit(&Hub::shop());
    world.live(&Faults::none(), async |life| {
        life.settle().await;
        life.assert_still().await;
    });
    world.assert_reason(Reason::NotOurs);
    assert_eq!(world.live_object(CONFIG)["data"]["value"], "old");

    let adopting = Hub::shop().edit_application(
        "shop",
        "  name: shop\n",
        "  name: shop\n  annotations: {muster.dev/adopt: \"true\"}\n",
    );
    let commit_id = world.commit(&adopting);
    world.live(&Faults::none(), async |life| {
        life.settle().await;
        life.assert_still().await;
    });
    world.assert_at("shop", &commit_id);
    assert_eq!(world.live_object(CONFIG)["data"], json!({"value": "a"}));
    world.assert_deletes(&[]);
}

#[test]
fn an_object_of_another_applyset_is_not_touched() {
    let world = with_existing(
        json!({"labels": {"applyset.kubernetes.io/part-of": "applyset-of-somebody-else-v1"}}),
        "other",
    );
    world.commit(&Hub::shop());
    world.live(&Faults::none(), async |life| {
        life.settle().await;
        life.assert_still().await;
    });
    world.assert_reason(Reason::NotOurs);
    assert_eq!(world.live_object(CONFIG)["data"]["value"], "old");
}

fn two() -> Hub {
    Hub::shop()
        .application("books", "")
        .file("apps/books/books.yaml", &config_map("books", "1"))
}

/// HAZARDS.md T-57: who holds it keeps it.
#[test]
fn t_57_a_second_claim_on_an_object_is_refused() {
    let world = World::at(&two());
    let uid = world.live_object(CONFIG)["metadata"]["uid"].clone();
    world.commit(&two().file("apps/books/config.yaml", &config_map("config", "stolen")));
    world.live(&Faults::none(), async |life| {
        life.settle().await;
        life.assert_still().await;
    });
    let reasons: Vec<_> = world
        .application("books")
        .problems
        .iter()
        .map(|problem| problem.reason)
        .collect();
    assert!(reasons.contains(&Reason::ClaimedTwice), "{reasons:?}");
    let live = world.live_object(CONFIG);
    assert_eq!(
        (&live["data"]["value"], &live["metadata"]["uid"]),
        (&json!("a"), &uid)
    );
    world.assert_deletes(&[]);
}

/// HAZARDS.md T-57: if none holds it, both are refused.
#[test]
fn t_57_two_new_claims_on_one_object_are_both_refused() {
    let world = World::at(&two());
    let both = two()
        .file("apps/shop/both.yaml", &config_map("both", "1"))
        .file("apps/books/both.yaml", &config_map("both", "2"));
    world.commit(&both);
    world.live(&Faults::none(), async |life| {
        life.settle().await;
        life.assert_still().await;
    });
    for name in ["shop", "books"] {
        let reasons: Vec<_> = world
            .application(name)
            .problems
            .iter()
            .map(|problem| problem.reason)
            .collect();
        assert!(
            reasons.contains(&Reason::ClaimedTwice),
            "{name}: {reasons:?}"
        );
    }
    assert!(!world.objects().contains("ConfigMap/shop/both"));
}

/// HAZARDS.md T-76.
#[test]
fn t_76_an_object_that_moves_keeps_its_uid() {
    let first = two().file("apps/shop/moving.yaml", &config_map("moving", "a"));
    let world = World::at(&first);
    let uid = world.live_object("ConfigMap/shop/moving")["metadata"]["uid"].clone();
    let commit_id = world.commit(&two().file("apps/books/moving.yaml", &config_map("moving", "b")));
    world.live(&Faults::none(), async |life| {
        life.settle().await;
        life.assert_still().await;
    });
    world.assert_at("shop", &commit_id);
    world.assert_at("books", &commit_id);
    let live = world.live_object("ConfigMap/shop/moving");
    assert_eq!(
        (&live["metadata"]["uid"], &live["data"]["value"]),
        (&uid, &json!("b"))
    );
    world.assert_deletes(&[]);
}

/// HAZARDS.md T-76: an Application is renamed.
#[test]
fn t_76_a_renamed_application_keeps_everything() {
    let world = World::at(&two());
    let uid = world.live_object("ConfigMap/shop/books")["metadata"]["uid"].clone();
    let renamed = Hub::shop()
        .application("library", "")
        .edit_application("library", "path: apps/library", "path: apps/books")
        .file("apps/books/books.yaml", &config_map("books", "1"));
    let commit_id = world.commit(&renamed);
    world.live(&Faults::none(), async |life| {
        life.settle().await;
        life.assert_still().await;
    });
    world.assert_at("library", &commit_id);
    assert!(!world.published().applications.contains_key("shop/books"));
    assert_eq!(
        world.live_object("ConfigMap/shop/books")["metadata"]["uid"],
        uid
    );
    world.assert_deletes(&[]);
}

/// HAZARDS.md T-58: what was deleted and made anew by somebody else is not what left Git.
#[test]
fn t_58_an_object_with_another_uid_is_not_deleted() {
    let world = World::at(&Hub::shop().file("apps/shop/old.yaml", &config_map("old", "a")));
    let id = id_of("ConfigMap/shop/old");
    world.commit(&Hub::shop());
    world.cluster.delete(&id);
    world.cluster.create(
        &json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "old", "namespace": "shop"}, "data": {"mine": "x"}}),
        "kubectl-create",
    );
    world.settle();
    assert_eq!(world.live_object("ConfigMap/shop/old")["data"]["mine"], "x");
}
