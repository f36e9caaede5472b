//! What people and controllers do to objects: healed where it is drift, left alone where it is theirs.

use std::time::Duration;

use muster_model::{GroupKind, Health, Reason};
use muster_tests::fakes::Faults;
use serde_json::json;

use crate::hub::{Hub, config_map};
use crate::world::{World, id_of, moment};

const CONFIG: &str = "ConfigMap/shop/config";
const WEB: &str = "Deployment.apps/shop/web";

/// Brings the shop up, lets `hand` change something beside a living agent, and waits until nothing moves.
fn after(hub: &Hub, hand: impl Fn(&World)) -> World {
    let world = World::at(hub);
    world.live(&Faults::none(), async |life| {
        life.settle().await;
        hand(&world);
        life.settle().await;
        life.assert_still().await;
    });
    world.assert_deletes(&[]);
    world
}

#[test]
fn a_changed_value_is_restored_within_a_second() {
    let world = World::at(&Hub::shop());
    world.live(&Faults::none(), async |life| {
        life.settle().await;
        world
            .cluster
            .edit(&id_of(CONFIG), "kubectl-edit", |object| {
                object["data"]["value"] = json!("b")
            });
        tokio::time::sleep(Duration::from_millis(1000)).await;
        assert_eq!(world.live_object(CONFIG)["data"]["value"], "a");
    });
}

#[test]
fn a_removed_field_and_a_deleted_object_come_back() {
    let world = after(&Hub::shop(), |world| {
        world
            .cluster
            .edit(&id_of(CONFIG), "kubectl-edit", |object| {
                object["data"] = json!({})
            });
        world.cluster.delete(&id_of("Service/shop/web"));
    });
    assert_eq!(world.live_object(CONFIG)["data"]["value"], "a");
    world.live_object("Service/shop/web");
}

#[test]
fn a_field_that_somebody_added_is_theirs() {
    let world = World::at(&Hub::shop());
    let writes = world.cluster.writes().len();
    world.live(&Faults::none(), async |life| {
        world
            .cluster
            .edit(&id_of(CONFIG), "kubectl-edit", |object| {
                object["data"]["more"] = json!("x")
            });
        life.settle().await;
    });
    assert_eq!(world.live_object(CONFIG)["data"]["more"], "x");
    assert_eq!(world.cluster.writes().len(), writes);
}

#[test]
fn a_restart_in_sync_writes_no_object() {
    let world = World::at(&Hub::shop());
    let writes = world.cluster.writes().len();
    world.settle();
    assert_eq!(world.cluster.writes().len(), writes);
}

/// HAZARDS.md T-74: without an autoscaler it is drift.
#[test]
fn t_74_kubectl_scale_is_drift() {
    let world = after(&Hub::shop(), |world| world.cluster.scale(&id_of(WEB), 7));
    assert_eq!(world.live_object(WEB)["spec"]["replicas"], 2);
}

const AUTOSCALER: &str = r"
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web, namespace: shop}
spec:
  minReplicas: 2
  maxReplicas: 9
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
";

/// HAZARDS.md T-74: an autoscaler that acts is never fought, also over the next commit.
#[test]
fn t_74_an_active_autoscaler_is_left_alone() {
    let hub = Hub::shop().file("apps/shop/autoscaler.yaml", AUTOSCALER);
    let world = after(&hub, |world| world.cluster.scale(&id_of(WEB), 5));
    assert_eq!(world.live_object(WEB)["spec"]["replicas"], 5);
    let commit_id = world.commit(&hub.file(
        "apps/shop/web.yaml",
        &crate::hub::deployment("web", "web:2"),
    ));
    world.settle();
    world.assert_at("shop", &commit_id);
    assert_eq!(world.live_object(WEB)["spec"]["replicas"], 5);
}

/// HAZARDS.md T-74: an idle autoscaler changes nothing, and replicas never become 1.
#[test]
fn t_74_an_idle_autoscaler_leaves_the_replicas_of_git() {
    let hub = Hub::shop().file("apps/shop/autoscaler.yaml", AUTOSCALER);
    let world = World::at(&hub);
    let commit_id = world.commit(&hub.file(
        "apps/shop/web.yaml",
        &crate::hub::deployment("web", "web:2"),
    ));
    world.settle();
    world.assert_at("shop", &commit_id);
    assert_eq!(world.live_object(WEB)["spec"]["replicas"], 2);
}

