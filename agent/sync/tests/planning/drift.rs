//! What is healed, what is reported, and what is left alone.

use super::*;

#[test]
fn a_new_application_is_probed_created_and_then_left_alone() {
    let mut world = settled(&configs(&["a", "b"]));
    assert_eq!(world.applied.len(), 2);
    assert!(
        world
            .applied
            .iter()
            .all(|(_, cause)| *cause == Cause::Create)
    );
    assert_eq!(world.settle(), 0);
    let plan = world.plan("web");
    assert_eq!(
        (plan.sync, plan.health),
        (SyncState::Synced, Health::Healthy)
    );
    assert!(plan.applied);
}

#[test]
fn a_restart_writes_nothing() {
    let mut world = settled(&format!("{}---{WEB}", configs(&["a"])));
    world.restart();
    assert_eq!(world.settle(), 0);
}

#[test]
fn a_restart_over_four_thousand_objects_writes_nothing() {
    let mut world = settled(&numbered(4_000));
    assert_eq!(world.applied.len(), 4_000);
    world.restart();
    assert_eq!(world.settle(), 0);
    assert_eq!(world.applied.len(), 4_000);
}

#[test]
fn a_changed_and_a_removed_field_and_a_deleted_object_are_healed() {
    let mut world = settled(&configs(&["a", "b"]));
    world.cluster.update(
        &config("a"),
        "kubectl-edit",
        "",
        "data/a",
        Some(Node::string("z")),
    );
    world
        .cluster
        .update(&config("a"), "kubectl-edit", "", "data/b", None);
    world.cluster.remove(&config("b"));
    world.settle();
    assert_eq!(
        world.cluster.value(&config("a"), "data/a"),
        Some(&Node::string("x"))
    );
    assert_eq!(
        world.cluster.value(&config("a"), "data/b"),
        Some(&Node::string("y"))
    );
    assert!(world.cluster.contains(&config("b")));
}

#[test]
fn a_field_somebody_added_is_not_drift() {
    let mut world = settled(&configs(&["a"]));
    world
        .cluster
        .update(&config("a"), "other", "", "data/more", Some(Node::int(1)));
    assert_eq!(world.settle(), 0);
}

#[test]
fn a_lost_label_is_put_back() {
    let mut world = settled(&configs(&["a"]));
    world
        .cluster
        .strip_label(&config("a"), "applyset.kubernetes.io/part-of");
    world.settle();
    assert!(world.cluster.is_ours(&config("a"), &world.memory));
}

#[test]
fn without_self_heal_drift_is_reported_only() {
    let mut world = World::new();
    let policy = Policy {
        self_heal: false,
        ..automatic()
    };
    world.enforce(application("web", 1, &configs(&["a"]), policy));
    world.settle();
    world.cluster.update(
        &config("a"),
        "kubectl-edit",
        "",
        "data/a",
        Some(Node::string("z")),
    );
    assert_eq!(world.settle(), 0);
    assert_eq!(world.reasons("web"), [Reason::SelfHealOff]);
    assert_eq!(world.plan("web").sync, SyncState::OutOfSync);
}

#[test]
fn without_an_automated_policy_an_application_is_compared_and_reported() {
    let mut world = World::new();
    world.enforce(application("web", 1, &configs(&["a"]), Policy::default()));
    assert_eq!(world.settle(), 0);
    assert_eq!(world.reasons("web"), [Reason::ManualSync]);
}

#[test]
fn a_webhook_that_rewrites_a_value_is_reported_and_not_fought() {
    let mut world = World::new();
    world
        .cluster
        .webhook
        .insert(vec!["data".into(), "a".into()], Node::string("mutated"));
    world.enforce(application("web", 1, &configs(&["a"]), automatic()));
    world.settle();
    assert_eq!(world.applied.len(), 1);
    assert_eq!(world.reasons("web"), [Reason::Mutated]);
    assert_eq!(world.plan("web").sync, SyncState::Synced);
    world.restart();
    assert_eq!(world.settle(), 1);
    assert_eq!(world.settle(), 0);
}

#[test]
fn a_secrets_string_data_is_compared_as_data() {
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: shop}\nstringData: {password: hunter2}\n";
    let mut world = settled(secret);
    let id = ObjectId::new("", "Secret", "shop", "s");
    world.cluster.update(
        &id,
        "kubectl-edit",
        "",
        "data/password",
        Some(Node::string("eA==")),
    );
    world.settle();
    assert_eq!(
        world.cluster.value(&id, "data/password"),
        Some(&Node::string("aHVudGVyMg=="))
    );
    assert_eq!(world.cluster.value(&id, "stringData/password"), None);
}

#[test]
fn an_object_that_is_fought_over_is_healed_at_a_slower_pace() {
    let mut world = settled(&configs(&["a"]));
    for _ in 0..6 {
        world.pass_time(1);
        world
            .cluster
            .update(&config("a"), "rival", "", "data/a", Some(Node::string("z")));
        world.settle();
    }
    world.pass_time(1);
    world
        .cluster
        .update(&config("a"), "rival", "", "data/a", Some(Node::string("z")));
    assert_eq!(world.settle(), 0);
    let plan = world.plan("web");
    assert_eq!(plan.problems[0].reason, Reason::Contended);
    assert!(plan.problems[0].message.contains("rival") && plan.wake.is_some());
    world.pass_time(60);
    assert_eq!(world.settle(), 1);
}

#[test]
fn a_lost_application_label_is_put_back() {
    let mut world = settled(&configs(&["a"]));
    world
        .cluster
        .strip_label(&config("a"), "muster.dev/application");
    assert_eq!(world.settle(), 1);
}

#[test]
fn an_application_is_healthy_at_a_release_only_once_that_release_is_seen_running() {
    let mut world = settled(WEB);
    world.cluster.run_workloads();
    let plan = world.plan("web");
    assert_eq!((plan.health, plan.applied), (Health::Healthy, true));
    let changed = WEB.replace("paused: false", "minReadySeconds: 1");
    world.enforce(application("web", 2, &changed, automatic()));
    let plan = world.plan("web");
    assert_eq!((plan.health, plan.applied), (Health::Progressing, false));
    world.settle();
    let plan = world.plan("web");
    assert_eq!((plan.health, plan.applied), (Health::Progressing, true));
    world.cluster.run_workloads();
    assert_eq!(world.plan("web").health, Health::Healthy);
}

#[test]
fn an_object_that_somebody_keeps_deleting_is_made_again_at_a_slower_pace() {
    let mut world = settled(&configs(&["a", "b"]));
    if let Some(set) = world.sets.get_mut(&key("web")) {
        set.applied_before = true;
    }
    for _ in 0..6 {
        world.pass_time(1);
        world.cluster.remove(&config("a"));
        world.absent.remove(&config("a"));
        world.settle();
    }
    world.pass_time(1);
    world.cluster.remove(&config("a"));
    world.absent.remove(&config("a"));
    world.settle();
    assert_eq!(world.reasons("web"), [Reason::Contended]);
    assert!(!world.cluster.contains(&config("a")));
    world.pass_time(60);
    world.settle();
    assert!(world.cluster.contains(&config("a")));
}
