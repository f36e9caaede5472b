//! Jobs, and objects that must be made anew.

use super::*;

const JOB: &str = "
apiVersion: batch/v1
kind: Job
metadata: {name: migrate, namespace: shop}
spec: {backoffLimit: 1}
";

fn job() -> ObjectId {
    ObjectId::new("batch", "Job", "shop", "migrate")
}

fn complete() -> Node {
    json::from_slice(br#"{"conditions":[{"type":"Complete","status":"True"}]}"#)
        .expect("valid JSON")
}

#[test]
fn a_job_that_completed_and_vanished_is_not_run_again_until_its_content_changes() {
    let mut world = settled(JOB);
    world.cluster.set_status(&job(), complete());
    world.settle();
    world.cluster.remove(&job());
    world.restart();
    assert_eq!(world.settle(), 0);
    let plan = world.plan("web");
    assert_eq!(
        (plan.sync, plan.health),
        (SyncState::Synced, Health::Healthy)
    );
    assert_eq!(plan.objects[&job()].state, ObjectState::Done);
    world.enforce(application(
        "web",
        2,
        &JOB.replace("backoffLimit: 1", "backoffLimit: 2"),
        automatic(),
    ));
    world.settle();
    assert!(world.cluster.contains(&job()));
}

#[test]
fn a_job_that_vanished_before_it_completed_is_run_again() {
    let mut world = settled(JOB);
    world.cluster.remove(&job());
    world.settle();
    assert!(world.cluster.contains(&job()));
}

#[test]
fn an_immutable_field_is_a_named_reason_and_recreated_only_when_allowed() {
    let documents = format!("{JOB}{}", numbered(9));
    let changed = documents.replace("backoffLimit: 1", "backoffLimit: 2");
    let mut world = settled(&documents);
    world.enforce(application("web", 2, &changed, automatic()));
    world.settle();
    assert_eq!(world.reasons("web"), [Reason::ImmutableField]);
    let uid = world.cluster.uid(&job()).to_owned();
    let policy = Policy {
        recreate: true,
        ..automatic()
    };
    world.enforce(application("web", 3, &changed, policy));
    world.settle();
    assert_ne!(world.cluster.uid(&job()), uid);
    assert_eq!(world.deleted, [job()]);
}