/// HAZARDS.md T-73.
#[test]
fn t_73_a_copy_of_our_marks_is_left_alone() {
    let world = after(&Hub::shop(), |world| {
        let service = world.live_object("Service/shop/web");
        world.cluster.create(
            &json!({
                "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
                "metadata": {
                    "name": "web-x", "namespace": "shop",
                    "labels": service["metadata"]["labels"], "annotations": service["metadata"]["annotations"],
                    "ownerReferences": [{"apiVersion": "v1", "kind": "Service", "name": "web",
                        "uid": service["metadata"]["uid"], "controller": true}],
                },
                "addressType": "IPv4", "endpoints": [],
            }),
            "kube-controller-manager",
        );
    });
    world.live_object("EndpointSlice.discovery.k8s.io/shop/web-x");
}

/// HAZARDS.md T-73: also of a kind that is watched.
#[test]
fn t_73_a_copied_config_map_is_reported() {
    let world = after(&Hub::shop(), |world| {
        let original = world.live_object(CONFIG);
        world.cluster.create(
            &json!({
                "apiVersion": "v1", "kind": "ConfigMap", "data": {"value": "copy"},
                "metadata": {"name": "copy", "namespace": "shop",
                    "labels": original["metadata"]["labels"], "annotations": original["metadata"]["annotations"]},
            }),
            "reflector",
        );
    });
    assert_eq!(
        world.live_object("ConfigMap/shop/copy")["data"]["value"],
        "copy"
    );
    world.assert_reason(Reason::CopiedMark);
    assert_eq!(world.application("shop").health, Health::Healthy);
}

/// HAZARDS.md T-80.
#[test]
fn t_80_a_webhook_that_changes_a_value_is_not_fought() {
    let world = World::new();
    world.cluster.mutate_with(|id, object| {
        if id.name() == "config" {
            object["data"]["value"] = json!("mutated");
        }
    });
    world.commit(&Hub::shop());
    world.live(&Faults::none(), async |life| {
        life.settle().await;
        life.assert_still().await;
    });
    world.assert_reason(Reason::Mutated);
    let applies = world
        .cluster
        .writes()
        .iter()
        .filter(|write| write.object() == Some(&id_of(CONFIG)))
        .count();
    assert!(applies <= 2, "{applies} applies");
}

/// HAZARDS.md T-81.
#[test]
fn t_81_a_secret_with_string_data_is_healed() {
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: shop}\nstringData: {password: hunter2}\n";
    let world = after(
        &Hub::shop().file("apps/shop/secret.yaml", secret),
        |world| {
            world
                .cluster
                .edit(&id_of("Secret/shop/s"), "kubectl-edit", |object| {
                    object["data"]["password"] = json!("eA==")
                });
        },
    );
    assert_eq!(
        world.live_object("Secret/shop/s")["data"]["password"],
        "aHVudGVyMg=="
    );
}

/// HAZARDS.md T-82: applied anew, and what Git drops later still goes.
#[test]
fn t_82_cleared_managed_fields_leave_nothing_behind() {
    let two = config_map("config", "a").replace("data: {", "data: {more: x, ");
    let world = after(&Hub::shop().file("apps/shop/config.yaml", &two), |world| {
        world.cluster.clear_managed_fields(&id_of(CONFIG));
    });
    let commit_id = world.commit(&Hub::shop());
    world.settle();
    world.assert_at("shop", &commit_id);
    assert_eq!(world.live_object(CONFIG)["data"], json!({"value": "a"}));
}

#[test]
fn somebody_who_keeps_changing_an_object_is_named() {
    let world = World::at(&Hub::shop());
    world.live(&Faults::none(), async |life| {
        life.settle().await;
        for round in 0..40 {
            world.cluster.edit(&id_of(CONFIG), "fighter", |object| {
                object["data"]["value"] = json!(format!("r{round}"))
            });
            tokio::time::sleep(Duration::from_secs(3)).await;
        }
        world.assert_reason(Reason::Contended);
        life.settle().await;
    });
    assert_eq!(world.live_object(CONFIG)["data"]["value"], "a");
    let heals = world
        .cluster
        .writes()
        .iter()
        .filter(|write| write.object() == Some(&id_of(CONFIG)))
        .count();
    assert!(heals < 25, "{heals} heals in two minutes");
}

/// While a watch is broken nothing is seen; once it lists again, drift is.
#[test]
fn drift_behind_a_broken_watch_is_healed_once_it_is_mended() {
    let kind = GroupKind::new("", "ConfigMap");
    let world = after(&Hub::shop(), |world| {
        world.cluster.break_watch(&kind, true);
        world
            .cluster
            .edit(&id_of(CONFIG), "kubectl-edit", |object| {
                object["data"]["value"] = json!("b")
            });
        world.cluster.break_watch(&kind, false);
    });
    assert_eq!(world.live_object(CONFIG)["data"]["value"], "a");
}

/// etcd comes back from a backup: resourceVersions go back, and nothing is lost.
#[test]
fn a_restored_backup_is_brought_forward_again() {
    let world = World::at(&Hub::shop());
    let backup = world.cluster.backup();
    let commit_id =
        world.commit(&Hub::shop().file("apps/shop/config.yaml", &config_map("config", "b")));
    world.live(&Faults::none(), async |life| {
        life.settle().await;
        world.cluster.restore(backup.clone());
        life.settle().await;
        life.assert_still().await;
    });
    world.assert_at("shop", &commit_id);
    assert_eq!(world.live_object(CONFIG)["data"]["value"], "b");
    world.assert_deletes(&[]);
}

/// A workload that is not ready is Progressing, and Healthy once it is (HAZARDS.md S1).
#[test]
fn health_follows_the_workload() {
    let world = World::new();
    world.cluster.stick(&id_of(WEB), true);
    world.commit(&Hub::shop());
    world.live(&Faults::none(), async |life| {
        life.settle().await;
        assert_eq!(world.application("shop").health, Health::Progressing);
        world.cluster.stick(&id_of(WEB), false);
        moment().await;
        life.settle().await;
    });
    assert_eq!(world.application("shop").health, Health::Healthy);
}

const JOB: &str = r"
apiVersion: batch/v1
kind: Job
metadata: {name: migrate, namespace: shop}
spec:
  ttlSecondsAfterFinished: 60
  template:
    spec: {restartPolicy: Never, containers: [{name: m, image: 'migrate:1'}]}
";

fn complete(world: &World) {
    world
        .cluster
        .edit_status(&id_of("Job.batch/shop/migrate"), |status| {
            *status =
                json!({"succeeded": 1, "conditions": [{"type": "Complete", "status": "True"}]});
        });
}

/// HAZARDS.md T-75.
#[test]
fn t_75_a_job_that_completed_and_vanished_is_not_run_again() {
    let hub = Hub::shop().file("apps/shop/job.yaml", JOB);
    let world = World::new();
    let commit_id = world.commit(&hub);
    world.live(&Faults::none(), async |life| {
        life.settle().await;
        complete(&world);
        life.settle().await;
        world.cluster.delete(&id_of("Job.batch/shop/migrate"));
        life.settle().await;
        life.assert_still().await;
    });
    world.assert_at("shop", &commit_id);
    world.settle();
    world.assert_at("shop", &commit_id);
    assert!(!world.objects().contains("Job.batch/shop/migrate"));
    world.commit(&hub.file("apps/shop/job.yaml", &JOB.replace("migrate:1", "migrate:2")));
    world.settle();
    assert!(world.objects().contains("Job.batch/shop/migrate"));
}

/// HAZARDS.md T-75: vanished before completion.
#[test]
fn t_75_a_job_that_vanished_before_it_completed_is_made_again() {
    let world = World::new();
    world.commit(&Hub::shop().file("apps/shop/job.yaml", JOB));
    world.live(&Faults::none(), async |life| {
        life.settle().await;
        world.cluster.delete(&id_of("Job.batch/shop/migrate"));
        life.settle().await;
    });
    assert!(world.objects().contains("Job.batch/shop/migrate"));
}
